/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device.c - opening a mediated device as VFIO clients do, and what concerns all of it.
 *
 * VFIO_TYPE=1 in the environment asks for the first version of the type 1 IOMMU, as DPDK does,
 * VFIO_TYPE=cdev for iommufd, see cdev.c; VFIO_PATIENCE=MS waits for a server.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

int xioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

ssize_t device_read(struct client *c, void *buffer, size_t count, uint64_t place)
{
	ssize_t got = pread(c->device, buffer, count, place);

	return got < 0 ? -errno : got;
}

ssize_t device_write(struct client *c, const void *buffer, size_t count, uint64_t place)
{
	ssize_t got = pwrite(c->device, buffer, count, place);

	return got < 0 ? -errno : got;
}

int device_map(struct client *c, uint64_t place, size_t size, int prot, char **address)
{
	*address = mmap(NULL, size, prot, MAP_SHARED, c->device, place);
	return *address == MAP_FAILED ? -errno : 0;
}

static int open_group(const char *uuid)
{
	char link[PATH_MAX], target[PATH_MAX], path[64];
	ssize_t length;
	int fd;

	snprintf(link, sizeof(link), "/sys/bus/mdev/devices/%s/iommu_group", uuid);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%.32s", basename(target));
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int device_get(struct client *c, const char *uuid)
{
	return c->group < 0 ? cdev_device(c, uuid) :
			      xioctl(c->group, VFIO_GROUP_GET_DEVICE_FD, (void *)uuid);
}

/* EIO: there is no server yet. */
static int open_device(struct client *c)
{
	const char *patience = getenv("VFIO_PATIENCE");
	int left = patience ? atoi(patience) : 0, ret;

	for (;;) {
		ret = device_get(c, c->uuid);
		if (ret != -EIO || left <= 0)
			return ret;
		poll(NULL, 0, 20);
		left -= 20;
	}
}

int device_join(struct client *c, const char *uuid)
{
	c->uuid = uuid;
	c->group = open_group(uuid);
	return c->group < 0 ? c->group :
			      xioctl(c->group, VFIO_GROUP_SET_CONTAINER, &c->container);
}

static int open_container(struct client *c, const char *type)
{
	int ret;

	c->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (c->container < 0)
		return -errno;
	ret = device_join(c, c->uuid);
	if (ret < 0)
		return ret;
	ret = ioctl(c->container, VFIO_SET_IOMMU,
		    strcmp(type, "1") ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU);
	return ret < 0 ? -errno : 0;
}

int device_open(struct client *c, const char *uuid)
{
	const char *type = getenv("VFIO_TYPE") ?: "";
	int ret;

	c->uuid = uuid;
	ret = strcmp(type, "cdev") ? open_container(c, type) : cdev_open(c);
	if (ret < 0)
		return ret;
	c->device = open_device(c);
	return c->device < 0 ? c->device : 0;
}

void device_close(struct client *c)
{
	close(c->device);
	close(c->group);
	close(c->container);
}

static int run_info(struct client *c, int argc, char **argv)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int ret = xioctl(c->device, VFIO_DEVICE_GET_INFO, &info);

	if (ret < 0)
		return ret;
	printf("%s%sregions=%u irqs=%u\n", info.flags & VFIO_DEVICE_FLAGS_PCI ? "pci " : "",
	       info.flags & VFIO_DEVICE_FLAGS_RESET ? "reset " : "", info.num_regions,
	       info.num_irqs);
	return 0;
}

static int run_reset(struct client *c, int argc, char **argv)
{
	return xioctl(c->device, VFIO_DEVICE_RESET, NULL);
}

static int run_sleep(struct client *c, int argc, char **argv)
{
	uint64_t ms;

	if (number(argv[0], &ms))
		return -EPROTO;
	return poll(NULL, 0, ms) < 0 ? -errno : 0;
}

/* "say" tells a script that commands until here are done. */
static int run_say(struct client *c, int argc, char **argv)
{
	printf("%s\n", argv[0]);
	return 0;
}

/* Close the device and open it again, as a guest's restart in the same process. */
static int run_reopen(struct client *c, int argc, char **argv)
{
	close(c->device);
	c->device = device_get(c, c->uuid);
	return c->device < 0 ? c->device : 0;
}

static int run_kill(struct client *c, int argc, char **argv)
{
	abort();
}

const struct command device_commands[] = {
	{ "info", "", 0, run_info },
	{ "reset", "", 0, run_reset },
	{ "reopen", "", 0, run_reopen },
	{ "sleep", "MS", 1, run_sleep },
	{ "say", "WORD", 1, run_say },
	{ "abort", "", 0, run_kill },
	{ 0 },
};
