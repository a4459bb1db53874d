/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log_print.c - lines of a log as they are, or harmless for a terminal, or as JSON. Whoever said
 * them could say anything.
 */
#include "dev/log_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

#include "ui/live.h"
#include "ui/out.h"

/* What json-c takes; it spells control characters out itself. */
static char *as_utf8(const struct log_line *line)
{
	char *copy = malloc(line->len + 1);
	size_t i, n;
	uint32_t code;

	for (i = 0; copy && i < line->len; i += n) {
		n = utf8_decode(line->text + i, line->len - i, &code);
		memcpy(copy + i, n && code ? line->text + i : "?", n ? n : 1);
		n = n ? n : 1;
	}
	if (copy)
		copy[line->len] = '\0';
	return copy;
}

static void print_json_line(const struct log_line *line)
{
	struct json_object *object = out_new_document();
	char when[OUT_WHEN], *text = as_utf8(line);

	json_add_string(object, "kind", "line");
	out_when(when, line->ns, true);
	if (line->ns)
		json_add_string(object, "time", when);
	else
		json_add_null(object, "time");
	json_add_text(object, "text", text ? text : "");
	out_json_line(object);
	free(text);
}

/* Tabs do no harm. */
static void print_clean(const struct log_line *line)
{
	char *copy = as_utf8(line), *word = copy, *tab;

	for (; word && (tab = strchr(word, '\t')); word = tab + 1) {
		*tab = '\0';
		out_clean(word);
		putchar('\t');
	}
	out_clean(word ? word : "");
	free(copy);
}

static void print_line(const struct log_print *p, const struct log_line *line)
{
	char when[OUT_WHEN];

	if (p->json) {
		print_json_line(line);
		return;
	}
	out_when(when, line->ns, false);
	if (p->times)
		printf("%s ", line->ns ? when : "-");
	if (p->clean)
		print_clean(line);
	else
		fwrite(line->text, 1, line->len, stdout);
	putchar('\n');
}

static void print_dropped(struct log_print *p)
{
	const uint64_t nr = p->reader.dropped - p->dropped;
	struct json_object *object;

	if (!nr)
		return;
	p->dropped = p->reader.dropped;
	if (p->json) {
		object = out_new_document();
		json_add_string(object, "kind", "lost");
		json_add_int(object, "count", (int64_t)nr);
		out_json_line(object);
	} else {
		printf("[%llu bytes were dropped here]\n", (unsigned long long)nr);
	}
}

void log_print_new(struct log_print *p)
{
	struct log_line line;

	while (!live_is_over() && log_reader_next(&p->reader, &line)) {
		print_dropped(p);
		print_line(p, &line);
	}
	print_dropped(p);
	out_sync();
}

void log_print_all(struct log_print *p)
{
	struct log_line line;

	log_print_new(p);
	if (log_reader_last(&p->reader, &line))
		print_line(p, &line);
}
