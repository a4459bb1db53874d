/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_reader.c - a cursor in somebody's trace ring.
 *
 * The ring belongs to another process, which may be broken or hostile: its geometry is
 * checked against the file once and kept here, the file must be sealed against shrinking,
 * and nothing that changes afterwards can do more than yield wrong records. Records that
 * were overwritten are counted exactly: delivered and lost are what was written.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/memfd.h"
#include "trace/trace.h"

#define RING_MAX     (64ull << 20) /* all of it is touched, so that it is there */
#define SETTLE_NS    50000
#define RECORD_WORDS (sizeof(struct lm_trace_record) / sizeof(uint64_t))

typedef const _Atomic(uint64_t) slot_word;
typedef uint64_t __attribute__((may_alias)) record_word;

struct lm_trace_reader {
	const struct lm_trace_header *header;
	size_t size; /* of the mapping */
	slot_word *slots;
	uint64_t nr_slots;
	uint64_t slot_words;
	uint64_t cursor; /* next record */
	uint64_t head;   /* as last seen */
	bool counter;    /* times are ticks of the CPU's counter */
	uint64_t ticks0, ns0;
	uint64_t span_ticks, span_ns; /* from then to the last look at both clocks */
};

/* ---- opening -------------------------------------------------------------------- */

/* @h: a private copy, as the ring may change under us. */
static int header_check(const struct lm_trace_header *h, uint64_t size)
{
	if (h->magic != LM_TRACE_MAGIC)
		return -EINVAL;
	if (h->version != LM_TRACE_VERSION)
		return -EPROTO;
	if (h->record_size < sizeof(struct lm_trace_record) || h->record_size > 4096 ||
	    h->record_size % sizeof(uint64_t))
		return -EINVAL;
	if (!h->nr_slots || h->nr_slots > RING_MAX / h->record_size ||
	    (h->nr_slots & (h->nr_slots - 1)))
		return -EINVAL;
	if (h->data_offset < sizeof(*h) || h->data_offset % sizeof(uint64_t) ||
	    out_of_range(h->data_offset, h->nr_slots * h->record_size,
			 size < RING_MAX ? size : RING_MAX))
		return -EINVAL;
	if (h->clock > LM_TRACE_CLOCK_COUNTER)
		return -EPROTO;
	return 0;
}

static uint64_t ring_head(const struct lm_trace_reader *r)
{
	slot_word *head = (slot_word *)&r->header->head;

	return atomic_load_explicit(head, memory_order_acquire);
}

static void reader_init(struct lm_trace_reader *r, const struct lm_trace_header *h)
{
	r->slots = (slot_word *)((const char *)r->header + h->data_offset);
	r->nr_slots = h->nr_slots;
	r->slot_words = h->record_size / sizeof(uint64_t);
	r->counter = h->clock == LM_TRACE_CLOCK_COUNTER;
	r->ticks0 = h->ticks0;
	r->ns0 = h->ns0;
	r->cursor = r->head = h->head;
}

LM_EXPORT int lm_trace_open(int fd, lm_trace_reader_t **reader)
{
	struct lm_trace_header h;
	struct lm_trace_reader *r;
	const int64_t size = memfd_solid_size(fd);
	void *map;
	int ret;

	if (size < 0)
		return -EINVAL;
	/* Where we begin: what is written while we map is not missed. */
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return -EINVAL;
	ret = header_check(&h, (uint64_t)size);
	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->size = h.data_offset + h.nr_slots * h.record_size;
	/* All pages now, in our time rather than, one by one, in the device's. */
	map = mmap(NULL, r->size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED) {
		ret = -errno;
		free(r);
		return ret;
	}
	r->header = map;
	reader_init(r, &h);
	close(fd);
	*reader = r;
	return 0;
}

LM_EXPORT void lm_trace_close(lm_trace_reader_t *reader)
{
	if (!reader)
		return;
	munmap((void *)reader->header, reader->size);
	free(reader);
}

/* ---- time ----------------------------------------------------------------------- */

static uint64_t scale(uint64_t ticks, uint64_t ns, uint64_t per_ticks)
{
	const unsigned __int128 product = (unsigned __int128)ticks * ns;

	return per_ticks ? (uint64_t)(product / per_ticks) : ticks;
}

/* The rate comes from two looks at both clocks, each some 20 ns off. A new second look is
 * taken whenever a record lies twice as far out as the last: times are never off by more
 * than some 100 ns, right after opening as well as days later. */
static void calibrate(struct lm_trace_reader *r, uint64_t ticks)
{
	uint64_t now_ticks, now_ns;

	if (r->span_ticks && ticks - r->ticks0 <= 2 * r->span_ticks)
		return;
	trace_clock_pair(&now_ticks, &now_ns);
	if (now_ticks <= r->ticks0 || now_ns <= r->ns0)
		return;
	r->span_ticks = now_ticks - r->ticks0;
	r->span_ns = now_ns - r->ns0;
}

static void convert(struct lm_trace_reader *r, struct lm_trace_record *rec)
{
	uint64_t ns;

	if (!r->counter)
		return;
	if (rec->time < r->ticks0) { /* began before the ring was made */
		calibrate(r, r->ticks0);
		ns = scale(r->ticks0 - rec->time, r->span_ns, r->span_ticks);
		rec->time = ns < r->ns0 ? r->ns0 - ns : 0;
	} else {
		calibrate(r, rec->time);
		ns = scale(rec->time - r->ticks0, r->span_ns, r->span_ticks);
		rec->time = r->ns0 + ns;
	}
	if (trace_is_timed(rec->kind))
		trace_set_duration(rec, scale(lm_trace_duration(rec), r->span_ns, r->span_ticks));
}

/* ---- records -------------------------------------------------------------------- */

/* False: the slot holds an older or newer record by now, or changed while we copied. */
static bool slot_read(const struct lm_trace_reader *r, uint64_t seq, struct lm_trace_record *rec)
{
	slot_word *slot = r->slots + (seq & (r->nr_slots - 1)) * r->slot_words;
	record_word *to = (record_word *)rec;
	size_t i;

	if (atomic_load_explicit(&slot[0], memory_order_acquire) != 2 * seq + 2)
		return false;
	for (i = 1; i < RECORD_WORDS; i++)
		to[i] = atomic_load_explicit(&slot[i], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&slot[0], memory_order_relaxed) != 2 * seq + 2)
		return false;
	rec->sequence = seq;
	return true;
}

/* Look at the head again; what lies more than a ring behind it is lost. */
static int catch_up(struct lm_trace_reader *r, uint64_t *lost)
{
	const uint64_t head = ring_head(r);

	if (head < r->cursor)
		return -EPROTO;
	r->head = head;
	if (head - r->cursor > r->nr_slots) {
		*lost += head - r->cursor - r->nr_slots;
		r->cursor = head - r->nr_slots;
	}
	return 0;
}

LM_EXPORT int lm_trace_next(lm_trace_reader_t *reader, struct lm_trace_record *record,
			    uint64_t *lost)
{
	uint64_t tries;
	int ret;

	*lost = 0;
	/* A sane writer cannot keep us here; a hostile one only so long. */
	for (tries = 0; tries <= reader->nr_slots; tries++) {
		if (reader->cursor == reader->head) {
			ret = catch_up(reader, lost);
			if (ret)
				return ret;
			if (reader->cursor == reader->head)
				return 0;
		}
		if (slot_read(reader, reader->cursor, record)) {
			reader->cursor++;
			convert(reader, record);
			return 1;
		}
		reader->cursor++;
		++*lost;
		ret = catch_up(reader, lost);
		if (ret)
			return ret;
	}
	return 0;
}

LM_EXPORT int lm_trace_end(lm_trace_reader_t *reader, struct lm_trace_record *record)
{
	const volatile struct lm_trace_header *h = reader->header;

	if (h->ended == 1)
		return 0;
	*record = h->begun;
	if (!record->kind)
		return -ENOENT;
	record->sequence = reader->head;
	if (trace_is_timed(record->kind))
		trace_set_duration(record, 0);
	record->result = 0;
	convert(reader, record);
	return 1;
}

LM_EXPORT int lm_trace_arm(lm_trace_reader_t *reader, uint32_t *armed)
{
	_Atomic(uint32_t) *word = (_Atomic(uint32_t) *)armed;
	const struct timespec settle = { .tv_nsec = SETTLE_NS };

	atomic_store(word, 1);
	/* The writer has no barrier between publishing a record and looking at the word: one
	 * that has not seen the word yet is publishing right now. No store stays in a CPU's
	 * buffer for as long as we wait, so then we see what it published. */
	nanosleep(&settle, NULL);
	if (ring_head(reader) == reader->cursor)
		return 1;
	atomic_store(word, 0);
	return 0;
}

LM_EXPORT uint64_t lm_trace_duration(const struct lm_trace_record *record)
{
	return trace_is_timed(record->kind) ?
		       (uint64_t)record->duration_high << 32 | record->duration :
		       0;
}

LM_EXPORT void lm_trace_text(const struct lm_trace_record *record, char *text)
{
	memset(text, 0, LM_TRACE_TEXT_SIZE);
	if (record->kind == LM_TRACE_EVENT) {
		memcpy(text, record->text, 8);
		memcpy(text + 8, record->tail, 8);
	}
	if (record->kind == LM_TRACE_NOTE) {
		memcpy(text, record->tail, 8);
		memcpy(text + 8, record->bytes, 8);
		memcpy(text + 16, record->text, 8);
		memcpy(text + 24, &record->region, 4);
		memcpy(text + 28, &record->len, 4);
	}
}

LM_EXPORT const char *lm_trace_kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[LM_TRACE_READ] = "read",
		[LM_TRACE_WRITE] = "write",
		[LM_TRACE_DMA_READ] = "dma-read",
		[LM_TRACE_DMA_WRITE] = "dma-write",
		[LM_TRACE_DMA_MAP] = "dma-map",
		[LM_TRACE_DMA_UNMAP] = "dma-unmap",
		[LM_TRACE_IRQ_FIRE] = "irq-fire",
		[LM_TRACE_IRQ_SET] = "irq-set",
		[LM_TRACE_IRQ_MASK] = "irq-mask",
		[LM_TRACE_RESET] = "reset",
		[LM_TRACE_MIGRATION] = "migration",
		[LM_TRACE_ATTACH] = "attach",
		[LM_TRACE_DETACH] = "detach",
		[LM_TRACE_EVENT] = "event",
		[LM_TRACE_DMA_LOOKUP] = "dma-lookup",
		[LM_TRACE_NOTE] = "note",
		[LM_TRACE_IRQ_DEASSERT] = "irq-deassert",
	};
	_Static_assert(LM_NR(names) == LM_TRACE_NR_KINDS, "every kind has a name");

	return kind && kind < LM_TRACE_NR_KINDS ? names[kind] : "?";
}
