/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blkdev.c - block backends: what is common to all kinds, which is the life of a request.
 *
 * Owns the requests: which are with the engine, which wait for a place there, and that there are
 * not more than LM_BLKDEV_MAX_IOS. Validates what is asked before anything is done. Refuses to free
 * memory that the kernel or a thread may still write to: a backend ends when these have ended.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/blkdev.h"

enum { LOOK_MAX = 256 }; /* requests that end in a turn, about */

static const struct blk_kind *const kinds[] = {
	[LM_BLKDEV_RAM] = &blkdev_ram,
	[LM_BLKDEV_NULL] = &blkdev_null,
	[LM_BLKDEV_FILE] = &blkdev_file,
};

/* ---- requests --------------------------------------------------------------------- */

static struct blk_req *req_new(struct lm_blkdev *blk, const lm_blkdev_io_t *io)
{
	struct blk_req *r = TAILQ_FIRST(&blk->free);

	if (r) {
		TAILQ_REMOVE(&blk->free, r, link);
	} else {
		r = malloc(sizeof(*r));
		if (!r)
			return NULL;
		r->blk = blk;
		blk->nr_reqs++;
	}
	r->io = *io;
	r->done = 0;
	r->is_begun = r->is_buffered = r->is_zeroes = false;
	return r;
}

static void nothing(void *arg)
{
}

/* Outside of a turn nobody would look: there is to be one. */
static void begin(struct blk_req *r)
{
	struct lm_blkdev *blk = r->blk;

	if (unlikely(!serving_now))
		lm_post(blk->ctx, nothing, NULL);
	r->is_begun = true;
	blk->nr_begun++;
	TAILQ_INSERT_TAIL(&blk->begun, r, link);
	blk->kind->start(r);
}

/* It is free before the device hears of it: that may ask for the next one. */
void blkdev_end(struct blk_req *r, int result)
{
	struct lm_blkdev *blk = r->blk;
	void (*done)(void *arg, int result) = r->io.done;
	void *arg = r->io.arg;

	TAILQ_REMOVE(r->is_begun ? &blk->begun : &blk->waiting, r, link);
	blk->nr_begun -= r->is_begun;
	TAILQ_INSERT_HEAD(&blk->free, r, link);
	done(arg, result);
}

/* Those that waited for a place. */
static void begin_waiting(struct lm_blkdev *blk)
{
	struct blk_req *r;

	while (blk->nr_begun < blk->engine->depth && (r = TAILQ_FIRST(&blk->waiting))) {
		TAILQ_REMOVE(&blk->waiting, r, link);
		begin(r);
	}
}

static void batch(const struct lm_blkdev *blk, bool begins)
{
	if (blk->batch)
		blk->batch(blk->pvt, begins);
}

/* Again while what has ended makes room for those that wait, up to a bound. */
static unsigned int look(void *arg)
{
	struct lm_blkdev *blk = arg;
	unsigned int nr = 0, more;

	if (!blk->nr_begun && TAILQ_EMPTY(&blk->waiting))
		return 0;
	batch(blk, true);
	do {
		begin_waiting(blk);
		more = blk->engine->look(blk);
		nr += more;
	} while (more && nr < LOOK_MAX && !TAILQ_EMPTY(&blk->waiting));
	batch(blk, false);
	return nr;
}

/* ---- what is asked ---------------------------------------------------------------- */

static bool iov_has(const lm_blkdev_io_t *io)
{
	uint64_t left = io->length;
	uint32_t i;

	for (i = 0; i < io->nr_iov && left; i++)
		left -= at_most(io->iov[i].iov_len, left);
	return !left;
}

static int io_check(const struct lm_blkdev *blk, const lm_blkdev_io_t *io)
{
	const bool moves = io->op <= LM_BLKDEV_WRITE;

	if (io->op > LM_BLKDEV_DISCARD || io->flags & ~(LM_BLKDEV_FUA | LM_BLKDEV_PUNCH) ||
	    io->reserved)
		return -EINVAL;
	if (io->op == LM_BLKDEV_FLUSH)
		return 0;
	if (out_of_range(io->offset, io->length, blk->size) || (moves && !iov_has(io)))
		return -EINVAL;
	return io->op != LM_BLKDEV_READ && blk->flags & LM_BLKDEV_READ_ONLY ? -EROFS : 0;
}

static int submit(struct lm_blkdev *blk, const lm_blkdev_io_t *io)
{
	struct blk_req *r;

	if (blk->is_closing)
		return -ECANCELED;
	if (TAILQ_EMPTY(&blk->free) && blk->nr_reqs == LM_BLKDEV_MAX_IOS)
		return -EAGAIN;
	r = req_new(blk, io);
	if (!r)
		return -ENOMEM;
	if (blk->nr_begun < blk->engine->depth)
		begin(r);
	else
		TAILQ_INSERT_TAIL(&blk->waiting, r, link);
	return 0;
}

LM_EXPORT int lm_blkdev_submit(lm_blkdev_t *blk, const lm_blkdev_io_t *io)
{
	const int ret = io_check(blk, io);

	if (unlikely(ret))
		return ret;
	if (!blk->kind->run)
		return submit(blk, io);
	io->done(io->arg, blk->kind->run(blk, io));
	return 0;
}

LM_EXPORT int lm_blkdev_cancel(lm_blkdev_t *blk, void *arg)
{
	struct blk_req *r;

	TAILQ_FOREACH(r, &blk->waiting, link)
	{
		if (r->io.arg == arg) {
			blkdev_end(r, -ECANCELED);
			return 0;
		}
	}
	TAILQ_FOREACH(r, &blk->begun, link)
	{
		if (r->io.arg == arg)
			return -EALREADY;
	}
	return -ENOENT;
}

/* ---- life ------------------------------------------------------------------------- */

static bool info_is_sane(const struct lm_ctx *ctx, const lm_blkdev_info_t *info)
{
	const bool is_file = info->kind == LM_BLKDEV_FILE;

	return info->kind < LM_NR(kinds) && info->engine <= LM_BLKDEV_THREADS &&
	       !(info->flags & ~(LM_BLKDEV_READ_ONLY | LM_BLKDEV_BUFFERED)) && !info->reserved &&
	       all_zero(info->reserved1, sizeof(info->reserved1)) &&
	       (is_file ? info->path && *info->path : !!info->size) && info->size <= INT64_MAX &&
	       !ctx->threads;
}

/* A poller, as what was asked in a turn goes to the kernel at its end; it costs nothing else. */
static int blkdev_open(struct lm_blkdev *blk, const lm_blkdev_info_t *info)
{
	int ret = blk->kind->open ? blk->kind->open(blk, info) : 0;

	if (ret || !blk->engine)
		return ret;
	blk->poller = lm_poller_create(blk->ctx, look, blk);
	if (!blk->poller)
		return -errno;
	lm_poller_set(blk->poller, LM_POLL_TURNS);
	return 0;
}

LM_EXPORT int lm_blkdev_create(lm_ctx_t *ctx, const lm_blkdev_info_t *info, lm_blkdev_t **blk)
{
	struct lm_blkdev *new;
	int ret;

	if (!info_is_sane(ctx, info)) {
		log_err(ctx, "block backend: its description is wrong (kind, path, size, flags)");
		return -EINVAL;
	}
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->ctx = ctx;
	new->kind = kinds[info->kind];
	new->size = info->size;
	new->flags = info->flags;
	new->batch = info->batch;
	new->pvt = info->pvt;
	new->fd = new->direct_fd = -1;
	TAILQ_INIT(&new->free);
	TAILQ_INIT(&new->waiting);
	TAILQ_INIT(&new->begun);
	ret = blkdev_open(new, info);
	if (ret) {
		log_err(ctx, "cannot open block backend%s%s: %s", info->path ? " " : "",
			info->path ?: "", strerror(-ret));
		lm_blkdev_destroy(new);
		return ret;
	}
	*blk = new;
	return 0;
}

LM_EXPORT void lm_blkdev_destroy(lm_blkdev_t *blk)
{
	struct blk_req *r;

	if (!blk)
		return;
	blk->is_closing = true;
	while ((r = TAILQ_FIRST(&blk->waiting)))
		blkdev_end(r, -ECANCELED);
	while (blk->nr_begun) {
		blk->engine->wait(blk);
		blk->engine->look(blk);
	}
	lm_poller_destroy(blk->poller);
	if (blk->kind->close)
		blk->kind->close(blk);
	while ((r = TAILQ_FIRST(&blk->free))) {
		TAILQ_REMOVE(&blk->free, r, link);
		free(r);
	}
	free(blk);
}

LM_EXPORT uint64_t lm_blkdev_size(const lm_blkdev_t *blk)
{
	return blk->size;
}

LM_EXPORT uint32_t lm_blkdev_engine(const lm_blkdev_t *blk)
{
	return blk->engine ? blk->engine->id : LM_BLKDEV_ANY;
}
