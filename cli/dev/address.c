/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * address.c - parses locations. See address.h. It knows names, not devices: whether a region has
 * that offset is for the device to say.
 */
#include "dev/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bus.h"

#include "ui/error.h"
#include "ui/names.h"
#include "ui/parse.h"

#define DEFAULT_WIDTH 4

static int bad_place(const char *text, const char *why)
{
	return error(ST_USAGE, text, "%s", why);
}

/* "1", "2", "4", "8", or setpci's B, W, L, and Q. 0: none of them. */
static unsigned int parse_width(const char *text, size_t len)
{
	static const char letters[] = "1b2w4l8q";
	const char *at = len == 1 ? strchr(letters, ascii_lower(*text)) : NULL;

	return at && *at ? 1u << (at - letters) / 2 : 0;
}

/* +OFFSET[.WIDTH] */
static int parse_offset(struct address *address, const struct regmap *map, const char *rest,
			size_t len)
{
	const char *dot = memchr(rest, '.', len);
	const size_t nr = dot ? (size_t)(dot - rest) : len;
	char *digits = strndup(rest, nr);
	const bool good = digits && parse_hex(digits, &address->location.offset);
	const struct reg *reg;

	free(digits);
	if (!good)
		return bad_place(address->location.name,
				 errno == ERANGE ? "the offset is larger than 0xffffffffffffffff" :
						   "the offset is not a hexadecimal number");
	reg = regmap_at(map, address->location.region, address->location.offset);
	if (reg && reg->offset == address->location.offset)
		address->reg = reg;
	address->location.width = address->reg ? address->reg->width : DEFAULT_WIDTH;
	if (!dot)
		return 0;
	address->fixed = true;
	address->location.width = parse_width(dot + 1, len - nr - 1);
	if (address->reg && address->reg->width != address->location.width)
		address->reg = NULL;
	return address->location.width ? 0 :
					 bad_place(address->location.name,
						   "the width must be 1, 2, 4, 8, B, W, L or Q");
}

static int no_region(const char *text, const struct names *names)
{
	unsigned int word;
	uint32_t index;

	if (!names->not_pci)
		return bad_place(text, "no such region (bar0 .. bar5, rom, config, vga)");
	if (name_to_region(&pci_names, text, &index, &word) && text[word] == '+')
		return error(ST_UNSUPPORTED, text, NOT_PCI);
	return error(ST_FAILED, text, "no such region (musctl show lists them)");
}

static int no_register(const char *text, size_t len, const struct regmap *map)
{
	if (map->names.not_pci && regmap_is_header(text, len))
		return error(ST_UNSUPPORTED, text, NOT_PCI);
	if (!map->complete)
		return error(ST_FAILED, text,
			     map->names.not_pci ?
				     "is not REGION+OFFSET, such as region0+4, and over --socket "
				     "no register has a name" :
				     "is not REGION+OFFSET, such as bar0+4, and over --socket only "
				     "registers of the PCI header have names");
	if (map->names.not_pci)
		return error(ST_FAILED, text,
			     "no such register (%s), and not REGION+OFFSET, such as "
			     "region0+4",
			     regmap_has_own(map) ? "musctl show lists them" :
						   "the device names none");
	return error(ST_FAILED, text,
		     "no such register (%s; musctl-peek(8) lists those of the "
		     "PCI header), and not REGION+OFFSET, such as bar0+4",
		     regmap_has_own(map) ? "musctl show lists them" : "the device names none");
}

/* REGISTER[.FIELD] */
static int parse_register(struct address *address, const struct regmap *map, const char *text,
			  size_t len)
{
	const char *dot = memchr(text, '.', len);
	size_t word = dot ? (size_t)(dot - text) : len, i = 0;
	const struct reg *reg;
	struct field any;
	char field[64];

	if (!word || (dot && word + 1 == len))
		return bad_place(text, "is not REGION+OFFSET[.WIDTH] or REGISTER[.FIELD]");
	address->reg = reg = regmap_find(map, text, word);
	if (!reg)
		return no_register(text, word, map);
	address->location.region = reg->region;
	address->location.offset = reg->offset;
	address->location.width = reg->width;
	if (!dot)
		return 0;
	snprintf(field, sizeof(field), "%.*s", (int)(len - word - 1), dot + 1);
	if (reg_field(reg, field, &address->field))
		return 0;
	return error(ST_FAILED, text,
		     reg_next_field(reg->json, &i, &any) ?
			     "%s has no such field (musctl show lists them)" :
			     "%s has no named fields",
		     reg->name);
}

int address_parse(struct address *address, const struct regmap *map, const char *text, size_t len)
{
	unsigned int word;

	memset(address, 0, sizeof(*address));
	address->location.name = text;
	if (name_to_region(&map->names, text, &address->location.region, &word) &&
	    text[word] == '+')
		return parse_offset(address, map, text + word + 1, len - word - 1);
	if (word < len && text[word] == '+')
		return no_region(text, &map->names);
	return parse_register(address, map, text, len);
}

uint64_t address_mask(const struct address *address)
{
	if (!address->field.name)
		return bit_mask(8 * address->location.width);
	return bit_mask(address->field.bits) << address->field.shift;
}

uint64_t address_extract(const struct address *address, uint64_t value)
{
	return (value & address_mask(address)) >> address->field.shift;
}
