/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hugepages.h - huge pages for a test: reserved for as long as it runs, where the machine and the
 * user's rights allow that. One test at a time has them, of all that run on the machine.
 */
#ifndef TEST_HUGEPAGES_H
#define TEST_HUGEPAGES_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct hugepages {
	int  fd;  /* of nr_hugepages, locked */
	long before;
};

static inline long hugepages_read(const char *name)
{
	char text[64];
	FILE *f = fopen("/proc/meminfo", "re");
	long nr = -1, n;

	while (f && nr < 0 && fscanf(f, "%63s %ld%*[^\n]", text, &n) == 2)
		nr = strcmp(text, name) ? -1 : n;
	if (f)
		fclose(f);
	return nr;
}

static inline bool hugepages_set(const struct hugepages *h, long nr)
{
	char text[32];
	const int len = snprintf(text, sizeof(text), "%ld", nr);

	return pwrite(h->fd, text, (size_t)len, 0) == len;
}

static inline void hugepages_end(struct hugepages *h)
{
	hugepages_set(h, h->before);
	close(h->fd); /* and with it the lock */
}

/* @nr of them are free; false: there are none to be had, and why is said. */
static inline bool hugepages_begin(struct hugepages *h, long nr)
{
	h->fd = open("/proc/sys/vm/nr_hugepages", O_RDWR | O_CLOEXEC);
	if (h->fd < 0 || flock(h->fd, LOCK_EX)) {
		printf("no huge pages: /proc/sys/vm/nr_hugepages cannot be written\n");
		return false;
	}
	h->before = hugepages_read("HugePages_Total:");
	if (hugepages_set(h, h->before + nr) && hugepages_read("HugePages_Free:") >= nr)
		return true;
	printf("no huge pages: the machine has no %ld of them to spare\n", nr);
	hugepages_end(h);
	return false;
}

/* A file of @nr, and the size of one. */
static inline int hugepages_file(long nr, uint64_t *size)
{
	const int fd = memfd_create("dma-test", MFD_CLOEXEC | MFD_HUGETLB);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -1;
	*size = (uint64_t)st.st_blksize;
	return ftruncate(fd, (off_t)(*size * (uint64_t)nr)) ? -1 : fd;
}

#endif /* TEST_HUGEPAGES_H */
