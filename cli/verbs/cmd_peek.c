/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_peek.c - musctl peek UUID WHERE...: reads registers, as a client would. Prints the
 * values alone, one a line; with --output or --json, all about them. Exit status: 0, 1,
 * 2, 3, 4.
 */
#include <stdlib.h>
#include <string.h>

#include "dev/address.h"
#include "ui/error.h"
#include "ui/names.h"
#include "ui/out.h"
#include "verbs/verbs.h"

enum { VALUE, WHERE, REGION, OFFSET, WIDTH, REGISTER, DETAILS };

static const struct column peek_columns[] = {
	[VALUE] = { "VALUE", 8, 0, "what was read" },
	[WHERE] = { "WHERE", 10, COLUMN_EXTRA, "the argument" },
	[REGION] = { "REGION", 6, COLUMN_EXTRA, "region" },
	[OFFSET] = { "OFFSET", 6, COLUMN_EXTRA, "offset in the region" },
	[WIDTH] = { "WIDTH", 5, COLUMN_RIGHT | COLUMN_EXTRA, "bytes read" },
	[REGISTER] = { "REGISTER", 8, COLUMN_EXTRA, "name of the register there" },
	[DETAILS] = { "DETAILS", 10, COLUMN_EXTRA, "its bit fields, decoded" },
	{ 0 }
};

static void print_address(struct out *out, const struct names *names, const struct address *address,
			  uint64_t whole)
{
	unsigned int bits = address->field.name ? address->field.bits : 8 * address->location.width;
	char fields[512];

	out_row(out);
	out_hex(out, VALUE, address_extract(address, whole), (bits + 3) / 4);
	out_text(out, WHERE, address->location.name);
	out_text(out, REGION, name_of_region(names, address->location.region));
	out_address(out, OFFSET, address->location.offset, 2);
	out_u64(out, WIDTH, address->location.width);
	if (!address->reg)
		return;
	out_text(out, REGISTER, address->reg->name);
	reg_fields(address->reg->json, whole, fields, sizeof(fields));
	out_text(out, DETAILS, *fields ? fields : NULL);
}

static int peek(const struct call *call)
{
	struct address *addresses = NULL;
	struct out *out = NULL;
	uint8_t bytes[8];
	struct target t;
	int i, status;

	status = target_open(&t, call);
	if (!status)
		status = target_load_map(&t);
	if (!status)
		addresses = calloc((size_t)t.nr_words, sizeof(*addresses));
	if (!status && !addresses)
		status = error(ST_FAILED, NULL, "out of memory");
	for (i = 0; !status && i < t.nr_words; i++)
		status = address_parse(&addresses[i], &t.map, t.words[i], strlen(t.words[i]));
	for (i = 0; !status && i < t.nr_words; i++)
		status = target_check(&t, &addresses[i].location, TARGET_READ);
	if (!status)
		status = out_begin(&out, call, "values");
	for (i = 0; !status && i < t.nr_words; i++) {
		status = target_read(&t, &addresses[i].location, bytes);
		if (!status)
			print_address(out, &t.names, &addresses[i],
				      target_value(bytes, addresses[i].location.width));
	}
	out_finish(out, status);
	free(addresses);
	target_close(&t);
	return status;
}

const struct cmd cmd_peek = {
	.name = "peek",
	.summary = "read registers of a device",
	.more = "WHERE is REGION+OFFSET[.WIDTH] or REGISTER[.FIELD]. REGION: bar0 ..\n"
		"bar5, rom, config, vga, or a name of the device. OFFSET: hexadecimal.\n"
		"WIDTH: 1, 2, 4, 8, or B, W, L, Q.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE },
				      { "WHERE", COMPLETE_REGISTER, ARG_MANY },
				      { 0 } },
	.columns = peek_columns,
	.flags = CMD_DEVICE | CMD_SOCKET | CMD_VALUES,
	.fn = peek,
};
