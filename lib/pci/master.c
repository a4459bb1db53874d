/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * master.c - may the device master the bus? DMA and interrupts that are memory writes ask.
 *
 * COMMAND.BusMaster says so (PCI Local Bus 3.0, 6.2.2), but it counts only once the client has
 * written to COMMAND: simulators and benchmarks never touch configuration space. A reset clears the
 * bit, as in hardware, and does not make it count. What has begun ends when the client leaves, not
 * with the process: it is part of saved and persistent state. Accesses of musctl are not a
 * client's. dma.c is notified here; irq.c asks whenever configuration space has moved.
 */
#include "dma/dma.h"
#include "pci/config.h"

bool master_is_enforced(const struct lm_ctx *ctx)
{
	return ctx->config->enforced;
}

void master_enforce(struct lm_ctx *ctx, bool enforced)
{
	struct config *cfg = ctx->config;

	cfg->enforced = enforced;
	if (cfg->persist)
		cfg->persist->enforced = enforced;
}

void master_client_writes(struct lm_ctx *ctx, uint64_t offset, size_t len)
{
	if (!ctx->config->enforced && overlaps(offset, len, PCI_COMMAND, 2))
		master_enforce(ctx, true);
}

void master_moved(struct lm_ctx *ctx)
{
	if (ctx->dma)
		dma_set_master(ctx, master_is_on(ctx));
}

void master_disconnect(struct lm_ctx *ctx)
{
	if (!ctx->config->enforced)
		return;
	master_enforce(ctx, false);
	master_moved(ctx);
	irq_config_changed(ctx);
}

LM_EXPORT bool lm_is_master(const lm_ctx_t *ctx)
{
	return master_is_on(ctx);
}
