/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctx.c - the life of a context: create, drive or poll, stop, destroy.
 *
 * Owns the order in which the parts are made and undone. Makes no threads; lm_ctx_stop() alone may
 * come from elsewhere.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/name_fault.h"
#include "control/control.h"
#include "dma/dma.h"
#include "gate/call.h"
#include "info.h"
#include "pci/pci.h"
#include "region/region.h"
#include "server/instance.h"
#include "server/server.h"
#include "state/persist.h"
#include "trace/trace.h"
#include "wire/host.h"

#define NOTE_MAX 128

/* Everything that a client cannot see yet. Of what is kept each part says how much that is. */
static int ctx_build(struct lm_ctx *ctx)
{
	const lm_dev_info_t *info = &ctx->info;
	const uint64_t kept[PERSIST_NR] = {
		[PERSIST_CONFIG] = config_persist_size(info),
		[PERSIST_MSIX] = msix_persist_size(info),
		[PERSIST_VPD] = vpd_persist_size(info),
		[PERSIST_IRQ] = irq_persist_size(info),
		[PERSIST_REGISTERS] = register_persist_size(info),
		[PERSIST_DEVICE] = info->state_size,
	};
	const char *why = NULL;
	int ret;

	ret = threads_new(ctx);
	ret = ret ?: loop_new(&ctx->loop);
	/* Memory is made through the host: before all that has some. */
	if (!ret && (info->flags & LM_DEV_MDEV)) {
		ret = host_mdev_open(ctx->uuid, &ctx->host, &why);
		if (ret)
			log_err(ctx, "/dev/muser/%s: %s", ctx->uuid, why ?: strerror(-ret));
	}
	ret = ret ?: persist_new(ctx, kept);
	ret = ret ?: region_new(ctx);
	ret = ret ?: dma_new(ctx);
	ret = ret ?: function_new(ctx);
	return ret;
}

static int ctx_start(struct lm_ctx *ctx)
{
	const int ret = call_start(ctx);

	if (ret)
		log_err(ctx, "start failed: %s", strerror(-ret));
	ctx->started = !ret;
	return ret;
}

/* What one context was told there is not for the next one. */
static void environment_forget(const lm_dev_info_t *info, const lm_dev_info_t *given)
{
	const uint32_t found = info->flags & ~given->flags;
	const struct {
		const char *variable;
		bool is_used;
	} all[] = {
		{ "MUSER_UUID", !given->uuid },
		{ "MUSER_NAME", !given->name },
		{ "MUSER_SOCKET_PATH", info->socket_path && !given->socket_path },
		{ "MUSER_SOCKET_MODE", !given->socket_mode },
		{ "MUSER_SOCKET_GROUP", !given->socket_gid },
		{ "MUSER_NO_MMAP", found & LM_DEV_NO_MMAP },
		{ "MUSER_LISTEN_FD", found & LM_DEV_LISTEN_FD },
		{ "MUSER_TRANSPORT", found & LM_DEV_MDEV },
	};
	size_t i;

	for (i = 0; i < LM_NR(all); i++) {
		if (all[i].is_used)
			unsetenv(all[i].variable);
	}
}

/* Makes it reachable. The directory gets its name last: what has one is complete. */
static int ctx_publish(struct lm_ctx *ctx)
{
	const bool visible = !(ctx->info.flags & LM_DEV_NO_CONTROL);
	int ret = 0;

	if (visible)
		ret = instance_new(ctx);
	ret = ret ?: server_new(ctx);
	if (visible) {
		ret = ret ?: control_new(ctx);
		ret = ret ?: instance_publish(ctx);
	}
	if (!ret)
		persist_commit(ctx);
	return ret ?: server_start(ctx);
}

LM_EXPORT lm_ctx_t *lm_ctx_create_sized(const lm_dev_info_t *dev_info, size_t size)
{
	struct lm_ctx *ctx;
	int ret;

	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	loop_init(&ctx->loop);
	ctx->host = &socket_host;
	log_limits_new(&ctx->log_limits);
	ret = info_copy(&ctx->info, dev_info, size);
	if (ret) {
		free(ctx);
		errno = -ret;
		return NULL;
	}
	memcpy(ctx->uuid, ctx->info.uuid, sizeof(ctx->uuid));
	ret = ctx_build(ctx);
	ret = ret ?: ctx_start(ctx);
	ret = ret ?: ctx_publish(ctx);
	if (ret) {
		lm_ctx_destroy(ctx);
		errno = -ret;
		return NULL;
	}
	if (ctx->info.flags & (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD))
		close(ctx->info.fd); /* the server has its own */
	environment_forget(&ctx->info, dev_info);
	return ctx;
}

LM_EXPORT void lm_ctx_destroy(lm_ctx_t *ctx)
{
	if (!ctx)
		return;
	persist_seal(ctx);
	server_hide(ctx); /* the socket is unlinked before the directory disappears */
	instance_free(ctx);
	control_free(ctx);
	server_free(ctx);
	if (ctx->started)
		call_stop(ctx);
	dma_free(ctx);
	function_free(ctx);
	region_free(ctx);
	persist_free(ctx);
	ctx->host->close(ctx->host);
	loop_free(&ctx->loop);
	threads_free(ctx);
	info_free(&ctx->info);
	free(ctx);
}

static inline int ctx_poll(struct lm_ctx *ctx)
{
	if (ctx->threads)
		return threads_poll(ctx);
	if (!loop_is_stopped(&ctx->loop))
		return server_turn(ctx, false);
	posts_close(&ctx->loop);
	return -ESHUTDOWN;
}

LM_EXPORT int lm_ctx_poll(lm_ctx_t *ctx)
{
	struct serving s;
	int ret;

	serving_begin(&s, &ctx->loop);
	ret = ctx_poll(ctx);
	serving_end(&s);
	return ret;
}

static int ctx_drive(struct lm_ctx *ctx)
{
	int ret = 0;

	if (ctx->threads) {
		ret = threads_drive(ctx);
		return ret == -ESHUTDOWN ? 0 : ret;
	}
	while (ret >= 0 && !loop_is_stopped(&ctx->loop))
		ret = server_turn(ctx, true);
	server_exchange_end(ctx);
	posts_close(&ctx->loop);
	return ret < 0 ? ret : 0;
}

LM_EXPORT int lm_ctx_drive(lm_ctx_t *ctx)
{
	struct serving s;
	int ret;

	serving_begin(&s, &ctx->loop);
	ret = ctx_drive(ctx);
	serving_end(&s);
	return ret;
}

LM_EXPORT void lm_ctx_stop(lm_ctx_t *ctx)
{
	loop_stop(&ctx->loop);
}

LM_EXPORT int lm_ctx_fd(const lm_ctx_t *ctx)
{
	return ctx->loop.epfd;
}

LM_EXPORT const char *lm_ctx_uuid(const lm_ctx_t *ctx)
{
	return ctx->uuid;
}

LM_EXPORT void *lm_ctx_pvt(const lm_ctx_t *ctx)
{
	return ctx->info.pvt;
}

LM_EXPORT uint64_t lm_session(const lm_ctx_t *ctx)
{
	return ctx->session;
}

bool ctx_is_half_done(const struct lm_ctx *ctx)
{
	return ctx->running || ctx->deferred || server_is_half_done(ctx);
}

LM_EXPORT bool lm_is_traced(const lm_ctx_t *ctx)
{
	return gate_is_on(ctx, LM_TRACE_NOTE);
}

LM_EXPORT void lm_note(lm_ctx_t *ctx, const char *fmt, ...)
{
	struct crossing x = { .kind = LM_TRACE_NOTE };
	char text[NOTE_MAX + 1];
	va_list args;
	size_t at, len;

	if (!gate_is_on(ctx, LM_TRACE_NOTE))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (at = 0; text[at]; at += len) {
		len = strnlen(text + at, TRACE_NOTE_MAX);
		x.name = text + at;
		x.flags = text[at + len] ? LM_TRACE_MORE : 0;
		gate_report(ctx, &x);
	}
}

LM_EXPORT int lm_event(lm_ctx_t *ctx, const char *name, uint64_t value)
{
	struct crossing x = { .kind = LM_TRACE_EVENT, .name = name, .value = value };

	if (!name_is_event(name))
		return -EINVAL;
	ctx_lock(ctx);
	if (gate_is_on(ctx, LM_TRACE_EVENT))
		gate_report(ctx, &x);
	ctx_notify(ctx, "event", name, value);
	ctx_unlock(ctx);
	return 0;
}
