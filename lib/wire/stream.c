/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream.c - vfio-user messages on a channel.
 *
 * Owns framing: messages may be split or joined anywhere in the stream; one receive takes header,
 * body and following messages, one send carries the replies to all of them. Buffers are small
 * until a large message comes, then one of the process's large buffers is borrowed for as long as
 * it is in use: no allocation in the steady state. Knows message sizes, no commands.
 *
 * Which message do received descriptors belong to? The kernel ends a receive after the segment
 * that carried them, so they belong to the message that contains the last byte received.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "wire/stream.h"

/* ---- the pool: one lock, a few buffers kept -------------------------------------- */

#define POOL_KEPT 4

static struct {
	pthread_mutex_t lock;
	char *free[POOL_KEPT];
	unsigned int nr;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

char *pool_get(void)
{
	char *buf = NULL;

	pthread_mutex_lock(&pool.lock);
	if (pool.nr)
		buf = pool.free[--pool.nr];
	pthread_mutex_unlock(&pool.lock);
	return buf ? buf : malloc(STREAM_BIG);
}

void pool_put(char *buf)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.nr < POOL_KEPT) {
		pool.free[pool.nr++] = buf;
		buf = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
	free(buf);
}

/* ---- buffers --------------------------------------------------------------------- */

static int buf_open(struct stream_buf *b)
{
	b->data = malloc(STREAM_SMALL);
	b->size = STREAM_SMALL;
	b->head = b->tail = 0;
	return b->data ? 0 : -ENOMEM;
}

static void buf_release(struct stream_buf *b)
{
	if (b->size == STREAM_BIG)
		pool_put(b->data);
	else
		free(b->data);
	b->data = NULL;
}

/* Empty: start anew, in a small buffer if one can be had. */
static void buf_reset(struct stream_buf *b)
{
	char *small;

	b->head = b->tail = 0;
	if (b->size == STREAM_SMALL)
		return;
	small = malloc(STREAM_SMALL);
	if (!small)
		return;
	buf_release(b);
	b->data = small;
	b->size = STREAM_SMALL;
}

/* Make @need bytes from head fit into the buffer, or into a large one. */
static int buf_fit(struct stream_buf *b, size_t need)
{
	const size_t used = b->tail - b->head;
	char *big;

	if (need <= b->size - b->head)
		return 0;
	if (need <= b->size) {
		memmove(b->data, b->data + b->head, used);
		b->head = 0;
		b->tail = used;
		return 0;
	}
	if (need > STREAM_BIG)
		return -ENOBUFS;
	big = pool_get();
	if (!big)
		return -ENOMEM;
	memcpy(big, b->data + b->head, used);
	buf_release(b);
	*b = (struct stream_buf){ .data = big, .size = STREAM_BIG, .tail = used };
	return 0;
}

int stream_open_channel(struct stream *s, const struct channel *ch)
{
	memset(s, 0, sizeof(*s));
	if (buf_open(&s->rx))
		return -ENOMEM;
	if (buf_open(&s->tx)) {
		buf_release(&s->rx);
		return -ENOMEM;
	}
	s->ch = *ch;
	return 0;
}

int stream_open(struct stream *s, int fd)
{
	struct channel ch;

	channel_socket_init(&ch, fd);
	return stream_open_channel(s, &ch);
}

void stream_close(struct stream *s)
{
	unsigned int i;

	if (!s->rx.data)
		return;
	for (i = 0; i < s->nr_arrived; i++)
		peer_fds_close(s->arrived[i].fds.fd, s->arrived[i].fds.nr);
	s->nr_arrived = 0;
	buf_release(&s->rx);
	buf_release(&s->tx);
	s->ch.ops->close(&s->ch);
}

/* ---- receiving ------------------------------------------------------------------- */

static bool size_is_valid(uint32_t msg_size)
{
	return msg_size >= sizeof(struct vfio_user_header) && msg_size <= STREAM_MAX_MSG;
}

/* The whole message at @pos. 1, 0: not all there, -EPROTO. */
static int rx_peek(const struct stream *s, size_t pos, struct message *m)
{
	const size_t have = s->rx.tail - pos;

	m->hdr = (struct vfio_user_header *)(s->rx.data + pos);
	if (have < sizeof(*m->hdr))
		return 0;
	if (!size_is_valid(m->hdr->msg_size))
		return -EPROTO;
	if (have < m->hdr->msg_size)
		return 0;
	m->payload = (char *)(m->hdr + 1);
	m->len = m->hdr->msg_size - sizeof(*m->hdr);
	return 1;
}

static bool is_reply(const struct message *m)
{
	return (m->hdr->flags & VFIO_USER_F_TYPE_MASK) == VFIO_USER_F_TYPE_REPLY;
}

/* A reply that was taken out of turn leaves a hole of this command. */
#define CMD_TAKEN 0

static bool is_hole(const struct message *m)
{
	return m->hdr->cmd == CMD_TAKEN && is_reply(m);
}

/* What stands at @from moves to @to, where holes were, and descriptors with their message. */
static void rx_move(struct stream *s, size_t from, size_t to, size_t len)
{
	const uint64_t start = s->rx_base + from;
	unsigned int i;

	memmove(s->rx.data + to, s->rx.data + from, len);
	for (i = 0; i < s->nr_arrived; i++) {
		if (s->arrived[i].end > start && s->arrived[i].end - start <= len)
			s->arrived[i].end -= from - to;
	}
}

/* Close the holes up; what waits between them keeps its order. */
static void rx_compact(struct stream *s)
{
	size_t from = s->rx.head, to = from;
	struct message m;

	while (rx_peek(s, from, &m) == 1) {
		const size_t size = m.hdr->msg_size;

		if (!is_hole(&m)) {
			rx_move(s, from, to, size);
			to += size;
		}
		from += size;
	}
	rx_move(s, from, to, s->rx.tail - from);
	s->rx.tail -= from - to;
	s->looked -= from - to;
	s->holes = 0;
}

/* Worth the time it takes, however small the pieces in which a peer sends. */
#define HOLES_MIN 4096u

/* Room for the rest of the message at head, and for more behind it. */
static int rx_make_room(struct stream *s)
{
	struct stream_buf *rx = &s->rx;
	const size_t used = rx->tail - rx->head, head = rx->head;
	struct vfio_user_header hdr;
	size_t need = used + 1;
	int ret;

	if (!used) {
		s->rx_base += rx->tail;
		buf_reset(rx);
		return 0;
	}
	if (used >= sizeof(hdr)) {
		memcpy(&hdr, rx->data + rx->head, sizeof(hdr));
		if (size_is_valid(hdr.msg_size) && hdr.msg_size > need)
			need = hdr.msg_size;
	}
	ret = buf_fit(rx, need);
	if (!rx->head)
		s->rx_base += head;
	if (ret != -ENOBUFS || s->holes < HOLES_MIN)
		return ret;
	rx_compact(s);
	return 0;
}

/* Whole messages only, and the next one is long. */
static ssize_t fill_again(struct stream *s, struct channel_fds *fds)
{
	struct stream_buf *rx = &s->rx;
	ssize_t got;
	int ret;

	do {
		const size_t head = rx->head;

		if (rx->size == STREAM_BIG && !head)
			return -ENOBUFS;
		ret = buf_fit(rx, STREAM_BIG);
		if (ret)
			return ret;
		s->rx_base += head;
		got = s->ch.ops->recv(&s->ch, rx->data + rx->tail, rx->size - rx->tail, fds);
	} while (got == -EMSGSIZE);
	return got;
}

ssize_t stream_fill(struct stream *s)
{
	struct stream_buf *rx = &s->rx;
	struct stream_fd_set *set;
	ssize_t got;
	int ret;

	if (s->nr_arrived == STREAM_FD_SETS)
		return -ENOBUFS;
	ret = rx_make_room(s);
	if (ret)
		return ret;
	set = &s->arrived[s->nr_arrived];
	got = s->ch.ops->recv(&s->ch, rx->data + rx->tail, rx->size - rx->tail, &set->fds);
	if (unlikely(got == -EMSGSIZE))
		got = fill_again(s, &set->fds);
	s->drained = got >= 0 && (size_t)got < rx->size - rx->tail;
	if (got <= 0)
		return got;
	rx->tail += (size_t)got;
	if (set->fds.nr || set->fds.error) {
		set->end = s->rx_base + rx->tail;
		s->nr_arrived++;
		s->drained = false; /* the receive ended behind them, whatever follows */
	}
	return got;
}

static void fds_append(struct channel_fds *to, const struct channel_fds *from)
{
	unsigned int i;

	to->error = to->error ?: from->error;
	for (i = 0; i < from->nr; i++) {
		if (to->nr < CHANNEL_MAX_FDS) {
			to->fd[to->nr++] = from->fd[i];
		} else {
			peer_fd_close(from->fd[i]);
			to->error = -EINVAL;
		}
	}
}

bool stream_has_more(const struct stream *s)
{
	struct message m;

	return rx_peek(s, s->rx.head, &m) != 0;
}

/* The descriptors of the message at @pos; it is the oldest one, or a reply that overtakes: sets in
 * between belong to messages that wait. */
static void rx_fds_of(struct stream *s, size_t pos, struct message *m)
{
	const uint64_t start = s->rx_base + pos, end = start + m->hdr->msg_size;
	unsigned int i, kept = 0;

	m->fds.nr = 0;
	m->fds.error = 0;
	for (i = 0; i < s->nr_arrived; i++) {
		if (s->arrived[i].end > start && s->arrived[i].end <= end)
			fds_append(&m->fds, &s->arrived[i].fds);
		else if (i != kept++)
			s->arrived[kept - 1] = s->arrived[i];
	}
	s->nr_arrived = kept;
}

int stream_next(struct stream *s, struct message *m)
{
	int ret;

	while ((ret = rx_peek(s, s->rx.head, m)) == 1) {
		rx_fds_of(s, s->rx.head, m);
		s->rx.head += m->hdr->msg_size;
		if (!is_hole(m)) {
			m->cmd = m->hdr->cmd;
			return 1;
		}
		/* One that we took, or a client's idea of one. */
		message_close_fds(m);
		s->holes -= s->holes < m->hdr->msg_size ? s->holes : m->hdr->msg_size;
	}
	return ret;
}

void stream_unget(struct stream *s, struct message *m)
{
	s->rx.head -= m->hdr->msg_size;
	if (!m->fds.nr && !m->fds.error)
		return;
	/* There is room: the set came from here and nothing was received since. */
	s->arrived[s->nr_arrived].end = s->rx_base + s->rx.head + m->hdr->msg_size;
	s->arrived[s->nr_arrived++].fds = m->fds;
	m->fds.nr = 0;
}

int stream_next_reply(struct stream *s, struct message *m)
{
	size_t pos = s->rx.head;
	int ret;

	if (s->looked > s->rx_base + pos)
		pos = (size_t)(s->looked - s->rx_base);
	while ((ret = rx_peek(s, pos, m)) == 1 && (!is_reply(m) || is_hole(m)))
		pos += m->hdr->msg_size;
	if (ret == 1) {
		rx_fds_of(s, pos, m);
		m->cmd = m->hdr->cmd;
		m->hdr->cmd = CMD_TAKEN;
		/* With nothing before it that waits it goes at once: long transfers find room. */
		if (pos == s->rx.head)
			s->rx.head += m->hdr->msg_size;
		else
			s->holes += m->hdr->msg_size;
	}
	s->looked = s->rx_base + pos;
	return ret;
}

bool stream_wants_reply(const struct stream *s)
{
	size_t pos = s->rx.head;
	struct message m;

	for (; rx_peek(s, pos, &m) == 1; pos += m.hdr->msg_size) {
		if (!(m.hdr->flags & (VFIO_USER_F_TYPE_MASK | VFIO_USER_F_NO_REPLY)))
			return true;
	}
	return false;
}

int stream_pin(struct stream *s, struct stream_buf *pinned)
{
	struct stream_buf fresh = { .size = s->rx.size, .tail = s->rx.tail - s->rx.head };

	fresh.data = fresh.size == STREAM_BIG ? pool_get() : malloc(fresh.size);
	if (!fresh.data)
		return -ENOMEM;
	memcpy(fresh.data, s->rx.data + s->rx.head, fresh.tail);
	s->rx_base += s->rx.head;
	*pinned = s->rx;
	s->rx = fresh;
	return 0;
}

void stream_unpin(struct stream_buf *pinned)
{
	if (pinned->data)
		buf_release(pinned);
}

/* ---- sending --------------------------------------------------------------------- */

int stream_flush(struct stream *s)
{
	while (stream_pending(s)) {
		/* Descriptors go with the first byte of their message. */
		const bool before = s->out.nr && s->out_pos > s->tx.head;
		const struct channel_fds *fds = s->out.nr && !before ? &s->out : NULL;
		const size_t len = (before ? s->out_pos : s->tx.tail) - s->tx.head;
		const ssize_t sent = s->ch.ops->send(&s->ch, s->tx.data + s->tx.head, len, fds);

		if (sent <= 0)
			return sent ? (int)sent : 1;
		s->tx.head += (size_t)sent;
		if (fds)
			s->out.nr = 0;
	}
	buf_reset(&s->tx);
	return 0;
}

void *stream_reserve(struct stream *s, size_t len)
{
	struct stream_buf *tx = &s->tx;

	/* One set of descriptors at a time, and what fits only after a flush. */
	if (unlikely(s->out.nr || len > tx->size - tx->tail)) {
		if (stream_flush(s) && s->out.nr)
			return NULL;
		if (buf_fit(tx, tx->tail - tx->head + len))
			return NULL;
	}
	return tx->data + tx->tail;
}

ssize_t stream_exchange(struct stream *s, int wake_fd)
{
	struct stream_buf *rx = &s->rx, *tx = &s->tx;
	struct channel_exchange x = { .wake_fd = wake_fd };
	ssize_t got;

	got = rx_make_room(s);
	if (got)
		return got;
	x.out = tx->data + tx->head;
	x.out_len = tx->tail - tx->head;
	x.in = rx->data + rx->tail;
	x.in_size = rx->size - rx->tail;
	got = s->ch.ops->exchange(&s->ch, &x);
	if (got >= 0 || got == -EMSGSIZE)
		buf_reset(tx);
	if (got > 0)
		rx->tail += (size_t)got;
	return got == -EMSGSIZE ? stream_fill(s) : got;
}

void stream_commit(struct stream *s, size_t len, const struct channel_fds *fds)
{
	if (fds && fds->nr) {
		s->out = *fds;
		s->out_pos = s->tx.tail;
	}
	s->tx.tail += len;
}
