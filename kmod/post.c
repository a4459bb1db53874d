// SPDX-License-Identifier: GPL-2.0-only
/*
 * post.c - what the server is notified of without an answer: clients that come and go, memory that
 * was unmapped, interrupts that were unmasked or taken away.
 *
 * Owns how much of that can be unread. A client causes it faster than a server reads that is
 * stopped for a moment, and must neither fail nor fill memory by it, nor cost the server its role:
 * a post that makes an unread one needless takes its place, at the place in the queue. All posts
 * come after the fact, so one that overtakes requests says nothing wrong. Refuses to fail.
 */
#include <linux/slab.h>

#include "chan.h"
#include "trace.h"

/*
 * More DMA_UNMAPs that are unread become one, of all between their ranges. Each is of memory that
 * the server had pinned before it stopped reading.
 */
#define POST_MAX_UNMAPS 4096U

#define POST_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOFAIL)

/* vfio-user's payload of DMA_UNMAP. */
struct post_unmap {
	__u32 argsz;
	__u32 flags;
	__u64 addr;
	__u64 size;
};

static struct chan_req *post_new(struct muser *m, u16 cmd, const void *payload, size_t len)
{
	const struct muser_request req = { .cmd = cmd, .head = payload, .head_len = len };

	return call_new(m, &req, POST_GFP);
}

/* ---- the queue ----------------------------------------------------------------------- */

/* It is unread, and refers to nothing: the list's reference is the only one. */
static void post_count(struct chan *c, struct chan_req *r)
{
	c->unmaps += r->cmd == CHAN_DMA_UNMAP;
	trace_muser_request(c->m, r, 0);
}

static void post_append(struct chan *c, struct chan_req *r)
{
	r->msg->id = ++c->nr_posted;
	list_add_tail(&r->link, r->first ? &c->first : &c->queue);
	post_count(c, r);
}

/* The number stays with the place: whoever waits for it waits for no other message. */
static void post_replace(struct chan *c, struct chan_req *r, struct chan_req *old,
			 struct list_head *done)
{
	r->msg->id = old->msg->id;
	list_replace_init(&old->link, &r->link);
	chan_finish(c->m, old, 0, done);
	post_count(c, r);
}

u32 muser_posted(struct muser *m)
{
	u32 nr;

	spin_lock(&m->lock);
	nr = m->chan->nr_posted;
	spin_unlock(&m->lock);
	return nr;
}

/* ---- one of a kind ------------------------------------------------------------------- */

static struct post_unmap *post_range(struct chan_req *r)
{
	return (struct post_unmap *)(r->msg + 1);
}

static bool post_touches(const struct post_unmap *a, const struct post_unmap *b)
{
	return a->addr <= b->addr ? b->addr - a->addr <= a->size : a->addr - b->addr <= b->size;
}

static void post_widen(struct post_unmap *a, const struct post_unmap *b)
{
	const u64 end = max(a->addr + a->size, b->addr + b->size);

	a->addr = min(a->addr, b->addr);
	a->size = end - a->addr;
}

/* The unread one that @r makes needless, or NULL. */
static struct chan_req *post_older(struct chan *c, struct chan_req *r, enum chan_post kind)
{
	struct chan_req *old = c->post[kind];

	if (!old || kind != CHAN_POST_UNMAP)
		return old;
	if (c->unmaps < POST_MAX_UNMAPS && !post_touches(post_range(old), post_range(r)))
		return NULL;
	post_widen(post_range(r), post_range(old));
	return old;
}

/* Without a server it is forgotten. */
static void post_newest(struct muser *m, struct chan_req *r, enum chan_post kind)
{
	struct chan *c = m->chan;
	struct chan_req *old;
	LIST_HEAD(done);

	spin_lock(&m->lock);
	if (!chan_is_alive(m)) {
		list_add(&r->link, &done);
	} else {
		old = post_older(c, r, kind);
		if (old)
			post_replace(c, r, old, &done);
		else
			post_append(c, r);
		c->post[kind] = r;
	}
	spin_unlock(&m->lock);
	chan_put_all(&done);
	chan_wake(c);
}

void muser_post_unmap(struct muser *m, u64 addr, u64 size)
{
	const struct post_unmap range = { .argsz = sizeof(range), .addr = addr, .size = size };

	post_newest(m, post_new(m, CHAN_DMA_UNMAP, &range, sizeof(range)), CHAN_POST_UNMAP);
}

/*
 * SET_IRQS calls of a client come one after the other. So between two posts of an index nothing
 * else of it is unread: the server would have had to read the first one before it could answer.
 */
void muser_post_irqs(struct muser *m, const struct vfio_irq_set *set, const u8 *bytes)
{
	struct vfio_irq_set head = *set;
	const struct muser_request req = {
		.cmd = CHAN_SET_IRQS,
		.head = &head,
		.head_len = sizeof(head),
		.data = bytes,
		.data_len = bytes ? set->count : 0,
	};

	head.argsz = sizeof(head) + req.data_len;
	post_newest(m, call_new(m, &req, POST_GFP), CHAN_POST_IRQS + set->index);
}

void muser_post_unmask(struct muser *m)
{
	const struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.count = 1,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
	};

	post_newest(m, post_new(m, CHAN_SET_IRQS, &set, sizeof(set)), CHAN_POST_UNMASK);
}

/* ---- clients ------------------------------------------------------------------------- */

/* Clients that came after an unread CLOSE, and left: the server need not hear of them. */
static void post_drop_since(struct chan *c, struct chan_req *r, struct list_head *done)
{
	struct chan_req *next;

	list_for_each_entry_safe_from(r, next, &c->queue, link)
		if (r->id < 0)
			chan_finish(c->m, r, 0, done);
}

static void post_client_locked(struct chan *c, struct chan_req *r, struct list_head *done)
{
	const bool is_close = r->cmd == MUSER_CLIENT_CLOSE;

	if (is_close && c->post[CHAN_POST_CLOSE])
		post_drop_since(c, c->post[CHAN_POST_CLOSE], done);
	/* Before all that is queued during the handshake: it may be of this client. */
	r->first = c->m->state == MUSER_HANDSHAKE;
	post_append(c, r);
	c->post[CHAN_POST_UNMAP] = NULL;
	if (is_close && !r->first)
		c->post[CHAN_POST_CLOSE] = r;
}

static void post_client(struct muser *m, struct chan_req *r)
{
	LIST_HEAD(done);

	spin_lock(&m->lock);
	if (chan_is_alive(m))
		post_client_locked(m->chan, r, &done);
	else
		list_add(&r->link, &done);
	spin_unlock(&m->lock);
	chan_put_all(&done);
	chan_wake(m->chan);
}

void post_client_open(struct muser *m, const struct muser_client *client)
{
	post_client(m, post_new(m, MUSER_CLIENT_OPEN, client, sizeof(*client)));
}

void post_client_close(struct muser *m)
{
	post_client(m, post_new(m, MUSER_CLIENT_CLOSE, NULL, 0));
}
