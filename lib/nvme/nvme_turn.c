/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_turn.c - doorbells, and the queues that they ring.
 *
 * Owns arbitration: round robin over the queues with commands, a burst of each (Base 3.4.4.1),
 * and so many in a turn, that a client leaves time for others. A queue whose completions find no
 * room is not read from; when slots are used up, none is.
 */
#include "nvme/nvme.h"

enum { TURN_MAX = 128 };

/* ---- queues that are due ---------------------------------------------------------- */

static bool is_due(const lm_nvme_t *nvme, uint16_t sqid)
{
	const struct nvme_state_sq *sq = &nvme->st->sq[sqid];

	return sq->entries && sq->head != sq->tail && !nvme->sq[sqid].deleter &&
	       TAILQ_EMPTY(&nvme->cq[sq->cqid].backlog);
}

static bool are_some_ready(const lm_nvme_t *nvme)
{
	return nvme->ready[0] | nvme->ready[1];
}

/* The next one that is due, after the last that was served; -1: none is. */
static int next_due(lm_nvme_t *nvme)
{
	int sqid;

	while (are_some_ready(nvme)) {
		sqid = nvme_bit_from(nvme->ready, nvme->next_sq);
		if (sqid < 0) {
			nvme->next_sq = 0;
			continue;
		}
		nvme->next_sq = (uint16_t)((sqid + 1) % NVME_QUEUES);
		if (is_due(nvme, (uint16_t)sqid))
			return sqid;
		nvme_bit_set(nvme->ready, (unsigned int)sqid, false);
	}
	return -1;
}

static unsigned int serve(lm_nvme_t *nvme, uint16_t sqid, unsigned int max)
{
	struct nvme_state_sq *sq = &nvme->st->sq[sqid];
	struct nvme_cmd *cmd;
	unsigned int nr;

	for (nr = 0; nr < max && nvme_is_ready(nvme) && is_due(nvme, sqid); nr++) {
		cmd = nvme_cmd_new(nvme, sqid);
		if (!cmd) {
			nvme->is_starved = true;
			break;
		}
		cmd->slot->sqid = sqid;
		cmd->slot->index = sq->head;
		cmd->slot->state = NVME_SLOT_FETCHING;
		sq->head = nvme_next(sq->head, sq->entries);
		nvme_fetch(cmd);
	}
	return nr;
}

unsigned int nvme_turn(lm_nvme_t *nvme)
{
	const uint32_t burst = nvme->st->feature[NVME_F_ARBITRATION] & 7;
	unsigned int begun = 0;
	int sqid;

	if (nvme->is_turning || nvme->is_detached || !nvme_is_ready(nvme) ||
	    !lm_is_master(nvme->ctx))
		return 0;
	nvme->is_turning = true;
	nvme_irq_hold(nvme);
	nvme_data_retry(nvme);
	while (begun < TURN_MAX && !nvme->is_starved && nvme_is_ready(nvme) &&
	       (sqid = next_due(nvme)) >= 0) {
		const unsigned int left = TURN_MAX - begun;

		begun += serve(nvme, (uint16_t)sqid,
			       burst < 7 && 1u << burst < left ? 1u << burst : left);
	}
	nvme_cmd_post_all(nvme);
	nvme_irq_release(nvme);
	nvme->is_turning = false;
	if (are_some_ready(nvme) && !nvme->is_starved && nvme_is_ready(nvme))
		nvme_kick(nvme);
	return begun;
}

/* ---- doorbells -------------------------------------------------------------------- */

static uint32_t distance(uint32_t from, uint32_t to, uint32_t entries)
{
	return (to + entries - from) % entries;
}

static void bad_value(lm_nvme_t *nvme)
{
	nvme_event_raise(nvme, NVME_EVENT_ERROR, NVME_EVENT_BAD_DOORBELL_VALUE, NVME_LOG_ERROR);
}

static void tail_is(lm_nvme_t *nvme, uint16_t sqid, uint32_t tail)
{
	struct nvme_state_sq *sq = &nvme->st->sq[sqid];

	if (tail >= sq->entries ||
	    distance(sq->head, sq->tail, sq->entries) + distance(sq->tail, tail, sq->entries) >=
		    sq->entries) {
		bad_value(nvme);
		return;
	}
	sq->tail = (uint16_t)tail;
	nvme_bit_set(nvme->ready, sqid, true);
}

static void cq_has_room(lm_nvme_t *nvme, uint16_t cqid)
{
	uint16_t sqid;

	for (sqid = 0; sqid < NVME_QUEUES; sqid++) {
		if (nvme->st->sq[sqid].cqid == cqid && is_due(nvme, sqid))
			nvme_bit_set(nvme->ready, sqid, true);
	}
}

static void head_is(lm_nvme_t *nvme, uint16_t cqid, uint32_t head)
{
	struct nvme_state_cq *cq = &nvme->st->cq[cqid];
	const bool was_full = !TAILQ_EMPTY(&nvme->cq[cqid].backlog);

	if (head >= cq->entries ||
	    distance(cq->head, head, cq->entries) > distance(cq->head, cq->tail, cq->entries)) {
		bad_value(nvme);
		return;
	}
	cq->head = (uint16_t)head;
	if (was_full) {
		nvme_cmd_retry(nvme, cqid);
		cq_has_room(nvme, cqid);
	}
	if (cq->irq_on)
		nvme_irq_update(nvme);
}

static void ring(lm_nvme_t *nvme, uint32_t index, uint32_t value)
{
	const uint16_t id = (uint16_t)(index / 2);
	const bool is_cq = index & 1;

	if (!nvme_is_ready(nvme))
		return;
	if (!(is_cq ? nvme->st->cq[id].entries : nvme->st->sq[id].entries))
		nvme_event_raise(nvme, NVME_EVENT_ERROR, NVME_EVENT_BAD_DOORBELL, NVME_LOG_ERROR);
	else if (is_cq)
		head_is(nvme, id, value);
	else
		tail_is(nvme, id, value);
}

/* There is something to see in the guest's memory: this value may be older. */
static bool is_shadowed(const lm_nvme_t *nvme, uint32_t index)
{
	return index >= 2 && nvme_shadow_is_on(nvme);
}

/* A trace has the row of a write when that has ended: commands come after it, in a turn of their
 * own. */
void nvme_doorbell(lm_nvme_t *nvme, uint32_t index, uint32_t value)
{
	if (is_shadowed(nvme, index)) {
		nvme_shadow_rests(nvme, true);
		nvme_look(nvme);
		return;
	}
	nvme_irq_hold(nvme);
	ring(nvme, index, value);
	if (are_some_ready(nvme) && lm_is_traced(nvme->ctx))
		nvme_kick(nvme);
	else if (are_some_ready(nvme))
		nvme_turn(nvme);
	nvme_irq_release(nvme);
}

unsigned int nvme_look(void *arg)
{
	lm_nvme_t *nvme = arg;
	unsigned int nr = 0;
	uint32_t i, value;

	if (nvme->is_detached || nvme->is_turning)
		return 0;
	nvme->looks++;
	nvme_irq_hold(nvme);
	for (i = 0; (i = nvme_bell_next(nvme, i, &value)) < 2 * NVME_QUEUES; i++, nr++) {
		if (!is_shadowed(nvme, i))
			ring(nvme, i, value);
	}
	for (i = 0; (i = nvme_shadow_next(nvme, i, &value)) < 2 * NVME_QUEUES; i++, nr++)
		ring(nvme, i, value);
	nr += nvme_turn(nvme);
	nvme_irq_release(nvme);
	return nr + !nvme_shadow_rests(nvme, nr);
}

NVME_EXPORT unsigned int lm_nvme_poll(lm_nvme_t *nvme)
{
	return nvme_look(nvme);
}
