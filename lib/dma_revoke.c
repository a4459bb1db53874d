/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_revoke.c - the end of DMA windows: DMA_UNMAP and the client's leaving.
 *
 * A range that is unmapped is first marked: nothing finds its windows any more (-ENOENT,
 * -ESTALE), and new windows there are refused with -EBUSY. Then the device is told of
 * each window. Pointers that are still out and callbacks that answer later hold
 * everything back; when the last of them is done, all windows of the range go at once,
 * and the client gets its answer.
 *
 * A client that leaves waits for nothing. Memory with pointers out then lives on among
 * the orphans, found by generation, so that the next client may use the same addresses at
 * once.
 *
 * A transfer by message holds nothing back: the client may not serve it before it has the
 * answer to its DMA_UNMAP, and two that wait for each other never end.
 */
#include <stdlib.h>

#include "dma.h"

/* ---- the range ------------------------------------------------------------------- */

/* True if there is a window in the range from *p on; *p is where it is. */
static bool in_range(const struct dma *dma, struct dma_pos p)
{
	return dma_table_key(&dma->windows, p) <= dma->revoke.last;
}

static bool range_first(const struct dma *dma, struct dma_pos *p)
{
	return dma_table_seek(&dma->windows, dma->revoke.addr, p) && in_range(dma, *p);
}

static bool range_next(const struct dma *dma, struct dma_pos *p)
{
	return dma_table_next(&dma->windows, p) && in_range(dma, *p);
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

/* Each window is work for the client's turn: what is behind waits for the next one. */
static void range_mark(struct lm_ctx *ctx)
{
	struct dma *dma = ctx->dma;
	struct dma_pos p;
	bool more;

	for (more = range_first(dma, &p); more; more = range_next(dma, &p)) {
		dma_table_slot(&dma->windows, p)->backing |= DMA_REVOKING;
		work_add(ctx, 1);
	}
	dma_forget_last(dma);
}

static uint64_t range_held(const struct dma *dma)
{
	struct dma_pos p;
	uint64_t held = 0;
	bool more;

	for (more = range_first(dma, &p); more; more = range_next(dma, &p))
		held += dma_table_slot(&dma->windows, p)->holds != 0;
	return held;
}

/* The windows go, and with the last window of it the memory. */
static void range_sweep(struct dma *dma)
{
	struct dma_pos p;
	bool more;

	for (more = range_first(dma, &p); more; more = range_next(dma, &p))
		dma_backing_put(&dma->backings,
				dma_slot_backing(dma, dma_table_slot(&dma->windows, p)));
	dma_table_remove(&dma->windows, dma->revoke.addr, dma->revoke.last);
	dma_forget_last(dma);
}

/* ---- telling the device ---------------------------------------------------------- */

static void revoke_check(struct lm_ctx *ctx)
{
	struct dma_revoke *r = &ctx->dma->revoke;

	if (!r->is_waiting || r->held || r->deferred)
		return;
	r->is_waiting = false;
	range_sweep(ctx->dma);
	server_deferred_done(ctx, 0);
}

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

/* The spare one waits from now on. */
static void wait_link(struct dma_revoke *r)
{
	struct dma_wait *w = r->spare;

	r->spare = NULL;
	w->prev = NULL;
	w->next = r->waits;
	if (w->next)
		w->next->prev = w;
	r->waits = w;
	r->deferred++;
}

/* One window. @may_wait false, or no memory for it: the callback cannot defer. */
static void tell_one(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool may_wait)
{
	struct dma_revoke *r = &ctx->dma->revoke;
	struct deferral nobody = { 0 }, *d = &nobody;
	int ret;

	if (may_wait && !r->spare)
		r->spare = malloc(sizeof(*r->spare));
	if (may_wait && r->spare) {
		d = &r->spare->defer;
		*d = (struct deferral){ .done = wait_done };
	}
	defer_begin(ctx, d);
	ret = ctx->info.dma_unmap(ctx->info.pvt, addr, size);
	if (defer_end(ctx, d) == DEFER_WAITING)
		wait_link(r);
	else if (ret && ret != LM_DEFER)
		log_peer(ctx, LM_LOG_WARN, "dma_unmap failed (%d): unmapping anyway", ret);
}

/* No callback can change the table: dma_map() and dma_unmap() refuse meanwhile. */
static void range_tell(struct lm_ctx *ctx, bool may_wait)
{
	struct dma *dma = ctx->dma;
	const struct dma_table *t = &dma->windows;
	struct dma_pos p;
	bool more;

	if (!ctx->info.dma_unmap)
		return;
	dma->revoke.is_telling = true;
	for (more = range_first(dma, &p); more; more = range_next(dma, &p))
		tell_one(ctx, dma_table_key(t, p), dma_table_slot(t, p)->size, may_wait);
	dma->revoke.is_telling = false;
	free(dma->revoke.spare);
	dma->revoke.spare = NULL;
}

/* ---- DMA_UNMAP ------------------------------------------------------------------- */

static int range_set(struct dma *dma, uint64_t addr, uint64_t size, bool all)
{
	struct dma_revoke *r = &dma->revoke;

	if (all) {
		r->addr = 0;
		r->last = UINT64_MAX;
		return 0;
	}
	if (size - 1 > UINT64_MAX - addr)
		return -EINVAL;
	if (is_cut(dma, addr) || (addr + size && is_cut(dma, addr + size)))
		return -EINVAL;
	r->addr = addr;
	r->last = addr + (size - 1);
	return 0;
}

int dma_unmap(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all)
{
	struct dma *dma = ctx->dma;
	struct dma_revoke *r = &dma->revoke;
	int ret;

	if (r->is_waiting || r->is_telling)
		return -EBUSY;
	if (!size && !all)
		return 0;
	ret = range_set(dma, addr, size, all);
	if (ret)
		return ret;
	range_mark(ctx);
	range_tell(ctx, true);
	r->held = range_held(dma);
	if (r->held || r->deferred) {
		r->is_waiting = true;
		return LM_DEFER;
	}
	range_sweep(dma);
	return 0;
}

void dma_revoke_released(struct lm_ctx *ctx)
{
	struct dma_revoke *r = &ctx->dma->revoke;

	if (!r->is_waiting)
		return; /* callbacks run: who holds what is counted afterwards */
	r->held--;
	revoke_check(ctx);
}

/* ---- the client leaves ----------------------------------------------------------- */

/* Nobody waits for the answer to the DMA_UNMAP that is going on. */
static void revoke_cancel(struct lm_ctx *ctx)
{
	struct dma_revoke *r = &ctx->dma->revoke;

	while (r->waits) {
		defer_cancel(ctx, &r->waits->defer);
		wait_unlink(r, r->waits);
	}
	r->is_waiting = false;
}

/* The device knows of what was being revoked already. */
static void tell_rest(struct lm_ctx *ctx)
{
	struct dma *dma = ctx->dma;
	struct dma_revoke *r = &dma->revoke;
	const uint64_t addr = r->addr, last = r->last;
	const bool was_waiting = r->is_waiting;

	revoke_cancel(ctx);
	r->addr = 0;
	r->last = UINT64_MAX;
	range_mark(ctx);
	if (!was_waiting) {
		range_tell(ctx, false);
		return;
	}
	if (addr) {
		r->last = addr - 1;
		range_tell(ctx, false);
	}
	if (last != UINT64_MAX) {
		r->addr = last + 1;
		r->last = UINT64_MAX;
		range_tell(ctx, false);
	}
}

/* Without memory for it the mapping stays for good: a pointer must not dangle. */
static void orphan_add(struct dma *dma, const struct dma_slot *slot)
{
	dma_table_insert(&dma->orphans, slot->generation, slot);
}

/* What the channel maps is at its address, which the slot has as its offset. */
static void window_scratch(struct dma *dma, const struct dma_slot *slot, uint64_t first,
			   uint64_t last)
{
	const uint64_t low = slot->offset > first ? slot->offset : first;
	uint64_t high = slot->offset + (slot->size - 1);

	high = high < last ? high : last;
	if (dma_slot_backing(dma, slot)->is_piece && low <= high)
		dma_scratch(dma, slot, low, high - low + 1);
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

/* Held, while bytes [first, last] of the address space are the client's no more. */
static void window_orphan(struct dma *dma, struct dma_pos p, uint64_t first, uint64_t last)
{
	const struct dma_slot *slot = dma_table_slot(&dma->windows, p);

	window_scratch(dma, slot, first, last);
	orphan_add(dma, slot);
}

/* Nothing refers to it, by whatever name. */
static void window_free(struct dma *dma, const struct dma_slot *slot)
{
	dma_backing_put(&dma->backings, dma_slot_backing(dma, slot));
	if (dma->aliases.count)
		dma_aliases_drop(dma, slot->generation);
}

/* All windows of the range go; of them, [first, last] is revoked. */
static void range_orphan(struct dma *dma, uint64_t first, uint64_t last)
{
	const struct dma_table *t = &dma->windows;
	struct dma_pos p;
	bool more;

	for (more = range_first(dma, &p); more; more = range_next(dma, &p)) {
		const struct dma_slot *slot = dma_table_slot(t, p);

		if (slot->holds)
			window_orphan(dma, p, first, last);
		else
			window_free(dma, slot);
	}
	dma_forget_last(dma);
}

void dma_disconnect(struct lm_ctx *ctx)
{
	struct dma *dma = ctx->dma;

	tell_rest(ctx);
	orphans_scratch(dma, 0, UINT64_MAX);
	dma->revoke.addr = 0;
	dma->revoke.last = UINT64_MAX;
	range_orphan(dma, 0, UINT64_MAX);
	dma_table_free(&dma->windows);
}

/* Windows lie where the channel pinned, which may be across the edges of what was unmapped. */
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
	r->addr = first;
	r->last = last;
	range_widen(dma);
	range_mark(ctx);
	range_tell(ctx, false);
	range_orphan(dma, first, last);
	dma_table_remove(&dma->windows, r->addr, r->last);
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
		dma_backing_put(&dma->backings,
				dma_slot_backing(dma, dma_table_slot(t, p)));
	dma_table_free(&dma->orphans);
}
