/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * defer.h - requests that a callback may answer later.
 */
#ifndef LM_DEFER_H
#define LM_DEFER_H

#include "base/ctx.h"

struct deferral {
	/* Optional: take the bytes of a read; from lm_complete(), also inside the callback. */
	void (*take)(struct deferral *d, ssize_t result, const void *data);
	/* The answer, when it comes after the callback has returned. */
	void (*done)(struct lm_ctx *ctx, struct deferral *d, ssize_t result);
	lm_token_t token; /* not 0: waits */
	ssize_t result;
	bool answered; /* lm_complete() inside the callback */
	struct deferral *next;
};

enum defer_state {
	DEFER_NO,       /* the callback did not defer: its return value counts */
	DEFER_WAITING,  /* done() will be called */
	DEFER_ANSWERED, /* d->result counts: completed before the callback returned */
};

void defer_begin(struct lm_ctx *ctx, struct deferral *d);           /* before a callback */
enum defer_state defer_end(struct lm_ctx *ctx, struct deferral *d); /* after it */
void defer_cancel(struct lm_ctx *ctx, struct deferral *d);          /* nobody waits any more */
/* What is not a callback waits as well: a token, or 0 where nothing is deferred. */
lm_token_t defer_hold(struct lm_ctx *ctx, struct deferral *d);

#endif /* LM_DEFER_H */
