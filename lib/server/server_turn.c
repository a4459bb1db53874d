/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_turn.c - the turns of a client.
 *
 * A turn is one receive, the whole messages in it, one send; of what makes much work the rest waits
 * for the next turn, so that a client leaves time for others. Requests are served in the order they
 * came; while one waits for the device, the following ones wait in the buffer, and only replies to
 * our own commands overtake. A client that does not read its replies is not read from; nothing here
 * ever blocks. Callbacks run in turns of the loop alone: what a device completes between them is
 * sent, but the requests behind it have to wait for their turn.
 */
#include <string.h>

#include "server/server_client.h"
#include "trace/trace.h"

/* ---- messages -------------------------------------------------------------------- */

/* Whole messages in the buffer, in order, until one waits for the device or the turn ends. */
static int serve_messages(struct client *c)
{
	struct message m;
	int ret;

	while (c->waiting == WAIT_NONE && c->stream.rx.head != c->stream.rx.tail &&
	       !client_turn_is_over(c)) {
		ret = stream_next(&c->stream, &m);
		if (ret <= 0)
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

/* ---- what epoll is to tell ------------------------------------------------------- */

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
	uint32_t events = trap_events(c->ctx);

	if (listening && !c->blocked)
		events |= c->transport->in;
	if (is_due || c->waiting == WAIT_ROOM || stream_pending(&c->stream))
		events |= EPOLLOUT;
	if (events == c->events && c->armed && !is_due)
		return;
	if (!loop_modify(&c->ctx->loop, &c->source, events | c->transport->edge)) {
		c->events = events;
		c->armed = true;
	}
}

/* ---- a turn ---------------------------------------------------------------------- */

/* A reply may end the wait, and then messages behind it are due: until nothing moves. */
static int serve_all(struct client *c)
{
	int ret;

	if (c->waiting == WAIT_ROOM && !protocol_answer_send(c))
		return SERVE_BLOCKED;
	do {
		ret = serve_messages(c);
		if (ret || c->waiting == WAIT_NONE)
			return ret;
		/* It is not answered yet: go on with it, or with what it may be waiting for. */
		if (c->waiting == WAIT_TURN)
			protocol_go_on(c);
		ret = serve_replies(c);
		if (!ret && c->waiting == WAIT_ROOM)
			ret = SERVE_BLOCKED;
	} while (!ret && !client_turn_is_over(c) && client_is_due(c));
	return ret;
}

/* Nothing waits and nothing is left, as after most turns: epoll knows what to tell. Of a node it is
 * told other events. */
static inline bool client_is_at_rest(const struct client *c)
{
	return c->waiting == WAIT_NONE && c->armed && !c->blocked && c->events == CLIENT_IN &&
	       c->stream.rx.head == c->stream.rx.tail && !c->upcalls && !c->twin.rx.data;
}

void client_serve(struct client *c)
{
	struct lm_ctx *ctx = c->ctx;
	int ret, sent = 0;

	if (c->serving)
		return;
	c->serving = true;
	ctx->turn_end = unlikely(threads_have_job(ctx)) ? TURN_OVER : ctx->work + TURN_MAX;
	ctx->turn_ticks = trace_on(ctx) && !ctx->threads ? trace_ticks() : 0;
	do {
		ret = serve_all(c);
		if (!ret && c->corked) /* they go with the next exchange */
			break;
		sent = stream_flush(&c->stream);
		if (unlikely(c->upcalls) && !sent) {
			upcall_kick(c);
			sent = stream_flush(&c->stream);
		}
		/* It could not answer, but now there is room. */
	} while (ret == SERVE_BLOCKED && !sent);
	c->serving = false;
	ctx->turn_end = 0;
	ctx->turn_ticks = 0;
	c->blocked = ret == SERVE_BLOCKED;
	if (unlikely(ret < 0 || sent < 0)) {
		client_lost(c, ret < 0 ? ret : sent);
		return;
	}
	if (unlikely(c->twin_fd >= 0 && !sent)) {
		close(c->twin_fd);
		c->twin_fd = -1;
	}
	c->blocked |= sent;
	if (likely(client_is_at_rest(c)))
		return;
	if (c->upcalls || c->twin.rx.data)
		upcall_settle(c);
	if (!c->corked)
		client_listen(c);
}

static void client_wake_now(struct client *c)
{
	if (c->serving)
		return;
	/* An error is found again in the turn that follows it: that of a socket to be written. */
	if (!stream_flush(&c->stream) && c->upcalls) {
		upcall_kick(c);
		stream_flush(&c->stream);
	}
	c->blocked &= stream_pending(&c->stream);
	upcall_settle(c);
	if (!c->corked)
		client_listen(c);
}

/* ---- its beginning --------------------------------------------------------------- */

/* -ENOBUFS: requests fill the buffer while one waits for a reply that will never be read. */
ssize_t server_receive(struct client *c)
{
	const ssize_t got = stream_fill(&c->stream);

	c->armed = !c->transport->edge || (got >= 0 && c->stream.drained);
	if (got != -ENOBUFS || c->waiting == WAIT_NONE || !upcall_is_outstanding(c))
		return got;
	log_peer(c->ctx, LM_LOG_WARN,
		 "the client queues requests without answering our DMA commands");
	upcall_fail_all(c, -ENOBUFS);
	return 1;
}

static void client_ready(struct source *src, uint32_t events)
{
	struct client *c = container_of(src, struct client, source);
	ssize_t ret = 0;

	if (unlikely(!c->notified)) {
		/* Before its VERSION it has no reason to give us descriptors: of connections that
		 * the device does not know they would be many. */
		if (c->ctx->server->client != c)
			ret = c->stream.nr_arrived && !client_is_due(c) ? -EPROTO : 0;
		else if (c->transport->attaches)
			client_notify(c, true);
	}
	if (unlikely(events & EPOLLPRI)) /* of a node alone */
		ret = mdev_traps(c);
	c->armed = false;
	/* What is here goes first: there may be no room for more, and its sender may have gone. */
	if (!ret && !client_is_due(c)) {
		if (events & EPOLLIN)
			ret = server_receive(c);
		else if (events & (EPOLLHUP | EPOLLERR))
			ret = c->transport->end(c);
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->armed = false;
	if (ret < 0)
		client_lost(c, (int)ret);
	else
		client_serve(c);
}

const struct client_turns client_turns = {
	.ready = client_ready,
	.serve = client_serve,
	.wake = client_wake_now,
};

int server_busy_poll(struct lm_ctx *ctx)
{
	struct client *c = ctx->server->client;
	ssize_t got;

	if (!c || c->events != client_events(c))
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
