/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_version.c - musctl version: of musctl and of its libmuser. Exit status: 0, 1.
 */
#include <stdio.h>

#include <muser.h>

#include "ui/out.h"
#include "verbs/verbs.h"

enum { COMPONENT, VERSION };

static const struct column version_columns[] = {
	[COMPONENT] = { "COMPONENT", 9, 0, "musctl or libmuser" },
	[VERSION] = { "VERSION", 7, 0, "MAJOR.MINOR.PATCH" },
	{ 0 }
};

static int version(const struct call *call)
{
	struct out *out;
	int status = out_begin(&out, call, "versions");

	if (status)
		return status;
	out_row(out);
	out_text(out, COMPONENT, "musctl");
	out_printf(out, VERSION, "%d.%d.%d", LM_VERSION_MAJOR, LM_VERSION_MINOR, LM_VERSION_PATCH);
	out_row(out);
	out_text(out, COMPONENT, "libmuser");
	out_text(out, VERSION, lm_version());
	out_end(out);
	return ST_OK;
}

const struct cmd cmd_version = {
	.name = "version",
	.summary = "print the versions of musctl and libmuser",
	.columns = version_columns,
	.fn = version,
};
