// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap_trap.c - which pages of device memory the client has written to.
 *
 * A page is armed: its mappings go, so the next write faults, disarms it and makes it dirty.
 * Which value was written is not seen, nor are writes until it is armed again. Refuses nothing
 * to the client: its fault sets two bits and goes on.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mmap.h"

/* Pages a step: a page of bitmap. */
#define TRAP_STEP (PAGE_SIZE * BITS_PER_BYTE)

struct trap_range {
	unsigned long first, pages;
};

/* In this order, so that where there is a bit, something is pending. */
static bool mem_set_dirty(struct muser_mem_space *s, unsigned long page)
{
	atomic_inc(&s->m->mem.pending);
	if (!test_and_set_bit(page, s->dirty))
		return true;
	atomic_dec(&s->m->mem.pending);
	return false;
}

static bool mem_clear_dirty(struct muser_mem_space *s, unsigned long page)
{
	if (!test_and_clear_bit(page, s->dirty))
		return false;
	atomic_dec(&s->m->mem.pending);
	return true;
}

void mem_written(struct muser_mem_space *s, pgoff_t page)
{
	/* Pairs with mem_bitmaps(). */
	unsigned long *armed = smp_load_acquire(&s->armed);

	/* That the page is in the cache is seen by mem_arm(), or its bit here. */
	smp_mb();
	if (!armed || !test_bit(page, armed) || !test_and_clear_bit(page, armed))
		return;
	if (mem_set_dirty(s, page))
		muser_wake(s->m);
}

bool muser_mem_pending(struct muser *m)
{
	return atomic_read(&m->mem.pending) > 0;
}

/* The bitmaps come at the first use, and stay. */
static int mem_bitmaps(struct muser_mem_space *s)
{
	const size_t bytes = BITS_TO_LONGS(s->size >> PAGE_SHIFT) * sizeof(long);
	unsigned long *armed;

	lockdep_assert_held(&s->m->mem.lock);
	if (s->armed)
		return 0;
	armed = kvzalloc(bytes, MUSER_GFP_PEER);
	s->dirty = kvzalloc(bytes, MUSER_GFP_PEER);
	if (!armed || !s->dirty) {
		kvfree(armed);
		kvfree(s->dirty);
		s->dirty = NULL;
		return -ENOMEM;
	}
	/* Pairs with mem_written(): with this bitmap, the other one is there. */
	smp_store_release(&s->armed, armed);
	return 0;
}

static void mem_arm(struct muser_mem_space *s, unsigned long first, unsigned long pages)
{
	unsigned long i;

	for (i = first; i < first + pages; i++)
		set_bit(i, s->armed);
	/* Pairs with mem_written(). */
	smp_mb();
	muser_unmap_pages(s->file->f_mapping, first, pages);
}

static void mem_disarm(struct muser_mem_space *s, const struct trap_range *r)
{
	unsigned long i = r->first;

	for_each_set_bit_from(i, s->armed, r->first + r->pages)
		clear_bit(i, s->armed);
	i = r->first;
	for_each_set_bit_from(i, s->dirty, r->first + r->pages)
		mem_clear_dirty(s, i);
}

/* Move dirty bits of at most TRAP_STEP pages into @bits. */
static void mem_take(struct muser_mem_space *s, const struct trap_range *r, unsigned long *bits)
{
	unsigned long i = r->first;

	bitmap_zero(bits, TRAP_STEP);
	for_each_set_bit_from(i, s->dirty, r->first + r->pages) {
		if (mem_clear_dirty(s, i))
			__set_bit(i - r->first, bits);
	}
}

static void mem_give_back(struct muser_mem_space *s, const struct trap_range *r,
			  const unsigned long *bits)
{
	unsigned long i;

	for_each_set_bit(i, bits, r->pages)
		mem_set_dirty(s, r->first + i);
}

static int mem_fetch_step(struct muser_mem_space *s, const struct trap_range *r,
			  void __user *user, bool arm)
{
	unsigned long *bits = bitmap_alloc(TRAP_STEP, GFP_KERNEL);
	unsigned int start, end;
	int ret = 0;

	if (!bits)
		return -ENOMEM;
	mem_take(s, r, bits);
	if (copy_to_user(user, bits, DIV_ROUND_UP(r->pages, 64) * sizeof(u64))) {
		mem_give_back(s, r, bits);
		ret = -EFAULT;
	} else if (arm) {
		for_each_set_bitrange(start, end, bits, r->pages)
			mem_arm(s, r->first + start, end - start);
	}
	bitmap_free(bits);
	return ret;
}

static int mem_fetch(struct muser_mem_space *s, struct trap_range r, u64 user, bool arm)
{
	const unsigned long end = r.first + r.pages;
	int ret = 0;

	while (!ret && r.first < end) {
		r.pages = min(end - r.first, TRAP_STEP);
		ret = mem_fetch_step(s, &r, u64_to_user_ptr(user), arm);
		r.first += r.pages;
		user += TRAP_STEP / BITS_PER_BYTE;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return ret;
}

static int mem_trap(struct muser_mem_space *s, const struct muser_trap *arg)
{
	const struct trap_range r = {
		.first = array_index_nospec(arg->offset >> PAGE_SHIFT, s->size >> PAGE_SHIFT),
		.pages = arg->size >> PAGE_SHIFT,
	};
	const bool arm = arg->flags & MUSER_TRAP_ARM;
	int ret = mem_bitmaps(s);

	if (!ret && (arg->flags & MUSER_TRAP_FETCH))
		ret = mem_fetch(s, r, arg->bitmap, arm);
	else if (!ret && arm)
		mem_arm(s, r.first, r.pages);
	if (!ret && (arg->flags & MUSER_TRAP_OFF))
		mem_disarm(s, &r);
	return ret;
}

static bool trap_is_valid(const struct muser_trap *arg)
{
	const u32 all = MUSER_TRAP_ARM | MUSER_TRAP_FETCH | MUSER_TRAP_OFF;

	return arg->flags && arg->flags != (MUSER_TRAP_ARM | MUSER_TRAP_OFF) &&
	       arg->flags != all &&
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
	if (mutex_lock_killable(&m->mem.lock))
		return -EINTR;
	ret = mem_trap(s, arg);
	mutex_unlock(&m->mem.lock);
	/* After the bits: what came before a write whose bit was taken is counted. */
	if (arg->flags & MUSER_TRAP_FETCH)
		arg->posted = muser_posted(m);
	return ret;
}
