/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd.h - from a command line to a call of a verb; and --help.
 */
#ifndef MUSCTL_CMD_H
#define MUSCTL_CMD_H

#include "ui/call.h"

/* The verbs, in the order of help; ends with NULL. main() sets it. */
extern const struct cmd *const *cmd_table;

const struct cmd *cmd_find(const char *name);

/* Run a verb: parse, check, call fn. words[0] is the verb's name. */
int cmd_main(const struct cmd *cmd, int nr_words, char **words);

/* Options that verbs share, by the flags of the verb. */
struct common {
	struct format format;
	const char *socket;
	struct opt_list uuids;
	bool help;
	bool version;
};

/* Fills line->sets with all tables of a verb; args or common may be NULL if nothing is
 * parsed. */
void cmd_option_sets(const struct cmd *cmd, struct opt_line *line, void *args,
		     struct common *common);

/* help.c */
void help_main(void);
void help_cmd(const struct cmd *cmd);
void help_version(void);

#endif /* MUSCTL_CMD_H */
