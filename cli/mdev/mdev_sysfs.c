/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev_sysfs.c - mediated devices as sysfs shows them: types, instances, who has one
 * open; making and removing one. Whether that is wise is for others to know.
 *
 * The kernel's "remove" does not return before the last client has closed, whatever
 * signal comes. So a process of its own writes there, for which nobody has to wait.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/kernel.h"
#include "mdev/mdev.h"
#include "ui/clock.h"
#include "ui/parse.h"

#define STEP_NS 1000000

/* fn for each name in a directory, but hidden ones. */
static int each_name(const char *path, int (*fn)(void *arg, const char *name), void *arg)
{
	char whole[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(mdev_path(whole, sizeof(whole), path));
	int ret = 0;

	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			ret = fn(arg, entry->d_name);
	}
	closedir(dir);
	return ret;
}

/* ---- types ----------------------------------------------------------------------- */

struct type_walk {
	struct mdev_type type;
	int (*fn)(void *arg, const struct mdev_type *type);
	void *arg;
};

static void read_type_file(struct mdev_type *type, const char *file, char *buf, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/mdev_supported_types/%s/%s", MDEV_PARENTS, type->parent,
		 type->id, file);
	mdev_read(path, buf, size);
}

static int take_type(void *arg, const char *name)
{
	struct type_walk *walk = arg;
	struct mdev_type *type = &walk->type;
	char number[32];

	snprintf(type->id, sizeof(type->id), "%.63s", name);
	read_type_file(type, "device_api", type->api, sizeof(type->api));
	read_type_file(type, "name", type->name, sizeof(type->name));
	read_type_file(type, "description", type->text, sizeof(type->text));
	read_type_file(type, "available_instances", number, sizeof(number));
	if (!parse_u64(number, &type->free))
		type->free = 0;
	return walk->fn(walk->arg, type);
}

static int take_parent(void *arg, const char *name)
{
	struct type_walk *walk = arg;
	char path[PATH_MAX];
	int ret;

	snprintf(walk->type.parent, sizeof(walk->type.parent), "%.63s", name);
	snprintf(path, sizeof(path), "%s/%s/mdev_supported_types", MDEV_PARENTS, name);
	ret = each_name(path, take_type, walk);
	return ret == -ENOENT ? 0 : ret;
}

int mdev_each_type(int (*fn)(void *arg, const struct mdev_type *type), void *arg)
{
	struct type_walk walk = { .fn = fn, .arg = arg };
	int ret = each_name(MDEV_PARENTS, take_parent, &walk);

	return ret == -ENOENT ? 0 : ret;
}

const char *mdev_obstacle(void)
{
	uint64_t free;

	if (!mdev_may("/sys/module/muser", F_OK))
		return "muser.ko is not loaded (modprobe muser)";
	if (!mdev_may(MDEV_TYPE, F_OK))
		return "muser.ko offers no mdev type " MDEV_TYPE_ID " (musctl doctor)";
	if (!mdev_may(MDEV_TYPE "/create", W_OK))
		return "no permission to write " MDEV_TYPE "/create (be root)";
	if (!mdev_read_u64(MDEV_TYPE "/available_instances", &free) && !free)
		return "muser.ko has no free instance (its parameter available_instances)";
	return NULL;
}

/* ---- instances ------------------------------------------------------------------- */

static void device_path(char *buf, size_t size, const char *uuid, const char *file)
{
	snprintf(buf, size, "%s/%s%s%s", MDEV_DEVICES, uuid, *file ? "/" : "", file);
}

static bool is_ours(const char *uuid)
{
	char path[PATH_MAX], type[64];

	device_path(path, sizeof(path), uuid, "mdev_type");
	return !mdev_link(path, type, sizeof(type)) && !strcmp(type, MDEV_TYPE_ID);
}

static int take_instance(void *arg, const char *name)
{
	char uuid[UUID_SIZE];

	if (!uuid_canonical(name, uuid) || !is_ours(uuid))
		return 0;
	return uuid_list_add(arg, uuid);
}

int mdev_list(struct uuid_list *list)
{
	int ret;

	memset(list, 0, sizeof(*list));
	ret = each_name(MDEV_DEVICES, take_instance, list);
	uuid_list_sort(list);
	return ret == -ENOENT ? 0 : ret;
}

bool mdev_exists(const char *uuid)
{
	return is_ours(uuid);
}

uint64_t mdev_identity(const char *uuid)
{
	char path[PATH_MAX], whole[PATH_MAX];
	struct stat st;

	device_path(path, sizeof(path), uuid, "");
	if (stat(mdev_path(whole, sizeof(whole), path), &st))
		return 0;
	return st.st_ino;
}

int mdev_attribute(const char *uuid, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];

	device_path(path, sizeof(path), uuid, name);
	return mdev_read(path, buf, size);
}

int mdev_group(const char *uuid, unsigned int *group)
{
	char path[PATH_MAX], name[16];
	uint32_t number;
	int err;

	device_path(path, sizeof(path), uuid, "iommu_group");
	err = mdev_link(path, name, sizeof(name));
	if (err)
		return err;
	if (!parse_u32(name, &number))
		return -EINVAL;
	*group = number;
	return 0;
}

int mdev_node(const char *uuid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", MDEV_NODES, uuid);
	if (!mdev_may(path, F_OK))
		return -ENOENT;
	return mdev_may(path, R_OK | W_OK) ? 0 : -EACCES;
}

const char *mdev_service(const char *uuid, pid_t *pid)
{
	char text[32];

	if (!mdev_is_served(uuid, pid))
		return "no-server";
	if (!mdev_attribute(uuid, "state", text, sizeof(text)) && !strcmp(text, "hung"))
		return "hung";
	return "served";
}

bool mdev_is_served(const char *uuid, pid_t *pid)
{
	char text[32];
	uint32_t number;

	*pid = 0;
	if (mdev_attribute(uuid, "state", text, sizeof(text)) || !strcmp(text, "no-server") ||
	    !strcmp(text, "removed"))
		return false;
	if (!mdev_attribute(uuid, "server_pid", text, sizeof(text)) && parse_u32(text, &number) &&
	    number <= INT32_MAX)
		*pid = (pid_t)number;
	return true;
}

bool mdev_may_remove(const char *uuid)
{
	char path[PATH_MAX];

	device_path(path, sizeof(path), uuid, "remove");
	return mdev_may(path, W_OK);
}

/* ---- making and removing --------------------------------------------------------- */

int mdev_create(const char *uuid)
{
	return mdev_write(MDEV_TYPE "/create", uuid);
}

/* Nobody waits for its end of a pipe, or for it. */
static void remove_and_exit(const char *path)
{
	int err, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(EIO);
	kernel_close_range(3, ~0u);
	err = mdev_write(path, "1");
	_exit(err == -ENOENT || err == -ENODEV ? 0 : -err);
}

int mdev_remove(const char *uuid, uint64_t timeout_ms)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	uint64_t end = clock_ns() + timeout_ms * 1000000;
	char path[PATH_MAX];
	bool ended = false;
	int status = 0;
	pid_t pid;

	device_path(path, sizeof(path), uuid, "remove");
	pid = fork();
	if (pid == 0)
		remove_and_exit(path);
	if (pid < 0)
		return -errno;
	for (;;) {
		ended = ended || waitpid(pid, &status, WNOHANG) != 0;
		if (ended && (status || !mdev_exists(uuid)))
			break;
		if (clock_ns() > end)
			return -ETIMEDOUT;
		nanosleep(&step, NULL);
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* ---- who has it open ------------------------------------------------------------- */

struct holder {
	char group[64]; /* the nodes that clients open; empty: there is none */
	char cdev[64];
	char fds[64]; /* the directory that is being read */
	pid_t pid;
};

static int look_at_fd(void *arg, const char *name)
{
	struct holder *h = arg;
	char path[128], whole[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%.16s", h->fds, name);
	n = readlink(mdev_path(whole, sizeof(whole), path), target, sizeof(target) - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	return !strcmp(target, h->group) || !strcmp(target, h->cdev);
}

static int look_at_process(void *arg, const char *name)
{
	struct holder *h = arg;
	uint32_t pid;

	if (!parse_u32(name, &pid) || pid > INT32_MAX)
		return 0;
	snprintf(h->fds, sizeof(h->fds), "/proc/%u/fd", pid);
	if (each_name(h->fds, look_at_fd, h) <= 0)
		return 0;
	h->pid = (pid_t)pid;
	return 1;
}

/* Clients of iommufd open the device itself. Sysfs names it, be there a node or not. */
static int take_cdev(void *arg, const char *name)
{
	struct holder *h = arg;

	snprintf(h->cdev, sizeof(h->cdev), "/dev/vfio/devices/%.40s", name);
	return 1;
}

pid_t mdev_holder(const char *uuid, char *command, size_t size)
{
	struct holder h = { .pid = 0 };
	unsigned int group;
	char path[PATH_MAX];

	*command = '\0';
	if (!mdev_group(uuid, &group))
		snprintf(h.group, sizeof(h.group), "/dev/vfio/%u", group);
	device_path(path, sizeof(path), uuid, "vfio-dev");
	each_name(path, take_cdev, &h);
	if (!*h.group && !*h.cdev)
		return 0;
	each_name("/proc", look_at_process, &h);
	if (!h.pid)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)h.pid);
	mdev_read(path, command, size);
	return h.pid;
}
