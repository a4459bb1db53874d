/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_merge.c - windows that were found piece by piece become one.
 *
 * On a socket a client's memory is one window, however large, and one scatter entry has any range
 * of it. Where windows come by and by, as the device asks (dma_resolve.c), they must not leave
 * seams: what is next to a window of the same memory extends it. When that closes the gap between
 * two, one takes the other in. Entries of the one that is no more stay good: its generation is
 * from then on another name of the one that is.
 */
#include "dma/dma_window.h"

/* ---- other names ----------------------------------------------------------------- */

uint64_t dma_alias(const struct dma *dma, uint64_t generation)
{
	const struct dma_table *t = &dma->aliases;
	struct dma_pos p;

	while (dma_table_find(t, generation, &p) && dma_table_key(t, p) == generation)
		generation = dma_table_slot(t, p)->generation;
	return generation;
}

/* Mark all first: aliases resolve only while the table is whole. */
void dma_aliases_drop(struct dma *dma, uint64_t generation)
{
	struct dma_table *t = &dma->aliases;
	uint64_t key = 0;
	struct dma_pos p;
	bool more;

	for (more = dma_table_seek(t, 0, &p); more; more = dma_table_next(t, &p))
		dma_table_slot(t, p)->holds = dma_alias(dma, dma_table_key(t, p)) == generation;
	for (more = dma_table_seek(t, 0, &p); more; more = dma_table_seek(t, key + 1, &p)) {
		key = dma_table_key(t, p);
		if (dma_table_slot(t, p)->holds)
			dma_table_remove(t, key, key);
	}
}

/* ---- neighbours ------------------------------------------------------------------ */

/* Of the same memory, and not on its way out. */
static bool is_alike(const struct dma_slot *slot, const struct dma_backing *b)
{
	return slot->backing == b->index;
}

static struct dma_slot *window_below(struct dma *dma, uint64_t addr, const struct dma_backing *b)
{
	const struct dma_table *t = &dma->windows;
	struct dma_slot *slot;
	struct dma_pos p;

	if (!addr || !dma_table_find(t, addr - 1, &p))
		return NULL;
	slot = dma_table_slot(t, p);
	return dma_table_key(t, p) + slot->size == addr && is_alike(slot, b) ? slot : NULL;
}

static struct dma_slot *window_at(struct dma *dma, uint64_t addr, const struct dma_backing *b)
{
	const struct dma_table *t = &dma->windows;
	struct dma_slot *slot;
	struct dma_pos p;

	if (!dma_table_find(t, addr, &p) || dma_table_key(t, p) != addr)
		return NULL;
	slot = dma_table_slot(t, p);
	return is_alike(slot, b) ? slot : NULL;
}

/* The window at @addr, whose memory is @b, goes into @below. Without memory there is a seam. */
static void window_absorb(struct dma *dma, struct dma_slot *below, uint64_t addr,
			  struct dma_backing *b)
{
	const struct dma_slot above = *window_at(dma, addr, b);
	const struct dma_slot name = { .generation = below->generation };

	if (above.holds > UINT32_MAX - below->holds ||
	    dma_table_insert(&dma->aliases, above.generation, &name))
		return;
	below->size += above.size;
	below->holds += above.holds;
	dma_table_remove(&dma->windows, addr, addr);
	dma_backing_put(&dma->backings, b);
}

bool dma_merge(struct dma *dma, const struct dma_window *w, struct dma_backing *b)
{
	struct dma_slot *below = window_below(dma, w->addr, b);
	const uint64_t end = w->addr + w->size; /* 0: of the address space */
	const struct dma_slot *above = end ? window_at(dma, end, b) : NULL;
	struct dma_slot lower;

	dma_forget_last(dma);
	if (below) {
		below->size += w->size;
		if (above)
			window_absorb(dma, below, end, b);
		return true;
	}
	if (!above)
		return false;
	/* It begins at @w from now on. First the new place, then the old one goes. */
	lower = *above;
	lower.size += w->size;
	lower.offset -= w->size;
	if (dma_table_insert(&dma->windows, w->addr, &lower))
		return false;
	dma_table_remove(&dma->windows, end, end);
	return true;
}

/* ---- from entries to windows ----------------------------------------------------- */

bool dma_sg_find(const struct dma *dma, const dma_sg_t *sg, struct dma_pos *p)
{
	const struct dma_table *t = &dma->windows;
	const uintptr_t place = (uintptr_t)sg->region;

	*p = (struct dma_pos){ (uint32_t)(place / DMA_CHUNK), (uint32_t)(place % DMA_CHUNK) };
	if (likely(dma_table_has(t, *p) && dma_table_slot(t, *p)->generation == sg->generation))
		return true;
	return dma_table_find(t, sg->dma_addr, p) &&
	       dma_table_slot(t, *p)->generation == dma_alias(dma, sg->generation);
}
