/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * musctl.c - the table of verbs, and main(). What a verb does is in verbs/cmd_<verb>.c.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/suggest.h"
#include "ui/error.h"
#include "ui/out.h"
#include "ui/start.h"
#include "verbs/verbs.h"

/* A binary of this name is "musctl run TYPE", on a socket: vfio-user backends are found by
 * program name. */
#define BACKEND_PREFIX "vfio-user-"

#define MAX_WORDS 4096

static const struct cmd *const verbs[] = { &cmd_types,   &cmd_create,    &cmd_run,   &cmd_exec,
					   &cmd_list,    &cmd_show,      &cmd_logs,  &cmd_destroy,
					   &cmd_trace,   &cmd_irq,       &cmd_peek,  &cmd_poke,
					   &cmd_set,     &cmd_lspci,     &cmd_reset, &cmd_wait,
					   &cmd_monitor, &cmd_doctor,    &cmd_bench, &cmd_help,
					   &cmd_version, &cmd__complete, NULL };

static int run_verb(int argc, char **argv)
{
	const struct cmd *cmd = cmd_find(argv[0]);
	const char *meant = cmd ? NULL : suggest_verb(argv[0]);

	if (meant)
		return error_usage(argv[0], "unknown command (did you mean '%s'?)", meant);
	if (!cmd)
		return error_usage(argv[0], "unknown command");
	return cmd_main(cmd, argc, argv);
}

static int run_backend(const char *type, int argc, char **argv)
{
	char *words[MAX_WORDS] = { (char *)"run", (char *)"--transport=vfio-user", (char *)type };

	if (argc > MAX_WORDS - 4)
		return error_usage(NULL, "too many arguments");
	memcpy(words + 3, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	return run_verb(argc + 2, words);
}

static int run_line(int argc, char **argv)
{
	const char *program = argc ? strrchr(argv[0], '/') : NULL;

	program = program ? program + 1 : argc ? argv[0] : "";
	if (!strncmp(program, BACKEND_PREFIX, strlen(BACKEND_PREFIX)))
		return run_backend(program + strlen(BACKEND_PREFIX), argc, argv);
	if (argc < 2)
		return error_usage(NULL, "no command given");
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))
		return help_main(), ST_OK;
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))
		return help_version(), ST_OK;
	if (argv[1][0] == '-')
		return error_usage(argv[1], "unknown option");
	return run_verb(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int status, closed;

	cmd_table = verbs;
	start_known();
	setlocale(LC_CTYPE, "");    /* how wide text is, and the words of strerror(3); all else */
	setlocale(LC_MESSAGES, ""); /* is the same everywhere */
	status = run_line(argc, argv);
	closed = out_close_stdout();
	/* Time that is over is how a stream is to end: that its rows are lost is the failure. */
	return status && status != ST_TIMEOUT ? status : closed ? closed : status;
}
