/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prop.c - properties. See prop.h.
 *
 * A number is decimal, or hexadecimal with 0x, and a zero in front means nothing.
 */
#include "base/prop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"

/* ---- the table -------------------------------------------------------------------- */

const lm_prop_t *prop_at(const lm_dev_info_t *info, uint32_t i)
{
	return (const lm_prop_t *)((const char *)info->props + (size_t)i * info->prop_size);
}

bool prop_is_wire(const lm_prop_t *prop, const char *name)
{
	const size_t len = strlen(prop->name);

	return !strncmp(name, prop->name, len) &&
	       ascii_is_index(name + len, strlen(name + len), prop->nr);
}

const lm_prop_t *prop_find(const lm_dev_info_t *info, const char *name)
{
	uint32_t i;

	for (i = 0; i < info->nr_props; i++) {
		const lm_prop_t *prop = prop_at(info, i);

		if (!strcmp(prop->name, name) || prop_is_wire(prop, name))
			return prop;
	}
	return NULL;
}

static void join_choices(const lm_prop_t *prop, char text[PROP_ACCEPTS_MAX])
{
	size_t used = 0;
	uint32_t i;

	text[0] = '\0';
	for (i = 0; prop->choices[i] && used < PROP_ACCEPTS_MAX; i++)
		used += (size_t)snprintf(text + used, PROP_ACCEPTS_MAX - used, "%s%s", i ? "|" : "",
					 prop->choices[i]);
}

const char *prop_accepts(const lm_prop_t *prop, const char *name, char text[PROP_ACCEPTS_MAX])
{
	const char *given = strcmp(prop->name, name) ? prop->wire_accepts : prop->accepts;
	const char *unit = prop->flags & LM_PROP_BYTES ? "bytes, or with K, M, G, T" : prop->unit;
	const bool hex = prop->flags & LM_PROP_HEX;

	if (given)
		return given;
	switch (prop->type) {
	case LM_PROP_UINT:
		snprintf(text, PROP_ACCEPTS_MAX,
			 hex ? "0x%" PRIx64 "..0x%" PRIx64 "%s%.30s" :
			       "%" PRIu64 "..%" PRIu64 "%s%.30s",
			 prop->min, prop->max, unit ? " " : "", unit ?: "");
		return text;
	case LM_PROP_BOOL: return "0|1";
	case LM_PROP_ENUM: join_choices(prop, text); return text;
	case LM_PROP_TEXT:
		snprintf(text, PROP_ACCEPTS_MAX, "text of at most %u bytes", prop->size - 1);
		return text;
	default: return NULL;
	}
}

/* ---- variables -------------------------------------------------------------------- */

static uint64_t size_max(uint32_t size)
{
	return size >= 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
}

const char *prop_variable_fault(const lm_prop_t *prop)
{
	const bool is_number = prop->type && prop->type != LM_PROP_TEXT;

	if (prop->type > LM_PROP_TEXT)
		return "its type must be LM_PROP_CALLS, _UINT, _BOOL, _ENUM or _TEXT";
	if (!prop->type)
		return prop->size || prop->changed ? "it has a variable but no type" : NULL;
	if (prop->nr)
		return "a variable has no single wires";
	if (is_number && prop->size != 1 && prop->size != 2 && prop->size != 4 && prop->size != 8)
		return "its variable must have 1, 2, 4 or 8 bytes (LM_PROP_IN() says so)";
	if (!prop->size)
		return "its variable has no size (LM_PROP_IN() gives it)";
	if (prop->type == LM_PROP_TEXT && prop->size >= PROP_VALUE_MAX)
		return "its text must be shorter than 4095 bytes";
	if (prop->type == LM_PROP_UINT &&
	    (prop->min > prop->max || prop->max > size_max(prop->size)))
		return "min..max is no range, or does not fit its variable";
	if (prop->type == LM_PROP_ENUM && (!prop->choices || !prop->choices[0]))
		return "it has no choices";
	return NULL;
}

static uint64_t number_load(const lm_prop_t *prop, const void *pvt)
{
	const char *at = (const char *)pvt + prop->offset;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (prop->size) {
	case 1: memcpy(&u8, at, 1); return u8;
	case 2: memcpy(&u16, at, 2); return u16;
	case 4: memcpy(&u32, at, 4); return u32;
	default: memcpy(&u64, at, 8); return u64;
	}
}

static void number_store(const lm_prop_t *prop, void *pvt, uint64_t value)
{
	char *at = (char *)pvt + prop->offset;
	const uint8_t u8 = (uint8_t)value;
	const uint16_t u16 = (uint16_t)value;
	const uint32_t u32 = (uint32_t)value;

	switch (prop->size) {
	case 1: memcpy(at, &u8, 1); break;
	case 2: memcpy(at, &u16, 2); break;
	case 4: memcpy(at, &u32, 4); break;
	default: memcpy(at, &value, 8); break;
	}
}

static void variable_get(const lm_prop_t *prop, const void *pvt, char *buf, size_t size)
{
	const uint64_t value = prop->type == LM_PROP_TEXT ? 0 : number_load(prop, pvt);
	uint64_t i;

	switch (prop->type) {
	case LM_PROP_TEXT:
		snprintf(buf, size, "%.*s", (int)prop->size, (const char *)pvt + prop->offset);
		break;
	case LM_PROP_ENUM:
		for (i = 0; i < value && prop->choices[i]; i++)
			;
		snprintf(buf, size, "%s", prop->choices[i] ?: "?");
		break;
	default: snprintf(buf, size, prop->flags & LM_PROP_HEX ? "0x%" PRIx64 : "%" PRIu64, value);
	}
}

/* How many bits K, M, G, T shift by; 0: another letter. */
static unsigned int suffix_shift(char c)
{
	static const char suffixes[] = "kmgt";
	const char *at = c ? strchr(suffixes, ascii_lower(c)) : NULL;

	return at ? 10 * (unsigned int)(at - suffixes + 1) : 0;
}

static bool number_parse(const char *text, bool is_bytes, uint64_t *number)
{
	const bool hex = text[0] == '0' && ascii_lower(text[1]) == 'x';
	const char *digits = hex ? text + 2 : text, *p = digits;
	unsigned int shift;
	char *end;

	/* strtoull() takes blanks, signs and a second prefix */
	while (hex ? ascii_is_xdigit(*p) : ascii_is_digit(*p))
		p++;
	shift = is_bytes ? suffix_shift(*p) : 0;
	if (p == digits || p[!!shift])
		return false;
	errno = 0;
	*number = strtoull(digits, &end, hex ? 16 : 10);
	if (errno || *number > UINT64_MAX >> shift)
		return false;
	*number <<= shift;
	return true;
}

static bool choice_find(const lm_prop_t *prop, const char *text, uint64_t *index)
{
	for (*index = 0; prop->choices[*index]; (*index)++) {
		if (!strcmp(prop->choices[*index], text))
			return true;
	}
	return false;
}

static int variable_set(const lm_prop_t *prop, void *pvt, const char *text)
{
	const bool is_enum = prop->type == LM_PROP_ENUM;
	const uint64_t min = prop->type == LM_PROP_UINT ? prop->min : 0;
	const uint64_t max = prop->type == LM_PROP_UINT ? prop->max : is_enum ? UINT64_MAX : 1;
	uint64_t value;

	if (prop->type == LM_PROP_TEXT) {
		if (strlen(text) >= prop->size)
			return -EINVAL;
		memcpy((char *)pvt + prop->offset, text, strlen(text) + 1);
		return 0;
	}
	if (is_enum ? !choice_find(prop, text, &value) :
		      !number_parse(text, prop->flags & LM_PROP_BYTES, &value))
		return -EINVAL;
	if (value < min || value > max)
		return -EINVAL;
	number_store(prop, pvt, value);
	return 0;
}

/* ---- either ----------------------------------------------------------------------- */

int prop_get(const lm_dev_info_t *info, const char *name, char *value, size_t size)
{
	const lm_prop_t *prop = prop_find(info, name);

	if (!prop || !prop->type)
		return info->prop_get ? info->prop_get(info->pvt, name, value, size) : -EOPNOTSUPP;
	variable_get(prop, info->pvt, value, size);
	return 0;
}

int prop_set(const lm_dev_info_t *info, const char *name, const char *value)
{
	const lm_prop_t *prop = prop_find(info, name);

	lm_prop_reject(0, "%s", "");
	if (prop && prop->flags & LM_PROP_RO)
		return -EPERM;
	/* JSON and $MUSER_OPTIONS carry no other: what one way to it refuses, all do. */
	if (!utf8_is_line(value))
		return -EINVAL;
	if (!prop || !prop->type)
		return info->prop_set ? info->prop_set(info->pvt, name, value) : -EOPNOTSUPP;
	return variable_set(prop, info->pvt, value);
}

int prop_change(const lm_dev_info_t *info, const char *name, const char *value)
{
	const lm_prop_t *prop = prop_find(info, name);
	const int ret = prop_set(info, name, value);

	if (!ret && prop && prop->changed)
		prop->changed(info->pvt);
	return ret;
}
