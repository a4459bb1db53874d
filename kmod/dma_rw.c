// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_rw.c - MUSER_DMA_RW: copy to and from the client's memory, piece by piece.
 *
 * From what is pinned already; else by pins for a moment; else by a worker, as VFIO copies for
 * kernel threads and the client itself only. The server's memory is never touched while pages are
 * pinned or locked, as its faults may take as long as they like: there is a buffer in between.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "dma.h"

#define RW_PIECE 65536UL
#define RW_PAGES (RW_PIECE / PAGE_SIZE + 1)

/* A piece. It belongs to two: the server's thread, which may be killed, and the worker. */
struct dma_rw {
	struct kref ref;
	struct muser *m;
	u64 iova;
	size_t len;
	bool write; /* to the client */
	int result;
	struct dma_op op;
	struct work_struct work;
	struct completion done;
	struct page *pages[RW_PAGES];
	u8 data[] __aligned(8);
};

static void dma_rw_release(struct kref *ref)
{
	struct dma_rw *rw = container_of(ref, struct dma_rw, ref);

	muser_put(rw->m);
	kvfree(rw);
}

static struct dma_rw *dma_rw_new(struct muser *m, const struct muser_dma_rw *arg)
{
	struct dma_rw *rw;

	rw = kvzalloc(sizeof(*rw) + min_t(u64, arg->size, RW_PIECE), MUSER_GFP_PEER);
	if (!rw)
		return NULL;
	kref_init(&rw->ref);
	init_completion(&rw->done);
	rw->m = m;
	muser_get(m);
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
		void *entry = xa_load(&rw->m->dma->pages, first + i);

		if (!entry || (rw->write && !dma_entry_is_writable(entry)))
			return false;
		rw->pages[i] = dma_entry_page(entry);
	}
	return true;
}

static bool dma_rw_pinned(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->m->dma;
	bool ret;

	down_read(&st->map_lock);
	ret = dma_rw_find(rw);
	if (ret)
		dma_rw_copy(rw);
	up_read(&st->map_lock);
	return ret;
}

/* Under dma_op_begin(). */
static int dma_rw_pinning(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->m->dma;
	bool write = rw->write;
	int ret;

	ret = dma_vfio_pin(st, &rw->op, &write, rw->pages);
	if (ret)
		return ret;
	dma_rw_copy(rw);
	vfio_unpin_pages(st->vdev, (dma_addr_t)rw->op.it.start << PAGE_SHIFT,
			 dma_op_pages(&rw->op));
	return 0;
}

/* The client's section is the worker's: dma_op_end() is called here. */
static void dma_rw_work(struct work_struct *work)
{
	struct dma_rw *rw = container_of(work, struct dma_rw, work);
	struct muser_dma_state *st = rw->m->dma;

	rw->result = vfio_dma_rw(st->vdev, rw->iova, rw->data, rw->len, rw->write);
	/* Mapped, but there is nothing behind it. */
	if (rw->result == -EFAULT)
		rw->result = -EINVAL;
	dma_op_end(st, &rw->op);
	complete(&rw->done);
	kref_put(&rw->ref, dma_rw_release);
}

static int dma_rw_by_worker(struct dma_rw *rw)
{
	kref_get(&rw->ref);
	reinit_completion(&rw->done);
	INIT_WORK(&rw->work, dma_rw_work);
	dma_queue_work(&rw->work);
	return wait_for_completion_killable(&rw->done) ? -EINTR : rw->result;
}

static int dma_rw_piece(struct dma_rw *rw)
{
	struct muser_dma_state *st = rw->m->dma;
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
	return dma_rw_by_worker(rw);
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
	rw = dma_rw_new(m, arg);
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
