/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_row.h - a record of a trace as a row.
 */
#ifndef MUSCTL_TRACE_ROW_H
#define MUSCTL_TRACE_ROW_H

#include "dev/tracer.h"
#include "ui/out.h"

extern const struct column tracerow_columns[];

/* What to print if several devices are traced. */
#define TRACEROW_SEVERAL "TIME,UUID,KIND,REGION,OFFSET,REGISTER,WIDTH,VALUE,DURATION,RESULT,DETAILS"

void tracerow_print(struct out *out, const struct tracer *t);

/* JSON: a line that tells of the loss. */
void tracerow_lost(struct out *out, const struct tracer *t, uint64_t nr);

/* JSON: a line that says how the device has ended. */
void tracerow_crashed(struct out *out, const struct tracer *t);

#endif /* MUSCTL_TRACE_ROW_H */
