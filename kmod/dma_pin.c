// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_pin.c - MUSER_DMA_PIN and MUSER_DMA_UNPIN.
 *
 * Pins are counted once a page: pinning what is pinned is free. More than what is asked for is
 * pinned if the client has mapped all of the 2 MiB around it, and the device writes or has read
 * some of it already. What a failing call has pinned is let go, what was there before stays.
 * Refuses pages that the client is unmapping, and a server that would have VFIO log without end
 * that the client's limit of locked memory is reached.
 */
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "dma.h"

/*
 * VFIO logs each failure for want of locked memory: so many are asked for until something is let
 * go, and so many in all, in so many jiffies.
 */
#define NOMEM_MAX    8U
#define NOMEM_ALL    64U
#define NOMEM_PERIOD (10 * HZ)

/* One call of MUSER_DMA_PIN. */
struct dma_pin {
	struct muser_dma_state *st;
	unsigned long first, last; /* pages asked for */
	bool write;
	struct page **pages; /* room for DMA_BATCH */
};

/* ---- VFIO ---------------------------------------------------------------------------- */

static bool dma_nomem_is_recent(const struct muser_dma_state *st)
{
	return time_before(jiffies, READ_ONCE(st->nomem_since) + NOMEM_PERIOD);
}

static bool dma_nomem_is_near(const struct muser_dma_state *st)
{
	return READ_ONCE(st->nomem) && dma_nomem_is_recent(st);
}

static bool dma_nomem_is_enough(const struct muser_dma_state *st)
{
	return (READ_ONCE(st->nomem) >= NOMEM_MAX || READ_ONCE(st->nomem_all) >= NOMEM_ALL) &&
	       dma_nomem_is_recent(st);
}

static void dma_nomem_note(struct muser_dma_state *st)
{
	if (!dma_nomem_is_recent(st)) {
		WRITE_ONCE(st->nomem_since, jiffies);
		WRITE_ONCE(st->nomem, 0);
		WRITE_ONCE(st->nomem_all, 0);
	}
	WRITE_ONCE(st->nomem, READ_ONCE(st->nomem) + 1);
	WRITE_ONCE(st->nomem_all, READ_ONCE(st->nomem_all) + 1);
}

/* One call of VFIO. */
struct dma_call {
	struct vfio_device *vdev;
	dma_addr_t iova;
	int nr, prot;
	struct page **pages;
	struct completion done;
};

static int dma_call(const struct dma_call *c)
{
	return vfio_pin_pages(c->vdev, c->iova, c->nr, c->prot, c->pages);
}

static int dma_call_run(void *data)
{
	struct dma_call *c = data;
	int ret;

	allow_kernel_signal(SIGKILL);
	ret = dma_call(c);
	complete(&c->done);
	return ret;
}

/*
 * iommufd waits for pages that the client holds back (userfaultfd), with locks that it needs to
 * unmap and to exit: until it is interrupted, which a thread of the server's is not to be. It does
 * one thing at a time for a device, and whoever comes second waits where no signal helps: there is
 * one such thread, under pin_lock, and no copy meanwhile.
 * -EAGAIN: it was interrupted, as nothing came for a turn, or as the server's thread is killed.
 */
static int dma_call_by_thread(struct muser_dma_state *st, struct dma_call *c)
{
	struct task_struct *task;
	long left;
	int ret;

	lockdep_assert_held(&st->pin_lock);
	init_completion(&c->done);
	task = kthread_create(dma_call_run, c, "muser_pin/%d", st->m->minor);
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	dma_rw_pause(st);
	wake_up_process(task);
	left = wait_for_completion_killable_timeout(&c->done, DMA_TURN);
	while (left <= 0) {
		send_sig(SIGKILL, task, 1);
		left = wait_for_completion_timeout(&c->done, HZ / 10 + 1);
	}
	ret = kthread_stop(task);
	put_task_struct(task);
	dma_rw_resume(st);
	return ret == -EINTR ? -EAGAIN : ret;
}

static int dma_vfio_pin_as(struct muser_dma_state *st, const struct dma_op *op, int prot,
			   struct page **pages)
{
	const dma_addr_t iova = (dma_addr_t)op->it.start << PAGE_SHIFT;
	const int nr = dma_op_pages(op);
	struct dma_call call = { st->vdev, iova, nr, prot, pages };
	int ret;

	if (dma_nomem_is_enough(st))
		return -ENOMEM;
	ret = st->is_exact ? dma_call_by_thread(st, &call) : dma_call(&call);
	if (ret == -ENOENT) /* iommufd */
		return -EINVAL;
	if (ret == -ENOMEM)
		dma_nomem_note(st);
	if (ret < 0 || ret == nr)
		return min(ret, 0);
	if (ret)
		vfio_unpin_pages(st->vdev, iova, ret);
	return -EFAULT;
}

/*
 * Some kernels pin a page of zeros where the client has not touched its memory, if it is but to be
 * read. The client's first write goes elsewhere then: such a page would never change.
 */
static bool dma_has_zeros(const struct dma_op *op, struct page **pages)
{
	unsigned long i;

	for (i = 0; i < dma_op_pages(op); i++) {
		if (!page_folio(pages[i])->mapping)
			return true;
	}
	return false;
}

static int dma_vfio_pin_read(struct muser_dma_state *st, const struct dma_op *op,
			     struct page **pages)
{
	int ret = dma_vfio_pin_as(st, op, IOMMU_READ, pages);

	if (ret || !dma_has_zeros(op, pages))
		return ret;
	vfio_unpin_pages(st->vdev, (dma_addr_t)op->it.start << PAGE_SHIFT, dma_op_pages(op));
	return -EFAULT;
}

int dma_vfio_pin(struct muser_dma_state *st, const struct dma_op *op, bool *write,
		 struct page **pages)
{
	const bool needed = *write;
	int ret;

	if (dma_is_late(st))
		return -EOPNOTSUPP;
	*write = true;
	ret = dma_vfio_pin_as(st, op, IOMMU_READ | IOMMU_WRITE, pages);
	if (ret != -EPERM || needed)
		return ret;
	*write = false;
	return dma_vfio_pin_read(st, op, pages);
}

/* ---- a run of pages: none of them is pinned, or all are, for reading ------------------ */

static int dma_store(struct muser_dma_state *st, unsigned long page, void *entry)
{
	void *old = xa_store(&st->pages, page, entry, GFP_KERNEL);

	if (xa_is_err(old))
		return xa_err(old);
	if (!old) {
		atomic64_inc(&st->pinned);
		xa_set_mark(&st->pages, page, DMA_NEW);
	}
	return 0;
}

static int dma_store_all(struct muser_dma_state *st, const struct dma_op *op, struct page **pages,
			 bool write)
{
	const unsigned long first = op->it.start, nr = dma_op_pages(op);
	unsigned long i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = dma_store(st, first + i, xa_tag_pointer(pages[i], write));
		if (ret)
			goto forget;
	}
	return 0;

forget:
	while (i--) {
		xa_erase(&st->pages, first + i);
		atomic64_dec(&st->pinned);
	}
	return ret;
}

/* All of it is in the table, or nothing. */
static bool dma_is_kept(struct muser_dma_state *st, const struct dma_op *op, bool kept)
{
	unsigned long page;

	for (page = op->it.start; page <= op->it.last; page++) {
		if (!xa_load(&st->pages, page) == kept)
			return false;
	}
	return true;
}

/* @again: it must be there, else it was unmapped since it was looked up: this is other memory. */
static int dma_store_run(struct dma_pin *p, const struct dma_op *op, bool write, bool again)
{
	struct muser_dma_state *st = p->st;
	int ret = -EBUSY;

	down_write(&st->map_lock);
	if (!READ_ONCE(op->revoked) && dma_is_kept(st, op, again))
		ret = dma_store_all(st, op, p->pages, write);
	if (!ret && !again)
		xa_set_mark(&st->pages, op->it.start, DMA_HEAD);
	up_write(&st->map_lock);
	return ret;
}

/*
 * Pages that were there for reading were pinned twice now: one pin goes. If they have been
 * revoked in between, that one is ours to give back, too: the table lost but the other.
 */
static int dma_keep_run(struct dma_pin *p, const struct dma_op *op, bool write, bool again)
{
	struct muser_dma_state *st = p->st;
	const unsigned long nr = dma_op_pages(op);
	const int ret = dma_store_run(p, op, write, again);

	if (again || READ_ONCE(st->scratch_shown))
		dma_zap(st, op->it.start, nr);
	if (again || ret)
		vfio_unpin_pages(st->vdev, (dma_addr_t)op->it.start << PAGE_SHIFT, nr);
	return ret;
}

static int dma_pin_run(struct dma_pin *p, unsigned long first, unsigned long nr, bool again)
{
	bool write = p->write;
	struct dma_op op;
	int ret, revoked;

	ret = dma_op_begin(p->st, &op, first, nr);
	if (ret)
		return ret;
	ret = dma_unpinner_start(p->st);
	if (!ret)
		ret = dma_vfio_pin(p->st, &op, &write, p->pages);
	if (!ret)
		ret = dma_keep_run(p, &op, write, again);
	revoked = dma_op_end(p->st, &op);
	return revoked ? revoked : ret;
}

/* ---- a chunk: the pages of one batch ------------------------------------------------- */

enum dma_need { DMA_HAVE, DMA_UPGRADE, DMA_ABSENT };

static enum dma_need dma_need(const struct dma_pin *p, unsigned long page)
{
	void *entry = xa_load(&p->st->pages, page);

	if (!entry)
		return DMA_ABSENT;
	return p->write && !dma_entry_is_writable(entry) ? DMA_UPGRADE : DMA_HAVE;
}

/* A run, or a part of one, that is there for reading: it becomes one by itself. */
static int dma_upgrade(struct dma_pin *p, unsigned long first, unsigned long end)
{
	int ret = dma_run_cut(p->st, first);

	if (!ret)
		ret = dma_run_cut(p->st, end);
	return ret ? ret : dma_pin_run(p, first, end - first, true);
}

/* The end of what needs the same as @first does. */
static unsigned long dma_same_need(const struct dma_pin *p, unsigned long first, unsigned long last)
{
	const enum dma_need need = dma_need(p, first);
	unsigned long page;

	for (page = first + 1; page <= last && dma_need(p, page) == need; page++) {
		if (need == DMA_UPGRADE && dma_run_begins(p->st, page))
			break;
	}
	return page;
}

/* Pages only leave the table while we look, and those that do are revoked. */
static int dma_pin_part(struct dma_pin *p, unsigned long first, unsigned long last)
{
	unsigned long page = first, end;
	enum dma_need need;
	int ret = 0;

	while (!ret && page <= last) {
		need = dma_need(p, page);
		end = dma_same_need(p, page, last);
		if (need == DMA_UPGRADE)
			ret = dma_upgrade(p, page, end);
		else if (need == DMA_ABSENT)
			ret = dma_pin_run(p, page, end - page, false);
		page = end;
	}
	return ret;
}

static u64 *dma_split(struct muser_dma_state *st, u64 chunk)
{
	return &st->split[chunk % DMA_SPLIT];
}

static bool dma_pin_is_done(const struct dma_pin *p, unsigned long first, unsigned long last)
{
	while (first <= last && dma_need(p, first) == DMA_HAVE)
		first++;
	return first > last;
}

/*
 * Pages to be pinned at once: all of the chunk where the device writes. Where it only reads, as
 * many again as are pinned there: pages come for writing if the client allows that, so memory that
 * nobody has touched would be allocated, for a byte that is zero. A device that reads more of it
 * has the chunk in ten calls.
 */
static unsigned long dma_pin_reach(const struct dma_pin *p, unsigned long first, unsigned long last)
{
	const unsigned long start = round_down(first, DMA_BATCH), end = start + DMA_BATCH - 1;
	unsigned long page, pages = last - first + 1;
	void *entry;

	if (p->write)
		return DMA_BATCH;
	xa_for_each_range(&p->st->pages, page, entry, start, end)
		pages += page < first || page > last;
	return roundup_pow_of_two(pages);
}

static int dma_pin_chunk(struct dma_pin *p, unsigned long first, unsigned long last)
{
	const unsigned long reach = dma_pin_reach(p, first, last);
	const unsigned long start = round_down(first, reach);
	const unsigned long end = round_down(last, reach) + reach - 1;
	u64 *split = dma_split(p->st, start / DMA_BATCH);
	int ret;

	if (dma_pin_is_done(p, first, last))
		return 0;
	if (*split != start / DMA_BATCH + 1 && !dma_nomem_is_near(p->st)) {
		ret = dma_pin_part(p, start, end);
		if (!ret || (start == first && end == last))
			return ret;
		if (ret == -EINVAL || ret == -EPERM)
			*split = start / DMA_BATCH + 1;
	}
	return dma_pin_part(p, first, last);
}

/* ---- the ioctls ---------------------------------------------------------------------- */

static void dma_keep_new(struct muser_dma_state *st)
{
	unsigned long page;
	void *entry;

	xa_for_each_marked(&st->pages, page, entry, DMA_NEW) {
		xa_clear_mark(&st->pages, page, DMA_NEW);
		cond_resched();
	}
}

static void dma_drop_new(struct muser_dma_state *st)
{
	unsigned long page = 0, last;

	while (xa_find(&st->pages, &page, DMA_LAST_PAGE, DMA_NEW)) {
		for (last = page; xa_get_mark(&st->pages, last + 1, DMA_NEW); last++)
			;
		dma_drop(st, page, last);
		page = last + 1;
	}
}

static int dma_pin_all(struct dma_pin *p)
{
	unsigned long page = p->first, last;
	int ret = 0;

	while (!ret && page <= p->last) {
		last = min(p->last, round_down(page, DMA_BATCH) + DMA_BATCH - 1);
		ret = dma_pin_chunk(p, page, last);
		page = last + 1;
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	return ret;
}

static void dma_pin_offer(const struct dma_pin *p, struct muser_dma *arg, unsigned long *first,
			  unsigned long *last)
{
	const struct dma_range wanted = { p->first, p->last };
	unsigned long from = *first, to = *last;

	arg->flags &= ~MUSER_DMA_FILE;
	if (!dma_file_offer(p->st, &wanted, &from, &to))
		return;
	arg->flags |= MUSER_DMA_FILE;
	*first = from;
	*last = to;
}

/*
 * Tell of what else is pinned around the range, in the chunks of its ends; or of what is one file's
 * if the server wishes, and if all that it asked for is.
 */
static void dma_pin_tell(const struct dma_pin *p, struct muser_dma *arg)
{
	const unsigned long floor = round_down(p->first, DMA_BATCH);
	const unsigned long ceiling = round_down(p->last, DMA_BATCH) + DMA_BATCH - 1;
	unsigned long first = p->first, last = p->last;

	while (first > floor && dma_need(p, first - 1) == DMA_HAVE)
		first--;
	while (last < ceiling && dma_need(p, last + 1) == DMA_HAVE)
		last++;
	if (arg->flags & MUSER_DMA_FILE)
		dma_pin_offer(p, arg, &first, &last);
	arg->iova = (u64)first << PAGE_SHIFT;
	arg->size = (u64)(last - first + 1) << PAGE_SHIFT;
}

static void dma_pin_count(struct muser_dma_state *st)
{
	const u64 pinned = atomic64_read(&st->pinned);

	lockdep_assert_held(&st->pin_lock);
	if (pinned > st->m->stats.peak_pinned)
		WRITE_ONCE(st->m->stats.peak_pinned, pinned);
}

static int dma_pin_locked(struct dma_pin *p, struct muser_dma *arg)
{
	int ret;

	if (mutex_lock_killable(&p->st->pin_lock))
		return -EINTR;
	ret = dma_pin_all(p);
	if (ret) {
		dma_drop_new(p->st);
	} else {
		dma_keep_new(p->st);
		dma_pin_count(p->st);
		dma_pin_tell(p, arg);
	}
	mutex_unlock(&p->st->pin_lock);
	return dma_error(ret);
}

int muser_dma_pin(struct muser *m, struct muser_dma *arg)
{
	struct dma_pin p = { .st = m->dma, .write = arg->flags & MUSER_DMA_WRITE };
	int ret;

	if (!(arg->flags & (MUSER_DMA_READ | MUSER_DMA_WRITE)) ||
	    !dma_range_is_valid(arg->iova, arg->size))
		return -EINVAL;
	p.first = arg->iova >> PAGE_SHIFT;
	p.last = (arg->iova + arg->size - 1) >> PAGE_SHIFT;
	p.pages = kmalloc_array(DMA_BATCH, sizeof(*p.pages), GFP_KERNEL);
	if (!p.pages)
		return -ENOMEM;
	ret = dma_pin_locked(&p, arg);
	kfree(p.pages);
	return ret;
}

static int dma_unpin_pages(struct muser_dma_state *st, unsigned long first, unsigned long end)
{
	int ret = dma_run_cut(st, first);

	if (!ret)
		ret = dma_run_cut(st, end);
	if (!ret)
		dma_drop(st, first, end - 1);
	return ret;
}

int muser_dma_unpin(struct muser *m, struct muser_dma *arg)
{
	struct muser_dma_state *st = m->dma;
	u64 first, end;
	int ret;

	if (!dma_range_is_valid(arg->iova, arg->size))
		return -EINVAL;
	first = DIV_ROUND_UP(arg->iova, PAGE_SIZE);
	end = (arg->iova + arg->size) >> PAGE_SHIFT;
	if (mutex_lock_killable(&st->pin_lock))
		return -EINTR;
	ret = first < end ? dma_unpin_pages(st, first, end) : 0;
	WRITE_ONCE(st->nomem, 0);
	mutex_unlock(&st->pin_lock);
	return ret;
}
