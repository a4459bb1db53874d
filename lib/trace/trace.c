/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.c - the writer of the trace ring.
 *
 * The ring is a memfd, there while somebody traces. It is mapped for writing, then
 * sealed so that nobody else can change it; tracers keep their own cursors, a slow one
 * only loses.
 *
 * Writers: a spin lock, because lm_irq_trigger() comes from any thread. Taking it is
 * the only locked instruction of a record: 20 ns a record with the clock, 12 without
 * the lock. A fetch-and-add of the head costs the same, but then a delayed writer can
 * spoil a later record in its slot; a mutex costs 35. Slots are seqlocks, so readers
 * need no lock.
 *
 * Sleepers: a tracer sets its armed word, waits a moment, and looks at the head once more; we
 * publish the head, then look at the word. The moment is longer than a store can stay unseen, so
 * one of us sees the other, and the writer needs no barrier: it writes often, they sleep seldom.
 *
 * Seccomp: memfd_create, ftruncate, prlimit64, fcntl, fstatfs, poll, sched_yield, nanosleep.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/eventfd.h"
#include "base/memfd.h"
#include "trace/trace.h"

#define DATA_OFFSET  4096u
#define RING_SIZE    (DATA_OFFSET + TRACE_SLOTS * sizeof(struct lm_trace_record))
#define RING_SEALS   (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define ARMED_SIZE   4096u
#define RECORD_WORDS (sizeof(struct lm_trace_record) / sizeof(uint64_t))
#define SPINS        64

_Static_assert(sizeof(struct lm_trace_record) == 64, "one cache line");
_Static_assert(offsetof(struct lm_trace_record, sequence) == 0, "the seqlock is first");
_Static_assert(offsetof(struct lm_trace_header, head) == 128, "a cache line of its own");
_Static_assert(offsetof(struct lm_trace_header, begun) == 192, "an ABI");
_Static_assert(sizeof(struct lm_trace_header) <= DATA_OFFSET, "slots come after it");
_Static_assert((TRACE_SLOTS & (TRACE_SLOTS - 1)) == 0, "slots are found by a mask");

typedef _Atomic(uint64_t) slot_word;
typedef uint64_t __attribute__((may_alias)) record_word;

struct tracer {
	struct tracer *next;
	_Atomic(uint32_t) *armed; /* a page that the tracer can write */
	int eventfd;
};

/* There until the context ends: a thread that crosses may come late. */
struct trace {
	atomic_bool locked;
	uint64_t head;
	struct lm_trace_header *header; /* the mapping; NULL: nobody traces */
	slot_word *slots;
	struct tracer *tracers;
	int fd;
};

/* ---- the ring ------------------------------------------------------------------- */

/* Whoever holds the lock may have been preempted, even by us at a higher priority. */
static void trace_lock_slow(struct trace *t)
{
	const struct timespec nap = { .tv_nsec = 20000 };
	unsigned int i = 0;

	do {
		if (++i % SPINS == 0 && i < 4 * SPINS)
			sched_yield();
		else if (i % SPINS == 0)
			nanosleep(&nap, NULL);
	} while (atomic_exchange_explicit(&t->locked, true, memory_order_acquire));
}

static inline void trace_lock(struct trace *t)
{
	if (unlikely(atomic_exchange_explicit(&t->locked, true, memory_order_acquire)))
		trace_lock_slow(t);
}

static inline void trace_unlock(struct trace *t)
{
	atomic_store_explicit(&t->locked, false, memory_order_release);
}

static int ring_new(struct trace *t)
{
	struct lm_trace_header *h;
	int ret;

	t->fd = memfd_sized("muser-trace", RING_SIZE);
	if (t->fd < 0)
		return t->fd;
	h = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	/* Only now: a mapping made before the seal still writes, none made after it does. */
	if (h == MAP_FAILED || fcntl(t->fd, F_ADD_SEALS, RING_SEALS)) {
		ret = -errno;
		if (h != MAP_FAILED)
			munmap(h, RING_SIZE);
		close(t->fd);
		return ret;
	}
	h->magic = LM_TRACE_MAGIC;
	h->version = LM_TRACE_VERSION;
	h->record_size = sizeof(struct lm_trace_record);
	h->nr_slots = TRACE_SLOTS;
	h->data_offset = DATA_OFFSET;
	h->clock = trace_clock();
	trace_clock_pair(&h->ticks0, &h->ns0);
	trace_lock(t); /* a thread that saw the last ring may still look at this one */
	t->head = 0;
	t->slots = (slot_word *)((char *)h + DATA_OFFSET);
	t->header = h;
	trace_unlock(t);
	return 0;
}

static void ring_free(struct trace *t)
{
	void *map = t->header;

	trace_lock(t);
	t->header = NULL;
	trace_unlock(t);
	munmap(map, RING_SIZE);
	close(t->fd);
}

/* ---- records -------------------------------------------------------------------- */

/* Relaxed atomics cost nothing and keep the race with readers a defined one. */
static inline void slot_write(slot_word *slot, uint64_t seq, const struct lm_trace_record *rec)
{
	const record_word *from = (const record_word *)rec;
	size_t i;

	atomic_store_explicit(&slot[0], 2 * seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
#pragma GCC unroll 8
	for (i = 1; i < RECORD_WORDS; i++)
		atomic_store_explicit(&slot[i], from[i], memory_order_relaxed);
	atomic_store_explicit(&slot[0], 2 * seq + 2, memory_order_release);
}

static inline slot_word *slot_of(const struct trace *t, uint64_t seq)
{
	return t->slots + (seq & (TRACE_SLOTS - 1)) * RECORD_WORDS;
}

static inline void ring_put(struct trace *t, const struct lm_trace_record *rec)
{
	_Atomic(uint64_t) *head = (_Atomic(uint64_t) *)&t->header->head;
	const uint64_t seq = t->head++;
	struct tracer *tr;

	slot_write(slot_of(t, seq), seq, rec);
	/* Written so long ago that no cache has it: it comes while the next access is served. */
	__builtin_prefetch(slot_of(t, seq + 1), 1);
	atomic_store_explicit(head, seq + 1, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst); /* the other half: lm_trace_arm() */
	for (tr = t->tracers; tr; tr = tr->next) {
		if (unlikely(atomic_load_explicit(tr->armed, memory_order_relaxed))) {
			atomic_store_explicit(tr->armed, 0, memory_order_relaxed);
			eventfd_kick(tr->eventfd);
		}
	}
}

void trace_append(struct lm_ctx *ctx, const struct lm_trace_record *rec)
{
	struct trace *t = ctx->trace;

	trace_lock(t);
	if (likely(t->header))
		ring_put(t, rec);
	trace_unlock(t);
}

/* The kind is taken first and given last: a process may be killed between any two stores. Only the
 * thread that serves the device comes here, so the ring stays. */
struct lm_trace_record *trace_begin(struct lm_ctx *ctx)
{
	trace_done(ctx);
	return &ctx->trace->header->begun;
}

void trace_begun(struct lm_trace_record *begun, uint16_t kind)
{
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint16_t *)&begun->kind = kind;
}

void trace_done(struct lm_ctx *ctx)
{
	trace_begun(&ctx->trace->header->begun, 0);
	atomic_signal_fence(memory_order_seq_cst);
}

void trace_end(struct lm_ctx *ctx)
{
	if (trace_tracers(ctx))
		ctx->trace->header->ended = 1;
}

/* ---- tracers -------------------------------------------------------------------- */

static int tracer_new(int eventfd, int armed_memfd, struct tracer **tracer)
{
	struct tracer *tr;
	int ret;

	ret = eventfd_accept(eventfd);
	if (ret)
		return ret;
	/* A page that cannot vanish under us. */
	if (memfd_solid_size(armed_memfd) < (int64_t)ARMED_SIZE)
		return -EINVAL;
	tr = calloc(1, sizeof(*tr));
	if (!tr)
		return -ENOMEM;
	tr->eventfd = eventfd;
	tr->armed = mmap(NULL, ARMED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, armed_memfd, 0);
	if (tr->armed == MAP_FAILED) {
		ret = errno == ENOMEM ? -ENOMEM : -EINVAL;
		free(tr);
		return ret;
	}
	*tracer = tr;
	return 0;
}

static void tracer_free(struct tracer *tr)
{
	munmap(tr->armed, ARMED_SIZE);
	free(tr);
}

int trace_attach(struct lm_ctx *ctx, int eventfd, int armed_memfd, int *ring_fd, void **tracer)
{
	struct tracer *tr;
	struct trace *t;
	int ret;

	ret = tracer_new(eventfd, armed_memfd, &tr);
	if (ret)
		return ret;
	if (!ctx->trace)
		ctx->trace = calloc(1, sizeof(*ctx->trace));
	t = ctx->trace;
	ret = !t ? -ENOMEM : t->header ? 0 : ring_new(t);
	if (ret) {
		tracer_free(tr);
		return ret;
	}
	close(armed_memfd); /* the mapping stays */
	trace_lock(t);
	tr->next = t->tracers;
	t->tracers = tr;
	trace_unlock(t);
	gate_add(ctx, TAP_TRACE, &trace_tap);
	*ring_fd = t->fd;
	*tracer = tr;
	return 0;
}

void trace_detach(struct lm_ctx *ctx, void *tracer)
{
	struct trace *t = ctx->trace;
	struct tracer **p, *tr = tracer;

	trace_lock(t);
	for (p = &t->tracers; *p != tr; p = &(*p)->next)
		;
	*p = tr->next;
	trace_unlock(t);
	close(tr->eventfd);
	tracer_free(tr);
	if (!t->tracers) {
		gate_remove(ctx, TAP_TRACE);
		ring_free(t);
	}
}

void trace_free(struct lm_ctx *ctx)
{
	free(ctx->trace);
	ctx->trace = NULL;
}

uint32_t trace_tracers(const struct lm_ctx *ctx)
{
	const struct tracer *tr = ctx->trace ? ctx->trace->tracers : NULL;
	uint32_t nr = 0;

	for (; tr; tr = tr->next)
		nr++;
	return nr;
}
