/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete.h - candidates for a word, printed one a line: WORD, or WORD, a tab and what
 * it is. Whether they begin like the word is the shells' business.
 */
#ifndef MUSCTL_COMPLETE_H
#define MUSCTL_COMPLETE_H

#include "cmd/cmd.h"

/* What is known of the line so far. */
struct line {
	const struct cmd *cmd;
	const char *type;   /* a type that stands on it, or NULL */
	const char *device; /* a device that stands on it, or NULL */
	const char *word;   /* to be completed */
};

void complete_options(const struct line *line);
/* The argument of an option. */
void complete_value(const struct line *line, const struct opt *opt);
void complete_kind(const struct line *line, enum complete kind);
void complete_verbs(void);

#endif /* MUSCTL_COMPLETE_H */
