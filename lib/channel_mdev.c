/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel_mdev.c - messages over /dev/muser/<uuid>, and what muser.ko does beside them: its host.
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

#include "host.h"
#include "internal.h"
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

/* The node is the host's: interrupts are raised through it to the end. */
static void mdev_close(struct channel *ch)
{
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
	return region == HOST_STATE ? MUSER_SPACE_STATE : region;
}

static int mdev_memory(struct host *host, struct host_memory *m)
{
	struct muser_mem arg = {
		.argsz = sizeof(arg), .space = space_of(m->space),
		.size = round_up(m->size, page_size()),
	};
	int ret;

	if (m->space != HOST_STATE && m->space >= MUSER_SPACE_STATE)
		return -EINVAL;
	ret = mdev_node_ioctl(host->fd, MUSER_MEM_CREATE, &arg);
	m->kept = arg.flags & MUSER_MEM_KEPT;
	m->outlives = true;
	m->fd = -1;
	return ret ?: mdev_node_mmap(host->fd, MUSER_MMAP_MEM(arg.space), arg.size,
				     PROT_READ | PROT_WRITE, &m->mem);
}

static int mdev_trap(struct host *host, const struct host_trap *t)
{
	struct muser_trap arg = {
		.argsz = sizeof(arg), .space = space_of(t->region),
		.flags = (t->fetch ? MUSER_TRAP_FETCH : 0) | (t->arm ? MUSER_TRAP_ARM : 0) |
			 (t->off ? MUSER_TRAP_OFF : 0),
		.offset = t->offset, .size = t->size, .bitmap = (uintptr_t)t->bitmap,
	};
	const int ret = mdev_node_ioctl(host->fd, MUSER_MEM_TRAP, &arg);

	if (t->posted)
		*t->posted = arg.posted;
	return ret;
}

static int mdev_trigger(struct host *host, uint32_t index, uint32_t vector)
{
	struct muser_irq arg = { .argsz = sizeof(arg), .index = index, .vector = vector };
	const int ret = mdev_node_ioctl(host->fd, MUSER_IRQ_TRIGGER, &arg);

	return ret == -ENOENT ? -ENOTCONN : ret;
}

/* ---- client memory --------------------------------------------------------------- */

static uint32_t dma_flags(uint32_t prot)
{
	return MUSER_DMA_READ | (prot & PROT_WRITE ? MUSER_DMA_WRITE : 0);
}

static int mdev_dma_pin(struct host *host, struct host_dma *d)
{
	struct muser_dma arg = {
		.argsz = sizeof(arg), .flags = dma_flags(d->prot) | MUSER_DMA_FILE,
		.iova = d->addr, .size = d->size,
	};
	const int ret = mdev_node_ioctl(host->fd, MUSER_DMA_PIN, &arg);

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

static int mdev_dma_map(struct host *host, const struct host_dma *d, void **base)
{
	const uint64_t space = d->is_file ? MUSER_MMAP_FILE : MUSER_MMAP_DMA;

	return mdev_node_mmap(host->fd, space + d->addr, d->size, (int)d->prot, base);
}

static int mdev_dma_copy(struct host *host, const struct host_dma *d, void *data)
{
	struct muser_dma_rw arg = {
		.argsz = sizeof(arg), .iova = d->addr, .size = d->size,
		.flags = d->prot & PROT_WRITE ? MUSER_DMA_WRITE : MUSER_DMA_READ,
		.addr = (uintptr_t)data,
	};
	const int ret = mdev_node_ioctl(host->fd, MUSER_DMA_RW, &arg);

	if (ret == -EINVAL || ret == -EBUSY)
		return -EFAULT;
	return ret == -EPERM ? -EACCES : ret;
}

/* ---- life ------------------------------------------------------------------------ */

static void mdev_channel(struct host *host, struct channel *ch)
{
	static const struct channel_ops ops = {
		.recv = mdev_recv,
		.send = mdev_send,
		.close = mdev_close,
		.start = mdev_start,
		.exchange = mdev_exchange,
	};

	*ch = (struct channel){ &ops, host->fd };
}

static void host_close(struct host *host)
{
	mdev_node_close(host->fd);
	host->fd = -1;
}

static const struct host_ops mdev_ops = {
	.memory = mdev_memory,
	.close = host_close,
	.channel = mdev_channel,
	.trigger = mdev_trigger,
	.dma_pin = mdev_dma_pin,
	.dma_map = mdev_dma_map,
	.dma_copy = mdev_dma_copy,
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

static int node_check(struct host *host, const char **why)
{
	struct muser_info info = { .argsz = sizeof(info) };
	const int ret = mdev_node_ioctl(host->fd, MUSER_GET_INFO, &info);

	*why = version_fault(ret, &info);
	return *why ? -EPROTONOSUPPORT : ret;
}

int host_mdev_open(struct host *host, const char *uuid, const char **why)
{
	int ret;

	host->ops = &mdev_ops;
	host->fd = mdev_node_open(uuid);
	*why = open_fault(host->fd);
	if (host->fd < 0)
		return host->fd;
	ret = node_check(host, why);
	if (ret)
		host_close(host);
	return ret;
}
