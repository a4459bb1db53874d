/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma.c - which windows a client may map, and how many.
 */
#include "dma_fixture.h"

#define MILLION 1000000u

static struct dma_window window(uint64_t addr, uint64_t size)
{
	return (struct dma_window){ .addr = addr, .size = size, .prot = RW, .fd = -1 };
}

static int try_window(uint64_t addr, uint64_t size)
{
	return try_map(window(addr, size));
}

static void a_window_is_mapped_and_told_to_the_device(void **state)
{
	assert_int_equal(try_window(0x1000, 0x2000), 0);
	assert_int_equal(device.nr_maps, 1);
	assert_int_equal(dma_count(&ctx), 1);
	assert_true(is_found(0x1000));
	assert_true(is_found(0x2fff));
	assert_false(is_found(0xfff));
	assert_false(is_found(0x3000));
}

static void an_empty_window_is_refused(void **state)
{
	assert_int_equal(try_window(0x1000, 0), -EINVAL);
	assert_int_equal(dma_count(&ctx), 0);
}

static void a_window_that_wraps_is_refused(void **state)
{
	assert_int_equal(try_window(UINT64_MAX, 2), -EINVAL);
	assert_int_equal(try_window(0x1000, UINT64_MAX), -EINVAL);
	assert_int_equal(dma_count(&ctx), 0);
}

static void a_window_may_end_with_the_address_space(void **state)
{
	const uint64_t size = 0xffffffff01100000ull; /* a vIOMMU's */
	dma_sg_t sg;

	assert_int_equal(try_window(-size, size), 0);
	assert_true(is_found(UINT64_MAX));
	assert_true(is_found(-size));
	assert_int_equal(lm_addr_to_sg(&ctx, UINT64_MAX, 1, &sg, 1), 1);
	assert_int_equal(try_window(UINT64_MAX, 1), -EEXIST);
}

static void the_last_byte_of_the_address_space_can_be_a_window(void **state)
{
	assert_int_equal(try_window(UINT64_MAX, 1), 0);
	assert_int_equal(try_window(0, UINT64_MAX), 0);
	assert_true(is_found(UINT64_MAX));
	assert_true(is_found(UINT64_MAX - 1));
	assert_int_equal(unmap(UINT64_MAX, 1), 0);
	assert_false(is_found(UINT64_MAX));
}

static void protection_is_read_write_or_both(void **state)
{
	struct dma_window w = window(0x1000, 0x1000);

	w.prot = 0;
	assert_int_equal(try_map(w), -EINVAL);
	w.prot = RW | PROT_EXEC;
	assert_int_equal(try_map(w), -EINVAL);
	assert_int_equal(dma_count(&ctx), 0);
}

static void an_offset_that_overflows_is_refused(void **state)
{
	const int fd = sealed_file(PAGE);
	struct dma_window w = window(0x1000, 0x1000);

	w.fd = fd;
	w.offset = UINT64_MAX - 0x10;
	assert_int_equal(try_map(w), -EINVAL);
	w.offset = (uint64_t)INT64_MAX - 0x10;
	assert_int_equal(try_map(w), -EINVAL);
	w.size = UINT64_MAX - 0x2000;
	w.offset = 0;
	assert_int_equal(try_map(w), -EINVAL);
	assert_int_equal(dma_count(&ctx), 0);
	close(fd);
}

static void the_same_window_again_exists(void **state)
{
	assert_int_equal(try_window(0x1000, 0x1000), 0);
	assert_int_equal(try_window(0x1000, 0x1000), -EEXIST);
	assert_int_equal(device.nr_maps, 1);
}

static void every_overlap_exists(void **state)
{
	assert_int_equal(try_window(0x10000, 0x4000), 0);
	assert_int_equal(try_window(0x11000, 0x1000), -EEXIST); /* inside */
	assert_int_equal(try_window(0x0, 0x100000), -EEXIST);   /* around */
	assert_int_equal(try_window(0xf000, 0x1001), -EEXIST);  /* the first byte */
	assert_int_equal(try_window(0x13fff, 1), -EEXIST);      /* the last byte */
	assert_int_equal(try_window(0, -0x10000ull), -EEXIST);
	assert_int_equal(dma_count(&ctx), 1);
}

static void adjacent_windows_do_not_overlap(void **state)
{
	assert_int_equal(try_window(0x10000, 0x1000), 0);
	assert_int_equal(try_window(0x11000, 0x1000), 0);
	assert_int_equal(try_window(0xf000, 0x1000), 0);
	assert_int_equal(dma_count(&ctx), 3);
}

static void a_refused_window_leaves_the_descriptor_to_its_owner(void **state)
{
	const int fd = sealed_file(PAGE);
	const unsigned int before = count_fds();

	map_file(0x1000, PAGE, fd, 0);
	assert_int_equal(count_fds(), before);
	assert_int_equal(try_map((struct dma_window){
				 .addr = 0x1000, .size = PAGE, .prot = RW, .fd = fd }),
			 -EEXIST);
	assert_int_equal(count_fds(), before);
	close(fd);
}

static bool no_memory;

/* For the table of windows only. */
void *aligned_alloc(size_t alignment, size_t size)
{
	void *p;

	return no_memory || posix_memalign(&p, alignment, size) ? NULL : p;
}

static void without_memory_nothing_is_changed(void **state)
{
	const int mapped = sealed_file(PAGE), kept = file_new(PAGE, 0);
	const unsigned int before = count_fds();
	struct dma_window w = window(0x1000, PAGE);

	no_memory = true;
	w.fd = mapped;
	assert_int_equal(try_map(w), -ENOMEM);
	w.fd = kept;
	assert_int_equal(try_map(w), -ENOMEM);
	no_memory = false;
	assert_int_equal(count_fds(), before);
	assert_int_equal(mappings(NULL), 0);
	assert_int_equal(dma_count(&ctx), 0);
	assert_int_equal(try_map(w), 0);
	close(mapped);
	close(kept);
}

#define LAST_SHOWN 1000

static bool remember_last(void *arg, const struct dma_window *w, const char *kind,
			  uint32_t held)
{
	uint64_t *last = arg;

	assert_true(w->addr > *last);
	*last = w->addr;
	return w->addr != LAST_SHOWN * PAGE;
}

static void windows_are_shown_in_order(void **state)
{
	uint64_t last = 0;
	uint32_t i;

	for (i = 0; i < 1000; i++)
		map_message((i * 617 % 1000 + 1) * 0x1000, 0x1000);
	dma_for_each(&ctx, 0, remember_last, &last);
	assert_int_equal(last, 1000 * PAGE);
	assert_int_equal(dma_count(&ctx), 1000);
}

static void a_walk_ends_where_it_is_told(void **state)
{
	uint64_t last = 0;
	uint32_t i;

	for (i = 1; i <= 2 * LAST_SHOWN; i++)
		map_message(i * PAGE, PAGE);
	dma_for_each(&ctx, 0, remember_last, &last);
	assert_int_equal(last, LAST_SHOWN * PAGE);
}

static void a_walk_begins_where_it_is_told(void **state)
{
	uint64_t last = 0;

	map_message(PAGE, PAGE);
	map_message(3 * PAGE, PAGE);
	dma_for_each(&ctx, 3 * PAGE, remember_last, &last);
	assert_int_equal(last, 3 * PAGE);
	last = 0;
	dma_for_each(&ctx, 3 * PAGE + 1, remember_last, &last);
	assert_int_equal(last, 0);
}

static void a_window_is_shown_as_it_was_described(void **state)
{
	const int fd = sealed_file(4 * PAGE);

	map_file(0x1000, PAGE, fd, PAGE);
	map_message(0x8000, PAGE);
	assert_kind(0x1000, "mapped");
	assert_kind(0x8000, "message");
	assert_int_equal(show(0x1000).held, 0);
	close(fd);
}

static void check_million(void)
{
	const struct dma_table *t = &ctx.dma->windows;

	assert_int_equal(dma_count(&ctx), MILLION);
	assert_true(t->nr * sizeof(struct dma_chunk) +
		    t->cap * (sizeof(*t->first) + sizeof(*t->ref)) <= 64ull * MILLION);
	assert_true(is_found(2 * PAGE * 123456));
	assert_false(is_found(2 * PAGE * 123456 + PAGE));
	assert_int_equal(dma_unmap(&ctx, 0, 0, true), 0);
	assert_int_equal(dma_count(&ctx), 0);
	assert_int_equal(device.nr_unmaps, MILLION);
}

static void a_million_windows_of_one_file_take_one_mapping(void **state)
{
	const int fd = sealed_file(16 * PAGE);
	const unsigned int before = count_fds();
	uint64_t i;

	for (i = 0; i < MILLION; i++)
		map_file(2 * PAGE * (i * 7919 % MILLION), PAGE, fd, i % 16 * PAGE);
	assert_int_equal(mappings(NULL), 1);
	assert_int_equal(count_fds(), before);
	check_million();
	assert_int_equal(mappings(NULL), 0);
	close(fd);
}

static void a_million_windows_without_a_file(void **state)
{
	uint64_t i;

	for (i = 0; i < MILLION; i++)
		map_message(2 * PAGE * i, PAGE);
	check_million();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DMA_TEST(a_window_is_mapped_and_told_to_the_device),
		DMA_TEST(an_empty_window_is_refused),
		DMA_TEST(a_window_that_wraps_is_refused),
		DMA_TEST(a_window_may_end_with_the_address_space),
		DMA_TEST(the_last_byte_of_the_address_space_can_be_a_window),
		DMA_TEST(protection_is_read_write_or_both),
		DMA_TEST(an_offset_that_overflows_is_refused),
		DMA_TEST(the_same_window_again_exists),
		DMA_TEST(every_overlap_exists),
		DMA_TEST(adjacent_windows_do_not_overlap),
		DMA_TEST(a_refused_window_leaves_the_descriptor_to_its_owner),
		DMA_TEST(without_memory_nothing_is_changed),
		DMA_TEST(windows_are_shown_in_order),
		DMA_TEST(a_walk_ends_where_it_is_told),
		DMA_TEST(a_walk_begins_where_it_is_told),
		DMA_TEST(a_window_is_shown_as_it_was_described),
		DMA_TEST(a_million_windows_of_one_file_take_one_mapping),
		DMA_TEST(a_million_windows_without_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
