// SPDX-License-Identifier: GPL-2.0-only
/*
 * chan.c - requests between the client's threads and the server's.
 *
 * Owns the lists: what waits to be read, what has been read, and what becomes of both when the
 * server goes. Refuses answers that are not well-formed, and those to questions that the server
 * has not read; an answer that nobody waits for is taken and forgotten.
 *
 * User memory is copied without a lock, into and out of memory of the request: whoever copies
 * holds a reference, so that caller, server and device may go meanwhile.
 */
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chan.h"
#include "trace.h"
#include "usercopy.h"

/* ---- life ---------------------------------------------------------------------------- */

int chan_new(struct muser *m)
{
	struct chan *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return -ENOMEM;
	idr_init(&c->ids);
	INIT_LIST_HEAD(&c->first);
	INIT_LIST_HEAD(&c->queue);
	INIT_LIST_HEAD(&c->sent);
	init_waitqueue_head(&c->server_wait);
	init_waitqueue_head(&c->poll_wait);
	init_waitqueue_head(&c->ready_wait);
	c->m = m;
	m->chan = c;
	return 0;
}

/* Nobody refers to the instance any more: the lists are empty. */
void chan_free(struct muser *m)
{
	if (!m->chan)
		return;
	WARN_ON(!bitmap_empty(m->chan->few_used, CHAN_FEW_IDS) || !idr_is_empty(&m->chan->ids));
	idr_destroy(&m->chan->ids);
	kfree(m->chan->spare);
	kfree(m->chan);
}

/* Under the lock. -EBUSY: all are taken; -ENOMEM: not without idr_preload(). */
int chan_id_new(struct chan *c, struct chan_req *r)
{
	unsigned int id = find_next_zero_bit(c->few_used, CHAN_FEW_IDS, c->last_id + 1);
	int ret;

	if (id >= CHAN_FEW_IDS)
		id = find_first_zero_bit(c->few_used, CHAN_FEW_IDS);
	if (id < CHAN_FEW_IDS) {
		__set_bit(id, c->few_used);
		c->few[id] = r;
		c->last_id = id;
		r->id = id;
		return 0;
	}
	ret = idr_alloc(&c->ids, r, CHAN_FEW_IDS, CHAN_MAX_IDS, GFP_NOWAIT | __GFP_NOWARN);
	if (ret < 0)
		return ret == -ENOSPC ? -EBUSY : ret;
	r->id = ret;
	return 0;
}

static struct chan_req *chan_id_find(struct chan *c, u16 id)
{
	if (id < CHAN_FEW_IDS)
		return c->few[array_index_nospec(id, CHAN_FEW_IDS)];
	return idr_find(&c->ids, id);
}

static void chan_id_free(struct chan *c, unsigned int id)
{
	if (id < CHAN_FEW_IDS) {
		__clear_bit(id, c->few_used);
		c->few[id] = NULL;
	} else {
		idr_remove(&c->ids, id);
	}
}

static void chan_req_free(struct kref *ref)
{
	struct chan_req *r = container_of(ref, struct chan_req, ref);

	if ((void *)r->msg != r->small)
		kvfree(r->msg);
	/* KASAN is to see who still uses it. */
	kfree(IS_ENABLED(CONFIG_KASAN) ? r : xchg(&r->chan->spare, r));
}

/* May sleep: large requests are in vmalloc memory. */
void chan_put(struct chan_req *r)
{
	kref_put(&r->ref, chan_req_free);
}

void chan_put_all(struct list_head *done)
{
	struct chan_req *r, *next;

	list_for_each_entry_safe(r, next, done, link) {
		list_del_init(&r->link);
		chan_put(r);
	}
}

/* A message without a reply (post.c) has left the queue. */
static void chan_post_forget(struct chan *c, const struct chan_req *r)
{
	unsigned int i;

	lockdep_assert_held(&c->m->lock);
	c->unmaps -= r->cmd == CHAN_DMA_UNMAP;
	for (i = 0; i < CHAN_NR_POSTS; i++)
		if (c->post[i] == r)
			c->post[i] = NULL;
}

/*
 * The caller may go on, and free its reference, as soon as it sees CHAN_DONE; the list's is ours
 * now.
 */
static void chan_end(struct muser *m, struct chan_req *r, int result)
{
	struct chan *c = m->chan;

	lockdep_assert_held(&m->lock);
	if (r->id >= 0)
		chan_id_free(c, r->id);
	else
		chan_post_forget(c, r);
	if (r->id >= 0 && !r->abandoned)
		c->outstanding--;
	list_del_init(&r->link);
	r->result = result;
	trace_muser_reply(m, r, result);
	/* After the result: pairs with call_is_done(). */
	smp_store_release(&r->state, CHAN_DONE);
	rcuwait_wake_up(&r->wait);
}

void chan_finish(struct muser *m, struct chan_req *r, int result, struct list_head *done)
{
	chan_end(m, r, result);
	list_add_tail(&r->link, done);
}

/* ---- without a server ---------------------------------------------------------------- */

/*
 * May requests wait for a server, rather than fail? Not for one that cannot carry on where the
 * last one was.
 */
bool chan_waits(const struct muser *m)
{
	return m->policy == MUSER_WAIT && (!m->desc || m->restartable);
}

/* What becomes of a request whose server has left. */
static void chan_orphan(struct muser *m, struct chan_req *r, struct list_head *done)
{
	if (m->state == MUSER_REMOVED) {
		chan_finish(m, r, -ENODEV, done);
	} else if (r->id < 0 || r->abandoned || r->first) {
		chan_finish(m, r, -ENOTCONN, done);
	} else if (!chan_waits(m)) {
		chan_finish(m, r, -EIO, done);
	} else if (r->state == CHAN_SENT) {
		r->msg->flags |= MUSER_F_REPLAYED;
		r->state = CHAN_QUEUED;
		list_move(&r->link, &m->chan->queue);
	}
}

/* What was sent comes to the head of the queue, in order; an answer under way still counts. */
static void chan_orphan_all(struct muser *m, struct list_head *done)
{
	struct chan *c = m->chan;
	struct chan_req *r, *next;

	lockdep_assert_held(&m->lock);
	list_for_each_entry_safe(r, next, &c->first, link)
		chan_orphan(m, r, done);
	list_for_each_entry_safe(r, next, &c->queue, link)
		chan_orphan(m, r, done);
	list_for_each_entry_safe_reverse(r, next, &c->sent, link)
		if (!r->claimed)
			chan_orphan(m, r, done);
}

static void chan_set_state(struct muser *m, enum muser_state state, int why)
{
	const bool is_news = m->state == MUSER_HUNG || state == MUSER_HUNG;

	lockdep_assert_held(&m->lock);
	m->state = state;
	trace_muser_state(m, state, why);
	if (is_news)
		schedule_work(&m->state_event);
}

/* A request is late, and nothing else was answered either: those to come need not wait as well. */
void chan_hang(struct muser *m)
{
	chan_set_state(m, MUSER_HUNG, -ETIMEDOUT);
}

static void chan_leave(struct muser *m, enum muser_state state, int broken)
{
	LIST_HEAD(done);

	m->chan->broken = broken;
	chan_set_state(m, state, broken);
	chan_orphan_all(m, &done);
	spin_unlock(&m->lock);
	chan_put_all(&done);
	chan_wake_all(m->chan);
	wake_up_all(&m->chan->ready_wait);
	spin_lock(&m->lock);
}

/* There is nobody to serve requests from now on: another state than those that are alive. */
void chan_server_gone(struct muser *m, enum muser_state state)
{
	spin_lock(&m->lock);
	if (m->state != MUSER_REMOVED)
		chan_leave(m, state, 0);
	spin_unlock(&m->lock);
}

/* The server breaks the rules: it gets no more messages, and @why as the error of its read. */
void chan_give_up(struct muser *m, int why)
{
	spin_lock(&m->lock);
	if (chan_is_alive(m))
		chan_leave(m, MUSER_OPENED, why);
	spin_unlock(&m->lock);
}

/* Those who wait may have to fail. */
void chan_set_policy(struct muser *m, enum muser_policy policy)
{
	struct chan_req *r, *next;
	LIST_HEAD(done);

	spin_lock(&m->lock);
	WRITE_ONCE(m->policy, policy);
	if (!chan_is_well(m))
		list_for_each_entry_safe(r, next, &m->chan->queue, link)
			chan_orphan(m, r, &done);
	spin_unlock(&m->lock);
	chan_put_all(&done);
	wake_up_all(&m->chan->ready_wait);
}

/* A server that cannot carry on gets no requests of another one. */
void chan_fail_replayed(struct muser *m)
{
	struct chan_req *r, *next;
	LIST_HEAD(done);

	spin_lock(&m->lock);
	list_for_each_entry_safe(r, next, &m->chan->queue, link)
		if (r->msg->flags & MUSER_F_REPLAYED)
			chan_finish(m, r, -EIO, &done);
	spin_unlock(&m->lock);
	chan_put_all(&done);
}

/* ---- to the server ------------------------------------------------------------------- */

static struct chan_req *chan_next(const struct muser *m)
{
	struct chan *c = m->chan;

	lockdep_assert_held(&m->lock);
	if (chan_is_alive(m) && !list_empty(&c->first))
		return list_first_entry(&c->first, struct chan_req, link);
	if (chan_is_alive(m) && m->state != MUSER_HANDSHAKE)
		return list_first_entry_or_null(&c->queue, struct chan_req, link);
	return NULL;
}

/* Is there something to read for the server? */
bool chan_is_readable(struct muser *m)
{
	bool readable;

	spin_lock(&m->lock);
	readable = chan_next(m) || m->chan->broken || m->state == MUSER_REMOVED;
	spin_unlock(&m->lock);
	return readable;
}

/* Would read(2) return at once? */
bool chan_has_news(const struct file *file)
{
	return chan_is_readable(file->private_data) || !chan_is_server(file);
}

/* Who polls may want to be the only one that is woken (EPOLLEXCLUSIVE): not instead of a reader. */
void chan_wake(struct chan *c)
{
	wake_up_interruptible(&c->server_wait);
	if (wq_has_sleeper(&c->poll_wait))
		wake_up_interruptible_poll(&c->poll_wait, EPOLLIN);
}

void chan_wake_all(struct chan *c)
{
	wake_up_all(&c->server_wait);
	wake_up_all(&c->poll_wait);
}

void muser_wake(struct muser *m)
{
	wake_up_interruptible_poll(&m->chan->poll_wait, EPOLLPRI);
}

/* The next message, if it fits, with a reference for the copy. */
static struct chan_req *chan_take(const struct file *file, size_t room)
{
	struct muser *m = file->private_data;
	struct chan_req *r;

	spin_lock(&m->lock);
	r = chan_next(m);
	if (!chan_is_server(file)) {
		r = ERR_PTR(-EPERM);
	} else if (!r) {
		r = ERR_PTR(m->state == MUSER_REMOVED ? -ENODEV : m->chan->broken ?: -EAGAIN);
	} else if (r->len > room) {
		r = ERR_PTR(-EMSGSIZE);
	} else if (r->id < 0) {
		list_del_init(&r->link);
		chan_post_forget(m->chan, r);
	} else {
		kref_get(&r->ref);
		list_move_tail(&r->link, &m->chan->sent);
		r->state = CHAN_SENT;
	}
	spin_unlock(&m->lock);
	return r;
}

/* Is the one who called still the server? Nobody else gets what was sent to it. */
static bool chan_stays(const struct file *file)
{
	return chan_is_server(file) && chan_is_alive(file->private_data);
}

/* Nothing takes a post's place any more. */
static void chan_return(struct chan *c, struct chan_req *r)
{
	struct list_head *list = r->first ? &c->first : &c->queue;

	lockdep_assert_held(&c->m->lock);
	if (r->id < 0) {
		kref_get(&r->ref);
		list_add(&r->link, list);
		c->unmaps += r->cmd == CHAN_DMA_UNMAP;
	} else if (r->state == CHAN_SENT && !r->claimed) {
		list_move(&r->link, list);
		r->state = CHAN_QUEUED;
	}
}

/* It could not be copied: the next read gets it. */
static void chan_untake(const struct file *file, struct chan_req *r)
{
	struct muser *m = file->private_data;

	spin_lock(&m->lock);
	if (chan_stays(file))
		chan_return(m->chan, r);
	spin_unlock(&m->lock);
}

/* Without the lock: what comes just now may be missed. */
static bool chan_has_queued(const struct chan *c)
{
	return !list_empty(&c->first) || !list_empty(&c->queue);
}

/* As many as fit. -EAGAIN: there is none. */
ssize_t chan_read(const struct file *file, char __user *buf, size_t size)
{
	struct muser *m = file->private_data;
	struct chan_req *r;
	size_t got = 0;
	int ret = 0;

	do {
		r = chan_take(file, size - got);
		if (IS_ERR(r))
			return got ?: PTR_ERR(r);
		ret = usercopy_to(buf + got, r->msg, r->len);
		if (ret)
			chan_untake(file, r);
		else
			got += r->len;
		chan_put(r);
	} while (!ret && chan_has_queued(m->chan));
	return got ?: ret;
}

/* ---- from the server ----------------------------------------------------------------- */

/* The request that is answered, with a reference; NULL: nobody waits for it. */
static struct chan_req *chan_claim(const struct file *file, const struct chan_header *header)
{
	struct muser *m = file->private_data;
	struct chan_req *r;

	spin_lock(&m->lock);
	r = chan_id_find(m->chan, header->id);
	if (r && (r->state != CHAN_SENT || r->claimed))
		r = NULL;
	if (!chan_is_server(file)) {
		r = ERR_PTR(-EPERM);
	} else if (r && r->cmd != header->cmd) {
		r = ERR_PTR(-EINVAL);
	} else if (r) {
		r->claimed = true;
		kref_get(&r->ref);
	}
	spin_unlock(&m->lock);
	return r;
}

/* -EFAULT: the answer could not be read, so there was none. */
static void chan_settle(const struct file *file, struct chan_req *r, int result, bool faulted)
{
	struct muser *m = file->private_data;
	LIST_HEAD(done);

	spin_lock(&m->lock);
	r->claimed = false;
	if (!faulted) {
		chan_end(m, r, result);
		muser_count(&m->stats.served);
		if (result)
			muser_count(&m->stats.errors);
		m->chan->answered = jiffies;
		if (unlikely(m->state == MUSER_HUNG))
			chan_set_state(m, MUSER_READY, 0);
	} else if (!chan_stays(file)) {
		chan_orphan(m, r, &done);
	}
	spin_unlock(&m->lock);
	chan_put_all(&done);
	if (!faulted)
		chan_put(r);
	else
		chan_wake(m->chan);
}

/*
 * Errors of the server's choice reach the client's system call: those of the UAPI's list. Others
 * would have it ask again (EINTR, EAGAIN), or believe that the module speaks (ENODEV, ETIMEDOUT).
 */
static int chan_error(const struct chan_header *header)
{
	switch (header->error) {
	case EPERM:
	case ENXIO:
	case ENOMEM:
	case EACCES:
	case EBUSY:
	case EINVAL:
	case ENOTTY:
	case ENOSPC:
	case ERANGE:
	case EOPNOTSUPP:
		return -(int)header->error;
	default:
		return -EIO;
	}
}

static bool chan_header_is_valid(const struct chan_header *header, size_t len)
{
	return header->size >= sizeof(*header) && header->size <= MUSER_MAX_MSG &&
	       header->size <= len && (header->flags & CHAN_F_TYPE) == CHAN_F_REPLY &&
	       !(header->flags & ~(CHAN_F_TYPE | CHAN_F_ERROR));
}

/* Take the reply at the start of a buffer; how long it was. */
static ssize_t chan_answer(const struct file *file, const char __user *buf, size_t len)
{
	struct chan_header header;
	struct chan_req *r;
	size_t payload;
	int result = 0;
	bool faulted = false;

	if (len < sizeof(header))
		return -EINVAL;
	if (usercopy_from(&header, buf, sizeof(header)))
		return -EFAULT;
	if (!chan_header_is_valid(&header, len))
		return -EINVAL;
	r = chan_claim(file, &header);
	if (IS_ERR_OR_NULL(r))
		return r ? PTR_ERR(r) : (ssize_t)header.size;
	payload = header.size - sizeof(header);
	if (header.flags & CHAN_F_ERROR)
		result = chan_error(&header);
	else if (payload > r->room) /* of one that nobody waits for there is no room to judge by */
		result = READ_ONCE(r->abandoned) ? 0 : -EIO;
	else
		faulted = usercopy_from(chan_reply(r), buf + sizeof(header), payload);
	r->reply_len = payload;
	chan_settle(file, r, result, faulted);
	chan_put(r);
	return faulted ? -EFAULT : (ssize_t)header.size;
}

/* All replies of a buffer, or the error of the first bad one; @done: how far it came. */
int chan_write(const struct file *file, const char __user *buf, size_t len, size_t *done)
{
	ssize_t ret;

	for (*done = 0; *done < len; *done += ret) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		ret = chan_answer(file, buf + *done, len - *done);
		if (ret < 0)
			return ret;
	}
	return 0;
}
