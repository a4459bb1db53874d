/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockpath.c - binding and connecting UNIX sockets by path.
 *
 * A path longer than sun_path (107 bytes) goes through /proc/self/fd of its folder. A socket file
 * that nobody listens on any more is a leftover of a crash and is replaced; a live one never is.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

#define BACKLOG 16

/* The address of @path; *dir_fd, if not -1, must stay open while it is used. */
static int sockpath_address(const char *path, struct sockaddr_un *addr, int *dir_fd)
{
	char dir[PATH_MAX];
	const char *base = strrchr(path, '/');
	int len;

	*dir_fd = -1;
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (strlen(path) < sizeof(addr->sun_path)) {
		memcpy(addr->sun_path, path, strlen(path) + 1);
		return 0;
	}
	if (strlen(path) >= sizeof(dir))
		return -ENAMETOOLONG;
	snprintf(dir, sizeof(dir), "%.*s", base ? (int)(base - path) + 1 : 1, base ? path : ".");
	*dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir_fd < 0)
		return -errno;
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
static int remove_stale(const struct sockaddr_un *addr)
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
	if (fd != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(addr->sun_path) ? -errno : 0;
}

static int socket_bind(int fd, const struct sockaddr_un *addr)
{
	int ret;

	/* The file gets the socket's mode: nobody can connect before the permissions are right. */
	if (fchmod(fd, 0600))
		return -errno;
	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	ret = remove_stale(addr);
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

int sockpath_listen(const char *path, uint32_t mode, uint32_t gid)
{
	struct sockaddr_un addr;
	int dir_fd, fd, ret;

	ret = sockpath_address(path, &addr, &dir_fd);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		ret = -errno;
		goto out;
	}
	ret = socket_bind(fd, &addr);
	if (ret)
		goto out_fd;
	ret = set_permissions(addr.sun_path, mode, gid);
	if (!ret && !listen(fd, BACKLOG)) {
		ret = fd;
		goto out;
	}
	ret = ret ?: -errno;
	unlink(addr.sun_path);
out_fd:
	close(fd);
out:
	if (dir_fd >= 0)
		close(dir_fd);
	return ret;
}
