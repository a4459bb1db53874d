/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pvpanic.c - by which a guest says that it has panicked, as QEMU specifies it (its
 * docs/specs/pvpanic.rst, "PCI Interface"); Linux has the driver pvpanic-pci.
 *
 * Owns what a guest has reported since the device was made. Refuses what is switched off, and bits
 * that mean nothing: they are ignored.
 */
#include "devices.h"

#include <stdio.h>

enum { PANICKED = 1, CRASH_LOADED = 2, SHUTDOWN = 4, ALL = 7 };

enum { BAR = LM_BAR0_REG_IDX, BAR_SIZE = 16, EVENTS = 0 };

/* Of bits 0, 1 ... */
static const char *const names[] = { "panic", "crash-loaded", "shutdown" };

struct pvpanic_state {
	uint8_t seen;
};

struct pvpanic {
	lm_ctx_t *ctx;
	uint8_t events; /* the option: those that there are */
};

static uint64_t pvpanic_read(void *pvt, const lm_register_io_t *io)
{
	const struct pvpanic *dev = pvt;

	return dev->events;
}

static void pvpanic_write(void *pvt, const lm_register_io_t *io)
{
	struct pvpanic *dev = pvt;
	struct pvpanic_state *st = lm_state(dev->ctx);
	const uint8_t events = io->value & dev->events;
	unsigned int i;

	st->seen |= events;
	for (i = 0; i < LM_NR(names); i++) {
		if (events & 1 << i)
			lm_event(dev->ctx, names[i], io->value);
	}
}

static int pvpanic_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	const struct pvpanic *dev = pvt;
	const struct pvpanic_state *st = lm_state(dev->ctx);

	snprintf(buf, size, "0x%x", (unsigned int)st->seen);
	return 0;
}

/* ---- the type ---------------------------------------------------------------------- */

static const lm_field_t fields[] = {
	{ "PANICKED", 0, 1, .help = "it has panicked" },
	{ "CRASH_LOADED", 1, 1, .help = "it has panicked, and handles that itself" },
	{ "SHUTDOWN", 2, 1, .help = "it shuts down in order" },
};

static const lm_register_t registers[] = {
	{ .name = "EVENTS",
	  .help = "read: the events that there are; write: they happen",
	  .offset = EVENTS,
	  .width = 1,
	  .flags = LM_REGISTER_PURE,
	  LM_FIELDS(fields) },
};

static const lm_register_map_t pvpanic_map = {
	LM_REGISTERS(registers),
	.read = pvpanic_read,
	.write = pvpanic_write,
};

static const lm_prop_t props[] = {
	{ .name = "events",
	  .help = "those that there are: 1 panic, 2 crash-loaded, 4 shutdown",
	  .value = "0x7",
	  .flags = LM_PROP_CREATE | LM_PROP_HEX,
	  .type = LM_PROP_UINT,
	  LM_PROP_IN(struct pvpanic, events),
	  .max = ALL },
	{ .name = "seen", .help = "those that a guest has reported", .flags = LM_PROP_RO },
};

static const lm_dev_info_t pvpanic_info = {
	.type = "pvpanic",
	.flags = LM_DEV_RESTARTABLE,
	.state_size = sizeof(struct pvpanic_state),
	.state_version = 1,
	LM_PROPS(props),
	LM_CTX_IN(struct pvpanic, ctx),
	.prop_get = pvpanic_prop_get,
	.pci_info = {
		.id = { .vid = 0x1b36, .did = 0x0011 },
		.cc = { .bcc = 0x08, .scc = 0x80 }, /* another system peripheral */
		.rev = 1,
		.reg_info[BAR] = { LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = BAR_SIZE,
				   .regs = &pvpanic_map },
	},
};

const struct device_type device_pvpanic = {
	.size = sizeof(struct device_type),
	.name = "pvpanic",
	.help = "QEMU's panic device: a guest reports that it has panicked",
	.driver = "pvpanic_pci",
	.info = &pvpanic_info,
	.pvt_size = sizeof(struct pvpanic),
};
