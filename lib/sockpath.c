/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockpath.c - binding and connecting UNIX sockets by path.
 *
 * A path longer than sun_path (107 bytes) goes through /proc/self/fd of its folder. A socket file
 * that nobody listens on any more is a leftover of a crash and is replaced; a live one never is:
 * the folder is locked from looking to listening, as a socket that is bound but does not listen
 * yet looks like a leftover. Where no lock is to be had, nothing is replaced.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

#define BACKLOG     16
#define LOCK_TRIES  100
#define LOCK_NAP_US 10000 /* who holds it as we do holds it for less */

static int folder_open(const char *path, int flags)
{
	const char *base = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd;

	if (strlen(path) >= sizeof(dir))
		return -ENAMETOOLONG;
	snprintf(dir, sizeof(dir), "%.*s", base ? (int)(base - path) + 1 : 1, base ? path : ".");
	fd = open(dir, flags | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Closing it unlocks. Others may lock folders for reasons of their own, for long: -EAGAIN. */
static int folder_lock(const char *path)
{
	const int fd = folder_open(path, O_RDONLY);
	int tries, ret;

	if (fd < 0)
		return fd;
	for (tries = 0; flock(fd, LOCK_EX | LOCK_NB); tries++) {
		if (errno != EWOULDBLOCK || tries == LOCK_TRIES) {
			ret = -errno;
			close(fd);
			return ret;
		}
		usleep(LOCK_NAP_US);
	}
	return fd;
}

/* The address of @path; *dir_fd, if not -1, must stay open while it is used. */
static int sockpath_address(const char *path, struct sockaddr_un *addr, int *dir_fd)
{
	const char *base = strrchr(path, '/');
	int len;

	*dir_fd = -1;
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (strlen(path) < sizeof(addr->sun_path)) {
		memcpy(addr->sun_path, path, strlen(path) + 1);
		return 0;
	}
	*dir_fd = folder_open(path, O_PATH);
	if (*dir_fd < 0)
		return *dir_fd;
	len = snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%s", *dir_fd,
		       base ? base + 1 : path);
	if (len >= (int)sizeof(addr->sun_path)) {
		close(*dir_fd);
		return -ENAMETOOLONG;
	}
	return 0;
}

static int socket_connect(const struct sockaddr_un *addr)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int sockpath_connect(const char *path)
{
	struct sockaddr_un addr;
	int dir_fd, ret;

	ret = sockpath_address(path, &addr, &dir_fd);
	if (ret)
		return ret;
	ret = socket_connect(&addr);
	if (dir_fd >= 0)
		close(dir_fd);
	return ret;
}

/* Somebody may have left it behind: only a refused connection proves that. */
static int check_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket_connect(addr);
	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	return fd == -ECONNREFUSED ? 0 : -EADDRINUSE;
}

/* @lock: of the folder, or why there is none. */
static int socket_bind(int fd, const struct sockaddr_un *addr, int lock)
{
	int ret;

	/* The file gets the socket's mode: nobody can connect before the permissions are right. */
	if (fchmod(fd, 0600))
		return -errno;
	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	ret = check_stale(addr);
	if (!ret && lock < 0)
		ret = lock;
	if (!ret && unlink(addr->sun_path))
		ret = -errno;
	if (ret)
		return ret;
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;
}

static int set_permissions(const char *path, uint32_t mode, uint32_t gid)
{
	if (gid && chown(path, (uid_t)-1, gid - 1))
		return -errno;
	return chmod(path, mode) ? -errno : 0;
}

static int socket_listen(const struct sockaddr_un *addr, uint32_t mode, uint32_t gid, int lock)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	if (fd < 0)
		return -errno;
	ret = socket_bind(fd, addr, lock);
	if (ret)
		goto fail;
	ret = set_permissions(addr->sun_path, mode, gid);
	if (!ret && !listen(fd, BACKLOG))
		return fd;
	ret = ret ?: -errno;
	unlink(addr->sun_path);
fail:
	close(fd);
	return ret;
}

int sockpath_listen(const char *path, uint32_t mode, uint32_t gid)
{
	struct sockaddr_un addr;
	int dir_fd, lock, ret;

	ret = sockpath_address(path, &addr, &dir_fd);
	if (ret)
		return ret;
	lock = folder_lock(path);
	ret = socket_listen(&addr, mode, gid, lock);
	if (lock >= 0)
		close(lock);
	if (dir_fd >= 0)
		close(dir_fd);
	return ret;
}
