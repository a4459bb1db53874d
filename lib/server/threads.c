/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.c - a device that several threads serve (LM_DEV_THREADS).
 *
 * One thread leads: it alone sleeps in the loop, receives, and serves what comes, in order. An
 * access that ends in a callback of the device it takes along as a job: it lets another one lead,
 * runs the callback, and replies. So what came before an access is done before it, and what a
 * callback waits for does not hold up the rest.
 *
 * Owns two locks. lead: its holder is the leader and owns the client's stream. lock: the state of
 * the context, free while a leader sleeps and while a callback of a region runs; calls of the
 * library take it, so it nests. lead comes before lock. Without the flag there is neither.
 */
#include "server/threads.h"

/* A turn of the loop, by the leader. */
static int turn(struct lm_ctx *ctx, struct job *job, bool may_wait)
{
	struct threads *t = ctx->threads;
	struct client *c;
	int ret;

	ctx_lock(ctx);
	if (job->len)
		job_post(ctx, job);
	t->job = job;
	ret = loop_is_stopped(&ctx->loop) ? -ESHUTDOWN : server_turn(ctx, may_wait);
	t->job = NULL;
	if (ret < 0) {
		server_exchange_end(ctx);
		posts_close(&ctx->loop);
	}
	c = server_client(ctx);
	/* What waits for the next exchange goes now: the next leader may be long in coming. */
	if (c && (ret < 0 || job->len))
		stream_flush(&c->stream);
	ctx_unlock(ctx);
	return ret;
}

int threads_drive(struct lm_ctx *ctx)
{
	struct threads *t = ctx->threads;
	struct job job = { .len = 0 };
	bool leads = false;
	int ret;

	for (;;) {
		if (!leads)
			pthread_mutex_lock(&t->lead);
		ret = turn(ctx, &job, true);
		pthread_mutex_unlock(&t->lead);
		if (job.len)
			job_run(ctx, &job);
		if (ret < 0)
			break;
		leads = job.len && !pthread_mutex_trylock(&t->lead);
		if (job.len && !leads)
			job_send(ctx, &job);
	}
	if (job.len)
		job_send(ctx, &job);
	return ret;
}

int threads_poll(struct lm_ctx *ctx)
{
	struct threads *t = ctx->threads;
	struct job job = { .len = 0 };
	int ret;

	if (pthread_mutex_trylock(&t->lead))
		return 0;
	ret = turn(ctx, &job, false);
	pthread_mutex_unlock(&t->lead);
	if (job.len) {
		job_run(ctx, &job);
		job_send(ctx, &job);
	}
	return ret;
}
