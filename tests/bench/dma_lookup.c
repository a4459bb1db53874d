/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_lookup.c - what the DMA map costs: a lookup with lm_map_sg() and lm_unmap_sg(), a
 * window that comes and goes, the memory of a window. In process, no client; prints "NAME
 * VALUE UNIT" lines, nanoseconds being the best of several rounds (the machine is
 * shared).
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "dma/dma.h"
#include "wire/host.h"

#define PAGE       4096ull
#define QUERIES    (1u << 18)
#define ROUNDS     7
#define MANY       1000000u
#define FILE_PAGES 4096u

static struct lm_ctx ctx;
static uint64_t addrs[QUERIES];
static uint64_t random_state = 88172645463325252ull;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void fail(const char *what, int ret)
{
	fprintf(stderr, "dma_lookup: %s: %d\n", what, ret);
	exit(1);
}

static uint64_t resident(void)
{
	unsigned long size, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%lu %lu", &size, &rss) != 2)
		fail("statm", errno);
	fclose(f);
	return rss * PAGE;
}

static int file_new(void)
{
	const int fd = memfd_create("dma", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		fail("memfd", errno);
	return fd;
}

/* Windows do not touch, so that each is found by itself. */
static uint64_t addr_of(uint64_t i)
{
	return (i + 1) * 2 * PAGE;
}

static void map_one(uint64_t i, int fd)
{
	const struct dma_window w = {
		.addr = addr_of(i),
		.size = PAGE,
		.offset = i % FILE_PAGES * PAGE,
		.prot = PROT_READ | PROT_WRITE,
		.fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3),
	};
	const int ret = dma_map(&ctx, &w);

	if (ret)
		fail("map", ret);
}

static void unmap_one(uint64_t i)
{
	const int ret = dma_unmap(&ctx, addr_of(i), PAGE, false);

	if (ret)
		fail("unmap", ret);
}

static double query_round(void)
{
	const uint64_t start = now_ns();
	struct iovec iov;
	dma_sg_t sg;
	uint32_t i;

	for (i = 0; i < QUERIES; i++) {
		if (lm_addr_to_sg(&ctx, addrs[i], 64, &sg, 1) != 1 ||
		    lm_map_sg(&ctx, PROT_READ | PROT_WRITE, &sg, &iov, 1))
			fail("lookup", 0);
		lm_unmap_sg(&ctx, &sg, &iov, 1);
	}
	return (double)(now_ns() - start) / QUERIES;
}

static void report_queries(const char *name)
{
	double best = 1e9;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		const double ns = query_round();

		best = ns < best ? ns : best;
	}
	printf("%s %.1f ns\n", name, best);
}

static void bench_lookup(uint32_t windows, const char *name)
{
	const int fd = file_new();
	char label[64];
	uint32_t i;

	for (i = 0; i < windows; i++)
		map_one(i, fd);
	for (i = 0; i < QUERIES; i++)
		addrs[i] = addr_of(random_next() % windows) + 128;
	snprintf(label, sizeof(label), "dma_lookup_random_%s", name);
	report_queries(label);
	for (i = 0; i < QUERIES; i++)
		addrs[i] = addr_of(i % windows);
	snprintf(label, sizeof(label), "dma_lookup_next_%s", name);
	report_queries(label);
	for (i = 0; i < QUERIES; i++)
		addrs[i] = addr_of(windows / 2) + i % 4000;
	snprintf(label, sizeof(label), "dma_lookup_last_%s", name);
	report_queries(label);
	dma_disconnect(&ctx);
	close(fd);
}

/* A client's descriptor comes with its message: what the copy costs is not ours. */
static uint64_t dup_ns(int fd)
{
	static int copy[MANY / 1000];
	uint64_t ns = 0, start;
	unsigned int i, round;

	for (round = 0; fd >= 0 && round < 100; round++) {
		start = now_ns();
		for (i = 0; i < LM_NR(copy); i++)
			copy[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		ns += now_ns() - start;
		for (i = 0; i < LM_NR(copy); i++)
			close(copy[i]);
	}
	return ns * (MANY / LM_NR(copy) / 100);
}

static void report_each(const char *what, const char *name, uint64_t ns)
{
	printf("dma_%s_%s %.0f ns\n", what, name, (double)ns / MANY);
}

static double per_window(uint64_t bytes)
{
	return (double)bytes / MANY;
}

/* @step: in which order the windows come and go; odd, so that each comes once. */
static void bench_windows(int fd, uint64_t step, const char *name)
{
	const uint64_t rss = resident(), heap = mallinfo2().uordblks + mallinfo2().hblkhd;
	uint64_t start, i;

	start = now_ns();
	for (i = 0; i < MANY; i++)
		map_one(i * step % MANY, fd);
	report_each("map", name, now_ns() - start - dup_ns(fd));
	printf("dma_window_heap_%s %.1f bytes\n", name,
	       per_window(mallinfo2().uordblks + mallinfo2().hblkhd - heap));
	printf("dma_window_rss_%s %.1f bytes\n", name, per_window(resident() - rss));
	start = now_ns();
	for (i = 0; i < MANY; i++)
		unmap_one(i * step % MANY);
	report_each("unmap", name, now_ns() - start);
	malloc_trim(0);
}

int main(void)
{
	int fd;

	ctx.host = &socket_host;
	if (dma_new(&ctx))
		fail("no memory", 0);
	bench_lookup(4, "4");
	bench_lookup(256, "256");
	bench_lookup(65536, "65536");
	bench_lookup(MANY, "1000000");
	malloc_trim(0);
	fd = file_new();
	bench_windows(fd, 1, "file");
	bench_windows(fd, 618033, "file_random");
	bench_windows(-1, 1, "message");
	bench_windows(-1, MANY - 1, "message_descending");
	bench_windows(-1, 618033, "message_random");
	dma_free(&ctx);
	close(fd);
	return 0;
}
