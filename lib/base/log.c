/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.c - messages of the library.
 *
 * Owns the one way to say something: the description's log callback, or, without one, a line on
 * stderr, as much as $MUSER_LOG asks for. That is the only thing the library ever prints. A cause
 * is logged once, where it is known; what a peer can cause again and again, once a second.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/ctx.h"
#include "base/log_level.h"

#define LOG_MAX   501
#define PERIOD_NS 1000000000u
#define LINE_MAX  600 /* and whose it is */

ssize_t write_quietly(int fd, const void *buf, size_t len)
{
	const struct timespec at_once = { 0 };
	sigset_t pipe, pending, before;
	ssize_t ret;
	int saved;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	sigpending(&pending);
	ret = write(fd, buf, len);
	saved = errno;
	if (ret < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return ret;
}

/* Without a callback: one line, whatever the texts of a description or a peer have in them, by one
 * write(2). */
static void log_say(const lm_dev_info_t *info, int level, const char *msg)
{
	const char *who = info->name ?: info->uuid ?: info->type;
	char line[LINE_MAX], *c;
	int len;

	if (info->log) {
		info->log(info->pvt, level, msg);
		return;
	}
	if (who && !strncmp(msg, who, strlen(who)) && msg[strlen(who)] == ':')
		who = NULL; /* the message begins with it */
	len = snprintf(line, sizeof(line), "muser: %.63s%s%s\n", who ?: "", who ? ": " : "", msg);
	for (c = line; c < line + len - 1; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	write_quietly(STDERR_FILENO, line, (size_t)len);
}

static __attribute__((format(printf, 3, 0))) void log_va(const lm_dev_info_t *info, int level,
							 const char *fmt, va_list ap)
{
	const int saved = errno;
	char msg[LOG_MAX];

	if (level > info->log_level)
		return;
	vsnprintf(msg, sizeof(msg), fmt, ap);
	log_say(info, level, msg);
	errno = saved;
}

void log_new(lm_dev_info_t *info)
{
	const char *text;

	if (info->log)
		return;
	info->log_level = log_level_wanted(&text);
	if (info->log_level >= 0)
		return;
	info->log_level = LM_LOG_WARN;
	log_info(info, LM_LOG_WARN, "%s=%.32s: not a log level (%s); using warn",
		 LOG_LEVEL_VARIABLE, text, LOG_LEVEL_NAMES);
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

/* ---- what peers can cause at will ------------------------------------------------ */

void log_limits_new(struct log_limits *limits)
{
	limits->period_ns = PERIOD_NS;
}

/* False: it is counted, that is all. A format has a limit of its own, or takes the one that was
 * used least recently. */
static bool limit_passes(struct lm_ctx *ctx, const char *fmt, uint64_t *left_out)
{
	struct log_limit *of = ctx->log_limits.of, *oldest = of, *l;
	const uint64_t now = loop_now_ns();
	bool passes;

	ctx_lock(ctx);
	for (l = of; l < of + LM_NR(ctx->log_limits.of) && l->fmt != fmt; l++) {
		if (l->last_ns < oldest->last_ns)
			oldest = l;
	}
	if (l == of + LM_NR(ctx->log_limits.of)) {
		l = oldest;
		*l = (struct log_limit){ 0 };
	}
	passes = !l->fmt || now - l->last_ns >= ctx->log_limits.period_ns;
	*left_out = l->left_out++;
	if (passes)
		*l = (struct log_limit){ .fmt = fmt, .last_ns = now };
	ctx_unlock(ctx);
	return passes;
}

void log_peer(struct lm_ctx *ctx, int level, const char *fmt, ...)
{
	const int saved = errno;
	uint64_t left_out;
	char msg[LOG_MAX];
	va_list ap;
	size_t len;

	if (level > ctx->info.log_level || !limit_passes(ctx, fmt, &left_out))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	len = strlen(msg);
	if (left_out)
		snprintf(msg + len, sizeof(msg) - len, " (and %" PRIu64 " more before)", left_out);
	log_say(&ctx->info, level, msg);
	errno = saved;
}
