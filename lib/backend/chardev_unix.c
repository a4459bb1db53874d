/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chardev_unix.c - a listening socket, with one peer at a time.
 *
 * While one is there the listener is not in the loop: the next ones wait in its queue, and the
 * first of them is served when the peer has left.
 */
#include <fcntl.h>
#include <stdio.h>

#include "backend/chardev.h"
#include "base/accept.h"

#define LISTENS (EPOLLIN)

static void peer_ready(struct source *src, uint32_t events)
{
	struct lm_chardev *c = container_of(src, struct lm_chardev, wake);
	const int fd = accept_peer(src->fd);

	if (fd < 0)
		return;
	loop_modify(&c->ctx->loop, src, 0);
	c->in.fd = fd;
	c->out.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (c->out.fd < 0) {
		chardev_streams_close(c);
		loop_modify(&c->ctx->loop, src, LISTENS);
		return;
	}
	chardev_attach(c);
}

static void unix_lost(struct lm_chardev *c)
{
	chardev_streams_close(c);
	loop_modify(&c->ctx->loop, &c->wake, LISTENS);
}

static int unix_open(struct lm_chardev *c)
{
	const int fd = sockpath_listen(c->spec.path, 0600, 0, &c->socket);
	int ret;

	if (fd < 0)
		return fd;
	ret = accept_new(fd);
	if (ret) {
		close(fd);
		return ret;
	}
	c->wake.fd = fd;
	c->wake.fn = peer_ready;
	snprintf(c->path, sizeof(c->path), "%s", c->spec.path);
	return loop_add(&c->ctx->loop, &c->wake, LISTENS);
}

static void unix_close(struct lm_chardev *c)
{
	if (c->wake.fd >= 0) {
		loop_remove(&c->ctx->loop, &c->wake);
		close(c->wake.fd);
		accept_free();
	}
	sockfile_remove(&c->socket);
}

const struct chardev_kind chardev_unix = {
	.name = "unix",
	.has_path = true,
	.is_socket = true,
	.open = unix_open,
	.lost = unix_lost,
	.close = unix_close,
};
