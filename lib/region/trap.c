/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trap.c - device memory that clients have mapped: which pages of it were written to.
 *
 * The host notices the first write to each page since it was armed; pages that were written are
 * armed again before the device is notified, so what it reads then is at least as new as the write,
 * and none is missed. server_mdev.c decides when to notify. Pages that the device does not
 * ask for cost nothing. Refuses sockets, where nothing can be noticed.
 */
#include <stdlib.h>

#include "gate/call.h"
#include "region/region.h"
#include "wire/host.h"

#define STEP_PAGES 4096u /* looked at in one call */
#define WORD_BITS  64u

/* ---- learning -------------------------------------------------------------------- */

static int step_fetch(struct lm_ctx *ctx, uint32_t region, uint64_t offset, uint64_t size)
{
	struct region *r = region_get(ctx, region);
	uint64_t bitmap[STEP_PAGES / WORD_BITS] = { 0 };
	uint32_t posted = 0;
	const struct host_trap t = {
		.region = region,
		.fetch = true,
		.arm = true,
		.offset = offset,
		.size = size,
		.bitmap = bitmap,
		.posted = &posted,
	};
	const uint64_t first = offset / page_size(), pages = size / page_size();
	const int ret = ctx->host->trap(ctx->host, &t);
	uint64_t i;

	for (i = 0; !ret && i < pages; i++) {
		if (!(bitmap[i / WORD_BITS] >> i % WORD_BITS & 1))
			continue;
		r->written[(first + i) / WORD_BITS] |= 1ull << (first + i) % WORD_BITS;
		ctx->traps_due = true;
		ctx->traps_after = (uint16_t)posted;
	}
	return ret;
}

int trap_fetch(struct lm_ctx *ctx)
{
	const uint64_t most = STEP_PAGES * page_size();
	uint64_t at, left;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < region_count(ctx); i++) {
		const struct region *r = region_get(ctx, i);

		for (at = r->trap_low; !ret && at < r->trap_high; at += most) {
			left = r->trap_high - at;
			ret = step_fetch(ctx, i, at, left < most ? left : most);
		}
	}
	return ret;
}

/* ---- telling --------------------------------------------------------------------- */

static bool page_take(struct region *r, uint64_t page)
{
	uint64_t *word = &r->written[page / WORD_BITS];
	const uint64_t bit = 1ull << page % WORD_BITS;

	if (!(*word & bit))
		return false;
	*word &= ~bit;
	return true;
}

/* One call for each run of pages. All that was written lies between the trapped ones. */
void trap_notify(struct lm_ctx *ctx)
{
	const uint64_t size = page_size();
	uint64_t first, end;
	uint32_t i;

	ctx->traps_due = false;
	for (i = 0; i < region_count(ctx); i++) {
		struct region *r = region_get(ctx, i);
		const uint64_t pages = r->written ? r->trap_high / size : 0;

		for (first = r->trap_low / size; first < pages; first = end + 1) {
			for (end = first; end < pages && page_take(r, end); end++)
				;
			if (end > first)
				call_written(ctx, i, first * size, (end - first) * size);
		}
	}
}

bool trap_is_on(const struct lm_ctx *ctx)
{
	return ctx->nr_traps;
}

/* ---- asking ---------------------------------------------------------------------- */

/* Of each region all between the first and the last trapped page is looked at. */
static void trap_bounds_grow(struct lm_ctx *ctx, struct region *r, uint64_t low, uint64_t high)
{
	if (!r->trap_high) {
		ctx->nr_traps++;
		r->trap_low = low;
	}
	r->trap_low = low < r->trap_low ? low : r->trap_low;
	r->trap_high = high > r->trap_high ? high : r->trap_high;
}

/* The device is not notified of what it does not ask for any more, though it was written. */
static void trap_bounds_shrink(struct lm_ctx *ctx, struct region *r, uint64_t low, uint64_t high)
{
	const uint64_t size = page_size();
	const uint64_t end = at_most(high, r->trap_high) / size;
	uint64_t page = (low > r->trap_low ? low : r->trap_low) / size;

	for (; page < end; page++)
		page_take(r, page);
	if (!r->trap_high || low > r->trap_low || high < r->trap_high)
		return;
	r->trap_low = r->trap_high = 0;
	ctx->nr_traps--;
}

LM_EXPORT int lm_mmap_trap(lm_ctx_t *ctx, uint32_t region, uint64_t offset, size_t length, bool on)
{
	struct region *r = region_get(ctx, region);
	const struct host_trap t = {
		.region = region,
		.arm = on,
		.off = !on,
		.offset = offset,
		.size = length,
	};
	int ret;

	if (!r || !r->shared || !ctx->info.written || !length || (offset | length) % page_size() ||
	    out_of_range(offset, length, r->info.size))
		return -EINVAL;
	if (!ctx->host->trap)
		return -EOPNOTSUPP;
	if (!r->written)
		r->written = calloc(r->info.size / page_size() / WORD_BITS + 1, sizeof(uint64_t));
	if (!r->written)
		return -ENOMEM;
	ret = ctx->host->trap(ctx->host, &t);
	if (ret)
		return ret;
	if (on)
		trap_bounds_grow(ctx, r, offset, offset + length);
	else
		trap_bounds_shrink(ctx, r, offset, offset + length);
	ctx->on_traps(ctx);
	return 0;
}
