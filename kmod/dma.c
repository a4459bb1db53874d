// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma.c - the client's memory: life, operations on pages, and the client taking pages back.
 *
 * VFIO type1 wants a mapping's pins gone when dma_unmap returns. It asks a few times more and
 * then crashes the kernel, so nothing may pin meanwhile, and nothing here waits for the server.
 * It also calls with its list of devices locked, which is taken under the lock that unpinning
 * needs: unpinning here would deadlock with a second thread that unmaps, and so would waiting
 * without an end for workers that do it. Once we return, type1's lock is fair: the workers, which
 * queue for it all at once, get it before the thread that asks again.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/vfio.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "chan.h"
#include "dma.h"

/* Pages that left @pages, to be unpinned by a worker or by whoever took them. */
struct dma_batch {
	struct dma_op op;
	struct list_head link;
	struct work_struct work;
	struct muser *m;
};

/* A range that a client's thread is unmapping. It is gone when the thread leaves the kernel. */
struct dma_mark {
	struct interval_tree_node it; /* pages */
	struct callback_head work;
	struct task_struct *task; /* only to be compared */
	struct muser *m;
	unsigned int rounds;
};

static struct workqueue_struct *dma_workqueue;
static atomic_t dma_nr_marks = ATOMIC_INIT(0);

/* Workers wait for VFIO's lock; as many as there are batches, see above. */
int muser_dma_setup(void)
{
	dma_workqueue = alloc_workqueue("muser_dma", WQ_UNBOUND | WQ_MEM_RECLAIM, 512);
	return dma_workqueue ? 0 : -ENOMEM;
}

void muser_dma_cleanup(void)
{
	wait_var_event(&dma_nr_marks, !atomic_read(&dma_nr_marks));
	destroy_workqueue(dma_workqueue);
	/* Some task may still be at the last instructions of dma_mark_clear(). */
	synchronize_rcu_tasks();
}

int muser_dma_init(struct muser *m)
{
	struct muser_dma_state *st = kzalloc(sizeof(*st), GFP_KERNEL);

	if (!st)
		return -ENOMEM;
	st->scratch = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!st->scratch) {
		kfree(st);
		return -ENOMEM;
	}
	st->m = m;
	mutex_init(&st->pin_lock);
	init_rwsem(&st->map_lock);
	xa_init_flags(&st->pages, XA_FLAGS_ACCOUNT);
	spin_lock_init(&st->lock);
	st->ops = RB_ROOT_CACHED;
	st->marks = RB_ROOT_CACHED;
	st->files = RB_ROOT_CACHED;
	init_waitqueue_head(&st->wait);
	m->dma = st;
	return 0;
}

void muser_dma_free(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	if (!st)
		return;
	xa_destroy(&st->pages);
	__free_page(st->scratch);
	kfree(st);
	m->dma = NULL;
}

u64 muser_dma_pinned(struct muser *m)
{
	return atomic64_read(&m->dma->pinned);
}

void dma_queue_work(struct work_struct *work)
{
	queue_work(dma_workqueue, work);
}

/* ---- operations ---------------------------------------------------------------------- */

bool dma_range_is_valid(u64 iova, u64 size)
{
	return size && iova < MUSER_DMA_LIMIT && size <= MUSER_DMA_LIMIT - iova;
}

int dma_error(int error)
{
	switch (error) {
	case -EACCES: /* type1 of version 1 */
	case -ENOTTY: /* no such IOMMU driver */
	case -EFAULT: /* memory without pages, or that forbids it */
		return -EOPNOTSUPP;
	case -ENODEV: /* the client's memory is gone */
		return -ENOTCONN;
	default:
		return error;
	}
}

int dma_op_begin(struct muser_dma_state *st, struct dma_op *op, unsigned long first,
		 unsigned long pages)
{
	int ret = 0;

	op->it.start = first;
	op->it.last = first + pages - 1;
	op->revoked = false;
	spin_lock(&st->lock);
	if (!st->open)
		ret = -ENOTCONN;
	else if (interval_tree_iter_first(&st->marks, op->it.start, op->it.last))
		ret = -EBUSY;
	else
		interval_tree_insert(&op->it, &st->ops);
	spin_unlock(&st->lock);
	return ret;
}

int dma_op_end(struct muser_dma_state *st, struct dma_op *op)
{
	spin_lock(&st->lock);
	interval_tree_remove(&op->it, &st->ops);
	spin_unlock(&st->lock);
	atomic_inc(&st->ended);
	wake_up_all(&st->wait);
	return op->revoked ? -EBUSY : 0;
}

static bool dma_is_quiet(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	bool ret;

	spin_lock(&st->lock);
	ret = !interval_tree_iter_first(&st->ops, first, last);
	spin_unlock(&st->lock);
	return ret;
}

/* ---- letting go ---------------------------------------------------------------------- */

static struct dma_batch *dma_batch_new(struct muser_dma_state *st, unsigned long page)
{
	/* It cannot fail: the pages must go. */
	struct dma_batch *b = kzalloc(sizeof(*b), GFP_KERNEL | __GFP_NOFAIL);

	b->m = st->m;
	b->op.it.start = page;
	b->op.it.last = page;
	return b;
}

static bool dma_batch_grow(struct dma_batch *b, unsigned long page)
{
	if (page != b->op.it.last + 1 || dma_op_pages(&b->op) == DMA_BATCH)
		return false;
	b->op.it.last = page;
	return true;
}

/*
 * Take pages of [first, last] out of the table, into @batches; afterwards no mapping has them.
 * Each batch is an operation from here on: whoever unmaps waits for it.
 */
static void dma_collect(struct muser_dma_state *st, unsigned long first, unsigned long last,
			struct list_head *batches)
{
	struct dma_batch *b = NULL;
	unsigned long page;
	void *entry;

	down_write(&st->map_lock);
	xa_for_each_range(&st->pages, page, entry, first, last) {
		xa_erase(&st->pages, page);
		atomic64_dec(&st->pinned);
		if (!b || !dma_batch_grow(b, page)) {
			b = dma_batch_new(st, page);
			list_add_tail(&b->link, batches);
		}
		cond_resched();
	}
	spin_lock(&st->lock);
	list_for_each_entry(b, batches, link)
		interval_tree_insert(&b->op.it, &st->ops);
	spin_unlock(&st->lock);
	up_write(&st->map_lock);
	if (list_empty(batches))
		return;
	dma_zap(st, first, last - first + 1);
	dma_files_revoke(st, first, last);
}

static void dma_batch_unpin(struct muser_dma_state *st, struct dma_batch *b)
{
	vfio_unpin_pages(st->vdev, (dma_addr_t)b->op.it.start << PAGE_SHIFT,
			 dma_op_pages(&b->op));
	dma_op_end(st, &b->op);
}

static void dma_batch_work(struct work_struct *work)
{
	struct dma_batch *b = container_of(work, struct dma_batch, work);
	struct muser *m = b->m;

	dma_batch_unpin(m->dma, b);
	kfree(b);
	muser_put(m);
}

void dma_drop(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	struct dma_batch *b, *next;
	LIST_HEAD(batches);

	dma_collect(st, first, last, &batches);
	list_for_each_entry_safe(b, next, &batches, link) {
		dma_batch_unpin(st, b);
		kfree(b);
		cond_resched();
	}
}

static bool dma_drop_later(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	struct dma_batch *b, *next;
	LIST_HEAD(batches);

	dma_collect(st, first, last, &batches);
	if (list_empty(&batches))
		return false;
	list_for_each_entry_safe(b, next, &batches, link) {
		muser_get(b->m);
		INIT_WORK(&b->work, dma_batch_work);
		dma_queue_work(&b->work);
	}
	return true;
}

/* ---- the client unmaps --------------------------------------------------------------- */

static void dma_mark_free(struct dma_mark *mark)
{
	struct muser_dma_state *st = mark->m->dma;

	spin_lock(&st->lock);
	interval_tree_remove(&mark->it, &st->marks);
	spin_unlock(&st->lock);
	muser_put(mark->m);
	kfree(mark);
	if (atomic_dec_and_test(&dma_nr_marks))
		wake_up_var(&dma_nr_marks);
}

static void dma_mark_clear(struct callback_head *work)
{
	dma_mark_free(container_of(work, struct dma_mark, work));
}

static struct dma_mark *dma_mark_find(struct muser_dma_state *st, unsigned long first,
				      unsigned long last)
{
	struct interval_tree_node *it;

	lockdep_assert_held(&st->lock);
	for (it = interval_tree_iter_first(&st->marks, first, last); it;
	     it = interval_tree_iter_next(it, first, last)) {
		struct dma_mark *mark = container_of(it, struct dma_mark, it);

		if (mark->task == current && it->start == first && it->last == last)
			return mark;
	}
	return NULL;
}

/* From here until this thread leaves the kernel: no new pins, and those under way are void. */
static struct dma_mark *dma_mark_new(struct muser_dma_state *st, unsigned long first,
				     unsigned long last)
{
	struct dma_mark *mark = kzalloc(sizeof(*mark), GFP_KERNEL | __GFP_NOFAIL);
	struct interval_tree_node *it;

	mark->it.start = first;
	mark->it.last = last;
	mark->task = current;
	mark->m = st->m;
	muser_get(st->m);
	atomic_inc(&dma_nr_marks);
	spin_lock(&st->lock);
	interval_tree_insert(&mark->it, &st->marks);
	for (it = interval_tree_iter_first(&st->ops, first, last); it;
	     it = interval_tree_iter_next(it, first, last))
		WRITE_ONCE(container_of(it, struct dma_op, it)->revoked, true);
	spin_unlock(&st->lock);
	init_task_work(&mark->work, dma_mark_clear);
	return mark;
}

/* As long as operations end, more time is given. Without, a little, and more each round. */
static void dma_wait_quiet(struct muser_dma_state *st, const struct dma_mark *mark)
{
	const long patience = (1 + mark->rounds) * HZ / 20 + 1;
	int ended;

	do {
		ended = atomic_read(&st->ended);
		if (wait_event_timeout(st->wait, dma_is_quiet(st, mark->it.start, mark->it.last),
				       patience))
			return;
	} while (atomic_read(&st->ended) != ended);
}

void muser_dma_unmap(struct muser *m, u64 iova, u64 size)
{
	struct muser_dma_state *st = m->dma;
	unsigned long first, last;
	struct dma_mark *mark;
	bool is_new = false;

	if (!size || iova >= MUSER_DMA_LIMIT)
		return;
	first = iova >> PAGE_SHIFT;
	last = min(first + ((size - 1) >> PAGE_SHIFT), DMA_LAST_PAGE);
	spin_lock(&st->lock);
	mark = dma_mark_find(st, first, last);
	spin_unlock(&st->lock);
	if (!mark) {
		mark = dma_mark_new(st, first, last);
		is_new = true;
	}
	if (dma_drop_later(st, first, last))
		muser_post_unmap(m, iova, size);
	dma_wait_quiet(st, mark);
	mark->rounds++;
	/* It fails for a task that has gone through exit: it is not in an ioctl. */
	if (is_new && ((current->flags & PF_KTHREAD) ||
		       task_work_add(current, &mark->work, TWA_RESUME)))
		dma_mark_free(mark);
}

/* ---- client and server come and go --------------------------------------------------- */

int muser_dma_open(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	spin_lock(&st->lock);
	st->vdev = m->vdev;
	st->open = true;
	spin_unlock(&st->lock);
	WRITE_ONCE(st->nomem, 0);
	return 0;
}

/* What is under way ends, whatever the server does: none of it waits for the server. */
void muser_dma_close(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	spin_lock(&st->lock);
	st->open = false;
	spin_unlock(&st->lock);
	wait_event(st->wait, dma_is_quiet(st, 0, DMA_LAST_PAGE));
	dma_drop(st, 0, DMA_LAST_PAGE);
	wait_event(st->wait, dma_is_quiet(st, 0, DMA_LAST_PAGE));
	st->vdev = NULL;
}

void muser_dma_server_gone(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	mutex_lock(&st->pin_lock);
	dma_drop(st, 0, DMA_LAST_PAGE);
	clear_highpage(st->scratch);
	st->scratch_shown = false;
	mutex_unlock(&st->pin_lock);
}
