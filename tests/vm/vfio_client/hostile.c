/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.c - a client that does what no client should, by a seed: ioctls with any numbers,
 * accesses and mappings anywhere, memory mapped, unmapped, freed while it is mapped, the device
 * closed and opened, threads of it at once, some of their calls with an allocation that fails. It
 * checks nothing: the kernel has to be well afterwards, and none of it may hang.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "lend.h"
#include "../borrow.h"
#include "../reach.h"

#define THREADS 3
#define EVENTS  8

enum { CLIENTS, IOCTLS, INFOS, RESETS, SET_IRQS, IRQS, READS, WRITES, REGIONS, STORES, DMA_MAPS,
       DMA_UNMAPS, OPENS, FORKS, PIPES, BUFFERS, RINGS, LENT, NR_REACH = LENT + LENT_KINDS };

static const char *const names[NR_REACH] = {
	"client: devices opened", "client: any ioctl", "client: information", "client: resets",
	"client: SET_IRQS", "client: interrupts received", "client: reads", "client: writes",
	"client: regions mapped", "client: pages of them written", "client: DMA maps",
	"client: DMA unmaps", "client: device opened again", "client: forks",
	"client: pages in pipes", "client: buffers of io_uring", "client: operations of io_uring",
	"client: lends memory of its own", "client: shared memory", "client: a memfd",
	"client: pages that are missing", "client: pages of FUSE", "client: pages of hugetlb",
	"client: a part of a huge page", "client: pages of overlayfs",
};

#define FIRST 32 /* behind raw_server's */

struct hostile {
	pthread_t thread;
	struct client *client;
	uint64_t seed;
	time_t end;
	unsigned int nth;
	int events[EVENTS];
	struct borrower borrower;
};

static uint64_t next(struct hostile *h)
{
	return next_random(&h->seed) >> 11;
}

static void begin(struct hostile *h)
{
	h->nth = next(h) % 3 ? 0 : 1 + next(h) % 16;
	reach_begin(h->nth);
}

static int64_t end(struct hostile *h, unsigned int what, int64_t ret)
{
	return reach_end(FIRST + what, h->nth, ret);
}

static uint64_t edge(struct hostile *h)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 8, 15, 16, 4095, 4096, 4097, 0xf000, 0x10000, 1u << 31, 0xffffffff,
		1ull << 40, 2ull << 40, 7ull << 40, 15ull << 40, 1ull << 62, ~0ull >> 1, ~0ull,
	};

	return next(h) % 4 ? edges[next(h) % NR(edges)] : next(h);
}

static void any_ioctl(struct hostile *h)
{
	static const uint32_t sizes[] = { 0, 8, 16, 20, 24, 28, 32, 64, 200 };
	struct {
		uint32_t argsz, flags;
		uint64_t words[63];
	} arg;
	size_t i;

	for (i = 0; i < NR(arg.words); i++)
		arg.words[i] = edge(h);
	arg.argsz = sizes[next(h) % NR(sizes)];
	arg.flags = next(h) % 2 ? next(h) % 64 : edge(h);
	begin(h);
	end(h, IOCTLS, xioctl(h->client->device, _IO(VFIO_TYPE, VFIO_BASE + next(h) % 24),
			      next(h) % 30 ? (void *)&arg : (void *)8));
}

static void any_info(struct hostile *h)
{
	static const unsigned long requests[] = { VFIO_DEVICE_GET_INFO,
						  VFIO_DEVICE_GET_REGION_INFO,
						  VFIO_DEVICE_GET_IRQ_INFO };
	uint32_t arg[64] = { 32 + next(h) % 4 * 32, 0, next(h) % 10 };
	const uint64_t which = next(h) % 4;

	begin(h);
	if (which < 3)
		end(h, INFOS, xioctl(h->client->device, requests[which], arg));
	else
		end(h, RESETS, xioctl(h->client->device, VFIO_DEVICE_RESET, NULL));
}

/* The thread's eventfds are used again, so that something comes to be signalled. */
static int event_of(struct hostile *h)
{
	int *fd = &h->events[next(h) % EVENTS];
	uint64_t count;

	if (*fd > 0 && read(*fd, &count, sizeof(count)) == sizeof(count))
		reach_add(FIRST + IRQS, count);
	if (*fd > 0 && next(h) % 4)
		return *fd;
	if (*fd > 0)
		close(*fd);
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *fd;
}

/* Right in form, so that it gets to the server and to eventfds. */
static void any_irqs(struct hostile *h)
{
	static const uint32_t counts[] = { 1, 0, 4, 1, 1 };
	struct {
		struct vfio_irq_set set;
		int32_t data[8];
	} arg = { .set = { .argsz = sizeof(arg), .index = next(h) % 5 } };
	int i;

	arg.set.count = counts[arg.set.index];
	if (next(h) % 4 == 0) {
		arg.set.start = next(h) % 5;
		arg.set.count = next(h) % 5;
	}
	arg.set.flags = next(h) % 3 ? VFIO_IRQ_SET_ACTION_TRIGGER :
			VFIO_IRQ_SET_ACTION_MASK << next(h) % 2;
	arg.set.flags |= next(h) % 2 ? VFIO_IRQ_SET_DATA_EVENTFD : 1u << next(h) % 3;
	for (i = 0; i < 8; i++)
		arg.data[i] = next(h) % 8 ? event_of(h) : (int32_t)edge(h);
	if (next(h) % 8 == 0) {
		arg.set.count = 0; /* all of them go */
		arg.set.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
	}
	begin(h);
	end(h, SET_IRQS, xioctl(h->client->device, VFIO_DEVICE_SET_IRQS, &arg));
}

static void any_access(struct hostile *h)
{
	static const uint64_t sizes[10] = { 4096, 0, 65536, 0, 0, 0, 0, 256 };
	static __thread char buffer[100000];
	static const uint64_t regions[] = { 0, 2, 7 };
	uint64_t region = next(h) % 4 ? regions[next(h) % 3] : next(h) % 10;
	uint64_t offset = (region << 40) + next(h) % (sizes[region] + 1);
	size_t count = next(h) % 4 ? 1 + next(h) % 16 : next(h) % sizeof(buffer);

	if (next(h) % 16 == 0)
		offset = edge(h) >> 1;
	begin(h);
	/* What makes raw_server hang or die is for others to write. */
	if (next(h) % 2 || offset < 4096)
		end(h, READS, pread(h->client->device, buffer, count, offset));
	else
		end(h, WRITES, pwrite(h->client->device, buffer, count, offset));
}

/* System calls that keep what they are given. */
static void any_borrowing(struct hostile *h, void *at, size_t size)
{
	const uint64_t random = next(h);

	switch (next(h) % 4) {
	case 0:
		reach_add(FIRST + PIPES, borrow_pipe(&h->borrower, random, at, size) >= 0);
		break;
	case 1:
		reach_add(FIRST + BUFFERS, borrow_buffer(&h->borrower, random, at, size) >= 0);
		break;
	default:
		reach_add(FIRST + RINGS, borrow_ring(&h->borrower, random, at, size,
						     h->client->device) >= 0);
	}
}

static char *map_region(struct hostile *h, size_t *size)
{
	uint64_t page = 1 + next(h) % 15;
	void *at;

	*size = (1 + next(h) % (16 - page)) << 12;
	if (next(h) % 16 == 0)
		page = next(h) % 18;
	begin(h);
	at = mmap(NULL, *size, PROT_READ | PROT_WRITE, next(h) % 16 ? MAP_SHARED : MAP_PRIVATE,
		  h->client->device, (2ull << 40) + (page << 12));
	end(h, REGIONS, at == MAP_FAILED ? -1 : 0);
	return at == MAP_FAILED ? NULL : at;
}

static void any_mapping(struct hostile *h)
{
	size_t size, i, times = next(h) % 8;
	char *at = map_region(h, &size);

	if (!at)
		return;
	while (times--)
		for (i = 0; i < size; i += 4096) {
			at[i]++;
			reach_add(FIRST + STORES, 1);
		}
	if (next(h) % 2)
		any_borrowing(h, at, size);
	switch (next(h) % 6) {
	case 0: madvise(at, size, MADV_DONTNEED); break;
	case 1: madvise(at, size, MADV_REMOVE); break;
	case 2: (void)!mprotect(at, 4096, PROT_READ); break;
	case 3:
		/* What is behind it may be another thread's, from now on. */
		if (mremap(at, size, 4096, 0) != MAP_FAILED)
			size = 4096;
		break;
	}
	munmap(at, size);
}

/* Of any kind; a region's may be less than was wished. */
static int some_memory(struct hostile *h, struct lent *m)
{
	const size_t size = 16 << 12;

	if (next(h) % 8)
		return lend(m, size, next(h));
	*m = (struct lent){ .kind = LENT_REGION, .size = size, .fd = -1, .uffd = -1 };
	m->base = m->at = map_region(h, &m->size);
	m->length = m->size;
	return m->at ? 0 : -1;
}

static void unmap(struct hostile *h, uint64_t iova, size_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = iova,
						    .size = size };

	if (next(h) % 4 == 0) {
		unmap.iova = 0;
		unmap.size = 8ull << 16;
	}
	begin(h);
	end(h, DMA_UNMAPS, xioctl(h->client->container, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

static void map(struct hostile *h, const struct lent *m, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = 1 + next(h) % 3, .vaddr = (uintptr_t)m->at,
		.iova = iova, .size = m->size,
	};

	map.flags |= next(h) % 2 ? VFIO_DMA_MAP_FLAG_WRITE : 0;
	begin(h);
	if (end(h, DMA_MAPS, xioctl(h->client->container, VFIO_IOMMU_MAP_DMA, &map)) >= 0 &&
	    m->kind < LENT_KINDS)
		reach_add(FIRST + LENT + m->kind, 1);
}

/* The few addresses that a hostile server looks at. */
static void any_memory(struct hostile *h)
{
	const uint64_t iova = next(h) % 8 << 16;
	struct lent m;
	int kept;

	if (some_memory(h, &m))
		return;
	map(h, &m, iova);
	if (next(h) % 4)
		usleep(next(h) % 300000);
	lent_change(&m, next(h));
	if (next(h) % 4 == 0 && lent_is_present(&m))
		any_borrowing(h, m.at, m.size);
	kept = next(h) % 8;
	if (kept > 1)
		lent_unmap(&m); /* while the device may use it */
	if (kept != 1)
		unmap(h, iova, m.size);
	if (kept == 1)
		return; /* for ever */
	lent_close(&m);
	lent_unmap(&m);
}

/* Other threads are in the middle of it. */
static void any_open(struct hostile *h)
{
	struct client *c = h->client;
	int device;

	if (next(h) % 2) {
		begin(h);
		device = end(h, OPENS, device_get(c, c->uuid));
		if (device >= 0)
			close(device);
		return;
	}
	close(c->device);
	device = end(h, OPENS, device_get(c, c->uuid));
	if (device >= 0)
		c->device = device;
}

/* A child that has the mappings for a moment. */
static void any_fork(struct hostile *h)
{
	pid_t child = fork();

	reach_add(FIRST + FORKS, child > 0);
	if (!child)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void *act(void *arg)
{
	struct hostile *h = arg;
	uint64_t what;

	while (time(NULL) < h->end) {
		usleep(next(h) % 3000); /* others are to come to something, too */
		what = next(h) % 64;
		if (what < 6)
			any_ioctl(h);
		else if (what < 10)
			any_info(h);
		else if (what < 22)
			any_irqs(h);
		else if (what < 34)
			any_access(h);
		else if (what < 44)
			any_mapping(h);
		else if (what < 62)
			any_memory(h);
		else if (what < 63)
			any_open(h);
		else if (next(h) % 4 == 0)
			any_fork(h);
	}
	return NULL;
}

static int run_hostile(struct client *c, int argc, char **argv)
{
	struct hostile actors[THREADS] = { 0 };
	uint64_t seconds, seed;
	size_t i;

	if (number(argv[0], &seconds) || number(argv[1], &seed))
		return -EPROTO;
	reach_fail(0);
	reach_open(names, FIRST, NR_REACH);
	reach_add(FIRST + CLIENTS, 1);
	for (i = 0; i < THREADS; i++) {
		actors[i].client = c;
		actors[i].seed = (seed + 1) * 0x9e3779b97f4a7c15 + i;
		actors[i].end = time(NULL) + seconds;
		if (pthread_create(&actors[i].thread, NULL, act, &actors[i]))
			return -EAGAIN;
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(actors[i].thread, NULL);
	return 0;
}

const struct command hostile_commands[] = {
	{ "hostile", "SECONDS SEED: break every rule", 2, run_hostile },
	{ 0 },
};
