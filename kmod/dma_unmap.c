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
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/task_work.h>

#include "dma.h"

/*
 * Other threads of the client that unmap pinned memory take VFIO's lock and then wait for us with
 * it. When we return, the first of them goes on, and the lock is handed over in turn: to what is
 * queued for it, until it comes to the next of them. Tens of thousands of pages take more turns
 * than there are rounds. So:
 *
 *  - Before a round ends in vain, each batch of pages has a thread in the queue (dma_unpin_help()).
 *  - From a thread's second round on it is late, until it leaves the kernel. No operation on the
 *    device's pages begins then: what is pinned becomes less.
 *  - A thread that has unmapped returns to the client when nobody is late. So each of them comes
 *    between us and the lock with one mapping only, however many are pinned.
 */

/*
 * VFIO counts by the address of what it knows of the mapping. Between two rounds another thread may
 * unmap that, as soon as nothing of it is pinned, and map anew: memory is used again, and the next
 * round, of another range, counts as one more. So rounds count whatever their ranges are, and pins
 * of what was mapped after the first one stop with the second.
 *
 * A device may join the container between two rounds (not during one: the list is locked), be
 * called by its client, and pin, before the next one reaches it. One after another would use up all
 * rounds. So a client that came after the thread's first round cannot pin once there were
 * DMA_JOINS: who has pins has joined, and is asked in each round from the next one on; who joins
 * after that finds it refused. In a round or two there is nothing left, and nothing comes to it.
 */

/* type1 asks 11 times. */
#define DMA_ROUNDS 10U
/* Clients of other containers are kept from pinning as well, for none can be told from another. */
#define DMA_JOINS 8U
/* How long the first round waits; each one waits twice as long as the one before. */
#define DMA_PATIENCE (HZ / 20 + 1)

/* A thread of a client that unmaps, until it leaves the kernel. */
struct dma_thread {
	struct hlist_node link;
	struct callback_head work;
	struct task_struct *task; /* only to be compared */
	struct list_head marks;   /* the thread's own */
	unsigned int rounds;      /* of any range */
	u64 born, called;         /* when its first call came, and the last one */
	struct rb_node late;      /* under dma_threads_lock */
};

/* The range of an instance that a thread unmaps. */
struct dma_mark {
	struct list_head link;
	struct muser *m;
	struct interval_tree_node it; /* pages; under the state's lock, as the next one is */
	bool late;
	unsigned int rounds; /* of any range; of this one ... */
	unsigned int range_rounds;
};

/* As many as threads that unmap, of all clients. */
static DEFINE_SPINLOCK(dma_threads_lock);
static DEFINE_HASHTABLE(dma_threads, 8);                /* by task */
static struct rb_root_cached dma_late = RB_ROOT_CACHED; /* by birth */
static u64 dma_late_since = U64_MAX;                    /* the first one's birth */

/* Counts threads and clients, so that it is known who came first. */
static atomic64_t dma_births;

/* Threads keep the module, but for the last instructions of dma_thread_leave(). */
void muser_dma_cleanup(void)
{
	synchronize_rcu_tasks();
}

/* ---- marks --------------------------------------------------------------------------- */

static bool dma_mark_is(const struct dma_mark *mark, unsigned long first, unsigned long last)
{
	return !RB_EMPTY_NODE(&mark->it.rb) && mark->it.start == first && mark->it.last == last;
}

static struct dma_mark *dma_mark_find(const struct dma_thread *t, const struct muser *m)
{
	struct dma_mark *mark;

	list_for_each_entry(mark, &t->marks, link) {
		if (mark->m == m)
			return mark;
	}
	return NULL;
}

/*
 * The list is locked during a round, so a device that had a client when the last call came is of
 * the same round as that.
 */
static struct dma_mark *dma_mark_new(struct dma_thread *t, struct muser *m)
{
	struct dma_mark *mark = kzalloc(sizeof(*mark), GFP_KERNEL | __GFP_NOFAIL);

	RB_CLEAR_NODE(&mark->it.rb);
	mark->rounds = t->rounds - (t->rounds && READ_ONCE(m->dma->born) < t->called);
	mark->m = m;
	muser_get(m);
	list_add(&mark->link, &t->marks);
	return mark;
}

static void dma_mark_lift(struct muser_dma_state *st, struct dma_mark *mark)
{
	lockdep_assert_held(&st->lock);
	if (!RB_EMPTY_NODE(&mark->it.rb))
		interval_tree_remove(&mark->it, &st->marks);
	RB_CLEAR_NODE(&mark->it.rb);
	WRITE_ONCE(st->nr_late, st->nr_late - mark->late);
	mark->late = false;
}

/*
 * While it is there: no new pins or copies, and those under way are void. VFIO may still call for a
 * device that was closed: it is not to be there for the next client.
 */
static void dma_mark_place(struct dma_mark *mark, unsigned long first, unsigned long last)
{
	struct muser_dma_state *st = mark->m->dma;
	struct interval_tree_node *it;

	spin_lock(&st->lock);
	dma_mark_lift(st, mark);
	mark->it.start = first;
	mark->it.last = last;
	if (st->open)
		interval_tree_insert(&mark->it, &st->marks);
	for (it = interval_tree_iter_first(&st->ops, first, last); it;
	     it = interval_tree_iter_next(it, first, last))
		WRITE_ONCE(container_of(it, struct dma_op, it)->revoked, true);
	spin_unlock(&st->lock);
	mark->range_rounds = 0;
}

static void dma_mark_set_late(struct dma_mark *mark)
{
	struct muser_dma_state *st = mark->m->dma;

	spin_lock(&st->lock);
	if (!RB_EMPTY_NODE(&mark->it.rb) && !mark->late) {
		WRITE_ONCE(st->nr_late, st->nr_late + 1);
		mark->late = true;
	}
	spin_unlock(&st->lock);
}

/* The client leaves; its threads may be in the kernel for long, and come again to the next one. */
void dma_marks_lift(struct muser_dma_state *st)
{
	struct interval_tree_node *it;

	spin_lock(&st->lock);
	while ((it = interval_tree_iter_first(&st->marks, 0, ULONG_MAX)))
		dma_mark_lift(st, container_of(it, struct dma_mark, it));
	spin_unlock(&st->lock);
	wake_up_all(&st->wait);
}

/* ---- threads --------------------------------------------------------------------------- */

u64 dma_birth(void)
{
	return atomic64_inc_return(&dma_births);
}

static bool dma_thread_is_older(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct dma_thread, late)->born <
	       rb_entry(b, struct dma_thread, late)->born;
}

static void dma_thread_set_late(struct dma_thread *t, bool late)
{
	struct rb_node *first;

	if (late != RB_EMPTY_NODE(&t->late))
		return;
	spin_lock(&dma_threads_lock);
	if (late) {
		rb_add_cached(&t->late, &dma_late, dma_thread_is_older);
	} else {
		rb_erase_cached(&t->late, &dma_late);
		RB_CLEAR_NODE(&t->late);
	}
	first = rb_first_cached(&dma_late);
	WRITE_ONCE(dma_late_since,
		   first ? rb_entry(first, struct dma_thread, late)->born : U64_MAX);
	spin_unlock(&dma_threads_lock);
}

/*
 * Whose containers are the same is not known, so this may be a client that has nothing to do with
 * the one that unmaps. Its pins are to be copies then, which work. No lock is needed: whoever has
 * joined the container since a thread became late has had the list's lock after that.
 */
bool dma_is_late(const struct muser_dma_state *st)
{
	return !st->is_exact && READ_ONCE(st->born) > READ_ONCE(dma_late_since);
}

static struct dma_thread *dma_thread_find(void)
{
	struct dma_thread *t, *ret = NULL;

	spin_lock(&dma_threads_lock);
	hash_for_each_possible(dma_threads, t, link, (unsigned long)current) {
		if (t->task == current)
			ret = t;
	}
	spin_unlock(&dma_threads_lock);
	return ret;
}

static void dma_thread_lift(struct dma_thread *t)
{
	struct dma_mark *mark;

	dma_thread_set_late(t, false);
	list_for_each_entry(mark, &t->marks, link) {
		struct muser_dma_state *st = mark->m->dma;

		spin_lock(&st->lock);
		dma_mark_lift(st, mark);
		spin_unlock(&st->lock);
		wake_up_all(&st->wait);
	}
}

/* Its marks are lifted. */
static void dma_thread_free(struct dma_thread *t)
{
	struct dma_mark *mark, *next;

	list_for_each_entry_safe(mark, next, &t->marks, link) {
		muser_put(mark->m);
		kfree(mark);
	}
	spin_lock(&dma_threads_lock);
	hash_del(&t->link);
	spin_unlock(&dma_threads_lock);
	kfree(t);
	module_put(THIS_MODULE);
}

/* On the way back to the client, which may unmap more when nobody is late. */
static void dma_thread_leave(struct callback_head *work)
{
	struct dma_thread *t = container_of(work, struct dma_thread, work);
	struct dma_mark *mark;

	dma_thread_lift(t);
	list_for_each_entry(mark, &t->marks, link) {
		struct muser_dma_state *st = mark->m->dma;

		if (wait_event_killable(st->wait, !READ_ONCE(st->nr_late)))
			break;
	}
	dma_thread_free(t);
}

/* It stays in the kernel for as long as the page wants that VFIO writes the result to. */
static struct dma_thread *dma_thread_new(void)
{
	struct dma_thread *t = kzalloc(sizeof(*t), GFP_KERNEL | __GFP_NOFAIL);

	__module_get(THIS_MODULE);
	RB_CLEAR_NODE(&t->late);
	INIT_LIST_HEAD(&t->marks);
	init_task_work(&t->work, dma_thread_leave);
	t->task = current;
	t->born = dma_birth();
	spin_lock(&dma_threads_lock);
	hash_add(dma_threads, &t->link, (unsigned long)current);
	spin_unlock(&dma_threads_lock);
	return t;
}

/* ---- unmapping ----------------------------------------------------------------------- */

static void dma_wait_quiet(struct muser_dma_state *st, const struct dma_mark *mark)
{
	const bool is_last = st->is_exact || mark->range_rounds + 1 >= DMA_ROUNDS;
	const long patience = DMA_PATIENCE << min(mark->range_rounds, DMA_ROUNDS);
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

static struct dma_mark *dma_mark_begin(struct dma_thread *t, struct muser *m, unsigned long first,
				       unsigned long last)
{
	struct dma_mark *mark = dma_mark_find(t, m) ?: dma_mark_new(t, m);

	if (!dma_mark_is(mark, first, last))
		dma_mark_place(mark, first, last);
	mark->rounds++;
	t->rounds = max(t->rounds, mark->rounds);
	t->called = dma_birth();
	if (mark->rounds > 1 || READ_ONCE(m->dma->born) > t->born)
		dma_mark_set_late(mark);
	if (t->rounds >= DMA_JOINS)
		dma_thread_set_late(t, true);
	return mark;
}

void muser_dma_unmap(struct muser *m, u64 iova, u64 size)
{
	unsigned long first, last;
	struct dma_thread *old, *t;
	struct dma_mark *mark;

	if (!size || iova >= MUSER_DMA_LIMIT)
		return;
	first = iova >> PAGE_SHIFT;
	last = min(first + ((size - 1) >> PAGE_SHIFT), DMA_LAST_PAGE);
	old = dma_thread_find();
	t = old ?: dma_thread_new();
	mark = dma_mark_begin(t, m, first, last);
	dma_revoke(mark, iova, size);
	mark->range_rounds++;
	/* It fails for a task that has exited: it is not in an ioctl. */
	if (!old && (m->dma->is_exact || (current->flags & PF_KTHREAD) ||
		     task_work_add(current, &t->work, TWA_RESUME))) {
		dma_thread_lift(t);
		dma_thread_free(t);
	}
}
