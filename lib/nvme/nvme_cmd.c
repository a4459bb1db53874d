/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_cmd.c - the life of a command, from its slot to its completion.
 *
 * Each step is in the slot before the guest can see what follows from it: whoever takes up the
 * state serves the command again, or writes the same completion to the same place again. A
 * completion that finds no room waits, and so does its queue (nvme_turn.c). A command that a
 * reset has cut off is dead: it keeps its memory until whoever works for it gives it back, and
 * nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "nvme/nvme.h"

enum { CMD_CHUNK = 16 };

/*
 * Completions of a turn are written some at a time. The guest looks at the line where the next one
 * will be, and each time that it does, the line has to be fetched back, while whatever else is
 * stored waits. Not too many, nor after much data: the guest waits for them.
 */
enum { DONE_WORK = 8 };

/* ---- slots ------------------------------------------------------------------------ */

static bool grow(lm_nvme_t *nvme)
{
	struct nvme_cmd *some;
	unsigned int i;

	if (nvme->nr_cmds == NVME_SLOTS)
		return false;
	some = calloc(CMD_CHUNK, sizeof(*some));
	for (i = 0; some && i < CMD_CHUNK; i++) {
		const uint32_t nr = nvme->nr_cmds++;

		some[i].nr = (uint16_t)nr;
		some[i].slot = &nvme->st->slot[nr];
		some[i].pub.nvme = nvme;
		nvme->cmd[nr] = &some[i];
		TAILQ_INSERT_TAIL(&nvme->free, &some[i], link);
	}
	return some;
}

static void take(struct nvme_cmd *cmd, uint16_t sqid)
{
	lm_nvme_t *nvme = cmd->pub.nvme;

	TAILQ_REMOVE(&nvme->free, cmd, link);
	cmd->is_used = true;
	cmd->is_dead = false;
	cmd->fault = (lm_nvme_fault_t){ 0 };
	cmd->pub.sqid = sqid;
	nvme->nr_used++;
	nvme->sq[sqid].in_flight++;
}

struct nvme_cmd *nvme_cmd_new(lm_nvme_t *nvme, uint16_t sqid)
{
	struct nvme_cmd *cmd;

	if (TAILQ_EMPTY(&nvme->free) && !grow(nvme))
		return NULL;
	cmd = TAILQ_FIRST(&nvme->free);
	take(cmd, sqid);
	return cmd;
}

struct nvme_cmd *nvme_cmd_again(lm_nvme_t *nvme, uint16_t nr)
{
	while (nvme->nr_cmds <= nr) {
		if (!grow(nvme))
			return NULL;
	}
	take(nvme->cmd[nr], nvme->st->slot[nr].sqid);
	return nvme->cmd[nr];
}

void *nvme_cmd_aux(struct nvme_cmd *cmd, size_t size)
{
	free(cmd->aux);
	cmd->aux = calloc(1, size);
	return cmd->aux;
}

/* What it held goes; so does its slot, if it is still its own. */
static void give_back(struct nvme_cmd *cmd)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const uint16_t sqid = cmd->pub.sqid;

	nvme_data_release(cmd);
	nvme_ns_put(cmd);
	free(cmd->aux);
	cmd->aux = NULL;
	cmd->op = NULL;
	cmd->is_used = false;
	TAILQ_INSERT_HEAD(&nvme->free, cmd, link);
	nvme->nr_used--;
	if (cmd->is_dead) {
		if (!--nvme->nr_dead && nvme->drained)
			nvme->drained(nvme);
		return;
	}
	cmd->slot->state = NVME_SLOT_FREE;
	if (nvme->is_starved) {
		nvme->is_starved = false;
		nvme_kick(nvme);
	}
	if (!--nvme->sq[sqid].in_flight && nvme->sq[sqid].deleter)
		nvme->sq[sqid].deleter->io_next(nvme->sq[sqid].deleter, 0);
}

void nvme_cmd_drop(struct nvme_cmd *cmd)
{
	give_back(cmd);
}

/* ---- completions ------------------------------------------------------------------ */

void nvme_fatal(lm_nvme_t *nvme, const char *why)
{
	if (nvme->st->csts & NVME_CSTS_CFS)
		return;
	lm_log(nvme->ctx, LM_LOG_WARN, "controller fatal status: %s", why);
	nvme->st->csts |= NVME_CSTS_CFS;
	lm_event(nvme->ctx, "nvme-fatal", 0);
}

static void cqe_make(struct nvme_cmd *cmd, bool phase)
{
	const lm_nvme_t *nvme = cmd->pub.nvme;
	const struct nvme_slot *slot = cmd->slot;
	const struct nvme_sq *sq = &nvme->sq[slot->sqid];

	const uint16_t head = sq->fetching ? sq->fetched : nvme->st->sq[slot->sqid].head;
	const uint32_t end = NVME_CID(slot->dw[0]) | (uint32_t)(slot->status << 1 | phase) << 16;

	cmd->cqe[0] = htole64(slot->result);
	cmd->cqe[1] = htole64(head | (uint32_t)slot->sqid << 16 | (uint64_t)end << 32);
}

static void posted(struct nvme_cmd *cmd)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const uint16_t cqid = nvme->st->sq[cmd->pub.sqid].cqid;

	nvme_irq_raise(nvme, cqid);
	give_back(cmd);
}

static void last_is_written(void *arg, int result)
{
	struct nvme_cmd *cmd = arg;

	if (cmd->is_dead) {
		give_back(cmd);
		return;
	}
	if (result)
		nvme_fatal(cmd->pub.nvme, "a completion queue cannot be written");
	posted(cmd);
}

/* The dword with the phase comes last: whoever sees it sees the rest. */
static void first_is_written(void *arg, int result)
{
	struct nvme_cmd *cmd = arg;
	lm_nvme_t *nvme = cmd->pub.nvme;
	const struct nvme_cq *cq = &nvme->cq[nvme->st->sq[cmd->pub.sqid].cqid];
	const struct iovec last = { (char *)cmd->cqe + 12, 4 };
	const uint64_t at = cq->ring.addr + cmd->slot->index * 16u + 12;

	if (!result && !cmd->is_dead)
		result = lm_dma_write_at_async(nvme->ctx, at, &last, last_is_written, cmd);
	else if (!result)
		result = -ECANCELED;
	if (result)
		last_is_written(cmd, result);
}

static void cqe_write(struct nvme_cmd *cmd, struct nvme_cq *cq)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const uint32_t at = cmd->slot->index * 16u;
	const struct iovec first = { cmd->cqe, 12 };
	char *memory = nvme_ring_memory(nvme, &cq->ring, PROT_READ | PROT_WRITE);
	uint64_t *to;
	int ret;

	if (memory) {
		to = (uint64_t *)(void *)(memory + at);
		to[0] = cmd->cqe[0];
		__atomic_store_n(&to[1], cmd->cqe[1], __ATOMIC_RELEASE);
		posted(cmd);
		return;
	}
	ret = lm_dma_write_at_async(nvme->ctx, cq->ring.addr + at, &first, first_is_written, cmd);
	if (ret)
		first_is_written(cmd, ret);
}

static bool is_full(const struct nvme_state_cq *cq)
{
	return nvme_next(cq->tail, cq->entries) == cq->head;
}

/* One that was being posted when the process ended goes where it went. */
void nvme_cmd_post(struct nvme_cmd *cmd)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const uint16_t cqid = nvme->st->sq[cmd->pub.sqid].cqid;
	struct nvme_state_cq *st = &nvme->st->cq[cqid];
	struct nvme_slot *slot = cmd->slot;
	struct nvme_cq *cq = &nvme->cq[cqid];

	if (slot->state != NVME_SLOT_POSTING) {
		if (is_full(st)) {
			TAILQ_INSERT_TAIL(&cq->backlog, cmd, link);
			return;
		}
		slot->index = st->tail;
		slot->state = NVME_SLOT_POSTING;
		cqe_make(cmd, st->phase);
		st->tail = nvme_next(st->tail, st->entries);
		st->phase ^= !st->tail;
	} else {
		cqe_make(cmd, slot->index < st->tail ? st->phase : !st->phase);
	}
	cqe_write(cmd, cq);
}

void nvme_cmd_retry(lm_nvme_t *nvme, uint16_t cqid)
{
	struct nvme_cmds *backlog = &nvme->cq[cqid].backlog;
	struct nvme_cmd *cmd;

	while ((cmd = TAILQ_FIRST(backlog)) && !is_full(&nvme->st->cq[cqid])) {
		TAILQ_REMOVE(backlog, cmd, link);
		nvme_cmd_post(cmd);
	}
}

/* ---- ends ------------------------------------------------------------------------- */

void nvme_cmd_post_all(lm_nvme_t *nvme)
{
	struct nvme_cmd *cmd;

	nvme->done_work = 0;
	while ((cmd = TAILQ_FIRST(&nvme->done))) {
		TAILQ_REMOVE(&nvme->done, cmd, link);
		nvme_cmd_post(cmd);
	}
}

static void post(struct nvme_cmd *cmd)
{
	lm_nvme_t *nvme = cmd->pub.nvme;

	if (cmd->fault.flags & LM_NVME_FAULT_DROP || nvme->st->csts & NVME_CSTS_CFS) {
		give_back(cmd);
	} else if (nvme->is_turning) {
		TAILQ_INSERT_TAIL(&nvme->done, cmd, link);
		nvme->done_work += 1 + (uint32_t)(cmd->pub.length / NVME_PAGE);
		if (nvme->done_work >= DONE_WORK)
			nvme_cmd_post_all(nvme);
	} else {
		nvme_cmd_post(cmd);
	}
}

static void note_end(const struct nvme_cmd *cmd)
{
	const struct nvme_slot *slot = cmd->slot;
	char how[32] = "done";

	if (slot->status)
		snprintf(how, sizeof(how), "status %03xh", slot->status & NVME_STATUS_CODE);
	else if (slot->result)
		snprintf(how, sizeof(how), "done, result %llxh", (unsigned long long)slot->result);
	lm_note(cmd->pub.nvme->ctx, "%s cid=%u sq=%u: %s", cmd->op ? cmd->op->name : "command",
		NVME_CID(slot->dw[0]), slot->sqid, how);
}

static void delivered(struct nvme_cmd *cmd, uint16_t status)
{
	struct nvme_slot *slot = cmd->slot;
	lm_nvme_t *nvme = cmd->pub.nvme;

	if (cmd->is_dead) {
		give_back(cmd);
		return;
	}
	slot->status = nvme_error_log(cmd, status);
	slot->result = cmd->fault.flags & LM_NVME_FAULT_RESULT ? cmd->fault.result :
								 cmd->pub.result;
	slot->state = NVME_SLOT_DONE;
	if (lm_is_traced(nvme->ctx))
		note_end(cmd);
	/* Pointers go before the guest knows: it may unmap the memory at once. */
	nvme_data_release(cmd);
	nvme_fault_wait(cmd, cmd->fault.end_delay_ns, post);
}

void nvme_cmd_end(struct nvme_cmd *cmd, uint16_t status)
{
	cmd->is_at_backend = false;
	if (status || cmd->is_dead) {
		delivered(cmd, status);
		return;
	}
	if (nvme_cmd_way(cmd) & NVME_TO_HOST)
		nvme_fault_corrupt(cmd);
	nvme_data_deliver(cmd, delivered);
}

NVME_EXPORT void lm_nvme_complete(lm_nvme_cmd_t *cmd, uint16_t status)
{
	nvme_cmd_end(nvme_cmd_of(cmd), status & NVME_STATUS_CODE);
}

/* ---- reset ------------------------------------------------------------------------ */

/* Those that wait for nobody but us go now; the others are given back by whom they are with. */
bool nvme_cmd_drop_all(lm_nvme_t *nvme, bool forget)
{
	void (*drained)(lm_nvme_t *) = nvme->drained;
	struct nvme_cmds *lists[NVME_QUEUES + 4] = { &nvme->aers, &nvme->bounce_waiters,
						     &nvme->held, &nvme->done };
	struct nvme_cmd *cmd;
	uint32_t i;

	nvme->drained = NULL;
	/* Another process's as well. What was never written to is not written to now. */
	for (i = 0; forget && i < NVME_SLOTS; i++) {
		if (nvme->st->slot[i].state != NVME_SLOT_FREE)
			nvme->st->slot[i].state = NVME_SLOT_FREE;
	}
	for (i = 0; i < nvme->nr_cmds; i++) {
		cmd = nvme->cmd[i];
		nvme->nr_dead += cmd->is_used && !cmd->is_dead;
		cmd->is_dead = cmd->is_used;
	}
	for (i = 0; i < NVME_QUEUES; i++) {
		if (nvme->sq[i].deleter)
			give_back(nvme->sq[i].deleter);
		nvme->sq[i].in_flight = nvme->sq[i].fetching = 0;
		nvme->sq[i].deleter = NULL;
		lists[i + 4] = &nvme->cq[i].backlog;
	}
	for (i = 0; i < LM_NR(lists); i++) {
		while ((cmd = TAILQ_FIRST(lists[i]))) {
			TAILQ_REMOVE(lists[i], cmd, link);
			cmd->data.is_waiting = false;
			cmd->is_held = false;
			give_back(cmd);
		}
	}
	nvme->nr_aers = nvme->done_work = 0;
	for (i = 0; i < nvme->nr_cmds; i++) {
		cmd = nvme->cmd[i];
		if (cmd->is_used && cmd->is_at_backend && cmd->ns && cmd->ns->info.block &&
		    cmd->ns->info.block->cancel)
			cmd->ns->info.block->cancel(cmd->ns->info.pvt, &cmd->io);
	}
	nvme->drained = drained;
	return !nvme->nr_dead;
}

void nvme_cmd_free_all(lm_nvme_t *nvme)
{
	uint32_t i;

	for (i = 0; i < nvme->nr_cmds; i++) {
		if (nvme->cmd[i]->is_used)
			nvme_data_release(nvme->cmd[i]);
		free(nvme->cmd[i]->aux);
	}
	for (i = 0; i < nvme->nr_cmds; i += CMD_CHUNK)
		free(nvme->cmd[i]);
}
