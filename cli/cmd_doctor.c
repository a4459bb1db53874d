/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_doctor.c - musctl doctor: what works on this host, and what to do about the rest.
 * Exit status: 0, 1 if something fails (warnings are none), 2.
 */
#include "doctor.h"
#include "out.h"
#include "verbs.h"

enum { CHECK, STATUS, FOUND, ADVICE };

static const struct column doctor_columns[] = {
	[CHECK]  = { "CHECK", 12, 0, "what was looked at" },
	[STATUS] = { "STATUS", 6, 0, "ok, warn (some uses need it), fail" },
	[FOUND]  = { "FOUND", 24, 0, "what is so" },
	[ADVICE] = { "ADVICE", 1, 0, "what to do about it" },
	{ 0 }
};

static int doctor(const struct call *call)
{
	static const char *const words[] = { "ok", "warn", "fail" };
	static const enum color colors[] = { COLOR_NONE, COLOR_WARN, COLOR_BAD };
	const struct check *check;
	struct finding finding;
	struct out *out;
	bool failed = false;
	int status;

	status = out_begin(&out, call, "checks");
	if (status)
		return status;
	for (check = doctor_checks; check->name; check++) {
		finding = (struct finding){ HEALTH_OK };
		check->look(&finding);
		failed |= finding.health == HEALTH_FAIL;
		out_row(out);
		out_color(out, colors[finding.health]);
		out_text(out, CHECK, check->name);
		out_text(out, STATUS, words[finding.health]);
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
