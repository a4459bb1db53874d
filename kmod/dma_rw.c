// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_rw.c - MUSER_DMA_RW: copy to and from the client's memory, piece by piece.
 *
 * From what is pinned already; else by pins for a moment, where the server's thread may pin (not by
 * iommufd); else by a thread, the copier, as VFIO copies for kernel threads and the client itself
 * only. The server's memory is never touched while pages are pinned or locked, as its faults may
 * take as long as they like: there is a buffer in between.
 *
 * VFIO holds its lock while it copies, and the client's memory may fault for as long as the client
 * likes (userfaultfd, FUSE). So there is a copier for each client, and it has signals: SIGKILL ends
 * its fault. One that has something to do with the copy that is under way sends it: the client
 * unmaps or closes, the server's thread is killed. Beside that, no copy keeps VFIO's lock for
 * longer than DMA_TURN: it is interrupted, and begins again behind all others. A client that was
 * killed may have threads that wait for that lock, and does not close anything before they end.
 */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "dma.h"

#define RW_PIECE 65536UL
#define RW_PAGES (RW_PIECE / PAGE_SIZE + 1)

/* A piece. It belongs to two: the server's thread, which may be killed, and the copier. */
struct dma_rw {
	struct kref ref;
	struct muser_dma_state *st;
	u64 iova;
	size_t len;
	bool write; /* to the client */
	int result;
	int error; /* != 0: it was cancelled */
	struct dma_op op;
	struct list_head link; /* of the state's copies, under its lock */
	struct completion done;
	struct page *pages[RW_PAGES];
	u8 data[] __aligned(8);
};

static void dma_rw_release(struct kref *ref)
{
	kvfree(container_of(ref, struct dma_rw, ref));
}

static struct dma_rw *dma_rw_new(struct muser_dma_state *st, const struct muser_dma_rw *arg)
{
	struct dma_rw *rw;

	rw = kvzalloc(sizeof(*rw) + min_t(u64, arg->size, RW_PIECE), MUSER_GFP_PEER);
	if (!rw)
		return NULL;
	kref_init(&rw->ref);
	INIT_LIST_HEAD(&rw->link);
	init_completion(&rw->done);
	rw->st = st;
	rw->iova = arg->iova;
	rw->write = arg->flags & MUSER_DMA_WRITE;
	return rw;
}

static unsigned long dma_rw_nr_pages(const struct dma_rw *rw)
{
	return ((rw->iova + rw->len - 1) >> PAGE_SHIFT) - (rw->iova >> PAGE_SHIFT) + 1;
}

/* Copy between the buffer and @pages. */
static void dma_rw_copy(struct dma_rw *rw)
{
	size_t offset = offset_in_page(rw->iova), done = 0, n;
	unsigned int i;

	for (i = 0; done < rw->len; i++) {
		n = min(rw->len - done, PAGE_SIZE - offset);
		if (rw->write)
			memcpy_to_page(rw->pages[i], offset, rw->data + done, n);
		else
			memcpy_from_page(rw->data + done, rw->pages[i], offset, n);
		done += n;
		offset = 0;
	}
}

static bool dma_rw_find(struct dma_rw *rw)
{
	const unsigned long first = rw->iova >> PAGE_SHIFT, nr = dma_rw_nr_pages(rw);
	unsigned long i;

	for (i = 0; i < nr; i++) {
		void *entry = xa_load(&rw->st->pages, first + i);

		if (!entry || (rw->write && !dma_entry_is_writable(entry)))
			return false;
		rw->pages[i] = dma_entry_page(entry);
	}
	return true;
}

static bool dma_rw_pinned(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->st;
	bool ret;

	down_read(&st->map_lock);
	ret = dma_rw_find(rw);
	if (ret)
		dma_rw_copy(rw);
	up_read(&st->map_lock);
	return ret;
}

/* Under dma_op_begin(). -EOPNOTSUPP: by the copier. */
static int dma_rw_pinning(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->st;
	bool write = rw->write;
	int ret;

	/* Each would need a thread, and they would wait for each other, where no signal helps. */
	if (st->is_exact)
		return -EOPNOTSUPP;
	ret = dma_vfio_pin(st, &rw->op, &write, rw->pages);
	if (ret)
		return ret;
	dma_rw_copy(rw);
	vfio_unpin_pages(st->vdev, (dma_addr_t)rw->op.it.start << PAGE_SHIFT,
			 dma_op_pages(&rw->op));
	return 0;
}

/* ---- the copier ---------------------------------------------------------------------- */

/* The client's section was the copier's: dma_op_end() is called here. */
static void dma_rw_finish(struct dma_rw *rw, int result)
{
	rw->result = result;
	dma_op_end(rw->st, &rw->op);
	complete(&rw->done);
	kref_put(&rw->ref, dma_rw_release);
}

static struct dma_rw *dma_rw_next(struct muser_dma_state *st)
{
	struct dma_rw *rw;

	spin_lock(&st->lock);
	rw = st->copies_wait ? NULL : list_first_entry_or_null(&st->copies, struct dma_rw, link);
	if (rw)
		list_del_init(&rw->link);
	st->copying = rw;
	spin_unlock(&st->lock);
	return rw;
}

/* Nobody sends signals from here on. If that is why the copy failed, it is to be done again. */
static bool dma_rw_leave(struct dma_rw *rw, int result)
{
	struct muser_dma_state *st = rw->st;
	bool again;

	spin_lock(&st->lock);
	again = result && signal_pending(current) && !rw->error;
	if (again)
		list_add_tail(&rw->link, &st->copies);
	st->copying = NULL;
	spin_unlock(&st->lock);
	wake_up_all(&st->wait);
	flush_signals(current);
	return !again;
}

void dma_rw_pause(struct muser_dma_state *st)
{
	spin_lock(&st->lock);
	st->copies_wait = true;
	spin_unlock(&st->lock);
	wait_event_killable_timeout(st->wait, !READ_ONCE(st->copying), DMA_TURN);
}

void dma_rw_resume(struct muser_dma_state *st)
{
	spin_lock(&st->lock);
	st->copies_wait = false;
	spin_unlock(&st->lock);
	wake_up(&st->copier_wait);
}

static int dma_rw_result(const struct dma_rw *rw, int ret)
{
	if (ret && rw->error)
		return rw->error;
	/* Mapped, but there is nothing behind it; not mapped, as iommufd says it. */
	return ret == -EFAULT || ret == -ENOENT ? -EINVAL : ret;
}

static int dma_rw_copier(void *data)
{
	struct muser_dma_state *st = data;
	struct dma_rw *rw;
	int ret;

	allow_kernel_signal(SIGKILL);
	for (;;) {
		wait_event_idle(st->copier_wait, (rw = dma_rw_next(st)) || kthread_should_stop());
		if (!rw)
			return 0;
		ret = vfio_dma_rw(st->vdev, rw->iova, rw->data, rw->len, rw->write);
		if (!dma_rw_leave(rw, ret))
			continue;
		dma_rw_finish(rw, dma_rw_result(rw, ret));
	}
}

static void dma_rw_interrupt(struct muser_dma_state *st)
{
	lockdep_assert_held(&st->lock);
	if (st->copying)
		send_sig(SIGKILL, st->copier, 1);
}

static bool dma_rw_is_in(const struct dma_rw *rw, unsigned long first, unsigned long last)
{
	return rw->op.it.start <= last && first <= rw->op.it.last;
}

/* One that has not begun leaves the queue. */
static struct dma_rw *dma_rw_take(struct muser_dma_state *st, unsigned long first,
				  unsigned long last)
{
	struct dma_rw *rw;

	lockdep_assert_held(&st->lock);
	list_for_each_entry(rw, &st->copies, link) {
		if (dma_rw_is_in(rw, first, last)) {
			list_del_init(&rw->link);
			return rw;
		}
	}
	return NULL;
}

void dma_rw_cancel(struct muser_dma_state *st, unsigned long first, unsigned long last, int error)
{
	struct dma_rw *rw;

	spin_lock(&st->lock);
	if (st->copying && dma_rw_is_in(st->copying, first, last))
		st->copying->error = error;
	dma_rw_interrupt(st);
	while ((rw = dma_rw_take(st, first, last))) {
		spin_unlock(&st->lock);
		dma_rw_finish(rw, error);
		spin_lock(&st->lock);
	}
	spin_unlock(&st->lock);
}

/* Nothing is queued or copied any more. */
void dma_rw_close(struct muser_dma_state *st)
{
	if (st->copier)
		kthread_stop(st->copier);
	st->copier = NULL;
}

/* Under an operation, so that the client stays. Of two that are made at once, one never runs. */
static int dma_rw_start(struct muser_dma_state *st)
{
	struct task_struct *copier;

	if (READ_ONCE(st->copier))
		return 0;
	copier = kthread_create(dma_rw_copier, st, "muser_copy/%d", st->m->minor);
	if (IS_ERR(copier))
		return PTR_ERR(copier);
	if (cmpxchg(&st->copier, NULL, copier))
		kthread_stop(copier);
	else
		wake_up_process(copier);
	return 0;
}

/* ---- the server's thread ------------------------------------------------------------- */

static int dma_rw_queue(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->st;
	int ret = 0;

	reinit_completion(&rw->done);
	spin_lock(&st->lock);
	if (!st->open)
		ret = -ENOTCONN;
	else if (rw->op.revoked)
		ret = -EBUSY;
	if (!ret) {
		kref_get(&rw->ref);
		rw->error = 0;
		list_add_tail(&rw->link, &st->copies);
	}
	spin_unlock(&st->lock);
	if (ret)
		dma_op_end(st, &rw->op);
	else
		wake_up(&st->copier_wait);
	return ret;
}

/* The thread that waits for it is killed. */
static void dma_rw_abandon(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->st;
	bool queued;

	spin_lock(&st->lock);
	queued = !list_empty(&rw->link);
	if (queued) {
		list_del_init(&rw->link);
	} else if (st->copying == rw) {
		rw->error = -EINTR;
		dma_rw_interrupt(st);
	}
	spin_unlock(&st->lock);
	if (queued)
		dma_rw_finish(rw, -EINTR);
}

static void dma_rw_end_turn(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->st;

	spin_lock(&st->lock);
	if (st->copying == rw)
		dma_rw_interrupt(st);
	spin_unlock(&st->lock);
}

static int dma_rw_by_copier(struct dma_rw *rw)
{
	long left = dma_rw_queue(rw);

	if (left)
		return left;
	while (!(left = wait_for_completion_killable_timeout(&rw->done, DMA_TURN)))
		dma_rw_end_turn(rw);
	if (left > 0)
		return rw->result;
	dma_rw_abandon(rw);
	return -EINTR;
}

static int dma_rw_piece(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->st;
	int ret;

	if (dma_rw_pinned(rw))
		return 0;
	ret = dma_op_begin(st, &rw->op, rw->iova >> PAGE_SHIFT, dma_rw_nr_pages(rw));
	if (ret)
		return ret;
	ret = dma_rw_pinning(rw);
	if (!ret || ret == -EINVAL || ret == -EPERM) {
		dma_op_end(st, &rw->op);
		return ret;
	}
	ret = dma_rw_start(st);
	if (ret) {
		dma_op_end(st, &rw->op);
		return ret;
	}
	return dma_rw_by_copier(rw);
}

static int dma_rw_step(struct dma_rw *rw, void __user *user)
{
	int ret;

	if (rw->write && copy_from_user(rw->data, user, rw->len))
		return -EFAULT;
	ret = dma_rw_piece(rw);
	if (ret)
		return dma_error(ret);
	if (!rw->write && copy_to_user(user, rw->data, rw->len))
		return -EFAULT;
	return 0;
}

int muser_dma_rw(struct muser *m, struct muser_dma_rw *arg)
{
	struct dma_rw *rw;
	u64 done = 0;
	int ret = 0;

	if ((arg->flags != MUSER_DMA_READ && arg->flags != MUSER_DMA_WRITE) ||
	    !dma_range_is_valid(arg->iova, arg->size))
		return -EINVAL;
	rw = dma_rw_new(m->dma, arg);
	if (!rw)
		return -ENOMEM;
	while (!ret && done < arg->size) {
		rw->iova = arg->iova + done;
		rw->len = min_t(u64, arg->size - done, RW_PIECE);
		ret = dma_rw_step(rw, u64_to_user_ptr(arg->addr + done));
		if (!ret)
			atomic64_add(rw->len, &m->stats.copied);
		done += rw->len;
		if (fatal_signal_pending(current))
			ret = -EINTR;
	}
	kref_put(&rw->ref, dma_rw_release);
	return ret;
}
