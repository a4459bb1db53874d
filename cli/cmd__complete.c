/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd__complete.c - musctl _complete [WORD]...: what the last WORD could become, for the shells'
 * completion files. ":files" and ":commands" ask the shell to complete those. Exit status: 0.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "complete.h"
#include "error.h"
#include "verbs.h"

/* A shell's user sees no errors while typing. */
static void be_quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDERR_FILENO);
}

static const struct opt *find_option(const struct cmd *cmd, const char *word)
{
	struct opt_line all = { 0 };
	const struct opt *opt;
	unsigned int i;

	cmd_option_sets(cmd, &all, NULL, NULL);
	for (i = 0; i < OPT_MAX_SETS; i++) {
		for (opt = all.sets[i].table; opt && opt->name; opt++) {
			if (!strncmp(word, "--", 2) && !strcmp(word + 2, opt->name))
				return opt;
			if (word[0] == '-' && word[1] && !word[2] && word[1] == opt->letter)
				return opt;
		}
	}
	return NULL;
}

/* A word that is no option: which argument of the verb it is, and what that tells of the line. */
static const struct arg *next_arg(struct line *line, const struct arg *arg, const char *word)
{
	if (!arg || !arg->name)
		return arg;
	if (arg->complete == COMPLETE_TYPE)
		line->type = word;
	if (arg->complete == COMPLETE_DEVICE)
		line->device = word;
	return arg->flags & ARG_MANY ? arg : arg + 1;
}

/* Reads all words but the last; *option: the one that waits for its argument. */
static const struct arg *read_line(struct line *line, const struct call *call,
				   const struct opt **option)
{
	const struct arg *arg = line->cmd->args;
	int i;

	*option = NULL;
	for (i = 1; i < call->nr_words - 1; i++) {
		const char *word = call->words[i];

		if (*option) {
			if ((*option)->complete == COMPLETE_DEVICE)
				line->device = word;
			*option = NULL;
		} else if (*word == '-' && word[1]) {
			*option = find_option(line->cmd, word);
			if (*option && !opt_has_arg(*option))
				*option = NULL;
		} else {
			arg = next_arg(line, arg, word);
		}
	}
	return arg;
}

static int complete(const struct call *call)
{
	const struct opt *option;
	const struct arg *arg;
	struct line line = { 0 };

	be_quiet();
	if (call->nr_words < 2) {
		complete_verbs();
		return ST_OK;
	}
	line.cmd = cmd_find(call->words[0]);
	line.word = call->words[call->nr_words - 1];
	if (!line.cmd)
		return ST_OK;
	arg = read_line(&line, call, &option);
	if (option)
		complete_value(&line, option);
	else if (*line.word == '-')
		complete_options(&line);
	else if (arg && arg->name)
		complete_kind(&line, arg->complete);
	return ST_OK;
}

const struct cmd cmd__complete = {
	.name = "_complete",
	.summary = "print what the last word could become",
	.args = (const struct arg[]){ { "WORD", COMPLETE_NONE, ARG_OPTIONAL | ARG_MANY }, { 0 } },
	.flags = CMD_HIDDEN | CMD_RAW,
	.fn = complete,
};
