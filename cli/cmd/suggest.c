/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suggest.c - see suggest.h: words that other tools have for the same thing, the start of
 * a command, or one that is a slip of the fingers away.
 */
#include "cmd/suggest.h"

#include <stddef.h>
#include <string.h>

#include "cmd/cmd.h"

#define LONGEST    16 /* of the words that are compared */
#define MIN_PREFIX 2

static const struct {
	const char *word, *verb;
} synonyms[] = {
	{ "add", "create" },      { "start", "create" },   { "new", "create" },
	{ "ls", "list" },         { "ps", "list" },        { "devices", "list" },
	{ "info", "show" },       { "status", "show" },    { "inspect", "show" },
	{ "rm", "destroy" },      { "remove", "destroy" }, { "delete", "destroy" },
	{ "stop", "destroy" },    { "kill", "destroy" },   { "del", "destroy" },
	{ "read", "peek" },       { "write", "poke" },     { "get", "set" },
	{ "interrupt", "irq" },   { "log", "trace" },      { "strace", "trace" },
	{ "watch", "monitor" },   { "events", "monitor" }, { "check", "doctor" },
	{ "benchmark", "bench" }, { "pci", "lspci" },      { "serve", "run" },
};

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, left out or changed to make b of a; row by row of the
 * usual table. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[LONGEST + 1], above, left, i, j;

	for (j = 0; j <= strlen(b); j++)
		row[j] = j;
	for (i = 1; i <= strlen(a); i++) {
		above = row[0]; /* of the column before */
		row[0] = i;
		for (j = 1; j <= strlen(b); j++) {
			left = least(row[j - 1], row[j]) + 1;
			above += a[i - 1] != b[j - 1];
			left = least(left, above);
			above = row[j];
			row[j] = left;
		}
	}
	return row[strlen(b)];
}

const char *suggest_verb(const char *word)
{
	/* A short word is close to many, so less is allowed. */
	unsigned int i, d, best = strlen(word) > 3 ? 3 : 2;
	const char *found = NULL;

	for (i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
		if (!strcmp(word, synonyms[i].word))
			return synonyms[i].verb;
	}
	for (i = 0; strlen(word) <= LONGEST && cmd_table[i]; i++) {
		const char *name = cmd_table[i]->name;

		if (*name == '_' || strlen(name) > LONGEST)
			continue;
		if (strlen(word) >= MIN_PREFIX && !strncmp(name, word, strlen(word)))
			return name;
		d = distance(word, name);
		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}
