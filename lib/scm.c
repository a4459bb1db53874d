/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scm.c - receiving bytes with the descriptors that came beside them.
 *
 * There is room for as many as a message can carry, because the kernel would close those for which
 * there is none, in this thread, and that may wait (peer_fd.c). It still does where the process has
 * no descriptor left.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "peer_fd.h"
#include "scm.h"

#define SCM_FDS_MAX 253 /* SCM_MAX_FD of the kernel */

static void fds_add(struct channel_fds *fds, int fd)
{
	if (fds->nr < CHANNEL_MAX_FDS) {
		fds->fd[fds->nr++] = fd;
		return;
	}
	peer_fd_close(fd);
	fds->error = -EINVAL;
}

static void fds_take(struct msghdr *msg, struct channel_fds *fds)
{
	struct cmsghdr *cmsg;
	size_t nr, i;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < nr; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			fds_add(fds, fd);
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		fds->error = -EMFILE;
}

ssize_t scm_recv(int fd, void *buf, size_t len, struct channel_fds *fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(SCM_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control.room),
	};
	ssize_t ret;

	fds->nr = 0;
	fds->error = 0;
	ret = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (ret >= 0 && (msg.msg_controllen || msg.msg_flags & MSG_CTRUNC))
		fds_take(&msg, fds);
	return ret;
}
