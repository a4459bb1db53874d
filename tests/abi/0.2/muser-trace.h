/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-trace.h - records of traces as programs of 0.2 see it: a draft, until 0.2 is released.
 *
 * lib/muser-trace.h without its comments, as it was last looked at. tests/lint/abi.sh reports
 * what differs today.
 */
#ifndef MUSER_TRACE_H
#define MUSER_TRACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LM_TRACE_MAGIC   0x31434152544d4cULL
#define LM_TRACE_VERSION 1

enum lm_trace_kind {
	LM_TRACE_READ = 1,
	LM_TRACE_WRITE,
	LM_TRACE_DMA_READ,
	LM_TRACE_DMA_WRITE,
	LM_TRACE_DMA_MAP,
	LM_TRACE_DMA_UNMAP,
	LM_TRACE_IRQ_FIRE,
	LM_TRACE_IRQ_SET,
	LM_TRACE_IRQ_MASK,
	LM_TRACE_RESET,
	LM_TRACE_MIGRATION,
	LM_TRACE_ATTACH,
	LM_TRACE_DETACH,
	LM_TRACE_EVENT,
	LM_TRACE_DMA_LOOKUP,
	LM_TRACE_NOTE,
	LM_TRACE_IRQ_DEASSERT,
	LM_TRACE_NR_KINDS,
};

#define LM_TRACE_POSTED  (1u << 0)
#define LM_TRACE_CONTROL (1u << 1)
#define LM_TRACE_MESSAGE (1u << 2)
#define LM_TRACE_REPLAYED (1u << 3)
#define LM_TRACE_REFUSED (1u << 4)
#define LM_TRACE_KICKED  (1u << 5)
#define LM_TRACE_MORE    (1u << 6)

enum lm_trace_reason {
	LM_TRACE_REASON_DEVICE,
	LM_TRACE_REASON_REGION,
	LM_TRACE_REASON_RANGE,
	LM_TRACE_REASON_WIDTH,
	LM_TRACE_REASON_DIRECTION,
};

struct lm_trace_record {
	uint64_t sequence;
	uint64_t time;
	uint32_t duration;
	uint16_t kind;
	uint16_t flags;
	uint32_t region;
	uint32_t len;
	__extension__ union {
		uint64_t offset;
		uint8_t  tail[8];
	};
	__extension__ union {
		uint64_t value;
		uint8_t  bytes[8];
	};
	int32_t  result;
	uint32_t aux;
	__extension__ union {
		uint8_t  text[8];
		uint32_t duration_high;
	};
};

#define LM_TRACE_CLOCK_NS      0
#define LM_TRACE_CLOCK_COUNTER 1

struct lm_trace_header {
	uint64_t magic;
	uint32_t version;
	uint32_t record_size;
	uint64_t nr_slots;
	uint64_t data_offset;
	uint32_t clock;
	uint32_t ended;
	uint64_t ticks0;
	uint64_t ns0;
	uint64_t reserved[9];
	uint64_t head;
	uint64_t reserved1[7];

	struct lm_trace_record begun;
};

typedef struct lm_trace_reader lm_trace_reader_t;

int lm_trace_open(int fd, lm_trace_reader_t **reader);

int lm_trace_next(lm_trace_reader_t *reader, struct lm_trace_record *record, uint64_t *lost);

int lm_trace_arm(lm_trace_reader_t *reader, uint32_t *armed);

int lm_trace_end(lm_trace_reader_t *reader, struct lm_trace_record *record);

void lm_trace_close(lm_trace_reader_t *reader);

uint64_t lm_trace_duration(const struct lm_trace_record *record);

#define LM_TRACE_TEXT_SIZE 33

void lm_trace_text(const struct lm_trace_record *record, char *text);

const char *lm_trace_kind_name(unsigned int kind);

#ifdef __cplusplus
}
#endif

#endif
