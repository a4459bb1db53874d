/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_poke.c - musctl poke UUID WHERE=VALUE[:MASK]...: writes registers, as a client
 * would, in the order given; all of the line is checked first. Exit status: 0, 1, 2,
 * 3, 4.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dev/address.h"
#include "ui/error.h"
#include "ui/parse.h"
#include "verbs/verbs.h"

struct change {
	struct address address;
	uint64_t value, mask; /* in the end, in the location's own bits */
	bool has_mask;
};

static int bad_value(const char *word)
{
	return error(ST_USAGE, word,
		     errno == ERANGE ? "a number is larger than 0xffffffffffffffff" :
				       "is not WHERE=VALUE[:MASK] with hexadecimal numbers");
}

/* Looks at the numbers only, before any device is asked. */
static int parse_values(struct change *change, const char *word)
{
	const char *equals = strchr(word, '=');
	char *copy, *colon;
	bool good;

	errno = EINVAL;
	copy = equals ? strdup(equals + 1) : NULL;
	if (!copy)
		return bad_value(word);
	colon = strchr(copy, ':');
	if (colon)
		*colon = '\0';
	change->has_mask = colon;
	good = parse_hex(copy, &change->value) && (!colon || parse_hex(colon + 1, &change->mask));
	free(copy);
	return good ? 0 : bad_value(word);
}

static int find_address(struct change *change, const struct regmap *map, const char *word)
{
	struct address *address = &change->address;
	uint64_t room;
	int status;

	status = address_parse(address, map, word, strcspn(word, "="));
	if (status)
		return status;
	room = address_mask(address) >> address->field.shift;
	if (!change->has_mask)
		change->mask = room;
	if ((change->value | change->mask) & ~room)
		return error(address->fixed ? ST_USAGE : ST_FAILED, word,
			     "value or mask does not fit into %d bit%s", __builtin_popcountll(room),
			     room == 1 ? "" : "s");
	change->value <<= address->field.shift;
	change->mask <<= address->field.shift;
	return 0;
}

static int poke(const struct call *call)
{
	int first = call->socket ? 0 : 1, i, status = 0;
	struct change *changes, *c;
	struct target t = { 0 };

	changes = calloc((size_t)call->nr_words, sizeof(*changes));
	if (!changes)
		return error(ST_FAILED, NULL, "out of memory");
	for (i = first; i < call->nr_words && !status; i++)
		status = parse_values(&changes[i - first], call->words[i]);
	if (!status)
		status = target_open(&t, call);
	if (!status)
		status = target_load_map(&t);
	for (i = 0; i < t.nr_words && !status; i++)
		status = find_address(&changes[i], &t.map, t.words[i]);
	for (c = changes; c < changes + t.nr_words && !status; c++) {
		const bool partial = c->mask != bit_mask(8 * c->address.location.width);

		status = target_check(&t, &c->address.location,
				      TARGET_WRITE | (partial ? TARGET_READ : 0));
	}
	for (c = changes; c < changes + t.nr_words && !status; c++)
		status = target_write(&t, &c->address.location, c->value, c->mask);
	target_close(&t);
	free(changes);
	return status;
}

const struct cmd cmd_poke = {
	.name = "poke",
	.summary = "write registers of a device",
	.more = "WHERE is REGION+OFFSET[.WIDTH] or REGISTER[.FIELD], as for peek. With\n"
		"MASK only those bits change. Numbers are hexadecimal.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE },
				      { "WHERE=VALUE[:MASK]", COMPLETE_REGISTER, ARG_MANY },
				      { 0 } },
	.flags = CMD_DEVICE | CMD_SOCKET,
	.fn = poke,
};
