/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma.h - the client's memory: what dma*.c share.
 *
 * Locks, outermost first: pin_lock, map_lock, lock. VFIO takes locks of its own and the client's
 * mmap_lock: it is called under pin_lock at most. dma_unmap comes with VFIO's list of devices
 * locked, and pin_lock's holder may wait for that list's holder: it takes map_lock and lock only.
 */
#ifndef MUSER_DMA_H
#define MUSER_DMA_H

#include <linux/interval_tree.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>

#include "muser.h"

/* VFIO pins as many pages at once. */
#define DMA_BATCH     512UL
#define DMA_LAST_PAGE ((unsigned long)(MUSER_DMA_LIMIT >> PAGE_SHIFT) - 1)
/* How long VFIO may wait for the client's memory, with locks of the client's, at a time. */
#define DMA_TURN HZ
/* Chunks that are known not to be pinned as a whole. */
#define DMA_SPLIT 64U

/*
 * Somebody is about to pin or unpin these pages, or to copy from or to them. Unmapping waits for
 * it, and notifies it by @revoked.
 */
struct dma_op {
	struct interval_tree_node it; /* pages */
	bool revoked;
};

struct muser_dma_state {
	struct muser *m;
	struct vfio_device *vdev; /* of the client, constant while it has the device open */
	bool is_exact;            /* it is iommufd that pins, see dma_run.c */

	struct mutex pin_lock; /* one change by the server at a time */

	struct rw_semaphore map_lock; /* for reading: a page of @pages is in use, or inserted */
	struct xarray pages;          /* by page of IOVA: struct page *, tag 1: writable */
	struct page *scratch;
	bool scratch_shown; /* some mapping has it */
	atomic64_t pinned;

	spinlock_t lock; /* of all that follows, down to @wait */
	bool open;       /* there is a client, and VFIO tells us what it unmaps */
	u64 born;        /* dma_birth() of that client */
	struct rb_root_cached ops;
	struct rb_root_cached marks; /* struct dma_mark: being unmapped, not to be pinned */
	unsigned int nr_late;        /* of these: see dma_unmap.c */
	struct rb_root_cached files; /* struct dma_file: may be mapped as that */
	unsigned int nr_files;
	bool direct;                /* there may be files */
	struct list_head batches;   /* of pages to be unpinned, see dma_unpin.c ... */
	struct list_head unpinning; /* ... and those that somebody is unpinning */
	u64 queued, unpinned;       /* batches so far */
	unsigned long nr_unpinning, nr_helpers;
	struct list_head copies; /* for the copier */
	struct dma_rw *copying;  /* what it copies just now */
	bool copies_wait;        /* the server is about to pin */

	wait_queue_head_t wait; /* for ops and batches to end */

	/* Threads of the client's time. */
	struct task_struct *unpinner;
	wait_queue_head_t unpinner_wait;
	struct workqueue_struct *helpers; /* of the unpinner, while it is there */
	struct task_struct *copier;
	wait_queue_head_t copier_wait;

	u64 split[DMA_SPLIT]; /* under pin_lock: number of the chunk, plus one */

	/* Hints: the client's limit of locked memory was met so often: since then, or an unpin. */
	unsigned int nomem_all, nomem;
	unsigned long nomem_since;
};

#define DMA_NEW  XA_MARK_1 /* pinned by the call that holds pin_lock */
#define DMA_HEAD XA_MARK_2 /* the first page of a run, see dma_run.c */

static inline struct page *dma_entry_page(void *entry)
{
	return xa_untag_pointer(entry);
}

static inline bool dma_entry_is_writable(void *entry)
{
	return xa_pointer_tag(entry) & 1;
}

static inline unsigned long dma_op_pages(const struct dma_op *op)
{
	return op->it.last - op->it.start + 1;
}

/*
 * dma_op.c: waits, killably, while an unmap is late. -EINTR; -ENOTCONN; -EBUSY: being unmapped, or
 * an unmap is late for too long.
 */
int dma_op_begin(struct muser_dma_state *st, struct dma_op *op, unsigned long first,
		 unsigned long pages);
/* Returns -EBUSY if the client unmapped meanwhile. */
int dma_op_end(struct muser_dma_state *st, struct dma_op *op);
/* No operation is under way in [first, last]. */
bool dma_is_quiet(struct muser_dma_state *st, unsigned long first, unsigned long last);
/* [iova, iova + size) is something, and below MUSER_DMA_LIMIT. */
bool dma_range_is_valid(u64 iova, u64 size);
/* What VFIO's error means in our UAPI. */
int dma_error(int error);

/* dma_unpin.c: before the first pin, so that it is sure to be unpinned. Under pin_lock. */
int dma_unpinner_start(struct muser_dma_state *st);
void dma_unpinner_stop(struct muser_dma_state *st); /* there is nothing to be unpinned any more */
/* Have more threads call VFIO, and wait until they do, up to @patience. */
void dma_unpin_help(struct muser_dma_state *st, long patience);
/* Unpin all of [first, last]; the server sees scratch. It waits, killably. */
void dma_drop(struct muser_dma_state *st, unsigned long first, unsigned long last);
/* Without waiting; the number of the last batch of this, 0: nothing to do. */
u64 dma_drop_later(struct muser_dma_state *st, unsigned long first, unsigned long last);

/*
 * dma_rw.c: the client goes, and the thread that copied. Cancel: copies of pages in [first, last]
 * fail with @error, others are interrupted: they let go of VFIO's lock, to be begun again.
 */
void dma_rw_close(struct muser_dma_state *st);
void dma_rw_cancel(struct muser_dma_state *st, unsigned long first, unsigned long last, int error);
/* No copy begins from here on, and the one that is under way has ended, or had its turn. */
void dma_rw_pause(struct muser_dma_state *st);
void dma_rw_resume(struct muser_dma_state *st);

/* dma_unmap.c: a number larger than all before; this client came too late to pin anything now */
u64 dma_birth(void);
bool dma_is_late(const struct muser_dma_state *st);
/* The client is gone: what its threads are still unmapping is not the next one's. */
void dma_marks_lift(struct muser_dma_state *st);

/* dma_run.c: there is a client */
void dma_run_open(struct muser_dma_state *st);
/* Whether it matters that VFIO's call for this page was another one than for the page before. */
bool dma_run_begins(struct muser_dma_state *st, unsigned long page);
/*
 * Have a run begin at @page, if it is pinned and if that matters: what is let go from here on, or
 * up to here, is whole runs then. Under pin_lock. -EBUSY: the client is unmapping it; -ENOMEM.
 */
int dma_run_cut(struct muser_dma_state *st, unsigned long page);

/* dma_map.c: mappings of these pages fault again */
void dma_zap(struct muser_dma_state *st, unsigned long first, unsigned long pages);

struct dma_range { /* pages */
	unsigned long first, last;
};

/*
 * dma_file.c: all that is wanted is of one file that may be mapped: [*first, *last], which are
 * pinned and contain it, become the part that is. Under pin_lock.
 */
bool dma_file_offer(struct muser_dma_state *st, const struct dma_range *wanted,
		    unsigned long *first, unsigned long *last);
int dma_file_mmap(struct muser *m, struct vm_area_struct *vma);
/* Such mappings of any of these pages show scratch from now on. */
void dma_files_revoke(struct muser_dma_state *st, unsigned long first, unsigned long last);

/*
 * dma_pin.c: pin all of @op's pages, or none. -EACCES and the like: see dma_error(). -EAGAIN: not
 * within a turn.
 * @write: 1: to be written, 0: if the client allows it; out: whether they are.
 */
int dma_vfio_pin(struct muser_dma_state *st, const struct dma_op *op, bool *write,
		 struct page **pages);

#endif /* MUSER_DMA_H */
