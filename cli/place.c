/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * place.c - parses places. See place.h. It knows names, not devices: whether a region has
 * that offset is for the device to say.
 */
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

#include "error.h"
#include "names.h"
#include "parse.h"

#define DEFAULT_WIDTH 4

static int bad_place(const char *text, const char *why)
{
	return error(ST_USAGE, text, "%s", why);
}

/* The digits before end, as hexadecimal. */
static bool hex_part(const char *text, size_t len, uint64_t *value)
{
	char *digits = strndup(text, len);
	const bool good = digits && parse_hex(digits, value);

	free(digits);
	return good;
}

/* "1", "2", "4", "8", or setpci's B, W, L, and Q. 0: none of them. */
static unsigned int parse_width(const char *text, size_t len)
{
	static const char letters[] = "1b2w4l8q";
	const char *at = len == 1 ? strchr(letters, ascii_lower(*text)) : NULL;

	return at && *at ? 1u << (at - letters) / 2 : 0;
}

/* +OFFSET[.WIDTH] */
static int parse_offset(struct spot *spot, const struct regmap *map, const char *rest,
			size_t len)
{
	const char *dot = memchr(rest, '.', len);
	size_t digits = dot ? (size_t)(dot - rest) : len;
	const struct reg *reg;

	if (!hex_part(rest, digits, &spot->place.offset))
		return bad_place(spot->place.name, errno == ERANGE ?
				 "the offset is larger than 0xffffffffffffffff" :
				 "the offset is not a hexadecimal number");
	reg = regmap_at(map, spot->place.region, spot->place.offset);
	if (reg && reg->offset == spot->place.offset)
		spot->reg = reg;
	spot->place.width = spot->reg ? spot->reg->width : DEFAULT_WIDTH;
	if (!dot)
		return 0;
	spot->fixed = true;
	spot->place.width = parse_width(dot + 1, len - digits - 1);
	if (spot->reg && spot->reg->width != spot->place.width)
		spot->reg = NULL;
	return spot->place.width ? 0 : bad_place(spot->place.name,
						 "the width must be 1, 2, 4, 8, B, W, L or Q");
}

static int no_register(const char *text, const struct regmap *map)
{
	if (!map->complete)
		return error(ST_FAILED, text, "is not REGION+OFFSET, and over --socket only "
			     "registers of the PCI header have names");
	return error(ST_FAILED, text, "%s of the PCI header (musctl-peek(8) lists them), nor "
		     "REGION+OFFSET", regmap_has_own(map) ?
		     "no such register (musctl show lists them), nor one" :
		     "the device names no registers, and it is none");
}

static int no_field(const char *text, const struct reg *reg)
{
	struct field field;
	size_t i = 0;

	return error(ST_FAILED, text, reg_next_field(reg->json, &i, &field) ?
		     "%s has no such field (musctl show lists them)" :
		     "%s has no fields with names", reg->name);
}

/* REGISTER[.FIELD] */
static int parse_register(struct spot *spot, const struct regmap *map, const char *text,
			  size_t len)
{
	const char *dot = memchr(text, '.', len);
	size_t word = dot ? (size_t)(dot - text) : len;
	char field[64];

	if (!word || (dot && word + 1 == len))
		return bad_place(text, "is not REGION+OFFSET[.WIDTH] or REGISTER[.FIELD]");
	spot->reg = regmap_find(map, text, word);
	if (!spot->reg)
		return no_register(text, map);
	spot->place.region = spot->reg->region;
	spot->place.offset = spot->reg->offset;
	spot->place.width = spot->reg->width;
	if (!dot)
		return 0;
	snprintf(field, sizeof(field), "%.*s", (int)(len - word - 1), dot + 1);
	if (reg_field(spot->reg, field, &spot->field))
		return 0;
	return no_field(text, spot->reg);
}

int spot_parse(struct spot *spot, const struct regmap *map, const char *text, size_t len)
{
	unsigned int word;

	memset(spot, 0, sizeof(*spot));
	spot->place.name = text;
	if (name_to_region(text, &spot->place.region, &word) && text[word] == '+')
		return parse_offset(spot, map, text + word + 1, len - word - 1);
	if (word < len && text[word] == '+')
		return bad_place(text, "no such region (bar0 .. bar5, rom, config, vga)");
	return parse_register(spot, map, text, len);
}

uint64_t spot_mask(const struct spot *spot)
{
	if (!spot->field.name)
		return bit_mask(8 * spot->place.width);
	return bit_mask(spot->field.bits) << spot->field.shift;
}

uint64_t spot_extract(const struct spot *spot, uint64_t value)
{
	return (value & spot_mask(spot)) >> spot->field.shift;
}
