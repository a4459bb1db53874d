/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protocol.c - the commands of vfio-user: validate, do, reply.
 *
 * Owns the table of commands, their dispatch, and those that change something but regions; what
 * they do is done by the part that owns it (irq.c, dma.c). A request is validated whole before it
 * has any effect. Replies are built in place in the send buffer; an error reply is a header alone.
 */
#include <string.h>

#include <sys/mman.h>

#include "gate/gate.h"
#include "pci/pci.h"
#include "server/protocol.h"

/* ---- interrupts ------------------------------------------------------------------ */

static int set_irqs(struct client *c, struct message *m, struct reply *r)
{
	const uint32_t with_bytes = VFIO_IRQ_SET_DATA_BOOL |
				    (c->transport->has_eventfds ? VFIO_IRQ_SET_DATA_EVENTFD : 0);
	struct vfio_irq_set req;
	struct irq_set set;

	memcpy(&req, m->payload, sizeof(req));
	if (req.argsz < sizeof(req) || req.argsz > m->len)
		return -EINVAL;
	if ((req.flags & with_bytes) && req.argsz - sizeof(req) < req.count)
		return -EINVAL;
	set = (struct irq_set){
		.flags = req.flags,
		.index = req.index,
		.start = req.start,
		.count = req.count,
		.data = (const uint8_t *)m->payload + sizeof(req),
		.fds = m->fds.fd,
		.nr_fds = m->fds.nr,
		.armed = c->transport->has_eventfds,
	};
	return irq_set(c->ctx, &set);
}

/* ---- DMA map --------------------------------------------------------------------- */

static int map_dma(struct client *c, struct message *m, struct reply *r)
{
	const uint32_t known = VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE |
			       VFIO_USER_DMA_MMAP | VFIO_USER_DMA_FILE_IO;
	struct vfio_user_dma_map req;
	struct dma_window w;
	int ret;

	work_add(c->ctx, DMA_WORK);
	memcpy(&req, m->payload, sizeof(req));
	if (req.argsz < sizeof(req) || (req.flags & ~known) || m->fds.nr > 1)
		return -EINVAL;
	w = (struct dma_window){
		.addr = req.addr,
		.size = req.size,
		.offset = req.offset,
		.prot = (req.flags & VFIO_USER_DMA_READABLE ? PROT_READ : 0) |
			(req.flags & VFIO_USER_DMA_WRITEABLE ? PROT_WRITE : 0),
		.fd = m->fds.nr ? m->fds.fd[0] : -1,
		.file_io = req.flags & VFIO_USER_DMA_FILE_IO,
	};
	if (!w.prot)
		return -EINVAL;
	ret = dma_map(c->ctx, &w);
	if (!ret)
		m->fds.nr = 0; /* its owner is dma.c now */
	return ret;
}

static int unmap_dma(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_dma_unmap req;
	struct crossing x;
	bool all;
	int ret;

	work_add(c->ctx, DMA_WORK);
	memcpy(&req, m->payload, sizeof(req));
	all = req.flags & VFIO_DMA_UNMAP_FLAG_ALL;
	if (req.argsz < sizeof(req) || (req.flags & ~VFIO_DMA_UNMAP_FLAG_ALL))
		return -EINVAL;
	if (all && (req.addr || req.size))
		return -EINVAL;
	ret = c->transport->unmap(c->ctx, req.addr, req.size, all);
	x = (struct crossing){
		.kind = LM_TRACE_DMA_UNMAP,
		.offset = req.addr,
		.value = req.size,
		.result = ret == LM_DEFER ? 0 : ret,
	};
	if (gate_is_on(c->ctx, x.kind))
		gate_report(c->ctx, &x);
	if (ret == LM_DEFER)
		c->waiting = protocol_unmap_waits(c);
	memcpy(r->payload, &req, sizeof(req));
	r->len = sizeof(req);
	return ret;
}

/* ---- reset, features ------------------------------------------------------------- */

static void reset_done(struct lm_ctx *ctx, struct deferral *d, ssize_t result)
{
	struct client *c = container_of(d, struct client, reset);

	protocol_answer(c, result);
	client_wake(c);
}

static int device_reset(struct client *c, struct message *m, struct reply *r)
{
	int ret;

	c->reset = (struct deferral){ .done = reset_done };
	ret = function_reset(c->ctx, &c->reset, LM_RESET_CLIENT);
	if (ret == LM_DEFER)
		c->waiting = WAIT_RESET;
	return ret;
}

/* No feature is offered yet: what VFIO_DEVICE_FEATURE answers for one that is absent. */
static int device_feature(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_device_feature req;

	memcpy(&req, m->payload, sizeof(req));
	return req.argsz < sizeof(req) ? -EINVAL : -ENOTTY;
}

static int migration_data(struct client *c, struct message *m, struct reply *r)
{
	return -ENOTTY;
}

/* ---- dispatch -------------------------------------------------------------------- */

static const struct command commands[] = {
	[VFIO_USER_VERSION] = { handshake, sizeof(struct vfio_user_version), REPLY_MAX_INFO,
				false },
	[VFIO_USER_DMA_MAP] = { map_dma, sizeof(struct vfio_user_dma_map), 0, true },
	[VFIO_USER_DMA_UNMAP] = { unmap_dma, sizeof(struct vfio_user_dma_unmap), REPLY_SMALL,
				  true },
	[VFIO_USER_DEVICE_GET_INFO] = { protocol_device_info, sizeof(struct vfio_user_device_info),
					REPLY_SMALL, false },
	[VFIO_USER_DEVICE_GET_REGION_INFO] = { protocol_region_info,
					       sizeof(struct vfio_region_info), REPLY_MAX_INFO,
					       false },
	[VFIO_USER_DEVICE_GET_REGION_IO_FDS] = { protocol_region_io_fds,
						 sizeof(struct vfio_user_region_io_fds),
						 REPLY_MAX_INFO, false },
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = { protocol_irq_info, sizeof(struct vfio_irq_info),
					    REPLY_SMALL, false },
	[VFIO_USER_DEVICE_SET_IRQS] = { set_irqs, sizeof(struct vfio_irq_set), 0, true },
	[VFIO_USER_REGION_READ] = { protocol_region_access, sizeof(struct vfio_user_region_access),
				    REPLY_SMALL, false },
	[VFIO_USER_REGION_WRITE] = { protocol_region_access, sizeof(struct vfio_user_region_access),
				     REPLY_SMALL, true },
	[VFIO_USER_REGION_WRITE_MULTI] = { protocol_write_multi,
					   sizeof(struct vfio_user_write_multi), REPLY_SMALL,
					   true },
	[VFIO_USER_DEVICE_RESET] = { device_reset, 0, 0, true },
	[VFIO_USER_DEVICE_FEATURE] = { device_feature, sizeof(struct vfio_user_device_feature), 0,
				       false },
	[VFIO_USER_MIG_DATA_READ] = { migration_data, 0, 0, false },
	[VFIO_USER_MIG_DATA_WRITE] = { migration_data, 0, 0, false },
};

static int command_run(struct client *c, const struct command *cmd, struct message *m,
		       struct reply *r)
{
	if (m->hdr->flags & VFIO_USER_F_TYPE_MASK)
		return -EINVAL;
	if (!cmd)
		return -ENOSYS;
	if (m->len < cmd->min_len)
		return -EINVAL;
	if (m->fds.error)
		return m->fds.error;
	return cmd->fn(c, m, r);
}

/*
 * A request that wants no reply writes its reply into the void, not where messages are built. It
 * may wait for DMA, and so for messages: its own is pinned then, until it is done with.
 */
static void handle_posted(struct client *c, const struct command *cmd, struct message *m)
{
	char scratch[sizeof(struct vfio_user_header) + REPLY_SMALL];
	struct reply r = { .payload = scratch + sizeof(struct vfio_user_header) };
	int ret = -EINVAL;

	c->handling = true;
	if (cmd && cmd->posted)
		ret = command_run(c, cmd, m, &r);
	c->handling = false;
	stream_unpin(&c->pinned);
	if (ret < 0 && ret != LM_DEFER)
		log_debug(c->ctx, "a posted command %u failed: %s", m->cmd, strerror(-ret));
}

/* False: there is no room to answer, and the message was put back. */
static bool handle_replied(struct client *c, const struct command *cmd, struct message *m)
{
	size_t room = sizeof(struct vfio_user_header) + (cmd ? cmd->room : 0);
	struct vfio_user_region_access read;
	struct reply r;
	char *out;
	int ret;

	/* A read has room for its data as well; a count that is too large is refused later. */
	if (m->cmd == VFIO_USER_REGION_READ && m->len >= sizeof(read)) {
		memcpy(&read, m->payload, sizeof(read));
		room += read.count <= STREAM_MAX_DATA ? read.count : 0;
	}
	out = stream_reserve(&c->stream, room);
	if (!out) {
		stream_unget(&c->stream, m);
		return false;
	}
	r.payload = out + sizeof(struct vfio_user_header);
	r.len = 0;
	r.fds.nr = 0;
	c->reply_pending = true;
	ret = command_run(c, cmd, m, &r);
	c->reply_pending = false;
	if (unlikely(ret == LM_DEFER)) /* what the reply begins with, once there is one */
		memcpy(c->payload, m->payload, at_most(m->len, sizeof(c->payload)));
	else
		protocol_commit(c, &c->request, ret, &r);
	return true;
}

/* 0: it is VERSION, and it may come; else as protocol_handle(). */
static int handle_first(struct client *c, struct message *m)
{
	int ret;

	if (m->cmd != VFIO_USER_VERSION) {
		log_peer(c->ctx, LM_LOG_WARN, "the client sent command %u before VERSION", m->cmd);
		message_close_fds(m);
		return -EPROTO;
	}
	ret = pending_may_come(c);
	if (ret == SERVE_LATER)
		stream_unget(&c->stream, m);
	else if (ret)
		message_close_fds(m);
	return ret;
}

int protocol_handle(struct client *c, struct message *m)
{
	const struct command *cmd = NULL;
	int ret;

	if (likely(m->cmd < LM_NR(commands)))
		cmd = commands[m->cmd].fn ? &commands[m->cmd] : NULL;
	else if (c->transport->command)
		cmd = c->transport->command(m->cmd);
	if (unlikely(!c->negotiated)) {
		ret = handle_first(c, m);
		if (ret)
			return ret;
	}
	if (unlikely(c->ctx->nr_traps)) {
		ret = mdev_before(c, m->hdr->flags);
		if (ret)
			return ret;
	}
	c->request = *m->hdr;
	if (c->request.flags & VFIO_USER_F_NO_REPLY) {
		handle_posted(c, cmd, m);
		c->posted = c->request.msg_id;
	} else if (!(unlikely(c->ctx->threads) && threads_take(c, m)) &&
		   !handle_replied(c, cmd, m)) {
		return SERVE_BLOCKED;
	}
	c->requests++;
	message_close_fds(m);
	if (unlikely(c->ctx->traps_due))
		mdev_traps_notify(c);
	return !c->negotiated ? -EPROTO : 0;
}
