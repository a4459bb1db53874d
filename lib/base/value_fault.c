/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * value_fault.c - why a property does not take a value. See value_fault.h.
 */
#include "base/value_fault.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <muser.h>

#include "base/utf8.h"

const char *value_fault(int err, const char *value, const char *accepts, char text[VALUE_FAULT])
{
	bool lacks_0x;

	if (err && lm_prop_reason()) {
		snprintf(text, VALUE_FAULT, "%s", lm_prop_reason());
		return text;
	}
	if (err == -EPERM)
		return READ_ONLY_FAULT;
	if (err != -EINVAL)
		return NULL;
	if (!utf8_is_line(value))
		return TEXT_FAULT;
	if (!accepts)
		return "invalid value";
	/* Somebody comes from peek and poke, where hexadecimal numbers need no 0x. */
	lacks_0x = value[strspn(value, "0123456789")] &&
		   !value[strspn(value, "0123456789abcdefABCDEF")];
	snprintf(text, VALUE_FAULT, "invalid value (expected %.160s%s)", accepts,
		 strstr(accepts, "..") && lacks_0x ? "; hexadecimal needs 0x" : "");
	return text;
}
