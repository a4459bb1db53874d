/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter.c - parses and applies -e of "trace". See filter.h.
 */
#include "dev/filter.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bus.h"

#include "ui/call.h"
#include "ui/error.h"
#include "ui/names.h"
#include "ui/value.h"

#define KIND(k) (1u << LM_TRACE_##k)

/* Words for several kinds at once; each kind has its own name as well. */
static const struct {
	const char *name;
	uint32_t kinds;
} groups[] = {
	{ "access", KIND(READ) | KIND(WRITE) },
	{ "dma",
	  KIND(DMA_READ) | KIND(DMA_WRITE) | KIND(DMA_MAP) | KIND(DMA_UNMAP) | KIND(DMA_LOOKUP) },
	{ "irq", KIND(IRQ_FIRE) | KIND(IRQ_SET) | KIND(IRQ_MASK) | KIND(IRQ_DEASSERT) },
	{ "client", KIND(ATTACH) | KIND(DETACH) },
};

#define NR_GROUPS (sizeof(groups) / sizeof(groups[0]))

bool record_is_access(const struct lm_trace_record *record)
{
	return record->kind == LM_TRACE_READ || record->kind == LM_TRACE_WRITE;
}

const char *filter_word(unsigned int i)
{
	static const char *const others[] = { "error", "refused", "control", "reg=", "region=" };

	if (i < NR_GROUPS)
		return groups[i].name;
	i -= NR_GROUPS;
	if (i < LM_TRACE_NR_KINDS - 1)
		return lm_trace_kind_name(i + 1);
	i -= LM_TRACE_NR_KINDS - 1;
	if (i < LM_DEV_NUM_REGS)
		return bus_region_names[i];
	i -= LM_DEV_NUM_REGS;
	return i < sizeof(others) / sizeof(others[0]) ? others[i] : NULL;
}

static uint32_t kinds_of(const char *word)
{
	unsigned int i;

	for (i = 0; i < NR_GROUPS; i++) {
		if (!strcmp(word, groups[i].name))
			return groups[i].kinds;
	}
	for (i = 1; i < LM_TRACE_NR_KINDS; i++) {
		if (!strcmp(word, lm_trace_kind_name(i)))
			return 1u << i;
	}
	return 0;
}

/* What each device calls so: PCI's names, and numbers; the device's own with region= before. */
static bool parse_region(struct term *term, const char *word)
{
	unsigned int len;
	uint32_t index;
	const bool own = !strncmp(word, "region=", 7) && word[7];

	term->class = TERM_REGION;
	term->known = !own;
	snprintf(term->name, sizeof(term->name), "%s", own ? word + 7 : word);
	return own || (name_to_region(&pci_names, word, &index, &len) && !word[len]);
}

static int parse_term(struct term *term, const char *word)
{
	term->negated = *word == '!';
	word += term->negated;
	term->value = kinds_of(word);
	if (term->value) {
		term->class = TERM_KIND;
	} else if (!strncmp(word, "reg=", 4) && word[4]) {
		term->class = TERM_REGISTER;
		snprintf(term->name, sizeof(term->name), "%s", word + 4);
		ascii_copy_lower(term->glob, word + 4, sizeof(term->glob));
	} else if (!strcmp(word, "error")) {
		term->class = TERM_RESULT;
	} else if (!strcmp(word, "refused")) {
		term->class = TERM_RESULT;
		term->value = LM_TRACE_REFUSED;
	} else if (!strcmp(word, "control")) {
		term->class = TERM_ORIGIN;
		term->value = LM_TRACE_CONTROL;
	} else if (!parse_region(term, word)) {
		return error_usage(word, "no such filter (a kind, a region, region=NAME, reg=NAME, "
					 "error, refused, control)");
	}
	return 0;
}

/* Regions and registers are of accesses: "bar0,irq" is nothing. */
static bool can_hold(const struct expression *expression)
{
	uint32_t wanted = 0, excluded = 0, possible = ~0u;
	const struct term *term;
	unsigned int i;

	for (i = 0; i < expression->nr; i++) {
		term = &expression->terms[i];
		if (term->class == TERM_KIND)
			*(term->negated ? &excluded : &wanted) |= term->value;
		else if (term->class != TERM_RESULT && term->class != TERM_ORIGIN && !term->negated)
			possible = KIND(READ) | KIND(WRITE);
	}
	return (wanted ? wanted : ~0u) & ~excluded & possible;
}

static int parse_expression(struct expression *expression, const char *text)
{
	char word[80];
	const char *whole = text;
	size_t len;
	int status;

	expression->excludes = true;
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (expression->nr == FILTER_MAX_TERMS || len >= sizeof(word))
			return error_usage(text,
					   "filter too long (at most %d terms, of %zu "
					   "characters)",
					   FILTER_MAX_TERMS, sizeof(word) - 1);
		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		status = parse_term(&expression->terms[expression->nr], word);
		if (status)
			return status;
		expression->excludes &= expression->terms[expression->nr++].negated;
		if (!text[len])
			break;
	}
	return can_hold(expression) ?
		       0 :
		       error_usage(whole,
				   "no record can match (regions and registers apply only to read, "
				   "write and access)");
}

int filter_parse(struct filter *filter, const struct opt_list *list)
{
	int status = 0;

	memset(filter, 0, sizeof(*filter));
	for (; filter->nr < list->nr && !status; filter->nr++)
		status = parse_expression(&filter->expressions[filter->nr],
					  list->items[filter->nr]);
	return status;
}

/* ---- matching -------------------------------------------------------------------- */

/* Whatever the case, as registers are found. */
static bool names_match(const char *glob, const char *name)
{
	char lower[64];

	ascii_copy_lower(lower, name, sizeof(lower));
	return !fnmatch(glob, lower, 0);
}

/* Itself, or what an access there may mean as well. */
static bool is_named(const struct reg *reg, const char *glob)
{
	struct json_object *alias;
	size_t i;

	if (names_match(glob, reg->name))
		return true;
	for (i = 0; reg->json && (alias = value_item(reg->json, "aliases", i)); i++) {
		if (names_match(glob, value_name(alias)))
			return true;
	}
	return false;
}

static bool is_region(const struct term *term, const struct names *names, uint32_t *index)
{
	unsigned int len;

	return name_to_region(names, term->name, index, &len) && !term->name[len];
}

void filter_learn(struct filter *filter, const struct regmap *map)
{
	struct term *term;
	uint32_t index;
	unsigned int i;
	size_t k;

	for (i = 0; i < filter->nr; i++) {
		struct expression *e = &filter->expressions[i];

		for (term = e->terms; term < e->terms + e->nr; term++) {
			if (term->class == TERM_REGION)
				term->known |= is_region(term, &map->names, &index);
			if (term->class != TERM_REGISTER)
				continue;
			for (k = 0; k < map->nr && !term->known; k++)
				term->known = is_named(&map->regs[k], term->glob);
		}
	}
}

int filter_check(const struct filter *filter)
{
	const struct term *term;
	char text[80];
	unsigned int i;

	for (i = 0; i < filter->nr; i++) {
		const struct expression *e = &filter->expressions[i];

		for (term = e->terms; term < e->terms + e->nr; term++) {
			snprintf(text, sizeof(text), "%s=%s",
				 term->class == TERM_REGION ? "region" : "reg", term->name);
			if (term->class == TERM_REGION && !term->known)
				return error(ST_FAILED, text,
					     "no such region (musctl show lists them)");
			if (term->class == TERM_REGISTER && !term->known)
				return error(ST_FAILED, text,
					     "no such register (musctl show "
					     "lists them, musctl-peek(8) those of the PCI "
					     "header)");
		}
	}
	return 0;
}

static bool touches(const struct term *term, const struct lm_trace_record *record,
		    const struct regmap *map)
{
	const struct span span = { record->region, record->len, record->offset,
				   record->result < 0 ? 0 : record->aux };
	struct json_object *one = span.alias ? regmap_exact(map, &span) : NULL;
	const struct reg *reg = NULL;

	if (one)
		return names_match(term->glob, value_name(one));
	while ((reg = regmap_next(map, &span, reg))) {
		if (names_match(term->glob, reg->name))
			return true;
	}
	return false;
}

static bool holds(const struct term *term, const struct lm_trace_record *record,
		  const struct regmap *map)
{
	uint32_t index;

	switch (term->class) {
	case TERM_KIND: return term->value >> (record->kind & 31) & 1;
	case TERM_REGION:
		return record_is_access(record) && is_region(term, &map->names, &index) &&
		       index == record->region;
	case TERM_REGISTER: return record_is_access(record) && touches(term, record, map);
	case TERM_ORIGIN: return record->flags & term->value;
	case TERM_RESULT:
	case TERM_NR_CLASSES: break;
	}
	return term->value ? record->flags & term->value : record->result < 0;
}

static bool expression_holds(const struct expression *expression,
			     const struct lm_trace_record *record, const struct regmap *map)
{
	bool asked[TERM_NR_CLASSES] = { false }, found[TERM_NR_CLASSES] = { false };
	const struct term *term;
	unsigned int i;

	for (i = 0; i < expression->nr; i++) {
		term = &expression->terms[i];
		if (term->negated && holds(term, record, map))
			return false;
		if (term->negated)
			continue;
		asked[term->class] = true;
		found[term->class] |= holds(term, record, map);
	}
	for (i = 0; i < TERM_NR_CLASSES; i++) {
		if (asked[i] && !found[i])
			return false;
	}
	return true;
}

bool filter_match(const struct filter *filter, const struct lm_trace_record *record,
		  const struct regmap *map)
{
	const struct expression *expression;
	bool asked = false, found = false;
	unsigned int i;

	for (i = 0; i < filter->nr; i++) {
		expression = &filter->expressions[i];
		if (expression->excludes) {
			if (!expression_holds(expression, record, map))
				return false;
			continue;
		}
		asked = true;
		found = found || expression_holds(expression, record, map);
	}
	return found || !asked;
}
