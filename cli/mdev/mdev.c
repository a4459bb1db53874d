/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev.c - files of the kernel: /sys, /dev, /proc and the directory of modules. All paths
 * start at $MUSER_ROOT, so that tests can show a kernel that is not there. The mdev*.c
 * files are the only ones that look there.
 */
#include "mdev/mdev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/env.h"

#include "ui/parse.h"

const char *mdev_path(char *buf, size_t size, const char *path)
{
	const char *root = env_get("MUSER_ROOT");

	snprintf(buf, size, "%s%s", root ? root : "", path);
	return buf;
}

bool mdev_is_moved(void)
{
	return env_get("MUSER_ROOT");
}

/* ---- modules --------------------------------------------------------------------- */

/* A line of modules.dep or modules.builtin: ".../NAME.ko[.xz]: ..." */
static bool names_module(const char *line, const char *name)
{
	size_t len = strcspn(line, ": \n");
	const char *base = line + len;

	while (base > line && base[-1] != '/')
		base--;
	len = strlen(name);
	return !strncmp(base, name, len) && !strncmp(base + len, ".ko", 3);
}

static bool is_listed(const char *list, const char *name)
{
	char path[512], relative[400], *line = NULL;
	struct utsname kernel;
	bool found = false;
	size_t room = 0;
	FILE *file;

	uname(&kernel);
	snprintf(relative, sizeof(relative), "/lib/modules/%s/%s", kernel.release, list);
	file = fopen(mdev_path(path, sizeof(path), relative), "re");
	while (file && !found && getline(&line, &room, file) > 0)
		found = names_module(line, name);
	free(line);
	if (file)
		fclose(file);
	return found;
}

enum module mdev_module(const char *name)
{
	char path[512], relative[128];

	snprintf(relative, sizeof(relative), "/sys/module/%s", name);
	if (access(mdev_path(path, sizeof(path), relative), F_OK) == 0)
		return MODULE_LOADED;
	if (is_listed("modules.builtin", name))
		return MODULE_LOADED;
	return is_listed("modules.dep", name) ? MODULE_PRESENT : MODULE_ABSENT;
}

/* ---- files ----------------------------------------------------------------------- */

int mdev_read(const char *path, char *buf, size_t size)
{
	char whole[PATH_MAX];
	ssize_t n;
	int fd;

	buf[0] = '\0';
	fd = open(mdev_path(whole, sizeof(whole), path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return n < 0 ? (int)n : 0;
}

int mdev_read_u64(const char *path, uint64_t *value)
{
	char text[32];
	int err = mdev_read(path, text, sizeof(text));

	if (err)
		return err;
	return parse_u64(text, value) ? 0 : -EINVAL;
}

int mdev_write(const char *path, const char *text)
{
	size_t len = strlen(text);
	char whole[PATH_MAX];
	int fd, err = 0;
	ssize_t n;

	fd = open(mdev_path(whole, sizeof(whole), path), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n != (ssize_t)len)
		err = n < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

int mdev_link(const char *path, char *buf, size_t size)
{
	char whole[PATH_MAX], target[PATH_MAX];
	const char *name;
	ssize_t n;

	n = readlink(mdev_path(whole, sizeof(whole), path), target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(buf, size, "%s", name ? name + 1 : target);
	return 0;
}

bool mdev_may(const char *path, int mode)
{
	char whole[PATH_MAX];

	return faccessat(AT_FDCWD, mdev_path(whole, sizeof(whole), path), mode, AT_EACCESS) == 0;
}
