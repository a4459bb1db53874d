/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upcall.c - commands to the client: DMA by message.
 *
 * A transfer is cut into messages of at most the client's max_data_xfer_size; a few are
 * under way at a time, and ask for no more together than a socket holds: QEMU 11.1 stops for
 * ever when an answer of its fills one. They go over the twin socket where there is one, else
 * between the replies on the main one. A reply is matched by its message id; one that nobody
 * waits for is dropped.
 *
 * Waiting for a reply while the client waits for ours may never end, because a client may
 * serve us only between its own requests. A wait inside a request is refused at once with
 * -EDEADLK; transfers that do not move while an answer is put off end with it before the
 * client loses patience.
 *
 * While we wait, so does all else that the thread serves. So a copy has one deadline, however
 * the client spaces its answers, and so have those inside it; copies that are slow share such a
 * deadline, and what they took is forgotten slowly; a client that has let one pass is not waited
 * for again for some time, nor is who takes its place; and a stop ends every wait.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/server_client.h"

#define IN_FLIGHT  8u
#define READING    (64u << 10) /* bytes that the client is asked for at a time */
#define WAIT_NS    2000000000u
#define LATE_NS    10000000000u        /* so long nobody is waited for after one was late */
#define SLOW_SHARE (LATE_NS / WAIT_NS) /* slow copies may take one part of the time in so many */
#define QUICK_NS   10000000u           /* a copy that takes no longer is not slow ... */
#define BYTE_NS    10u                 /* ... and so much longer for each byte */
#define WAITS_MAX  8u                  /* inside each other: each has its frames on the stack */
#define WORK_NS    1000u               /* of waiting are a unit of work */
#define STALL_NS   1000000000u         /* QEMU gives its own request five seconds, then up */

/* One lm_dma_read() or lm_dma_write(), however long. */
struct transfer {
	struct dma_request request;
	uint64_t sent;        /* bytes asked for */
	unsigned int nr_open; /* messages under way */
	int error;
	lm_dma_done_t *done;
	void *arg;
	struct transfer *next, **link; /* what points to it */
};

struct flight {
	struct transfer *transfer; /* NULL: free */
	uint64_t pos, count;
	uint16_t msg_id;
};

/* Made with the first transfer: most clients see none. */
struct upcalls {
	struct flight flights[IN_FLIGHT];
	struct transfer *queue; /* in the order they came; the first ones may be under way */
	struct transfer **end;  /* where the next one is linked */
	struct transfer *spare; /* one kept, so that the steady state allocates nothing */
	uint16_t next_id;
	struct lm_timer *stall;
	bool stall_armed;
};

void upcall_new(struct client *c)
{
	c->wait_ns = WAIT_NS;
	c->stall_ns = STALL_NS;
}

void upcall_free(struct client *c)
{
	if (!c->upcalls)
		return;
	lm_timer_destroy(c->upcalls->stall);
	free(c->upcalls->spare);
	free(c->upcalls);
}

bool upcall_is_outstanding(const struct client *c)
{
	return c->upcalls && c->upcalls->queue;
}

static struct stream *upcall_stream(struct client *c)
{
	return c->twin.rx.data ? &c->twin : &c->stream;
}

/* The client's request is not answered yet: it will not look at ours. */
static bool client_waits(const struct client *c)
{
	return c->reply_pending ||
	       (c->waiting != WAIT_NONE && !(c->request.flags & VFIO_USER_F_NO_REPLY));
}

/* ---- the end of a transfer ------------------------------------------------------- */

/* It is in no list any more. */
static void transfer_end(struct upcalls *up, struct transfer *t)
{
	lm_dma_done_t *done = t->done;
	const int error = t->error;
	void *arg = t->arg;

	free(up->spare);
	up->spare = t;
	done(arg, error);
}

static void transfer_finish(struct upcalls *up, struct transfer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	else
		up->end = t->link;
	transfer_end(up, t);
}

void upcall_fail_all(struct client *c, int error)
{
	struct upcalls *up = c->upcalls;
	struct transfer *failed, *t;

	if (!up)
		return;
	failed = up->queue;
	/* What the device starts meanwhile is not meant. */
	memset(up->flights, 0, sizeof(up->flights));
	up->queue = NULL;
	up->end = &up->queue;
	while ((t = failed)) {
		failed = t->next;
		t->error = error;
		transfer_end(up, t);
	}
}

void upcall_cancel(struct lm_ctx *ctx, int error)
{
	struct client *c = server_client(ctx);

	if (!c || !upcall_is_outstanding(c))
		return;
	upcall_fail_all(c, error);
	client_wake(c);
}

/* ---- transfers that do not move -------------------------------------------------- */

static void stall_expired(void *arg)
{
	struct client *c = arg;

	c->upcalls->stall_armed = false;
	log_peer(c->ctx, LM_LOG_WARN,
		 "the client does not serve DMA while it waits for an answer; giving up");
	upcall_fail_all(c, -EDEADLK);
	client_wake(c);
}

/* ---- sending --------------------------------------------------------------------- */

static uint64_t bytes_asked_for(const struct upcalls *up)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < IN_FLIGHT; i++) {
		if (up->flights[i].transfer && !up->flights[i].transfer->request.is_write)
			bytes += up->flights[i].count;
	}
	return bytes;
}

/* How much the next message of @t moves; 0: it has to wait. */
static uint64_t next_count(const struct client *c, const struct transfer *t)
{
	const uint64_t left = t->request.len - t->sent;
	const uint64_t count = at_most(left, at_most(c->max_data, STREAM_MAX_DATA));
	uint64_t asked;

	if (t->request.is_write)
		return count;
	asked = bytes_asked_for(c->upcalls);
	return !asked || asked + count <= READING ? at_most(count, READING) : 0;
}

/* One message of @t; false: no room to send it now. */
static bool flight_send(struct client *c, struct transfer *t, struct flight *f)
{
	struct vfio_user_dma_region_access req;
	struct vfio_user_header hdr = { 0 };
	const uint64_t count = next_count(c, t);
	const size_t data = t->request.is_write ? (size_t)count : 0;
	struct stream *s = upcall_stream(c);
	char *out = count ? stream_reserve(s, sizeof(hdr) + sizeof(req) + data) : NULL;

	if (!out)
		return false;
	*f = (struct flight){ t, t->sent, count, c->upcalls->next_id++ };
	hdr.msg_id = f->msg_id;
	hdr.cmd = t->request.is_write ? VFIO_USER_DMA_WRITE : VFIO_USER_DMA_READ;
	hdr.msg_size = (uint32_t)(sizeof(hdr) + sizeof(req) + data);
	req.addr = t->request.addr + t->sent;
	req.count = count;
	memcpy(out, &hdr, sizeof(hdr));
	memcpy(out + sizeof(hdr), &req, sizeof(req));
	memcpy(out + sizeof(hdr) + sizeof(req), t->request.data + t->sent, data);
	stream_commit(s, hdr.msg_size, NULL);
	t->sent += count;
	t->nr_open++;
	return true;
}

void upcall_kick(struct client *c)
{
	struct upcalls *up = c->upcalls;
	struct transfer *t;
	unsigned int i;

	/* A reply is being written where our message would go: client_serve() comes back. */
	if (!up || (c->reply_pending && !c->twin.rx.data))
		return;
	for (i = 0, t = up->queue; i < IN_FLIGHT; i++) {
		if (up->flights[i].transfer)
			continue;
		/* Those that it passes over are under way: not more than flights. */
		while (t && (t->error || t->sent == t->request.len))
			t = t->next;
		if (!t || !flight_send(c, t, &up->flights[i]))
			return;
	}
}

static int upcalls_make(struct client *c)
{
	struct upcalls *up = calloc(1, sizeof(*up));
	int ret;

	if (!up)
		return -ENOMEM;
	ret = loop_timer_new(&c->ctx->loop, stall_expired, c, &up->stall);
	if (ret) {
		free(up);
		return ret;
	}
	up->end = &up->queue;
	c->upcalls = up;
	return 0;
}

static int transfer_queue(struct client *c, const struct transfer *wanted)
{
	const int ret = c->upcalls ? 0 : upcalls_make(c);
	struct upcalls *up = c->upcalls;
	struct transfer *t;

	if (ret)
		return ret;
	t = up->spare ?: malloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	up->spare = NULL;
	*t = *wanted;
	t->link = up->end;
	*up->end = t;
	up->end = &t->next;
	upcall_kick(c);
	return 0;
}

int upcall_dma(struct lm_ctx *ctx, const struct dma_request *request, lm_dma_done_t *done,
	       void *arg)
{
	const struct transfer t = { .request = *request, .done = done, .arg = arg };
	struct client *c = server_client(ctx);
	int ret;

	if (!c || !c->negotiated)
		return -ENOTCONN;
	ret = transfer_queue(c, &t);
	if (!ret)
		client_wake(c);
	return ret;
}

/* ---- replies --------------------------------------------------------------------- */

/* Validates a reply and consumes its data: 0, or what is wrong with it. */
static int flight_complete(const struct flight *f, const struct message *m)
{
	struct vfio_user_dma_region_access rep;
	const struct transfer *t = f->transfer;
	const size_t data = t->request.is_write ? 0 : (size_t)f->count;

	if (m->hdr->flags & VFIO_USER_F_ERROR) {
		const uint32_t error = m->hdr->error_no;

		return error && error < 4096 ? -(int)error : -EIO;
	}
	if (m->cmd != (t->request.is_write ? VFIO_USER_DMA_WRITE : VFIO_USER_DMA_READ))
		return -EPROTO;
	/* A reply to a write may carry a 4-byte count (specification) or an 8-byte one. */
	if (m->len < (t->request.is_write ? 12 : sizeof(rep) + data))
		return -EPROTO;
	memset(&rep, 0, sizeof(rep));
	memcpy(&rep, m->payload, m->len < sizeof(rep) ? m->len : sizeof(rep));
	if (rep.addr != t->request.addr + f->pos || (uint32_t)rep.count != f->count)
		return -EPROTO;
	memcpy(t->request.data + f->pos, m->payload + sizeof(rep), data);
	return 0;
}

void upcall_reply(struct client *c, struct message *m)
{
	const uint16_t id = m->hdr->msg_id;
	struct upcalls *up = c->upcalls;
	struct flight *f = NULL;
	struct transfer *t;
	unsigned int i;
	int ret;

	message_close_fds(m);
	for (i = 0; up && !f && i < IN_FLIGHT; i++) {
		if (up->flights[i].transfer && up->flights[i].msg_id == id)
			f = &up->flights[i];
	}
	if (!f) {
		log_debug(c->ctx, "unexpected reply, id %u", id);
		return;
	}
	if (up->stall_armed)
		lm_timer_arm(up->stall, c->stall_ns, 0);
	t = f->transfer;
	ret = flight_complete(f, m);
	if (ret && !t->error)
		t->error = ret;
	f->transfer = NULL;
	t->nr_open--;
	if (!t->nr_open && (t->error || t->sent == t->request.len))
		transfer_finish(up, t);
	upcall_kick(c);
}

/* ---- waiting --------------------------------------------------------------------- */

struct wait {
	bool over;
	int result;
};

static void wait_done(void *arg, int result)
{
	struct wait *w = arg;

	w->over = true;
	w->result = result;
}

/* The transfer ends, but its memory must not be touched any more. */
static void wait_abandon(struct client *c, const struct wait *w)
{
	struct upcalls *up = c->upcalls;
	struct transfer *t;
	unsigned int i;

	for (t = up->queue; t && t->arg != w; t = t->next)
		;
	if (!t)
		return;
	for (i = 0; i < IN_FLIGHT; i++) {
		if (up->flights[i].transfer == t)
			up->flights[i].transfer = NULL;
	}
	transfer_finish(up, t);
}

/* Until there is something to receive or to send, somebody wants us to stop, or for too long. On
 * the main socket a request that wants a reply means that the client waits for us. */
static int wait_turn(struct client *c, struct stream *s)
{
	const uint64_t now = loop_now_ns();
	struct pollfd p[] = {
		{ .fd = s->ch.fd, .events = POLLIN },
		{ .fd = c->ctx->loop.stop.fd, .events = POLLIN },
	};
	struct message m;
	ssize_t got = 0;
	int ret;

	ret = stream_flush(s);
	if (ret < 0)
		return ret;
	if (loop_is_stopped(&c->ctx->loop))
		return -ESHUTDOWN;
	if (now >= c->wait_until)
		return -ETIMEDOUT;
	p[0].events |= ret ? POLLOUT : 0;
	poll(p, LM_NR(p), (int)((c->wait_until - now) / NS_PER_MS) + 1);
	if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
		got = stream_fill(s);
	if (got < 0)
		return (int)got;
	while ((ret = stream_next_reply(s, &m)) == 1)
		upcall_reply(c, &m);
	if (ret < 0)
		return ret;
	return stream_wants_reply(s) ? -EDEADLK : 0;
}

/* Callbacks that run meanwhile may complete requests, but the client stays: it is being served. */
static int wait_loop(struct client *c, const struct wait *w)
{
	const bool serving = c->serving;
	int ret = 0;

	c->serving = true;
	while (!ret && !w->over) {
		upcall_kick(c);
		ret = wait_turn(c, upcall_stream(c));
	}
	c->serving = serving;
	if (w->over)
		return w->result;
	if (ret == -ETIMEDOUT)
		c->ctx->server->late_until = loop_now_ns() + LATE_NS;
	wait_abandon(c, w);
	return ret;
}

/* A slow copy may take what others have left of the time, but time enough if it is none. What the
 * others of this thread have waited as well is work that the client has made. */
static int wait_within(struct client *c, const struct wait *w, uint64_t begin, uint64_t len)
{
	const uint64_t quick = QUICK_NS + len * BYTE_NS, outer = c->wait_until;
	struct server *server = c->ctx->server;
	uint64_t allowed = c->wait_ns, end;
	int ret;

	if (!c->waits) {
		server->slow_ns -= at_most((begin - server->slow_at) / SLOW_SHARE, server->slow_ns);
		server->slow_at = begin;
		allowed -= at_most(server->slow_ns, allowed);
		allowed = quick < c->wait_ns - allowed ? allowed + quick : c->wait_ns;
	}
	if (!c->waits || begin + allowed < outer)
		c->wait_until = begin + allowed;
	c->waits++;
	ret = wait_loop(c, w);
	c->waits--;
	c->wait_until = outer;
	end = loop_now_ns();
	if (!c->waits && end - begin > quick) {
		server->slow_ns += end - begin - quick;
		server->slow_at = end;
		if (server->slow_ns >= c->wait_ns)
			server->late_until = end + LATE_NS;
	}
	work_add(c->ctx, (end - begin) / WORK_NS);
	return ret;
}

int upcall_dma_wait(struct lm_ctx *ctx, const struct dma_request *request)
{
	struct wait w = { 0 };
	const struct transfer t = { .request = *request, .done = wait_done, .arg = &w };
	struct client *c = server_client(ctx);
	const uint64_t begin = loop_now_ns();
	bool on_main;
	int ret = 0;

	if (!c || !c->negotiated)
		return -ENOTCONN;
	on_main = upcall_stream(c) == &c->stream;
	if ((on_main && (client_waits(c) || stream_wants_reply(&c->stream))) ||
	    c->waits == WAITS_MAX)
		return -EDEADLK;
	if (begin < ctx->server->late_until)
		return -ETIMEDOUT;
	/* The running handler's message stays where it is meanwhile. */
	if (on_main && c->handling && !c->pinned.data)
		ret = stream_pin(&c->stream, &c->pinned);
	if (ret)
		return ret;
	ret = transfer_queue(c, &t);
	if (!ret)
		ret = wait_within(c, &w, begin, request->len);
	client_wake(c); /* what came or was answered meanwhile */
	return ret;
}

void upcall_settle(struct client *c)
{
	struct upcalls *up = c->upcalls;
	uint32_t events = EPOLLIN;
	bool wanted;

	if (c->twin.rx.data) {
		upcall_kick(c);
		/* A send error is reported again by the turn that is asked for, as is what the last
		 * one left. */
		if (stream_flush(&c->twin) || stream_has_message(&c->twin))
			events |= EPOLLOUT;
		if (events != c->twin_events &&
		    !loop_modify(&c->ctx->loop, &c->twin_source, events))
			c->twin_events = events;
	}
	/* Transfers that do not move while a request waits end with it. */
	wanted = up && up->queue && !c->twin.rx.data && client_waits(c);
	if (up && wanted != up->stall_armed) {
		up->stall_armed = wanted;
		lm_timer_arm(up->stall, wanted ? c->stall_ns : 0, 0);
	}
}
