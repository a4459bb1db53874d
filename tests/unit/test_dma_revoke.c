/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_revoke.c - how windows go: DMA_UNMAP, memory that is held, clients that leave.
 */
#include "dma_fixture.h"

#define A 0x100000ull

static int shared = -1;
static dma_sg_t held; /* for callbacks */

static int setup(void **state)
{
	shared = sealed_file(16 * PAGE);
	return dma_setup(state);
}

static int teardown(void **state)
{
	const int ret = dma_teardown(state);

	close(shared);
	return ret || mappings(NULL);
}

static void map_at(uint64_t nr, uint64_t pages)
{
	map_file(A + nr * PAGE, pages * PAGE, shared, nr * PAGE);
}

static int map_one(const dma_sg_t *sg)
{
	struct iovec iov;

	return lm_map_sg(&ctx, PROT_READ, sg, &iov, 1);
}

static int map_error(uint64_t addr, uint64_t size)
{
	return try_map(
		(struct dma_window){ .addr = addr, .size = size, .prot = RW, .fd = -1 });
}

/* ---- what may be unmapped -------------------------------------------------------- */

static void a_window_is_unmapped(void **state)
{
	map_at(0, 1);
	assert_int_equal(unmap(A, PAGE), 0);
	assert_false(is_found(A));
	assert_int_equal(dma_count(&ctx), 0);
	assert_int_equal(device.nr_unmaps, 1);
	assert_int_equal(device.addr[0], A);
	assert_int_equal(device.len[0], PAGE);
}

static void where_nothing_is_nothing_happens(void **state)
{
	map_at(1, 1);
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(unmap(A + 2 * PAGE, PAGE), 0);
	assert_int_equal(unmap(0, A), 0);
	assert_int_equal(unmap(A, 0), 0);
	assert_int_equal(unmap(A + PAGE + 5, 0), 0);
	assert_int_equal(dma_count(&ctx), 1);
	assert_int_equal(device.nr_unmaps, 0);
}

static void several_windows_go_at_once(void **state)
{
	map_at(0, 1);
	map_at(1, 2);
	map_at(5, 1);
	map_at(9, 1);
	assert_int_equal(unmap(A, 8 * PAGE), 0);
	assert_int_equal(device.nr_unmaps, 3);
	assert_int_equal(device.addr[1], A + PAGE);
	assert_int_equal(device.len[1], 2 * PAGE);
	assert_int_equal(dma_count(&ctx), 1);
	assert_true(is_found(A + 9 * PAGE));
}

static void a_window_is_not_cut(void **state)
{
	map_at(0, 4);
	map_at(4, 1);
	assert_int_equal(unmap(A, PAGE), -EINVAL);
	assert_int_equal(unmap(A + PAGE, PAGE), -EINVAL);
	assert_int_equal(unmap(A + 3 * PAGE, 2 * PAGE), -EINVAL);
	assert_int_equal(unmap(A, 4 * PAGE - 1), -EINVAL);
	assert_int_equal(unmap(A + 1, 8 * PAGE), -EINVAL);
	assert_int_equal(dma_count(&ctx), 2);
	assert_int_equal(device.nr_unmaps, 0);
	assert_true(is_found(A + PAGE));
}

static void a_range_that_wraps_is_refused(void **state)
{
	map_message(-PAGE, PAGE);
	assert_int_equal(unmap(-PAGE, PAGE + 1), -EINVAL);
	assert_int_equal(unmap(1, UINT64_MAX), 0);
	assert_int_equal(dma_count(&ctx), 0);
	map_message(-PAGE, PAGE);
	assert_int_equal(unmap(-PAGE, PAGE), 0);
	assert_int_equal(dma_count(&ctx), 0);
}

static void all_is_everything(void **state)
{
	map_at(0, 1);
	map_message(0, 1);
	map_message(UINT64_MAX, 1);
	assert_int_equal(dma_unmap(&ctx, 0, 0, true), 0);
	assert_int_equal(dma_count(&ctx), 0);
	assert_int_equal(device.nr_unmaps, 3);
	assert_int_equal(dma_unmap(&ctx, 0, 0, true), 0);
}

/* ---- telling the device ---------------------------------------------------------- */

static void look_while_told(void)
{
	assert_false(is_found(A));
	assert_int_equal(map_one(&held), -ESTALE);
	assert_int_equal(map_error(A, PAGE), -EBUSY);
	assert_int_equal(unmap(A, PAGE), -EBUSY);
	assert_int_equal(mappings(NULL), 1);
}

static void the_device_is_told_before_the_memory_goes(void **state)
{
	map_at(0, 1);
	held = find(A, 1);
	device.in_unmap = look_while_told;
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(device.nr_unmaps, 1);
	assert_int_equal(mappings(NULL), 0);
}

static void release_while_told(void)
{
	release(&held);
}

static void what_is_released_when_told_delays_nothing(void **state)
{
	map_at(0, 1);
	held = find(A, 1);
	hold(&held, PROT_READ);
	device.in_unmap = release_while_told;
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(peer.nr_unmapped, 0);
	assert_int_equal(mappings(NULL), 0);
}

static void a_device_without_a_callback_will_do(void **state)
{
	ctx.info.dma_unmap = NULL;
	ctx.info.dma_map = NULL;
	map_at(0, 1);
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(dma_count(&ctx), 0);
}

static int fail_unmap(void *pvt, dma_addr_t addr, uint64_t len)
{
	return -EIO;
}

static void a_failing_callback_keeps_nothing(void **state)
{
	ctx.info.dma_unmap = fail_unmap;
	map_at(0, 1);
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(dma_count(&ctx), 0);
}

/* ---- memory that is held --------------------------------------------------------- */

static void held_memory_delays_the_answer(void **state)
{
	struct iovec iov;

	map_at(0, 1);
	held = find(A + 3, 1);
	iov = hold(&held, PROT_READ);
	hold(&held, PROT_READ);
	assert_int_equal(unmap(A, PAGE), LM_DEFER);
	assert_int_equal(*(uint8_t *)iov.iov_base, byte_at(3));
	release(&held);
	assert_int_equal(peer.nr_unmapped, 0);
	assert_int_equal(*(uint8_t *)iov.iov_base, byte_at(3));
	release(&held);
	assert_int_equal(peer.nr_unmapped, 1);
	assert_int_equal(dma_count(&ctx), 0);
	assert_int_equal(mappings(NULL), 0);
}

static void what_is_being_unmapped_is_not_used_any_more(void **state)
{
	char byte;

	map_at(0, 1);
	map_at(1, 1);
	held = find(A, 1);
	hold(&held, PROT_READ);
	assert_int_equal(unmap(A, PAGE), LM_DEFER);
	assert_false(is_found(A));
	assert_int_equal(map_one(&held), -ESTALE);
	assert_int_equal(lm_dma_read(&ctx, &held, &byte), -ESTALE);
	assert_int_equal(lm_dma_write(&ctx, &held, &byte), -ESTALE);
	assert_int_equal(map_error(A, PAGE), -EBUSY);
	assert_int_equal(unmap(A + PAGE, PAGE), -EBUSY);
	assert_true(is_found(A + PAGE));
	release(&held);
	assert_int_equal(map_error(A, PAGE), 0);
}

static void a_hole_in_the_range_is_taken_as_well(void **state)
{
	map_at(0, 1);
	map_at(2, 1);
	held = find(A, 1);
	hold(&held, PROT_READ);
	assert_int_equal(unmap(A, 3 * PAGE), LM_DEFER);
	assert_int_equal(map_error(A + PAGE, PAGE), -EBUSY);
	assert_int_equal(map_error(A + 3 * PAGE, PAGE), 0);
	release(&held);
	assert_int_equal(map_error(A + PAGE, PAGE), 0);
}

static void the_answer_waits_for_all_windows(void **state)
{
	dma_sg_t a, b;

	map_at(0, 1);
	map_at(1, 1);
	map_at(2, 1);
	a = find(A, 1);
	b = find(A + 2 * PAGE, 1);
	hold(&a, PROT_READ);
	hold(&b, PROT_READ);
	assert_int_equal(unmap(A, 3 * PAGE), LM_DEFER);
	release(&a);
	assert_int_equal(peer.nr_unmapped, 0);
	release(&b);
	assert_int_equal(peer.nr_unmapped, 1);
	assert_int_equal(dma_count(&ctx), 0);
}

static void memory_held_elsewhere_delays_nothing(void **state)
{
	map_at(0, 1);
	map_at(1, 1);
	held = find(A + PAGE, 1);
	hold(&held, PROT_READ);
	assert_int_equal(unmap(A, PAGE), 0);
	release(&held);
	assert_int_equal(peer.nr_unmapped, 0);
	assert_true(is_found(A + PAGE));
}

/* ---- callbacks that answer later ------------------------------------------------- */

static void a_device_may_answer_later(void **state)
{
	map_at(0, 1);
	device.defers = true;
	assert_int_equal(unmap(A, PAGE), LM_DEFER);
	assert_int_not_equal(device.token[0], 0);
	assert_int_equal(mappings(NULL), 1);
	assert_int_equal(lm_complete(&ctx, device.token[0], 0, NULL), 0);
	assert_int_equal(peer.nr_unmapped, 1);
	assert_int_equal(mappings(NULL), 0);
	assert_int_equal(lm_complete(&ctx, device.token[0], 0, NULL), -ENOENT);
}

static void the_answer_waits_for_all_callbacks(void **state)
{
	int i;

	for (i = 0; i < 5; i++)
		map_at((uint64_t)i, 1);
	device.defers = true;
	assert_int_equal(dma_unmap(&ctx, 0, 0, true), LM_DEFER);
	for (i = 0; i < 5; i++) {
		assert_int_equal(peer.nr_unmapped, 0);
		assert_int_equal(lm_complete(&ctx, device.token[(i + 2) % 5], 0, NULL),
				 0);
	}
	assert_int_equal(peer.nr_unmapped, 1);
	assert_int_equal(dma_count(&ctx), 0);
}

static void holds_and_callbacks_both_delay_the_answer(void **state)
{
	map_at(0, 1);
	held = find(A, 1);
	hold(&held, PROT_READ);
	device.defers = true;
	assert_int_equal(unmap(A, PAGE), LM_DEFER);
	assert_int_equal(lm_complete(&ctx, device.token[0], 0, NULL), 0);
	assert_int_equal(peer.nr_unmapped, 0);
	release(&held);
	assert_int_equal(peer.nr_unmapped, 1);

	map_at(0, 1);
	held = find(A, 1);
	hold(&held, PROT_READ);
	assert_int_equal(unmap(A, PAGE), LM_DEFER);
	release(&held);
	assert_int_equal(peer.nr_unmapped, 1);
	assert_int_equal(lm_complete(&ctx, device.token[1], 0, NULL), 0);
	assert_int_equal(peer.nr_unmapped, 2);
}

static int complete_at_once(void *pvt, dma_addr_t addr, uint64_t len)
{
	assert_int_equal(lm_complete(&ctx, lm_defer(&ctx), 0, NULL), 0);
	return LM_DEFER;
}

static void a_device_may_complete_inside_its_callback(void **state)
{
	ctx.info.dma_unmap = complete_at_once;
	map_at(0, 1);
	map_at(1, 1);
	assert_int_equal(dma_unmap(&ctx, 0, 0, true), 0);
	assert_int_equal(peer.nr_unmapped, 0);
	assert_int_equal(dma_count(&ctx), 0);
}

/* The callback for the second window completes the first. */
static int complete_the_one_before(void *pvt, dma_addr_t addr, uint64_t len)
{
	static lm_token_t before;

	if (before) {
		assert_int_equal(lm_complete(&ctx, before, 0, NULL), 0);
		before = 0;
		return 0;
	}
	before = lm_defer(&ctx);
	return LM_DEFER;
}

static void a_callback_may_complete_an_earlier_one(void **state)
{
	ctx.info.dma_unmap = complete_the_one_before;
	map_at(0, 1);
	map_at(1, 1);
	assert_int_equal(dma_unmap(&ctx, 0, 0, true), 0);
	assert_int_equal(peer.nr_unmapped, 0);
	assert_int_equal(dma_count(&ctx), 0);
}

/* ---- the client leaves ----------------------------------------------------------- */

static void everything_goes_with_the_client(void **state)
{
	map_at(0, 1);
	map_at(1, 1);
	dma_disconnect(&ctx);
	assert_int_equal(device.nr_unmaps, 2);
	assert_int_equal(dma_count(&ctx), 0);
	assert_int_equal(mappings(NULL), 0);
	dma_disconnect(&ctx);
	assert_int_equal(device.nr_unmaps, 2);
}

static void nobody_waits_for_a_device_when_the_client_left(void **state)
{
	map_at(0, 1);
	device.defers = true;
	dma_disconnect(&ctx);
	assert_int_equal(device.token[0], 0);
	assert_int_equal(dma_count(&ctx), 0);
}

static void pointers_live_on_when_the_client_left(void **state)
{
	struct iovec iov;

	map_at(0, 1);
	map_at(1, 1);
	held = find(A + PAGE + 9, 1);
	iov = hold(&held, PROT_READ);
	hold(&held, PROT_READ);
	dma_disconnect(&ctx);
	assert_int_equal(dma_count(&ctx), 0);
	assert_int_equal(*(uint8_t *)iov.iov_base, byte_at(PAGE + 9));
	assert_int_equal(map_one(&held), -ESTALE);
	release(&held);
	assert_int_equal(*(uint8_t *)iov.iov_base, byte_at(PAGE + 9));
	release(&held);
	assert_int_equal(mappings(NULL), 0);
	release(&held);
	assert_int_equal(peer.nr_unmapped, 0);
}

static void the_next_client_can_use_the_same_addresses(void **state)
{
	const int other = sealed_file(PAGE);
	struct iovec iov;

	map_at(0, 1);
	held = find(A + 1, 1);
	iov = hold(&held, PROT_READ);
	dma_disconnect(&ctx);
	map_file(A, PAGE, other, 0);
	check_bytes(A, 16, 0);
	assert_int_equal(map_one(&held), -ESTALE);
	assert_int_equal(*(uint8_t *)iov.iov_base, byte_at(1));
	assert_int_equal(show(A).held, 0);
	release(&held);
	assert_int_equal(mappings(NULL), 1);
	assert_int_equal(unmap(A, PAGE), 0);
	close(other);
}

static void an_unmap_that_waits_ends_with_the_client(void **state)
{
	map_at(0, 1);
	map_at(1, 1);
	map_at(2, 1);
	held = find(A + PAGE, 1);
	hold(&held, PROT_READ);
	device.defers = true;
	assert_int_equal(unmap(A + PAGE, PAGE), LM_DEFER);
	dma_disconnect(&ctx);
	assert_int_equal(device.nr_unmaps,
			 3); /* the one that it knew of is not told again */
	assert_int_equal(lm_complete(&ctx, device.token[0], 0, NULL), -ENOENT);
	release(&held);
	assert_int_equal(peer.nr_unmapped, 0);
	assert_int_equal(mappings(NULL), 0);
	assert_int_equal(map_error(A + PAGE, PAGE), 0);
}

static void many_pointers_survive_the_client(void **state)
{
	dma_sg_t sg[16];
	uint64_t i;

	for (i = 0; i < 16; i++) {
		map_at(i, 1);
		sg[i] = find(A + i * PAGE, 1);
		hold(&sg[i], PROT_READ);
	}
	dma_disconnect(&ctx);
	for (i = 0; i < 16; i++) {
		assert_int_equal(mappings(NULL), 1);
		release(&sg[i * 7 % 16]);
	}
	assert_int_equal(mappings(NULL), 0);
}

static void what_is_left_goes_with_the_context(void **state)
{
	map_at(0, 1);
	held = find(A, 1);
	hold(&held, PROT_READ);
	dma_disconnect(&ctx);
	map_at(1, 1);
	held = find(A + PAGE, 1);
	hold(&held, PROT_READ);
	device.defers = true;
	assert_int_equal(unmap(A + PAGE, PAGE), LM_DEFER);
	/* teardown() looks for leaks */
	assert_int_equal(mappings(NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		TEST(a_window_is_unmapped),
		TEST(where_nothing_is_nothing_happens),
		TEST(several_windows_go_at_once),
		TEST(a_window_is_not_cut),
		TEST(a_range_that_wraps_is_refused),
		TEST(all_is_everything),
		TEST(the_device_is_told_before_the_memory_goes),
		TEST(what_is_released_when_told_delays_nothing),
		TEST(a_device_without_a_callback_will_do),
		TEST(a_failing_callback_keeps_nothing),
		TEST(held_memory_delays_the_answer),
		TEST(what_is_being_unmapped_is_not_used_any_more),
		TEST(a_hole_in_the_range_is_taken_as_well),
		TEST(the_answer_waits_for_all_windows),
		TEST(memory_held_elsewhere_delays_nothing),
		TEST(a_device_may_answer_later),
		TEST(the_answer_waits_for_all_callbacks),
		TEST(holds_and_callbacks_both_delay_the_answer),
		TEST(a_device_may_complete_inside_its_callback),
		TEST(a_callback_may_complete_an_earlier_one),
		TEST(everything_goes_with_the_client),
		TEST(nobody_waits_for_a_device_when_the_client_left),
		TEST(pointers_live_on_when_the_client_left),
		TEST(the_next_client_can_use_the_same_addresses),
		TEST(an_unmap_that_waits_ends_with_the_client),
		TEST(many_pointers_survive_the_client),
		TEST(what_is_left_goes_with_the_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
