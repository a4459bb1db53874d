/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd__complete.c - musctl _complete [WORD]...: what the last WORD could become, for the
 * shells' completion files. ":files" and ":commands" ask the shell to complete those.
 * Exit status: 0.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/complete.h"
#include "ui/error.h"
#include "verbs/verbs.h"

static bool is_option(const struct opt *opt, const char *word)
{
	size_t len = strcspn(word, "=");

	if (!strncmp(word, "--", 2))
		return strlen(opt->name) == len - 2 && !strncmp(word + 2, opt->name, len - 2);
	return word[0] == '-' && word[1] && !word[2] && word[1] == opt->letter;
}

static const struct opt *find_option(const struct cmd *cmd, const char *word)
{
	struct opt_line all = { 0 };
	const struct opt *opt;
	unsigned int i;

	cmd_option_sets(cmd, &all, NULL, NULL);
	for (i = 0; i < OPT_MAX_SETS; i++) {
		for (opt = all.sets[i].table; opt && opt->name; opt++) {
			if (is_option(opt, word))
				return opt;
		}
	}
	return NULL;
}

/* Where the reading of a line is. */
struct state {
	const struct arg *arg;    /* the next one */
	const struct opt *option; /* the option that waits for its argument */
};

/* -u UUID and --socket PATH stand for the argument. */
static void take_value(struct line *line, struct state *s, const struct opt *option,
		       const char *word)
{
	bool device = option->complete == COMPLETE_DEVICE;

	if (device)
		line->device = word;
	if ((device || !strcmp(option->name, "socket")) && s->arg &&
	    s->arg->complete == COMPLETE_DEVICE && !(s->arg->flags & ARG_MANY))
		s->arg++;
}

static void read_word(struct line *line, struct state *s, const char *word)
{
	const struct opt *option = s->option;

	s->option = NULL;
	if (option) {
		take_value(line, s, option, word);
	} else if (*word == '-' && word[1]) {
		option = find_option(line->cmd, word);
		if (option && strchr(word, '='))
			take_value(line, s, option, strchr(word, '=') + 1);
		else if (option && opt_has_arg(option))
			s->option = option;
	} else if (s->arg && s->arg->name) {
		if (s->arg->complete == COMPLETE_TYPE)
			line->type = word;
		if (s->arg->complete == COMPLETE_DEVICE)
			line->device = word;
		s->arg += !(s->arg->flags & ARG_MANY);
	}
}

static int complete(const struct call *call)
{
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct state state = { 0 };
	struct line line = { 0 };
	int i;

	if (null >= 0)
		dup2(null, STDERR_FILENO); /* a shell's user sees no errors while typing */
	if (call->nr_words < 2) {
		complete_verbs();
		return ST_OK;
	}
	line.cmd = cmd_find(call->words[0]);
	line.word = call->words[call->nr_words - 1];
	if (!line.cmd)
		return ST_OK;
	state.arg = line.cmd->args;
	for (i = 1; i < call->nr_words - 1; i++)
		read_word(&line, &state, call->words[i]);
	if (!strncmp(line.word, "--", 2) && strchr(line.word, '='))
		state.option = find_option(line.cmd, line.word);
	if (state.option)
		complete_value(&line, state.option);
	else if (*line.word == '-')
		complete_options(&line);
	else if (state.arg && state.arg->name)
		complete_kind(&line, state.arg->complete);
	return ST_OK;
}

const struct cmd cmd__complete = {
	.name = "_complete",
	.summary = "print what the last word could become",
	.args = (const struct arg[]){ { "WORD", COMPLETE_NONE, ARG_OPTIONAL | ARG_MANY }, { 0 } },
	.flags = CMD_HIDDEN | CMD_RAW,
	.fn = complete,
};
