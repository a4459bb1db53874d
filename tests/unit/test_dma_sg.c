/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_sg.c - scatter entries: what they cover, what they give, and when they are
 * stale.
 */
#include "dma_fixture.h"

#define A 0x100000ull

static int shared = -1;

static int setup(void **state)
{
	shared = sealed_file(64 * PAGE);
	return dma_setup(state);
}

static int teardown(void **state)
{
	close(shared);
	return dma_teardown(state);
}

/* Window @nr, of @pages pages: at A + nr pages, the same place in the file. */
static void map_at(uint64_t nr, uint64_t pages)
{
	map_file(A + nr * PAGE, pages * PAGE, shared, nr * PAGE);
}

static int lookup(uint64_t addr, uint32_t len, dma_sg_t *sg, int max)
{
	return lm_addr_to_sg(&ctx, addr, len, sg, max);
}

static int map_one(const dma_sg_t *sg, int prot)
{
	struct iovec iov;

	return lm_map_sg(&ctx, prot, sg, &iov, 1);
}

/* ---- ranges ---------------------------------------------------------------------- */

static void a_range_in_one_window_is_one_entry(void **state)
{
	dma_sg_t sg[2];

	map_at(0, 4);
	assert_int_equal(lookup(A + 100, 3 * PAGE, sg, 2), 1);
	assert_int_equal(sg[0].dma_addr, A + 100);
	assert_int_equal(sg[0].length, 3 * PAGE);
	check_bytes(A + 100, 3 * PAGE, 100);
}

static void a_range_over_adjacent_windows_is_one_entry_each(void **state)
{
	struct iovec iov[4];
	dma_sg_t sg[4];

	map_at(2, 1);
	map_at(0, 2);
	map_at(3, 5);
	assert_int_equal(lookup(A + PAGE, 3 * PAGE, sg, 4), 3);
	assert_int_equal(sg[0].length, PAGE);
	assert_int_equal(sg[1].dma_addr, A + 2 * PAGE);
	assert_int_equal(sg[2].length, PAGE);
	assert_int_equal(lm_map_sg(&ctx, PROT_READ, sg, iov, 3), 0);
	assert_int_equal(*(uint8_t *)iov[2].iov_base, byte_at(3 * PAGE));
	lm_unmap_sg(&ctx, sg, iov, 3);
	assert_int_equal(show(A).held, 0);
	assert_int_equal(show(A + 3 * PAGE).held, 0);
}

static void a_range_with_a_hole_is_not_there(void **state)
{
	dma_sg_t sg[4];

	map_at(0, 1);
	map_at(2, 1);
	assert_int_equal(lookup(A, 2 * PAGE, sg, 4), -ENOENT);
	assert_int_equal(lookup(A, 3 * PAGE, sg, 4), -ENOENT);
	assert_int_equal(lookup(A + 2 * PAGE, PAGE + 1, sg, 4), -ENOENT);
	assert_int_equal(lookup(A - 1, 2, sg, 4), -ENOENT);
	assert_int_equal(lookup(A + 50 * PAGE, 1, sg, 4), -ENOENT);
}

static void too_little_room_tells_how_much_is_needed(void **state)
{
	dma_sg_t sg[3];

	map_at(0, 1);
	map_at(1, 1);
	map_at(2, 1);
	assert_int_equal(lookup(A, 3 * PAGE, sg, 2), -4);
	assert_int_equal(lookup(A, 3 * PAGE, sg, 0), -4);
	assert_int_equal(lookup(A, 1, sg, 0), -2);
	assert_int_equal(lookup(A, 1, sg, -1), -2);
	assert_int_equal(lookup(A, 3 * PAGE, sg, 3), 3);
}

static void an_empty_range_is_refused(void **state)
{
	dma_sg_t sg;

	map_at(0, 1);
	assert_int_equal(lookup(A, 0, &sg, 1), -EINVAL);
	find(A, 1);
	assert_int_equal(lookup(A, 0, &sg, 1), -EINVAL);
	assert_int_equal(lookup(A, 0, &sg, 0), -EINVAL);
}

static void a_range_that_wraps_is_refused(void **state)
{
	dma_sg_t sg;

	map_message(-0x2000ull, 0x2000);
	map_message(0, 0x2000);
	assert_int_equal(lookup(UINT64_MAX, 2, &sg, 1), -EINVAL);
	assert_int_equal(lookup(UINT64_MAX, 1, &sg, 1), 1);
	assert_int_equal(lookup(UINT64_MAX, 2, &sg, 1), -EINVAL);
	assert_int_equal(lookup(UINT64_MAX - 0xfff, UINT32_MAX, &sg, 1), -EINVAL);
}

static void a_huge_length_is_refused_after_a_hit_as_well(void **state)
{
	dma_sg_t sg;

	map_at(0, 1);
	find(A + 10, 10);
	assert_int_equal(lookup(A + 10, UINT32_MAX, &sg, 1), -ENOENT);
	assert_int_equal(lookup(A + 10, PAGE - 9, &sg, 1), -ENOENT);
	assert_int_equal(lookup(A + 10, PAGE - 10, &sg, 1), 1);
}

static void every_order_of_lookups_finds_the_right_window(void **state)
{
	uint64_t i, step;

	for (i = 0; i < 64; i += 2)
		map_at(i, 1);
	for (step = 1; step < 32; step += 2) {
		for (i = 0; i < 64; i++) {
			const uint64_t at = i * step % 32 * 2;

			check_bytes(A + at * PAGE + i, 8, at * PAGE + i);
			assert_false(is_found(A + (at + 1) * PAGE));
		}
	}
}

/* Neighbours in the table that are different memory. */
static void the_next_window_may_be_of_another_file(void **state)
{
	const int other = sealed_file(PAGE);
	uint8_t byte = 0x77;
	dma_sg_t sg;

	assert_int_equal(pwrite(other, &byte, 1, 0), 1);
	map_at(0, 1);
	map_file(A + PAGE, PAGE, other, 0);
	map_message(A + 2 * PAGE, PAGE);
	check_bytes(A, 8, 0);
	sg = find(A + PAGE, 1);
	assert_int_equal(*(uint8_t *)hold(&sg, PROT_READ).iov_base, 0x77);
	release(&sg);
	sg = find(A + 2 * PAGE, 1);
	assert_int_equal(map_one(&sg, PROT_READ), -EOPNOTSUPP);
	check_bytes(A + PAGE + 1, 8, 1);
	check_bytes(A, 8, 0);
	close(other);
}

/* ---- pointers -------------------------------------------------------------------- */

static void entries_are_held_until_released(void **state)
{
	dma_sg_t sg;

	map_at(0, 2);
	sg = find(A, 10);
	hold(&sg, PROT_READ);
	hold(&sg, PROT_WRITE);
	assert_int_equal(show(A).held, 2);
	release(&sg);
	assert_int_equal(show(A).held, 1);
	release(&sg);
	assert_int_equal(show(A).held, 0);
}

static void releasing_too_often_does_no_harm(void **state)
{
	dma_sg_t sg;

	map_at(0, 2);
	sg = find(A, 10);
	release(&sg);
	release(&sg);
	assert_int_equal(show(A).held, 0);
	hold(&sg, PROT_READ);
	assert_int_equal(show(A).held, 1);
	release(&sg);
}

static void pointers_come_all_or_none(void **state)
{
	struct iovec iov[3];
	dma_sg_t sg[3];

	map_at(0, 1);
	map_at(1, 1);
	map_message(A + 2 * PAGE, PAGE);
	assert_int_equal(lookup(A, 3 * PAGE, sg, 3), 3);
	assert_int_equal(lm_map_sg(&ctx, PROT_READ, sg, iov, 3), -EOPNOTSUPP);
	assert_int_equal(show(A).held, 0);
	assert_int_equal(show(A + PAGE).held, 0);
}

static void memory_without_a_file_has_no_pointers(void **state)
{
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 1);
	assert_int_equal(map_one(&sg, PROT_READ), -EOPNOTSUPP);
	assert_int_equal(map_one(&sg, 0), -EOPNOTSUPP);
}

static void protection_is_checked(void **state)
{
	dma_sg_t sg;

	assert_int_equal(
		try_map((struct dma_window){
			.addr = A, .size = PAGE, .prot = PROT_READ, .fd = shared }),
		0);
	sg = find(A, 1);
	assert_int_equal(map_one(&sg, PROT_READ), 0);
	release(&sg);
	assert_int_equal(map_one(&sg, PROT_WRITE), -EACCES);
	assert_int_equal(map_one(&sg, RW), -EACCES);
	assert_int_equal(map_one(&sg, PROT_EXEC), -EACCES);
	assert_int_equal(show(A).held, 0);
}

/* ---- stale entries --------------------------------------------------------------- */

static void an_entry_is_stale_when_its_window_is_unmapped(void **state)
{
	dma_sg_t sg;

	map_at(0, 1);
	sg = find(A, 1);
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	release(&sg);
}

static void an_entry_stays_stale_when_the_window_comes_back(void **state)
{
	dma_sg_t sg;

	map_at(0, 1);
	sg = find(A, 1);
	assert_int_equal(unmap(A, PAGE), 0);
	map_at(0, 1);
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	release(&sg);
	assert_int_equal(show(A).held, 0);
	find(A, 1);
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
}

static void an_entry_survives_changes_around_its_window(void **state)
{
	struct iovec iov;
	dma_sg_t sg;
	uint64_t i;

	map_at(10, 1);
	sg = find(A + 10 * PAGE + 7, 1);
	for (i = 0; i < 2000; i++)
		map_message(0x10000000 + i * PAGE, PAGE);
	for (i = 0; i < 200; i++)
		map_message(i * PAGE, PAGE);
	iov = hold(&sg, PROT_READ);
	assert_int_equal(*(uint8_t *)iov.iov_base, byte_at(10 * PAGE + 7));
	assert_int_equal(unmap(0, 100 * PAGE), 0);
	assert_int_equal(show(A + 10 * PAGE).held, 1);
	release(&sg);
	assert_int_equal(show(A + 10 * PAGE).held, 0);
}

static void entries_of_all_kinds_of_garbage_are_stale(void **state)
{
	dma_sg_t sg = { 0 };

	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	assert_int_equal(map_one(&sg, 0), -ESTALE);
	release(&sg);
	map_at(0, 1);
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	memset(&sg, 0xff, sizeof(sg));
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	release(&sg);
	sg = find(A, 1);
	sg.region = (void *)0x1234567;
	assert_int_equal(map_one(&sg, PROT_READ), 0);
	release(&sg);
	assert_int_equal(show(A).held, 0);
}

static void an_entry_cannot_be_stretched(void **state)
{
	dma_sg_t sg, inner;

	map_at(0, 1);
	map_at(1, 1);
	sg = inner = find(A, 16);
	sg.length = PAGE + 1;
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	sg.length = UINT64_MAX;
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	sg.dma_addr = A + PAGE;
	sg.length = 1;
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	sg.dma_addr = A - 1;
	assert_int_equal(map_one(&sg, PROT_READ), -ESTALE);
	inner.dma_addr += 8;
	inner.length -= 8;
	assert_int_equal(map_one(&inner, PROT_READ), 0);
	release(&inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		TEST(a_range_in_one_window_is_one_entry),
		TEST(a_range_over_adjacent_windows_is_one_entry_each),
		TEST(a_range_with_a_hole_is_not_there),
		TEST(too_little_room_tells_how_much_is_needed),
		TEST(an_empty_range_is_refused),
		TEST(a_range_that_wraps_is_refused),
		TEST(a_huge_length_is_refused_after_a_hit_as_well),
		TEST(every_order_of_lookups_finds_the_right_window),
		TEST(the_next_window_may_be_of_another_file),
		TEST(entries_are_held_until_released),
		TEST(releasing_too_often_does_no_harm),
		TEST(pointers_come_all_or_none),
		TEST(memory_without_a_file_has_no_pointers),
		TEST(protection_is_checked),
		TEST(an_entry_is_stale_when_its_window_is_unmapped),
		TEST(an_entry_stays_stale_when_the_window_comes_back),
		TEST(an_entry_survives_changes_around_its_window),
		TEST(entries_of_all_kinds_of_garbage_are_stale),
		TEST(an_entry_cannot_be_stretched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
