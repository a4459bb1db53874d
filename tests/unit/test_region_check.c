/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_region_check.c - regions that cannot be, or are hardly meant, and what is said of them.
 * What can be is test_region.c's.
 */
#include "engine.h"

#define BAR  LM_BAR4_REG_IDX
#define PAGE 4096u
#define RW   LM_REG_FLAG_RW
#define MEM  (LM_REG_FLAG_RW | LM_REG_FLAG_MEM)
#define MAP  (MEM | LM_REG_FLAG_MMAP)

static unsigned long map_all(void *pvt, unsigned long pgoff, unsigned long len)
{
	return 1;
}

static void refused(struct engine *e, int index, const lm_reg_info_t *info, const char *message)
{
	e->info.pci_info.reg_info[index] = *info;
	engine_refuses(e);
	assert_string_equal(e->log, message);
}

/* The device works, and this was said: "" is nothing. */
static void accepted(struct engine *e, const lm_reg_info_t *info, const char *message)
{
	e->log[0] = '\0';
	e->info.pci_info.reg_info[BAR] = *info;
	engine_start(e);
	assert_string_equal(e->log, message);
	engine_destroy(e);
	engine_close(e);
}

static void a_region_that_nobody_could_access_is_refused(void **state)
{
	const lm_reg_info_t bare = { .flags = LM_REG_FLAG_MEM, .size = 64, .fn = engine_access };
	const lm_reg_info_t mapped = { .flags = LM_REG_FLAG_MEM | LM_REG_FLAG_MMAP, .size = PAGE };
	const char *message = "region 4: neither LM_REG_FLAG_READ nor LM_REG_FLAG_WRITE is "
			      "set";

	refused(*state, BAR, &bare, message);
	refused(*state, BAR, &mapped, message);
}

static void unknown_flags_are_refused(void **state)
{
	const lm_reg_info_t info = { .flags = MEM | 1u << 7, .size = 64 };

	refused(*state, BAR, &info, "region 4: a flag that this libmuser does not know");
}

static ssize_t io_none(void *pvt, const lm_region_io_t *io)
{
	return -EIO;
}

static void reserved_members_are_zero(void **state)
{
	const lm_reg_info_t info = { .flags = MEM, .size = 64, .reserved = { [2] = 1 } };

	refused(*state, BAR, &info, "region 4: a reserved member is not 0");
}

static void a_region_has_one_callback(void **state)
{
	const lm_reg_info_t info = { .flags = MEM, .size = 64, .fn = engine_access, .io = io_none };

	refused(*state, BAR, &info, "region 4: fn, io and regs are mutually exclusive");
}

static void a_region_whose_size_was_forgotten_is_refused(void **state)
{
	const lm_mmap_area_t area = { 0, PAGE };
	const lm_reg_info_t tries[] = {
		{ .flags = RW }, { .mmap_areas = &area, .nr_mmap_areas = 1 },
	};
	size_t i;

	for (i = 0; i < LM_NR(tries); i++)
		refused(*state, BAR, &tries[i], "region 4: it is described, but its size is 0");
	refused(*state, BAR, &(lm_reg_info_t){ .map = map_all },
		"region 4: it has callbacks but no size");
}

static void only_a_bar_is_64_bit(void **state)
{
	const lm_reg_info_t rom = { .flags = RW | LM_REG_FLAG_64BIT, .size = PAGE };
	const lm_reg_info_t vga = { .flags = RW | LM_REG_FLAG_PREFETCH, .size = PAGE };
	const lm_reg_info_t none = { 0 };
	struct engine *e = *state;

	refused(e, LM_ROM_REG_IDX, &rom, "region 6: only a BAR is 64-bit or prefetchable");
	e->info.pci_info.reg_info[LM_ROM_REG_IDX] = none;
	refused(e, LM_VGA_REG_IDX, &vga, "region 8: only a BAR is 64-bit or prefetchable");
}

static void configuration_space_has_a_callback_or_registers_and_nothing_else(void **state)
{
	static const lm_register_map_t map = { .nr_registers = 0 }, narrow = { .max_width = 2 };
	const lm_reg_info_t tries[] = {
		{ .flags = RW | LM_REG_FLAG_MEM }, { .map = map_all }, { .size = 256 },
	};
	const lm_reg_info_t both = { .regs = &map, .fn = engine_access };
	const lm_reg_info_t width = { .regs = &narrow };
	size_t i;

	for (i = 0; i < LM_NR(tries); i++)
		refused(*state, LM_CFG_REG_IDX, &tries[i],
			"region 7: leave all but fn, io and regs zero");
	refused(*state, LM_CFG_REG_IDX, &both, "region 7: fn, io and regs are mutually exclusive");
	refused(*state, LM_CFG_REG_IDX, &width,
		"region 7: configuration space takes all widths: leave min_width and max_width "
		"zero");
}

static void an_extra_region_is_looked_at_as_well(void **state)
{
	const lm_reg_info_t extra[] = { { .flags = RW, .size = 64 }, { .size = 64 } };
	struct engine *e = *state;

	e->info.extra_regs = extra;
	e->info.nr_extra_regs = 2;
	e->info.extra_reg_size = sizeof(extra[0]);
	engine_refuses(e);
	assert_non_null(strstr(e->log, "region 10: neither"));
}

/* ---- what works, and is hardly meant --------------------------------------------- */

static void a_callback_that_is_never_called_is_wondered_at(void **state)
{
	const lm_mmap_area_t area = { 0, PAGE };
	const lm_reg_info_t all = { .flags = MAP, .size = 2 * PAGE, .fn = engine_access };
	const lm_reg_info_t part = { .flags = MAP, .size = 2 * PAGE, .fn = engine_access,
				     .mmap_areas = &area, .nr_mmap_areas = 1 };
	const lm_reg_info_t asked = { .flags = MAP, .size = 2 * PAGE, .fn = engine_access,
				      .map = map_all };

	accepted(*state, &all, "region 4: its callback is never called: clients may map all of it "
		 "(restrict that with mmap_areas)");
	accepted(*state, &part, "");
	accepted(*state, &asked, "");
}

static void a_map_callback_without_mapping_is_wondered_at(void **state)
{
	const lm_reg_info_t info = { .flags = MEM, .size = PAGE, .map = map_all };

	accepted(*state, &info, "region 4: map is never called without LM_REG_FLAG_MMAP");
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_region_that_nobody_could_access_is_refused),
		TEST(unknown_flags_are_refused),
		TEST(reserved_members_are_zero),
		TEST(a_region_has_one_callback),
		TEST(a_region_whose_size_was_forgotten_is_refused),
		TEST(only_a_bar_is_64_bit),
		TEST(configuration_space_has_a_callback_or_registers_and_nothing_else),
		TEST(an_extra_region_is_looked_at_as_well),
		TEST(a_callback_that_is_never_called_is_wondered_at),
		TEST(a_map_callback_without_mapping_is_wondered_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
