// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma.c - the client's memory: life, operations on pages, letting go of what is pinned.
 *
 * Owns the table of pages, and the thread that alone unpins what was in there: one for each client,
 * so that nothing but that client's own VFIO container can delay it. What leaves the table is out
 * of all mappings before it is unpinned. Nothing here waits for the server.
 */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "dma.h"

/* Pages that left the table, to be unpinned. */
struct dma_batch {
	struct dma_op op;
	struct list_head link;
};

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
	INIT_LIST_HEAD(&st->batches);
	init_waitqueue_head(&st->unpinner_wait);
	INIT_LIST_HEAD(&st->copies);
	init_waitqueue_head(&st->copier_wait);
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
	wake_up_all(&st->wait);
	return op->revoked ? -EBUSY : 0;
}

bool dma_is_quiet(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	bool ret;

	spin_lock(&st->lock);
	ret = !interval_tree_iter_first(&st->ops, first, last);
	spin_unlock(&st->lock);
	return ret;
}

/* ---- letting go ---------------------------------------------------------------------- */

static struct dma_batch *dma_batch_new(unsigned long page)
{
	/* It cannot fail: the pages must go. Whoever makes them go is charged, beyond his limit. */
	struct dma_batch *b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);

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

/* It is complete: an operation from here on. One at a time, as there may be millions. */
static void dma_batch_begin(struct muser_dma_state *st, struct dma_batch *b)
{
	spin_lock(&st->lock);
	interval_tree_insert(&b->op.it, &st->ops);
	spin_unlock(&st->lock);
}

/*
 * Take pages of [first, last] out of the table, into @batches; afterwards no mapping has them.
 * Each batch is an operation before map_lock is let go: whoever unmaps waits for it. The range is
 * what the client unmaps, or whole runs. Returns how many batches there are.
 */
static u64 dma_collect(struct muser_dma_state *st, unsigned long first, unsigned long last,
		       struct list_head *batches)
{
	struct dma_batch *b = NULL;
	unsigned long page;
	void *entry;
	u64 nr = 0;

	down_write(&st->map_lock);
	/* If it is pinned, what is left of a run begins there. */
	xa_set_mark(&st->pages, last + 1, DMA_HEAD);
	xa_for_each_range(&st->pages, page, entry, first, last) {
		const bool begins = dma_run_begins(st, page);

		xa_erase(&st->pages, page);
		atomic64_dec(&st->pinned);
		if (!b || begins || !dma_batch_grow(b, page)) {
			if (b)
				dma_batch_begin(st, b);
			b = dma_batch_new(page);
			list_add_tail(&b->link, batches);
			nr++;
		}
		cond_resched();
	}
	if (b)
		dma_batch_begin(st, b);
	up_write(&st->map_lock);
	if (nr) {
		dma_zap(st, first, last - first + 1);
		dma_files_revoke(st, first, last);
	}
	return nr;
}

u64 dma_drop_later(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	LIST_HEAD(batches);
	const u64 nr = dma_collect(st, first, last, &batches);
	u64 number;

	if (!nr)
		return 0;
	spin_lock(&st->lock);
	st->queued += nr;
	number = st->queued;
	list_splice_tail(&batches, &st->batches);
	spin_unlock(&st->lock);
	wake_up(&st->unpinner_wait);
	return number;
}

void dma_drop(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	const u64 number = dma_drop_later(st, first, last);

	wait_event_killable(st->wait, READ_ONCE(st->unpinned) >= number);
}

static struct dma_batch *dma_batch_next(struct muser_dma_state *st)
{
	struct dma_batch *b;

	spin_lock(&st->lock);
	b = list_first_entry_or_null(&st->batches, struct dma_batch, link);
	if (b)
		list_del(&b->link);
	spin_unlock(&st->lock);
	return b;
}

static int dma_unpinner(void *data)
{
	struct muser_dma_state *st = data;
	struct dma_batch *b;

	/* Ahead of all that tenants run; not a real-time thread, as it is they who give it work. */
	set_user_nice(current, MIN_NICE);
	for (;;) {
		wait_event_idle(st->unpinner_wait,
				(b = dma_batch_next(st)) || kthread_should_stop());
		if (!b)
			return 0;
		vfio_unpin_pages(st->vdev, (dma_addr_t)b->op.it.start << PAGE_SHIFT,
				 dma_op_pages(&b->op));
		WRITE_ONCE(st->unpinned, st->unpinned + 1);
		dma_op_end(st, &b->op);
		kfree(b);
		cond_resched();
	}
}

int dma_unpinner_start(struct muser_dma_state *st)
{
	struct task_struct *unpinner;

	lockdep_assert_held(&st->pin_lock);
	if (st->unpinner)
		return 0;
	unpinner = kthread_run(dma_unpinner, st, "muser_unpin/%d", st->m->minor);
	if (IS_ERR(unpinner))
		return PTR_ERR(unpinner);
	st->unpinner = unpinner;
	return 0;
}

/* ---- client and server come and go --------------------------------------------------- */

/* Threads begin when the server pins or copies: a client that never has DMA costs none. */
void muser_dma_open(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	st->vdev = m->vdev;
	dma_run_open(st);
	WRITE_ONCE(st->nomem, 0);
}

void muser_dma_admit(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	spin_lock(&st->lock);
	WRITE_ONCE(st->born, dma_birth());
	st->open = true;
	spin_unlock(&st->lock);
}

/* What is under way ends, whatever the server does: none of it waits for the server. */
void muser_dma_close(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	spin_lock(&st->lock);
	st->open = false;
	spin_unlock(&st->lock);
	dma_rw_cancel(st, 0, DMA_LAST_PAGE, -ENOTCONN);
	wait_event(st->wait, dma_is_quiet(st, 0, DMA_LAST_PAGE));
	dma_drop_later(st, 0, DMA_LAST_PAGE);
	wait_event(st->wait, dma_is_quiet(st, 0, DMA_LAST_PAGE));
	dma_rw_close(st);
	if (st->unpinner)
		kthread_stop(st->unpinner);
	st->unpinner = NULL;
	st->vdev = NULL;
}

/* VFIO, which the client may delay, is not waited for: servers can always end. */
void muser_dma_server_gone(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	mutex_lock(&st->pin_lock);
	dma_drop_later(st, 0, DMA_LAST_PAGE);
	clear_highpage(st->scratch);
	st->scratch_shown = false;
	mutex_unlock(&st->pin_lock);
}
