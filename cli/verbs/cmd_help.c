/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_help.c - musctl help [COMMAND]: what --help prints. Exit status: 0, 2.
 */
#include "cmd/suggest.h"
#include "ui/error.h"
#include "verbs/verbs.h"

static int help(const struct call *call)
{
	const struct cmd *cmd;
	const char *meant;

	if (!call->nr_words)
		return help_main(), ST_OK;
	cmd = cmd_find(call->words[0]);
	meant = cmd ? NULL : suggest_verb(call->words[0]);
	if (meant)
		return error(ST_USAGE, call->words[0], "unknown command (did you mean '%s'?)",
			     meant);
	if (!cmd)
		return error(ST_USAGE, call->words[0], "unknown command (musctl help lists them)");
	help_cmd(cmd);
	return ST_OK;
}

const struct cmd cmd_help = {
	.name = "help",
	.summary = "describe musctl or one of its commands",
	.args = (const struct arg[]){ { "COMMAND", COMPLETE_VERB, ARG_OPTIONAL }, { 0 } },
	.fn = help,
};
