/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_resolve.c - client memory that nobody told us of: the host is asked when a device does.
 *
 * With such a host (muser.ko) the DMA map starts empty. An address that is not in it is asked for,
 * and what the host pins becomes a window like any other, so that the next lookup finds it in no
 * time. Windows show one mapping for each piece of the address space, made when the first of them
 * comes. What cannot be pinned, but is there, is copied by the host.
 */
#include <sys/mman.h>

#include "dma/dma_window.h"
#include "wire/host.h"

/* Cut @d to [low, last], which has at least its first byte in question. */
static void range_cut(struct host_dma *d, uint64_t low, uint64_t last)
{
	uint64_t end = d->addr + (d->size - 1);

	end = at_most(end, last);
	d->addr = d->addr > low ? d->addr : low;
	d->size = end - d->addr + 1;
}

/* @addr is in no window: between which two is it? All of that is in one mapping. */
static void gap_find(const struct dma *dma, uint64_t addr, uint64_t *low, uint64_t *last)
{
	const uint64_t piece = addr & ~(DMA_PIECE - 1), end = piece + (DMA_PIECE - 1);
	const struct dma_table *t = &dma->windows;
	struct dma_pos p;
	uint64_t edge = 0;

	if (dma_table_find(t, addr, &p))
		edge = dma_table_key(t, p) + dma_table_slot(t, p)->size;
	*low = edge > piece ? edge : piece;
	edge = dma_table_seek(t, addr, &p) ? dma_table_key(t, p) - 1 : UINT64_MAX;
	*last = at_most(edge, end);
}

/* What cannot be pinned may not exist. */
static bool is_there(const struct host *host, const struct host_dma *d)
{
	struct host_dma first = { d->addr, 1, PROT_READ };
	struct host_dma last = { d->addr + (d->size - 1), 1, PROT_READ };
	char byte;

	return !host->dma_copy(host, &first, &byte) && !host->dma_copy(host, &last, &byte);
}

static void whole_pages(struct host_dma *d)
{
	const uint64_t page = page_size();
	const uint64_t last = (d->addr + (d->size - 1)) | (page - 1);

	d->addr &= ~(page - 1);
	d->size = last - d->addr + 1;
}

static int window_add(struct lm_ctx *ctx, const struct host_dma *d, bool pinned)
{
	const struct dma_window w = {
		.addr = d->addr,
		.size = d->size,
		.offset = d->addr,
		.prot = d->prot,
		.fd = -1,
		.pinned = pinned,
		.may_join = true,
	};

	return dma_map(ctx, &w);
}

static int map_over(struct lm_ctx *ctx, struct dma_backing *b, const struct host_dma *d)
{
	void *from;
	int ret;

	ret = ctx->host->dma_map(ctx->host, d, &from);
	if (ret)
		return ret;
	if (mremap(from, d->size, d->size, MREMAP_MAYMOVE | MREMAP_FIXED,
		   b->base + (d->addr - b->start)) != MAP_FAILED)
		return 0;
	munmap(from, d->size);
	return -ENOMEM;
}

/*
 * The client's shared memory, in place of the pages that the window shows by themselves: O_DIRECT
 * and the like take it. Where there is no room for the mapping, all but that works without. The
 * mapping of a file that was there before is of no use any more, whatever comes now.
 */
static void window_share(struct lm_ctx *ctx, const struct host_dma *d)
{
	struct host_dma pages = *d;
	struct dma_backing *b;
	struct dma_pos p;

	if (!dma_table_find(&ctx->dma->windows, d->addr, &p))
		return;
	b = dma_slot_backing(ctx->dma, dma_table_slot(&ctx->dma->windows, p));
	if (!b->is_piece)
		return;
	if (d->is_file && !map_over(ctx, b, d)) {
		b->has_files = true;
		return;
	}
	pages.is_file = false;
	if (b->has_files)
		map_over(ctx, b, &pages);
}

int dma_resolve(struct lm_ctx *ctx, uint64_t addr, uint64_t len)
{
	const struct host *host = ctx->host;
	struct host_dma d = { .addr = addr, .size = len };
	uint64_t low, last;
	int ret;

	if (!host->dma_pin || ctx->dma->revoke.is_notifying)
		return -ENOENT;
	gap_find(ctx->dma, addr, &low, &last);
	range_cut(&d, low, last);
	d.prot = PROT_READ | PROT_WRITE;
	ret = host->dma_pin(host, &d);
	if (ret == -EACCES) {
		d.prot = PROT_READ;
		ret = host->dma_pin(host, &d);
	}
	if (!ret) {
		range_cut(&d, low, last);
		ret = window_add(ctx, &d, true);
		if (!ret)
			window_share(ctx, &d);
		if (ret != -ENOMEM && ret != -EOVERFLOW) /* no room to map it */
			return ret;
	} else if (ret != -EOPNOTSUPP || !is_there(host, &d)) {
		return -ENOENT;
	}
	d.prot = PROT_READ | PROT_WRITE; /* the copy will see */
	whole_pages(&d);
	range_cut(&d, low, last);
	return window_add(ctx, &d, false);
}
