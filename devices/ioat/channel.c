/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel.c - the DMA channel: it follows a chain of descriptors.
 *
 * Owns the position in the chain, the status, errors and interrupts. A turn of the loop does so
 * much and no more, whatever the shape of the chain. Refuses to go on after an error: CHANERR says
 * which.
 */
#include "ioat.h"

enum { TURN_COST = 1 << 20 };

/* ---- interrupts -------------------------------------------------------------------- */

void channel_update_irq(struct ioat *d, bool comes)
{
	const bool is_msix = lm_irq_enabled(d->ctx, NULL) == LM_DEV_MSIX_IRQ_IDX;
	const bool is_on = is_msix || d->st->reg[INTRCTRL] & INTRCTRL_MASTER;

	/* By MSI-X each is a message of its own; of other kinds drivers read ATTNSTATUS. */
	if (comes && is_msix)
		lm_irq_assert(d->ctx, 0, false);
	lm_irq_assert(d->ctx, 0, is_on && d->st->reg[ATTNSTATUS]);
}

void channel_interrupt(struct ioat *d)
{
	struct ioat_state *st = d->st;

	st->irq_waits = st->reg[CHANCTRL] & CHANCTRL_INT_DISABLE;
	if (st->irq_waits)
		return;
	st->reg[CHANCTRL] |= CHANCTRL_INT_DISABLE;
	st->reg[ATTNSTATUS] = 1;
	channel_update_irq(d, true);
}

void channel_rearm(struct ioat *d)
{
	if (d->st->irq_waits)
		channel_interrupt(d);
}

/* ---- status ------------------------------------------------------------------------ */

void channel_status(struct ioat *d, enum ioat_status status)
{
	d->st->status = status;
	d->st->reg[CHANSTS] = d->st->completed | status;
	d->st->reg[CDAR] = d->st->at;
}

/* A transfer that is under way ends without effect on the channel. */
void channel_forget(struct ioat *d)
{
	d->is_cut = d->is_moving;
	d->phase = FETCH;
}

int channel_write_completion(struct ioat *d, enum ioat_status status)
{
	return lm_dma_store(d->ctx, d->st->reg[CHANCMP], 8, d->st->completed | status);
}

void channel_fail(struct ioat *d, uint32_t errors)
{
	struct ioat_state *st = d->st;

	st->reg[CHANERR] |= errors;
	lm_register_set(d->ctx, IOAT_CFG, CHANERR_INT, st->reg[CHANERR]);
	if (!(errors & ~st->reg[CHANERRMSK]))
		return;
	lm_note(d->ctx, "halted at 0x%llx: CHANERR 0x%x", (unsigned long long)st->at, errors);
	channel_forget(d);
	channel_status(d, HALTED);
	if (st->reg[CHANCTRL] & CHANCTRL_ERR_COMPLETION)
		channel_write_completion(d, HALTED);
	if (st->reg[CHANCTRL] & CHANCTRL_ERR_INT)
		channel_interrupt(d);
}

/* ---- the chain --------------------------------------------------------------------- */

/* 0: there is nothing to do now. */
static uint32_t step(struct ioat *d)
{
	struct ioat_state *st = d->st;
	const bool is_between = d->phase == FETCH && !st->offset;

	if (d->is_moving || st->status != ACTIVE)
		return 0;
	if (is_between && st->suspends)
		channel_status(d, SUSPENDED);
	else if (is_between && st->count == st->reg[DMACOUNT])
		channel_status(d, DONE);
	else
		return d->phase == COMPLETE ? mover_complete(d) : mover_move(d);
	st->suspends = false;
	return 0;
}

static void run(void *arg)
{
	struct ioat *d = arg;
	uint32_t cost, all = 0;

	d->is_posted = false;
	d->is_running = true;
	while (all < TURN_COST && (cost = step(d)))
		all += cost;
	d->is_running = false;
	channel_kick(d);
}

/* Without memory for it there is the next write of DMACOUNT. */
void channel_kick(struct ioat *d)
{
	if (!d->is_posted && !d->is_running && !d->is_moving && d->st->status == ACTIVE)
		d->is_posted = !lm_post(d->ctx, run, d);
}

void channel_begin(struct ioat *d)
{
	struct ioat_state *st = d->st;

	if (st->is_new && !(st->reg[CHANERR] & ~st->reg[CHANERRMSK])) {
		channel_forget(d);
		st->is_new = st->suspends = false;
		st->at = st->reg[CHAINADDR];
		st->completed = st->offset = st->count = 0;
		channel_status(d, ACTIVE);
	} else if (st->status == DONE) {
		channel_status(d, ACTIVE);
	}
	channel_kick(d);
}

void channel_reset(struct ioat *d)
{
	struct ioat_state *st = d->st;

	channel_forget(d);
	st->reg[DMACOUNT] = st->reg[CHAINADDR] = st->reg[CHANCMP] = st->reg[CHANERR] = 0;
	st->reg[ATTNSTATUS] = 0;
	st->at = st->completed = st->offset = st->count = 0;
	st->is_new = st->suspends = st->irq_waits = false;
	channel_status(d, HALTED);
	channel_update_irq(d, false);
}

bool channel_is_resetting(const struct ioat *d)
{
	return d->is_cut;
}

void channel_command(struct ioat *d, uint8_t command)
{
	struct ioat_state *st = d->st;

	if (command & CHANCMD_RESET) {
		channel_reset(d);
	} else if (command & CHANCMD_ABORT) {
		channel_forget(d);
		channel_status(d, HALTED);
	} else if (command & CHANCMD_SUSPEND) {
		st->suspends = st->status == ACTIVE;
		if (st->status == DONE)
			channel_status(d, SUSPENDED);
	} else if (command & CHANCMD_RESUME) {
		st->suspends = false;
		if (st->status == SUSPENDED)
			channel_status(d, ACTIVE);
		channel_kick(d);
	}
}

void channel_go_on(struct ioat *d)
{
	channel_forget(d);
	channel_kick(d);
}
