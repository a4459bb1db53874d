/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * traced.h - a tracer of the device of engine.h: its rows one by one, and accesses that are
 * refused. Of these the client sees nothing but ones, or nothing at all: the trace has the error.
 */
#ifndef TEST_TRACED_H
#define TEST_TRACED_H

#include <sys/mman.h>

#include "engine.h"

/* From now on, until the context ends. */
static inline void engine_trace(struct engine *e)
{
	const int page = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ring;

	assert_int_equal(ftruncate(page, 4096), 0);
	assert_int_equal(fcntl(page, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(trace_attach(e->ctx, eventfd(0, EFD_NONBLOCK), page, &ring, &e->lease), 0);
	assert_int_equal(lm_trace_open(dup(ring), &e->reader), 0);
}

static inline void engine_connect_traced(struct engine *e)
{
	engine_connect(e);
	engine_trace(e);
}

static inline struct lm_trace_record engine_row(struct engine *e)
{
	struct lm_trace_record rec;
	uint64_t lost;

	assert_int_equal(lm_trace_next(e->reader, &rec, &lost), 1);
	assert_int_equal(lost, 0);
	return rec;
}

static inline struct lm_trace_record engine_row_of(struct engine *e, unsigned int kind)
{
	const struct lm_trace_record rec = engine_row(e);

	assert_int_equal(rec.kind, kind);
	return rec;
}

static inline void engine_no_row(struct engine *e)
{
	struct lm_trace_record rec;
	uint64_t lost;

	assert_int_equal(lm_trace_next(e->reader, &rec, &lost), 0);
}

/* ---- accesses that are refused --------------------------------------------------- */

/* The next row is an access that was refused with this error. */
static inline void engine_row_refused(struct engine *e, unsigned int kind, int error)
{
	const struct lm_trace_record rec = engine_row_of(e, kind);

	assert_int_equal(rec.result, -error);
	assert_true(rec.flags & LM_TRACE_REFUSED);
}

/* The next message is the reply to read @id: success, and ones throughout. */
static inline void engine_reply_refused(struct engine *e, uint16_t id, uint32_t count, int error)
{
	const char *data = engine_read_reply(e, id, count);
	uint32_t i;

	for (i = 0; i < count; i++)
		assert_int_equal((uint8_t)data[i], 0xff);
	engine_row_refused(e, LM_TRACE_READ, error);
}

static inline void engine_read_refused(struct engine *e, uint32_t region, uint64_t offset,
				       uint32_t count, int error)
{
	const uint64_t before = e->ctx->refused;
	const uint16_t id = engine_send_read(e, region, offset, count);

	engine_reply_refused(e, id, count, error);
	assert_int_equal(e->ctx->refused, before + 1);
}

static inline void engine_write_refused(struct engine *e, uint32_t region, uint64_t offset,
					const void *data, uint32_t count, int error)
{
	const uint64_t before = e->ctx->refused;

	engine_write(e, region, offset, data, count);
	engine_row_refused(e, LM_TRACE_WRITE, error);
	assert_int_equal(e->ctx->refused, before + 1);
}

#endif /* TEST_TRACED_H */
