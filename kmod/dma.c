// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma.c - the client's memory: its table of pages; who comes and goes.
 *
 * Nothing here waits for the server.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "dma.h"

int muser_dma_init(struct muser *m)
{
	struct muser_dma_state *st = kzalloc(sizeof(*st), GFP_KERNEL);

	if (!st)
		return -ENOMEM;
	st->scratch = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!st->scratch) {
		kfree(st);
		return -ENOMEM;
	}
	st->m = m;
	mutex_init(&st->pin_lock);
	init_rwsem(&st->map_lock);
	xa_init_flags(&st->pages, XA_FLAGS_ACCOUNT);
	spin_lock_init(&st->lock);
	st->ops = RB_ROOT_CACHED;
	st->marks = RB_ROOT_CACHED;
	st->files = RB_ROOT_CACHED;
	init_waitqueue_head(&st->wait);
	INIT_LIST_HEAD(&st->batches);
	INIT_LIST_HEAD(&st->unpinning);
	init_waitqueue_head(&st->unpinner_wait);
	INIT_LIST_HEAD(&st->copies);
	init_waitqueue_head(&st->copier_wait);
	m->dma = st;
	return 0;
}

void muser_dma_free(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	if (!st)
		return;
	xa_destroy(&st->pages);
	__free_page(st->scratch);
	kfree(st);
	m->dma = NULL;
}

u64 muser_dma_pinned(struct muser *m)
{
	return atomic64_read(&m->dma->pinned);
}

/* ---- client and server come and go --------------------------------------------------- */

/* Threads begin when the server pins or copies: a client that never has DMA costs none. */
void muser_dma_open(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	st->vdev = m->vdev;
	dma_run_open(st);
	WRITE_ONCE(st->nomem, 0);
}

void muser_dma_admit(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	spin_lock(&st->lock);
	WRITE_ONCE(st->born, dma_birth());
	WRITE_ONCE(st->open, true);
	spin_unlock(&st->lock);
}

/* What is under way ends, whatever the server does: none of it waits for the server. */
void muser_dma_close(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	spin_lock(&st->lock);
	WRITE_ONCE(st->open, false);
	spin_unlock(&st->lock);
	wake_up_all(&st->wait);
	dma_rw_cancel(st, 0, DMA_LAST_PAGE, -ENOTCONN);
	wait_event(st->wait, dma_is_quiet(st, 0, DMA_LAST_PAGE));
	dma_drop_later(st, 0, DMA_LAST_PAGE);
	wait_event(st->wait, dma_is_quiet(st, 0, DMA_LAST_PAGE));
	dma_rw_close(st);
	dma_unpinner_stop(st);
	dma_marks_lift(st);
	st->vdev = NULL;
}

/* VFIO, which the client may delay, is not waited for: servers can always end. */
void muser_dma_server_gone(struct muser *m)
{
	struct muser_dma_state *st = m->dma;

	mutex_lock(&st->pin_lock);
	dma_drop_later(st, 0, DMA_LAST_PAGE);
	clear_highpage(st->scratch);
	st->scratch_shown = false;
	mutex_unlock(&st->pin_lock);
}
