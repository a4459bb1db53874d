/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * register.c - register maps: what an access means for the registers it touches.
 *
 * Owns the splitting of accesses into registers, read-only, write-only and write-one-to-clear
 * semantics, and the values of registers whose device does not keep them. Bytes that belong to no
 * register read as ones, like a bus that nobody drives. The map is the device's and trusted once
 * it has been checked; where and how wide a guest accesses is not.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define WIDTHS_MAX 8

const lm_register_t *register_at(const lm_register_map_t *map, uint32_t idx)
{
	const char *base = (const char *)map->registers;

	return (const lm_register_t *)(base + (size_t)idx * map->register_size);
}

/* The first register that ends behind @offset, or nr_registers. */
static uint32_t register_search(const lm_register_map_t *map, uint64_t offset)
{
	uint32_t low = 0, high = map->nr_registers;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;
		const lm_register_t *reg = register_at(map, mid);

		if (reg->offset + reg->width <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const lm_register_t *register_find(const lm_register_map_t *map, uint64_t offset, uint32_t *idx)
{
	*idx = register_search(map, offset);
	if (*idx == map->nr_registers || register_at(map, *idx)->offset != offset)
		return NULL;
	return register_at(map, *idx);
}

static uint64_t width_mask(unsigned int width)
{
	return width == 8 ? UINT64_MAX : (1ull << (8 * width)) - 1;
}

static bool width_is_valid(unsigned int width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

const char *register_fault(const struct region *r)
{
	const lm_register_map_t *map = r->info.regs;
	uint64_t end = 0;
	uint32_t i;

	if (map->nr_registers && (!map->registers || !map->register_size))
		return "the register table is missing (LM_REGISTERS() describes it)";
	if ((map->min_width && !width_is_valid(map->min_width)) ||
	    (map->max_width && !width_is_valid(map->max_width)))
		return "access widths are 1, 2, 4 or 8";
	for (i = 0; i < map->nr_registers; i++) {
		const lm_register_t *reg = register_at(map, i);

		if (!reg->name || !width_is_valid(reg->width) || reg->access > LM_RW1C)
			return "a register has no name, no width or no access kind";
		if (reg->offset < end || out_of_range(reg->offset, reg->width, r->info.size))
			return "registers overlap, are out of order or leave the region";
		end = reg->offset + reg->width;
	}
	return NULL;
}

static void values_check(struct region *r)
{
	uint32_t i;

	for (i = 0; i < r->info.regs->nr_registers; i++)
		r->values[i] &= width_mask(register_at(r->info.regs, i)->width);
}

int register_new(struct lm_ctx *ctx, struct region *r)
{
	const lm_register_map_t *map = r->info.regs;

	if (map->read && map->write)
		return 0;
	r->values = kept_registers(ctx, map->nr_registers);
	r->values_kept = r->values;
	if (!r->values)
		r->values = calloc(map->nr_registers ?: 1, sizeof(*r->values));
	if (!r->values)
		return -ENOMEM;
	if (r->values_kept && kept_is_old(ctx))
		values_check(r);
	else
		register_reset(r);
	return 0;
}

void register_reset(struct region *r)
{
	uint32_t i;

	for (i = 0; i < r->info.regs->nr_registers; i++) {
		const lm_register_t *reg = register_at(r->info.regs, i);

		r->values[i] = reg->reset & width_mask(reg->width);
	}
}

/* ---- one register of an access --------------------------------------------------- */

/* A register, and which of its bytes an access touches. */
struct part {
	const lm_register_t *reg;
	uint32_t             idx;
	unsigned int         shift, len; /* bytes */
};

static void read_take(struct deferral *d, ssize_t result, const void *data)
{
	struct access *a = container_of(d, struct access, defer);

	if (result < 0 || a->is_write)
		return;
	if (!data || result < (ssize_t)(a->shift + a->piece)) {
		d->result = -EIO;
		return;
	}
	memcpy(a->buf + a->pos, (const char *)data + a->shift, a->piece);
}

static ssize_t defer_result(struct lm_ctx *ctx, struct access *a)
{
	switch (callback_end(ctx, &a->defer)) {
	case DEFER_WAITING:
		return LM_DEFER;
	case DEFER_ANSWERED:
		return a->defer.result < 0 ? a->defer.result : (ssize_t)a->piece;
	default:
		return 0;
	}
}

static ssize_t part_read(struct lm_ctx *ctx, struct region *r, struct access *a,
			 const struct part *p)
{
	const lm_register_map_t *map = r->info.regs;
	uint64_t value = 0;
	ssize_t ret;

	if (p->reg->access == LM_WO) {
		value = 0;
	} else if (!map->read) {
		value = r->values[p->idx];
	} else {
		a->defer.take = read_take;
		callback_begin(ctx, &a->defer);
		value = map->read(ctx->info.pvt, p->reg->offset, p->reg->width);
		ret = defer_result(ctx, a);
		if (ret)
			return ret;
	}
	value = htole64(value);
	memcpy(a->buf + a->pos, (const char *)&value + p->shift, p->len);
	return p->len;
}

/* The present value, for a merge that has no effect on the device. It cannot be deferred. */
static uint64_t part_present(struct lm_ctx *ctx, struct region *r, const struct part *p)
{
	struct deferral nobody = { 0 };
	uint64_t value;

	if (!r->info.regs->read)
		return r->values[p->idx];
	callback_begin(ctx, &nobody);
	value = r->info.regs->read(ctx->info.pvt, p->reg->offset, p->reg->width);
	callback_end(ctx, &nobody);
	return value & width_mask(p->reg->width);
}

/* What the register is to become: the bytes written, and the rest as the map's rules say. */
static uint64_t part_merge(struct lm_ctx *ctx, struct region *r, const struct part *p,
			   uint64_t written)
{
	const bool kept = !r->info.regs->read;
	const uint64_t mask = width_mask(p->len) << (8 * p->shift);

	if (p->len == p->reg->width || p->reg->access == LM_RW1C)
		return written;
	if (!kept && !(p->reg->flags & LM_REGISTER_PURE))
		return written;
	return (part_present(ctx, r, p) & ~mask) | written;
}

static ssize_t part_write(struct lm_ctx *ctx, struct region *r, struct access *a,
			  const struct part *p)
{
	const lm_register_map_t *map = r->info.regs;
	uint64_t value = 0;
	ssize_t ret;

	if (p->reg->access == LM_RO)
		return p->len;
	memcpy((char *)&value + p->shift, a->buf + a->pos, p->len);
	value = part_merge(ctx, r, p, le64toh(value));
	if (r->values && p->reg->access == LM_RW1C)
		r->values[p->idx] &= ~value;
	else if (r->values)
		r->values[p->idx] = value;
	if (!map->write)
		return p->len;
	a->defer.take = read_take;
	callback_begin(ctx, &a->defer);
	map->write(ctx->info.pvt, p->reg->offset, value, p->reg->width);
	ret = defer_result(ctx, a);
	return ret ? ret : p->len;
}

/* Bytes between registers, up to the next one. */
static ssize_t gap(struct access *a, uint64_t len)
{
	if (!a->is_write)
		memset(a->buf + a->pos, 0xff, len);
	return (ssize_t)len;
}

void register_widths(const lm_register_map_t *map, unsigned int *min, unsigned int *max)
{
	*min = map->min_width ?: 1;
	*max = map->max_width ?: WIDTHS_MAX;
}

static bool width_is_allowed(const lm_register_map_t *map, uint32_t count)
{
	unsigned int min, max;

	register_widths(map, &min, &max);
	return count >= min && count <= max;
}

ssize_t register_access(struct lm_ctx *ctx, struct region *r, struct access *a, size_t len)
{
	const uint64_t offset = a->offset + a->pos;
	const lm_register_map_t *map = r->info.regs;
	struct part p;

	if (!width_is_allowed(map, a->count)) {
		a->reason = LM_TRACE_REASON_WIDTH;
		return -EINVAL;
	}
	p.idx = register_search(map, offset);
	if (p.idx == map->nr_registers)
		return gap(a, len);
	p.reg = register_at(map, p.idx);
	if (p.reg->offset > offset)
		return gap(a, p.reg->offset - offset < len ? p.reg->offset - offset : len);
	p.shift = (unsigned int)(offset - p.reg->offset);
	p.len = p.reg->width - p.shift < len ? p.reg->width - p.shift : (unsigned int)len;
	a->piece = p.len;
	a->shift = p.shift;
	return a->is_write ? part_write(ctx, r, a, &p) : part_read(ctx, r, a, &p);
}

/* ---- the device's own view ------------------------------------------------------- */

static uint64_t *value_of(const lm_ctx_t *ctx, uint32_t region, uint64_t offset,
			  const lm_register_t **reg)
{
	const struct region *r = region_get(ctx, region);
	uint32_t idx;

	if (!r || !r->values)
		return NULL;
	*reg = register_find(r->info.regs, offset, &idx);
	return *reg ? &r->values[idx] : NULL;
}

LM_EXPORT uint64_t lm_register_get(const lm_ctx_t *ctx, uint32_t region, uint64_t offset)
{
	const lm_register_t *reg;
	const uint64_t *kept = value_of(ctx, region, offset, &reg);
	uint64_t value;

	if (!kept)
		return 0;
	ctx_lock(ctx);
	value = *kept;
	ctx_unlock(ctx);
	return value;
}

LM_EXPORT int lm_register_set(lm_ctx_t *ctx, uint32_t region, uint64_t offset, uint64_t value)
{
	const lm_register_t *reg;
	uint64_t *kept = value_of(ctx, region, offset, &reg);

	if (!kept)
		return -ENOENT;
	ctx_lock(ctx);
	*kept = value & width_mask(reg->width);
	ctx_unlock(ctx);
	return 0;
}
