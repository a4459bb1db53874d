/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blkdev_file.c - a file or a block device as a block backend.
 *
 * Owns the descriptors, and which system calls a request is. There are two descriptors of the same
 * file: transfers that are aligned go by the one with O_DIRECT, all others by the page cache, and
 * so do those that the kernel refuses by the first, as memory that it cannot hold; the kernel keeps
 * the two coherent. Where a file system cannot make zeroes, they are written.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "backend/blkdev.h"

enum {
	ALIGN_FILE = 4096, /* what every file system takes for places */
	ALIGN_MEMORY = 512,
	REFUSED_MAX = 16, /* then O_DIRECT is left alone */
	PIECES_MAX = 1024 /* IOV_MAX */
};

/* Nobody changes them; const would put it into the file of the library. */
static char zeroes[64 << 10] __attribute__((aligned(ALIGN_FILE)));

/* ---- which descriptor ------------------------------------------------------------- */

static bool is_aligned(const struct lm_blkdev *blk, const struct blk_step *s)
{
	uint64_t bits = s->offset;
	uint32_t i;

	for (i = 0; i < s->nr_iov; i++) {
		if ((uintptr_t)s->iov[i].iov_base % ALIGN_MEMORY)
			return false;
		bits |= s->iov[i].iov_len;
	}
	return !(bits & (blk->align - 1));
}

static bool goes_direct(const struct blk_req *r)
{
	const struct lm_blkdev *blk = r->blk;

	return blk->direct_fd >= 0 && !r->is_buffered && blk->nr_refused < REFUSED_MAX &&
	       is_aligned(blk, &r->step);
}

/* ---- steps ------------------------------------------------------------------------ */

/* What is left of a transfer that came to an end too early, a few pieces of it. */
static void pieces_rest(struct blk_req *r)
{
	const struct iovec *from = r->io.iov;
	uint64_t skip = r->done, left = r->io.length - r->done;
	uint32_t nr;

	while (skip >= from->iov_len)
		skip -= from++->iov_len;
	for (nr = 0; nr < BLK_PIECES && left; nr++, from++) {
		r->iov[nr].iov_base = (char *)from->iov_base + skip;
		r->iov[nr].iov_len = at_most(from->iov_len - skip, left);
		left -= r->iov[nr].iov_len;
		skip = 0;
	}
	r->step.iov = r->iov;
	r->step.nr_iov = nr;
}

static void pieces_zero(struct blk_req *r)
{
	uint64_t left = r->io.length - r->done;
	uint32_t nr;

	for (nr = 0; nr < BLK_PIECES && left; nr++) {
		r->iov[nr].iov_base = zeroes;
		r->iov[nr].iov_len = at_most(left, sizeof(zeroes));
		left -= r->iov[nr].iov_len;
	}
	r->step.iov = r->iov;
	r->step.nr_iov = nr;
}

static uint64_t pieces_length(const struct blk_req *r)
{
	uint64_t length = 0;
	uint32_t i;

	for (i = 0; i < r->io.nr_iov; i++)
		length += r->io.iov[i].iov_len;
	return length;
}

static void transfer(struct blk_req *r)
{
	const bool is_read = r->io.op == LM_BLKDEV_READ;

	r->step = (struct blk_step){
		.call = is_read ? BLK_CALL_READ : BLK_CALL_WRITE,
		.offset = r->io.offset + r->done,
		.flags = !is_read && r->io.flags & LM_BLKDEV_FUA ? RWF_DSYNC : 0,
		.iov = r->io.iov,
		.nr_iov = r->io.nr_iov,
	};
	if (r->is_zeroes)
		pieces_zero(r);
	else if (r->done || r->io.nr_iov > PIECES_MAX || pieces_length(r) != r->io.length)
		pieces_rest(r);
	r->step.fd = goes_direct(r) ? r->blk->direct_fd : r->blk->fd;
	r->blk->engine->start(r);
}

static void sync_all(struct blk_req *r)
{
	r->step = (struct blk_step){ .call = BLK_CALL_SYNC, .fd = r->blk->fd };
	r->blk->engine->start(r);
}

static void allocate(struct blk_req *r)
{
	const bool is_hole = r->io.op == LM_BLKDEV_DISCARD || r->io.flags & LM_BLKDEV_PUNCH;

	r->step = (struct blk_step){
		.call = BLK_CALL_ALLOCATE,
		.fd = r->blk->fd,
		.flags = (is_hole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) |
			 FALLOC_FL_KEEP_SIZE,
		.offset = r->io.offset,
		.length = r->io.length,
	};
	r->blk->engine->start(r);
}

static void file_start(struct blk_req *r)
{
	if (r->io.op == LM_BLKDEV_FLUSH)
		sync_all(r);
	else if (!r->io.length)
		blkdev_end(r, 0);
	else if (r->io.op > LM_BLKDEV_FLUSH)
		allocate(r);
	else
		transfer(r);
}

/* ---- what came of them ------------------------------------------------------------ */

/* Memory that has no pages of its own (EFAULT), or more alignment than we knew. */
static bool is_refusal(const struct blk_req *r, int result)
{
	return r->step.fd == r->blk->direct_fd &&
	       (result == -EFAULT || result == -EINVAL || result == -EOPNOTSUPP);
}

/* A file that ends early reads as nothing. */
static void transferred(struct blk_req *r, int result)
{
	if (result < 0 && is_refusal(r, result)) {
		r->is_buffered = true;
		if (++r->blk->nr_refused == REFUSED_MAX)
			lm_log(r->blk->ctx, LM_LOG_INFO,
			       "block backend: O_DIRECT is refused (%s): by the page "
			       "cache from now on",
			       strerror(-result));
	} else if (result <= 0) {
		blkdev_end(r, result ?: -EIO);
		return;
	} else {
		r->done += (uint64_t)result;
	}
	if (r->done >= r->io.length)
		blkdev_end(r, 0);
	else
		transfer(r);
}

static void allocated(struct blk_req *r, int result)
{
	if (result == -EOPNOTSUPP) {
		r->is_zeroes = true;
		transfer(r);
	} else if (!result && r->io.flags & LM_BLKDEV_FUA) {
		sync_all(r);
	} else {
		blkdev_end(r, result);
	}
}

static void file_stepped(struct blk_req *r, int result)
{
	if (r->blk->is_closing && result >= 0 && r->step.call != BLK_CALL_SYNC &&
	    r->done + (uint64_t)result < r->io.length)
		result = -ECANCELED;
	if (result == -EINTR)
		r->blk->engine->start(r);
	else if (r->step.call == BLK_CALL_ALLOCATE)
		allocated(r, result);
	else if (r->step.call == BLK_CALL_SYNC)
		blkdev_end(r, result);
	else
		transferred(r, result);
}

/* ---- opening ---------------------------------------------------------------------- */

/* Of block devices the size of their sectors. */
static int file_size(struct lm_blkdev *blk)
{
	struct stat st;
	uint64_t size;
	int sector;

	if (fstat(blk->fd, &st))
		return -errno;
	blk->align = ALIGN_FILE;
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(blk->fd, BLKGETSIZE64, &size))
			return -errno;
		if (!ioctl(blk->fd, BLKSSZGET, &sector) && sector >= ALIGN_MEMORY)
			blk->align = (uint32_t)sector;
	} else if (S_ISREG(st.st_mode)) {
		size = (uint64_t)st.st_size;
	} else {
		return -EINVAL;
	}
	if (S_ISREG(st.st_mode) && size < blk->size && !(blk->flags & LM_BLKDEV_READ_ONLY) &&
	    ftruncate(blk->fd, (off_t)blk->size))
		return -errno;
	blk->size = blk->size ?: size;
	return blk->size ? 0 : -EINVAL;
}

/* Of the same file, whatever has come to its name meanwhile. */
static void direct_open(struct lm_blkdev *blk, int mode)
{
	char path[32];

	if (blk->flags & LM_BLKDEV_BUFFERED)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", blk->fd);
	blk->direct_fd = open(path, mode | O_DIRECT | O_CLOEXEC);
}

/* The first that works, where any will do. */
static int engine_open(struct lm_blkdev *blk, uint32_t wanted)
{
	static const struct blk_engine *const engines[] = { &blkdev_uring, &blkdev_threads };
	int ret = -EOPNOTSUPP;
	size_t i;

	for (i = 0; i < LM_NR(engines) && ret; i++) {
		if (wanted && wanted != engines[i]->id)
			continue;
		ret = engines[i]->open(blk);
		if (!ret)
			blk->engine = engines[i];
		else
			engines[i]->close(blk);
	}
	return ret;
}

static int file_open(struct lm_blkdev *blk, const lm_blkdev_info_t *info)
{
	const bool is_read_only = blk->flags & LM_BLKDEV_READ_ONLY;
	const int mode = is_read_only ? O_RDONLY : O_RDWR;
	int ret;

	blk->stepped = file_stepped;
	blk->fd = open(info->path, mode | (blk->size && !is_read_only ? O_CREAT : 0) | O_CLOEXEC,
		       0600);
	if (blk->fd < 0)
		return -errno;
	ret = file_size(blk);
	if (ret)
		return ret;
	direct_open(blk, mode);
	return engine_open(blk, info->engine);
}

static void file_close(struct lm_blkdev *blk)
{
	if (blk->engine)
		blk->engine->close(blk);
	if (blk->direct_fd >= 0)
		close(blk->direct_fd);
	if (blk->fd >= 0)
		close(blk->fd);
}

const struct blk_kind blkdev_file = {
	.open = file_open,
	.close = file_close,
	.start = file_start,
};
