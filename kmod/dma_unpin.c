// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_unpin.c - what is pinned is let go.
 *
 * Pages leave the table and all mappings, in batches of what VFIO unpins by one call. One thread
 * for each client, the unpinner, makes these calls in turn, so that nothing but that client's own
 * VFIO container can delay it. Each call waits for VFIO's lock, which is handed over in turn. Where
 * the client's unmapping threads are in that turn, too, one call for each of theirs is not enough
 * (dma_unmap.c): then each batch that waits gets a helper, a thread that makes its call at once.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "dma.h"

/* Helpers of one client at a time. */
#define DMA_HELPERS 512U

/* Pages that left the table, to be unpinned. */
struct dma_batch {
	struct dma_op op;
	struct list_head link; /* of the state's batches, or of those in hand: by number */
	u64 number;
};

struct dma_helper {
	struct work_struct work;
	struct muser_dma_state *st;
};

/* ---- out of the table ---------------------------------------------------------------- */

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
 * what the client unmaps, or whole runs.
 */
static void dma_collect(struct muser_dma_state *st, unsigned long first, unsigned long last,
			struct list_head *batches)
{
	struct dma_batch *b = NULL;
	unsigned long page;
	void *entry;

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
		}
		cond_resched();
	}
	if (b)
		dma_batch_begin(st, b);
	up_write(&st->map_lock);
	if (b) {
		dma_zap(st, first, last - first + 1);
		dma_files_revoke(st, first, last);
	}
}

/* ---- unpinned ------------------------------------------------------------------------ */

/* There is none that was queued as early as that any more. */
static bool dma_is_unpinned(struct muser_dma_state *st, u64 number)
{
	struct dma_batch *b;
	bool ret;

	spin_lock(&st->lock);
	b = list_first_entry_or_null(&st->unpinning, struct dma_batch, link) ?:
		    list_first_entry_or_null(&st->batches, struct dma_batch, link);
	ret = !b || b->number > number;
	spin_unlock(&st->lock);
	return ret;
}

static struct dma_batch *dma_batch_next(struct muser_dma_state *st)
{
	struct dma_batch *b;

	spin_lock(&st->lock);
	b = list_first_entry_or_null(&st->batches, struct dma_batch, link);
	if (b) {
		list_move_tail(&b->link, &st->unpinning);
		st->nr_unpinning++;
	}
	spin_unlock(&st->lock);
	return b;
}

static void dma_batch_unpin(struct muser_dma_state *st, struct dma_batch *b)
{
	vfio_unpin_pages(st->vdev, (dma_addr_t)b->op.it.start << PAGE_SHIFT, dma_op_pages(&b->op));
	spin_lock(&st->lock);
	list_del(&b->link);
	st->nr_unpinning--;
	st->unpinned++;
	spin_unlock(&st->lock);
	dma_op_end(st, &b->op);
	kfree(b);
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
		dma_batch_unpin(st, b);
		cond_resched();
	}
}

/* ---- helpers ------------------------------------------------------------------------- */

static void dma_help(struct work_struct *work)
{
	struct dma_helper *helper = container_of(work, struct dma_helper, work);
	struct muser_dma_state *st = helper->st;
	struct dma_batch *b;

	kfree(helper);
	while ((b = dma_batch_next(st))) {
		wake_up_all(&st->wait);
		dma_batch_unpin(st, b);
	}
	spin_lock(&st->lock);
	WRITE_ONCE(st->nr_helpers, st->nr_helpers - 1);
	spin_unlock(&st->lock);
	wake_up_all(&st->wait);
}

/* Who waits for VFIO is to be as many as there are batches. */
static bool dma_helper_is_wanted(struct muser_dma_state *st)
{
	bool ret;

	spin_lock(&st->lock);
	ret = st->nr_helpers < DMA_HELPERS && st->nr_helpers + 1 < st->queued - st->unpinned;
	WRITE_ONCE(st->nr_helpers, st->nr_helpers + ret);
	spin_unlock(&st->lock);
	return ret;
}

static void dma_helper_start(struct muser_dma_state *st)
{
	struct dma_helper *helper = kmalloc(sizeof(*helper), GFP_KERNEL | __GFP_NOFAIL);

	INIT_WORK(&helper->work, dma_help);
	helper->st = st;
	queue_work(st->helpers, &helper->work);
}

static bool dma_all_help(struct muser_dma_state *st)
{
	bool ret;

	spin_lock(&st->lock);
	ret = list_empty(&st->batches) || st->nr_unpinning > st->nr_helpers;
	spin_unlock(&st->lock);
	return ret;
}

void dma_unpin_help(struct muser_dma_state *st, long patience)
{
	while (dma_helper_is_wanted(st))
		dma_helper_start(st);
	wait_event_timeout(st->wait, dma_all_help(st), patience);
}

/* ---- what others call ---------------------------------------------------------------- */

int dma_unpinner_start(struct muser_dma_state *st)
{
	struct task_struct *unpinner;

	lockdep_assert_held(&st->pin_lock);
	if (st->unpinner)
		return 0;
	st->helpers = alloc_workqueue("muser_unpin/%d", WQ_UNBOUND | WQ_HIGHPRI, DMA_HELPERS,
				      st->m->minor);
	if (!st->helpers)
		return -ENOMEM;
	unpinner = kthread_run(dma_unpinner, st, "muser_unpin/%d", st->m->minor);
	if (IS_ERR(unpinner)) {
		destroy_workqueue(st->helpers);
		return PTR_ERR(unpinner);
	}
	st->unpinner = unpinner;
	return 0;
}

void dma_unpinner_stop(struct muser_dma_state *st)
{
	if (!st->unpinner)
		return;
	/* VFIO still calls for this device, and may be about to begin one. */
	wait_event(st->wait, !READ_ONCE(st->nr_helpers));
	kthread_stop(st->unpinner);
	destroy_workqueue(st->helpers);
	st->unpinner = NULL;
}

u64 dma_drop_later(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	struct dma_batch *b;
	LIST_HEAD(batches);
	u64 number;

	dma_collect(st, first, last, &batches);
	if (list_empty(&batches))
		return 0;
	spin_lock(&st->lock);
	list_for_each_entry(b, &batches, link)
		b->number = ++st->queued;
	number = st->queued;
	list_splice_tail(&batches, &st->batches);
	spin_unlock(&st->lock);
	wake_up(&st->unpinner_wait);
	return number;
}

void dma_drop(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	const u64 number = dma_drop_later(st, first, last);

	wait_event_killable(st->wait, dma_is_unpinned(st, number));
}
