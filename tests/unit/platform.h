/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * platform.h - engine.h's device without PCI: two regions and four interrupts, of each kind one.
 */
#ifndef TEST_PLATFORM_H
#define TEST_PLATFORM_H

#include "engine.h"

enum { REGION_CTRL, REGION_RAM, PLATFORM_REGIONS };
enum { IRQ_DONE, IRQ_ERROR, IRQ_QUEUE, IRQ_FAULT, PLATFORM_IRQS }; /* level, level, 4 edges, edge */

#define RAM_SIZE (64u * 1024u)
#define CTRL_ID  0x0
#define CTRL_KEY 0x4

static const lm_register_t platform_registers[] = {
	{ .name = "ID", .offset = CTRL_ID, .width = 4, .access = LM_RO, .reset = 0x504c4154 },
	{ .name = "KEY", .offset = CTRL_KEY, .width = 4, .reset = 7 },
};
static const lm_register_map_t platform_map = { LM_REGISTERS(platform_registers) };

static const lm_reg_info_t platform_regions[] = {
	[REGION_CTRL] = { .flags = LM_REG_FLAG_RW, .size = 0x20, .regs = &platform_map,
			  .name = "ctrl" },
	[REGION_RAM] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MMAP, .size = RAM_SIZE },
};

static const lm_irq_info_t platform_irqs[] = {
	[IRQ_DONE] = { "done", 1, LM_IRQ_FLAG_LEVEL },
	[IRQ_ERROR] = { "error", 1, LM_IRQ_FLAG_LEVEL },
	[IRQ_QUEUE] = { "queue", 4, LM_IRQ_FLAG_MASKABLE },
	[IRQ_FAULT] = { .count = 1 },
};

static inline void platform_describe(struct engine *e)
{
	memset(&e->info.pci_info, 0, sizeof(e->info.pci_info));
	e->info.type = "test-platform";
	e->info.flags |= LM_DEV_PLATFORM;
	e->info.extra_regs = platform_regions;
	e->info.nr_extra_regs = PLATFORM_REGIONS;
	e->info.extra_reg_size = sizeof(platform_regions[0]);
	e->info.irqs = platform_irqs;
	e->info.nr_irqs = PLATFORM_IRQS;
	e->info.irq_size = sizeof(platform_irqs[0]);
}

static inline int platform_setup(void **state)
{
	engine_setup(state);
	platform_describe(*state);
	return 0;
}

#define PLATFORM_TEST(f) cmocka_unit_test_setup_teardown(f, platform_setup, engine_teardown)

#endif /* TEST_PLATFORM_H */
