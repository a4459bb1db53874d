/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_device.c - commands about the device as a whole: information, reset, features,
 * interrupts, the DMA map.
 *
 * Each is one message and one reply, but for eventfds: the server takes max_msg_fds of them in a
 * message. Replies are checked against what was asked.
 */
#include <string.h>

#include "client/client.h"

LM_EXPORT int lm_client_device_info(lm_client_t *client, struct vfio_device_info *info)
{
	const struct vfio_user_device_info req = { .argsz = sizeof(req) };
	struct vfio_user_device_info reply;
	char more[64];
	struct call call = {
		.cmd = VFIO_USER_DEVICE_GET_INFO,
		.req = &req,
		.req_len = sizeof(req),
		.reply = &reply,
		.reply_len = sizeof(reply),
		/* VFIO's own struct has grown since; a server may send all of it. */
		.more = more,
		.more_room = sizeof(more),
	};
	const int ret = client_call(client, &call);

	if (ret)
		return ret;
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->flags = reply.flags;
	info->num_regions = reply.num_regions;
	info->num_irqs = reply.num_irqs;
	return 0;
}

LM_EXPORT int lm_client_device_reset(lm_client_t *client)
{
	struct call call = { .cmd = VFIO_USER_DEVICE_RESET };

	return client_call(client, &call);
}

LM_EXPORT int lm_client_device_feature(lm_client_t *client, uint32_t flags, void *data,
				       size_t in_len, size_t *len)
{
	const size_t room = len ? *len : 0;
	struct vfio_user_device_feature req = { .flags = flags }, reply;
	struct call call = {
		.cmd = VFIO_USER_DEVICE_FEATURE,
		.req = &req,
		.req_len = sizeof(req),
		.data = data,
		.data_len = in_len,
		.reply = &reply,
		.reply_len = sizeof(reply),
		.more = data ?: &reply,
		.more_room = room,
	};
	int ret;

	if (in_len > STREAM_MAX_DATA || room > STREAM_MAX_DATA || (len && room < in_len) ||
	    (!data && (in_len || room)))
		return -EINVAL;
	req.argsz = (uint32_t)(sizeof(req) + (room > in_len ? room : in_len));
	ret = client_call(client, &call);
	if (ret)
		return ret;
	if ((reply.flags ^ flags) & VFIO_DEVICE_FEATURE_MASK)
		return -EPROTO;
	if (!len)
		return 0;
	*len = call.more_len;
	if (reply.argsz > sizeof(reply) + room)
		*len = reply.argsz - sizeof(reply);
	if (*len <= room)
		return 0;
	if (flags & VFIO_DEVICE_FEATURE_GET)
		return -EMSGSIZE;
	/* Not asked for. Some servers say how much a get would give. */
	*len = call.more_len < room ? call.more_len : room;
	return 0;
}

/* ---- interrupts ------------------------------------------------------------- */

LM_EXPORT int lm_client_irq_info(lm_client_t *client, uint32_t index, struct vfio_irq_info *info)
{
	const struct vfio_irq_info req = { .argsz = sizeof(req), .index = index };
	struct vfio_irq_info reply;
	struct call call = {
		.cmd = VFIO_USER_DEVICE_GET_IRQ_INFO,
		.req = &req,
		.req_len = sizeof(req),
		.reply = &reply,
		.reply_len = sizeof(reply),
	};
	const int ret = client_call(client, &call);

	if (ret)
		return ret;
	if (reply.index != index)
		return -EPROTO;
	*info = reply;
	return 0;
}

/* What one message is about: vectors [@pos, @pos + @count) of a set. */
struct irq_part {
	uint32_t pos, count;
	struct channel_fds fds;
	uint64_t deadline; /* as struct call */
};

static int set_irqs(lm_client_t *c, const lm_client_irq_set_t *set, const struct irq_part *part)
{
	const bool bools = set->flags & VFIO_IRQ_SET_DATA_BOOL;
	struct vfio_irq_set req = {
		.flags = set->flags,
		.index = set->index,
		.start = set->start + part->pos,
		.count = part->count,
	};
	struct call call = {
		.cmd = VFIO_USER_DEVICE_SET_IRQS,
		.req = &req,
		.req_len = sizeof(req),
		.data = bools ? set->bools : NULL,
		.data_len = bools ? part->count : 0,
		.send_fds = &part->fds,
		.deadline = part->deadline,
	};

	req.argsz = (uint32_t)(sizeof(req) + call.data_len);
	return client_call(c, &call);
}

/* How many vectors from @pos on are of one kind, with an eventfd or without, and fit a message. */
static uint32_t irq_run(const lm_client_t *c, const lm_client_irq_set_t *set, uint32_t pos,
			struct channel_fds *fds)
{
	const bool none = !set->fds || set->fds[pos] < 0;
	uint32_t n = 0;

	fds->nr = 0;
	for (; pos + n < set->count; n++) {
		if (none != (!set->fds || set->fds[pos + n] < 0))
			break;
		if (none)
			continue;
		if (n == c->info.max_msg_fds || n == CHANNEL_MAX_FDS)
			break;
		fds->fd[fds->nr++] = set->fds[pos + n];
	}
	return n;
}

LM_EXPORT int lm_client_set_irqs(lm_client_t *client, const lm_client_irq_set_t *set)
{
	struct irq_part part = { .count = set->count };
	int ret = 0;

	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE: return set_irqs(client, set, &part);
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!set->bools || set->count > STREAM_MAX_DATA)
			return -EINVAL;
		return set_irqs(client, set, &part);
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (set->count > UINT16_MAX || !set->count)
			return -EINVAL;
		break;
	default: return -EINVAL;
	}
	part.deadline = client_deadline(client);
	for (; !ret && part.pos < set->count; part.pos += part.count) {
		part.count = irq_run(client, set, part.pos, &part.fds);
		ret = set_irqs(client, set, &part);
	}
	return ret;
}

/* ---- DMA -------------------------------------------------------------------- */

static uint32_t dma_flags(const lm_client_t *c, const lm_client_dma_map_t *map)
{
	uint32_t flags = 0;

	if (map->flags & LM_CLIENT_DMA_READ)
		flags |= VFIO_USER_DMA_READABLE;
	if (map->flags & LM_CLIENT_DMA_WRITE)
		flags |= VFIO_USER_DMA_WRITEABLE;
	/* Before 0.2 a descriptor alone said so. */
	if (map->fd >= 0 && c->info.minor >= 2)
		flags |= map->flags & LM_CLIENT_DMA_FILE_IO ? VFIO_USER_DMA_FILE_IO :
							      VFIO_USER_DMA_MMAP;
	return flags;
}

LM_EXPORT int lm_client_dma_map(lm_client_t *client, const lm_client_dma_map_t *map)
{
	const struct vfio_user_dma_map req = {
		.argsz = sizeof(req),
		.flags = dma_flags(client, map),
		.offset = map->offset,
		.addr = map->addr,
		.size = map->size,
	};
	const struct channel_fds fds = { .fd = { map->fd }, .nr = map->fd >= 0 };
	struct call call = {
		.cmd = VFIO_USER_DMA_MAP,
		.req = &req,
		.req_len = sizeof(req),
		.send_fds = &fds,
	};

	return client_call(client, &call);
}

LM_EXPORT int lm_client_dma_unmap(lm_client_t *client, uint64_t addr, uint64_t size)
{
	const struct vfio_user_dma_unmap req = {
		.argsz = sizeof(req),
		.addr = addr,
		.size = size,
	};
	struct vfio_user_dma_unmap reply;
	struct call call = {
		.cmd = VFIO_USER_DMA_UNMAP,
		.req = &req,
		.req_len = sizeof(req),
		.reply = &reply,
		.reply_len = sizeof(reply),
	};
	const int ret = client_call(client, &call);

	if (ret)
		return ret;
	return reply.addr == addr && reply.size == size ? 0 : -EPROTO;
}
