/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * value.h - members of what a device answered, with a harmless value for whatever is
 * missing or of another type: a device of another version must still be listed.
 */
#ifndef MUSCTL_VALUE_H
#define MUSCTL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

const char *value_text(struct json_object *obj, const char *key); /* NULL: none */
const char *value_name(struct json_object *obj);              /* its "name", "?" if it has none */
uint64_t value_u64(struct json_object *obj, const char *key); /* number or "0x...", else 0 */
bool value_bool(struct json_object *obj, const char *key);

/* An array of strings, joined by commas, into buf. */
const char *value_list(struct json_object *obj, const char *key, char *buf, size_t size);

/* for (i = 0; (item = value_item(obj, "regions", i)); i++) */
struct json_object *value_item(struct json_object *obj, const char *key, size_t i);

#endif /* MUSCTL_VALUE_H */
