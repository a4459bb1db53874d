/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_summary.h - "trace -c": how often, how long, by kind and register.
 */
#ifndef MUSCTL_TRACE_SUMMARY_H
#define MUSCTL_TRACE_SUMMARY_H

#include <stdint.h>

#include "dev/tracer.h"
#include "ui/call.h"

struct summary;

struct summary *summary_new(void);
void summary_free(struct summary *s);
void summary_add(struct summary *s, const struct tracer *t);
void summary_lost(struct summary *s, uint64_t lost);

/* Exit status. */
int summary_print(struct summary *s, const struct call *call);

#endif /* MUSCTL_TRACE_SUMMARY_H */
