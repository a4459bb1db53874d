/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * storm.c - see storm.h. The client unmaps meanwhile, and checks that nothing of this reaches
 * memory that it has back.
 */
#include "storm.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../../kmod/uapi/linux/muser.h"

#define PAGE 4096ull
#define WATCH_PAGES 64

struct worker {
	struct storm storm;
	uint64_t random;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static uint64_t below(struct worker *w, uint64_t limit)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (w->random >> 33) % limit;
}

static void fault(const struct storm *s, uint64_t what)
{
	__atomic_store_n(s->faults, what, __ATOMIC_SEQ_CST);
}

/* What may become of memory that comes and goes. */
static int may_fail(int error)
{
	return error == EINVAL || error == EBUSY || error == ENOTCONN || error == EPERM;
}

static void pin(struct worker *w, unsigned long request, uint64_t iova, uint64_t size)
{
	const int is_unpin = request == MUSER_DMA_UNPIN;
	struct muser_dma arg = { .argsz = sizeof(arg), .iova = iova, .size = size,
				 .flags = is_unpin ? 0 : MUSER_DMA_READ |
					  (below(w, 2) ? MUSER_DMA_WRITE : 0) };

	if (ioctl(w->storm.file, request, &arg)) {
		if (is_unpin ? errno != EBUSY : !may_fail(errno))
			fault(&w->storm, 1000 + errno);
		return;
	}
	if (!is_unpin && (arg.iova > iova || arg.iova + arg.size < iova + size))
		fault(&w->storm, 2);
}

static void touch(struct worker *w, uint64_t iova, uint64_t size)
{
	volatile uint8_t *at = w->storm.memory + iova;
	uint64_t i;

	for (i = 0; i < size; i += PAGE) {
		(void)at[i];
		at[i + below(w, PAGE)] = 0xaa;
	}
}

/* The same memory as the client's file, where it is one: mapped for a while, and written to. */
static void map_file(struct worker *w, uint64_t iova, uint64_t size)
{
	struct muser_dma arg = { .argsz = sizeof(arg), .iova = iova, .size = size,
				 .flags = MUSER_DMA_READ | MUSER_DMA_WRITE | MUSER_DMA_FILE };
	volatile uint8_t *at;
	uint64_t i;
	int times;

	if (ioctl(w->storm.file, MUSER_DMA_PIN, &arg) || !(arg.flags & MUSER_DMA_FILE))
		return;
	at = mmap(NULL, arg.size, PROT_READ | PROT_WRITE, MAP_SHARED, w->storm.file,
		  MUSER_MMAP_FILE + arg.iova);
	if (at == MAP_FAILED) {
		if (errno != ENXIO)
			fault(&w->storm, 6000 + errno);
		return;
	}
	for (times = below(w, 20); times >= 0; times--)
		for (i = below(w, PAGE); i < arg.size; i += PAGE)
			at[i] = 0xaa;
	munmap((void *)at, arg.size);
}

static void copy(struct worker *w, uint64_t iova, uint64_t size)
{
	static const uint8_t bytes[3 * PAGE] = { 0xaa, 0xaa };
	uint8_t room[3 * PAGE];
	struct muser_dma_rw arg = { .argsz = sizeof(arg), .iova = iova + below(w, PAGE),
				    .size = 1 + below(w, 2 * PAGE) };

	arg.flags = below(w, 2) ? MUSER_DMA_WRITE : MUSER_DMA_READ;
	arg.addr = arg.flags == MUSER_DMA_WRITE ? (uintptr_t)bytes : (uintptr_t)room;
	if (ioctl(w->storm.file, MUSER_DMA_RW, &arg) && !may_fail(errno))
		fault(&w->storm, 3000 + errno);
	(void)size;
}

static void *storm_run(void *data)
{
	struct worker *w = data;
	const uint64_t end = now_ms() + w->storm.ms, pages = w->storm.size / PAGE;
	uint64_t first, iova, size;

	while (now_ms() < end) {
		first = below(w, pages);
		iova = w->storm.base + first * PAGE;
		size = (1 + below(w, pages - first < 16 ? pages - first : 16)) * PAGE;
		switch (below(w, 6)) {
		case 0:
		case 1: pin(w, MUSER_DMA_PIN, iova, size); break;
		case 2: pin(w, MUSER_DMA_UNPIN, iova, size); break;
		case 3: touch(w, iova, size); break;
		case 4: copy(w, iova, size); break;
		case 5: map_file(w, iova, size); break;
		}
	}
	__atomic_sub_fetch(w->storm.running, 1, __ATOMIC_SEQ_CST);
	free(w);
	return NULL;
}

static void *copies_run(void *data)
{
	struct worker *w = data;
	uint8_t *room = malloc(w->storm.size);
	struct muser_dma_rw arg = { .argsz = sizeof(arg), .flags = MUSER_DMA_READ,
				    .iova = w->storm.base, .size = w->storm.size,
				    .addr = (uintptr_t)room };

	if (!room || ioctl(w->storm.file, MUSER_DMA_RW, &arg))
		fault(&w->storm, 7000 + errno);
	__atomic_sub_fetch(w->storm.running, 1, __ATOMIC_SEQ_CST);
	free(room);
	free(w);
	return NULL;
}

struct pins {
	int file;
	uint64_t iova;
};

static void *pins_run(void *data)
{
	const struct pins *p = data;
	struct muser_dma arg;

	for (;;) {
		arg = (struct muser_dma){ .argsz = sizeof(arg), .flags = MUSER_DMA_READ,
					  .iova = p->iova, .size = PAGE };
		printf("%d\n", ioctl(p->file, MUSER_DMA_PIN, &arg) ? errno : 0);
		fflush(stdout);
		usleep(10000);
	}
	return NULL;
}

/* ---- watching ------------------------------------------------------------------------ */

struct watch {
	const struct storm *storm;
	uint64_t seen[WATCH_PAGES];
};

static uint64_t first_word(const struct watch *w, uint64_t page)
{
	return __atomic_load_n((uint64_t *)(w->storm->memory + page * PAGE), __ATOMIC_SEQ_CST);
}

static int fetch(struct watch *w)
{
	const struct storm *s = w->storm;
	uint64_t bitmap = 0, i;
	struct muser_trap arg = { .argsz = sizeof(arg), .space = 2, .size = s->size,
				  .flags = MUSER_TRAP_FETCH | MUSER_TRAP_ARM,
				  .bitmap = (uintptr_t)&bitmap };

	if (ioctl(s->file, MUSER_MEM_TRAP, &arg))
		return errno;
	for (i = 0; i < s->size / PAGE; i++)
		if (bitmap >> i & 1)
			w->seen[i] = first_word(w, i);
	return 0;
}

static void compare(const struct watch *w)
{
	uint64_t i;

	for (i = 1; i < w->storm->size / PAGE; i++)
		if (first_word(w, i) != w->seen[i])
			fault(w->storm, 5000 + i);
}

static void *watch_run(void *data)
{
	struct worker *worker = data;
	struct watch w = { .storm = &worker->storm };
	struct pollfd fd = { .fd = worker->storm.file, .events = POLLPRI };
	uint64_t i;
	int error = 0;

	/* All of it is armed: what is written from now on is fetched. */
	for (i = 0; i < worker->storm.size / PAGE; i++)
		w.seen[i] = first_word(&w, i);
	while (!error && __atomic_load_n(worker->storm.on, __ATOMIC_SEQ_CST)) {
		if (poll(&fd, 1, 50) > 0)
			error = fetch(&w);
	}
	if (!error)
		error = fetch(&w);
	if (error)
		fault(w.storm, 4000 + error);
	compare(&w);
	__atomic_sub_fetch(worker->storm.running, 1, __ATOMIC_SEQ_CST);
	free(worker);
	return NULL;
}

/* ---- threads ------------------------------------------------------------------------- */

static int detach(void *(*run)(void *), void *data)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run, data);

	return error ? error : pthread_detach(thread);
}

static int start(const struct storm *s, void *(*run)(void *), uint64_t seed)
{
	struct worker *w = calloc(1, sizeof(*w));
	int error;

	if (!w)
		return ENOMEM;
	w->storm = *s;
	w->random = seed;
	__atomic_add_fetch(s->running, 1, __ATOMIC_SEQ_CST);
	error = detach(run, w);
	if (error) {
		__atomic_sub_fetch(s->running, 1, __ATOMIC_SEQ_CST);
		free(w);
	}
	return error;
}

int storm_start(const struct storm *s)
{
	int error = 0, i;

	*s->faults = 0;
	for (i = 0; !error && i < 3; i++)
		error = start(s, storm_run, i + 1);
	return error;
}

int copies_start(const struct storm *s, uint64_t threads)
{
	int error = 0;

	*s->faults = 0;
	while (!error && threads--)
		error = start(s, copies_run, threads);
	return error;
}

int pins_start(int file, uint64_t iova)
{
	static struct pins pins;

	pins = (struct pins){ file, iova };
	return detach(pins_run, &pins);
}

int watch_start(const struct storm *s)
{
	struct muser_trap arg = { .argsz = sizeof(arg), .space = 2, .size = s->size,
				  .flags = MUSER_TRAP_ARM };

	*s->faults = 0;
	if (s->size / PAGE > WATCH_PAGES)
		return E2BIG;
	return ioctl(s->file, MUSER_MEM_TRAP, &arg) ? errno : start(s, watch_run, 1);
}
