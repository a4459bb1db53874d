/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_utf8.c - what is UTF-8, and what of it fills one cell of a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

#define MAX 8

static void the_length_and_code_of_a_character_are_given(void **state)
{
	static const struct {
		const char *text;
		size_t      len;
		uint32_t    code;
	} good[] = {
		{ "A", 1, 'A' }, { "\xc3\x9f", 2, 0xdf }, { "\xe2\x82\xac", 3, 0x20ac },
		{ "\xf0\x9f\x90\x8d", 4, 0x1f40d }, { "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
	};
	uint32_t code;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(utf8_decode(good[i].text, strlen(good[i].text), &code),
				 good[i].len);
		assert_int_equal(code, good[i].code);
	}
}

static void what_is_cut_overlong_or_half_a_character_is_none(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xe0\x80\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
	};
	uint32_t code;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(utf8_decode(bad[i], strlen(bad[i]), &code), 0);
}

static void a_word_is_printable_and_has_no_blanks(void **state)
{
	static const char *const good[] = {
		"a", "card-0", ("K\xc3\xa4" "rtchen"), "\xf0\x9f\x90\x8d",
	};
	/* with NEL, NBSP, a direction, an ideographic space, a BOM */
	static const char *const bad[] = {
		"", " ", "a b", "a\tb", "a\n", "\033[2J", "a\x7f", "a\xc2\x85", "a\xc2\xa0" "b",
		"\xe2\x80\xae" "a", "\xe3\x80\x80", "\xef\xbb\xbf", "a\xff", "123456789",
		"1234567\xc3\x9f",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_is_word(good[i], 10));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_is_word(bad[i], MAX));
}

static void a_line_may_have_blanks_and_controls_nothing(void **state)
{
	static const char *const good[] = {
		"", " ", "two words", "\xc3\xa4 \xc2\xa0", "\xef\xbb\xbf",
	};
	static const char *const bad[] = {
		"a\nb", "a\r", "\t", "\033[2J", "\x7f", "a\xc2\x85", "\xc2\x9b", "\xff\xfe",
		"a\xc3",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_is_line(good[i]));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_is_line(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_length_and_code_of_a_character_are_given),
		cmocka_unit_test(what_is_cut_overlong_or_half_a_character_is_none),
		cmocka_unit_test(a_word_is_printable_and_has_no_blanks),
		cmocka_unit_test(a_line_may_have_blanks_and_controls_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
