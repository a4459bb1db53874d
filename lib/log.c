/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.c - messages of the library.
 *
 * Owns the one way to say something: the description's log callback. Prints nothing itself and
 * remembers nothing; a cause is logged once, where it is known.
 */
#include <stdio.h>

#include "internal.h"

#define LOG_MAX 501

static __attribute__((format(printf, 3, 0))) void log_va(const lm_dev_info_t *info, int level,
							  const char *fmt, va_list ap)
{
	char msg[LOG_MAX];

	if (!info->log || level > info->log_level)
		return;
	vsnprintf(msg, sizeof(msg), fmt, ap);
	info->log(info->pvt, level, msg);
}

void log_info(const lm_dev_info_t *info, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(info, level, fmt, ap);
	va_end(ap);
}

LM_EXPORT void lm_log(lm_ctx_t *ctx, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(&ctx->info, level, fmt, ap);
	va_end(ap);
}
