/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev_node.c - the system calls on /dev/muser/<uuid>, and nothing else. Whoever wants to know what
 * they mean looks into channel_mdev.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire/mdev_node.h"

int mdev_node_open(const char *uuid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/muser/%s", uuid);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void mdev_node_close(int fd)
{
	close(fd);
}

ssize_t mdev_node_read(int fd, void *buf, size_t len)
{
	const ssize_t ret = read(fd, buf, len);

	return ret < 0 ? -errno : ret;
}

ssize_t mdev_node_write(int fd, const void *buf, size_t len)
{
	const ssize_t ret = write(fd, buf, len);

	return ret < 0 ? -errno : ret;
}

int mdev_node_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int mdev_node_mmap(int fd, uint64_t offset, size_t length, int prot, void **mem)
{
	void *at;

	if ((uint64_t)(off_t)offset != offset)
		return -EOVERFLOW;
	at = mmap(NULL, length, prot, MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);
	if (at == MAP_FAILED)
		return -errno;
	*mem = at;
	return 0;
}
