/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_merge.c - windows that come piece by piece leave no seams, and entries of any of them
 * stay good until the memory goes. The module is fake_node.h.
 */
#include "dma/dma_window.h"
#include "fake_node.h"

#define GUEST  0x40000000ull
#define SIZE   (256 * NODE_CHUNK)
#define CHUNKS 64u

static struct engine *begin(void **state)
{
	struct engine *e = *state;

	node.range[0] = (struct node_range){ .iova = GUEST, .size = SIZE };
	node_begin(e);
	return e;
}

static uint64_t chunk(uint64_t n)
{
	return GUEST + n * NODE_CHUNK;
}

static dma_sg_t find(struct engine *e, uint64_t addr, uint32_t len)
{
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, addr, len, &sg, 1), 1);
	return sg;
}

static void hold(struct engine *e, const dma_sg_t *sg)
{
	struct iovec iov;

	assert_int_equal(lm_map_sg(e->ctx, PROT_READ | PROT_WRITE, sg, &iov, 1), 0);
}

static void drop(struct engine *e, const dma_sg_t *sg)
{
	struct iovec iov = { 0 };

	lm_unmap_sg(e->ctx, sg, &iov, 1);
}

static bool is_stale(struct engine *e, const dma_sg_t *sg)
{
	struct iovec iov;

	return lm_map_sg(e->ctx, PROT_READ, sg, &iov, 1) == -ESTALE;
}

static void upwards_it_is_one_window(void **state)
{
	struct engine *e = begin(state);
	unsigned int i;

	for (i = 0; i < CHUNKS; i++)
		find(e, chunk(i), 8);
	assert_int_equal(dma_count(e->ctx), 1);
	find(e, GUEST, CHUNKS * NODE_CHUNK);
	assert_int_equal(node.nr_pins, CHUNKS);
}

static void downwards_it_is_one_window(void **state)
{
	struct engine *e = begin(state);
	unsigned int i;

	for (i = CHUNKS; i; i--)
		find(e, chunk(i - 1), 8);
	assert_int_equal(dma_count(e->ctx), 1);
	find(e, GUEST, CHUNKS * NODE_CHUNK);
	assert_int_equal(node.nr_pins, CHUNKS);
}

/* Every order in which chunks can be found, more or less. */
static void in_any_order_it_is_one_window(void **state)
{
	struct engine *e = begin(state);
	dma_sg_t sg[CHUNKS];
	unsigned int i, step;

	for (step = 1; step < CHUNKS; step += 2) {
		for (i = 0; i < CHUNKS; i++)
			sg[i] = find(e, chunk(i * step % CHUNKS) + 1, 8);
		assert_int_equal(dma_count(e->ctx), 1);
		for (i = 0; i < CHUNKS; i++)
			hold(e, &sg[i]);
		for (i = 0; i < CHUNKS; i++)
			drop(e, &sg[i]);
		node_unmaps(e, GUEST, SIZE);
		assert_int_equal(dma_count(e->ctx), 0);
		assert_int_equal(e->ctx->dma->aliases.count, 0);
		for (i = 0; i < CHUNKS; i++)
			assert_true(is_stale(e, &sg[i]));
	}
}

static void entries_of_a_window_that_is_no_more_are_good(void **state)
{
	struct engine *e = begin(state);
	const dma_sg_t low = find(e, chunk(0), 8), high = find(e, chunk(2), 8);
	const dma_sg_t top = find(e, chunk(4), 8);
	char data[8];

	assert_int_equal(dma_count(e->ctx), 3);
	find(e, chunk(3), 8); /* high takes top in */
	find(e, chunk(1), 8); /* low takes both in */
	assert_int_equal(dma_count(e->ctx), 1);
	assert_int_equal(lm_dma_write(e->ctx, &low, "of  low"), 0);
	assert_int_equal(lm_dma_write(e->ctx, &high, "of high"), 0);
	assert_int_equal(lm_dma_write(e->ctx, &top, "of  top"), 0);
	assert_int_equal(lm_dma_read(e->ctx, &top, data), 0);
	assert_string_equal(data, "of  top");
	assert_int_equal(lm_dma_read(e->ctx, &high, data), 0);
	assert_string_equal(data, "of high");
}

static void pointers_are_counted_by_all_names(void **state)
{
	struct engine *e = begin(state);
	const dma_sg_t low = find(e, chunk(0), 8), high = find(e, chunk(2), 8);

	hold(e, &high);
	find(e, chunk(1), 8);
	hold(e, &high);
	hold(e, &low);
	drop(e, &low);
	drop(e, &high);
	node_unmaps(e, GUEST, SIZE); /* one is out */
	assert_int_equal(e->ctx->dma->orphans.count, 1);
	assert_true(is_stale(e, &low));
	drop(e, &high);
	assert_int_equal(e->ctx->dma->orphans.count, 0);
	assert_int_equal(e->ctx->dma->aliases.count, 0);
	drop(e, &high);
	drop(e, &low);
}

static void what_comes_back_is_another_window(void **state)
{
	struct engine *e = begin(state);
	const dma_sg_t old = find(e, chunk(0), 8);
	dma_sg_t fresh;

	hold(e, &old);
	node_unmaps(e, GUEST, SIZE);
	fresh = find(e, chunk(0), 8);
	find(e, chunk(1), 8);
	assert_int_equal(dma_count(e->ctx), 1);
	assert_true(is_stale(e, &old));
	hold(e, &fresh);
	drop(e, &old);
	drop(e, &fresh);
}

static void memory_of_another_kind_is_another_window(void **state)
{
	struct engine *e = begin(state);

	node.range[0].size = 2 * NODE_CHUNK;
	node.range[1] = (struct node_range){
		.iova = chunk(2), .size = 2 * NODE_CHUNK, .read_only = true };
	node.range[2] = (struct node_range){
		.iova = chunk(4), .size = 2 * NODE_CHUNK, .pin_error = -EOPNOTSUPP };
	find(e, chunk(0), 2 * NODE_CHUNK);
	find(e, chunk(2), 2 * NODE_CHUNK);
	find(e, chunk(4), 8);
	assert_int_equal(dma_count(e->ctx), 3);
}

/* A range across both takes two entries, whoever was there first. */
static void entries_end_where_the_kind_changes(void **state)
{
	struct engine *e = begin(state);
	dma_sg_t sg[4];

	node.range[0].size = NODE_CHUNK;
	node.range[1] = (struct node_range){
		.iova = chunk(1), .size = NODE_CHUNK, .read_only = true };
	find(e, chunk(0), 8);
	find(e, chunk(1), 8);
	assert_int_equal(lm_addr_to_sg(e->ctx, chunk(1) - 4, 8, sg, 4), 2);
	assert_int_equal(lm_addr_to_sg(e->ctx, chunk(1) - 4, 8, sg, 1), -3);
}

static void what_is_copied_is_one_window_too(void **state)
{
	struct engine *e = begin(state);

	node.range[0].pin_error = -EOPNOTSUPP;
	find(e, GUEST, 8);
	find(e, GUEST + 2 * NODE_PAGE, 8);
	find(e, GUEST + NODE_PAGE - 4, NODE_PAGE + 8);
	assert_int_equal(dma_count(e->ctx), 1);
}

/* On a socket windows are the client's: it unmaps them as it mapped them. */
static void windows_of_a_socket_stay_apart(void **state)
{
	struct engine *e = *state;

	e->info.flags = LM_DEV_NO_CONTROL;
	engine_connect(e);
	engine_map(e, 0x1000, 0x1000, -1);
	engine_map(e, 0x2000, 0x1000, -1);
	assert_int_equal(dma_count(e->ctx), 2);
}

/* ---- all of it, in any order ----------------------------------------------------- */

#define HELD  32u
#define STEPS 100000u

struct held {
	dma_sg_t       sg;
	uint8_t       *at;      /* NULL: not in use */
	bool           revoked; /* the page of its first byte was */
};

static struct held held[HELD];
static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void storm_find(struct engine *e, uint8_t *memory)
{
	struct held *h = &held[any(HELD)];
	const uint64_t addr = GUEST + any((uint32_t)SIZE - NODE_PAGE * 40);
	struct iovec iov;
	dma_sg_t sg[64];

	if (h->at)
		return;
	/* What was held when memory beside it went is not of the mapping of what comes. */
	assert_in_range(lm_addr_to_sg(e->ctx, addr, 1 + any(NODE_PAGE * 40), sg, 64), 1, 64);
	*h = (struct held){ .sg = sg[0] };
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ | PROT_WRITE, &h->sg, &iov, 1), 0);
	h->at = iov.iov_base;
	h->at[0] = (uint8_t)any(256);
	assert_int_equal(memory[addr - GUEST], h->at[0]);
}

static void storm_drop(struct engine *e)
{
	struct held *h = &held[any(HELD)];

	if (h->at)
		drop(e, &h->sg);
	h->at = NULL;
}

static void storm_unmap(struct engine *e)
{
	const uint64_t first = GUEST + any((uint32_t)(SIZE / NODE_PAGE)) * NODE_PAGE;
	const uint64_t size = (1 + any(any(4) ? 4 : 600)) * NODE_PAGE;
	unsigned int i;

	node_unmaps(e, first, size);
	for (i = 0; i < HELD; i++)
		held[i].revoked |= held[i].sg.dma_addr - first < size;
}

/* Whoever holds a pointer sees the client's memory, or nobody's. */
static void storm_look(struct engine *e, uint8_t *memory)
{
	struct held *h = &held[any(HELD)];
	uint8_t *byte;

	if (!h->at)
		return;
	byte = &memory[h->sg.dma_addr - GUEST];
	*byte = 1;
	h->at[0] = 2;
	assert_int_equal(*byte, h->revoked ? 1 : 2);
}

static void storm_close(struct engine *e)
{
	unsigned int i;

	node_client_closes(e);
	node_client_opens(e, 1);
	for (i = 0; i < HELD; i++)
		held[i].revoked = true;
}

static void storm(struct engine *e, uint8_t *memory)
{
	if (!any(1000))
		storm_close(e);
	switch (any(16)) {
	case 0:
		storm_unmap(e);
		break;
	case 1 ... 6:
		storm_find(e, memory);
		break;
	case 7 ... 11:
		storm_drop(e);
		break;
	default:
		storm_look(e, memory);
	}
}

static void nothing_is_mistaken_or_left_in_a_storm(void **state)
{
	struct engine *e = begin(state);
	uint8_t *memory = node_client_memory(GUEST, SIZE);
	unsigned int i;

	seed = 42;
	memset(held, 0, sizeof(held));
	for (i = 0; i < STEPS; i++) {
		storm(e, memory);
		node.head = node.tail = node.replies_head = node.replies_tail = 0;
	}
	for (i = 0; i < HELD; i++) {
		if (held[i].at)
			drop(e, &held[i].sg);
	}
	node_unmaps(e, GUEST, SIZE);
	assert_int_equal(dma_count(e->ctx), 0);
	assert_int_equal(e->ctx->dma->orphans.count, 0);
	assert_int_equal(e->ctx->dma->aliases.count, 0);
	assert_int_equal(e->ctx->dma->backings.nr_mappings, 0);
	munmap(memory, SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(upwards_it_is_one_window),
		NODE_TEST(downwards_it_is_one_window),
		NODE_TEST(in_any_order_it_is_one_window),
		NODE_TEST(entries_of_a_window_that_is_no_more_are_good),
		NODE_TEST(pointers_are_counted_by_all_names),
		NODE_TEST(what_comes_back_is_another_window),
		NODE_TEST(memory_of_another_kind_is_another_window),
		NODE_TEST(entries_end_where_the_kind_changes),
		NODE_TEST(what_is_copied_is_one_window_too),
		NODE_TEST(windows_of_a_socket_stay_apart),
		NODE_TEST(nothing_is_mistaken_or_left_in_a_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
