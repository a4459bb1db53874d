/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.h - what musctl bench measures: round trips of a vfio-user client, by kind. Knows
 * the client library, no command line and no output.
 */
#ifndef MUSCTL_BENCH_H
#define MUSCTL_BENCH_H

#include <stdint.h>

#include "dev/target.h"

#define BENCH_MAX_COUNT 10000000u
#define BENCH_MAX_DEPTH 4096u

/* What to measure with. */
struct bench {
	lm_client_t *client;
	struct location location; /* what is read, and written with what was read there */
	uint64_t count;           /* requests of a test */
	uint32_t depth;           /* at a time, for those in flight together */
	uint64_t *times;          /* room for count */
	/* of the test that runs */
	uint8_t present[8]; /* what a write puts back */
	int fd;             /* eventfd, or memory for DMA */
	uint32_t irq_index;
};

/* Of one test; times are ns of one request. */
struct bench_result {
	uint64_t requests;
	uint64_t total_ns;
	uint64_t rate;    /* requests a second */
	uint64_t samples; /* 0: nothing but the rate can be known */
	uint64_t min, mean, p50, p90, p99, p999, max;
};

struct bench_test {
	const char *name;
	const char *help;
	/* 0; -EOPNOTSUPP: the server or the device cannot; -errno. Leaves the device as it
	 * was. */
	int (*fn)(struct bench *b, struct bench_result *r);
};

/* Ends with name NULL. */
extern const struct bench_test bench_tests[];

#endif /* MUSCTL_BENCH_H */
