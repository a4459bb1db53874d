/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * function.c - the PCI function as a whole: made, accessed by clients, reset.
 *
 * Owns the order of its parts, and the one reset that the protocol, function level reset and musctl
 * share. Claims the accesses to configuration space from region.c.
 */
#include "pci/pci.h"
#include "region/region.h"
#include "trace/trace.h"

#define RESET_WORK 16

/* ---- reset ----------------------------------------------------------------------- */

static void trace_reset(struct lm_ctx *ctx, uint64_t started, uint16_t flags, int result)
{
	struct lm_trace_record rec = {
		.time = started,
		.duration = trace_duration(started, trace_ticks()),
		.kind = LM_TRACE_RESET,
		.flags = flags,
		.result = result,
	};

	trace_done(ctx);
	trace_append(ctx, &rec);
}

static uint64_t reset_begins(struct lm_ctx *ctx, uint16_t flags)
{
	struct lm_trace_record *begun;

	if (!trace_on(ctx))
		return 0;
	begun = trace_begin(ctx);
	*begun = (struct lm_trace_record){ .time = trace_ticks(), .flags = flags };
	trace_begun(begun, LM_TRACE_RESET);
	return begun->time;
}

/* Answered later: the callback's own result is not worth waiting for if nobody asked. */
static int reset_callback(struct lm_ctx *ctx, struct deferral *d)
{
	struct deferral nobody = { 0 };
	int ret;

	if (!ctx->info.reset)
		return 0;
	d = d ?: &nobody;
	defer_begin(ctx, d);
	ret = ctx->info.reset(ctx->info.pvt);
	switch (defer_end(ctx, d)) {
	case DEFER_WAITING:
		return LM_DEFER;
	case DEFER_ANSWERED:
		return (int)d->result;
	default:
		return ret == LM_DEFER ? -EIO : ret;
	}
}

int function_reset(struct lm_ctx *ctx, struct deferral *d, uint16_t trace_flags)
{
	const uint64_t started = reset_begins(ctx, trace_flags);
	int ret;

	work_add(ctx, RESET_WORK);
	config_reset(ctx);
	region_reset(ctx);
	irq_reset(ctx, trace_flags);
	ret = reset_callback(ctx, d);
	if (trace_on(ctx))
		trace_reset(ctx, started, trace_flags, ret == LM_DEFER ? 0 : ret);
	ctx_notify(ctx, "reset", NULL, 0);
	return ret;
}

/* ---- configuration space, as a region -------------------------------------------- */

static ssize_t config_step(struct lm_ctx *ctx, struct access *a, size_t *len)
{
	const uint64_t offset = a->offset + a->pos;
	ssize_t ret;

	if (a->is_write && !(a->trace_flags & LM_TRACE_CONTROL))
		master_client_writes(ctx, offset, *len);
	ret = config_access(ctx, a->buf + a->pos, *len, offset, a->is_write);
	if (config_take_flr(ctx))
		function_reset(ctx, NULL, 0);
	return ret;
}

/* ---- life ------------------------------------------------------------------------ */

int function_new(struct lm_ctx *ctx)
{
	int ret;

	region_claim(region_get(ctx, LM_CFG_REG_IDX), config_step);
	ret = config_new(ctx);
	return ret ?: irq_new(ctx);
}

void function_free(struct lm_ctx *ctx)
{
	irq_free(ctx);
	config_free(ctx);
}
