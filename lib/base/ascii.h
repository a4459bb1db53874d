/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ascii.h - letters and digits, whatever the locale.
 *
 * Names of columns, registers, types and keys are ASCII. ctype.h and strcasecmp follow
 * LC_CTYPE, and a Turkish one knows that the small letter of I is a dotless one: to it "IN0_7" and
 * "in0_7" are two words.
 */
#ifndef LM_ASCII_H
#define LM_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* What fits of @text. */
static inline void ascii_copy_lower(char *buf, const char *text, size_t size)
{
	for (; size > 1 && *text; size--)
		*buf++ = ascii_lower(*text++);
	*buf = '\0';
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_xdigit(char c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* Is @text one of 0 .. nr-1, with no zero in front? */
static inline bool ascii_is_index(const char *text, size_t len, uint64_t nr)
{
	uint64_t index = 0;
	size_t i;

	if (!len || len > 19 || (*text == '0' && len > 1))
		return false;
	for (i = 0; i < len && ascii_is_digit(text[i]); i++)
		index = 10 * index + (uint64_t)(text[i] - '0');
	return i == len && index < nr;
}

/* As strncasecmp, which follows the locale. */
static inline int ascii_compare_n(const char *a, const char *b, size_t len)
{
	int diff = 0;

	for (; len && !diff; len--, a++, b++) {
		diff = (unsigned char)ascii_lower(*a) - (unsigned char)ascii_lower(*b);
		if (!*a)
			break;
	}
	return diff;
}

static inline int ascii_compare(const char *a, const char *b)
{
	return ascii_compare_n(a, b, (size_t)-1);
}

#endif /* LM_ASCII_H */
