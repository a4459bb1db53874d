// SPDX-License-Identifier: GPL-2.0-only
/*
 * irq.c - the client's eventfds: kept here, signalled for the server.
 *
 * Servers come and go, the eventfds stay until the client sets others or closes the device. What
 * it takes away is gone at once, whatever the server has to say.
 * Refuses vectors that have none. What the client may set is judged in irq_set.c.
 */
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "chan.h"
#include "irq.h"
#include "trace.h"

/* INTx is unmasked by an eventfd: a message each time that it is signalled. */
struct irq_unmask {
	struct muser *m;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table table;
	struct work_struct work;
};

int muser_irq_init(struct muser *m)
{
	struct muser_irqs *q = kzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return -ENOMEM;
	q->m = m;
	q->mode = -1;
	spin_lock_init(&q->lock);
	mutex_init(&q->unmask_lock);
	init_waitqueue_head(&q->wait);
	m->irqs = q;
	return 0;
}

void muser_irq_free(struct muser *m)
{
	if (!m->irqs)
		return;
	muser_irq_close(m);
	kfree(m->irqs);
}

/* ---- to the client ------------------------------------------------------------------- */

static int irq_signal(struct muser *m, u32 index, u32 vector)
{
	struct muser_irqs *q = m->irqs;
	struct irq_index *i;
	int ret = -ENOENT;

	if (index >= MUSER_MAX_IRQS)
		return -ENOENT;
	i = &q->index[array_index_nospec(index, MUSER_MAX_IRQS)];
	spin_lock(&q->lock);
	if (vector < i->nr) {
		struct eventfd_ctx *ctx = i->ctx[array_index_nospec(vector, i->nr)];

		if (ctx) {
			muser_eventfd_signal(ctx);
			muser_count(&m->stats.interrupts);
			ret = 0;
		}
	}
	spin_unlock(&q->lock);
	trace_muser_irq(m, index, vector, ret);
	return ret;
}

int muser_irq_trigger(struct muser *m, const struct muser_irq *arg)
{
	return irq_signal(m, arg->index, arg->vector);
}

void muser_irq_request(struct muser *m, unsigned int count)
{
	irq_signal(m, VFIO_PCI_REQ_IRQ_INDEX, 0);
}

/* ---- to the server ------------------------------------------------------------------- */

/* @bytes: one for each vector, or NULL. */
int irq_send(struct muser *m, const struct vfio_irq_set *set, const u8 *bytes, bool first)
{
	struct vfio_irq_set head = *set;
	u8 reply[sizeof(head)];
	struct muser_request req = {
		.cmd = CHAN_SET_IRQS,
		.head = &head,
		.head_len = sizeof(head),
		.data = bytes,
		.data_len = bytes ? set->count : 0,
		.reply = reply,
		.reply_size = sizeof(reply),
		.first = first,
	};

	head.argsz = sizeof(head) + req.data_len;
	return muser_call(m, &req);
}

/* Which vectors have an eventfd, into @bytes; how many bytes count. */
u32 irq_census(struct muser_irqs *q, u32 index, u8 *bytes)
{
	struct irq_index *i = &q->index[index];
	u32 nr, v;

	spin_lock(&q->lock);
	nr = IRQ_IS_PCI(index) && q->mode != index ? 0 : min(i->enabled, i->nr);
	for (v = 0; v < nr; v++)
		bytes[v] = !!i->ctx[v];
	spin_unlock(&q->lock);
	return nr;
}

static int irq_resend_index(struct muser *m, u32 index, u8 *bytes)
{
	struct vfio_irq_set set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
	};

	if (index == VFIO_PCI_REQ_IRQ_INDEX && m->desc->own_req)
		return 0;
	set.count = irq_census(m->irqs, index, bytes);
	return set.count ? irq_send(m, &set, bytes, true) : 0;
}

/* An unmask that the last server had not seen may be lost; one too many does no harm. */
static int irq_resend_mask(struct muser *m)
{
	struct vfio_irq_set set = {
		.flags = VFIO_IRQ_SET_DATA_NONE,
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.count = 1,
	};

	if (READ_ONCE(m->irqs->mode) != VFIO_PCI_INTX_IRQ_INDEX)
		return 0;
	set.flags |= READ_ONCE(m->irqs->masked) ? VFIO_IRQ_SET_ACTION_MASK :
						  VFIO_IRQ_SET_ACTION_UNMASK;
	return irq_send(m, &set, NULL, true);
}

int muser_irq_resend(struct muser *m)
{
	u8 *bytes = kmalloc(MUSER_MAX_VECTORS, GFP_KERNEL);
	int ret = bytes ? 0 : -ENOMEM;
	u32 i;

	for (i = 0; i < m->desc->nr_irqs && !ret; i++)
		ret = irq_resend_index(m, i, bytes);
	kfree(bytes);
	return ret ?: irq_resend_mask(m);
}

/* ---- an eventfd that unmasks --------------------------------------------------------- */

static void irq_unmask_work(struct work_struct *work)
{
	struct irq_unmask *u = container_of(work, struct irq_unmask, work);

	WRITE_ONCE(u->m->irqs->masked, false);
	muser_post_unmask(u->m);
}

/* Under the lock of the eventfd. Our reference keeps it, so that its end (HUP) is no news. */
static int irq_unmask_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irq_unmask *u = container_of(wait, struct irq_unmask, wait);
	__u64 count;

	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(u->ctx, &count);
		schedule_work(&u->work);
	}
	return 0;
}

static void irq_unmask_queue(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	add_wait_queue(head, &container_of(table, struct irq_unmask, table)->wait);
}

static void irq_unmask_free(struct irq_unmask *u)
{
	eventfd_ctx_put(u->ctx);
	kfree(u);
}

static struct irq_unmask *irq_unmask_new(struct muser *m, struct file *file)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fileget(file);
	struct irq_unmask *u;

	if (IS_ERR(ctx))
		return ERR_CAST(ctx);
	u = kzalloc(sizeof(*u), GFP_KERNEL_ACCOUNT);
	if (!u) {
		eventfd_ctx_put(ctx);
		return ERR_PTR(-ENOMEM);
	}
	u->m = m;
	u->ctx = ctx;
	INIT_WORK(&u->work, irq_unmask_work);
	init_waitqueue_func_entry(&u->wait, irq_unmask_wake);
	init_poll_funcptr(&u->table, irq_unmask_queue);
	return u;
}

/* The eventfd that INTx signals would unmask it with every interrupt, without end. */
static int irq_unmask_install(struct muser *m, struct irq_unmask *u)
{
	struct muser_irqs *q = m->irqs;
	struct irq_index *intx = &q->index[VFIO_PCI_INTX_IRQ_INDEX];
	int ret = 0;

	spin_lock(&q->lock);
	if (q->unmask)
		ret = -EBUSY;
	else if (q->mode != VFIO_PCI_INTX_IRQ_INDEX)
		ret = -EINVAL; /* it has just been switched off */
	else if (intx->nr && intx->ctx[0] == u->ctx)
		ret = -EINVAL;
	else
		q->unmask = u;
	spin_unlock(&q->lock);
	return ret;
}

/* From now on signals are ours: not before it is certain that this eventfd is taken. */
static void irq_unmask_listen(struct irq_unmask *u, struct file *file)
{
	if (vfs_poll(file, &u->table) & EPOLLIN)
		schedule_work(&u->work);
}

bool irq_unmasks(struct muser *m, const struct eventfd_ctx *ctx)
{
	bool same;

	spin_lock(&m->irqs->lock);
	same = m->irqs->unmask && m->irqs->unmask->ctx == ctx;
	spin_unlock(&m->irqs->lock);
	return same;
}

/* Caller is busy, and has unmask_lock as irq_unmask_disable()'s has: there is no other one. */
int irq_unmask_enable(struct muser *m, s32 fd)
{
	struct file *file = fget(fd);
	struct irq_unmask *u;
	int ret;

	if (!file)
		return -EBADF;
	u = irq_unmask_new(m, file);
	ret = PTR_ERR_OR_ZERO(u);
	if (ret)
		goto out;
	ret = irq_unmask_install(m, u);
	if (ret)
		irq_unmask_free(u);
	else
		irq_unmask_listen(u, file);
out:
	fput(file);
	return ret;
}

void irq_unmask_disable(struct muser *m)
{
	struct irq_unmask *u;
	__u64 count;

	spin_lock(&m->irqs->lock);
	u = m->irqs->unmask;
	m->irqs->unmask = NULL;
	spin_unlock(&m->irqs->lock);
	if (!u)
		return;
	eventfd_ctx_remove_wait_queue(u->ctx, &u->wait, &count);
	cancel_work_sync(&u->work);
	irq_unmask_free(u);
}

/* ---- the end ------------------------------------------------------------------------- */

/* All of its vectors lose their eventfds. */
void irq_index_close(struct muser_irqs *q, u32 index)
{
	struct irq_index *i = &q->index[index];
	struct eventfd_ctx **ctx;
	u32 nr, v;

	spin_lock(&q->lock);
	if (q->mode == index)
		q->mode = -1;
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		WRITE_ONCE(q->masked, false);
	ctx = i->ctx;
	nr = i->nr;
	i->ctx = NULL;
	i->nr = 0;
	i->enabled = 0;
	spin_unlock(&q->lock);
	for (v = 0; v < nr; v++)
		if (ctx[v])
			eventfd_ctx_put(ctx[v]);
	kvfree(ctx);
}

/* The client is in no call any more. */
void muser_irq_close(struct muser *m)
{
	struct muser_irqs *q = m->irqs;
	u32 i;

	irq_unmask_disable(m);
	for (i = 0; i < MUSER_MAX_IRQS; i++)
		irq_index_close(q, i);
}
