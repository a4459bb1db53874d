/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opt.c - tables of options through getopt_long(3). It owns the one loop over
 * getopt_long() and the conversion of arguments; what the options mean is none of its
 * business.
 */
#include "ui/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/option.h"

#include "ui/error.h"
#include "ui/parse.h"

#define MAX_OPTIONS 64
#define LONG_BASE   256 /* getopt_long() values that are no letters */

/* The tables of a line, flattened as getopt_long() wants them. */
struct parser {
	struct option longs[MAX_OPTIONS + 1];
	char letters[3 * MAX_OPTIONS + 3];
	const struct opt *opts[MAX_OPTIONS];
	void *values[MAX_OPTIONS];
	unsigned int nr;
};

bool opt_has_arg(const struct opt *opt)
{
	return opt->kind != OPT_FLAG && opt->kind != OPT_COUNT && opt->kind != OPT_MAYBE;
}

const char *opt_next_choice(const char *choices, size_t *len)
{
	if (*choices == '|')
		choices++;
	*len = strcspn(choices, "|");
	return choices;
}

static bool is_choice(const char *choices, const char *word)
{
	size_t len;

	for (choices = opt_next_choice(choices, &len); len;
	     choices = opt_next_choice(choices + len, &len)) {
		if (strlen(word) == len && !strncmp(choices, word, len))
			return true;
	}
	return false;
}

static const char *last_choice(const char *choices)
{
	const char *bar = strrchr(choices, '|');

	return bar ? bar + 1 : choices;
}

static void add_option(struct parser *p, const struct opt *opt, void *values)
{
	size_t end = strlen(p->letters);

	if (p->nr == MAX_OPTIONS)
		return;
	p->opts[p->nr] = opt;
	p->values[p->nr] = values;
	p->longs[p->nr].name = opt->name;
	p->longs[p->nr].has_arg = opt->kind == OPT_MAYBE ? optional_argument :
				  opt_has_arg(opt)       ? required_argument :
							   no_argument;
	p->longs[p->nr].val = LONG_BASE + (int)p->nr;
	if (opt->letter) {
		p->letters[end++] = opt->letter;
		if (opt_has_arg(opt))
			p->letters[end++] = ':';
	}
	p->nr++;
}

static void build(struct parser *p, const struct opt_line *line)
{
	const struct opt *opt;
	unsigned int i;

	memset(p, 0, sizeof(*p));
	/* ":" tells a missing argument from an unknown option */
	snprintf(p->letters, sizeof(p->letters), line->prefix ? "+:" : ":");
	for (i = 0; i < OPT_MAX_SETS; i++) {
		for (opt = line->sets[i].table; opt && opt->name; opt++)
			add_option(p, opt, line->sets[i].values);
	}
}

static int bad_value(const struct opt *opt, const char *word)
{
	static const char *const wants[] = {
		[OPT_NUMBER] = "a positive number",
		[OPT_SECONDS] = "a number of seconds, such as 1.5",
		[OPT_MODE] = "an octal mode from 1 to 0777, such as 0660",
		[OPT_FD] = "an open descriptor",
	};
	char name[64];

	snprintf(name, sizeof(name), "--%s", opt->name);
	if (opt->kind == OPT_LIST)
		return error_usage(name, "given more than %d times", OPT_MAX_LIST);
	if (opt->kind == OPT_TEXT)
		return error_usage(name, "is empty");
	if (opt->kind == OPT_CHOICE || opt->kind == OPT_MAYBE)
		return error_usage(name, "'%s' is not one of %s", word, opt->arg);
	if (opt->kind == OPT_NUMBER && errno == ERANGE)
		return error_usage(name, "'%s' is larger than 0xffffffffffffffff", word);
	return error_usage(name, "'%s' is not %s", word, wants[opt->kind]);
}

static bool parse_fd(const char *word, int *fd)
{
	uint32_t number;

	if (!parse_u32(word, &number) || number > INT32_MAX || fcntl((int)number, F_GETFD) < 0)
		return false;
	*fd = (int)number;
	return true;
}

static bool store(const struct opt *opt, void *at, const char *word)
{
	struct opt_list *list = at;
	uint64_t *ns = at;

	switch (opt->kind) {
	case OPT_FLAG: *(bool *)at = true; return true;
	case OPT_COUNT: ++*(unsigned int *)at; return true;
	case OPT_MAYBE:
	case OPT_CHOICE:
		if (!word)
			word = last_choice(opt->arg);
		*(const char **)at = word;
		return is_choice(opt->arg, word);
	case OPT_TEXT: *(const char **)at = word; return *word;
	case OPT_LIST:
		if (list->nr == OPT_MAX_LIST)
			return false;
		list->items[list->nr++] = word;
		return true;
	case OPT_NUMBER: return parse_u64(word, at) && *(uint64_t *)at;
	case OPT_SECONDS:
		if (!parse_seconds(word, ns))
			return false;
		*ns += !*ns; /* no time at all is not no limit, which verbs have at 0 */
		return true;
	case OPT_MODE: return option_parse_mode(word, at);
	case OPT_FD: return parse_fd(word, at);
	}
	return false;
}

static const struct opt *by_value(const struct parser *p, int value, void **values)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++) {
		if (value == LONG_BASE + (int)i ||
		    (value < LONG_BASE && value == p->opts[i]->letter)) {
			*values = p->values[i];
			return p->opts[i];
		}
	}
	return NULL;
}

/* The option that getopt_long() stumbled over, as the user wrote it, more or less. */
static const char *culprit(char **argv)
{
	static char letter[3] = "-";

	if (optopt <= 0 || optopt >= LONG_BASE)
		return argv[optind - 1];
	letter[1] = (char)optopt;
	return letter;
}

static int parse_options(const struct parser *p, int argc, char **argv)
{
	const struct opt *opt;
	void *values = NULL;
	int value;

	while ((value = getopt_long(argc, argv, p->letters, p->longs, NULL)) != -1) {
		if (value == ':')
			return error_usage(culprit(argv), "option needs an argument");
		opt = value == '?' ? NULL : by_value(p, value, &values);
		if (!opt)
			return error_usage(culprit(argv), "unknown option");
		if (!store(opt, (char *)values + opt->offset, optarg))
			return bad_value(opt, optarg ? optarg : "");
	}
	return 0;
}

int opt_parse(struct opt_line *line, int argc, char **argv)
{
	struct parser p;
	int dashes, status;

	for (dashes = 1; dashes < argc && strcmp(argv[dashes], "--"); dashes++)
		;
	build(&p, line);
	optind = 0;
	opterr = 0;
	status = parse_options(&p, argc, argv);
	if (status)
		return status;
	line->words = argv + optind;
	line->nr_words = line->nr_before = argc - optind;
	/* getopt_long() has consumed it, and moved the words before in front of those behind. */
	if (dashes < argc && optind && !strcmp(argv[optind - 1], "--"))
		line->nr_before -= argc - dashes - 1;
	return 0;
}
