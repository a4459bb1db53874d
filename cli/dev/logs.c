/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * logs.c - see logs.h. A log without a lock and without an end is one whose holder was killed; the
 * device may live on.
 */
#include "dev/logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"
#include "muser-instance.h"

#include "dev/log_file.h"
#include "ui/lockfile.h"

#define PREFIX ".log-"

void logs_name(char *buf, const char *uuid)
{
	snprintf(buf, sizeof(PREFIX) - 1 + UUID_SIZE, PREFIX "%s", uuid);
}

/* fn for the UUID of each. */
static void each(void (*fn)(void *arg, int runtime, const char *uuid), void *arg)
{
	const int runtime = dir_open_runtime(false, NULL);
	const int fd = runtime < 0 ? -1 : dir_reopen(runtime);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char uuid[UUID_SIZE];

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (!strncmp(name, PREFIX, strlen(PREFIX)) &&
		    uuid_canonical(name + strlen(PREFIX), uuid))
			fn(arg, runtime, uuid);
	}
	if (dir)
		closedir(dir);
	if (runtime >= 0)
		close(runtime);
}

/* ---- looking --------------------------------------------------------------------- */

static int open_at(int runtime, const char *uuid)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char name[UUID_SIZE + 8];
	struct stat st, above;
	int fd, err = 0;

	logs_name(name, uuid);
	fd = openat(runtime, name, flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || fstat(runtime, &above))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_uid != above.st_uid || (st.st_mode & 077))
		err = -EPERM;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int logs_open(const char *uuid)
{
	const int runtime = dir_open_runtime(false, NULL);
	int fd;

	if (runtime < 0)
		return runtime;
	fd = open_at(runtime, uuid);
	close(runtime);
	return fd;
}

static bool is_alive(const char *uuid)
{
	int fd, err = lm_instance_connect(uuid, "control.sock", &fd);

	if (!err)
		close(fd);
	return !err || err == -EAGAIN;
}

bool logs_of_ended(const char *uuid, struct log_head *head)
{
	const int fd = logs_open(uuid);
	struct log_head unread;
	bool ended;

	if (fd < 0)
		return false;
	head = head ?: &unread;
	ended = log_head_read(fd, head) && (head->ended_ns || !log_is_held(fd)) && !is_alive(uuid);
	close(fd);
	return ended;
}

static void add(void *arg, int runtime, const char *uuid)
{
	uuid_list_add(arg, uuid);
}

void logs_list(struct uuid_list *list)
{
	each(add, list);
	uuid_list_sort(list);
}

bool logs_named(const char *name, char uuid[UUID_SIZE])
{
	struct uuid_list list = { 0 };
	struct log_head head;
	uint64_t last = 0;
	bool found = false;
	size_t i;

	logs_list(&list);
	for (i = 0; i < list.nr; i++) {
		if (!logs_of_ended(list.uuids[i], &head) || strcmp(head.name, name) ||
		    head.ended_ns < last)
			continue;
		found = true;
		last = head.ended_ns;
		memcpy(uuid, list.uuids[i], UUID_SIZE);
	}
	uuid_list_free(&list);
	return found;
}

/* ---- removing -------------------------------------------------------------------- */

bool logs_remove(const char *uuid)
{
	char name[UUID_SIZE + 8];
	const int runtime = dir_open_runtime(false, NULL);
	bool removed;

	if (runtime < 0)
		return false;
	logs_name(name, uuid);
	removed = !unlinkat(runtime, name, 0);
	close(runtime);
	return removed;
}

struct aged {
	char uuid[UUID_SIZE];
	time_t seconds; /* since it was written to */
};

struct ages {
	struct aged *list;
	size_t nr;
};

static void add_age(void *arg, int runtime, const char *uuid)
{
	char name[UUID_SIZE + 8];
	struct ages *ages = arg;
	struct aged *grown;
	struct stat st;

	logs_name(name, uuid);
	if (fstatat(runtime, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	grown = realloc(ages->list, (ages->nr + 1) * sizeof(*grown));
	if (!grown)
		return;
	ages->list = grown;
	grown[ages->nr].seconds = time(NULL) - st.st_mtime;
	memcpy(grown[ages->nr++].uuid, uuid, UUID_SIZE);
}

static int compare_ages(const void *a, const void *b)
{
	const struct aged *one = a, *other = b;

	return (one->seconds > other->seconds) - (one->seconds < other->seconds);
}

/* With the lock: nobody writes to it, and no device of that UUID begins to. */
static void remove_ended(int runtime, const char *uuid)
{
	char name[UUID_SIZE + 8];
	int lock;

	logs_name(name, uuid);
	lock = lockfile_take(runtime, name, 0);
	if (lock < 0)
		return;
	if (!is_alive(uuid))
		unlinkat(runtime, name, 0);
	close(lock);
}

static bool is_ended(int runtime, const char *uuid)
{
	const int fd = open_at(runtime, uuid);
	bool ended;

	if (fd < 0)
		return false;
	ended = !log_is_held(fd) && !is_alive(uuid);
	close(fd);
	return ended;
}

void logs_prune(void)
{
	const int runtime = dir_open_runtime(false, NULL);
	struct ages ages = { 0 };
	size_t i, nr = 0;

	each(add_age, &ages);
	if (ages.nr)
		qsort(ages.list, ages.nr, sizeof(*ages.list), compare_ages);
	for (i = 0; i < ages.nr && runtime >= 0; i++) {
		if (is_ended(runtime, ages.list[i].uuid) &&
		    (++nr > LOGS_MAX || ages.list[i].seconds > LOGS_DAYS * 86400))
			remove_ended(runtime, ages.list[i].uuid);
	}
	free(ages.list);
	if (runtime >= 0)
		close(runtime);
}
