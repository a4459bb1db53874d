/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.h - what the library says, and how often.
 */
#ifndef LM_LOG_H
#define LM_LOG_H

#include "base/base.h"

struct lm_ctx;

#define LOG_LIMITS 16

/* log.c: messages that peers can cause at will. */
struct log_limits {
	uint64_t period_ns; /* of each there is one in so long, and those left out are counted */
	struct log_limit {
		const char *fmt;
		uint64_t last_ns, left_out;
	} of[LOG_LIMITS];
};

void log_new(lm_dev_info_t *info); /* without a callback: how much goes to stderr */
void log_info(const lm_dev_info_t *info, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))); /* before there is a context */
/* Like lm_log(), of what a peer can cause at will: each @fmt, a literal, once a second, with how
 * many of it were left out before. */
void log_peer(struct lm_ctx *ctx, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* write(2) without SIGPIPE: a reader that has closed its end is no reason to end the process. */
ssize_t write_quietly(int fd, const void *buf, size_t len);
void log_limits_new(struct log_limits *limits);

#define log_err(ctx, ...)   lm_log((ctx), LM_LOG_ERR, __VA_ARGS__)
#define log_warn(ctx, ...)  lm_log((ctx), LM_LOG_WARN, __VA_ARGS__)
#define log_debug(ctx, ...) lm_log((ctx), LM_LOG_DEBUG, __VA_ARGS__)

#endif /* LM_LOG_H */
