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

#include "base/bus.h"
#include "gate/call.h"
#include "region/region.h"
#include "state/persist.h"

const lm_register_t *register_at(const lm_register_map_t *map, uint32_t idx)
{
	const char *base = (const char *)map->registers;

	return (const lm_register_t *)(base + (size_t)idx * map->register_size);
}

uint32_t register_search(const lm_register_map_t *map, uint64_t offset)
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

uint64_t register_width_mask(unsigned int width)
{
	return width == 8 ? UINT64_MAX : (1ull << (8 * width)) - 1;
}

static uint64_t map_persist_size(const lm_register_map_t *map)
{
	return map && !(map->read && map->write) ?
		       at_most(register_count(map), REGISTERS_MAX) * sizeof(uint64_t) :
		       0;
}

uint64_t register_persist_size(const lm_dev_info_t *info)
{
	uint64_t size = 0;
	uint32_t i;

	for (i = 0; i < bus_nr_regions(info); i++)
		size += map_persist_size(bus_region(info, i)->regs);
	return size;
}

int register_new(struct lm_ctx *ctx, struct region *r)
{
	const lm_register_map_t *map = r->info.regs;
	uint32_t i;

	if (map->read && map->write)
		return 0;
	r->values = persist_registers(ctx, map->nr_registers);
	r->values_persistent = r->values;
	if (!r->values)
		r->values = calloc(map->nr_registers ?: 1, sizeof(*r->values));
	if (map->write)
		r->changes = calloc(map->nr_registers ?: 1, sizeof(*r->changes));
	if (!r->values || (map->write && !r->changes))
		return -ENOMEM;
	if (!r->values_persistent || !persist_is_old(ctx)) {
		register_reset(r);
		return 0;
	}
	for (i = 0; i < map->nr_registers; i++)
		r->values[i] &= register_width_mask(register_at(map, i)->width);
	return 0;
}

void register_free(struct region *r)
{
	if (!r->values_persistent)
		free(r->values);
	free(r->changes);
	register_arrays_free(r->elements);
}

/* By the device, or for it. What a guest has written is stored only if there was none. */
static void value_change(struct region *r, uint32_t idx, uint64_t value)
{
	r->values[idx] = value & register_width_mask(register_at(r->info.regs, idx)->width);
	if (r->changes)
		r->changes[idx]++;
}

void register_reset(struct region *r)
{
	uint32_t i;

	for (i = 0; i < r->info.regs->nr_registers; i++) {
		value_change(r, i, register_at(r->info.regs, i)->reset);
	}
}

/* ---- one register of an access --------------------------------------------------- */

/* A register, and which of its bytes an access touches. */
struct part {
	const lm_register_t *reg;
	uint32_t idx;
	unsigned int shift, len; /* bytes */
};

static lm_register_io_t part_io(struct lm_ctx *ctx, const struct region *r, struct access *a,
				const struct part *p)
{
	lm_register_io_t io = {
		.ctx = ctx,
		.offset = p->reg->offset,
		.old = r->values ? r->values[p->idx] : 0,
		.region = a->region,
		.index = p->idx,
		.width = p->reg->width,
		.alias = &a->alias,
	};

	if (r->elements)
		register_origin(r->elements, p->idx, &io);
	return io;
}

/* Of @reg the bits of @len bytes at @shift that a guest can write. */
static uint64_t write_mask(const lm_register_t *reg, unsigned int shift, size_t len)
{
	return (register_width_mask((unsigned int)len) << (8 * shift)) & (reg->wmask ?: UINT64_MAX);
}

/* Of its register, the bits that the piece of a write has; the others are 0. */
static uint64_t piece_written(const struct access *a, const lm_register_t *reg)
{
	uint64_t value = 0;

	memcpy((char *)&value + a->shift, a->buf + a->pos, a->piece);
	return le64toh(value) & write_mask(reg, a->shift, a->piece);
}

/* The device has had its say, and what it says of a register counts: it may have cleared a bit that
 * clears itself. Else those bytes are stored that were written. */
static void piece_store(struct region *r, const struct access *a)
{
	const lm_register_t *reg = register_at(r->info.regs, a->idx);
	const uint64_t written = piece_written(a, reg);
	uint64_t *value = &r->values[a->idx];

	if (r->changes && r->changes[a->idx] != a->changes)
		return;
	if (reg->access == LM_RW1C)
		*value &= ~written;
	else
		*value = (*value & ~write_mask(reg, a->shift, a->piece)) | written;
}

void register_completed(struct region *r, const struct access *a)
{
	if (a->is_write && r->changes)
		piece_store(r, a);
}

static void read_take(struct deferral *d, ssize_t result, const void *data)
{
	struct access *a = container_of(d, struct access, defer);

	if (result < 0)
		return;
	if (!data || result < (ssize_t)(a->shift + a->piece)) {
		d->result = -EIO;
		return;
	}
	memcpy(a->buf + a->pos, (const char *)data + a->shift, a->piece);
}

static ssize_t defer_result(enum defer_state state, const struct access *a)
{
	switch (state) {
	case DEFER_WAITING: return LM_DEFER;
	case DEFER_ANSWERED: return a->defer.result < 0 ? a->defer.result : (ssize_t)a->piece;
	default: return 0;
	}
}

static ssize_t part_read(struct lm_ctx *ctx, struct region *r, struct access *a,
			 const struct part *p)
{
	const lm_register_map_t *map = r->info.regs;
	lm_register_io_t io;
	uint64_t value = 0;
	ssize_t ret;

	if (p->reg->access == LM_WO) {
		value = 0;
	} else if (!map->read) {
		value = r->values[p->idx];
	} else {
		a->defer.take = read_take;
		io = part_io(ctx, r, a, p);
		ret = defer_result(call_register_read(ctx, &a->defer, map, &io, &value), a);
		if (ret)
			return ret;
	}
	value = htole64(value);
	memcpy(a->buf + a->pos, (const char *)&value + p->shift, p->len);
	return p->len;
}

/* What the register is to become: the bytes written, and the rest as the map's rules say. */
static uint64_t part_merge(struct lm_ctx *ctx, const lm_register_map_t *map, const struct part *p,
			   const lm_register_io_t *io)
{
	const uint64_t written = io->value, all = register_width_mask(p->reg->width);
	const uint64_t mask = write_mask(p->reg, p->shift, p->len);
	struct deferral nobody = { 0 };
	uint64_t present;

	if (!(all & ~mask) || p->reg->access == LM_RW1C)
		return written;
	if (map->read && !(p->reg->flags & LM_REGISTER_PURE))
		return written;
	/* To read it has no effect on the device, and cannot be deferred. */
	if (map->read)
		call_register_read(ctx, &nobody, map, io, &present);
	else
		present = io->old;
	return (present & all & ~mask) | written;
}

static ssize_t part_write(struct lm_ctx *ctx, struct region *r, struct access *a,
			  const struct part *p)
{
	lm_register_io_t io;
	ssize_t ret = 0;

	if (p->reg->access == LM_RO)
		return p->len;
	a->idx = p->idx;
	/* The device sees a write before it is done: it can still look at what was there. */
	if (r->info.regs->write) {
		io = part_io(ctx, r, a, p);
		io.value = piece_written(a, p->reg);
		io.value = part_merge(ctx, r->info.regs, p, &io);
		a->changes = r->changes ? r->changes[p->idx] : 0;
		a->defer.take = NULL;
		ret = defer_result(call_register_write(ctx, &a->defer, r->info.regs, &io), a);
	}
	if (ret < 0)
		return ret;
	if (r->values)
		piece_store(r, a);
	return p->len;
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
	*max = map->max_width ?: REGISTER_WIDTH_MAX;
}

ssize_t register_access(struct lm_ctx *ctx, struct region *r, struct access *a, size_t len)
{
	const uint64_t offset = a->offset + a->pos;
	const lm_register_map_t *map = r->info.regs;
	unsigned int min, max;
	struct part p;

	register_widths(map, &min, &max);
	/* Of configuration space any part may be read at once, and registers are some of it. */
	if ((a->count < min || a->count > max) &&
	    bus_region_kind(&ctx->info, a->region) != LM_CFG_REG_IDX) {
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

/* Where the library keeps the register, or NULL. */
static struct region *region_of(const lm_ctx_t *ctx, uint32_t region, uint64_t offset,
				uint32_t *idx)
{
	struct region *r = region_get(ctx, region);

	return r && r->values && register_find(r->info.regs, offset, idx) ? r : NULL;
}

LM_EXPORT uint64_t lm_register_get(const lm_ctx_t *ctx, uint32_t region, uint64_t offset)
{
	uint32_t idx;
	const struct region *r = region_of(ctx, region, offset, &idx);
	uint64_t value;

	if (!r)
		return 0;
	ctx_lock(ctx);
	value = r->values[idx];
	ctx_unlock(ctx);
	return value;
}

LM_EXPORT int lm_register_set(lm_ctx_t *ctx, uint32_t region, uint64_t offset, uint64_t value)
{
	uint32_t idx;
	struct region *r = region_of(ctx, region, offset, &idx);

	if (!r)
		return -ENOENT;
	ctx_lock(ctx);
	value_change(r, idx, value);
	ctx_unlock(ctx);
	return 0;
}
