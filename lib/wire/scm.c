/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scm.c - bytes with descriptors beside them.
 *
 * For those that come there is room for as many as a message can carry, because the kernel would
 * close those for which there is none, in this thread, and that may wait (peer_fd.c). It still does
 * where the process has no descriptor left.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/peer_fd.h"
#include "wire/scm.h"

static void fds_take(struct msghdr *msg, struct channel_fds *fds)
{
	int all[PEER_FDS_MAX];
	struct cmsghdr *cmsg;
	size_t nr = 0, some;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		some = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(all + nr, CMSG_DATA(cmsg), some * sizeof(int));
		nr += some;
	}
	fds->nr = nr < CHANNEL_MAX_FDS ? (unsigned int)nr : CHANNEL_MAX_FDS;
	memcpy(fds->fd, all, fds->nr * sizeof(int));
	if (nr > fds->nr) {
		peer_fds_close(all + fds->nr, (unsigned int)nr - fds->nr);
		fds->error = -EINVAL;
	}
	if (msg->msg_flags & MSG_CTRUNC)
		fds->error = -EMFILE;
}

ssize_t scm_recv(int fd, void *buf, size_t len, struct channel_fds *fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(PEER_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t ret;

	fds->nr = 0;
	fds->error = 0;
	ret = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (ret >= 0 && (msg.msg_controllen || msg.msg_flags & MSG_CTRUNC))
		fds_take(&msg, fds);
	return ret;
}

/* send(2) is cheaper than sendmsg(2). */
ssize_t scm_send(int fd, const void *buf, size_t len, const int *fds, unsigned int nr)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(CHANNEL_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};

	if (!nr)
		return send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	memset(&control, 0, sizeof(control));
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(&control.align), fds, nr * sizeof(int));
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}
