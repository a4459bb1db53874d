/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.h - the monotonic clock, for deadlines.
 */
#ifndef MUSCTL_CLOCK_H
#define MUSCTL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline int64_t clock_ms(void)
{
	return (int64_t)(clock_ns() / 1000000);
}

#endif /* MUSCTL_CLOCK_H */
