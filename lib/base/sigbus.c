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
 * A repair must not fail, whatever clients do: the process would die. So it asks for memory
 * that is not reserved, and for one page only, as the rest of the file may be there still.
 * Each such piece takes up to two VMAs, of which a process has vm.max_map_count: pieces are
 * bounded, for a mapping and for all; beyond that, and where there is no room even for one, the
 * mapping is replaced as a whole, which takes none. Where the process as such has too many
 * VMAs, one that is kept for that goes first. What remains is vm.overcommit_memory 2, where
 * nothing is unreserved: pieces are small, and whole mappings may be more than is left.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/sigbus.h"

#define BLOCK_RANGES 64
#define PIECES_RANGE 8u   /* of a mapping: then it is replaced as a whole */
#define PIECES_ALL   512u /* of all mappings of the process */

/* Most blocks have nothing to do with an address: that is seen at once. */
struct sigbus_block {
	_Atomic(uintptr_t) low, high; /* all ranges are between these */
	unsigned int used;
	struct sigbus_range range[BLOCK_RANGES];
	_Atomic(struct sigbus_block *) next;
};

/* Process-wide as signals are. The handler never takes the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct sigbus_block *) blocks;
static struct sigbus_range *free_ranges;
static struct sigaction previous;
static atomic_bool guarded;
static _Atomic(uint32_t) nr_pieces;
static _Atomic(uintptr_t) spare; /* a page that nobody needs; 0: none */

/* ---- the handler ----------------------------------------------------------------- */

/* Marked first: nobody is to see scratch memory that is not. Of the marks the low one first: a
 * reader looks at high, and then at low. The system call itself: what a sanitizer does around it
 * takes mappings of its own. */
static bool range_replace(struct sigbus_range *r, uintptr_t base, uint64_t low, uint64_t len)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
	const uint64_t high = low + len;
	uint64_t old = atomic_load(&r->broken_low);

	while (low < old && !atomic_compare_exchange_weak(&r->broken_low, &old, low))
		;
	old = atomic_load(&r->broken_high);
	while (high > old && !atomic_compare_exchange_weak(&r->broken_high, &old, high))
		;
	return syscall(SYS_mmap, base + low, len, atomic_load(&r->prot), flags, -1, 0) != -1;
}

static bool piece_take(struct sigbus_range *r)
{
	if (atomic_load(&r->pieces) >= PIECES_RANGE)
		return false;
	if (atomic_fetch_add(&nr_pieces, 1) >= PIECES_ALL) {
		atomic_fetch_sub(&nr_pieces, 1);
		return false;
	}
	atomic_fetch_add(&r->pieces, 1);
	return true;
}

static void pieces_give(struct sigbus_range *r)
{
	atomic_fetch_sub(&nr_pieces, atomic_exchange(&r->pieces, 0));
}

static bool range_replace_all(struct sigbus_range *r, uintptr_t base)
{
	const uint64_t length = atomic_load(&r->length);
	bool done = range_replace(r, base, 0, length);
	uintptr_t given;

	if (!done) {
		given = atomic_exchange(&spare, 0);
		if (given)
			syscall(SYS_munmap, given, 1);
		done = range_replace(r, base, 0, length);
	}
	if (done)
		pieces_give(r);
	return done;
}

/* One range: one page of the file is replaced, or else all. False: @addr is not in it. */
static bool range_try(struct sigbus_range *r, uintptr_t addr)
{
	const uint32_t seq = atomic_load(&r->seq);
	const uintptr_t base = atomic_load(&r->base);
	const uint64_t length = atomic_load(&r->length), granule = atomic_load(&r->granule);
	const uint64_t off = (addr - base) & ~(granule - 1);

	/* A range that changes is not that of a live mapping, which has just faulted. */
	if (!base || addr < base || addr - base >= length || seq % 2 || atomic_load(&r->seq) != seq)
		return false;
	if (piece_take(r) && range_replace(r, base, off, granule))
		return true;
	return range_replace_all(r, base) || range_replace(r, base, off, granule);
}

static bool repair(uintptr_t addr)
{
	struct sigbus_block *b;
	unsigned int i;

	for (b = atomic_load(&blocks); b; b = atomic_load(&b->next)) {
		if (addr < atomic_load(&b->low) || addr >= atomic_load(&b->high))
			continue;
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

	if (si->si_code <= 0 || si->si_code == BUS_MCEERR_AO || !repair((uintptr_t)si->si_addr))
		chain(sig, si, context);
	errno = saved;
}

/* Shared memory is no one VMA with its neighbours, whatever they are. The caller locks. */
static void spare_keep(void)
{
	void *p;

	if (atomic_load(&spare) || !atomic_load(&guarded))
		return;
	p = mmap(NULL, 1, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED)
		atomic_store(&spare, (uintptr_t)p);
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
	spare_keep();
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
	struct sigbus_block *b = calloc(1, sizeof(*b));
	unsigned int i;

	if (!b)
		return -ENOMEM;
	for (i = 0; i < BLOCK_RANGES; i++) {
		b->range[i].block = b;
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
	atomic_store(&r->broken_high, 0);
	atomic_store(&r->broken_low, UINT64_MAX);
	atomic_fetch_add(&r->seq, 1);
}

int sigbus_add(void *base, uint64_t length, uint64_t granule, int prot, struct sigbus_range **range)
{
	const uintptr_t low = (uintptr_t)base, high = low + length;
	struct sigbus_range *r;
	int ret = 0;

	pthread_mutex_lock(&lock);
	spare_keep();
	if (!free_ranges)
		ret = block_add();
	r = free_ranges;
	if (!ret) {
		free_ranges = r->next_free;
		atomic_store(&r->granule, granule);
		atomic_store(&r->prot, prot);
		/* The block is widened before the range comes, and emptied after it has gone. */
		if (!r->block->used++ || low < atomic_load(&r->block->low))
			atomic_store(&r->block->low, low);
		if (high > atomic_load(&r->block->high))
			atomic_store(&r->block->high, high);
		range_set(r, low, length);
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
	if (!--range->block->used)
		atomic_store(&range->block->high, 0);
	pieces_give(range);
	range->next_free = free_ranges;
	free_ranges = range;
	pthread_mutex_unlock(&lock);
}
