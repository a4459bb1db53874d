/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region.h - the regions of a device and their accesses, by the file that owns them.
 */
#ifndef LM_REGION_H
#define LM_REGION_H

#include "gate/gate.h"

struct access;

/* A piece of an access: bytes done, -errno, or 0: not ours, and *len is cut to end where ours
 * begins. */
typedef ssize_t(region_claim_fn)(struct lm_ctx *ctx, struct access *a, size_t *len);

struct region {
	lm_reg_info_t info;     /* own copy; info.size 0: absent */
	void *mem;              /* memory of the region, or NULL */
	int memfd;              /* -1: none */
	int fresh;              /* where it moves to (region_memory.c), else -1 ... */
	uint64_t moved;         /* ... and how far it has got */
	bool lent;              /* memfd was given to a client */
	bool shared;            /* mem is what clients may map */
	bool is_file;           /* mem is the device's file: info.fd_offset */
	bool values_persistent; /* values are in memory of persist.c */
	bool described;         /* info.map has been called for its areas ... */
	bool trapped;           /* ... and refused: accesses do not go to mem */
	bool is_special;        /* has ioeventfds, or part of it is claimed: */
	region_claim_fn *claim;
	uint64_t trap_low, trap_high; /* trap.c: writes between these are noticed */
	uint64_t *written;            /* a bit a page: the device is to be notified; or NULL */
	uint64_t *values;  /* registers the library keeps, by index in the map; or NULL */
	uint32_t *changes; /* of each value by the device, while it is asked; or NULL */
	struct register_elements *elements; /* info.regs is theirs; NULL: it has no arrays */
};

struct regions {
	uint32_t nr;
	struct region region[];
};

/* One read or write, from a client or from musctl. The owner keeps it and buf until it is done. */
struct access {
	uint32_t region;
	uint32_t count;
	uint64_t offset;
	char *buf;
	bool is_write;
	uint16_t trace_flags;                           /* LM_TRACE_POSTED, LM_TRACE_CONTROL */
	void (*done)(struct access *a, ssize_t result); /* called only if it was deferred */

	/* region_access() sets the rest. */
	bool kicked;           /* it was an eventfd's */
	uint16_t reason;       /* of an error: LM_TRACE_REASON_* */
	uint32_t alias;        /* which register it was: lm_register_io_t.alias */
	uint32_t pos;          /* bytes done */
	uint32_t piece;        /* bytes of the piece in progress ... */
	uint32_t shift;        /* ... and where in its register it begins; */
	uint32_t idx, changes; /* a write: which one, and region.changes before it */
	struct deferral defer;
	struct crossing cross; /* while taps see it */
};

/* Its bytes stand elsewhere from now on: it waits. */
static inline void access_move(struct access *a, char *buf)
{
	a->buf = a->cross.data = buf;
}

/* ---- region_table.c -------------------------------------------------------------- */

uint32_t region_count(const struct lm_ctx *ctx);
/* NULL if there is no such index; a region of size 0 is there, but absent. */
struct region *region_get(const struct lm_ctx *ctx, uint32_t index);
struct region *region_find(const struct lm_ctx *ctx, uint32_t index); /* NULL also if absent */
bool region_is_mappable(const struct region *r);
/* May clients map any of these bytes? */
bool region_may_be_mapped(const lm_reg_info_t *info, uint64_t offset, uint64_t len);

/* ---- region.c: one bounds check, one dispatcher ---------------------------------- */

int region_new(struct lm_ctx *ctx);
void region_free(struct lm_ctx *ctx);
void region_reset(struct lm_ctx *ctx);
void region_claim(struct region *r, region_claim_fn *claim); /* by pci, when it is made */
/* count, -errno, or LM_DEFER: then done() is called later. Validates region, range, direction.
 * To a client only an absent region is an error: what else fails, it gets answered as on a bus. */
ssize_t region_access(struct lm_ctx *ctx, struct access *a);
/* The owner of a deferred access goes away. */
void region_cancel(struct lm_ctx *ctx, struct access *a);
/* Calls info.map once for each mappable area. */
void region_describe(struct lm_ctx *ctx, struct region *r);

/* ---- region_memory.c: the memory behind regions ---------------------------------- */

int region_memory_new(struct lm_ctx *ctx, uint32_t index, struct region *r);
void region_memory_free(struct region *r);
/* Back to zero without touching pages that nobody has used. */
void region_memory_clear(struct region *r);
/* The first part from *at on that may be other than zero: [*at, *end). False: there is none. */
bool region_memory_data(const struct region *r, uint64_t *at, uint64_t *end);
/* A step towards that no client that was here can reach the memory any more. 1: there are more to
 * do, 0: that is done. -errno: the cause is logged, and another client must not come yet. */
int region_memory_renew(struct lm_ctx *ctx);

/* ---- region_check.c -------------------------------------------------------------- */

int region_check(struct lm_ctx *ctx, uint32_t index); /* -EINVAL, the cause logged */

/* ---- trap.c: writes to mapped memory --------------------------------------------- */

bool trap_is_on(const struct lm_ctx *ctx);
int trap_fetch(struct lm_ctx *ctx);   /* what the host has noticed; -errno */
void trap_notify(struct lm_ctx *ctx); /* the device, of all that ctx->traps_due says is there */

/* ---- beyond.c: what passes without the gate -------------------------------------- */

struct beyond {
	uint64_t pointers;   /* into client memory that the device holds: lm_map_sg() */
	uint32_t regions;    /* whose memory a client can have mapped */
	uint32_t ioeventfds; /* writes that the client may turn into an eventfd */
};
struct beyond taps_beyond(const struct lm_ctx *ctx);

/* ---- register.c: register maps --------------------------------------------------- */

/* One step of at most @len bytes of a->buf at a->pos: bytes done, -errno, or LM_DEFER. */
ssize_t register_access(struct lm_ctx *ctx, struct region *r, struct access *a, size_t len);
/* The step that was deferred is done. */
void register_completed(struct region *r, const struct access *a);
/* The narrowest and the widest access. */
void register_widths(const lm_register_map_t *map, unsigned int *min, unsigned int *max);
uint64_t register_persist_size(const lm_dev_info_t *info); /* of all maps, as persist_new() asks */
int register_new(struct lm_ctx *ctx, struct region *r);    /* values that the library keeps */
void register_free(struct region *r);
void register_reset(struct region *r);
/* The index of the first register that ends behind @offset, or nr_registers. */
uint32_t register_search(const lm_register_map_t *map, uint64_t offset);
/* The register at exactly this offset, or NULL; *idx its index. */
const lm_register_t *register_find(const lm_register_map_t *map, uint64_t offset, uint32_t *idx);
const lm_register_t *register_at(const lm_register_map_t *map, uint32_t idx);
#define REGISTER_WIDTH_MAX 8
uint64_t register_width_mask(unsigned int width);
static inline bool register_width_is_valid(unsigned int width)
{
	return width == 1 || width == 2 || width == 4 || width == REGISTER_WIDTH_MAX;
}

/* ---- register_array.c ------------------------------------------------------------- */

#define REGISTERS_MAX 65536u                           /* of a region */
uint32_t register_count(const lm_register_map_t *map); /* elements included */
uint64_t register_span(const lm_register_t *reg);      /* bytes, from its first element on */
const char *register_array_fault(const lm_reg_info_t *info, const lm_register_t *reg);
/* A map that register_check() accepts has each element as a register from now on. 0; -EINVAL, the
 * cause logged; -ENOMEM. */
int register_arrays_new(struct lm_ctx *ctx, uint32_t region, struct region *r);
void register_arrays_free(struct register_elements *elements);
/* Which one that was in the table of the device. */
void register_origin(const struct register_elements *elements, uint32_t idx, lm_register_io_t *io);

/* ---- register_check.c ------------------------------------------------------------ */

int register_check(struct lm_ctx *ctx, uint32_t index); /* -EINVAL, the cause logged */

#endif /* LM_REGION_H */
