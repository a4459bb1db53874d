/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * platform.c - a countdown timer without PCI: regions and interrupts with names, for platform.bats.
 */
#include <muser.h>

enum { CTRL, RAM, SPARE };
enum { EXPIRED, ERROR, QUEUE };
enum { R_ID, R_LOAD, R_STATUS };

static lm_ctx_t *ctx;

static const lm_field_t status_fields[] = { { "EXPIRED", 0, 1 } };

static const lm_register_t registers[] = {
	[R_ID] = { "ID", "which timer this is", 0x0, 4, LM_RO, LM_REGISTER_PURE,
		   .reset = 0x54494d45 },
	[R_LOAD] = { "LOAD", "ticks; 0: expire", 0x4, 4, LM_RW, LM_REGISTER_PURE, .reset = 100 },
	[R_STATUS] = { "STATUS", "what has happened", 0x8, 4, LM_RW1C, LM_REGISTER_PURE,
		       LM_FIELDS(status_fields) },
};

/* The level is as the status says. */
static void write_register(void *pvt, const lm_register_io_t *io)
{
	if (io->index == R_LOAD && !io->value) {
		lm_register_set(ctx, CTRL, 0x8, 1);
		lm_irq_assert(ctx, EXPIRED, true);
	}
	if (io->index == R_STATUS && io->value & 1)
		lm_irq_assert(ctx, EXPIRED, false);
}

static int start(void *pvt, lm_ctx_t *context)
{
	ctx = context;
	return 0;
}

static int reset(void *pvt)
{
	lm_log(ctx, LM_LOG_INFO, "reset, reason %u", lm_reset_reason(ctx));
	return 0;
}

static const lm_register_map_t map = { LM_REGISTERS(registers), .write = write_register };

static const lm_reg_info_t regions[] = {
	[CTRL] = { .name = "ctrl", .flags = LM_REG_FLAG_RW, .size = 0x10, .regs = &map },
	[RAM] = { .name = "frame-buffer", .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MMAP,
		  .size = 0x10000 },
	[SPARE] = { .flags = LM_REG_FLAG_READ, .size = 0x100 },
};

static const lm_irq_info_t irqs[] = {
	[EXPIRED] = { "expired", 1, LM_IRQ_FLAG_LEVEL },
	[ERROR] = { .count = 1 },
	[QUEUE] = { "queue", 4, LM_IRQ_FLAG_MASKABLE },
};

int main(int argc, char **argv)
{
	const lm_dev_info_t timer = {
		.type = "test-timer",
		.flags = LM_DEV_PLATFORM,
		.start = start,
		.reset = reset,
		LM_EXTRA_REGS(regions),
		LM_IRQS(irqs),
	};

	return lm_main(argc, argv, &timer);
}
