/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_show.c - the method Show. It has no effect on the device.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bus.h"
#include "base/describe.h"
#include "control/control_conn.h"
#include "dma/dma.h"
#include "pci/config.h"
#include "server/server.h"
#include "trace/trace.h"
#include "wire/host.h"

/* ---- regions ------------------------------------------------------------------- */

static struct json_object *show_regions(const struct lm_ctx *ctx)
{
	struct json_object *regions = json_new_array();
	uint32_t i;

	for (i = 0; i < region_count(ctx); i++) {
		const lm_reg_info_t *info = &region_get(ctx, i)->info;

		if (info->size)
			json_append(regions, describe_region(&ctx->info, i, info));
	}
	return regions;
}

/* ---- interrupts ---------------------------------------------------------------- */

static struct json_object *show_vectors(struct lm_ctx *ctx, uint32_t index, uint32_t nr)
{
	struct json_object *vectors = json_new_array(), *obj;
	struct irq_state st;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		if (irq_get_state(ctx, index, i, &st))
			continue;
		if (!st.eventfd && !st.masked && !st.pending && !st.count)
			continue;
		obj = json_new_object();
		json_add_int(obj, "vector", i);
		json_add_bool(obj, "eventfd", st.eventfd);
		json_add_bool(obj, "masked", st.masked);
		json_add_bool(obj, "pending", st.pending);
		json_add_int(obj, "count", (int64_t)st.count);
		json_append(vectors, obj);
	}
	return vectors;
}

static struct json_object *show_irqs(struct lm_ctx *ctx)
{
	struct json_object *irqs = json_new_array(), *obj, *vectors;
	uint32_t i;

	for (i = 0; i < bus_nr_irqs(&ctx->info); i++) {
		const uint32_t count = bus_irq(&ctx->info, i).count;

		if (!count)
			continue;
		vectors = show_vectors(ctx, i, count);
		obj = describe_irq(&ctx->info, i);
		json_add_bool(obj, "enabled", irq_is_enabled(ctx, i));
		json_add(obj, "vectors", vectors);
		if (bus_irq_kind(&ctx->info, i) == LM_DEV_MSIX_IRQ_IDX)
			describe_msix(obj, &ctx->info);
		json_append(irqs, obj);
	}
	return irqs;
}

/* ---- the rest of Show ---------------------------------------------------------- */

static struct json_object *show_properties(struct lm_ctx *ctx)
{
	struct json_object *props = json_new_array(), *obj;
	const lm_prop_t *p = ctx->info.props;
	char value[PROP_VALUE_MAX];

	for (; p < ctx->info.props + ctx->info.nr_props; p++) {
		obj = json_new_object();
		control_get_prop(ctx, p->name, value);
		json_add_string(obj, "name", p->name);
		json_add_string(obj, "value", value);
		describe_property(obj, p);
		json_append(props, obj);
	}
	return props;
}

static struct json_object *show_client(const struct client_state *st)
{
	struct json_object *obj = json_new_object();
	char protocol[16], path[40], name[32] = "";
	int fd;

	snprintf(protocol, sizeof(protocol), "%u.%u", st->major, st->minor);
	json_add_int(obj, "pid", st->pid);
	json_add_int(obj, "uid", st->uid);
	/* The name of its process; any bytes may be in it. */
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)st->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (read(fd, name, sizeof(name) - 1) > 0)
			name[strcspn(name, "\n")] = '\0';
		close(fd);
	}
	json_add_string(obj, "command", name);
	json_add_string(obj, "protocol", protocol);
	json_add_int(obj, "requests", (int64_t)st->requests);
	return obj;
}

bool control_is_attached(const struct lm_ctx *ctx)
{
	struct client_state st = { 0 };

	server_get_state(ctx, &st);
	return st.attached;
}

/* A device without PCI has none of this. */
static void show_ids(struct json_object *obj, const struct config *cfg)
{
	if (!cfg->size)
		return;
	json_add_hex(obj, "vendor", config_get(cfg, PCI_VENDOR_ID, 2));
	json_add_hex(obj, "device", config_get(cfg, PCI_DEVICE_ID, 2));
	json_add_hex(obj, "subvendor", config_get(cfg, PCI_SUBSYSTEM_VENDOR_ID, 2));
	json_add_hex(obj, "subdevice", config_get(cfg, PCI_SUBSYSTEM_ID, 2));
	json_add_hex(obj, "class", config_get(cfg, PCI_CLASS_PROG, 3));
	json_add_hex(obj, "revision", config_get(cfg, PCI_REVISION_ID, 1));
}

static void show(struct conn *c, struct json_object *params, bool more)
{
	struct lm_ctx *ctx = c->ctx;
	struct client_state st = { 0 };
	struct json_object *reply, *obj;

	if (!control_args(c, params, NULL, 0, NULL))
		return;
	obj = json_new_object();
	server_get_state(ctx, &st);
	json_add_string(obj, "uuid", ctx->uuid);
	json_add_string(obj, "type", ctx->info.type);
	json_add_string(obj, "name", ctx->info.name);
	json_add_string(obj, "transport", ctx->host->name);
	json_add_string(obj, "state", st.attached ? "attached" : "waiting");
	json_add_int(obj, "pid", getpid());
	json_add_string(obj, "program", program_invocation_short_name);
	json_add_string(obj, "version", lm_version());
	json_add_string(obj, "socket", lm_ctx_socket(ctx));
	json_add_string(obj, "bus", bus_name(&ctx->info));
	show_ids(obj, ctx->config);
	if (st.attached)
		json_add(obj, "client", show_client(&st));
	json_add(obj, "regions", show_regions(ctx));
	json_add(obj, "irqs", show_irqs(ctx));
	json_add(obj, "properties", show_properties(ctx));
	json_add_int(obj, "dma_windows", (int64_t)dma_count(ctx));
	json_add_int(obj, "refused", (int64_t)ctx->refused);
	json_add_int(obj, "tracers", trace_tracers(ctx));
	reply = json_new_object();
	json_add(reply, "device", obj);
	control_reply(c, reply);
}

const struct method control_show_methods[] = {
	{ "Show", show },
	{ NULL, NULL },
};
