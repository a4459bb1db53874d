/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads_job.c - accesses that threads take along, and the locks between them (threads.c).
 *
 * Only muser.ko has a thread of the client behind each request; requests on a socket are an order
 * of their own, and stay with their leader.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "server/threads.h"

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

/* A well-formed access with a reply, that may call the device. Others are served in their turn. */
static bool is_job(const struct client *c, const struct message *m,
		   const struct vfio_user_region_access *req)
{
	const size_t data = m->len - sizeof(*req);
	const struct region *r = region_get(c->ctx, req->region);
	const lm_register_map_t *regs = r ? r->info.regs : NULL;

	if (!r || !(r->info.fn || (regs && (regs->read || regs->write))))
		return false;
	if (bus_region_kind(&c->ctx->info, req->region) == LM_CFG_REG_IDX || m->fds.nr)
		return false;
	if (req->count > STREAM_MAX_DATA || (m->hdr->flags & VFIO_USER_F_TYPE_MASK))
		return false;
	return data == (m->cmd == VFIO_USER_REGION_WRITE ? req->count : 0);
}

bool threads_take(struct client *c, const struct message *m)
{
	struct threads *t = c->ctx->threads;
	struct vfio_user_region_access req;
	struct job *job = t->job;
	struct access *a;

	if (!job || !c->transport->is_parallel || m->len < sizeof(req) ||
	    (m->cmd != VFIO_USER_REGION_READ && m->cmd != VFIO_USER_REGION_WRITE))
		return false;
	memcpy(&req, m->payload, sizeof(req));
	if (!is_job(c, m, &req))
		return false;
	a = &job->access;
	protocol_access_init(a, c, m);
	job->reply = a->count <= JOB_SMALL ? job->small : pool_get();
	if (!job->reply)
		return false;
	memcpy(job->reply, m->hdr, sizeof(*m->hdr));
	memcpy(job->reply + sizeof(*m->hdr), m->payload, m->len);
	a->buf = job->reply + JOB_HEAD;
	job->len = JOB_HEAD + (a->is_write ? 0 : a->count);
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

void job_run(struct lm_ctx *ctx, struct job *job)
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
void job_send(struct lm_ctx *ctx, struct job *job)
{
	struct channel *ch = &ctx->server->channel;

	while (!ch->ops->send(ch, job->reply, job->len, NULL))
		; /* a signal */
	job_end(job);
}

/* We lead again: it goes with the next exchange. */
void job_post(struct lm_ctx *ctx, struct job *job)
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
