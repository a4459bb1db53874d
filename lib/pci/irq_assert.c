/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq_assert.c - causes of interrupts: levels on INTx, edges on MSI and MSI-X.
 *
 * A cause has the number of a vector. INTx is asserted while one of them is; where messages are
 * enabled, one is sent when its cause is asserted. Which causes are is kept with the vectors of the
 * kind that has most of them, and so part of what is saved and left to the next process.
 */
#include "pci/irq.h"

static uint32_t cause_index(const struct irqs *irqs)
{
	uint32_t i, index = LM_DEV_INTX_IRQ_IDX;

	for (i = LM_DEV_MSI_IRQ_IDX; i <= LM_DEV_MSIX_IRQ_IDX; i++) {
		if (irqs->index[i].count >= irqs->index[index].count)
			index = i;
	}
	return index;
}

uint32_t irq_states(const struct irqs *irqs, uint32_t index)
{
	return VEC_STATE & ~((index == LM_DEV_INTX_IRQ_IDX ? 0 : VEC_EDGE) |
			     (index == cause_index(irqs) ? 0 : VEC_ASSERTED));
}

void irq_count_asserted(struct irqs *irqs)
{
	const struct irq_index *idx = &irqs->index[cause_index(irqs)];
	const struct vector *v;

	irqs->asserted = 0;
	for (v = idx->vector; v < vector_end(idx); v++)
		irqs->asserted += !!(v->flags & VEC_ASSERTED);
}

/* Without the line, which follows. */
static int message_send(struct irqs *irqs, uint32_t index, uint32_t cause)
{
	irq_put_level(irqs, irqs->index[LM_DEV_INTX_IRQ_IDX].count);
	/* A guest may have enabled fewer messages than it was offered. */
	if (index == LM_DEV_MSI_IRQ_IDX && irqs->msi_enabled)
		cause &= irqs->msi_nr - 1;
	return irq_fire(irqs, index, cause);
}

static int cause_assert(struct irqs *irqs, uint32_t cause)
{
	const uint32_t index = irq_kind(irqs, cause);

	irqs->asserted++;
	return index == LM_DEV_INTX_IRQ_IDX ? irq_set_level(irqs, true) :
					      message_send(irqs, index, cause);
}

static int cause_set(struct irqs *irqs, uint32_t cause, bool on)
{
	struct irq_index *idx = &irqs->index[cause_index(irqs)];
	struct vector *v;

	if (cause >= idx->count)
		return -EINVAL;
	if (irq_grow(idx, cause + 1))
		return -ENOMEM;
	v = &idx->vector[cause];
	if (on == !!(v->flags & VEC_ASSERTED))
		return LM_IRQ_DELIVERED;
	v->flags ^= VEC_ASSERTED;
	if (on)
		return cause_assert(irqs, cause);
	if (--irqs->asserted)
		return LM_IRQ_DELIVERED;
	if (irq_kind(irqs, 0) == LM_DEV_INTX_IRQ_IDX)
		irq_fall(irqs);
	else
		irq_put_level(irqs, false); /* no trace has said that it rose */
	return LM_IRQ_DELIVERED;
}

LM_EXPORT int lm_irq_assert(lm_ctx_t *ctx, uint32_t cause, bool asserted)
{
	int ret;

	irq_lock(ctx);
	ret = cause_set(ctx->irqs, cause, asserted);
	irq_unlock(ctx);
	return ret;
}

LM_EXPORT uint32_t lm_irq_enabled(lm_ctx_t *ctx, uint32_t *vectors)
{
	const struct irqs *irqs = ctx->irqs;
	uint32_t index;

	irq_lock(ctx);
	index = irq_kind(irqs, 0);
	if (vectors)
		*vectors = index == LM_DEV_MSI_IRQ_IDX && irqs->msi_enabled ?
				   irqs->msi_nr :
				   irqs->index[index].count;
	irq_unlock(ctx);
	return index;
}
