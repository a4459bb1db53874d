/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop.c - the one epoll set of a context, its timers and its watches.
 *
 * Sources are level triggered, so a source may serve part of what is there and be called again:
 * no source can starve the others, and there is no draining until EAGAIN. Those that ask for edges
 * say why. A source may be removed while a turn is being served, also by another source's callback:
 * its pending event is forgotten.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/ctx.h"

#define NS_PER_S 1000000000ull

struct lm_timer {
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	uint64_t due_ns; /* CLOCK_MONOTONIC; 0: not armed */
	uint64_t interval_ns;
	struct lm_timer *next;
};

struct lm_watch {
	struct source src;
	struct loop *loop;
	void (*fn)(void *arg, uint32_t events);
	void *arg;
	struct lm_watch *next;
};

void loop_init(struct loop *loop)
{
	loop->epfd = loop->stop.fd = loop->timer_source.fd = -1;
	posts_init(loop);
	pollers_init(loop);
}

static void stop_ready(struct source *src, uint32_t events)
{
	/* The flag is what counts; the eventfd stays readable so that every poll wakes. */
}

int loop_new(struct loop *loop)
{
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0)
		return -errno;
	loop->stop.fn = stop_ready;
	loop->stop.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return loop->stop.fd < 0 ? -errno : loop_add(loop, &loop->stop, EPOLLIN);
}

void loop_free(struct loop *loop)
{
	while (loop->timers)
		lm_timer_destroy(loop->timers);
	while (loop->watches)
		lm_watch_destroy(loop->watches);
	posts_free(loop);
	pollers_free(loop);
	if (loop->timer_source.fd >= 0)
		close(loop->timer_source.fd);
	if (loop->stop.fd >= 0)
		close(loop->stop.fd);
	if (loop->epfd >= 0)
		close(loop->epfd);
}

int loop_add(struct loop *loop, struct source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	return epoll_ctl(loop->epfd, EPOLL_CTL_ADD, src->fd, &ev) ? -errno : 0;
}

int loop_modify(struct loop *loop, struct source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	return epoll_ctl(loop->epfd, EPOLL_CTL_MOD, src->fd, &ev) ? -errno : 0;
}

void loop_remove(struct loop *loop, struct source *src)
{
	int i;

	for (i = loop->next_ready; i < loop->nr_ready; i++) {
		if (loop->ready[i].data.ptr == src)
			loop->ready[i].data.ptr = NULL;
	}
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, src->fd, NULL);
}

int loop_run(struct loop *loop, int timeout_ms)
{
	int i, nr;

	if (timeout_ms)
		loop_unlock(loop);
	nr = epoll_wait(loop->epfd, loop->ready, LM_NR(loop->ready), timeout_ms);
	if (timeout_ms)
		loop_lock(loop); /* keeps errno */
	if (nr < 0)
		return errno == EINTR ? 0 : -errno;
	loop->nr_ready = nr;
	for (i = 0; i < nr; i++) {
		struct source *src = loop->ready[i].data.ptr;

		loop->next_ready = i + 1;
		if (src)
			src->fn(src, loop->ready[i].events);
	}
	loop->nr_ready = 0;
	return nr;
}

void loop_stop(struct loop *loop)
{
	const int saved = errno; /* a signal handler must not change it */
	const uint64_t one = 1;
	ssize_t ret;

	atomic_store(&loop->stopped, true);
	ret = write(loop->stop.fd, &one, sizeof(one));
	(void)ret; /* full: it is readable already */
	errno = saved;
}

/* ---- timers: a short list, one timerfd set to the earliest ----------------------- */

uint64_t loop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static struct lm_timer *timer_earliest(const struct loop *loop)
{
	struct lm_timer *t, *best = NULL;

	for (t = loop->timers; t; t = t->next) {
		if (t->due_ns && (!best || t->due_ns < best->due_ns))
			best = t;
	}
	return best;
}

static int timer_program(struct loop *loop)
{
	const struct lm_timer *t = timer_earliest(loop);
	struct itimerspec its = { 0 };

	if (loop->timer_source.fd < 0)
		return 0;
	if (t) {
		its.it_value.tv_sec = (time_t)(t->due_ns / NS_PER_S);
		its.it_value.tv_nsec = (long)(t->due_ns % NS_PER_S);
	}
	return timerfd_settime(loop->timer_source.fd, TFD_TIMER_ABSTIME, &its, NULL) ? -errno : 0;
}

static void timer_expired(struct source *src, uint32_t events)
{
	struct loop *loop = container_of(src, struct loop, timer_source);
	uint64_t now = loop_now_ns();
	uint64_t expirations, missed;
	struct lm_timer *t;

	if (read(src->fd, &expirations, sizeof(expirations)) < 0)
		return;
	/* A callback may change the list: look for the earliest again after each. */
	while ((t = timer_earliest(loop)) && t->due_ns <= now) {
		/* Expiries missed meanwhile are merged: the next one lies in the future. */
		missed = t->interval_ns ? (now - t->due_ns) / t->interval_ns : 0;
		t->due_ns = t->interval_ns ? t->due_ns + (missed + 1) * t->interval_ns : 0;
		t->fn(t->arg);
	}
	timer_program(loop);
}

static int timer_source_make(struct loop *loop)
{
	int ret;

	if (loop->timer_source.fd >= 0)
		return 0;
	loop->timer_source.fn = timer_expired;
	loop->timer_source.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timer_source.fd < 0)
		return -errno;
	ret = loop_add(loop, &loop->timer_source, EPOLLIN);
	if (ret) {
		close(loop->timer_source.fd);
		loop->timer_source.fd = -1;
	}
	return ret;
}

int loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg, struct lm_timer **timer)
{
	struct lm_timer *t;
	int ret;

	ret = timer_source_make(loop);
	if (ret)
		return ret;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->loop = loop;
	t->fn = fn;
	t->arg = arg;
	t->next = loop->timers;
	loop->timers = t;
	*timer = t;
	return 0;
}

LM_EXPORT lm_timer_t *lm_timer_create(lm_ctx_t *ctx, void (*fn)(void *arg), void *arg)
{
	lm_timer_t *timer;
	int ret;

	ctx_lock(ctx);
	ret = loop_timer_new(&ctx->loop, fn, arg, &timer);
	ctx_unlock(ctx);
	errno = -ret;
	return ret ? NULL : timer;
}

LM_EXPORT int lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns)
{
	uint64_t now = loop_now_ns();
	int ret;

	if (delay_ns > INT64_MAX - now)
		delay_ns = INT64_MAX - now;
	loop_lock(timer->loop);
	timer->due_ns = delay_ns ? now + delay_ns : 0;
	timer->interval_ns = interval_ns > INT64_MAX / 2 ? INT64_MAX / 2 : interval_ns;
	ret = timer_program(timer->loop);
	loop_unlock(timer->loop);
	return ret;
}

LM_EXPORT void lm_timer_destroy(lm_timer_t *timer)
{
	struct lm_timer **p;
	struct loop *loop;

	if (!timer)
		return;
	loop = timer->loop;
	loop_lock(loop);
	for (p = &loop->timers; *p != timer; p = &(*p)->next)
		;
	*p = timer->next;
	timer_program(loop);
	loop_unlock(loop);
	free(timer);
}

/* ---- watches --------------------------------------------------------------------- */

static void watch_ready(struct source *src, uint32_t events)
{
	struct lm_watch *w = container_of(src, struct lm_watch, src);

	w->fn(w->arg, events);
}

LM_EXPORT lm_watch_t *lm_watch_create(lm_ctx_t *ctx, int fd, uint32_t events,
				      void (*fn)(void *arg, uint32_t events), void *arg)
{
	struct lm_watch *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return NULL;
	w->src.fd = fd;
	w->src.fn = watch_ready;
	w->loop = &ctx->loop;
	w->fn = fn;
	w->arg = arg;
	ret = loop_add(&ctx->loop, &w->src, events);
	if (ret) {
		free(w);
		errno = -ret;
		return NULL;
	}
	w->next = ctx->loop.watches;
	ctx->loop.watches = w;
	return w;
}

LM_EXPORT void lm_watch_destroy(lm_watch_t *watch)
{
	struct lm_watch **p;

	if (!watch)
		return;
	for (p = &watch->loop->watches; *p != watch; p = &(*p)->next)
		;
	*p = watch->next;
	loop_remove(watch->loop, &watch->src);
	free(watch);
}
