/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_sg.c - from addresses to scatter entries to pointers: the fast path of DMA.
 *
 * An entry carries the generation of its window, which no other window ever has, and the place
 * where the window was. If it is there no more it is searched by address; nothing is ever read
 * through the entry itself. So a stale entry, however old, is answered -ESTALE. No locked
 * instruction here: one thread serves a context.
 */
#include <sys/mman.h>

#include "dma.h"

/* ---- places ----------------------------------------------------------------------------------- */

static inline uintptr_t pos_pack(struct dma_pos p)
{
	return (uintptr_t)p.chunk * DMA_CHUNK + p.slot;
}

static inline struct dma_pos pos_unpack(uintptr_t place)
{
	return (struct dma_pos){ (uint32_t)(place / DMA_CHUNK), (uint32_t)(place % DMA_CHUNK) };
}

bool dma_sg_find(const struct dma *dma, const dma_sg_t *sg, struct dma_pos *p)
{
	const struct dma_table *t = &dma->windows;

	*p = pos_unpack((uintptr_t)sg->region);
	if (likely(dma_table_has(t, *p) && dma_table_slot(t, *p)->generation == sg->generation))
		return true;
	return dma_table_find(t, sg->dma_addr, p) &&
	       dma_table_slot(t, *p)->generation == sg->generation;
}

/* ---- lm_addr_to_sg ---------------------------------------------------------------------------- */

static inline void sg_fill(const struct dma_last *last, uint64_t addr, uint64_t len, dma_sg_t *sg)
{
	sg->dma_addr = addr;
	sg->length = len;
	sg->region = (void *)last->place;
	sg->generation = last->generation;
	sg->reserved = 0;
}

static void last_set_backing(struct dma *dma, struct dma_last *last, uint32_t index)
{
	const struct dma_backing *b = dma->backings.at[index].backing;

	last->backing = index;
	last->prot = b->kind == DMA_MAPPED ? b->prot : 0;
	last->start = (uintptr_t)b->base - b->start;
	last->range = b->range;
}

/* If the window at *@key, *@slot has byte @addr it becomes the last one. */
static inline bool last_try(struct dma *dma, const uint64_t *key, struct dma_slot *slot,
			    uint64_t addr)
{
	struct dma_last *last = &dma->last;

	if (unlikely(addr - *key >= slot->size || slot->revoking))
		return false;
	if (unlikely(slot->backing != last->backing || !last->size))
		last_set_backing(dma, last, slot->backing);
	last->addr = *key;
	last->size = slot->size;
	last->generation = slot->generation;
	last->slot = slot;
	last->key = key;
	last->base = (char *)(uintptr_t)(last->start + slot->offset);
	return true;
}

/* The window that follows the last one. */
static inline bool last_next(struct dma *dma, uint64_t addr)
{
	struct dma_last *last = &dma->last;

	if (!last->following || !last_try(dma, last->key + 1, last->slot + 1, addr))
		return false;
	last->following--;
	last->place++;
	return true;
}

static inline bool last_search(struct dma *dma, uint64_t addr)
{
	const struct dma_table *t = &dma->windows;
	const struct dma_chunk_ref *ref;
	struct dma_pos p;

	if (!dma_table_find(t, addr, &p))
		return false;
	ref = &t->ref[p.chunk];
	if (!last_try(dma, &ref->chunk->key[p.slot], &ref->chunk->slot[p.slot], addr))
		return false;
	dma->last.following = ref->nr - p.slot - 1;
	dma->last.place = pos_pack(p);
	return true;
}

/* Several windows, or nothing, or a window far from the last one. */
static __attribute__((noinline)) int addr_to_sgs(struct dma *dma, uint64_t addr, uint64_t len,
						 dma_sg_t *sg, int max_sg)
{
	const struct dma_last *last = &dma->last;
	int nr = 0;

	if (!len || len - 1 > UINT64_MAX - addr)
		return -EINVAL;
	while (len) {
		uint64_t piece;

		if (addr - last->addr >= last->size && !last_next(dma, addr) &&
		    !last_search(dma, addr))
			return -ENOENT;
		piece = last->size - (addr - last->addr);
		piece = piece < len ? piece : len;
		if (nr < max_sg)
			sg_fill(last, addr, piece, &sg[nr]);
		nr++;
		addr += piece;
		len -= piece;
	}
	return nr <= max_sg || nr == INT32_MAX ? nr : -nr - 1;
}

/* A length of 0 is more than any window has. */
static inline bool last_has(const struct dma_last *last, uint64_t addr, uint64_t len)
{
	const uint64_t off = addr - last->addr;

	return off < last->size && len - 1 < last->size - off;
}

LM_EXPORT int lm_addr_to_sg(lm_ctx_t *ctx, dma_addr_t dma_addr, uint32_t len, dma_sg_t *sg,
			    int max_sg)
{
	struct dma *dma = ctx->dma;
	const struct dma_last *last = &dma->last;

	if (likely(max_sg > 0 && (last_has(last, dma_addr, len) ||
				  (last_next(dma, dma_addr) && last_has(last, dma_addr, len))))) {
		sg_fill(last, dma_addr, len, sg);
		return 1;
	}
	return addr_to_sgs(dma, dma_addr, len, sg, max_sg);
}

/* ---- lm_map_sg -------------------------------------------------------------------------------- */

static int map_search(struct dma *dma, int prot, const dma_sg_t *sg, struct iovec *iov)
{
	struct dma_backing *b;
	struct dma_slot *slot;
	struct dma_pos p;
	uint64_t off;

	if (!dma_sg_find(dma, sg, &p))
		return -ESTALE;
	slot = dma_table_slot(&dma->windows, p);
	off = sg->dma_addr - dma_table_key(&dma->windows, p);
	b = dma_slot_backing(dma, slot);
	/* An entry that was changed to reach out of its window is not ours either. */
	if (slot->revoking || out_of_range(off, sg->length, slot->size))
		return -ESTALE;
	if ((uint32_t)prot & ~b->prot)
		return -EACCES;
	if (b->kind != DMA_MAPPED || slot->holds == UINT32_MAX || dma_is_broken(b, slot))
		return -EOPNOTSUPP;
	slot->holds++;
	iov->iov_base = b->base + (slot->offset - b->start + off);
	iov->iov_len = sg->length;
	return 0;
}

/* In the window of the last lookup, and nothing unusual about it. */
static inline bool map_last(struct dma_last *last, int prot, const dma_sg_t *sg,
			    struct iovec *iov)
{
	if (unlikely(sg->generation != last->generation || ((uint32_t)prot & ~last->prot) ||
		     !last_has(last, sg->dma_addr, sg->length) ||
		     sigbus_is_broken(last->range, 0, UINT64_MAX) ||
		     last->slot->holds == UINT32_MAX))
		return false;
	last->slot->holds++;
	iov->iov_base = last->base + (sg->dma_addr - last->addr);
	iov->iov_len = sg->length;
	return true;
}

static __attribute__((noinline)) int map_all(lm_ctx_t *ctx, int prot, const dma_sg_t *sg,
					     struct iovec *iov, int cnt)
{
	struct dma *dma = ctx->dma;
	int i, ret;

	for (i = 0; i < cnt; i++) {
		if (likely(map_last(&dma->last, prot, &sg[i], &iov[i])))
			continue;
		ret = map_search(dma, prot, &sg[i], &iov[i]);
		if (ret) {
			lm_unmap_sg(ctx, sg, iov, i);
			return ret;
		}
	}
	return 0;
}

LM_EXPORT int lm_map_sg(lm_ctx_t *ctx, int prot, const dma_sg_t *sg, struct iovec *iov, int cnt)
{
	if (likely(cnt == 1 && map_last(&ctx->dma->last, prot, sg, iov)))
		return 0;
	return map_all(ctx, prot, sg, iov, cnt);
}

static void unmap_search(struct lm_ctx *ctx, const dma_sg_t *sg)
{
	struct dma *dma = ctx->dma;
	struct dma_slot *slot;
	struct dma_pos p;

	if (!dma_sg_find(dma, sg, &p)) {
		dma_orphan_release(dma, sg->generation);
		return;
	}
	slot = dma_table_slot(&dma->windows, p);
	if (!slot->holds)
		return;
	slot->holds--;
	if (slot->revoking && !slot->holds)
		dma_revoke_released(ctx);
}

/* What is being revoked is no last window. */
static inline bool unmap_last(struct dma_last *last, const dma_sg_t *sg)
{
	if (unlikely(sg->generation != last->generation || !last->slot->holds))
		return false;
	last->slot->holds--;
	return true;
}

static __attribute__((noinline)) void unmap_all(lm_ctx_t *ctx, const dma_sg_t *sg, int cnt)
{
	int i;

	for (i = 0; i < cnt; i++) {
		if (!unmap_last(&ctx->dma->last, &sg[i]))
			unmap_search(ctx, &sg[i]);
	}
}

LM_EXPORT void lm_unmap_sg(lm_ctx_t *ctx, const dma_sg_t *sg, struct iovec *iov, int cnt)
{
	if (likely(cnt == 1 && unmap_last(&ctx->dma->last, sg)))
		return;
	unmap_all(ctx, sg, cnt);
}
