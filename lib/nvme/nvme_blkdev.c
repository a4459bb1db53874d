/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_blkdev.c - a block backend of libmuser (<muser-blkdev.h>) as that of a namespace.
 */
#include <muser-blkdev.h>

#include "nvme/nvme.h"

_Static_assert(LM_NVME_IO_FUA == LM_BLKDEV_FUA && LM_NVME_IO_DISCARD == LM_BLKDEV_PUNCH,
	       "flags are the same");

static void done(void *arg, int result)
{
	lm_nvme_io_done(arg, result);
}

/* What has found no place may be tried again. */
static inline void submit(lm_blkdev_t *blk, lm_nvme_io_t *io, uint32_t op)
{
	const lm_blkdev_io_t request = {
		.op = op,
		.flags = io->flags,
		.offset = io->offset,
		.length = io->length,
		.iov = io->iov,
		.nr_iov = io->nr_iov,
		.done = done,
		.arg = io,
	};
	const int ret = lm_blkdev_submit(blk, &request);

	if (ret)
		lm_nvme_io_done(io, ret == -EAGAIN ? -EINTR : ret);
}

static void blk_read(void *pvt, lm_nvme_io_t *io)
{
	submit(pvt, io, LM_BLKDEV_READ);
}

static void blk_write(void *pvt, lm_nvme_io_t *io)
{
	submit(pvt, io, LM_BLKDEV_WRITE);
}

static void blk_flush(void *pvt, lm_nvme_io_t *io)
{
	submit(pvt, io, LM_BLKDEV_FLUSH);
}

static void blk_write_zeroes(void *pvt, lm_nvme_io_t *io)
{
	submit(pvt, io, LM_BLKDEV_ZERO);
}

static void blk_discard(void *pvt, lm_nvme_io_t *io)
{
	submit(pvt, io, LM_BLKDEV_DISCARD);
}

static void blk_cancel(void *pvt, lm_nvme_io_t *io)
{
	lm_blkdev_cancel(pvt, io);
}

NVME_EXPORT const lm_nvme_block_ops_t lm_nvme_blkdev = {
	.size = sizeof(lm_nvme_block_ops_t),
	.read = blk_read,
	.write = blk_write,
	.flush = blk_flush,
	.write_zeroes = blk_write_zeroes,
	.discard = blk_discard,
	.cancel = blk_cancel,
};

/* What is held is every interrupt, whichever queue it is of. */
NVME_EXPORT void lm_nvme_batch(lm_nvme_t *nvme, bool begins)
{
	if (nvme && begins)
		nvme_irq_hold(nvme);
	else if (nvme)
		nvme_irq_release(nvme);
}
