/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cdev.c - the device by a file of its own, /dev/vfio/devices/vfioN, and iommufd: VFIO_TYPE=cdev in
 * the environment, and commands for what a container does not have.
 *
 * Address spaces (IOAS) are known by small numbers; 0 is there and attached from the start. One is
 * in use: VFIO's own calls on /dev/iommu concern it, so that every command that maps does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

/* <linux/iommufd.h> and the newer half of <linux/vfio.h>, which not every host has. */
#define IOAS_ALLOC  _IO(';', 0x81)
#define IOAS_SELECT _IO(';', 0x88)
#define DEV_BIND    _IO(';', 118)
#define DEV_ATTACH  _IO(';', 119)
#define DEV_DETACH  _IO(';', 120)

struct ioas_alloc {
	uint32_t size, flags, id;
};

struct ioas_select {
	uint32_t size, id;
	uint16_t op, reserved;
};

struct dev_bind {
	uint32_t argsz, flags;
	int32_t  iommufd;
	uint32_t id;
};

struct dev_attach {
	uint32_t argsz, flags, id;
};

struct dev_detach {
	uint32_t argsz, flags;
};

/* ---- the device ---------------------------------------------------------------------- */

static int open_cdev(const char *uuid)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int fd = -ENOENT;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/vfio-dev", uuid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%.32s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	closedir(dir);
	return fd;
}

static int attach(int device, uint32_t id)
{
	struct dev_attach arg = { .argsz = sizeof(arg), .id = id };

	return xioctl(device, DEV_ATTACH, &arg);
}

static int bind_device(struct client *c, const char *uuid)
{
	struct dev_bind arg = { .argsz = sizeof(arg), .iommufd = c->container };
	int fd = open_cdev(uuid), ret;

	if (fd < 0)
		return fd;
	ret = xioctl(fd, DEV_BIND, &arg);
	if (ret >= 0)
		return fd;
	fprintf(stderr, "vfio_client: BIND_IOMMUFD: %s\n", strerror(-ret));
	close(fd);
	return ret;
}

int cdev_device(struct client *c, const char *uuid)
{
	int fd = bind_device(c, uuid), ret;

	if (fd < 0)
		return fd;
	ret = attach(fd, c->ioas[c->ioas_nr]);
	if (ret >= 0)
		return fd;
	close(fd);
	return ret;
}

/* ---- address spaces ------------------------------------------------------------------ */

static int select_ioas(struct client *c, unsigned int nr)
{
	struct ioas_select arg = { .size = sizeof(arg), .id = c->ioas[nr], .op = 1 };
	int ret = xioctl(c->container, IOAS_SELECT, &arg);

	if (ret >= 0)
		c->ioas_nr = nr;
	return ret;
}

static int new_ioas(struct client *c, unsigned int nr)
{
	struct ioas_alloc arg = { .size = sizeof(arg) };
	int ret = xioctl(c->container, IOAS_ALLOC, &arg);

	c->ioas[nr] = arg.id;
	return ret;
}

int cdev_open(struct client *c)
{
	int ret;

	c->group = -1;
	c->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (c->container < 0)
		return -errno;
	ret = new_ioas(c, 0);
	return ret < 0 ? ret : select_ioas(c, 0);
}

/* ---- commands ------------------------------------------------------------------------ */

static int run_ioas(struct client *c, int argc, char **argv)
{
	uint64_t nr;
	int ret;

	if (number(argv[0], &nr) || nr >= NR(c->ioas))
		return -EPROTO;
	if (!c->ioas[nr]) {
		ret = new_ioas(c, nr);
		if (ret < 0)
			return ret;
	}
	return select_ioas(c, nr);
}

static int run_attach(struct client *c, int argc, char **argv)
{
	uint64_t nr;

	if (number(argv[0], &nr) || nr >= NR(c->ioas))
		return -EPROTO;
	return attach(c->device, c->ioas[nr]);
}

static int run_detach(struct client *c, int argc, char **argv)
{
	struct dev_detach arg = { .argsz = sizeof(arg) };

	return xioctl(c->device, DEV_DETACH, &arg);
}

static int run_bind(struct client *c, int argc, char **argv)
{
	close(c->device);
	c->device = bind_device(c, c->uuid);
	return c->device < 0 ? c->device : 0;
}

/* Another device of the same iommufd and address space, for "swap". */
static int run_join(struct client *c, int argc, char **argv)
{
	c->other = cdev_device(c, argv[0]);
	return c->other < 0 ? c->other : 0;
}

static int run_swap(struct client *c, int argc, char **argv)
{
	const int device = c->device;

	c->device = c->other;
	c->other = device;
	return 0;
}

/* As fast as it goes: attached to one, in its place to the other, to nothing. */
static int run_attachstorm(struct client *c, int argc, char **argv)
{
	struct dev_detach arg = { .argsz = sizeof(arg) };
	uint64_t ms, end, i;
	int ret = 0;

	if (number(argv[0], &ms))
		return -EPROTO;
	end = now_ns() + ms * 1000000;
	for (i = 0; ret >= 0 && now_ns() < end; i++)
		ret = i % 5 == 4 ? xioctl(c->device, DEV_DETACH, &arg) :
				   attach(c->device, c->ioas[i % 2]);
	return ret;
}

/* It closes the device that is there. */
static int run_unbound(struct client *c, int argc, char **argv)
{
	close(c->device);
	c->device = open_cdev(c->uuid);
	return c->device < 0 ? c->device : 0;
}

const struct command cdev_commands[] = {
	{ "ioas", "NR: the address space in use, a new one if need be", 1, run_ioas },
	{ "attach", "NR: to this one, in place of another if need be", 1, run_attach },
	{ "detach", "", 0, run_detach },
	{ "join", "UUID: open another device, attached to the same", 1, run_join },
	{ "swap", "commands concern the other device", 0, run_swap },
	{ "attachstorm", "MS: to 0 and 1 in turns, and to nothing", 1, run_attachstorm },
	{ "bind", "close the device, open and bind it, attach it to nothing", 0, run_bind },
	{ "unbound", "close the device and open its file, no more", 0, run_unbound },
	{ 0 },
};
