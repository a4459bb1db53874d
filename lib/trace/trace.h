/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.h - the trace ring: records are appended, tracers come and go; the tap that makes records.
 */
#ifndef LM_TRACE_H
#define LM_TRACE_H

#include "gate/gate.h"

static inline bool trace_on(const struct lm_ctx *ctx)
{
	return atomic_load_explicit(&ctx->tap[TAP_TRACE], memory_order_relaxed);
}
#define TRACE_SLOTS    65536u
#define TRACE_NOTE_MAX 32u  /* bytes of a note that a record has */
uint64_t trace_ticks(void); /* the clock of records */
/* Which clock that is (lm_trace_header.clock), and both clocks at one moment. */
uint32_t trace_clock(void);
void trace_clock_pair(uint64_t *ticks, uint64_t *ns);
/* The kinds that take time; of these a record has how much, ticks or nanoseconds. */
static inline bool trace_is_timed(unsigned int kind)
{
	const uint64_t timed = 1ull << LM_TRACE_READ | 1ull << LM_TRACE_WRITE |
			       1ull << LM_TRACE_DMA_READ | 1ull << LM_TRACE_DMA_WRITE |
			       1ull << LM_TRACE_RESET;

	return kind < LM_TRACE_NR_KINDS && timed >> kind & 1;
}
static inline void trace_set_duration(struct lm_trace_record *rec, uint64_t duration)
{
	rec->duration = (uint32_t)duration;
	rec->duration_high = (uint32_t)(duration >> 32);
}
/* Append; sequence is filled in. From any thread; lost if nobody traces any more. */
void trace_append(struct lm_ctx *ctx, const struct lm_trace_record *rec);
/* An access or reset is about to call the device: its record is to be filled in (duration, result,
 * aux and text stay zero) and gets its kind; it has ended. Only if trace_on(). */
struct lm_trace_record *trace_begin(struct lm_ctx *ctx);
void trace_begun(struct lm_trace_record *begun, uint16_t kind);
void trace_done(struct lm_ctx *ctx);
void trace_end(struct lm_ctx *ctx); /* the device ends in order */
/* A tracer comes or goes. Both descriptors are consumed on success; *ring_fd is borrowed. */
int trace_attach(struct lm_ctx *ctx, int eventfd, int armed_memfd, int *ring_fd, void **tracer);
void trace_detach(struct lm_ctx *ctx, void *tracer);
void trace_free(struct lm_ctx *ctx); /* with control_free(); nobody traces any more */
extern struct tap trace_tap;
uint32_t trace_tracers(const struct lm_ctx *ctx);

#endif /* LM_TRACE_H */
