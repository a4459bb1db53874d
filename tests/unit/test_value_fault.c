/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_value_fault.c - what is said of a value that a property does not take.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/value_fault.h"

static void says(const char *value, const char *accepts, const char *expected)
{
	char text[VALUE_FAULT];

	assert_string_equal(value_fault(-EINVAL, value, accepts, text), expected);
}

static void what_is_accepted_is_named(void **state)
{
	says("frob", NULL, "invalid value");
	says("frob", "none|toggle3", "invalid value (expected none|toggle3)");
	says("65536", "0..0xffff", "invalid value (expected 0..0xffff)");
}

static void what_no_property_takes_comes_first(void **state)
{
	says("a\nb", "0..3", TEXT_FAULT);
	says("\xff", NULL, TEXT_FAULT);
}

static void a_hexadecimal_number_without_0x_is_recognized(void **state)
{
	says("ff", "0..0xffff", "invalid value (expected 0..0xffff; hexadecimal needs 0x)");
	says("1F", "0..0xffff", "invalid value (expected 0..0xffff; hexadecimal needs 0x)");
	says("0x1ffff", "0..0xffff", "invalid value (expected 0..0xffff)");
	says("fg", "0..0xffff", "invalid value (expected 0..0xffff)");
	says("", "0..0xffff", "invalid value (expected 0..0xffff)");
	says("face", "none|toggle3", "invalid value (expected none|toggle3)");
}

static void only_errors_of_the_value_are_explained(void **state)
{
	char text[VALUE_FAULT];

	assert_string_equal(value_fault(-EPERM, "1", "0|1", text), "is read-only");
	assert_null(value_fault(-EIO, "1", "0|1", text));
	assert_null(value_fault(0, "1", "0|1", text));
}

static void a_long_list_is_cut(void **state)
{
	char text[VALUE_FAULT], accepts[1000];

	memset(accepts, '.', sizeof(accepts) - 1);
	accepts[sizeof(accepts) - 1] = '\0';
	assert_true(strlen(value_fault(-EINVAL, "ff", accepts, text)) < VALUE_FAULT);
	assert_non_null(strstr(text, "needs 0x)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_accepted_is_named),
		cmocka_unit_test(what_no_property_takes_comes_first),
		cmocka_unit_test(a_hexadecimal_number_without_0x_is_recognized),
		cmocka_unit_test(only_errors_of_the_value_are_explained),
		cmocka_unit_test(a_long_list_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
