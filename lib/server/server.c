/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - where a client connects, and the server as a whole.
 *
 * Owns the listening socket. Which connection is the client is pending.c's, and what it is served
 * is server_turn.c's.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/accept.h"
#include "base/dir.h"
#include "server/instance.h"
#include "server/server_client.h"
#include "wire/host.h"

static const struct dma_peer socket_peer = {
	.copy = upcall_dma,
	.copy_wait = upcall_dma_wait,
	.cancel = upcall_cancel,
	.unmapped = protocol_unmapped,
};

bool server_is_half_done(const struct lm_ctx *ctx)
{
	const struct client *c = server_client(ctx);

	/* One that waits for room has been done, and only its answer is missing. */
	return c && c->waiting != WAIT_NONE && c->waiting != WAIT_ROOM;
}

int server_start(struct lm_ctx *ctx)
{
	struct channel *ch = &ctx->server->channel;
	int ret;

	if (!ch->ops)
		return 0;
	ret = ch->ops->start(ch, ctx->info.flags & LM_DEV_RESTARTABLE);
	if (ret)
		log_err(ctx, "/dev/muser/%s cannot be served: %s", ctx->uuid, strerror(-ret));
	return ret;
}

/* ---- listening ------------------------------------------------------------------- */

static void listener_ready(struct source *src, uint32_t events)
{
	pending_accept(container_of(src, struct server, listener));
}

static int listener_add(struct server *server, int fd)
{
	const int ret = accept_new(fd);

	if (ret) {
		log_err(server->ctx, "cannot listen: %s",
			ret == -EINVAL ? "not a listening socket" : strerror(-ret));
		close(fd);
		return ret;
	}
	/* Others may accept from an inherited one too: then ours must not wait. */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	server->listener.fd = fd;
	server->listener.fn = listener_ready;
	return loop_add(&server->ctx->loop, &server->listener, EPOLLIN);
}

/* Bind where the description says, or inside the directory that is about to be published. */
static int listen_on_path(struct server *server)
{
	static const char file[] = "vfio-user.sock";
	struct lm_ctx *ctx = server->ctx;
	const lm_dev_info_t *info = &ctx->info;
	char path[PATH_MAX];
	int fd, ret = info->socket_path ? 0 : instance_path(ctx, file, path, sizeof(path));

	if (ret)
		return ret;
	server->path = dir_absolute(info->socket_path ?: path);
	if (!server->path)
		return -ENOMEM;
	fd = info->socket_path ? sockpath_listen(server->path, info->socket_mode, info->socket_gid,
						 &server->own_file) :
				 instance_listen(ctx, file, info->socket_mode, info->socket_gid);
	if (fd < 0) {
		log_err(ctx, "%s: cannot listen: %s", server->path, strerror(-fd));
		return fd;
	}
	if (strlen(server->path) > SOCKPATH_MAX)
		log_warn(ctx,
			 "%.300s: no client can connect to a path of %zu bytes, %zu at most "
			 "(use a shorter socket path or MUSER_RUNTIME_DIR)",
			 server->path, strlen(server->path), SOCKPATH_MAX);
	return listener_add(server, fd);
}

int server_new(struct lm_ctx *ctx)
{
	struct server *server = calloc(1, sizeof(*server));
	int fd;

	if (!server)
		return -ENOMEM;
	server->ctx = ctx;
	server->listener.fd = -1;
	server->own_file.dir = -1;
	pending_init(server);
	ctx->server = server;
	server->turns = &client_turns;
	ctx->on_traps = server_listen_again;
	if (ctx->host->channel) {
		dma_set_peer(ctx, &mdev_peer);
		ctx->host->channel(ctx->host, &server->channel);
		return client_new(server, &mdev_transport, &server->channel, &server->client);
	}
	dma_set_peer(ctx, &socket_peer);
	if (!(ctx->info.flags & (LM_DEV_CONN_FD | LM_DEV_LISTEN_FD)))
		return listen_on_path(server);
	/* A copy: the caller's own is closed once nothing can fail any more. */
	fd = fcntl(ctx->info.fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0) {
		log_err(ctx, "descriptor %d: %s", ctx->info.fd, strerror(errno));
		return -errno;
	}
	if (ctx->info.flags & LM_DEV_CONN_FD)
		return client_new_fd(server, fd, &server->client);
	server->path = sockpath_of(fd);
	return listener_add(server, fd);
}

LM_EXPORT const char *lm_ctx_socket(const lm_ctx_t *ctx)
{
	return ctx->server->path;
}

/* While we listen: a socket whose connections are refused is replaced, and would not be ours. */
void server_hide(struct lm_ctx *ctx)
{
	struct server *server = ctx->server;

	if (server)
		sockfile_remove(&server->own_file);
}

void server_free(struct lm_ctx *ctx)
{
	struct server *server = ctx->server;

	if (!server)
		return;
	server_hide(ctx);
	pending_close(server);
	if (server->client)
		client_lost(server->client, -ECANCELED);
	server_leave_now(server);
	lm_timer_destroy(server->leaver.timer);
	if (server->listener.fd >= 0) {
		loop_remove(&ctx->loop, &server->listener);
		peer_fd_close(server->listener.fd); /* who waits there may have sent some */
		accept_free();
	}
	free(server->path);
	free(server);
	ctx->server = NULL;
}

void server_get_state(const struct lm_ctx *ctx, struct client_state *st)
{
	const struct client *c = ctx->server->client;

	memset(st, 0, sizeof(*st));
	if (!c || !c->notified)
		return;
	st->attached = true;
	st->pid = c->pid;
	st->uid = c->uid;
	st->major = c->major;
	st->minor = c->minor;
	st->requests = c->requests;
}
