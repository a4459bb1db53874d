// SPDX-License-Identifier: GPL-2.0-only
/*
 * call.c - the client's side of a request: sending one, waiting for its answer.
 *
 * Every wait ends: by the answer, a fatal signal, the time limit of the instance, the end of a
 * server that nothing waits for, or the end of the device. Refuses to wait where the policy says
 * to fail: for a server that is not there, or hangs.
 */
#include <linux/errno.h>
#include <linux/freezer.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chan.h"
#include "trace.h"

/* How long opening the device waits for a server that has just come. */
#define CALL_OPEN_TIMEOUT (5L * HZ)

static void call_fill(struct chan_header *msg, const struct muser_request *req, size_t len)
{
	u8 *payload = (u8 *)(msg + 1);

	*msg = (struct chan_header){ .cmd = req->cmd, .size = len, .flags = CHAN_F_NO_REPLY };
	if (req->head_len)
		memcpy(payload, req->head, req->head_len);
	if (req->data_len)
		memcpy(payload + req->head_len, req->data, req->data_len);
}

struct chan_req *call_new(struct muser *m, const struct muser_request *req, gfp_t gfp)
{
	size_t len = sizeof(struct chan_header) + req->head_len + req->data_len;
	struct chan_req *r = xchg(&m->chan->spare, NULL) ?: kmalloc(sizeof(*r), gfp);

	if (!r)
		return NULL;
	memset(r, 0, offsetof(struct chan_req, small));
	r->msg = (struct chan_header *)r->small;
	if (len + req->reply_size > CHAN_SMALL)
		r->msg = kvmalloc(len + req->reply_size, gfp | __GFP_NOWARN);
	if (!r->msg) {
		kfree(r);
		return NULL;
	}
	INIT_LIST_HEAD(&r->link);
	kref_init(&r->ref);
	r->chan = m->chan;
	rcuwait_init(&r->wait);
	r->state = CHAN_QUEUED;
	r->id = -1;
	r->first = req->first;
	r->cmd = req->cmd;
	r->len = len;
	r->room = req->reply_size;
	call_fill(r->msg, req, len);
	return r;
}

/* ---- sending ------------------------------------------------------------------------- */

static int call_admit(struct muser *m, const struct chan_req *r)
{
	if (m->state == MUSER_REMOVED)
		return -ENODEV;
	if (r->first)
		return m->state == MUSER_HANDSHAKE ? 0 : -ENOTCONN;
	return chan_is_well(m) || chan_waits(m) ? 0 : -EIO;
}

/* The list's reference is taken by whoever ends the request. */
static int call_append(struct muser *m, struct chan_req *r)
{
	struct chan *c = m->chan;
	int ret = chan_id_new(c, r);

	if (ret)
		return ret;
	r->msg->id = r->id;
	r->msg->flags = muser_mem_pending(m) ? MUSER_F_WRITTEN : 0;
	kref_get(&r->ref);
	list_add_tail(&r->link, r->first ? &c->first : &c->queue);
	trace_muser_request(m, r, 0);
	return 0;
}

static int call_enqueue_locked(struct muser *m, struct chan_req *r)
{
	int ret = call_admit(m, r);

	ret = ret ?: call_append(m, r);
	if (ret)
		return ret;
	m->chan->outstanding++;
	timeout_begin(m, r);
	return 0;
}

static int call_try_enqueue(struct muser *m, struct chan_req *r)
{
	int ret;

	spin_lock(&m->lock);
	ret = call_enqueue_locked(m, r);
	spin_unlock(&m->lock);
	return ret;
}

static int call_enqueue(struct muser *m, struct chan_req *r)
{
	int ret = call_try_enqueue(m, r);

	if (ret == -ENOMEM) {
		idr_preload(GFP_KERNEL);
		ret = call_try_enqueue(m, r);
		idr_preload_end();
	}
	if (!ret)
		chan_wake(m->chan);
	return ret;
}

/* ---- waiting ------------------------------------------------------------------------- */

static bool call_is_done(const struct chan_req *r)
{
	/* Pairs with chan_finish(): the answer is there. */
	return smp_load_acquire(&r->state) == CHAN_DONE;
}

/*
 * An abandoned request is but an id. Its memory goes, unless the server copies just now: then we
 * and the list are not the only ones who refer to it.
 */
static void *call_strip(struct chan_req *r)
{
	void *msg = r->msg;

	if (msg == r->small || kref_read(&r->ref) > 2)
		return NULL;
	r->msg = (struct chan_header *)r->small;
	r->len = sizeof(*r->msg);
	r->room = 0;
	return msg;
}

/* Unread, it is taken back; read, its id stays until the server answers or goes. */
static int call_abandon(struct muser *m, struct chan_req *r, int why)
{
	void *msg = NULL;
	LIST_HEAD(done);

	spin_lock(&m->lock);
	if (call_is_done(r)) {
		why = 0;
	} else if (r->state == CHAN_QUEUED) {
		chan_finish(m, r, why, &done);
	} else {
		r->abandoned = true;
		m->chan->outstanding--;
		msg = call_strip(r);
	}
	if (why == -ETIMEDOUT)
		muser_count(&m->stats.timeouts);
	spin_unlock(&m->lock);
	chan_put_all(&done);
	kvfree(msg);
	return why;
}

static int call_wait(struct muser *m, struct chan_req *r)
{
	/* Nothing of ours is held here. A handled signal does not end an access: clients
	 * would take that for a failure of the device.
	 */
	int ret = rcuwait_wait_event(&r->wait, call_is_done(r) || READ_ONCE(r->late),
				     TASK_KILLABLE | TASK_FREEZABLE);

	if (call_is_done(r))
		return 0;
	return call_abandon(m, r, ret ?: -ETIMEDOUT);
}

int muser_call(struct muser *m, struct muser_request *req)
{
	struct chan_req *r = call_new(m, req, GFP_KERNEL_ACCOUNT);
	int ret;

	if (!r)
		return -ENOMEM;
	ret = call_enqueue(m, r);
	if (!ret) {
		/* On one CPU the server may answer before we sleep: none is woken twice. */
		cond_resched();
		ret = call_wait(m, r);
	}
	if (!ret)
		ret = r->result;
	if (!ret) {
		req->reply_len = r->reply_len;
		memcpy(req->reply, chan_reply(r), r->reply_len);
	}
	chan_put(r);
	return ret;
}

/* ---- a server that hangs -------------------------------------------------------------- */

/* Only probes are such requests when the handshake is over. */
static bool call_has_probe(const struct chan *c)
{
	const struct chan_req *r;

	list_for_each_entry(r, &c->first, link)
		if (r->cmd == CHAN_GET_INFO)
			return true;
	list_for_each_entry(r, &c->sent, link)
		if (r->cmd == CHAN_GET_INFO)
			return true;
	return false;
}

/*
 * What was late is withdrawn, and nothing new is sent: so there is a question to answer for a
 * server that goes on, before all else. Nobody waits for the answer. Without an id for it, others
 * are there to be answered.
 */
void call_probe(struct muser *m)
{
	const struct {
		__u32 argsz, flags, nr_regions, nr_irqs;
	} info = { .argsz = sizeof(info) };
	const struct muser_request req = {
		.cmd = CHAN_GET_INFO,
		.head = &info,
		.head_len = sizeof(info),
		.first = true,
	};
	struct chan_req *r = call_new(m, &req, GFP_KERNEL | __GFP_NOFAIL);

	r->abandoned = true;
	spin_lock(&m->lock);
	if (m->state == MUSER_HUNG && !call_has_probe(m->chan))
		call_append(m, r);
	spin_unlock(&m->lock);
	chan_put(r);
	chan_wake(m->chan);
}

/* ---- a device to open ---------------------------------------------------------------- */

/*
 * 1: it can be opened: it is known what device this is, and accesses will not fail at once;
 * 0: it is worth waiting; or -errno.
 */
static int call_readiness(struct muser *m)
{
	int ret;

	spin_lock(&m->lock);
	if (m->state == MUSER_REMOVED)
		ret = -ENODEV;
	else if (m->desc && (chan_is_well(m) || chan_waits(m)))
		ret = 1;
	else
		ret = m->state == MUSER_HANDSHAKE ? 0 : -EIO;
	spin_unlock(&m->lock);
	return ret;
}

static long call_open_timeout(const struct muser *m)
{
	unsigned int ms = READ_ONCE(m->timeout_ms);

	return ms ? min_t(long, msecs_to_jiffies(ms), CALL_OPEN_TIMEOUT) : CALL_OPEN_TIMEOUT;
}

/*
 * The end of a handshake, no more: VFIO holds locks for which others wait, and cannot be killed.
 * That is not freezable, either.
 */
int chan_wait_ready(struct muser *m)
{
	long left = ___wait_event(m->chan->ready_wait, ___wait_cond_timeout(call_readiness(m)),
				  TASK_KILLABLE, 0, call_open_timeout(m),
				  __ret = schedule_timeout(__ret));
	int ret = call_readiness(m);

	if (ret)
		return min(ret, 0);
	return left ? -EINTR : -ETIMEDOUT;
}
