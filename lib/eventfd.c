/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eventfd.c - eventfds that a peer has given us.
 *
 * A write to whatever descriptor a peer chose could block for ever (a pipe, a socket, an
 * eventfd that is full) or do harm (a file). So only eventfds are accepted, and they are
 * made non-blocking: one that is full is readable anyway, which is all its owner needs.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

bool is_eventfd(int fd)
{
	static const char eventfd_name[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(eventfd_name)] = "";
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target)) >= 0)
		return !memcmp(target, eventfd_name, sizeof(eventfd_name) - 1);
	/* Without /proc: anonymous inodes have no file type; pipes, sockets, files
	 * have. */
	return !fstat(fd, &st) && !(st.st_mode & S_IFMT);
}

int eventfd_accept(int fd)
{
	int flags;

	if (!is_eventfd(fd))
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
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
