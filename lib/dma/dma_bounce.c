/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_bounce.c - pointers into client memory while a tap needs to see every byte.
 *
 * What lm_map_sg() gives out is then a copy, read when it is given out and written when it is given
 * back, both as transfers through the gate. Only what the device has changed is written, so that
 * what the client did to its neighbours meanwhile stays. Memory that the device cannot read is
 * written as a whole. Pointers that were out before stay what they are.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dma/dma_window.h"
#include "gate/gate.h"

struct bounce {
	dma_sg_t sg;
	int prot;
	char *memory; /* of both: */
	char *data;   /* what the device sees, at the offset in its page that it would have */
	char *before; /* what was read; NULL: nothing was */
};

/* ---- given out ------------------------------------------------------------------- */

static int bounce_read(struct lm_ctx *ctx, struct bounce *b)
{
	const struct dma_bounce_copy read = {
		.sg = &b->sg,
		.data = b->data,
		.crosses = b->prot & PROT_READ,
	};
	const int ret = dma_bounce_copy(ctx, &read);

	if (ret == -EACCES && !(b->prot & PROT_READ))
		b->before = NULL;
	else if (!ret)
		memcpy(b->before, b->data, b->sg.length);
	return b->before ? ret : 0;
}

static struct bounce *bounce_alloc(const dma_sg_t *sg, int prot)
{
	const uint64_t page = page_size(), at = sg->dma_addr % page;
	struct bounce *b = calloc(1, sizeof(*b));
	void *memory = NULL;

	if (!b || out_of_range(sg->length, at + page, SIZE_MAX / 4) ||
	    posix_memalign(&memory, page, at + sg->length * 2)) {
		free(b);
		return NULL;
	}
	b->sg = *sg;
	b->prot = prot;
	b->memory = memory;
	b->data = b->memory + at;
	b->before = b->data + sg->length;
	memset(b->data, 0, sg->length);
	return b;
}

static void bounce_free(struct bounce *b)
{
	free(b->memory);
	free(b);
}

int dma_bounce_new(struct lm_ctx *ctx, int prot, const dma_sg_t *sg, struct iovec *iov)
{
	struct bounce *b = bounce_alloc(sg, prot);
	const struct dma_slot slot = { .size = sg->length, .offset = (uintptr_t)b };
	int ret;

	if (!b)
		return -ENOMEM;
	ret = bounce_read(ctx, b);
	ret = ret ?: dma_table_insert(&ctx->dma->bounces, (uintptr_t)b->data, &slot);
	if (ret) {
		bounce_free(b);
		return ret;
	}
	iov->iov_base = b->data;
	return 0;
}

/* ---- given back ------------------------------------------------------------------ */

/* [at, at + len) of it. */
static void bounce_write(struct lm_ctx *ctx, const struct bounce *b, uint64_t at, uint64_t len)
{
	dma_sg_t sg = b->sg;
	const struct dma_bounce_copy write = {
		.sg = &sg,
		.is_write = true,
		.data = b->data + at,
		.crosses = true,
	};

	sg.dma_addr += at;
	sg.length = len;
	dma_bounce_copy(ctx, &write); /* an error is the taps' to see */
}

static void bounce_write_back(struct lm_ctx *ctx, const struct bounce *b)
{
	uint64_t at, end;

	if (!b->before) {
		bounce_write(ctx, b, 0, b->sg.length);
		return;
	}
	for (at = 0; at < b->sg.length; at = end + 1) {
		for (end = at; end < b->sg.length && b->data[end] != b->before[end]; end++)
			;
		if (end > at)
			bounce_write(ctx, b, at, end - at);
	}
}

void dma_bounce_end(struct lm_ctx *ctx, const struct iovec *iov, bool was_out)
{
	struct dma_table *t = &ctx->dma->bounces;
	struct bounce *b;
	struct dma_pos p;

	if (!dma_table_find(t, (uintptr_t)iov->iov_base, &p))
		return;
	b = (struct bounce *)(uintptr_t)dma_table_slot(t, p)->offset;
	if ((char *)iov->iov_base - b->data >= (ptrdiff_t)b->sg.length)
		return;
	dma_table_remove(t, (uintptr_t)b->data, (uintptr_t)b->data);
	if (was_out && b->prot & PROT_WRITE)
		bounce_write_back(ctx, b);
	bounce_free(b);
	dma_choose_last(ctx);
}

void dma_bounces_free(struct dma *dma)
{
	const struct dma_table *t = &dma->bounces;
	struct dma_pos p;
	bool more;

	for (more = dma_table_seek(t, 0, &p); more; more = dma_table_next(t, &p))
		bounce_free((struct bounce *)(uintptr_t)dma_table_slot(t, p)->offset);
	dma_table_free(&dma->bounces);
}
