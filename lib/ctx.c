/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctx.c - the life of a context: create, drive or poll, reset, stop, destroy.
 *
 * Owns the order in which the parts are made and undone, and the device reset that the protocol,
 * function level reset and musctl share. Makes no threads; lm_ctx_stop() alone may come from
 * elsewhere, so it only sets a flag and writes an eventfd.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

#define EVENT_NAME_MAX 16 /* text and tail of a trace record */
#define RESET_WORK     16

#define STRINGIFY(x) #x
#define VERSION_TEXT(major, minor, patch) \
	STRINGIFY(major) "." STRINGIFY(minor) "." STRINGIFY(patch)

LM_EXPORT const char *lm_version(void)
{
	return VERSION_TEXT(LM_VERSION_MAJOR, LM_VERSION_MINOR, LM_VERSION_PATCH);
}

static void stop_ready(struct source *src, uint32_t events)
{
	/* The flag is what counts; the eventfd stays readable so that every poll wakes. */
}

static int stop_new(struct lm_ctx *ctx)
{
	int ret;

	ctx->stop_source.fn = stop_ready;
	ctx->stop_source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ctx->stop_source.fd < 0)
		return -errno;
	ret = loop_add(&ctx->loop, &ctx->stop_source, EPOLLIN);
	return ret;
}

/* Sockets bring channels; a node is one, and what clients may map is made through it. */
static int channel_new(struct lm_ctx *ctx)
{
	const char *why = NULL;
	int ret;

	if (!(ctx->info.flags & LM_DEV_MDEV))
		return 0;
	ret = channel_mdev_open(&ctx->channel, ctx->uuid, &why);
	if (ret) {
		log_err(ctx, "/dev/muser/%s: %s", ctx->uuid, why ?: strerror(-ret));
		ctx->channel.ops = NULL;
	}
	return ret;
}

static void channel_free(struct lm_ctx *ctx)
{
	if (ctx->channel.ops)
		ctx->channel.ops->close(&ctx->channel);
}

/* Everything that a client cannot see yet. */
static int ctx_build(struct lm_ctx *ctx)
{
	int ret;

	ret = threads_new(ctx);
	ret = ret ?: loop_new(&ctx->loop);
	ret = ret ?: stop_new(ctx);
	ret = ret ?: channel_new(ctx);
	ret = ret ?: kept_new(ctx);
	ret = ret ?: region_new(ctx);
	ret = ret ?: config_new(ctx);
	if (!ret)
		region_get(ctx, LM_CFG_REG_IDX)->info.size = config_size(ctx);
	ret = ret ?: irq_new(ctx);
	ret = ret ?: dma_new(ctx);
	if (!ret)
		master_moved(ctx); /* persistent configuration space may say something */
	return ret;
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
		kept_commit(ctx);
	return ret ?: server_start(ctx);
}

/* What this context was told there is not for the next one. */
static void environment_taken(const lm_dev_info_t *given, const lm_dev_info_t *info)
{
	if (!given->uuid)
		unsetenv("MUSER_UUID");
	if (info->flags & ~given->flags & LM_DEV_LISTEN_FD)
		unsetenv("MUSER_LISTEN_FD");
	if (info->flags & ~given->flags & LM_DEV_MDEV)
		unsetenv("MUSER_TRANSPORT");
}

LM_EXPORT lm_ctx_t *lm_ctx_create_sized(const lm_dev_info_t *dev_info, size_t size)
{
	struct lm_ctx *ctx;
	int ret;

	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	ctx->loop.epfd = -1;
	ctx->stop_source.fd = -1;
	log_limits_new(&ctx->log_limits);
	ret = info_copy(&ctx->info, dev_info, size);
	if (ret) {
		free(ctx);
		errno = -ret;
		return NULL;
	}
	memcpy(ctx->uuid, ctx->info.uuid, sizeof(ctx->uuid));
	ret = ctx_build(ctx);
	ret = ret ?: ctx_publish(ctx);
	if (ret) {
		lm_ctx_destroy(ctx);
		errno = -ret;
		return NULL;
	}
	if (ctx->info.flags & (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD))
		close(ctx->info.fd); /* the server has its own */
	environment_taken(dev_info, &ctx->info);
	return ctx;
}

LM_EXPORT void lm_ctx_destroy(lm_ctx_t *ctx)
{
	if (!ctx)
		return;
	kept_seal(ctx);
	server_hide(ctx); /* the socket is unlinked before the directory disappears */
	instance_free(ctx);
	control_free(ctx);
	server_free(ctx);
	dma_free(ctx);
	irq_free(ctx);
	config_free(ctx);
	region_free(ctx);
	kept_free(ctx);
	channel_free(ctx);
	if (ctx->stop_source.fd >= 0)
		close(ctx->stop_source.fd);
	loop_free(&ctx->loop);
	threads_free(ctx);
	info_free(&ctx->info);
	free(ctx);
}

bool ctx_look_is_due(struct lm_ctx *ctx)
{
	if (likely(ctx->work - ctx->looked < TURN_MAX))
		return false;
	ctx->looked = ctx->work;
	return true;
}

/* The server first, then the rest: a context that spins looks at epoll now and then only, but it
 * does so also while a client keeps it busy. */
static int poll_busy(struct lm_ctx *ctx)
{
	const int served = server_busy_poll(ctx);
	int ret;

	work_add(ctx, TURN_MAX / LOOP_LOOK_TURNS);
	if (likely(served >= 0 && !ctx_look_is_due(ctx)))
		return served;
	ret = loop_run(&ctx->loop, 0);
	return ret < 0 || served < 0 ? ret : ret + served;
}

int ctx_turn(struct lm_ctx *ctx, bool may_wait)
{
	int ret;

	if (ctx->info.flags & LM_DEV_BUSY_POLL)
		ret = poll_busy(ctx);
	else if (may_wait && ctx->channel.ops)
		ret = server_exchange(ctx);
	else
		ret = loop_run(&ctx->loop, may_wait && !ctx->ended ? -1 : 0);
	return ctx->ended ?: ret;
}

LM_EXPORT int lm_ctx_poll(lm_ctx_t *ctx)
{
	if (ctx->threads)
		return threads_poll(ctx);
	if (atomic_load(&ctx->stopped))
		return -ESHUTDOWN;
	return ctx_turn(ctx, false);
}

LM_EXPORT int lm_ctx_drive(lm_ctx_t *ctx)
{
	int ret = 0;

	if (ctx->threads) {
		ret = threads_drive(ctx);
		return ret == -ESHUTDOWN ? 0 : ret;
	}
	while (ret >= 0 && !atomic_load(&ctx->stopped))
		ret = ctx_turn(ctx, true);
	server_exchange_end(ctx);
	return ret < 0 ? ret : 0;
}

LM_EXPORT void lm_ctx_stop(lm_ctx_t *ctx)
{
	const int saved = errno; /* a signal handler must not change it */
	const uint64_t one = 1;
	ssize_t ret;

	atomic_store(&ctx->stopped, true);
	ret = write(ctx->stop_source.fd, &one, sizeof(one));
	(void)ret; /* full: it is readable already */
	errno = saved;
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

static void trace_reset(struct lm_ctx *ctx, uint64_t started, uint16_t flags, int result)
{
	struct lm_trace_record rec = {
		.time = started,
		.duration = trace_duration(started, trace_ticks()),
		.kind = LM_TRACE_RESET,
		.flags = flags,
		.result = result,
	};

	trace_done(ctx);
	trace_append(ctx, &rec);
}

static uint64_t reset_begins(struct lm_ctx *ctx, uint16_t flags)
{
	struct lm_trace_record *begun;

	if (!trace_on(ctx))
		return 0;
	begun = trace_begin(ctx);
	*begun = (struct lm_trace_record){ .time = trace_ticks(), .flags = flags };
	trace_begun(begun, LM_TRACE_RESET);
	return begun->time;
}

/* Answered later: the callback's own result is not worth waiting for if nobody asked. */
static int reset_callback(struct lm_ctx *ctx, struct deferral *d)
{
	struct deferral nobody = { 0 };
	int ret;

	if (!ctx->info.reset)
		return 0;
	d = d ?: &nobody;
	defer_begin(ctx, d);
	ret = ctx->info.reset(ctx->info.pvt);
	switch (defer_end(ctx, d)) {
	case DEFER_WAITING:
		return LM_DEFER;
	case DEFER_ANSWERED:
		return (int)d->result;
	default:
		return ret == LM_DEFER ? -EIO : ret;
	}
}

int ctx_reset(struct lm_ctx *ctx, struct deferral *d, uint16_t trace_flags)
{
	const uint64_t started = reset_begins(ctx, trace_flags);
	int ret;

	work_add(ctx, RESET_WORK);
	config_reset(ctx);
	region_reset(ctx);
	irq_reset(ctx, trace_flags);
	ret = reset_callback(ctx, d);
	if (trace_on(ctx))
		trace_reset(ctx, started, trace_flags, ret == LM_DEFER ? 0 : ret);
	if (ctx->control)
		control_event(ctx, "reset", NULL, 0);
	return ret;
}

bool ctx_is_half_done(const struct lm_ctx *ctx)
{
	return ctx->running || ctx->deferred || server_is_half_done(ctx);
}

static void trace_event(struct lm_ctx *ctx, const char *name, uint64_t value)
{
	struct lm_trace_record rec = {
		.time = trace_ticks(),
		.kind = LM_TRACE_EVENT,
		.value = value,
	};
	char padded[EVENT_NAME_MAX + 1] = "";

	memccpy(padded, name, 0, EVENT_NAME_MAX);
	memcpy(rec.text, padded, sizeof(rec.text));
	memcpy(rec.tail, padded + sizeof(rec.text), sizeof(rec.tail));
	trace_append(ctx, &rec);
}

LM_EXPORT int lm_event(lm_ctx_t *ctx, const char *name, uint64_t value)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (!len || name[len] || len > EVENT_NAME_MAX)
		return -EINVAL;
	ctx_lock(ctx);
	if (trace_on(ctx))
		trace_event(ctx, name, value);
	if (ctx->control)
		control_event(ctx, "event", name, value);
	ctx_unlock(ctx);
	return 0;
}
