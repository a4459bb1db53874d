/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - tracepoints: each request, its answer, each interrupt, each server that comes or goes.
 *
 * What is accessed is recorded; the data are not: they are the client's. main.c defines the
 * tracepoints.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM muser

#if !defined(MUSER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MUSER_TRACE_H

#include <linux/tracepoint.h>

#include "chan.h"

/* Region -1: it is no access. */
DECLARE_EVENT_CLASS(
	muser_message, TP_PROTO(const struct muser *m, const struct chan_req *r, int result),
	TP_ARGS(m, r, result),
	TP_STRUCT__entry(__field(int, minor) __field(int, id) __field(u16, cmd) __field(u32, len)
				 __field(int, region) __field(u32, count) __field(u64, offset)
					 __field(int, result)),
	TP_fast_assign(const struct chan_access *access = chan_accessed(r);

		       __entry->minor = m->minor; __entry->id = r->id; __entry->cmd = r->cmd;
		       __entry->len = r->len; __entry->region = access ? access->region : -1;
		       __entry->count = access ? access->count : 0;
		       __entry->offset = access ? access->offset : 0; __entry->result = result;),
	TP_printk("device %d id %d cmd %#x region %d offset %#llx count %u result %d",
		  __entry->minor, __entry->id, __entry->cmd, __entry->region, __entry->offset,
		  __entry->count, __entry->result));

DEFINE_EVENT_PRINT(muser_message, muser_request,
		   TP_PROTO(const struct muser *m, const struct chan_req *r, int result),
		   TP_ARGS(m, r, result),
		   TP_printk("device %d id %d cmd %#x len %u region %d offset %#llx count %u",
			     __entry->minor, __entry->id, __entry->cmd, __entry->len,
			     __entry->region, __entry->offset, __entry->count));

DEFINE_EVENT(muser_message, muser_reply,
	     TP_PROTO(const struct muser *m, const struct chan_req *r, int result),
	     TP_ARGS(m, r, result));

TRACE_EVENT(muser_irq, TP_PROTO(const struct muser *m, u32 index, u32 vector, int result),
	    TP_ARGS(m, index, vector, result),
	    TP_STRUCT__entry(__field(int, minor) __field(u32, index) __field(u32, vector)
				     __field(int, result)),
	    TP_fast_assign(__entry->minor = m->minor; __entry->index = index;
			   __entry->vector = vector; __entry->result = result;),
	    TP_printk("device %d index %u vector %u result %d", __entry->minor, __entry->index,
		      __entry->vector, __entry->result));

/* In the order of enum muser_state, without a gap; sysfs has the same. */
#define MUSER_STATE_NAMES                                                   \
	{ MUSER_NO_SERVER, "no-server" }, { MUSER_OPENED, "opened" },       \
		{ MUSER_HANDSHAKE, "handshake" }, { MUSER_READY, "ready" }, \
		{ MUSER_HUNG, "hung" },                                     \
	{                                                                   \
		MUSER_REMOVED, "removed"                                    \
	}

/* For programs that print records by themselves. */
TRACE_DEFINE_ENUM(MUSER_NO_SERVER);
TRACE_DEFINE_ENUM(MUSER_OPENED);
TRACE_DEFINE_ENUM(MUSER_HANDSHAKE);
TRACE_DEFINE_ENUM(MUSER_READY);
TRACE_DEFINE_ENUM(MUSER_HUNG);
TRACE_DEFINE_ENUM(MUSER_REMOVED);

TRACE_EVENT(muser_state, TP_PROTO(const struct muser *m, int state, int why),
	    TP_ARGS(m, state, why),
	    TP_STRUCT__entry(__field(int, minor) __field(int, state) __field(int, why)),
	    TP_fast_assign(__entry->minor = m->minor; __entry->state = state; __entry->why = why;),
	    TP_printk("device %d state %s why %d", __entry->minor,
		      __print_symbolic(__entry->state, MUSER_STATE_NAMES), __entry->why));

#endif /* MUSER_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
