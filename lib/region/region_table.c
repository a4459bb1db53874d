/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region_table.c - the table of regions: which there are, and what clients may map.
 */
#include "region/region.h"

uint32_t region_count(const struct lm_ctx *ctx)
{
	return ctx->regions->nr;
}

struct region *region_get(const struct lm_ctx *ctx, uint32_t index)
{
	return index < ctx->regions->nr ? &ctx->regions->region[index] : NULL;
}

struct region *region_find(const struct lm_ctx *ctx, uint32_t index)
{
	struct regions *all = ctx->regions;

	return index < all->nr && all->region[index].info.size ? &all->region[index] : NULL;
}

bool region_is_mappable(const struct region *r)
{
	return r->info.flags & LM_REG_FLAG_MMAP;
}

bool region_may_be_mapped(const lm_reg_info_t *info, uint64_t offset, uint64_t len)
{
	uint32_t i;

	if (!(info->flags & LM_REG_FLAG_MMAP))
		return false;
	for (i = 0; i < info->nr_mmap_areas; i++) {
		const lm_mmap_area_t *area = &info->mmap_areas[i];

		if (overlaps(offset, len, area->offset, area->size))
			return true;
	}
	return !info->nr_mmap_areas;
}
