// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "../../../kmod/uapi/linux/muser.h"

/* A reply that is well-formed. */
struct reply {
	uint16_t id, cmd;
	uint32_t size, flags, error;
};

static int refused(long result)
{
	return result < 0 && errno == EPERM;
}

void child_detach(int file)
{
	struct reply message;

	if (fork())
		exit(!refused(read(file, &message, sizeof(message))));
}

static int maps(int file)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, MUSER_MMAP_MEM(2));

	return at == MAP_FAILED ? -1 : 0;
}

static int swaps(int file)
{
	struct reply message;
	struct muser_exchange swap = { .argsz = sizeof(swap), .flags = MUSER_EXCHANGE_NOWAIT,
				       .in = (uintptr_t)&message, .in_size = sizeof(message),
				       .wake_fd = -1 };

	return ioctl(file, MUSER_EXCHANGE, &swap);
}

static void try(int file)
{
	struct reply message = { 0, 9, sizeof(message), 1, 0 };
	struct muser_info info = { .argsz = sizeof(info) };
	struct muser_irq irq = { .argsz = sizeof(irq) };
	struct muser_dma range = { .argsz = sizeof(range), .size = 4096 };
	struct pollfd events = { file, POLLOUT, 0 };

	printf("refused: %d%d%d%d%d%d%d%d\n", refused(write(file, &message, sizeof(message))),
	       refused(read(file, &message, sizeof(message))), refused(maps(file)),
	       refused(ioctl(file, MUSER_GET_INFO, &info)), refused(swaps(file)),
	       refused(ioctl(file, MUSER_IRQ_TRIGGER, &irq)),
	       refused(ioctl(file, MUSER_DMA_PIN, &range)),
	       poll(&events, 1, -1) == 1 && events.revents & POLLERR);
	fflush(stdout);
}

static void polls(int file)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLET };
	const int fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(fd, EPOLL_CTL_ADD, file, &event))
		exit(1);
	printf("polls\n");
	fflush(stdout);
	while (epoll_wait(fd, &event, 1, -1))
		;
}

pid_t child_start(int file, enum child_how how)
{
	const int with_file = how != CHILD_WITHOUT;
	sigset_t set;
	pid_t pid;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid)
		return pid;
	if (!with_file)
		close(file);
	if (how == CHILD_POLLS)
		polls(file);
	while (!sigwait(&set, &sig))
		if (with_file)
			try(file);
	_exit(1);
}
