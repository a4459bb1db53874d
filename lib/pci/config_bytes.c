/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_bytes.c - configuration space as bytes: what is there, and what a guest may do to it.
 *
 * Owns the array alone; what its registers mean is for those who put them there.
 */
#include <stdlib.h>
#include <string.h>

#include "pci/config.h"

void config_put(struct config *cfg, uint32_t base, const struct cfg_reg *regs, size_t nr)
{
	const struct cfg_reg *r;
	unsigned int i;

	for (r = regs; r < regs + nr; r++) {
		for (i = 0; i < r->width; i++) {
			struct cfg_byte *b = &cfg->bytes[base + r->offset + i];

			b->data = b->reset = (uint8_t)(r->value >> 8 * i);
			b->wmask = (uint8_t)(r->wmask >> 8 * i);
			b->w1c = (uint8_t)(r->w1c >> 8 * i);
		}
	}
}

uint32_t config_get(const struct config *cfg, uint32_t offset, unsigned int width)
{
	uint32_t value = 0;

	while (width--)
		value = value << 8 | cfg->bytes[offset + width].data;
	return value;
}

void config_set(struct config *cfg, uint32_t offset, unsigned int width, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < width; i++)
		cfg->bytes[offset + i].data = (uint8_t)(value >> 8 * i);
}

void config_keep(struct config *cfg, uint64_t offset, size_t count)
{
	size_t i;

	if (likely(!cfg->persist))
		return;
	for (i = 0; i < count && offset + i < cfg->used; i++)
		cfg->persist->data[offset + i] = cfg->bytes[offset + i].data;
}

int config_grow(struct config *cfg, uint32_t used)
{
	struct cfg_byte *bytes;

	if (used <= cfg->used)
		return 0;
	bytes = realloc(cfg->bytes, used * sizeof(*bytes));
	if (!bytes)
		return -ENOMEM;
	memset(bytes + cfg->used, 0, (used - cfg->used) * sizeof(*bytes));
	cfg->bytes = bytes;
	cfg->used = used;
	return 0;
}

uint16_t config_command(const struct lm_ctx *ctx)
{
	return atomic_load_explicit(&ctx->config->command, memory_order_relaxed);
}

bool master_is_on(const struct lm_ctx *ctx)
{
	return !ctx->config->enforced || (ctx->info.flags & LM_DEV_ALWAYS_MASTER) ||
	       (config_command(ctx) & PCI_COMMAND_MASTER);
}
