/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * register_array.c - arrays of registers: one line of a table that is many registers.
 *
 * A region whose map has arrays gets a map of its own, in which each element is a register with a
 * name of its own: what splits accesses, keeps values and finds names knows of no arrays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "region/name.h"
#include "region/region.h"

struct register_element {
	lm_register_t reg; /* first: the map is of these */
	uint32_t index, element;
};

struct register_elements {
	lm_register_map_t map;
	char *names;
	struct register_element at[];
};

static uint32_t count_of(const lm_register_t *reg)
{
	return reg->count ?: 1;
}

static uint32_t stride_of(const lm_register_t *reg)
{
	return reg->stride ?: reg->width;
}

uint32_t register_count(const lm_register_map_t *map)
{
	uint64_t nr = 0;
	uint32_t i;

	/* The description was not checked yet. */
	if (!map->registers || map->register_size < sizeof(lm_register_t))
		return 0;
	for (i = 0; i < map->nr_registers; i++)
		nr += count_of(register_at(map, i));
	return (uint32_t)at_most(nr, UINT32_MAX);
}

uint64_t register_span(const lm_register_t *reg)
{
	return (uint64_t)(count_of(reg) - 1) * stride_of(reg) + reg->width;
}

const char *register_array_fault(const lm_reg_info_t *info, const lm_register_t *reg)
{
	if (reg->stride && !reg->count)
		return "it has a stride but no count";
	if (reg->stride && reg->stride < reg->width)
		return "its stride is less than its width";
	if (out_of_range(reg->offset, register_span(reg), info->size))
		return reg->count ? "its last element extends beyond the region" :
				    "it extends beyond the region";
	return NULL;
}

void register_origin(const struct register_elements *elements, uint32_t idx, lm_register_io_t *io)
{
	io->index = elements->at[idx].index;
	io->element = elements->at[idx].element;
}

static void elements_fill(struct register_elements *all, const lm_register_map_t *map)
{
	struct register_element *e = all->at;
	uint32_t i, j;

	for (i = 0; i < map->nr_registers; i++) {
		const lm_register_t *reg = register_at(map, i);

		for (j = 0; j < count_of(reg); j++, e++) {
			e->reg = *reg;
			e->reg.offset += (uint64_t)j * stride_of(reg);
			e->index = i;
			e->element = j;
		}
	}
}

/* Once they have their places. */
static int elements_name(struct register_elements *all)
{
	const uint32_t nr = all->map.nr_registers;
	size_t room = 1, at = 0;
	uint32_t i;

	for (i = 0; i < nr; i++)
		room += all->at[i].reg.count ? strlen(all->at[i].reg.name) + sizeof("65535") : 0;
	all->names = malloc(room);
	if (!all->names)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct register_element *e = &all->at[i];
		char *name = all->names + at;

		if (!e->reg.count)
			continue;
		at += (size_t)snprintf(name, room - at, "%s%u", e->reg.name, e->element) + 1;
		e->reg.name = name;
		e->reg.count = e->reg.stride = 0;
	}
	return 0;
}

static int compare(const void *first, const void *second)
{
	const struct register_element *a = first, *b = second;

	return a->reg.offset < b->reg.offset ? -1 : a->reg.offset > b->reg.offset;
}

static int check_overlaps(struct lm_ctx *ctx, uint32_t region, const struct register_elements *all)
{
	uint32_t i;

	for (i = 1; i < all->map.nr_registers; i++) {
		const lm_register_t *before = &all->at[i - 1].reg, *reg = &all->at[i].reg;

		if (reg->offset < before->offset + before->width) {
			register_complain(ctx, LM_LOG_ERR, region, reg,
					  "it overlaps an element of an array");
			return -EINVAL;
		}
	}
	return 0;
}

static bool has_arrays(const lm_register_map_t *map)
{
	uint32_t i;

	for (i = 0; i < map->nr_registers; i++) {
		if (register_at(map, i)->count)
			return true;
	}
	return false;
}

int register_arrays_new(struct lm_ctx *ctx, uint32_t region, struct region *r)
{
	const lm_register_map_t *map = r->info.regs;
	const uint32_t nr = register_count(map);
	struct register_elements *all;
	int ret;

	if (nr > REGISTERS_MAX) {
		log_err(ctx, "region %u: %u registers are too many (at most %u)", region, nr,
			REGISTERS_MAX);
		return -EINVAL;
	}
	if (!has_arrays(map))
		return 0;
	all = calloc(1, sizeof(*all) + nr * sizeof(all->at[0]));
	if (!all)
		return -ENOMEM;
	all->map = *map;
	all->map.registers = &all->at[0].reg;
	all->map.nr_registers = nr;
	all->map.register_size = sizeof(all->at[0]);
	r->elements = all;
	r->info.regs = &all->map;
	elements_fill(all, map);
	qsort(all->at, nr, sizeof(all->at[0]), compare);
	ret = elements_name(all);
	return ret ?: check_overlaps(ctx, region, all);
}

void register_arrays_free(struct register_elements *all)
{
	if (all)
		free(all->names);
	free(all);
}
