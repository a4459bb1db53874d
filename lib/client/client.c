/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - requests to a vfio-user server and their replies.
 *
 * Owns the turn of a client: one send of all that is queued, one sleep, one receive, all whole
 * messages in it. A request has a slot under its message id until its reply has come, also when
 * nobody waits for it any more. Everything from the server is checked: a reply without a request,
 * or for another command, ends the connection, because nothing behind it can be trusted; a reply
 * of the wrong size fails its request alone. Knows no command but by the length of its reply.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"

#define ERRNO_MAX    4095u
#define SPINS_A_LOOK 256u

/* ---- time ------------------------------------------------------------------- */

/* Coarse: a few milliseconds do not matter to a timeout, tens of nanoseconds do to a request. */
static uint64_t coarse_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000 * NS_PER_MS + (uint64_t)ts.tv_nsec;
}

uint64_t client_deadline(const struct lm_client *c)
{
	return coarse_now_ns() + c->timeout_ms * NS_PER_MS;
}

/* ---- the end of requests ---------------------------------------------------- */

void client_op_end(struct lm_client *c, lm_client_op_t *op, int result)
{
	const bool nested = c->in_done;

	op->result = result;
	c->pending--;
	if (!op->done)
		return;
	c->in_done = true;
	op->done(op);
	c->in_done = nested;
}

static void slot_free(struct lm_client *c, struct slot *slot)
{
	slot->state = SLOT_FREE;
	c->nr_busy--;
}

int client_fail(struct lm_client *c, int error)
{
	uint32_t i;

	if (!c->error)
		c->error = error;
	/* Inside a callback: the turn that called it will come back here. */
	for (i = 0; i <= c->mask && !c->in_done && !c->in_dma; i++) {
		const struct slot was = c->slots[i];

		if (was.state == SLOT_FREE)
			continue;
		slot_free(c, &c->slots[i]);
		if (was.state == SLOT_OP)
			client_op_end(c, was.op, c->error);
		else if (was.state == SLOT_CALL)
			was.call->result = c->error;
	}
	return c->error;
}

int client_may_wait(struct lm_client *c)
{
	if (c->in_done || c->in_dma)
		return -EDEADLK;
	return unlikely(c->error) ? client_fail(c, c->error) : 0;
}

/* ---- sending ---------------------------------------------------------------- */

char *client_begin(struct lm_client *c, uint16_t cmd, size_t len, struct slot **slot)
{
	struct vfio_user_header *hdr;

	if (slot && c->nr_busy > c->mask)
		return NULL;
	hdr = stream_reserve(&c->main.s, sizeof(*hdr) + len);
	if (!hdr)
		return NULL;
	hdr->msg_id = c->next_id;
	hdr->cmd = cmd;
	hdr->msg_size = (uint32_t)(sizeof(*hdr) + len);
	hdr->flags = slot ? VFIO_USER_F_TYPE_COMMAND : VFIO_USER_F_NO_REPLY;
	hdr->error_no = 0;
	if (slot) {
		/* Ids are cyclic; those of abandoned requests are skipped. */
		do
			*slot = &c->slots[c->next_id++ & c->mask];
		while ((*slot)->state != SLOT_FREE);
		(*slot)->msg_id = hdr->msg_id = (uint16_t)(c->next_id - 1);
		(*slot)->cmd = cmd;
		c->nr_busy++;
	}
	return (char *)(hdr + 1);
}

void client_commit(struct lm_client *c, char *payload, const struct channel_fds *fds)
{
	const struct vfio_user_header *hdr = (void *)(payload - sizeof(*hdr));

	stream_commit(&c->main.s, hdr->msg_size, fds);
}

int client_send(struct lm_client *c)
{
	int ret = stream_flush(&c->main.s);

	if (ret >= 0 && c->twin.s.rx.data)
		ret = stream_flush(&c->twin.s);
	return ret < 0 ? ret : 0;
}

/* ---- receiving -------------------------------------------------------------- */

static int reply_result(const struct vfio_user_header *hdr)
{
	if (!(hdr->flags & VFIO_USER_F_ERROR))
		return 0;
	/* -EINPROGRESS has a meaning of its own in results. */
	if (!hdr->error_no || hdr->error_no > ERRNO_MAX || hdr->error_no == EINPROGRESS)
		return -EIO;
	return -(int)hdr->error_no;
}

static int call_reply(struct call *call, struct message *m)
{
	if (m->len < call->reply_len || (m->len > call->reply_len && !call->more))
		return -EPROTO;
	if (call->reply)
		memcpy(call->reply, m->payload, call->reply_len);
	call->more_len = m->len - call->reply_len;
	if (call->more)
		memcpy(call->more, m->payload + call->reply_len,
		       call->more_len < call->more_room ? call->more_len : call->more_room);
	if (call->fds) {
		*call->fds = m->fds;
		m->fds.nr = 0;
	}
	return 0;
}

static int client_reply(struct lm_client *c, struct message *m)
{
	struct slot *slot = &c->slots[m->hdr->msg_id & c->mask];
	const struct slot was = *slot;
	int result;

	if (was.state == SLOT_FREE || was.msg_id != m->hdr->msg_id || was.cmd != m->cmd)
		return -EPROTO;
	slot_free(c, slot);
	result = reply_result(m->hdr);
	if (was.state == SLOT_OP)
		client_op_end(c, was.op, result ?: client_op_reply(was.op, m));
	else if (was.state == SLOT_CALL)
		was.call->result = result ?: call_reply(was.call, m);
	return c->error;
}

/* All whole messages that are there: how many, or -errno. */
static int lane_serve(struct lm_client *c, struct lane *lane)
{
	struct message m;
	int ret, nr = 0;

	lane->stalled = false;
	while ((ret = stream_next(&lane->s, &m)) == 1) {
		const uint32_t type = m.hdr->flags & VFIO_USER_F_TYPE_MASK;

		if (type == VFIO_USER_F_TYPE_COMMAND)
			ret = client_upcall(c, lane, &m);
		else if (type == VFIO_USER_F_TYPE_REPLY && lane == &c->main)
			ret = client_reply(c, &m);
		else
			ret = -EPROTO;
		if (ret == -EAGAIN) {
			stream_unget(&lane->s, &m);
			lane->stalled = true;
			return nr;
		}
		message_close_fds(&m);
		if (ret)
			return ret;
		nr++;
	}
	return ret ?: nr;
}

/* One receive, if there is a place for it: how many messages were served, or -errno. */
static int lane_receive(struct lm_client *c, struct lane *lane)
{
	struct pollfd hangup = { .fd = lane->s.ch.fd };
	ssize_t got;

	if (unlikely(lane->stalled))
		return poll(&hangup, 1, 0) == 1 ? -ENOTCONN : 0;
	got = stream_fill(&lane->s);
	if (got > 0)
		return lane_serve(c, lane);
	/* More sets of descriptors than messages: no server has a reason for that. */
	return got == -ENOBUFS ? -EPROTO : (int)got;
}

/* Both sockets, without waiting. */
int client_receive(struct lm_client *c)
{
	int nr = lane_receive(c, &c->main), twin = 0;

	if (nr >= 0 && c->twin.s.rx.data)
		twin = lane_receive(c, &c->twin);
	return nr < 0 ? nr : twin < 0 ? twin : nr + twin;
}

/* Commands that found no room for their answers: now there may be some. */
int client_unstall(struct lm_client *c)
{
	int ret = 0;

	if (unlikely(c->main.stalled))
		ret = lane_serve(c, &c->main);
	if (unlikely(ret >= 0 && c->twin.stalled))
		ret = lane_serve(c, &c->twin);
	return ret;
}

/* ---- a turn ----------------------------------------------------------------- */

uint32_t lane_events(const struct lane *lane)
{
	return (lane->stalled ? 0 : POLLIN) | (stream_pending(&lane->s) ? POLLOUT : 0);
}

static int turn_sleep(struct lm_client *c, int timeout_ms)
{
	struct pollfd p[2] = {
		{ .fd = c->main.s.ch.fd, .events = (short)lane_events(&c->main) },
		{ .fd = -1 },
	};
	int ret;

	if (c->twin.s.rx.data) {
		p[1].fd = c->twin.s.ch.fd;
		p[1].events = (short)lane_events(&c->twin);
	}
	ret = poll(p, p[1].fd < 0 ? 1 : 2, timeout_ms);
	if (ret <= 0)
		return !ret || errno == EINTR ? 0 : -errno;
	ret = p[0].revents & ~POLLOUT ? lane_receive(c, &c->main) : 0;
	if (ret >= 0 && (p[1].revents & ~POLLOUT))
		ret = lane_receive(c, &c->twin);
	return ret;
}

/* A server that sends without end cannot keep us here: the time is looked at in every turn. */
int client_turn(struct lm_client *c, uint64_t deadline)
{
	const uint64_t now = coarse_now_ns(), left = deadline > now ? deadline - now : 0;
	const int timeout_ms = (int)((left + NS_PER_MS - 1) / NS_PER_MS);
	const bool spins = c->flags & LM_CLIENT_BUSY_POLL;
	unsigned int i;
	int ret = client_send(c);

	ret = ret ?: client_unstall(c);
	if (!ret && !spins)
		ret = turn_sleep(c, timeout_ms);
	for (i = 0; spins && i < SPINS_A_LOOK && !ret; i++)
		ret = client_receive(c);
	if (ret >= 0)
		ret = client_send(c); /* answers to commands */
	if (ret)
		return client_fail(c, ret);
	return timeout_ms ? 0 : -ETIMEDOUT;
}

int client_drain(struct lm_client *c, uint32_t left, uint64_t deadline)
{
	int ret = client_send(c);

	if (ret)
		return client_fail(c, ret);
	while (!ret && (c->pending > left || stream_pending(&c->main.s)))
		ret = client_turn(c, deadline);
	if (ret == -ETIMEDOUT && c->pending <= left && !stream_pending(&c->main.s))
		ret = 0;
	return ret;
}

/* ---- one command, waiting --------------------------------------------------- */

static int call_send(struct lm_client *c, struct call *call, uint64_t deadline, struct slot **slot)
{
	char *to;
	int ret;

	while (!(to = client_begin(c, call->cmd, call->req_len + call->data_len, slot))) {
		ret = client_turn(c, deadline);
		if (ret)
			return ret;
	}
	if (call->req)
		memcpy(to, call->req, call->req_len);
	if (call->data)
		memcpy(to + call->req_len, call->data, call->data_len);
	client_commit(c, to, call->send_fds);
	(*slot)->state = SLOT_CALL;
	(*slot)->call = call;
	return 0;
}

int client_call(struct lm_client *c, struct call *call)
{
	const uint64_t deadline = call->deadline ?: client_deadline(c);
	struct slot *slot;
	int ret;

	ret = client_may_wait(c);
	if (ret)
		return ret;
	call->result = -EINPROGRESS;
	ret = call_send(c, call, deadline, &slot);
	if (ret)
		return ret;
	while (!ret && call->result == -EINPROGRESS)
		ret = client_turn(c, deadline);
	client_watch(c);
	if (call->result != -EINPROGRESS)
		return call->result;
	/* What is not sent yet may carry descriptors that are only borrowed. */
	slot->state = SLOT_ABANDONED;
	return stream_pending(&c->main.s) ? client_fail(c, -ETIMEDOUT) : -ETIMEDOUT;
}
