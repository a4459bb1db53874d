/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * defer.c - requests that a callback answers later.
 *
 * Whoever runs a callback puts a struct deferral around it: defer_begin(), callback, defer_end().
 * lm_defer() gives the innermost one a token; lm_complete() finds it by that token, also while the
 * callback still runs (an asynchronous copy may be done at once). A deferral whose requester has
 * gone is cancelled: its token is then unknown, and a late answer touches nothing. Where several
 * threads serve a device nothing is deferred: a callback may wait.
 */
#include "defer/defer.h"

void defer_begin(struct lm_ctx *ctx, struct deferral *d)
{
	d->token = 0;
	d->answered = false;
	d->next = ctx->running;
	ctx->running = d;
}

enum defer_state defer_end(struct lm_ctx *ctx, struct deferral *d)
{
	ctx->running = d->next;
	d->next = NULL;
	if (d->answered)
		return DEFER_ANSWERED;
	if (!d->token)
		return DEFER_NO;
	d->next = ctx->deferred;
	ctx->deferred = d;
	return DEFER_WAITING;
}

lm_token_t defer_hold(struct lm_ctx *ctx, struct deferral *d)
{
	if (ctx->threads)
		return 0;
	d->token = ++ctx->last_token;
	d->next = ctx->deferred;
	ctx->deferred = d;
	return d->token;
}

/* Take @d out of the list of those that wait; false if it is not there. */
static bool defer_unlink(struct lm_ctx *ctx, const struct deferral *d)
{
	struct deferral **p;

	for (p = &ctx->deferred; *p; p = &(*p)->next) {
		if (*p == d) {
			*p = d->next;
			return true;
		}
	}
	return false;
}

void defer_cancel(struct lm_ctx *ctx, struct deferral *d)
{
	if (d->token && defer_unlink(ctx, d))
		d->token = 0;
}

static struct deferral *defer_find(struct deferral *list, lm_token_t token)
{
	while (list && list->token != token)
		list = list->next;
	return list;
}

LM_EXPORT lm_token_t lm_defer(lm_ctx_t *ctx)
{
	struct deferral *d = ctx->running;

	if (ctx->threads || !d || !d->done || d->answered)
		return 0;
	if (!d->token)
		d->token = ++ctx->last_token;
	return d->token;
}

LM_EXPORT int lm_complete(lm_ctx_t *ctx, lm_token_t token, ssize_t result, const void *data)
{
	struct deferral *d;

	if (!token || result == LM_DEFER)
		return -ENOENT;
	d = defer_find(ctx->running, token);
	if (d && d->answered)
		return -ENOENT;
	if (d) {
		d->answered = true;
	} else {
		d = defer_find(ctx->deferred, token);
		if (!d)
			return -ENOENT;
		defer_unlink(ctx, d);
		d->token = 0;
	}
	d->result = result;
	if (d->take)
		d->take(d, result, data);
	if (!d->answered)
		d->done(ctx, d, d->result);
	return 0;
}
