// SPDX-License-Identifier: BSD-3-Clause
#include "stall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul

static struct {
	uint8_t *room; /* the first page is there, the second one is not */
	int uffd;
	void (*leave)(void);
	sigset_t set;
} stall;

static void die(void)
{
	perror("raw_server: stall");
	exit(1);
}

static void *end(void *unused)
{
	struct pollfd fd = { .fd = stall.uffd, .events = POLLIN };
	int sig;

	poll(&fd, 1, -1);
	stall.leave();
	puts("left");
	fflush(stdout);
	sigwait(&stall.set, &sig);
	munmap(stall.room, 2 * PAGE);
	close(stall.uffd);
	return unused;
}

static void begin(void (*leave)(void))
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register page = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	stall.leave = leave;
	stall.room = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	page.range = (struct uffdio_range){ (uintptr_t)stall.room + PAGE, PAGE };
	stall.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (stall.room == MAP_FAILED || stall.uffd < 0 || ioctl(stall.uffd, UFFDIO_API, &api) ||
	    ioctl(stall.uffd, UFFDIO_REGISTER, &page))
		die();
	sigemptyset(&stall.set);
	sigaddset(&stall.set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &stall.set, NULL);
	if (pthread_create(&thread, NULL, end, NULL))
		die();
	puts("stalls");
	fflush(stdout);
}

void stall_read(int file, void (*leave)(void))
{
	begin(leave);
	exit(read(file, stall.room + PAGE, PAGE) >= 0 || errno != EFAULT);
}

void stall_write(int file, void (*leave)(void), const void *header, size_t header_len, size_t len)
{
	uint8_t *at;

	begin(leave);
	at = memcpy(stall.room + PAGE - header_len, header, header_len);
	exit(write(file, at, len) >= 0 || errno != EFAULT);
}
