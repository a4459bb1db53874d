/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_resolve.c - client memory that is asked for when a device needs it: windows come by
 * lm_addr_to_sg() and go by revocation. The module is fake_node.h.
 */
#include "fake_node.h"

#define GIB    (1ull << 30)
#define MIB    (1ull << 20)
#define EDGE   (64 * GIB)         /* where one mapping of ours ends */
#define GUEST  (EDGE - 2 * MIB)

static unsigned int nr_maps, nr_unmaps;
static uint64_t last_addr, last_len;

static void told_map(void *pvt, dma_addr_t addr, uint64_t len)
{
	nr_maps++;
	last_addr = addr;
	last_len = len;
}

static int told_unmap(void *pvt, dma_addr_t addr, uint64_t len)
{
	nr_unmaps++;
	last_addr = addr;
	last_len = len;
	return 0;
}

/* A client with memory at GUEST. */
static struct engine *begin(void **state)
{
	struct engine *e = *state;

	nr_maps = nr_unmaps = 0;
	e->info.dma_map = told_map;
	e->info.dma_unmap = told_unmap;
	node.range[0] = (struct node_range){ .iova = GUEST, .size = 64 * MIB };
	node_begin(e);
	return e;
}

static dma_sg_t find(struct engine *e, uint64_t addr, uint32_t len)
{
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, addr, len, &sg, 1), 1);
	return sg;
}

static int lookup(struct engine *e, uint64_t addr, uint32_t len)
{
	dma_sg_t sg[4];

	return lm_addr_to_sg(e->ctx, addr, len, sg, 4);
}

static uint8_t *hold(struct engine *e, const dma_sg_t *sg, int prot)
{
	struct iovec iov;

	assert_int_equal(lm_map_sg(e->ctx, prot, sg, &iov, 1), 0);
	assert_int_equal(iov.iov_len, sg->length);
	return iov.iov_base;
}

static void drop(struct engine *e, const dma_sg_t *sg)
{
	struct iovec iov = { 0 };

	lm_unmap_sg(e->ctx, sg, &iov, 1);
}

/* ---- finding --------------------------------------------------------------------- */

static void memory_is_found_when_it_is_needed(void **state)
{
	struct engine *e = begin(state);
	uint8_t *memory = node_client_memory(GUEST, NODE_PAGE);
	const dma_sg_t sg = find(e, GUEST + 100, 8);
	uint8_t *at = hold(e, &sg, PROT_READ | PROT_WRITE);

	assert_int_equal(node.nr_pins, 1);
	memory[100] = 7;
	assert_int_equal(at[0], 7);
	at[1] = 8;
	assert_int_equal(memory[101], 8);
	drop(e, &sg);
	munmap(memory, NODE_PAGE);
}

static void what_was_found_is_not_asked_for_again(void **state)
{
	struct engine *e = begin(state);
	unsigned int i;

	for (i = 0; i < NODE_CHUNK; i += 128)
		find(e, GUEST + i, 64);
	assert_int_equal(node.nr_pins, 1);
	assert_int_equal(dma_count(e->ctx), 1);
}

static void windows_of_a_piece_share_a_mapping(void **state)
{
	struct engine *e = begin(state);
	unsigned int i;

	for (i = 0; i < 16; i++)
		find(e, GUEST + i * 2 * NODE_CHUNK, 8);
	assert_int_equal(dma_count(e->ctx), 16);
	assert_int_equal(node.nr_maps, 1);
}

static void a_range_across_pieces_takes_two_entries(void **state)
{
	struct engine *e = begin(state);
	uint8_t *memory = node_client_memory(EDGE - NODE_PAGE, 2 * NODE_PAGE), *at;
	dma_sg_t sg[2];

	assert_int_equal(lm_addr_to_sg(e->ctx, EDGE - 8, 16, sg, 2), 2);
	assert_int_equal(sg[0].length, 8);
	assert_int_equal(node.nr_maps, 2);
	memory[NODE_PAGE] = 77;
	at = hold(e, &sg[1], PROT_READ);
	assert_int_equal(at[0], 77);
	drop(e, &sg[1]);
	munmap(memory, 2 * NODE_PAGE);
}

/* As on a socket, where the client's memory is one window. */
static void a_range_around_a_window_takes_one_entry(void **state)
{
	struct engine *e = begin(state);
	dma_sg_t sg;

	find(e, GUEST + 4 * NODE_CHUNK, 8);
	sg = find(e, GUEST + 3 * NODE_CHUNK + 5, 2 * NODE_CHUNK);
	assert_int_equal(sg.dma_addr, GUEST + 3 * NODE_CHUNK + 5);
	assert_int_equal(sg.length, 2 * NODE_CHUNK);
	assert_int_equal(dma_count(e->ctx), 1);
}

static void what_the_client_has_not_is_not_found(void **state)
{
	struct engine *e = begin(state);

	assert_int_equal(lookup(e, GUEST - 4, 4), -ENOENT);
	assert_int_equal(lookup(e, GUEST + 64 * MIB, 1), -ENOENT);
	assert_int_equal(lookup(e, GUEST + 64 * MIB - 4, 8), -ENOENT);
	assert_int_equal(lookup(e, 0, 1), -ENOENT);
	assert_int_equal(lookup(e, UINT64_MAX, 1), -ENOENT);
	assert_int_equal(lookup(e, UINT64_MAX, 2), -EINVAL);
	assert_int_equal(lookup(e, GUEST, 0), -EINVAL);
}

static unsigned int nr_dropped;

static int drop_once(struct tap *tap, struct lm_ctx *ctx, struct crossing *x)
{
	return nr_dropped++ ? TAP_PASS : TAP_ANSWERED;
}

static void a_window_that_a_tap_dropped_is_not_found(void **state)
{
	static struct tap tap = { .kinds = 1ull << LM_TRACE_DMA_MAP, .before = drop_once };
	struct engine *e = begin(state);

	nr_dropped = 0;
	gate_add(e->ctx, TAP_TEST, &tap);
	assert_int_equal(lookup(e, GUEST, 8), -ENOENT);
	assert_int_equal(dma_count(e->ctx), 0);
	find(e, GUEST, 8);
}

static void read_only_memory_is_not_written(void **state)
{
	struct engine *e = begin(state);
	struct iovec iov;
	dma_sg_t sg;

	node.range[0].read_only = true;
	sg = find(e, GUEST, 8);
	hold(e, &sg, PROT_READ);
	drop(e, &sg);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &iov, 1), -EACCES);
	assert_int_equal(lm_dma_write(e->ctx, &sg, "12345678"), -EACCES);
}

static void the_device_is_told_of_windows(void **state)
{
	struct engine *e = begin(state);

	find(e, GUEST + NODE_CHUNK + 1, 8);
	assert_int_equal(nr_maps, 1);
	assert_int_equal(last_addr, GUEST + NODE_CHUNK);
	assert_int_equal(last_len, NODE_CHUNK);
	node_unmaps(e, GUEST, 64 * MIB);
	assert_int_equal(nr_unmaps, 1);
	assert_int_equal(last_addr, GUEST + NODE_CHUNK);
}

/* ---- shared memory --------------------------------------------------------------- */

static void shared_memory_is_mapped_as_the_file_it_is(void **state)
{
	struct engine *e = begin(state);
	uint8_t *memory = node_client_memory(GUEST, NODE_PAGE), *at;
	dma_sg_t sg;

	node.range[0].is_file = true;
	sg = find(e, GUEST, 8);
	assert_int_equal(node.nr_file_maps, 1);
	at = hold(e, &sg, PROT_READ);
	memory[0] = 9;
	assert_int_equal(at[0], 9);
	drop(e, &sg);
	munmap(memory, NODE_PAGE);
}

/* What was mapped there as a file shows a scratch page for good. */
static void other_memory_that_comes_in_its_place_is_seen(void **state)
{
	struct engine *e = begin(state);

	node.range[0].is_file = true;
	find(e, GUEST, 8);
	find(e, GUEST + 8 * NODE_CHUNK, 8); /* the mapping stays */
	node_unmaps(e, GUEST, NODE_CHUNK);
	node.range[0].is_file = false;
	node.nr_maps = node.nr_file_maps = 0;
	find(e, GUEST, 8);
	assert_int_equal(node.nr_maps, 1);
	assert_int_equal(node.nr_file_maps, 0);
}

static void memory_that_is_no_file_takes_one_mapping(void **state)
{
	struct engine *e = begin(state);

	find(e, GUEST, 8);
	find(e, GUEST + 8 * NODE_CHUNK, 8);
	assert_int_equal(node.nr_maps, 1);
	assert_int_equal(node.nr_file_maps, 0);
}

/* ---- copying --------------------------------------------------------------------- */

static void memory_is_copied_through_its_window(void **state)
{
	struct engine *e = begin(state);
	uint8_t *memory = node_client_memory(GUEST, NODE_PAGE);
	const dma_sg_t sg = find(e, GUEST + 8, 4);
	char data[4];

	assert_int_equal(lm_dma_write(e->ctx, &sg, "abcd"), 0);
	assert_memory_equal(memory + 8, "abcd", 4);
	memory[9] = 'x';
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_memory_equal(data, "axcd", 4);
	assert_int_equal(node.nr_copies, 0);
	munmap(memory, NODE_PAGE);
}

static void memory_that_cannot_be_pinned(struct engine *e, int error)
{
	uint8_t *memory = node_client_memory(GUEST, NODE_PAGE);
	struct iovec iov;
	char data[4];
	dma_sg_t sg;

	node.range[0].pin_error = error;
	sg = find(e, GUEST + 8, 4);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1), -EOPNOTSUPP);
	assert_int_equal(lm_dma_write(e->ctx, &sg, "abcd"), 0);
	assert_memory_equal(memory + 8, "abcd", 4);
	memory[9] = 'x';
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_memory_equal(data, "axcd", 4);
	munmap(memory, NODE_PAGE);
}

static void what_cannot_be_pinned_is_copied_by_the_module(void **state)
{
	memory_that_cannot_be_pinned(begin(state), -EOPNOTSUPP);
}

static void beyond_the_locked_memory_limit_it_is_copied(void **state)
{
	memory_that_cannot_be_pinned(begin(state), -ENOMEM);
}

static void what_cannot_be_pinned_has_to_exist(void **state)
{
	struct engine *e = begin(state);

	node.range[0].pin_error = -EOPNOTSUPP;
	assert_int_equal(lookup(e, GUEST - 100, 200), -ENOENT);
	assert_int_equal(lookup(e, GUEST + 64 * MIB - 4, 8), -ENOENT);
	assert_int_equal(dma_count(e->ctx), 0);
}

static void copies_end_with_the_memory(void **state)
{
	struct engine *e = begin(state);
	char data[4];
	dma_sg_t sg;

	node.range[0].pin_error = -EOPNOTSUPP;
	sg = find(e, GUEST, 4);
	node.range[0].size = 0;
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EFAULT);
}

static unsigned int nr_done;
static int done_result;

static void copy_done(void *arg, int result)
{
	nr_done++;
	done_result = result;
}

static void asynchronous_copies_are_done_at_once(void **state)
{
	struct engine *e = begin(state);
	char data[4];
	dma_sg_t sg;

	nr_done = 0;
	node.range[0].pin_error = -EOPNOTSUPP;
	sg = find(e, GUEST, 4);
	assert_int_equal(lm_dma_write_async(e->ctx, &sg, "abcd", copy_done, NULL), 0);
	assert_int_equal(nr_done, 1);
	assert_int_equal(done_result, 0);
	assert_int_equal(lm_dma_read_async(e->ctx, &sg, data, copy_done, NULL), 0);
	assert_int_equal(nr_done, 2);
	assert_memory_equal(data, "abcd", 4);
}

/* ---- revocation ------------------------------------------------------------------ */

static void revoked_memory_is_not_found(void **state)
{
	struct engine *e = begin(state);
	const dma_sg_t sg = find(e, GUEST, 8);
	struct iovec iov;

	node.range[0].size = 0;
	node_unmaps(e, GUEST, 64 * MIB);
	assert_int_equal(lookup(e, GUEST, 8), -ENOENT);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1), -ESTALE);
	assert_int_equal(dma_count(e->ctx), 0);
}

static void memory_that_comes_back_is_asked_for_again(void **state)
{
	struct engine *e = begin(state);

	find(e, GUEST, 8);
	node_unmaps(e, GUEST, 64 * MIB);
	find(e, GUEST, 8);
	assert_int_equal(node.nr_pins, 2);
}

static void pointers_into_revoked_memory_touch_nothing(void **state)
{
	struct engine *e = begin(state);
	uint8_t *memory = node_client_memory(GUEST, NODE_PAGE);
	const dma_sg_t sg = find(e, GUEST, 8);
	uint8_t *old = hold(e, &sg, PROT_READ | PROT_WRITE), *fresh;
	dma_sg_t again;

	memory[0] = 1;
	node_unmaps(e, GUEST, 64 * MIB);
	old[0] = 2;
	assert_int_equal(memory[0], 1);
	again = find(e, GUEST, 8);
	fresh = hold(e, &again, PROT_READ | PROT_WRITE);
	fresh[1] = 3;
	assert_int_equal(memory[1], 3);
	assert_int_equal(old[0], 2);
	assert_int_equal(old[1], 0);
	drop(e, &again);
	drop(e, &sg);
	munmap(memory, NODE_PAGE);
}

static void nobody_waits_for_a_device_that_holds_on(void **state)
{
	struct engine *e = begin(state);
	const dma_sg_t sg = find(e, GUEST, 8);

	hold(e, &sg, PROT_READ);
	node_unmaps(e, GUEST, 64 * MIB);
	node_write32(e, BAR_PLAIN, 0, 1);
	assert_int_equal(node_read32(e, BAR_PLAIN, 0), 1);
	drop(e, &sg);
}

static void a_client_that_closes_takes_its_memory(void **state)
{
	struct engine *e = begin(state);
	uint8_t *memory = node_client_memory(GUEST, NODE_PAGE);
	const dma_sg_t sg = find(e, GUEST, 8);
	uint8_t *old = hold(e, &sg, PROT_READ | PROT_WRITE);

	memory[0] = 1;
	node_client_closes(e);
	assert_int_equal(dma_count(e->ctx), 0);
	old[0] = 2;
	assert_int_equal(memory[0], 1);
	drop(e, &sg);
	munmap(memory, NODE_PAGE);
}

/* The module may pin across what the client unmaps by parts. */
static void a_window_that_is_cut_goes_as_a_whole(void **state)
{
	struct engine *e = begin(state);
	const dma_sg_t sg = find(e, GUEST, 8);
	uint8_t *at = hold(e, &sg, PROT_READ | PROT_WRITE);
	uint8_t *memory = node_client_memory(GUEST, NODE_PAGE);

	node_unmaps(e, GUEST + NODE_CHUNK / 2, NODE_PAGE);
	assert_int_equal(nr_unmaps, 1);
	assert_int_equal(last_addr, GUEST);
	assert_int_equal(dma_count(e->ctx), 0);
	at[0] = 5; /* this part is the client's still */
	assert_int_equal(memory[0], 5);
	drop(e, &sg);
	node_unmaps(e, GUEST - MIB, 4 * MIB);
	munmap(memory, NODE_PAGE);
}

static void others_keep_their_windows(void **state)
{
	struct engine *e = begin(state);
	const dma_sg_t sg = find(e, GUEST + 10 * NODE_CHUNK, 8);
	uint8_t *memory = node_client_memory(GUEST + 10 * NODE_CHUNK, NODE_PAGE), *at;
	const dma_sg_t gone = find(e, GUEST, 8);

	hold(e, &gone, PROT_READ);
	node_unmaps(e, GUEST, 9 * NODE_CHUNK);
	at = hold(e, &sg, PROT_READ);
	memory[0] = 9;
	assert_int_equal(at[0], 9);
	drop(e, &sg);
	drop(e, &gone);
	munmap(memory, NODE_PAGE);
}

static void ranges_that_wrap_are_nothing(void **state)
{
	struct engine *e = begin(state);

	find(e, GUEST, 8);
	node_unmaps(e, GUEST, UINT64_MAX);
	node_unmaps(e, GUEST, 0);
	assert_int_equal(dma_count(e->ctx), 1);
	node_unmaps(e, 0, UINT64_MAX);
	assert_int_equal(dma_count(e->ctx), 0);
}

/* ---- callbacks ------------------------------------------------------------------- */

static struct engine *asking;

static int asks_again(void *pvt, dma_addr_t addr, uint64_t len)
{
	assert_int_equal(lookup(asking, GUEST, 8), -ENOENT);
	assert_int_equal(lookup(asking, GUEST + 5 * NODE_CHUNK, 8), -ENOENT);
	return 0;
}

static void while_memory_goes_none_comes(void **state)
{
	struct engine *e = *state;

	asking = e;
	begin(state);
	e->ctx->info.dma_unmap = asks_again;
	find(e, GUEST, 8);
	node_unmaps(e, GUEST, NODE_CHUNK);
	e->ctx->info.dma_unmap = NULL;
	find(e, GUEST + 5 * NODE_CHUNK, 8);
}

static void before_a_client_there_is_no_memory(void **state)
{
	struct engine *e = *state;

	node_serve(e);
	assert_int_equal(lookup(e, GUEST, 8), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(memory_is_found_when_it_is_needed),
		NODE_TEST(what_was_found_is_not_asked_for_again),
		NODE_TEST(windows_of_a_piece_share_a_mapping),
		NODE_TEST(a_range_across_pieces_takes_two_entries),
		NODE_TEST(a_range_around_a_window_takes_one_entry),
		NODE_TEST(what_the_client_has_not_is_not_found),
		NODE_TEST(a_window_that_a_tap_dropped_is_not_found),
		NODE_TEST(read_only_memory_is_not_written),
		NODE_TEST(the_device_is_told_of_windows),
		NODE_TEST(shared_memory_is_mapped_as_the_file_it_is),
		NODE_TEST(other_memory_that_comes_in_its_place_is_seen),
		NODE_TEST(memory_that_is_no_file_takes_one_mapping),
		NODE_TEST(memory_is_copied_through_its_window),
		NODE_TEST(what_cannot_be_pinned_is_copied_by_the_module),
		NODE_TEST(beyond_the_locked_memory_limit_it_is_copied),
		NODE_TEST(what_cannot_be_pinned_has_to_exist),
		NODE_TEST(copies_end_with_the_memory),
		NODE_TEST(asynchronous_copies_are_done_at_once),
		NODE_TEST(revoked_memory_is_not_found),
		NODE_TEST(memory_that_comes_back_is_asked_for_again),
		NODE_TEST(pointers_into_revoked_memory_touch_nothing),
		NODE_TEST(nobody_waits_for_a_device_that_holds_on),
		NODE_TEST(a_client_that_closes_takes_its_memory),
		NODE_TEST(a_window_that_is_cut_goes_as_a_whole),
		NODE_TEST(others_keep_their_windows),
		NODE_TEST(ranges_that_wrap_are_nothing),
		NODE_TEST(while_memory_goes_none_comes),
		NODE_TEST(before_a_client_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
