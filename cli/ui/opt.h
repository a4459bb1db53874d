/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opt.h - options as data. A table of struct opt is what getopt_long(3), --help and
 * completion are made from; values land in the verb's own struct by offset. Parsing has
 * no side effect.
 */
#ifndef MUSCTL_OPT_H
#define MUSCTL_OPT_H

#include <stdbool.h>
#include <stddef.h>

/* What completes a word. */
enum complete {
	COMPLETE_NONE,
	COMPLETE_VERB,
	COMPLETE_DEVICE,
	COMPLETE_TYPE,
	COMPLETE_FILE,
	COMPLETE_COMMAND,
	COMPLETE_COLUMN,
	COMPLETE_REGISTER,    /* of the device before it */
	COMPLETE_PROPERTY,    /* of the device before it, with = */
	COMPLETE_TYPE_OPTION, /* of the type on the line, with = */
	COMPLETE_FILTER,
	COMPLETE_IRQ_ACTION,
	COMPLETE_VECTOR, /* of the device before it: intx:0 */
	COMPLETE_BENCH_TEST,
	COMPLETE_GROUP,
};

enum opt_kind {
	OPT_FLAG,    /* bool */
	OPT_COUNT,   /* unsigned int: how often it was given */
	OPT_TEXT,    /* const char *, not empty */
	OPT_CHOICE,  /* const char *, one of those in arg, such as "auto|always" */
	OPT_MAYBE,   /* const char *, a choice that may be left out: then the last of them
		      */
	OPT_LIST,    /* struct opt_list: may be given several times */
	OPT_NUMBER,  /* uint64_t, from 1 on */
	OPT_SECONDS, /* uint64_t, in nanoseconds, from 1 on; written as 1.5 */
	OPT_MODE,    /* unsigned int: permission bits, octal, from 1 to 0777 */
	OPT_FD,      /* int: an open descriptor */
};

#define OPT_MAX_LIST 64

struct opt_list {
	const char *items[OPT_MAX_LIST];
	unsigned int nr;
};

/** struct opt - one option; a table ends with kind and name zero */
struct opt {
	char letter;      /* 0: long only */
	const char *name; /* long name */
	enum opt_kind kind;
	size_t offset;    /* in the struct that takes the values */
	const char *arg;  /* what --help calls the argument */
	const char *help; /* NULL: hidden */
	enum complete complete;
};

/* A table and the struct that takes its values. */
struct opt_set {
	const struct opt *table; /* NULL: empty */
	void *values;
};

#define OPT_MAX_SETS 6

/* What opt_parse() is to parse, and what it found. */
struct opt_line {
	struct opt_set sets[OPT_MAX_SETS];
	bool prefix;   /* stop at the first word that is no option */
	int nr_words;  /* out: the words that are no options ... */
	char **words;  /* ... in argv, which is permuted */
	int nr_before; /* out: how many of them stood before "--" */
};

/* 0, or the exit status of an error that has been printed. argv[0] is skipped. */
int opt_parse(struct opt_line *line, int argc, char **argv);

/* Does it take an argument as a word of its own? */
bool opt_has_arg(const struct opt *opt);

/* "a|b|c": the next choice; *len 0 at the end. */
const char *opt_next_choice(const char *choices, size_t *len);

#endif /* MUSCTL_OPT_H */
