/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * victim.c - a client with an honest server (raw_server), which others may not disturb: what it
 * does again and again must succeed, with the right bytes, and it says how long that took at most.
 *
 * Two threads of it ask each other meanwhile, and know of no device: for as long as they wait at
 * most, nobody else is to blame. Refuses to say how long is too long.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

#define BASE  0x1000000ull
#define SIZE  0x2000ull
#define ROOMS 16 /* one after the other is mapped */

/* Words and DMA commands of raw_server's BAR0. */
enum { WORD = 0x80, DMA_IOVA = 0xf08, DMA_SIZE = 0xf10, DMA_SEED = 0xf18, DMA = 0xf20,
       RESULT = 0xf38 };
enum { PIN = 1, UNPIN = 3, MAP_FILL = 4, MAP_CHECK = 5, COPY_FILL = 6, COPY_CHECK = 7 };

enum what { ACCESS, DMA_COMMAND, MAP, UNMAP, OPEN, NR_WHAT };

static const char *const names[NR_WHAT] = { "access", "dma", "map", "unmap", "open" };

struct victim {
	struct client *client;
	uint8_t *memory;
	uint64_t iova, random, rounds, began;
	uint64_t longest[NR_WHAT];
};

/* ---- bystanders ---------------------------------------------------------------------- */

struct bystanders {
	pthread_t asks, answers;
	int sockets[2];
	uint64_t longest;
};

static void *answer(void *arg)
{
	struct bystanders *b = arg;
	char byte;

	while (read(b->sockets[1], &byte, 1) == 1 && write(b->sockets[1], &byte, 1) == 1)
		;
	return NULL;
}

static void *ask(void *arg)
{
	struct bystanders *b = arg;
	uint64_t began;
	char byte = 0;

	for (;;) {
		began = now_ns();
		if (write(b->sockets[0], &byte, 1) != 1 || read(b->sockets[0], &byte, 1) != 1)
			return NULL;
		if (now_ns() - began > b->longest)
			b->longest = now_ns() - began;
		poll(NULL, 0, 1);
	}
}

static int bystanders_start(struct bystanders *b)
{
	int error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b->sockets))
		return -errno;
	error = pthread_create(&b->answers, NULL, answer, b);
	return -(error ? error : pthread_create(&b->asks, NULL, ask, b));
}

static void bystanders_stop(struct bystanders *b)
{
	shutdown(b->sockets[0], SHUT_RDWR);
	pthread_join(b->asks, NULL);
	pthread_join(b->answers, NULL);
	close(b->sockets[0]);
	close(b->sockets[1]);
}

/* ---- operations ---------------------------------------------------------------------- */

/* One system call: begin(), the call, and what it returned. */
static void begin(struct victim *v)
{
	v->began = now_ns();
}

static int end(struct victim *v, enum what what, int ret)
{
	const uint64_t took = now_ns() - v->began;

	if (took > v->longest[what])
		v->longest[what] = took;
	if (ret >= 0)
		return 0;
	fprintf(stderr, "victim: round %llu: %s: %s after %llu ms\n",
		(unsigned long long)v->rounds, names[what], strerror(-ret),
		(unsigned long long)took / 1000000);
	return ret;
}

static int put(struct victim *v, enum what what, uint64_t offset, uint64_t value)
{
	begin(v);
	return end(v, what, region_write(v->client, 0, offset, &value, sizeof(value)));
}

static int get(struct victim *v, uint64_t offset, uint64_t wanted)
{
	uint64_t value;
	int ret;

	begin(v);
	ret = end(v, ACCESS, region_read(v->client, 0, offset, &value, sizeof(value)));
	if (ret || value == wanted)
		return ret;
	return unexpected("round %llu: 0x%llx is 0x%llx, not 0x%llx",
			  (unsigned long long)v->rounds, (unsigned long long)offset,
			  (unsigned long long)value, (unsigned long long)wanted);
}

/* ---- steps, each 0 or an error ------------------------------------------------------- */

static int use_registers(struct victim *v)
{
	const uint64_t value = next_random(&v->random), offset = WORD + value % 64 * 8;
	int ret = put(v, ACCESS, offset, value);

	return ret ? ret : get(v, offset, value);
}

static int dma(struct victim *v, uint64_t command, uint64_t seed)
{
	int ret = put(v, ACCESS, DMA_IOVA, v->iova);

	ret = ret ? ret : put(v, ACCESS, DMA_SIZE, SIZE);
	ret = ret ? ret : put(v, ACCESS, DMA_SEED, seed);
	ret = ret ? ret : put(v, DMA_COMMAND, DMA, command);
	return ret ? ret : get(v, RESULT, 0);
}

static int has(struct victim *v, uint32_t seed)
{
	uint64_t i;

	for (i = 0; i < SIZE; i++)
		if (v->memory[i] != pattern(seed, i))
			return unexpected("round %llu: byte 0x%llx is wrong",
					  (unsigned long long)v->rounds, (unsigned long long)i);
	return 0;
}

/* What the server writes in this way or that is there, and what is there it reads. */
static int transfer(struct victim *v, uint64_t fill, uint64_t check)
{
	const uint32_t seed = next_random(&v->random);
	int ret = dma(v, fill, seed);

	ret = ret ? ret : has(v, seed);
	return ret ? ret : dma(v, check, seed);
}

static int map(struct victim *v)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)v->memory, .iova = v->iova, .size = SIZE,
	};

	begin(v);
	return end(v, MAP, xioctl(v->client->container, VFIO_IOMMU_MAP_DMA, &map));
}

static int unmap(struct victim *v)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = v->iova,
						    .size = SIZE };

	begin(v);
	return end(v, UNMAP, xioctl(v->client->container, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

static int use_memory(struct victim *v)
{
	int ret;

	v->iova = BASE + v->rounds % ROOMS * SIZE;
	ret = map(v);
	ret = ret ? ret : transfer(v, COPY_FILL, COPY_CHECK);
	ret = ret ? ret : dma(v, PIN, 0);
	ret = ret ? ret : transfer(v, MAP_FILL, MAP_CHECK);
	if (v->rounds % 2)
		ret = ret ? ret : dma(v, UNPIN, 0);
	return ret ? ret : unmap(v);
}

/* As a guest's restart. */
static int reopen(struct victim *v)
{
	close(v->client->device);
	begin(v);
	v->client->device = device_get(v->client, v->client->uuid);
	return end(v, OPEN, v->client->device);
}

static int go_round(struct victim *v)
{
	int ret = use_registers(v);

	ret = ret ? ret : use_memory(v);
	if (!ret && v->rounds % 64 == 63)
		ret = reopen(v);
	v->rounds++;
	return ret;
}

static void report(const struct victim *v, const struct bystanders *b)
{
	uint64_t longest = 0;
	int i;

	for (i = 0; i < NR_WHAT; i++)
		longest = v->longest[i] > longest ? v->longest[i] : longest;
	printf("longest_ms=%llu bystanders_ms=%llu rounds=%llu",
	       (unsigned long long)longest / 1000000, (unsigned long long)b->longest / 1000000,
	       (unsigned long long)v->rounds);
	for (i = 0; i < NR_WHAT; i++)
		printf(" %s=%llu", names[i], (unsigned long long)v->longest[i] / 1000000);
	printf("\n");
}

static int run_victim(struct client *c, int argc, char **argv)
{
	struct victim v = { .client = c, .random = seed_of(0) };
	struct bystanders b = { 0 };
	uint64_t seconds, until;
	int ret;

	if (number(argv[0], &seconds))
		return -EPROTO;
	v.memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v.memory == MAP_FAILED)
		return -errno;
	ret = bystanders_start(&b);
	until = now_ns() + seconds * 1000000000;
	while (!ret && now_ns() < until) {
		ret = go_round(&v);
		poll(NULL, 0, v.random % 16);
	}
	bystanders_stop(&b);
	report(&v, &b);
	munmap(v.memory, SIZE);
	return ret;
}

const struct command victim_commands[] = {
	{ "victim", "SECONDS: what may not fail; how long it took at most", 1, run_victim },
	{ 0 },
};
