/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pvpanic.c - the panic device: what a guest says, and who hears of it.
 */
#include "fixture.h"

#include <errno.h>

#include <linux/pci_regs.h>

enum { EVENTS = 0x00 };

static struct fixture f;

static int setup(void **state)
{
	fixture_start(&f, "pvpanic", *state);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	return 0;
}

static void say(uint8_t events)
{
	fixture_write(&f, LM_BAR0_REG_IDX, EVENTS, events, 1);
}

/* By vendor and device; whatever its class. */
static void test_the_driver_finds_its_device(void **state)
{
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, PCI_VENDOR_ID, 4), 0x00111b36);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, PCI_CLASS_REVISION, 4), 0x08800001);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, PCI_INTERRUPT_PIN, 1), 0);
}

static void test_it_says_which_events_there_are(void **state)
{
	assert_int_equal(fixture_read(&f, LM_BAR0_REG_IDX, EVENTS, 1), 7);
}

static void test_each_event_is_heard_by_its_name(void **state)
{
	say(1);
	fixture_assert_heard(&f, "panic=0x1");
	say(2);
	fixture_assert_heard(&f, "crash-loaded=0x2");
	say(4);
	fixture_assert_heard(&f, "shutdown=0x4");
	say(3);
	fixture_assert_heard(&f, "panic=0x3 crash-loaded=0x3");
}

static void test_what_was_reported_is_remembered(void **state)
{
	fixture_assert_prop(&f, "seen", "0x0");
	say(4);
	say(1);
	fixture_assert_prop(&f, "seen", "0x5");
	fixture_reset(&f); /* a machine that reboots after its panic */
	fixture_assert_prop(&f, "seen", "0x5");
	assert_int_equal(fixture_set(&f, "seen", "0"), -EPERM);
}

static void test_bits_that_mean_nothing_are_ignored(void **state)
{
	say(0);
	say(0xf8);
	fixture_assert_heard(&f, "");
	say(0xf9);
	fixture_assert_heard(&f, "panic=0xf9");
	fixture_assert_prop(&f, "seen", "0x1");
}

/* Accesses that no driver makes: all widths, everywhere. */
static void test_the_rest_of_the_bar_is_empty(void **state)
{
	unsigned int offset, width;

	for (width = 1; width <= 8; width *= 2) {
		for (offset = 1; offset + width <= 16; offset++) {
			fixture_write(&f, LM_BAR0_REG_IDX, offset, UINT64_MAX, width);
			assert_int_equal(fixture_read(&f, LM_BAR0_REG_IDX, offset, width),
					 UINT64_MAX >> (64 - 8 * width));
		}
	}
	fixture_assert_heard(&f, "");
	fixture_write(&f, LM_BAR0_REG_IDX, EVENTS, 0x01010101, 4);
	fixture_assert_heard(&f, "panic=0x1");
	assert_int_equal(fixture_read(&f, LM_BAR0_REG_IDX, EVENTS, 4), 0xffffff07);
}

static const char *const panic_only[] = { "events=0x1", NULL };

static void test_an_event_that_is_switched_off_does_not_happen(void **state)
{
	assert_int_equal(fixture_read(&f, LM_BAR0_REG_IDX, EVENTS, 1), 1);
	say(6);
	fixture_assert_heard(&f, "");
	say(7);
	fixture_assert_heard(&f, "panic=0x7");
	fixture_assert_prop(&f, "seen", "0x1");
}

static void test_what_was_reported_moves_with_the_state(void **state)
{
	struct fixture other;

	say(2);
	fixture_start(&other, "pvpanic", NULL);
	fixture_copy_state(&f, &other);
	fixture_assert_prop(&other, "seen", "0x2");
	fixture_stop(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
#define TEST_WITH(name, options) \
	cmocka_unit_test_prestate_setup_teardown(test_##name, setup, teardown, (void *)(options))

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_driver_finds_its_device),
		TEST(it_says_which_events_there_are),
		TEST(each_event_is_heard_by_its_name),
		TEST(what_was_reported_is_remembered),
		TEST(bits_that_mean_nothing_are_ignored),
		TEST(the_rest_of_the_bar_is_empty),
		TEST_WITH(an_event_that_is_switched_off_does_not_happen, panic_only),
		TEST(what_was_reported_moves_with_the_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
