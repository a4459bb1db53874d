/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * absent.c - memory whose upper half is not there until it is told to come: whoever touches it
 * waits in a page fault (userfaultfd).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"

#define PATIENCE_MS 50000

static int watch(struct memory *m)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register upper = {
		.range = { (uintptr_t)m->address + m->size / 2, m->size / 2 },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	m->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (m->fd < 0)
		return -errno;
	if (ioctl(m->fd, UFFDIO_API, &api) || ioctl(m->fd, UFFDIO_REGISTER, &upper))
		return -errno;
	return 0;
}

int absent_allocate(struct memory *m)
{
	m->address = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	return m->address == MAP_FAILED ? -errno : watch(m);
}

/* Somebody waits for a page. One that is interrupted and begins again counts twice. */
static int run_faults(struct client *c, int argc, char **argv)
{
	char *words[] = { argv[0], (char *)"1" }, *at;
	uint64_t times, count;
	struct memory *m = memory_find(c, words, &at, &count);
	struct uffd_msg fault;

	if (!m || number(argv[1], &times))
		return -EPROTO;
	while (times--) {
		struct pollfd fd = { .fd = m->fd, .events = POLLIN };

		if (poll(&fd, 1, PATIENCE_MS) <= 0)
			return -ETIMEDOUT;
		if (read(m->fd, &fault, sizeof(fault)) != sizeof(fault) && errno != EAGAIN)
			return -errno;
	}
	return 0;
}

/* It comes, with a pattern in it. */
static int run_come(struct client *c, int argc, char **argv)
{
	char *words[] = { argv[0], (char *)"1" }, *at;
	struct uffdio_copy copy = { 0 };
	uint64_t seed, count, i;
	struct memory *m = memory_find(c, words, &at, &count);
	uint8_t *pages;
	int ret;

	if (!m || number(argv[1], &seed))
		return -EPROTO;
	pages = malloc(m->size / 2);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < m->size / 2; i++)
		pages[i] = pattern(seed, i);
	copy.dst = (uintptr_t)m->address + m->size / 2;
	copy.src = (uintptr_t)pages;
	copy.len = m->size / 2;
	ret = ioctl(m->fd, UFFDIO_COPY, &copy) ? -errno : 0;
	free(pages);
	return ret;
}

const struct command absent_commands[] = {
	{ "faults", "IOVA TIMES: wait for page faults there", 2, run_faults },
	{ "come", "IOVA SEED: what was absent is there", 2, run_come },
	{ 0 },
};
