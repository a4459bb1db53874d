// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout.c - how long requests may wait for their answers.
 *
 * Owns a work item of each instance that looks through its requests when the first of them may be
 * late: nearly all are answered long before, and none needs a timer of its own. It wakes who has
 * waited too long, ends nothing itself, and finds out that a server hangs.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "chan.h"

/* Handshakes wait for their answers in a queue of their own, and may fill that. */
static struct workqueue_struct *timeout_wq;

static void timeout_look_by(struct chan *c, unsigned long when)
{
	const unsigned long now = jiffies;

	if (c->looks && !time_before(when, c->look_at))
		return;
	c->looks = true;
	c->look_at = when;
	mod_delayed_work(timeout_wq, &c->look, time_after(when, now) ? when - now : 0);
}

/* A request is queued, for which somebody will wait. */
void timeout_begin(struct muser *m, struct chan_req *r)
{
	const unsigned int ms = READ_ONCE(m->timeout_ms);

	lockdep_assert_held(&m->lock);
	if (!ms)
		return;
	r->limited = true;
	r->due = jiffies + msecs_to_jiffies(ms);
	timeout_look_by(m->chan, r->due);
}

/* Nothing was answered since it was queued. */
static bool timeout_is_hung(const struct chan *c, const struct chan_req *r)
{
	const unsigned long limit = msecs_to_jiffies(READ_ONCE(c->m->timeout_ms));

	return c->m->state == MUSER_READY && time_before_eq(c->answered, r->due - limit);
}

static void timeout_check(struct chan *c, struct list_head *list)
{
	struct chan_req *r;

	list_for_each_entry(r, list, link) {
		if (!r->limited || r->late || r->abandoned)
			continue;
		if (time_before(jiffies, r->due)) {
			timeout_look_by(c, r->due);
		} else {
			WRITE_ONCE(r->late, true);
			rcuwait_wake_up(&r->wait);
			if (timeout_is_hung(c, r))
				chan_hang(c->m);
		}
	}
}

static void timeout_work(struct work_struct *work)
{
	struct chan *c = container_of(to_delayed_work(work), struct chan, look);
	bool hung;

	spin_lock(&c->m->lock);
	c->looks = false;
	timeout_check(c, &c->first);
	timeout_check(c, &c->queue);
	timeout_check(c, &c->sent);
	hung = c->m->state == MUSER_HUNG;
	spin_unlock(&c->m->lock);
	if (hung)
		call_probe(c->m);
}

/* ---- life ---------------------------------------------------------------------------- */

void timeout_init(struct chan *c)
{
	INIT_DELAYED_WORK(&c->look, timeout_work);
}

void timeout_exit(struct chan *c)
{
	cancel_delayed_work_sync(&c->look);
}

int timeout_setup(void)
{
	timeout_wq = alloc_workqueue("muser_limit", WQ_UNBOUND, 0);
	return timeout_wq ? 0 : -ENOMEM;
}

void timeout_cleanup(void)
{
	destroy_workqueue(timeout_wq);
}
