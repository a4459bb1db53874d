/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq.c - interrupts: raising them, masks, what is pending.
 *
 * A vector has an eventfd of the client, or not, and may be masked by the client, the
 * guest or musctl; what is raised while masked is delivered when the last mask goes.
 * Delivering is one write(2). A level, such as INTx: signalled once, it masks itself until the
 * client's unmask (its EOI) and is signalled again if still up. Vectors get state when
 * something happens to them, so a device with 2048 of them costs nothing until they are
 * used.
 *
 * Everything that another thread may ask (lm_irq_*) is under one mutex of the context; it
 * is never held across a call that can wait. Deciding what SET_IRQS means is irq_set.c's;
 * who hears of masks that come and go, and what they held back, is irq_mask.c's.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/eventfd.h"
#include "dma/dma.h"
#include "gate/gate.h"
#include "pci/config.h"
#include "pci/irq.h"
#include "state/persist.h"
#include "wire/host.h"

#define GROW_MIN 8

/* ---- state ----------------------------------------------------------------------- */

int irq_grow(struct irq_index *idx, uint32_t nr)
{
	static const struct vector unused = { .fd = -1, .mask_fd = -1, .unmask_fd = -1 };
	struct vector *vector;
	uint32_t room = GROW_MIN;

	if (nr <= idx->nr)
		return 0;
	if (irq_watch_new(idx))
		return -ENOMEM;
	while (room < nr)
		room *= 2;
	room = room < idx->count ? room : idx->count;
	vector = realloc(idx->vector, room * sizeof(*vector));
	if (!vector)
		return -ENOMEM;
	idx->vector = vector;
	for (; idx->nr < room; idx->nr++)
		vector[idx->nr] = unused;
	return 0;
}

void irq_set_fd(int *fd, int with)
{
	if (*fd >= 0)
		close(*fd);
	*fd = with;
}

void irq_set_trigger(struct irq_index *idx, struct vector *v, int fd)
{
	irq_set_fd(&v->fd, fd);
	irq_set_armed(idx, v, fd >= 0);
}

void irq_set_armed(struct irq_index *idx, struct vector *v, bool armed)
{
	if (armed == !!(v->flags & VEC_ARMED))
		return;
	v->flags ^= VEC_ARMED;
	idx->nr_fds += armed ? 1 : -1u;
}

void irq_disable(struct irqs *irqs, uint32_t index)
{
	struct irq_index *idx = &irqs->index[index];
	struct vector *v;

	for (v = idx->vector; v < vector_end(idx); v++) {
		irq_set_trigger(idx, v, -1);
		irq_set_fd(&v->mask_fd, -1);
		irq_set_fd(&v->unmask_fd, -1);
		v->flags &= VEC_CONTROL | VEC_ASSERTED | VEC_NOTIFIED | VEC_TRACED;
	}
	if (idx->resample.fd >= 0) {
		loop_remove(&irqs->ctx->loop, &idx->resample);
		irq_set_fd(&idx->resample.fd, -1);
	}
	irq_update(irqs, index, 0, UINT32_MAX);
}

void irq_lock(struct lm_ctx *ctx)
{
	if (ctx->irqs)
		pthread_mutex_lock(&ctx->irqs->lock);
}

void irq_unlock(struct lm_ctx *ctx)
{
	if (ctx->irqs)
		pthread_mutex_unlock(&ctx->irqs->lock);
}

/* ---- raising --------------------------------------------------------------------- */

/* A full eventfd is readable: the client learns all it can. A write to one that could
 * wait goes through poll(2) first. */
void irq_signal(struct irqs *irqs, uint32_t index, uint32_t n, struct vector *v)
{
	const uint64_t one = 1;
	ssize_t ret;

	if (unlikely(v->fd < 0)) {
		const struct host *host = irqs->ctx->host;

		host->trigger(host, index, n);
	} else if (unlikely(v->flags & VEC_BLOCKING)) {
		eventfd_kick(v->fd);
	} else {
		ret = write(v->fd, &one, sizeof(one));
		(void)ret;
	}
	v->count++;
	if (!irq_is_level(&irqs->index[index]))
		return;
	v->flags |= VEC_CLIENT;
	irq_mask_notify(irqs, index, n, v);
}

static int irq_raise(struct irqs *irqs, uint32_t index, uint32_t n)
{
	struct irq_index *idx = &irqs->index[index];
	struct vector *v = vector_get(idx, n);

	if (n >= idx->count)
		return -EINVAL;
	if (idx->kind == LM_DEV_MSI_IRQ_IDX && irqs->msi_enabled && n >= irqs->msi_nr)
		return -ENOTCONN; /* the guest has enabled fewer vectors */
	if (unlikely(irq_is_masked(irqs, index, n, v))) {
		if (irq_grow(idx, n + 1)) /* nowhere to remember it: lost */
			return -ENOTCONN;
		irq_set_pending(idx, n);
		return LM_IRQ_PENDING;
	}
	if (unlikely(irqs->no_master && irq_is_message(idx)))
		return MASTER_OFF;
	if (!v || !(v->flags & VEC_ARMED))
		return -ENOTCONN;
	if (irq_is_level(idx))
		v->flags |= VEC_EDGE;
	irq_signal(irqs, index, n, v);
	return LM_IRQ_DELIVERED;
}

/* What configuration space has enabled; if nothing, what the client has assigned eventfds
 * to: some clients never write the enable bits. Else the first kind that has such a
 * vector. */
static uint32_t pci_choose(const struct irqs *irqs, uint32_t n)
{
	static const uint32_t order[] = {
		LM_DEV_MSIX_IRQ_IDX,
		LM_DEV_MSI_IRQ_IDX,
		LM_DEV_INTX_IRQ_IDX,
	};
	uint32_t i;

	if (irqs->msix_enabled)
		return LM_DEV_MSIX_IRQ_IDX;
	if (irqs->msi_enabled)
		return LM_DEV_MSI_IRQ_IDX;
	for (i = 0; i < LM_NR(order); i++) {
		if (irqs->index[order[i]].nr_fds)
			return order[i];
	}
	for (i = LM_NR(order) - 1; i && n >= irqs->index[order[i]].count; i--)
		;
	return order[i];
}

uint32_t irq_select(const struct irqs *irqs, uint32_t *n)
{
	uint32_t i;

	if (irq_is_pci(irqs))
		return pci_choose(irqs, *n);
	for (i = 0; i + 1 < irqs->nr && *n >= irqs->index[i].count; i++)
		*n -= irqs->index[i].count;
	return i;
}

int irq_fire(struct irqs *irqs, uint32_t index, uint32_t n)
{
	if (gate_is_on(irqs->ctx, LM_TRACE_IRQ_FIRE))
		return irq_cross(irqs, index, n, true, irq_raise);
	return irq_raise(irqs, index, n);
}

LM_EXPORT int lm_irq_trigger(lm_ctx_t *ctx, uint32_t subindex)
{
	struct irqs *irqs = ctx->irqs;
	uint32_t index;
	int ret;

	pthread_mutex_lock(&irqs->lock);
	index = irq_select(irqs, &subindex);
	ret = irq_fire(irqs, index, subindex);
	pthread_mutex_unlock(&irqs->lock);
	return ret;
}

LM_EXPORT int lm_irq_trigger_index(lm_ctx_t *ctx, uint32_t index, uint32_t subindex)
{
	struct irqs *irqs = ctx->irqs;
	int ret;

	if (index >= irqs->nr)
		return -EINVAL;
	pthread_mutex_lock(&irqs->lock);
	ret = irq_fire(irqs, index, subindex);
	pthread_mutex_unlock(&irqs->lock);
	return ret;
}

/* ---- levels ---------------------------------------------------------------------- */

/* INTx is up while any cause is, unless those are sent as messages; else a level has one cause,
 * which is its own. */
bool irq_is_asserted(const struct irqs *irqs, const struct irq_index *idx, const struct vector *v)
{
	uint32_t n = 0;

	if (idx->kind == LM_DEV_INTX_IRQ_IDX)
		return irqs->level &&
		       (!irqs->asserted || irq_select(irqs, &n) == LM_DEV_INTX_IRQ_IDX);
	return irq_is_level(idx) && v && v->flags & VEC_ASSERTED;
}

/* The line has risen. Not VEC_PENDING: the level itself is all there is to remember. */
static int level_rise(struct irqs *irqs, uint32_t index, uint32_t n)
{
	struct vector *v = vector_get(&irqs->index[index], n);

	if (irq_is_masked(irqs, index, n, v))
		return LM_IRQ_PENDING;
	if (!v || !(v->flags & VEC_ARMED))
		return -ENOTCONN;
	irq_signal(irqs, index, n, v);
	return LM_IRQ_DELIVERED;
}

int irq_rise(struct irqs *irqs, uint32_t index)
{
	if (gate_is_on(irqs->ctx, LM_TRACE_IRQ_FIRE))
		return irq_cross(irqs, index, 0, false, level_rise);
	return level_rise(irqs, index, 0);
}

/* ---- INTx ------------------------------------------------------------------------ */

void irq_put_level(struct irqs *irqs, bool level)
{
	irqs->level = level;
	if (irqs->persist)
		irqs->persist->level = level;
}

void irq_fall(struct irqs *irqs)
{
	if (irqs->level)
		irq_fell(irqs, LM_DEV_INTX_IRQ_IDX);
	irq_put_level(irqs, false);
}

static bool has_intx(const struct irqs *irqs)
{
	return irq_is_pci(irqs) && irqs->index[LM_DEV_INTX_IRQ_IDX].count;
}

int irq_set_level(struct irqs *irqs, bool level)
{
	const bool rises = level && !irqs->level;

	if (!has_intx(irqs))
		return -EINVAL;
	if (!level)
		irq_fall(irqs);
	else
		irq_put_level(irqs, true);
	return rises ? irq_rise(irqs, LM_DEV_INTX_IRQ_IDX) : LM_IRQ_DELIVERED;
}

LM_EXPORT int lm_irq_set_level(lm_ctx_t *ctx, bool level)
{
	int ret;

	pthread_mutex_lock(&ctx->irqs->lock);
	ret = irq_set_level(ctx->irqs, level);
	pthread_mutex_unlock(&ctx->irqs->lock);
	return ret;
}

/* An edge counts as a level from when it is raised until the client's unmask: drivers
 * that ask STATUS.Interrupt whether the interrupt is theirs find it there. */
bool irq_intx_level(const struct lm_ctx *ctx)
{
	struct irqs *irqs = ctx->irqs;
	const struct vector *v;
	bool level;

	if (!irqs || !has_intx(irqs))
		return false;
	pthread_mutex_lock(&irqs->lock);
	v = vector_get(&irqs->index[LM_DEV_INTX_IRQ_IDX], 0);
	level = irqs->level || (v && v->flags & (VEC_PENDING | VEC_EDGE));
	pthread_mutex_unlock(&irqs->lock);
	return level;
}

/* ---- taps ------------------------------------------------------------------------ */

/* Later, for a tap that answered in its place. */
static void edge_again(struct lm_ctx *ctx, const struct crossing *x)
{
	pthread_mutex_lock(&ctx->irqs->lock);
	irq_raise(ctx->irqs, x->region, (uint32_t)x->offset);
	pthread_mutex_unlock(&ctx->irqs->lock);
}

static void level_again(struct lm_ctx *ctx, const struct crossing *x)
{
	struct irqs *irqs = ctx->irqs;
	struct irq_index *idx = &irqs->index[x->region];

	pthread_mutex_lock(&irqs->lock);
	if (irq_is_asserted(irqs, idx, vector_get(idx, 0)))
		level_rise(irqs, x->region, 0);
	pthread_mutex_unlock(&irqs->lock);
}

int irq_cross(struct irqs *irqs, uint32_t index, uint32_t n, bool edge, irq_deliver_fn *deliver)
{
	struct crossing x = {
		.kind = LM_TRACE_IRQ_FIRE,
		.flags = irqs->trace_flags,
		.region = index,
		.offset = n,
		.redo = edge ? edge_again : level_again,
	};

	if (!gate_enter(irqs->ctx, &x))
		x.result = deliver(irqs, index, n);
	gate_leave(irqs->ctx, &x);
	return (int)x.result;
}

/* ---- configuration space and MSI-X table ----------------------------------------- */

static void pending_drop(struct irq_index *idx)
{
	struct vector *v;

	for (v = idx->vector; v < vector_end(idx); v++)
		v->flags &= ~VEC_PENDING;
}

/* What is pending when a guest switches MSI off is not delivered to its next driver. When it
 * switches bus mastering off, that stays pending until it is sent (PCI Local Bus 3.0, 6.8.3.4). */
void irq_pull(struct irqs *irqs)
{
	const struct config *cfg = irqs->ctx->config;
	const bool msi = irqs->msi_enabled, msix = irqs->msix_enabled;
	uint32_t flags, mask;

	irqs->intx_disabled = config_command(irqs->ctx) & PCI_COMMAND_INTX_DISABLE;
	irqs->no_master = !master_is_on(irqs->ctx);
	if (cfg->msi) {
		flags = config_get(cfg, cfg->msi + PCI_MSI_FLAGS, 2);
		mask = flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32;
		irqs->msi_enabled = flags & PCI_MSI_FLAGS_ENABLE;
		irqs->msi_nr = 1u << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4);
		irqs->msi_masks = flags & PCI_MSI_FLAGS_MASKBIT ?
					  config_get(cfg, cfg->msi + mask, 4) :
					  0;
	}
	if (cfg->msix_cap) {
		flags = config_get(cfg, cfg->msix_cap + PCI_MSIX_FLAGS, 2);
		irqs->msix_enabled = flags & PCI_MSIX_FLAGS_ENABLE;
		irqs->msix_masked = flags & PCI_MSIX_FLAGS_MASKALL;
	}
	if (msi && !irqs->msi_enabled)
		pending_drop(&irqs->index[LM_DEV_MSI_IRQ_IDX]);
	if (msix && !irqs->msix_enabled)
		pending_drop(&irqs->index[LM_DEV_MSIX_IRQ_IDX]);
}

void irq_config_changed(struct lm_ctx *ctx)
{
	struct irqs *irqs = ctx->irqs;

	if (!irqs) /* the device is not complete yet */
		return;
	pthread_mutex_lock(&irqs->lock);
	irq_pull(irqs);
	irq_update_config(irqs);
	pthread_mutex_unlock(&irqs->lock);
}

void irq_vectors_moved(struct lm_ctx *ctx, uint32_t first, uint32_t count)
{
	if (ctx->irqs)
		irq_update(ctx->irqs, LM_DEV_MSIX_IRQ_IDX, first, count);
}

uint64_t irq_pending_bits(const struct lm_ctx *ctx, uint32_t index, uint32_t first)
{
	struct irqs *irqs = ctx->irqs;
	uint64_t bits = 0;
	uint32_t i;

	if (!irqs)
		return 0;
	pthread_mutex_lock(&irqs->lock);
	for (i = 0; i < 64; i++) {
		const struct vector *v = vector_get(&irqs->index[index], first + i);

		if (v && v->flags & VEC_PENDING)
			bits |= 1ull << i;
	}
	pthread_mutex_unlock(&irqs->lock);
	return bits;
}

/* ---- life ------------------------------------------------------------------------ */

static int irq_check(struct lm_ctx *ctx)
{
	static const struct {
		uint32_t index;
		const char *name;
	} single[] = {
		{ LM_DEV_INTX_IRQ_IDX, "INTx" },
		{ LM_DEV_ERR_IRQ_IDX, "ERR" },
		{ LM_DEV_REQ_IRQ_IDX, "REQ" },
	};
	const uint32_t *count = ctx->info.pci_info.irq_count;
	uint32_t i;

	for (i = 0; i < LM_NR(single); i++) {
		if (count[single[i].index] > 1) {
			log_err(ctx, "irq_count of %s is %u: must be 0 or 1", single[i].name,
				count[single[i].index]);
			return -EINVAL;
		}
	}
	return 0;
}

uint64_t irq_persist_size(const lm_dev_info_t *info)
{
	uint64_t vectors = 0;
	uint32_t i;

	for (i = 0; i < bus_nr_irqs(info); i++)
		vectors += bus_irq(info, i).count;
	return sizeof(struct irq_persist) + vectors * sizeof(struct vector);
}

/* Vectors are where they are kept, from the first one on; eventfds are the client's to give. */
static int irq_restore(struct irqs *irqs)
{
	const uint32_t old = persist_is_old(irqs->ctx) ? VEC_STATE : 0;
	struct vector *v;
	uint32_t i, n;

	if (!irqs->persist)
		return 0;
	v = (struct vector *)(irqs->persist + 1);
	irqs->level = old && irqs->persist->level && has_intx(irqs);
	for (i = 0; i < irqs->nr; i++) {
		struct irq_index *idx = &irqs->index[i];
		const uint32_t state = old & irq_states(irqs, i);

		idx->vector = v;
		idx->is_persistent = true;
		if (idx->count && irq_watch_new(idx))
			return -ENOMEM;
		for (idx->nr = idx->count, n = 0; n < idx->nr; n++, v++) {
			v->fd = v->mask_fd = v->unmask_fd = -1;
			v->flags &= state;
			if (v->flags & VEC_PENDING)
				irq_set_pending(idx, n);
		}
	}
	irq_count_asserted(irqs);
	return 0;
}

static void index_init(struct irqs *irqs, uint32_t index)
{
	const lm_irq_info_t irq = bus_irq(&irqs->ctx->info, index);

	irqs->index[index] = (struct irq_index){
		.irqs = irqs,
		.kind = bus_irq_kind(&irqs->ctx->info, index),
		.flags = irq.flags,
		.count = irq.count,
		.resample.fd = -1,
	};
}

int irq_new(struct lm_ctx *ctx)
{
	const uint32_t nr = bus_nr_irqs(&ctx->info);
	struct irqs *irqs;
	uint32_t i;
	int ret;

	ret = irq_check(ctx);
	if (ret)
		return ret;
	irqs = calloc(1, sizeof(*irqs) + (nr ?: 1) * sizeof(irqs->index[0]));
	if (!irqs)
		return -ENOMEM;
	irqs->ctx = ctx;
	irqs->persist = persist_part(ctx, PERSIST_IRQ);
	pthread_mutex_init(&irqs->lock, NULL);
	irqs->nr = nr;
	for (i = 0; i < nr; i++)
		index_init(irqs, i);
	ctx->irqs = irqs;
	ret = irq_restore(irqs);
	if (ret)
		return ret;
	irq_pull(irqs);
	irqs->msix_notified = irqs->msix_masked;
	return 0;
}

void irq_free(struct lm_ctx *ctx)
{
	struct irqs *irqs = ctx->irqs;
	uint32_t i;

	if (!irqs)
		return;
	for (i = 0; i < irqs->nr; i++) {
		irq_disable(irqs, i);
		free(irqs->index[i].watched);
		if (!irqs->index[i].is_persistent)
			free(irqs->index[i].vector);
	}
	pthread_mutex_destroy(&irqs->lock);
	free(irqs);
	ctx->irqs = NULL;
}

/* Nothing is due afterwards, so nothing is delivered: not by masks that the reset has
 * lifted. Masks of the client stay: it has not been notified of this reset. So do those of
 * musctl. */
void irq_reset(struct lm_ctx *ctx, uint16_t trace_flags)
{
	struct irqs *irqs = ctx->irqs;
	struct vector *v;
	uint32_t i;

	pthread_mutex_lock(&irqs->lock);
	irqs->trace_flags = trace_flags;
	irq_put_level(irqs, false);
	for (i = 0; i < irqs->nr; i++) {
		const struct irq_index *idx = &irqs->index[i];

		for (v = idx->vector; v < vector_end(idx); v++)
			v->flags &= ~(VEC_PENDING | VEC_EDGE | VEC_ASSERTED);
	}
	irqs->asserted = 0;
	irq_pull(irqs);
	irq_update_all(irqs);
	irqs->trace_flags = 0;
	pthread_mutex_unlock(&irqs->lock);
}

void irq_disconnect(struct lm_ctx *ctx)
{
	struct irqs *irqs = ctx->irqs;
	uint32_t i;

	pthread_mutex_lock(&irqs->lock);
	for (i = 0; i < irqs->nr; i++)
		irq_disable(irqs, i);
	pthread_mutex_unlock(&irqs->lock);
}
