/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop.h - one epoll set, timers, watches, and the stop of all that.
 */
#ifndef LM_LOOP_H
#define LM_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/base.h"

struct source {
	int fd;
	void (*fn)(struct source *src, uint32_t events);
};

struct loop {
	int epfd;
	int nr_ready;   /* events of this turn ... */
	int next_ready; /* ... and the next to be served */
	struct epoll_event ready[16];
	struct lm_timer *timers;
	struct lm_watch *watches;
	struct source timer_source; /* one timerfd, made with the first timer */
	struct source stop;         /* an eventfd */
	atomic_bool stopped;
	/* post.c */
	pthread_mutex_t post_lock; /* of what follows */
	struct post *posts, **posts_end;
	struct source post_source; /* an eventfd, made with the first post */
	bool posts_closed;
	/* poller.c */
	struct lm_poller *pollers, *next_poller;
	uint32_t nr_polled;         /* of them are looked at ... */
	uint32_t nr_timed;          /* ... of these, so many every millisecond as well */
	struct source poll_source;  /* that millisecond; readable while we spin */
	uint64_t spin_until;        /* CLOCK_MONOTONIC */
	bool is_spinning, is_found; /* work, since pollers_settle() */
	pthread_mutex_t *lock;      /* of the context, free while we sleep; NULL: one thread */
};

static inline void loop_lock(const struct loop *loop)
{
	if (unlikely(loop->lock))
		pthread_mutex_lock(loop->lock);
}

static inline void loop_unlock(const struct loop *loop)
{
	if (unlikely(loop->lock))
		pthread_mutex_unlock(loop->lock);
}

void loop_init(struct loop *loop); /* loop_free() may follow, as it may a loop_new() that fails */
int loop_new(struct loop *loop);
void loop_free(struct loop *loop);
/* From any thread, or a signal handler: every turn ends at once from now on. */
void loop_stop(struct loop *loop);
static inline bool loop_is_stopped(const struct loop *loop)
{
	return atomic_load(&loop->stopped);
}
int loop_add(struct loop *loop, struct source *src, uint32_t events);
int loop_modify(struct loop *loop, struct source *src, uint32_t events);
void loop_remove(struct loop *loop, struct source *src); /* also while its turn is served */
int loop_run(struct loop *loop, int timeout_ms);         /* sources served, or -errno */
uint64_t loop_now_ns(void);                              /* CLOCK_MONOTONIC, that of timers */
/* Armed and freed like a device's own. */
int loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg, struct lm_timer **timer);

/* ---- post.c ---------------------------------------------------------------------- */

void posts_init(struct loop *loop);
void posts_free(struct loop *loop);
void posts_close(struct loop *loop); /* runs the last ones: the loop has stopped */

/* ---- poller.c -------------------------------------------------------------------- */

void pollers_init(struct loop *loop);
void pollers_free(struct loop *loop);
uint64_t pollers_run(struct loop *loop); /* all once: what they did, in units of work */
/* Is it time to sleep again? When epoll is asked, which cannot be too often. */
void pollers_settle(struct loop *loop);

/* ---- post.c: who serves ---------------------------------------------------------- */

/* Around all that a thread does for a context. */
struct serving {
	const struct loop *loop;
	struct serving *outer;
};
/* The innermost of this thread. */
#define SERVING_TLS __attribute__((tls_model("initial-exec")))
extern _Thread_local SERVING_TLS struct serving *serving_now;

static inline void serving_begin(struct serving *s, const struct loop *loop)
{
	s->loop = loop;
	s->outer = serving_now;
	serving_now = s;
}

static inline void serving_end(const struct serving *s)
{
	serving_now = s->outer;
}

#endif /* LM_LOOP_H */
