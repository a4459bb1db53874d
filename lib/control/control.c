/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.c - the control endpoint: who may connect, and the turns of connections.
 *
 * A connection has one call in progress: the next one is looked at when its predecessor
 * has been answered and the answer taken. So a peer that pipelines or does not read
 * waits alone, and after some calls the other sources of the context have their turn.
 * An idle endpoint is a descriptor and a small struct.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/accept.h"
#include "base/peer_fd.h"
#include "control/control.h"
#include "control/control_conn.h"
#include "server/instance.h"
#include "trace/trace.h"

#define MAX_CONNS      32
#define CALLS_PER_TURN 8

/* ---- calls ---------------------------------------------------------------------- */

struct call {
	const char *method;
	struct json_object *params;
	bool oneway, more, upgrade;
};

static const struct json_member call_members[] = {
	{ "method", JSON_STRING, false, offsetof(struct call, method) },
	{ "parameters", JSON_OBJECT, true, offsetof(struct call, params) },
	{ "oneway", JSON_BOOL, true, offsetof(struct call, oneway) },
	{ "more", JSON_BOOL, true, offsetof(struct call, more) },
	{ "upgrade", JSON_BOOL, true, offsetof(struct call, upgrade) },
};

/* -EPROTO: not a call at all; nothing can be answered to that. */
static int conn_call(struct conn *c, const char *text, size_t len)
{
	struct json_object *obj = json_parse(text, len);
	struct call call = { 0 };
	const char *bad;

	if (!json_is_object(obj) || !json_to_string(json_get(obj, "method"))) {
		json_free(obj);
		return -EPROTO;
	}
	bad = json_read(obj, call_members, LM_NR(call_members), &call);
	c->oneway = !bad && call.oneway;
	if (bad || call.upgrade)
		control_invalid(c, bad ? bad : "upgrade");
	else
		control_dispatch(c, call.method, call.params, call.more && !call.oneway);
	json_free(obj);
	return 0;
}

static bool conn_is_free(const struct conn *c)
{
	return !c->out && !c->cancel && !c->monitor && !c->broken;
}

/* Some of the calls that are there. Descriptors belong to the call with whose bytes
 * they came. */
static void conn_serve(struct conn *c)
{
	char *end;
	int i;

	for (i = 0; i < CALLS_PER_TURN && conn_is_free(c); i++) {
		end = conn_message_end(c);
		if (!end)
			break;
		if (conn_call(c, c->in + c->in_pos, (size_t)(end - c->in) - c->in_pos))
			c->broken = true;
		conn_close_fds(c);
		c->in_pos = c->in_seen = (size_t)(end - c->in) + 1;
	}
}

/* ---- connections ---------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
	struct conn **p;

	for (p = &c->control->conns; *p != c; p = &(*p)->next)
		;
	*p = c->next;
	c->control->nr_conns--;
	if (c->cancel)
		c->cancel(c);
	if (c->tracer)
		trace_detach(c->ctx, c->tracer);
	if (c->stop)
		loop_stop(&c->ctx->loop);
	loop_remove(&c->ctx->loop, &c->source);
	conn_drop_buffers(c);
	peer_socket_close(c->source.fd);
	free(c);
}

/* Close what is done or broken, else wait for what can be used now: more calls, or room to send.
 * EPOLLOUT while there are calls in the buffer brings us back at once, after others have had their
 * turn. May free @c. */
void conn_settle(struct conn *c)
{
	const bool is_free = conn_is_free(c), more = is_free && conn_message_end(c);
	const bool done = c->eof && is_free && !more;
	uint32_t events = 0;

	if (!c->eof && !c->cancel && !c->out && !more)
		events |= EPOLLIN;
	if (c->out || more)
		events |= EPOLLOUT;
	if (!c->broken && !done && events != c->events) {
		c->broken = loop_modify(&c->ctx->loop, &c->source, events);
		c->events = events;
	}
	if (c->broken || done)
		conn_free(c);
}

static void conn_ready(struct source *src, uint32_t events)
{
	struct conn *c = container_of(src, struct conn, source);

	if (events & EPOLLIN) {
		if (conn_receive(c))
			c->broken = true;
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		c->broken = true;
	}
	if (events & EPOLLOUT)
		conn_flush(c);
	conn_serve(c);
	conn_settle(c);
}

static bool peer_is_trusted(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

static int conn_new(struct control *control, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	c->control = control;
	c->ctx = control->ctx;
	c->out_fd = -1;
	c->source.fd = fd;
	c->source.fn = conn_ready;
	c->events = EPOLLIN;
	ret = loop_add(&c->ctx->loop, &c->source, c->events);
	if (ret) {
		free(c);
		return ret;
	}
	c->next = control->conns;
	control->conns = c;
	control->nr_conns++;
	return 0;
}

static void listener_ready(struct source *src, uint32_t events)
{
	struct control *control = container_of(src, struct control, listener);
	const int fd = accept_peer(src->fd);

	if (fd == -EMFILE)
		log_peer(control->ctx, LM_LOG_WARN,
			 "control.sock: a connection was rejected: out of file descriptors");
	if (fd < 0)
		return;
	if (control->nr_conns >= MAX_CONNS || !peer_is_trusted(fd) || conn_new(control, fd))
		peer_socket_close(fd);
}

/* ---- life ----------------------------------------------------------------------- */

static void control_event(struct lm_ctx *ctx, const char *kind, const char *name, uint64_t value)
{
	struct conn *c, *next;
	struct json_object *params;

	for (c = ctx->control->conns; c; c = next) {
		next = c->next;
		if (!c->monitor)
			continue;
		params = json_new_object();
		json_add_string(params, "kind", kind);
		json_add_string(params, "name", name);
		json_add_hex(params, "value", value);
		control_reply_more(c, params);
		conn_settle(c);
	}
}

static int control_listen(struct control *control)
{
	const int fd = instance_listen(control->ctx, "control.sock", 0600, 0);
	int ret;

	if (fd < 0)
		return fd;
	ret = accept_new(fd);
	if (ret)
		goto fail;
	control->listener.fd = fd;
	control->listener.fn = listener_ready;
	ret = loop_add(&control->ctx->loop, &control->listener, EPOLLIN);
	if (!ret)
		return 0;
	accept_free();
fail:
	close(fd);
	return ret;
}

int control_new(struct lm_ctx *ctx)
{
	struct control *control = calloc(1, sizeof(*control));
	int ret;

	if (!control)
		return -ENOMEM;
	control->ctx = ctx;
	ret = control_listen(control);
	if (ret) {
		log_err(ctx, "control.sock: %s", strerror(-ret));
		free(control);
		return ret;
	}
	ctx->control = control;
	ctx->on_event = control_event;
	return 0;
}

/* What ends in order says so: to tracers in their ring, to monitors by the last reply. */
static void control_end(struct control *control)
{
	struct conn *c;
	struct json_object *params;

	trace_end(control->ctx);
	for (c = control->conns; c; c = c->next) {
		if (!c->monitor)
			continue;
		params = json_new_object();
		json_add_string(params, "kind", "end");
		json_add_hex(params, "value", 0);
		control_reply(c, params);
	}
}

void control_free(struct lm_ctx *ctx)
{
	struct control *control = ctx->control;

	if (control) {
		control_end(control);
		while (control->conns)
			conn_free(control->conns);
		loop_remove(&ctx->loop, &control->listener);
		peer_fd_close(control->listener.fd);
		accept_free();
		free(control);
		ctx->control = NULL;
		ctx->on_event = NULL;
	}
	trace_free(ctx);
}
