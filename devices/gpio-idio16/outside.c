/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outside.c - the PCI-IDIO-16 as the world outside sees it: its terminals and its options
 * as properties, and its state as bytes. What the card does about a change is card.c's.
 */
#include "../devices.h"
#include "idio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IDIO_MAX_FILTER_US 60000000u

const lm_prop_t idio_props[IDIO_NR_PROPS] = {
	{ "in", "the input terminals", "0x0000", IDIO_NR_PINS, .accepts = "0..0xffff",
	  .wire_accepts = "0|1" },
	{ "out", "the output terminals", NULL, IDIO_NR_PINS, LM_PROP_RO },
	{ "pattern", "none; toggle3: data registers read 0 0 0 1 1 1 ...", "none",
	  .accepts = "none|toggle3" },
	{ "loopback", "1: the outputs are wired to the inputs", "0", .accepts = "0|1" },
	{ "filter", "inputs whose filter is on", NULL, 0, LM_PROP_RO },
	{ "filter-us", "microseconds until a filtered input is seen", "5000",
	  .accepts = "0..60000000" },
};

/* ---- properties ------------------------------------------------------------------ */

/* The pin that @name means of @base; IDIO_NR_PINS: all of them; -1: none. */
static int pin_of(const char *name, const char *base)
{
	return device_wire(name, base, IDIO_NR_PINS);
}

static int print_pins(uint16_t pins, int pin, char *buf, size_t size)
{
	if (pin == IDIO_NR_PINS)
		snprintf(buf, size, "0x%04x", pins);
	else
		snprintf(buf, size, "%d", pins >> pin & 1);
	return 0;
}

int idio_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	const struct idio *dev = pvt;

	if (pin_of(name, "in") >= 0)
		return print_pins(idio_wires(dev), pin_of(name, "in"), buf, size);
	if (pin_of(name, "out") >= 0)
		return print_pins(dev->st->out, pin_of(name, "out"), buf, size);
	if (!strcmp(name, "filter"))
		return print_pins(idio_filtered(dev), IDIO_NR_PINS, buf, size);

	if (!strcmp(name, "pattern"))
		snprintf(buf, size, "%s", dev->st->toggle3 ? "toggle3" : "none");
	else if (!strcmp(name, "loopback"))
		snprintf(buf, size, "%d", dev->st->loopback);
	else if (!strcmp(name, "filter-us"))
		snprintf(buf, size, "%u", dev->st->filter_us);
	else
		return -ENOENT;
	return 0;
}

static int set_in(struct idio *dev, int pin, const char *value)
{
	uint64_t number;

	if (dev->st->loopback) /* another source drives these wires */
		return -EPERM;
	if (device_parse(value, pin == IDIO_NR_PINS ? 0xffff : 1, &number))
		return -EINVAL;
	if (pin == IDIO_NR_PINS)
		dev->st->in = number;
	else
		dev->st->in = (dev->st->in & ~(1u << pin)) | number << pin;
	return 0;
}

static int set_option(struct idio *dev, const char *name, const char *value)
{
	bool loopback = !strcmp(name, "loopback");
	uint64_t number;

	if (!strcmp(name, "pattern")) {
		if (strcmp(value, "none") && strcmp(value, "toggle3"))
			return -EINVAL;
		dev->st->toggle3 = !strcmp(value, "toggle3");
		dev->st->reads = 0;
		return 0;
	}
	if (!loopback && strcmp(name, "filter-us"))
		return -ENOENT;
	if (device_parse(value, loopback ? 1 : IDIO_MAX_FILTER_US, &number))
		return -EINVAL;
	if (loopback)
		dev->st->loopback = number;
	else
		dev->st->filter_us = number;
	return 0;
}

int idio_prop_set(void *pvt, const char *name, const char *value)
{
	struct idio *dev = pvt;
	int pin = pin_of(name, "in");
	int err;

	if (pin_of(name, "out") >= 0 || !strcmp(name, "filter"))
		return -EPERM;
	err = pin >= 0 ? set_in(dev, pin, value) : set_option(dev, name, value);
	if (!err)
		idio_update_inputs(dev);
	return err;
}

/* ---- state ----------------------------------------------------------------------- */

/* What another process has left counts, else what was set so far. */
int idio_take_state(struct idio *dev)
{
	struct idio_state *kept = lm_state(dev->ctx);

	if (kept->version && kept->version != IDIO_STATE)
		return -ESTALE;
	if (!kept->version) {
		*kept = dev->own;
		kept->version = IDIO_STATE;
	}
	kept->reads %= IDIO_PATTERN;
	dev->st = kept;
	return 0;
}

enum { STATE_VERSION = 1, STATE_SIZE = 20 };

enum { /* byte 1: flags */
       STATE_FILTER_ALL = 1 << 0,
       STATE_IRQ_ENABLED = 1 << 1,
       STATE_LOOPBACK = 1 << 2,
       STATE_TOGGLE3 = 1 << 3,
       STATE_FLAGS = (1 << 4) - 1,
};

static void put(uint8_t *to, uint32_t value, int bytes)
{
	while (bytes--) {
		*to++ = value;
		value >>= 8;
	}
}

static uint32_t get(const uint8_t *from, int bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | from[bytes];
	return value;
}

ssize_t idio_save(void *pvt, void *buf, size_t size)
{
	const struct idio *dev = pvt;
	uint8_t *state = buf;

	if (!buf || size < STATE_SIZE)
		return STATE_SIZE;
	memset(state, 0, STATE_SIZE);
	state[0] = STATE_VERSION;
	state[1] = (dev->st->filter_all ? STATE_FILTER_ALL : 0) |
		   (dev->st->irq_enabled ? STATE_IRQ_ENABLED : 0) |
		   (dev->st->loopback ? STATE_LOOPBACK : 0) |
		   (dev->st->toggle3 ? STATE_TOGGLE3 : 0);
	state[2] = dev->st->status;
	state[3] = dev->st->filters;
	state[4] = dev->st->reads;
	put(state + 8, dev->st->out, 2);
	put(state + 10, dev->st->in, 2);
	put(state + 12, dev->st->seen, 2);
	put(state + 16, dev->st->filter_us, 4);
	return STATE_SIZE;
}

int idio_load(void *pvt, const void *buf, size_t size)
{
	struct idio *dev = pvt;
	const uint8_t *state = buf;

	if (size != STATE_SIZE || state[0] != STATE_VERSION || state[1] & ~STATE_FLAGS ||
	    state[2] > 7 || state[4] > 5 || get(state + 16, 4) > IDIO_MAX_FILTER_US)
		return -EINVAL;
	dev->st->filter_all = state[1] & STATE_FILTER_ALL;
	dev->st->irq_enabled = state[1] & STATE_IRQ_ENABLED;
	dev->st->loopback = state[1] & STATE_LOOPBACK;
	dev->st->toggle3 = state[1] & STATE_TOGGLE3;
	dev->st->status = state[2];
	dev->st->filters = state[3];
	dev->st->reads = state[4];
	dev->st->out = get(state + 8, 2);
	dev->st->in = get(state + 10, 2);
	dev->st->seen = get(state + 12, 2);
	dev->st->filter_us = get(state + 16, 4);
	idio_update_inputs(dev); /* what was settling starts its delay again */
	idio_update_irq(dev);
	return 0;
}
