/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq.h - what the irq*.c files share: the state of interrupts, and raising them.
 */
#ifndef LM_IRQ_H
#define LM_IRQ_H

#include <pthread.h>

#include "base/bus.h"
#include "pci/pci.h"

/* vector.flags. Masks of configuration space and of the MSI-X table are not kept here. */
#define VEC_CLIENT   (1u << 0) /* masked by the client, or (a level) by being signalled */
#define VEC_CONTROL  (1u << 1) /* masked by musctl, until musctl unmasks it */
#define VEC_PENDING  (1u << 2) /* raised while masked */
#define VEC_EDGE     (1u << 3) /* a level: an edge was signalled, the unmask is to come */
#define VEC_ASSERTED (1u << 4) /* the device asserts the cause of this number (irq_assert.c) */
#define VEC_STATE    (VEC_CLIENT | VEC_CONTROL | VEC_PENDING | VEC_EDGE | VEC_ASSERTED)
#define VEC_BLOCKING (1u << 5) /* its eventfd is one whose write(2) could wait */
#define VEC_NOTIFIED (1u << 6) /* masked, as the mask and unmask eventfds know it; and ... */
#define VEC_TRACED   (1u << 7) /* ... by the guest or musctl, as traces do: alone (msix_notified) */
#define VEC_ARMED    (1u << 8) /* has an eventfd: fd, or one that the host keeps */

struct vector {
	int fd;         /* -1: none; the same below */
	int mask_fd;    /* written when it becomes masked ... */
	int unmask_fd;  /* ... unmasked; a level: not used, see irq_index.resample */
	uint32_t flags; /* VEC_* */
	uint64_t count; /* delivered */
};

struct irq_index {
	struct irqs *irqs;
	uint32_t kind;   /* LM_DEV_*_IRQ_IDX; LM_DEV_NUM_IRQS: it is none of PCI's */
	uint32_t flags;  /* LM_IRQ_FLAG_* */
	uint32_t count;  /* vectors; of a level one at most */
	uint32_t nr;     /* of them in vector[]; the others never had any state */
	uint32_t nr_fds; /* vectors that are armed */
	struct vector *vector;
	uint64_t *watched;      /* a bit a vector: all that have an eventfd for masks or something
				 * pending, and some that had; with the first vector[] */
	bool is_persistent;     /* vector[] is memory of persist.c */
	struct source resample; /* a level: the client's unmask eventfd; loop only */
};

/* At the start of PERSIST_IRQ; the vectors of all indexes follow. */
struct irq_persist {
	uint8_t level;
	uint8_t reserved[63];
};

struct irqs {
	struct lm_ctx *ctx;
	pthread_mutex_t lock; /* all below; held by lm_irq_* of any thread */
	/* As configuration space says. */
	bool intx_disabled;
	bool msi_enabled;
	bool msix_enabled;
	bool msix_masked;   /* all vectors of the function ... */
	bool msix_notified; /* ... as eventfds and traces know it */
	uint32_t msi_masks;
	uint32_t msi_nr;             /* vectors that the guest has enabled */
	bool no_master;              /* messages are memory writes, which it forbids */
	uint16_t trace_flags;        /* of what is traced: LM_TRACE_CONTROL while musctl acts */
	uint32_t asserted;           /* causes; PCI alone, where they share INTx */
	bool level;                  /* INTx, as the device drives it; ... */
	struct irq_persist *persist; /* ... kept here; or NULL */
	uint32_t nr;                 /* indexes: LM_DEV_NUM_IRQS, or as many as the device has */
	struct irq_index index[];    /* one at least */
};

static inline bool irq_is_level(const struct irq_index *idx)
{
	return idx->flags & LM_IRQ_FLAG_LEVEL;
}

static inline bool irq_is_message(const struct irq_index *idx)
{
	return idx->kind == LM_DEV_MSI_IRQ_IDX || idx->kind == LM_DEV_MSIX_IRQ_IDX;
}

static inline bool irq_is_pci(const struct irqs *irqs)
{
	return bus_is_pci(&irqs->ctx->info);
}

/* The vector's state, or NULL: none yet. Caller holds the lock, here and below. */
static inline struct vector *vector_get(struct irq_index *idx, uint32_t n)
{
	return n < idx->nr ? &idx->vector[n] : NULL;
}

/* Where a walk over vector[] ends; nothing may be added to a NULL pointer, not even 0. */
static inline struct vector *vector_end(const struct irq_index *idx)
{
	return idx->nr ? idx->vector + idx->nr : idx->vector;
}

/* irq_mask.c */
bool irq_is_masked(const struct irqs *irqs, uint32_t index, uint32_t n, const struct vector *v);
bool irq_mask_notify(struct irqs *irqs, uint32_t index, uint32_t n, struct vector *v);
/* Masks have moved, or an eventfd has come: tell who wants to know, deliver the rest. */
void irq_update(struct irqs *irqs, uint32_t index, uint32_t first, uint32_t count);
void irq_update_all(struct irqs *irqs);
void irq_update_config(struct irqs *irqs); /* after irq_pull(): what that can have moved */
int irq_watch_new(struct irq_index *idx);  /* room for all vectors; -ENOMEM */
void irq_watch(struct irq_index *idx, uint32_t n);

static inline void irq_set_pending(struct irq_index *idx, uint32_t n)
{
	idx->vector[n].flags |= VEC_PENDING;
	irq_watch(idx, n);
}

/* irq.c */
int irq_grow(struct irq_index *idx, uint32_t nr); /* state for @nr at least; -ENOMEM */
/* As lm_irq_trigger_index(). */
int irq_fire(struct irqs *irqs, uint32_t index, uint32_t n);
/* The index of which lm_irq_trigger() raises vector *@n now; not PCI: *@n becomes that of it. */
uint32_t irq_select(const struct irqs *irqs, uint32_t *n);
void irq_signal(struct irqs *irqs, uint32_t index, uint32_t n, struct vector *v);
/* As lm_irq_set_level(). */
int irq_set_level(struct irqs *irqs, bool level);
/* A level is asserted: by the device, not by an edge. */
bool irq_is_asserted(const struct irqs *irqs, const struct irq_index *idx, const struct vector *v);
/* It has become so. LM_IRQ_* or -errno. */
int irq_rise(struct irqs *irqs, uint32_t index);
/* An interrupt that taps want to see, an edge or INTx's level; LM_IRQ_* or -errno, as @deliver. */
typedef int(irq_deliver_fn)(struct irqs *irqs, uint32_t index, uint32_t n);
int irq_cross(struct irqs *irqs, uint32_t index, uint32_t n, bool edge, irq_deliver_fn *deliver);
void irq_pull(struct irqs *irqs); /* learn what configuration space says */
/* No client: no eventfds, no masks of its own, nothing pending. INTx keeps its level. */
void irq_disable(struct irqs *irqs, uint32_t index);
void irq_set_fd(int *fd, int with); /* closes what was there */
void irq_put_level(struct irqs *irqs, bool level);
void irq_fall(struct irqs *irqs); /* the line, by the device */
void irq_set_trigger(struct irq_index *idx, struct vector *v, int fd);
void irq_set_armed(struct irq_index *idx, struct vector *v, bool armed);

/* irq_assert.c */
void irq_fell(struct irqs *irqs, uint32_t index);             /* a level: traces hear of it */
uint32_t irq_states(const struct irqs *irqs, uint32_t index); /* the VEC_STATE that it can have */
void irq_count_asserted(struct irqs *irqs);                   /* flags came from elsewhere */
/* Eventfds of an index may have come or gone, and causes have the line again. */
void irq_update_line(struct irqs *irqs, uint32_t index);

#endif /* LM_IRQ_H */
