/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * properties.c - properties, one of each kind: variables, wires that are kept in the state, what
 * can only be read, what counts at creation only.
 */
#include "testdev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WIRES = 4 };

int testdev_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	const struct testdev *d = pvt;
	const int wire = device_wire(name, "wires", WIRES);
	const uint32_t wires = d->st ? d->st->wires : 0;

	if (!strcmp(name, "hits"))
		snprintf(buf, size, "%u", d->st ? d->st->fault[FAULT_HITS] : 0);
	else if (wire < WIRES)
		snprintf(buf, size, "%u", wires >> wire & 1);
	else
		snprintf(buf, size, "0x%x", wires);
	return 0;
}

int testdev_prop_set(void *pvt, const char *name, const char *value)
{
	struct testdev *d = pvt;
	const int wire = device_wire(name, "wires", WIRES);
	uint64_t number;

	if (device_parse(value, wire < WIRES ? 1 : 15, &number))
		return -EINVAL;
	if (!d->st)
		return 0;
	if (wire < WIRES)
		number = (d->st->wires & ~(1u << wire)) | (uint32_t)number << wire;
	d->st->wires = (uint32_t)number;
	return 0;
}

static void changed(void *pvt)
{
	lm_event(((struct testdev *)pvt)->ctx, "changed", ((struct testdev *)pvt)->number);
}

static const char *const choices[] = { "first", "second", "third", NULL };

const lm_prop_t testdev_props[TESTDEV_PROPS] = {
	{ "vectors", "of MSI-X", "2048", .flags = LM_PROP_CREATE, .type = LM_PROP_UINT,
	  LM_PROP_IN(struct testdev, vectors), .min = 1, .max = VECTORS },
	{ "number", "a number; the event changed", "7", .type = LM_PROP_UINT,
	  LM_PROP_IN(struct testdev, number), .min = 1, .max = 1000000, .unit = "us",
	  .changed = changed },
	{ "hex", "a hexadecimal one", "0xff", .flags = LM_PROP_HEX, .type = LM_PROP_UINT,
	  LM_PROP_IN(struct testdev, hex), .max = UINT32_MAX },
	{ "bytes", "so many", "4096", .flags = LM_PROP_BYTES, .type = LM_PROP_UINT,
	  LM_PROP_IN(struct testdev, bytes), .max = 1ull << 40 },
	{ "switch", "on or off", "0", .type = LM_PROP_BOOL, LM_PROP_IN(struct testdev, boolean) },
	{ "choice", "one of three", "first", .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct testdev, choice), .choices = choices },
	{ "text", "a text", "none", .type = LM_PROP_TEXT, LM_PROP_IN(struct testdev, text) },
	{ "wires", "four, together or each", "0x0", .nr = WIRES, .accepts = "0..15",
	  .wire_accepts = "0..1" },
	{ "hits", "how much has gone wrong", .flags = LM_PROP_RO },
};
