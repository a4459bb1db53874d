/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.c - a device that several threads serve (LM_DEV_THREADS).
 *
 * One thread leads: it alone sleeps in the loop, receives, and serves what comes, in order. An
 * access that ends in a callback of the device it takes along as a job: it lets another one lead,
 * runs the callback, and replies. So what came before an access is done before it, and what a
 * callback waits for does not hold up the rest. Only muser.ko has a thread of the client behind
 * each request; requests on a socket are an order of their own, and stay with their leader.
 *
 * Owns two locks. lead: its holder is the leader and owns the client's stream. lock: the state of
 * the context, free while a leader sleeps and while a callback of a region runs; calls of the
 * library take it, so it nests. lead comes before lock. Without the flag there is neither.
 */
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

#define JOB_HEAD  (sizeof(struct vfio_user_header) + sizeof(struct vfio_user_region_access))
#define JOB_SMALL 64u

struct threads {
	pthread_mutex_t lead, lock;
	struct job     *job; /* room for the leader's; NULL: it has one */
};

/* An access between two turns. Header, request and data stand as in the reply. */
struct job {
	struct access access;
	char         *reply;
	size_t        len;   /* of the reply; 0: there is no job */
	char          small[JOB_HEAD + JOB_SMALL];
};

/* ---- the locks ------------------------------------------------------------------- */

int threads_new(struct lm_ctx *ctx)
{
	pthread_mutexattr_t nests;
	struct threads *t;

	if (!(ctx->info.flags & LM_DEV_THREADS))
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	pthread_mutexattr_init(&nests);
	pthread_mutexattr_settype(&nests, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&t->lead, NULL);
	pthread_mutex_init(&t->lock, &nests);
	pthread_mutexattr_destroy(&nests);
	ctx->threads = t;
	ctx->loop.lock = &t->lock;
	return 0;
}

void threads_free(struct lm_ctx *ctx)
{
	if (!ctx->threads)
		return;
	pthread_mutex_destroy(&ctx->threads->lead);
	pthread_mutex_destroy(&ctx->threads->lock);
	free(ctx->threads);
}

/* ---- taking an access along ------------------------------------------------------ */

static bool has_callbacks(const struct region *r)
{
	return r->info.fn || (r->info.regs && (r->info.regs->read || r->info.regs->write));
}

/* A well-formed access with a reply, that may call the device. Others are served in their turn. */
static bool is_job(const struct client *c, const struct message *m,
		   const struct vfio_user_region_access *req)
{
	const size_t data = m->len - sizeof(*req);
	const struct region *r = region_get(c->ctx, req->region);

	if (!r || req->region == LM_CFG_REG_IDX || !has_callbacks(r) || m->fds.nr)
		return false;
	if (req->count > STREAM_MAX_DATA || (m->hdr->flags & VFIO_USER_F_TYPE_MASK))
		return false;
	return data == (m->cmd == VFIO_USER_REGION_WRITE ? req->count : 0);
}

static bool job_fill(struct job *job, const struct client *c, const struct message *m)
{
	struct access *a = &job->access;

	protocol_access_init(a, c, m);
	job->reply = a->count <= JOB_SMALL ? job->small : pool_get();
	if (!job->reply)
		return false;
	memcpy(job->reply, m->hdr, sizeof(*m->hdr));
	memcpy(job->reply + sizeof(*m->hdr), m->payload, m->len);
	a->buf = job->reply + JOB_HEAD;
	job->len = JOB_HEAD + (a->is_write ? 0 : a->count);
	return true;
}

bool threads_take(struct client *c, const struct message *m)
{
	struct threads *t = c->ctx->threads;
	struct vfio_user_region_access req;

	if (!t->job || !c->is_mdev || m->len < sizeof(req) ||
	    (m->cmd != VFIO_USER_REGION_READ && m->cmd != VFIO_USER_REGION_WRITE))
		return false;
	memcpy(&req, m->payload, sizeof(req));
	if (!is_job(c, m, &req) || !job_fill(t->job, c, m))
		return false;
	t->job = NULL;
	c->ctx->turn_end = TURN_OVER; /* what is behind it is the next leader's */
	return true;
}

bool threads_have_taken(const struct threads *t)
{
	return !t->job;
}

/* ---- doing it -------------------------------------------------------------------- */

static void job_end(struct job *job)
{
	if (job->reply != job->small)
		pool_put(job->reply);
	job->len = 0;
}

static void job_run(struct lm_ctx *ctx, struct job *job)
{
	struct vfio_user_header *hdr = (struct vfio_user_header *)job->reply;
	ssize_t ret;

	ctx_lock(ctx);
	ret = region_access(ctx, &job->access);
	ctx_unlock(ctx);
	if (ret < 0)
		job->len = sizeof(*hdr);
	*hdr = protocol_reply_header(hdr, ret < 0 ? (int)ret : 0, job->len);
}

/* Somebody else leads, and is asleep: past him. An error he will find himself. */
static void job_send(struct lm_ctx *ctx, struct job *job)
{
	struct channel *ch = &ctx->channel;

	while (!ch->ops->send(ch, job->reply, job->len, NULL))
		; /* a signal */
	job_end(job);
}

/* We lead again: it goes with the next exchange. */
static void job_post(struct lm_ctx *ctx, struct job *job)
{
	struct client *c = server_client(ctx);
	char *out = c ? stream_reserve(&c->stream, job->len) : NULL;

	if (!out) {
		job_send(ctx, job);
		return;
	}
	memcpy(out, job->reply, job->len);
	stream_commit(&c->stream, job->len, NULL);
	job_end(job);
}

/* ---- leading --------------------------------------------------------------------- */

/* Replies that wait for the next exchange go now: the next leader may be long in coming. */
static void flush(struct lm_ctx *ctx)
{
	struct client *c = server_client(ctx);

	if (c && c->is_mdev && stream_pending(&c->stream))
		stream_flush(&c->stream);
}

/* A turn of the loop, by the leader. */
static int turn(struct lm_ctx *ctx, struct job *job, bool may_wait)
{
	struct threads *t = ctx->threads;
	int ret;

	ctx_lock(ctx);
	if (job->len)
		job_post(ctx, job);
	t->job = job;
	ret = loop_is_stopped(&ctx->loop) ? -ESHUTDOWN : server_turn(ctx, may_wait);
	t->job = NULL;
	if (ret < 0)
		server_exchange_end(ctx);
	if (ret < 0 || job->len)
		flush(ctx);
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
