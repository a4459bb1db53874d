/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region.c - the regions of a device: one bounds check, one dispatcher.
 *
 * Owns the table of regions and the way of every read and write, whether a client or musctl asks.
 * An access goes piece by piece: what has been claimed (configuration space, MSI-X structures),
 * registers, memory, or the device's callback; a piece may be deferred, and the access goes on when
 * it is completed. Nothing that is out of range reaches a callback.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "base/memfd.h"
#include "gate/call.h"
#include "region/kick.h"
#include "region/name.h"

#define WORK_BYTES 4096u /* of an access are a unit of work */

/* ---- the table ------------------------------------------------------------------- */

static int copy_array(const void **array, size_t nr, size_t size)
{
	void *copy;

	if (!nr || !*array) {
		*array = NULL;
		return nr ? -EINVAL : 0;
	}
	copy = calloc(nr, size);
	if (copy)
		memcpy(copy, *array, nr * size);
	*array = copy;
	return copy ? 0 : -ENOMEM;
}

static int region_init(struct lm_ctx *ctx, uint32_t index)
{
	struct region *r = &ctx->regions->region[index];
	int ret, err;

	ret = copy_array((const void **)&r->info.mmap_areas, r->info.nr_mmap_areas,
			 sizeof(lm_mmap_area_t));
	err = copy_array((const void **)&r->info.ioeventfds, r->info.nr_ioeventfds,
			 sizeof(lm_ioeventfd_t));
	ret = err ?: ret;
	if (ret)
		log_err(ctx, "region %u: a table is missing", index);
	ret = ret ?: region_check(ctx, index);
	if (!ret && r->info.regs)
		ret = register_arrays_new(ctx, index, r);
	if (ret)
		return ret;
	ret = region_memory_new(ctx, index, r);
	if (!ret && r->info.regs && !r->values)
		ret = register_new(ctx, r);
	if (ret == -ESTALE)
		log_err(ctx,
			"region %u: the mdev was served as another device before (remove and "
			"recreate it)",
			index);
	else if (ret == -EOPNOTSUPP)
		log_err(ctx,
			"region %u: the memory of a mediated device is muser.ko's: no "
			"LM_REG_FLAG_FD",
			index);
	else if (ret)
		log_err(ctx, "region %u: no memory: %s%s", index, strerror(-ret),
			memory_advice(ret));
	return ret;
}

int region_new(struct lm_ctx *ctx)
{
	const uint32_t nr = bus_nr_regions(&ctx->info);
	uint32_t i;
	int ret = 0;

	ctx->regions = calloc(1, sizeof(*ctx->regions) + nr * sizeof(struct region));
	if (!ctx->regions)
		return -ENOMEM;
	ctx->regions->nr = nr;
	for (i = 0; i < nr; i++) {
		struct region *r = &ctx->regions->region[i];

		r->memfd = r->fresh = -1;
		r->info = *bus_region(&ctx->info, i);
		r->is_special = r->info.nr_ioeventfds;
	}
	for (i = 0; i < nr; i++)
		ret = region_init(ctx, i) ?: ret; /* all, so that all tables are ours to free */
	return ret ?: name_check_registers(ctx);
}

void region_free(struct lm_ctx *ctx)
{
	uint32_t i;

	for (i = 0; ctx->regions && i < ctx->regions->nr; i++) {
		struct region *r = &ctx->regions->region[i];

		region_memory_free(r);
		register_free(r);
		free(r->written);
		free((void *)r->info.mmap_areas);
		free((void *)r->info.ioeventfds);
	}
	free(ctx->regions);
}

void region_reset(struct lm_ctx *ctx)
{
	uint32_t i;

	for (i = 0; i < ctx->regions->nr; i++) {
		if (ctx->regions->region[i].values)
			register_reset(&ctx->regions->region[i]);
	}
}

void region_claim(struct region *r, region_claim_fn *claim)
{
	r->claim = claim;
	r->is_special = true;
}

void region_describe(struct lm_ctx *ctx, struct region *r)
{
	const uint32_t index = (uint32_t)(r - ctx->regions->region);
	bool is_mapped = true;
	uint32_t i;

	if (r->described || !r->info.map || !r->shared)
		return;
	r->described = true;
	/* The areas that are mapped, or would be: all of it if the device names none. */
	if (!r->info.nr_mmap_areas)
		is_mapped = call_map(ctx, r->info.map, index, 0, r->info.size);
	for (i = 0; is_mapped && i < r->info.nr_mmap_areas; i++) {
		const lm_mmap_area_t *a = &r->info.mmap_areas[i];

		is_mapped = call_map(ctx, r->info.map, index, a->offset, a->size);
	}
	if (is_mapped)
		return;
	r->info.flags &= ~LM_REG_FLAG_MMAP;
	r->trapped = true;
}

LM_EXPORT void *lm_mmap(lm_ctx_t *ctx, uint32_t region, uint64_t offset, size_t length)
{
	const struct region *r = region_get(ctx, region);

	if (!r || !r->mem || !length || out_of_range(offset, length, r->info.size)) {
		errno = EINVAL;
		return NULL;
	}
	return (char *)r->mem + offset;
}

/* ---- one piece of an access ------------------------------------------------------ */

/* How many of @len bytes at @offset are memory that a client may map; 0: *len is cut to end
 * where such memory begins. */
static size_t mapped_part(const struct region *r, uint64_t offset, size_t *len)
{
	uint32_t i;

	if (!r->info.nr_mmap_areas)
		return *len;
	for (i = 0; i < r->info.nr_mmap_areas; i++) {
		const lm_mmap_area_t *a = &r->info.mmap_areas[i];

		if (offset >= a->offset && offset < a->offset + a->size) {
			const uint64_t left = a->offset + a->size - offset;

			return left < *len ? (size_t)left : *len;
		}
		if (offset < a->offset && a->offset - offset < *len)
			*len = (size_t)(a->offset - offset);
	}
	return 0;
}

static ssize_t memory_step(struct region *r, struct access *a, size_t len)
{
	char *mem = (char *)r->mem + a->offset + a->pos;

	if (a->is_write)
		memcpy(mem, a->buf + a->pos, len);
	else
		memcpy(a->buf + a->pos, mem, len);
	return (ssize_t)len;
}

static void callback_take(struct deferral *d, ssize_t result, const void *data)
{
	struct access *a = container_of(d, struct access, defer);

	if (result < 0)
		return;
	if (result != (ssize_t)a->piece || (!a->is_write && !data)) {
		d->result = -EIO;
		return;
	}
	if (!a->is_write)
		memcpy(a->buf + a->pos, data, a->piece);
}

static ssize_t access_step(struct lm_ctx *ctx, struct region *r, struct access *a)
{
	size_t len = a->count - a->pos, done;
	struct call_bytes bytes;

	if (unlikely(r->is_special)) {
		ssize_t ret = kick_write(r, a) ? (ssize_t)len : 0;

		if (!ret && r->claim)
			ret = r->claim(ctx, a, &len);
		if (ret)
			return ret;
	}
	if (r->mem && !r->trapped) {
		done = r->shared ? mapped_part(r, a->offset + a->pos, &len) : len;
		if (done)
			return memory_step(r, a, done);
	}
	if (r->info.regs)
		return register_access(ctx, r, a, len);
	if (!call_has_access(&r->info))
		return memory_step(r, a, len);
	bytes = (struct call_bytes){
		.region = a->region,
		.buf = a->buf + a->pos,
		.len = len,
		.offset = a->offset + a->pos,
		.is_write = a->is_write,
	};
	/* What the device leaves out must not be what another client read. */
	if (!a->is_write)
		memset(bytes.buf, 0, len);
	a->piece = (uint32_t)len;
	a->defer.take = callback_take;
	return call_region(ctx, &a->defer, &r->info, &bytes);
}

/* ---- a whole access -------------------------------------------------------------- */

/* Nobody waits for the answer, so there is none to put off: what follows must not wait either, or
 * a client that polls for the end of the work would keep our DMA commands from being served. */
static bool access_is_posted(const struct access *a)
{
	return a->trace_flags & LM_TRACE_POSTED;
}

static ssize_t access_answer(struct lm_ctx *ctx, struct access *a, ssize_t result)
{
	if (likely(!access_is_refused(result, a->trace_flags, a->reason)))
		return result;
	ctx->refused++;
	if (!a->is_write)
		memset(a->buf, 0xff, a->count);
	return a->count;
}

/* What an access comes to, whoever made it and whenever it ends: count or -errno. */
static ssize_t access_end(struct lm_ctx *ctx, struct access *a, ssize_t result)
{
	struct crossing *x = &a->cross;

	if (unlikely(x->seen)) {
		x->result = result < 0 ? result : 0;
		x->aux = result < 0 ? a->reason : a->alias;
		x->flags |= a->kicked ? LM_TRACE_KICKED : 0;
		if (gate_leave(ctx, x) == LM_DEFER)
			return LM_DEFER;
		result = x->result < 0 ? x->result : a->count;
	}
	return access_answer(ctx, a, result);
}

static void access_resume(struct lm_ctx *ctx, struct deferral *d, ssize_t result);

static ssize_t access_run(struct lm_ctx *ctx, struct region *r, struct access *a)
{
	ssize_t ret = 0;

	a->defer.done = access_is_posted(a) ? NULL : access_resume;
	while (a->pos < a->count) {
		ret = access_step(ctx, r, a);
		if (ret < 0)
			break;
		a->pos += (uint32_t)ret;
	}
	if (likely(ret >= 0 && !a->cross.seen))
		return a->count;
	return ret == LM_DEFER ? ret : access_end(ctx, a, ret < 0 ? ret : a->count);
}

/* The piece that was deferred has come. */
static void access_resume(struct lm_ctx *ctx, struct deferral *d, ssize_t result)
{
	struct access *a = container_of(d, struct access, defer);
	struct region *r = region_get(ctx, a->region);

	if (result >= 0) {
		register_completed(r, a);
		a->pos += a->piece;
		result = access_run(ctx, r, a);
	} else {
		result = access_end(ctx, a, result);
	}
	if (result != LM_DEFER)
		a->done(a, result);
}

/* Past all taps on its way there. */
static ssize_t access_begin(struct lm_ctx *ctx, struct region *r, struct access *a)
{
	if (likely(a->reason == LM_TRACE_REASON_DEVICE))
		return access_run(ctx, r, a);
	return access_end(ctx, a, a->reason == LM_TRACE_REASON_DIRECTION ? -EACCES : -EINVAL);
}

/* A tap that held it lets it go on. */
static void access_crossed(struct lm_ctx *ctx, struct crossing *x)
{
	struct access *a = container_of(x, struct access, cross);
	ssize_t result;

	if (!x->is_over)
		result = access_begin(ctx, region_get(ctx, a->region), a);
	else
		result = access_answer(ctx, a, x->result < 0 ? x->result : a->count);
	if (result != LM_DEFER)
		a->done(a, result);
}

ssize_t region_access(struct lm_ctx *ctx, struct access *a)
{
	struct region *r = region_find(ctx, a->region);
	const uint32_t need = a->is_write ? LM_REG_FLAG_WRITE : LM_REG_FLAG_READ;
	const uint8_t kind = a->is_write ? LM_TRACE_WRITE : LM_TRACE_READ;
	int entered = TAP_PASS;

	work_add(ctx, 1 + a->count / WORK_BYTES);
	a->kicked = false;
	a->alias = 0;
	a->pos = 0;
	a->cross.seen = 0;
	if (unlikely(!r))
		a->reason = LM_TRACE_REASON_REGION;
	else if (unlikely(out_of_range(a->offset, a->count, r->info.size)))
		a->reason = LM_TRACE_REASON_RANGE;
	else
		a->reason = r->info.flags & need ? LM_TRACE_REASON_DEVICE :
						   LM_TRACE_REASON_DIRECTION;
	if (gate_is_on(ctx, kind)) {
		struct crossing *x = &a->cross;

		/* One by one: to clear all of it takes as long as a third of a record. */
		x->kind = kind;
		x->is_const = false;
		x->flags = a->trace_flags;
		x->region = a->region;
		x->offset = a->offset;
		x->len = a->count;
		x->data = a->buf;
		x->value = 0;
		x->aux = a->reason;
		x->name = NULL;
		x->result = 0;
		x->hold.token = 0;
		x->resume = access_is_posted(a) ? NULL : access_crossed;
		x->redo = NULL;
		entered = gate_enter(ctx, &a->cross);
	}
	if (unlikely(entered == LM_DEFER))
		return LM_DEFER;
	if (unlikely(entered == TAP_ANSWERED))
		return access_end(ctx, a, a->cross.result < 0 ? a->cross.result : a->count);
	return access_begin(ctx, r, a);
}

void region_cancel(struct lm_ctx *ctx, struct access *a)
{
	defer_cancel(ctx, &a->defer);
	gate_cancel(ctx, &a->cross);
}
