/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * out.h - the one renderer. A verb gives rows of cells; whether they become a table,
 * JSON, JSON Lines, raw or NAME="value" text is decided here from the options that all
 * verbs share. Whole documents (show -J) go through out_document().
 */
#ifndef MUSCTL_OUT_H
#define MUSCTL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/call.h"

struct json_object;
struct out;

enum color { COLOR_NONE, COLOR_GOOD, COLOR_BAD, COLOR_WARN, COLOR_DIM, COLOR_HEAD };

/* list: the key of the rows in JSON. 0, or the exit status of a printed error. */
int out_begin(struct out **out, const struct call *call, const char *list);

/* The same with columns of another table than the verb's, all of them: a section of a
 * page. */
int out_section(struct out **out, const struct call *call, const struct column *columns);

/* Is anybody interested in this column? */
bool out_has(const struct out *out, unsigned int id);

/* A new row; the cells below go to the last one. A cell that is not set is empty, null in
 * JSON. */
void out_row(struct out *out);
void out_color(struct out *out, enum color color);                 /* of the whole row */
void out_text(struct out *out, unsigned int id, const char *text); /* NULL: not set */
void out_printf(struct out *out, unsigned int id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void out_u64(struct out *out, unsigned int id, uint64_t number);
void out_bool(struct out *out, unsigned int id, bool value);
/* A value: "0x" and at least this many digits; a string in JSON, which has no 64-bit numbers. */
void out_hex(struct out *out, unsigned int id, uint64_t value, unsigned int digits);
/* Nanoseconds: a number in JSON, "1.234us" elsewhere. */
void out_ns(struct out *out, unsigned int id, uint64_t ns);
/* Nanoseconds since 1970: UTC in JSON, local time of day elsewhere. */
void out_time(struct out *out, unsigned int id, uint64_t ns);
/* An address, an offset, a size: "0x" and as few digits as will do in JSON, at least this many
 * elsewhere. */
void out_address(struct out *out, unsigned int id, uint64_t value, unsigned int digits);
/* Words separated by commas; an array in JSON. NULL: none. */
void out_list(struct out *out, unsigned int id, const char *words);
/* Percent, with two digits. */
void out_percent(struct out *out, unsigned int id, double percent);
/* For structured cells: text elsewhere, the object in JSON. Takes the object. */
void out_object(struct out *out, unsigned int id, const char *text, struct json_object *object);

/* JSON Lines only: a line that is no row, such as the loss of rows. Takes an object of
 * out_new_document(). */
void out_remark(struct out *out, struct json_object *object);

/* JSON documents only: another member beside the rows. Takes the object. */
void out_also(struct out *out, const char *key, struct json_object *object);

/* Streams: row is done, print it. out_row() and out_end() do it too. */
void out_flush(struct out *out);

/* Prints what is left and frees it; NULL is fine. */
void out_end(struct out *out);
/* The same with an exit status: after an error, an empty list would be a lie. */
void out_finish(struct out *out, int status);

/* A second owner for a value that is borrowed. */
struct json_object *out_share(struct json_object *object);

/* An object that says which schema it follows. */
struct json_object *out_new_document(void);

/* Prints a document. Takes the object. */
void out_document(struct json_object *document);

/* The same with an array of any length, key, as its last member: its items are printed
 * one by one, and borrowed. */
void out_document_begin(struct json_object *document, const char *key);
void out_document_item(struct json_object *item, bool first);
void out_document_end(void);

/* Text from a device, as it is but for control characters. */
void out_clean(const char *text);

/* What was printed goes out now, before what others write. */
void out_sync(void);

/* A line by itself, at once. 0, or ST_FAILED: out_close_stdout() will say why. */
int out_line(const char *text);

/* JSON Lines without columns: a line. Takes an object of out_new_document(). */
void out_json_line(struct json_object *object);

/* A point in time, ns since 1970: UTC with all digits for JSON, local time for people. */
#define OUT_WHEN 40
void out_when(char text[OUT_WHEN], uint64_t ns, bool json);

/* Standard output cannot be written, by an errno that no write(2) has met yet. */
void out_broken(int err);
/* What is printed from now on is lost: out_close_stdout() will say why. */
bool out_is_broken(void);

/* At the end of the program: ST_FAILED if not all of stdout could be written. */
int out_close_stdout(void);

#endif /* MUSCTL_OUT_H */
