/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * place.h - the words of peek and poke: REGION+OFFSET[.WIDTH] or REGISTER[.FIELD], and
 * for poke =VALUE[:MASK]. Numbers are hexadecimal, with or without 0x, as in setpci.
 */
#ifndef MUSCTL_PLACE_H
#define MUSCTL_PLACE_H

#include "target.h"

/* A place, and what of it counts. */
struct spot {
	struct place      place;
	const struct reg *reg;   /* NULL: none is known there */
	struct field      field; /* name NULL: all of it */
	bool              fixed; /* the text says the width, whatever the device */
};

/* Only [0, len) of text is looked at. 0, or the status of a printed error. */
int spot_parse(struct spot *spot, const struct regmap *map, const char *text, size_t len);

/* The bits of the spot in its place's value. */
uint64_t spot_mask(const struct spot *spot);
uint64_t spot_extract(const struct spot *spot, uint64_t value);

#endif /* MUSCTL_PLACE_H */
