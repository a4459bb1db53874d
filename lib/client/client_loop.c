/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_loop.c - many requests at a time, and programs with a loop of their own.
 *
 * Owns what is seen of the queue (flush, wait, cancel) and the one descriptor to poll: an epoll
 * set that is made when it is first asked for, so that programs which only wait do not pay.
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "client/client.h"

/* ---- many requests ---------------------------------------------------------- */

LM_EXPORT int lm_client_flush(lm_client_t *client)
{
	int ret;

	if (client->in_dma)
		return -EDEADLK;
	ret = client->error ?: client_send(client);
	if (ret)
		return client_fail(client, ret);
	client_watch(client);
	return stream_pending(&client->main.s);
}

/* All requests of the program end; the slots stay taken until the replies have come. */
static void abandon_ops(struct lm_client *c, int result)
{
	uint32_t i;

	for (i = 0; i <= c->mask; i++) {
		struct slot *slot = &c->slots[i];

		if (slot->state != SLOT_OP)
			continue;
		slot->state = SLOT_ABANDONED;
		client_op_end(c, slot->op, result);
	}
}

LM_EXPORT int lm_client_wait(lm_client_t *client, uint32_t left)
{
	int ret = client_may_wait(client);

	ret = ret ?: client_drain(client, left, client_deadline(client));
	client_watch(client);
	if (ret == -ETIMEDOUT)
		abandon_ops(client, ret);
	return ret;
}

LM_EXPORT uint32_t lm_client_pending(const lm_client_t *client)
{
	return client->pending;
}

LM_EXPORT void lm_client_cancel(lm_client_t *client)
{
	if (!client->in_done && !client->in_dma)
		abandon_ops(client, -ECANCELED);
}

/* ---- a loop of the program's own -------------------------------------------- */

static void lane_watch(struct lm_client *c, struct lane *lane)
{
	const uint32_t events = lane_events(lane);
	struct epoll_event ev = { .events = events };

	if (lane->s.rx.data && events != lane->watched &&
	    !epoll_ctl(c->epfd, EPOLL_CTL_MOD, lane->s.ch.fd, &ev))
		lane->watched = events;
}

void client_watch(struct lm_client *c)
{
	if (likely(c->epfd < 0))
		return;
	lane_watch(c, &c->main);
	lane_watch(c, &c->twin);
}

static int lane_add(int epfd, struct lane *lane)
{
	struct epoll_event ev = { .events = lane_events(lane) };

	if (!lane->s.rx.data)
		return 0;
	lane->watched = ev.events;
	return epoll_ctl(epfd, EPOLL_CTL_ADD, lane->s.ch.fd, &ev) ? -errno : 0;
}

LM_EXPORT int lm_client_fd(lm_client_t *client)
{
	int epfd, ret;

	if (client->epfd >= 0)
		return client->epfd;
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0)
		return -errno;
	ret = lane_add(epfd, &client->main);
	ret = ret ?: lane_add(epfd, &client->twin);
	if (ret) {
		close(epfd);
		return ret;
	}
	client->epfd = epfd;
	return epfd;
}

LM_EXPORT int lm_client_process(lm_client_t *client)
{
	int ret = client_may_wait(client), nr = 0;

	if (ret)
		return ret;
	ret = client_send(client);
	ret = ret ?: client_unstall(client);
	if (ret >= 0) {
		nr = ret;
		ret = client_receive(client);
	}
	if (ret >= 0) {
		nr += ret;
		ret = client_send(client);
	}
	if (ret < 0)
		return client_fail(client, ret);
	client_watch(client);
	return nr;
}
