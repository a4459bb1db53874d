/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * function.c - the PCI function as a whole: made, accessed by clients, reset.
 *
 * Owns the order of its parts, and the one reset that the protocol, function level reset and musctl
 * share. Claims the accesses to configuration space from region.c. A device without PCI has
 * interrupts, and a configuration space of no bytes that no access reaches: it masters the bus.
 */
#include "base/bus.h"
#include "gate/call.h"
#include "pci/config.h"
#include "region/region.h"

#define RESET_WORK 16

/* ---- reset ----------------------------------------------------------------------- */

static int reset_parts(struct lm_ctx *ctx, struct deferral *d, uint16_t trace_flags)
{
	work_add(ctx, RESET_WORK);
	config_reset(ctx);
	region_reset(ctx);
	irq_reset(ctx, trace_flags);
	return call_reset(ctx, d);
}

static void reset_again(struct lm_ctx *ctx, const struct crossing *x)
{
	ctx->reset_reason = x->aux;
	reset_parts(ctx, NULL, x->flags);
}

int function_reset(struct lm_ctx *ctx, struct deferral *d, uint32_t reason)
{
	struct crossing x = {
		.kind = LM_TRACE_RESET,
		.flags = reason == LM_RESET_CONTROL ? LM_TRACE_CONTROL : 0,
		.aux = reason,
		.redo = reset_again,
	};
	int ret;

	ctx->reset_reason = reason;
	if (gate_is_on(ctx, LM_TRACE_RESET) && gate_enter(ctx, &x)) {
		ret = (int)x.result;
	} else {
		ret = reset_parts(ctx, d, x.flags);
		x.result = ret == LM_DEFER ? 0 : ret;
	}
	if (x.seen) {
		gate_leave(ctx, &x);
		ret = ret == LM_DEFER ? ret : (int)x.result;
	}
	ctx_notify(ctx, "reset", NULL, 0);
	return ret;
}

/* ---- configuration space, as a region -------------------------------------------- */

static ssize_t config_step(struct lm_ctx *ctx, struct access *a, size_t *len)
{
	const uint64_t offset = a->offset + a->pos;
	uint32_t reset;
	ssize_t ret;

	if (config_register_part(ctx, offset, len))
		return 0; /* register.c's */
	if (a->is_write && !(a->trace_flags & LM_TRACE_CONTROL))
		master_client_writes(ctx, offset, *len);
	ret = config_access(ctx, a->buf + a->pos, *len, offset, a->is_write);
	reset = config_take_reset(ctx);
	if (reset)
		function_reset(ctx, NULL, reset);
	return ret;
}

/* ---- life ------------------------------------------------------------------------ */

int function_new(struct lm_ctx *ctx)
{
	const bool is_pci = bus_is_pci(&ctx->info);
	int ret;

	if (is_pci)
		region_claim(region_get(ctx, LM_CFG_REG_IDX), config_step);
	ret = config_new(ctx);
	if (!ret && is_pci)
		ret = config_check_registers(ctx);
	return ret ?: irq_new(ctx);
}

LM_EXPORT uint32_t lm_reset_reason(const lm_ctx_t *ctx)
{
	return ctx->reset_reason;
}

void function_free(struct lm_ctx *ctx)
{
	irq_free(ctx);
	config_free(ctx);
}
