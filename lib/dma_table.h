/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_table.h - a sorted map from 64-bit keys to DMA windows.
 *
 * Sorted chunks under a sorted top array: 40 bytes a window, and a lookup is two binary searches
 * without branches. Entries move when others come and go: a position is good until the next
 * change.
 */
#ifndef LM_DMA_TABLE_H
#define LM_DMA_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define DMA_CHUNK 256u

/* One window: 32 bytes, two in a cache line. */
struct dma_slot {
	uint64_t size;
	uint64_t offset;       /* in the file */
	uint64_t generation;   /* of no other window in the life of the context */
	uint32_t holds;        /* entries that lm_map_sg() gave pointers for */
	uint32_t backing : 31; /* index: what memory it is (dma_file.c) */
	uint32_t revoking : 1; /* being unmapped: found by those who release it only */
};

struct dma_chunk {
	uint64_t        key[DMA_CHUNK];
	struct dma_slot slot[DMA_CHUNK];
};

struct dma_chunk_ref {
	struct dma_chunk *chunk;
	uint32_t          nr; /* 1 .. DMA_CHUNK */
};

struct dma_table {
	uint64_t             *first; /* the first key of each chunk */
	struct dma_chunk_ref *ref;
	uint32_t              nr, cap;
	uint64_t              count; /* of windows */
};

struct dma_pos {
	uint32_t chunk, slot;
};

/* Index of the greatest of @nr sorted keys that is <= @key. There is one: keys[0] <= key. */
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

/* The greatest key <= @key; false: there is none. */
static inline bool dma_table_find(const struct dma_table *t, uint64_t key, struct dma_pos *p)
{
	if (!t->nr || t->first[0] > key)
		return false;
	p->chunk = dma_search(t->first, t->nr, key);
	p->slot = dma_search(t->ref[p->chunk].chunk->key, t->ref[p->chunk].nr, key);
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
int  dma_table_insert(struct dma_table *t, uint64_t key, const struct dma_slot *slot);
/* All keys in [@low, @high]. */
void dma_table_remove(struct dma_table *t, uint64_t low, uint64_t high);
void dma_table_free(struct dma_table *t);

#endif /* LM_DMA_TABLE_H */
