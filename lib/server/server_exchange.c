/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_exchange.c - to answer and to wait in one system call, where the channel can.
 */
#include "server/server_client.h"

void server_listen_again(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);

	if (c && !c->serving && !c->corked)
		client_listen(c);
}

void server_exchange_end(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);

	if (!c || !c->corked)
		return;
	c->corked = false;
	client_serve(c); /* sends */
}

int server_exchange(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);
	const uint32_t events = trap_events(ctx);
	ssize_t got;

	/* Messages behind an access that another thread has taken along: received for us. */
	if (c && c->corked && ctx->threads && client_is_due(c) && !look_is_due(ctx)) {
		client_serve(c);
		return 1;
	}
	/* There is more to do than to answer and to wait. */
	if (!c || c->waiting != WAIT_NONE || c->blocked || client_is_due(c)) {
		server_exchange_end(ctx);
		return loop_run(&ctx->loop, ctx->ended || threads_have_job(ctx) ? 0 : -1);
	}
	c->corked = true;
	/* The loop would tell of messages as well: the exchange does. */
	if (c->events != events && !loop_modify(&ctx->loop, &c->source, events))
		c->events = events;
	/* What cannot be sent, the exchange finds again. */
	if (look_is_due(ctx) && !stream_flush(&c->stream))
		return loop_run(&ctx->loop, 0);
	ctx_unlock(ctx);
	got = stream_exchange(&c->stream, ctx->loop.epfd);
	ctx_lock(ctx);
	if (!got)
		return loop_run(&ctx->loop, 0);
	if (got < 0)
		client_lost(c, (int)got);
	else
		client_serve(c);
	return 1;
}
