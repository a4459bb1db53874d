/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq_mask.c - masks of interrupts: which there are, who hears of them, what they held back.
 *
 * The client hears of a mask that comes or goes by the eventfds that it gave for that, traces by
 * a row, and what was raised meanwhile is delivered. A vector's flags say what was told of its own
 * masks alone. The function mask of MSI-X is a word beside them: a guest may turn it 2,048 vectors
 * at a time as fast as it can write, so only those are looked at of which somebody waits to hear.
 */
#include <stdlib.h>

#include "base/eventfd.h"
#include "gate/gate.h"
#include "pci/config.h"
#include "pci/irq.h"

#define WORD_BITS     64u
#define VISITS_A_UNIT 128u /* vectors that are looked at, or one system call: a unit of work */

/* ---- masks ----------------------------------------------------------------------- */

/* By the guest or musctl, but for the function mask. A function that uses MSI or MSI-X does not
 * use INTx (PCI Local Bus 3.0, 6.8.3.3 and 6.8.2). */
static bool is_masked_alone(const struct irqs *irqs, uint32_t index, uint32_t n,
			    const struct vector *v)
{
	if (v && v->flags & VEC_CONTROL)
		return true;
	switch (irqs->index[index].kind) {
	case LM_DEV_INTX_IRQ_IDX:
		return irqs->intx_disabled || irqs->msi_enabled || irqs->msix_enabled;
	case LM_DEV_MSI_IRQ_IDX: return irqs->msi_masks >> n & 1;
	case LM_DEV_MSIX_IRQ_IDX: return msix_is_masked(&irqs->ctx->config->msix, n);
	default: return false;
	}
}

bool irq_is_masked(const struct irqs *irqs, uint32_t index, uint32_t n, const struct vector *v)
{
	return (v && v->flags & VEC_CLIENT) ||
	       (irqs->msix_masked && irqs->index[index].kind == LM_DEV_MSIX_IRQ_IDX) ||
	       is_masked_alone(irqs, index, n, v);
}

/* ---- who hears of them ----------------------------------------------------------- */

/* Once for each change, whatever made it. True if an eventfd was written. */
bool irq_mask_notify(struct irqs *irqs, uint32_t index, uint32_t n, struct vector *v)
{
	const bool msix = irqs->index[index].kind == LM_DEV_MSIX_IRQ_IDX;
	const bool function = msix && irqs->msix_masked;
	const bool function_notified = msix && irqs->msix_notified;
	const bool alone = is_masked_alone(irqs, index, n, v), client = v->flags & VEC_CLIENT;
	const bool here = function || alone, masked = here || client;
	const bool was_here = function_notified || v->flags & VEC_TRACED;
	const bool was_masked = function_notified || v->flags & VEC_NOTIFIED;
	const int fd = masked ? v->mask_fd : v->unmask_fd;
	struct crossing x;

	v->flags &= ~(VEC_NOTIFIED | VEC_TRACED);
	v->flags |= (alone || client ? VEC_NOTIFIED : 0) | (alone ? VEC_TRACED : 0);
	if (here != was_here && gate_is_on(irqs->ctx, LM_TRACE_IRQ_MASK)) {
		x = (struct crossing){
			.kind = LM_TRACE_IRQ_MASK,
			.flags = irqs->trace_flags,
			.region = index,
			.offset = n,
			.value = here,
		};
		gate_report(irqs->ctx, &x);
	}
	if (masked == was_masked || fd < 0)
		return false;
	eventfd_kick(fd);
	return true;
}

/* ---- what they held back --------------------------------------------------------- */

static int deliver_due(struct irqs *irqs, uint32_t index, uint32_t n)
{
	irq_signal(irqs, index, n, &irqs->index[index].vector[n]);
	return LM_IRQ_DELIVERED;
}

/* Who hears of its masks does, and what is due is delivered: how many visits that counts for. */
static uint32_t vector_update(struct irqs *irqs, uint32_t index, uint32_t n)
{
	const struct irq_index *idx = &irqs->index[index];
	struct vector *v = &idx->vector[n];
	const uint32_t visits = irq_mask_notify(irqs, index, n, v) ? 1 + VISITS_A_UNIT : 1;
	const bool edge = v->flags & VEC_PENDING;

	if (!edge && !irq_is_asserted(irqs, idx, v))
		return visits;
	if (!(v->flags & VEC_ARMED) || irq_is_masked(irqs, index, n, v) ||
	    (irqs->no_master && irq_is_message(idx)))
		return visits;
	v->flags &= ~VEC_PENDING;
	if (edge && irq_is_level(idx))
		v->flags |= VEC_EDGE;
	if (gate_is_on(irqs->ctx, LM_TRACE_IRQ_FIRE))
		irq_cross(irqs, index, n, edge, deliver_due);
	else
		deliver_due(irqs, index, n);
	return visits + VISITS_A_UNIT;
}

void irq_update(struct irqs *irqs, uint32_t index, uint32_t first, uint32_t count)
{
	const struct irq_index *idx = &irqs->index[index];
	uint32_t visits = 0, n;

	for (n = first; n < idx->nr && n - first < count; n++)
		visits += vector_update(irqs, index, n);
	work_add(irqs->ctx, visits / VISITS_A_UNIT);
}

void irq_update_all(struct irqs *irqs)
{
	uint32_t i;

	for (i = 0; i < irqs->nr; i++)
		irq_update(irqs, i, 0, UINT32_MAX);
	irqs->msix_notified = irqs->msix_masked;
}

/* ---- vectors of which somebody waits to hear ------------------------------------- */

int irq_watch_new(struct irq_index *idx)
{
	if (!idx->watched)
		idx->watched = calloc((idx->count + WORD_BITS - 1) / WORD_BITS,
				      sizeof(*idx->watched));
	return idx->watched ? 0 : -ENOMEM;
}

void irq_watch(struct irq_index *idx, uint32_t n)
{
	idx->watched[n / WORD_BITS] |= 1ull << n % WORD_BITS;
}

/* Who is no longer waited for is found here, not when that ends. */
static void watched_update(struct irqs *irqs, uint32_t index)
{
	struct irq_index *idx = &irqs->index[index];
	uint32_t visits = 0, word, n;
	uint64_t bits;

	for (word = 0; word < (idx->nr + WORD_BITS - 1) / WORD_BITS; word++) {
		for (bits = idx->watched[word]; bits; bits &= bits - 1) {
			const struct vector *v;

			n = word * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
			visits += vector_update(irqs, index, n);
			v = &idx->vector[n];
			if (v->mask_fd < 0 && v->unmask_fd < 0 && !(v->flags & VEC_PENDING))
				idx->watched[word] &= ~(1ull << n % WORD_BITS);
		}
	}
	work_add(irqs->ctx, visits / VISITS_A_UNIT);
}

void irq_update_config(struct irqs *irqs)
{
	irq_update(irqs, LM_DEV_INTX_IRQ_IDX, 0, UINT32_MAX);
	irq_update(irqs, LM_DEV_MSI_IRQ_IDX, 0, UINT32_MAX);
	if (irqs->msix_masked != irqs->msix_notified && gate_is_on(irqs->ctx, LM_TRACE_IRQ_MASK))
		irq_update(irqs, LM_DEV_MSIX_IRQ_IDX, 0, UINT32_MAX);
	else
		watched_update(irqs, LM_DEV_MSIX_IRQ_IDX);
	irqs->msix_notified = irqs->msix_masked;
}
