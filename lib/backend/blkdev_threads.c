/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blkdev_threads.c - the steps of files by threads, where the kernel has no io_uring(7) for us.
 *
 * Owns the threads, which know nothing but steps: they make a system call and give the request
 * back. They are made when there is work that none of them waits for, eight at most, and stay. No
 * signal is theirs. Without a single one, steps are done by who asks.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "backend/blkdev.h"
#include "base/eventfd.h"

enum { THREADS_MAX = 8 };

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t wanted, ended;
	struct blk_reqs todo, done;
	unsigned int nr_todo, nr_idle, nr;
	bool is_stopping;
	pthread_t thread[THREADS_MAX];
	int eventfd;
	lm_watch_t *watch;
};

/* ---- threads ---------------------------------------------------------------------- */

/* Not every libc has pwritev2(2): of RWF_DSYNC the file is flushed. */
static ssize_t write_step(const struct blk_step *s)
{
	const ssize_t ret = pwritev(s->fd, s->iov, (int)s->nr_iov, (off_t)s->offset);

	return ret > 0 && s->flags & RWF_DSYNC && fdatasync(s->fd) ? -1 : ret;
}

static int call(const struct blk_step *s)
{
	ssize_t ret = -1;

	switch (s->call) {
	case BLK_CALL_READ: ret = preadv(s->fd, s->iov, (int)s->nr_iov, (off_t)s->offset); break;
	case BLK_CALL_WRITE: ret = write_step(s); break;
	case BLK_CALL_ALLOCATE:
		ret = fallocate(s->fd, s->flags, (off_t)s->offset, (off_t)s->length);
		break;
	case BLK_CALL_SYNC: ret = fdatasync(s->fd); break;
	}
	return ret < 0 ? -errno : (int)ret;
}

/* The first one that is done wakes the loop; under the lock, as before and afterwards. */
static void work(struct workers *w, struct blk_req *r)
{
	pthread_mutex_unlock(&w->lock);
	r->result = call(&r->step);
	pthread_mutex_lock(&w->lock);
	if (TAILQ_EMPTY(&w->done))
		eventfd_kick(w->eventfd);
	TAILQ_INSERT_TAIL(&w->done, r, step_link);
	pthread_cond_signal(&w->ended);
}

static void *worker(void *arg)
{
	struct workers *w = arg;
	struct blk_req *r;

	pthread_mutex_lock(&w->lock);
	while (!w->is_stopping) {
		r = TAILQ_FIRST(&w->todo);
		if (r) {
			TAILQ_REMOVE(&w->todo, r, step_link);
			w->nr_todo--;
			work(w, r);
			continue;
		}
		w->nr_idle++;
		pthread_cond_wait(&w->wanted, &w->lock);
		w->nr_idle--;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void thread_add(struct workers *w)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!pthread_create(&w->thread[w->nr], NULL, worker, w))
		w->nr++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- the engine ------------------------------------------------------------------- */

/* Without a thread it is done here; what follows waits for the next look all the same. */
static void threads_start(struct blk_req *r)
{
	struct workers *w = r->blk->engine_data;

	pthread_mutex_lock(&w->lock);
	if (w->nr_todo >= w->nr_idle && w->nr < THREADS_MAX)
		thread_add(w);
	if (w->nr) {
		TAILQ_INSERT_TAIL(&w->todo, r, step_link);
		w->nr_todo++;
		pthread_cond_signal(&w->wanted);
	} else {
		work(w, r);
	}
	pthread_mutex_unlock(&w->lock);
}

static unsigned int threads_look(struct lm_blkdev *blk)
{
	struct workers *w = blk->engine_data;
	struct blk_reqs taken = TAILQ_HEAD_INITIALIZER(taken);
	unsigned int nr = 0;
	struct blk_req *r;

	pthread_mutex_lock(&w->lock);
	TAILQ_CONCAT(&taken, &w->done, step_link);
	pthread_mutex_unlock(&w->lock);
	for (; (r = TAILQ_FIRST(&taken)); nr++) {
		TAILQ_REMOVE(&taken, r, step_link);
		blk->stepped(r, r->result);
	}
	return nr;
}

static void threads_wait(struct lm_blkdev *blk)
{
	struct workers *w = blk->engine_data;

	pthread_mutex_lock(&w->lock);
	while (TAILQ_EMPTY(&w->done))
		pthread_cond_wait(&w->ended, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

/* Pollers look in each turn, and this is one. */
static void ended(void *arg, uint32_t events)
{
	const struct workers *w = arg;
	uint64_t count;
	ssize_t ret;

	ret = read(w->eventfd, &count, sizeof(count));
	(void)ret;
}

static int threads_open(struct lm_blkdev *blk)
{
	struct workers *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	blk->engine_data = w;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	pthread_cond_init(&w->ended, NULL);
	TAILQ_INIT(&w->todo);
	TAILQ_INIT(&w->done);
	w->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->eventfd < 0)
		return -errno;
	w->watch = lm_watch_create(blk->ctx, w->eventfd, EPOLLIN, ended, w);
	return w->watch ? 0 : -errno;
}

static void threads_close(struct lm_blkdev *blk)
{
	struct workers *w = blk->engine_data;
	unsigned int i;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_stopping = true;
	pthread_cond_broadcast(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	for (i = 0; i < w->nr; i++)
		pthread_join(w->thread[i], NULL);
	lm_watch_destroy(w->watch);
	if (w->eventfd >= 0)
		close(w->eventfd);
	pthread_cond_destroy(&w->ended);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	free(w);
	blk->engine_data = NULL;
}

const struct blk_engine blkdev_threads = {
	.id = LM_BLKDEV_THREADS,
	.depth = 2 * THREADS_MAX,
	.open = threads_open,
	.start = threads_start,
	.look = threads_look,
	.wait = threads_wait,
	.close = threads_close,
};
