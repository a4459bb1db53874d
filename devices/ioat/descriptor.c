/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * descriptor.c - what a descriptor asks for.
 *
 * Owns their layouts: 64 bytes, eight words, of which the first has the size and the control word
 * and the fourth the address of the next one; RAID operations of many sources have a second one
 * behind them. Refuses what the engine does not do. No address is looked at here.
 */
#include "ioat.h"

#include <endian.h>
#include <string.h>

enum { OP_COPY = 0, OP_XOR = 0x87, OP_XOR_CHECK = 0x88, OP_PQ = 0x89, OP_PQ_CHECK = 0x8a };
enum { CONTROL_NULL = 1 << 5, CONTROL_NO_P = 1 << 11, CONTROL_NO_Q = 1 << 12 };
enum { SIZE_MAX_LOG = XFERCAP_1M };

/* Which words are the sources, those of the second descriptor from 8 on; a second one has its own
 * next address. */
static const struct layout {
	uint8_t source[IOAT_SOURCES];
	uint8_t nr_single, next;
} layouts[] = {
	[P] = { { 1, 4, 5, 6, 7, 8, 9, 10 }, 5, 11 }, /* of XOR */
	[Q] = { { 1, 4, 5, 8, 9, 10, 12, 13 }, 3, 11 },
};

static uint32_t control_of(const uint64_t words[IOAT_WORDS])
{
	return (uint32_t)(le64toh(words[0]) >> 32);
}

static uint8_t op_of(uint32_t control)
{
	return control >> 24;
}

static bool is_raid(uint32_t control)
{
	return op_of(control) >= OP_XOR && op_of(control) <= OP_PQ_CHECK;
}

static const struct layout *layout_of(uint32_t control)
{
	return &layouts[op_of(control) >= OP_PQ ? Q : P];
}

/* Two at least. */
static uint32_t sources_of(uint32_t control)
{
	return (control >> 5 & 7) + 2;
}

bool ioat_is_extended(const uint64_t words[IOAT_WORDS])
{
	const uint32_t control = control_of(words);

	return is_raid(control) && sources_of(control) > layout_of(control)->nr_single;
}

static void decode_raid(const uint64_t words[2 * IOAT_WORDS], struct ioat_job *job)
{
	const struct layout *layout = layout_of(job->control);
	const bool has_q = op_of(job->control) >= OP_PQ;
	uint32_t i;

	job->nr_sources = sources_of(job->control);
	for (i = 0; i < job->nr_sources && i < IOAT_SOURCES; i++)
		job->source[i] = le64toh(words[layout->source[i]]);
	job->is_check = op_of(job->control) == OP_XOR_CHECK || op_of(job->control) == OP_PQ_CHECK;
	job->sums = has_q ? (job->control & CONTROL_NO_P ? 0 : 1 << P) |
				    (job->control & CONTROL_NO_Q ? 0 : 1 << Q) :
			    1 << P;
	if (has_q) {
		memcpy(job->coefficient, &words[6], sizeof(job->coefficient));
		job->sum[Q] = le64toh(words[7]);
	}
	if (ioat_is_extended(words))
		job->next = le64toh(words[layout->next]);
}

uint32_t ioat_decode(const uint64_t words[2 * IOAT_WORDS], struct ioat_job *job)
{
	*job = (struct ioat_job){
		.control = control_of(words),
		.size = (uint32_t)le64toh(words[0]),
		.sum = { [P] = le64toh(words[2]) },
		.next = le64toh(words[3]),
	};
	if (is_raid(job->control)) {
		decode_raid(words, job);
		if (job->nr_sources > IOAT_SOURCES)
			return ERR_CONTROL;
	} else if (op_of(job->control) != OP_COPY) {
		return ERR_CONTROL;
	} else if (!(job->control & CONTROL_NULL)) {
		job->nr_sources = 1;
		job->source[0] = le64toh(words[1]);
		job->sums = 1 << P;
	}
	return job->size && job->size <= 1u << SIZE_MAX_LOG ? 0 : ERR_LENGTH;
}

const char *ioat_operation(const struct ioat_job *job)
{
	static const char *const raid[] = { "xor", "xor check", "pq", "pq check" };

	if (is_raid(job->control))
		return raid[op_of(job->control) - OP_XOR];
	return job->nr_sources ? "copy" : "null";
}
