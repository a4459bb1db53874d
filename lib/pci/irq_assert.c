/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq_assert.c - causes of interrupts: levels on INTx, edges on MSI and MSI-X.
 *
 * A cause has the number of a vector. INTx is asserted while one of them is; where messages are
 * enabled, one is sent when its cause is asserted. Which causes are is kept with the vectors of the
 * kind that has most of them, and so part of what is saved and left to the next process. Without
 * PCI each cause has a vector of its own.
 */
#include "gate/gate.h"
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
	const bool has_causes = !irq_is_pci(irqs) || index == cause_index(irqs);

	return VEC_STATE & ~((irq_is_level(&irqs->index[index]) ? 0 : VEC_EDGE) |
			     (has_causes ? 0 : VEC_ASSERTED));
}

void irq_count_asserted(struct irqs *irqs)
{
	const struct irq_index *idx;
	const struct vector *v;

	if (!irq_is_pci(irqs))
		return;
	idx = &irqs->index[cause_index(irqs)];
	irqs->asserted = 0;
	for (v = idx->vector; v < vector_end(idx); v++)
		irqs->asserted += !!(v->flags & VEC_ASSERTED);
}

void irq_fell(struct irqs *irqs, uint32_t index)
{
	struct crossing x = {
		.kind = LM_TRACE_IRQ_DEASSERT,
		.flags = irqs->trace_flags,
		.region = index,
	};

	if (gate_is_on(irqs->ctx, x.kind))
		gate_report(irqs->ctx, &x);
}

/* Without the line, which follows. */
static int message_send(struct irqs *irqs, uint32_t index, uint32_t cause)
{
	const uint32_t nr = irqs->index[index].count;

	irq_put_level(irqs, irqs->index[LM_DEV_INTX_IRQ_IDX].count);
	/* A guest may have enabled fewer messages than it was offered. */
	if (index == LM_DEV_MSI_IRQ_IDX)
		cause %= irqs->msi_enabled ? irqs->msi_nr : nr;
	return irq_fire(irqs, index, cause);
}

static int pci_assert(struct irqs *irqs, uint32_t cause)
{
	uint32_t n = 0;
	const uint32_t index = irq_select(irqs, &n);

	irqs->asserted++;
	return index == LM_DEV_INTX_IRQ_IDX ? irq_set_level(irqs, true) :
					      message_send(irqs, index, cause);
}

static int pci_deassert(struct irqs *irqs)
{
	uint32_t n = 0;

	if (--irqs->asserted)
		return LM_IRQ_DELIVERED;
	if (irq_select(irqs, &n) == LM_DEV_INTX_IRQ_IDX)
		irq_fall(irqs);
	else
		irq_put_level(irqs, false); /* no trace has said that it rose */
	return LM_IRQ_DELIVERED;
}

static int cause_set(struct irqs *irqs, uint32_t cause, bool on)
{
	const bool is_pci = irq_is_pci(irqs);
	uint32_t n = cause;
	const uint32_t index = is_pci ? cause_index(irqs) : irq_select(irqs, &n);
	struct irq_index *idx = &irqs->index[index];
	struct vector *v;

	if (n >= idx->count)
		return -EINVAL;
	if (irq_grow(idx, n + 1))
		return -ENOMEM;
	v = &idx->vector[n];
	if (on == !!(v->flags & VEC_ASSERTED))
		return LM_IRQ_DELIVERED;
	v->flags ^= VEC_ASSERTED;
	if (is_pci)
		return on ? pci_assert(irqs, cause) : pci_deassert(irqs);
	if (!irq_is_level(idx))
		return on ? irq_fire(irqs, index, n) : LM_IRQ_DELIVERED;
	if (on)
		return irq_rise(irqs, index);
	irq_fell(irqs, index);
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

void irq_update_line(struct irqs *irqs, uint32_t index)
{
	if (irqs->asserted && irq_is_message(&irqs->index[index]))
		irq_update(irqs, LM_DEV_INTX_IRQ_IDX, 0, 1);
}

static uint32_t pci_enabled(const struct irqs *irqs, uint32_t *vectors)
{
	uint32_t n = 0;
	const uint32_t index = irq_select(irqs, &n);

	*vectors = index == LM_DEV_MSI_IRQ_IDX && irqs->msi_enabled ? irqs->msi_nr :
								      irqs->index[index].count;
	return index;
}

LM_EXPORT uint32_t lm_irq_enabled(lm_ctx_t *ctx, uint32_t *vectors)
{
	const struct irqs *irqs = ctx->irqs;
	uint32_t index = 0, nr = 0, i;

	irq_lock(ctx);
	if (irq_is_pci(irqs))
		index = pci_enabled(irqs, &nr);
	else
		for (i = 0; i < irqs->nr; i++)
			nr += irqs->index[i].count;
	irq_unlock(ctx);
	if (vectors)
		*vectors = nr;
	return index;
}
