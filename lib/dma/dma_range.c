/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_range.c - client memory by address and length, however many windows that is.
 *
 * A range is looked up whole before the first byte is copied. Its pieces, one for each window, are
 * copied as dma_copy.c copies scatter entries, in the order of their addresses.
 */
#include <stdlib.h>

#include "dma/dma_window.h"

/* ---- the pieces ------------------------------------------------------------------- */

/* All of it is mapped. */
static int range_check(struct lm_ctx *ctx, uint64_t addr, uint64_t len)
{
	dma_sg_t sg;
	int ret = 0;

	while (len && !ret) {
		ret = dma_piece(ctx, addr, len, &sg);
		if (!ret) {
			addr += sg.length;
			len -= sg.length;
		}
	}
	return ret;
}

/* ---- copies ----------------------------------------------------------------------- */

static int range_copy(struct lm_ctx *ctx, const struct dma_request *rq)
{
	uint64_t at;
	dma_sg_t sg;
	int ret;

	ctx_lock(ctx);
	ret = range_check(ctx, rq->addr, rq->len);
	for (at = 0; !ret && at < rq->len; at += sg.length) {
		ret = dma_piece(ctx, rq->addr + at, rq->len - at, &sg);
		if (!ret)
			ret = rq->is_write ? lm_dma_write(ctx, &sg, rq->data + at) :
					     lm_dma_read(ctx, &sg, rq->data + at);
	}
	ctx_unlock(ctx);
	return ret;
}

LM_EXPORT int lm_dma_read_at(lm_ctx_t *ctx, dma_addr_t addr, void *data, uint64_t len)
{
	const struct dma_request rq = { .addr = addr, .len = len, .data = data };

	return range_copy(ctx, &rq);
}

LM_EXPORT int lm_dma_write_at(lm_ctx_t *ctx, dma_addr_t addr, const void *data, uint64_t len)
{
	const struct dma_request rq = {
		.is_write = true,
		.addr = addr,
		.len = len,
		.data = (char *)(uintptr_t)data,
	};

	return range_copy(ctx, &rq);
}

/* ---- asynchronous copies ---------------------------------------------------------- */

struct range_copy {
	uint64_t pending; /* pieces, and one for who starts them */
	int result;       /* the first error */
	lm_dma_done_t *done;
	void *arg;
};

static void piece_done(void *arg, int result)
{
	struct range_copy *r = arg;
	lm_dma_done_t *done = r->done;

	r->result = r->result ?: result;
	if (--r->pending)
		return;
	result = r->result;
	arg = r->arg;
	free(r);
	done(arg, result);
}

static int piece_start(struct lm_ctx *ctx, const struct dma_request *rq, const dma_sg_t *sg,
		       struct range_copy *r)
{
	int ret;

	r->pending++;
	ret = rq->is_write ? lm_dma_write_async(ctx, sg, rq->data, piece_done, r) :
			     lm_dma_read_async(ctx, sg, rq->data, piece_done, r);
	if (ret)
		r->pending--;
	return ret;
}

/* What follows a piece that is refused is not begun. If it is the first one, nobody is called. */
static int range_start(struct lm_ctx *ctx, struct dma_request *rq, struct range_copy *r)
{
	bool begun = false;
	dma_sg_t sg;
	int ret = 0;

	while (rq->len && !ret && !r->result) {
		ret = dma_piece(ctx, rq->addr, rq->len, &sg);
		ret = ret ?: piece_start(ctx, rq, &sg, r);
		if (ret)
			break;
		begun = true;
		rq->addr += sg.length;
		rq->data += sg.length;
		rq->len -= sg.length;
	}
	if (ret && !begun) {
		free(r);
		return ret;
	}
	piece_done(r, ret);
	return 0;
}

static int range_copy_async(struct lm_ctx *ctx, struct dma_request *rq, lm_dma_done_t *done,
			    void *arg)
{
	struct range_copy *r = malloc(sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	*r = (struct range_copy){ .pending = 1, .done = done, .arg = arg };
	ctx_lock(ctx);
	ret = range_check(ctx, rq->addr, rq->len);
	if (ret)
		free(r);
	else
		ret = range_start(ctx, rq, r);
	ctx_unlock(ctx);
	return ret;
}

LM_EXPORT int lm_dma_read_at_async(lm_ctx_t *ctx, dma_addr_t addr, const struct iovec *data,
				   lm_dma_done_t *done, void *arg)
{
	struct dma_request rq = { .addr = addr, .len = data->iov_len, .data = data->iov_base };

	return range_copy_async(ctx, &rq, done, arg);
}

LM_EXPORT int lm_dma_write_at_async(lm_ctx_t *ctx, dma_addr_t addr, const struct iovec *data,
				    lm_dma_done_t *done, void *arg)
{
	struct dma_request rq = {
		.is_write = true,
		.addr = addr,
		.len = data->iov_len,
		.data = data->iov_base,
	};

	return range_copy_async(ctx, &rq, done, arg);
}

/* ---- one value -------------------------------------------------------------------- */

static int value_copy(struct lm_ctx *ctx, const struct dma_request *rq)
{
	dma_sg_t sg;
	int ret;

	if (!rq->len || rq->len > 8 || rq->len & (rq->len - 1) || rq->addr & (rq->len - 1))
		return -EINVAL;
	ctx_lock(ctx);
	ret = dma_piece(ctx, rq->addr, rq->len, &sg);
	if (!ret && sg.length < rq->len)
		ret = -EINVAL;
	ret = ret ?: dma_copy_value(ctx, &sg, rq);
	ctx_unlock(ctx);
	return ret;
}

LM_EXPORT int lm_dma_load(lm_ctx_t *ctx, dma_addr_t addr, unsigned int width, uint64_t *value)
{
	union dma_value v = { 0 };
	const struct dma_request rq = { .addr = addr, .len = width, .data = v.bytes };
	const int ret = value_copy(ctx, &rq);

	switch (width) {
	case 1: *value = v.u8; break;
	case 2: *value = v.u16; break;
	case 4: *value = v.u32; break;
	default: *value = v.u64; break;
	}
	return ret;
}

LM_EXPORT int lm_dma_store(lm_ctx_t *ctx, dma_addr_t addr, unsigned int width, uint64_t value)
{
	union dma_value v = { 0 };
	const struct dma_request rq = {
		.is_write = true,
		.addr = addr,
		.len = width,
		.data = v.bytes,
	};

	switch (width) {
	case 1: v.u8 = (uint8_t)value; break;
	case 2: v.u16 = (uint16_t)value; break;
	case 4: v.u32 = (uint32_t)value; break;
	default: v.u64 = value; break;
	}
	return value_copy(ctx, &rq);
}

/* ---- pointers --------------------------------------------------------------------- */

LM_EXPORT int lm_dma_hold(lm_ctx_t *ctx, int prot, dma_addr_t addr, uint64_t len,
			  lm_dma_hold_t *hold)
{
	dma_sg_t no_room, *sg;
	uint32_t needed = 0;
	int ret;

	hold->nr = hold->needed = 0;
	ctx_lock(ctx);
	do {
		sg = needed < hold->max ? &hold->sg[needed] : &no_room;
		ret = dma_piece(ctx, addr, len, sg);
		if (ret)
			break;
		needed++;
		addr += sg->length;
		len -= sg->length;
	} while (len);
	if (!ret)
		hold->needed = needed;
	if (!ret && needed > hold->max)
		ret = -ENOSPC;
	ret = ret ?: lm_map_sg(ctx, prot, hold->sg, hold->iov, (int)needed);
	if (!ret)
		hold->nr = needed;
	ctx_unlock(ctx);
	return ret;
}

LM_EXPORT void lm_dma_release(lm_ctx_t *ctx, lm_dma_hold_t *hold)
{
	lm_unmap_sg(ctx, hold->sg, hold->iov, (int)hold->nr);
	hold->nr = 0;
}
