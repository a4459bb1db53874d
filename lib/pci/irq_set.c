/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq_set.c - VFIO_DEVICE_GET_IRQ_INFO and VFIO_DEVICE_SET_IRQS.
 *
 * A request is checked as a whole before anything changes. What the specification leaves
 * open:
 *  - an eventfd for unmasking a level is signalled by the client, which unmasks (resampling,
 *    as in the kernel's VFIO and KVM). All other eventfds for masking and unmasking are
 *    written by us, whenever the vector becomes masked or unmasked, whoever does it. One for
 *    both would answer itself for as long as the line is up, so it is refused, and so is one
 *    that kicks the device (kick.c);
 *  - only eventfds are taken. Their file status flags are shared with the client, so they
 *    stay as they are: those that are not O_NONBLOCK are written after poll(2) said there
 *    is room (no write to an eventfd is immune to a client that changes the flag in the
 *    middle of it);
 *  - no index is NORESIZE: vectors come and go one by one.
 * Where the host keeps the eventfds (muser.ko), bytes say which vectors have one.
 */
#include <fcntl.h>

#include "base/eventfd.h"
#include "base/kernel.h"
#include "base/peer_fd.h"
#include "gate/gate.h"
#include "pci/irq.h"
#include "region/kick.h"

#define DATA_FLAGS   VFIO_IRQ_SET_DATA_TYPE_MASK
#define ACTION_FLAGS VFIO_IRQ_SET_ACTION_TYPE_MASK

static bool is_maskable(const struct irq_index *idx)
{
	return idx->flags & (LM_IRQ_FLAG_MASKABLE | LM_IRQ_FLAG_LEVEL);
}

int irq_get_info(struct lm_ctx *ctx, struct vfio_irq_info *info)
{
	const struct irq_index *idx;

	if (info->index >= ctx->irqs->nr)
		return -EINVAL;
	idx = &ctx->irqs->index[info->index];
	info->argsz = sizeof(*info);
	info->flags = VFIO_IRQ_INFO_EVENTFD | (is_maskable(idx) ? VFIO_IRQ_INFO_MASKABLE : 0) |
		      (irq_is_level(idx) ? VFIO_IRQ_INFO_AUTOMASKED : 0);
	info->count = idx->count;
	return 0;
}

/* ---- checks ---------------------------------------------------------------------- */

/* What is to be done to which vectors. */
static int check_action(const struct irqs *irqs, const struct irq_set *set)
{
	const uint32_t action = set->flags & ACTION_FLAGS;
	const uint32_t all = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;

	if (set->flags & ~(DATA_FLAGS | ACTION_FLAGS))
		return -EINVAL;
	if (__builtin_popcount(set->flags & DATA_FLAGS) != 1 || __builtin_popcount(action) != 1)
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER && !is_maskable(&irqs->index[set->index]))
		return -EINVAL;
	if (out_of_range(set->start, set->count, irqs->index[set->index].count))
		return -EINVAL;
	if (!set->count && (set->start || set->flags != all))
		return -EINVAL;
	return 0;
}

static int trigger_fd(struct irqs *irqs, uint32_t index, uint32_t n)
{
	const struct vector *v;
	int fd;

	irq_lock(irqs->ctx);
	v = vector_get(&irqs->index[index], n);
	fd = v ? v->fd : -1;
	irq_unlock(irqs->ctx);
	return fd;
}

/* A client that masks and unmasks brings back the one that is there: known for a quarter of what it
 * costs to learn the kind. */
static bool is_eventfd(struct irqs *irqs, const struct irq_set *set, uint32_t i)
{
	const int now = trigger_fd(irqs, set->index, set->start + i);

	return (now >= 0 && kernel_is_same_file(now, set->fds[i])) ||
	       peer_fd_is_eventfd(set->fds[i]);
}

static int check_data(struct irqs *irqs, const struct irq_set *set)
{
	const uint32_t data = set->flags & DATA_FLAGS;
	uint32_t i;

	if (data == VFIO_IRQ_SET_DATA_BOOL && !set->data)
		return -EINVAL;
	if (data != VFIO_IRQ_SET_DATA_EVENTFD)
		return set->nr_fds ? -EINVAL : 0;
	if (set->armed) {
		/* Masks come as actions, whatever the client has there. */
		if (set->nr_fds || !(set->flags & VFIO_IRQ_SET_ACTION_TRIGGER))
			return -EINVAL;
		for (i = 0; i < set->count && set->data[i] <= 1; i++)
			;
		return i < set->count ? -EINVAL : 0;
	}
	if (set->nr_fds && set->nr_fds != set->count)
		return -EINVAL;
	for (i = 0; i < set->nr_fds; i++) {
		if (!is_eventfd(irqs, set, i))
			return -EINVAL;
	}
	return 0;
}

/* Would a signal of a level unmask it, or any kick the device, which may raise the next? Other
 * threads change vectors, not their descriptors. */
static bool is_feedback(struct irqs *irqs, const struct irq_set *set)
{
	struct irq_index *idx = &irqs->index[set->index];
	int trigger = -1, mask = -1;
	const struct vector *v;

	if (kick_has_lent(irqs->ctx, set->fds, set->nr_fds))
		return true;
	if (!irq_is_level(idx) || !set->nr_fds)
		return false;
	if (!(set->flags & VFIO_IRQ_SET_ACTION_UNMASK))
		return eventfd_is_same(set->fds[0], idx->resample.fd);
	irq_lock(irqs->ctx);
	v = vector_get(idx, 0);
	if (v) {
		trigger = v->fd;
		mask = v->mask_fd;
	}
	irq_unlock(irqs->ctx);
	return eventfd_is_same(set->fds[0], trigger) || eventfd_is_same(set->fds[0], mask);
}

/* ---- eventfds -------------------------------------------------------------------- */

/* The descriptor for the @i-th vector of the range becomes ours; -1: de-assign. */
static int fd_take(const struct irq_set *set, uint32_t i)
{
	int fd;

	if (!set->nr_fds)
		return -1;
	fd = set->fds[i];
	set->fds[i] = -1;
	return fd;
}

static void assign_trigger(struct irqs *irqs, const struct irq_set *set)
{
	struct irq_index *idx = &irqs->index[set->index];
	uint32_t i;

	for (i = 0; i < set->count; i++) {
		struct vector *v = vector_get(idx, set->start + i);

		if (!v) /* never had any state, so nothing to de-assign */
			continue;
		irq_set_trigger(idx, v, fd_take(set, i));
		if (set->armed)
			irq_set_armed(idx, v, set->data[i]);
		v->flags &= ~VEC_BLOCKING;
		if (v->fd >= 0 && !(fcntl(v->fd, F_GETFL) & O_NONBLOCK))
			v->flags |= VEC_BLOCKING;
		/* The automask goes with the eventfd that it came from. */
		if (!(v->flags & VEC_ARMED) && irq_is_level(idx))
			v->flags &= ~(VEC_CLIENT | VEC_EDGE);
	}
	irq_update(irqs, set->index, set->start, set->count);
}

/* The eventfds hear of changes from now on, not of how things are. */
static void assign_notify(struct irqs *irqs, const struct irq_set *set)
{
	const bool mask = set->flags & VFIO_IRQ_SET_ACTION_MASK;
	struct irq_index *idx = &irqs->index[set->index];
	uint32_t i;

	irq_update(irqs, set->index, set->start, set->count);
	for (i = 0; i < set->count; i++) {
		struct vector *v = vector_get(idx, set->start + i);

		if (!v)
			continue;
		irq_set_fd(mask ? &v->mask_fd : &v->unmask_fd, fd_take(set, i));
		irq_watch(idx, set->start + i);
	}
}

static void vector_unmask(struct irqs *irqs, uint32_t index, uint32_t n)
{
	struct vector *v = vector_get(&irqs->index[index], n);

	if (!v)
		return;
	v->flags &= ~(VEC_CLIENT | VEC_EDGE);
	irq_update(irqs, index, n, 1);
}

/*
 * Never waits, whatever the client does to the eventfd; one that fails is dropped. Each write is an
 * edge, and one unmask: an EFD_SEMAPHORE eventfd stays readable through any number of reads.
 */
static void resample_ready(struct source *src, uint32_t events)
{
	struct irq_index *idx = container_of(src, struct irq_index, resample);
	struct irqs *irqs = idx->irqs;
	struct lm_ctx *ctx = irqs->ctx;
	char name[BUS_NAME_SIZE];
	uint64_t value;

	if (kernel_read(src->fd, &value, sizeof(value), RWF_NOWAIT) != (ssize_t)sizeof(value)) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		log_peer(ctx, LM_LOG_WARN,
			 "the eventfd that unmasks %s failed, error %d: no longer used",
			 bus_irq_name(&ctx->info, (uint32_t)(idx - irqs->index), name), errno);
		loop_remove(&ctx->loop, src);
		irq_set_fd(&src->fd, -1);
		return;
	}
	irq_lock(ctx);
	vector_unmask(irqs, (uint32_t)(idx - irqs->index), 0);
	irq_unlock(ctx);
}

static int assign_resample(struct irqs *irqs, const struct irq_set *set)
{
	struct source *src = &irqs->index[set->index].resample;
	const int old = src->fd;
	int ret;

	src->fn = resample_ready;
	if (set->nr_fds) {
		src->fd = set->fds[0];
		ret = loop_add(&irqs->ctx->loop, src, EPOLLIN | EPOLLET);
		src->fd = old;
		if (ret)
			return ret;
	}
	if (old >= 0)
		loop_remove(&irqs->ctx->loop, src);
	irq_set_fd(&src->fd, fd_take(set, 0));
	return 0;
}

static int set_eventfds(struct irqs *irqs, const struct irq_set *set)
{
	const uint32_t action = set->flags & ACTION_FLAGS;

	if (action == VFIO_IRQ_SET_ACTION_UNMASK && irq_is_level(&irqs->index[set->index]))
		return assign_resample(irqs, set);
	if ((set->nr_fds || set->armed) &&
	    irq_grow(&irqs->index[set->index], set->start + set->count))
		return -ENOMEM;
	if (action == VFIO_IRQ_SET_ACTION_TRIGGER)
		assign_trigger(irqs, set);
	else
		assign_notify(irqs, set);
	return 0;
}

/* ---- actions --------------------------------------------------------------------- */

static int set_range(struct irqs *irqs, const struct irq_set *set)
{
	const bool sparse = set->flags & VFIO_IRQ_SET_DATA_BOOL;
	struct irq_index *idx = &irqs->index[set->index];
	const uint32_t end = set->start + set->count;
	uint32_t n;

	if (set->flags & VFIO_IRQ_SET_ACTION_MASK && irq_grow(idx, end))
		return -ENOMEM;
	for (n = set->start; n < end; n++) {
		if (sparse && !set->data[n - set->start])
			continue;
		switch (set->flags & ACTION_FLAGS) {
		case VFIO_IRQ_SET_ACTION_MASK:
			idx->vector[n].flags |= VEC_CLIENT;
			irq_update(irqs, set->index, n, 1);
			break;
		case VFIO_IRQ_SET_ACTION_UNMASK: vector_unmask(irqs, set->index, n); break;
		default: /* loopback: as if the device had raised it */
			irq_fire(irqs, set->index, n);
		}
	}
	return 0;
}

static int set_validated(struct lm_ctx *ctx, const struct irq_set *set)
{
	struct irqs *irqs = ctx->irqs;
	int ret;

	if (set->index >= irqs->nr)
		return -EINVAL;
	ret = check_action(irqs, set) ?: check_data(irqs, set);
	if (ret || is_feedback(irqs, set))
		return ret ?: -EINVAL;
	work_add(ctx, (set->count ?: irqs->index[set->index].nr) / 2);
	irq_lock(ctx);
	if (!set->count)
		irq_disable(irqs, set->index);
	else if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		ret = set_eventfds(irqs, set);
	else
		ret = set_range(irqs, set);
	irq_update_line(irqs, set->index);
	irq_unlock(ctx);
	return ret;
}

int irq_set(struct lm_ctx *ctx, const struct irq_set *set)
{
	struct crossing x = {
		.kind = LM_TRACE_IRQ_SET,
		.region = set->index,
		.offset = set->start,
		.len = set->count,
		.aux = set->flags,
	};

	if (!gate_is_on(ctx, LM_TRACE_IRQ_SET))
		return set_validated(ctx, set);
	if (!gate_enter(ctx, &x))
		x.result = set_validated(ctx, set);
	gate_leave(ctx, &x);
	return (int)x.result;
}
