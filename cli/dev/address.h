/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * address.h - the words of peek and poke: REGION+OFFSET[.WIDTH] or REGISTER[.FIELD], and
 * for poke =VALUE[:MASK]. Numbers are hexadecimal, with or without 0x, as in setpci.
 */
#ifndef MUSCTL_ADDRESS_H
#define MUSCTL_ADDRESS_H

#include "dev/target.h"

/* A location, and what of it counts. */
struct address {
	struct location location;
	const struct reg *reg; /* NULL: none is known there */
	struct field field;    /* name NULL: all of it */
	bool fixed;            /* the text says the width, whatever the device */
};

/* Only [0, len) of text is looked at. 0, or the status of a printed error. */
int address_parse(struct address *address, const struct regmap *map, const char *text, size_t len);

/* The bits of the address in its location's value. */
uint64_t address_mask(const struct address *address);
uint64_t address_extract(const struct address *address, uint64_t value);

#endif /* MUSCTL_ADDRESS_H */
