/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card.c - the ACCES PCI-IDIO-16 as a guest sees it: 16 isolated inputs, 16 FET outputs.
 *
 * Sources: the card's manual, chapter 4 "Programming", for the registers and the filters;
 * the Linux drivers gpio-pci-idio-16 (6.1) and gpio-idio-16 (6.12) for IRQ_STATUS.
 * The inputs are the world outside (outside.c): no reset changes them.
 *
 * Where the sources are silent: changes are latched only while interrupts are enabled;
 * disabling lowers the line but keeps the latch; bits 0 and 1 of IRQ_STATUS tell the bank
 * that changed; registers that act when they are read give 0. Left out: BAR0 and BAR1 of
 * the PCI bridge chip, which no driver touches. The class code is FFh, unclassified.
 */
#include "idio.h"

#include <errno.h>
#include <stdlib.h>

enum {
	IDIO_OUT0_7,
	IDIO_IN0_7,
	IDIO_IRQ_CTL,
	IDIO_FILTER_CTL,
	IDIO_OUT8_15,
	IDIO_IN8_15,
	IDIO_IRQ_STATUS,
	IDIO_FILTER0_7,
	IDIO_BAR_SIZE,
};

enum {
	IDIO_CHANGED0_7 = 1 << 0,
	IDIO_CHANGED8_15 = 1 << 1,
	IDIO_IRQ = 1 << 2,
};

#define IDIO_BANK(p, a, b, c, d, e, f, g, h)                                                \
	{                                                                                   \
		{ #p #a, 0, 1 }, { #p #b, 1, 1 }, { #p #c, 2, 1 }, { #p #d, 3, 1 },         \
			{ #p #e, 4, 1 }, { #p #f, 5, 1 }, { #p #g, 6, 1 }, { #p #h, 7, 1 }, \
	}

static const lm_field_t out0_7_fields[] = IDIO_BANK(OUT, 0, 1, 2, 3, 4, 5, 6, 7);
static const lm_field_t out8_15_fields[] = IDIO_BANK(OUT, 8, 9, 10, 11, 12, 13, 14, 15);
static const lm_field_t in0_7_fields[] = IDIO_BANK(IN, 0, 1, 2, 3, 4, 5, 6, 7);
static const lm_field_t in8_15_fields[] = IDIO_BANK(IN, 8, 9, 10, 11, 12, 13, 14, 15);
static const lm_field_t filter0_7_fields[] = IDIO_BANK(IN, 0, 1, 2, 3, 4, 5, 6, 7);

static const lm_field_t irq_status_fields[] = {
	{ "CHANGED0_7", 0, 1, .help = "an input of 0-7 changed" },
	{ "CHANGED8_15", 1, 1, .help = "an input of 8-15 changed" },
	{ "IRQ", 2, 1, .help = "an interrupt was generated and not cleared" },
};

#define IDIO_FIELDS(array) .nr_fields = LM_NR(array), .fields = (array)

/* Data registers are not LM_REGISTER_PURE: with pattern=toggle3 a read takes a step. */
static const lm_register_t idio_registers[] = {
	{ "OUT0_7", "outputs 0-7", IDIO_OUT0_7, 1, LM_RW, 0, IDIO_FIELDS(out0_7_fields) },
	{ "IN0_7", "inputs 0-7; write: clear the interrupt", IDIO_IN0_7, 1, LM_RW, 0,
	  IDIO_FIELDS(in0_7_fields) },
	{ "IRQ_CTL", "read: enable interrupts; write: disable them", IDIO_IRQ_CTL, 1, LM_RW },
	{ "FILTER_CTL", "read: filter inputs 0-15; write: filter none", IDIO_FILTER_CTL, 1, LM_RW },
	{ "OUT8_15", "outputs 8-15", IDIO_OUT8_15, 1, LM_RW, 0, IDIO_FIELDS(out8_15_fields) },
	{ "IN8_15", "inputs 8-15", IDIO_IN8_15, 1, LM_RO, 0, IDIO_FIELDS(in8_15_fields) },
	{ "IRQ_STATUS", "what has happened since the interrupt was cleared", IDIO_IRQ_STATUS, 1,
	  LM_RO, LM_REGISTER_PURE, IDIO_FIELDS(irq_status_fields) },
	{ "FILTER0_7", "which of inputs 0-7 are filtered; write: choose them", IDIO_FILTER0_7, 1,
	  LM_RW, LM_REGISTER_PURE, IDIO_FIELDS(filter0_7_fields) },
};

/* ---- inputs and the interrupt ---------------------------------------------------- */

void idio_update_irq(struct idio *dev)
{
	/* No client, or its interrupt off: the library remembers the level. */
	if (dev->ctx)
		lm_irq_set_level(dev->ctx, dev->st->irq_enabled && dev->st->status);
}

static void idio_see(struct idio *dev, uint16_t now)
{
	uint16_t changed = dev->st->seen ^ now;

	dev->st->seen = now;
	if (!changed || !dev->st->irq_enabled)
		return;
	dev->st->status |= IDIO_IRQ;
	dev->st->status |= changed & 0x00ff ? IDIO_CHANGED0_7 : 0;
	dev->st->status |= changed & 0xff00 ? IDIO_CHANGED8_15 : 0;
	idio_update_irq(dev);
}

uint16_t idio_wires(const struct idio *dev)
{
	return dev->st->loopback ? dev->st->out : dev->st->in;
}

uint16_t idio_filtered(const struct idio *dev)
{
	return dev->st->filter_all ? 0xffff : dev->st->filters;
}

/*
 * One timer serves all filters: inputs that change within the delay of each other are
 * seen together, the delay after the last of them.
 */
void idio_update_inputs(struct idio *dev)
{
	uint16_t slow = dev->filter_timer && dev->st->filter_us ? idio_filtered(dev) : 0;
	uint16_t now = idio_wires(dev);
	uint16_t settling;
	uint64_t delay_ns;

	idio_see(dev, (now & ~slow) | (dev->st->seen & slow));
	settling = now ^ dev->st->seen;
	delay_ns = settling ? dev->st->filter_us * 1000ULL : 0; /* 0 stops the timer */
	if (settling != dev->settling)
		lm_timer_arm(dev->filter_timer, delay_ns, 0);
	dev->settling = settling;
}

static void idio_settled(void *pvt)
{
	struct idio *dev = pvt;

	dev->settling = 0;
	idio_see(dev, idio_wires(dev));
}

/* ---- registers ------------------------------------------------------------------- */

static uint8_t idio_data(struct idio *dev, uint8_t value)
{
	uint8_t step = dev->st->reads;

	if (!dev->st->toggle3)
		return value;
	dev->st->reads = (step + 1) % IDIO_PATTERN;
	return step < 3 ? 0x00 : 0xff;
}

static uint64_t idio_read(void *pvt, const lm_register_io_t *io)
{
	struct idio *dev = pvt;

	switch (io->offset) {
	case IDIO_OUT0_7: return idio_data(dev, dev->st->out & 0xff);
	case IDIO_IN0_7: return idio_data(dev, dev->st->seen & 0xff);
	case IDIO_IRQ_CTL:
		dev->st->irq_enabled = true;
		idio_update_irq(dev);
		return 0;
	case IDIO_FILTER_CTL: dev->st->filter_all = true; return 0;
	case IDIO_OUT8_15: return idio_data(dev, dev->st->out >> 8);
	case IDIO_IN8_15: return idio_data(dev, dev->st->seen >> 8);
	case IDIO_IRQ_STATUS: return dev->st->status;
	default: return idio_filtered(dev) & 0xff;
	}
}

static void idio_write(void *pvt, const lm_register_io_t *io)
{
	struct idio *dev = pvt;

	switch (io->offset) {
	case IDIO_OUT0_7: dev->st->out = (dev->st->out & 0xff00) | io->value; break;
	case IDIO_OUT8_15: dev->st->out = (dev->st->out & 0x00ff) | io->value << 8; break;
	case IDIO_IN0_7: dev->st->status = 0; break;
	case IDIO_IRQ_CTL: dev->st->irq_enabled = false; break;
	case IDIO_FILTER_CTL:
		dev->st->filter_all = false;
		dev->st->filters = 0;
		break;
	case IDIO_FILTER0_7:
		dev->st->filters = io->value; /* does not count while all are filtered */
		break;
	}
	idio_update_inputs(dev);
	idio_update_irq(dev);
}

static int idio_reset(void *pvt)
{
	struct idio *dev = pvt;

	dev->st->out = 0;
	dev->st->status = 0;
	dev->st->filters = 0;
	dev->st->filter_all = false;
	dev->st->irq_enabled = false;
	dev->st->reads = 0;
	idio_update_inputs(dev);
	idio_update_irq(dev);
	return 0;
}

static int idio_start(void *pvt, lm_ctx_t *ctx)
{
	struct idio *dev = pvt;
	int err;

	dev->ctx = ctx;
	err = idio_take_state(dev);
	if (err)
		return err;
	dev->filter_timer = lm_timer_create(ctx, idio_settled, dev);
	if (!dev->filter_timer)
		return -errno;
	idio_update_inputs(dev); /* what was settling starts its delay again */
	idio_update_irq(dev);
	return 0;
}

/* ---- the type -------------------------------------------------------------------- */

static const lm_register_map_t idio_map = {
	LM_REGISTERS(idio_registers),
	.read = idio_read,
	.write = idio_write,
};

static const lm_dev_info_t idio_info = {
	.type = "gpio-idio16",
	.flags = LM_DEV_RESTARTABLE,
	.state_size = sizeof(struct idio_state),
	.pci_info = {
		.id = { .vid = 0x494f, .did = 0x0dc8 },
		.cc = { .bcc = 0xff },
		.irq_count = {
			[LM_DEV_INTX_IRQ_IDX] = 1,
			[LM_DEV_ERR_IRQ_IDX] = 1,
			[LM_DEV_REQ_IRQ_IDX] = 1,
		},
		.reg_info = {
			[LM_BAR2_REG_IDX] = {
				.flags = LM_REG_FLAG_RW,
				.size = IDIO_BAR_SIZE,
				.regs = &idio_map,
			},
		},
	},
	.start = idio_start,
	.reset = idio_reset,
	.props = idio_props,
	.nr_props = IDIO_NR_PROPS,
	.prop_size = sizeof(idio_props[0]),
	.prop_get = idio_prop_get,
	.prop_set = idio_prop_set,
	.save = idio_save,
	.load = idio_load,
};

static void *idio_new(void)
{
	struct idio *dev = calloc(1, sizeof(*dev));

	if (dev)
		dev->st = &dev->own;
	return dev;
}

const struct device_type device_gpio_idio16 = {
	.size = sizeof(struct device_type),
	.name = "gpio-idio16",
	.help = "ACCES PCI-IDIO-16: 16 inputs, 16 outputs, interrupt on change of state",
	.driver = "gpio-pci-idio-16",
	.info = &idio_info,
	.new = idio_new,
};
