/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * regmap.c - names of registers. See regmap.h. A device may tell what it likes: registers
 * and fields that cannot be are left out.
 */
#include "dev/regmap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include <muser.h>

#include "base/ascii.h"
#include "base/json.h"

#include "ui/value.h"

/* The type-0 header with the names that setpci uses. */
static const struct {
	const char *name;
	uint8_t offset;
	uint8_t width;
} header[] = {
	{ "VENDOR_ID", PCI_VENDOR_ID, 2 },
	{ "DEVICE_ID", PCI_DEVICE_ID, 2 },
	{ "COMMAND", PCI_COMMAND, 2 },
	{ "STATUS", PCI_STATUS, 2 },
	{ "REVISION", PCI_REVISION_ID, 1 },
	{ "CLASS_PROG", PCI_CLASS_PROG, 1 },
	{ "CLASS_DEVICE", PCI_CLASS_DEVICE, 2 },
	{ "CACHE_LINE_SIZE", PCI_CACHE_LINE_SIZE, 1 },
	{ "LATENCY_TIMER", PCI_LATENCY_TIMER, 1 },
	{ "HEADER_TYPE", PCI_HEADER_TYPE, 1 },
	{ "BIST", PCI_BIST, 1 },
	{ "BASE_ADDRESS_0", PCI_BASE_ADDRESS_0, 4 },
	{ "BASE_ADDRESS_1", PCI_BASE_ADDRESS_1, 4 },
	{ "BASE_ADDRESS_2", PCI_BASE_ADDRESS_2, 4 },
	{ "BASE_ADDRESS_3", PCI_BASE_ADDRESS_3, 4 },
	{ "BASE_ADDRESS_4", PCI_BASE_ADDRESS_4, 4 },
	{ "BASE_ADDRESS_5", PCI_BASE_ADDRESS_5, 4 },
	{ "CARDBUS_CIS", PCI_CARDBUS_CIS, 4 },
	{ "SUBSYSTEM_VENDOR_ID", PCI_SUBSYSTEM_VENDOR_ID, 2 },
	{ "SUBSYSTEM_ID", PCI_SUBSYSTEM_ID, 2 },
	{ "ROM_ADDRESS", PCI_ROM_ADDRESS, 4 },
	{ "CAPABILITIES", PCI_CAPABILITY_LIST, 1 },
	{ "INTERRUPT_LINE", PCI_INTERRUPT_LINE, 1 },
	{ "INTERRUPT_PIN", PCI_INTERRUPT_PIN, 1 },
	{ "MIN_GNT", PCI_MIN_GNT, 1 },
	{ "MAX_LAT", PCI_MAX_LAT, 1 },
};

static int compare(const void *a, const void *b)
{
	const struct reg *x = a, *y = b;

	if (x->region != y->region)
		return x->region < y->region ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Of a register, in bytes; 0: it cannot be. */
static uint32_t width_of(struct json_object *json)
{
	const uint64_t width = value_u64(json, "width");

	return width <= 8 && !(width & (width - 1)) ? (uint32_t)width : 0;
}

static size_t header_length(const struct regmap *map)
{
	return map->names.not_pci ? 0 : LM_NR(header);
}

int regmap_init(struct regmap *map, const struct names *names, struct json_object *registers)
{
	size_t i, nr = json_length(registers);

	map->nr = 0;
	map->names = *names;
	map->complete = registers;
	map->regs = calloc(nr + LM_NR(header), sizeof(*map->regs));
	if (!map->regs)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct json_object *json = json_at(registers, i);
		const uint64_t region = value_u64(json, "region");
		const uint64_t offset = value_u64(json, "offset");
		const struct reg reg = {
			value_text(json, "name"), (uint32_t)region, width_of(json), offset, json,
		};

		if (reg.name && reg.width && region == reg.region &&
		    offset <= UINT64_MAX - reg.width)
			map->regs[map->nr++] = reg;
	}
	for (i = 0; i < header_length(map); i++)
		map->regs[map->nr++] = (struct reg){
			header[i].name, LM_CFG_REG_IDX, header[i].width, header[i].offset, NULL,
		};
	qsort(map->regs, map->nr, sizeof(*map->regs), compare);
	return 0;
}

void regmap_free(struct regmap *map)
{
	free(map->regs);
	map->regs = NULL;
	map->nr = 0;
}

bool regmap_has_own(const struct regmap *map)
{
	return map->nr > header_length(map);
}

bool regmap_is_header(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < LM_NR(header); i++) {
		if (strlen(header[i].name) == len && !ascii_compare_n(header[i].name, name, len))
			return true;
	}
	return false;
}

const struct reg *regmap_find(const struct regmap *map, const char *name, size_t len)
{
	const struct reg *found = NULL, *reg;
	int exact;

	for (exact = 1; exact >= 0 && !found; exact--) {
		for (reg = map->regs; reg < map->regs + map->nr; reg++) {
			if (strlen(reg->name) != len || ascii_compare_n(reg->name, name, len) ||
			    (exact && strncmp(reg->name, name, len)))
				continue;
			/* the device's own wins over one of the header */
			if (!found || !found->json)
				found = reg;
		}
	}
	return found;
}

const struct reg *regmap_at(const struct regmap *map, uint32_t region, uint64_t offset)
{
	size_t low = 0, high = map->nr, mid;
	const struct reg *reg;

	while (low < high) {
		mid = (low + high) / 2;
		reg = &map->regs[mid];
		if (reg->region < region ||
		    (reg->region == region && reg->offset + reg->width <= offset))
			low = mid + 1;
		else
			high = mid;
	}
	return low < map->nr && map->regs[low].region == region ? &map->regs[low] : NULL;
}

const struct reg *regmap_next(const struct regmap *map, const struct span *span,
			      const struct reg *previous)
{
	const struct reg *reg;

	reg = previous ? previous + 1 : regmap_at(map, span->region, span->offset);
	if (!reg || reg == map->regs + map->nr || reg->region != span->region)
		return NULL;
	if (reg->offset >= span->offset && reg->offset - span->offset >= span->len)
		return NULL;
	return reg;
}

struct json_object *regmap_exact(const struct regmap *map, const struct span *span)
{
	const struct reg *reg = regmap_at(map, span->region, span->offset);

	if (!reg || !reg->json || reg->offset != span->offset || reg->width != span->len)
		return NULL;
	return span->alias ? value_item(reg->json, "aliases", span->alias - 1) : reg->json;
}

const char *regmap_names(const struct regmap *map, const struct span *span, char *buf, size_t size)
{
	const struct reg *first = regmap_next(map, span, NULL), *last = first, *reg = first;

	while ((reg = regmap_next(map, span, reg)))
		last = reg;
	if (span->alias && regmap_exact(map, span))
		snprintf(buf, size, "%s", value_name(regmap_exact(map, span)));
	else if (!first)
		buf[0] = '\0';
	else if (first == last)
		snprintf(buf, size, "%s", first->name);
	else
		snprintf(buf, size, "%s%s%s", first->name, last == first + 1 ? "+" : "..",
			 last->name);
	return buf;
}

uint64_t bit_mask(unsigned int bits)
{
	return bits < 64 ? (1ULL << bits) - 1 : ~0ULL;
}

bool reg_next_field(struct json_object *json, size_t *i, struct field *field)
{
	const uint64_t room = 8 * width_of(json);
	struct json_object *item;
	uint64_t shift, bits;

	while ((item = value_item(json, "fields", (*i)++))) {
		shift = value_u64(item, "shift");
		bits = value_u64(item, "bits");
		if (!bits || bits > room || shift > room - bits)
			continue; /* it does not lie in the register */
		*field = (struct field){
			value_name(item),
			(unsigned int)shift,
			(unsigned int)bits,
		};
		return true;
	}
	return false;
}

const char *reg_fields(struct json_object *json, uint64_t value, char *buf, size_t size)
{
	struct field field;
	size_t i = 0, len = 0;

	buf[0] = '\0';
	while (len < size && reg_next_field(json, &i, &field)) {
		len += (size_t)snprintf(buf + len, size - len,
					field.bits > 3 ? "%s%s=0x%llx" : "%s%s=%llu",
					len ? " " : "", field.name,
					(unsigned long long)(value >> field.shift &
							     bit_mask(field.bits)));
	}
	return buf;
}

bool reg_field(const struct reg *reg, const char *name, struct field *field)
{
	size_t i = 0;

	while (reg_next_field(reg->json, &i, field)) {
		if (!ascii_compare(field->name, name))
			return true;
	}
	return false;
}
