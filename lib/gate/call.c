/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.c - the callbacks of a device, each called here and nowhere else.
 *
 * Owns what all of them have in common: who holds the context meanwhile, what may be deferred, and
 * which answers count. Accesses, resets, DMA windows and clients are crossings where they begin,
 * with all that the library does for them; the other calls are crossings here.
 */
#include <string.h>

#include "base/prop.h"
#include "gate/call.h"

/* What a callback is to be worth: all of it, or an error that fits a reply. */
static ssize_t count_check(ssize_t ret, size_t len)
{
	if (ret < 0)
		return ret >= -4095 ? ret : -EIO;
	return ret == (ssize_t)len ? ret : -EIO;
}

/* ---- accesses --------------------------------------------------------------------- */

static void call_begin(struct lm_ctx *ctx, struct deferral *d)
{
	if (unlikely(ctx->threads))
		ctx_unlock(ctx);
	else
		defer_begin(ctx, d);
}

static enum defer_state call_end(struct lm_ctx *ctx, struct deferral *d)
{
	if (likely(!ctx->threads))
		return defer_end(ctx, d);
	ctx_lock(ctx);
	return DEFER_NO;
}

/* By the callback that the region has. */
static ssize_t access_call(struct lm_ctx *ctx, const lm_reg_info_t *info,
			   const struct call_bytes *bytes)
{
	const lm_region_io_t io = {
		.ctx = ctx,
		.buf = bytes->buf,
		.count = bytes->len,
		.offset = bytes->offset,
		.region = bytes->region,
		.is_write = bytes->is_write,
	};

	if (info->io)
		return info->io(ctx->info.pvt, &io);
	return info->fn(ctx->info.pvt, bytes->buf, bytes->len, (loff_t)bytes->offset,
			bytes->is_write);
}

ssize_t call_region(struct lm_ctx *ctx, struct deferral *d, const lm_reg_info_t *info,
		    const struct call_bytes *bytes)
{
	ssize_t ret;

	call_begin(ctx, d);
	ret = access_call(ctx, info, bytes);
	switch (call_end(ctx, d)) {
	case DEFER_WAITING: return LM_DEFER;
	case DEFER_ANSWERED: return d->result;
	default:
		/* Where nobody waits for the answer there is none to put off. */
		return ret == LM_DEFER && !d->done ? (ssize_t)bytes->len :
						     count_check(ret, bytes->len);
	}
}

enum defer_state call_register_read(struct lm_ctx *ctx, struct deferral *d,
				    const lm_register_map_t *map, const lm_register_io_t *io,
				    uint64_t *value)
{
	call_begin(ctx, d);
	*value = map->read(ctx->info.pvt, io);
	return call_end(ctx, d);
}

enum defer_state call_register_write(struct lm_ctx *ctx, struct deferral *d,
				     const lm_register_map_t *map, const lm_register_io_t *io)
{
	call_begin(ctx, d);
	map->write(ctx->info.pvt, io);
	return call_end(ctx, d);
}

int call_config(struct lm_ctx *ctx, const lm_reg_info_t *info, const struct call_bytes *bytes)
{
	const ssize_t ret = count_check(access_call(ctx, info, bytes), bytes->len);

	return ret < 0 ? (int)ret : 0;
}

int call_cap(struct lm_ctx *ctx, uint8_t id, lm_cap_access_t *fn, const struct call_bytes *bytes)
{
	const ssize_t ret = count_check(fn(ctx->info.pvt, id, bytes->buf, bytes->len,
					   (loff_t)bytes->offset, bytes->is_write),
					bytes->len);

	return ret < 0 ? (int)ret : 0;
}

void call_vpd(struct lm_ctx *ctx, const lm_vpd_t *vpd, const struct call_bytes *bytes)
{
	if (vpd->written)
		vpd->written(ctx->info.pvt, (uint32_t)bytes->offset, bytes->buf,
			     (uint32_t)bytes->len);
}

ssize_t call_doe(struct lm_ctx *ctx, struct deferral *d, const lm_doe_request_t *request,
		 void *answer, size_t room)
{
	ssize_t ret;

	defer_begin(ctx, d);
	ret = request->doe->request(ctx->info.pvt, request, answer, room);
	switch (defer_end(ctx, d)) {
	case DEFER_WAITING: return LM_DEFER;
	case DEFER_ANSWERED: return d->result;
	default: return ret == LM_DEFER ? -EIO : ret;
	}
}

/* ---- life, reset, memory, clients -------------------------------------------------- */

int call_start(struct lm_ctx *ctx)
{
	const lm_dev_info_t *dev = &ctx->info;

	if (dev->has_ctx)
		memcpy((char *)dev->pvt + dev->ctx_offset, &ctx, sizeof(ctx));
	return ctx->info.start ? ctx->info.start(ctx->info.pvt, ctx) : 0;
}

void call_stop(struct lm_ctx *ctx)
{
	if (ctx->info.stop)
		ctx->info.stop(ctx->info.pvt);
}

int call_reset(struct lm_ctx *ctx, struct deferral *d)
{
	struct deferral nobody = { 0 };
	int ret;

	if (!ctx->info.reset)
		return 0;
	d = d ?: &nobody;
	defer_begin(ctx, d);
	ret = ctx->info.reset(ctx->info.pvt);
	switch (defer_end(ctx, d)) {
	case DEFER_WAITING: return LM_DEFER;
	case DEFER_ANSWERED: return (int)d->result;
	default: return ret == LM_DEFER ? -EIO : ret;
	}
}

void call_dma_map(struct lm_ctx *ctx, uint64_t addr, uint64_t len)
{
	if (ctx->info.dma_map)
		ctx->info.dma_map(ctx->info.pvt, addr, len);
}

int call_dma_unmap(struct lm_ctx *ctx, struct deferral *d, uint64_t addr, uint64_t len)
{
	int ret;

	defer_begin(ctx, d);
	ret = ctx->info.dma_unmap(ctx->info.pvt, addr, len);
	if (defer_end(ctx, d) == DEFER_WAITING)
		return LM_DEFER;
	return ret == LM_DEFER ? 0 : ret;
}

void call_client(struct lm_ctx *ctx, bool attached)
{
	if (ctx->info.client)
		ctx->info.client(ctx->info.pvt, attached);
}

/* ---- calls that are crossings ------------------------------------------------------ */

/* What @x stands for, by the device; what it comes to. */
static int64_t call_device(const lm_dev_info_t *dev, const struct crossing *x)
{
	switch (x->kind) {
	case CALL_WRITTEN: dev->written(dev->pvt, x->region, x->offset, x->len); return 0;
	case CALL_GET: return prop_get(dev, x->name, x->data, x->len);
	case CALL_SET: return prop_change(dev, x->name, x->data);
	case CALL_SAVE: return dev->save(dev->pvt, x->data, x->len);
	default: return dev->load(dev->pvt, x->data, x->len);
	}
}

static int64_t call_cross(struct lm_ctx *ctx, struct crossing *x)
{
	if (likely(!gate_is_on(ctx, x->kind)))
		return call_device(&ctx->info, x);
	if (!gate_enter(ctx, x))
		x->result = call_device(&ctx->info, x);
	gate_leave(ctx, x);
	return x->result;
}

void call_written(struct lm_ctx *ctx, uint32_t region, uint64_t offset, uint64_t len)
{
	struct crossing x = {
		.kind = CALL_WRITTEN,
		.region = region,
		.offset = offset,
		.len = len,
	};

	call_cross(ctx, &x);
}

bool call_map(struct lm_ctx *ctx, lm_map_region_t *map, uint32_t region, uint64_t offset,
	      uint64_t len)
{
	struct crossing x = { .kind = CALL_MAP, .region = region, .offset = offset, .len = len };

	if (!gate_is_on(ctx, CALL_MAP))
		return map(ctx->info.pvt, offset / page_size(), len);
	if (!gate_enter(ctx, &x))
		x.result = !!map(ctx->info.pvt, offset / page_size(), len);
	gate_leave(ctx, &x);
	return x.result > 0;
}

int call_get(struct lm_ctx *ctx, const char *name, char *value, size_t size)
{
	struct crossing x = { .kind = CALL_GET, .name = name, .data = value, .len = size };

	return (int)call_cross(ctx, &x);
}

int call_set(struct lm_ctx *ctx, const char *name, const char *value)
{
	struct crossing x = {
		.kind = CALL_SET,
		.is_const = true,
		.name = name,
		.data = (char *)(uintptr_t)value,
		.len = strlen(value) + 1,
	};

	return (int)call_cross(ctx, &x);
}

ssize_t call_save(struct lm_ctx *ctx, void *buf, size_t size)
{
	struct crossing x = { .kind = CALL_SAVE, .data = buf, .len = size };

	return (ssize_t)call_cross(ctx, &x);
}

int call_load(struct lm_ctx *ctx, const void *buf, size_t len)
{
	struct crossing x = {
		.kind = CALL_LOAD,
		.is_const = true,
		.data = (char *)(uintptr_t)buf,
		.len = len,
	};

	return (int)call_cross(ctx, &x);
}
