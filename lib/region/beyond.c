/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * beyond.c - what passes between driver and device without the gate: no tap sees it.
 */
#include "dma/dma.h"
#include "region/region.h"

struct beyond taps_beyond(const struct lm_ctx *ctx)
{
	struct beyond b = { .pointers = dma_pointers(ctx) };
	uint32_t i;

	for (i = 0; i < region_count(ctx); i++) {
		const struct region *r = region_get(ctx, i);

		/* What has no descriptor is the host's: its client maps it without us. */
		b.regions += r->lent || (region_is_mappable(r) && r->memfd < 0);
		b.ioeventfds += r->info.nr_ioeventfds;
	}
	return b;
}
