/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_register_array.c - arrays of registers: elements that are registers like others, arrays that
 * lie between each other, what callbacks learn of them, and arrays that cannot be.
 */
#include "region/region.h"
#include "engine.h"

#define BAR  LM_BAR0_REG_IDX
#define SIZE 4096u

/* As the doorbells of an NVMe controller. */
static const lm_register_t table[] = {
	{ .name = "CTRL", .width = 4, .reset = 5 },
	{ .name = "TAIL", .offset = 0x100, .width = 4, .count = 64, .stride = 8, .reset = 7 },
	{ .name = "HEAD", .offset = 0x104, .width = 4, .count = 64, .stride = 8 },
	{ .name = "BYTE", .offset = 0x400, .width = 1, .count = 3 },
};

static lm_register_io_t last;

static void note_write(void *pvt, const lm_register_io_t *io)
{
	last = *io;
}

static uint64_t where(void *pvt, const lm_register_io_t *io)
{
	last = *io;
	return io->index << 8 | io->element;
}

static void describe(struct engine *e, const lm_register_map_t *map)
{
	e->info.pci_info.reg_info[BAR] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = SIZE, .regs = map };
}

static uint64_t read_at(struct engine *e, uint64_t offset, uint32_t width)
{
	uint64_t value = 0;

	memcpy(&value, engine_read(e, BAR, offset, width), width);
	return value;
}

static void write_at(struct engine *e, uint64_t offset, uint32_t value)
{
	engine_write(e, BAR, offset, &value, sizeof(value));
}

static void elements_are_registers(void **state)
{
	const lm_register_map_t map = { LM_REGISTERS(table) };
	struct engine *e = *state;

	describe(e, &map);
	engine_connect(e);
	assert_int_equal(read_at(e, 0x100 + 63 * 8, 4), 7);
	write_at(e, 0x100 + 8, 0x11);
	write_at(e, 0x104 + 8, 0x22);
	assert_int_equal(read_at(e, 0x108, 8), 0x2200000011);
	assert_int_equal(read_at(e, 0x100, 8), 7);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x10c), 0x22);
	assert_int_equal(lm_register_set(e->ctx, BAR, 0x402, 0x33), 0);
	assert_int_equal(read_at(e, 0x400, 4), 0xff330000);
	assert_int_equal(read_at(e, 0x300, 4), 0xffffffff);
	assert_int_equal(region_get(e->ctx, BAR)->info.regs->nr_registers, 1 + 64 + 64 + 3);
}

static const char *name_at(struct engine *e, uint64_t offset)
{
	uint32_t idx;

	return register_find(region_get(e->ctx, BAR)->info.regs, offset, &idx)->name;
}

static void elements_have_names(void **state)
{
	const lm_register_map_t map = { LM_REGISTERS(table) };
	struct engine *e = *state;

	describe(e, &map);
	engine_start(e);
	assert_string_equal(name_at(e, 0), "CTRL");
	assert_string_equal(name_at(e, 0x100), "TAIL0");
	assert_string_equal(name_at(e, 0x104), "HEAD0");
	assert_string_equal(name_at(e, 0x2fc), "HEAD63");
	assert_string_equal(name_at(e, 0x402), "BYTE2");
}

static void callbacks_learn_which_one_it_is(void **state)
{
	const lm_register_map_t map = { LM_REGISTERS(table), .read = where, .write = note_write };
	struct engine *e = *state;

	describe(e, &map);
	engine_connect(e);
	write_at(e, 0x104 + 3 * 8, 0x42);
	assert_ptr_equal(last.ctx, e->ctx);
	assert_int_equal(last.region, BAR);
	assert_int_equal(last.offset, 0x104 + 3 * 8);
	assert_int_equal(last.width, 4);
	assert_int_equal(last.value, 0x42);
	assert_int_equal(last.index, 2);
	assert_int_equal(last.element, 3);
	assert_int_equal(read_at(e, 0x100 + 40 * 8, 4), 1 << 8 | 40);
	assert_int_equal(read_at(e, 0, 4), 0);
}

static void the_old_value_of_an_element_is_known(void **state)
{
	const lm_register_map_t map = { LM_REGISTERS(table), .write = note_write };
	struct engine *e = *state;

	describe(e, &map);
	engine_connect(e);
	write_at(e, 0x108, 0x42);
	assert_int_equal(last.old, 7);
	write_at(e, 0x108, 0x43);
	assert_int_equal(last.old, 0x42);
}

/* ---- what cannot be --------------------------------------------------------------- */

static void refused(struct engine *e, lm_register_t array, const char *message)
{
	const lm_register_t both[] = { { .name = "A0", .width = 4 }, array };
	const lm_register_map_t map = { LM_REGISTERS(both) };

	describe(e, &map);
	engine_refuses(e);
	assert_string_equal(e->log, message);
}

static void what_is_wrong_with_an_array_is_said(void **state)
{
	struct engine *e = *state;

	refused(e, (lm_register_t){ .name = "B", .offset = 8, .width = 4, .count = 2, .stride = 3 },
		"region 0: register B at 0x8: its stride is less than its width");
	refused(e, (lm_register_t){ .name = "B", .offset = 8, .width = 4, .stride = 8 },
		"region 0: register B at 0x8: it has a stride but no count");
	refused(e, (lm_register_t){ .name = "B", .offset = 8, .width = 4, .count = 1023 },
		"region 0: register B at 0x8: its last element extends beyond the region");
	refused(e, (lm_register_t){ .name = "B", .offset = 8, .width = 1, .count = UINT32_MAX,
				    .stride = UINT32_MAX },
		"region 0: register B at 0x8: its last element extends beyond the region");
	refused(e, (lm_register_t){ .name = "a", .offset = 8, .width = 4, .count = 2 },
		"region 0: register a0 at 0x8: register A0 at 0x0 of region 0 has the same name "
		"(case is ignored)");
	refused(e, (lm_register_t){ .name = "AN_ARRAY_WITH_A_NAME_OF_WHICH_63_CHARACTERS_ARE_ALL_"
					    "THAT_THERE_",
				    .offset = 8, .width = 4, .count = 2 },
		"region 0: register at 0x8: its name must be 1 to 63 characters A-Z a-z 0-9 _");
}

static void arrays_that_overlap_are_refused(void **state)
{
	static const lm_register_t both[] = {
		{ .name = "A", .width = 4, .count = 4, .stride = 8 },
		{ .name = "B", .offset = 4, .width = 4, .count = 2, .stride = 4 },
	};
	const lm_register_map_t map = { LM_REGISTERS(both) };
	struct engine *e = *state;

	describe(e, &map);
	engine_refuses(e);
	assert_non_null(strstr(e->log, "0x8: it overlaps an element of an array"));
}

static void registers_are_bounded(void **state)
{
	static const lm_register_t many[] = { { .name = "A", .width = 1, .count = 65537 } };
	const lm_register_map_t map = { LM_REGISTERS(many) };
	struct engine *e = *state;

	describe(e, &map);
	e->info.pci_info.reg_info[BAR].size = 1u << 20;
	engine_refuses(e);
	assert_string_equal(e->log, "region 0: 65537 registers are too many (at most 65536)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(elements_are_registers),
		ENGINE_TEST(elements_have_names),
		ENGINE_TEST(callbacks_learn_which_one_it_is),
		ENGINE_TEST(the_old_value_of_an_element_is_known),
		ENGINE_TEST(what_is_wrong_with_an_array_is_said),
		ENGINE_TEST(arrays_that_overlap_are_refused),
		ENGINE_TEST(registers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
