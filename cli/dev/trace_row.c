/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_row.c - what the members of a record mean, by its kind (muser-trace.h), in words.
 * Register names and fields come from the map that the device gave.
 */
#include "dev/trace_row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/vfio.h>

#include "base/json.h"

#include "dev/filter.h"
#include "ui/errname.h"
#include "ui/names.h"

enum {
	TIME,
	KIND,
	REGION,
	OFFSET,
	REGISTER,
	WIDTH,
	VALUE,
	DURATION,
	RESULT,
	DETAILS,
	UUID,
	FLAGS,
	CLOCK,
	SEQUENCE,
};

const struct column tracerow_columns[] = {
	[TIME] = { "TIME", 15, 0, "when it began" },
	[KIND] = { "KIND", 10, 0, "read, write, dma-read, irq-fire, ..." },
	[REGION] = { "REGION", 6, 0, "region, or kind of interrupt" },
	[OFFSET] = { "OFFSET", 6, 0, "in the region; address of DMA; vector of an interrupt" },
	[REGISTER] = { "REGISTER", 12, 0, "registers touched; name of an event" },
	[WIDTH] = { "WIDTH", 5, COLUMN_RIGHT, "bytes; interrupts: how many vectors" },
	[VALUE] = { "VALUE", 10, COLUMN_RIGHT, "value; of many bytes the first" },
	[DURATION] = { "DURATION", 10, COLUMN_RIGHT, "how long it took" },
	[RESULT] = { "RESULT", 14, 0, "ok, or the error; interrupts: what became of it" },
	[DETAILS] = { "DETAILS", 1, 0, "bit fields, and other details" },
	[UUID] = { "UUID", 8, COLUMN_EXTRA, "UUID of the device" },
	[FLAGS] = { "FLAGS", 7, COLUMN_EXTRA,
		    "posted, control, message, replayed, refused, kicked: musctl-trace(8)" },
	[CLOCK] = { "CLOCK", 16, COLUMN_RIGHT | COLUMN_EXTRA,
		    "TIME on the monotonic clock, in ns" },
	[SEQUENCE] = { "SEQUENCE", 8, COLUMN_RIGHT | COLUMN_EXTRA, "number of the record" },
	{ 0 }
};

/* Records carry the monotonic clock. */
static uint64_t wall_clock(uint64_t monotonic)
{
	static uint64_t offset;
	struct timespec wall, mono;

	if (!offset) {
		clock_gettime(CLOCK_REALTIME, &wall);
		clock_gettime(CLOCK_MONOTONIC, &mono);
		offset = (uint64_t)(wall.tv_sec - mono.tv_sec) * 1000000000 +
			 (uint64_t)(wall.tv_nsec - mono.tv_nsec);
	}
	return monotonic + offset;
}

static void print_result(struct out *out, const struct lm_trace_record *r)
{
	/* A device that lies may say INT32_MIN. */
	const int64_t error = -(int64_t)r->result;
	const char *name = error > 0 ? errname((int)error) : "ok";

	if (r->kind == LM_TRACE_IRQ_FIRE)
		name = r->result == 0         ? "delivered" :
		       r->result > 0          ? "pending" :
		       r->result == -ENOTCONN ? "no-eventfd" :
						name;
	/* Of DMA and interrupts (muser.h); a device may answer accesses with anything. */
	if (r->result == -EHOSTUNREACH && !record_is_access(r))
		name = "bus-master-off";
	if (name)
		out_text(out, RESULT, name);
	else
		out_printf(out, RESULT, "%d", r->result);
}

/* What was to be read is known only if it has been. */
static bool has_value(const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;

	return r->kind == LM_TRACE_WRITE || r->kind == LM_TRACE_DMA_WRITE ||
	       (r->result >= 0 && !t->unfinished);
}

/* Up to eight bytes as a number; of more, the first eight in the order of their
 * addresses. */
static void print_value(struct out *out, const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;
	char text[24];
	int i;

	if (!has_value(t))
		return;
	if (r->len <= 8) {
		out_hex(out, VALUE, r->value, 2 * r->len);
		return;
	}
	for (i = 0; i < 8; i++)
		snprintf(text + 2 * i, sizeof(text) - 2 * (size_t)i, "%02x", r->bytes[i]);
	out_printf(out, VALUE, "%s...", text);
}

/* What was wrong; of what the device answered, the result says it. */
static void print_reason(struct out *out, const struct lm_trace_record *r)
{
	static const char *const reasons[] = {
		[LM_TRACE_REASON_DEVICE] = "",
		[LM_TRACE_REASON_REGION] = "no such region",
		[LM_TRACE_REASON_RANGE] = "beyond the end",
		[LM_TRACE_REASON_WIDTH] = "width not allowed",
		[LM_TRACE_REASON_DIRECTION] = "read or write not allowed",
	};
	const char *reason = r->aux < sizeof(reasons) / sizeof(reasons[0]) ? reasons[r->aux] : "";
	const bool refused = r->flags & LM_TRACE_REFUSED;

	if (refused || *reason)
		out_printf(out, DETAILS, "%s%s%s", refused ? "refused" : "",
			   refused && *reason ? ": " : "", reason);
}

static void print_access(struct out *out, const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;
	const struct span span = { r->region, r->len, r->offset, r->result < 0 ? 0 : r->aux };
	struct json_object *reg;
	char text[512];

	out_text(out, REGION, name_of_region(&t->map.names, r->region));
	out_address(out, OFFSET, r->offset, 2);
	out_u64(out, WIDTH, r->len);
	print_value(out, t);
	regmap_names(&t->map, &span, text, sizeof(text));
	out_text(out, REGISTER, *text ? text : NULL);
	if (r->result < 0)
		print_reason(out, r);
	if (r->result < 0 || !has_value(t))
		return;
	reg = regmap_exact(&t->map, &span);
	if (!reg)
		return;
	reg_fields(reg, r->value, text, sizeof(text));
	out_text(out, DETAILS, *text ? text : NULL);
}

static void print_dma(struct out *out, const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;

	out_address(out, OFFSET, r->offset, 1);
	switch (r->kind) {
	case LM_TRACE_DMA_READ:
	case LM_TRACE_DMA_WRITE:
		out_u64(out, WIDTH, r->len);
		print_value(out, t);
		break;
	case LM_TRACE_DMA_LOOKUP:
		out_u64(out, WIDTH, r->len);
		if (r->result == -ENOENT)
			out_printf(out, DETAILS, "unmapped=0x%llx", (unsigned long long)r->value);
		break;
	case LM_TRACE_DMA_MAP:
		out_hex(out, VALUE, r->value, 1);
		out_printf(out, DETAILS, "prot=%s%s%s", r->aux & 1 ? "r" : "",
			   r->aux & 2 ? "w" : "", r->aux & 4 ? " fd" : "");
		break;
	default: out_hex(out, VALUE, r->value, 1);
	}
}

static void print_irq(struct out *out, const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;

	out_text(out, REGION, name_of_irq(&t->map.names, r->region));
	out_address(out, OFFSET, r->offset, 1);
	if (r->kind == LM_TRACE_IRQ_SET) {
		out_u64(out, WIDTH, r->len);
		/* VFIO's flags of SET_IRQS: "eventfd trigger". */
		out_printf(out, DETAILS, "%s%s",
			   r->aux & VFIO_IRQ_SET_DATA_EVENTFD ? "eventfd " :
			   r->aux & VFIO_IRQ_SET_DATA_BOOL    ? "bool " :
								"",
			   r->aux & VFIO_IRQ_SET_ACTION_MASK   ? "mask" :
			   r->aux & VFIO_IRQ_SET_ACTION_UNMASK ? "unmask" :
								 "trigger");
	}
	if (r->kind == LM_TRACE_IRQ_MASK)
		out_text(out, DETAILS, r->value ? "masked" : "unmasked");
}

static void print_event(struct out *out, const struct lm_trace_record *r)
{
	char name[LM_TRACE_TEXT_SIZE];

	lm_trace_text(r, name);
	out_text(out, REGISTER, name);
	out_hex(out, VALUE, r->value, 1);
}

static void print_details(struct out *out, const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;

	switch (r->kind) {
	case LM_TRACE_READ:
	case LM_TRACE_WRITE: print_access(out, t); break;
	case LM_TRACE_DMA_READ:
	case LM_TRACE_DMA_WRITE:
	case LM_TRACE_DMA_MAP:
	case LM_TRACE_DMA_UNMAP:
	case LM_TRACE_DMA_LOOKUP: print_dma(out, t); break;
	case LM_TRACE_IRQ_FIRE:
	case LM_TRACE_IRQ_SET:
	case LM_TRACE_IRQ_MASK:
	case LM_TRACE_IRQ_DEASSERT: print_irq(out, t); break;
	case LM_TRACE_ATTACH:
	case LM_TRACE_DETACH:
		out_printf(out, DETAILS, "pid=%llu", (unsigned long long)r->value);
		break;
	case LM_TRACE_EVENT: print_event(out, r); break;
	case LM_TRACE_NOTE: out_text(out, DETAILS, t->note); break;
	default: break;
	}
}

void tracerow_print(struct out *out, const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;
	char flags[64];

	out_row(out);
	if (r->result < 0 || t->unfinished)
		out_color(out, COLOR_BAD);
	out_time(out, TIME, wall_clock(r->time));
	out_text(out, KIND, lm_trace_kind_name(r->kind));
	print_details(out, t);
	if (lm_trace_duration(r))
		out_ns(out, DURATION, lm_trace_duration(r));
	if (t->unfinished)
		out_text(out, RESULT, "unfinished");
	else
		print_result(out, r);
	out_text(out, UUID, t->uuid);
	snprintf(flags, sizeof(flags), "%s%s%s%s%s%s", r->flags & LM_TRACE_POSTED ? ",posted" : "",
		 r->flags & LM_TRACE_CONTROL ? ",control" : "",
		 r->flags & LM_TRACE_MESSAGE ? ",message" : "",
		 r->flags & LM_TRACE_REPLAYED ? ",replayed" : "",
		 r->flags & LM_TRACE_REFUSED ? ",refused" : "",
		 r->flags & LM_TRACE_KICKED ? ",kicked" : "");
	out_list(out, FLAGS, flags + (*flags == ','));
	out_u64(out, CLOCK, r->time);
	out_u64(out, SEQUENCE, r->sequence);
	out_flush(out);
}

void tracerow_lost(struct out *out, const struct tracer *t, uint64_t nr)
{
	struct json_object *line = out_new_document();

	json_add_string(line, "kind", "lost");
	json_add_string(line, "uuid", t->uuid);
	json_add_int(line, "count", (int64_t)nr);
	out_remark(out, line);
}

void tracerow_crashed(struct out *out, const struct tracer *t)
{
	struct json_object *line = out_new_document();

	json_add_string(line, "kind", "crash");
	json_add_string(line, "uuid", t->uuid);
	json_add_string(line, "ended", t->fate);
	out_remark(out, line);
}
