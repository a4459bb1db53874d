/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_register_check.c - registers that cannot be, or are hardly meant, and what is said of
 * them: each complaint names the region and the register.
 */
#include <linux/pci_regs.h>

#include "engine.h"

#define BAR  LM_BAR0_REG_IDX
#define PAGE 4096u
#define SIZE (4 * PAGE)
#define MEM  (LM_REG_FLAG_RW | LM_REG_FLAG_MEM)

static uint64_t reg_read(void *pvt, const lm_register_io_t *io)
{
	return 0;
}

static void describe(struct engine *e, const lm_register_map_t *map)
{
	e->info.pci_info.reg_info[BAR] = (lm_reg_info_t){
		.flags = MEM, .size = SIZE, .regs = map };
}

static void map_refused(struct engine *e, const lm_register_map_t *map, const char *message)
{
	describe(e, map);
	engine_refuses(e);
	assert_string_equal(e->log, message);
}

/* The second of two is refused. */
static void refused(struct engine *e, lm_register_t second, const char *message)
{
	const lm_register_t table[] = { { .name = "FIRST", .width = 4 }, second };
	const lm_register_map_t map = { LM_REGISTERS(table) };

	map_refused(e, &map, message);
}

static void accepted(struct engine *e, const lm_register_t *reg, const char *message)
{
	const lm_register_map_t map = {
		.registers = reg, .nr_registers = 1, .register_size = sizeof(*reg) };

	e->log[0] = '\0';
	describe(e, &map);
	engine_start(e);
	assert_string_equal(e->log, message);
	engine_destroy(e);
	engine_close(e);
}

static void what_is_wrong_with_a_register_names_it(void **state)
{
	refused(*state, (lm_register_t){ .name = "CTRL", .offset = 8, .width = 3 },
		"region 0: register CTRL at 0x8: its width is not 1, 2, 4 or 8");
	refused(*state, (lm_register_t){ .name = "CTRL", .offset = 8, .width = 4, .access = 9 },
		"region 0: register CTRL at 0x8: its access must be LM_RW, LM_RO, LM_WO or "
		"LM_RW1C");
	refused(*state, (lm_register_t){ .name = "CTRL", .offset = 2, .width = 4 },
		"region 0: register CTRL at 0x2: it overlaps the register before it, or is out of "
		"order");
	refused(*state, (lm_register_t){ .name = "CTRL", .offset = SIZE - 2, .width = 4 },
		"region 0: register CTRL at 0x3ffe: it extends beyond the region");
	refused(*state, (lm_register_t){ .offset = 8, .width = 4 },
		"region 0: register at 0x8: it has no name");
}

static void what_this_library_does_not_know_is_refused(void **state)
{
	struct newer {
		lm_register_t reg;
		uint64_t more;
	} table[2] = {
		{ { .name = "A", .width = 4 } }, { { .name = "B", .offset = 4, .width = 4 } },
	};
	lm_register_map_t map = { .registers = &table[0].reg, .nr_registers = 2,
				  .register_size = sizeof(table[0]) };
	struct engine *e = *state;

	refused(e, (lm_register_t){ .name = "R", .offset = 8, .width = 4, .flags = 2 },
		"region 0: register R at 0x8: a flag that this libmuser does not know");
	describe(e, &map);
	engine_start(e);
	engine_destroy(e);
	engine_close(e);
	table[1].more = 1;
	map_refused(e, &map, "region 0: register B at 0x4: it uses members of a newer libmuser");
}

static void a_table_that_does_not_say_its_element_size_is_refused(void **state)
{
	static const lm_register_t table[] = { { .name = "A", .width = 4 } };
	const lm_register_map_t tries[] = {
		{ .registers = table, .nr_registers = 1 },
		{ .registers = table, .nr_registers = 1, .register_size = sizeof(table[0]) - 1 },
	};
	size_t i;

	for (i = 0; i < LM_NR(tries); i++)
		map_refused(*state, &tries[i], "region 0: register_size is not that of a register "
			    "(LM_REGISTERS() sets it)");
}

static void widths_that_allow_no_access_are_refused(void **state)
{
	static const lm_register_t table[] = { { .name = "A", .width = 4 } };
	const lm_register_map_t map = { LM_REGISTERS(table), .min_width = 4, .max_width = 2 };
	const lm_register_map_t reserved = { LM_REGISTERS(table), .reserved = { 0, 0, 1 } };

	map_refused(*state, &map,
		    "region 0: min_width is more than max_width: no access is allowed");
	map_refused(*state, &reserved, "region 0: a reserved member of the register map is not 0");
}

/* ---- registers that no access could reach ---------------------------------------- */

static unsigned long map_asked(void *pvt, unsigned long pgoff, unsigned long len)
{
	return 0;
}

static void a_register_in_mappable_memory_is_refused(void **state)
{
	static const lm_register_t table[] = {
		{ .name = "HERE", .width = 4 }, { .name = "THERE", .offset = PAGE, .width = 4 } };
	const lm_register_map_t map = { LM_REGISTERS(table), .read = reg_read };
	const lm_mmap_area_t second = { PAGE, PAGE }, third = { 2 * PAGE, PAGE };
	struct engine *e = *state;
	lm_reg_info_t *info = &e->info.pci_info.reg_info[BAR];

	describe(e, &map);
	info->flags |= LM_REG_FLAG_MMAP;
	engine_refuses(e);
	assert_string_equal(e->log, "region 0: register HERE at 0x0: clients may map it as memory, "
			    "which has no registers: give mmap_areas without it");
	info->nr_mmap_areas = 1;
	info->mmap_areas = &second;
	engine_refuses(e);
	assert_non_null(strstr(e->log, "register THERE at 0x1000: clients may map it"));
	info->mmap_areas = &third;
	engine_start(e);
}

/* A map callback may refuse, and then the registers are there. */
static void a_register_in_memory_that_may_stay_unmapped_is_accepted(void **state)
{
	static const lm_register_t table[] = { { .name = "HERE", .width = 4 } };
	const lm_register_map_t map = { LM_REGISTERS(table), .read = reg_read };
	struct engine *e = *state;

	describe(e, &map);
	e->info.pci_info.reg_info[BAR].flags |= LM_REG_FLAG_MMAP;
	e->info.pci_info.reg_info[BAR].map = map_asked;
	engine_start(e);
}

static void a_register_under_the_msix_structures_is_refused(void **state)
{
	static const lm_register_t table[] = {
		{ .name = "FREE", .width = 4 }, { .name = "UNDER", .offset = 0x80c, .width = 4 } };
	const lm_register_map_t map = { LM_REGISTERS(table) };
	struct engine *e = *state;

	describe(e, &map);
	e->info.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = 2;
	e->info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSIX,
				      .msix = { .bar = BAR, .table = 0x800, .pba = 0x900 } };
	engine_refuses(e);
	assert_string_equal(e->log, "region 0: register UNDER at 0x80c: it overlaps the MSI-X "
			    "table or pending bits");
	e->info.caps[0].msix.table = 0x900;
	e->info.caps[0].msix.pba = 0x808;
	engine_refuses(e);
	assert_non_null(strstr(e->log, "register UNDER"));
	e->info.caps[0].msix.pba = 0x800;
	engine_start(e);
}

/* ---- what works, and is hardly meant --------------------------------------------- */

static void a_register_that_is_not_aligned_is_wondered_at(void **state)
{
	const struct {
		unsigned int offset, width;
	} tries[] = { { 1, 2 }, { 2, 4 }, { 5, 4 }, { 2, 8 } };
	char message[160];
	size_t i;

	for (i = 0; i < LM_NR(tries); i++) {
		const lm_register_t reg = {
			.name = "R", .offset = tries[i].offset, .width = (uint8_t)tries[i].width };

		snprintf(message, sizeof(message), "region 0: register R at 0x%x: it is not "
			 "aligned: no single access of a guest covers it", tries[i].offset);
		accepted(*state, &reg, message);
	}
	/* two accesses of 4 bytes are usual */
	accepted(*state, &(lm_register_t){ .name = "R", .offset = 4, .width = 8 }, "");
}

static void a_reset_value_that_does_not_fit_is_wondered_at(void **state)
{
	accepted(*state, &(lm_register_t){ .name = "R", .width = 1, .reset = 0x100 },
		 "region 0: register R at 0x0: its reset value does not fit its width");
	accepted(*state, &(lm_register_t){ .name = "R", .width = 8, .reset = ~0ull }, "");
}

static void a_write_mask_that_does_not_fit_is_wondered_at(void **state)
{
	accepted(*state, &(lm_register_t){ .name = "R", .width = 1, .wmask = 0x100 },
		 "region 0: register R at 0x0: its wmask does not fit its width");
	accepted(*state, &(lm_register_t){ .name = "R", .width = 2, .wmask = 0x100 }, "");
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_wrong_with_a_register_names_it),
		TEST(what_this_library_does_not_know_is_refused),
		TEST(a_table_that_does_not_say_its_element_size_is_refused),
		TEST(widths_that_allow_no_access_are_refused),
		TEST(a_register_in_mappable_memory_is_refused),
		TEST(a_register_in_memory_that_may_stay_unmapped_is_accepted),
		TEST(a_register_under_the_msix_structures_is_refused),
		TEST(a_register_that_is_not_aligned_is_wondered_at),
		TEST(a_reset_value_that_does_not_fit_is_wondered_at),
		TEST(a_write_mask_that_does_not_fit_is_wondered_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
