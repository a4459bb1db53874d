/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel_mdev.c - messages over /dev/muser/<uuid>, and what muser.ko does beside them.
 *
 * Owns the node: its file, the ioctls, the offsets of its mappings, and what its errors mean to
 * the engine. The kernel on the other side is trusted as a kernel is; messages are checked as any
 * client's. Descriptors never travel. What is read is whole messages, so a receive can fail for
 * want of room (-EMSGSIZE) where a socket would give a part.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/muser.h>

#include "channel.h"
#include "mdev_node.h"
#include "stream.h"

/* What the engine needs to hear of, and all that it knows. */
#define MDEV_FEATURES MUSER_FEATURE_CLIENT

/* ---- messages -------------------------------------------------------------------- */

static ssize_t mdev_recv(struct channel *ch, void *buf, size_t len, struct channel_fds *fds)
{
	const ssize_t ret = mdev_node_read(ch->fd, buf, len);

	fds->nr = 0;
	fds->error = 0;
	if (ret == -EAGAIN || ret == -EINTR)
		return 0;
	return ret ? ret : -ENODEV;
}

static ssize_t mdev_send(struct channel *ch, const void *buf, size_t len,
			 const struct channel_fds *fds)
{
	const ssize_t ret = mdev_node_write(ch->fd, buf, len);

	return ret == -EAGAIN || ret == -EINTR ? 0 : ret;
}

static void mdev_close(struct channel *ch)
{
	mdev_node_close(ch->fd);
	ch->fd = -1;
}

static ssize_t mdev_exchange(struct channel *ch, const struct channel_exchange *x)
{
	struct muser_exchange arg = {
		.argsz = sizeof(arg),
		.out = (uintptr_t)x->out, .out_len = (uint32_t)x->out_len,
		.in = (uintptr_t)x->in, .in_size = (uint32_t)x->in_size,
		.wake_fd = x->wake_fd, .timeout_ns = UINT64_MAX,
	};
	const int ret = mdev_node_ioctl(ch->fd, MUSER_EXCHANGE, &arg);

	if (ret)
		return ret == -EINTR ? 0 : ret;
	return arg.in_len;
}

static int mdev_start(struct channel *ch, bool restartable)
{
	struct muser_start arg = {
		.argsz = sizeof(arg), .flags = restartable ? MUSER_START_RESTARTABLE : 0,
		.version = MUSER_API_VERSION, .features = MDEV_FEATURES,
	};

	return mdev_node_ioctl(ch->fd, MUSER_START, &arg);
}

/* ---- memory, interrupts ---------------------------------------------------------- */

static uint32_t space_of(uint32_t region)
{
	return region == CHANNEL_STATE ? MUSER_SPACE_STATE : region;
}

static int mdev_memory(struct channel *ch, struct channel_memory *m)
{
	struct muser_mem arg = {
		.argsz = sizeof(arg), .space = space_of(m->space), .size = m->size,
	};
	int ret;

	if (m->space != CHANNEL_STATE && m->space >= MUSER_SPACE_STATE)
		return -EINVAL;
	ret = mdev_node_ioctl(ch->fd, MUSER_MEM_CREATE, &arg);
	m->kept = arg.flags & MUSER_MEM_KEPT;
	return ret ?: mdev_node_mmap(ch->fd, MUSER_MMAP_MEM(arg.space), m->size,
				     PROT_READ | PROT_WRITE, &m->mem);
}

static int mdev_trap(struct channel *ch, const struct channel_trap *t)
{
	struct muser_trap arg = {
		.argsz = sizeof(arg), .space = space_of(t->region),
		.flags = (t->fetch ? MUSER_TRAP_FETCH : 0) | (t->arm ? MUSER_TRAP_ARM : 0) |
			 (t->off ? MUSER_TRAP_OFF : 0),
		.offset = t->offset, .size = t->size, .bitmap = (uintptr_t)t->bitmap,
	};
	const int ret = mdev_node_ioctl(ch->fd, MUSER_MEM_TRAP, &arg);

	if (t->posted)
		*t->posted = arg.posted;
	return ret;
}

static int mdev_trigger(struct channel *ch, uint32_t index, uint32_t vector)
{
	struct muser_irq arg = { .argsz = sizeof(arg), .index = index, .vector = vector };
	const int ret = mdev_node_ioctl(ch->fd, MUSER_IRQ_TRIGGER, &arg);

	return ret == -ENOENT ? -ENOTCONN : ret;
}

/* ---- client memory --------------------------------------------------------------- */

static uint32_t dma_flags(uint32_t prot)
{
	return MUSER_DMA_READ | (prot & PROT_WRITE ? MUSER_DMA_WRITE : 0);
}

static int mdev_dma_pin(struct channel *ch, struct channel_dma *d)
{
	struct muser_dma arg = {
		.argsz = sizeof(arg), .flags = dma_flags(d->prot) | MUSER_DMA_FILE,
		.iova = d->addr, .size = d->size,
	};
	const int ret = mdev_node_ioctl(ch->fd, MUSER_DMA_PIN, &arg);

	switch (ret) {
	case 0:
		d->addr = arg.iova;
		d->size = arg.size;
		d->is_file = arg.flags & MUSER_DMA_FILE;
		return 0;
	case -EPERM:
		return -EACCES;
	case -EOPNOTSUPP:
	case -ENOMEM: /* the client's limit of locked memory */
		return -EOPNOTSUPP;
	default:
		return -ENOENT;
	}
}

static int mdev_dma_map(struct channel *ch, const struct channel_dma *d, void **base)
{
	const uint64_t space = d->is_file ? MUSER_MMAP_FILE : MUSER_MMAP_DMA;

	return mdev_node_mmap(ch->fd, space + d->addr, d->size, (int)d->prot, base);
}

static int mdev_dma_copy(struct channel *ch, const struct channel_dma *d, void *data)
{
	struct muser_dma_rw arg = {
		.argsz = sizeof(arg), .iova = d->addr, .size = d->size,
		.flags = d->prot & PROT_WRITE ? MUSER_DMA_WRITE : MUSER_DMA_READ,
		.addr = (uintptr_t)data,
	};
	const int ret = mdev_node_ioctl(ch->fd, MUSER_DMA_RW, &arg);

	if (ret == -EINVAL || ret == -EBUSY)
		return -EFAULT;
	return ret == -EPERM ? -EACCES : ret;
}

/* ---- life ------------------------------------------------------------------------ */

static const struct channel_ops mdev_ops = {
	.recv = mdev_recv,
	.send = mdev_send,
	.close = mdev_close,
	.memory = mdev_memory,
	.start = mdev_start,
	.trigger = mdev_trigger,
	.dma_pin = mdev_dma_pin,
	.dma_map = mdev_dma_map,
	.dma_copy = mdev_dma_copy,
	.exchange = mdev_exchange,
	.trap = mdev_trap,
};

static const char *open_fault(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return "there is no such mediated device, or muser.ko is not loaded";
	case -EBUSY:
		return "another process serves it";
	case -EACCES:
		return "no permission (see the group of /dev/muser)";
	default:
		return NULL;
	}
}

/* One without our ioctls is of before they were released. */
static const char *version_fault(int ret, const struct muser_info *info)
{
	if (ret == -ENOTTY || (!ret && info->version != MUSER_API_VERSION))
		return "the version of muser.ko does not match this library (install both from "
		       "one release, then reload the module)";
	if (!ret && MDEV_FEATURES & ~info->features)
		return "muser.ko is older than this library and lacks what it needs (install it "
		       "anew, then reload it)";
	if (!ret && info->max_msg > STREAM_BIG)
		return "muser.ko sends longer messages than this library takes";
	return NULL;
}

static int node_check(struct channel *ch, const char **why)
{
	struct muser_info info = { .argsz = sizeof(info) };
	const int ret = mdev_node_ioctl(ch->fd, MUSER_GET_INFO, &info);

	*why = version_fault(ret, &info);
	return *why ? -EPROTONOSUPPORT : ret;
}

int channel_mdev_open(struct channel *ch, const char *uuid, const char **why)
{
	int ret;

	ch->ops = &mdev_ops;
	ch->is_borrowed = false;
	ch->fd = mdev_node_open(uuid);
	*why = open_fault(ch->fd);
	if (ch->fd < 0)
		return ch->fd;
	ret = node_check(ch, why);
	if (ret)
		mdev_close(ch);
	return ret;
}
