/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_region.c - regions: which descriptions are refused, memory that the library keeps, what
 * may be read and written, and what a callback may answer: what a client may not do reads as ones,
 * or is dropped, as on a bus.
 */
#include <limits.h>

#include "traced.h"

#define BAR  LM_BAR4_REG_IDX
#define PAGE 4096u
#define RW   LM_REG_FLAG_RW
#define MEM  (LM_REG_FLAG_RW | LM_REG_FLAG_MEM)
#define MAP  (MEM | LM_REG_FLAG_MMAP)

static lm_reg_info_t *bar(struct engine *e, int index)
{
	return &e->info.pci_info.reg_info[index];
}

/* BAR with these flags and size is refused. */
static void bar_refused(struct engine *e, uint32_t flags, uint64_t size)
{
	*bar(e, BAR) = (lm_reg_info_t){ .flags = flags, .size = size };
	engine_refuses(e);
}

static void bar_accepted(struct engine *e, uint32_t flags, uint64_t size)
{
	*bar(e, BAR) = (lm_reg_info_t){ .flags = flags, .size = size, .fn = engine_access };
	engine_start(e);
	engine_destroy(e);
	engine_close(e);
}

/* ---- descriptions ---------------------------------------------------------------- */

static void the_size_of_a_bar_is_a_power_of_two(void **state)
{
	bar_refused(*state, MEM, 48);
	bar_refused(*state, MEM, 4097);
	bar_refused(*state, MEM, UINT64_MAX);
}

static void the_smallest_bars(void **state)
{
	bar_refused(*state, MEM, 8);
	bar_accepted(*state, MEM, 16);
	bar_refused(*state, RW, 2);
	bar_accepted(*state, RW, 4);
}

static void the_largest_bars(void **state)
{
	bar_accepted(*state, RW, 256);
	bar_refused(*state, RW, 512);
	bar_accepted(*state, MEM, 1ull << 31);
	bar_refused(*state, MEM, 1ull << 32);
	bar_accepted(*state, MEM | LM_REG_FLAG_64BIT, 1ull << 63);
}

static void an_io_bar_is_nothing_but_that(void **state)
{
	bar_refused(*state, RW | LM_REG_FLAG_64BIT, 16);
	bar_refused(*state, RW | LM_REG_FLAG_PREFETCH, 16);
	bar_refused(*state, RW | LM_REG_FLAG_MMAP, 16);
}

static void the_upper_half_of_a_64_bit_bar_is_taken(void **state)
{
	struct engine *e = *state;

	bar(e, LM_BAR4_REG_IDX)->flags = MEM;
	bar(e, LM_BAR4_REG_IDX)->size = 16;
	bar(e, LM_BAR3_REG_IDX)->flags = MEM | LM_REG_FLAG_64BIT;
	bar(e, LM_BAR3_REG_IDX)->size = 16;
	engine_refuses(e);
}

static void the_last_bar_cannot_be_64_bit(void **state)
{
	struct engine *e = *state;

	bar(e, LM_BAR5_REG_IDX)->flags = MEM | LM_REG_FLAG_64BIT;
	bar(e, LM_BAR5_REG_IDX)->size = 16;
	engine_refuses(e);
}

static void callbacks_without_a_size_are_refused(void **state)
{
	struct engine *e = *state;

	bar(e, BAR)->fn = engine_access;
	engine_refuses(e);
}

static void a_callback_and_a_register_map_are_refused(void **state)
{
	static const lm_register_map_t map = { .nr_registers = 0 };
	struct engine *e = *state;

	*bar(e, BAR) = (lm_reg_info_t){
		.flags = MEM, .size = 16, .fn = engine_access, .regs = &map };
	engine_refuses(e);
}

static void configuration_space_has_its_own_size(void **state)
{
	struct engine *e = *state;

	bar(e, LM_CFG_REG_IDX)->size = 256;
	engine_refuses(e);
}

static void configuration_space_may_have_a_callback(void **state)
{
	struct engine *e = *state;

	bar(e, LM_CFG_REG_IDX)->fn = engine_access;
	engine_connect(e);
	engine_read(e, LM_CFG_REG_IDX, 0, 2);
	assert_int_equal(e->nr_accesses, 0);
	engine_read(e, LM_CFG_REG_IDX, 0xf0, 4);
	assert_int_equal(e->nr_accesses, 1);
}

static void areas_refused(struct engine *e, const lm_mmap_area_t *areas, uint32_t nr)
{
	*bar(e, BAR) = (lm_reg_info_t){
		.flags = MAP, .size = 16 * PAGE, .mmap_areas = areas, .nr_mmap_areas = nr };
	engine_refuses(e);
}

static void areas_are_whole_pages(void **state)
{
	areas_refused(*state, &(lm_mmap_area_t){ 100, PAGE }, 1);
	areas_refused(*state, &(lm_mmap_area_t){ 0, 100 }, 1);
	areas_refused(*state, &(lm_mmap_area_t){ PAGE, 0 }, 1);
}

static void areas_lie_in_their_region(void **state)
{
	areas_refused(*state, &(lm_mmap_area_t){ 15 * PAGE, 2 * PAGE }, 1);
	areas_refused(*state, &(lm_mmap_area_t){ 16 * PAGE, PAGE }, 1);
	areas_refused(*state, &(lm_mmap_area_t){ -(uint64_t)PAGE, 2 * PAGE }, 1);
}

static void areas_are_in_order_and_apart(void **state)
{
	static const lm_mmap_area_t overlap[] = { { 0, 2 * PAGE }, { PAGE, PAGE } };
	static const lm_mmap_area_t reversed[] = { { 4 * PAGE, PAGE }, { 0, PAGE } };

	areas_refused(*state, overlap, 2);
	areas_refused(*state, reversed, 2);
}

static void areas_have_to_be_there(void **state)
{
	areas_refused(*state, NULL, 1);
}

static void areas_have_to_fit_into_a_reply(void **state)
{
	static lm_mmap_area_t areas[129];
	struct engine *e = *state;
	uint32_t i;

	for (i = 0; i < 129; i++)
		areas[i] = (lm_mmap_area_t){ 2 * i * PAGE, PAGE };
	*bar(e, BAR) = (lm_reg_info_t){
		.flags = MAP, .size = 512 * PAGE, .mmap_areas = areas, .nr_mmap_areas = 129 };
	engine_refuses(e);
}

static void areas_without_mapping_are_refused(void **state)
{
	static const lm_mmap_area_t area = { 0, PAGE };
	struct engine *e = *state;

	*bar(e, BAR) = (lm_reg_info_t){
		.flags = MEM, .size = 16 * PAGE, .mmap_areas = &area, .nr_mmap_areas = 1 };
	engine_refuses(e);
}

static void a_mappable_region_is_whole_pages(void **state)
{
	bar_refused(*state, MAP, 2048);
}

static void a_refusal_names_the_region(void **state)
{
	struct engine *e = *state;

	bar_refused(e, MEM, 48);
	assert_non_null(strstr(e->log, "region 4"));
	assert_non_null(strstr(e->log, "power of two"));
}

static void memory_that_cannot_be_had_is_an_error(void **state)
{
	struct engine *e = *state;

	*bar(e, BAR) = (lm_reg_info_t){ .flags = MEM | LM_REG_FLAG_64BIT, .size = 1ull << 62 };
	engine_start_fails(e, ENOMEM);
}

/* ---- memory that the library keeps ----------------------------------------------- */

static void plain_memory_begins_as_zeros(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	assert_int_equal(engine_read32(e, BAR_PLAIN, PLAIN_SIZE - 4), 0);
}

static void the_device_sees_plain_memory(void **state)
{
	struct engine *e = *state;
	char *mem;

	engine_connect(e);
	mem = lm_mmap(e->ctx, BAR_PLAIN, 100, 8);
	assert_non_null(mem);
	engine_write(e, BAR_PLAIN, 100, "by guest", 8);
	assert_memory_equal(mem, "by guest", 8);
	memcpy(mem, "by dev", 6);
	assert_memory_equal(engine_read(e, BAR_PLAIN, 100, 6), "by dev", 6);
}

static void memory_out_of_range_is_null(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	errno = 0;
	assert_null(lm_mmap(e->ctx, BAR_PLAIN, PLAIN_SIZE - 4, 8));
	assert_int_equal(errno, EINVAL);
	assert_null(lm_mmap(e->ctx, BAR_PLAIN, UINT64_MAX, 8));
	assert_null(lm_mmap(e->ctx, BAR_PLAIN, 0, 0));
	assert_null(lm_mmap(e->ctx, 1000, 0, 8));
	assert_null(lm_mmap(e->ctx, BAR_ABSENT, 0, 8));
}

static void a_region_with_a_callback_has_no_memory(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_null(lm_mmap(e->ctx, BAR_RAW, 0, 8));
}

static void a_reset_keeps_plain_memory(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	engine_write(e, BAR_PLAIN, 0, "kept", 4);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_memory_equal(engine_read(e, BAR_PLAIN, 0, 4), "kept", 4);
}

/* ---- what may be done ------------------------------------------------------------ */

static void a_region_that_can_only_be_read_refuses_writes(void **state)
{
	struct engine *e = *state;

	bar(e, BAR_RAW)->flags &= ~LM_REG_FLAG_WRITE;
	engine_connect(e);
	engine_read(e, BAR_RAW, 0, 4);
	engine_trace(e);
	engine_write_refused(e, BAR_RAW, 0, "data", 4, EACCES);
	assert_int_equal(e->nr_accesses, 1);
}

static void a_region_that_can_only_be_written_refuses_reads(void **state)
{
	struct engine *e = *state;

	bar(e, BAR_RAW)->flags &= ~LM_REG_FLAG_READ;
	engine_connect(e);
	engine_write(e, BAR_RAW, 0, "data", 4);
	engine_trace(e);
	engine_read_refused(e, BAR_RAW, 0, 4, EACCES);
	assert_int_equal(e->nr_accesses, 1);
}

static void extra_regions_have_callbacks(void **state)
{
	struct engine *e = *state;
	const lm_reg_info_t extra = { .flags = RW, .size = 100, .fn = engine_access };

	e->info.extra_regs = &extra;
	e->info.nr_extra_regs = 1;
	e->info.extra_reg_size = sizeof(extra);
	engine_connect(e);
	engine_read(e, LM_DEV_NUM_REGS, 96, 4);
	assert_int_equal(e->nr_accesses, 1);
	engine_trace(e);
	engine_read_refused(e, LM_DEV_NUM_REGS, 97, 4, EINVAL);
	assert_int_equal(e->nr_accesses, 1);
}

static lm_region_io_t seen;

static ssize_t io_doubles(void *pvt, const lm_region_io_t *io)
{
	seen = *io;
	if (!io->is_write)
		memset(io->buf, (int)(2 * io->offset), io->count);
	return (ssize_t)io->count;
}

static void one_callback_serves_several_regions(void **state)
{
	struct engine *e = *state;
	const lm_reg_info_t extra[] = {
		{ .flags = RW, .size = 64, .io = io_doubles },
		{ .flags = RW, .size = 64, .io = io_doubles },
	};

	e->info.extra_regs = extra;
	e->info.nr_extra_regs = LM_NR(extra);
	e->info.extra_reg_size = sizeof(extra[0]);
	engine_connect(e);
	assert_int_equal(*engine_read(e, LM_DEV_NUM_REGS, 5, 1), 10);
	assert_ptr_equal(seen.ctx, e->ctx);
	assert_int_equal(seen.region, LM_DEV_NUM_REGS);
	assert_int_equal(seen.offset, 5);
	assert_int_equal(seen.count, 1);
	assert_false(seen.is_write);
	engine_write(e, LM_DEV_NUM_REGS + 1, 60, "data", 4);
	assert_int_equal(seen.region, LM_DEV_NUM_REGS + 1);
	assert_int_equal(seen.offset, 60);
	assert_int_equal(seen.count, 4);
	assert_true(seen.is_write);
}

/* ---- what a callback answers ----------------------------------------------------- */

static ssize_t answer;

/* What it has put there before it failed is not for the client. */
static ssize_t access_answers(struct engine *e, char *buf, size_t count, loff_t offset,
			      bool is_write)
{
	if (!is_write)
		memset(buf, 0x55, count);
	return answer;
}

static void answers_give(struct engine *e, ssize_t with, int error)
{
	answer = with;
	engine_read_refused(e, BAR_RAW, 0, 4, error);
	engine_write_refused(e, BAR_RAW, 0, "data", 4, error);
}

static void another_count_is_eio(void **state)
{
	struct engine *e = *state;

	e->access = access_answers;
	engine_connect_traced(e);
	answers_give(e, 0, EIO);
	answers_give(e, 3, EIO);
	answers_give(e, 5, EIO);
	answers_give(e, SSIZE_MAX, EIO);
}

static void an_error_is_what_the_trace_shows(void **state)
{
	struct engine *e = *state;

	e->access = access_answers;
	engine_connect_traced(e);
	answers_give(e, -EPERM, EPERM);
	answers_give(e, -4095, 4095);
}

static void an_error_that_is_none_is_eio(void **state)
{
	struct engine *e = *state;

	e->access = access_answers;
	engine_connect_traced(e);
	answers_give(e, -4097, EIO);
	answers_give(e, -100000, EIO);
}

/* Two pieces: memory that is there, and a callback that fails. All of it is ones. */
static void a_part_that_fails_fails_all(void **state)
{
	static const lm_mmap_area_t area = { 0, PAGE };
	struct engine *e = *state;

	*bar(e, BAR) = (lm_reg_info_t){ .flags = MAP, .size = 2 * PAGE, .fn = engine_access,
		.mmap_areas = &area, .nr_mmap_areas = 1 };
	e->access = access_answers;
	answer = -EIO;
	engine_connect_traced(e);
	engine_read_refused(e, BAR, PAGE - 4, 8, EIO);
	assert_int_equal(e->nr_accesses, 1);
}

static void a_posted_write_may_fail(void **state)
{
	struct engine *e = *state;

	e->access = access_answers;
	answer = -EIO;
	engine_connect(e);
	engine_post_write(e, BAR_RAW, 0, "data", 4);
	engine_is_alive(e);
	assert_int_equal(e->ctx->refused, 1);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_size_of_a_bar_is_a_power_of_two),
		TEST(the_smallest_bars),
		TEST(the_largest_bars),
		TEST(an_io_bar_is_nothing_but_that),
		TEST(the_upper_half_of_a_64_bit_bar_is_taken),
		TEST(the_last_bar_cannot_be_64_bit),
		TEST(callbacks_without_a_size_are_refused),
		TEST(a_callback_and_a_register_map_are_refused),
		TEST(configuration_space_has_its_own_size),
		TEST(configuration_space_may_have_a_callback),
		TEST(areas_are_whole_pages),
		TEST(areas_lie_in_their_region),
		TEST(areas_are_in_order_and_apart),
		TEST(areas_have_to_be_there),
		TEST(areas_have_to_fit_into_a_reply),
		TEST(areas_without_mapping_are_refused),
		TEST(a_mappable_region_is_whole_pages),
		TEST(a_refusal_names_the_region),
		TEST(memory_that_cannot_be_had_is_an_error),
		TEST(plain_memory_begins_as_zeros),
		TEST(the_device_sees_plain_memory),
		TEST(memory_out_of_range_is_null),
		TEST(a_region_with_a_callback_has_no_memory),
		TEST(a_reset_keeps_plain_memory),
		TEST(a_region_that_can_only_be_read_refuses_writes),
		TEST(a_region_that_can_only_be_written_refuses_reads),
		TEST(extra_regions_have_callbacks),
		TEST(one_callback_serves_several_regions),
		TEST(another_count_is_eio),
		TEST(an_error_is_what_the_trace_shows),
		TEST(an_error_that_is_none_is_eio),
		TEST(a_part_that_fails_fails_all),
		TEST(a_posted_write_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
