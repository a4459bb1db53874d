/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_methods.c - the methods that act at once: properties, interrupts, tracers,
 * listeners, the end.
 *
 * Interrupts go through the library's own masking rules: musctl fires one as the device
 * would. A tracer's lease of the ring is its connection.
 */
#include <stdio.h>
#include <string.h>

#include "base/bus.h"
#include "base/prop.h"
#include "base/value_fault.h"
#include "control/control_conn.h"
#include "dma/dma.h"
#include "gate/call.h"
#include "pci/pci.h"
#include "trace/trace.h"

/* ---- properties ---------------------------------------------------------------- */

struct prop_args {
	const char *name, *value;
};

static void no_prop(struct conn *c, const char *name)
{
	struct json_object *params = json_new_object();

	json_add_string(params, "property", name);
	control_error(c, CONTROL_INTERFACE ".NoSuchProperty", params);
}

int control_get_prop(struct lm_ctx *ctx, const char *name, char value[PROP_VALUE_MAX])
{
	int ret;

	memset(value, 0, PROP_VALUE_MAX);
	ret = call_get(ctx, name, value, PROP_VALUE_MAX);
	if (ret >= 0 && strnlen(value, PROP_VALUE_MAX) >= PROP_VALUE_MAX - 1)
		ret = -EMSGSIZE; /* and cut by whoever has written it */
	if (ret < 0)
		value[0] = '\0';
	return ret;
}

static void get_prop(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "property", JSON_STRING, .offset = offsetof(struct prop_args, name) },
	};
	char value[PROP_VALUE_MAX];
	struct json_object *reply;
	struct prop_args args;
	int ret;

	if (!control_args(c, params, members, LM_NR(members), &args))
		return;
	if (!prop_find(&c->ctx->info, args.name)) {
		no_prop(c, args.name);
		return;
	}
	ret = control_get_prop(c->ctx, args.name, value);
	if (ret < 0) {
		control_failed(c, ret,
			       ret == -EMSGSIZE ? "its value has more than 4094 bytes" : NULL);
		return;
	}
	reply = json_new_object();
	json_add_string(reply, "value", value);
	control_reply(c, reply);
}

static void set_prop(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "property", JSON_STRING, .offset = offsetof(struct prop_args, name) },
		{ "value", JSON_STRING, .offset = offsetof(struct prop_args, value) },
	};
	char text[VALUE_FAULT], accepts[PROP_ACCEPTS_MAX];
	const lm_prop_t *prop;
	struct prop_args args;
	int ret;

	if (!control_args(c, params, members, LM_NR(members), &args))
		return;
	prop = prop_find(&c->ctx->info, args.name);
	if (!prop) {
		no_prop(c, args.name);
		return;
	}
	if (prop->flags & (LM_PROP_RO | LM_PROP_CREATE)) {
		control_failed(c, -EPERM,
			       prop->flags & LM_PROP_RO ? READ_ONLY_FAULT : CREATE_ONLY_FAULT);
		return;
	}
	ret = call_set(c->ctx, args.name, args.value);
	if (ret < 0)
		control_failed(c, ret,
			       value_fault(ret, args.value, prop_accepts(prop, args.name, accepts),
					   text));
	else
		control_reply(c, NULL);
}

/* ---- interrupts ---------------------------------------------------------------- */

struct irq_args {
	uint32_t index, vector;
	bool flag;
};

static void no_vector(struct conn *c, const struct irq_args *args)
{
	struct json_object *params = json_new_object();

	json_add_int(params, "index", args->index);
	json_add_int(params, "vector", args->vector);
	control_error(c, CONTROL_INTERFACE ".NoSuchVector", params);
}

static void reply_outcome(struct conn *c, const struct irq_args *args, int ret)
{
	struct json_object *reply;
	const char *outcome;

	switch (ret) {
	case LM_IRQ_DELIVERED: outcome = "delivered"; break;
	case LM_IRQ_PENDING: outcome = "pending"; break;
	case -ENOTCONN: outcome = "no-eventfd"; break;
	case MASTER_OFF: outcome = "bus-master-off"; break;
	case -EINVAL: no_vector(c, args); return;
	default: control_failed(c, ret, NULL); return;
	}
	reply = json_new_object();
	json_add_string(reply, "outcome", outcome);
	control_reply(c, reply);
}

static void fire_irq(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "index", JSON_INT, .offset = offsetof(struct irq_args, index) },
		{ "vector", JSON_INT, .offset = offsetof(struct irq_args, vector) },
	};
	struct irq_args args;

	if (!control_args(c, params, members, LM_NR(members), &args))
		return;
	reply_outcome(c, &args, irq_inject(c->ctx, args.index, args.vector));
}

static void set_irq_level(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "level", JSON_BOOL, .offset = offsetof(struct irq_args, flag) },
	};
	struct irq_args args = { .index = LM_DEV_INTX_IRQ_IDX };

	if (!control_args(c, params, members, LM_NR(members), &args))
		return;
	if (!bus_is_pci(&c->ctx->info))
		control_failed(c, -EOPNOTSUPP, NOT_PCI);
	else
		reply_outcome(c, &args, irq_inject_level(c->ctx, args.flag));
}

static void mask_irq(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "index", JSON_INT, .offset = offsetof(struct irq_args, index) },
		{ "vector", JSON_INT, .offset = offsetof(struct irq_args, vector) },
		{ "mask", JSON_BOOL, .offset = offsetof(struct irq_args, flag) },
	};
	struct irq_args args;
	int ret;

	if (!control_args(c, params, members, LM_NR(members), &args))
		return;
	ret = irq_mask(c->ctx, args.index, args.vector, args.flag);
	if (ret == -EINVAL)
		no_vector(c, &args);
	else if (ret < 0)
		control_failed(c, ret, NULL);
	else
		control_reply(c, NULL);
}

/* ---- tracers, listeners, the end ----------------------------------------------- */

static void trace(struct conn *c, struct json_object *params, bool more)
{
	struct json_object *reply;
	int ring, ret;

	if (!control_args(c, params, NULL, 0, NULL))
		return;
	if (c->tracer) {
		control_failed(c, -EBUSY, "this connection is already tracing");
		return;
	}
	if (c->fds.error) {
		control_failed(c, c->fds.error, NULL);
		return;
	}
	if (c->fds.nr < 2) {
		control_failed(c, -EINVAL, "the call must carry an eventfd and a memfd");
		return;
	}
	ret = trace_attach(c->ctx, c->fds.fd[0], c->fds.fd[1], &ring, &c->tracer);
	if (ret) {
		control_failed(c, ret,
			       ret != -EINVAL ?
				       NULL :
				       "the call must carry an eventfd, and a memfd of a page "
				       "that is sealed against shrinking");
		return;
	}
	c->fds.fd[0] = c->fds.fd[1] = -1; /* the tracer's */
	if (!c->oneway)
		c->out_fd = ring;
	reply = json_new_object();
	json_add_int(reply, "slots", TRACE_SLOTS);
	control_reply(c, reply);
}

static void monitor(struct conn *c, struct json_object *params, bool more)
{
	struct json_object *reply;

	if (!control_args(c, params, NULL, 0, NULL))
		return;
	if (!more) {
		control_error(c, "org.varlink.service.ExpectedMore", NULL);
		return;
	}
	c->monitor = true;
	reply = json_new_object();
	json_add_string(reply, "kind", "ready");
	json_add_hex(reply, "value", control_is_attached(c->ctx));
	control_reply_more(c, reply);
}

static void stop(struct conn *c, struct json_object *params, bool more)
{
	if (!control_args(c, params, NULL, 0, NULL))
		return;
	if (c->oneway)
		loop_stop(&c->ctx->loop);
	c->stop = !c->oneway;
	control_reply(c, NULL);
}

const struct method control_methods[] = {
	{ "Get", get_prop },     { "Set", set_prop },
	{ "FireIrq", fire_irq }, { "SetIrqLevel", set_irq_level },
	{ "MaskIrq", mask_irq }, { "Trace", trace },
	{ "Monitor", monitor },  { "Stop", stop },
	{ NULL, NULL },
};
