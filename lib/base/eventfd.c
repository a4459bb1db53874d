/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eventfd.c - eventfds that a peer has given us.
 *
 * A write to whatever descriptor a peer chose could block for ever (a pipe, a socket, an
 * eventfd that is full) or do harm (a file). So only eventfds are accepted, and they are
 * made non-blocking: one that is full is readable anyway, which is all its owner needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/eventfd.h"
#include "base/peer_fd.h"

int eventfd_accept(int fd)
{
	int flags;

	if (!peer_fd_is_eventfd(fd))
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
}

long eventfd_id(int fd)
{
	return peer_fd_info(fd, "eventfd-id:");
}

bool eventfd_is_same(int a, int b)
{
	const long id = a >= 0 && b >= 0 ? eventfd_id(a) : -1;

	return id >= 0 && id == eventfd_id(b);
}

void eventfd_kick(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	const uint64_t one = 1;
	ssize_t ret;

	if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT))
		return;
	ret = write(fd, &one, sizeof(one));
	(void)ret;
}
