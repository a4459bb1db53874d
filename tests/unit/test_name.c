/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_name.c - names in a description: which characters, how many, unique where they must be.
 */
#include "platform.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, engine_setup, engine_teardown)
#define MAP(table) { LM_REGISTERS(table) }

static const char name_63[] =
	"a23456789b23456789c23456789d23456789e23456789f23456789g23456789";
static const char name_64[] =
	"a23456789b23456789c23456789d23456789e23456789f23456789g234567890";

/* What a name could be taken for in REGISTER.FIELD=VALUE:MASK, BAR+OFFSET, lists, and a table. */
static const char *const bad[] = {
	"", " ", "A B", "A.B", "A=B", "A:B", "A+B", "A,B", "A/B", "A\nB", "\tA", "A\033[2J",
	"\xc3\x9c", "A*", "!A", name_64,
};

static void registers_are(struct engine *e, uint32_t region, const lm_register_map_t *map)
{
	e->info.pci_info.reg_info[region] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 64, .regs = map };
}

static void register_names_have_letters_digits_and_underscores(void **state)
{
	static const lm_register_t table[] = {
		{ .name = "Ab_09", .width = 4 }, { .name = "0", .offset = 4, .width = 4 },
		{ .name = name_63, .offset = 8, .width = 4 },
	};
	const lm_register_map_t map = MAP(table);
	struct engine *e = *state;

	registers_are(e, LM_BAR0_REG_IDX, &map);
	engine_start(e);
}

static void other_register_names_are_refused(void **state)
{
	struct engine *e = *state;
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		const lm_register_t table[] = { { .name = bad[i], .offset = 0x10, .width = 4 } };
		const lm_register_map_t map = MAP(table);

		registers_are(e, LM_BAR0_REG_IDX, &map);
		engine_refuses(e);
		assert_non_null(strstr(e->log, "region 0: register at 0x10"));
	}
}

static void aliases_have_names_of_registers(void **state)
{
	struct engine *e = *state;
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		const lm_register_t alias[] = { { .name = "GOOD" }, { .name = bad[i] } };
		const lm_register_t table[] = {
			{ .name = "A", .offset = 0x10, .width = 4, LM_ALIASES(alias) },
		};
		const lm_register_map_t map = MAP(table);

		registers_are(e, LM_BAR0_REG_IDX, &map);
		engine_refuses(e);
		assert_non_null(strstr(e->log, "region 0: register at 0x10"));
	}
}

static void a_table_of_aliases_that_is_missing_is_refused(void **state)
{
	static const lm_register_t table[] = { { .name = "A", .width = 4, .nr_aliases = 1 } };
	const lm_register_map_t map = MAP(table);
	struct engine *e = *state;

	registers_are(e, LM_BAR0_REG_IDX, &map);
	engine_refuses(e);
	assert_non_null(strstr(e->log, "register A at 0x0: the table of its aliases is missing"));
}

static void two_registers_of_a_region_have_two_names(void **state)
{
	static const lm_register_t table[] = {
		{ .name = "CTRL", .width = 4 }, { .name = "STATUS", .offset = 4, .width = 4 },
		{ .name = "CTRL", .offset = 8, .width = 4 },
	};
	const lm_register_map_t map = MAP(table);
	struct engine *e = *state;

	registers_are(e, LM_BAR0_REG_IDX, &map);
	engine_refuses(e);
	assert_string_equal(e->log, "region 0: register CTRL at 0x8: register CTRL at 0x0 of "
			    "region 0 has the same name (case is ignored)");
}

/* peek UUID CTRL names no region. */
static void registers_of_two_regions_have_two_names(void **state)
{
	static const lm_register_t here[] = { { .name = "CTRL", .width = 4 } };
	static const lm_register_t there[] = { { .name = "Ctrl", .width = 4 } };
	const lm_register_map_t a = MAP(here), b = MAP(there);
	struct engine *e = *state;

	registers_are(e, LM_BAR0_REG_IDX, &a);
	registers_are(e, LM_BAR2_REG_IDX, &b);
	engine_refuses(e);
	assert_string_equal(e->log, "region 2: register Ctrl at 0x0: register CTRL at 0x0 of "
			    "region 0 has the same name (case is ignored)");
}

static void registers_of_an_extra_region_count_as_well(void **state)
{
	static const lm_register_t table[] = { { .name = "CTRL", .width = 4 } };
	const lm_register_map_t map = MAP(table);
	const lm_reg_info_t extra = { .flags = LM_REG_FLAG_RW, .size = 64, .regs = &map };
	struct engine *e = *state;

	registers_are(e, LM_BAR0_REG_IDX, &map);
	e->info.extra_regs = &extra;
	e->info.nr_extra_regs = 1;
	e->info.extra_reg_size = sizeof(extra);
	engine_refuses(e);
}

/* ---- fields ---------------------------------------------------------------------- */

/* @why: what is said of the fields, after the name of the register. */
static void fields_refused(struct engine *e, const lm_field_t *fields, uint32_t nr,
			   const char *why)
{
	char expected[256];
	const lm_register_t table[] = {
		{ .name = "R", .offset = 4, .width = 2, .fields = fields, .nr_fields = nr } };
	const lm_register_map_t map = MAP(table);

	registers_are(e, LM_BAR0_REG_IDX, &map);
	engine_refuses(e);
	snprintf(expected, sizeof(expected), "region 0: register R at 0x4: %s", why);
	assert_string_equal(e->log, expected);
}

static void fields_may_have_the_names_of_registers_and_of_each_others_fields(void **state)
{
	static const lm_field_t fields[] = {
		{ .name = "A", .bits = 1 }, { .name = "B", .shift = 8, .bits = 8 } };
	static const lm_register_t table[] = {
		{ .name = "A", .width = 2, .fields = fields, .nr_fields = 2 },
		{ .name = "B", .width = 2, .offset = 2, .fields = fields, .nr_fields = 2 },
	};
	const lm_register_map_t map = MAP(table);
	struct engine *e = *state;

	registers_are(e, LM_BAR0_REG_IDX, &map);
	engine_start(e);
}

static void other_field_names_are_refused(void **state)
{
	static const char why[] =
		"fields[0]: its name must be 1 to 63 characters A-Z a-z 0-9 _";
	size_t i;

	for (i = 0; i < LM_NR(bad); i++)
		fields_refused(*state, &(lm_field_t){ .name = bad[i], .bits = 1 }, 1, why);
	fields_refused(*state, &(lm_field_t){ .name = NULL, .bits = 1 }, 1, why);
}

static void two_fields_of_a_register_have_two_names(void **state)
{
	const lm_field_t fields[] = { { .name = "ON", .bits = 1 }, { .name = "on", .bits = 2 } };

	fields_refused(*state, fields, 2,
		       "field on: one before it has the same name (case is ignored)");
}

static void fields_that_leave_the_register_are_refused(void **state)
{
	static const char why[] = "field F: it extends beyond the register";

	fields_refused(*state, &(lm_field_t){ .name = "F" }, 1, "field F: it has no bits");
	fields_refused(*state, &(lm_field_t){ .name = "F", .shift = 16, .bits = 1 }, 1, why);
	fields_refused(*state, &(lm_field_t){ .name = "F", .shift = 8, .bits = 9 }, 1, why);
	fields_refused(*state, &(lm_field_t){ .name = "F", .shift = 255, .bits = 255 }, 1, why);
}

static void a_table_of_fields_that_is_missing_is_refused(void **state)
{
	fields_refused(*state, NULL, 1, "the table of its fields is missing");
}

/* ---- properties ------------------------------------------------------------------ */

static int prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	return -ENOENT;
}

static int prop_set(void *pvt, const char *name, const char *value)
{
	return -ENOENT;
}

static void props_are(struct engine *e, const lm_prop_t *props, uint32_t nr)
{
	e->info.prop_get = prop_get;
	e->info.prop_set = prop_set;
	e->info.props = props;
	e->info.nr_props = nr;
	e->info.prop_size = sizeof(*props);
}

static void property_names_have_small_letters_digits_and_dashes(void **state)
{
	const lm_prop_t props[] = { { .name = "in-2" }, { .name = "7" }, { .name = name_63 } };
	struct engine *e = *state;

	props_are(e, props, LM_NR(props));
	engine_start(e);
}

static void other_property_names_are_refused(void **state)
{
	static const char *const more[] = { "IN", "in_1" };
	struct engine *e = *state;
	size_t i;

	for (i = 0; i < LM_NR(bad) + LM_NR(more); i++) {
		const char *name = i < LM_NR(bad) ? bad[i] : more[i - LM_NR(bad)];
		const lm_prop_t props[] = { { .name = "good" }, { .name = name } };

		props_are(e, props, 2);
		engine_refuses(e);
		assert_non_null(strstr(e->log, "property 1"));
	}
}

static void two_properties_have_two_names(void **state)
{
	const lm_prop_t props[] = { { .name = "in" }, { .name = "out" }, { .name = "in" } };
	struct engine *e = *state;

	props_are(e, props, LM_NR(props));
	engine_refuses(e);
	assert_non_null(strstr(e->log, "property 2, in"));
}

static void a_property_is_not_a_wire_of_another_one(void **state)
{
	const lm_prop_t before[] = { { .name = "in", .nr = 16 }, { .name = "in15" } };
	const lm_prop_t behind[] = { { .name = "in0" }, { .name = "in", .nr = 1 } };
	struct engine *e = *state;

	props_are(e, before, 2);
	engine_refuses(e);
	props_are(e, behind, 2);
	engine_refuses(e);
}

static void names_beside_the_wires_are_fine(void **state)
{
	const lm_prop_t props[] = {
		{ .name = "in", .nr = 16 }, { .name = "in16" }, { .name = "in01" },
		{ .name = "in-1" }, { .name = "i" },
	};
	struct engine *e = *state;

	props_are(e, props, LM_NR(props));
	engine_start(e);
}

/* ---- the device itself ----------------------------------------------------------- */

static void a_device_may_have_a_name_of_any_letters(void **state)
{
	struct engine *e = *state;

	e->info.name = "K\xc3\xa4rtchen,0:$(x)";
	e->info.type = "eigenb\xc3\xa4u";
	engine_start(e);
}

static void a_device_name_that_musctl_could_not_print_or_find_is_refused(void **state)
{
	static const char *const names[] = {
		"", "a b", "a\nb", "\033[2J", "\xff", "a\xc2\x85", name_64, "-",
		"85006552-1b4b-45e9-ad62-9dd16df09171",
	};
	struct engine *e = *state;
	size_t i;

	for (i = 0; i < LM_NR(names); i++) {
		e->info.name = names[i];
		engine_refuses(e);
		assert_non_null(strstr(e->log, i < 7 ? "a name is 1 to 63 bytes" :
				       i == 7 ? "standard input" : "a UUID is not a name"));
	}
}

static void a_type_that_musctl_could_not_print_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.type = "my\tcard";
	engine_refuses(e);
	assert_non_null(strstr(e->log, "a type is 1 to 63 bytes"));
}

/* ---- regions and interrupts ------------------------------------------------------- */

static void named(struct engine *e, lm_reg_info_t *regions, lm_irq_info_t *irqs)
{
	memcpy(regions, platform_regions, sizeof(platform_regions));
	memcpy(irqs, platform_irqs, sizeof(platform_irqs));
	e->info.extra_regs = regions;
	e->info.irqs = irqs;
}

static void regions_and_interrupts_have_names_of_small_letters(void **state)
{
	static const char *const worse[] = { "Ctrl", "0a", "-a", "_a", "region0", "region12" };
	lm_reg_info_t regions[PLATFORM_REGIONS];
	lm_irq_info_t irqs[PLATFORM_IRQS];
	struct engine *e = *state;
	size_t i;

	named(e, regions, irqs);
	for (i = 0; i < LM_NR(bad) + LM_NR(worse); i++) {
		regions[1].name = i < LM_NR(bad) ? bad[i] : worse[i - LM_NR(bad)];
		engine_refuses(e);
		assert_non_null(strstr(e->log, "extra_regs[1]: its name "));
	}
	regions[1].name = "a-b_9";
	irqs[3].name = "irq3";
	engine_refuses(e);
	assert_string_equal(e->log, "irqs[3]: its name is one of those that say which by the "
			    "index");
	irqs[3].name = "region0"; /* that is none of an interrupt */
	engine_start(e);
}

static void two_regions_have_two_names_and_so_have_interrupts(void **state)
{
	lm_reg_info_t regions[PLATFORM_REGIONS];
	lm_irq_info_t irqs[PLATFORM_IRQS];
	struct engine *e = *state;

	named(e, regions, irqs);
	irqs[3].name = irqs[1].name;
	engine_refuses(e);
	assert_string_equal(e->log, "irqs[3]: one before it has the same name");
	irqs[3].name = regions[0].name;
	engine_start(e);
	engine_destroy(e);
	engine_close(e);
	regions[1].name = regions[0].name;
	engine_refuses(e);
	assert_string_equal(e->log, "extra_regs[1]: one before it has the same name");
}

static void what_pci_names_has_no_other_name(void **state)
{
	lm_reg_info_t extra = { .flags = LM_REG_FLAG_RW, .size = 64, .name = "config" };
	struct engine *e = *state;

	e->info.extra_regs = &extra;
	e->info.nr_extra_regs = 1;
	e->info.extra_reg_size = sizeof(extra);
	engine_refuses(e);
	assert_string_equal(e->log, "extra_regs[0]: its name is PCI's");
	extra.name = "msgs";
	e->info.pci_info.reg_info[BAR_RAW].name = "regs";
	engine_refuses(e);
	assert_string_equal(e->log, "region 0: PCI names it: leave name NULL");
	e->info.pci_info.reg_info[BAR_RAW].name = NULL;
	engine_start(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(register_names_have_letters_digits_and_underscores),
		TEST(other_register_names_are_refused),
		TEST(aliases_have_names_of_registers),
		TEST(a_table_of_aliases_that_is_missing_is_refused),
		TEST(two_registers_of_a_region_have_two_names),
		TEST(registers_of_two_regions_have_two_names),
		TEST(registers_of_an_extra_region_count_as_well),
		TEST(fields_may_have_the_names_of_registers_and_of_each_others_fields),
		TEST(other_field_names_are_refused),
		TEST(two_fields_of_a_register_have_two_names),
		TEST(fields_that_leave_the_register_are_refused),
		TEST(a_table_of_fields_that_is_missing_is_refused),
		TEST(property_names_have_small_letters_digits_and_dashes),
		TEST(other_property_names_are_refused),
		TEST(two_properties_have_two_names),
		TEST(a_property_is_not_a_wire_of_another_one),
		TEST(names_beside_the_wires_are_fine),
		TEST(a_device_may_have_a_name_of_any_letters),
		TEST(a_device_name_that_musctl_could_not_print_or_find_is_refused),
		TEST(a_type_that_musctl_could_not_print_is_refused),
		PLATFORM_TEST(regions_and_interrupts_have_names_of_small_letters),
		PLATFORM_TEST(two_regions_have_two_names_and_so_have_interrupts),
		TEST(what_pci_names_has_no_other_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
