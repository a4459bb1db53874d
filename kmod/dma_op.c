// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_op.c - operations on pages of the client's memory: what unmapping waits for.
 */
#include <linux/sched/signal.h>

#include "dma.h"

/* No thread is late to unmap for as long as that, unless its client has it stay in the kernel. */
#define OP_PATIENCE (10 * HZ)

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
	case -EAGAIN: /* pages that do not come */
		return -EOPNOTSUPP;
	case -ENODEV: /* the client's memory is gone */
		return -ENOTCONN;
	default:
		return error;
	}
}

static bool op_may_begin(const struct muser_dma_state *st)
{
	return !READ_ONCE(st->nr_late) || !READ_ONCE(st->open);
}

int dma_op_begin(struct muser_dma_state *st, struct dma_op *op, unsigned long first,
		 unsigned long pages)
{
	long left;
	int ret = 0;

	op->it.start = first;
	op->it.last = first + pages - 1;
	op->revoked = false;
	left = wait_event_killable_timeout(st->wait, op_may_begin(st), OP_PATIENCE);
	if (left <= 0)
		return left ? -EINTR : -EBUSY;
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
