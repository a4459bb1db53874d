/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fds.h - descriptors, for tests and fuzzers: how many are open, and sending them over sockets.
 * What cannot be wrong ends the process; whether something arrived is for the caller to say.
 */
#ifndef TEST_FDS_H
#define TEST_FDS_H

#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 253u /* SCM_MAX_FD of the kernel */

/* Of one message, while it is sent or received. */
union fds_room {
	struct cmsghdr align;
	char           room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* Descriptors to go with a message, if any; they stay the caller's. */
static inline void fds_attach(struct msghdr *msg, union fds_room *room, const int *fds,
			      unsigned int nr)
{
	if (!nr)
		return;
	memset(room, 0, sizeof(*room));
	msg->msg_control = room;
	msg->msg_controllen = CMSG_SPACE(nr * sizeof(int));
	room->align.cmsg_level = SOL_SOCKET;
	room->align.cmsg_type = SCM_RIGHTS;
	room->align.cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(&room->align), fds, nr * sizeof(int));
}

/* A socket on which close(2) waits: bytes that nobody receives, and an hour of patience for them.
 * The other end is in *peer. */
static inline int fds_lingering(int *peer)
{
	const struct linger hour = { 1, 3600 };
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	char bytes[4096] = "";

	if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &len) ||
	    connect(fd, (struct sockaddr *)&at, len))
		abort();
	*peer = accept(listener, NULL, NULL);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	if (*peer < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)))
		abort();
	close(listener);
	return fd;
}

/* Those that came with a message, at most @max: how many. */
static inline unsigned int fds_take(struct msghdr *msg, int *fds, unsigned int max)
{
	unsigned int nr = 0, some;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		some = (unsigned int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		if (some > max - nr)
			abort();
		memcpy(fds + nr, CMSG_DATA(cmsg), some * sizeof(int));
		nr += some;
	}
	return nr;
}

static inline void close_fds(const int *fds, unsigned int nr)
{
	while (nr)
		close(fds[--nr]);
}

/* Of this process; and one, always the same. */
static inline unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int nr = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

/* Beyond @before, once those are closed that are closed by another thread. */
static inline int fds_left(unsigned int before)
{
	int turns = 10000;

	while (count_fds() > before && --turns)
		usleep(1000);
	return (int)count_fds() - (int)before;
}

#endif /* TEST_FDS_H */
