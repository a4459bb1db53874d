/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store.c - memory, nothing, or a file as the blocks of a namespace. See store.h.
 *
 * All of it is done before the call returns. What a backend of nothing reads are zeroes.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

#define DEFAULT_SIZE (64u << 20)

/* ---- memory ------------------------------------------------------------------------ */

static void ram_copy(struct store *store, lm_nvme_io_t *io, bool is_write)
{
	char *at = store->memory + io->offset;
	uint32_t i;

	for (i = 0; i < io->nr_iov; i++) {
		if (is_write)
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		else
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
	lm_nvme_io_done(io, 0);
}

static void ram_read(void *pvt, lm_nvme_io_t *io)
{
	ram_copy(pvt, io, false);
}

static void ram_write(void *pvt, lm_nvme_io_t *io)
{
	ram_copy(pvt, io, true);
}

/* Whole pages are given back, which makes them zeroes. */
static void ram_zero(void *pvt, lm_nvme_io_t *io)
{
	struct store *store = pvt;
	char *begin = store->memory + io->offset, *end = begin + io->length;
	char *first = begin + (-io->offset & (PAGE - 1));
	char *last = end - ((io->offset + io->length) & (PAGE - 1));

	if (first >= last || madvise(first, (size_t)(last - first), MADV_DONTNEED))
		first = last = end;
	memset(begin, 0, (size_t)(first - begin));
	memset(last, 0, (size_t)(end - last));
	lm_nvme_io_done(io, 0);
}

/* ---- nothing ----------------------------------------------------------------------- */

static void null_read(void *pvt, lm_nvme_io_t *io)
{
	uint32_t i;

	for (i = 0; i < io->nr_iov; i++)
		memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
	lm_nvme_io_done(io, 0);
}

static void null_done(void *pvt, lm_nvme_io_t *io)
{
	lm_nvme_io_done(io, 0);
}

/* ---- a file ------------------------------------------------------------------------ */

/* Pieces that are left after @done bytes. */
static void iov_advance(struct iovec *iov, uint32_t *nr, size_t done)
{
	uint32_t i = 0;

	while (i < *nr && done >= iov[i].iov_len)
		done -= iov[i++].iov_len;
	*nr -= i;
	memmove(iov, iov + i, *nr * sizeof(*iov));
	if (*nr) {
		iov->iov_base = (char *)iov->iov_base + done;
		iov->iov_len -= done;
	}
}

static ssize_t file_part(const struct store *store, const lm_nvme_io_t *io, uint64_t at,
			 const struct iovec *iov, uint32_t nr)
{
	return io->own[0] ? pwritev(store->fd, iov, (int)nr, (off_t)at) :
			    preadv(store->fd, iov, (int)nr, (off_t)at);
}

/* Sixteen pieces at a time; a file that has become shorter is an error. */
static int file_copy(const struct store *store, const lm_nvme_io_t *io)
{
	uint64_t at = io->offset;
	struct iovec iov[16];
	uint32_t i, nr;
	ssize_t ret;

	for (i = 0; i < io->nr_iov; i += (uint32_t)LM_NR(iov)) {
		nr = io->nr_iov - i < LM_NR(iov) ? io->nr_iov - i : (uint32_t)LM_NR(iov);
		memcpy(iov, io->iov + i, nr * sizeof(*iov));
		while (nr) {
			ret = file_part(store, io, at, iov, nr);
			if (ret <= 0)
				return ret ? -errno : -EIO;
			at += (uint64_t)ret;
			iov_advance(iov, &nr, (size_t)ret);
		}
	}
	return io->flags & LM_NVME_IO_FUA && fdatasync(store->fd) ? -errno : 0;
}

static void file_read(void *pvt, lm_nvme_io_t *io)
{
	lm_nvme_io_done(io, file_copy(pvt, io));
}

static void file_write(void *pvt, lm_nvme_io_t *io)
{
	io->own[0] = true;
	lm_nvme_io_done(io, file_copy(pvt, io));
}

static void file_flush(void *pvt, lm_nvme_io_t *io)
{
	lm_nvme_io_done(io, fdatasync(((struct store *)pvt)->fd) ? -errno : 0);
}

/* For file systems that cannot make holes. */
static int zeroes_write(const struct store *store, const lm_nvme_io_t *io)
{
	static const char zeroes[PAGE];
	uint64_t at = 0, part;
	ssize_t ret;

	while (at < io->length) {
		part = io->length - at < PAGE ? io->length - at : PAGE;
		ret = pwrite(store->fd, zeroes, part, (off_t)(io->offset + at));
		if (ret <= 0)
			return ret ? -errno : -EIO;
		at += (uint64_t)ret;
	}
	return 0;
}

static int zero(const struct store *store, const lm_nvme_io_t *io, int mode)
{
	int ret = fallocate(store->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)io->offset,
			    (off_t)io->length) ?
			  -errno :
			  0;

	if (ret == -EOPNOTSUPP)
		ret = zeroes_write(store, io);
	if (!ret && io->flags & LM_NVME_IO_FUA && fdatasync(store->fd))
		ret = -errno;
	return ret;
}

static void file_zero(void *pvt, lm_nvme_io_t *io)
{
	const bool is_hole = io->flags & LM_NVME_IO_DISCARD;

	lm_nvme_io_done(io, zero(pvt, io, is_hole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE));
}

static void file_discard(void *pvt, lm_nvme_io_t *io)
{
	lm_nvme_io_done(io, zero(pvt, io, FALLOC_FL_PUNCH_HOLE));
}

/* ---- opening ----------------------------------------------------------------------- */

static int ram_open(struct store *store)
{
	store->memory = mmap(NULL, store->size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (store->memory != MAP_FAILED)
		return 0;
	store->memory = NULL;
	return -errno;
}

/* A size makes the file, or makes it longer. */
static int file_size(struct store *store)
{
	struct stat st;
	off_t end;

	if (fstat(store->fd, &st))
		return -errno;
	end = S_ISBLK(st.st_mode) ? lseek(store->fd, 0, SEEK_END) : st.st_size;
	if (!store->size)
		store->size = (uint64_t)end;
	else if (S_ISREG(st.st_mode) && (uint64_t)end < store->size &&
		 ftruncate(store->fd, (off_t)store->size))
		return -errno;
	return 0;
}

static int file_open(struct store *store, const char *path, bool read_only)
{
	const int make = store->size && !read_only ? O_CREAT : 0;
	int ret;

	store->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | make | O_CLOEXEC, 0600);
	if (store->fd < 0)
		return -errno;
	ret = file_size(store);
	if (ret)
		store_close(store);
	return ret;
}

int store_open(struct store *store, enum store_kind kind, const char *path, bool read_only)
{
	store->fd = -1;
	if (kind == STORE_FILE)
		return file_open(store, path, read_only);
	store->size = store->size ?: DEFAULT_SIZE;
	return kind == STORE_RAM ? ram_open(store) : 0;
}

void store_close(struct store *store)
{
	if (store->memory)
		munmap(store->memory, store->size);
	if (store->fd >= 0)
		close(store->fd);
	store->memory = NULL;
	store->fd = -1;
}

const lm_nvme_block_ops_t store_ops[] = {
	[STORE_RAM] = { sizeof(lm_nvme_block_ops_t), ram_read, ram_write, NULL, ram_zero,
			ram_zero },
	[STORE_NULL] = { sizeof(lm_nvme_block_ops_t), null_read, null_done, NULL, null_done,
			 null_done },
	[STORE_FILE] = { sizeof(lm_nvme_block_ops_t), file_read, file_write, file_flush, file_zero,
			 file_discard },
};
