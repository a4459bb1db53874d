/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * null.c - a device that does nothing, for measuring and for trying things out.
 *
 * BAR0 is 4 KiB of memory that reads back what was written; every access is trapped,
 * because a mapped BAR would measure nothing. The library keeps the memory, saves and
 * loads it. Interrupts are there to be fired by hand: INTx, and four MSI-X vectors whose
 * table and pending bits have BAR2 to themselves, so that BAR0 has no special bytes.
 * It imitates no real card.
 */
#include "devices.h"

#include <linux/pci_regs.h>

enum {
	NULL_BAR0_SIZE = 4096,
	NULL_BAR2_SIZE = 4096,
	NULL_VECTORS = 4,
	NULL_MSIX_TABLE = 0,
	NULL_MSIX_PBA = 2048,
};

static const lm_dev_info_t null_info = {
	.type = "null",
	.flags = LM_DEV_RESTARTABLE, /* all that it has is the library's */
	.pci_info = {
		.id = { .vid = 0x1234, .did = 0x4e4c },
		.cc = { .bcc = 0xff },
		.irq_count = {
			[LM_DEV_INTX_IRQ_IDX] = 1,
			[LM_DEV_MSIX_IRQ_IDX] = NULL_VECTORS,
			[LM_DEV_ERR_IRQ_IDX] = 1,
			[LM_DEV_REQ_IRQ_IDX] = 1,
		},
		.reg_info = {
			[LM_BAR0_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
				.size = NULL_BAR0_SIZE,
			},
			[LM_BAR2_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
				.size = NULL_BAR2_SIZE,
			},
		},
	},
	.caps = {
		{
			.id = PCI_CAP_ID_MSIX,
			.msix = {
				.bar = LM_BAR2_REG_IDX,
				.table = NULL_MSIX_TABLE,
				.pba = NULL_MSIX_PBA,
			},
		},
	},
};

const struct device_type device_null = {
	.size = sizeof(struct device_type),
	.name = "null",
	.help = "memory that reads back what was written, for measuring",
	.info = &null_info,
};
