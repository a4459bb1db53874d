/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * value.c - members of answers, leniently. See value.h.
 */
#include "ui/value.h"

#include <stdio.h>

#include "base/json.h"

const char *value_text(struct json_object *obj, const char *key)
{
	return json_to_string(json_get(obj, key));
}

const char *value_name(struct json_object *obj)
{
	const char *name = value_text(obj, "name");

	return name ? name : "?";
}

uint64_t value_u64(struct json_object *obj, const char *key)
{
	struct json_object *value = json_get(obj, key);
	uint64_t wide;
	int64_t number;

	if (!json_to_hex(value, &wide))
		return wide;
	if (!json_to_int(value, &number) && number > 0)
		return (uint64_t)number;
	return 0;
}

bool value_bool(struct json_object *obj, const char *key)
{
	bool value = false;

	json_to_bool(json_get(obj, key), &value);
	return value;
}

const char *value_list(struct json_object *obj, const char *key, char *buf, size_t size)
{
	struct json_object *list = json_get(obj, key);
	size_t i, len = 0;
	const char *text;

	buf[0] = '\0';
	for (i = 0; i < json_length(list) && len < size; i++) {
		text = json_to_string(json_at(list, i));
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? "," : "",
					text ? text : "?");
	}
	return buf;
}

struct json_object *value_item(struct json_object *obj, const char *key, size_t i)
{
	return json_at(json_get(obj, key), i);
}
