/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blkdev.h - inside of block backends: requests, the kinds of backends, the engines of files.
 *
 * A request of a file is a series of steps, a system call each. blkdev_file.c says which comes
 * next, an engine does it, and the result comes back to the thread that serves the context.
 */
#ifndef LM_BACKEND_BLKDEV_H
#define LM_BACKEND_BLKDEV_H

#include <sys/queue.h>

#include "base/ctx.h"
#include "muser-blkdev.h"

#define BLK_DEPTH  128u /* steps that io_uring has at a time */
#define BLK_PIECES 16u  /* of what is left of a transfer, at a time */

enum blk_call { BLK_CALL_READ, BLK_CALL_WRITE, BLK_CALL_ALLOCATE, BLK_CALL_SYNC };

struct blk_step {
	enum blk_call call;
	int fd;
	int flags; /* RWF_*; of BLK_CALL_ALLOCATE: FALLOC_FL_* */
	uint32_t nr_iov;
	const struct iovec *iov;
	uint64_t offset, length; /* the length is that of BLK_CALL_ALLOCATE */
};

struct blk_req {
	struct lm_blkdev *blk;
	lm_blkdev_io_t io;
	uint64_t done; /* bytes of a transfer */
	bool is_begun, is_buffered, is_zeroes;
	struct blk_step step;
	int result; /* of the step, from a thread */
	struct iovec iov[BLK_PIECES];
	TAILQ_ENTRY(blk_req) link;      /* free, waiting or begun */
	TAILQ_ENTRY(blk_req) step_link; /* the engine's */
};

TAILQ_HEAD(blk_reqs, blk_req);

/* Does steps; calls blk->stepped() with each result, maybe from start() already. */
struct blk_engine {
	enum lm_blkdev_engine id;
	uint32_t depth; /* requests at a time */
	int (*open)(struct lm_blkdev *blk);
	void (*start)(struct blk_req *r);
	/* Hands over what was started, and takes what has ended: how many. */
	unsigned int (*look)(struct lm_blkdev *blk);
	/* Until something has ended. There is something. */
	void (*wait)(struct lm_blkdev *blk);
	void (*close)(struct lm_blkdev *blk); /* nothing is under way. Also if open() has failed */
};

struct blk_kind {
	int (*open)(struct lm_blkdev *blk, const lm_blkdev_info_t *info);
	void (*close)(struct lm_blkdev *blk); /* also if open() has failed */
	/* One of these: all of it at once, 0 or -errno; or the first step. */
	int (*run)(struct lm_blkdev *blk, const lm_blkdev_io_t *io);
	void (*start)(struct blk_req *r);
};

struct lm_blkdev {
	struct lm_ctx *ctx;
	const struct blk_kind *kind;
	uint64_t size;
	uint32_t flags;
	void (*batch)(void *pvt, bool begins);
	void *pvt;
	bool is_closing;

	char *memory;        /* ram */
	int fd, direct_fd;   /* file; -1: none */
	uint32_t align;      /* of what goes by direct_fd, a power of two */
	uint32_t nr_refused; /* transfers that O_DIRECT did not take */
	const struct blk_engine *engine;
	void *engine_data;
	void (*stepped)(struct blk_req *r, int result);

	uint32_t nr_reqs, nr_begun; /* that exist; that are with the engine */
	struct blk_reqs free, waiting, begun;
	lm_poller_t *poller;
};

/* ---- blkdev.c -------------------------------------------------------------------- */

/* A request of a file has ended. */
void blkdev_end(struct blk_req *r, int result);

/* ---- blkdev_mem.c, blkdev_file.c ------------------------------------------------- */

extern const struct blk_kind blkdev_ram, blkdev_null, blkdev_file;

/* ---- blkdev_uring.c, blkdev_threads.c -------------------------------------------- */

extern const struct blk_engine blkdev_uring, blkdev_threads;

#endif /* LM_BACKEND_BLKDEV_H */
