/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_table.h - a sorted map from 64-bit keys to DMA windows.
 *
 * Sorted chunks under a sorted top array: 40 bytes a window, and a lookup is two binary
 * searches without branches. Entries move when others come and go: a position is good
 * until the next change.
 */
#ifndef LM_DMA_TABLE_H
#define LM_DMA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DMA_CHUNK 256u

/* In dma_slot.backing: being unmapped, found by those who release it only. */
#define DMA_REVOKING (1u << 31)

/* One window: 32 bytes, two in a cache line. */
struct dma_slot {
	uint64_t size;
	uint64_t offset;     /* in the file */
	uint64_t generation; /* of no other window in the life of the context; never 0 */
	uint32_t holds;      /* entries that lm_map_sg() gave pointers for */
	uint32_t backing;    /* index: what memory it is (dma_file.c), or DMA_REVOKING */
};

struct dma_chunk {
	uint64_t key[DMA_CHUNK]; /* those not in use: all ones */
	struct dma_slot slot[DMA_CHUNK];
};

struct dma_chunk_ref {
	struct dma_chunk *chunk;
	uint32_t nr; /* 1 .. DMA_CHUNK */
};

struct dma_table {
	uint64_t *first; /* the first key of each chunk */
	struct dma_chunk_ref *ref;
	uint32_t nr, cap;
	uint64_t count; /* of windows */
};

struct dma_pos {
	uint32_t chunk, slot;
};

/* Both searches are written so that compilers use conditional moves: half of the steps
 * go up, and branches would be mispredicted. */

/* Index of the greatest of @nr sorted keys that is <= @key; keys[0] is. */
static inline uint32_t dma_search(const uint64_t *keys, uint32_t nr, uint64_t key)
{
	const uint64_t *base = keys;

	while (nr > 1) {
		const uint32_t half = nr / 2;

		base += base[half] <= key ? half : 0;
		nr -= half;
	}
	return (uint32_t)(base - keys);
}

/* The same in a chunk, @nr of whose keys are in use. */
static inline uint32_t dma_chunk_search(const uint64_t *keys, uint32_t nr, uint64_t key)
{
	size_t at = 0, step;

#pragma GCC unroll 8
	for (step = DMA_CHUNK / 2; step; step /= 2) {
		const size_t up = at + step;

		at = keys[up] <= key ? up : at;
	}
	return at < nr ? (uint32_t)at : nr - 1; /* all ones can be a key, too */
}

/* The greatest key <= @key; false: there is none. */
static inline bool dma_table_find(const struct dma_table *t, uint64_t key, struct dma_pos *p)
{
	const struct dma_chunk_ref *ref;

	if (!t->nr || t->first[0] > key)
		return false;
	p->chunk = dma_search(t->first, t->nr, key);
	ref = &t->ref[p->chunk];
	p->slot = dma_chunk_search(ref->chunk->key, ref->nr, key);
	return true;
}

/* False: the table has no such position (any more). */
static inline bool dma_table_has(const struct dma_table *t, struct dma_pos p)
{
	return p.chunk < t->nr && p.slot < t->ref[p.chunk].nr;
}

static inline uint64_t dma_table_key(const struct dma_table *t, struct dma_pos p)
{
	return t->ref[p.chunk].chunk->key[p.slot];
}

static inline struct dma_slot *dma_table_slot(const struct dma_table *t, struct dma_pos p)
{
	return &t->ref[p.chunk].chunk->slot[p.slot];
}

/* On to the next key; false: that was the last. */
static inline bool dma_table_next(const struct dma_table *t, struct dma_pos *p)
{
	if (++p->slot < t->ref[p->chunk].nr)
		return true;
	p->slot = 0;
	return ++p->chunk < t->nr;
}

/* The first key >= @key; false: there is none. */
bool dma_table_seek(const struct dma_table *t, uint64_t key, struct dma_pos *p);
/* @key is not in the table. 0 or -ENOMEM. */
int dma_table_insert(struct dma_table *t, uint64_t key, const struct dma_slot *slot);
/* All keys in [@low, @high]. */
void dma_table_remove(struct dma_table *t, uint64_t low, uint64_t high);
void dma_table_free(struct dma_table *t);

#endif /* LM_DMA_TABLE_H */
