/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - tracepoints: each request, its answer, each interrupt, each server that comes or goes.
 *
 * Data of requests are not recorded: they are the client's. main.c defines the tracepoints.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM muser

#if !defined(MUSER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MUSER_TRACE_H

#include <linux/tracepoint.h>

#include "muser.h"

TRACE_EVENT(muser_request,
	TP_PROTO(const struct muser *m, int id, u16 cmd, size_t len),
	TP_ARGS(m, id, cmd, len),
	TP_STRUCT__entry(
		__field(int, minor)
		__field(int, id)
		__field(u16, cmd)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->minor = m->minor;
		__entry->id = id;
		__entry->cmd = cmd;
		__entry->len = len;
	),
	TP_printk("device %d id %d cmd %#x len %u",
		  __entry->minor, __entry->id, __entry->cmd, __entry->len)
);

TRACE_EVENT(muser_reply,
	TP_PROTO(const struct muser *m, int id, u16 cmd, int result),
	TP_ARGS(m, id, cmd, result),
	TP_STRUCT__entry(
		__field(int, minor)
		__field(int, id)
		__field(u16, cmd)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->minor = m->minor;
		__entry->id = id;
		__entry->cmd = cmd;
		__entry->result = result;
	),
	TP_printk("device %d id %d cmd %#x result %d",
		  __entry->minor, __entry->id, __entry->cmd, __entry->result)
);

TRACE_EVENT(muser_irq,
	TP_PROTO(const struct muser *m, u32 index, u32 vector, int result),
	TP_ARGS(m, index, vector, result),
	TP_STRUCT__entry(
		__field(int, minor)
		__field(u32, index)
		__field(u32, vector)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->minor = m->minor;
		__entry->index = index;
		__entry->vector = vector;
		__entry->result = result;
	),
	TP_printk("device %d index %u vector %u result %d",
		  __entry->minor, __entry->index, __entry->vector, __entry->result)
);

TRACE_EVENT(muser_state,
	TP_PROTO(const struct muser *m, int state, int why),
	TP_ARGS(m, state, why),
	TP_STRUCT__entry(
		__field(int, minor)
		__field(int, state)
		__field(int, why)
	),
	TP_fast_assign(
		__entry->minor = m->minor;
		__entry->state = state;
		__entry->why = why;
	),
	TP_printk("device %d state %d why %d", __entry->minor, __entry->state, __entry->why)
);

#endif /* MUSER_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
