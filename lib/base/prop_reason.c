/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prop_reason.c - why a property does not take a value, in the device's words.
 *
 * One a thread, from the callback that rejects a value to whoever has given it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <muser.h>

#include "base/base.h"
#include "base/utf8.h"

static _Thread_local char reason[256];

LM_EXPORT int lm_prop_reject(int err, const char *fmt, ...)
{
	va_list args;
	size_t len;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	/* Not half a character, where it was cut; nothing that controls a terminal. */
	for (len = strlen(reason); len && !utf8_is_line(reason);)
		reason[--len] = '\0';
	return err;
}

LM_EXPORT const char *lm_prop_reason(void)
{
	return reason[0] ? reason : NULL;
}
