/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance.c - the directory that makes a device visible, and finding such directories.
 *
 * A directory is prepared under a temporary name, locked, filled, and renamed to its UUID: what has
 * a UUID for a name is complete. The lock is held by the device's process for as long as it
 * lives, so a crash leaves a directory that anybody can tell from a live one. Who removes a stale
 * one locks it first and looks again, so that two cleaners, or a cleaner and a creator, agree.
 *
 * The runtime directory is opened as dir.c does it, and all else is reached from there by
 * descriptor. A directory in it counts only if it belongs to the owner of the runtime directory
 * and others cannot write to it; who answers at a socket there must be that user, too.
 *
 * A device whose directory was removed by others, as at the end of a session, ends: nobody would
 * find it. A timer looks, as inotify(7) instances are few (128 a user) and everybody's.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "base/dir.h"
#include "base/sockpath.h"
#include "muser-instance.h"
#include "server/instance.h"

#define TMP_PREFIX    ".new-"
#define TMP_GRACE_S   10 /* a new temporary directory is somebody's first moment, locked or not */
#define PUBLISH_TRIES 8
#define LOOK_NS       (10 * 1000 * NS_PER_MS) /* how long one that nobody finds may live */

struct instance {
	int runtime; /* O_PATH */
	int dir;     /* in it */
	int lock;
	struct lm_timer *look;   /* whether it is there */
	char name[UUID_STR_LEN]; /* what it is called at the moment */
	char final[PATH_MAX];    /* <runtime>/<uuid> */
};

static const char *const files[] = { "vfio-user.sock", "control.sock", "name", "type", "lock" };

/* ---- stale directories ------------------------------------------------------------ */

static void remove_files(int dir)
{
	size_t i;

	for (i = 0; i < LM_NR(files); i++)
		unlinkat(dir, files[i], 0);
}

/* Of one whose owner lets nobody else write to it, as all that make them do. */
static int entry_open(int runtime, const char *name, struct stat *st)
{
	const int fd = openat(runtime, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat above;
	int ret;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, st) || fstat(runtime, &above) ? -errno : 0;
	if (!ret && (st->st_uid != above.st_uid || (st->st_mode & 022)))
		ret = -EPERM;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* True if a process holds @dir; otherwise it is emptied, and *empty is set. */
static bool is_held(int dir, bool *empty)
{
	const int lock = openat(dir, "lock", O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	bool held;

	if (lock < 0) {
		/* The lock goes last, so nothing else is there. */
		*empty = errno == ENOENT;
		return !*empty;
	}
	held = flock(lock, LOCK_EX | LOCK_NB) != 0;
	*empty = !held && dir_has_fd(dir, "lock", lock);
	if (*empty)
		remove_files(dir);
	close(lock);
	return held;
}

/* A temporary one that may not have got to its lock yet: what else is in it comes later. */
static bool is_begun(int dir, const struct stat *st)
{
	struct stat file;

	return time(NULL) - st->st_mtime < TMP_GRACE_S &&
	       fstatat(dir, "vfio-user.sock", &file, AT_SYMLINK_NOFOLLOW) &&
	       fstatat(dir, "control.sock", &file, AT_SYMLINK_NOFOLLOW);
}

/* True if a process holds the directory of that name; otherwise it is removed. Only an empty one
 * can be: not what may have got that name by now. */
static bool is_alive(int runtime, const char *name, bool temporary)
{
	bool alive, empty = false;
	struct stat st;
	const int dir = entry_open(runtime, name, &st);

	if (dir < 0)
		return false;
	alive = (temporary && is_begun(dir, &st)) || is_held(dir, &empty);
	close(dir);
	if (empty)
		unlinkat(runtime, name, AT_REMOVEDIR);
	return alive;
}

/* ---- making one ------------------------------------------------------------------- */

/* The lock goes with the directory, whoever removes that. */
static void look(void *arg)
{
	struct lm_ctx *ctx = arg;
	struct stat st;

	if (ctx->ended || fstat(ctx->instance->lock, &st) || st.st_nlink)
		return;
	log_err(ctx, "%s was removed: no command can find this device any more; stopping it",
		ctx->instance->final);
	ctx->ended = -EIDRM;
}

/* What has been made is for instance_free() to remove. */
static int make(struct lm_ctx *ctx, struct instance *inst)
{
	char runtime[PATH_MAX], why[DIR_WHY];
	int ret;

	inst->runtime = dir_open_runtime(true, why);
	if (inst->runtime < 0) {
		log_err(ctx, "no safe runtime directory: %s (set MUSER_RUNTIME_DIR)", why);
		return inst->runtime;
	}
	ret = lm_runtime_dir(runtime, sizeof(runtime));
	ret = ret ?: dir_path(inst->final, sizeof(inst->final), runtime, ctx->uuid);
	if (!ret)
		inst->dir = dir_make_private(inst->runtime, inst->name);
	ret = ret ?: inst->dir < 0 ? inst->dir : 0;
	if (!ret) {
		inst->lock = openat(inst->dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (inst->lock < 0 || flock(inst->lock, LOCK_EX | LOCK_NB))
			ret = -errno;
	}
	ret = ret ?: loop_timer_new(&ctx->loop, look, ctx, &inst->look);
	if (ret)
		log_err(ctx, "%s: cannot create a directory: %s (set MUSER_RUNTIME_DIR)", runtime,
			strerror(-ret));
	return ret;
}

int instance_new(struct lm_ctx *ctx)
{
	struct instance *inst = calloc(1, sizeof(*inst));

	if (!inst)
		return -ENOMEM;
	inst->dir = inst->lock = -1;
	memcpy(inst->name, TMP_PREFIX "XXXXXX", sizeof(TMP_PREFIX "XXXXXX"));
	ctx->instance = inst;
	return make(ctx, inst);
}

int instance_listen(const struct lm_ctx *ctx, const char *file, uint32_t mode, uint32_t gid)
{
	return sockpath_listen_at(ctx->instance->dir, file, mode, gid);
}

int instance_path(const struct lm_ctx *ctx, const char *file, char *buf, size_t size)
{
	return dir_path(buf, size, ctx->instance->final, file);
}

/* Whoever may use the client socket has to get there; all else in the directory stays ours. The
 * directory of all directories is to be passed through, not to be looked at. */
static int permit(const struct lm_ctx *ctx)
{
	const lm_dev_info_t *info = &ctx->info;
	const mode_t wanted = info->socket_mode;
	const mode_t mode = 0700 | (wanted & 060 ? 010 : 0) | (wanted & 06 ? 01 : 0);
	const struct instance *inst = ctx->instance;
	struct stat st;
	int fd, ret;

	if (mode == 0700 || info->socket_path ||
	    (info->flags & (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD)))
		return 0;
	if (info->socket_gid && fchown(inst->dir, (uid_t)-1, info->socket_gid - 1))
		return -errno;
	if (fchmod(inst->dir, mode))
		return -errno;
	if (fstat(inst->runtime, &st) || (st.st_mode & 011) == 011)
		return 0;
	fd = dir_reopen(inst->runtime);
	if (fd < 0)
		return fd;
	ret = fchmod(fd, (st.st_mode & 07777) | 011) ? -errno : 0;
	close(fd);
	return ret;
}

int instance_publish(struct lm_ctx *ctx)
{
	const char *name = ctx->info.name, *type = ctx->info.type;
	struct instance *inst = ctx->instance;
	const int at = inst->runtime;
	int ret = 0, tries;

	/* What a device that does not answer is called: links that lead nowhere, made whole. */
	if ((name && symlinkat(name, inst->dir, "name")) ||
	    (type && symlinkat(type, inst->dir, "type")))
		ret = -errno;
	ret = ret ?: permit(ctx);
	if (ret) {
		log_err(ctx, "%s: %s", inst->final, strerror(-ret));
		return ret;
	}
	for (tries = 0; tries < PUBLISH_TRIES; tries++) {
		/* replaces an empty directory at most, which is what is left of a device */
		if (!renameat(at, inst->name, at, ctx->uuid)) {
			memcpy(inst->name, ctx->uuid, sizeof(inst->name));
			return lm_timer_arm(inst->look, LOOK_NS, LOOK_NS);
		}
		if (errno != EEXIST && errno != ENOTEMPTY) {
			ret = -errno;
			log_err(ctx, "%s: %s", inst->final, strerror(-ret));
			return ret;
		}
		if (is_alive(at, ctx->uuid, false))
			break;
	}
	log_err(ctx, "%s: this UUID is in use", ctx->uuid);
	return -EEXIST;
}

/* One that was removed by hand may have been made again by another process: it is not empty. */
void instance_free(struct lm_ctx *ctx)
{
	struct instance *inst = ctx->instance;

	if (!inst)
		return;
	lm_timer_destroy(inst->look);
	if (inst->dir >= 0) {
		if (inst->lock < 0 || dir_has_fd(inst->dir, "lock", inst->lock))
			remove_files(inst->dir);
		unlinkat(inst->runtime, inst->name, AT_REMOVEDIR);
		close(inst->dir);
	}
	if (inst->lock >= 0)
		close(inst->lock);
	if (inst->runtime >= 0)
		close(inst->runtime);
	free(inst);
	ctx->instance = NULL;
}

/* ---- finding them ----------------------------------------------------------------- */

static bool is_uuid(const char *name)
{
	char canonical[UUID_STR_LEN];
	uuid_t uuid;

	if (uuid_parse(name, uuid))
		return false;
	uuid_unparse_lower(uuid, canonical);
	return !strcmp(name, canonical);
}

static int list_entry(int runtime, const char *name, lm_instance_fn_t *fn, void *arg)
{
	const bool temporary = !strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX));
	struct stat st;

	if (!temporary && !is_uuid(name))
		return 0;
	if (is_alive(runtime, name, temporary))
		return temporary ? 0 : fn(arg, name, true);
	if (temporary || fstatat(runtime, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	return fn(arg, name, false);
}

LM_EXPORT int lm_instance_list(lm_instance_fn_t *fn, void *arg)
{
	const int runtime = dir_open_runtime(false, NULL);
	struct dirent *entry;
	DIR *dir = NULL;
	int fd, ret;

	if (runtime < 0)
		return runtime == -ENOENT ? 0 : runtime;
	fd = ret = dir_reopen(runtime);
	if (fd >= 0) {
		dir = fdopendir(fd);
		ret = dir ? 0 : -errno;
	}
	while (!ret && (entry = readdir(dir)))
		ret = list_entry(runtime, entry->d_name, fn, arg);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	close(runtime);
	return ret;
}

LM_EXPORT int lm_instance_connect(const char *uuid, const char *file, int *fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int runtime, dir, s;
	struct stat st;

	if (!is_uuid(uuid) || strchr(file, '/'))
		return -EINVAL;
	runtime = dir_open_runtime(false, NULL);
	if (runtime < 0)
		return runtime;
	dir = entry_open(runtime, uuid, &st);
	close(runtime);
	if (dir < 0)
		return dir;
	s = sockpath_connect_at(dir, file);
	close(dir);
	if (s < 0)
		return s;
	/* A socket says nothing of who listens there: it could have been given to somebody else. */
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.uid != st.st_uid) {
		close(s);
		return -EPERM;
	}
	fcntl(s, F_SETFL, fcntl(s, F_GETFL) & ~O_NONBLOCK);
	*fd = s;
	return 0;
}

LM_EXPORT int lm_instance_label(const char *uuid, const char *label, char *buf, size_t size)
{
	int runtime, dir, ret = 0;
	struct stat st;
	ssize_t len;

	if (!is_uuid(uuid) || !size || (strcmp(label, "name") && strcmp(label, "type")))
		return -EINVAL;
	runtime = dir_open_runtime(false, NULL);
	if (runtime < 0)
		return runtime;
	dir = entry_open(runtime, uuid, &st);
	close(runtime);
	if (dir < 0)
		return dir;
	len = readlinkat(dir, label, buf, size);
	if (len < 0 || (size_t)len == size)
		ret = len < 0 ? -errno : -ENAMETOOLONG;
	buf[ret ? 0 : len] = '\0';
	close(dir);
	return ret;
}
