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
 *  - The unpinner, in the queue for VFIO's lock since the first round. As long as it gets on nobody
 *    waits for us with that lock, and no round is used up.
 *  - Pins under way. They are for that lock in turn, too, see that they are void, and undo.
 *  - Copies under way. They hold that lock through the client's page faults: those that have begun
 *    are interrupted, whether they are of this range or not, the others fail.
 *
 * So two or three rounds are what it takes; the others are for a client whose threads race for the
 * lock, half a minute in all. iommufd holds no lock when it calls, and may not ask again: its first
 * round is the last one. It lets nobody pin or copy what it unmaps until that is gone, so no mark
 * outlives its round: one call may be for any number of mappings.
 */
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/wait_bit.h>

#include "dma.h"

/*
 * Other threads of the client that unmap pinned memory take VFIO's lock and then wait for us with
 * it. When we return, the first of them goes on, and the lock is handed over in turn: to what is
 * queued for it, until it comes to the next of them. Tens of thousands of pages take more turns
 * than there are rounds. So:
 *
 *  - Before a round ends in vain, each batch of pages has a thread in the queue (dma_unpin_help()).
 *  - From the second round on, an unmap is late. No operation on this device's pages begins then:
 *    what is pinned becomes less.
 *  - A thread that has unmapped returns to the client when nothing is late. So each of them comes
 *    between us and the lock with one mapping only, however many are pinned.
 */

/*
 * A device may join the container between two rounds (not during one: the list is locked), be
 * called by its client, and pin, before the next one reaches it. One after another would use up all
 * rounds. So a client that came after the thread's first round cannot pin once there was a second:
 *
 *  - Who has pins has joined, and is asked in each round from the next one on. So in the second
 *    round some device is asked for the second time, or one whose client came after the first; for
 *    either its mark is late, before the round ends.
 *  - Who joins after that finds the mark late when it pins, until the thread leaves the range.
 *
 * All that is pinned in the third round was marked in the first two, and nothing comes to it.
 */

/* type1 asks 11 times. A client that came after the first round is one behind. */
#define DMA_ROUNDS   10U
/* How long the first round waits; each one waits twice as long as the one before. */
#define DMA_PATIENCE (HZ / 20 + 1)

/*
 * The range that a thread of the client unmaps. It is freed when the thread leaves the kernel, or
 * moves on with it: then VFIO has forgotten the range before.
 */
struct dma_mark {
	struct hlist_node link;
	struct interval_tree_node it; /* pages; under the state's lock */
	struct callback_head work;
	struct task_struct *task; /* only to be compared */
	struct muser *m;
	unsigned int rounds;
	u64 born;            /* when this thread came to the range, by whichever device */
	struct rb_node late; /* under dma_marks_lock */
};

/* Of all instances: as many as threads that unmap, for each of their devices. */
static DEFINE_SPINLOCK(dma_marks_lock);
static DEFINE_HASHTABLE(dma_marks, 8); /* by task: others may have thousands */
static struct rb_root_cached dma_late = RB_ROOT_CACHED; /* by birth */
static u64 dma_late_since = U64_MAX; /* the first one's birth */

/* Counts unmaps and clients, so that it is known who came first. */
static atomic64_t dma_births;

static bool dma_marks_are_gone(void)
{
	bool ret;

	spin_lock(&dma_marks_lock);
	ret = hash_empty(dma_marks);
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
	hash_for_each_possible(dma_marks, mark, link, (unsigned long)current) {
		if (mark->task == current && mark->m == m)
			ret = mark;
	}
	spin_unlock(&dma_marks_lock);
	return ret;
}

static void dma_mark_begin(struct dma_mark *mark)
{
	struct dma_mark *other;

	mark->rounds = 0;
	mark->born = dma_birth();
	spin_lock(&dma_marks_lock);
	hash_for_each_possible(dma_marks, other, link, (unsigned long)current) {
		if (other->task == current && dma_mark_is(other, mark->it.start, mark->it.last))
			mark->born = min(mark->born, other->born);
	}
	spin_unlock(&dma_marks_lock);
}

/* ---- clients that come late ------------------------------------------------------------ */

u64 dma_birth(void)
{
	return atomic64_inc_return(&dma_births);
}

static bool dma_mark_is_older(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct dma_mark, late)->born < rb_entry(b, struct dma_mark, late)->born;
}

static void dma_mark_set_late(struct dma_mark *mark, bool late)
{
	struct muser_dma_state *st = mark->m->dma;
	struct rb_node *first;

	if (late != RB_EMPTY_NODE(&mark->late))
		return;
	spin_lock(&dma_marks_lock);
	if (late) {
		rb_add_cached(&mark->late, &dma_late, dma_mark_is_older);
	} else {
		rb_erase_cached(&mark->late, &dma_late);
		RB_CLEAR_NODE(&mark->late);
	}
	first = rb_first_cached(&dma_late);
	WRITE_ONCE(dma_late_since, first ? rb_entry(first, struct dma_mark, late)->born : U64_MAX);
	spin_unlock(&dma_marks_lock);
	spin_lock(&st->lock);
	WRITE_ONCE(st->nr_late, st->nr_late + (late ? 1 : -1));
	spin_unlock(&st->lock);
	if (!late)
		wake_up_all(&st->wait);
}

/*
 * Whose containers are the same is not known, so this may be a client that has nothing to do with
 * the one that unmaps. Its pins are to be copies then, which work. No lock is needed: whoever has
 * joined the container since a mark became late has had the list's lock after that.
 */
bool dma_is_late(const struct muser_dma_state *st)
{
	return !st->is_exact && READ_ONCE(st->born) > READ_ONCE(dma_late_since);
}

/* This is not the thread's first round. */
static bool dma_mark_is_late(const struct dma_mark *mark)
{
	return mark->rounds || READ_ONCE(mark->m->dma->born) > mark->born;
}

static void dma_mark_free(struct dma_mark *mark)
{
	struct muser_dma_state *st = mark->m->dma;

	dma_mark_set_late(mark, false);
	spin_lock(&st->lock);
	interval_tree_remove(&mark->it, &st->marks);
	spin_unlock(&st->lock);
	muser_put(mark->m);
	spin_lock(&dma_marks_lock);
	hash_del(&mark->link);
	spin_unlock(&dma_marks_lock);
	kfree(mark);
	wake_up_var(&dma_marks);
}

/* On the way back to the client, which may unmap more when what is late has ended. */
static void dma_mark_clear(struct callback_head *work)
{
	struct dma_mark *mark = container_of(work, struct dma_mark, work);
	struct muser *m = mark->m;

	muser_get(m);
	dma_mark_free(mark);
	wait_event_killable(m->dma->wait, !READ_ONCE(m->dma->nr_late));
	muser_put(m);
}

static struct dma_mark *dma_mark_new(struct muser *m)
{
	struct dma_mark *mark = kzalloc(sizeof(*mark), GFP_KERNEL | __GFP_NOFAIL);

	RB_CLEAR_NODE(&mark->it.rb);
	RB_CLEAR_NODE(&mark->late);
	init_task_work(&mark->work, dma_mark_clear);
	mark->task = current;
	mark->m = m;
	muser_get(m);
	spin_lock(&dma_marks_lock);
	hash_add(dma_marks, &mark->link, (unsigned long)current);
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
	const long patience = DMA_PATIENCE << mark->rounds;
	bool goes_on;
	u64 unpinned;

	do {
		unpinned = READ_ONCE(st->unpinned);
		if (wait_event_timeout(st->wait, dma_is_quiet(st, mark->it.start, mark->it.last),
				       patience))
			return;
		goes_on = READ_ONCE(st->unpinned) != unpinned;
		if (!goes_on)
			dma_unpin_help(st, patience);
	} while (is_last || goes_on);
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
		dma_mark_set_late(mark, false);
		dma_mark_place(mark, first, last);
		dma_mark_begin(mark);
	}
	if (dma_mark_is_late(mark))
		dma_mark_set_late(mark, true);
	dma_revoke(mark, iova, size);
	mark->rounds++;
	/* It fails for a task that has exited: it is not in an ioctl. */
	if (!old && (m->dma->is_exact || (current->flags & PF_KTHREAD) ||
		     task_work_add(current, &mark->work, TWA_RESUME)))
		dma_mark_free(mark);
}
