/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blkdev_uring.c - the steps of files by io_uring(7).
 *
 * Owns the ring. What was started goes to the kernel with the next look, one system call for all of
 * it. The end of a step wakes the loop by an eventfd; while pollers spin, looks find it first. The
 * only file that knows liburing; without it, this engine is not there.
 */
#include "backend/blkdev.h"

#ifdef MUSER_URING

#include <liburing.h>
#include <stdlib.h>
#include <sys/eventfd.h>

enum { TAKEN_MAX = 32 };

struct uring {
	struct io_uring ring;
	int eventfd;
	lm_watch_t *watch;
	bool is_made;
};

static void uring_start(struct blk_req *r)
{
	struct uring *u = r->blk->engine_data;
	/* There is room for all that are under way. */
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	const struct blk_step *s = &r->step;

	switch (s->call) {
	case BLK_CALL_READ:
		io_uring_prep_readv2(sqe, s->fd, s->iov, s->nr_iov, s->offset, s->flags);
		break;
	case BLK_CALL_WRITE:
		io_uring_prep_writev2(sqe, s->fd, s->iov, s->nr_iov, s->offset, s->flags);
		break;
	case BLK_CALL_ALLOCATE:
		io_uring_prep_fallocate(sqe, s->fd, s->flags, (off_t)s->offset, (off_t)s->length);
		break;
	case BLK_CALL_SYNC: io_uring_prep_fsync(sqe, s->fd, IORING_FSYNC_DATASYNC); break;
	}
	io_uring_sqe_set_data(sqe, r);
}

/* What the kernel does not take now, for want of memory, is tried again after a millisecond. */
static void submit(struct lm_blkdev *blk)
{
	struct uring *u = blk->engine_data;

	if (!io_uring_sq_ready(&u->ring))
		return;
	io_uring_submit(&u->ring);
	lm_poller_set(blk->poller, io_uring_sq_ready(&u->ring) ? LM_POLL_TIMED : LM_POLL_TURNS);
}

/* Their places are free before what follows from them wants some. */
static unsigned int take(struct lm_blkdev *blk)
{
	struct uring *u = blk->engine_data;
	struct io_uring_cqe *cqe[TAKEN_MAX];
	struct {
		struct blk_req *r;
		int result;
	} taken[TAKEN_MAX];
	const unsigned int nr = io_uring_peek_batch_cqe(&u->ring, cqe, TAKEN_MAX);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		taken[i].r = io_uring_cqe_get_data(cqe[i]);
		taken[i].result = cqe[i]->res;
	}
	io_uring_cq_advance(&u->ring, nr);
	for (i = 0; i < nr; i++)
		blk->stepped(taken[i].r, taken[i].result);
	return nr;
}

static unsigned int uring_look(struct lm_blkdev *blk)
{
	unsigned int nr = 0, more;

	submit(blk);
	do {
		more = take(blk);
		nr += more;
	} while (more == TAKEN_MAX && nr < BLK_DEPTH);
	submit(blk);
	return nr;
}

static void uring_wait(struct lm_blkdev *blk)
{
	struct uring *u = blk->engine_data;

	io_uring_submit_and_wait(&u->ring, 1);
}

/* Pollers look in each turn, and this is one. */
static void ended(void *arg, uint32_t events)
{
	const struct uring *u = arg;
	uint64_t count;
	ssize_t ret;

	ret = read(u->eventfd, &count, sizeof(count));
	(void)ret;
}

static int uring_open(struct lm_blkdev *blk)
{
	struct uring *u = calloc(1, sizeof(*u));
	int ret;

	if (!u)
		return -ENOMEM;
	blk->engine_data = u;
	u->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->eventfd < 0)
		return -errno;
	ret = io_uring_queue_init(BLK_DEPTH, &u->ring, 0);
	if (ret)
		return ret;
	u->is_made = true;
	io_uring_ring_dontfork(&u->ring);
	ret = io_uring_register_eventfd(&u->ring, u->eventfd);
	if (ret)
		return ret;
	u->watch = lm_watch_create(blk->ctx, u->eventfd, EPOLLIN, ended, u);
	return u->watch ? 0 : -errno;
}

static void uring_close(struct lm_blkdev *blk)
{
	struct uring *u = blk->engine_data;

	if (!u)
		return;
	lm_watch_destroy(u->watch);
	if (u->is_made)
		io_uring_queue_exit(&u->ring);
	if (u->eventfd >= 0)
		close(u->eventfd);
	free(u);
	blk->engine_data = NULL;
}

#else

static int uring_open(struct lm_blkdev *blk)
{
	return -EOPNOTSUPP;
}

static void uring_start(struct blk_req *r)
{
}

static unsigned int uring_look(struct lm_blkdev *blk)
{
	return 0;
}

static void uring_wait(struct lm_blkdev *blk)
{
}

static void uring_close(struct lm_blkdev *blk)
{
}

#endif

const struct blk_engine blkdev_uring = {
	.id = LM_BLKDEV_URING,
	.depth = BLK_DEPTH,
	.open = uring_open,
	.start = uring_start,
	.look = uring_look,
	.wait = uring_wait,
	.close = uring_close,
};
