/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-trace.h - the trace ring: its layout, and a reader.
 *
 * A device appends fixed-size records to a ring in a sealed memfd. Readers map it read-only and
 * keep their own cursors: a reader never slows the device, a slow one loses records and learns
 * exactly how many. The layout is an ABI between a device process and musctl of another version:
 * it only grows, and LM_TRACE_VERSION changes when it does not.
 */
#ifndef MUSER_TRACE_H
#define MUSER_TRACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LM_TRACE_MAGIC   0x31434152544d4cULL /* "LMTRAC1" */
#define LM_TRACE_VERSION 1

/** enum lm_trace_kind - what a record means. The comments name the members in use */
enum lm_trace_kind {
	LM_TRACE_READ = 1,   /* region offset len value result duration aux (lm_trace_reason; of one
			      * that did not fail lm_register_io_t.alias) */
	LM_TRACE_WRITE,      /* the same */
	LM_TRACE_DMA_READ,   /* offset (address) len value result duration */
	LM_TRACE_DMA_WRITE,  /* the same */
	LM_TRACE_DMA_MAP,    /* offset (address) value (size) aux (protection, 4: has fd) result */
	LM_TRACE_DMA_UNMAP,  /* offset (address) value (size) result */
	LM_TRACE_IRQ_FIRE,   /* region (index) offset (vector) result: LM_IRQ_* or -errno */
	LM_TRACE_IRQ_SET,    /* region (index) offset (start) len (count) aux (flags) result */
	LM_TRACE_IRQ_MASK,   /* region (index) offset (vector) value (1 masked, 0 unmasked) */
	LM_TRACE_RESET,      /* result duration */
	LM_TRACE_MIGRATION,  /* value (state) */
	LM_TRACE_ATTACH,     /* value (process id of the client) */
	LM_TRACE_DETACH,     /* the same */
	LM_TRACE_EVENT,      /* value; the name: 8 bytes in text, 8 more in tail */
	LM_TRACE_DMA_LOOKUP, /* one that failed: offset (address) len result; with ENOENT value (the
			      * first address that is not mapped) */
	LM_TRACE_NOTE,       /* 32 bytes of text at most, zero-padded: 8 in tail, bytes, text each,
			      * then region and len */
	LM_TRACE_IRQ_DEASSERT, /* a level is not asserted any more: region (index) offset (0) */
	LM_TRACE_NR_KINDS,
};

/* lm_trace_record.flags */
#define LM_TRACE_POSTED  (1u << 0) /* the client wanted no reply */
#define LM_TRACE_CONTROL (1u << 1) /* asked for by musctl, not by the client */
#define LM_TRACE_MESSAGE (1u << 2) /* DMA by message to the client */
#define LM_TRACE_REPLAYED (1u << 3) /* asked for a second time: a server before did not answer */
#define LM_TRACE_REFUSED (1u << 4) /* it failed, and the client was not notified: as on a bus, a
				    * read gave all ones, a write was dropped */
#define LM_TRACE_KICKED  (1u << 5) /* a write that signalled an eventfd (lm_ioeventfd_t), no more */
#define LM_TRACE_MORE    (1u << 6) /* a note that the next one goes on with */

/** enum lm_trace_reason - lm_trace_record.aux of a read or write that failed: what was wrong */
enum lm_trace_reason {
	LM_TRACE_REASON_DEVICE,    /* the device answered so; EIO: with a count that is wrong */
	LM_TRACE_REASON_REGION,    /* the device has no such region */
	LM_TRACE_REASON_RANGE,     /* it extends beyond the region */
	LM_TRACE_REASON_WIDTH,     /* the register map allows other widths */
	LM_TRACE_REASON_DIRECTION, /* the region cannot be read, or not be written */
};

/** struct lm_trace_record - 64 bytes. Times are ticks of the clock that the header describes. */
struct lm_trace_record {
	uint64_t sequence; /* of the record, from 0; in the ring: 2 * that + 2, odd: torn */
	uint64_t time;     /* when it began */
	uint32_t duration; /* ticks, the low half of them (lm_trace_duration() has all) */
	uint16_t kind;     /* enum lm_trace_kind */
	uint16_t flags;    /* LM_TRACE_* */
	uint32_t region;   /* region or interrupt index */
	uint32_t len;      /* bytes, or a count */
	__extension__ union {
		uint64_t offset;
		uint8_t  tail[8];
	};
	__extension__ union {
		uint64_t value;    /* the first 8 bytes, host order */
		uint8_t  bytes[8];
	};
	int32_t  result;   /* 0, or -errno */
	uint32_t aux;
	__extension__ union {
		uint8_t  text[8];       /* LM_TRACE_EVENT, LM_TRACE_NOTE: see there; else zero */
		uint32_t duration_high; /* of kinds that have a duration: the other half */
	};
};

/* lm_trace_header.clock */
#define LM_TRACE_CLOCK_NS      0 /* CLOCK_MONOTONIC in nanoseconds */
#define LM_TRACE_CLOCK_COUNTER 1 /* the CPU's counter */

/** struct lm_trace_header - the first page of the ring */
struct lm_trace_header {
	uint64_t magic;
	uint32_t version;
	uint32_t record_size;
	uint64_t nr_slots;    /* a power of two; slot of a record is sequence % nr_slots */
	uint64_t data_offset; /* where the slots start */
	uint32_t clock;       /* LM_TRACE_CLOCK_* */
	uint32_t ended;       /* 1: the device has ended in order (since 0.2) */
	uint64_t ticks0;      /* the counter and ... */
	uint64_t ns0;         /* ... CLOCK_MONOTONIC, read together when the ring was made */
	uint64_t reserved[9];
	uint64_t head;        /* in a cache line of its own: records written so far */
	uint64_t reserved1[7];
	/* Since 0.2: the access or reset that the device is busy with; kind 0: none. Only who
	 * outlives the device can read it: no seqlock. */
	struct lm_trace_record begun;
};

/** typedef lm_trace_reader_t - a cursor in a ring. Opaque. */
typedef struct lm_trace_reader lm_trace_reader_t;

/**
 * lm_trace_open() - read a ring, from the next record on that is written
 * @fd:     memfd of the ring (control method Trace); consumed on success
 * @reader: out
 *
 * Context: any thread; a reader belongs to one thread at a time.
 * Return: 0; -EINVAL: not a ring; -EPROTO: a ring of another version; -errno of mmap(2).
 * Since: 0.2
 */
int lm_trace_open(int fd, lm_trace_reader_t **reader);

/**
 * lm_trace_next() - copy the next record
 * @reader: the reader
 * @record: out: the record; time is CLOCK_MONOTONIC, lm_trace_duration() nanoseconds
 * @lost:   out: records that were overwritten since the last call, 0 mostly
 *
 * Context: never blocks.
 * Return: 1: a record; 0: none there yet; -EPROTO: the ring is damaged.
 * Since: 0.2
 */
int lm_trace_next(lm_trace_reader_t *reader, struct lm_trace_record *record, uint64_t *lost);

/**
 * lm_trace_arm() - prepare to sleep on the eventfd that was given to Trace
 * @reader: the reader
 * @armed:  the word in the page shared with the device
 *
 * A wake-up costs the device a write(2), a hundred records' worth: a reader that got records
 * should wait some milliseconds and look again, and arm only when nothing more came.
 *
 * Context: the reader's thread; sleeps for some 100 microseconds.
 * Return: 1: sleep, the device will write the eventfd at the next record; 0: records are there.
 * Since: 0.2
 */
int lm_trace_arm(lm_trace_reader_t *reader, uint32_t *armed);

/**
 * lm_trace_end() - how a device has ended, and what it was busy with
 * @reader: the reader
 * @record: out: the access or reset that it began and did not end; duration and result are zero,
 *          the value is that of a write
 *
 * To be asked when lm_trace_next() has no more records and the control connection has closed.
 *
 * Context: never blocks.
 * Return: 0: in order; 1: not, amid @record; -ENOENT: not, amid nothing that is traced.
 * Since: 0.2
 */
int lm_trace_end(lm_trace_reader_t *reader, struct lm_trace_record *record);

/**
 * lm_trace_close() - free a reader
 * @reader: the reader or NULL
 *
 * Context: the thread that the reader belongs to.
 * Since: 0.2
 */
void lm_trace_close(lm_trace_reader_t *reader);

/**
 * lm_trace_duration() - how long it took
 * @record: a record that a reader gave
 *
 * Context: any.
 * Return: nanoseconds; 0: no time is measured for its kind. Accesses, DMA transfers and resets have
 *         one, enum lm_trace_kind says so.
 * Since: 0.2
 */
uint64_t lm_trace_duration(const struct lm_trace_record *record);

/* The longest text of a record and a NUL, in bytes. */
#define LM_TRACE_TEXT_SIZE 33

/**
 * lm_trace_text() - the name of an event, the text of a note
 * @record: a record that a reader gave
 * @text:   out: LM_TRACE_TEXT_SIZE bytes, NUL-terminated; empty for records of other kinds
 *
 * Context: any.
 * Since: 0.2
 */
void lm_trace_text(const struct lm_trace_record *record, char *text);

/**
 * lm_trace_kind_name() - "read", "write", "dma-read", "irq-fire", ...
 * @kind: enum lm_trace_kind
 *
 * Context: any.
 * Return: a constant string; "?" for a kind this library does not know.
 * Since: 0.2
 */
const char *lm_trace_kind_name(unsigned int kind);

#ifdef __cplusplus
}
#endif

#endif /* MUSER_TRACE_H */
