/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reach.h - how far hostile programs get: what they try, what of it succeeds, what fails by order.
 *
 * Counts are in the file that $REACH names, which outlives who is killed: without it nothing is
 * counted. A call may be told to fail at the nth place where the kernel can be made to fail.
 * Refuses to judge: who reads the counts does.
 */
#ifndef REACH_H
#define REACH_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REACH_MAX 64 /* in a file */

struct reach {
	char name[40];
	uint64_t tried, done, struck;
};

static struct reach reach_none[REACH_MAX], *reach_all = reach_none;

/* Names from @first on; another program has other ones. */
static inline void reach_open(const char *const *names, unsigned int first, unsigned int nr)
{
	const char *path = getenv("REACH");
	const size_t size = sizeof(reach_none);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *at = MAP_FAILED;
	unsigned int i;

	if (fd >= 0 && !ftruncate(fd, size))
		at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		reach_all = at;
	for (i = 0; i < nr; i++)
		strncpy(reach_all[first + i].name, names[i], sizeof(reach_all->name) - 1);
}

static inline void reach_print(void)
{
	unsigned int i;

	for (i = 0; i < REACH_MAX; i++)
		if (reach_all[i].name[0])
			printf("%-32s %8ju of %8ju, %6ju struck\n", reach_all[i].name,
			       (uintmax_t)reach_all[i].done, (uintmax_t)reach_all[i].tried,
			       (uintmax_t)reach_all[i].struck);
}

static inline void reach_add(unsigned int what, uint64_t done)
{
	__atomic_add_fetch(&reach_all[what].tried, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&reach_all[what].done, done, __ATOMIC_RELAXED);
}

/* This thread's next calls: the nth place fails; 0: none. Returns what was left of the last n. */
static inline unsigned int reach_fail(unsigned int nth)
{
	static __thread int fd; /* 0: not opened yet */
	char text[16] = "";
	unsigned int left;

	if (!fd)
		fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 1;
	left = pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 1;
	snprintf(text, sizeof(text), "%u", nth);
	(void)!pwrite(fd, text, strlen(text), 0);
	return left;
}

/* reach_begin(), the call, then its result here, as the call gave it: errno stays. */
static inline void reach_begin(unsigned int nth)
{
	if (nth)
		reach_fail(nth);
}

static inline int64_t reach_end(unsigned int what, unsigned int nth, int64_t ret)
{
	const int error = errno;

	if (nth && !reach_fail(0))
		__atomic_add_fetch(&reach_all[what].struck, 1, __ATOMIC_RELAXED);
	reach_add(what, ret >= 0);
	errno = error;
	return ret;
}

#endif
