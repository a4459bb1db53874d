/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma.c - the DMA map: which addresses the client lent us.
 *
 * Owns the life of the map and what makes a window acceptable: as many as were negotiated,
 * which do not overlap, of any size and alignment, up to the last byte of the address space.
 * What memory a window is: dma_file.c; how it goes: dma_revoke.c; how devices find it:
 * dma_sg.c, dma_copy.c.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/peer_fd.h"
#include "dma/dma_window.h"
#include "gate/call.h"

static void dma_taps_changed(struct lm_ctx *ctx)
{
	ctx->dma->bounces_on = gate_needs_bytes(ctx);
	dma_choose_last(ctx);
}

int dma_new(struct lm_ctx *ctx)
{
	static const struct dma_peer nobody; /* until there is a server, nor are there windows */

	ctx->dma = calloc(1, sizeof(*ctx->dma));
	if (!ctx->dma)
		return -ENOMEM;
	ctx->dma->peer = &nobody;
	dma_share_join();
	dma_limit(ctx, DMA_WINDOWS_MAX);
	dma_forget_last(ctx->dma);
	ctx->dma->no_last = ctx->dma->last;
	ctx->on_taps = dma_taps_changed;
	dma_taps_changed(ctx);
	return 0;
}

void dma_keep_fds(struct lm_ctx *ctx)
{
	ctx->dma->keeps_fds = true;
}

void dma_set_peer(struct lm_ctx *ctx, const struct dma_peer *peer)
{
	ctx->dma->peer = peer;
}

/* Transfers that were accepted before are memory accesses to come: they end as well. */
void dma_set_master(struct lm_ctx *ctx, bool on)
{
	struct dma *dma = ctx->dma;

	if (dma->is_off == !on)
		return;
	dma->is_off = !on;
	dma_choose_last(ctx);
	if (!on && dma->peer->cancel)
		dma->peer->cancel(ctx, MASTER_OFF);
}

void dma_limit(struct lm_ctx *ctx, uint64_t max_windows)
{
	ctx->dma->max_windows = at_most(max_windows, DMA_WINDOWS_MAX);
}

/* Pointers that the device still has become invalid: it destroys its own context. */
void dma_free(struct lm_ctx *ctx)
{
	struct dma *dma = ctx->dma;

	if (!dma)
		return;
	dma_disconnect(ctx);
	dma_orphans_free(dma);
	dma_bounces_free(dma);
	dma_table_free(&dma->aliases);
	dma_table_free(&dma->backings.files);
	free(dma->backings.at);
	free(dma);
	ctx->dma = NULL;
	ctx->on_taps = NULL;
	dma_share_leave();
}

/* ---- map ------------------------------------------------------------------------- */

/* -EEXIST (spec, VFIO_USER_DMA_MAP), or -EBUSY: the window there is on its way out. */
static int taken(const struct dma *dma, struct dma_pos p)
{
	const struct dma_slot *slot = dma_table_slot(&dma->windows, p);

	return slot->backing & DMA_REVOKING ? -EBUSY : -EEXIST;
}

static int overlap_check(const struct dma *dma, uint64_t addr, uint64_t size)
{
	const struct dma_table *t = &dma->windows;
	struct dma_pos p;

	if (dma_table_find(t, addr, &p)) {
		if (addr - dma_table_key(t, p) < dma_table_slot(t, p)->size)
			return taken(dma, p);
		if (!dma_table_next(t, &p))
			return 0;
	} else if (!dma_table_seek(t, addr, &p)) {
		return 0;
	}
	return dma_table_key(t, p) - addr < size ? taken(dma, p) : 0;
}

static int window_add(struct lm_ctx *ctx, const struct dma_window *w)
{
	struct dma *dma = ctx->dma;
	struct dma_slot slot = { .size = w->size, .offset = w->offset };
	struct dma_backing *b;
	int ret;

	ret = dma_backing_get(ctx, w, &b);
	if (ret)
		return ret;
	if (w->may_join && dma_merge(dma, w, b)) {
		dma_backing_put(&dma->backings, b); /* of a window that counts already */
		return 0;
	}
	slot.backing = b->index;
	slot.generation = ++dma->generation;
	ret = dma_table_insert(&dma->windows, w->addr, &slot);
	if (ret) {
		if (w->fd >= 0 && b->fd == w->fd)
			b->fd = -1; /* still the caller's */
		dma_backing_put(&dma->backings, b);
		return ret;
	}
	if (w->fd >= 0 && b->fd != w->fd)
		peer_fd_close(w->fd);
	return 0;
}

static int map_window(struct lm_ctx *ctx, const struct dma_window *w)
{
	struct dma *dma = ctx->dma;
	const struct dma_revoke *r = &dma->revoke;
	int ret;

	if (!w->size || w->size - 1 > UINT64_MAX - w->addr || w->size > UINT64_MAX - w->offset ||
	    !w->prot || (w->prot & ~(uint32_t)(PROT_READ | PROT_WRITE)) ||
	    (w->fd >= 0 && out_of_range(w->offset, w->size, INT64_MAX)))
		return -EINVAL;
	ret = overlap_check(dma, w->addr, w->size);
	/* While a range is being revoked nothing new may appear in it: it all goes at the end. */
	if (!ret && (r->is_notifying || (r->step != REVOKE_NONE && w->addr <= r->last &&
					 w->addr + (w->size - 1) >= r->addr)))
		ret = -EBUSY;
	if (!ret && dma->windows.count >= dma->max_windows)
		ret = -ENOSPC; /* as VFIO_IOMMU_MAP_DMA */
	ret = ret ?: window_add(ctx, w);
	if (ret)
		return ret;
	dma_forget_last(dma);
	call_dma_map(ctx, w->addr, w->size);
	return 0;
}

/* A tap may refuse it, or say to the client that it was done; once it is done, that stands. */
static int map_cross(struct lm_ctx *ctx, const struct dma_window *w)
{
	struct crossing x = {
		.kind = LM_TRACE_DMA_MAP,
		.offset = w->addr,
		.value = w->size,
		.aux = w->prot | (w->fd >= 0 || w->pinned ? 4 : 0),
	};
	int ret;

	if (!gate_enter(ctx, &x))
		x.result = map_window(ctx, w);
	else if (x.result >= 0 && w->fd >= 0)
		peer_fd_close(w->fd);
	else if (x.result >= 0 && w->may_join)
		x.result = -ENOENT; /* the device asks: to it nothing is there */
	ret = x.result < 0 ? (int)x.result : 0;
	gate_leave(ctx, &x);
	return ret;
}

int dma_map(struct lm_ctx *ctx, const struct dma_window *w)
{
	if (gate_is_on(ctx, LM_TRACE_DMA_MAP))
		return map_cross(ctx, w);
	return map_window(ctx, w);
}

/* ---- for musctl ------------------------------------------------------------------ */

void dma_for_each(struct lm_ctx *ctx, uint64_t addr, dma_window_fn *fn, void *arg)
{
	const struct dma_table *t = &ctx->dma->windows;
	struct dma_pos p;
	bool more;

	for (more = dma_table_seek(t, addr, &p); more; more = dma_table_next(t, &p)) {
		const struct dma_slot *slot = dma_table_slot(t, p);
		const struct dma_backing *b = dma_slot_backing(ctx->dma, slot);
		const char *kind = b->kind == DMA_MESSAGE ? "message" :
				   b->kind == DMA_FILE    ? "file" :
				   dma_is_broken(b, slot) ? "broken" :
							    "mapped";
		const struct dma_window w = {
			.addr = dma_table_key(t, p),
			.size = slot->size,
			.offset = slot->offset,
			.prot = b->prot,
			.fd = -1,
		};

		if (!fn(arg, &w, kind, slot->holds))
			return;
	}
}

uint64_t dma_count(const struct lm_ctx *ctx)
{
	return ctx->dma->windows.count;
}

static uint64_t table_holds(const struct dma_table *t)
{
	uint64_t holds = 0;
	struct dma_pos p;
	bool more;

	for (more = dma_table_seek(t, 0, &p); more; more = dma_table_next(t, &p))
		holds += dma_table_slot(t, p)->holds;
	return holds;
}

uint64_t dma_pointers(const struct lm_ctx *ctx)
{
	const struct dma *dma = ctx->dma;

	return table_holds(&dma->windows) + table_holds(&dma->orphans) - dma->bounces.count;
}
