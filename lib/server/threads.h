/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.h - an access that a thread takes along, for threads.c, which leads, and threads_job.c.
 */
#ifndef LM_THREADS_H
#define LM_THREADS_H

#include "server/protocol.h"

#define JOB_HEAD  (sizeof(struct vfio_user_header) + sizeof(struct vfio_user_region_access))
#define JOB_SMALL 64u

struct threads {
	pthread_mutex_t lead, lock;
	struct job *job; /* room for the leader's; NULL: it has one */
};

/* An access between two turns. Header, request and data stand as in the reply. */
struct job {
	struct access access;
	char *reply;
	size_t len; /* of the reply; 0: there is no job */
	char small[JOB_HEAD + JOB_SMALL];
};

void job_run(struct lm_ctx *ctx, struct job *job);
/* Its reply, past whoever leads now; or with the next exchange, as we lead. */
void job_send(struct lm_ctx *ctx, struct job *job);
void job_post(struct lm_ctx *ctx, struct job *job);

#endif /* LM_THREADS_H */
