/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lockfile.c - see lockfile.h. Whoever holds a lock may remove its file: who gets it then looks
 * whether the file still has its name, and begins anew if not.
 */
#include "ui/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"

#include "ui/clock.h"

#define STEP_NS 10000000

int lockfile_take(int runtime, const char *name, int flags)
{
	int fd, err;

	flags |= O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	for (;;) {
		fd = openat(runtime, name, flags, 0600);
		if (fd < 0)
			return -errno;
		err = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
		if (!err && dir_has_fd(runtime, name, fd))
			return fd;
		close(fd);
		if (err)
			return err;
	}
}

int lockfile_wait(const char *name, uint64_t timeout_ms)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	const uint64_t end = clock_ns() + timeout_ms * 1000000;
	const int runtime = dir_open_runtime(true, NULL);
	int fd;

	if (runtime < 0)
		return runtime;
	while ((fd = lockfile_take(runtime, name, O_CREAT)) == -EAGAIN && clock_ns() < end)
		nanosleep(&step, NULL);
	close(runtime);
	return fd;
}

void lockfile_remove(const char *name)
{
	const int runtime = dir_open_runtime(false, NULL);

	if (runtime < 0)
		return;
	unlinkat(runtime, name, 0);
	close(runtime);
}
