/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * node.c - the double of lib/mdev_node.c for musctl's tests: a node of muser.ko is a FIFO below
 * $MUSER_ROOT, whose other end the script that plays the kernel holds. It lets a server start, says
 * so in sysfs, and sends nothing; when the script lets go of it, the mdev was removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/muser.h>

#include "wire/mdev_node.h"

static char device[400]; /* its folder */

static int set_attribute(const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", device, name);
	file = fopen(path, "we");
	if (!file)
		return -ENOENT;
	fprintf(file, "%s\n", text);
	fclose(file);
	return 0;
}

static int start(void)
{
	char pid[16];

	if (getenv("NODE_REFUSES"))
		return 0;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return set_attribute("server_pid", pid) || set_attribute("state", "ready") ? -ENOENT : 0;
}

int mdev_node_open(const char *uuid)
{
	const char *root = getenv("MUSER_ROOT");
	char path[512];
	int fd;

	snprintf(device, sizeof(device), "%s/sys/bus/mdev/devices/%s", root ? root : "", uuid);
	snprintf(path, sizeof(path), "%s/dev/muser/%s", root ? root : "", uuid);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void mdev_node_close(int fd)
{
	set_attribute("state", "no-server");
	close(fd);
}

ssize_t mdev_node_read(int fd, void *buf, size_t len)
{
	const ssize_t ret = read(fd, buf, len);

	return ret < 0 ? -errno : ret;
}

ssize_t mdev_node_write(int fd, const void *buf, size_t len)
{
	return (ssize_t)len;
}

/* Until the server's own loop has something to do, or the mdev goes. */
static int exchange(int fd, struct muser_exchange *x)
{
	struct pollfd fds[] = { { fd, POLLIN, 0 }, { x->wake_fd, POLLIN, 0 } };

	x->in_len = 0;
	if (poll(fds, 2, x->flags & MUSER_EXCHANGE_NOWAIT ? 0 : -1) < 0)
		return -errno;
	return fds[0].revents & POLLHUP ? -ENODEV : 0;
}

int mdev_node_ioctl(int fd, unsigned long request, void *arg)
{
	struct muser_info *info = arg;

	if (request == MUSER_EXCHANGE)
		return exchange(fd, arg);
	if (request == MUSER_START)
		return start();
	if (request == MUSER_IRQ_TRIGGER)
		return -ENOENT;
	if (request == MUSER_GET_INFO) {
		info->version = MUSER_API_VERSION;
		info->max_msg = 4096;
		info->features = MUSER_FEATURE_CLIENT;
	}
	return 0;
}

int mdev_node_mmap(int fd, uint64_t offset, size_t length, int prot, void **mem)
{
	*mem = mmap(NULL, length, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return *mem == MAP_FAILED ? -errno : 0;
}
