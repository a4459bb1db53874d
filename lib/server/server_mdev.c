/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_mdev.c - what is different for a device behind /dev/muser/<uuid>.
 *
 * muser.ko is the one peer, from the start of the context to the removal of the mdev; it says by
 * commands of its own when a client opens and closes the device. Owns these commands, and when the
 * device is notified of writes to memory that it has mapped. What a client can do is the engine's
 * as ever.
 */
#include <string.h>
#include <sys/mman.h>

#include <linux/muser.h>

#include "pci/pci.h"
#include "server/protocol.h"
#include "wire/host.h"

/* ---- the client behind the module ------------------------------------------------ */

static int client_close(struct client *c, struct message *m, struct reply *r)
{
	client_leave(c);
	master_disconnect(c->ctx);
	return 0;
}

static int client_open(struct client *c, struct message *m, struct reply *r)
{
	struct muser_client who;

	memcpy(&who, m->payload, sizeof(who));
	if (c->notified)
		client_close(c, m, r);
	c->pid = (pid_t)who.pid;
	c->uid = who.uid;
	client_notify(c, true);
	return 0;
}

static const struct command *mdev_command(uint16_t cmd)
{
	static const struct command open = { client_open, sizeof(struct muser_client), 0, true };
	static const struct command close = { client_close, 0, 0, true };

	switch (cmd) {
	case MUSER_CLIENT_OPEN: return &open;
	case MUSER_CLIENT_CLOSE: return &close;
	default: return NULL;
	}
}

/* ---- writes to mapped memory ----------------------------------------------------- */

/*
 * When the device is notified of a write. A client that unmaps memory, maps other in its place, and
 * then writes its address means the other: messages without a reply that came before are served
 * first; all others have been answered before their sender wrote. A client that writes and then
 * reads a register expects that the device knows: the module flags such a request. What has to
 * wait for a message behind it is notified after the request. A device that defers an answer is
 * notified at once: it may be what the answer waits for.
 */
void mdev_traps_notify(struct client *c)
{
	const struct lm_ctx *ctx = c->ctx;

	if (ctx->traps_due &&
	    (c->waiting != WAIT_NONE || (int16_t)(c->posted - ctx->traps_after) >= 0))
		trap_notify(c->ctx);
}

/* What is due already is notified before more is fetched, or it might have to wait for ever. */
int mdev_traps(struct client *c)
{
	const int ret = c->ctx->traps_due ? 0 : trap_fetch(c->ctx);

	mdev_traps_notify(c);
	return ret;
}

int mdev_before(struct client *c, uint32_t flags)
{
	return flags & MUSER_F_WRITTEN ? mdev_traps(c) : 0;
}

/* ---- client memory that is not mapped: the kernel copies, and waits for nobody ---- */

static int mdev_copy_wait(struct lm_ctx *ctx, const struct dma_request *request)
{
	const struct host_dma d = {
		.addr = request->addr,
		.size = request->len,
		.prot = request->is_write ? PROT_WRITE : PROT_READ,
	};

	return ctx->host->dma_copy(ctx->host, &d, request->data);
}

static int mdev_copy(struct lm_ctx *ctx, const struct dma_request *request, lm_dma_done_t *done,
		     void *arg)
{
	done(arg, mdev_copy_wait(ctx, request));
	return 0;
}

const struct dma_peer mdev_peer = { .copy = mdev_copy, .copy_wait = mdev_copy_wait };

/* ---- the transport --------------------------------------------------------------- */

/* A read says why. */
static int mdev_end(struct client *c)
{
	return (int)stream_fill(&c->stream) ?: -ENODEV;
}

/* Those behind it have left by MUSER_CLIENT_CLOSE. */
static void mdev_leave(struct client *c, int error)
{
	c->ctx->ended = error;
	client_leave(c);
}

/* The memory is unmapped already. */
const struct transport mdev_transport = {
	.in = EPOLLIN,
	.replayed = MUSER_F_REPLAYED,
	.has_eventfds = true,
	.is_parallel = true,
	.end = mdev_end,
	.leave = mdev_leave,
	.unmap = dma_revoked,
	.command = mdev_command,
};
