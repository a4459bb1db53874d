/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_revoke.c - the end of DMA windows: DMA_UNMAP and the client's leaving.
 *
 * A range that is unmapped is first marked: nothing finds its windows any more (-ENOENT,
 * -ESTALE), and new windows there are refused with -EBUSY. Then the device is notified of
 * each window. Pointers that are still out and callbacks that answer later hold
 * everything back; when the last of them is done, all windows of the range go, and the
 * client gets its answer. There may be a million of them, so each of these is a pass over
 * the range, which takes as many turns of the loop as it needs.
 *
 * A client that leaves waits for nothing. Memory with pointers out then lives on among
 * the orphans, found by generation, so that the next client may use the same addresses at
 * once.
 *
 * A transfer by message holds nothing back: the client may not serve it before it has the
 * answer to its DMA_UNMAP, and two that wait for each other never end.
 */
#include <stdlib.h>

#include "dma/dma_window.h"
#include "gate/call.h"

/* ---- the range ------------------------------------------------------------------- */

typedef void(window_fn)(struct lm_ctx *ctx, struct dma_pos p);

/* The windows of the range from revoke.next on, one at least, until so much work has been done.
 * True: these were the last. */
static bool range_pass(struct lm_ctx *ctx, window_fn *fn, uint64_t until)
{
	const struct dma_table *t = &ctx->dma->windows;
	struct dma_revoke *r = &ctx->dma->revoke;
	struct dma_pos p;
	bool more;

	for (more = dma_table_seek(t, r->next, &p); more; more = dma_table_next(t, &p)) {
		const uint64_t key = dma_table_key(t, p);

		if (key > r->last)
			break;
		fn(ctx, p);
		work_add(ctx, 1);
		if (ctx->work >= until && key < r->last) {
			r->next = key + 1;
			return false;
		}
	}
	return true;
}

static void pass_begin(struct dma_revoke *r, enum revoke_step step)
{
	r->step = step;
	r->next = r->addr;
}

/* Does byte @addr - 1 lie in the same window as byte @addr? */
static bool is_cut(const struct dma *dma, uint64_t addr)
{
	const struct dma_table *t = &dma->windows;
	struct dma_pos p;
	uint64_t off;

	if (!dma_table_find(t, addr, &p))
		return false;
	off = addr - dma_table_key(t, p);
	return off && off < dma_table_slot(t, p)->size;
}

/* From here on who gives its last pointer back says so: dma_revoke_released(). */
static void mark_one(struct lm_ctx *ctx, struct dma_pos p)
{
	struct dma_slot *slot = dma_table_slot(&ctx->dma->windows, p);

	slot->backing |= DMA_REVOKING;
	ctx->dma->revoke.held += slot->holds != 0;
}

/* ---- telling the device ---------------------------------------------------------- */

static void revoke_check(struct lm_ctx *ctx);

static void wait_unlink(struct dma_revoke *r, struct dma_wait *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		r->waits = w->next;
	if (w->next)
		w->next->prev = w->prev;
	free(w);
	r->deferred--;
}

static void wait_done(struct lm_ctx *ctx, struct deferral *d, ssize_t result)
{
	wait_unlink(&ctx->dma->revoke, container_of(d, struct dma_wait, defer));
	revoke_check(ctx);
}

/* Where nobody waits, or without memory for it, the callback cannot defer. */
static void notify_one(struct lm_ctx *ctx, struct dma_pos p)
{
	const struct dma_table *t = &ctx->dma->windows;
	struct dma_revoke *r = &ctx->dma->revoke;
	struct deferral nobody = { 0 }, *d = &nobody;
	const uint64_t addr = dma_table_key(t, p);
	struct dma_wait *w = NULL;
	int ret;

	if (addr >= r->notified_first && addr <= r->notified_last)
		return;
	if (!r->is_final)
		w = r->spare = r->spare ?: malloc(sizeof(*w));
	if (w) {
		d = &w->defer;
		*d = (struct deferral){ .done = wait_done };
	}
	ret = call_dma_unmap(ctx, d, addr, dma_table_slot(t, p)->size);
	if (ret == LM_DEFER) {
		r->spare = NULL;
		w->prev = NULL;
		w->next = r->waits;
		if (w->next)
			w->next->prev = w;
		r->waits = w;
		r->deferred++;
	} else if (ret) {
		log_peer(ctx, LM_LOG_WARN, "dma_unmap failed (%d): unmapping anyway", ret);
	}
}

/* No callback can change the table: dma_map() and dma_unmap() refuse meanwhile. */
static bool range_notify(struct lm_ctx *ctx, uint64_t until)
{
	struct dma_revoke *r = &ctx->dma->revoke;
	bool all;

	if (!ctx->info.dma_unmap)
		return true;
	r->is_notifying = true;
	all = range_pass(ctx, notify_one, until);
	r->is_notifying = false;
	free(r->spare);
	r->spare = NULL;
	return all;
}

/* ---- the windows go, and with the last window of it the memory ------------------- */

/* What the host maps is at its address, which the slot has as its offset. */
static void window_scratch(struct dma *dma, const struct dma_slot *slot, uint64_t first,
			   uint64_t last)
{
	const uint64_t low = slot->offset > first ? slot->offset : first;
	uint64_t high = slot->offset + (slot->size - 1);

	high = at_most(high, last);
	if (dma_slot_backing(dma, slot)->is_piece && low <= high)
		dma_backing_scratch(dma, slot, low, high - low + 1);
}

/* Windows that went with their neighbours were the client's still, in part. */
static void orphans_scratch(struct dma *dma, uint64_t first, uint64_t last)
{
	const struct dma_table *t = &dma->orphans;
	struct dma_pos p;
	bool more;

	for (more = dma_table_seek(t, 0, &p); more; more = dma_table_next(t, &p))
		window_scratch(dma, dma_table_slot(t, p), first, last);
}

/* Nothing refers to it, by whatever name. */
static void window_free(struct dma *dma, const struct dma_slot *slot)
{
	dma_backing_put(&dma->backings, dma_slot_backing(dma, slot));
	if (dma->aliases.count)
		dma_aliases_drop(dma, slot->generation);
}

/* One that is still held has lost its client. */
static void sweep_one(struct lm_ctx *ctx, struct dma_pos p)
{
	struct dma *dma = ctx->dma;
	const struct dma_slot *slot = dma_table_slot(&dma->windows, p);
	const struct dma_backing *b = dma_slot_backing(dma, slot);

	if (b->windows == 1 && b->kind != DMA_MESSAGE)
		work_add(ctx, DMA_WORK);
	if (slot->holds) {
		window_scratch(dma, slot, dma->revoke.gone_first, dma->revoke.gone_last);
		/* Without memory for it the mapping stays for good: a pointer must not dangle. */
		dma_table_insert(&dma->orphans, slot->generation, slot);
	} else {
		window_free(dma, slot);
	}
}

/* ---- step by step ---------------------------------------------------------------- */

/* Bytes [@first, @last] are the client's no more. */
static void revoke_begin(struct dma_revoke *r, uint64_t first, uint64_t last, bool is_final)
{
	r->addr = r->gone_first = first;
	r->last = r->gone_last = last;
	r->notified_first = 1; /* none */
	r->notified_last = 0;
	r->is_final = is_final;
	r->held = 0;
	pass_begin(r, REVOKE_MARK);
}

/* Until so much work has been done, or somebody has to be waited for. True: it is over. */
static bool revoke_go_on(struct lm_ctx *ctx, uint64_t until)
{
	struct dma *dma = ctx->dma;
	struct dma_revoke *r = &dma->revoke;

	if (r->step == REVOKE_MARK) {
		if (range_pass(ctx, mark_one, until))
			pass_begin(r, REVOKE_NOTIFY);
		dma_forget_last(dma);
	}
	if (r->step == REVOKE_NOTIFY && range_notify(ctx, until))
		pass_begin(r, REVOKE_WAIT);
	if (r->step == REVOKE_WAIT && (r->is_final || !(r->held || r->deferred)))
		pass_begin(r, REVOKE_SWEEP);
	if (r->step == REVOKE_SWEEP) {
		const uint64_t from = r->next;
		const bool all = range_pass(ctx, sweep_one, until);

		dma_table_remove(&dma->windows, from, all ? r->last : r->next - 1);
		dma_forget_last(dma);
		r->step = all ? REVOKE_NONE : r->step;
	}
	return r->step == REVOKE_NONE;
}

/* Outside of a turn, mostly: it goes on for as long as one would be. */
static void revoke_check(struct lm_ctx *ctx)
{
	const struct dma_revoke *r = &ctx->dma->revoke;

	if (r->step != REVOKE_WAIT || r->held || r->deferred)
		return;
	ctx->dma->peer->unmapped(ctx, revoke_go_on(ctx, ctx->work + TURN_MAX) ? 0 : LM_DEFER);
}

void dma_revoke_released(struct lm_ctx *ctx)
{
	ctx->dma->revoke.held--;
	revoke_check(ctx);
}

/* ---- DMA_UNMAP ------------------------------------------------------------------- */

int dma_unmap(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all)
{
	struct dma *dma = ctx->dma;
	struct dma_revoke *r = &dma->revoke;

	if (r->step != REVOKE_NONE)
		return -EBUSY;
	if (!size && !all)
		return 0;
	if (all) {
		revoke_begin(r, 0, UINT64_MAX, false);
		return dma_unmap_go_on(ctx);
	}
	if (size - 1 > UINT64_MAX - addr)
		return -EINVAL;
	if (is_cut(dma, addr) || (addr + size && is_cut(dma, addr + size)))
		return -EINVAL;
	revoke_begin(r, addr, addr + (size - 1), false);
	return dma_unmap_go_on(ctx);
}

int dma_unmap_go_on(struct lm_ctx *ctx)
{
	return revoke_go_on(ctx, ctx->turn_end ?: UINT64_MAX) ? 0 : LM_DEFER;
}

bool dma_unmap_is_due(const struct lm_ctx *ctx)
{
	return ctx->dma->revoke.step != REVOKE_WAIT;
}

/* ---- the client leaves ----------------------------------------------------------- */

void dma_leave(struct lm_ctx *ctx)
{
	struct dma_revoke *r = &ctx->dma->revoke;
	const struct dma_revoke before = *r;

	if (dma_is_leaving(ctx->dma))
		return; /* it has begun */
	/* Nobody waits for the answer to the DMA_UNMAP that is going on. */
	while (r->waits) {
		defer_cancel(ctx, &r->waits->defer);
		wait_unlink(r, r->waits);
	}
	orphans_scratch(ctx->dma, 0, UINT64_MAX);
	revoke_begin(r, 0, UINT64_MAX, true);
	/* The device knows of what was being revoked already. */
	if (before.step > REVOKE_NOTIFY ||
	    (before.step == REVOKE_NOTIFY && before.next != before.addr)) {
		r->notified_first = before.addr;
		r->notified_last = before.step == REVOKE_NOTIFY ? before.next - 1 : before.last;
	}
	dma_transfers_cancel(ctx); /* what the device starts then is not held */
}

bool dma_leave_go_on(struct lm_ctx *ctx, uint64_t until)
{
	if (!revoke_go_on(ctx, until))
		return false;
	dma_table_free(&ctx->dma->windows);
	return true;
}

void dma_disconnect(struct lm_ctx *ctx)
{
	dma_leave(ctx);
	dma_leave_go_on(ctx, UINT64_MAX);
}

/* Windows lie where the host pinned, which may be across the edges of what was unmapped. */
static void range_widen(struct dma *dma)
{
	struct dma_revoke *r = &dma->revoke;
	struct dma_pos p;
	uint64_t end;

	if (is_cut(dma, r->addr) && dma_table_find(&dma->windows, r->addr, &p))
		r->addr = dma_table_key(&dma->windows, p);
	if (!dma_table_find(&dma->windows, r->last, &p))
		return;
	end = dma_table_key(&dma->windows, p) + (dma_table_slot(&dma->windows, p)->size - 1);
	r->last = end > r->last ? end : r->last;
}

int dma_revoked(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all)
{
	struct dma *dma = ctx->dma;
	struct dma_revoke *r = &dma->revoke;
	uint64_t first = addr, last = addr + (size - 1);

	if (!all && (!size || last < first))
		return size ? -EINVAL : 0;
	if (all) {
		first = 0;
		last = UINT64_MAX;
	}
	orphans_scratch(dma, first, last);
	revoke_begin(r, first, last, true);
	range_widen(dma);
	pass_begin(r, REVOKE_MARK);
	revoke_go_on(ctx, UINT64_MAX);
	return 0;
}

/* ---- orphans --------------------------------------------------------------------- */

void dma_orphan_release(struct dma *dma, uint64_t generation)
{
	struct dma_table *t = &dma->orphans;
	struct dma_slot *slot;
	struct dma_pos p;

	generation = dma_alias(dma, generation);
	if (!dma_table_find(t, generation, &p) || dma_table_key(t, p) != generation)
		return;
	slot = dma_table_slot(t, p);
	if (--slot->holds)
		return;
	window_free(dma, slot);
	dma_table_remove(t, generation, generation);
}

void dma_orphans_free(struct dma *dma)
{
	const struct dma_table *t = &dma->orphans;
	struct dma_pos p;
	bool more;

	for (more = dma_table_seek(t, 0, &p); more; more = dma_table_next(t, &p))
		dma_backing_put(&dma->backings, dma_slot_backing(dma, dma_table_slot(t, p)));
	dma_table_free(&dma->orphans);
}
