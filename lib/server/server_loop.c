/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_loop.c - a turn of a context: wait for what is to be done, and do it.
 */
#include "server/server_client.h"

int server_turn(struct lm_ctx *ctx, bool may_wait)
{
	int ret, more;

	if (ctx->info.flags & LM_DEV_BUSY_POLL) {
		/* The server first, then the rest: a context that spins looks at epoll now and then
		 * only, but it does so also while a client keeps it busy. */
		ret = server_busy_poll(ctx);
		work_add(ctx, TURN_MAX / LOOP_LOOK_TURNS);
		if (unlikely(ret < 0 || look_is_due(ctx))) {
			more = loop_run(&ctx->loop, 0);
			ret = more < 0 || ret < 0 ? more : more + ret;
		}
	} else if (may_wait && ctx->server->channel.ops) {
		ret = server_exchange(ctx);
	} else {
		ret = loop_run(&ctx->loop, may_wait && !ctx->ended ? -1 : 0);
	}
	return ctx->ended ?: ret;
}
