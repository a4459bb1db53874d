/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * regmap.h - names of registers: those that a device tells, and those of the PCI header; with what
 * its regions and interrupts are called. One map serves peek, poke, traces and completion.
 */
#ifndef MUSCTL_REGMAP_H
#define MUSCTL_REGMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/names.h"

struct json_object;

struct reg {
	const char *name;
	uint32_t region;
	uint32_t width;
	uint64_t offset;
	struct json_object *json; /* as the device tells it, for its fields; NULL: PCI header */
};

struct regmap {
	struct reg *regs; /* sorted by region and offset */
	size_t nr;
	bool complete; /* the device has described its own */
	struct names names;
};

struct field {
	const char *name;
	unsigned int shift;
	unsigned int bits;
};

/* registers: the array that the control method Registers gives, NULL: none. It and what names are
 * borrowed as long as the map lives. 0 or -ENOMEM. */
int regmap_init(struct regmap *map, const struct names *names, struct json_object *registers);
void regmap_free(struct regmap *map);

/* Has the device described any, besides those of the PCI header? */
bool regmap_has_own(const struct regmap *map);

/* Is it a register of the PCI header? */
bool regmap_is_header(const char *name, size_t len);

/* By name; exactly, else whatever the case. len: how much of name counts. NULL: none. */
const struct reg *regmap_find(const struct regmap *map, const char *name, size_t len);

/* The first register that ends after offset, or NULL; the next ones follow it in the
 * array. */
const struct reg *regmap_at(const struct regmap *map, uint32_t region, uint64_t offset);

/* A part of a region. */
struct span {
	uint32_t region;
	uint32_t len;
	uint64_t offset;
	uint32_t alias; /* of the register there, from 1, as a trace has it; 0: the register */
};

/* The registers that it touches, one after the other: previous NULL gives the first; NULL
 * after the last. */
const struct reg *regmap_next(const struct regmap *map, const struct span *span,
			      const struct reg *previous);

/* The one register that it is, as a device tells it, or the alias; NULL: it is not one. */
struct json_object *regmap_exact(const struct regmap *map, const struct span *span);

/* "A"; "A+B"; of more than two the first and the last: "A..F". */
const char *regmap_names(const struct regmap *map, const struct span *span, char *buf, size_t size);

/* The first field from the *i-th on of a register, as a device tells it, that lies in it;
 * *i goes on. False: there are no more. */
bool reg_next_field(struct json_object *json, size_t *i, struct field *field);

/* "ENABLE=1 MODE=0x3" of a register's value. */
const char *reg_fields(struct json_object *json, uint64_t value, char *buf, size_t size);

bool reg_field(const struct reg *reg, const char *name, struct field *field);

/* Of 0 .. 64 bits. */
uint64_t bit_mask(unsigned int bits);

#endif /* MUSCTL_REGMAP_H */
