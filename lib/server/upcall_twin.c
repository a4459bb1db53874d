/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upcall_twin.c - the twin socket: our commands to the client, and its replies, by themselves.
 */
#include <unistd.h>

#include "server/server_client.h"

static void twin_ready(struct source *src, uint32_t events)
{
	struct client *c = container_of(src, struct client, twin_source);
	struct message m;
	int ret = 0;

	c->serving = true; /* what is completed now is answered below */
	c->ctx->turn_end = c->ctx->work + TURN_MAX;
	if (!stream_has_message(&c->twin) && stream_fill(&c->twin) < 0)
		ret = -ENOTCONN;
	while (!ret && !client_turn_is_over(c) && (ret = stream_next(&c->twin, &m)) == 1) {
		ret = 0;
		work_add(c->ctx, 1);
		upcall_reply(c, &m);
	}
	if (ret < 0 || stream_flush(&c->twin) < 0) {
		loop_remove(&c->ctx->loop, &c->twin_source);
		stream_close(&c->twin);
		upcall_fail_all(c, -ENOTCONN);
	}
	c->serving = false;
	c->ctx->server->turns->serve(c);
}

int upcall_twin_open(struct client *c, int fd)
{
	int ret = stream_open(&c->twin, fd);

	if (ret) {
		close(fd);
		return ret;
	}
	c->twin_source.fd = fd;
	c->twin_source.fn = twin_ready;
	c->twin_events = EPOLLIN;
	ret = loop_add(&c->ctx->loop, &c->twin_source, c->twin_events);
	if (ret)
		stream_close(&c->twin);
	return ret;
}

void upcall_twin_free(struct client *c)
{
	if (c->twin_fd >= 0)
		close(c->twin_fd);
	if (!c->twin.rx.data)
		return;
	loop_remove(&c->ctx->loop, &c->twin_source);
	stream_close(&c->twin);
}
