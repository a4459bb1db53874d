/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller.c - what is looked at because nobody says that it has changed.
 *
 * Owns when: in each turn of the loop; without a pause as long as work was found lately; else after
 * a millisecond. That is a timer, which stays readable while the loop is to spin: so it wakes
 * programs with a loop of their own (lm_ctx_fd()) as well. Refuses contexts of several threads,
 * where one that spins would keep the others from the lock.
 */
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/ctx.h"

#define IDLE_NS 1000000u
#define SPIN_NS 200000u /* the longest that KVM polls for a halted guest, by default */

struct lm_poller {
	struct loop *loop;
	unsigned int (*fn)(void *arg);
	void *arg;
	int when; /* enum lm_polling */
	struct lm_poller *next;
};

void pollers_init(struct loop *loop)
{
	loop->poll_source.fd = -1;
}

void pollers_free(struct loop *loop)
{
	while (loop->pollers)
		lm_poller_destroy(loop->pollers);
	if (loop->poll_source.fd >= 0)
		close(loop->poll_source.fd);
}

/* ---- when to look ----------------------------------------------------------------- */

static void wake_every(struct loop *loop, uint32_t first_ns, uint32_t interval_ns)
{
	const struct itimerspec its = { .it_value.tv_nsec = first_ns,
					.it_interval.tv_nsec = interval_ns };

	timerfd_settime(loop->poll_source.fd, 0, &its, NULL);
}

static void sleep_begin(struct loop *loop)
{
	const uint32_t ns = loop->nr_timed ? IDLE_NS : 0;

	loop->is_spinning = false;
	wake_every(loop, ns, ns);
}

static void spin_begin(struct loop *loop)
{
	loop->is_spinning = true;
	wake_every(loop, 1, 0);
}

/* The turn after this one looks. */
static void time_to_look(struct source *src, uint32_t events)
{
	const struct loop *loop = container_of(src, struct loop, poll_source);
	uint64_t expirations;
	ssize_t ret;

	if (loop->is_spinning)
		return;
	ret = read(src->fd, &expirations, sizeof(expirations));
	(void)ret;
}

uint64_t pollers_run(struct loop *loop)
{
	uint64_t work = 0;
	struct lm_poller *p;

	for (p = loop->pollers; p; p = loop->next_poller) {
		loop->next_poller = p->next;
		if (p->when != LM_POLL_OFF)
			work += p->fn(p->arg);
	}
	if (!work || !loop->nr_polled)
		return work;
	loop->is_found = true;
	if (!loop->is_spinning)
		spin_begin(loop);
	return work;
}

void pollers_settle(struct loop *loop)
{
	uint64_t now;

	if (!loop->is_spinning)
		return;
	now = loop_now_ns();
	if (loop->is_found)
		loop->spin_until = now + SPIN_NS;
	else if (now >= loop->spin_until)
		sleep_begin(loop);
	loop->is_found = false;
}

/* ---- what to look at -------------------------------------------------------------- */

static int source_make(struct loop *loop)
{
	struct source *src = &loop->poll_source;
	int ret;

	if (src->fd >= 0)
		return 0;
	src->fn = time_to_look;
	src->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (src->fd < 0)
		return -errno;
	ret = loop_add(loop, src, EPOLLIN);
	if (ret) {
		close(src->fd);
		src->fd = -1;
	}
	return ret;
}

LM_EXPORT lm_poller_t *lm_poller_create(lm_ctx_t *ctx, unsigned int (*fn)(void *arg), void *arg)
{
	struct lm_poller *p = NULL;
	int ret = ctx->threads ? -EINVAL : source_make(&ctx->loop);

	if (!ret) {
		p = calloc(1, sizeof(*p));
		ret = p ? 0 : -ENOMEM;
	}
	if (ret) {
		errno = -ret;
		return NULL;
	}
	p->loop = &ctx->loop;
	p->fn = fn;
	p->arg = arg;
	p->next = ctx->loop.pollers;
	ctx->loop.pollers = p;
	return p;
}

LM_EXPORT void lm_poller_set(lm_poller_t *poller, int when)
{
	struct loop *loop = poller->loop;

	if (when == poller->when)
		return;
	loop->nr_polled += (when != LM_POLL_OFF) - (poller->when != LM_POLL_OFF);
	loop->nr_timed += (when == LM_POLL_TIMED) - (poller->when == LM_POLL_TIMED);
	poller->when = when;
	if (!loop->is_spinning || !loop->nr_polled)
		sleep_begin(loop);
}

LM_EXPORT void lm_poller_destroy(lm_poller_t *poller)
{
	struct lm_poller **p;
	struct loop *loop;

	if (!poller)
		return;
	lm_poller_set(poller, LM_POLL_OFF);
	loop = poller->loop;
	if (loop->next_poller == poller)
		loop->next_poller = poller->next;
	for (p = &loop->pollers; *p != poller; p = &(*p)->next)
		;
	*p = poller->next;
	free(poller);
}
