/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - where a client connects, and the client while it is there.
 *
 * Owns the listening socket, the life of connections (which of them is the client is pending.c's),
 * and the turn of a client: one receive, the whole messages in it, one send; of what makes much
 * work the rest waits for the next turn, so that a client leaves time for others. Requests are
 * served in the order they came; while one waits for the device, the following ones wait in the
 * buffer, and only replies to our own commands overtake. A client that does not read its replies
 * is not read from; nothing here ever blocks. Callbacks run in turns of the loop alone: what a
 * device completes between them is sent, but the requests behind it have to wait for their turn.
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

/* The end of the stream too: its edge may be one with that of the last bytes. */
#define CLIENT_IN (EPOLLIN | EPOLLRDHUP)

struct client *server_client(const struct lm_ctx *ctx)
{
	return ctx->server ? ctx->server->client : NULL;
}

/* ---- attach and detach ----------------------------------------------------------- */

static void trace_client(struct client *c, uint16_t kind)
{
	struct lm_trace_record rec = {
		.time = trace_ticks(), .kind = kind, .value = (uint64_t)c->pid,
	};

	trace_append(c->ctx, &rec);
}

/* Of an attach when lm_ctx_create() has returned: in a turn. */
void client_tell(struct client *c, bool attached)
{
	struct lm_ctx *ctx = c->ctx;

	if (c->told == attached)
		return;
	c->told = attached;
	if (trace_on(ctx))
		trace_client(c, attached ? LM_TRACE_ATTACH : LM_TRACE_DETACH);
	if (ctx->control)
		control_event(ctx, attached ? "attach" : "detach", NULL, (uint64_t)c->pid);
	if (ctx->info.client)
		ctx->info.client(ctx->info.pvt, attached);
}

static void client_free(struct client *c)
{
	if (c->twin_fd >= 0)
		close(c->twin_fd);
	if (c->twin.rx.data) {
		loop_remove(&c->ctx->loop, &c->twin_source);
		stream_close(&c->twin);
	}
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

static void client_detach(struct client *c)
{
	struct lm_ctx *ctx = c->ctx;

	ctx->server->client = NULL;
	region_cancel(ctx, &c->access);
	defer_cancel(ctx, &c->reset);
	c->waiting = WAIT_NONE;
	upcall_fail_all(c, -ECANCELED);
	client_leave(c);
	if (!c->is_mdev) /* the one behind it goes by MUSER_CLIENT_CLOSE */
		master_disconnect(ctx);
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

static void client_ready(struct source *src, uint32_t events);

/* The node signals an edge per arrival, also where messages are left: level triggering. */
static uint32_t client_edge(const struct client *c)
{
	return c->is_mdev ? 0 : EPOLLET;
}

static uint32_t client_in(const struct client *c)
{
	return c->is_mdev ? mdev_events(c) : CLIENT_IN;
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
	ret = upcall_new(c);
	ret = ret ?: stream_open_channel(&c->stream, ch);
	if (ret) {
		channel_drop(*ch);
		goto fail;
	}
	c->is_mdev = ch->ops->exchange;
	c->source.fd = ch->fd;
	c->source.fn = client_ready;
	c->events = client_in(c) | EPOLLOUT;
	ret = loop_add(&c->ctx->loop, &c->source, c->events | client_edge(c));
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

/* ---- a turn of the client -------------------------------------------------------- */

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

/* Whole messages in the buffer, in order, until one waits for the device or the turn ends. */
static int serve_messages(struct client *c)
{
	struct message m;
	int ret;

	while (!client_turn_is_over(c) && c->waiting == WAIT_NONE &&
	       (ret = stream_next(&c->stream, &m)) != 0) {
		if (ret < 0)
			return ret;
		work_add(c->ctx, 1);
		if ((m.hdr->flags & VFIO_USER_F_TYPE_MASK) == VFIO_USER_F_TYPE_REPLY) {
			upcall_reply(c, &m);
			continue;
		}
		ret = protocol_handle(c, &m);
		if (ret)
			return ret;
	}
	return 0;
}

/* While a request waits: replies to our commands, wherever they stand. */
static int serve_replies(struct client *c)
{
	struct message m;
	int ret = 0;

	c->replies_due = false;
	while (c->waiting != WAIT_NONE && (ret = stream_next_reply(&c->stream, &m)) == 1) {
		work_add(c->ctx, 1);
		upcall_reply(c, &m);
		if (client_turn_is_over(c)) {
			c->replies_due = true;
			break;
		}
	}
	return ret < 0 ? ret : 0;
}

bool client_is_due(const struct client *c)
{
	if (likely(c->waiting == WAIT_NONE))
		return stream_has_message(&c->stream);
	return c->waiting == WAIT_TURN || c->replies_due;
}

/*
 * Messages that are here already have a turn when the socket can be written, as it mostly can.
 * Edges spare epoll a second look at a socket that was read empty; what an edge has told and was
 * not served, a modification tells again.
 */
void client_listen(struct client *c)
{
	const bool listening = c->waiting == WAIT_NONE ||
			       (upcall_is_outstanding(c) && !c->twin.rx.data);
	const bool is_due = client_is_due(c);
	uint32_t events = c->is_mdev ? mdev_events(c) & EPOLLPRI : 0;

	if (listening && !c->blocked)
		events |= client_in(c);
	if (is_due || c->waiting == WAIT_ROOM || stream_pending(&c->stream))
		events |= EPOLLOUT;
	if (events == c->events && c->armed && !is_due)
		return;
	if (!loop_modify(&c->ctx->loop, &c->source, events | client_edge(c))) {
		c->events = events;
		c->armed = true;
	}
}

/* A request is not answered yet: go on with it, or with what it may be waiting for. */
static int serve_waiting(struct client *c)
{
	int ret;

	if (c->waiting == WAIT_TURN)
		protocol_go_on(c);
	ret = serve_replies(c);
	return ret ?: c->waiting == WAIT_ROOM ? SERVE_BLOCKED : 0;
}

/* A reply may end the wait, and then messages behind it are due: until nothing moves. */
static int serve_all(struct client *c)
{
	int ret;

	if (c->waiting == WAIT_ROOM && !protocol_answer_send(c))
		return SERVE_BLOCKED;
	do {
		ret = serve_messages(c);
		if (!ret && c->waiting != WAIT_NONE)
			ret = serve_waiting(c);
	} while (!ret && !client_turn_is_over(c) && client_is_due(c));
	return ret;
}

void client_serve(struct client *c)
{
	int ret, sent = 0;

	if (c->serving)
		return;
	c->serving = true;
	c->turn_end = threads_have_job(c->ctx) ? 0 : c->ctx->work + TURN_MAX;
	c->ctx->turn_ticks = trace_on(c->ctx) && !c->ctx->threads ? trace_ticks() : 0;
	do {
		ret = serve_all(c);
		if (!ret && c->keeps) /* they go with the next exchange */
			break;
		sent = stream_flush(&c->stream);
		if (!sent)
			upcall_kick(c);
		/* It could not answer, but now there is room. */
	} while (ret == SERVE_BLOCKED && !sent);
	if (!sent && !c->keeps)
		sent = stream_flush(&c->stream);
	c->serving = false;
	c->ctx->turn_ticks = 0;
	c->blocked = ret == SERVE_BLOCKED;
	if (ret < 0 || sent < 0) {
		client_lost(c, ret < 0 ? ret : sent);
		return;
	}
	if (unlikely(c->twin_fd >= 0 && !sent)) {
		close(c->twin_fd);
		c->twin_fd = -1;
	}
	c->blocked |= sent;
	upcall_settle(c);
	if (!c->keeps)
		client_listen(c);
}

void client_wake(struct client *c)
{
	if (c->serving)
		return;
	/* An error is found again in the turn that follows it: that of a socket to be written. */
	if (!stream_flush(&c->stream)) {
		upcall_kick(c);
		stream_flush(&c->stream);
	}
	c->blocked &= stream_pending(&c->stream);
	upcall_settle(c);
	if (!c->keeps)
		client_listen(c);
}

/* -ENOBUFS: requests fill the buffer while one waits for a reply that will never be read. */
ssize_t server_receive(struct client *c)
{
	const ssize_t got = stream_fill(&c->stream);

	c->armed = c->is_mdev || (got >= 0 && c->stream.drained);
	if (got != -ENOBUFS || c->waiting == WAIT_NONE || !upcall_is_outstanding(c))
		return got;
	log_peer(c->ctx, LM_LOG_WARN,
		 "the client queues requests without answering our DMA commands");
	upcall_fail_all(c, -ENOBUFS);
	return 1;
}

/* Without anything to read: but muser.ko says why. */
static ssize_t client_end(struct client *c)
{
	ssize_t got = -ENOTCONN;

	if (c->is_mdev)
		got = server_receive(c) ?: -ENODEV;
	return got;
}

/* The device does not know of it. Before its VERSION it has no reason to give us descriptors: of
 * those that we do not know they would be many. */
static int client_meet(struct client *c)
{
	if (c->ctx->server->client != c)
		return c->stream.nr_arrived && !client_is_due(c) ? -EPROTO : 0;
	if (!c->is_mdev)
		client_tell(c, true);
	return 0;
}

static void client_ready(struct source *src, uint32_t events)
{
	struct client *c = container_of(src, struct client, source);
	ssize_t ret = 0;

	if (unlikely(!c->told))
		ret = client_meet(c);
	if (unlikely(events & EPOLLPRI)) /* of a node alone */
		ret = mdev_traps(c);
	c->armed = false;
	/* What is here goes first: there may be no room for more, and its sender may have gone. */
	if (!ret && !client_is_due(c)) {
		if (events & EPOLLIN)
			ret = server_receive(c);
		else if (events & (EPOLLHUP | EPOLLERR))
			ret = client_end(c);
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->armed = false;
	if (ret < 0)
		client_lost(c, (int)ret);
	else
		client_serve(c);
}

int server_busy_poll(struct lm_ctx *ctx)
{
	struct client *c = ctx->server->client;
	ssize_t got;

	if (!c || c->events != client_in(c))
		return c && c->events & EPOLLOUT ? -EAGAIN : 0;
	got = server_receive(c);
	if (!got)
		return 0;
	if (got < 0)
		client_lost(c, (int)got);
	else
		client_serve(c);
	return 1;
}

void server_deferred_done(struct lm_ctx *ctx, ssize_t result)
{
	struct client *c = server_client(ctx);

	if (!c || c->waiting != WAIT_DMA_UNMAP)
		return;
	protocol_answer(c, result);
	client_wake(c);
}

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
