/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * persist.h - state that outlives the process.
 */
#ifndef LM_PERSIST_H
#define LM_PERSIST_H

#include "base/ctx.h"

enum persist_kind {
	PERSIST_CONFIG,
	PERSIST_MSIX,
	PERSIST_VPD,
	PERSIST_IRQ,
	PERSIST_REGISTERS,
	PERSIST_DEVICE, /* lm_state() */
	PERSIST_NR,
};

/* LM_DEV_RESTARTABLE: as the last process left it. @size: of each part, in bytes. */
int persist_new(struct lm_ctx *ctx, const uint64_t size[PERSIST_NR]);
void persist_free(struct lm_ctx *ctx);
void persist_commit(struct lm_ctx *ctx); /* the device is complete: from now on it counts */
void persist_seal(struct lm_ctx *ctx);   /* what changes from now on is not kept */
bool persist_is_old(const struct lm_ctx *ctx);
/* The whole part, or NULL. Zero at first. */
void *persist_part(const struct lm_ctx *ctx, enum persist_kind kind);
void *persist_device(const struct lm_ctx *ctx); /* lm_state(), also of others */
/* The next @nr values of PERSIST_REGISTERS, or NULL. */
uint64_t *persist_registers(struct lm_ctx *ctx, uint32_t nr);

#endif /* LM_PERSIST_H */
