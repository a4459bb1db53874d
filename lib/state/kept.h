/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kept.h - state that outlives the process.
 */
#ifndef LM_KEPT_H
#define LM_KEPT_H

#include "base/ctx.h"

enum kept_kind {
	KEPT_CONFIG, KEPT_MSIX, KEPT_IRQ, KEPT_REGISTERS,
	KEPT_DEVICE, /* lm_state() */
	KEPT_NR,
};

/* LM_DEV_RESTARTABLE: as the last process left it. @size: of each part, in bytes. */
int   kept_new(struct lm_ctx *ctx, const uint64_t size[KEPT_NR]);
void  kept_free(struct lm_ctx *ctx);
void  kept_commit(struct lm_ctx *ctx); /* the device is complete: from now on it counts */
void  kept_seal(struct lm_ctx *ctx);   /* what changes from now on is not kept */
bool  kept_is_old(const struct lm_ctx *ctx);
/* The whole part, or NULL. Zero at first. */
void *kept_part(const struct lm_ctx *ctx, enum kept_kind kind);
void *kept_device(const struct lm_ctx *ctx); /* lm_state(), also of others */
/* The next @nr values of KEPT_REGISTERS, or NULL. */
uint64_t *kept_registers(struct lm_ctx *ctx, uint32_t nr);

#endif /* LM_KEPT_H */
