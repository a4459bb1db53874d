/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json.h - JSON for the control protocol, the handshake, and musctl's end of both.
 *
 * Text from a peer is parsed with bounds on length, depth and number of containers.
 * Values are borrowed from the object that holds them; only what json_parse*(),
 * json_new_*() and json_text() give belongs to the caller. Building never fails
 * visibly: what there was no memory for is missing, and whoever reads the text strictly
 * will say so.
 */
#ifndef LM_JSON_H
#define LM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_object;

#define JSON_DEPTH_MAX      16
#define JSON_REQUEST_MAX    (64u * 1024u)
#define JSON_CONTAINERS_MAX 256u /* in a request: each costs some 700 bytes */
#define JSON_REPLY_MAX      (16u * 1024u * 1024u)
#define JSON_COST_MAX       (256u * 1024u * 1024u) /* of a reply: 16 times its text */

/* NULL: not exactly one JSON value, not UTF-8, or beyond the bounds of a request. */
struct json_object *json_parse(const char *text, size_t len);
/* The same with the bounds of a reply, which may list much. */
struct json_object *json_parse_reply(const char *text, size_t len);
/* How many bytes that would take in memory; strings, which are in the text, not counted. */
size_t json_cost(const char *text, size_t len);
void json_free(struct json_object *obj); /* takes NULL */
/* On one line, to be freed with free(3); NULL: out of memory. */
char *json_text(struct json_object *obj, size_t *len);

struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
/* The value is consumed, whatever happens. */
void json_add(struct json_object *obj, const char *key, struct json_object *value);
void json_add_null(struct json_object *obj, const char *key);
void json_append(struct json_object *array, struct json_object *value);
void json_remove(struct json_object *obj, const char *key); /* frees it */
void json_drop_last(struct json_object *array);             /* frees it */
/* NULL: left out. Bytes that are not UTF-8 or are control characters become '?'. */
void json_add_string(struct json_object *obj, const char *key, const char *value);
void json_append_string(struct json_object *array, const char *value);
/* Text of our own, with newlines. */
void json_add_text(struct json_object *obj, const char *key, const char *value);
void json_add_int(struct json_object *obj, const char *key, int64_t value);
void json_add_bool(struct json_object *obj, const char *key, bool value);
void json_add_hex(struct json_object *obj, const char *key, uint64_t value); /* "0x1f" */
/* Hexadecimal digits, two a byte. */
void json_add_bytes(struct json_object *obj, const char *key, const void *buf, size_t len);

/* Looking at a value; a NULL or wrong one gives NULL, 0 or -EINVAL. */
struct json_object *json_get(struct json_object *obj, const char *key); /* null: absent */
bool json_is_object(struct json_object *obj);
bool json_is_array(struct json_object *obj);
size_t json_length(struct json_object *array);
struct json_object *json_at(struct json_object *array, size_t i);
const char *json_to_string(struct json_object *obj); /* none with a NUL inside */
int json_to_int(struct json_object *obj, int64_t *value);
int json_to_bool(struct json_object *obj, bool *value);
int json_to_hex(struct json_object *obj, uint64_t *value); /* "0x" and 1 to 16 digits */
/* Hexadecimal digits, two a byte: how many bytes, -EINVAL, -ENOSPC. */
ssize_t json_to_bytes(struct json_object *obj, void *buf, size_t size);

/* ---- strict reading of an object into a struct ---------------------------------- */

enum json_kind {
	JSON_STRING, /* const char *, borrowed from the object */
	JSON_INT,    /* uint32_t */
	JSON_HEX,    /* uint64_t */
	JSON_BOOL,   /* bool */
	JSON_OBJECT, /* struct json_object *, borrowed */
};

struct json_member {
	const char *name;
	enum json_kind kind;
	bool optional; /* absent: the struct keeps what it has */
	size_t offset; /* in the struct */
	uint64_t max;  /* of JSON_INT, JSON_HEX; 0: what the type holds */
};

/* NULL: all there, of the right type and range, nothing unknown. Else the name of
 * the first member that is not (valid while @obj lives). @obj NULL reads as an empty
 * object. */
const char *json_read(struct json_object *obj, const struct json_member *members, size_t nr,
		      void *out);

#endif /* LM_JSON_H */
