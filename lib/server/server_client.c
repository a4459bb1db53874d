/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_client.c - the life of a connection, from its first event to its end.
 *
 * Owns the memory of clients and the bytes of a request that has to wait. What is served in
 * between is for those who are given a turn (struct client_turns).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/server_client.h"

int client_hold(struct client *c, const void *data, size_t len)
{
	c->held = len <= HELD_SMALL ? c->held_small : pool_get();
	if (!c->held)
		return -ENOMEM;
	memcpy(c->held, data, len);
	return 0;
}

void client_unhold(struct client *c)
{
	if (c->held && c->held != c->held_small)
		pool_put(c->held);
	c->held = NULL;
}

/* ---- the end --------------------------------------------------------------------- */

static void client_free(struct client *c)
{
	upcall_twin_free(c);
	client_unhold(c);
	upcall_free(c);
	free(c);
}

void pending_remove(struct client *c)
{
	struct server *server = c->ctx->server;
	unsigned int i = 0;

	while (server->pending[i] != c)
		i++;
	server->pending[i] = server->pending[--server->nr_pending];
	if (server->next == c)
		server->next = NULL;
}

void client_lost(struct client *c, int error)
{
	struct lm_ctx *ctx = c->ctx;

	loop_remove(&ctx->loop, &c->source);
	if (ctx->server->client == c) {
		ctx->server->client = NULL;
		region_cancel(ctx, &c->access);
		defer_cancel(ctx, &c->reset);
		c->waiting = WAIT_NONE;
		upcall_fail_all(c, -ECANCELED);
		c->transport->leave(c, error);
		if (ctx->info.flags & LM_DEV_CONN_FD)
			ctx->ended = -ENOTCONN;
	} else {
		pending_remove(c);
	}
	stream_close(&c->stream);
	client_free(c);
}

/* ---- the beginning --------------------------------------------------------------- */

int client_new(struct server *server, const struct transport *transport, struct channel *ch,
	       struct client **client)
{
	struct client *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		ch->ops->close(ch);
		return -ENOMEM;
	}
	c->ctx = server->ctx;
	c->twin_fd = -1;
	c->max_fds = 1;
	c->max_data = STREAM_MAX_DATA;
	upcall_new(c);
	ret = stream_open_channel(&c->stream, ch);
	if (ret) {
		ch->ops->close(ch);
		goto fail;
	}
	c->transport = transport;
	c->source.fd = c->stream.ch.fd;
	c->source.fn = server->turns->ready;
	c->events = client_events(c) | EPOLLOUT;
	ret = loop_add(&server->ctx->loop, &c->source, c->events | transport->edge);
	if (ret)
		goto fail_stream;
	*client = c;
	return 0;

fail_stream:
	stream_close(&c->stream);
fail:
	client_free(c);
	return ret;
}

int client_new_fd(struct server *server, int fd, struct client **client)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct channel ch;
	int ret;

	channel_socket_init(&ch, fd);
	ret = client_new(server, &socket_transport, &ch, client);
	if (!ret && !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		(*client)->pid = cred.pid;
		(*client)->uid = cred.uid;
	}
	return ret;
}
