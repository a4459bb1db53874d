// SPDX-License-Identifier: GPL-2.0-only
/*
 * handshake.c - a server starts: who it says it is, and what it must know.
 *
 * Runs in a work item from MUSER_START until MUSER_READY; the server's release waits for its
 * end. Owns who has been told of which client. Refuses a server that describes another device
 * than the one before it.
 */
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/pid_namespace.h>
#include <linux/workqueue.h>

#include "chan.h"
#include "trace.h"

/* Handshakes wait for servers, so they keep nobody else's work waiting. */
static struct workqueue_struct *handshake_wq;

/* ---- clients that come and go -------------------------------------------------------- */

/* A server that did not ask is not notified; the next one is. */
static bool handshake_is_told(const struct muser *m)
{
	return m->features & MUSER_FEATURE_CLIENT;
}

static void handshake_say_open(struct muser *m)
{
	const struct muser_client client = {
		.pid = pid_nr_ns(m->client_pid, ns_of_pid(m->server_pid)),
		.uid = from_kuid_munged(m->place->f_cred->user_ns, m->client_uid),
	};

	m->chan->told_gen = m->chan->client_gen;
	post_client_open(m, &client);
}

static void handshake_say_close(struct muser *m)
{
	m->chan->told_gen = 0;
	post_client_close(m);
}

/*
 * Bring a server up to date. One that takes over hears that the client which the last one knew
 * has gone, and with @anew of the one that there is.
 */
static void handshake_tell(struct muser *m, bool anew)
{
	struct chan *c = m->chan;

	lockdep_assert_held(&m->state_lock);
	if (!handshake_is_told(m))
		return;
	if (c->told_gen && (!m->client_open || c->told_gen != c->client_gen))
		handshake_say_close(m);
	if (m->client_open && (anew || c->told_gen != c->client_gen))
		handshake_say_open(m);
}

/* Else it tells of clients itself. */
static bool handshake_is_over(const struct muser *m)
{
	const enum muser_state state = READ_ONCE(m->state);

	return state == MUSER_READY || state == MUSER_HUNG;
}

void handshake_client_opened(struct muser *m)
{
	lockdep_assert_held(&m->state_lock);
	m->chan->client_gen++;
	if (handshake_is_over(m) && handshake_is_told(m))
		handshake_say_open(m);
}

void handshake_client_closed(struct muser *m)
{
	lockdep_assert_held(&m->state_lock);
	if (handshake_is_over(m) && handshake_is_told(m))
		handshake_say_close(m);
}

/* ---- the server ---------------------------------------------------------------------- */

/*
 * Why the module is about to refuse a server, but for one that closes the file itself.
 * Rate-limited: a server may come again at once, any number of times.
 */
void handshake_log(struct muser *m, const char *fmt, ...)
{
	struct va_format text = { .fmt = fmt };
	va_list args;

	if (READ_ONCE(m->state) != MUSER_HANDSHAKE) /* it has closed the file */
		return;
	va_start(args, fmt);
	text.va = &args;
	dev_notice_ratelimited(m->dev, "server refused: %pV\n", &text);
	va_end(args);
}

/* The first server's description stands for the life of the instance. */
static int handshake_accept(struct muser *m, struct muser_desc *desc)
{
	int ret = 0;

	spin_lock(&m->lock);
	if (!m->desc)
		swap(m->desc, desc);
	else if (!desc_is_same(m->desc, desc))
		ret = -ESTALE;
	spin_unlock(&m->lock);
	desc_free(desc);
	if (ret)
		handshake_log(m, "the mdev was another device before (remove and recreate it)");
	return ret;
}

static void handshake_introduce(struct muser *m)
{
	mutex_lock(&m->state_lock);
	handshake_tell(m, true);
	mutex_unlock(&m->state_lock);
}

/* Clients that came or went during the handshake are told of; then requests flow. */
static void handshake_finish(struct muser *m)
{
	mutex_lock(&m->state_lock);
	handshake_tell(m, false);
	spin_lock(&m->lock);
	if (m->state == MUSER_HANDSHAKE) {
		m->state = MUSER_READY;
		trace_muser_state(m, m->state, 0);
	}
	spin_unlock(&m->lock);
	mutex_unlock(&m->state_lock);
	wake_up_all(&m->chan->ready_wait);
	chan_wake_all(m->chan);
}

/* What a refused server reads. */
static int handshake_reason(int ret)
{
	return ret == -ESTALE || ret == -ETIMEDOUT || ret == -ENOMEM ? ret : -EPROTO;
}

static void handshake_work(struct work_struct *work)
{
	struct muser *m = container_of(work, struct chan, handshake)->m;
	struct muser_desc *desc;
	int ret;

	ret = desc_read(m, &desc);
	ret = ret ?: handshake_accept(m, desc);
	if (!ret) {
		handshake_introduce(m);
		ret = muser_irq_resend(m);
		if (ret)
			handshake_log(m, "cannot set the client's interrupts: error %d", ret);
	}
	if (ret)
		chan_give_up(m, handshake_reason(ret));
	else
		handshake_finish(m);
}

/* ---- life ---------------------------------------------------------------------------- */

void handshake_init(struct muser *m)
{
	INIT_WORK(&m->chan->handshake, handshake_work);
}

void handshake_queue(struct muser *m)
{
	queue_work(handshake_wq, &m->chan->handshake);
}

int handshake_setup(void)
{
	handshake_wq = alloc_workqueue("muser_handshake", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return handshake_wq ? 0 : -ENOMEM;
}

void handshake_cleanup(void)
{
	destroy_workqueue(handshake_wq);
}
