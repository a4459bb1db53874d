/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_json.c - text from a peer: json_parse(), reading what came out of it, and writing it
 * again. What we write must be read again, and mean the same.
 */
#include "base/json.h"
#include "fuzz.h"

struct values {
	const char         *text;
	uint32_t            number;
	uint64_t            hex;
	bool                flag;
	struct json_object *object;
};

static const struct json_member members[] = {
	{ "text", JSON_STRING, true, offsetof(struct values, text) },
	{ "number", JSON_INT, true, offsetof(struct values, number), 1000 },
	{ "hex", JSON_HEX, true, offsetof(struct values, hex) },
	{ "flag", JSON_BOOL, true, offsetof(struct values, flag) },
	{ "object", JSON_OBJECT, false, offsetof(struct values, object) },
};

#define NR_MEMBERS (sizeof(members) / sizeof(members[0]))

/* Every way to look at a value, whatever it is. */
static void look(struct json_object *obj)
{
	char bytes[64];
	int64_t number;
	uint64_t hex;
	bool flag;
	size_t i;

	json_to_string(obj);
	json_to_int(obj, &number);
	json_to_bool(obj, &flag);
	json_to_hex(obj, &hex);
	FUZZ_CHECK(json_to_bytes(obj, bytes, sizeof(bytes)) <= (ssize_t)sizeof(bytes));
	FUZZ_CHECK(!json_at(obj, json_length(obj)));
	for (i = 0; i < json_length(obj); i++)
		look(json_at(obj, i));
	for (i = 0; i < NR_MEMBERS && json_is_object(obj); i++)
		look(json_get(obj, members[i].name));
}

static void read_strictly(struct json_object *obj)
{
	struct values values = { 0 };

	if (json_read(obj, members, NR_MEMBERS, &values))
		return;
	FUZZ_CHECK(values.number <= 1000);
	FUZZ_CHECK(json_is_object(values.object));
	FUZZ_CHECK(!values.text || strlen(values.text) < JSON_REQUEST_MAX);
}

/* Text, parsed, is text again that parses to the same text. */
static void round_trip(struct json_object *obj)
{
	size_t len, again_len;
	char *text = json_text(obj, &len), *again_text;
	struct json_object *again;

	FUZZ_CHECK(text && strlen(text) == len);
	again = json_parse_reply(text, len);
	if (again) {
		again_text = json_text(again, &again_len);
		FUZZ_CHECK(again_len == len && !memcmp(text, again_text, len));
		free(again_text);
	}
	/* The number null and a NUL in a string are all that we write and do not take. */
	FUZZ_CHECK(again || !obj || strstr(text, "\\u00"));
	json_free(again);
	free(text);
}

/* Any bytes become a string that a peer can read. */
static void build(const char *text)
{
	struct json_object *obj = json_new_object(), *array = json_new_array();
	size_t len;
	char *out;

	json_add_string(obj, "text", text);
	json_add_bytes(obj, "bytes", text, strlen(text));
	json_append_string(array, text);
	json_add(obj, "object", array);
	out = json_text(obj, &len);
	json_free(obj);
	obj = json_parse_reply(out, len);
	FUZZ_CHECK(obj);
	json_free(obj);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct json_object *obj;

	memcpy(text, data, size);
	text[size] = '\0';
	/* A peer's text has no NUL behind it: a copy that ends where it ends. */
	obj = json_parse((const char *)data, size);
	if (obj) {
		look(obj);
		read_strictly(obj);
		round_trip(obj);
	}
	json_free(obj);
	build(text);
	free(text);
	return 0;
}
