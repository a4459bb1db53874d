/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base.h - words that every file of the library uses.
 */
#ifndef LM_BASE_H
#define LM_BASE_H

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "muser.h"

#define LM_EXPORT                       __attribute__((visibility("default")))
#define likely(x)                       __builtin_expect(!!(x), 1)
#define unlikely(x)                     __builtin_expect(!!(x), 0)
#define NS_PER_MS                       1000000ull
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* True if [off, off + len) does not lie in [0, size): the one bounds check. */
static inline bool out_of_range(uint64_t off, uint64_t len, uint64_t size)
{
	return off > size || len > size - off;
}

/* Do two ranges have a byte in common? Both end below 2^64. */
static inline bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static inline uint64_t at_most(uint64_t n, uint64_t max)
{
	return n < max ? n : max;
}

/* @to: a power of two. */
static inline uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static inline bool all_zero(const void *p, size_t len)
{
	const char *c = p;

	while (len && !*c) {
		c++;
		len--;
	}
	return !len;
}

static inline uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif /* LM_BASE_H */
