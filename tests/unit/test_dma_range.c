/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_range.c - client memory by address and length: copies over the borders of windows, one
 * value at once, pointers to all of a range.
 */
#include "dma_fixture.h"

#define A 0x100000ull

static int result;
static unsigned int nr_results;

static void note_result(void *arg, int res)
{
	assert_ptr_equal(arg, &nr_results);
	result = res;
	nr_results++;
}

static int setup(void **state)
{
	nr_results = 0;
	return dma_setup(state);
}

static void assert_file(int fd, uint64_t offset, const char *text)
{
	char data[64] = "";

	assert_int_equal(pread(fd, data, strlen(text), (off_t)offset), strlen(text));
	assert_string_equal(data, text);
}

/* ---- copies ----------------------------------------------------------------------- */

/* Three windows, of three files: no two of them can become one. */
static void map_three(int fd[3])
{
	int i;

	for (i = 0; i < 3; i++) {
		fd[i] = sealed_file(PAGE);
		map_file(A + (uint64_t)i * PAGE, PAGE, fd[i], 0);
	}
}

static void close_three(const int fd[3])
{
	int i;

	for (i = 0; i < 3; i++)
		close(fd[i]);
}

static void a_range_goes_over_windows(void **state)
{
	char data[PAGE + 8];
	int fd[3];
	uint64_t i;

	map_three(fd);
	assert_int_equal(lm_dma_read_at(&ctx, A + PAGE - 4, data, sizeof(data)), 0);
	for (i = 0; i < sizeof(data); i++)
		assert_int_equal((uint8_t)data[i], byte_at((PAGE - 4 + i) % PAGE));
	memcpy(data, "head", 4);
	memcpy(data + 4, "body", 4);
	memcpy(data + 4 + PAGE, "tail", 4);
	assert_int_equal(lm_dma_write_at(&ctx, A + PAGE - 4, data, sizeof(data)), 0);
	assert_file(fd[0], PAGE - 4, "head");
	assert_file(fd[1], 0, "body");
	assert_file(fd[2], 0, "tail");
	close_three(fd);
}

static void nothing_is_copied_where_a_part_is_missing(void **state)
{
	const int fd = sealed_file(PAGE);
	char data[16] = "0123456789abcde", byte;

	map_file(A, PAGE, fd, 0);
	assert_int_equal(lm_dma_write_at(&ctx, A + PAGE - 8, data, 16), -ENOENT);
	assert_int_equal(pread(fd, &byte, 1, PAGE - 8), 1);
	assert_int_equal((uint8_t)byte, byte_at(PAGE - 8));
	assert_int_equal(lm_dma_read_at(&ctx, A - 1, data, 2), -ENOENT);
	assert_int_equal(lm_dma_read_at(&ctx, UINT64_MAX - 3, data, 8), -EINVAL);
	assert_int_equal(lm_dma_read_at(&ctx, A, data, 0), 0);
	dma_set_master(&ctx, false);
	assert_int_equal(lm_dma_read_at(&ctx, A, data, 8), -EHOSTUNREACH);
	close(fd);
}

static void kinds_of_memory_are_mixed(void **state)
{
	const int fd = sealed_file(PAGE);
	char data[9] = "";

	map_file(A, PAGE, fd, 0);
	map_message(A + PAGE, PAGE);
	memcpy(peer.memory, "asks", 4);
	assert_int_equal(pwrite(fd, "maps", 4, PAGE - 4), 4);
	assert_int_equal(lm_dma_read_at(&ctx, A + PAGE - 4, data, 8), 0);
	assert_string_equal(data, "mapsasks");
	assert_int_equal(peer.request.addr, A + PAGE);
	assert_int_equal(peer.request.len, 4);
	peer.answer = -EIO;
	assert_int_equal(lm_dma_read_at(&ctx, A + PAGE - 4, data, 8), -EIO);
	close(fd);
}

/* ---- without waiting -------------------------------------------------------------- */

static void an_asynchronous_range_ends_once(void **state)
{
	char data[2 * PAGE];
	const struct iovec iov = { data, sizeof(data) };
	int fd[3];

	map_three(fd);
	memset(data, 'x', sizeof(data));
	assert_int_equal(lm_dma_write_at_async(&ctx, A + PAGE / 2, &iov, note_result, &nr_results),
			 0);
	assert_int_equal(nr_results, 1);
	assert_int_equal(result, 0);
	assert_file(fd[1], 0, "xxxx");
	assert_file(fd[2], PAGE / 2 - 4, "xxxx");
	assert_int_equal(lm_dma_read_at_async(&ctx, A + 2 * PAGE, &iov, note_result, &nr_results),
			 -ENOENT);
	assert_int_equal(nr_results, 1);
	close_three(fd);
}

static void it_ends_with_the_last_piece(void **state)
{
	char data[8];
	const struct iovec iov = { data, sizeof(data) };
	const int fd = sealed_file(PAGE);

	map_message(A, PAGE);
	map_file(A + PAGE, PAGE, fd, 0);
	assert_int_equal(lm_dma_read_at_async(&ctx, A + PAGE - 4, &iov, note_result, &nr_results),
			 0);
	assert_int_equal(nr_results, 0);
	peer.done(peer.arg, -EIO);
	assert_int_equal(nr_results, 1);
	assert_int_equal(result, -EIO);
	close(fd);
}

static void a_piece_that_is_refused_ends_it(void **state)
{
	char data[8];
	const struct iovec iov = { data, sizeof(data) };
	const int fd = sealed_file(PAGE);

	peer.answer = -ENOTCONN;
	map_message(A, PAGE);
	assert_int_equal(lm_dma_read_at_async(&ctx, A, &iov, note_result, &nr_results), -ENOTCONN);
	assert_int_equal(nr_results, 0);
	map_file(A - PAGE, PAGE, fd, 0);
	assert_int_equal(lm_dma_read_at_async(&ctx, A - 4, &iov, note_result, &nr_results), 0);
	assert_int_equal(nr_results, 1);
	assert_int_equal(result, -ENOTCONN);
	close(fd);
}

/* ---- one value -------------------------------------------------------------------- */

static void a_value_is_stored_and_loaded(void **state)
{
	static const unsigned int width[] = { 1, 2, 4, 8 };
	const uint64_t value = 0x8877665544332211;
	const int fd = sealed_file(PAGE);
	uint64_t loaded;
	unsigned int i;

	map_file(A, PAGE, fd, 0);
	map_message(A + PAGE, PAGE);
	for (i = 0; i < LM_NR(width); i++) {
		const uint64_t kept = value & (UINT64_MAX >> (64 - 8 * width[i]));

		assert_int_equal(lm_dma_store(&ctx, A + 64, width[i], value), 0);
		assert_int_equal(lm_dma_load(&ctx, A + 64, width[i], &loaded), 0);
		assert_int_equal(loaded, kept);
		assert_int_equal(lm_dma_store(&ctx, A + PAGE, width[i], value), 0);
		assert_int_equal(peer.request.len, width[i]);
		assert_int_equal(lm_dma_load(&ctx, A + PAGE, width[i], &loaded), 0);
		assert_int_equal(loaded, kept);
	}
	close(fd);
}

static void a_value_is_aligned_and_in_one_window(void **state)
{
	const int fd = sealed_file(2 * PAGE);
	uint64_t loaded;

	map_file(A, PAGE + 4, fd, 0);
	assert_int_equal(lm_dma_store(&ctx, A + 2, 4, 0), -EINVAL);
	assert_int_equal(lm_dma_store(&ctx, A, 0, 0), -EINVAL);
	assert_int_equal(lm_dma_store(&ctx, A, 3, 0), -EINVAL);
	assert_int_equal(lm_dma_load(&ctx, A, 16, &loaded), -EINVAL);
	assert_int_equal(lm_dma_load(&ctx, A + PAGE, 8, &loaded), -EINVAL);
	assert_int_equal(lm_dma_load(&ctx, A + 2 * PAGE, 8, &loaded), -ENOENT);
	close(fd);
}

/* The address is aligned, where it stands in memory is not. */
static void a_window_may_stand_at_an_odd_byte(void **state)
{
	const int fd = sealed_file(2 * PAGE);
	uint64_t loaded;

	map_file(A, PAGE, fd, 1);
	assert_int_equal(lm_dma_store(&ctx, A + 8, 8, 0x6465666768696a6b), 0);
	assert_int_equal(lm_dma_load(&ctx, A + 8, 8, &loaded), 0);
	assert_int_equal(loaded, 0x6465666768696a6b);
	assert_file(fd, 9, "kjihgfed");
	close(fd);
}

/* ---- pointers --------------------------------------------------------------------- */

static void all_of_a_range_is_held(void **state)
{
	struct iovec iov[3];
	dma_sg_t sg[3];
	lm_dma_hold_t hold = { .sg = sg, .iov = iov, .max = 2 };
	int fd[3];

	map_three(fd);
	assert_int_equal(lm_dma_hold(&ctx, RW, A + PAGE - 1, PAGE + 2, &hold), -ENOSPC);
	assert_int_equal(hold.needed, 3);
	assert_int_equal(hold.nr, 0);
	assert_int_equal(show(A).held, 0);
	hold.max = 3;
	assert_int_equal(lm_dma_hold(&ctx, RW, A + PAGE - 1, PAGE + 2, &hold), 0);
	assert_int_equal(hold.nr, 3);
	assert_int_equal(iov[0].iov_len, 1);
	assert_int_equal(iov[1].iov_len, PAGE);
	assert_int_equal(iov[2].iov_len, 1);
	assert_int_equal(*(uint8_t *)iov[0].iov_base, byte_at(PAGE - 1));
	assert_int_equal(show(A + PAGE).held, 1);
	lm_dma_release(&ctx, &hold);
	lm_dma_release(&ctx, &hold); /* once */
	assert_int_equal(show(A + PAGE).held, 0);
	close_three(fd);
}

static void nothing_is_held_on_failure(void **state)
{
	struct iovec iov[2];
	dma_sg_t sg[2];
	lm_dma_hold_t hold = { .sg = sg, .iov = iov, .max = 2 };
	const int fd = sealed_file(PAGE);

	map_file(A, PAGE, fd, 0);
	assert_int_equal(lm_dma_hold(&ctx, RW, A + PAGE - 1, 2, &hold), -ENOENT);
	assert_int_equal(hold.needed, 0);
	assert_int_equal(lm_dma_hold(&ctx, RW, A, 0, &hold), -EINVAL);
	map_message(A + PAGE, PAGE);
	assert_int_equal(lm_dma_hold(&ctx, RW, A + PAGE - 1, 2, &hold), -EOPNOTSUPP);
	assert_int_equal(hold.nr, 0);
	assert_int_equal(show(A).held, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DMA_TEST(a_range_goes_over_windows),
		DMA_TEST(nothing_is_copied_where_a_part_is_missing),
		DMA_TEST(kinds_of_memory_are_mixed),
		cmocka_unit_test_setup_teardown(an_asynchronous_range_ends_once, setup,
						dma_teardown),
		cmocka_unit_test_setup_teardown(it_ends_with_the_last_piece, setup, dma_teardown),
		cmocka_unit_test_setup_teardown(a_piece_that_is_refused_ends_it, setup,
						dma_teardown),
		DMA_TEST(a_value_is_stored_and_loaded),
		DMA_TEST(a_value_is_aligned_and_in_one_window),
		DMA_TEST(a_window_may_stand_at_an_odd_byte),
		DMA_TEST(all_of_a_range_is_held),
		DMA_TEST(nothing_is_held_on_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
