/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.h - what a verb is: one constant object, from which parsing, --help and completion
 * follow; and a call of one. A verb says what it takes as data and does its work in fn; it
 * never parses its own command line.
 */
#ifndef MUSCTL_CALL_H
#define MUSCTL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/columns.h"
#include "ui/opt.h"

enum exit_status {
	ST_OK = 0,
	ST_FAILED = 1,
	ST_USAGE = 2,
	ST_NO_DEVICE = 3,
	ST_UNSUPPORTED = 4,
	ST_CRASHED = 5,
	ST_TIMEOUT = 124,
	ST_NO_EXEC = 126,
	ST_NOT_FOUND = 127,
};

/* struct arg.flags */
#define ARG_OPTIONAL (1u << 0)
#define ARG_MANY     (1u << 1) /* one or more; the last one only */
#define ARG_COMMAND  (1u << 2) /* the words after "--" */

/** struct arg - a positional argument; a table of these ends with name NULL */
struct arg {
	const char *name;
	enum complete complete;
	unsigned int flags;
};

/* struct cmd.flags */
#define CMD_HIDDEN (1u << 0) /* not in help */
#define CMD_DEVICE (1u << 1) /* takes devices: -u UUID is one as well */
#define CMD_SOCKET (1u << 2) /* --socket PATH may stand for the device */
#define CMD_STREAM (1u << 3) /* -J gives JSON Lines */
#define CMD_JSON   (1u << 4) /* -J, although it has no columns of its own */
#define CMD_VALUES (1u << 5) /* prints values for scripts: headings with -o only */
#define CMD_PREFIX (1u << 6) /* the first argument ends the options, as in env */
#define CMD_RAW    (1u << 7) /* gets its words as they are */
#define CMD_ENDED  (1u << 8) /* takes devices that have ended, too */

struct call;

struct cmd {
	const char *name;
	const char *summary; /* one line, imperative */
	const char *more;    /* a paragraph for --help, or NULL */
	const struct arg *args;
	const struct opt *options;          /* or NULL */
	const struct opt *shared;           /* a second table, of several verbs, or NULL */
	const struct column *columns;       /* or NULL */
	size_t size;                        /* of the verb's struct <verb>_args */
	const void *defaults;               /* its contents before parsing; NULL: zeros */
	unsigned int flags;                 /* CMD_* */
	int (*fn)(const struct call *call); /* enum exit_status */
};

/* How to print, as the options that all verbs with columns share say. */
struct format {
	bool json;
	bool raw;
	bool export;
	bool no_headings;
	bool all;            /* --output-all */
	bool list;           /* --list-columns */
	const char *columns; /* -o */
	const char *color;   /* "auto", "always", "never" */
};

/** struct call - one command line, parsed */
struct call {
	const struct cmd *cmd;
	void *args; /* struct <verb>_args of the verb */
	struct format format;
	const char *socket; /* --socket, or NULL */
	int nr_words;
	char **words;  /* positional arguments */
	int nr_before; /* how many of them stand before "--" */
};

#endif /* MUSCTL_CALL_H */
