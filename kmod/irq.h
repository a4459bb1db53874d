/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irq.h - eventfds by index and vector: what irq.c and irq_set.c share.
 *
 * The lock guards eventfds and modes, is never held while the server is waited for, and is taken
 * outside of those of the eventfds. Whoever has set "busy" is the only one to enable anything, and
 * to notify the server; waiting for it is killable and freezable, which a mutex is not. What takes
 * away is not busy: it needs the locks alone.
 */
#ifndef MUSER_IRQ_H
#define MUSER_IRQ_H

#include <linux/bitops.h>

#include "muser.h"

struct irq_index {
	struct eventfd_ctx **ctx; /* a vector each; NULL until one is set */
	u32 nr;                   /* of ctx[] */
	u32 enabled;              /* vectors in use: MSI and MSI-X grow by them */
};

struct muser_irqs {
	struct muser *m;
	spinlock_t lock;          /* ctx[], enabled, mode, masked */
	struct mutex unmask_lock; /* unmask, and INTx going; for moments, inside of "busy" */
	unsigned long busy;       /* bit 0 */
	unsigned long untold;     /* by index: the server is to be notified of what is left */
	wait_queue_head_t wait;   /* for "busy" */
	struct irq_index index[MUSER_MAX_IRQS];
	int mode;                  /* INTx, MSI or MSI-X: which one is enabled; or -1 */
	bool masked;               /* INTx, by the client */
	struct irq_unmask *unmask; /* INTx: the eventfd that unmasks; or NULL */
};

#define IRQ_IS_PCI(index) ((index) <= VFIO_PCI_MSIX_IRQ_INDEX) /* one of them at a time */

/* irq.c */
u32 irq_census(struct muser_irqs *q, u32 index, u8 *bytes);
void irq_index_close(struct muser_irqs *q, u32 index);
int irq_send(struct muser *m, const struct vfio_irq_set *set, const u8 *bytes, bool first);
int irq_unmask_enable(struct muser *m, s32 fd);
void irq_unmask_disable(struct muser *m);
bool irq_unmasks(struct muser *m, const struct eventfd_ctx *ctx);

#endif /* MUSER_IRQ_H */
