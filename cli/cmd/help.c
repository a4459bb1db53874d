/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * help.c - --help in util-linux's layout, made from the tables of a verb. Prints to
 * stdout only.
 */
#include <stdio.h>
#include <string.h>

#include <muser.h>

#include "cmd/cmd.h"

#define HELP_COLUMN 26

static void print_usage(const struct cmd *cmd, bool socket)
{
	const struct arg *arg = cmd->args;

	printf(" musctl %s%s", cmd->name, socket ? " --socket PATH" : "");
	printf(" [options]");
	for (; arg && arg->name; arg++) {
		const bool optional = arg->flags & ARG_OPTIONAL;

		if (!socket || arg->complete != COMPLETE_DEVICE)
			printf(" %s%s%s%s%s", optional ? "[" : "",
			       arg->flags & ARG_COMMAND ? "-- " : "", arg->name,
			       arg->flags & ARG_MANY ? "..." : "", optional ? "]" : "");
	}
	printf("\n");
}

static void print_option(const struct opt *opt)
{
	char text[80];
	int len;

	len = snprintf(text, sizeof(text), opt->letter ? " -%c, " : "     ", opt->letter);
	len += snprintf(text + len, sizeof(text) - (size_t)len, "--%s", opt->name);
	if (opt->kind == OPT_MAYBE)
		snprintf(text + len, sizeof(text) - (size_t)len, "[=%s]", opt->arg);
	else if (opt->arg)
		snprintf(text + len, sizeof(text) - (size_t)len, " %s", opt->arg);
	if (strlen(text) < HELP_COLUMN - 1)
		printf("%-*s%s\n", HELP_COLUMN, text, opt->help);
	else
		printf("%s\n%*s%s\n", text, HELP_COLUMN, "", opt->help);
}

static void print_options(const struct cmd *cmd)
{
	struct opt_line line = { 0 };
	const struct opt *opt;
	unsigned int i;

	cmd_option_sets(cmd, &line, NULL, NULL);
	printf("\nOptions:\n");
	for (i = 0; i < OPT_MAX_SETS; i++) {
		if (i == OPT_MAX_SETS - 1)
			printf("\n");
		for (opt = line.sets[i].table; opt && opt->name; opt++) {
			if (opt->help)
				print_option(opt);
		}
	}
}

void help_cmd(const struct cmd *cmd)
{
	char first = cmd->summary[0];

	printf("\nUsage:\n");
	print_usage(cmd, false);
	if (cmd->flags & CMD_SOCKET)
		print_usage(cmd, true);
	printf("\n%c%s.\n", first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first,
	       cmd->summary + 1);
	if (cmd->more)
		printf("\n%s\n", cmd->more);
	print_options(cmd);
	if (cmd->columns) {
		printf("\nAvailable output columns:\n");
		columns_print(cmd->columns);
	}
	printf("\nFor more details see musctl-%s(8).\n", cmd->name);
}

void help_main(void)
{
	unsigned int i;

	printf("\nUsage:\n musctl [options] COMMAND [arguments]\n"
	       "\nMake and drive PCI devices in user space.\n"
	       "\nCommands:\n");
	for (i = 0; cmd_table[i]; i++) {
		if (!(cmd_table[i]->flags & CMD_HIDDEN))
			printf(" %-12s %s\n", cmd_table[i]->name, cmd_table[i]->summary);
	}
	printf("\nOptions:\n"
	       " -h, --help               display this help, or that of a COMMAND\n"
	       " -V, --version            display version\n"
	       "\nUUID is a device's UUID, the start of it (4 characters or more), its name, or -\n"
	       "for UUIDs on standard input.\n"
	       "\nFor more details see musctl(8).\n");
}

void help_version(void)
{
	printf("musctl %d.%d.%d, libmuser %s\n", LM_VERSION_MAJOR, LM_VERSION_MINOR,
	       LM_VERSION_PATCH, lm_version());
}
