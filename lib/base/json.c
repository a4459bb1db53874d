/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json.c - the only place in the library that knows json-c.
 *
 * Owns the bounds on text from a peer and the strict reading of what it says. Refuses
 * doubles, strings with a NUL inside, and numbers outside the range that was asked for.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/json.h"
#include "base/utf8.h"

/* What json-c takes: a table has 16 places from the start, and each member or item is an
 * object, a place, and half of a key; two separators make a whole member. */
#define CONTAINER_COST 800u
#define VALUE_COST     100u

/* ---- text to object and back ---------------------------------------------------- */

/* json-c lets overlong sequences and control characters pass. @ascii: nothing else. */
static bool is_clean(const char *text, size_t len, bool *ascii)
{
	uint32_t c;
	size_t i, n;

	*ascii = true;
	for (i = 0; i < len; i += n) {
		n = utf8_decode(text + i, len - i, &c);
		if (!n || !c || (c < ' ' && !strchr("\t\n\r", (int)c)))
			return false;
		*ascii &= n == 1;
	}
	return true;
}

/*
 * Clean text with escapes for what is not ASCII: in strict mode json-c 0.18 takes those
 * bytes for control characters. NULL if a backslash precedes one, which is no JSON.
 */
static char *to_ascii(const char *text, size_t *len)
{
	char *ascii = malloc(3 * *len + 1), *to = ascii;
	bool backslash = false;
	uint32_t c;
	size_t i, n;

	for (i = 0; ascii && i < *len; i += n) {
		n = utf8_decode(text + i, *len - i, &c);
		if (backslash && n > 1) {
			free(ascii);
			return NULL;
		}
		backslash = c == '\\' && !backslash;
		if (n <= 1)
			*to++ = text[i];
		else if (c < 0x10000)
			to += snprintf(to, 7, "\\u%04x", c);
		else
			to += snprintf(to, 13, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10),
				       0xdc00 | (c & 0x3ff));
	}
	*len = (size_t)(to - ascii);
	return ascii;
}

size_t json_cost(const char *text, size_t len)
{
	size_t containers = 0, values = 0, i;

	for (i = 0; i < len; i++) {
		containers += text[i] == '{' || text[i] == '[';
		values += text[i] == ',' || text[i] == ':';
	}
	return containers * CONTAINER_COST + values * VALUE_COST;
}

static struct json_object *parse_ascii(const char *text, size_t len)
{
	struct json_tokener *tok;
	struct json_object *obj;

	tok = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	/* A number may go on in the next bytes: say that there are none. */
	if (json_tokener_get_error(tok) == json_tokener_continue)
		obj = json_tokener_parse_ex(tok, "", 1);
	if (json_tokener_get_error(tok) != json_tokener_success) {
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	return obj;
}

static struct json_object *parse(const char *text, size_t len)
{
	struct json_object *obj;
	char *escaped;
	bool ascii;

	if (!is_clean(text, len, &ascii))
		return NULL;
	if (ascii)
		return parse_ascii(text, len);
	escaped = to_ascii(text, &len);
	obj = escaped ? parse_ascii(escaped, len) : NULL;
	free(escaped);
	return obj;
}

struct json_object *json_parse(const char *text, size_t len)
{
	unsigned int nr = 0;
	size_t i;

	if (len > JSON_REQUEST_MAX)
		return NULL;
	/* An upper bound, as brackets inside strings count: nothing that we speak has many. */
	for (i = 0; i < len; i++)
		nr += text[i] == '{' || text[i] == '[';
	return nr > JSON_CONTAINERS_MAX ? NULL : parse(text, len);
}

struct json_object *json_parse_reply(const char *text, size_t len)
{
	if (len > JSON_REPLY_MAX || json_cost(text, len) > JSON_COST_MAX)
		return NULL;
	return parse(text, len);
}

void json_free(struct json_object *obj)
{
	json_object_put(obj);
}

char *json_text(struct json_object *obj, size_t *len)
{
	const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = json_object_to_json_string_length(obj, flags, len);

	return text ? strndup(text, *len) : NULL;
}

/* ---- building ------------------------------------------------------------------- */

struct json_object *json_new_object(void)
{
	return json_object_new_object();
}

struct json_object *json_new_array(void)
{
	return json_object_new_array();
}

void json_add(struct json_object *obj, const char *key, struct json_object *value)
{
	if (!json_is_object(obj) || !value || json_object_object_add(obj, key, value))
		json_object_put(value);
}

void json_add_null(struct json_object *obj, const char *key)
{
	if (json_is_object(obj))
		json_object_object_add(obj, key, NULL);
}

void json_append(struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value))
		json_object_put(value);
}

void json_remove(struct json_object *obj, const char *key)
{
	if (json_is_object(obj))
		json_object_object_del(obj, key);
}

void json_drop_last(struct json_object *array)
{
	if (json_length(array))
		json_object_array_del_idx(array, json_length(array) - 1, 1);
}

/* A process name, a property: any bytes may come, what goes out is text. */
static struct json_object *new_string(const char *value)
{
	struct json_object *obj;
	char *clean = strdup(value), *p;
	uint32_t c;
	size_t n;

	if (!clean)
		return NULL;
	for (p = clean; *p; p += n) {
		n = utf8_decode(p, strlen(p), &c);
		if (!n || c < ' ' || c == 0x7f) {
			*p = '?';
			n = 1;
		}
	}
	obj = json_object_new_string(clean);
	free(clean);
	return obj;
}

void json_add_string(struct json_object *obj, const char *key, const char *value)
{
	if (value)
		json_add(obj, key, new_string(value));
}

void json_add_text(struct json_object *obj, const char *key, const char *value)
{
	json_add(obj, key, json_object_new_string(value));
}

void json_append_string(struct json_object *array, const char *value)
{
	if (value)
		json_append(array, new_string(value));
}

void json_add_int(struct json_object *obj, const char *key, int64_t value)
{
	json_add(obj, key, json_object_new_int64(value));
}

void json_add_bool(struct json_object *obj, const char *key, bool value)
{
	json_add(obj, key, json_object_new_boolean(value));
}

void json_add_hex(struct json_object *obj, const char *key, uint64_t value)
{
	char text[20];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	json_add(obj, key, json_object_new_string(text));
}

void json_add_bytes(struct json_object *obj, const char *key, const void *buf, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = buf;
	char *text;
	size_t i;

	if (len > INT_MAX / 2)
		return;
	text = malloc(2 * len + 1);
	if (!text)
		return;
	for (i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	json_add(obj, key, json_object_new_string_len(text, (int)(2 * len)));
	free(text);
}

/* ---- looking -------------------------------------------------------------------- */

struct json_object *json_get(struct json_object *obj, const char *key)
{
	struct json_object *value = NULL;

	if (!json_is_object(obj) || !json_object_object_get_ex(obj, key, &value))
		return NULL;
	return value;
}

bool json_is_object(struct json_object *obj)
{
	return json_object_is_type(obj, json_type_object);
}

bool json_is_array(struct json_object *obj)
{
	return json_object_is_type(obj, json_type_array);
}

size_t json_length(struct json_object *array)
{
	return json_is_array(array) ? json_object_array_length(array) : 0;
}

struct json_object *json_at(struct json_object *array, size_t i)
{
	return i < json_length(array) ? json_object_array_get_idx(array, i) : NULL;
}

const char *json_to_string(struct json_object *obj)
{
	const char *text;

	if (!json_object_is_type(obj, json_type_string))
		return NULL;
	text = json_object_get_string(obj);
	return strlen(text) == (size_t)json_object_get_string_len(obj) ? text : NULL;
}

/* json-c pins what does not fit to the ends of int64_t: those two are refused as well. */
int json_to_int(struct json_object *obj, int64_t *value)
{
	int64_t v;

	if (!json_object_is_type(obj, json_type_int))
		return -EINVAL;
	v = json_object_get_int64(obj);
	if (v == INT64_MAX || v == INT64_MIN)
		return -EINVAL;
	*value = v;
	return 0;
}

int json_to_bool(struct json_object *obj, bool *value)
{
	if (!json_object_is_type(obj, json_type_boolean))
		return -EINVAL;
	*value = json_object_get_boolean(obj);
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int json_to_hex(struct json_object *obj, uint64_t *value)
{
	const char *text = json_to_string(obj);
	uint64_t v = 0;
	size_t i, len;

	if (!text || text[0] != '0' || text[1] != 'x')
		return -EINVAL;
	text += 2;
	len = strlen(text);
	if (!len || len > 16)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (digit(text[i]) < 0)
			return -EINVAL;
		v = v << 4 | (uint64_t)digit(text[i]);
	}
	*value = v;
	return 0;
}

ssize_t json_to_bytes(struct json_object *obj, void *buf, size_t size)
{
	const char *text = json_to_string(obj);
	unsigned char *to = buf;
	size_t i, len;

	if (!text)
		return -EINVAL;
	len = strlen(text);
	if (len % 2)
		return -EINVAL;
	if (len / 2 > size)
		return -ENOSPC;
	for (i = 0; i < len / 2; i++) {
		const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		to[i] = (unsigned char)(high << 4 | low);
	}
	return (ssize_t)(len / 2);
}

/* ---- strict reading ------------------------------------------------------------- */

static int read_number(const struct json_member *m, struct json_object *value, char *to)
{
	const uint64_t top = m->kind == JSON_INT ? UINT32_MAX : UINT64_MAX;
	uint64_t v = 0;
	int64_t i;

	if (m->kind == JSON_INT) {
		if (json_to_int(value, &i) || i < 0)
			return -EINVAL;
		v = (uint64_t)i;
	} else if (json_to_hex(value, &v)) {
		return -EINVAL;
	}
	if (v > (m->max ? m->max : top))
		return -EINVAL;
	if (m->kind == JSON_INT)
		*(uint32_t *)to = (uint32_t)v;
	else
		*(uint64_t *)to = v;
	return 0;
}

static int read_member(const struct json_member *m, struct json_object *value, char *to)
{
	switch (m->kind) {
	case JSON_STRING:
		if (!json_to_string(value))
			return -EINVAL;
		*(const char **)to = json_to_string(value);
		return 0;
	case JSON_BOOL: return json_to_bool(value, (bool *)to);
	case JSON_OBJECT:
		if (!json_is_object(value))
			return -EINVAL;
		*(struct json_object **)to = value;
		return 0;
	default: return read_number(m, value, to);
	}
}

static bool is_known(const char *name, const struct json_member *members, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!strcmp(members[i].name, name))
			return true;
	}
	return false;
}

const char *json_read(struct json_object *obj, const struct json_member *members, size_t nr,
		      void *out)
{
	struct json_object_iter it;
	size_t i;

	if (obj && !json_is_object(obj))
		return "";
	if (obj) {
		json_object_object_foreachC(obj, it)
		{
			if (!is_known(it.key, members, nr))
				return it.key;
		}
	}
	for (i = 0; i < nr; i++) {
		struct json_object *value = json_get(obj, members[i].name);
		char *to = (char *)out + members[i].offset;

		if (!value && members[i].optional)
			continue;
		if (!value || read_member(&members[i], value, to))
			return members[i].name;
	}
	return NULL;
}
