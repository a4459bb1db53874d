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

/* The loop would tell of messages as well: the exchange does. */
static void exchange_begin(struct client *c)
{
	const uint32_t events = trap_events(c->ctx);

	c->corked = true;
	if (c->events != events && !loop_modify(&c->ctx->loop, &c->source, events))
		c->events = events;
}

void server_exchange_end(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);

	if (!c || !c->corked)
		return;
	c->corked = false;
	client_serve(c); /* sends */
}

/* Is there nothing to do but to answer and to wait? */
static bool exchange_is_due(const struct client *c)
{
	return c && c->waiting == WAIT_NONE && !c->blocked &&
	       !client_is_due(c);
}

/* Messages behind an access that another thread has taken along: they were received for us. */
static bool client_is_handed_over(const struct client *c)
{
	return c && c->corked && c->ctx->threads && client_is_due(c);
}

int server_exchange(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);
	ssize_t got;

	if (client_is_handed_over(c) && !look_is_due(ctx)) {
		client_serve(c);
		return 1;
	}
	if (!exchange_is_due(c)) {
		server_exchange_end(ctx);
		return loop_run(&ctx->loop, ctx->ended || threads_have_job(ctx) ? 0 : -1);
	}
	exchange_begin(c);
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
