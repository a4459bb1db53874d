/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockpath.c - binding and connecting UNIX sockets by path.
 *
 * The directory of a socket may be somebody's who exchanges what is in it at any moment. So a
 * socket is bound in a directory of its own beside the path, where nobody else comes, gets its
 * permissions and listens there, and is then linked to its name, which succeeds if there is none.
 * What is at a path is therefore ready: a socket that refuses a connection is a leftover of a
 * crash and is replaced, a live one never is. Who replaces one takes it away first and looks what
 * that was; a lock keeps us from each other's way meanwhile, but others may hold it as long as
 * they like: we do without then.
 *
 * Paths go through /proc/self/fd, so that none is too long for an address (107 bytes).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/sockpath.h"

#define BACKLOG     16
#define PUT_TRIES   100
#define LOCK_TRIES  100
#define LOCK_NAP_US 10000 /* who holds it as we do holds it for less */
#define WORK_NAME   ".muser-XXXXXX"
#define PROC_FD     "/proc/self/fd/"

/* ---- addresses ------------------------------------------------------------------- */

/* The directory of @path and, in *name, what it is called there. */
static int split(const char *path, const char **name)
{
	const char *base = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd;

	if (strlen(path) >= sizeof(dir))
		return -ENAMETOOLONG;
	*name = base ? base + 1 : path;
	snprintf(dir, sizeof(dir), "%.*s", base ? (int)(base - path) + 1 : 1, base ? path : ".");
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int address_at(struct sockaddr_un *addr, int dir, const char *name)
{
	int len;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	len = snprintf(addr->sun_path, sizeof(addr->sun_path), PROC_FD "%d/%s", dir, name);
	return len >= (int)sizeof(addr->sun_path) ? -ENAMETOOLONG : 0;
}

static int socket_new(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* ---- connecting ------------------------------------------------------------------ */

static int socket_connect(const struct sockaddr_un *addr)
{
	const int fd = socket_new();
	int ret;

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int sockpath_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *name;
	int dir, ret;

	if (strlen(path) < sizeof(addr.sun_path)) {
		memcpy(addr.sun_path, path, strlen(path) + 1);
		return socket_connect(&addr);
	}
	dir = split(path, &name);
	if (dir < 0)
		return dir;
	ret = address_at(&addr, dir, name);
	ret = ret ?: socket_connect(&addr);
	close(dir);
	return ret;
}

/* @file: O_PATH, of the socket itself. */
static int connect_to(int file)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), PROC_FD "%d", file);
	return socket_connect(&addr);
}

int sockpath_connect_at(int dir, const char *name)
{
	const int file = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int ret;

	if (file < 0)
		return -errno;
	ret = fstat(file, &st) ? -errno : S_ISLNK(st.st_mode) ? -ELOOP : connect_to(file);
	close(file);
	return ret;
}

/* ---- listening ------------------------------------------------------------------- */

/* Nobody can connect before it listens, and until then it has its permissions. */
int sockpath_listen_at(int dir, const char *name, uint32_t mode, uint32_t gid)
{
	struct sockaddr_un addr;
	int fd, ret = address_at(&addr, dir, name);

	if (ret)
		return ret;
	fd = socket_new();
	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		ret = -errno;
		goto fail;
	}
	if (!(gid && fchownat(dir, name, (uid_t)-1, gid - 1, AT_SYMLINK_NOFOLLOW)) &&
	    !fchmodat(dir, name, mode, 0) && !listen(fd, BACKLOG))
		return fd;
	ret = -errno;
	unlinkat(dir, name, 0);
fail:
	close(fd);
	return ret;
}

/* ---- taking a name --------------------------------------------------------------- */

/* Where a socket comes to be. Its name is that of the socket, and so is its length. */
struct work {
	int fd;  /* the directory, ours alone */
	int dir; /* the one it is in */
	const char *socket;
	char name[sizeof(WORK_NAME)];
};

/* Closing it unlocks. -1: others have it, for reasons of their own, or it is not to be had. */
static int courtesy_lock(int dir)
{
	const int fd = dir_reopen(dir);
	int tries;

	for (tries = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB); tries++) {
		if (errno != EWOULDBLOCK || tries == LOCK_TRIES) {
			close(fd);
			return -1;
		}
		usleep(LOCK_NAP_US);
	}
	return fd < 0 ? -1 : fd;
}

/* What was found stale goes, and nothing else: what came in its place meanwhile is put back. */
static int take_away(const struct work *work, const struct stat *stale)
{
	static const char taken[] = "stale";
	int ret = 0;

	if (renameat(work->dir, work->socket, work->fd, taken))
		return errno == ENOENT ? 0 : -errno;
	if (!dir_has(work->fd, taken, stale)) {
		ret = -EADDRINUSE;
		linkat(work->fd, taken, work->dir, work->socket, 0);
	}
	unlinkat(work->fd, taken, 0);
	return ret;
}

/* Somebody may have left it behind: only a refused connection proves that. */
static int clear_stale(const struct work *work)
{
	const int file = openat(work->dir, work->socket, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int fd, ret;

	if (file < 0)
		return errno == ENOENT ? 0 : -errno;
	ret = fstat(file, &st) ? -errno : S_ISSOCK(st.st_mode) ? 0 : -EEXIST;
	if (!ret) {
		fd = connect_to(file);
		if (fd >= 0)
			close(fd);
		ret = fd == -ECONNREFUSED ? take_away(work, &st) : -EADDRINUSE;
	}
	close(file);
	return ret;
}

static int put_in_place(const struct work *work)
{
	int tries, lock = -1, ret = -EADDRINUSE;

	for (tries = 0; tries < PUT_TRIES; tries++) {
		ret = linkat(work->fd, work->socket, work->dir, work->socket, 0) ? -errno : 0;
		if (ret != -EEXIST)
			break;
		if (!tries)
			lock = courtesy_lock(work->dir);
		ret = clear_stale(work);
		if (ret)
			break;
		ret = -EADDRINUSE; /* others are faster, and fail */
	}
	if (lock >= 0)
		close(lock);
	return ret;
}

/* @st: what the socket is from now on. */
static int listen_beside(int dir, const char *name, uint32_t mode, uint32_t gid, struct stat *st)
{
	struct work work = { .dir = dir, .socket = name, .name = WORK_NAME };
	int fd, ret = 0;

	work.fd = dir_make_private(dir, work.name);
	if (work.fd < 0)
		return work.fd;
	fd = sockpath_listen_at(work.fd, name, mode, gid);
	if (fd >= 0) {
		ret = fstatat(work.fd, name, st, AT_SYMLINK_NOFOLLOW) ? -errno :
									put_in_place(&work);
		if (ret)
			close(fd);
	}
	unlinkat(work.fd, name, 0);
	unlinkat(dir, work.name, AT_REMOVEDIR);
	close(work.fd);
	return ret ?: fd;
}

int sockpath_listen(const char *path, uint32_t mode, uint32_t gid, struct sockfile *file)
{
	const char *name;
	struct stat st;
	int fd, dir = split(path, &name);

	if (dir < 0)
		return dir;
	fd = *name ? listen_beside(dir, name, mode, gid, &st) : -EISDIR;
	if (fd < 0 || !file) {
		close(dir);
		return fd;
	}
	file->dir = dir;
	file->st = st;
	snprintf(file->name, sizeof(file->name), "%s", name);
	return fd;
}

char *sockpath_of(int fd)
{
	struct {
		struct sockaddr_un addr;
		char end; /* a path of full length has no 0 */
	} name = { .end = 0 };
	socklen_t len = sizeof(name.addr);
	const char *path = name.addr.sun_path;
	struct stat st;

	if (getsockname(fd, (struct sockaddr *)&name.addr, &len) || name.addr.sun_family != AF_UNIX)
		return NULL;
	/* As we bind ourselves: that is the name of a descriptor, not of a file. */
	if (*path != '/' || !strncmp(path, PROC_FD, strlen(PROC_FD)))
		return NULL;
	return !lstat(path, &st) && S_ISSOCK(st.st_mode) ? strdup(path) : NULL;
}

void sockfile_remove(struct sockfile *file)
{
	if (file->dir < 0)
		return;
	if (dir_has(file->dir, file->name, &file->st))
		unlinkat(file->dir, file->name, 0);
	close(file->dir);
	file->dir = -1;
}
