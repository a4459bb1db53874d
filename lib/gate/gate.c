/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gate.c - the taps, and how a crossing goes past them.
 *
 * Each tap has a place of its own. A crossing passes those that want its kind in the order of their
 * places, and on its way back those that saw it, the other way round. One that is held is a request
 * that waits, as defer.c has them. Any thread may cross, where its call is allowed; taps come and
 * go by the thread that serves.
 */
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"

/* ---- taps ------------------------------------------------------------------------- */

static struct tap *tap_at(const struct lm_ctx *ctx, unsigned int place)
{
	return atomic_load_explicit(&ctx->tap[place], memory_order_acquire);
}

void gate_add(struct lm_ctx *ctx, enum tap_place place, struct tap *tap)
{
	uint64_t kinds = 0;
	unsigned int i;

	atomic_store_explicit(&ctx->tap[place], tap, memory_order_release);
	for (i = 0; i < TAPS_NR; i++)
		kinds |= tap_at(ctx, i) ? tap_at(ctx, i)->kinds : 0;
	atomic_store_explicit(&ctx->tapped, kinds, memory_order_release);
	if (ctx->on_taps)
		ctx->on_taps(ctx);
}

void gate_remove(struct lm_ctx *ctx, enum tap_place place)
{
	gate_add(ctx, place, NULL);
}

bool gate_needs_bytes(const struct lm_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < TAPS_NR; i++) {
		if (tap_at(ctx, i) && tap_at(ctx, i)->needs_bytes)
			return true;
	}
	return false;
}

char *gate_data(struct crossing *x)
{
	if (!x->is_const)
		return x->data;
	x->own = malloc(x->len);
	if (!x->own)
		return NULL;
	memcpy(x->own, x->data, x->len);
	x->data = x->own;
	x->is_const = false;
	return x->data;
}

/* ---- crossings -------------------------------------------------------------------- */

static int pass_before(struct lm_ctx *ctx, struct crossing *x, unsigned int from)
{
	unsigned int i;
	int ret = TAP_PASS;

	for (i = from; !ret && i < TAPS_NR; i++) {
		struct tap *tap = tap_at(ctx, i);

		if (!tap || !(tap->kinds >> x->kind & 1))
			continue;
		x->seen |= 1u << i;
		x->at = (uint8_t)i;
		/* Who answers may leave out what another client has read; the tracer only looks. */
		if (i != TAP_TRACE && x->kind == LM_TRACE_READ)
			memset(x->data, 0, x->len);
		if (tap->before)
			ret = tap->before(tap, ctx, x);
	}
	return ret;
}

/* From @from - 1 down. */
static int pass_after(struct lm_ctx *ctx, struct crossing *x, unsigned int from)
{
	int ret = 0;

	while (!ret && from--) {
		struct tap *tap = tap_at(ctx, from);

		if (!tap || !(x->seen >> from & 1))
			continue;
		x->at = (uint8_t)from;
		if (tap->after)
			ret = tap->after(tap, ctx, x);
	}
	if (ret == LM_DEFER)
		return LM_DEFER;
	if (unlikely(x->own)) {
		free(x->own);
		x->own = NULL;
	}
	x->seen = 0;
	return 0;
}

int gate_enter(struct lm_ctx *ctx, struct crossing *x)
{
	x->seen = 0;
	x->is_over = false;
	x->own = NULL;
	return pass_before(ctx, x, 0);
}

int gate_leave(struct lm_ctx *ctx, struct crossing *x)
{
	x->is_over = true;
	return pass_after(ctx, x, TAPS_NR);
}

void gate_report(struct lm_ctx *ctx, struct crossing *x)
{
	gate_enter(ctx, x);
	gate_leave(ctx, x);
}

/* ---- what is held ----------------------------------------------------------------- */

static void hold_done(struct lm_ctx *ctx, struct deferral *d, ssize_t result)
{
	struct crossing *x = container_of(d, struct crossing, hold);
	int ret;

	if (result < 0)
		x->result = result;
	if (x->is_over) {
		ret = pass_after(ctx, x, x->at);
	} else {
		ret = result < 0 ? TAP_ANSWERED : pass_before(ctx, x, x->at + 1u);
		if (ret == TAP_ANSWERED)
			ret = gate_leave(ctx, x);
	}
	if (ret != LM_DEFER)
		x->resume(ctx, x);
}

lm_token_t gate_hold(struct lm_ctx *ctx, struct crossing *x)
{
	if (!x->resume)
		return 0;
	x->hold = (struct deferral){ .done = hold_done };
	return defer_hold(ctx, &x->hold);
}

void gate_cancel(struct lm_ctx *ctx, struct crossing *x)
{
	if (!x->seen)
		return;
	defer_cancel(ctx, &x->hold);
	x->resume = NULL;
	x->result = -ECANCELED;
	pass_after(ctx, x, x->is_over ? x->at : TAPS_NR);
}
