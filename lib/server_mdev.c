/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_mdev.c - what is different for a device behind /dev/muser/<uuid>.
 *
 * muser.ko is the one peer, from the start of the context to the removal of the mdev; it says by
 * commands of its own when a client opens and closes the device. Owns these commands, and the loop
 * that answers and waits in one system call. What a client can do is the engine's as ever.
 */
#include <string.h>

#include <linux/muser.h>

#include "protocol.h"

/* ---- the client behind the module ------------------------------------------------ */

static int client_close(struct client *c, struct message *m, struct reply *r)
{
	client_leave(c);
	master_disconnect(c->ctx);
	return 0;
}

static int client_open(struct client *c, struct message *m, struct reply *r)
{
	struct muser_client who;

	memcpy(&who, m->payload, sizeof(who));
	if (c->told)
		client_close(c, m, r);
	c->pid = (pid_t)who.pid;
	c->uid = who.uid;
	client_tell(c, true);
	return 0;
}

const struct command *mdev_command(uint16_t cmd)
{
	static const struct command open = {
		client_open, sizeof(struct muser_client), 0, true
	};
	static const struct command close = { client_close, 0, 0, true };

	switch (cmd) {
	case MUSER_CLIENT_OPEN:
		return &open;
	case MUSER_CLIENT_CLOSE:
		return &close;
	default:
		return NULL;
	}
}

bool mdev_is_replayed(const struct client *c, uint32_t flags)
{
	return c->is_mdev && (flags & MUSER_F_REPLAYED);
}

/* ---- the loop: what epoll is to tell --------------------------------------------- */

static uint32_t trap_events(const struct client *c)
{
	return trap_is_on(c->ctx) ? EPOLLPRI : 0;
}

uint32_t mdev_events(const struct client *c)
{
	return EPOLLIN | trap_events(c);
}

void server_listen_again(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);

	if (c && !c->serving && !c->keeps)
		client_listen(c);
}

/* ---- writes to mapped memory ----------------------------------------------------- */

/*
 * When the device is told of a write. A client that unmaps memory, maps other in its place, and
 * then writes its address means the other: messages without a reply that came before are served
 * first; all others have been answered before their sender wrote. A client that writes and then
 * reads a register expects that the device knows: the module flags such a request. What has to
 * wait for a message behind it is told after the request. A device that puts off an answer is told
 * at once: it may be what the answer waits for.
 */
void mdev_traps_tell(struct client *c)
{
	const struct lm_ctx *ctx = c->ctx;

	if (ctx->traps_due &&
	    (c->waiting != WAIT_NONE || (int16_t)(c->posted - ctx->traps_after) >= 0))
		trap_tell(c->ctx);
}

/* What is due already is told before more is fetched, or it might have to wait for ever. */
int mdev_traps(struct client *c)
{
	const int ret = c->ctx->traps_due ? 0 : trap_fetch(c->ctx);

	mdev_traps_tell(c);
	return ret;
}

int mdev_before(struct client *c, uint32_t flags)
{
	return flags & MUSER_F_WRITTEN ? mdev_traps(c) : 0;
}

/* ---- one system call a command --------------------------------------------------- */

/* The loop would tell of messages as well: the exchange does. */
static void exchange_begin(struct client *c)
{
	const uint32_t events = trap_events(c);

	c->keeps = true;
	if (c->events != events && !loop_modify(&c->ctx->loop, &c->source, events))
		c->events = events;
}

void server_exchange_end(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);

	if (!c || !c->keeps)
		return;
	c->keeps = false;
	client_serve(c); /* sends */
}

/* Is there nothing to do but to answer and to wait? */
static bool exchange_is_due(const struct client *c)
{
	return c && c->is_mdev && c->waiting == WAIT_NONE && !c->blocked &&
	       !client_is_due(c);
}

/* Messages behind an access that another thread has taken along: they were received for us. */
static bool client_is_handed_over(const struct client *c)
{
	return c && c->keeps && c->ctx->threads && client_is_due(c);
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
