/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_region.c - region accesses: one at a time, without an answer, many in a message, many
 * messages at a time.
 *
 * A transfer of any size is cut into messages of max_data_xfer_size, one after the other: an
 * access of a device may have effects, so the second piece is not sent before the first has
 * succeeded. Requests among many (lm_client_op_t) are one message each.
 */
#include <string.h>

#include "client/client.h"

static_assert(sizeof(lm_client_write_t) == sizeof(struct vfio_user_write_single) &&
		      offsetof(lm_client_write_t, data) ==
			      offsetof(struct vfio_user_write_single, data),
	      "writes go out as they are");

/* ---- one at a time ---------------------------------------------------------- */

/* One message; exactly one of @to and @from is not NULL. */
static int access_once(lm_client_t *c, const struct vfio_user_region_access *req, void *to,
		       const void *from, uint64_t deadline)
{
	struct vfio_user_region_access reply;
	struct call call = {
		.cmd = to ? VFIO_USER_REGION_READ : VFIO_USER_REGION_WRITE,
		.req = req,
		.req_len = sizeof(*req),
		.data = from,
		.data_len = from ? req->count : 0,
		.reply = &reply,
		.reply_len = sizeof(reply),
		.more = to,
		.more_room = to ? req->count : 0,
		.deadline = deadline,
	};
	const int ret = client_call(c, &call);

	if (ret)
		return ret;
	return !memcmp(&reply, req, sizeof(reply)) && call.more_len == call.more_room ? 0 : -EPROTO;
}

LM_EXPORT int lm_client_region_read(lm_client_t *client, uint32_t region, uint64_t offset,
				    void *buf, size_t count)
{
	struct vfio_user_region_access req = { .offset = offset, .region = region };
	const uint64_t deadline = client_deadline(client);
	char *to = buf;
	int ret;

	do {
		const uint32_t max = client->info.max_data_xfer_size;

		req.count = count < max ? (uint32_t)count : max;
		ret = access_once(client, &req, to, NULL, deadline);
		req.offset += req.count;
		to += req.count;
		count -= req.count;
	} while (!ret && count);
	return ret;
}

LM_EXPORT int lm_client_region_write(lm_client_t *client, uint32_t region, uint64_t offset,
				     const void *buf, size_t count)
{
	struct vfio_user_region_access req = { .offset = offset, .region = region };
	const uint64_t deadline = client_deadline(client);
	const char *from = buf;
	int ret;

	do {
		const uint32_t max = client->info.max_data_xfer_size;

		req.count = count < max ? (uint32_t)count : max;
		ret = access_once(client, &req, NULL, from, deadline);
		req.offset += req.count;
		from += req.count;
		count -= req.count;
	} while (!ret && count);
	return ret;
}

/* ---- without an answer ------------------------------------------------------ */

/* Into the send buffer. 0, -EAGAIN: no room. */
static int op_queue(lm_client_t *c, lm_client_op_t *op)
{
	const struct vfio_user_region_access req = { op->offset, op->region, op->count };
	const size_t data = op->kind == LM_CLIENT_READ ? 0 : op->count;
	const bool posted = op->kind == LM_CLIENT_WRITE_POSTED;
	struct slot *slot = NULL;
	char *to;

	to = client_begin(c, data ? VFIO_USER_REGION_WRITE : VFIO_USER_REGION_READ,
			  sizeof(req) + data, posted ? NULL : &slot);
	if (!to)
		return -EAGAIN;
	memcpy(to, &req, sizeof(req));
	if (data)
		memcpy(to + sizeof(req), op->buf, data);
	client_commit(c, to, NULL);
	op->result = posted ? 0 : -EINPROGRESS;
	if (!slot)
		return 0;
	slot->state = SLOT_OP;
	slot->op = op;
	c->pending++;
	return 0;
}

LM_EXPORT int lm_client_region_write_posted(lm_client_t *client, uint32_t region, uint64_t offset,
					    const void *buf, size_t count)
{
	const uint64_t deadline = client_deadline(client);
	const uint32_t max = client->info.max_data_xfer_size;
	lm_client_op_t op = {
		.kind = LM_CLIENT_WRITE_POSTED,
		.region = region,
		.offset = offset,
		.buf = (void *)buf,
	};
	int ret = client_may_wait(client);

	while (!ret && count) {
		op.count = count < max ? (uint32_t)count : max;
		ret = op_queue(client, &op);
		if (ret == -EAGAIN) {
			ret = client_turn(client, deadline);
			continue;
		}
		op.offset += op.count;
		op.buf = (char *)op.buf + op.count;
		count -= op.count;
	}
	return ret ?: client_drain(client, UINT32_MAX, deadline);
}

/* ---- many in a message ------------------------------------------------------ */

static int write_multi_once(lm_client_t *c, const lm_client_write_t *writes, size_t nr,
			    size_t *done, uint64_t deadline)
{
	const struct vfio_user_write_multi req = { .wr_cnt = nr };
	struct vfio_user_write_multi reply;
	struct call call = {
		.cmd = VFIO_USER_REGION_WRITE_MULTI,
		.req = &req,
		.req_len = sizeof(req),
		.data = writes,
		.data_len = nr * sizeof(*writes),
		.reply = &reply,
		.reply_len = sizeof(reply),
		.deadline = deadline,
	};
	const int ret = client_call(c, &call);

	if (ret)
		return ret;
	if (reply.wr_cnt > nr)
		return -EPROTO;
	*done += reply.wr_cnt;
	return reply.wr_cnt == nr ? 0 : -EIO;
}

LM_EXPORT int lm_client_region_write_multi(lm_client_t *client, const lm_client_write_t *writes,
					   size_t nr, size_t *done)
{
	const size_t fit = client->info.max_data_xfer_size / sizeof(*writes);
	const size_t max = fit ?: 1;
	const uint64_t deadline = client_deadline(client);
	size_t n, i, dummy;
	int ret = 0;

	done = done ?: &dummy;
	*done = 0;
	if (!client->info.write_multiple)
		return -EOPNOTSUPP;
	for (i = 0; i < nr; i++) {
		if (!writes[i].count || writes[i].count > sizeof(writes[i].data))
			return -EINVAL;
	}
	for (i = 0; !ret && i < nr; i += n) {
		n = nr - i < max ? nr - i : max;
		ret = write_multi_once(client, writes + i, n, done, deadline);
	}
	return ret;
}

/* ---- many messages at a time ------------------------------------------------ */

LM_EXPORT int lm_client_queue(lm_client_t *client, lm_client_op_t *op)
{
	if (unlikely(client->in_dma))
		return -EDEADLK;
	if (unlikely(client->error))
		return client->error;
	if (unlikely(op->kind < LM_CLIENT_READ || op->kind > LM_CLIENT_WRITE_POSTED || !op->count ||
		     op->count > client->info.max_data_xfer_size))
		return -EINVAL;
	return op_queue(client, op);
}

int client_op_reply(const lm_client_op_t *op, const struct message *m)
{
	const size_t data = op->kind == LM_CLIENT_READ ? op->count : 0;
	struct vfio_user_region_access reply;

	if (m->len != sizeof(reply) + data)
		return -EPROTO;
	memcpy(&reply, m->payload, sizeof(reply));
	if (reply.offset != op->offset || reply.region != op->region || reply.count != op->count)
		return -EPROTO;
	if (data)
		memcpy(op->buf, m->payload + sizeof(reply), data);
	return 0;
}
