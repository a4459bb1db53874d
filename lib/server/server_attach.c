/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_attach.c - that a client is there, or has left: who hears of it, what it takes along.
 */
#include "pci/pci.h"
#include "region/kick.h"
#include "server/server_client.h"
#include "trace/trace.h"

static void trace_client(struct lm_ctx *ctx, uint16_t kind, pid_t pid)
{
	struct lm_trace_record rec = {
		.time = trace_ticks(), .kind = kind, .value = (uint64_t)pid,
	};

	trace_append(ctx, &rec);
}

void server_notify(struct lm_ctx *ctx, pid_t pid, bool attached)
{
	if (trace_on(ctx))
		trace_client(ctx, attached ? LM_TRACE_ATTACH : LM_TRACE_DETACH, pid);
	ctx_notify(ctx, attached ? "attach" : "detach", NULL, (uint64_t)pid);
	if (ctx->info.client)
		ctx->info.client(ctx->info.pvt, attached);
}

/* Of an attach when lm_ctx_create() has returned: in a turn. */
void client_notify(struct client *c, bool attached)
{
	if (c->notified == attached)
		return;
	c->notified = attached;
	server_notify(c->ctx, c->pid, attached);
}

/* Device state stays; what the client lent us goes, and what we lent it (spec, "Client
 * Disconnection"). */
void client_leave(struct client *c)
{
	kick_disconnect(c->ctx);
	irq_disconnect(c->ctx);
	dma_disconnect(c->ctx);
	client_notify(c, false);
}
