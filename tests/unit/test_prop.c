/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_prop.c - properties that are variables: kinds and sizes, what they accept and what they say
 * of it, defaults, and descriptions of variables that cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "engine.h"
#include "base/option.h"
#include "base/prop.h"

static const char *const kinds[] = { "none", "all", "some", NULL };

static struct thing {
	uint8_t  u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	bool     on;
	uint32_t kind;
	char     text[8];
	char     behind;
	unsigned int nr_changes;
} thing;

static void changed(void *pvt)
{
	((struct thing *)pvt)->nr_changes++;
}

static const lm_prop_t props[] = {
	{ .name = "u8", .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u8), .max = 255 },
	{ .name = "u16", .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u16), .min = 5, .max = 9,
	  .unit = "us", .value = "7", .changed = changed },
	{ .name = "u32", .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u32), .max = UINT32_MAX },
	{ .name = "u64", .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u64), .max = UINT64_MAX },
	{ .name = "hex", .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u64), .max = 0x1000,
	  .flags = LM_PROP_HEX },
	{ .name = "on", .type = LM_PROP_BOOL, LM_PROP_IN(struct thing, on) },
	{ .name = "kind", .type = LM_PROP_ENUM, LM_PROP_IN(struct thing, kind), .choices = kinds,
	  .value = "all" },
	{ .name = "text", .type = LM_PROP_TEXT, LM_PROP_IN(struct thing, text), .value = "hello" },
	{ .name = "bytes", .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u64), .max = 1ull << 50,
	  .flags = LM_PROP_BYTES },
};

static lm_dev_info_t info = { .pvt = &thing, .type = "thing", LM_PROPS(props) };

static int setup(void **state)
{
	memset(&thing, 0, sizeof(thing));
	return 0;
}

static int set(const char *option)
{
	struct option_fault fault;

	return option_set(&info, option, &fault);
}

static void assert_is(const char *name, const char *value)
{
	char buf[32];

	assert_int_equal(prop_get(&info, name, buf, sizeof(buf)), 0);
	assert_string_equal(buf, value);
}

static void numbers_of_each_size(void **state)
{
	assert_int_equal(set("u8=255"), 0);
	assert_int_equal(set("u32=0xFFFFFFFF"), 0);
	assert_int_equal(set("u64=18446744073709551615"), 0);
	assert_int_equal(set("u16=009"), 0);
	assert_int_equal(thing.u8, 255);
	assert_int_equal(thing.u16, 9);
	assert_int_equal(thing.u32, UINT32_MAX);
	assert_int_equal(thing.u64, UINT64_MAX);
	assert_is("u8", "255");
	assert_is("u64", "18446744073709551615");
	assert_int_equal(set("hex=0x123"), 0);
	assert_is("hex", "0x123");
	assert_int_equal(set("hex=16"), 0);
	assert_is("hex", "0x10");
}

static void bytes_may_have_a_suffix(void **state)
{
	static const struct {
		const char *option;
		uint64_t    bytes;
	} good[] = {
		{ "bytes=512", 512 }, { "bytes=4K", 4096 }, { "bytes=3m", 3 << 20 },
		{ "bytes=1G", 1 << 30 }, { "bytes=0x10T", 16ull << 40 },
	};
	static const char *const bad[] = {
		"bytes=K", "bytes=1KB", "bytes=1P", "bytes=2000T", "bytes=99999999999999999T",
		"u32=1K",
	};
	size_t i;

	for (i = 0; i < LM_NR(good); i++) {
		assert_int_equal(set(good[i].option), 0);
		assert_int_equal(thing.u64, good[i].bytes);
	}
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(set(bad[i]), -EINVAL);
	assert_int_equal(thing.u64, 16ull << 40);
}

static void what_is_no_number_or_out_of_range_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"", " 6", "-6", "+6", "6 ", "0x", "0x0x6", "6a", "4", "10",
		"18446744073709551616", "99999999999999999999999",
	};
	char option[64];
	size_t i;

	thing.u16 = 6;
	for (i = 0; i < LM_NR(bad); i++) {
		snprintf(option, sizeof(option), "u16=%s", bad[i]);
		assert_int_equal(set(option), -EINVAL);
	}
	assert_int_equal(thing.u16, 6);
	assert_int_equal(thing.nr_changes, 0);
}

static void choices_and_booleans(void **state)
{
	assert_int_equal(set("kind=some"), 0);
	assert_int_equal(thing.kind, 2);
	assert_is("kind", "some");
	assert_int_equal(set("kind=few"), -EINVAL);
	assert_int_equal(set("on=1"), 0);
	assert_true(thing.on);
	assert_int_equal(set("on=2"), -EINVAL);
	thing.kind = 77; /* the device's own doing */
	assert_is("kind", "?");
}

static void text_ends_inside_its_array(void **state)
{
	assert_int_equal(set("text=1234567"), 0);
	assert_int_equal(set("text=12345678"), -EINVAL);
	assert_is("text", "1234567");
	assert_int_equal(set("text=a\nb"), -EINVAL);
	assert_int_equal(set("text=\xff"), -EINVAL);
	assert_int_equal(set("text=\033"), -EINVAL);
	assert_is("text", "1234567");
	assert_int_equal(thing.behind, 0);
	assert_int_equal(set("text="), 0);
	assert_is("text", "");
	memset(thing.text, 'x', sizeof(thing.text));
	assert_is("text", "xxxxxxxx");
}

static void defaults_are_set_and_there_is_nobody_to_hear_of_it(void **state)
{
	struct option_fault fault;

	assert_int_equal(option_set_defaults(&info, &fault), 0);
	assert_int_equal(thing.u16, 7);
	assert_int_equal(thing.nr_changes, 0);
	assert_is("kind", "all");
	assert_is("text", "hello");
}

static void a_device_that_has_started_hears_of_changes(void **state)
{
	assert_int_equal(prop_change(&info, "u16", "8"), 0);
	assert_int_equal(thing.u16, 8);
	assert_int_equal(prop_change(&info, "u16", "10"), -EINVAL);
	assert_int_equal(prop_change(&info, "u8", "1"), 0);
	assert_int_equal(thing.nr_changes, 1);
}

static void what_is_accepted_is_said(void **state)
{
	char text[PROP_ACCEPTS_MAX];
	struct option_fault fault;

	assert_string_equal(prop_accepts(&props[1], "u16", text), "5..9 us");
	assert_string_equal(prop_accepts(&props[4], "hex", text), "0x0..0x1000");
	assert_string_equal(prop_accepts(&props[5], "on", text), "0|1");
	assert_string_equal(prop_accepts(&props[6], "kind", text), "none|all|some");
	assert_string_equal(prop_accepts(&props[7], "text", text), "text of at most 7 bytes");
	assert_string_equal(prop_accepts(&props[8], "bytes", text),
			    "0..1125899906842624 bytes, or with K, M, G, T");
	assert_int_equal(option_set(&info, "u16=a", &fault), -EINVAL);
	assert_string_equal(fault.object, "u16=a");
	assert_string_equal(fault.text, "invalid value (expected 5..9 us; hexadecimal needs 0x)");
}

/* ---- in a device ------------------------------------------------------------------ */

static void refused(struct engine *e, lm_prop_t prop, const char *why)
{
	char message[200];

	prop.name = "p";
	e->info.props = &prop;
	e->info.nr_props = 1;
	e->info.prop_size = sizeof(prop);
	engine_refuses(e);
	snprintf(message, sizeof(message), "property 0, p: %s", why);
	assert_string_equal(e->log, message);
}

static void variables_that_cannot_be_are_refused(void **state)
{
	struct engine *e = *state;

	refused(e, (lm_prop_t){ .type = 9 },
		"its type must be LM_PROP_CALLS, _UINT, _BOOL, _ENUM or _TEXT");
	refused(e, (lm_prop_t){ LM_PROP_IN(struct thing, u8) }, "it has a variable but no type");
	refused(e, (lm_prop_t){ .type = LM_PROP_BOOL, LM_PROP_IN(struct thing, text), .nr = 2 },
		"a variable has no single wires");
	refused(e, (lm_prop_t){ .type = LM_PROP_UINT, .size = 3 },
		"its variable must have 1, 2, 4 or 8 bytes (LM_PROP_IN() says so)");
	refused(e, (lm_prop_t){ .type = LM_PROP_TEXT },
		"its variable has no size (LM_PROP_IN() gives it)");
	refused(e, (lm_prop_t){ .type = LM_PROP_TEXT, .size = 4096 },
		"its text must be shorter than 4095 bytes");
	refused(e, (lm_prop_t){ .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u8), .max = 256 },
		"min..max is no range, or does not fit its variable");
	refused(e, (lm_prop_t){ .type = LM_PROP_UINT, LM_PROP_IN(struct thing, u8), .min = 1 },
		"min..max is no range, or does not fit its variable");
	refused(e, (lm_prop_t){ .type = LM_PROP_ENUM, LM_PROP_IN(struct thing, kind) },
		"it has no choices");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(numbers_of_each_size, setup),
		cmocka_unit_test_setup(bytes_may_have_a_suffix, setup),
		cmocka_unit_test_setup(what_is_no_number_or_out_of_range_changes_nothing, setup),
		cmocka_unit_test_setup(choices_and_booleans, setup),
		cmocka_unit_test_setup(text_ends_inside_its_array, setup),
		cmocka_unit_test_setup(defaults_are_set_and_there_is_nobody_to_hear_of_it, setup),
		cmocka_unit_test_setup(a_device_that_has_started_hears_of_changes, setup),
		cmocka_unit_test_setup(what_is_accepted_is_said, setup),
		ENGINE_TEST(variables_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
