// SPDX-License-Identifier: GPL-2.0-only
/*
 * irq_set.c - VFIO_DEVICE_SET_IRQS: what a client may ask, judged as vfio-pci does.
 *
 * All is judged before anything happens. New eventfds are in place before the server hears of
 * them, so that it can signal at once; if it says no, those come back whose place they took.
 * What the client takes away it has back at once: the server is notified, not asked, and by the one
 * who asks it just now, when that is over.
 */
#include <linux/errno.h>
#include <linux/freezer.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chan.h"
#include "irq.h"

/* A change of one index: the eventfds to come, then those that have been there. */
struct irq_change {
	struct irq_index *index;
	u32 start;
	u32 count;
	struct eventfd_ctx **ctx;
	u32 enabled;
	int mode;
	bool is_pci; /* there is a mode to change */
};

static int irq_begin(struct muser_irqs *q)
{
	return ___wait_event(q->wait, !test_and_set_bit_lock(0, &q->busy),
			     (TASK_KILLABLE | TASK_FREEZABLE), 1, 0, schedule());
}

/* Of what is the module's own, the server hears nothing. */
static bool irq_is_own(struct muser *m, u32 index)
{
	return index == VFIO_PCI_REQ_IRQ_INDEX && m->desc->own_req;
}

/* Which vectors of an index have an eventfd now, or that it is off. */
static void irq_post(struct muser *m, u32 index)
{
	struct vfio_irq_set set = { .flags = VFIO_IRQ_SET_ACTION_TRIGGER, .index = index };
	u8 *bytes;

	if (irq_is_own(m, index))
		return;
	bytes = kmalloc(MUSER_MAX_VECTORS, GFP_KERNEL | __GFP_NOFAIL);
	set.count = irq_census(m->irqs, index, bytes);
	set.flags |= set.count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE;
	muser_post_irqs(m, &set, set.count ? bytes : NULL);
	kfree(bytes);
}

/* Whoever is busy notifies the server for all who were not. */
static void irq_end(struct muser *m)
{
	struct muser_irqs *q = m->irqs;
	u32 i;

	do {
		for (i = 0; i < MUSER_MAX_IRQS; i++)
			if (test_and_clear_bit(i, &q->untold))
				irq_post(m, i);
		clear_bit_unlock(0, &q->busy);
		smp_mb__after_atomic(); /* before we look who waits, or has left us something */
		wake_up(&q->wait);
	} while (READ_ONCE(q->untold) && !test_and_set_bit_lock(0, &q->busy));
}

/* The server is to be notified of what is left of an index: by us, or by who is busy. */
static void irq_tell(struct muser *m, u32 index)
{
	struct muser_irqs *q = m->irqs;

	set_bit(index, &q->untold);
	smp_mb__after_atomic(); /* pairs with irq_end() */
	if (!test_and_set_bit_lock(0, &q->busy))
		irq_end(m);
}

/* ---- changes ------------------------------------------------------------------------- */

static void irq_change_free(struct irq_change *c)
{
	u32 i;

	for (i = 0; i < c->count; i++)
		if (c->ctx[i])
			eventfd_ctx_put(c->ctx[i]);
	kvfree(c->ctx);
}

/* Nothing of it is in effect yet. */
static int irq_change_new(struct irq_change *c, const s32 *fds)
{
	struct eventfd_ctx *ctx;
	u32 i;

	c->ctx = kvcalloc(c->count, sizeof(*c->ctx), MUSER_GFP_PEER);
	if (!c->ctx)
		return -ENOMEM;
	for (i = 0; i < c->count; i++) {
		if (fds[i] < 0)
			continue;
		ctx = eventfd_ctx_fdget(fds[i]);
		if (IS_ERR(ctx)) {
			irq_change_free(c);
			return PTR_ERR(ctx);
		}
		c->ctx[i] = ctx;
	}
	return 0;
}

/* Once to do it, once more to undo it; but an eventfd that was taken away does not come back. */
static void irq_change_swap_locked(struct muser_irqs *q, struct irq_change *c, bool undo)
{
	struct eventfd_ctx **ctx = c->index->ctx + c->start;
	u32 i;

	if (!undo)
		c->enabled = max(c->index->enabled, c->start + c->count);
	for (i = 0; i < c->count; i++)
		if (!undo || ctx[i])
			swap(ctx[i], c->ctx[i]);
	swap(c->index->enabled, c->enabled);
	if (c->is_pci)
		swap(q->mode, c->mode);
}

/* False: the index was switched off, and stays so. */
static bool irq_change_swap(struct muser_irqs *q, struct irq_change *c, bool undo)
{
	bool is_open;

	spin_lock(&q->lock);
	is_open = c->index->ctx;
	if (is_open)
		irq_change_swap_locked(q, c, undo);
	spin_unlock(&q->lock);
	return is_open;
}

/* Room for all vectors of an index, from the first one on. */
static int irq_index_open(struct muser_irqs *q, struct irq_index *i, u32 nr)
{
	struct eventfd_ctx **ctx;

	if (i->ctx)
		return 0;
	ctx = kvcalloc(nr, sizeof(*ctx), MUSER_GFP_PEER);
	if (!ctx)
		return -ENOMEM;
	spin_lock(&q->lock);
	i->ctx = ctx;
	i->nr = nr;
	spin_unlock(&q->lock);
	return 0;
}

/* In effect from now on. What is switched off meanwhile is opened once more. */
static int irq_change_make(struct muser *m, const struct vfio_irq_set *set, struct irq_change *c)
{
	int ret;

	if (set->index == VFIO_PCI_INTX_IRQ_INDEX && c->ctx[0] && irq_unmasks(m, c->ctx[0]))
		return -EINVAL;
	do
		ret = irq_index_open(m->irqs, c->index, m->desc->irq[set->index].count);
	while (!ret && !irq_change_swap(m->irqs, c, false));
	return ret;
}

/* The server is asked about vectors that get an eventfd, or lose it by the way. */
static int irq_change_ask(struct muser *m, const struct vfio_irq_set *set, const s32 *fds)
{
	u8 *bytes;
	int ret;
	u32 i;

	if (irq_is_own(m, set->index))
		return 0;
	bytes = kmalloc(set->count, GFP_KERNEL_ACCOUNT);
	if (!bytes)
		return -ENOMEM;
	for (i = 0; i < set->count; i++)
		bytes[i] = fds[i] >= 0;
	ret = irq_send(m, set, bytes, false);
	kfree(bytes);
	return ret;
}

static int irq_change_apply(struct muser *m, const struct vfio_irq_set *set, struct irq_change *c,
			    const s32 *fds)
{
	int ret = irq_change_new(c, fds);

	if (ret)
		return ret;
	ret = irq_change_make(m, set, c);
	if (ret)
		goto out;
	ret = irq_change_ask(m, set, fds);
	if (ret) {
		irq_change_swap(m->irqs, c, true);
		irq_tell(m, set->index); /* one that was late may have taken it */
	}
out:
	irq_change_free(c);
	return ret;
}

/* ---- VFIO_IRQ_SET_ACTION_TRIGGER ------------------------------------------------------ */

static int irq_enable(struct muser *m, const struct vfio_irq_set *set, const s32 *fds)
{
	struct irq_index *index = &m->irqs->index[set->index];
	bool is_pci = IRQ_IS_PCI(set->index);
	struct irq_change c = {
		.index = index,
		.start = set->start,
		.count = set->count,
		.mode = set->index,
		.is_pci = is_pci,
	};

	/* vfio-pci: all vectors that will ever be used are enabled at once. */
	if (is_pci && m->irqs->mode == set->index && c.start + c.count > index->enabled &&
	    (m->desc->irq[set->index].flags & VFIO_IRQ_INFO_NORESIZE))
		return -EINVAL;
	return irq_change_apply(m, set, &c, fds);
}

/* Loopback: interrupts by order of the client. */
static int irq_loop(struct muser *m, const struct vfio_irq_set *set, const u8 *bytes)
{
	const struct muser_irq req = { .index = VFIO_PCI_REQ_IRQ_INDEX };

	if (set->start + set->count > m->irqs->index[set->index].enabled)
		return -EINVAL;
	if (!irq_is_own(m, set->index))
		return irq_send(m, set, bytes, false);
	if (!bytes || bytes[0])
		muser_irq_trigger(m, &req);
	return 0;
}

static int irq_set_trigger(struct muser *m, const struct vfio_irq_set *set, const void *data)
{
	bool is_pci = IRQ_IS_PCI(set->index);
	int mode = m->irqs->mode;

	if (!set->count || (is_pci && mode != set->index && mode != -1))
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return irq_enable(m, set, data);
	if (is_pci && mode == -1)
		return -EINVAL;
	return irq_loop(m, set, set->flags & VFIO_IRQ_SET_DATA_BOOL ? data : NULL);
}

/* ---- VFIO_IRQ_SET_ACTION_MASK and _UNMASK --------------------------------------------- */

static bool irq_set_is_mask(const struct vfio_irq_set *set)
{
	return set->flags & VFIO_IRQ_SET_ACTION_MASK;
}

static int irq_set_unmask_eventfd(struct muser *m, s32 fd)
{
	int ret = 0;

	mutex_lock(&m->irqs->unmask_lock);
	if (fd >= 0)
		ret = irq_unmask_enable(m, fd);
	else
		irq_unmask_disable(m);
	mutex_unlock(&m->irqs->unmask_lock);
	return ret;
}

/* Not of an INTx that was switched off meanwhile. */
static void irq_set_masked(struct muser_irqs *q, bool masked)
{
	spin_lock(&q->lock);
	if (q->mode == VFIO_PCI_INTX_IRQ_INDEX)
		WRITE_ONCE(q->masked, masked);
	spin_unlock(&q->lock);
}

static int irq_set_mask(struct muser *m, const struct vfio_irq_set *set, const void *data)
{
	const u8 *bytes = set->flags & VFIO_IRQ_SET_DATA_BOOL ? data : NULL;
	bool is_intx = set->index == VFIO_PCI_INTX_IRQ_INDEX;
	int ret;

	if (!(m->desc->irq[set->index].flags & VFIO_IRQ_INFO_MASKABLE))
		return -ENOTTY;
	if (!set->count || (IRQ_IS_PCI(set->index) && m->irqs->mode != set->index))
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		if (irq_set_is_mask(set) || !is_intx)
			return -ENOTTY;
		return irq_set_unmask_eventfd(m, *(const s32 *)data);
	}
	ret = irq_send(m, set, bytes, false);
	if (!ret && is_intx && (!bytes || bytes[0]))
		irq_set_masked(m->irqs, irq_set_is_mask(set));
	return ret;
}

/* ---- what takes away ----------------------------------------------------------------- */

/* The whole index is switched off. */
static int irq_disable(struct muser *m, u32 index)
{
	struct muser_irqs *q = m->irqs;
	int ret = -EINVAL;

	mutex_lock(&q->unmask_lock);
	if (!IRQ_IS_PCI(index) || q->mode == index) {
		irq_index_close(q, index);
		if (index == VFIO_PCI_INTX_IRQ_INDEX)
			irq_unmask_disable(m);
		ret = 0;
	}
	mutex_unlock(&q->unmask_lock);
	if (!ret)
		irq_tell(m, index);
	return ret;
}

/* Some vectors of an index that is enabled lose their eventfds, and none gets one. */
static bool irq_removes(struct muser *m, const struct vfio_irq_set *set, const s32 *fds)
{
	const u32 enabled = m->irqs->index[set->index].enabled;
	u32 i;

	if (IRQ_IS_PCI(set->index) &&
	    (m->irqs->mode != set->index || set->start + set->count > enabled))
		return false;
	for (i = 0; i < set->count; i++)
		if (fds[i] >= 0)
			return false;
	return set->count;
}

static int irq_remove(struct muser *m, const struct vfio_irq_set *set)
{
	struct irq_index *index = &m->irqs->index[set->index];
	struct eventfd_ctx *ctx;
	u32 v;

	for (v = set->start; v < set->start + set->count; v++) {
		ctx = NULL;
		spin_lock(&m->irqs->lock);
		if (v < index->nr)
			swap(ctx, index->ctx[v]);
		spin_unlock(&m->irqs->lock);
		if (ctx)
			eventfd_ctx_put(ctx);
	}
	irq_tell(m, set->index);
	return 0;
}

/* 1: it takes nothing away, or not only. */
static int irq_set_removal(struct muser *m, const struct vfio_irq_set *set, const void *data)
{
	switch (set->flags) {
	case VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER:
		return set->count ? 1 : irq_disable(m, set->index);
	case VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER:
		return irq_removes(m, set, data) ? irq_remove(m, set) : 1;
	case VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK:
		return set->count && *(const s32 *)data < 0 ? irq_set_mask(m, set, data) : 1;
	default:
		return 1;
	}
}

/* ---- all of them --------------------------------------------------------------------- */

int muser_irq_set(struct muser *m, const struct vfio_irq_set *set, void *data)
{
	int ret = irq_set_removal(m, set, data);

	if (ret <= 0)
		return ret;
	if (irq_begin(m->irqs))
		return -EINTR;
	switch (set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) {
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		ret = irq_set_trigger(m, set, data);
		break;
	case VFIO_IRQ_SET_ACTION_MASK:
	case VFIO_IRQ_SET_ACTION_UNMASK:
		ret = irq_set_mask(m, set, data);
		break;
	default:
		ret = -EINVAL;
	}
	irq_end(m);
	return ret;
}
