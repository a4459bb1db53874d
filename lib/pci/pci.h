/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci.h - the PCI function, as those above it see it.
 */
#ifndef LM_PCI_H
#define LM_PCI_H

#include <linux/vfio.h>

#include "base/ctx.h"

/* ---- function.c: the PCI function as a whole ------------------------------------- */

int function_new(struct lm_ctx *ctx); /* after the regions and the DMA map */
void function_free(struct lm_ctx *ctx);
/* 0, -errno, or LM_DEFER: then @d (take NULL, done set) is notified. @d NULL: nobody waits.
 * @reason: LM_RESET_*. */
int function_reset(struct lm_ctx *ctx, struct deferral *d, uint32_t reason);

/* ---- config.c, cap.c: configuration space ---------------------------------------- */

/* What it keeps of a device, in bytes: so say all parts that do. */
uint64_t config_persist_size(const lm_dev_info_t *info);
/* Header and capabilities, or nothing: bus_is_pci(). The cause of -EINVAL is logged. */
int config_new(struct lm_ctx *ctx);
int config_check_registers(struct lm_ctx *ctx); /* those of the device are where nothing else is */
void config_free(struct lm_ctx *ctx);
void config_reset(struct lm_ctx *ctx);        /* function reset */
size_t config_size(const struct lm_ctx *ctx); /* 256, 4096 or 0 */
/* As a guest; the range is inside. count or -errno. */
ssize_t config_access(struct lm_ctx *ctx, char *buf, size_t count, uint64_t offset, bool is_write);
uint16_t config_command(const struct lm_ctx *ctx); /* COMMAND register; safe from any thread */
uint32_t config_take_reset(struct lm_ctx *ctx);    /* LM_RESET_* that an access asks for, or 0 */
/* State: config_save() and its like return the bytes needed, and write if @size has room. The
 * loads check all, then act; irq_load() comes last and delivers what is due. Where there is a
 * prepare, the load of the same bytes cannot fail after it, and nobody sees that it was called. */
size_t config_save(const struct lm_ctx *ctx, void *buf, size_t size);
int config_prepare(struct lm_ctx *ctx, const void *buf, size_t len);
int config_load(struct lm_ctx *ctx, const void *buf, size_t len);

/* ---- master.c: bus mastering ----------------------------------------------------- */

bool master_is_on(const struct lm_ctx *ctx); /* of config_bytes.c: part of what it says */
/* Does COMMAND.BusMaster count? master_moved() has to follow a change of that by master_enforce(),
 * as it follows any change of COMMAND. */
bool master_is_enforced(const struct lm_ctx *ctx);
void master_enforce(struct lm_ctx *ctx, bool enforced);
void master_moved(struct lm_ctx *ctx);
void master_client_writes(struct lm_ctx *ctx, uint64_t offset, size_t len); /* is about to */
void master_disconnect(struct lm_ctx *ctx);                                 /* the client left */

/* ---- msix.c: MSI-X table and PBA inside a BAR ------------------------------------ */

uint64_t msix_persist_size(const lm_dev_info_t *info);
size_t msix_save(const struct lm_ctx *ctx, void *buf, size_t size); /* 0: table untouched */
int msix_load(struct lm_ctx *ctx, const void *buf, size_t len);

/* ---- vpd.c: what guests can write of vital product data -------------------------- */

uint64_t vpd_persist_size(const lm_dev_info_t *info);
size_t vpd_save(const struct lm_ctx *ctx, void *buf, size_t size); /* 0: nothing */
bool vpd_fits(const struct lm_ctx *ctx, size_t len);
void vpd_load(struct lm_ctx *ctx, const void *buf); /* fits */

/* ---- irq.c ----------------------------------------------------------------------- */

struct irq_set {
	uint32_t flags, index, start, count;
	const uint8_t *data; /* VFIO_IRQ_SET_DATA_BOOL: count bytes */
	bool armed;          /* DATA_EVENTFD has bytes too: the host keeps the eventfds */
	int *fds;            /* those kept are replaced by -1 */
	uint32_t nr_fds;
};

struct irq_state {
	bool eventfd, masked, pending;
	uint64_t count; /* delivered so far */
};

uint64_t irq_persist_size(const lm_dev_info_t *info);
int irq_new(struct lm_ctx *ctx);
void irq_free(struct lm_ctx *ctx);
/* device reset: levels and pending bits; not eventfds */
void irq_reset(struct lm_ctx *ctx, uint16_t trace_flags);
void irq_disconnect(struct lm_ctx *ctx); /* the client left: close all eventfds, unmask */
int irq_get_info(struct lm_ctx *ctx, struct vfio_irq_info *info); /* info->index in, rest out */
int irq_set(struct lm_ctx *ctx, const struct irq_set *set);       /* validates all, then acts */
/* For musctl, as traces say: its own mask; lm_irq_trigger_index(); lm_irq_set_level(). */
int irq_mask(struct lm_ctx *ctx, uint32_t index, uint32_t vector, bool mask);
int irq_inject(struct lm_ctx *ctx, uint32_t index, uint32_t vector);
int irq_inject_level(struct lm_ctx *ctx, bool level);
int irq_get_state(struct lm_ctx *ctx, uint32_t index, uint32_t vector, struct irq_state *st);
bool irq_is_enabled(struct lm_ctx *ctx, uint32_t index); /* the guest can get this kind now */
void irq_config_changed(struct lm_ctx *ctx); /* enable or mask bits moved: deliver what is due */
bool irq_intx_level(const struct lm_ctx *ctx);
/* 64 of them. */
uint64_t irq_pending_bits(const struct lm_ctx *ctx, uint32_t index, uint32_t first);
size_t irq_save(struct lm_ctx *ctx, void *buf, size_t size);
int irq_prepare(struct lm_ctx *ctx, const void *buf, size_t len);
int irq_load(struct lm_ctx *ctx, const void *buf, size_t len);
/* For the MSI-X table, whose mask bits other threads read: change it between lock and unlock. */
void irq_lock(struct lm_ctx *ctx);
void irq_unlock(struct lm_ctx *ctx);
void irq_vectors_moved(struct lm_ctx *ctx, uint32_t first, uint32_t count); /* caller locks */

#endif /* LM_PCI_H */
