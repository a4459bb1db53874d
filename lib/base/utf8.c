/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * utf8.c - UTF-8, whatever the locale. See utf8.h. Decodes strictly: what has two spellings, or
 * stands for half of a character, is none.
 */
#include "base/utf8.h"

#include <string.h>

size_t utf8_decode(const char *text, size_t left, uint32_t *code)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t min, c;
	size_t len, i;

	*code = *s;
	if (*s < 0x80)
		return 1;
	len = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
	if (*s < 0xc2 || *s > 0xf4 || len > left)
		return 0;
	min = len == 4 ? 0x10000 : len == 3 ? 0x800 : 0x80;
	c = *s & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	*code = c;
	return c >= min && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? len : 0;
}

/* Blanks, controls, and what turns the direction of the text around it. */
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{ 0, ' ' },         { 0x7f, 0xa0 },     { 0x1680, 0x1680 },
	{ 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },
	{ 0x3000, 0x3000 }, { 0xfeff, 0xfeff }, { 0xfff0, 0xffff },
};

static bool is_printable(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++) {
		if (c >= unprintable[i].first && c <= unprintable[i].last)
			return false;
	}
	return true;
}

bool utf8_is_word(const char *text, size_t max)
{
	const size_t len = strnlen(text, max + 1);
	size_t i, n;
	uint32_t c;

	for (i = 0; i < len; i += n) {
		n = utf8_decode(text + i, len - i, &c);
		if (!n || !is_printable(c))
			return false;
	}
	return len && len <= max;
}

bool utf8_is_line(const char *text)
{
	size_t n, left = strlen(text);
	uint32_t c;

	for (; left; text += n, left -= n) {
		n = utf8_decode(text, left, &c);
		if (!n || c < ' ' || (c >= 0x7f && c < 0xa0))
			return false;
	}
	return true;
}
