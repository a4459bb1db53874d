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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/muser.h>

#include "base/base.h"
#include "wire/host.h"
#include "wire/mdev_node.h"
#include "wire/stream.h"

/* What the engine needs to hear of, and all that it knows. */
#define MDEV_FEATURES MUSER_FEATURE_CLIENT

struct mdev_host {
	struct host host;
	int fd;
};

static int node_of(const struct host *host)
{
	return container_of(host, struct mdev_host, host)->fd;
}

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
		.out = (uintptr_t)x->out,
		.out_len = (uint32_t)x->out_len,
		.in = (uintptr_t)x->in,
		.in_size = (uint32_t)x->in_size,
		.wake_fd = x->wake_fd,
		.timeout_ns = UINT64_MAX,
	};
	const int ret = mdev_node_ioctl(ch->fd, MUSER_EXCHANGE, &arg);

	if (ret)
		return ret == -EINTR ? 0 : ret;
	return arg.in_len;
}

static int mdev_start(struct channel *ch, bool restartable)
{
	struct muser_start arg = {
		.argsz = sizeof(arg),
		.flags = restartable ? MUSER_START_RESTARTABLE : 0,
		.version = MUSER_API_VERSION,
		.features = MDEV_FEATURES,
	};

	return mdev_node_ioctl(ch->fd, MUSER_START, &arg);
}

/* ---- memory, interrupts ---------------------------------------------------------- */

static uint32_t space_of(uint32_t region)
{
	return region == HOST_STATE ? MUSER_SPACE_STATE : region;
}

static int mdev_memory(const struct host *host, struct host_memory *m)
{
	struct muser_mem arg = {
		.argsz = sizeof(arg),
		.space = space_of(m->space),
		.size = round_up(m->size, page_size()),
	};
	int ret;

	if (m->space != HOST_STATE && m->space >= MUSER_SPACE_STATE)
		return -EINVAL;
	ret = mdev_node_ioctl(node_of(host), MUSER_MEM_CREATE, &arg);
	m->kept = arg.flags & MUSER_MEM_KEPT;
	m->outlives = true;
	m->fd = -1;
	if (ret)
		return ret;
	return mdev_node_mmap(node_of(host), MUSER_MMAP_MEM(arg.space), arg.size,
			      PROT_READ | PROT_WRITE, &m->mem);
}

static int mdev_trap(const struct host *host, const struct host_trap *t)
{
	struct muser_trap arg = {
		.argsz = sizeof(arg),
		.space = space_of(t->region),
		.flags = (t->fetch ? MUSER_TRAP_FETCH : 0) | (t->arm ? MUSER_TRAP_ARM : 0) |
			 (t->off ? MUSER_TRAP_OFF : 0),
		.offset = t->offset,
		.size = t->size,
		.bitmap = (uintptr_t)t->bitmap,
	};
	const int ret = mdev_node_ioctl(node_of(host), MUSER_MEM_TRAP, &arg);

	if (t->posted)
		*t->posted = arg.posted;
	return ret;
}

static int mdev_trigger(const struct host *host, uint32_t index, uint32_t vector)
{
	struct muser_irq arg = { .argsz = sizeof(arg), .index = index, .vector = vector };
	const int ret = mdev_node_ioctl(node_of(host), MUSER_IRQ_TRIGGER, &arg);

	return ret == -ENOENT ? -ENOTCONN : ret;
}

/* ---- client memory --------------------------------------------------------------- */

static int mdev_dma_pin(const struct host *host, struct host_dma *d)
{
	struct muser_dma arg = {
		.argsz = sizeof(arg),
		.iova = d->addr,
		.size = d->size,
		.flags = MUSER_DMA_READ | (d->prot & PROT_WRITE ? MUSER_DMA_WRITE : 0) |
			 MUSER_DMA_FILE,
	};
	const int ret = mdev_node_ioctl(node_of(host), MUSER_DMA_PIN, &arg);

	switch (ret) {
	case 0:
		d->addr = arg.iova;
		d->size = arg.size;
		d->is_file = arg.flags & MUSER_DMA_FILE;
		return 0;
	case -EPERM: return -EACCES;
	case -EOPNOTSUPP:
	case -ENOMEM: /* the client's limit of locked memory */ return -EOPNOTSUPP;
	default: return -ENOENT;
	}
}

static int mdev_dma_map(const struct host *host, const struct host_dma *d, void **base)
{
	const uint64_t space = d->is_file ? MUSER_MMAP_FILE : MUSER_MMAP_DMA;

	return mdev_node_mmap(node_of(host), space + d->addr, d->size, (int)d->prot, base);
}

static int mdev_dma_copy(const struct host *host, const struct host_dma *d, void *data)
{
	struct muser_dma_rw arg = {
		.argsz = sizeof(arg),
		.iova = d->addr,
		.size = d->size,
		.flags = d->prot & PROT_WRITE ? MUSER_DMA_WRITE : MUSER_DMA_READ,
		.addr = (uintptr_t)data,
	};
	const int ret = mdev_node_ioctl(node_of(host), MUSER_DMA_RW, &arg);

	if (ret == -EINVAL || ret == -EBUSY)
		return -EFAULT;
	return ret == -EPERM ? -EACCES : ret;
}

/* ---- life ------------------------------------------------------------------------ */

static void mdev_channel(const struct host *host, struct channel *ch)
{
	static const struct channel_ops ops = {
		.recv = mdev_recv,
		.send = mdev_send,
		.close = mdev_close,
		.start = mdev_start,
		.exchange = mdev_exchange,
	};

	*ch = (struct channel){ &ops, node_of(host) };
}

static void host_close(const struct host *host)
{
	mdev_node_close(node_of(host));
	free((void *)host);
}

static const struct host mdev_host = {
	.name = "mdev",
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
	case -ENODEV: return "there is no such mediated device, or muser.ko is not loaded";
	case -EBUSY: return "another process serves it";
	case -EACCES: return "no permission (be root or in its group)";
	default: return NULL;
	}
}

/* One without our ioctls is of before they were released. */
static const char *version_fault(int ret, const struct muser_info *info)
{
	if (ret == -ENOTTY || (!ret && info->version != MUSER_API_VERSION))
		return "the version of muser.ko does not match this library (install both from "
		       "one release, then reload the module)";
	if (!ret && MDEV_FEATURES & ~info->features)
		return "muser.ko is older than this library and lacks what it needs (install both "
		       "from one release, then reload the module)";
	if (!ret && info->max_msg > STREAM_BIG)
		return "muser.ko sends longer messages than this library takes";
	return NULL;
}

int host_mdev_open(const char *uuid, const struct host **host, const char **why)
{
	struct muser_info info = { .argsz = sizeof(info) };
	struct mdev_host *mdev;
	const int fd = mdev_node_open(uuid);
	int ret;

	*why = open_fault(fd);
	if (fd < 0)
		return fd;
	ret = mdev_node_ioctl(fd, MUSER_GET_INFO, &info);
	*why = version_fault(ret, &info);
	if (*why)
		ret = -EPROTONOSUPPORT;
	mdev = ret ? NULL : malloc(sizeof(*mdev));
	if (!mdev) {
		mdev_node_close(fd);
		return ret ?: -ENOMEM;
	}
	mdev->host = mdev_host;
	mdev->fd = fd;
	*host = &mdev->host;
	return 0;
}
