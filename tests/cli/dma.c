/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma.c - a device that masters the bus, for tests of trace and irq: an address that is written to
 * register TARGET of BAR0 gets eight bytes, and then comes MSI 0.
 */
#include <stdio.h>

#include <muser.h>

static lm_ctx_t *ctx;

static void target_write(void *pvt, const lm_register_io_t *io)
{
	dma_sg_t sg;

	if (lm_addr_to_sg(ctx, io->value, 8, &sg, 1) == 1)
		lm_dma_write(ctx, &sg, "by muser");
	lm_irq_trigger_index(ctx, LM_DEV_MSI_IRQ_IDX, 0);
}

int main(void)
{
	static const lm_register_t regs[] = { { .name = "TARGET", .width = 8 } };
	static const lm_register_map_t map = { LM_REGISTERS(regs), .write = target_write };
	const lm_dev_info_t info = {
		.type = "dma",
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0x4d44 },
			.irq_count[LM_DEV_MSI_IRQ_IDX] = 1,
			.reg_info[LM_BAR0_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16, .regs = &map,
			},
		},
	};

	ctx = lm_ctx_create(&info);
	if (!ctx) {
		perror("dma");
		return 1;
	}
	lm_ctx_drive(ctx);
	lm_ctx_destroy(ctx);
	return 0;
}
