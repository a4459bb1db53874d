/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_gpio_idio16.c - the PCI-IDIO-16: what a guest's driver and the world outside see.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/pci_regs.h>

enum { OUT0_7, IN0_7, IRQ_CTL, FILTER_CTL, OUT8_15, IN8_15, IRQ_STATUS, FILTER0_7 };

static struct fixture f;

static int setup(void **state)
{
	fixture_start(&f, "gpio-idio16", NULL);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	return 0;
}

static uint64_t in8(uint64_t offset)
{
	return fixture_read(&f, LM_BAR2_REG_IDX, offset, 1);
}

static void out8(uint64_t offset, uint64_t value)
{
	fixture_write(&f, LM_BAR2_REG_IDX, offset, value, 1);
}

static uint64_t cfg32(uint64_t offset)
{
	return fixture_read(&f, LM_CFG_REG_IDX, offset, 4);
}

static void set(const char *name, const char *value)
{
	assert_int_equal(fixture_set(&f, name, value), 0);
}

/* ---- identity -------------------------------------------------------------------- */

static void test_the_driver_finds_its_card(void **state)
{
	assert_int_equal(cfg32(PCI_VENDOR_ID), 0x0dc8494f);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, PCI_INTERRUPT_PIN, 1), 1);
	assert_int_not_equal(cfg32(PCI_CLASS_REVISION) >> 8, 0);
}

static void test_bar2_is_eight_io_ports(void **state)
{
	fixture_write(&f, LM_CFG_REG_IDX, PCI_BASE_ADDRESS_2, 0xffffffff, 4);
	assert_int_equal(cfg32(PCI_BASE_ADDRESS_2), 0xfffffff9);
}

/* ---- outputs --------------------------------------------------------------------- */

static void test_outputs_read_back(void **state)
{
	out8(OUT0_7, 0x5a);
	out8(OUT8_15, 0xc3);
	assert_int_equal(in8(OUT0_7), 0x5a);
	assert_int_equal(in8(OUT8_15), 0xc3);
}

static void test_outputs_are_on_the_terminals(void **state)
{
	out8(OUT0_7, 0x01);
	out8(OUT8_15, 0x80);
	fixture_assert_prop(&f, "out", "0x8001");
	fixture_assert_prop(&f, "out0", "1");
	fixture_assert_prop(&f, "out1", "0");
	fixture_assert_prop(&f, "out15", "1");
}

static void test_outputs_cannot_be_driven_from_outside(void **state)
{
	assert_int_equal(fixture_set(&f, "out", "0xffff"), -EPERM);
	assert_int_equal(fixture_set(&f, "out3", "1"), -EPERM);
	assert_int_equal(in8(OUT0_7), 0);
}

/* ---- inputs ---------------------------------------------------------------------- */

static void test_inputs_follow_the_terminals(void **state)
{
	set("in", "0x1234");
	assert_int_equal(in8(IN0_7), 0x34);
	assert_int_equal(in8(IN8_15), 0x12);
	fixture_assert_prop(&f, "in", "0x1234");
}

static void test_one_wire_changes_one_bit(void **state)
{
	set("in", "0x00ff");
	set("in3", "0");
	set("in15", "1");
	assert_int_equal(in8(IN0_7), 0xf7);
	assert_int_equal(in8(IN8_15), 0x80);
	fixture_assert_prop(&f, "in3", "0");
	fixture_assert_prop(&f, "in15", "1");
}

static void test_bad_values_of_inputs_change_nothing(void **state)
{
	static const char *const bad[] = {
		"", " 1", "-1", "+1", "1x", "0x", "x", "0x10000", "65536", "1 ", "1e3",
		"99999999999999999999",
	};
	size_t i;

	set("in", "0x4711");
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(fixture_set(&f, "in", bad[i]), -EINVAL);
	assert_int_equal(fixture_set(&f, "in0", "2"), -EINVAL);
	assert_int_equal(fixture_set(&f, "in16", "1"), -ENOENT);
	assert_int_equal(fixture_set(&f, "nothing", "1"), -ENOENT);
	fixture_assert_prop(&f, "in", "0x4711");
}

static void test_writes_to_the_upper_inputs_are_dropped(void **state)
{
	set("in", "0xa500");
	out8(IN8_15, 0xff);
	assert_int_equal(in8(IN8_15), 0xa5);
}

static void test_a_wide_read_covers_its_registers(void **state)
{
	out8(OUT8_15, 0x11);
	set("in", "0x2200");
	assert_int_equal(fixture_read(&f, LM_BAR2_REG_IDX, OUT8_15, 4), 0x00002211);
}

/* ---- the interrupt --------------------------------------------------------------- */

static void test_a_change_interrupts_when_enabled(void **state)
{
	fixture_arm_intx(&f);
	in8(IRQ_CTL);
	set("in3", "1");
	assert_int_equal(fixture_taken(f.intx), 1);
	assert_true(fixture_line(&f));
	assert_int_equal(in8(IRQ_STATUS), 0x05);
}

static void test_the_status_names_the_bank(void **state)
{
	char name[16];
	int pin;

	in8(IRQ_CTL);
	for (pin = 0; pin < 16; pin++) {
		snprintf(name, sizeof(name), "in%d", pin);
		set(name, "1");
		assert_int_equal(in8(IRQ_STATUS), pin < 8 ? 0x05 : 0x06);
		out8(IN0_7, 0);
	}
	set("in", "0x7ffe");
	assert_int_equal(in8(IRQ_STATUS), 0x07);
}

static void test_a_falling_edge_is_a_change(void **state)
{
	set("in", "0xffff");
	in8(IRQ_CTL);
	set("in0", "0");
	assert_int_equal(in8(IRQ_STATUS), 0x05);
}

static void test_setting_the_same_value_is_no_change(void **state)
{
	set("in", "0x00f0");
	in8(IRQ_CTL);
	set("in", "0x00f0");
	set("in4", "1");
	assert_int_equal(in8(IRQ_STATUS), 0);
}

static void test_changes_while_disabled_leave_no_trace(void **state)
{
	fixture_arm_intx(&f);
	set("in", "0xffff");
	assert_int_equal(in8(IRQ_STATUS), 0);
	in8(IRQ_CTL);
	assert_int_equal(fixture_taken(f.intx), 0);
	assert_false(fixture_line(&f));
}

static void test_a_write_to_the_inputs_clears_the_interrupt(void **state)
{
	fixture_arm_intx(&f);
	in8(IRQ_CTL);
	set("in0", "1");
	out8(IN0_7, 0);
	assert_int_equal(in8(IRQ_STATUS), 0);
	assert_false(fixture_line(&f));
	assert_int_equal(in8(IN0_7), 1);
}

static void test_the_line_is_a_level_until_cleared(void **state)
{
	fixture_arm_intx(&f);
	in8(IRQ_CTL);
	set("in0", "1");
	assert_int_equal(fixture_taken(f.intx), 1);
	fixture_unmask_intx(&f); /* end of interrupt, without having cleared it */
	assert_int_equal(fixture_taken(f.intx), 1);
	out8(IN0_7, 0);
	fixture_unmask_intx(&f);
	assert_int_equal(fixture_taken(f.intx), 0);
}

static void test_disabling_lowers_the_line_and_keeps_the_status(void **state)
{
	fixture_arm_intx(&f);
	in8(IRQ_CTL);
	set("in0", "1");
	out8(IRQ_CTL, 0);
	assert_false(fixture_line(&f));
	assert_int_equal(in8(IRQ_STATUS), 0x05);
	in8(IRQ_CTL);
	assert_true(fixture_line(&f));
}

/* What gpio-pci-idio-16 of Linux 6.1 does: probe, request an edge, handle it. */
static void test_the_driver_of_linux_6_1_gets_its_edge(void **state)
{
	out8(FILTER_CTL, 0);
	out8(IRQ_CTL, 0);
	out8(IN0_7, 0);
	fixture_arm_intx(&f);
	in8(IRQ_CTL);
	set("in9", "1");
	assert_int_equal(fixture_taken(f.intx), 1);
	assert_true(in8(IRQ_STATUS) & 0x3);
	assert_true(in8(IRQ_STATUS) & 0x4);
	out8(IN0_7, 0);
	fixture_unmask_intx(&f);
	assert_int_equal(fixture_taken(f.intx), 0);
	assert_int_equal(in8(IN8_15), 0x02);
}

/* What gpio-idio-16 of Linux 6.12 does, through regmap. */
static void test_the_driver_of_linux_6_12_gets_its_edge(void **state)
{
	out8(IRQ_CTL, 0);
	out8(FILTER_CTL, 0);
	fixture_arm_intx(&f);
	out8(IN0_7, 0);
	in8(IRQ_CTL);
	set("in0", "1");
	assert_int_equal(fixture_taken(f.intx), 1);
	assert_true(in8(IRQ_STATUS) & 0x4);
	out8(IN0_7, 0x4);
	fixture_unmask_intx(&f);
	assert_int_equal(fixture_taken(f.intx), 0);
}

/* ---- filters --------------------------------------------------------------------- */

#define NEVER_US "60000000"

static void wait_for_input(uint64_t offset, uint64_t value)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < 5000 && in8(offset) != value; i++)
		nanosleep(&ms, NULL);
	assert_int_equal(in8(offset), value);
}

static void test_a_filtered_input_is_seen_after_the_delay(void **state)
{
	set("filter-us", "20000");
	in8(FILTER_CTL);
	in8(IRQ_CTL);
	set("in", "0x0101");
	wait_for_input(IN0_7, 0x01);
	assert_int_equal(in8(IN8_15), 0x01);
	assert_int_equal(in8(IRQ_STATUS), 0x07);
}

static void test_a_filtered_input_is_not_seen_before_the_delay(void **state)
{
	set("filter-us", NEVER_US);
	in8(FILTER_CTL);
	in8(IRQ_CTL);
	set("in0", "1");
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(in8(IRQ_STATUS), 0);
	fixture_assert_prop(&f, "in", "0x0001");
}

static void test_a_glitch_is_filtered(void **state)
{
	set("filter-us", "20000");
	in8(FILTER_CTL);
	in8(IRQ_CTL);
	set("in0", "1");
	set("in0", "0");
	set("in1", "1");
	wait_for_input(IN0_7, 0x02);
	assert_int_equal(in8(IRQ_STATUS), 0x05);
}

static void test_inputs_are_filtered_one_by_one(void **state)
{
	set("filter-us", NEVER_US);
	out8(FILTER0_7, 0x0f);
	assert_int_equal(in8(FILTER0_7), 0x0f);
	fixture_assert_prop(&f, "filter", "0x000f");
	set("in", "0xffff");
	assert_int_equal(in8(IN0_7), 0xf0);
	assert_int_equal(in8(IN8_15), 0xff);
}

static void test_the_global_filter_has_precedence(void **state)
{
	in8(FILTER_CTL);
	assert_int_equal(in8(FILTER0_7), 0xff);
	fixture_assert_prop(&f, "filter", "0xffff");
	out8(FILTER0_7, 0x01);
	assert_int_equal(in8(FILTER0_7), 0xff);
	out8(FILTER_CTL, 0);
	assert_int_equal(in8(FILTER0_7), 0);
	fixture_assert_prop(&f, "filter", "0x0000");
}

static void test_the_global_command_ends_all_filters(void **state)
{
	out8(FILTER0_7, 0x0f);
	out8(FILTER_CTL, 0);
	assert_int_equal(in8(FILTER0_7), 0);
}

static void test_without_filters_a_settling_input_is_seen_at_once(void **state)
{
	set("filter-us", NEVER_US);
	in8(FILTER_CTL);
	in8(IRQ_CTL);
	set("in0", "1");
	out8(FILTER_CTL, 0);
	assert_int_equal(in8(IN0_7), 1);
	assert_int_equal(in8(IRQ_STATUS), 0x05);
}

static void test_no_delay_is_no_filter(void **state)
{
	set("filter-us", "0");
	in8(FILTER_CTL);
	set("in", "0x8001");
	assert_int_equal(in8(IN0_7), 0x01);
	assert_int_equal(in8(IN8_15), 0x80);
	assert_int_equal(fixture_set(&f, "filter-us", "60000001"), -EINVAL);
}

/* ---- the pattern ----------------------------------------------------------------- */

static void test_the_pattern_toggles_every_third_read(void **state)
{
	static const uint64_t expected[] = { 0, 0, 0, 0xff, 0xff, 0xff };
	int i;

	set("pattern", "toggle3");
	for (i = 0; i < 12; i++)
		assert_int_equal(in8(OUT0_7), expected[i % 6]);
}

static void test_the_card_has_one_counter(void **state)
{
	set("pattern", "toggle3");
	assert_int_equal(in8(OUT0_7), 0);
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(in8(OUT8_15), 0);
	assert_int_equal(in8(IN8_15), 0xff);
}

static void test_other_registers_are_no_steps(void **state)
{
	set("pattern", "toggle3");
	in8(IRQ_STATUS);
	in8(FILTER0_7);
	in8(IRQ_CTL);
	out8(OUT0_7, 0x12);
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(in8(IN0_7), 0xff);
}

static void test_the_pattern_hides_values_only(void **state)
{
	set("pattern", "toggle3");
	out8(OUT0_7, 0x12);
	in8(OUT0_7);
	set("pattern", "none");
	assert_int_equal(in8(OUT0_7), 0x12);
	assert_int_equal(fixture_set(&f, "pattern", "toggle4"), -EINVAL);
	assert_int_equal(fixture_set(&f, "pattern", ""), -EINVAL);
	fixture_assert_prop(&f, "pattern", "none");
}

static void test_setting_the_pattern_starts_it_anew(void **state)
{
	set("pattern", "toggle3");
	in8(IN0_7);
	in8(IN0_7);
	set("pattern", "toggle3");
	in8(IN0_7);
	in8(IN0_7);
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(in8(IN0_7), 0xff);
}

static void test_a_reset_starts_the_pattern_anew(void **state)
{
	set("pattern", "toggle3");
	in8(IN0_7);
	in8(IN0_7);
	fixture_reset(&f);
	in8(IN0_7);
	in8(IN0_7);
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(in8(IN0_7), 0xff);
}

/* ---- loopback -------------------------------------------------------------------- */

static void test_loopback_wires_outputs_to_inputs(void **state)
{
	set("loopback", "1");
	fixture_arm_intx(&f);
	in8(IRQ_CTL);
	out8(OUT8_15, 0xa5);
	assert_int_equal(in8(IN8_15), 0xa5);
	assert_int_equal(in8(IRQ_STATUS), 0x06);
	assert_int_equal(fixture_taken(f.intx), 1);
	fixture_assert_prop(&f, "in", "0xa500");
}

static void test_loopback_leaves_no_room_for_another_source(void **state)
{
	set("in", "0x00ff");
	set("loopback", "1");
	assert_int_equal(in8(IN0_7), 0);
	assert_int_equal(fixture_set(&f, "in", "1"), -EPERM);
	set("loopback", "0");
	assert_int_equal(in8(IN0_7), 0xff);
	assert_int_equal(fixture_set(&f, "loopback", "2"), -EINVAL);
}

/* ---- reset ----------------------------------------------------------------------- */

static void test_a_reset_clears_the_card(void **state)
{
	fixture_arm_intx(&f);
	out8(OUT0_7, 0xff);
	out8(FILTER0_7, 0xff);
	in8(IRQ_CTL);
	set("in8", "1");
	fixture_reset(&f);
	assert_int_equal(in8(OUT0_7), 0);
	assert_int_equal(in8(FILTER0_7), 0);
	assert_int_equal(in8(IRQ_STATUS), 0);
	assert_false(fixture_line(&f));
	set("in9", "1"); /* interrupts are disabled again */
	assert_int_equal(in8(IRQ_STATUS), 0);
}

static void test_a_reset_keeps_the_world_outside(void **state)
{
	set("in", "0x1234");
	set("filter-us", "77");
	fixture_reset(&f);
	assert_int_equal(in8(IN0_7), 0x34);
	assert_int_equal(in8(IN8_15), 0x12);
	fixture_assert_prop(&f, "filter-us", "77");
}

/* ---- state ----------------------------------------------------------------------- */

static void test_all_state_moves(void **state)
{
	struct fixture other;

	set("in", "0x0001");
	set("filter-us", NEVER_US);
	out8(OUT8_15, 0x3c);
	in8(IRQ_CTL);
	set("in1", "1");
	out8(FILTER0_7, 0x80);
	set("in7", "1");
	fixture_start(&other, "gpio-idio16", NULL);
	fixture_copy_state(&f, &other);
	assert_int_equal(fixture_read(&other, LM_BAR2_REG_IDX, OUT8_15, 4), 0x8005003c);
	assert_int_equal(fixture_read(&other, LM_BAR2_REG_IDX, IN0_7, 1), 0x03);
	assert_true(fixture_line(&other));
	fixture_assert_prop(&other, "in", "0x0083");
	fixture_assert_prop(&other, "filter-us", NEVER_US);
	fixture_stop(&other);
}

static void test_a_settling_input_settles_after_the_move(void **state)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	struct fixture other;
	int i;

	set("filter-us", "200000");
	in8(FILTER_CTL);
	set("in0", "1");
	fixture_start(&other, "gpio-idio16", NULL);
	fixture_copy_state(&f, &other);
	for (i = 0; i < 5000 && !fixture_read(&other, LM_BAR2_REG_IDX, IN0_7, 1); i++)
		nanosleep(&ms, NULL);
	assert_int_equal(fixture_read(&other, LM_BAR2_REG_IDX, IN0_7, 1), 1);
	fixture_stop(&other);
}

static void test_options_move_with_the_state(void **state)
{
	const lm_dev_info_t *info = f.type->info;
	struct idio *other;
	char text[16];
	uint8_t buf[64];
	ssize_t len;

	set("pattern", "toggle3");
	set("loopback", "1");
	in8(IN0_7);
	assert_int_equal(fixture_new(f.type, (void **)&other), 0);
	len = info->save(f.dev, buf, sizeof(buf));
	assert_int_equal(info->load(other, buf, (size_t)len), 0);
	assert_int_equal(info->prop_get(other, "pattern", text, sizeof(text)), 0);
	assert_string_equal(text, "toggle3");
	assert_int_equal(info->prop_get(other, "loopback", text, sizeof(text)), 0);
	assert_string_equal(text, "1");
	device_free(f.type, other);
}

static void test_saving_says_how_much_room_it_needs(void **state)
{
	uint8_t buf[64];
	ssize_t len = f.type->info->save(f.dev, NULL, 0);

	assert_in_range(len, 1, sizeof(buf));
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(f.type->info->save(f.dev, buf, (size_t)len - 1), len);
	assert_int_equal(buf[0], 0xee);
	assert_int_equal(f.type->info->save(f.dev, buf, (size_t)len), len);
	assert_int_equal(buf[len], 0xee);
}

static void test_a_strange_state_changes_nothing(void **state)
{
	static const struct { size_t at; uint8_t value; } bad[] = {
		{ 0, 2 }, { 1, 0x10 }, { 2, 8 }, { 4, 6 }, { 19, 0xff },
	};
	const lm_dev_info_t *info = f.type->info;
	uint8_t good[64], buf[64];
	size_t len, i;

	out8(OUT0_7, 0x77);
	len = (size_t)info->save(f.dev, good, sizeof(good));
	out8(OUT0_7, 0x66);
	for (i = 0; i < LM_NR(bad); i++) {
		memcpy(buf, good, len);
		buf[bad[i].at] = bad[i].value;
		assert_int_equal(info->load(f.dev, buf, len), -EINVAL);
	}
	assert_int_equal(info->load(f.dev, good, len - 1), -EINVAL);
	assert_int_equal(info->load(f.dev, good, len + 1), -EINVAL);
	assert_int_equal(info->load(f.dev, good, 0), -EINVAL);
	assert_int_equal(in8(OUT0_7), 0x66);
}

/* ---- options --------------------------------------------------------------------- */

static void test_options_at_creation(void **state)
{
	static const char *const options[] = {
		"in=0xbeef", "pattern=none", "loopback=0", NULL
	};
	struct fixture other;

	fixture_start(&other, "gpio-idio16", options);
	assert_int_equal(fixture_read(&other, LM_BAR2_REG_IDX, IN0_7, 1), 0xef);
	assert_int_equal(fixture_read(&other, LM_BAR2_REG_IDX, IN8_15, 1), 0xbe);
	fixture_stop(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_driver_finds_its_card),
		TEST(bar2_is_eight_io_ports),
		TEST(outputs_read_back),
		TEST(outputs_are_on_the_terminals),
		TEST(outputs_cannot_be_driven_from_outside),
		TEST(inputs_follow_the_terminals),
		TEST(one_wire_changes_one_bit),
		TEST(bad_values_of_inputs_change_nothing),
		TEST(writes_to_the_upper_inputs_are_dropped),
		TEST(a_wide_read_covers_its_registers),
		TEST(a_change_interrupts_when_enabled),
		TEST(the_status_names_the_bank),
		TEST(a_falling_edge_is_a_change),
		TEST(setting_the_same_value_is_no_change),
		TEST(changes_while_disabled_leave_no_trace),
		TEST(a_write_to_the_inputs_clears_the_interrupt),
		TEST(the_line_is_a_level_until_cleared),
		TEST(disabling_lowers_the_line_and_keeps_the_status),
		TEST(the_driver_of_linux_6_1_gets_its_edge),
		TEST(the_driver_of_linux_6_12_gets_its_edge),
		TEST(a_filtered_input_is_seen_after_the_delay),
		TEST(a_filtered_input_is_not_seen_before_the_delay),
		TEST(a_glitch_is_filtered),
		TEST(inputs_are_filtered_one_by_one),
		TEST(the_global_filter_has_precedence),
		TEST(the_global_command_ends_all_filters),
		TEST(without_filters_a_settling_input_is_seen_at_once),
		TEST(no_delay_is_no_filter),
		TEST(the_pattern_toggles_every_third_read),
		TEST(the_card_has_one_counter),
		TEST(other_registers_are_no_steps),
		TEST(the_pattern_hides_values_only),
		TEST(setting_the_pattern_starts_it_anew),
		TEST(a_reset_starts_the_pattern_anew),
		TEST(loopback_wires_outputs_to_inputs),
		TEST(loopback_leaves_no_room_for_another_source),
		TEST(a_reset_clears_the_card),
		TEST(a_reset_keeps_the_world_outside),
		TEST(all_state_moves),
		TEST(a_settling_input_settles_after_the_move),
		TEST(options_move_with_the_state),
		TEST(saving_says_how_much_room_it_needs),
		TEST(a_strange_state_changes_nothing),
		TEST(options_at_creation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
