/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - where a client connects, and that it is there.
 *
 * Owns the listening socket and the life of connections. Which of them is the client is
 * pending.c's, and what it is served is server_turn.c's.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accept.h"
#include "kick.h"
#include "peer_fd.h"
#include "server.h"

struct client *server_client(const struct lm_ctx *ctx)
{
	return ctx->server ? ctx->server->client : NULL;
}

/* ---- attach and detach ----------------------------------------------------------- */

static void trace_client(struct lm_ctx *ctx, uint16_t kind, pid_t pid)
{
	struct lm_trace_record rec = {
		.time = trace_ticks(), .kind = kind, .value = (uint64_t)pid,
	};

	trace_append(ctx, &rec);
}

static void tell(struct lm_ctx *ctx, pid_t pid, bool attached)
{
	if (trace_on(ctx))
		trace_client(ctx, attached ? LM_TRACE_ATTACH : LM_TRACE_DETACH, pid);
	ctx_notify(ctx, attached ? "attach" : "detach", NULL, (uint64_t)pid);
	if (ctx->info.client)
		ctx->info.client(ctx->info.pvt, attached);
}

/* Of an attach when lm_ctx_create() has returned: in a turn. */
void client_tell(struct client *c, bool attached)
{
	if (c->told == attached)
		return;
	c->told = attached;
	tell(c->ctx, c->pid, attached);
}

static void client_free(struct client *c)
{
	upcall_twin_free(c);
	client_unhold(c);
	upcall_free(c);
	free(c);
}

/* Device state stays; what the client lent us goes, and what we lent it (spec, "Client
 * Disconnection"). */
void client_leave(struct client *c)
{
	kick_disconnect(c->ctx);
	irq_disconnect(c->ctx);
	dma_disconnect(c->ctx);
	client_tell(c, false);
}

static void leave_end(struct server *server)
{
	struct leaver *l = &server->leaver;

	l->is_there = false;
	if (l->told)
		tell(server->ctx, l->pid, false);
	master_disconnect(server->ctx);
}

/* All at once. */
static void leave_now(struct server *server)
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
		leave_now(server);
}

/* The same as client_leave(), in as many turns of the loop as it needs. */
static void leave_begin(struct server *server, const struct client *c)
{
	struct leaver *l = &server->leaver;

	kick_disconnect(c->ctx);
	irq_disconnect(c->ctx);
	dma_leave(c->ctx);
	l->is_there = true;
	l->told = c->told;
	l->pid = c->pid;
	leave_go_on(server);
}

static void client_detach(struct client *c)
{
	struct lm_ctx *ctx = c->ctx;

	ctx->server->client = NULL;
	region_cancel(ctx, &c->access);
	defer_cancel(ctx, &c->reset);
	c->waiting = WAIT_NONE;
	upcall_fail_all(c, -ECANCELED);
	if (c->is_mdev) /* the one behind it goes by MUSER_CLIENT_CLOSE */
		client_leave(c);
	else
		leave_begin(ctx->server, c);
	if (ctx->info.flags & LM_DEV_CONN_FD)
		ctx->ended = -ENOTCONN;
}

void client_lost(struct client *c, int error)
{
	if (c->is_mdev)
		c->ctx->ended = error;
	loop_remove(&c->ctx->loop, &c->source);
	if (c->ctx->server->client == c)
		client_detach(c);
	else
		pending_remove(c);
	stream_close(&c->stream);
	client_free(c);
}

static void peer_credentials(struct client *c, int fd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		c->pid = cred.pid;
		c->uid = cred.uid;
	}
}

/* The channel is consumed in any case, unless it is borrowed. */
static void channel_drop(struct channel ch)
{
	if (!ch.is_borrowed)
		ch.ops->close(&ch);
}

static int client_new(struct server *server, const struct channel *ch, struct client **client)
{
	struct client *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		channel_drop(*ch);
		return -ENOMEM;
	}
	c->ctx = server->ctx;
	c->twin_fd = -1;
	c->max_fds = 1;
	c->max_data = STREAM_MAX_DATA;
	upcall_new(c);
	ret = stream_open_channel(&c->stream, ch);
	if (ret) {
		channel_drop(*ch);
		goto fail;
	}
	c->is_mdev = ch->ops->exchange;
	ret = client_appear(c);
	if (ret)
		goto fail_stream;
	if (!c->is_mdev)
		peer_credentials(c, ch->fd);
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
	struct channel ch;

	channel_socket_init(&ch, fd);
	return client_new(server, &ch, client);
}

/* The DMA_UNMAP that waits may be answered, or, with LM_DEFER, go on. */
static void client_unmapped(struct lm_ctx *ctx, ssize_t result)
{
	struct client *c = server_client(ctx);

	if (!c || c->waiting != WAIT_DMA_UNMAP)
		return;
	if (result == LM_DEFER)
		c->waiting = WAIT_TURN;
	else
		protocol_answer(c, result);
	client_wake(c);
}

static const struct dma_peer peer = {
	.copy = upcall_dma, .copy_wait = upcall_dma_wait, .cancel = upcall_cancel,
	.unmapped = client_unmapped,
};

bool server_is_half_done(const struct lm_ctx *ctx)
{
	const struct client *c = server_client(ctx);

	/* One that waits for room has been done, and only its answer is missing. */
	return c && c->waiting != WAIT_NONE && c->waiting != WAIT_ROOM;
}

int server_start(struct lm_ctx *ctx)
{
	struct channel *ch = &ctx->channel;
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
	server->path = strdup(info->socket_path ?: path);
	if (!server->path)
		return -ENOMEM;
	fd = info->socket_path ? sockpath_listen(server->path, info->socket_mode, info->socket_gid,
						 &server->own_file)
			       : instance_listen(ctx, file, info->socket_mode, info->socket_gid);
	if (fd < 0) {
		log_err(ctx, "%s: cannot listen: %s", server->path, strerror(-fd));
		return fd;
	}
	if (strlen(server->path) > SOCKPATH_MAX)
		log_warn(ctx, "%.300s: no client can connect to a path of %zu bytes, %zu at most "
			 "(a shorter socket path, or MUSER_RUNTIME_DIR)", server->path,
			 strlen(server->path), SOCKPATH_MAX);
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
	ctx->on_traps = server_listen_again;
	dma_set_peer(ctx, &peer);
	if (ctx->channel.ops) {
		struct channel ch = ctx->channel;

		ch.is_borrowed = true; /* interrupts are raised through it to the end */
		return client_new(server, &ch, &server->client);
	}
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
	return listener_add(server, fd);
}

LM_EXPORT const char *lm_ctx_socket(const lm_ctx_t *ctx)
{
	return ctx->server->path;
}

/* While we listen: a socket that nobody listens to is replaced, and would not be ours. */
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
	leave_now(server);
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
	if (!c || (c->is_mdev && !c->told))
		return;
	st->attached = true;
	st->pid = c->pid;
	st->uid = c->uid;
	st->major = c->major;
	st->minor = c->minor;
	st->requests = c->requests;
}
