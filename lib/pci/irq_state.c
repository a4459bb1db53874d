/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq_state.c - interrupts as musctl sees, raises and masks them, and in a saved state.
 *
 * A mask of musctl is one of its own beside the guest's and the client's: it stays until
 * musctl takes it away, whoever else unmasks. A state has levels, masks and what is
 * pending; eventfds belong to the client and are not in it. One from a stranger is
 * checked before anything changes.
 */
#include "muser-trace.h"
#include "pci/irq.h"

/* ---- musctl ---------------------------------------------------------------------- */

static struct irq_index *index_find(struct lm_ctx *ctx, uint32_t index, uint32_t vector)
{
	if (index >= ctx->irqs->nr || vector >= ctx->irqs->index[index].count)
		return NULL;
	return &ctx->irqs->index[index];
}

/* What is traced between these is musctl's doing, whoever else has interrupts to raise. */
static void control_begin(struct lm_ctx *ctx)
{
	irq_lock(ctx);
	ctx->irqs->trace_flags = LM_TRACE_CONTROL;
}

static void control_end(struct lm_ctx *ctx)
{
	ctx->irqs->trace_flags = 0;
	irq_unlock(ctx);
}

int irq_mask(struct lm_ctx *ctx, uint32_t index, uint32_t vector, bool mask)
{
	struct irq_index *idx = index_find(ctx, index, vector);
	int ret;

	if (!idx)
		return -EINVAL;
	control_begin(ctx);
	ret = irq_grow(idx, vector + 1);
	if (!ret) {
		struct vector *v = &idx->vector[vector];

		v->flags = mask ? v->flags | VEC_CONTROL : v->flags & ~VEC_CONTROL;
		irq_update(ctx->irqs, index, vector, 1);
	}
	control_end(ctx);
	return ret;
}

int irq_inject(struct lm_ctx *ctx, uint32_t index, uint32_t vector)
{
	int ret;

	if (index >= ctx->irqs->nr)
		return -EINVAL;
	control_begin(ctx);
	ret = irq_fire(ctx->irqs, index, vector);
	control_end(ctx);
	return ret;
}

int irq_inject_level(struct lm_ctx *ctx, bool level)
{
	int ret;

	control_begin(ctx);
	ret = irq_set_level(ctx->irqs, level);
	control_end(ctx);
	return ret;
}

/* As lm_irq_trigger() chooses; without PCI nothing is to be chosen. */
static bool is_in_use(const struct irqs *irqs, uint32_t index)
{
	uint32_t n = 0;

	return !irq_is_pci(irqs) || irq_select(irqs, &n) == index;
}

int irq_get_state(struct lm_ctx *ctx, uint32_t index, uint32_t vector, struct irq_state *st)
{
	struct irq_index *idx = index_find(ctx, index, vector);
	const struct vector *v;

	if (!idx)
		return -EINVAL;
	irq_lock(ctx);
	v = vector_get(idx, vector);
	*st = (struct irq_state){
		.eventfd = v && v->flags & VEC_ARMED,
		.masked = irq_is_masked(ctx->irqs, index, vector, v),
		.pending = (v && v->flags & VEC_PENDING) ||
			   (irq_is_asserted(ctx->irqs, idx, v) && is_in_use(ctx->irqs, index)),
		.count = v ? v->count : 0,
	};
	irq_unlock(ctx);
	return 0;
}

/* What neither the guest has enabled nor the client has an eventfd for is what is left. */
static bool is_enabled(const struct irqs *irqs, uint32_t index)
{
	const uint32_t armed = irqs->index[index].nr_fds;

	switch (irqs->index[index].kind) {
	case LM_DEV_INTX_IRQ_IDX: return is_in_use(irqs, index) && !irqs->intx_disabled;
	case LM_DEV_MSI_IRQ_IDX: return is_in_use(irqs, index) && (irqs->msi_enabled || armed);
	case LM_DEV_MSIX_IRQ_IDX: return is_in_use(irqs, index) && (irqs->msix_enabled || armed);
	default: return armed;
	}
}

bool irq_is_enabled(struct lm_ctx *ctx, uint32_t index)
{
	bool enabled;

	irq_lock(ctx);
	enabled = is_enabled(ctx->irqs, index);
	irq_unlock(ctx);
	return enabled;
}

/* ---- save and load --------------------------------------------------------------- */

/* The level, then a byte of flags for each vector of each index. */
static size_t state_size(const struct irqs *irqs)
{
	size_t size = 1;
	uint32_t i;

	for (i = 0; i < irqs->nr; i++)
		size += irqs->index[i].count;
	return size;
}

size_t irq_save(struct lm_ctx *ctx, void *buf, size_t size)
{
	struct irqs *irqs = ctx->irqs;
	const size_t need = state_size(irqs);
	uint8_t *to = buf;
	uint32_t i, n;

	if (size < need)
		return need;
	irq_lock(ctx);
	*to++ = irqs->level;
	for (i = 0; i < irqs->nr; i++) {
		for (n = 0; n < irqs->index[i].count; n++) {
			const struct vector *v = vector_get(&irqs->index[i], n);

			*to++ = v ? (uint8_t)(v->flags & VEC_STATE) : 0;
		}
	}
	irq_unlock(ctx);
	return need;
}

static int state_check(struct irqs *irqs, const uint8_t *buf, size_t len)
{
	const bool line = irq_is_pci(irqs) && irqs->index[LM_DEV_INTX_IRQ_IDX].count;
	const uint8_t *flags = buf + 1;
	uint32_t i, n;

	if (len != state_size(irqs) || buf[0] > line)
		return -EINVAL;
	for (i = 0; i < irqs->nr; flags += irqs->index[i++].count) {
		const uint32_t known = irq_states(irqs, i);

		for (n = 0; n < irqs->index[i].count; n++) {
			if (flags[n] & ~known)
				return -EINVAL;
		}
	}
	return 0;
}

int irq_prepare(struct lm_ctx *ctx, const void *buf, size_t len)
{
	struct irq_index *idx = ctx->irqs->index;
	const uint8_t *flags = (const uint8_t *)buf + 1;
	uint32_t i, nr;
	int ret;

	ret = state_check(ctx->irqs, buf, len);
	if (ret)
		return ret;
	irq_lock(ctx);
	/* For the last vector of each index that has any. */
	for (i = 0; !ret && i < ctx->irqs->nr; flags += idx[i++].count) {
		for (nr = idx[i].count; nr && !flags[nr - 1]; nr--)
			;
		ret = irq_grow(&idx[i], nr);
	}
	irq_unlock(ctx);
	return ret;
}

int irq_load(struct lm_ctx *ctx, const void *buf, size_t len)
{
	struct irq_index *idx = ctx->irqs->index;
	const uint8_t *flags = (const uint8_t *)buf + 1;
	uint32_t i, n;
	int ret;

	ret = irq_prepare(ctx, buf, len);
	if (ret)
		return ret;
	irq_lock(ctx);
	irq_put_level(ctx->irqs, *(const uint8_t *)buf);
	for (i = 0; i < ctx->irqs->nr; flags += idx[i++].count) {
		for (n = 0; n < idx[i].nr; n++) {
			struct vector *v = &idx[i].vector[n];

			v->flags = (v->flags & ~VEC_STATE) | flags[n];
			if (flags[n] & VEC_PENDING)
				irq_watch(&idx[i], n);
		}
	}
	irq_count_asserted(ctx->irqs);
	irq_pull(ctx->irqs);
	irq_update_all(ctx->irqs);
	irq_unlock(ctx);
	return 0;
}
