/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_loop.c - a turn of a context: wait for what is to be done, and do it.
 */
#include "server/server_client.h"

/* The server first, then the rest: a context that spins looks at epoll now and then only, but it
 * does so also while a client keeps it busy. */
static int poll_busy(struct lm_ctx *ctx)
{
	const int served = server_busy_poll(ctx);
	int ret;

	work_add(ctx, TURN_MAX / LOOP_LOOK_TURNS);
	if (likely(served >= 0 && !look_is_due(ctx)))
		return served;
	ret = loop_run(&ctx->loop, 0);
	return ret < 0 || served < 0 ? ret : ret + served;
}

int server_turn(struct lm_ctx *ctx, bool may_wait)
{
	int ret;

	if (ctx->info.flags & LM_DEV_BUSY_POLL)
		ret = poll_busy(ctx);
	else if (may_wait && ctx->server->channel.ops)
		ret = server_exchange(ctx);
	else
		ret = loop_run(&ctx->loop, may_wait && !ctx->ended ? -1 : 0);
	return ctx->ended ?: ret;
}
