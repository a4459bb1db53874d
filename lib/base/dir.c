/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dir.c - directories that are opened once and checked on the way.
 *
 * A path is walked from the root on, one entry after the other, by descriptor. Every directory and
 * every symbolic link on it must belong to root or to one other user, and nobody else may write to
 * it; in one with the sticky bit, as /tmp, nobody else can exchange what others have made, and to
 * what lies below one that nobody else can search nobody else comes. So whoever owns the directory
 * at the end, and root, are all who can change what the path leads to, and no look at it can be
 * outdated when it is used. The owner of "/" counts as root: that of a user namespace has no name
 * there.
 */
#include "base/dir.h"
#include "base/env.h"
#include "muser-instance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINKS 40 /* as the kernel has it */
#define OTHERS    (S_IWGRP | S_IWOTH)
#define SEARCH    (S_IXGRP | S_IXOTH)

struct walk {
	int fd;             /* O_PATH: where it has come to */
	unsigned int flags; /* DIR_* */
	int links;          /* still to be followed */
	uid_t root;
	bool is_closed; /* to others, from here on */
	bool has_owner; /* somebody beside root can change the way */
	uid_t owner;
	char *why;
	char rest[PATH_MAX];
};

/* ---- what may be walked through -------------------------------------------------- */

/* Where @fd leads, as far as there is room. */
static void name_of(int fd, char *buf, size_t size)
{
	char link[32];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, buf, size - 1);
	buf[len > 0 ? len : 0] = '\0';
}

static int is_writable(struct walk *w, int fd)
{
	char name[DIR_WHY - 40];

	name_of(fd, name, sizeof(name));
	snprintf(w->why, DIR_WHY, "%s is writable by others", name);
	return -EPERM;
}

static int is_foreign(struct walk *w, int fd, uid_t uid)
{
	char name[DIR_WHY - 40];

	name_of(fd, name, sizeof(name));
	snprintf(w->why, DIR_WHY, "%s belongs to user %u", name, uid);
	return -EPERM;
}

/* Root, and one other user, but always the same. */
static int check_owner(struct walk *w, int fd, uid_t uid)
{
	if (uid == 0 || uid == w->root || (w->has_owner && uid == w->owner))
		return 0;
	if (w->has_owner)
		return is_foreign(w, fd, uid);
	w->has_owner = true;
	w->owner = uid;
	return 0;
}

static int enter(struct walk *w, int fd, const struct stat *st)
{
	int ret = check_owner(w, fd, st->st_uid);

	if (!ret && !w->is_closed && (st->st_mode & OTHERS) && !(st->st_mode & S_ISVTX))
		ret = is_writable(w, fd);
	if (ret)
		return ret;
	if (!(st->st_mode & SEARCH))
		w->is_closed = true;
	close(w->fd);
	w->fd = fd;
	return 0;
}

/* ---- walking --------------------------------------------------------------------- */

static int go_to_root(struct walk *w)
{
	const int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	w->is_closed = false;
	return 0;
}

/* What the link says stands in its place. */
static int follow(struct walk *w, int fd, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t len;
	size_t left;
	int ret = check_owner(w, fd, st->st_uid);

	if (ret)
		return ret;
	if (!w->links--)
		return -ELOOP;
	len = readlinkat(fd, "", target, sizeof(target));
	if (len < 0)
		return -errno;
	left = strlen(w->rest);
	if ((size_t)len + 1 + left >= sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + len + 1, w->rest, left + 1);
	memcpy(w->rest, target, (size_t)len);
	w->rest[len] = '/';
	return *target == '/' ? go_to_root(w) : 0;
}

/* In a directory that somebody else could exchange nothing is made. */
static int open_entry(struct walk *w, const char *name)
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(w->fd, name, flags);

	if (fd < 0 && errno == ENOENT && w->flags & DIR_MAKE) {
		if (w->has_owner && w->owner != geteuid())
			return is_foreign(w, w->fd, w->owner);
		if (mkdirat(w->fd, name, 0700) && errno != EEXIST)
			return -errno;
		fd = openat(w->fd, name, flags);
	}
	return fd < 0 ? -errno : fd;
}

static int step(struct walk *w, const char *name)
{
	const int fd = open_entry(w, name);
	struct stat st;
	int ret = -ENOTDIR;

	if (fd < 0)
		return fd;
	if (!strcmp(name, ".."))
		w->is_closed = false;
	if (fstat(fd, &st))
		ret = -errno;
	else if (S_ISLNK(st.st_mode))
		ret = follow(w, fd, &st);
	else if (S_ISDIR(st.st_mode))
		ret = enter(w, fd, &st);
	if (w->fd != fd)
		close(fd);
	return ret;
}

/* The first name of what is left of the path, or NULL: it is walked. */
static char *next_name(struct walk *w, char name[NAME_MAX + 2])
{
	const size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");

	if (!len)
		return NULL;
	/* One that is too long stays so: the kernel says it. */
	snprintf(name, NAME_MAX + 2, "%.*s", (int)(len > NAME_MAX ? NAME_MAX + 1 : len),
		 w->rest + skip);
	memmove(w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	return name;
}

static int check_end(struct walk *w)
{
	struct stat st;

	if (fstat(w->fd, &st))
		return -errno;
	if (st.st_mode & OTHERS)
		return is_writable(w, w->fd);
	if ((w->has_owner && w->owner != st.st_uid) ||
	    ((w->flags & DIR_OURS) && st.st_uid != geteuid()))
		return is_foreign(w, w->fd, st.st_uid);
	return 0;
}

static int walk(struct walk *w)
{
	char name[NAME_MAX + 2];
	struct stat st;
	int ret = go_to_root(w);

	if (!ret && fstat(w->fd, &st))
		ret = -errno;
	w->root = ret ? 0 : st.st_uid;
	while (!ret && next_name(w, name))
		ret = step(w, name);
	return ret ?: check_end(w);
}

static int whole_path(char *buf, size_t size, const char *path)
{
	char cwd[PATH_MAX];
	int len;

	if (*path != '/' && !getcwd(cwd, sizeof(cwd)))
		return -errno;
	len = snprintf(buf, size, "%s/%s", *path == '/' ? "" : cwd, path);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int dir_open(const char *path, unsigned int flags, char why[DIR_WHY])
{
	char unread[DIR_WHY];
	struct walk w = { .fd = -1, .flags = flags, .links = MAX_LINKS, .why = why ?: unread };
	int ret = whole_path(w.rest, sizeof(w.rest), path);

	*w.why = '\0';
	ret = ret ?: walk(&w);
	if (!ret)
		return w.fd;
	if (!*w.why)
		snprintf(w.why, DIR_WHY, "%.*s: %s", DIR_WHY - 60, path, strerror(-ret));
	if (w.fd >= 0)
		close(w.fd);
	return ret;
}

int dir_open_runtime(bool make, char why[DIR_WHY])
{
	const bool ours = make || !env_get("MUSER_RUNTIME_DIR");
	char path[PATH_MAX] = "/tmp";
	int ret = lm_runtime_dir(path, sizeof(path));

	if (!ret)
		return dir_open(path, (make ? DIR_MAKE : 0) | (ours ? DIR_OURS : 0), why);
	if (why)
		snprintf(why, DIR_WHY, "%.*s: %s", DIR_WHY - 60, path, strerror(-ret));
	return ret;
}

/* ---- from there on --------------------------------------------------------------- */

int dir_open_at(int at, const char *name)
{
	const int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int dir_reopen(int at)
{
	return dir_open_at(at, ".");
}

int dir_make_private(int at, char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", at, name);
	if (!mkdtemp(path))
		return -errno;
	memcpy(name, strrchr(path, '/') + 1, strlen(name));
	fd = dir_open_at(at, name);
	if (fd < 0)
		return fd;
	if (!fstat(fd, &st) && st.st_uid == geteuid() && !(st.st_mode & 077))
		return fd;
	ret = -EPERM; /* whoever owns @at has put another one there */
	close(fd);
	return ret;
}

bool dir_has(int at, const char *name, const struct stat *st)
{
	struct stat there;

	return !fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) && there.st_ino == st->st_ino &&
	       there.st_dev == st->st_dev;
}

bool dir_has_fd(int at, const char *name, int fd)
{
	struct stat st;

	return !fstat(fd, &st) && dir_has(at, name, &st);
}

char *dir_absolute(const char *path)
{
	char *cwd = *path == '/' ? NULL : getcwd(NULL, 0), *whole;

	if (!cwd)
		return strdup(path);
	if (asprintf(&whole, "%s/%s", cwd, path) < 0)
		whole = NULL;
	free(cwd);
	return whole;
}

int dir_path(char *buf, size_t size, const char *dir, const char *name)
{
	const int len = snprintf(buf, size, "%s%s%s", dir, name[0] ? "/" : "", name);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}
