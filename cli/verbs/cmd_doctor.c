/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_doctor.c - musctl doctor: what works on this host, and what to do about the rest.
 * Exit status: 0, 1 if something fails (warnings are none), 2.
 */
#include <stdbool.h>
#include <string.h>

#include "doctor/doctor.h"
#include "ui/out.h"
#include "verbs/verbs.h"

enum { CHECK, STATUS, FOUND, ADVICE };

#define FOUND_WIDTH 59 /* for people: with the two columns before it that makes 80 */

static const struct column doctor_columns[] = {
	[CHECK] = { "CHECK", 12, 0, "what was looked at" },
	[STATUS] = { "STATUS", 6, 0, "ok, warn (some uses need it), fail" },
	[FOUND] = { "FOUND", 24, 0, "result" },
	[ADVICE] = { "ADVICE", 1, COLUMN_WIDE, "what to do about it" },
	{ 0 }
};

static const enum color colors[] = { COLOR_NONE, COLOR_WARN, COLOR_BAD };

/* As many bytes of text as fit into a line, words being whole where they can. */
static size_t line_length(const char *text, size_t room)
{
	size_t len = strlen(text);

	if (len <= room)
		return len;
	for (len = room; len && text[len] != ' '; len--)
		;
	return len ? len : room;
}

/* Down the column, one row a line; the first goes into the row that has begun. */
static void print_lines(struct out *out, const char *indent, const char *text, enum color color)
{
	bool more = *indent;
	size_t len;

	for (; *text; text += len + strspn(text + len, " ")) {
		len = line_length(text, FOUND_WIDTH - strlen(indent));
		if (more) {
			out_row(out);
			out_color(out, color);
		}
		out_printf(out, FOUND, "%s%.*s", indent, (int)len, text);
		more = true;
	}
}

static int doctor(const struct call *call)
{
	static const char *const words[] = { "ok", "warn", "fail" };
	const struct check *check;
	struct finding finding;
	struct out *out;
	bool failed = false, people;
	int status;

	status = out_begin(&out, call, "checks");
	if (status)
		return status;
	people = !call->format.columns && !out_has(out, ADVICE);
	for (check = doctor_checks; check->name; check++) {
		finding = (struct finding){ HEALTH_OK };
		check->look(&finding);
		failed |= finding.health == HEALTH_FAIL;
		out_row(out);
		out_color(out, colors[finding.health]);
		out_text(out, CHECK, check->name);
		out_text(out, STATUS, words[finding.health]);
		if (people) {
			print_lines(out, "", finding.found, colors[finding.health]);
			print_lines(out, "  ", finding.advice, colors[finding.health]);
			continue;
		}
		out_text(out, FOUND, finding.found);
		out_text(out, ADVICE, *finding.advice ? finding.advice : NULL);
	}
	out_end(out);
	return failed ? ST_FAILED : ST_OK;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "check what works on this host",
	.columns = doctor_columns,
	.fn = doctor,
};
