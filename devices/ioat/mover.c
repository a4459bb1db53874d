/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mover.c - what one descriptor takes: fetching it, moving its data, its completion.
 *
 * Owns one transfer at a time, which nobody waits for: data go by slices through buffers, where
 * sources are added up. A transfer that was cut off ends before there is another. Refuses what
 * cannot be read or written, and says to the channel why.
 */
#include "ioat.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum { MOVE_COST = 4096 };

/* ---- sums -------------------------------------------------------------------------- */

static void add(uint8_t *sum, const uint8_t *in, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		sum[i] ^= in[i];
}

/* In the field of RAID 6: polynomials modulo x^8 + x^4 + x^3 + x^2 + 1. */
static void add_product(uint8_t *sum, const uint8_t *in, uint32_t len, uint8_t factor)
{
	uint8_t table[256] = { 0 };
	uint32_t i, bit;

	for (bit = 1; bit < 256; bit <<= 1) {
		for (i = 0; i < bit; i++)
			table[bit + i] = table[i] ^ factor;
		factor = (uint8_t)(factor << 1 ^ (factor & 0x80 ? 0x1d : 0));
	}
	for (i = 0; i < len; i++)
		sum[i] ^= table[in[i]];
}

static bool is_zero(const uint8_t *bytes, uint32_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

static uint32_t slice_len(const struct ioat *d)
{
	const uint32_t left = d->job.size - d->st->offset;

	return left < IOAT_SLICE ? left : IOAT_SLICE;
}

/* Its source goes where the sum would be. */
static bool is_copy(const struct ioat *d)
{
	return d->job.nr_sources == 1;
}

static void slice_begin(struct ioat *d)
{
	d->step = 0;
	d->errors = 0;
	if (is_copy(d))
		return;
	memset(d->sum[P], 0, slice_len(d));
	memset(d->sum[Q], 0, slice_len(d));
}

static void take_source(struct ioat *d)
{
	if (is_copy(d))
		return;
	if (d->job.sums & 1 << P)
		add(d->sum[P], d->in, slice_len(d));
	if (d->job.sums & 1 << Q)
		add_product(d->sum[Q], d->in, slice_len(d), d->job.coefficient[d->step]);
}

static void take_check(struct ioat *d, unsigned int which)
{
	add(d->sum[which], d->in, slice_len(d));
	if (!is_zero(d->sum[which], slice_len(d)))
		d->errors |= which == P ? ERR_P : ERR_Q;
}

/* ---- one descriptor ---------------------------------------------------------------- */

/* That the guest changes it meanwhile is its own affair. */
static void descriptor_begin(struct ioat *d)
{
	const uint32_t errors = ioat_decode(d->words, &d->job);

	if (errors) {
		channel_fail(d, errors);
		return;
	}
	lm_note(d->ctx, "%s at 0x%llx: %u bytes", ioat_operation(&d->job),
		(unsigned long long)d->st->at, d->job.size);
	if (d->st->offset >= d->job.size)
		d->st->offset = 0;
	slice_begin(d);
	d->phase = d->job.nr_sources ? MOVE : COMPLETE;
}

static void take_words(struct ioat *d)
{
	const uint16_t left = (uint16_t)(d->st->reg[DMACOUNT] - d->st->count);

	if (d->phase == FETCH_MORE || !ioat_is_extended(d->words))
		descriptor_begin(d);
	else if (left < 2)
		channel_fail(d, ERR_COUNT);
	else
		d->phase = FETCH_MORE;
}

/* The sum that this step writes or checks; IOAT_SUMS: none is left. */
static unsigned int sum_of_step(struct ioat *d)
{
	unsigned int which = d->step - d->job.nr_sources;

	while (which < IOAT_SUMS && !(d->job.sums & 1 << which))
		which++;
	d->step = d->job.nr_sources + which;
	return which;
}

static void take_step(struct ioat *d)
{
	if (d->step < d->job.nr_sources)
		take_source(d);
	else if (d->job.is_check)
		take_check(d, sum_of_step(d));
	if (++d->step < d->job.nr_sources || sum_of_step(d) < IOAT_SUMS)
		return;
	if (d->errors)
		channel_fail(d, d->errors);
	if (d->st->status != ACTIVE)
		return;
	d->st->offset += slice_len(d);
	if (d->st->offset == d->job.size)
		d->phase = COMPLETE;
	else
		slice_begin(d);
}

/* What the guest sees first is the completion, then the interrupt. -EDEADLK: it is the client that
 * reaches this memory, and it waits for us; so another turn. */
uint32_t mover_complete(struct ioat *d)
{
	struct ioat_state *st = d->st;
	const uint16_t count = (uint16_t)(st->count + (ioat_is_extended(d->words) ? 2 : 1));
	const uint64_t before = st->completed;
	int ret = 0;

	st->completed = st->at;
	if (d->job.control & CONTROL_COMPLETION)
		ret = channel_write_completion(d, count == st->reg[DMACOUNT] ? DONE : ACTIVE);
	if (ret == -EDEADLK) {
		st->completed = before;
		return 0;
	}
	d->phase = FETCH;
	st->offset = 0;
	st->count = count;
	st->at = d->job.next;
	channel_status(d, ACTIVE);
	if (ret)
		channel_fail(d, ERR_COMPLETION_ADDR);
	else if (d->job.control & CONTROL_INT)
		channel_interrupt(d);
	return MOVE_COST;
}

/* ---- transfers --------------------------------------------------------------------- */

static bool is_write(const struct ioat *d)
{
	return d->phase == MOVE && d->step >= d->job.nr_sources && !d->job.is_check;
}

static uint32_t error_of(const struct ioat *d, int err)
{
	const bool is_addr = err == -ENOENT || err == -EINVAL || err == -EACCES;

	if (d->phase != MOVE)
		return ERR_NEXT_ADDR;
	if (is_write(d))
		return is_addr ? ERR_DEST_ADDR : ERR_WRITE;
	return is_addr ? ERR_SOURCE_ADDR : ERR_READ;
}

/* If the client has left it is done again for the next one. */
static void moved(void *arg, int result)
{
	struct ioat *d = arg;
	const bool is_cut = d->is_cut;

	d->is_moving = d->is_cut = false;
	if (result == -ECANCELED)
		channel_forget(d);
	else if (!is_cut && result)
		channel_fail(d, error_of(d, result));
	else if (!is_cut && d->phase == MOVE)
		take_step(d);
	else if (!is_cut)
		take_words(d);
	channel_kick(d);
}

static uint64_t move_addr(const struct ioat *d)
{
	if (d->phase == FETCH)
		return d->st->at;
	if (d->phase == FETCH_MORE)
		return le64toh(d->words[3]);
	return d->st->offset + (d->step < d->job.nr_sources ?
					d->job.source[d->step] :
					d->job.sum[d->step - d->job.nr_sources]);
}

uint32_t mover_move(struct ioat *d)
{
	struct iovec data = { d->in, d->phase == MOVE ? slice_len(d) : IOAT_DESCRIPTOR };
	const uint64_t addr = move_addr(d);
	int ret;

	if (d->phase != MOVE && addr % IOAT_DESCRIPTOR) {
		channel_fail(d, ERR_ALIGNMENT);
		return MOVE_COST;
	}
	if (d->phase != MOVE)
		data.iov_base = &d->words[d->phase == FETCH ? 0 : IOAT_WORDS];
	else if (is_copy(d) || is_write(d))
		data.iov_base = d->sum[is_copy(d) ? P : d->step - d->job.nr_sources];
	d->is_moving = true;
	ret = is_write(d) ? lm_dma_write_at_async(d->ctx, addr, &data, moved, d) :
			    lm_dma_read_at_async(d->ctx, addr, &data, moved, d);
	if (ret)
		moved(d, ret);
	return MOVE_COST + (uint32_t)data.iov_len;
}
