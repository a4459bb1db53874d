/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd.c - from a command line to a call of a verb: the options that verbs share, the
 * count of arguments, --help and --version. All of a line is checked here before the verb
 * touches anything.
 */
#include "cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/error.h"

const struct cmd *const *cmd_table;

static const struct opt output_options[] = {
	{ 'H', "list-columns", OPT_FLAG, offsetof(struct common, format.list), NULL,
	  "list the columns of --output" },
	{ 'J', "json", OPT_FLAG, offsetof(struct common, format.json), NULL,
	  "print JSON (streams: one object a line)" },
	{ 0, "dumpjson", OPT_FLAG, offsetof(struct common, format.json) },
	{ 'n', "noheadings", OPT_FLAG, offsetof(struct common, format.no_headings), NULL,
	  "do not print the heading" },
	{ 'o', "output", OPT_TEXT, offsetof(struct common, format.columns), "LIST",
	  "columns to print; +LIST adds to the default", COMPLETE_COLUMN },
	{ 0, "output-all", OPT_FLAG, offsetof(struct common, format.all), NULL,
	  "print all columns" },
	{ 'P', "pairs", OPT_FLAG, offsetof(struct common, format.export), NULL,
	  "print KEY=\"value\" pairs" },
	{ 'r', "raw", OPT_FLAG, offsetof(struct common, format.raw), NULL,
	  "print without padding" },
	{ 0, "color", OPT_MAYBE, offsetof(struct common, format.color), "auto|never|always",
	  "colour the output" },
	{ 0 }
};

static const struct opt json_options[] = {
	{ 'J', "json", OPT_FLAG, offsetof(struct common, format.json), NULL, "print JSON" },
	{ 0, "dumpjson", OPT_FLAG, offsetof(struct common, format.json) },
	{ 0, "color", OPT_MAYBE, offsetof(struct common, format.color), "auto|never|always",
	  "colour the output" },
	{ 0 }
};

static const struct opt socket_options[] = {
	{ 0, "socket", OPT_TEXT, offsetof(struct common, socket), "PATH",
	  "vfio-user server to connect to, in place of UUID", COMPLETE_FILE },
	{ 0 }
};

static const struct opt device_options[] = {
	{ 'u', "uuid", OPT_LIST, offsetof(struct common, uuids), "UUID", NULL, COMPLETE_DEVICE },
	{ 0 }
};

static const struct opt base_options[] = {
	{ 'h', "help", OPT_FLAG, offsetof(struct common, help), NULL, "display this help" },
	{ 'V', "version", OPT_FLAG, offsetof(struct common, version), NULL, "display version" },
	{ 0 }
};

void cmd_option_sets(const struct cmd *cmd, struct opt_line *line, void *args,
		     struct common *common)
{
	const struct opt *output = cmd->columns          ? output_options :
				   cmd->flags & CMD_JSON ? json_options :
							   NULL;

	line->sets[0] = (struct opt_set){ cmd->options, args };
	line->sets[1] = (struct opt_set){ cmd->shared, args };
	line->sets[2] = (struct opt_set){ cmd->flags & CMD_SOCKET ? socket_options : NULL, common };
	line->sets[3] = (struct opt_set){ cmd->flags & CMD_DEVICE ? device_options : NULL, common };
	line->sets[4] = (struct opt_set){ output, common };
	line->sets[5] = (struct opt_set){ base_options, common };
}

/* Formats, and the arguments that the table wants against those that are there. */
static int check_call(struct call *call)
{
	const unsigned int flags = call->cmd->flags;
	const struct arg *arg = call->cmd->args, *command = arg;
	struct format *format = &call->format;
	int used = 0, nr;

	if (format->json + format->raw + format->export > 1)
		return error_usage(NULL, "--json, --raw and --pairs are mutually exclusive");
	if (flags & CMD_VALUES && !format->columns && format->json)
		format->all = true;
	if (flags & CMD_VALUES && !format->columns && !format->all)
		format->no_headings = true;
	while (command && command->name && !(command->flags & ARG_COMMAND))
		command++;
	if (!command || !command->name)
		call->nr_before = call->nr_words;
	nr = call->nr_before;
	for (; arg < command; arg++) {
		if (call->socket && arg->complete == COMPLETE_DEVICE)
			continue;
		if (used == nr && !(arg->flags & ARG_OPTIONAL))
			return error_usage(NULL, "%s is missing", arg->name);
		if (arg->flags & ARG_MANY)
			used = nr;
		else if (used < nr)
			used++;
	}
	return used < nr ? error_usage(call->words[used], "unexpected argument") : 0;
}

/* -u UUID counts as an argument, at the place of the device. */
static char **join_words(const struct cmd *cmd, const struct opt_list *uuids,
			 const struct opt_line *line)
{
	char **words = calloc(uuids->nr + (size_t)line->nr_words + 1, sizeof(*words));
	const struct arg *arg = cmd->args;
	unsigned int i;
	int from = 0, to = 0;

	if (!words)
		return NULL;
	for (; arg && arg->name && arg->complete != COMPLETE_DEVICE && from < line->nr_words; arg++)
		words[to++] = line->words[from++];
	for (i = 0; i < uuids->nr; i++)
		words[to++] = (char *)uuids->items[i];
	while (from < line->nr_words)
		words[to++] = line->words[from++];
	return words;
}

static int run_parsed(const struct cmd *cmd, const struct opt_line *line,
		      const struct common *common, void *args)
{
	struct call call = {
		.cmd = cmd,
		.args = args,
		.format = common->format,
		.socket = common->socket,
		.nr_words = line->nr_words + (int)common->uuids.nr,
		.nr_before = line->nr_before + (int)common->uuids.nr,
	};
	int status;

	if (common->help)
		return help_cmd(cmd), ST_OK;
	if (common->version)
		return help_version(), ST_OK;
	if (common->format.list)
		return columns_print(cmd->columns), ST_OK;
	call.words = join_words(cmd, &common->uuids, line);
	if (!call.words)
		return error(ST_FAILED, NULL, "out of memory");
	status = check_call(&call);
	if (!status)
		status = cmd->fn(&call);
	free(call.words);
	return status;
}

int cmd_main(const struct cmd *cmd, int nr_words, char **words)
{
	struct call raw = { .cmd = cmd, .words = words + 1, .nr_words = nr_words - 1 };
	struct opt_line line = { .prefix = cmd->flags & CMD_PREFIX };
	struct common common = { 0 };
	void *args = calloc(1, cmd->size + 1);
	int status;

	error_set_verb(cmd->name);
	if (!args)
		return error(ST_FAILED, NULL, "out of memory");
	if (cmd->defaults)
		memcpy(args, cmd->defaults, cmd->size);
	cmd_option_sets(cmd, &line, args, &common);
	if (cmd->flags & CMD_RAW)
		status = cmd->fn(&raw);
	else
		status = opt_parse(&line, nr_words, words);
	if (!status && !(cmd->flags & CMD_RAW))
		status = run_parsed(cmd, &line, &common, args);
	free(args);
	return status;
}

const struct cmd *cmd_find(const char *name)
{
	unsigned int i;

	for (i = 0; cmd_table[i]; i++) {
		if (!strcmp(cmd_table[i]->name, name))
			return cmd_table[i];
	}
	return NULL;
}
