/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.h - one connection to a server, shared by the client*.c files.
 */
#ifndef LM_CLIENT_H
#define LM_CLIENT_H

#include "base/base.h"
#include "muser-client.h"
#include "wire/stream.h"

#define CLIENT_TIMEOUT_MS 5000u
#define CLIENT_DEPTH      256u
#define CLIENT_DEPTH_MAX  4096u

/* A command of which we wait for the reply, on the caller's stack. */
struct call {
	uint16_t cmd;
	const void *req; /* start of the payload ... */
	size_t req_len;
	const void *data; /* ... and the rest */
	size_t data_len;
	const struct channel_fds *send_fds;
	void *reply; /* start of the reply's payload, of exactly this length ... */
	size_t reply_len;
	void *more; /* ... and the rest, of which there may be less or none */
	size_t more_room;
	size_t more_len;         /* out: may be larger than more_room; then it was cut */
	struct channel_fds *fds; /* out; NULL: none are expected, they are closed */
	uint64_t deadline;       /* of all messages of a call of the program; 0: it is the one */
	int result;              /* -EINPROGRESS until it is over */
};

enum slot_state {
	SLOT_FREE,
	SLOT_OP, /* the caller's lm_client_op_t */
	SLOT_CALL,
	SLOT_ABANDONED, /* nobody waits any more, but the reply will come */
};

/* A message id in use; slots[id & mask]. */
struct slot {
	enum slot_state state;
	uint16_t msg_id;
	uint16_t cmd;
	union {
		lm_client_op_t *op;
		struct call *call;
	};
};

/* One of the two sockets. */
struct lane {
	struct stream s;  /* s.rx.data NULL: there is none */
	bool stalled;     /* a command of the server waits for room to be answered */
	uint32_t watched; /* what epfd watches of it */
};

struct lm_client {
	struct lane main, twin;
	lm_client_info_t info;
	uint32_t timeout_ms;
	uint32_t flags;       /* LM_CLIENT_* */
	uint32_t max_data_in; /* of one DMA message, as we proposed */
	lm_client_dma_t *dma;
	void *pvt;
	int error;        /* what ended the connection */
	bool in_done;     /* a lm_client_op_t.done is running */
	bool in_dma;      /* the lm_client_dma_t is running */
	int epfd;         /* -1: nobody asked for it */
	uint32_t mask;    /* number of slots, minus one */
	uint32_t nr_busy; /* slots that are not free */
	uint32_t pending; /* lm_client_op_t that are not over */
	uint16_t next_id;
	struct slot *slots;
};

/* client.c */
uint64_t client_deadline(const struct lm_client *c); /* of a call that begins now */
/* 0, -EDEADLK from a callback, or what ended the connection. */
int client_may_wait(struct lm_client *c);
/* The payload of a new message, or NULL: no room, or no id, now. @slot: gets the place of whoever
 * waits for the reply; NULL: no reply is wanted. */
char *client_begin(struct lm_client *c, uint16_t cmd, size_t len, struct slot **slot);
void client_commit(struct lm_client *c, char *payload, const struct channel_fds *fds);
/* Send; wait if nothing is there; receive once; serve. 0, -ETIMEDOUT, or the end. */
int client_turn(struct lm_client *c, uint64_t deadline);
/* Send all that is queued, and wait until at most @left queued requests are not over. */
int client_drain(struct lm_client *c, uint32_t left, uint64_t deadline);
/* What a turn is made of; none of them waits. */
int client_send(struct lm_client *c);
int client_unstall(struct lm_client *c);       /* messages served, or -errno */
int client_receive(struct lm_client *c);       /* the same */
uint32_t lane_events(const struct lane *lane); /* for poll(2) and epoll(7) */
void client_op_end(struct lm_client *c, lm_client_op_t *op, int result);
/* Send the command, wait for its reply: the result. */
int client_call(struct lm_client *c, struct call *call);
/* The connection is over: all requests end with @error, which is returned. */
int client_fail(struct lm_client *c, int error);

/* client_loop.c: what epfd watches follows what is to be sent */
void client_watch(struct lm_client *c);

/* client_region.c: is it the reply to @op? If so, take the bytes. 0 or -EPROTO */
int client_op_reply(const lm_client_op_t *op, const struct message *m);

/* client_upcall.c: 0; -EAGAIN: no room to answer, call again later; -EPROTO */
int client_upcall(struct lm_client *c, struct lane *lane, struct message *m);

#endif /* LM_CLIENT_H */
