/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_socket.c - what is different for a client on a socket.
 *
 * It is there from its connection to its end, and lends its memory: what leaves with it may be a
 * million windows, which go in as many turns as that needs.
 */
#include "pci/pci.h"
#include "region/kick.h"
#include "server/server_client.h"

static void leave_end(struct server *server)
{
	struct leaver *l = &server->leaver;

	l->is_there = false;
	if (l->notified)
		server_notify(server->ctx, l->pid, false);
	master_disconnect(server->ctx);
}

/* All at once. */
void server_leave_now(struct server *server)
{
	if (!server->leaver.is_there)
		return;
	dma_leave_go_on(server->ctx, UINT64_MAX);
	leave_end(server);
}

static void leave_go_on(void *arg)
{
	struct server *server = arg;
	struct lm_ctx *ctx = server->ctx;
	struct lm_timer **timer = &server->leaver.timer;

	if (dma_leave_go_on(ctx, ctx->work + TURN_MAX))
		leave_end(server);
	else if (*timer || !loop_timer_new(&ctx->loop, leave_go_on, server, timer))
		lm_timer_arm(*timer, 1, 0);
	else
		server_leave_now(server);
}

/* The same as client_leave(), in as many turns of the loop as it needs. */
static void socket_leave(struct client *c, int error)
{
	struct server *server = c->ctx->server;
	struct leaver *l = &server->leaver;

	kick_disconnect(c->ctx);
	irq_disconnect(c->ctx);
	dma_leave(c->ctx);
	l->is_there = true;
	l->notified = c->notified;
	l->pid = c->pid;
	leave_go_on(server);
}

/* ---- the transport --------------------------------------------------------------- */

/* Nobody reads what it may have said last. */
static int socket_end(struct client *c)
{
	return -ENOTCONN;
}

const struct transport socket_transport = {
	.in = CLIENT_IN,
	.edge = EPOLLET,
	.max_fds = VFIO_USER_DEFAULT_MAX_MSG_FDS,
	.attaches = true,
	.end = socket_end,
	.leave = socket_leave,
	.unmap = dma_unmap,
};
