/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log_level.c - $MUSER_LOG: how much is said on stderr.
 *
 * Owns the names of the levels and the default. Says nothing itself: whoever asks complains of a
 * value that is none.
 */
#include "base/env.h"
#include "base/log_level.h"
#include "muser.h"

#include <errno.h>
#include <string.h>

int log_level_wanted(const char **text)
{
	static const char *const names[] = {
		[LM_LOG_ERR] = "err",
		[LM_LOG_WARN] = "warn",
		[LM_LOG_INFO] = "info",
		[LM_LOG_DEBUG] = "debug",
	};
	int i;

	*text = env_get(LOG_LEVEL_VARIABLE);
	if (!*text)
		return LM_LOG_WARN;
	for (i = LM_LOG_ERR; i <= LM_LOG_DEBUG; i++) {
		if (!strcmp(*text, names[i]))
			return i;
	}
	return -EINVAL;
}
