/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_sg.c - from addresses to scatter entries to pointers: the fast path of DMA.
 *
 * An entry carries the generation of its window, which no other window ever has, and the
 * place where the window was. If it is there no more it is searched by address; nothing
 * is ever read through the entry itself. So a stale entry, however old, is answered
 * -ESTALE. No locked instruction here: one thread serves a context.
 */
#include <sys/mman.h>

#include "dma/dma_window.h"
#include "gate/gate.h"

/* Rare paths of their own functions: the common ones need no stack frame then. */
#define NOINLINE __attribute__((noinline))

/* ---- lm_addr_to_sg --------------------------------------------------------------- */

static inline void sg_fill(const struct dma_last *last, uint64_t addr, uint64_t len, dma_sg_t *sg)
{
	sg->dma_addr = addr;
	sg->length = len;
	sg->region = (void *)(last->place + last->at);
	sg->generation = last->generation;
	sg->reserved = 0;
}

/* What last->stale_flag points to: nothing can be wrong with the memory, or it is not
 * mapped. */
static const _Atomic(uint64_t) never_stale, not_mapped = 1;

static void last_set_backing(struct dma *dma, uint32_t index)
{
	const struct dma_backing *b = dma->backings.at[index].backing;
	struct dma_last *last = &dma->last;

	last->backing = index;
	last->denied_prot = ~b->prot;
	last->start = (uintptr_t)b->base - b->start;
	last->stale_flag = b->range ? &b->range->broken_high : &never_stale;
	if (b->kind != DMA_MAPPED)
		last->stale_flag = &not_mapped;
}

/* Window @at of last->chunk, of memory last->backing. First read, then write: the
 * compiler cannot know that they do not overlap. */
static inline void last_set(struct dma_last *last, uint32_t at, struct dma_slot *slot)
{
	const uint64_t addr = last->chunk->key[at];
	const struct dma_slot copy = *slot;

	last->addr = addr;
	last->size = copy.size;
	last->generation = copy.generation;
	last->slot = slot;
	last->base = (char *)(last->start + copy.offset);
	last->at = at;
}

/* Is all of [@addr, @addr + @len) in the window? A length of 0 is in none. */
static inline bool window_has(uint64_t window, uint64_t size, uint64_t addr, uint64_t len)
{
	const uint64_t off = addr - window;

	return off < size && len - 1 < size - off;
}

static inline bool last_has(const struct dma_last *last, uint64_t addr, uint64_t len)
{
	return window_has(last->addr, last->size, addr, len);
}

/* True: the window that follows the last one, of the same memory, has it all. */
static inline bool last_next(struct dma_last *last, uint64_t addr, uint64_t len)
{
	struct dma_slot *slot = last->slot + 1;
	const uint32_t at = last->at + 1;

	if (at >= last->nr)
		return false;
	if (!window_has(last->chunk->key[at], slot->size, addr, len) ||
	    slot->backing != last->backing)
		return false;
	last_set(last, at, slot);
	return true;
}

static inline bool last_search(struct dma *dma, uint64_t addr)
{
	struct dma_last *last = &dma->last;
	struct dma_chunk_ref *ref;
	struct dma_slot *slot;
	struct dma_pos p;

	if (!dma_table_find(&dma->windows, addr, &p))
		return false;
	ref = &dma->windows.ref[p.chunk];
	slot = &ref->chunk->slot[p.slot];
	if (addr - ref->chunk->key[p.slot] >= slot->size || (slot->backing & DMA_REVOKING))
		return false;
	if (slot->backing != last->backing)
		last_set_backing(dma, slot->backing);
	last->place = (uintptr_t)p.chunk * DMA_CHUNK;
	last->chunk = ref->chunk;
	last->nr = ref->nr;
	last_set(last, p.slot, slot);
	return true;
}

/* Traced where it is known to be an error: a count that is returned may look like one. */
static int lookup_failed(struct lm_ctx *ctx, uint64_t addr, uint64_t len, uint64_t missing,
			 int error)
{
	struct crossing x = {
		.kind = LM_TRACE_DMA_LOOKUP,
		.offset = addr,
		.value = missing,
		.len = len,
		.result = error,
	};

	if (gate_is_on(ctx, LM_TRACE_DMA_LOOKUP))
		gate_report(ctx, &x);
	return error;
}

/* Bus mastering is off. Looked at where no last window is: see dma_set_master(). */
static inline bool is_off(const struct lm_ctx *ctx)
{
	return unlikely(ctx->last == &ctx->dma->no_last) && ctx->dma->is_off;
}

/* The window that has @addr is the last one from now on. How much of the range it has; 0: there is
 * none. */
static inline uint64_t last_piece(struct dma *dma, uint64_t addr, uint64_t len)
{
	const struct dma_last *last = &dma->last;

	if (!last_has(last, addr, 1) && !last_next(&dma->last, addr, 1) && !last_search(dma, addr))
		return 0;
	return at_most(last->size - (addr - last->addr), len);
}

static bool is_range(uint64_t addr, uint64_t len)
{
	return len && len - 1 <= UINT64_MAX - addr;
}

/* Several windows, or none. */
static NOINLINE int addr_to_sgs(struct lm_ctx *ctx, uint64_t addr, uint64_t len, dma_sg_t *sg,
				int max_sg)
{
	const uint64_t first = addr, all = len;
	int nr = 0;

	if (!is_range(addr, len))
		return lookup_failed(ctx, addr, len, 0, -EINVAL);
	while (len) {
		const uint64_t piece = last_piece(ctx->dma, addr, len);

		if (!piece) {
			if (dma_resolve(ctx, addr, len))
				return lookup_failed(ctx, first, all, addr, -ENOENT);
			/* The new window may have merged with a known one: retry. */
			addr = first;
			len = all;
			nr = 0;
			continue;
		}
		if (nr < max_sg)
			sg_fill(&ctx->dma->last, addr, piece, &sg[nr]);
		nr++;
		addr += piece;
		len -= piece;
	}
	return nr <= max_sg || nr == INT32_MAX ? nr : -nr - 1;
}

int dma_piece(struct lm_ctx *ctx, uint64_t addr, uint64_t len, dma_sg_t *sg)
{
	struct dma *dma = ctx->dma;
	uint64_t piece;

	if (!is_range(addr, len))
		return lookup_failed(ctx, addr, len, 0, -EINVAL);
	if (dma->is_off)
		return lookup_failed(ctx, addr, len, 0, MASTER_OFF);
	while (!(piece = last_piece(dma, addr, len))) {
		if (dma_resolve(ctx, addr, len))
			return lookup_failed(ctx, addr, len, addr, -ENOENT);
	}
	sg_fill(&dma->last, addr, piece, sg);
	return 0;
}

static int addr_to_sg_search(struct lm_ctx *ctx, uint64_t addr, uint64_t len, dma_sg_t *sg,
			     int max_sg)
{
	struct dma *dma = ctx->dma;

	if (max_sg && last_search(dma, addr) && last_has(&dma->last, addr, len)) {
		sg_fill(&dma->last, addr, len, sg);
		return 1;
	}
	return addr_to_sgs(ctx, addr, len, sg, max_sg);
}

static NOINLINE int addr_to_sg_any(struct lm_ctx *ctx, uint64_t addr, uint64_t len, dma_sg_t *sg,
				   int max_sg)
{
	int ret;

	ctx_lock(ctx);
	if (is_off(ctx))
		ret = lookup_failed(ctx, addr, len, 0, MASTER_OFF);
	else
		ret = addr_to_sg_search(ctx, addr, len, sg, max_sg);
	ctx_unlock(ctx);
	return ret;
}

static NOINLINE int addr_to_sg_next(struct lm_ctx *ctx, uint64_t addr, uint64_t len, dma_sg_t *sg,
				    int max_sg)
{
	if (last_next(ctx->last, addr, len)) {
		sg_fill(ctx->last, addr, len, sg);
		return 1;
	}
	return addr_to_sg_any(ctx, addr, len, sg, max_sg);
}

/* The last window, or the next one, or any. */
LM_EXPORT int lm_addr_to_sg(lm_ctx_t *ctx, dma_addr_t dma_addr, uint32_t len, dma_sg_t *sg,
			    int max_sg)
{
	const struct dma_last *last = ctx->last;

	if (unlikely(max_sg < 1))
		return addr_to_sg_any(ctx, dma_addr, len, sg, 0);
	if (likely(last_has(last, dma_addr, len))) {
		sg_fill(last, dma_addr, len, sg);
		return 1;
	}
	return addr_to_sg_next(ctx, dma_addr, len, sg, max_sg);
}

/* ---- lm_map_sg ------------------------------------------------------------------- */

static int map_search(struct lm_ctx *ctx, int prot, const dma_sg_t *sg, struct iovec *iov)
{
	struct dma *dma = ctx->dma;
	struct dma_backing *b;
	struct dma_slot *slot;
	struct dma_pos p;
	uint64_t off;
	int ret;

	if (!dma_sg_find(dma, sg, &p))
		return -ESTALE;
	slot = dma_table_slot(&dma->windows, p);
	off = sg->dma_addr - dma_table_key(&dma->windows, p);
	b = dma_slot_backing(dma, slot);
	/* An entry that was changed to reach out of its window is not ours either. */
	if ((slot->backing & DMA_REVOKING) || out_of_range(off, sg->length, slot->size))
		return -ESTALE;
	if ((uint32_t)prot & ~b->prot)
		return -EACCES;
	if (b->kind != DMA_MAPPED || slot->holds == UINT32_MAX || dma_is_broken(b, slot))
		return -EOPNOTSUPP;
	slot->holds++;
	iov->iov_base = b->base + (slot->offset - b->start + off);
	iov->iov_len = sg->length;
	if (likely(!dma->bounces_on || !sg->length))
		return 0;
	ret = dma_bounce_new(ctx, prot, sg, iov);
	if (ret)
		slot->holds--;
	return ret;
}

/* In the window of the last lookup, and nothing unusual about it. */
static inline bool map_last(struct dma_last *last, int prot, const dma_sg_t *sg, struct iovec *iov)
{
	const uint64_t addr = sg->dma_addr, len = sg->length;

	if (unlikely(sg->generation != last->generation || !last_has(last, addr, len) ||
		     ((uint32_t)prot & last->denied_prot) ||
		     atomic_load_explicit(last->stale_flag, memory_order_relaxed)))
		return false;
	iov->iov_base = last->base + (addr - last->addr);
	iov->iov_len = len;
	if (likely(++last->slot->holds))
		return true;
	last->slot->holds--;
	return false;
}

static void unmap_all(lm_ctx_t *ctx, const dma_sg_t *sg, const struct iovec *iov, int cnt,
		      bool was_out);

static int map_locked(struct lm_ctx *ctx, int prot, const dma_sg_t *sg, struct iovec *iov, int cnt)
{
	struct dma *dma = ctx->dma;
	int i, ret;

	for (i = 0; i < cnt; i++) {
		if (likely(!dma->bounces_on && map_last(&dma->last, prot, &sg[i], &iov[i])))
			continue;
		ret = map_search(ctx, prot, &sg[i], &iov[i]);
		if (ret) {
			unmap_all(ctx, sg, iov, i, false);
			return ret;
		}
	}
	return 0;
}

static NOINLINE int map_all(struct lm_ctx *ctx, int prot, const dma_sg_t *sg, struct iovec *iov,
			    int cnt)
{
	int ret;

	ctx_lock(ctx);
	if (is_off(ctx) && cnt > 0)
		ret = lookup_failed(ctx, sg->dma_addr, sg->length, 0, MASTER_OFF);
	else
		ret = map_locked(ctx, prot, sg, iov, cnt);
	ctx_unlock(ctx);
	return ret;
}

LM_EXPORT int lm_map_sg(lm_ctx_t *ctx, int prot, const dma_sg_t *sg, struct iovec *iov, int cnt)
{
	if (likely(cnt == 1 && map_last(ctx->last, prot, sg, iov)))
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
	if ((slot->backing & DMA_REVOKING) && !slot->holds)
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

static NOINLINE void unmap_all(lm_ctx_t *ctx, const dma_sg_t *sg, const struct iovec *iov, int cnt,
			       bool was_out)
{
	int i;

	ctx_lock(ctx);
	for (i = 0; i < cnt; i++) {
		if (unlikely(ctx->dma->bounces.count))
			dma_bounce_end(ctx, &iov[i], was_out);
		if (!unmap_last(&ctx->dma->last, &sg[i]))
			unmap_search(ctx, &sg[i]);
	}
	ctx_unlock(ctx);
}

LM_EXPORT void lm_unmap_sg(lm_ctx_t *ctx, const dma_sg_t *sg, struct iovec *iov, int cnt)
{
	if (likely(cnt == 1 && unmap_last(ctx->last, sg)))
		return;
	unmap_all(ctx, sg, iov, cnt, true);
}
