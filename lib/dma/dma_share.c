/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_share.c - how much of the process the client of one device may take.
 *
 * Descriptors and mappings are the whole process's, and when they have run out nothing works any
 * more. Owns what the limits are, what the process keeps for itself - an eighth of the mappings, a
 * quarter of the descriptors, because a client lends eventfds too - and that the devices of a
 * process share the rest evenly. A client is refused what is beyond its share, by the name of the
 * limit that it has reached.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "dma/dma_window.h"

#define MAP_COUNT_DEFAULT 65530u /* where /proc does not say */

/* Process-wide, as what they count is. */
static _Atomic(uint32_t) nr_devices;
static _Atomic(uint64_t) map_count; /* when it was last read; 0: never */

void dma_share_join(void)
{
	atomic_fetch_add(&nr_devices, 1);
}

void dma_share_leave(void)
{
	atomic_fetch_sub(&nr_devices, 1);
}

static uint64_t map_count_read(void)
{
	const int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	uint64_t count = 0;

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) > 0)
			count = strtoull(text, NULL, 10);
		close(fd);
	}
	count = count ?: MAP_COUNT_DEFAULT;
	atomic_store(&map_count, count);
	return count;
}

static bool has_share(uint32_t nr, uint64_t all)
{
	return nr < all / atomic_load(&nr_devices);
}

static bool may_map(uint32_t nr, uint64_t count)
{
	return has_share(nr, count - count / 8);
}

bool dma_share_of_mappings(uint32_t nr, struct dma_limit *limit)
{
	*limit = (struct dma_limit){ "vm.max_map_count", atomic_load(&map_count) };
	if (may_map(nr, limit->value))
		return true;
	limit->value = map_count_read(); /* it may have been raised */
	return may_map(nr, limit->value);
}

bool dma_share_of_fds(uint32_t nr, struct dma_limit *limit)
{
	struct rlimit fds;

	if (getrlimit(RLIMIT_NOFILE, &fds))
		fds.rlim_cur = 0;
	*limit = (struct dma_limit){ "RLIMIT_NOFILE", fds.rlim_cur };
	return has_share(nr, fds.rlim_cur - fds.rlim_cur / 4);
}
