// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem_trap.c - which pages of device memory the client has written to.
 *
 * A page is armed: it leaves the client's mappings, so the next write faults, disarms it and makes
 * it dirty. Which value was written is not seen, nor are writes until it is armed again. Refuses
 * nothing to the client: its fault sets two bits and goes on.
 *
 * Locks, outermost first: trap_lock (mutex: one call of the server at a time), map_lock. Faults
 * look at a page's bits, and map it, with map_lock held for reading; whoever arms it holds it for
 * writing, and zaps afterwards what was mapped before. Server memory is not touched under map_lock.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mem.h"

/* Pages a step, for which the lock is held: a page of bitmap. */
#define TRAP_STEP (PAGE_SIZE * BITS_PER_BYTE)

struct trap_range {
	unsigned long first, pages;
};

void mem_written(struct muser_mem_space *s, unsigned long page)
{
	lockdep_assert_held(&s->m->mem.map_lock);
	if (!s->armed || !test_bit(page, s->armed) || !test_and_clear_bit(page, s->armed))
		return;
	if (test_and_set_bit(page, s->dirty))
		return;
	/* Before the write takes effect: what the client sends after it is flagged. */
	atomic_inc(&s->m->mem.pending);
	muser_wake(s->m);
}

/* The bitmaps come at the first use, and stay. */
static int mem_bitmaps(struct muser_mem_space *s)
{
	const size_t bytes = BITS_TO_LONGS(s->size >> PAGE_SHIFT) * sizeof(long);
	unsigned long *armed, *dirty;

	lockdep_assert_held(&s->m->mem.trap_lock);
	if (s->armed)
		return 0;
	armed = kvzalloc(bytes, MUSER_GFP_PEER);
	dirty = kvzalloc(bytes, MUSER_GFP_PEER);
	if (!armed || !dirty) {
		kvfree(armed);
		kvfree(dirty);
		return -ENOMEM;
	}
	down_write(&s->m->mem.map_lock);
	s->armed = armed;
	s->dirty = dirty;
	up_write(&s->m->mem.map_lock);
	return 0;
}

static void mem_arm(struct muser_mem_space *s, const struct trap_range *r)
{
	down_write(&s->m->mem.map_lock);
	bitmap_set(s->armed, r->first, r->pages);
	up_write(&s->m->mem.map_lock);
	mem_zap(s, r->first, r->pages);
}

static void mem_disarm(struct muser_mem_space *s, const struct trap_range *r)
{
	unsigned long i = r->first;

	down_write(&s->m->mem.map_lock);
	bitmap_clear(s->armed, r->first, r->pages);
	for_each_set_bit_from(i, s->dirty, r->first + r->pages)
		atomic_dec(&s->m->mem.pending);
	bitmap_clear(s->dirty, r->first, r->pages);
	up_write(&s->m->mem.map_lock);
}

/* Move dirty bits of at most TRAP_STEP pages into @bits. */
static void mem_take(struct muser_mem_space *s, const struct trap_range *r, unsigned long *bits)
{
	unsigned long i = r->first;

	bitmap_zero(bits, TRAP_STEP);
	down_write(&s->m->mem.map_lock);
	for_each_set_bit_from(i, s->dirty, r->first + r->pages) {
		__clear_bit(i, s->dirty);
		__set_bit(i - r->first, bits);
		atomic_dec(&s->m->mem.pending);
	}
	up_write(&s->m->mem.map_lock);
}

/* They may have been written again meanwhile. */
static void mem_give_back(struct muser_mem_space *s, const struct trap_range *r,
			  const unsigned long *bits)
{
	unsigned long i;

	down_write(&s->m->mem.map_lock);
	for_each_set_bit(i, bits, r->pages) {
		if (!__test_and_set_bit(r->first + i, s->dirty))
			atomic_inc(&s->m->mem.pending);
	}
	up_write(&s->m->mem.map_lock);
}

static void mem_arm_again(struct muser_mem_space *s, const struct trap_range *r,
			  const unsigned long *bits)
{
	unsigned int start, end;

	down_write(&s->m->mem.map_lock);
	for_each_set_bitrange(start, end, bits, r->pages)
		bitmap_set(s->armed, r->first + start, end - start);
	up_write(&s->m->mem.map_lock);
	for_each_set_bitrange(start, end, bits, r->pages)
		mem_zap(s, r->first + start, end - start);
}

static int mem_fetch(struct muser_mem_space *s, const struct trap_range *r, void __user *user,
		     bool arm)
{
	unsigned long *bits = bitmap_alloc(TRAP_STEP, GFP_KERNEL);
	int ret = 0;

	if (!bits)
		return -ENOMEM;
	mem_take(s, r, bits);
	if (copy_to_user(user, bits, DIV_ROUND_UP(r->pages, 64) * sizeof(u64))) {
		mem_give_back(s, r, bits);
		ret = -EFAULT;
	} else if (arm) {
		mem_arm_again(s, r, bits);
	}
	bitmap_free(bits);
	return ret;
}

static int mem_trap_step(struct muser_mem_space *s, const struct trap_range *r,
			 const struct muser_trap *arg)
{
	const u64 at = (r->first - (arg->offset >> PAGE_SHIFT)) / BITS_PER_BYTE;
	const bool arm = arg->flags & MUSER_TRAP_ARM;
	int ret = 0;

	if (arg->flags & MUSER_TRAP_FETCH)
		ret = mem_fetch(s, r, u64_to_user_ptr(arg->bitmap + at), arm);
	else if (arm)
		mem_arm(s, r);
	if (!ret && (arg->flags & MUSER_TRAP_OFF))
		mem_disarm(s, r);
	return ret;
}

static int mem_trap(struct muser_mem_space *s, const struct muser_trap *arg)
{
	const unsigned long first = array_index_nospec(arg->offset >> PAGE_SHIFT,
						       s->size >> PAGE_SHIFT);
	const unsigned long end = first + (arg->size >> PAGE_SHIFT);
	struct trap_range r = { .first = first };
	int ret = mem_bitmaps(s);

	for (; !ret && r.first < end; r.first += r.pages) {
		r.pages = min(end - r.first, TRAP_STEP);
		ret = mem_trap_step(s, &r, arg);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return ret;
}

static bool trap_is_valid(const struct muser_trap *arg)
{
	const u32 all = MUSER_TRAP_ARM | MUSER_TRAP_FETCH | MUSER_TRAP_OFF;

	return arg->flags && arg->flags != (MUSER_TRAP_ARM | MUSER_TRAP_OFF) && arg->flags != all &&
	       arg->size && PAGE_ALIGNED(arg->offset) && PAGE_ALIGNED(arg->size);
}

int muser_mem_trap(struct muser *m, struct muser_trap *arg)
{
	struct muser_mem_space *s = mem_space(m, arg->space);
	int ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	if (!trap_is_valid(arg))
		return -EINVAL;
	if (arg->offset > s->size || arg->size > s->size - arg->offset)
		return -EINVAL;
	if (mutex_lock_killable(&m->mem.trap_lock))
		return -EINTR;
	ret = mem_trap(s, arg);
	mutex_unlock(&m->mem.trap_lock);
	/* After the bits: what came before a write whose bit was taken is counted. */
	if (arg->flags & MUSER_TRAP_FETCH)
		arg->posted = muser_posted(m);
	return ret;
}
