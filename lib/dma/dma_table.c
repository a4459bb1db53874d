/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_table.c - a sorted map from 64-bit keys to DMA windows: insert and remove.
 *
 * A full chunk first fills up its neighbours, then splits; two that are small together
 * become one. So chunks are full where keys come in order, well filled where they do not,
 * and never outnumber what their windows need by much. Lookups are in the header: they
 * are the fast path. What a slot refers to is nothing to this file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dma/dma_table.h"

#define TOP_FIRST  16u             /* room in the first top array */
#define SHIFT_ROOM (DMA_CHUNK / 8) /* less room in a neighbour is not worth moving */
#define MERGE_MAX  (DMA_CHUNK / 2) /* merged chunks must not be split again at once */

_Static_assert(sizeof(struct dma_slot) == 32, "two in a cache line");

/* ---- chunks ---------------------------------------------------------------------- */

static void chunk_copy(struct dma_chunk *to, uint32_t to_slot, const struct dma_chunk *from,
		       uint32_t from_slot, uint32_t nr)
{
	memmove(&to->key[to_slot], &from->key[from_slot], nr * sizeof(to->key[0]));
	memmove(&to->slot[to_slot], &from->slot[from_slot], nr * sizeof(to->slot[0]));
}

/* Keys that are not in use are greater than any other. */
static void chunk_truncate(struct dma_chunk_ref *ref, uint32_t nr)
{
	memset(&ref->chunk->key[nr], 0xff, (ref->nr - nr) * sizeof(ref->chunk->key[0]));
	ref->nr = nr;
}

/* Room for @nr more entries before @slot; the chunk has it. */
static void chunk_open(struct dma_chunk_ref *ref, uint32_t slot, uint32_t nr)
{
	chunk_copy(ref->chunk, slot + nr, ref->chunk, slot, ref->nr - slot);
	ref->nr += nr;
}

/* @nr entries from @slot on go. */
static void chunk_close(struct dma_chunk_ref *ref, uint32_t slot, uint32_t nr)
{
	chunk_copy(ref->chunk, slot, ref->chunk, slot + nr, ref->nr - slot - nr);
	chunk_truncate(ref, ref->nr - nr);
}

/* How many keys are <= @key. */
static uint32_t chunk_rank(const struct dma_chunk_ref *ref, uint64_t key)
{
	if (ref->chunk->key[0] > key)
		return 0;
	return dma_chunk_search(ref->chunk->key, ref->nr, key) + 1;
}

/* Chunk @at has another first entry. */
static void top_update(struct dma_table *t, uint32_t at)
{
	t->first[at] = t->ref[at].chunk->key[0];
}

/* ---- the top array --------------------------------------------------------------- */

static int top_grow(struct dma_table *t)
{
	const uint32_t cap = t->cap ? 2 * t->cap : TOP_FIRST;
	struct dma_chunk_ref *ref;
	uint64_t *first;

	first = realloc(t->first, cap * sizeof(*first));
	if (!first)
		return -ENOMEM;
	t->first = first;
	ref = realloc(t->ref, cap * sizeof(*ref));
	if (!ref)
		return -ENOMEM;
	t->ref = ref;
	t->cap = cap;
	return 0;
}

static void top_move(struct dma_table *t, uint32_t to, uint32_t from)
{
	memmove(&t->first[to], &t->first[from], (t->nr - from) * sizeof(t->first[0]));
	memmove(&t->ref[to], &t->ref[from], (t->nr - from) * sizeof(t->ref[0]));
	t->nr = t->nr - from + to;
}

/* An empty chunk before chunk @at: the caller fills it. */
static int top_insert(struct dma_table *t, uint32_t at)
{
	struct dma_chunk *chunk;

	if (t->nr == t->cap && top_grow(t))
		return -ENOMEM;
	chunk = aligned_alloc(64, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	memset(chunk->key, 0xff, sizeof(chunk->key));
	top_move(t, at + 1, at);
	t->ref[at].chunk = chunk;
	t->ref[at].nr = 0;
	return 0;
}

/* ---- insert ---------------------------------------------------------------------- */

/* Half of the free room in the chunk on the left takes our first entries. */
static bool shift_left(struct dma_table *t, struct dma_pos *p)
{
	struct dma_chunk_ref *left, *full = &t->ref[p->chunk];
	uint32_t nr, room;

	if (!p->chunk)
		return false;
	left = full - 1;
	room = DMA_CHUNK - left->nr;
	if (room < SHIFT_ROOM)
		return false;
	nr = room / 2;
	chunk_copy(left->chunk, left->nr, full->chunk, 0, nr);
	chunk_close(full, 0, nr);
	top_update(t, p->chunk);
	if (p->slot >= nr)
		p->slot -= nr;
	else
		*p = (struct dma_pos){ p->chunk - 1, left->nr + p->slot };
	left->nr += nr;
	return true;
}

static bool shift_right(struct dma_table *t, struct dma_pos *p)
{
	struct dma_chunk_ref *right, *full = &t->ref[p->chunk];
	uint32_t nr, room;

	if (p->chunk + 1 == t->nr)
		return false;
	right = full + 1;
	room = DMA_CHUNK - right->nr;
	if (room < SHIFT_ROOM)
		return false;
	nr = room / 2;
	chunk_open(right, 0, nr);
	chunk_copy(right->chunk, 0, full->chunk, DMA_CHUNK - nr, nr);
	chunk_truncate(full, DMA_CHUNK - nr);
	top_update(t, p->chunk + 1);
	if (p->slot > full->nr)
		*p = (struct dma_pos){ p->chunk + 1, p->slot - full->nr };
	return true;
}

/* A second chunk: for the new entry alone where it stands at an end, as ascending and
 * descending keys do; else for the upper half. */
static int split(struct dma_table *t, struct dma_pos *p)
{
	const uint32_t half = p->slot && p->slot < DMA_CHUNK ? DMA_CHUNK / 2 : 0;
	struct dma_chunk_ref *low, *high;
	int ret;

	ret = top_insert(t, p->chunk + (p->slot != 0));
	if (ret)
		return ret;
	if (!half) {
		*p = (struct dma_pos){ p->chunk + (p->slot != 0), 0 };
		return 0;
	}
	low = &t->ref[p->chunk];
	high = low + 1;
	chunk_copy(high->chunk, 0, low->chunk, half, DMA_CHUNK - half);
	chunk_truncate(low, half);
	high->nr = DMA_CHUNK - half;
	top_update(t, p->chunk + 1);
	if (p->slot > half)
		*p = (struct dma_pos){ p->chunk + 1, p->slot - half };
	return 0;
}

int dma_table_insert(struct dma_table *t, uint64_t key, const struct dma_slot *slot)
{
	struct dma_pos p = { 0, 0 };
	struct dma_chunk_ref *ref;
	int ret = 0;

	if (dma_table_find(t, key, &p))
		p.slot++;
	if (!t->nr)
		ret = top_insert(t, 0);
	else if (t->ref[p.chunk].nr == DMA_CHUNK && !shift_left(t, &p) && !shift_right(t, &p))
		ret = split(t, &p);
	if (ret)
		return ret;
	ref = &t->ref[p.chunk];
	chunk_open(ref, p.slot, 1);
	ref->chunk->key[p.slot] = key;
	ref->chunk->slot[p.slot] = *slot;
	top_update(t, p.chunk);
	t->count++;
	return 0;
}

/* ---- remove ---------------------------------------------------------------------- */

/* The keys in [@low, @high] leave chunk @at; false: it is empty now, and freed. */
static bool chunk_cut(struct dma_table *t, uint32_t at, uint64_t low, uint64_t high)
{
	struct dma_chunk_ref *ref = &t->ref[at];
	const uint32_t from = low ? chunk_rank(ref, low - 1) : 0;
	const uint32_t nr = chunk_rank(ref, high) - from;

	t->count -= nr;
	if (nr == ref->nr) {
		free(ref->chunk);
		return false;
	}
	chunk_close(ref, from, nr);
	top_update(t, at);
	return true;
}

static void merge(struct dma_table *t, uint32_t at)
{
	struct dma_chunk_ref *low, *high;

	if (at + 1 >= t->nr)
		return;
	low = &t->ref[at];
	high = low + 1;
	if (low->nr + high->nr > MERGE_MAX)
		return;
	chunk_copy(low->chunk, low->nr, high->chunk, 0, high->nr);
	low->nr += high->nr;
	free(high->chunk);
	top_move(t, at + 1, at + 2);
}

void dma_table_remove(struct dma_table *t, uint64_t low, uint64_t high)
{
	struct dma_pos p = { 0, 0 };
	uint32_t at, kept;

	dma_table_find(t, low, &p);
	kept = p.chunk;
	for (at = p.chunk; at < t->nr && t->first[at] <= high; at++) {
		if (!chunk_cut(t, at, low, high))
			continue;
		t->first[kept] = t->first[at];
		t->ref[kept++] = t->ref[at];
	}
	if (kept != at)
		top_move(t, kept, at);
	merge(t, p.chunk);
	if (p.chunk)
		merge(t, p.chunk - 1);
}

/* ---- the rest -------------------------------------------------------------------- */

bool dma_table_seek(const struct dma_table *t, uint64_t key, struct dma_pos *p)
{
	if (!dma_table_find(t, key, p)) {
		*p = (struct dma_pos){ 0, 0 };
		return t->nr != 0;
	}
	return dma_table_key(t, *p) == key || dma_table_next(t, p);
}

void dma_table_free(struct dma_table *t)
{
	uint32_t i;

	for (i = 0; i < t->nr; i++)
		free(t->ref[i].chunk);
	free(t->ref);
	free(t->first);
	*t = (struct dma_table){ 0 };
}
