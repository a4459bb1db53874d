/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * storm.c - many threads that map and unmap memory, or write to mapped regions, at once.
 *
 * Memory that was unmapped is the client's alone: what is stored there afterwards must stay,
 * whatever the server is doing.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

#define MAX_THREADS 32
#define PAGE 4096ull

struct storm {
	struct client *client;
	uint64_t base, size, deadline_ms;
	char *region;
	unsigned int threads;
	uint64_t pages, stride; /* a rush */
	pthread_barrier_t barrier;
	_Atomic uint64_t rounds, wrong, longest_ms;
};

struct worker {
	pthread_t thread;
	struct storm *storm;
	uint64_t random;
	unsigned int nr;
};

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static unsigned int below(struct worker *w, unsigned int limit)
{
	return next_random(&w->random) % limit;
}

static void wrong(struct worker *w, const char *what, int error)
{
	atomic_fetch_add(&w->storm->wrong, 1);
	unexpected("%s: %s", what, strerror(error));
}

/* ---- memory -------------------------------------------------------------------------- */

static char *new_memory(struct worker *w, uint64_t size)
{
	char *memory;
	int fd;

	if (below(w, 2)) {
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);
	} else {
		fd = memfd_create("storm", MFD_CLOEXEC);
		memory = fd < 0 || ftruncate(fd, size) ? MAP_FAILED :
			 mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	return memory == MAP_FAILED ? NULL : memory;
}

static int map(struct worker *w, uint64_t iova, char *memory, uint64_t size)
{
	const struct memory m = { .address = memory, .iova = iova, .size = size };

	return memory_map(w->storm->client, &m, MEMORY_RW);
}

static int unmap(struct worker *w, uint64_t iova, uint64_t size)
{
	const uint64_t before = now_ms();
	const int64_t ret = memory_unmap(w->storm->client, iova, size);
	const uint64_t took = now_ms() - before;

	if (took > atomic_load(&w->storm->longest_ms))
		atomic_store(&w->storm->longest_ms, took);
	return ret < 0 ? (int)ret : ret == (int64_t)size ? 0 : -ENOENT;
}

static void check_mine(struct worker *w, char *memory, uint64_t size)
{
	memset(memory, 0x55, size);
	usleep(below(w, 2000));
	for (; size--; memory++) {
		if (*memory != 0x55) {
			wrong(w, "memory was written after it was unmapped", EILSEQ);
			return;
		}
	}
}

/* Two mappings side by side, unmapped by one call. */
static int memory_round(struct worker *w, uint64_t slice)
{
	const uint64_t size = (2 + below(w, slice / PAGE - 1)) * PAGE;
	const uint64_t half = size / 2 & ~(PAGE - 1);
	const uint64_t iova = w->storm->base + w->nr * slice + slice - size;
	char *memory = new_memory(w, size);
	int ret;

	if (!memory)
		return -ENOMEM;
	ret = map(w, iova, memory, half);
	if (ret >= 0)
		ret = map(w, iova + half, memory + half, size - half);
	if (ret < 0)
		return ret;
	usleep(below(w, 5000));
	ret = unmap(w, iova, size);
	if (!ret)
		check_mine(w, memory, size);
	munmap(memory, size);
	return ret;
}

static void *memory_run(void *data)
{
	struct worker *w = data;
	const uint64_t slice = w->storm->size / w->storm->threads & ~(PAGE - 1);
	int ret = 0;

	while (!ret && now_ms() < w->storm->deadline_ms) {
		ret = memory_round(w, slice);
		atomic_fetch_add(&w->storm->rounds, 1);
	}
	if (ret)
		wrong(w, "mapping and unmapping", -ret);
	return NULL;
}

/* The first thread unmaps all of the memory, each other one a page elsewhere, at once. */
static void *rush_run(void *data)
{
	struct worker *w = data;
	const struct storm *s = w->storm;
	int ret;

	pthread_barrier_wait(&w->storm->barrier);
	if (w->nr)
		ret = unmap(w, s->pages + (w->nr - 1) * s->stride, PAGE);
	else
		ret = unmap(w, s->base, s->size);
	if (ret)
		wrong(w, "unmapping", -ret);
	atomic_fetch_add(&w->storm->rounds, 1);
	return NULL;
}

/* ---- a mapped region ----------------------------------------------------------------- */

/* Each thread has pages of its own: their first words count up. */
static void *region_run(void *data)
{
	struct worker *w = data;
	const unsigned int pages = w->storm->size / PAGE / w->storm->threads;
	volatile uint64_t *at;

	while (now_ms() < w->storm->deadline_ms) {
		at = (uint64_t *)(w->storm->region +
				  (w->nr + below(w, pages) * w->storm->threads) * PAGE);
		++*at;
		if (!below(w, 16))
			usleep(below(w, 3000));
		atomic_fetch_add(&w->storm->rounds, 1);
	}
	return NULL;
}

/* ---- commands ------------------------------------------------------------------------ */

static int run_threads(struct storm *s, void *(*run)(void *))
{
	struct worker workers[MAX_THREADS] = { 0 };
	unsigned int i;

	for (i = 0; i < s->threads; i++) {
		workers[i] = (struct worker){ .storm = s, .nr = i, .random = seed_of(i) };
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]))
			return -EAGAIN;
	}
	for (i = 0; i < s->threads; i++)
		pthread_join(workers[i].thread, NULL);
	printf("%" PRIu64 " rounds", atomic_load(&s->rounds));
	if (atomic_load(&s->longest_ms))
		printf(", longest unmap %" PRIu64 " ms", atomic_load(&s->longest_ms));
	printf("\n");
	return atomic_load(&s->wrong) ? -EPROTO : 0;
}

static int run_dma_storm(struct client *c, int argc, char **argv)
{
	struct storm s = { .client = c };
	uint64_t threads, ms;

	if (number(argv[0], &threads) || number(argv[1], &ms) || number(argv[2], &s.base) ||
	    number(argv[3], &s.size) || !threads || threads > MAX_THREADS ||
	    s.size / threads < 4 * PAGE)
		return -EPROTO;
	s.threads = threads;
	s.deadline_ms = now_ms() + ms;
	return run_threads(&s, memory_run);
}

static int run_rush(struct client *c, int argc, char **argv)
{
	struct storm s = { .client = c };
	uint64_t pages;

	if (number(argv[0], &s.base) || number(argv[1], &s.size) || number(argv[2], &s.pages) ||
	    number(argv[3], &pages) || number(argv[4], &s.stride) || pages >= MAX_THREADS)
		return -EPROTO;
	s.threads = pages + 1;
	s.stride *= PAGE;
	pthread_barrier_init(&s.barrier, NULL, s.threads);
	return run_threads(&s, rush_run);
}

static int run_write_storm(struct client *c, int argc, char **argv)
{
	struct storm s = { .client = c };
	uint64_t threads, ms;
	uint32_t index;

	if (number(argv[0], &threads) || number(argv[1], &ms) || region_index(argv[2], &index) ||
	    index >= MAX_REGIONS || !c->mapping[index].address || !threads ||
	    threads > MAX_THREADS)
		return -EPROTO;
	s.region = c->mapping[index].address;
	s.size = c->mapping[index].size;
	s.threads = threads;
	s.deadline_ms = now_ms() + ms;
	return s.size / PAGE < threads ? -EPROTO : run_threads(&s, region_run);
}

const struct command storm_commands[] = {
	{ "dmastorm", "THREADS MS IOVA SIZE: map and unmap; prints how often", 4, run_dma_storm },
	{ "rush", "IOVA SIZE PAGES COUNT STRIDE: unmap it and each of these at once", 5, run_rush },
	{ "writestorm", "THREADS MS REGION: to its mapping", 3, run_write_storm },
	{ 0 },
};
