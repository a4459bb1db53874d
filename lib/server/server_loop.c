/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_loop.c - a turn of a context: wait for what is to be done, and do it.
 */
#include "server/server_client.h"

/* While pollers find work, epoll is asked now and then only: that costs as much as a command. */
static int turn_spin(struct lm_ctx *ctx)
{
	server_exchange_end(ctx);
	work_add(ctx, TURN_MAX / LOOP_LOOK_TURNS);
	if (likely(!look_is_due(ctx)))
		return 0;
	pollers_settle(&ctx->loop);
	return loop_run(&ctx->loop, 0);
}

/* The server first, then the rest: a context that spins looks at epoll now and then only, but it
 * does so also while a client keeps it busy. */
static int turn_busy(struct lm_ctx *ctx)
{
	int more, ret = server_busy_poll(ctx);

	work_add(ctx, TURN_MAX / LOOP_LOOK_TURNS);
	if (likely(ret >= 0 && !look_is_due(ctx)))
		return ret;
	pollers_settle(&ctx->loop);
	more = loop_run(&ctx->loop, 0);
	return more < 0 || ret < 0 ? more : more + ret;
}

static int turn_sleep(struct lm_ctx *ctx, bool may_wait)
{
	if (may_wait && ctx->server->channel.ops)
		return server_exchange(ctx);
	pollers_settle(&ctx->loop);
	return loop_run(&ctx->loop, may_wait && !ctx->ended ? -1 : 0);
}

/* The same for programs with a loop of their own: their descriptor is readable all the while. */
static bool has_found(struct lm_ctx *ctx)
{
	uint64_t found;

	work_add(ctx, TURN_MAX / LOOP_LOOK_TURNS);
	if (look_is_due(ctx))
		return false;
	found = pollers_run(&ctx->loop);
	work_add(ctx, found);
	return found;
}

/* Pollers come last: they see what the messages of this turn have changed before we sleep. */
int server_turn(struct lm_ctx *ctx, bool may_wait)
{
	uint64_t found;
	int ret;

	if (ctx->info.flags & LM_DEV_BUSY_POLL)
		ret = turn_busy(ctx);
	else if (may_wait && ctx->loop.is_spinning)
		ret = turn_spin(ctx);
	else if (ctx->loop.is_spinning && has_found(ctx))
		return ctx->ended ?: 1;
	else
		ret = turn_sleep(ctx, may_wait);
	if (unlikely(ctx->loop.nr_polled) && ret >= 0) {
		found = pollers_run(&ctx->loop);
		work_add(ctx, found);
		ret += !!found;
	}
	return ctx->ended ?: ret;
}
