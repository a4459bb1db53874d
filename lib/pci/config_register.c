/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_register.c - registers of the device's own in configuration space.
 *
 * Owns whose the bytes of an access are: register.c serves those of such registers, config.c, which
 * refuses registers that are not beside its own, all others.
 */
#include "pci/config.h"

/* The first register that ends behind @offset, or NULL. */
static const lm_register_t *register_from(const struct lm_ctx *ctx, uint64_t offset)
{
	const lm_register_map_t *map = region_get(ctx, LM_CFG_REG_IDX)->info.regs;
	uint32_t idx;

	if (likely(!map))
		return NULL;
	idx = register_search(map, offset);
	return idx < map->nr_registers ? register_at(map, idx) : NULL;
}

bool config_register_overlaps(const struct lm_ctx *ctx, uint64_t offset, uint64_t len)
{
	const lm_register_t *reg = register_from(ctx, offset);

	return reg && reg->offset < offset + len;
}

bool config_register_part(const struct lm_ctx *ctx, uint64_t offset, size_t *len)
{
	const lm_register_t *reg = register_from(ctx, offset);
	const bool is_its = reg && reg->offset <= offset;

	if (reg)
		*len = (size_t)at_most(*len, reg->offset + (is_its ? reg->width : 0) - offset);
	return is_its;
}
