// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_run.c - runs: what one call of VFIO has pinned.
 *
 * iommufd unpins exactly what was pinned by one call and is still mapped, or warns and leaves it
 * pinned for good. So the table knows where runs begin: their first page is marked DMA_HEAD; a run
 * ends before the next one, or where the table has no page. Each is at most DMA_BATCH pages, all of
 * them writable or none, and pinned once.
 *
 * What the client unmaps may be cut out of a run as it is: iommufd keeps account of each of the
 * client's mappings (area) by itself, and unmaps whole ones. The server's ranges may begin and end
 * anywhere: there, the two sides are pinned once more, each by itself, before the whole is
 * unpinned. No page is let go by that; iommufd does not even look at the client's memory.
 *
 * VFIO's own type1 counts page by page: runs do not matter, and cost nothing.
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "dma.h"

void dma_run_open(struct muser_dma_state *st)
{
#ifdef HAVE_VFIO_IOMMUFD
	st->is_exact = st->vdev->iommufd_access;
#endif
}

bool dma_run_begins(struct muser_dma_state *st, unsigned long page)
{
	return st->is_exact && xa_get_mark(&st->pages, page, DMA_HEAD);
}

/* The run that has @page; false: it is not pinned. */
static bool dma_run_find(struct muser_dma_state *st, unsigned long page, struct dma_range *run)
{
	bool ret;

	run->first = page;
	run->last = page;
	down_read(&st->map_lock);
	ret = xa_load(&st->pages, page);
	if (ret) {
		while (!xa_get_mark(&st->pages, run->first, DMA_HEAD))
			run->first--;
		while (xa_load(&st->pages, run->last + 1) &&
		       !xa_get_mark(&st->pages, run->last + 1, DMA_HEAD))
			run->last++;
	}
	up_read(&st->map_lock);
	return ret;
}

static bool dma_run_is(struct muser_dma_state *st, const struct dma_op *op)
{
	struct dma_range run;

	return dma_run_find(st, op->it.start, &run) && run.first == op->it.start &&
	       run.last == op->it.last;
}

/* Pages that are pinned cannot be pinned again only if the client is unmapping them. */
static int dma_run_pin(struct muser_dma_state *st, unsigned long first, unsigned long end,
		       struct page **pages)
{
	const bool write = dma_entry_is_writable(xa_load(&st->pages, first));
	int ret;

	ret = vfio_pin_pages(st->vdev, (dma_addr_t)first << PAGE_SHIFT, end - first,
			     write ? IOMMU_READ | IOMMU_WRITE : IOMMU_READ, pages);
	if (ret == -ENOMEM)
		return ret;
	return ret < 0 ? -EBUSY : 0;
}

static void dma_run_unpin(struct muser_dma_state *st, unsigned long first, unsigned long end)
{
	vfio_unpin_pages(st->vdev, (dma_addr_t)first << PAGE_SHIFT, end - first);
}

/* Whoever takes pages from the table now finds one run, or two. */
static bool dma_run_mark(struct muser_dma_state *st, const struct dma_op *op, unsigned long page)
{
	bool ret;

	down_write(&st->map_lock);
	ret = !READ_ONCE(op->revoked);
	if (ret)
		xa_set_mark(&st->pages, page, DMA_HEAD);
	up_write(&st->map_lock);
	return ret;
}

static int dma_run_halve(struct muser_dma_state *st, const struct dma_op *op, unsigned long page,
			 struct page **pages)
{
	const unsigned long first = op->it.start, end = op->it.last + 1;
	int ret;

	ret = dma_run_pin(st, first, page, pages);
	if (ret)
		return ret;
	ret = dma_run_pin(st, page, end, pages);
	if (ret)
		goto unpin_left;
	if (dma_run_mark(st, op, page)) {
		dma_run_unpin(st, first, end);
		return 0;
	}
	ret = -EBUSY;
	dma_run_unpin(st, page, end);
unpin_left:
	dma_run_unpin(st, first, page);
	return ret;
}

int dma_run_cut(struct muser_dma_state *st, unsigned long page)
{
	struct page **pages;
	struct dma_range run;
	struct dma_op op;
	int ret, revoked;

	lockdep_assert_held(&st->pin_lock);
	if (!st->is_exact || !dma_run_find(st, page, &run) || run.first == page)
		return 0;
	pages = kmalloc_array(DMA_BATCH, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	ret = dma_op_begin(st, &op, run.first, run.last - run.first + 1);
	if (!ret) {
		/* What the client has unmapped since we looked may be other memory by now. */
		ret = dma_run_is(st, &op) ? dma_run_halve(st, &op, page, pages) : -EBUSY;
		revoked = dma_op_end(st, &op);
		ret = revoked ? revoked : ret;
	}
	kfree(pages);
	return ret;
}
