/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance.c - the folder that makes a device visible, and finding such folders.
 *
 * A folder is prepared under a temporary name, locked, filled, and renamed to its UUID: what has
 * a UUID for a name is complete. The lock is held by the device's process for as long as it
 * lives, so a crash leaves a folder that anybody can tell from a live one. Who removes a stale
 * folder locks it first and looks again, so that two cleaners, or a cleaner and a creator, agree.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "env.h"
#include "internal.h"
#include "muser-instance.h"

#define TMP_PREFIX     ".new-"
#define TMP_GRACE_S    10 /* a new temporary folder is somebody's first moment, locked or not */
#define PUBLISH_TRIES  8

struct instance {
	char dir[PATH_MAX];   /* where it is now */
	char final[PATH_MAX]; /* <runtime>/<uuid> */
	int  lock_fd;
};

static const char *const files[] = { "vfio-user.sock", "control.sock", "lock" };

/* ---- the runtime folder ---------------------------------------------------------- */

static int put_path(char *buf, size_t size, const char *dir, const char *name)
{
	const int len = snprintf(buf, size, "%s%s%s", dir, name[0] ? "/" : "", name);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int tmp_dir(char *buf, size_t size)
{
	const int len = snprintf(buf, size, "/tmp/muser-%u", (unsigned int)geteuid());
	struct stat st;

	if (len < 0 || (size_t)len >= size)
		return -ENAMETOOLONG;
	if (lstat(buf, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 066))
		return -EPERM;
	return 0;
}

LM_EXPORT int lm_runtime_dir(char *buf, size_t size)
{
	const char *dir = env_get("MUSER_RUNTIME_DIR");

	if (dir)
		return put_path(buf, size, dir, "");
	if (geteuid() == 0)
		return put_path(buf, size, "/run", "muser");
	dir = env_get("XDG_RUNTIME_DIR");
	if (dir)
		return put_path(buf, size, dir, "muser");
	return tmp_dir(buf, size);
}

/* mkdir -p; what is missing is for us alone. */
static int make_dirs(const char *path)
{
	char part[PATH_MAX];
	char *p;

	if (put_path(part, sizeof(part), path, ""))
		return -ENAMETOOLONG;
	for (p = strchr(part + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(part, 0700) && errno != EEXIST ? -errno : 0;
}

/* ---- stale folders --------------------------------------------------------------- */

static void remove_files(const char *dir)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < LM_NR(files); i++) {
		if (!put_path(path, sizeof(path), dir, files[i]))
			unlink(path);
	}
	rmdir(dir);
}

/* Somebody else may have removed and made it again while we waited for nothing: look. */
static bool lock_is_current(int fd, const char *path)
{
	struct stat held, there;

	return !fstat(fd, &held) && !stat(path, &there) && held.st_ino == there.st_ino &&
	       held.st_dev == there.st_dev;
}

static bool is_fresh(const char *dir)
{
	struct stat st;

	return stat(dir, &st) || time(NULL) - st.st_mtime < TMP_GRACE_S;
}

/* True if a process holds @dir; otherwise it is removed. */
static bool is_alive(const char *dir, bool temporary)
{
	char path[PATH_MAX];
	bool alive;
	int fd;

	if (temporary && is_fresh(dir))
		return true;
	if (put_path(path, sizeof(path), dir, "lock"))
		return false;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		/* The lock goes last, so nothing else is there: or another device, by now. */
		alive = errno != ENOENT;
		if (!alive)
			rmdir(dir);
		return alive;
	}
	alive = flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (!alive && lock_is_current(fd, path))
		remove_files(dir);
	close(fd);
	return alive;
}

/* ---- making one ------------------------------------------------------------------ */

static int lock_new(struct instance *inst)
{
	char path[PATH_MAX];

	if (put_path(path, sizeof(path), inst->dir, "lock"))
		return -ENAMETOOLONG;
	inst->lock_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (inst->lock_fd < 0 || flock(inst->lock_fd, LOCK_EX | LOCK_NB))
		return -errno;
	return 0;
}

static int folder_new(struct instance *inst, const char *runtime)
{
	char again[PATH_MAX];
	int ret = put_path(inst->dir, sizeof(inst->dir), runtime, TMP_PREFIX "XXXXXX");

	if (!ret)
		ret = make_dirs(runtime);
	if (!ret) /* somebody may have made it before us, for us */
		ret = lm_runtime_dir(again, sizeof(again));
	if (!ret && !mkdtemp(inst->dir))
		ret = -errno;
	return ret;
}

int instance_new(struct lm_ctx *ctx)
{
	char runtime[PATH_MAX];
	struct instance *inst;
	int ret = lm_runtime_dir(runtime, sizeof(runtime));

	if (ret) {
		log_err(ctx, "no safe runtime folder: set MUSER_RUNTIME_DIR");
		return ret;
	}
	inst = calloc(1, sizeof(*inst));
	if (!inst)
		return -ENOMEM;
	inst->lock_fd = -1;
	ret = put_path(inst->final, sizeof(inst->final), runtime, ctx->uuid);
	ret = ret ?: folder_new(inst, runtime);
	if (ret) {
		log_err(ctx, "%s: cannot make a folder: %s (set MUSER_RUNTIME_DIR)", runtime,
			strerror(-ret));
		free(inst);
		return ret;
	}
	ctx->instance = inst;
	return lock_new(inst);
}

int instance_path(const struct lm_ctx *ctx, const char *file, char *buf, size_t size)
{
	return put_path(buf, size, ctx->instance->dir, file);
}

int instance_final_path(const struct lm_ctx *ctx, const char *file, char *buf, size_t size)
{
	return put_path(buf, size, ctx->instance->final, file);
}

/* The folder of all folders: to be passed through, not to be looked at. */
static int runtime_open(void)
{
	char runtime[PATH_MAX];
	struct stat st;
	int ret = lm_runtime_dir(runtime, sizeof(runtime));

	if (ret || stat(runtime, &st) || st.st_uid != geteuid() || (st.st_mode & 011) == 011)
		return ret;
	return chmod(runtime, (st.st_mode & 07777) | 011) ? -errno : 0;
}

/* Whoever may use the client socket has to get there; all else in the folder stays ours. */
static int folder_open(const struct lm_ctx *ctx)
{
	const lm_dev_info_t *info = &ctx->info;
	const mode_t wanted = info->socket_mode;
	const mode_t mode = 0700 | (wanted & 060 ? 010 : 0) | (wanted & 06 ? 01 : 0);
	const char *dir = ctx->instance->dir;

	if (mode == 0700 || info->socket_path ||
	    (info->flags & (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD)))
		return 0;
	if (info->socket_gid && chown(dir, (uid_t)-1, info->socket_gid - 1))
		return -errno;
	return chmod(dir, mode) ? -errno : runtime_open();
}

int instance_publish(struct lm_ctx *ctx)
{
	struct instance *inst = ctx->instance;
	int ret, tries;

	ret = folder_open(ctx);
	if (ret) {
		log_err(ctx, "%s: permissions: %s", inst->dir, strerror(-ret));
		return ret;
	}
	for (tries = 0; tries < PUBLISH_TRIES; tries++) {
		if (!renameat2(AT_FDCWD, inst->dir, AT_FDCWD, inst->final, RENAME_NOREPLACE)) {
			return put_path(inst->dir, sizeof(inst->dir), inst->final, "");
		}
		if (errno != EEXIST) {
			ret = -errno;
			log_err(ctx, "%s: %s", inst->final, strerror(-ret));
			return ret;
		}
		if (is_alive(inst->final, false))
			break;
	}
	log_err(ctx, "%s: this UUID is in use", ctx->uuid);
	return -EEXIST;
}

/* A folder that was removed by hand may have been made again by another process. */
static bool folder_is_ours(const struct instance *inst)
{
	char path[PATH_MAX];

	if (inst->lock_fd < 0)
		return true; /* never had its name */
	return !put_path(path, sizeof(path), inst->dir, "lock") &&
	       lock_is_current(inst->lock_fd, path);
}

void instance_free(struct lm_ctx *ctx)
{
	struct instance *inst = ctx->instance;

	if (!inst)
		return;
	if (folder_is_ours(inst))
		remove_files(inst->dir);
	if (inst->lock_fd >= 0)
		close(inst->lock_fd);
	free(inst);
	ctx->instance = NULL;
}

/* ---- finding them ---------------------------------------------------------------- */

static bool is_uuid(const char *name)
{
	char canonical[UUID_STR_LEN];
	uuid_t uuid;

	if (uuid_parse(name, uuid))
		return false;
	uuid_unparse_lower(uuid, canonical);
	return !strcmp(name, canonical);
}

static int list_entry(const char *runtime, const char *name, lm_instance_fn_t *fn, void *arg)
{
	const bool temporary = !strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX));
	char dir[PATH_MAX];
	struct stat st;

	if ((!temporary && !is_uuid(name)) || put_path(dir, sizeof(dir), runtime, name))
		return 0;
	if (is_alive(dir, temporary))
		return temporary ? 0 : fn(arg, name, true);
	if (temporary || lstat(dir, &st))
		return 0;
	return fn(arg, name, false);
}

LM_EXPORT int lm_instance_list(lm_instance_fn_t *fn, void *arg)
{
	char runtime[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int ret = lm_runtime_dir(runtime, sizeof(runtime));

	if (ret)
		return ret;
	dir = opendir(runtime);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!ret && (entry = readdir(dir)))
		ret = list_entry(runtime, entry->d_name, fn, arg);
	closedir(dir);
	return ret;
}

LM_EXPORT int lm_instance_connect(const char *uuid, const char *file, int *fd)
{
	char runtime[PATH_MAX], dir[PATH_MAX], path[PATH_MAX];
	int ret;

	if (!is_uuid(uuid) || strchr(file, '/'))
		return -EINVAL;
	ret = lm_runtime_dir(runtime, sizeof(runtime));
	ret = ret ?: put_path(dir, sizeof(dir), runtime, uuid);
	ret = ret ?: put_path(path, sizeof(path), dir, file);
	if (ret)
		return ret;
	ret = sockpath_connect(path);
	if (ret < 0)
		return ret;
	fcntl(ret, F_SETFL, fcntl(ret, F_GETFL) & ~O_NONBLOCK);
	*fd = ret;
	return 0;
}
