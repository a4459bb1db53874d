/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream.h - vfio-user messages on a channel: framing, descriptors, batching.
 */
#ifndef LM_STREAM_H
#define LM_STREAM_H

#include <stdint.h>

#include "base/peer_fd.h"
#include "wire/channel.h"
#include "wire/vfio_user.h"

/* The most data of one region or DMA message, announced in the handshake. */
#define STREAM_MAX_DATA (1024u * 1024u)
/* Room for such a message beside some small ones. */
#define STREAM_BIG (STREAM_MAX_DATA + 64u * 1024u)
/* What an attached client costs while nothing large is under way. */
#define STREAM_SMALL   (16u * 1024u)
#define STREAM_MAX_MSG (STREAM_MAX_DATA + 64u)
#define STREAM_FD_SETS 16u /* messages with descriptors that wait for their turn */

struct stream_buf {
	char *data;
	size_t size, head, tail; /* data[head .. tail) is in use */
};

/* Descriptors that came with the receive which ended at byte @end of the stream. */
struct stream_fd_set {
	uint64_t end;
	struct channel_fds fds;
};

struct stream {
	struct channel ch;
	struct stream_buf rx, tx;
	uint64_t rx_base; /* stream position of rx.data[0] */
	uint64_t looked;  /* stream position: no reply that waits lies before it */
	size_t holes;     /* bytes of replies that were taken out of turn */
	struct stream_fd_set arrived[STREAM_FD_SETS];
	unsigned int nr_arrived;
	bool drained;           /* the last receive has left nothing behind */
	struct channel_fds out; /* borrowed; go with the byte at tx.data[out_pos] */
	size_t out_pos;
};

struct message {
	struct vfio_user_header *hdr;
	char *payload; /* hdr->msg_size - sizeof(*hdr) bytes */
	size_t len;
	uint16_t cmd;
	struct channel_fds fds; /* the receiver's; see message_close_fds() */
};

int stream_open(struct stream *s, int fd); /* fd is the stream's on success */
int stream_open_channel(struct stream *s, const struct channel *ch); /* the same */
void stream_close(struct stream *s);

/* One receive. Bytes, 0: nothing there, -ENOTCONN, -ENOBUFS: full of unserved messages. */
ssize_t stream_fill(struct stream *s);
/* On a channel that can: send all that there is, wait for messages or until @wake_fd is readable,
 * and receive. As stream_fill(). */
ssize_t stream_exchange(struct stream *s, int wake_fd);
/* The next whole message, taken out; valid until the next stream_fill(). 1, 0: none yet,
 * -EPROTO: the peer's framing is broken, the connection cannot continue. */
int stream_next(struct stream *s, struct message *m);
/* Put back what stream_next() gave, descriptors included. */
void stream_unget(struct stream *s, struct message *m);
/* The first reply at or behind a message that waits, taken out: as stream_next(). */
int stream_next_reply(struct stream *s, struct message *m);
/* A whole command that wants a reply is waiting in the buffer. */
bool stream_wants_reply(const struct stream *s);
/* Receive elsewhere from now on: the present buffer, and messages in it, stay as they are until
 * stream_unpin(). */
int stream_pin(struct stream *s, struct stream_buf *pinned);
void stream_unpin(struct stream_buf *pinned);

static inline void message_close_fds(struct message *m)
{
	if (m->fds.nr)
		peer_fds_close(m->fds.fd, m->fds.nr);
	m->fds.nr = 0;
}

/* Contiguous room for a message to be sent, or NULL: wait until stream_flush() gives 0. */
void *stream_reserve(struct stream *s, size_t len);
/* The first @len reserved bytes are a message; @fds, if any, go along (borrowed until sent). */
void stream_commit(struct stream *s, size_t len, const struct channel_fds *fds);
/* Send what there is, without waiting: 0: all sent, 1: more to send, -errno. */
int stream_flush(struct stream *s);

static inline bool stream_pending(const struct stream *s)
{
	return s->tx.head != s->tx.tail;
}

/* stream_next() would not answer 0. */
bool stream_has_more(const struct stream *s); /* something was received */
static inline bool stream_has_message(const struct stream *s)
{
	return s->rx.head != s->rx.tail && stream_has_more(s);
}

/* Large buffers, shared by the process: rare, and not worth an allocation each. */
char *pool_get(void);
void pool_put(char *buf);

#endif /* LM_STREAM_H */
