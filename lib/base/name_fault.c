/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name_fault.c - what a device may be called. See name.h. A name must fill one cell of a table and
 * one word of a command line, and mean nothing else where a UUID argument is expected.
 */
#include "base/name_fault.h"
#include "base/utf8.h"

#include <string.h>

#include <uuid/uuid.h>

#define EVENT_NAME_MAX 16

bool name_is_event(const char *name)
{
	const size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len && !name[len] && len <= EVENT_NAME_MAX;
}

const char *name_fault(const char *name)
{
	uuid_t uuid;

	if (!utf8_is_word(name, NAME_LENGTH))
		return "a name is 1 to 63 bytes of printable UTF-8 without blanks";
	if (!strcmp(name, "-"))
		return "- stands for standard input";
	return uuid_parse(name, uuid) ? NULL : "a UUID is not a name";
}
