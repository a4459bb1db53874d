/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pending.c - connections before their VERSION.
 *
 * Who connects waits here until its VERSION is complete. The first one becomes the client, and the
 * others are disconnected; who comes while there is a client is rejected at once. One that has hung
 * up is served to its end first, and then its DMA windows go and the memory that it knew is
 * replaced, a step a turn; the next one waits for that. So nobody keeps clients out by connecting
 * and saying nothing, and no probe costs a slow one its place. When all places are taken, who has
 * hung up loses its own, and so does who has had it for longer than any handshake takes; if there
 * is none, whoever holds the most places and only holds them loses the oldest, or else the new
 * connection is rejected. Before that nobody is hurried.
 */
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/accept.h"
#include "server/server_client.h"

/* A machine may be very busy while its VMM starts. */
#define PATIENCE_NS 30000000000u
/* But one that has not even begun by then may only be holding a place. */
#define SILENCE_NS 1000000000u

void pending_init(struct server *server)
{
	server->patience_ns = PATIENCE_NS;
	server->silence_ns = SILENCE_NS;
}

void pending_close(struct server *server)
{
	while (server->nr_pending)
		client_lost(server->pending[0], -ECONNREFUSED);
}

/* Its last event may still wait in epoll. */
static bool has_hung_up(const struct client *c)
{
	struct pollfd p = { .fd = c->source.fd, .events = 0 };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static bool has_unread(const struct client *c)
{
	int unread = 0;

	return !ioctl(c->source.fd, FIONREAD, &unread) && unread > 0;
}

/* What it has sent before it hung up is to be served. */
static bool pending_is_over(const struct client *c, uint64_t now)
{
	if (c == c->ctx->server->next)
		return false;
	if (has_hung_up(c) && !stream_has_message(&c->stream) && !has_unread(c))
		return true;
	return now - c->connected_ns >= c->ctx->server->patience_ns;
}

/* To compare by: those of the same user, and among them those of the same process. */
static unsigned int places_of(const struct client *c)
{
	const struct server *server = c->ctx->server;
	unsigned int i, nr = 0;

	for (i = 0; i < server->nr_pending; i++) {
		const struct client *other = server->pending[i];

		if (other->uid == c->uid)
			nr += PENDING_MAX + 1 + (other->pid == c->pid);
	}
	return nr;
}

/* Of who holds the most places and only holds them, the oldest; or NULL. */
static struct client *place_to_spare(const struct server *server, uint64_t now)
{
	struct client *found = NULL;
	unsigned int i, most = 0;

	for (i = 0; i < server->nr_pending; i++) {
		const unsigned int nr = places_of(server->pending[i]);

		most = nr > most ? nr : most;
	}
	for (i = 0; i < server->nr_pending; i++) {
		struct client *c = server->pending[i];

		if (places_of(c) != most || c->stream.rx_base || c->stream.rx.tail ||
		    has_unread(c) || now - c->connected_ns < server->silence_ns)
			continue;
		if (!found || c->connected_ns < found->connected_ns)
			found = c;
	}
	return found;
}

/* There is a place for one more; else the cause is logged. */
static bool place_find(struct server *server)
{
	const uint64_t now = loop_now_ns();
	struct client *c = server->client;
	unsigned int i;

	if (c && !has_hung_up(c)) {
		log_peer(server->ctx, LM_LOG_WARN,
			 "a second client was rejected: process %d is attached", (int)c->pid);
		return false;
	}
	if (server->nr_pending < PENDING_MAX)
		return true;
	for (i = PENDING_MAX; i--;) {
		if (pending_is_over(server->pending[i], now))
			client_lost(server->pending[i], -ETIMEDOUT);
	}
	if (server->nr_pending == PENDING_MAX && (c = place_to_spare(server, now)))
		client_lost(c, -ETIMEDOUT);
	if (server->nr_pending < PENDING_MAX)
		return true;
	log_peer(server->ctx, LM_LOG_WARN,
		 "a connection was rejected: %u others have not sent VERSION yet",
		 server->nr_pending);
	return false;
}

void pending_accept(struct server *server)
{
	const int fd = accept_peer(server->listener.fd);
	struct client *c;
	int ret;

	if (fd == -EMFILE)
		log_peer(server->ctx, LM_LOG_WARN,
			 "a connection was rejected: out of file descriptors");
	if (fd < 0)
		return;
	if (!place_find(server)) {
		peer_socket_close(fd);
		return;
	}
	ret = client_new_fd(server, fd, &c);
	if (ret) {
		log_peer(server->ctx, LM_LOG_ERR, "a client could not be attached: %s",
			 strerror(-ret));
		return;
	}
	c->connected_ns = loop_now_ns();
	server->pending[server->nr_pending++] = c;
}

/* The first one has its turn when the last client has been served and what it knew is replaced. */
int pending_may_come(struct client *c)
{
	struct server *server = c->ctx->server;
	int ret;

	if (server->client == c)
		return 0;
	if (!server->next)
		server->next = c;
	if (server->client || server->leaver.is_there || server->next != c)
		return SERVE_LATER;
	ret = region_memory_renew(c->ctx);
	if (ret < 0)
		log_peer(c->ctx, LM_LOG_ERR, "a client could not be attached: %s", strerror(-ret));
	return ret > 0 ? SERVE_LATER : ret;
}

void pending_admit(struct client *c)
{
	struct server *server = c->ctx->server;

	if (server->client == c)
		return;
	pending_remove(c);
	pending_close(server);
	server->client = c;
	client_notify(c, true);
}
