// SPDX-License-Identifier: GPL-2.0-only
/*
 * exchange.c - MUSER_EXCHANGE: replies in, messages out, in one system call.
 *
 * Waits for a message and for one more file, as ppoll(2) would. Whoever has slept looks for
 * messages before all other reasons to return, so that none is lost on a waiter that leaves.
 */
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/freezer.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "chan.h"
#include "server.h"

#define EXCHANGE_FOR_EVER (~0ULL)

struct exchange {
	const struct file *file;
	struct file *wake;         /* NULL: none */
	struct poll_wqueues table; /* of wake */
	ktime_t until;
	ktime_t *expires;
};

static int exchange_begin(struct exchange *x, const struct file *file,
			  const struct muser_exchange *arg)
{
	x->file = file;
	x->wake = NULL;
	x->expires = NULL;
	if (arg->wake_fd >= 0) {
		x->wake = fget(arg->wake_fd);
		if (!x->wake)
			return -EBADF;
	}
	if (arg->timeout_ns != EXCHANGE_FOR_EVER) {
		x->until = ktime_add_safe(ktime_get(),
					  ns_to_ktime(min_t(u64, arg->timeout_ns, KTIME_MAX)));
		x->expires = &x->until;
	}
	poll_initwait(&x->table);
	return 0;
}

static void exchange_end(struct exchange *x)
{
	poll_freewait(&x->table);
	if (x->wake)
		fput(x->wake);
}

/* The first time it also queues us up there. */
static bool exchange_is_woken(struct exchange *x)
{
	__poll_t events;

	if (!x->wake)
		return false;
	WRITE_ONCE(x->table.triggered, 0);
	smp_mb(); /* before we look: what happens from now on sets it */
	events = vfs_poll(x->wake, &x->table.pt);
	x->table.pt._qproc = NULL;
	return events & (EPOLLIN | EPOLLERR | EPOLLHUP);
}

/* 0, or -ETIME when the time is over. */
static int exchange_sleep(struct exchange *x)
{
	const struct muser *m = x->file->private_data;
	struct wait_queue_head *head = &m->chan->server_wait;
	DEFINE_WAIT(wait);
	int ret = 0;

	prepare_to_wait_exclusive(head, &wait, TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (!READ_ONCE(x->table.triggered) && !signal_pending(current) && !chan_has_news(x->file))
		ret = schedule_hrtimeout_range(x->expires, 0, HRTIMER_MODE_ABS) ? 0 : -ETIME;
	finish_wait(head, &wait);
	return ret;
}

/* Bytes of messages, 0 when something else came first, or -errno. */
static ssize_t exchange_wait(struct exchange *x, char __user *buf, size_t size)
{
	ssize_t ret;
	int over;

	do {
		if (exchange_is_woken(x))
			return 0;
		if (x->table.error)
			return x->table.error;
		if (signal_pending(current))
			return -EINTR;
		over = exchange_sleep(x);
		ret = chan_read(x->file, buf, size);
	} while (ret == -EAGAIN && !over);
	return ret == -EAGAIN ? 0 : ret;
}

static ssize_t exchange_read(const struct file *file, const struct muser_exchange *arg)
{
	char __user *buf = u64_to_user_ptr(arg->in);
	struct exchange x;
	ssize_t ret = chan_read(file, buf, arg->in_size);

	if (ret != -EAGAIN)
		return ret;
	if (arg->flags & MUSER_EXCHANGE_NOWAIT)
		return 0;
	ret = exchange_begin(&x, file, arg);
	if (ret)
		return ret;
	ret = exchange_wait(&x, buf, arg->in_size);
	exchange_end(&x);
	return ret;
}

int server_exchange(struct file *file, void *user)
{
	struct muser_exchange *arg = user;
	size_t done;
	ssize_t ret;

	ret = chan_write(file, u64_to_user_ptr(arg->out), arg->out_len, &done);
	if (ret)
		return ret;
	ret = exchange_read(file, arg);
	if (ret < 0)
		return ret;
	arg->in_len = ret;
	return 0;
}
