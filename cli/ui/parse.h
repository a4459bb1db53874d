/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse.h - text to values. All return false for anything that is not exactly a value: no
 * trailing characters, no sign, no overflow; errno is then ERANGE for a number that is too
 * large, else EINVAL.
 */
#ifndef MUSCTL_PARSE_H
#define MUSCTL_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal, or hexadecimal with 0x. */
bool parse_u64(const char *text, uint64_t *value);
bool parse_u32(const char *text, uint32_t *value);

/* setpci's habit: hexadecimal, with or without 0x. */
bool parse_hex(const char *text, uint64_t *value);

/* "1.5" to nanoseconds. */
bool parse_seconds(const char *text, uint64_t *ns);

#endif /* MUSCTL_PARSE_H */
