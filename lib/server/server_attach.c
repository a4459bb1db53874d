/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_attach.c - that a client is there, or has left: who hears of it, what it takes along.
 */
#include "gate/call.h"
#include "pci/pci.h"
#include "region/kick.h"
#include "server/server_client.h"

void server_notify(struct lm_ctx *ctx, pid_t pid, bool attached)
{
	struct crossing x = {
		.kind = attached ? LM_TRACE_ATTACH : LM_TRACE_DETACH,
		.value = (uint64_t)pid,
	};

	ctx->session += attached;
	if (gate_is_on(ctx, x.kind))
		gate_report(ctx, &x);
	ctx_notify(ctx, attached ? "attach" : "detach", NULL, (uint64_t)pid);
	call_client(ctx, attached);
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
