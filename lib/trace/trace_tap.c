/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_tap.c - tracing, the first tap: a crossing becomes a record.
 *
 * An access or reset is described when it begins, for who outlives the device; all that crosses is
 * appended to the ring when it has ended. What it cost is of those that take time only.
 */
#include <string.h>

#include "trace/trace.h"

#define BIT(kind) (1ull << (kind))
#define ACCESSES  (BIT(LM_TRACE_READ) | BIT(LM_TRACE_WRITE))
#define BEGUN     (ACCESSES | BIT(LM_TRACE_RESET))
#define WRITES    (BIT(LM_TRACE_WRITE) | BIT(LM_TRACE_DMA_WRITE))

_Static_assert((int)LM_TRACE_NR_KINDS <= (int)CALL_WRITTEN, "the kinds of both are one");

static bool is_one_of(const struct crossing *x, uint64_t kinds)
{
	return kinds >> x->kind & 1;
}

/* The commonest widths without a call. */
static uint64_t first_bytes(const struct crossing *x)
{
	uint64_t bytes = 0;

	switch (x->len) {
	case 4: memcpy(&bytes, x->data, 4); break;
	case 8: memcpy(&bytes, x->data, 8); break;
	default: memcpy(&bytes, x->data, at_most(x->len, sizeof(bytes)));
	}
	return bytes;
}

static void describe(const struct crossing *x, bool has_bytes, struct lm_trace_record *rec)
{
	rec->time = x->started;
	rec->flags = x->flags;
	rec->region = x->region;
	rec->len = (uint32_t)at_most(x->len, UINT32_MAX);
	rec->offset = x->offset;
	rec->value = has_bytes && x->data ? first_bytes(x) : x->value;
}

static void describe_name(const struct crossing *x, struct lm_trace_record *rec)
{
	char padded[sizeof(rec->text) + sizeof(rec->tail) + 1] = "";

	memccpy(padded, x->name, 0, sizeof(padded) - 1);
	memcpy(rec->text, padded, sizeof(rec->text));
	memcpy(rec->tail, padded + sizeof(rec->text), sizeof(rec->tail));
}

/* As much of it as a record has room for. */
static void describe_note(const struct crossing *x, struct lm_trace_record *rec)
{
	char padded[TRACE_NOTE_MAX + 1] = "";

	memccpy(padded, x->name, 0, TRACE_NOTE_MAX);
	memcpy(rec->tail, padded, 8);
	memcpy(rec->bytes, padded + 8, 8);
	memcpy(rec->text, padded + 16, 8);
	memcpy(&rec->region, padded + 24, 4);
	memcpy(&rec->len, padded + 28, 4);
}

/* The requests of a turn follow each other without a gap: one look at the clock for each. */
static int trace_before(struct tap *tap, struct lm_ctx *ctx, struct crossing *x)
{
	struct lm_trace_record *begun;

	x->started = is_one_of(x, ACCESSES) && ctx->turn_ticks ? ctx->turn_ticks : trace_ticks();
	if (!is_one_of(x, BEGUN))
		return TAP_PASS;
	begun = trace_begin(ctx);
	describe(x, is_one_of(x, WRITES), begun);
	trace_begun(begun, x->kind);
	return TAP_PASS;
}

static int trace_after(struct tap *tap, struct lm_ctx *ctx, struct crossing *x)
{
	struct lm_trace_record rec = {
		.kind = x->kind,
		.aux = x->aux,
		.result = (int32_t)x->result,
	};
	uint64_t now;

	describe(x, x->result >= 0 || is_one_of(x, WRITES), &rec);
	if (trace_is_timed(x->kind)) {
		now = trace_ticks();
		trace_set_duration(&rec, now - x->started);
		if (is_one_of(x, ACCESSES) && access_is_refused(x->result, x->flags, x->aux))
			rec.flags |= LM_TRACE_REFUSED;
		if (is_one_of(x, ACCESSES) && ctx->turn_ticks)
			ctx->turn_ticks = now;
	}
	if (x->kind == LM_TRACE_EVENT)
		describe_name(x, &rec);
	if (x->kind == LM_TRACE_NOTE)
		describe_note(x, &rec);
	if (is_one_of(x, BEGUN))
		trace_done(ctx);
	trace_append(ctx, &rec);
	return 0;
}

struct tap trace_tap = {
	.kinds = BIT(LM_TRACE_NR_KINDS) - 1,
	.before = trace_before,
	.after = trace_after,
};
