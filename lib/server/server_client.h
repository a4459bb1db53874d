/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_client.h - a connection, shared by the files of server/.
 */
#ifndef LM_SERVER_CLIENT_H
#define LM_SERVER_CLIENT_H

#include "base/sockpath.h"
#include "dma/dma.h"
#include "region/region.h"
#include "server/server.h"
#include "wire/stream.h"

/* What the request that waits for the device asked for. */
enum waiting {
	WAIT_NONE,
	WAIT_ACCESS,
	WAIT_RESET,
	WAIT_DMA_UNMAP,
	WAIT_ROOM, /* the device has answered; the client does not take it */
	WAIT_TURN, /* the rest of a WRITE_MULTI or DMA_UNMAP has to wait for a turn */
};

#define SERVE_BLOCKED 1 /* no room to answer */
#define SERVE_LATER   2 /* in another turn */
#define PENDING_MAX   8

/* A client that has disconnected, while its windows are unmapped: until then no other comes. */
struct leaver {
	bool is_there;
	bool notified; /* the device knew of it */
	pid_t pid;
	struct lm_timer *timer; /* made with the first that takes more than a turn */
};

struct client;
struct command; /* protocol.h */

/* What connections call, and do not know: server_turn.c's. */
struct client_turns {
	void (*ready)(struct source *src, uint32_t events);
	void (*serve)(struct client *c); /* a turn; may free @c */
	void (*wake)(struct client *c);  /* outside a turn: send; what else is due has its turn */
};

/* The end of the stream too: its edge may be one with that of the last bytes. */
#define CLIENT_IN (EPOLLIN | EPOLLRDHUP)

/* What is different for a client on a socket (server_socket.c), and for muser.ko (server_mdev.c),
 * which is there from beginning to end and speaks for clients that come and go behind it. */
struct transport {
	uint32_t in;       /* what epoll is to tell of messages ... */
	uint32_t edge;     /* ... and how: a node signals an edge per arrival, not of what is
				* left: level triggering */
	uint32_t max_fds;  /* in one message, if it does not say more */
	uint32_t replayed; /* the flag of a request that was unanswered when a server went */
	bool has_eventfds; /* the client's: bytes of SET_IRQS say which vectors have one */
	bool attaches;     /* the connection is a client's; else it says when one comes */
	bool is_parallel;  /* its requests are independent of each other */
	int (*end)(struct client *c);               /* it has hung up: -errno, why */
	void (*leave)(struct client *c, int error); /* the client's connection has ended */
	int (*unmap)(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all);
	const struct command *(*command)(uint16_t cmd); /* of its own, or NULL; NULL: it has none */
};

extern const struct transport socket_transport, mdev_transport;
extern const struct dma_peer mdev_peer;

struct server {
	struct lm_ctx *ctx;
	const struct client_turns *turns;
	struct channel channel;   /* the one that there is; ops NULL: each client brings its own */
	struct source listener;   /* fd -1: none */
	char *path;               /* where clients connect; NULL: there is no such place */
	struct sockfile own_file; /* bound by us outside the instance directory */
	struct client *client;    /* that has said its version (LM_DEV_CONN_FD, node: or not) */
	struct client *pending[PENDING_MAX]; /* these have not ... */
	unsigned int nr_pending;
	struct leaver leaver;
	struct client *next;  /* the one of them that was the first to say its version */
	uint64_t patience_ns; /* ... and keep their places for so long, if others want them */
	uint64_t silence_ns;  /* or for so long, if they say nothing and others have fewer */
	uint64_t late_until;  /* one was waited for in vain: until then nobody is */
	uint64_t slow_ns;     /* copies that were waited for, but slow, took so long ... */
	uint64_t slow_at;     /* ... as of then: it is forgotten with time */
};

#define HELD_SMALL     64
#define REPLY_SMALL    128  /* room for any reply that carries no data */
#define REPLY_MAX_INFO 4096 /* room for a reply with a capability chain or JSON */

struct upcalls; /* upcall.c */

struct client {
	struct lm_ctx *ctx;
	const struct transport *transport;
	struct stream stream;
	struct source source;
	struct stream twin; /* twin.rx.data NULL: no twin socket */
	struct source twin_source;
	int twin_fd;   /* the client's end until it is sent, else -1 */
	bool notified; /* the device knows of it */
	bool negotiated;
	bool corked;              /* replies wait for the next exchange */
	bool serving;             /* a turn of the client is on the stack */
	bool replies_due;         /* it was over, and replies may be left that overtake */
	bool blocked;             /* the last turn ended for want of room to answer */
	bool armed;               /* epoll will tell what there is to be served */
	bool reply_pending;       /* a handler is running whose reply is being written */
	bool handling;            /* a handler is running that looks at its message ... */
	struct stream_buf pinned; /* ... which is here, if it had to wait for DMA */
	uint16_t major, minor;
	uint32_t max_fds;      /* the client takes so many in one message */
	uint32_t max_data;     /* and so many bytes */
	uint32_t events;       /* what epoll watches for ... */
	uint32_t twin_events;  /* ... on the twin socket */
	uint64_t connected_ns; /* when; of those that are pending */
	pid_t pid;
	uid_t uid;
	uint64_t requests;
	uint16_t posted;         /* the id of the last one that wanted no reply; wraps */
	struct upcalls *upcalls; /* NULL: there were none */
	uint64_t wait_ns;        /* our patience: lm_dma_read() waits so long ... */
	uint64_t stall_ns;       /* ... and transfers may stand still while a request waits */
	uint64_t wait_until;     /* of the lm_dma_read() that waits now ... */
	unsigned int waits;      /* ... inside so many others, and itself */

	enum waiting waiting;
	struct vfio_user_header request; /* of the request that waits ... */
	char payload[32];                /* ... and the start of its payload, for the reply */
	ssize_t result;
	struct access access;
	struct deferral reset;
	uint32_t multi_pos, multi_nr; /* WRITE_MULTI: the write in progress */
	char *held;                   /* bytes of the access that waits: small, or from the pool */
	char held_small[HELD_SMALL];
};

/* A reply under construction. The payload has the room that the command's table line says. */
struct reply {
	char *payload;
	size_t len;
	struct channel_fds fds; /* borrowed */
};

/* What is left has to wait for the next turn, so that others have one. */
static inline bool client_turn_is_over(const struct client *c)
{
	return c->ctx->work >= c->ctx->turn_end;
}

/* One more turn without epoll: have there been enough of them? */
static inline bool look_is_due(struct lm_ctx *ctx)
{
	if (likely(ctx->work - ctx->looked < TURN_MAX))
		return false;
	ctx->looked = ctx->work;
	return true;
}

static inline struct client *server_client(const struct lm_ctx *ctx) /* or NULL */
{
	return ctx->server ? ctx->server->client : NULL;
}

static inline uint32_t trap_events(const struct lm_ctx *ctx)
{
	return ctx->nr_traps ? EPOLLPRI : 0;
}

/* When it listens, and neither waits nor sends. */
static inline uint32_t client_events(const struct client *c)
{
	return c->transport->in | trap_events(c->ctx);
}

static inline void client_wake(struct client *c)
{
	c->ctx->server->turns->wake(c);
}

/* server_attach.c */
void server_notify(struct lm_ctx *ctx, pid_t pid, bool attached); /* the device, who listens */
void client_notify(struct client *c, bool attached);              /* the same, if it is new */
void client_leave(struct client *c);                              /* what it lent us goes */

/* server_socket.c: all that its last client lent goes now */
void server_leave_now(struct server *server);

/* server_client.c: the channel, or descriptor, is consumed in any case */
int client_new(struct server *server, const struct transport *transport, struct channel *ch,
	       struct client **client);
int client_new_fd(struct server *server, int fd, struct client **client);
/* Its connection has ended, for this reason; @c is freed. */
void client_lost(struct client *c, int error);
void pending_remove(struct client *c); /* out of server->pending */
int client_hold(struct client *c, const void *data, size_t len);
void client_unhold(struct client *c);

/* server_turn.c */
extern const struct client_turns client_turns;
void client_listen(struct client *c);       /* what epoll is to tell next */
bool client_is_due(const struct client *c); /* messages wait to be served */
ssize_t server_receive(struct client *c);   /* as stream_fill() */
void client_serve(struct client *c);        /* a turn of the loop; may free @c */
/* Look at the client's socket without epoll: 1: served, 0: nothing there, -EAGAIN: ask epoll. */
int server_busy_poll(struct lm_ctx *ctx);

/* server_exchange.c: a turn of the loop in one system call, where the channel can */
int server_exchange(struct lm_ctx *ctx);
void server_listen_again(struct lm_ctx *ctx); /* what there is to be noticed has changed */

/* pending.c */
void pending_init(struct server *server);
void pending_accept(struct server *server); /* somebody connects */
/* It has sent its VERSION. 0: that may be looked at, SERVE_LATER, or -errno. */
int pending_may_come(struct client *c);
/* And it is a good one: it is the client, and the only connection. */
void pending_admit(struct client *c);
void pending_close(struct server *server); /* all of them */

/* protocol.c: 0, SERVE_BLOCKED or SERVE_LATER (message put back), or -errno: the client must go */
int protocol_handle(struct client *c, struct message *m);
/* In a turn: with the message whose rest waits for one. */
void protocol_go_on(struct client *c);
/* The device has answered the request that waits. */
void protocol_answer(struct client *c, ssize_t result);
/* The DMA_UNMAP that waits may be answered, or, with LM_DEFER, go on. */
void protocol_unmapped(struct lm_ctx *ctx, ssize_t result);
bool protocol_answer_send(struct client *c); /* false: still no room */

/* server_mdev.c: a device behind /dev/muser */
int mdev_traps(struct client *c); /* trapped pages may have been written: 0 or -errno */
int mdev_before(struct client *c, uint32_t flags); /* each message, if there are traps: the same */
void mdev_traps_notify(struct client *c); /* if it is time: after each message, when some are due */

/* threads_job.c, for those who lead: the message is taken along, and nobody else's any more */
bool threads_take(struct client *c, const struct message *m);
bool threads_have_taken(const struct threads *t);
/* This turn of the loop has taken one. */
static inline bool threads_have_job(const struct lm_ctx *ctx)
{
	return unlikely(ctx->threads) && threads_have_taken(ctx->threads);
}

/* handshake.c */
int handshake(struct client *c, struct message *m, struct reply *r);

/* upcall.c: commands to the client (DMA by message). Messages are queued for it, each within its
 * max_data_xfer_size. See struct dma_peer; waiting gives -EDEADLK if the client waits for us. */
int upcall_dma(struct lm_ctx *ctx, const struct dma_request *request, lm_dma_done_t *done,
	       void *arg);
int upcall_dma_wait(struct lm_ctx *ctx, const struct dma_request *request);
void upcall_cancel(struct lm_ctx *ctx, int error);
void upcall_new(struct client *c);
void upcall_free(struct client *c);
void upcall_reply(struct client *c, struct message *m);
bool upcall_is_outstanding(const struct client *c);
void upcall_kick(struct client *c);   /* there may be room to send more */
void upcall_settle(struct client *c); /* after a turn: send, see that all moves */
void upcall_fail_all(struct client *c, int error);

/* upcall_twin.c */
int upcall_twin_open(struct client *c, int fd); /* fd is consumed in any case */
void upcall_twin_free(struct client *c);

#endif /* LM_SERVER_CLIENT_H */
