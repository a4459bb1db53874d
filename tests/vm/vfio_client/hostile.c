/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.c - a client that does what no client should, by a seed: ioctls with any numbers,
 * accesses and mappings anywhere, memory mapped, unmapped, freed while it is mapped, threads of it
 * at once. It checks nothing: the kernel has to be well afterwards, and none of it may hang.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define THREADS 3

struct hostile {
	pthread_t thread;
	struct client *client;
	uint64_t seed;
	time_t end;
};

static uint64_t next(struct hostile *h)
{
	h->seed ^= h->seed << 13;
	h->seed ^= h->seed >> 7;
	h->seed ^= h->seed << 17;
	return h->seed >> 11;
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
	xioctl(h->client->device, _IO(VFIO_TYPE, VFIO_BASE + next(h) % 24),
	       next(h) % 30 ? (void *)&arg : (void *)8);
}

/* Right in form, so that it gets to the server and to eventfds. */
static void any_irqs(struct hostile *h)
{
	static const uint32_t actions[] = { VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK,
					    VFIO_IRQ_SET_ACTION_TRIGGER };
	struct {
		struct vfio_irq_set set;
		int32_t data[8];
	} arg = { .set = { .argsz = sizeof(arg), .index = next(h) % 5, .start = next(h) % 5,
			   .count = next(h) % 5 } };
	int i, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	arg.set.flags = actions[next(h) % 3] | 1u << next(h) % 3;
	for (i = 0; i < 8; i++)
		arg.data[i] = next(h) % 3 ? fd : (int32_t)edge(h);
	xioctl(h->client->device, VFIO_DEVICE_SET_IRQS, &arg);
	close(fd);
}

static void any_access(struct hostile *h)
{
	static __thread char buffer[100000];
	uint64_t offset = (next(h) % 10 << 40) + next(h) % 70000;
	size_t count = next(h) % 2 ? next(h) % 16 : next(h) % sizeof(buffer);

	if (next(h) % 8 == 0)
		offset = edge(h) >> 1;
	/* What makes raw_server hang or die is for others to write. */
	if (next(h) % 2 || offset < 4096)
		(void)!pread(h->client->device, buffer, count, offset);
	else
		(void)!pwrite(h->client->device, buffer, count, offset);
}

static void any_mapping(struct hostile *h)
{
	size_t size = (1 + next(h) % 16) << 12, i;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, next(h) % 8 ? MAP_SHARED : MAP_PRIVATE,
			h->client->device, (2ull << 40) + (next(h) % 18 << 12));

	if (at == MAP_FAILED)
		return;
	for (i = 0; i < size; i += 4096)
		at[i] = 1;
	if (next(h) % 4 == 0 && mremap(at, size, 4096, 0) == MAP_FAILED)
		return;
	munmap(at, size);
}

/* The few addresses that a hostile server looks at. */
static void any_memory(struct hostile *h)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap) };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .flags = 1 + next(h) % 3 };
	size_t size = 16 << 12;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_ANONYMOUS | (next(h) % 2 ? MAP_PRIVATE : MAP_SHARED), -1, 0);

	if (at == MAP_FAILED)
		return;
	map.vaddr = (uintptr_t)at;
	map.iova = next(h) % 64 << 16;
	map.size = size;
	xioctl(h->client->container, VFIO_IOMMU_MAP_DMA, &map);
	if (next(h) % 3 == 0)
		munmap(at, size); /* while the device may use it */
	if (next(h) % 4)
		usleep(next(h) % 2000);
	unmap.iova = next(h) % 3 ? map.iova : 0;
	unmap.size = unmap.iova ? size : 64ull << 16;
	if (next(h) % 8)
		xioctl(h->client->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	if (next(h) % 3 == 0)
		munmap(at, size);
}

static void *act(void *arg)
{
	struct hostile *h = arg;

	while (time(NULL) < h->end)
		switch (next(h) % 6) {
		case 0: any_ioctl(h); break;
		case 1: any_irqs(h); break;
		case 2: any_access(h); break;
		case 3: any_mapping(h); break;
		default: any_memory(h); break;
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
