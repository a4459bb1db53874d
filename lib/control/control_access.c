/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_access.c - the methods that a device may answer later: Read, Write, Reset.
 *
 * An access of musctl goes the way of a client's access, checks and trace included, so
 * a virtual machine can stay attached. While the device thinks, the connection waits;
 * if its peer leaves, the device's late answer finds nobody.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_conn.h"
#include "pci/pci.h"
#include "region/region.h"

#define READ_MAX (64u * 1024u)

struct op {
	struct conn *c;
	struct access a;
	struct deferral reset;
	uint64_t value, mask; /* of a write, in host order */
	bool merging;         /* the read that comes before a masked write */
	char buf[];
};

static struct op *op_new(struct conn *c, size_t size)
{
	struct op *op = calloc(1, sizeof(*op) + size);

	if (!op) {
		control_failed(c, -ENOMEM, NULL);
		return NULL;
	}
	op->c = c;
	op->a.buf = op->buf;
	op->a.trace_flags = LM_TRACE_CONTROL;
	return op;
}

static void op_wait(struct op *op, void (*cancel)(struct conn *c))
{
	op->c->waiting = op;
	op->c->cancel = cancel;
}

/* ---- Read and Write ------------------------------------------------------------ */

/* In words that say what would be right. */
static void access_failed(struct op *op, int err)
{
	struct json_object *params = json_new_object();
	const struct region *r;
	unsigned int min, max;

	json_add_int(params, "region", op->a.region);
	switch (op->a.reason) {
	case LM_TRACE_REASON_REGION:
		control_error(op->c, CONTROL_INTERFACE ".NoSuchRegion", params);
		return;
	case LM_TRACE_REASON_RANGE:
		r = region_get(op->c->ctx, op->a.region);
		json_add_hex(params, "offset", op->a.offset);
		json_add_hex(params, "size", r->info.size);
		control_error(op->c, CONTROL_INTERFACE ".OutOfRange", params);
		return;
	case LM_TRACE_REASON_WIDTH:
		r = region_get(op->c->ctx, op->a.region);
		register_widths(r->info.regs, &min, &max);
		json_add_int(params, "width", op->a.count);
		json_add_int(params, "min", min);
		json_add_int(params, "max", max);
		control_error(op->c, CONTROL_INTERFACE ".WidthNotAllowed", params);
		return;
	default: json_free(params);
	}
	control_failed(op->c, err,
		       op->a.reason == LM_TRACE_REASON_DEVICE ? NULL :
		       op->a.is_write                         ? "the region cannot be written" :
								"the region cannot be read");
}

static void access_cancel(struct conn *c)
{
	struct op *op = c->waiting;

	region_cancel(c->ctx, &op->a);
	free(op);
}

/* The result of one access; a masked write is two. False: the device will answer
 * later. */
static bool access_proceed(struct op *op, ssize_t result)
{
	struct json_object *reply = NULL;
	uint64_t present = 0;

	if (result >= 0 && op->merging) {
		memcpy(&present, op->buf, op->a.count);
		present = htole64((le64toh(present) & ~op->mask) | (op->value & op->mask));
		memcpy(op->buf, &present, op->a.count);
		op->merging = false;
		op->a.is_write = true;
		result = region_access(op->c->ctx, &op->a);
	}
	if (result == LM_DEFER) {
		op_wait(op, access_cancel);
		return false;
	}
	if (result >= 0 && !op->a.is_write) {
		reply = json_new_object();
		json_add_bytes(reply, "data", op->buf, op->a.count);
	}
	if (result < 0)
		access_failed(op, (int)result);
	else
		control_reply(op->c, reply);
	free(op);
	return true;
}

static void access_done(struct access *a, ssize_t result)
{
	struct op *op = container_of(a, struct op, a);
	struct conn *c = op->c;

	c->cancel = NULL;
	if (access_proceed(op, result))
		conn_settle(c);
}

static void access_start(struct op *op)
{
	op->a.done = access_done;
	access_proceed(op, region_access(op->c->ctx, &op->a));
}

struct access_args {
	uint32_t region, count;
	uint64_t offset, value, mask;
};

static void read_region(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "region", JSON_INT, .offset = offsetof(struct access_args, region) },
		{ "offset", JSON_HEX, .offset = offsetof(struct access_args, offset) },
		{ "count", JSON_INT, .offset = offsetof(struct access_args, count),
		  .max = READ_MAX },
	};
	struct access_args args;
	struct op *op;

	if (!control_args(c, params, members, LM_NR(members), &args))
		return;
	if (!args.count) {
		control_invalid(c, "count");
		return;
	}
	op = op_new(c, args.count);
	if (!op)
		return;
	op->a.region = args.region;
	op->a.offset = args.offset;
	op->a.count = args.count;
	access_start(op);
}

static void write_start(struct conn *c, const struct access_args *args, bool masked)
{
	struct op *op = op_new(c, sizeof(uint64_t));
	uint64_t bytes = htole64(args->value);

	if (!op)
		return;
	op->a.region = args->region;
	op->a.offset = args->offset;
	op->a.count = args->count;
	op->value = args->value;
	op->mask = args->mask;
	op->merging = masked;
	op->a.is_write = !masked;
	memcpy(op->buf, &bytes, sizeof(bytes));
	access_start(op);
}

static void write_region(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "region", JSON_INT, .offset = offsetof(struct access_args, region) },
		{ "offset", JSON_HEX, .offset = offsetof(struct access_args, offset) },
		{ "width", JSON_INT, .offset = offsetof(struct access_args, count) },
		{ "value", JSON_HEX, .offset = offsetof(struct access_args, value) },
		{ "mask", JSON_HEX, true, offsetof(struct access_args, mask) },
	};
	struct access_args args = { 0 };
	const bool masked = json_get(params, "mask");
	const char *fault = NULL;
	uint64_t all;

	if (!control_args(c, params, members, LM_NR(members), &args))
		return;
	all = args.count < 8 ? (1ull << (8 * args.count)) - 1 : UINT64_MAX;
	if (args.count != 1 && args.count != 2 && args.count != 4 && args.count != 8)
		fault = "width";
	else if (args.value & ~all)
		fault = "value";
	else if (args.mask & ~all)
		fault = "mask";
	if (fault) {
		control_invalid(c, fault);
		return;
	}
	write_start(c, &args, masked && args.mask != all);
}

/* ---- Reset --------------------------------------------------------------------- */

static void reset_reply(struct conn *c, ssize_t result)
{
	if (result < 0)
		control_failed(c, (int)result, NULL);
	else
		control_reply(c, NULL);
}

static void reset_cancel(struct conn *c)
{
	struct op *op = c->waiting;

	defer_cancel(c->ctx, &op->reset);
	free(op);
}

static void reset_done(struct lm_ctx *ctx, struct deferral *d, ssize_t result)
{
	struct op *op = container_of(d, struct op, reset);
	struct conn *c = op->c;

	c->cancel = NULL;
	free(op);
	reset_reply(c, result);
	conn_settle(c);
}

static void reset(struct conn *c, struct json_object *params, bool more)
{
	struct op *op;
	int ret;

	if (!control_args(c, params, NULL, 0, NULL))
		return;
	op = op_new(c, 0);
	if (!op)
		return;
	op->reset.done = reset_done;
	ret = function_reset(c->ctx, &op->reset, LM_RESET_CONTROL);
	if (ret == LM_DEFER) {
		op_wait(op, reset_cancel);
		return;
	}
	free(op);
	reset_reply(c, ret);
}

const struct method control_access_methods[] = {
	{ "Read", read_region },
	{ "Write", write_region },
	{ "Reset", reset },
	{ NULL, NULL },
};
