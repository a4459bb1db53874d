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
	const char *word;
	int index;
	uint32_t vector;
};

/* [INDEX:]VECTOR, so far as it can be without a device. 0, or the status of a printed error. */
int irq_parse(const char *word, struct irq *irq);

/* Which index that is for the device of t, after target_ask(). Without INDEX: the kind that the
 * guest uses, MSI-X, else MSI, else INTx, and if it has enabled none, what there is; not PCI: where
 * VECTOR is if all are counted. 0, or the status of a printed error. */
int irq_find(struct target *t, struct irq *irq);

/* "msix:3". Until the next call. */
const char *irq_word(const struct target *t, const struct irq *irq);

/* The exit status of what became of it; that it is lost is reported. */
int irq_outcome(const struct target *t, const struct irq *irq, const char *outcome);

/* As clients of anybody's server. Exit statuses; a failure has been reported. */
int irq_socket_list(struct target *t, struct out *out);
int irq_socket_fire(struct target *t, const struct irq *irq, const char **outcome);

#endif /* MUSCTL_IRQ_H */
