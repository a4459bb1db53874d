/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chan.h - requests on their way: what chan.c, call.c, post.c, timeout.c, handshake.c and
 * server.c share.
 *
 * A request with an answer goes queue -> sent -> done. It is in exactly one list, under
 * muser.lock, until it is done; its id is taken for as long. One whose caller has left stays in
 * "sent", so that a late answer finds no other request under its id.
 */
#ifndef MUSER_CHAN_H
#define MUSER_CHAN_H

#include <linux/fs.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "muser.h"

/* vfio-user on the wire. */
struct chan_header {
	__u16 id;
	__u16 cmd;
	__u32 size; /* header included */
	__u32 flags;
	__u32 error;
};

#define CHAN_F_TYPE     0xfU
#define CHAN_F_REPLY    0x1U
#define CHAN_F_NO_REPLY BIT(4)
#define CHAN_F_ERROR    BIT(5)

enum chan_cmd {
	CHAN_VERSION = 1,
	CHAN_DMA_UNMAP = 3,
	CHAN_GET_INFO = 4,
	CHAN_REGION_INFO = 5,
	CHAN_IRQ_INFO = 7,
	CHAN_SET_IRQS = 8,
	CHAN_REGION_READ = 9,
	CHAN_REGION_WRITE = 10,
	CHAN_RESET = 13,
};

/* REGION_READ and REGION_WRITE: before the data, and in the answer. */
struct chan_access {
	__u64 offset;
	__u32 region;
	__u32 count;
};

/* Messages without a reply of which one is enough; see post.c. */
enum chan_post {
	CHAN_POST_CLOSE,
	CHAN_POST_UNMAP,
	CHAN_POST_UNMASK,
	CHAN_POST_IRQS, /* one for each index */
	CHAN_NR_POSTS = CHAN_POST_IRQS + MUSER_MAX_IRQS,
};

/*
 * Requests have ids below CHAN_MAX_IDS. The first ones stand in a table: as long as there are few
 * at a time, no id takes memory, or a walk through a tree.
 */
#define CHAN_FEW_IDS 64U
#define CHAN_MAX_IDS 65536

/* Message and room of most requests: accesses of registers. */
#define CHAN_SMALL 64U

enum chan_req_state { CHAN_QUEUED, CHAN_SENT, CHAN_DONE };

struct chan_req {
	struct list_head link;
	struct kref ref; /* the caller's, the list's, one for a copy under way */
	struct chan *chan;
	struct rcuwait wait; /* its caller */
	enum chan_req_state state;
	int id;         /* -1: no reply is wanted */
	bool first;     /* see struct muser_request */
	bool claimed;   /* an answer is being copied in */
	bool abandoned; /* nobody waits any more */
	bool limited;   /* it is late when jiffies reach "due" */
	bool late;      /* they did */
	unsigned long due;
	int result;
	u16 cmd;
	size_t len;  /* of the message, header included */
	size_t room; /* for the reply's payload, behind the message */
	size_t reply_len;
	struct chan_header *msg;             /* small, or memory of its own */
	u64 small[CHAN_SMALL / sizeof(u64)]; /* last: the rest begins as zeros */
};

struct chan {
	struct muser *m;
	struct list_head first; /* to be read before all others, in MUSER_HANDSHAKE too */
	struct list_head queue; /* to be read when the handshake is over */
	struct list_head sent;  /* read, not answered; in the order of reading */
	struct chan_req *few[CHAN_FEW_IDS]; /* by id */
	DECLARE_BITMAP(few_used, CHAN_FEW_IDS);
	unsigned int last_id; /* in there; the next is another one, if there is one */
	struct idr ids;       /* from CHAN_FEW_IDS on */
	struct chan_req *post[CHAN_NR_POSTS]; /* the last of each kind, while it is unread */
	unsigned int unmaps;                  /* DMA_UNMAPs in the lists */
	u16 nr_posted;                 /* messages without a reply so far; the id of the last */
	unsigned int outstanding;      /* requests that somebody waits for */
	int broken;                    /* 0, or -errno of this server's reads: it is refused */
	wait_queue_head_t server_wait; /* read(2) and MUSER_EXCHANGE: a message wakes one */
	wait_queue_head_t poll_wait;   /* poll(2), and whoever else has the file: all of them */
	unsigned long answered;        /* jiffies of the last answer */
	wait_queue_head_t ready_wait;  /* for MUSER_READY */
	struct chan_req *spare;        /* memory for the next request, or NULL */
	u64 client_gen;                /* counts the clients */
	u64 told_gen;                  /* the client that servers know of; 0: none */
	struct work_struct handshake;
	struct delayed_work look; /* for requests that are late; timeout.c */
	unsigned long look_at;    /* jiffies */
	bool looks;               /* by then at the latest */
};

/* Room for the reply's payload. */
static inline void *chan_reply(const struct chan_req *r)
{
	return (u8 *)r->msg + r->len;
}

/* What is accessed; NULL: not an access, or an abandoned one, whose message is freed. */
static inline const struct chan_access *chan_accessed(const struct chan_req *r)
{
	const struct chan_access *access = (const void *)(r->msg + 1);

	if ((r->cmd != CHAN_REGION_READ && r->cmd != CHAN_REGION_WRITE) ||
	    r->len < sizeof(*r->msg) + sizeof(*access))
		return NULL;
	return access;
}

/* Is there a server that reads, or will when it goes on? */
static inline bool chan_is_alive(const struct muser *m)
{
	return m->state >= MUSER_HANDSHAKE && m->state <= MUSER_HUNG;
}

/* And one that answers, as far as is known? */
static inline bool chan_is_well(const struct muser *m)
{
	return m->state == MUSER_READY || m->state == MUSER_HANDSHAKE;
}

/*
 * Is it the server who calls with @file? Before MUSER_START that is whoever has it, then all that
 * share the table of descriptors of who called that. chan.c asks under the lock.
 */
static inline bool chan_is_server(const struct file *file)
{
	const struct muser *m = file->private_data;
	const fl_owner_t table = READ_ONCE(m->server_table);

	return READ_ONCE(m->server) == file && (!table || table == current->files);
}

/* chan.c; lists under "done" have left the channel and wait for chan_put_all(), without lock */
int chan_new(struct muser *m);
void chan_free(struct muser *m);
int chan_id_new(struct chan *c, struct chan_req *r);
void chan_put(struct chan_req *r);
void chan_put_all(struct list_head *done);
void chan_finish(struct muser *m, struct chan_req *r, int result, struct list_head *done);
bool chan_waits(const struct muser *m);
void chan_hang(struct muser *m);
void chan_server_gone(struct muser *m, enum muser_state state);
void chan_give_up(struct muser *m, int why);
void chan_set_policy(struct muser *m, enum muser_policy policy);
void chan_fail_replayed(struct muser *m);
void chan_wake(struct chan *c); /* there is a message */
void chan_wake_all(struct chan *c);
bool chan_is_readable(struct muser *m);
bool chan_has_news(const struct file *file);
ssize_t chan_read(const struct file *file, char __user *buf, size_t size);
int chan_write(const struct file *file, const char __user *buf, size_t len, size_t *done);

/* call.c */
struct chan_req *call_new(struct muser *m, const struct muser_request *req, gfp_t gfp);
void call_probe(struct muser *m);
int chan_wait_ready(struct muser *m);

/* post.c; clients are announced under state_lock */
void post_client_open(struct muser *m, const struct muser_client *client);
void post_client_close(struct muser *m);

/* timeout.c */
int timeout_setup(void);
void timeout_cleanup(void);
void timeout_init(struct chan *c);
void timeout_exit(struct chan *c);
void timeout_begin(struct muser *m, struct chan_req *r);

/* handshake.c */
int handshake_setup(void);
void handshake_cleanup(void);
void handshake_init(struct muser *m);
void handshake_queue(struct muser *m);
__printf(2, 3) void handshake_log(struct muser *m, const char *fmt, ...);
void handshake_client_opened(struct muser *m);
void handshake_client_closed(struct muser *m);

/* desc.c */
int desc_read(struct muser *m, struct muser_desc **out);
bool desc_is_same(const struct muser_desc *a, const struct muser_desc *b);
void desc_free(struct muser_desc *desc);

#endif /* MUSER_CHAN_H */
