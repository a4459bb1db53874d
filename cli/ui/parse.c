/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse.c - text to values. See parse.h. strtoull(3) alone would take nothing at all, signs,
 * spaces and a prefix of its own.
 */
#include "ui/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

static const char *skip_0x(const char *text)
{
	return text[0] == '0' && (text[1] | 0x20) == 'x' ? text + 2 : text;
}

/* The digits alone. */
static bool parse_base(const char *text, int base, uint64_t *value)
{
	char *end;

	errno = EINVAL;
	if (!ascii_is_xdigit(*text) || skip_0x(text) != text)
		return false;
	errno = 0;
	*value = strtoull(text, &end, base);
	if (*end)
		errno = EINVAL;
	return !errno;
}

bool parse_u64(const char *text, uint64_t *value)
{
	const char *digits = skip_0x(text);

	return parse_base(digits, digits == text ? 10 : 16, value);
}

bool parse_u32(const char *text, uint32_t *value)
{
	uint64_t wide;

	if (!parse_u64(text, &wide))
		return false;
	errno = ERANGE;
	if (wide > UINT32_MAX)
		return false;
	*value = (uint32_t)wide;
	return true;
}

bool parse_hex(const char *text, uint64_t *value)
{
	return parse_base(skip_0x(text), 16, value);
}

/* Digits after the point, to nanoseconds; more than nine are refused. */
static bool parse_fraction(const char *digits, uint64_t *ns)
{
	size_t len = strlen(digits);
	uint64_t value;

	if (len > 9 || !parse_base(digits, 10, &value))
		return false;
	for (; len < 9; len++)
		value *= 10;
	*ns = value;
	return true;
}

bool parse_seconds(const char *text, uint64_t *ns)
{
	size_t len = strcspn(text, ".");
	uint64_t seconds = 0, fraction = 0;
	char whole[12];

	if (len >= sizeof(whole) || (!len && !(*text && text[1])))
		return false;
	memcpy(whole, text, len);
	whole[len] = '\0';
	if (len && (!parse_base(whole, 10, &seconds) || seconds > UINT32_MAX))
		return false;
	if (text[len] && text[len + 1] && !parse_fraction(text + len + 1, &fraction))
		return false;
	*ns = seconds * 1000000000 + fraction;
	return true;
}
