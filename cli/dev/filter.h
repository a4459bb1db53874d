/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter.h - which records of a trace to print: -e TERM[,TERM]...
 *
 * Terms of one -e that are about the same thing (kind, region, register) are
 * alternatives, those about different things must all hold: "bar2,write" is writes to
 * BAR2, "read,write" all accesses. Several -e are alternatives. !TERM excludes; an -e of
 * nothing else excludes from all of them.
 */
#ifndef MUSCTL_FILTER_H
#define MUSCTL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <muser-trace.h>

#include "dev/regmap.h"
#include "ui/opt.h"

#define FILTER_MAX_TERMS 16

enum term_class {
	TERM_KIND,
	TERM_REGION,
	TERM_REGISTER,
	TERM_ORIGIN,
	TERM_RESULT,
	TERM_NR_CLASSES
};

struct term {
	enum term_class class;
	bool negated;
	bool known;     /* a register or a region of that name was learnt of */
	uint32_t value; /* kinds as bits, or flags */
	char name[64];  /* of a region; of registers, with wildcards ... */
	char glob[64];  /* ... in lower case */
};

struct expression {
	struct term terms[FILTER_MAX_TERMS];
	unsigned int nr;
	bool excludes; /* nothing but negated terms */
};

struct filter {
	struct expression expressions[OPT_MAX_LIST];
	unsigned int nr;
};

/* 0, or the status of a printed error. */
int filter_parse(struct filter *filter, const struct opt_list *list);

/* Registers and regions of a traced device; afterwards: 0, or the status of a printed error: none
 * of them has the name that is asked for. */
void filter_learn(struct filter *filter, const struct regmap *map);
int filter_check(const struct filter *filter);

bool filter_match(const struct filter *filter, const struct lm_trace_record *record,
		  const struct regmap *map);

/* For completion: word i of what a term can be; NULL: there are no more. */
const char *filter_word(unsigned int i);

/* Is it about a region of the device? */
bool record_is_access(const struct lm_trace_record *record);

#endif /* MUSCTL_FILTER_H */
