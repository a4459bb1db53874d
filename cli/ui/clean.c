/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clean.c - makes text harmless for a terminal. See clean.h. What is not UTF-8 is looked at byte by
 * byte: a terminal may take it for a character set of eight bits.
 */
#include "ui/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* As Unicode has them: Bidi_Control. */
static bool is_direction(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static bool is_harmful(uint32_t code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0) || is_direction(code);
}

static void replace(char *text, bool (*is_bad)(uint32_t code))
{
	size_t left = strlen(text), len;
	char *to = text;
	uint32_t code;

	for (; left; text += len, left -= len) {
		len = utf8_decode(text, left, &code);
		if (!len) {
			len = 1;
			code = (unsigned char)*text;
		}
		if (is_bad(code)) {
			*to++ = '?';
			continue;
		}
		memmove(to, text, len);
		to += len;
	}
	*to = '\0';
}

void clean(char *text)
{
	replace(text, is_harmful);
}

void clean_directions(char *text)
{
	replace(text, is_direction);
}
