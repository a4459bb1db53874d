/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel_socket.c - messages over a UNIX stream socket.
 *
 * One system call for each operation: recvmsg(2), because descriptors may come with any message,
 * and send(2), which is cheaper than sendmsg(2), unless descriptors go along. Flags say
 * "do not wait" on each call, so that a socket shared with another process keeps its mode.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"

#define FDS_SIZE (CHANNEL_MAX_FDS * sizeof(int))

static void fds_take(struct msghdr *msg, struct channel_fds *fds)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		fds->nr = (unsigned int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds->fd, CMSG_DATA(cmsg), fds->nr * sizeof(int));
	}
	fds->truncated = msg->msg_flags & MSG_CTRUNC;
}

static ssize_t no_progress(void)
{
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return 0;
	case EPIPE:
	case ECONNRESET:
		return -ENOTCONN;
	default:
		return -errno;
	}
}

static ssize_t socket_recv(struct channel *ch, void *buf, size_t len, struct channel_fds *fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_SIZE)];
	} control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control.room),
	};
	ssize_t ret;

	fds->nr = 0;
	fds->truncated = false;
	ret = recvmsg(ch->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (ret < 0)
		return no_progress();
	if (msg.msg_controllen)
		fds_take(&msg, fds);
	return ret ? ret : -ENOTCONN;
}

static ssize_t send_with_fds(struct channel *ch, const void *buf, size_t len,
			     const struct channel_fds *fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_SIZE)];
	} control = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = CMSG_SPACE(fds->nr * sizeof(int)),
	};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(fds->nr * sizeof(int));
	memcpy(CMSG_DATA(&control.align), fds->fd, fds->nr * sizeof(int));
	return sendmsg(ch->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t socket_send(struct channel *ch, const void *buf, size_t len,
			   const struct channel_fds *fds)
{
	ssize_t ret;

	if (fds && fds->nr)
		ret = send_with_fds(ch, buf, len, fds);
	else
		ret = send(ch->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return ret < 0 ? no_progress() : ret;
}

static void socket_close(struct channel *ch)
{
	close(ch->fd);
	ch->fd = -1;
}

static const struct channel_ops socket_ops = {
	.recv = socket_recv,
	.send = socket_send,
	.close = socket_close,
};

void channel_socket_init(struct channel *ch, int fd)
{
	ch->ops = &socket_ops;
	ch->fd = fd;
	ch->is_borrowed = false;
}
