/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-blkdev.h - block backends of libmuser: where the blocks of a device are.
 *
 * Memory, nothing, or a file or block device. What is asked of a file is done by io_uring(7), or by
 * threads of the backend's own where the kernel refuses that; the device hears of the end on the
 * loop of its context. Data go between the file and the memory that the device names, without a
 * copy by this library: who names client memory holds it (lm_dma_hold()) until then. All of it is
 * for the thread that serves the context. Not with LM_DEV_THREADS.
 */
#ifndef MUSER_BLKDEV_H
#define MUSER_BLKDEV_H

#include <muser.h>

#ifdef __cplusplus
extern "C" {
#endif

/** typedef lm_blkdev_t - a block backend. Opaque. */
typedef struct lm_blkdev lm_blkdev_t;

/** enum lm_blkdev_kind - where the blocks are */
enum lm_blkdev_kind {
	LM_BLKDEV_RAM,  /* in memory of the process, which goes with it; 0 at first */
	LM_BLKDEV_NULL, /* nowhere: reads leave the buffer as it is */
	LM_BLKDEV_FILE, /* in a file or a block device */
};

/** enum lm_blkdev_engine - who does what is asked of a file */
enum lm_blkdev_engine {
	LM_BLKDEV_ANY,     /* the first of these that works */
	LM_BLKDEV_URING,   /* io_uring(7), if the library was built with liburing */
	LM_BLKDEV_THREADS, /* eight threads at most, made when they are needed */
};

/* lm_blkdev_info_t.flags */
#define LM_BLKDEV_READ_ONLY (1u << 0) /* whatever would change it fails with -EROFS */
#define LM_BLKDEV_BUFFERED  (1u << 1) /* by the page cache, never O_DIRECT */

/**
 * struct lm_blkdev_info - a block backend
 * @kind:   enum lm_blkdev_kind
 * @engine: enum lm_blkdev_engine, of a file
 * @flags:  LM_BLKDEV_*
 * @path:   of a file
 * @size:   in bytes. Of a file, 0: what it has; else a regular one is made (mode 0600) or becomes
 *          longer, if it has less
 * @batch:  called around the ends of several requests, so that what follows from each, such as an
 *          interrupt, can be done once: @begins, then their @done, then not @begins. NULL: nobody
 *          wants to know
 * @pvt:    for @batch
 */
typedef struct {
	uint32_t    kind;
	uint32_t    engine;
	uint32_t    flags;
	uint32_t    reserved;
	const char *path;
	uint64_t    size;
	void      (*batch)(void *pvt, bool begins);
	void       *pvt;
	uint64_t    reserved1[4];
} lm_blkdev_info_t;

/** enum lm_blkdev_op - what is asked */
enum lm_blkdev_op {
	LM_BLKDEV_READ,
	LM_BLKDEV_WRITE,
	LM_BLKDEV_FLUSH,   /* all writes that have ended are to be on stable storage */
	LM_BLKDEV_ZERO,    /* the range reads as zeroes afterwards, and keeps its space */
	LM_BLKDEV_DISCARD, /* the same, and its space is given back where that is possible */
};

/* lm_blkdev_io_t.flags */
#define LM_BLKDEV_FUA   (1u << 0) /* on stable storage before it has ended */
#define LM_BLKDEV_PUNCH (1u << 1) /* LM_BLKDEV_ZERO: the space may be given back */

/**
 * struct lm_blkdev_io - something that is asked of a backend
 * @op:     enum lm_blkdev_op
 * @flags:  LM_BLKDEV_FUA, LM_BLKDEV_PUNCH
 * @offset: in bytes, from the start
 * @length: in bytes, inside the backend; of a flush it does not count
 * @iov:    the data of a read or a write, @nr_iov pieces of @length bytes in all: both the pieces
 *          and what they name stay until @done is called. With O_DIRECT they are the kernel's
 *          meanwhile
 * @done:   it has ended: 0 or -errno. May be called before lm_blkdev_submit() returns
 * @arg:    for @done
 */
typedef struct {
	uint32_t            op;
	uint32_t            flags;
	uint64_t            offset;
	uint64_t            length;
	const struct iovec *iov;
	uint32_t            nr_iov;
	uint32_t            reserved;
	void              (*done)(void *arg, int result);
	void               *arg;
} lm_blkdev_io_t;

#define LM_BLKDEV_MAX_IOS 2048 /* that have not ended */

/**
 * lm_blkdev_create() - make a backend
 * @ctx:  the context
 * @info: description, copied
 * @blk:  out: the backend, to be freed by lm_blkdev_destroy() before the context is
 *
 * What went wrong is logged.
 *
 * Context: the thread that serves the context; lm_dev_info_t.start is the place. May block on the
 *          file system.
 * Return: 0; -EINVAL: a kind, an engine or a flag is unknown, a reserved member is not 0, there is
 *         no size or no path, neither a regular file nor a block device, LM_DEV_THREADS;
 *         -EOPNOTSUPP: LM_BLKDEV_URING, and the library was built without; -ENOMEM; or -errno of
 *         open(2), ftruncate(2), mmap(2), io_uring_setup(2), eventfd(2) ...
 * Since: 0.2
 */
int lm_blkdev_create(lm_ctx_t *ctx, const lm_blkdev_info_t *info, lm_blkdev_t **blk);

/**
 * lm_blkdev_destroy() - free a backend
 * @blk: the backend or NULL
 *
 * What the kernel or a thread has begun is waited for, what was not begun is cancelled: @done of
 * both is called before this returns.
 *
 * Context: the thread that serves the context; lm_dev_info_t.stop is the place. Not from @done.
 *          May block on the file system.
 * Since: 0.2
 */
void lm_blkdev_destroy(lm_blkdev_t *blk);

/**
 * lm_blkdev_submit() - ask something of a backend
 * @blk: the backend
 * @io:  what; the structure is copied
 *
 * Several may end in any order; a flush does not count for writes that have not ended. What is
 * asked in one turn of the loop goes to the kernel together, at its end. Transfers whose place,
 * length and memory are aligned go by O_DIRECT where the file system has that, others by the page
 * cache; so do those whose memory the kernel cannot reach itself, as that of mediated devices.
 *
 * Context: the thread that serves the context, also from @done. Blocks only for memory that has to
 *          be found.
 * Return: 0; -EINVAL: an operation that there is not, a range that leaves the backend, @iov has
 *         less than @length; -EROFS; -EAGAIN: LM_BLKDEV_MAX_IOS have not ended; -ECANCELED: it
 *         is being destroyed; -ENOMEM: then @done is not called. What @done is called with: 0;
 *         -ENOSPC, -EDQUOT, -EFBIG: no room; -ECANCELED; -EIO, also of a file that has become
 *         shorter; or what the kernel says.
 * Since: 0.2
 */
int lm_blkdev_submit(lm_blkdev_t *blk, const lm_blkdev_io_t *io);

/**
 * lm_blkdev_cancel() - give up what was asked, if it has not begun
 * @blk: the backend
 * @arg: lm_blkdev_io_t.arg
 *
 * Its @done is called with -ECANCELED before this returns.
 *
 * Context: the thread that serves the context.
 * Return: 0; -EALREADY: it has begun, and will end; -ENOENT: there is none.
 * Since: 0.2
 */
int lm_blkdev_cancel(lm_blkdev_t *blk, void *arg);

/**
 * lm_blkdev_size() - how many bytes it has
 * @blk: the backend
 *
 * Context: the thread that serves the context.
 * Return: bytes, as they were when it was made.
 * Since: 0.2
 */
uint64_t lm_blkdev_size(const lm_blkdev_t *blk);

/**
 * lm_blkdev_engine() - who does what is asked of a file
 * @blk: the backend
 *
 * Context: the thread that serves the context.
 * Return: LM_BLKDEV_URING or LM_BLKDEV_THREADS; LM_BLKDEV_ANY: it is no file.
 * Since: 0.2
 */
uint32_t lm_blkdev_engine(const lm_blkdev_t *blk);

#ifdef __cplusplus
}
#endif

#endif /* MUSER_BLKDEV_H */
