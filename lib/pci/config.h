/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config.h - what config.c, cap.c, cap_ext.c and the kinds of capabilities share:
 * configuration space as bytes that know what a guest may do to them, the list of
 * capabilities, and the MSI-X structures.
 */
#ifndef LM_CONFIG_H
#define LM_CONFIG_H

#include <linux/pci_regs.h>

#include "pci/pci.h"
#include "region/region.h"

#define CAP_HEADER_SIZE     2 /* id and next: the library's, whoever serves the body */
#define CAP_EXT_HEADER_SIZE 4

struct cfg_byte {
	uint8_t data;
	uint8_t reset; /* where the bits that a guest can change start */
	uint8_t wmask; /* bits that a guest may write */
	uint8_t w1c;   /* bits that writing 1 clears */
};

/* A register of @width bytes, at most 4, as tables describe it. */
struct cfg_reg {
	uint16_t offset;
	uint8_t width;
	uint32_t value, wmask, w1c;
};

struct cap {
	uint16_t id;
	uint16_t offset;
	uint16_t size;
	bool ext;
	lm_cap_access_t *fn;
	const struct cap_ops *ops; /* NULL: it is its bytes, and no more */
	void *own;
};

/* A guest has written @len bytes at @at of a capability; they are stored, as far as they can be. */
struct written {
	const uint8_t *data;
	uint32_t at;
	size_t len;
};

struct cap_ops {
	void (*written)(struct lm_ctx *ctx, const struct cap *cap, const struct written *w);
	void (*reset)(struct lm_ctx *ctx, const struct cap *cap);  /* or NULL */
	void (*loaded)(struct lm_ctx *ctx, const struct cap *cap); /* the bytes; or NULL */
	void (*free)(struct lm_ctx *ctx, const struct cap *cap);
};

static inline uint32_t cap_header_size(const struct cap *cap)
{
	return cap->ext ? CAP_EXT_HEADER_SIZE : CAP_HEADER_SIZE;
}

#define MSIX_NO_BAR UINT32_MAX

struct msix {
	uint32_t bar; /* MSIX_NO_BAR: the device has no MSI-X */
	uint32_t nr;
	uint32_t table; /* offsets in the BAR */
	uint32_t pba;
	uint8_t *entries; /* NULL until a client writes to it; changes under irq_lock() */
	struct msix_persist *persist; /* NULL, or where a copy of it is kept */
};

struct config {
	uint32_t size;  /* 256 or 4096; 0: not a PCI device, there is nothing of all this */
	uint32_t built; /* header and capabilities end here, 256 at least ... */
	uint32_t used;  /* ... and bytes[] here; what follows reads 0 */
	struct cfg_byte *bytes;
	struct cap *caps;
	uint32_t nr_caps;
	uint16_t flr; /* offset of the byte with Initiate FLR; 0: none */
	uint16_t pm;  /* of that with PowerState, if D3hot to D0 is a reset; 0: it is not */
	uint16_t msi; /* offsets of capabilities; 0: none */
	uint16_t msix_cap;
	_Atomic(uint16_t) command;
	struct msix msix;
	struct vpd *vpd;                /* NULL: there is none */
	uint32_t reset_due;             /* LM_RESET_*, as a guest has written */
	bool enforced;                  /* master.c: COMMAND.BusMaster counts */
	struct config_persist *persist; /* NULL, or where a copy of it all is kept */
};

/* PERSIST_CONFIG: data of PCI_CFG_SPACE_EXP_SIZE bytes. */
struct config_persist {
	uint8_t enforced;
	uint8_t reserved[63];
	uint8_t data[];
};

/* ---- config_bytes.c -------------------------------------------------------------- */

void config_put(struct config *cfg, uint32_t base, const struct cfg_reg *regs, size_t nr);
uint32_t config_get(const struct config *cfg, uint32_t offset, unsigned int width);
void config_set(struct config *cfg, uint32_t offset, unsigned int width, uint32_t value);
void config_keep(struct config *cfg, uint64_t offset, size_t count); /* for the next process */
int config_grow(struct config *cfg, uint32_t used);                  /* by read-only bytes of 0 */

/* ---- config_register.c --------------------------------------------------------------- */

bool config_register_overlaps(const struct lm_ctx *ctx, uint64_t offset, uint64_t len);
/* Are the bytes at @offset a register's of the device? *len is cut to those of which that holds. */
bool config_register_part(const struct lm_ctx *ctx, uint64_t offset, size_t *len);

/* ---- cap.c, cap_ext.c ------------------------------------------------------------ */

int cap_new(struct lm_ctx *ctx);
int cap_ext_new(struct lm_ctx *ctx);
int cap_add(struct lm_ctx *ctx, const struct cap *cap); /* what it owns goes where it fails */
/* Bytes of the device's own choice after a header of @header bytes. */
void cap_put_data(struct config *cfg, const struct cap *cap, const void *data, const void *wmask);
/* What a guest's write of @in to byte @at of the capability means: rules beyond wmask. */
uint8_t cap_filter(const struct config *cfg, const struct cap *cap, uint32_t at, uint8_t in);
/* True if the library gives the meaning of its registers. */
bool cap_is_known(const struct cap *cap);

/* ---- vpd.c, doe.c ------------------------------------------------------------------ */

#define DOE_SIZE 0x18

int vpd_new(struct lm_ctx *ctx, const lm_vpd_t *desc, struct cap *cap); /* why not: is logged */
void vpd_restore(struct lm_ctx *ctx); /* as a process before this one left it */
const char *doe_fault(const struct lm_ctx *ctx, const lm_doe_t *desc); /* NULL: there is none */
int doe_new(struct lm_ctx *ctx, const lm_doe_t *desc, struct cap *cap);

/* ---- msix.c ---------------------------------------------------------------------- */

region_claim_fn msix_step;
int msix_new(struct lm_ctx *ctx, const lm_cap_t *cap);
void msix_reset(struct lm_ctx *ctx);
int msix_restore(struct lm_ctx *ctx); /* as a process before this one left it */
/* The vector's own mask bit. A client that never touches the table keeps the masks
 * itself, so an untouched table masks nothing. Caller holds irq_lock(). */
static inline bool msix_is_masked(const struct msix *m, uint32_t vector)
{
	const uint32_t at = vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL;

	return m->entries && (m->entries[at] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

#endif /* LM_CONFIG_H */
