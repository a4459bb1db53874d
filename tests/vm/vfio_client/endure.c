/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * endure.c - a client whose device loses its process again and again.
 *
 * Threads use the device in all the ways it has, each for itself, and check what they can until
 * SIGTERM: values, registers that move on when they are read, interrupts, memory of both sides.
 * With policy "fail" an access may be EIO, and nothing but that; with "wait" none may fail.
 * What was done twice must have come flagged where the device can say so. An access or interrupt
 * that takes longer than TAP_SECONDS of the environment, or 30 s, ends all. Refuses to know when
 * the process dies, and why.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

#define HANG_MS     30000
#define MAX_WORKERS 12

/* What raw_server has in BAR0, and gpio-idio16 in BAR2. */
enum {
	FIRE = 0xf00, IOVA = 0xf08, SIZE = 0xf10, SEED = 0xf18, DMA = 0xf20, RESULT = 0xf38,
	COUNT = 0xf80, COPY_FILL = 6, PIN_FILL = 9,
};
enum { IN0_7 = 1, IRQ_CTL = 2, OUT8_15 = 4, IRQ_STATUS = 6, FILTER0_7 = 7, CHANGED8_15 = 6 };

#define DMA_IOVA 0x4000000ull
#define DMA_SIZE 0x20000ull

struct worker;

struct job {
	const char *device, *name;
	uint32_t region;
	uint64_t offset;
	int (*turn)(struct worker *w); /* 0; FAILED as it may; or wrong, which was said */
};

struct worker {
	const struct job *job;
	struct client *client;
	pthread_t thread;
	uint64_t base;           /* of the region, in the device's file */
	uint64_t last, random, turns;
	unsigned int known, run; /* last is what there is; how often it came */
	int event;
	uint8_t *memory;         /* lent to the device, or lent by it */
	_Atomic uint64_t since;  /* it is in an access since then; 0: it is not */
};

enum { FAILED = 1 };

static struct {
	struct worker workers[MAX_WORKERS];
	unsigned int nr;
	int may_fail, hang_ms;
	_Atomic int stop;
	_Atomic uint64_t good, failed, wrong, flagged, twice, skipped, longest;
} all;

static void enough(int signal)
{
	atomic_store(&all.stop, 1);
}

/* ---- accesses: 0, FAILED or wrong ---------------------------------------------------- */

static void begin(struct worker *w)
{
	atomic_store(&w->since, now_ns());
}

static int end(struct worker *w, int error, const char *what)
{
	uint64_t took = now_ns() - atomic_exchange(&w->since, 0);

	if (took > atomic_load(&all.longest))
		atomic_store(&all.longest, took);
	if (!error) {
		atomic_fetch_add(&all.good, 1);
		return 0;
	}
	atomic_fetch_add(&all.failed, 1);
	if (!all.may_fail || error != EIO)
		return unexpected("%s: %s: %s", w->job->name, what, strerror(error));
	usleep(1000);
	return FAILED;
}

static int get(struct worker *w, uint64_t offset, void *value, size_t width)
{
	ssize_t got;

	begin(w);
	got = pread(w->client->device, value, width, w->base + offset);
	return end(w, got < 0 ? errno : got == (ssize_t)width ? 0 : EPROTO, "read");
}

static int put(struct worker *w, uint64_t offset, uint64_t value, size_t width)
{
	ssize_t got;

	begin(w);
	got = pwrite(w->client->device, &value, width, w->base + offset);
	return end(w, got < 0 ? errno : got == (ssize_t)width ? 0 : EPROTO, "write");
}

static int set_irq(struct worker *w, uint32_t index, uint32_t flags, int fd)
{
	char buffer[sizeof(struct vfio_irq_set) + sizeof(fd)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;
	int ret;

	set->argsz = sizeof(*set) + (flags & VFIO_IRQ_SET_DATA_EVENTFD ? sizeof(fd) : 0);
	set->flags = flags;
	set->index = index;
	set->start = 0;
	set->count = 1;
	memcpy(set->data, &fd, sizeof(fd));
	begin(w);
	ret = xioctl(w->client->device, VFIO_DEVICE_SET_IRQS, set);
	return end(w, ret < 0 ? -ret : 0, "SET_IRQS");
}

/* A lost one is never made up for: nothing else fires. */
static int await_irq(struct worker *w)
{
	struct pollfd poller = { .fd = w->event, .events = POLLIN };
	uint64_t count;

	if (poll(&poller, 1, all.hang_ms) == 1)
		return read(w->event, &count, sizeof(count)) < 0 ? -errno : 0;
	return unexpected("%s: an interrupt is lost", w->job->name);
}

static void drain(struct worker *w)
{
	uint64_t count;

	while (read(w->event, &count, sizeof(count)) > 0)
		;
}

static int differs(struct worker *w, uint64_t is, uint64_t wanted)
{
	return unexpected("%s 0x%" PRIx64 ": 0x%" PRIx64 " instead of 0x%" PRIx64, w->job->name,
			  w->job->offset, is, wanted);
}

/* ---- memory and registers that keep what they get ------------------------------------ */

static int keep(struct worker *w, size_t width)
{
	uint64_t value = 0;
	int ret;

	if (!w->known || w->turns & 1) {
		w->known = 0;
		w->last = next_random(&w->random) >> (64 - 8 * width);
		ret = put(w, w->job->offset, w->last, width);
		if (ret)
			return ret;
		w->known = 1;
	}
	ret = get(w, w->job->offset, &value, width);
	return ret ? ret : value == w->last ? 0 : differs(w, value, w->last);
}

static int memory_turn(struct worker *w)
{
	return keep(w, 8);
}

static int byte_turn(struct worker *w)
{
	return keep(w, 1);
}

/* Through a mapping there is no server, and never an error. */
static int mapped_turn(struct worker *w)
{
	volatile uint64_t *at;
	uint64_t value, stored = next_random(&w->random);
	int ret;

	if (!w->memory)
		w->memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
				 w->client->device, w->base + w->job->offset);
	if (w->memory == MAP_FAILED)
		return unexpected("mmap: %s", strerror(errno));
	at = (uint64_t *)w->memory;
	*at = stored;
	if (*at != stored)
		return differs(w, *at, stored);
	ret = get(w, w->job->offset, &value, 8);
	if (!ret && value != stored)
		return differs(w, value, stored);
	if (!ret)
		ret = put(w, w->job->offset, ~stored, 8);
	return ret ? ret : *at == ~stored ? 0 : differs(w, *at, ~stored);
}

/* ---- registers that move on when they are read --------------------------------------- */

/* The top bit says that the request came again. Only then may a number be missing. */
static int count_turn(struct worker *w)
{
	uint64_t value = 0, wanted = w->last + 1;
	int ret = get(w, w->job->offset, &value, 8), flagged = value >> 63;

	if (ret) {
		w->known = 0;
		return ret;
	}
	value &= ~(1ull << 63);
	if (value < wanted || (value > wanted && w->known && !flagged))
		return differs(w, value, wanted);
	if (flagged && all.may_fail)
		return unexpected("an access that failed came again");
	atomic_fetch_add(&all.flagged, flagged);
	atomic_fetch_add(&all.twice, w->known && value > wanted);
	w->last = value;
	w->known = 1;
	return 0;
}

/* 0 0 0 ff ff ff: runs may be too short, by reads that were done and not answered. */
static int pattern_turn(struct worker *w)
{
	uint8_t value = 0x55;
	int ret = get(w, w->job->offset, &value, 1);

	if (ret)
		return ret;
	if (value != 0 && value != 0xff)
		return differs(w, value, w->last);
	if (w->run && value == w->last)
		return ++w->run > 3 ? unexpected("the pattern stands still") : 0;
	if (w->known)
		atomic_fetch_add(&all.skipped, 3 - w->run);
	w->known = w->run > 0;
	w->last = value;
	w->run = 1;
	return 0;
}

/* ---- interrupts ---------------------------------------------------------------------- */

static int intx_start(struct worker *w)
{
	uint8_t ignored;
	int ret;

	if (w->event <= 0)
		w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = set_irq(w, VFIO_PCI_INTX_IRQ_INDEX,
		      VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, w->event);
	if (!ret)
		ret = get(w, IRQ_CTL, &ignored, 1);
	if (!ret)
		ret = put(w, OUT8_15, 0, 1);
	if (!ret)
		ret = put(w, IN0_7, 0, 1);
	if (!ret)
		ret = set_irq(w, VFIO_PCI_INTX_IRQ_INDEX,
			      VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, -1);
	drain(w);
	w->last = 0;
	w->known = !ret;
	return ret;
}

/* As a driver does: an interrupt of nothing is unmasked and forgotten. */
static int intx_serve(struct worker *w)
{
	uint8_t status = 0;
	int ret = await_irq(w);

	if (!ret)
		ret = get(w, IRQ_STATUS, &status, 1);
	if (!ret && status)
		ret = put(w, IN0_7, 0, 1);
	if (!ret)
		ret = set_irq(w, VFIO_PCI_INTX_IRQ_INDEX,
			      VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, -1);
	if (ret || !status)
		return ret ? ret : intx_serve(w);
	return status == CHANGED8_15 ? 0 : differs(w, status, CHANGED8_15);
}

/* Outputs are wired to inputs, which interrupt when they change. */
static int intx_turn(struct worker *w)
{
	int ret = w->known ? 0 : intx_start(w);

	if (!ret)
		ret = put(w, OUT8_15, w->last ^= 0xff, 1);
	if (!ret)
		ret = intx_serve(w);
	w->known = !ret;
	return ret;
}

/* ---- raw_server's commands: DMA and MSI-X -------------------------------------------- */

static int map_memory(struct worker *w, int again)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = DMA_IOVA, .size = DMA_SIZE,
	};
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = DMA_IOVA,
						    .size = DMA_SIZE };
	int ret = 0;

	if (!again)
		w->memory = mmap(NULL, DMA_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map.vaddr = (uintptr_t)w->memory;
	begin(w);
	if (again)
		ret = xioctl(w->client->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	if (ret >= 0)
		ret = xioctl(w->client->container, VFIO_IOMMU_MAP_DMA, &map);
	return end(w, ret < 0 ? -ret : 0, "mapping");
}

static int command(struct worker *w, uint64_t offset, uint64_t value)
{
	uint64_t result = 0;
	int ret = put(w, offset, value, 8);

	if (!ret)
		ret = get(w, RESULT, &result, 8);
	return ret || !result ? ret : unexpected("command 0x%" PRIx64 " 0x%" PRIx64 ": %s", offset,
						 value, strerror((int)result));
}

static int fill_turn(struct worker *w, uint64_t how)
{
	uint64_t i, size = 0x1000 + next_random(&w->random) % (DMA_SIZE - 0x1000);
	uint32_t seed = (uint32_t)next_random(&w->random);
	int ret = put(w, IOVA, DMA_IOVA, 8);

	if (!ret)
		ret = put(w, SIZE, size, 8);
	if (!ret)
		ret = put(w, SEED, seed, 8);
	if (!ret)
		ret = command(w, DMA, how);
	for (i = 0; !ret && i < size; i++)
		if (w->memory[i] != pattern(seed, i))
			ret = unexpected("byte %" PRIu64 " of %" PRIu64 " was not written", i,
					 size);
	return ret;
}

static int msix_turn(struct worker *w)
{
	int ret = 0;

	if (!w->known) {
		if (w->event > 0)
			close(w->event);
		w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ret = set_irq(w, VFIO_PCI_MSIX_IRQ_INDEX,
			      VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, w->event);
		w->known = !ret;
	}
	drain(w);
	if (!ret)
		ret = command(w, FIRE, VFIO_PCI_MSIX_IRQ_INDEX << 16);
	if (!ret)
		ret = await_irq(w);
	return ret;
}

static int raw_turn(struct worker *w)
{
	int ret = w->memory && w->turns % 8 ? 0 : map_memory(w, !!w->memory);

	w->known = w->known && w->turns % 16;
	if (!ret)
		ret = fill_turn(w, w->turns % 4 ? PIN_FILL : COPY_FILL);
	return ret ? ret : msix_turn(w);
}

/* ---- who does what ------------------------------------------------------------------- */

static const struct job jobs[] = {
	{ "null", "memory", 0, 0x0, memory_turn },
	{ "null", "memory", 0, 0x8, memory_turn },
	{ "null", "memory", 0, 0x10, memory_turn },
	{ "null", "memory", 0, 0x18, memory_turn },
	{ "null", "memory", 0, 0x800, memory_turn },
	{ "null", "memory", 0, 0xff8, memory_turn },
	{ "idio", "pattern", 2, IN0_7, pattern_turn },
	{ "idio", "filter", 2, FILTER0_7, byte_turn },
	{ "idio", "INTx", 2, OUT8_15, intx_turn },
	{ "raw", "device", 0, 0, raw_turn },
	{ "raw", "counter", 0, COUNT, count_turn },
	{ "raw", "counter", 0, COUNT + 8, count_turn },
	{ "raw", "memory", 0, 0x100, memory_turn },
	{ "raw", "memory", 0, 0x108, memory_turn },
	{ "raw", "mapping", 2, 0x1000, mapped_turn },
};

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&all.stop) && !atomic_load(&all.wrong)) {
		if (w->job->turn(w) < 0)
			atomic_fetch_add(&all.wrong, 1);
		w->turns++;
	}
	return NULL;
}

static int engage(struct client *c, const struct job *job)
{
	struct worker *w = &all.workers[all.nr];
	struct vfio_region_info info;
	int ret = region_info(c, job->region, &info, sizeof(info));

	if (ret < 0)
		return ret;
	w->job = job;
	w->client = c;
	w->base = info.offset;
	w->random = seed_of(all.nr);
	all.nr++;
	return -pthread_create(&w->thread, NULL, work, w);
}

static void look_for_hangs(void)
{
	uint64_t since, now;
	unsigned int i;

	for (i = 0; i < all.nr; i++) {
		since = atomic_load(&all.workers[i].since);
		now = now_ns();
		if (!since || now < since + all.hang_ms * 1000000ull)
			continue;
		unexpected("%s: an access hangs", all.workers[i].job->name);
		_exit(1);
	}
}

/* On a kernel that looks after itself all takes longer. */
static int patience(void)
{
	const char *seconds = getenv("TAP_SECONDS");
	int ms = seconds ? atoi(seconds) * 1000 : 0;

	return ms > HANG_MS ? ms : HANG_MS;
}

static int report(void)
{
	printf("good=%" PRIu64 " failed=%" PRIu64 " wrong=%" PRIu64 " flagged=%" PRIu64
	       " twice=%" PRIu64 " skipped=%" PRIu64 " longest=%" PRIu64 "ms\n",
	       all.good, all.failed, all.wrong, all.flagged, all.twice, all.skipped,
	       all.longest / 1000000);
	return all.wrong ? -EPROTO : 0;
}

static int run_endure(struct client *c, int argc, char **argv)
{
	unsigned int i;
	int ret = 0;

	memset(&all, 0, sizeof(all));
	all.hang_ms = patience();
	all.may_fail = !strcmp(argv[1], "fail");
	signal(SIGTERM, enough);
	for (i = 0; i < NR(jobs) && !ret; i++)
		if (!strcmp(jobs[i].device, argv[0]))
			ret = engage(c, &jobs[i]);
	if (!all.nr)
		return ret ? ret : unexpected("no such device: %s", argv[0]);
	while (!ret && !atomic_load(&all.stop) && !atomic_load(&all.wrong)) {
		usleep(100000);
		look_for_hangs();
	}
	atomic_store(&all.stop, 1);
	for (i = 0; i < all.nr; i++)
		pthread_join(all.workers[i].thread, NULL);
	return ret ? ret : report();
}

const struct command endure_commands[] = {
	{ "endure", "null|idio|raw wait|fail: until SIGTERM", 2, run_endure },
	{ 0 },
};
