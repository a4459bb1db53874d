/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region_memory.c - the memory behind regions: made, looked through, cleared, taken from a client.
 *
 * Memory is a memfd, the host's, or a file of the device, which stays as it is. A memfd is never
 * reserved: a region may be larger than all memory, and costs what was used of it. So nothing here
 * walks over a whole region.
 *
 * A client that was given the descriptor may keep it, and a mapping, for as long as it likes.
 * Before the next one comes, what it has seen is replaced: the contents move to a new memfd, a
 * step a turn, so that others are served meanwhile; and each step is mapped where it was, so that
 * pointers of lm_mmap() stay good.
 * What was moved is removed from the old memfd: both together take no more than one did. A move
 * that fails goes on where it stopped, and no client comes until it is done. It waits for the
 * next client, because none may ever come, and whoever saves the device has one memfd to look at.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memfd.h"
#include "gate/call.h"
#include "region/region.h"
#include "state/persist.h"
#include "wire/host.h"

#define MOVE_STEP  ((off_t)2 << 20)
#define HOLE_PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

/* ---- making it ------------------------------------------------------------------- */

static int file_map(struct region *r)
{
	r->memfd = fcntl(r->info.fd, F_DUPFD_CLOEXEC, 0);
	if (r->memfd < 0)
		return -errno;
	r->mem = mmap(NULL, r->info.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		      r->memfd, (off_t)r->info.fd_offset);
	if (r->mem == MAP_FAILED) {
		r->mem = NULL;
		return -errno;
	}
	r->is_file = true;
	return 0;
}

/* Memory of the host may be there before this process, and after it. */
int region_memory_new(struct lm_ctx *ctx, uint32_t index, struct region *r)
{
	struct host_memory m = { .space = index, .size = r->info.size };
	const struct host_trap forget = {
		.region = index,
		.off = true,
		.size = round_up(m.size, page_size()),
	};
	const struct host *host = &socket_host; /* it is our own */
	int ret;

	if (!r->info.size)
		return 0;
	if (r->info.flags & LM_REG_FLAG_MMAP) {
		/* The device has its memory in any case; clients may have to ask for it. */
		if (ctx->info.flags & LM_DEV_NO_MMAP)
			r->info.flags &= ~LM_REG_FLAG_MMAP;
		r->shared = true;
	} else if (call_has_access(&r->info) || r->info.regs) {
		return 0;
	}
	if (r->info.flags & LM_REG_FLAG_FD)
		return ctx->host == &socket_host ? file_map(r) : -EOPNOTSUPP;
	if (r->shared || (ctx->info.flags & LM_DEV_RESTARTABLE))
		host = ctx->host;
	ret = host->memory(host, &m);
	if (ret)
		return ret;
	r->mem = m.mem;
	r->memfd = m.fd;
	if (m.kept)
		host->trap(host, &forget);
	if (m.kept && !persist_is_old(ctx))
		region_memory_clear(r);
	return 0;
}

void region_memory_free(struct region *r)
{
	if (r->mem)
		munmap(r->mem, r->info.size);
	if (r->memfd >= 0)
		close(r->memfd);
	if (r->fresh >= 0)
		close(r->fresh);
}

/* ---- looking through it ---------------------------------------------------------- */

bool region_memory_data(const struct region *r, uint64_t *at, uint64_t *end)
{
	off_t data, hole;
	uint64_t limit;
	int fd;

	for (; !r->is_file && *at < r->info.size; *at = limit) {
		/* While it moves, the first part is in the new memfd. */
		fd = *at < r->moved ? r->fresh : r->memfd;
		limit = *at < r->moved ? r->moved : r->info.size;
		*end = limit;
		if (fd < 0)
			return true;
		data = lseek(fd, (off_t)*at, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return true;
		if (data < 0 || (uint64_t)data >= limit)
			continue;
		hole = lseek(fd, data, SEEK_HOLE);
		*at = (uint64_t)data;
		*end = hole > data && (uint64_t)hole < limit ? (uint64_t)hole : limit;
		return true;
	}
	return false;
}

void region_memory_clear(struct region *r)
{
	int ret;

	if (r->is_file)
		return;
	if (r->memfd < 0)
		ret = madvise(r->mem, round_up(r->info.size, page_size()), MADV_REMOVE);
	else
		ret = fallocate(r->memfd, HOLE_PUNCH, 0, (off_t)r->info.size);
	if (!ret && r->fresh >= 0)
		ret = fallocate(r->fresh, HOLE_PUNCH, 0, (off_t)r->info.size);
	if (ret)
		memset(r->mem, 0, r->info.size);
}

/* ---- taking it from a client ----------------------------------------------------- */

/* The client may be making holes, and filling them, as we look: each look gets further. From our
 * mapping, not from memfd to memfd: sendfile(2) costs a third more. */
static int data_copy(const struct region *r, off_t at, off_t end)
{
	while (at < end && (at = lseek(r->memfd, at, SEEK_DATA)) >= 0 && at < end) {
		off_t hole = lseek(r->memfd, at, SEEK_HOLE);

		if (hole <= at || hole > end)
			hole = at + MOVE_STEP < end ? at + MOVE_STEP : end;
		while (at < hole) {
			const ssize_t put = pwrite(r->fresh, (char *)r->mem + at,
						   (size_t)(hole - at), at);

			if (put < 0 && errno == EINTR)
				continue;
			if (put <= 0)
				return put ? -errno : -EIO;
			at += put;
		}
	}
	return at < 0 && errno != ENXIO ? -errno : 0;
}

/* All up to the end of the next step that has data: as much as a turn may do. */
static int step_move(struct region *r)
{
	const uint64_t at = r->moved, size = r->info.size;
	const off_t data = lseek(r->memfd, (off_t)at, SEEK_DATA);
	uint64_t end = size;
	int ret = 0;

	if (data < 0 && errno != ENXIO)
		return -errno;
	if (data >= 0) {
		end = round_up((uint64_t)data + 1, (uint64_t)MOVE_STEP);
		end = at_most(end, size);
		ret = data_copy(r, data, (off_t)end);
	}
	if (ret)
		return ret;
	if (mmap((char *)r->mem + at, end - at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 r->fresh, (off_t)at) == MAP_FAILED)
		return -errno;
	fallocate(r->memfd, HOLE_PUNCH, (off_t)at, (off_t)(end - at));
	r->moved = end;
	return 0;
}

/* A step further. */
static int memory_move(struct region *r)
{
	int ret;

	if (r->fresh < 0) {
		ret = memfd_sealed("muser-region", r->info.size);
		if (ret < 0)
			return ret;
		r->fresh = ret;
	}
	ret = step_move(r);
	if (ret || r->moved < r->info.size)
		return ret;
	close(r->memfd);
	r->memfd = r->fresh;
	r->fresh = -1;
	r->moved = 0;
	r->lent = false;
	return 0;
}

int region_memory_renew(struct lm_ctx *ctx)
{
	uint32_t i;
	int ret;

	for (i = 0; i < region_count(ctx); i++) {
		struct region *r = region_get(ctx, i);

		if (!r->lent || r->is_file)
			continue;
		work_add(ctx, TURN_MAX);
		ret = memory_move(r);
		if (ret)
			log_peer(ctx, LM_LOG_ERR,
				 "region %u: the previous client still has its memory, and new "
				 "memory cannot be allocated: %s",
				 i, strerror(-ret));
		return ret ?: 1;
	}
	return 0;
}
