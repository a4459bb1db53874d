/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_json.c - what json.c accepts, refuses, and writes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static struct json_object *parse(const char *text)
{
	return json_parse(text, strlen(text));
}

static void assert_refused(const char *text)
{
	struct json_object *obj = parse(text);

	if (obj)
		print_error("accepted: %s\n", text);
	assert_null(obj);
}

static void assert_text(struct json_object *obj, const char *expected)
{
	size_t len;
	char *text = json_text(obj, &len);

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
	free(text);
}

static void what_is_not_one_value_is_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "{", "}", "{}{}", "{} x", "[1,2", "{\"a\":}", "{\"a\" 1}",
		"{a:1}", "'a'", "{\"a\":1,}", "[1,]", "nul", "tru", "\"open", "01", "1 2",
		"\"\\u12\"", "\"\\x\"", "\"\xff\"", "\"\xc0\x80\"", "/* c */ {}", "{}]",
		"\"\x01\"", "\"\xed\xa0\x80\"", "\"\xe2\x82", "\"\\\xc3\xa9\"",
		"\xc3\xa9", "[1,\xe2\x82\xac]",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i]);
}

static void values_of_every_kind_are_read(void **state)
{
	struct json_object *obj = parse(" {\"s\":\"x\\u00e9\",\"i\":-5,\"b\":true,"
					"\"h\":\"0xfF\",\"d\":\"00ff10\","
					"\"a\":[1,2],\"n\":null} ");
	unsigned char bytes[3];
	int64_t i;
	uint64_t h;
	bool b;

	assert_non_null(obj);
	assert_string_equal(json_to_string(json_get(obj, "s")), "x\xc3\xa9");
	assert_int_equal(json_to_int(json_get(obj, "i"), &i), 0);
	assert_int_equal(i, -5);
	assert_int_equal(json_to_bool(json_get(obj, "b"), &b), 0);
	assert_true(b);
	assert_int_equal(json_to_hex(json_get(obj, "h"), &h), 0);
	assert_int_equal(h, 0xff);
	assert_int_equal(json_to_bytes(json_get(obj, "d"), bytes, 3), 3);
	assert_memory_equal(bytes, "\x00\xff\x10", 3);
	assert_int_equal(json_length(json_get(obj, "a")), 2);
	assert_int_equal(json_to_int(json_at(json_get(obj, "a"), 1), &i), 0);
	assert_int_equal(i, 2);
	assert_null(json_at(json_get(obj, "a"), 2));
	assert_null(json_get(obj, "n"));
	assert_null(json_get(obj, "absent"));
	json_free(obj);
}

static void values_of_the_wrong_type_are_refused(void **state)
{
	struct json_object *obj = parse("{\"s\":\"x\",\"i\":1,\"d\":1.0,"
					"\"z\":\"a\\u0000b\"}");
	int64_t i;
	uint64_t h;
	bool b;

	assert_int_equal(json_to_int(json_get(obj, "s"), &i), -EINVAL);
	assert_int_equal(json_to_int(json_get(obj, "d"), &i), -EINVAL);
	assert_int_equal(json_to_int(NULL, &i), -EINVAL);
	assert_int_equal(json_to_bool(json_get(obj, "i"), &b), -EINVAL);
	assert_int_equal(json_to_hex(json_get(obj, "i"), &h), -EINVAL);
	assert_null(json_to_string(json_get(obj, "i")));
	assert_null(json_to_string(json_get(obj, "z"))); /* a NUL inside */
	assert_null(json_get(json_get(obj, "s"), "x"));
	assert_int_equal(json_length(obj), 0);
	json_free(obj);
}

/* By json-c itself since 0.18. */
static void numbers_beyond_64_bits_are_refused(void **state)
{
	static const char *const bad[] = {
		"[99999999999999999999]", "[-99999999999999999999]", "[18446744073709551615]",
	};
	int64_t value;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json_object *obj = parse(bad[i]);

		assert_int_equal(json_to_int(json_at(obj, 0), &value), -EINVAL);
		json_free(obj);
	}
}

static void text_beyond_ascii_is_read(void **state)
{
	static const char *const pairs[][2] = {
		{ "[\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"]",
		  "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "[\"\xc2\x80\xdf\xbf\"]", "\xc2\x80\xdf\xbf" },
		{ "[\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"]",
		  "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf" },
		{ "[\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"]",
		  "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "[\"\\\\\xc3\xa9\"]", "\\\xc3\xa9" },
		{ "[\"\\\"\xc3\xa9\\u00e9\"]", "\"\xc3\xa9\xc3\xa9" },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct json_object *obj = parse(pairs[i][0]);

		assert_non_null(obj);
		assert_string_equal(json_to_string(json_at(obj, 0)), pairs[i][1]);
		json_free(obj);
	}
}

static void names_beyond_ascii_are_read(void **state)
{
	struct json_object *obj = parse("{\"\xc3\xa9\":\"a\"}");

	assert_string_equal(json_to_string(json_get(obj, "\xc3\xa9")), "a");
	json_free(obj);
}

static void bad_hexadecimal_is_refused(void **state)
{
	static const char *const bad[] = {
		"[\"\"]", "[\"0x\"]", "[\"1f\"]", "[\"0xg\"]", "[\"0x-1\"]", "[\"0x 1\"]",
		"[\"0x11111111111111111\"]", "[\"0X1\"]",
	};
	uint64_t h;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json_object *obj = parse(bad[i]);

		assert_non_null(obj);
		assert_int_equal(json_to_hex(json_at(obj, 0), &h), -EINVAL);
		json_free(obj);
	}
}

static void bad_bytes_are_refused(void **state)
{
	struct json_object *obj = parse("[\"123\",\"1g\",\"112233\",7]");
	char buf[2];

	assert_int_equal(json_to_bytes(json_at(obj, 0), buf, 2), -EINVAL);
	assert_int_equal(json_to_bytes(json_at(obj, 1), buf, 2), -EINVAL);
	assert_int_equal(json_to_bytes(json_at(obj, 2), buf, 2), -ENOSPC);
	assert_int_equal(json_to_bytes(json_at(obj, 3), buf, 2), -EINVAL);
	json_free(obj);
}

static void depth_is_bounded(void **state)
{
	struct json_object *obj;
	char text[2 * 200 + 1];
	int depth;

	for (depth = JSON_DEPTH_MAX - 1; depth < 200; depth += 46) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = '\0';
		obj = parse(text);
		assert_int_equal(!!obj, depth < JSON_DEPTH_MAX);
		json_free(obj);
		obj = json_parse_reply(text, strlen(text));
		assert_int_equal(!!obj, depth < JSON_DEPTH_MAX);
		json_free(obj);
	}
}

static struct json_object *parse_padded(size_t len,
					struct json_object *(*fn)(const char *, size_t))
{
	struct json_object *obj;
	char *text = malloc(len);

	assert_non_null(text);
	memset(text, ' ', len);
	text[0] = '1';
	obj = fn(text, len);
	free(text);
	return obj;
}

static void length_is_bounded(void **state)
{
	struct json_object *obj = parse_padded(JSON_REQUEST_MAX, json_parse);

	assert_non_null(obj);
	json_free(obj);
	assert_null(parse_padded(JSON_REQUEST_MAX + 1, json_parse));
	obj = parse_padded(JSON_REQUEST_MAX + 1, json_parse_reply);
	assert_non_null(obj);
	json_free(obj);
	assert_null(parse_padded(JSON_REPLY_MAX + 1, json_parse_reply));
}

/* 16 MiB of "{}," would otherwise become 4 GiB, of "1," 1 GiB. */
static void memory_of_a_reply_is_bounded(void **state)
{
	static const char *const items[] = { "{},", "[],", "1,", "\"\"," };
	const size_t size = 12u << 20;
	char *text = malloc(size);
	size_t i, len, at;

	assert_non_null(text);
	for (i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		len = strlen(items[i]);
		text[0] = '[';
		for (at = 1; at + len < size; at += len)
			memcpy(text + at, items[i], len);
		text[at - 1] = ']';
		assert_true(json_cost(text, at) > JSON_COST_MAX);
		assert_null(json_parse_reply(text, at));
	}
	free(text);
}

/* 64 KiB of "{}," would otherwise become some 16 MB. */
static void containers_in_a_request_are_bounded(void **state)
{
	char text[4 * (JSON_CONTAINERS_MAX + 1)] = "[";
	struct json_object *obj;
	unsigned int i;

	for (i = 1; i < JSON_CONTAINERS_MAX; i++)
		strcat(text, i == 1 ? "{}" : ",{}");
	strcat(text, "]");
	obj = parse(text);
	assert_int_equal(json_length(obj), JSON_CONTAINERS_MAX - 1);
	json_free(obj);
	text[strlen(text) - 1] = '\0';
	strcat(text, ",{}]");
	assert_refused(text);
}

static void built_objects_become_text(void **state)
{
	struct json_object *obj = json_new_object();
	struct json_object *array = json_new_array();

	json_add_string(obj, "s", "a/\"b\"");
	json_add_string(obj, "absent", NULL);
	json_add_int(obj, "i", -1);
	json_add_bool(obj, "b", false);
	json_add_hex(obj, "h", UINT64_MAX);
	json_add_bytes(obj, "d", "\x01\xab", 2);
	json_append_string(array, "x");
	json_append(array, json_new_object());
	json_add(obj, "a", array);
	assert_text(obj, "{\"s\":\"a/\\\"b\\\"\",\"i\":-1,\"b\":false,"
		    "\"h\":\"0xffffffffffffffff\",\"d\":\"01ab\",\"a\":[\"x\",{}]}");
	json_free(obj);
}

/* A process name or a property may hold anything; the text must still be JSON. */
static void strange_bytes_in_strings_are_replaced(void **state)
{
	static const char *const pairs[][2] = {
		{ "a\xff" "b", "a?b" }, { "\xc3", "?" }, { "\xe2\x82", "??" },
		{ "\n\x7f", "??" },
		{ "\xed\xa0\x80", "???" }, { "\xf4\x90\x80\x80", "????" },
		{ "\xc0\xaf", "??" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct json_object *obj = json_new_object(), *back;
		size_t len;
		char *text;

		json_add_string(obj, "s", pairs[i][0]);
		text = json_text(obj, &len);
		back = json_parse(text, len);
		assert_non_null(back);
		assert_string_equal(json_to_string(json_get(back, "s")), pairs[i][1]);
		json_free(back);
		json_free(obj);
		free(text);
	}
}

struct sample {
	const char *name;
	uint32_t count;
	uint64_t offset;
	bool on;
	struct json_object *more;
};

static const struct json_member sample_members[] = {
	{ "name", JSON_STRING, .offset = offsetof(struct sample, name) },
	{ "count", JSON_INT, .offset = offsetof(struct sample, count), .max = 8 },
	{ "offset", JSON_HEX, true, offsetof(struct sample, offset), 0xff },
	{ "on", JSON_BOOL, true, offsetof(struct sample, on) },
	{ "more", JSON_OBJECT, true, offsetof(struct sample, more) },
};

static const char *read_sample(struct json_object *obj, struct sample *s)
{
	return json_read(obj, sample_members, 5, s);
}

static void members_are_read_into_a_struct(void **state)
{
	struct json_object *obj = parse("{\"name\":\"n\",\"count\":8,\"offset\":\"0xff\","
					"\"on\":true,\"more\":{\"x\":1}}");
	struct sample s = { 0 };

	assert_null(read_sample(obj, &s));
	assert_string_equal(s.name, "n");
	assert_int_equal(s.count, 8);
	assert_int_equal(s.offset, 0xff);
	assert_true(s.on);
	assert_non_null(json_get(s.more, "x"));
	json_free(obj);
}

static void absent_optional_members_keep_their_default(void **state)
{
	struct json_object *obj = parse("{\"name\":\"n\",\"count\":0,\"offset\":null}");
	struct sample s = { .offset = 77, .on = true };

	assert_null(read_sample(obj, &s));
	assert_int_equal(s.offset, 77);
	assert_true(s.on);
	json_free(obj);
}

static void the_offending_member_is_named(void **state)
{
	static const char *const pairs[][2] = {
		{ "{\"count\":1}", "name" },
		{ "{\"name\":null,\"count\":1}", "name" },
		{ "{\"name\":5,\"count\":1}", "name" },
		{ "{\"name\":\"\",\"count\":9}", "count" },
		{ "{\"name\":\"\",\"count\":-1}", "count" },
		{ "{\"name\":\"\",\"count\":1.5}", "count" },
		{ "{\"name\":\"\",\"count\":1,\"offset\":\"0x100\"}", "offset" },
		{ "{\"name\":\"\",\"count\":1,\"offset\":4}", "offset" },
		{ "{\"name\":\"\",\"count\":1,\"on\":1}", "on" },
		{ "{\"name\":\"\",\"count\":1,\"more\":[]}", "more" },
		{ "{\"name\":\"\",\"count\":1,\"extra\":1}", "extra" },
		{ "[]", "" },
	};
	struct sample s = { 0 };
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct json_object *obj = parse(pairs[i][0]);

		assert_string_equal(read_sample(obj, &s), pairs[i][1]);
		json_free(obj);
	}
	assert_string_equal(read_sample(NULL, &s), "name");
	assert_null(json_read(NULL, NULL, 0, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_one_value_is_refused),
		cmocka_unit_test(values_of_every_kind_are_read),
		cmocka_unit_test(values_of_the_wrong_type_are_refused),
		cmocka_unit_test(numbers_beyond_64_bits_are_refused),
		cmocka_unit_test(text_beyond_ascii_is_read),
		cmocka_unit_test(names_beyond_ascii_are_read),
		cmocka_unit_test(bad_hexadecimal_is_refused),
		cmocka_unit_test(bad_bytes_are_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(memory_of_a_reply_is_bounded),
		cmocka_unit_test(containers_in_a_request_are_bounded),
		cmocka_unit_test(built_objects_become_text),
		cmocka_unit_test(strange_bytes_in_strings_are_replaced),
		cmocka_unit_test(members_are_read_into_a_struct),
		cmocka_unit_test(absent_optional_members_keep_their_default),
		cmocka_unit_test(the_offending_member_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
