/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protocol_access.c - reads and writes of regions, one or many in a message.
 *
 * Owns the request that waits for the device: its bytes, and the reply that is built when the
 * device answers, or later, when the client takes replies again. A message is validated whole
 * before its first write: errors are for messages that make no sense. What the device or its
 * description refuses is region.c's to answer.
 */
#include <string.h>

#include "server/protocol.h"

/* ---- region access --------------------------------------------------------------- */

static void access_done(struct access *a, ssize_t result)
{
	struct client *c = container_of(a, struct client, access);

	protocol_answer(c, result);
	client_wake(c);
}

void protocol_access_init(struct access *a, const struct client *c, const struct message *m)
{
	struct vfio_user_region_access req;

	memcpy(&req, m->payload, sizeof(req));
	a->region = req.region;
	a->offset = req.offset;
	a->count = req.count;
	a->is_write = m->cmd == VFIO_USER_REGION_WRITE;
	a->trace_flags = m->hdr->flags & VFIO_USER_F_NO_REPLY ? LM_TRACE_POSTED : 0;
	if (unlikely(m->hdr->flags & c->transport->replayed))
		a->trace_flags |= LM_TRACE_REPLAYED;
}

/* It goes on later: its bytes move out of buffers that go on being used. */
static int access_wait(struct client *c, const void *bytes, size_t len, enum waiting waiting)
{
	struct access *a = &c->access;
	const size_t at = (size_t)(a->buf - (const char *)bytes);

	if (client_hold(c, bytes, len)) {
		region_cancel(c->ctx, a);
		return -ENOMEM;
	}
	access_move(a, c->held + at);
	c->waiting = waiting;
	return LM_DEFER;
}

/* The reply to a read is the request's head and the data, to a write the head. */
int protocol_region_access(struct client *c, struct message *m, struct reply *r)
{
	const size_t head = sizeof(struct vfio_user_region_access);
	struct access *a = &c->access;
	ssize_t ret;

	protocol_access_init(a, c, m);
	a->done = access_done;
	if (a->count > STREAM_MAX_DATA || m->len != head + (a->is_write ? a->count : 0))
		return -EINVAL;
	a->buf = (a->is_write ? m->payload : r->payload) + head;
	ret = region_access(c->ctx, a);
	if (ret == LM_DEFER)
		return access_wait(c, a->buf, a->count, WAIT_ACCESS);
	if (ret < 0)
		return (int)ret;
	memcpy(r->payload, m->payload, head);
	r->len = head + (a->is_write ? 0 : a->count);
	return 0;
}

/* ---- several writes in one message ----------------------------------------------- */

/* The array @wrs from multi_pos on, until all are done, one is deferred, or the turn is over: what
 * they wait for. One that is refused is dropped alone. */
static enum waiting multi_run(struct client *c, char *wrs)
{
	struct access *a = &c->access;
	struct vfio_user_write_single w;

	for (; c->multi_pos < c->multi_nr; c->multi_pos++) {
		char *at = wrs + c->multi_pos * sizeof(w);

		memcpy(&w, at, sizeof(w));
		a->region = w.region;
		a->offset = w.offset;
		a->count = w.count;
		a->is_write = true;
		a->buf = at + offsetof(struct vfio_user_write_single, data);
		a->done = access_done;
		if (client_turn_is_over(c))
			return WAIT_TURN;
		if (region_access(c->ctx, a) == LM_DEFER)
			return WAIT_ACCESS;
	}
	return WAIT_NONE;
}

int protocol_write_multi(struct client *c, struct message *m, struct reply *r)
{
	const size_t head = sizeof(struct vfio_user_write_multi);
	struct vfio_user_write_multi multi;
	struct vfio_user_write_single w;
	char *wrs = m->payload + head;
	enum waiting waiting;
	uint32_t i;

	memcpy(&multi, m->payload, head);
	if (multi.wr_cnt != (m->len - head) / sizeof(struct vfio_user_write_single) ||
	    (m->len - head) % sizeof(struct vfio_user_write_single))
		return -EINVAL;
	c->multi_pos = 0;
	c->multi_nr = (uint32_t)multi.wr_cnt;
	for (i = 0; i < c->multi_nr; i++) {
		memcpy(&w, wrs + i * sizeof(w), sizeof(w));
		if (w.count > sizeof(w.data) || !region_find(c->ctx, w.region))
			return -EINVAL;
	}
	c->access.trace_flags = m->hdr->flags & VFIO_USER_F_NO_REPLY ? LM_TRACE_POSTED : 0;
	waiting = multi_run(c, wrs);
	if (waiting != WAIT_NONE)
		return access_wait(c, wrs, m->len - head, waiting);
	memcpy(r->payload, &multi, head);
	r->len = head;
	return 0;
}

/* ---- answers that come later ----------------------------------------------------- */

static size_t answer_build(struct client *c, ssize_t result, char *payload)
{
	const size_t head = sizeof(struct vfio_user_region_access);
	uint64_t wr_cnt = (uint64_t)result;

	switch (c->request.cmd) {
	case VFIO_USER_REGION_READ:
		memcpy(payload, c->payload, head);
		memcpy(payload + head, c->held, c->access.count);
		return head + c->access.count;
	case VFIO_USER_REGION_WRITE: memcpy(payload, c->payload, head); return head;
	case VFIO_USER_REGION_WRITE_MULTI:
		memcpy(payload, &wr_cnt, sizeof(wr_cnt));
		return sizeof(wr_cnt);
	case VFIO_USER_DMA_UNMAP:
		memcpy(payload, c->payload, sizeof(struct vfio_user_dma_unmap));
		return sizeof(struct vfio_user_dma_unmap);
	default: return 0;
	}
}

static void answer(struct client *c, ssize_t result)
{
	c->waiting = WAIT_ROOM;
	c->result = result;
	protocol_answer_send(c);
}

void protocol_go_on(struct client *c)
{
	int ret;

	if (c->request.cmd == VFIO_USER_DMA_UNMAP) {
		ret = dma_unmap_go_on(c->ctx);
		if (ret == LM_DEFER)
			c->waiting = protocol_unmap_waits(c);
		else
			answer(c, ret);
		return;
	}
	c->waiting = multi_run(c, c->held);
	if (c->waiting == WAIT_NONE)
		answer(c, c->multi_nr);
}

/* The writes behind one that was deferred call the device: they wait for a turn, as requests do. */
void protocol_answer(struct client *c, ssize_t result)
{
	if (c->request.cmd != VFIO_USER_REGION_WRITE_MULTI)
		answer(c, result);
	else if (++c->multi_pos < c->multi_nr)
		c->waiting = WAIT_TURN;
	else
		answer(c, c->multi_nr);
}

void protocol_unmapped(struct lm_ctx *ctx, ssize_t result)
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

bool protocol_answer_send(struct client *c)
{
	const size_t data = c->request.cmd == VFIO_USER_REGION_READ ? c->access.count : 0;
	struct reply r = { 0 };
	char *out;

	if (!(c->request.flags & VFIO_USER_F_NO_REPLY)) {
		out = stream_reserve(&c->stream, sizeof(c->request) + REPLY_SMALL + data);
		if (!out)
			return false;
		r.payload = out + sizeof(c->request);
		if (c->result >= 0)
			r.len = answer_build(c, c->result, r.payload);
		protocol_commit(c, &c->request, c->result < 0 ? (int)c->result : 0, &r);
	}
	client_unhold(c);
	c->waiting = WAIT_NONE;
	return true;
}
