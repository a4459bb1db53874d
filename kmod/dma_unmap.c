// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_unmap.c - the client takes pages back.
 *
 * VFIO type1 wants a mapping's pins gone when dma_unmap returns. If some are left it asks again,
 * DMA_ROUNDS times in all, and then crashes the kernel. The last round must not return before they
 * are gone. Those before it must return in the end, for a deadlock that only this resolves: type1
 * calls with its list of devices locked, which others lock (a second thread that unmaps, a device
 * that comes or goes) while they hold the lock that unpinning needs. Unpinning here would be the
 * same deadlock, for good.
 *
 * What is waited for, all of it within the marked range, where nothing new begins:
 *
 *  - The unpinner, in the queue for VFIO's lock since the first round. The lock is handed over in
 *    turn. Each time that we return one who holds it while waiting for us lets it go, and a round
 *    is lost only to a thread that overtakes the queue. As long as the unpinner gets on nobody
 *    waits for us with that lock, and no round is used up, however much there is to unpin.
 *  - Pins under way. They are for that lock in turn, too, see that they are void, and undo.
 *  - Copies under way. They hold that lock through the client's page faults: those that have begun
 *    are interrupted, whether they are of this range or not, the others fail.
 *
 * So two or three rounds are what it takes; the others are for a client whose threads race for the
 * lock, half a minute in all. iommufd holds no lock when it calls, and may not ask again: its first
 * round is the last one. It lets nobody pin or copy what it unmaps until that is gone, so no mark
 * outlives its round: one call may be for any number of mappings.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/wait_bit.h>

#include "dma.h"

/* type1 asks 11 times. Ours may be one behind: see dma_mark_inherit(). */
#define DMA_ROUNDS   10U
/* How long the first round waits; each one waits twice as long as the one before. */
#define DMA_PATIENCE (HZ / 20 + 1)

/*
 * The range that a thread of the client unmaps. It is freed when the thread leaves the kernel, or
 * moves on with it: then VFIO has forgotten the range before.
 */
struct dma_mark {
	struct list_head link;
	struct interval_tree_node it; /* pages; under the state's lock */
	struct callback_head work;
	struct task_struct *task; /* only to be compared */
	struct muser *m;
	unsigned int rounds;
};

/* Of all instances: as many as threads that unmap, for each of their devices. */
static DEFINE_SPINLOCK(dma_marks_lock);
static LIST_HEAD(dma_marks);

static bool dma_marks_are_gone(void)
{
	bool ret;

	spin_lock(&dma_marks_lock);
	ret = list_empty(&dma_marks);
	spin_unlock(&dma_marks_lock);
	return ret;
}

void muser_dma_cleanup(void)
{
	wait_var_event(&dma_marks, dma_marks_are_gone());
	/* Some task may still be at the last instructions of dma_mark_clear(). */
	synchronize_rcu_tasks();
}

/* ---- marks --------------------------------------------------------------------------- */

static bool dma_mark_is(const struct dma_mark *mark, unsigned long first, unsigned long last)
{
	return mark->it.start == first && mark->it.last == last;
}

/* This thread's mark of the instance, or NULL. */
static struct dma_mark *dma_mark_find(const struct muser *m)
{
	struct dma_mark *mark, *ret = NULL;

	spin_lock(&dma_marks_lock);
	list_for_each_entry(mark, &dma_marks, link) {
		if (mark->task == current && mark->m == m)
			ret = mark;
	}
	spin_unlock(&dma_marks_lock);
	return ret;
}

/*
 * A device that joins the container while this thread unmaps is asked from then on. The others have
 * been asked in this round already, or will be: it is at most one round behind them.
 */
static void dma_mark_inherit(struct dma_mark *mark)
{
	struct dma_mark *other;

	mark->rounds = 0;
	spin_lock(&dma_marks_lock);
	list_for_each_entry(other, &dma_marks, link) {
		if (other->task == current && other->rounds > mark->rounds + 1 &&
		    dma_mark_is(other, mark->it.start, mark->it.last))
			mark->rounds = other->rounds - 1;
	}
	spin_unlock(&dma_marks_lock);
}

static void dma_mark_free(struct dma_mark *mark)
{
	struct muser_dma_state *st = mark->m->dma;

	spin_lock(&st->lock);
	interval_tree_remove(&mark->it, &st->marks);
	spin_unlock(&st->lock);
	muser_put(mark->m);
	spin_lock(&dma_marks_lock);
	list_del(&mark->link);
	spin_unlock(&dma_marks_lock);
	kfree(mark);
	wake_up_var(&dma_marks);
}

static void dma_mark_clear(struct callback_head *work)
{
	dma_mark_free(container_of(work, struct dma_mark, work));
}

static struct dma_mark *dma_mark_new(struct muser *m)
{
	struct dma_mark *mark = kzalloc(sizeof(*mark), GFP_KERNEL | __GFP_NOFAIL);

	RB_CLEAR_NODE(&mark->it.rb);
	init_task_work(&mark->work, dma_mark_clear);
	mark->task = current;
	mark->m = m;
	muser_get(m);
	spin_lock(&dma_marks_lock);
	list_add(&mark->link, &dma_marks);
	spin_unlock(&dma_marks_lock);
	return mark;
}

/* While it is there: no new pins or copies, and those under way are void. */
static void dma_mark_place(struct dma_mark *mark, unsigned long first, unsigned long last)
{
	struct muser_dma_state *st = mark->m->dma;
	struct interval_tree_node *it;

	spin_lock(&st->lock);
	if (!RB_EMPTY_NODE(&mark->it.rb))
		interval_tree_remove(&mark->it, &st->marks);
	mark->it.start = first;
	mark->it.last = last;
	interval_tree_insert(&mark->it, &st->marks);
	for (it = interval_tree_iter_first(&st->ops, first, last); it;
	     it = interval_tree_iter_next(it, first, last))
		WRITE_ONCE(container_of(it, struct dma_op, it)->revoked, true);
	spin_unlock(&st->lock);
}

/* ---- unmapping ----------------------------------------------------------------------- */

static void dma_wait_quiet(struct muser_dma_state *st, const struct dma_mark *mark)
{
	const bool is_last = st->is_exact || mark->rounds + 1 >= DMA_ROUNDS;
	const long patience = is_last ? MAX_SCHEDULE_TIMEOUT : DMA_PATIENCE << mark->rounds;
	u64 unpinned;

	do {
		unpinned = READ_ONCE(st->unpinned);
		if (wait_event_timeout(st->wait, dma_is_quiet(st, mark->it.start, mark->it.last),
				       patience))
			return;
	} while (READ_ONCE(st->unpinned) != unpinned);
}

/* Out of all mappings, and unpinned, or soon so. */
static void dma_revoke(struct dma_mark *mark, u64 iova, u64 size)
{
	const unsigned long first = mark->it.start, last = mark->it.last;
	struct muser_dma_state *st = mark->m->dma;

	if (dma_drop_later(st, first, last))
		muser_post_unmap(mark->m, iova, size);
	dma_rw_cancel(st, first, last, -EBUSY);
	dma_wait_quiet(st, mark);
}

void muser_dma_unmap(struct muser *m, u64 iova, u64 size)
{
	unsigned long first, last;
	struct dma_mark *old, *mark;

	if (!size || iova >= MUSER_DMA_LIMIT)
		return;
	first = iova >> PAGE_SHIFT;
	last = min(first + ((size - 1) >> PAGE_SHIFT), DMA_LAST_PAGE);
	old = dma_mark_find(m);
	mark = old ?: dma_mark_new(m);
	if (!old || !dma_mark_is(old, first, last)) {
		dma_mark_place(mark, first, last);
		dma_mark_inherit(mark);
	}
	dma_revoke(mark, iova, size);
	mark->rounds++;
	/* It fails for a task that has exited: it is not in an ioctl. */
	if (!old && (m->dma->is_exact || (current->flags & PF_KTHREAD) ||
		     task_work_add(current, &mark->work, TWA_RESUME)))
		dma_mark_free(mark);
}
