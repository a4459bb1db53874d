/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * many.c - a process with many devices, for suite_load.sh: so many mediated devices, and beside
 * them one on a socket, served by one thread.
 *
 *	many COUNT
 *
 * BAR0 of each is 4 KiB of memory. Their UUIDs count from 00000000-0000-4000-8000-000000000001,
 * and must be there. Prints "ready" when clients can come; ends by SIGTERM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <muser.h>

static lm_ctx_t *create(unsigned int nr, uint32_t flags)
{
	lm_dev_info_t info = {
		.type = "many",
		.flags = flags,
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0x4d41 },
			.cc = { .bcc = 0xff },
			.reg_info[LM_BAR0_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
				.size = 4096,
			},
		},
	};
	char uuid[37];
	lm_ctx_t *ctx;

	snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012x", nr);
	info.uuid = uuid;
	ctx = lm_ctx_create(&info);
	if (!ctx) {
		fprintf(stderr, "many: %s: %s\n", uuid, strerror(errno));
		exit(1);
	}
	return ctx;
}

int main(int argc, char **argv)
{
	unsigned int i, nr = argc > 1 ? atoi(argv[1]) : 1;
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	for (i = 1; i <= nr + 1; i++) {
		lm_ctx_t *ctx = create(i, i <= nr ? LM_DEV_MDEV : 0);
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = ctx };

		epoll_ctl(epfd, EPOLL_CTL_ADD, lm_ctx_fd(ctx), &event);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event event;

		if (epoll_wait(epfd, &event, 1, -1) == 1)
			lm_ctx_poll(event.data.ptr);
	}
}
