/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_version.c - what the library calls itself.
 */
#include "engine.h"

static void the_version_is_that_of_the_header(void **state)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", LM_VERSION_MAJOR, LM_VERSION_MINOR,
		 LM_VERSION_PATCH);
	assert_string_equal(lm_version(), text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_that_of_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
