/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sigbus.c - survive a client that truncates the memory it shared.
 *
 * Owns the process-wide SIGBUS handler, installed on demand only, and the list of
 * mappings that it may repair. The handler takes no lock and allocates nothing: ranges
 * live in blocks that are never freed, each guarded by a sequence count. A fault inside a
 * range gets anonymous memory there and marks the range broken; any other SIGBUS goes to
 * the handler that was there before.
 *
 * Every repair of a mapping covers twice as much as the one before, so that even a
 * hostile order of faults splits it into few pieces (vm.max_map_count).
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dma.h"

#define BLOCK_RANGES 64

struct block {
	struct sigbus_range    range[BLOCK_RANGES];
	_Atomic(struct block *) next;
};

/* Process-wide as signals are. The handler never takes the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct block *) blocks;
static struct sigbus_range *free_ranges;
static struct sigaction previous;
static atomic_bool guarded;

/* ---- the handler ----------------------------------------------------------------- */

/* Low first: a reader looks at high, and then at low. */
static void broken_extend(struct sigbus_range *r, uint64_t low, uint64_t high)
{
	uint64_t old = atomic_load(&r->broken_low);

	while (low < old && !atomic_compare_exchange_weak(&r->broken_low, &old, low))
		;
	old = atomic_load(&r->broken_high);
	while (high > old && !atomic_compare_exchange_weak(&r->broken_high, &old, high))
		;
}

static bool range_replace(struct sigbus_range *r, uintptr_t base, uint64_t off,
			  uint64_t len)
{
	void *p = mmap((void *)(base + off), len, atomic_load(&r->prot),
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		return false;
	broken_extend(r, off, off + len);
	return true;
}

/* Anonymous memory for @off and more; for all, if the kernel has no room for a piece. */
static bool range_repair(struct sigbus_range *r, uintptr_t base, uint64_t off)
{
	const uint64_t granule = atomic_load(&r->granule);
	const uint64_t length = atomic_load(&r->length);
	const uint32_t repairs = atomic_fetch_add(&r->repairs, 1);
	uint64_t len = granule << (repairs < 24 ? repairs : 24);

	off &= ~(granule - 1);
	if (out_of_range(off, len, length))
		len = length - off;
	return range_replace(r, base, off, len) || range_replace(r, base, 0, length);
}

/* One range; false: @addr is not in it. */
static bool range_try(struct sigbus_range *r, uintptr_t addr)
{
	const uint32_t seq = atomic_load(&r->seq);
	const uintptr_t base = atomic_load(&r->base);
	const uint64_t length = atomic_load(&r->length);

	/* A range that changes is not that of a live mapping, which has just faulted. */
	if (!base || addr < base || addr - base >= length || seq % 2 ||
	    atomic_load(&r->seq) != seq)
		return false;
	return range_repair(r, base, addr - base);
}

static bool repair(uintptr_t addr)
{
	struct block *b;
	unsigned int i;

	for (b = atomic_load(&blocks); b; b = atomic_load(&b->next)) {
		for (i = 0; i < BLOCK_RANGES; i++) {
			if (range_try(&b->range[i], addr))
				return true;
		}
	}
	return false;
}

/* Not ours. Without a handler a fault kills: back to the default, and once more. */
static void chain(int sig, siginfo_t *si, void *context)
{
	const bool sent = si->si_code <= 0;

	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(sig, si, context);
	} else if (previous.sa_handler == SIG_IGN && sent) {
		return;
	} else if (previous.sa_handler == SIG_IGN || previous.sa_handler == SIG_DFL) {
		const struct sigaction dfl = { .sa_handler = SIG_DFL };

		sigaction(sig, &dfl, NULL);
		if (sent)
			raise(sig);
	} else {
		previous.sa_handler(sig);
	}
}

/* Only what the faulting instruction itself caused has an address that we may act on. */
static void handler(int sig, siginfo_t *si, void *context)
{
	const int saved = errno;

	if (si->si_code <= 0 || si->si_code == BUS_MCEERR_AO ||
	    !repair((uintptr_t)si->si_addr))
		chain(sig, si, context);
	errno = saved;
}

LM_EXPORT int lm_sigbus_guard(void)
{
	struct sigaction sa = { .sa_sigaction = handler };
	int ret = 0;

	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	sigemptyset(&sa.sa_mask);
	pthread_mutex_lock(&lock);
	/* A second handler would have itself for its predecessor. */
	if (!atomic_load(&guarded)) {
		ret = sigaction(SIGBUS, NULL, &previous) ? -errno : 0;
		if (!ret && sigaction(SIGBUS, &sa, NULL))
			ret = -errno;
		atomic_store(&guarded, !ret);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

bool sigbus_is_guarded(void)
{
	return atomic_load(&guarded);
}

/* ---- the list -------------------------------------------------------------------- */

static int block_add(void)
{
	struct block *b = calloc(1, sizeof(*b));
	unsigned int i;

	if (!b)
		return -ENOMEM;
	for (i = 0; i < BLOCK_RANGES; i++) {
		b->range[i].next_free = free_ranges;
		free_ranges = &b->range[i];
	}
	atomic_store(&b->next, atomic_load(&blocks));
	atomic_store(&blocks, b);
	return 0;
}

static void range_set(struct sigbus_range *r, uintptr_t base, uint64_t length)
{
	atomic_fetch_add(&r->seq, 1);
	atomic_store(&r->base, base);
	atomic_store(&r->length, length);
	atomic_store(&r->repairs, 0);
	atomic_store(&r->broken_high, 0);
	atomic_store(&r->broken_low, UINT64_MAX);
	atomic_fetch_add(&r->seq, 1);
}

int sigbus_add(void *base, uint64_t length, uint64_t granule, int prot,
	       struct sigbus_range **range)
{
	struct sigbus_range *r;
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (!free_ranges)
		ret = block_add();
	r = free_ranges;
	if (!ret) {
		free_ranges = r->next_free;
		atomic_store(&r->granule, granule);
		atomic_store(&r->prot, prot);
		range_set(r, (uintptr_t)base, length);
		*range = r;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

void sigbus_remove(struct sigbus_range *range)
{
	if (!range)
		return;
	pthread_mutex_lock(&lock);
	range_set(range, 0, 0);
	range->next_free = free_ranges;
	free_ranges = range;
	pthread_mutex_unlock(&lock);
}
