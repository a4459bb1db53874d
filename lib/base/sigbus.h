/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sigbus.h - files that shrink under their mapping.
 */
#ifndef LM_SIGBUS_H
#define LM_SIGBUS_H

#include <stdatomic.h>

#include "base/base.h"

/* A mapping that the handler may repair. Offsets count from its start. */
struct sigbus_range {
	_Atomic(uint32_t) seq;   /* odd: being changed */
	_Atomic(uintptr_t) base; /* 0: free */
	_Atomic(uint64_t) length;
	_Atomic(uint64_t) granule; /* page size of the file; length is a multiple */
	_Atomic(int) prot;
	_Atomic(uint32_t) pieces;      /* repaired one by one */
	_Atomic(uint64_t) broken_low;  /* scratch pages are between these; */
	_Atomic(uint64_t) broken_high; /* 0: there are none */
	struct sigbus_range *next_free;
	struct sigbus_block *block;
};

bool sigbus_is_guarded(void); /* lm_sigbus_guard() was called */
int sigbus_add(void *base, uint64_t length, uint64_t granule, int prot,
	       struct sigbus_range **range);
void sigbus_remove(struct sigbus_range *range); /* before munmap(2); NULL: nothing */

/* Some of [off, off + len) is scratch memory. @r NULL: not guarded. */
static inline bool sigbus_is_broken(const struct sigbus_range *r, uint64_t off, uint64_t len)
{
	uint64_t high;

	if (likely(!r))
		return false;
	high = atomic_load_explicit(&r->broken_high, memory_order_acquire);
	return unlikely(high) && off < high &&
	       off + len > atomic_load_explicit(&r->broken_low, memory_order_relaxed);
}

#endif /* LM_SIGBUS_H */
