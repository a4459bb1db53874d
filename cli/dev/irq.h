/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq.h - the columns and rows that both ways of "irq" share, and the way over --socket.
 */
#ifndef MUSCTL_IRQ_H
#define MUSCTL_IRQ_H

#include <stdint.h>

#include "dev/target.h"
#include "ui/out.h"

enum { IRQ, VECTOR, OF, ENABLED, EVENTFD, MASKED, PENDING, COUNT, OUTCOME };

extern const struct column irq_columns[];

/* An interrupt as the user names it; index is -1: whichever is in use. */
struct irq {
	int index;
	uint32_t vector;
};

/* [INDEX:]VECTOR. 0, or the status of a printed error. */
int irq_parse(const char *word, struct irq *irq);

/* "msix:3". Until the next call. */
const char *irq_word(const struct irq *irq);

/* The exit status of what became of it; that it is lost is reported. */
int irq_outcome(const struct irq *irq, const char *outcome);

/* The kind that the guest uses: MSI-X, else MSI, else INTx; if it has enabled none, what there is.
 * irqs: as Show tells them. ST_FAILED: another kind alone has the vector, which was reported. */
int irq_choose(struct json_object *irqs, struct irq *irq);

/* As clients of anybody's server. Exit statuses; a failure has been reported. */
int irq_socket_list(struct target *t, struct out *out);
int irq_socket_fire(struct target *t, struct irq *irq, const char **outcome);

#endif /* MUSCTL_IRQ_H */
