/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * out.c - rows of cells to a table (libsmartcols), JSON or JSON Lines (json-c). The only
 * user of both. Tables that stream print each line and forget it, so memory does not
 * grow; JSON documents are kept until the end, because they are one object.
 */
#include "ui/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>
#include <libsmartcols.h>

#include "ui/clean.h"
#include "ui/color.h"
#include "ui/error.h"

#define SCHEMA 1

#define DOCUMENT_FLAGS \
	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

struct out {
	const struct column *columns;
	struct selection selection;
	const char *list;
	bool json;
	bool stream;
	bool section; /* hide columns without contents */
	bool raw;
	bool used[COLUMNS_MAX];
	struct libscols_table *table;
	struct libscols_line *line;
	struct json_object *rows; /* NULL: JSON Lines */
	struct json_object *row;
	struct json_object *also; /* members beside the rows, or NULL */
};

/* stdio remembers that a write failed, but not why. */
static int write_error;

/* After writing: nothing in between has touched errno that did not fail as well. */
static void remember_error(void)
{
	if (!write_error && ferror(stdout))
		write_error = errno;
}

void out_broken(int err)
{
	write_error = write_error ? write_error : err;
}

bool out_is_broken(void)
{
	return write_error || ferror(stdout);
}

static void print_json(struct json_object *object, int flags)
{
	fputs(json_object_to_json_string_ext(object, flags | JSON_C_TO_STRING_NOSLASHESCAPE),
	      stdout);
	fputc('\n', stdout);
	remember_error();
}

struct json_object *out_new_document(void)
{
	struct json_object *document = json_object_new_object();

	json_object_object_add(document, "schema", json_object_new_int(SCHEMA));
	return document;
}

/* ---- opening --------------------------------------------------------------------- */

static void *no_memory(const void *p)
{
	if (!p) {
		error(ST_FAILED, NULL, "out of memory");
		exit(ST_FAILED);
	}
	return (void *)p;
}

static void open_table(struct out *out, const struct format *format)
{
	unsigned int i;

	scols_init_debug(0);
	out->raw = format->raw;
	out->table = no_memory(scols_new_table());
	scols_table_enable_noheadings(out->table, format->no_headings);
	scols_table_enable_raw(out->table, format->raw);
	scols_table_enable_export(out->table, format->export);
	scols_table_enable_colors(out->table, color_wanted(format->color));
	for (i = 0; i < out->selection.nr; i++) {
		const struct column *column = &out->columns[out->selection.ids[i]];
		const int flags = (column->flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0) |
				  (column->flags & COLUMN_TRUNC ? SCOLS_FL_TRUNC : 0) |
				  (out->stream ? SCOLS_FL_STRICTWIDTH : 0);
		const double heading = (double)strlen(column->name) + 1;
		double width = column->width;

		if (out->stream && width < heading)
			width = heading; /* a strict width must be larger than it to count */
		no_memory(scols_table_new_column(out->table, column->name, width, flags));
	}
}

static struct out *open_out(const struct call *call, const struct column *columns)
{
	struct out *out = no_memory(calloc(1, sizeof(*out)));

	out->columns = columns;
	out->json = call->format.json;
	out->stream = call->cmd->flags & CMD_STREAM;
	return out;
}

int out_begin(struct out **result, const struct call *call, const char *list)
{
	struct out *out = open_out(call, call->cmd->columns);
	const struct format *format = &call->format;
	unsigned int hidden = COLUMN_EXTRA;
	int status;

	if (format->all)
		hidden = 0;
	else if (!format->json && !format->raw && !format->export)
		hidden |= COLUMN_WIDE;
	status = columns_select(out->columns, format->columns, hidden, &out->selection);
	if (status) {
		free(out);
		return status;
	}
	out->list = list;
	if (!out->json)
		open_table(out, format);
	else if (!out->stream)
		out->rows = no_memory(json_object_new_array());
	*result = out;
	return 0;
}

int out_section(struct out **result, const struct call *call, const struct column *columns)
{
	struct out *out = open_out(call, columns);

	columns_select(columns, NULL, COLUMN_EXTRA, &out->selection);
	out->stream = false;
	out->section = true;
	open_table(out, &call->format);
	*result = out;
	return 0;
}

/* ---- rows ------------------------------------------------------------------------ */

void out_flush(struct out *out)
{
	if (!out->stream)
		return;
	if (out->row) {
		print_json(out->row, JSON_C_TO_STRING_PLAIN);
		json_object_put(out->row);
		out->row = NULL;
	}
	if (out->line) {
		scols_table_print_range(out->table, out->line, out->line);
		fputc('\n', stdout);
		remember_error();
		scols_table_remove_line(out->table, out->line);
		out->line = NULL;
	}
}

/* All keys of a JSON row are there, in the order of the columns, whatever order cells
 * come in. */
static void json_row(struct out *out)
{
	char key[32];
	unsigned int i;

	out->row = no_memory(out->rows ? json_object_new_object() : out_new_document());
	for (i = 0; i < out->selection.nr; i++) {
		columns_key(&out->columns[out->selection.ids[i]], key, sizeof(key));
		json_object_object_add(out->row, key, NULL);
	}
	if (out->rows)
		json_object_array_add(out->rows, out->row);
}

void out_row(struct out *out)
{
	unsigned int i;

	out_flush(out);
	if (out->json) {
		json_row(out);
		return;
	}
	out->line = no_memory(scols_table_new_line(out->table, NULL));
	/* A raw row has a word for each column, also where there is nothing to say. */
	for (i = 0; out->raw && i < out->selection.nr; i++)
		scols_line_set_data(out->line, i, "-");
}

void out_color(struct out *out, enum color color)
{
	if (out->line && color != COLOR_NONE)
		scols_line_set_color(out->line, color_sequence(color));
}

bool out_has(const struct out *out, unsigned int id)
{
	unsigned int i;

	for (i = 0; i < out->selection.nr; i++) {
		if (out->selection.ids[i] == id)
			return true;
	}
	return false;
}

static void set_text(struct out *out, unsigned int id, const char *text)
{
	struct libscols_column *column;
	unsigned int i;
	char *copy;

	for (i = 0; i < out->selection.nr; i++) {
		if (out->selection.ids[i] != id)
			continue;
		/* The table spells control characters out, but, unless raw, no more than that. */
		copy = no_memory(strdup(text));
		if (!out->raw)
			clean_directions(copy);
		scols_line_refer_data(out->line, i, copy); /* which then owns it */
		out->used[i] |= *text;
		if (!out->stream || i + 1 == out->selection.nr)
			continue;
		/* Lines of a stream are printed one by one: a column that had to grow stays so. */
		column = scols_table_get_column(out->table, i);
		if ((double)strlen(text) > scols_column_get_whint(column))
			scols_column_set_whint(column, (double)strlen(text));
	}
}

static void set_json(struct out *out, unsigned int id, struct json_object *value)
{
	char key[32];

	if (!out_has(out, id)) {
		json_object_put(value);
		return;
	}
	columns_key(&out->columns[id], key, sizeof(key));
	json_object_object_add(out->row, key, value);
}

/* ---- cells ----------------------------------------------------------------------- */

void out_text(struct out *out, unsigned int id, const char *text)
{
	if (!text || (out->raw && !*text))
		return;
	if (out->json)
		set_json(out, id, json_object_new_string(text));
	else
		set_text(out, id, text);
}

void out_printf(struct out *out, unsigned int id, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!out_has(out, id))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_text(out, id, text);
}

void out_u64(struct out *out, unsigned int id, uint64_t number)
{
	if (out->json)
		set_json(out, id, json_object_new_uint64(number));
	else
		out_printf(out, id, "%llu", (unsigned long long)number);
}

void out_bool(struct out *out, unsigned int id, bool value)
{
	if (out->json)
		set_json(out, id, json_object_new_boolean(value));
	else
		set_text(out, id, value ? "yes" : "no");
}

void out_hex(struct out *out, unsigned int id, uint64_t value, unsigned int digits)
{
	out_printf(out, id, "0x%0*llx", (int)digits, (unsigned long long)value);
}

void out_address(struct out *out, unsigned int id, uint64_t value, unsigned int digits)
{
	out_hex(out, id, value, out->json ? 1 : digits);
}

void out_list(struct out *out, unsigned int id, const char *words)
{
	struct json_object *list;
	size_t len;

	if (!out->json) {
		out_text(out, id, words);
		return;
	}
	list = no_memory(json_object_new_array());
	for (; words && *words; words += len + (words[len] == ',')) {
		len = strcspn(words, ",");
		json_object_array_add(list, json_object_new_string_len(words, (int)len));
	}
	set_json(out, id, list);
}

void out_percent(struct out *out, unsigned int id, double percent)
{
	char text[32];

	snprintf(text, sizeof(text), "%.2f", percent);
	if (out->json)
		set_json(out, id, json_object_new_double_s(percent, text));
	else
		out_text(out, id, text);
}

void out_ns(struct out *out, unsigned int id, uint64_t ns)
{
	if (out->json)
		set_json(out, id, json_object_new_uint64(ns));
	else
		out_printf(out, id, "%llu.%03lluus", (unsigned long long)(ns / 1000),
			   (unsigned long long)(ns % 1000));
}

void out_when(char text[OUT_WHEN], uint64_t ns, bool json)
{
	const time_t seconds = (time_t)(ns / 1000000000);
	const unsigned int rest = (unsigned int)(ns % 1000000000);
	struct tm tm;
	size_t len;

	if (json) {
		len = strftime(text, OUT_WHEN, "%FT%T", gmtime_r(&seconds, &tm));
		snprintf(text + len, OUT_WHEN - len, ".%09uZ", rest);
	} else {
		len = strftime(text, OUT_WHEN, "%F %T", localtime_r(&seconds, &tm));
		snprintf(text + len, OUT_WHEN - len, ".%06u", rest / 1000);
	}
}

void out_time(struct out *out, unsigned int id, uint64_t ns)
{
	char text[OUT_WHEN];

	if (!out_has(out, id))
		return;
	out_when(text, ns, out->json);
	out_text(out, id, out->json ? text : strchr(text, ' ') + 1);
}

void out_object(struct out *out, unsigned int id, const char *text, struct json_object *object)
{
	if (out->json) {
		set_json(out, id, object);
		return;
	}
	out_text(out, id, text);
	json_object_put(object);
}

/* ---- the end --------------------------------------------------------------------- */

struct json_object *out_share(struct json_object *object)
{
	return json_object_get(object);
}

void out_document(struct json_object *document)
{
	print_json(document, DOCUMENT_FLAGS);
	json_object_put(document);
}

/* The document without its last brace, as json-c prints it. */
void out_document_begin(struct json_object *document, const char *key)
{
	const char *text = json_object_to_json_string_ext(document, DOCUMENT_FLAGS);
	size_t len = strlen(text) - 1;

	while (len && text[len - 1] == '\n')
		len--;
	printf("%.*s,\n  \"%s\":[", (int)len, text, key);
	json_object_put(document);
}

void out_document_item(struct json_object *item, bool first)
{
	printf("%s\n    %s", first ? "" : ",",
	       json_object_to_json_string_ext(item, JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
}

void out_document_end(void)
{
	printf("\n  ]\n}\n");
}

void out_remark(struct out *out, struct json_object *object)
{
	if (out->json && out->stream) {
		out_flush(out);
		print_json(object, JSON_C_TO_STRING_PLAIN);
	}
	json_object_put(object);
}

void out_also(struct out *out, const char *key, struct json_object *object)
{
	if (!out->rows) {
		json_object_put(object);
		return;
	}
	if (!out->also)
		out->also = no_memory(json_object_new_object());
	json_object_object_add(out->also, key, object);
}

void out_end(struct out *out)
{
	struct json_object *document;
	unsigned int i;

	if (!out)
		return;
	out_flush(out);
	if (out->rows) {
		document = no_memory(out_new_document());
		json_object_object_add(document, out->list, out->rows);
		if (out->also) {
			json_object_object_foreach(out->also, key, value)
				json_object_object_add(document, key, json_object_get(value));
			json_object_put(out->also);
		}
		out_document(document);
	}
	for (i = 0; out->section && i < out->selection.nr; i++) {
		if (!out->used[i])
			scols_column_set_flags(scols_table_get_column(out->table, i),
					       SCOLS_FL_HIDDEN);
	}
	if (out->table && !out->stream)
		scols_print_table(out->table);
	remember_error();
	scols_unref_table(out->table);
	free(out);
}

void out_finish(struct out *out, int status)
{
	if (out && status && out->rows && !json_object_array_length(out->rows)) {
		json_object_put(out->rows);
		json_object_put(out->also);
		out->rows = NULL;
	}
	out_end(out);
}

void out_json_line(struct json_object *object)
{
	print_json(object, JSON_C_TO_STRING_PLAIN);
	json_object_put(object);
}

void out_clean(const char *text)
{
	char *copy = no_memory(strdup(text));

	clean(copy);
	fputs(copy, stdout);
	free(copy);
}

void out_sync(void)
{
	fflush(stdout);
	remember_error();
}

int out_line(const char *text)
{
	puts(text);
	out_sync();
	return out_is_broken() ? ST_FAILED : 0;
}

int out_close_stdout(void)
{
	out_sync();
	errno = write_error;
	if (fclose(stdout) || write_error)
		return error(ST_FAILED, NULL, "standard output: %s",
			     errno ? strerror(errno) : "write failed");
	return ST_OK;
}
