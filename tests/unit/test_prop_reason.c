/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_prop_reason.c - why a property does not take a value, in the device's words.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <muser.h>

#include "base/prop.h"
#include "base/value_fault.h"

static void the_last_one_counts(void **state)
{
	assert_null(lm_prop_reason());
	assert_int_equal(lm_prop_reject(-EBUSY, "disk %d is mounted", 3), -EBUSY);
	assert_string_equal(lm_prop_reason(), "disk 3 is mounted");
	lm_prop_reject(0, "%s", "");
	assert_null(lm_prop_reason());
}

/* JSON and a terminal take neither half a character nor what controls. */
static void it_is_a_line_of_utf8(void **state)
{
	char snowmen[300];
	size_t i;

	for (i = 0; i + 3 < sizeof(snowmen); i += 3)
		memcpy(snowmen + i, "\u2603", 4);
	lm_prop_reject(-EINVAL, "%s", snowmen);
	assert_int_equal(strlen(lm_prop_reason()), 255);
	lm_prop_reject(-EINVAL, "x%s", snowmen);
	assert_int_equal(strlen(lm_prop_reason()), 253);
	lm_prop_reject(-EINVAL, "red\033[31m");
	assert_string_equal(lm_prop_reason(), "red");
}

static int reject_odd(void *pvt, const char *name, const char *value)
{
	return value[0] & 1 ? lm_prop_reject(-EBUSY, "is odd") : -EINVAL;
}

/* It goes before the library's words, whatever the error, and is of that value alone. */
static void it_is_of_one_value(void **state)
{
	static const lm_prop_t prop = { .name = "n", .accepts = "even" };
	static const lm_dev_info_t info = { .props = &prop, .nr_props = 1,
					    .prop_size = sizeof(prop), .prop_set = reject_odd };
	char text[VALUE_FAULT];

	assert_int_equal(prop_set(&info, "n", "1"), -EBUSY);
	assert_string_equal(value_fault(-EBUSY, "1", "even", text), "is odd");
	assert_int_equal(prop_set(&info, "n", "2"), -EINVAL);
	assert_string_equal(value_fault(-EINVAL, "2", "even", text),
			    "invalid value (expected even)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_one_counts),
		cmocka_unit_test(it_is_a_line_of_utf8),
		cmocka_unit_test(it_is_of_one_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
