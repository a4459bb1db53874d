/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name.c - names in a description: of the device, registers, their fields, properties.
 *
 * Refuses names that people could not write or that would mean two things: REGISTER.FIELD,
 * REGISTER=VALUE:MASK and NAME=VALUE of musctl leave no room for other characters, registers are
 * found whatever the case, the name of a device fills one cell of a table, and a property of
 * several wires gives a name to each of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bus.h"
#include "base/name_fault.h"
#include "base/prop.h"
#include "base/utf8.h"
#include "region/name.h"
#include "region/region.h"

#define REGISTER_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
#define PROP_CHARS     "abcdefghijklmnopqrstuvwxyz0123456789-"
#define DIGITS         "0123456789"
#define NOT_FIRST      DIGITS "_-"
#define BUS_CHARS      PROP_CHARS "_"

static bool name_is_valid(const char *name, const char *chars)
{
	const size_t len = name ? strnlen(name, NAME_LENGTH + 1) : 0;

	return len && len <= NAME_LENGTH && strspn(name, chars) == len;
}

bool name_is_register(const char *name)
{
	return name_is_valid(name, REGISTER_CHARS);
}

void register_complain(struct lm_ctx *ctx, int level, uint32_t index, const lm_register_t *reg,
		       const char *what)
{
	const unsigned long long at = reg->offset;

	if (name_is_register(reg->name))
		lm_log(ctx, level, "region %u: register %s at 0x%llx: %s", index, reg->name, at,
		       what);
	else
		lm_log(ctx, level, "region %u: register at 0x%llx: %s", index, at, what);
}

/* ---- the device ------------------------------------------------------------------ */

int name_check_device(const lm_dev_info_t *info)
{
	const char *fault = info->name ? name_fault(info->name) : NULL;

	if (!fault && info->type && !utf8_is_word(info->type, NAME_LENGTH))
		fault = "a type is 1 to 63 bytes of printable UTF-8 without blanks";
	if (!fault)
		return 0;
	log_info(info, LM_LOG_ERR, "%s", fault);
	return -EINVAL;
}

/* ---- regions and interrupts ------------------------------------------------------ */

/* The names in a table of the description; those that are NULL follow from the index. */
struct names {
	const char *table, *number;
	const char *const *first;
	size_t size; /* of an element */
	uint32_t nr;
	bool is_pci;
};

static const char *name_at(const struct names *names, uint32_t i)
{
	return *(const char *const *)((const char *)names->first + i * names->size);
}

static bool is_pcis(const char *name)
{
	uint32_t i;

	for (i = 0; i < LM_DEV_NUM_REGS && strcmp(name, bus_region_names[i]); i++)
		;
	return i < LM_DEV_NUM_REGS;
}

static const char *bus_name_fault(const struct names *names, uint32_t i)
{
	const char *name = name_at(names, i), *other;
	const size_t len = strlen(names->number);
	uint32_t k;

	if (!name_is_valid(name, BUS_CHARS) || strchr(NOT_FIRST, *name))
		return "its name must be 1 to 63 characters a-z 0-9 _ -, the first a letter";
	if (!strncmp(name, names->number, len) && !name[len + strspn(name + len, DIGITS)])
		return "its name is one of those that say which by the index";
	if (names->is_pci && is_pcis(name))
		return "its name is PCI's";
	for (k = 0; k < i; k++) {
		other = name_at(names, k);
		if (other && !strcmp(other, name))
			return "one before it has the same name";
	}
	return NULL;
}

static int bus_names_check(const lm_dev_info_t *info, const struct names *names)
{
	const char *fault;
	uint32_t i;

	for (i = 0; i < names->nr; i++) {
		fault = name_at(names, i) ? bus_name_fault(names, i) : NULL;
		if (fault) {
			log_info(info, LM_LOG_ERR, "%s[%u]: %s", names->table, i, fault);
			return -EINVAL;
		}
	}
	return 0;
}

int name_check_bus(const lm_dev_info_t *info)
{
	const struct names regions = {
		.table = "extra_regs",
		.number = "region",
		.first = info->nr_extra_regs ? &info->extra_regs->name : NULL,
		.size = sizeof(lm_reg_info_t),
		.nr = info->nr_extra_regs,
		.is_pci = bus_is_pci(info),
	};
	const struct names irqs = {
		.table = "irqs",
		.number = "irq",
		.first = info->nr_irqs ? &info->irqs->name : NULL,
		.size = sizeof(lm_irq_info_t),
		.nr = info->nr_irqs,
	};
	int ret = bus_names_check(info, &regions);

	return ret ?: bus_names_check(info, &irqs);
}

/* ---- properties ------------------------------------------------------------------ */

int name_check_props(const lm_dev_info_t *info)
{
	const lm_prop_t *other;
	uint32_t i;

	for (i = 0; i < info->nr_props; i++) {
		const lm_prop_t *p = &info->props[i];

		if (!name_is_valid(p->name, PROP_CHARS)) {
			log_info(info, LM_LOG_ERR,
				 "property %u: its name must be 1 to %d "
				 "characters a-z 0-9 -",
				 i, NAME_LENGTH);
			return -EINVAL;
		}
		/* One that comes before: the same name, or one is a wire of the other. */
		for (other = info->props; other < p; other++) {
			if (strcmp(other->name, p->name) && !prop_is_wire(other, p->name) &&
			    !prop_is_wire(p, other->name))
				continue;
			log_info(info, LM_LOG_ERR, "property %u, %s: the name is taken by %s%s", i,
				 p->name, other->nr ? "wires of " : "", other->name);
			return -EINVAL;
		}
	}
	return 0;
}

/* ---- registers ------------------------------------------------------------------- */

static const char *field_fault(const lm_register_t *reg, uint32_t i)
{
	const lm_field_t *f = &reg->fields[i];
	uint32_t j;

	if (!name_is_register(f->name))
		return "its name must be 1 to 63 characters A-Z a-z 0-9 _";
	if (!f->bits)
		return "it has no bits";
	if (out_of_range(f->shift, f->bits, 8u * reg->width))
		return "it extends beyond the register";
	if (!all_zero(f->reserved, sizeof(f->reserved)))
		return "a reserved member is not 0";
	for (j = 0; j < i; j++) {
		if (!ascii_compare(reg->fields[j].name, f->name))
			return "one before it has the same name (case is ignored)";
	}
	return NULL;
}

static int one_register_check(struct lm_ctx *ctx, uint32_t index, const lm_register_t *reg)
{
	const char *fault = NULL;
	char text[NAME_LENGTH + 100];
	uint32_t i;

	if (!name_is_register(reg->name))
		fault = "its name must be 1 to 63 characters A-Z a-z 0-9 _";
	else if (reg->nr_fields && !reg->fields)
		fault = "the table of its fields is missing";
	if (fault) {
		register_complain(ctx, LM_LOG_ERR, index, reg, fault);
		return -EINVAL;
	}
	for (i = 0; i < reg->nr_fields; i++) {
		const char *name = reg->fields[i].name;

		fault = field_fault(reg, i);
		if (!fault)
			continue;
		if (name_is_register(name))
			snprintf(text, sizeof(text), "field %s: %s", name, fault);
		else
			snprintf(text, sizeof(text), "fields[%u]: %s", i, fault);
		register_complain(ctx, LM_LOG_ERR, index, reg, text);
		return -EINVAL;
	}
	return 0;
}

/* Its own and those of its aliases, which have nothing else. */
static int register_names_check(struct lm_ctx *ctx, uint32_t index, const lm_register_t *reg)
{
	int ret = one_register_check(ctx, index, reg);
	lm_register_t alias;
	uint32_t i;

	if (!ret && reg->nr_aliases && !reg->aliases) {
		register_complain(ctx, LM_LOG_ERR, index, reg,
				  "the table of its aliases is missing");
		return -EINVAL;
	}
	for (i = 0; i < reg->nr_aliases && !ret; i++) {
		alias = reg->aliases[i];
		alias.offset = reg->offset;
		alias.width = reg->width;
		ret = one_register_check(ctx, index, &alias);
	}
	return ret;
}

/* A register, and where it is. */
struct named {
	const lm_register_t *reg;
	uint32_t region;
};

/* By name; those of one name as they are described. */
static int compare(const void *first, const void *second)
{
	const struct named *a = first, *b = second;
	const int order = ascii_compare(a->reg->name, b->reg->name);

	if (order)
		return order;
	if (a->region != b->region)
		return a->region < b->region ? -1 : 1;
	return a->reg->offset < b->reg->offset ? -1 : a->reg->offset > b->reg->offset;
}

static int names_are_unique(struct lm_ctx *ctx, struct named *named, size_t nr)
{
	char text[NAME_LENGTH + 100];
	size_t i;

	qsort(named, nr, sizeof(*named), compare);
	for (i = 1; i < nr; i++) {
		const struct named *one = &named[i - 1], *other = &named[i];

		if (!ascii_compare(one->reg->name, other->reg->name)) {
			snprintf(text, sizeof(text),
				 "register %s at 0x%llx of region %u has the "
				 "same name (case is ignored)",
				 one->reg->name, (unsigned long long)one->reg->offset, one->region);
			register_complain(ctx, LM_LOG_ERR, other->region, other->reg, text);
			return -EINVAL;
		}
	}
	return 0;
}

int name_check_registers(struct lm_ctx *ctx)
{
	const lm_register_map_t *map;
	struct named *named;
	uint32_t i, j;
	size_t nr = 0;
	int ret = 0;

	for (i = 0; i < region_count(ctx); i++) {
		map = region_get(ctx, i)->info.regs;
		nr += map ? map->nr_registers : 0;
	}
	named = calloc(nr ?: 1, sizeof(*named));
	if (!named)
		return -ENOMEM;
	for (i = 0, nr = 0; i < region_count(ctx) && !ret; i++) {
		map = region_get(ctx, i)->info.regs;
		for (j = 0; map && j < map->nr_registers && !ret; j++) {
			named[nr] = (struct named){ register_at(map, j), i };
			ret = register_names_check(ctx, i, named[nr++].reg);
		}
	}
	ret = ret ?: names_are_unique(ctx, named, nr);
	free(named);
	return ret;
}
