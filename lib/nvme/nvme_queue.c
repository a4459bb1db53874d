/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_queue.c - queues come and go (Base 5.4, 5.5, 5.6, 5.7).
 *
 * I/O queues lie in one piece (CAP.CQR). A submission queue is deleted when the commands that were
 * taken from it have their completions; meanwhile none is taken.
 */
#include <stdio.h>

#include "nvme/nvme.h"

#define QID(dw10)     ((uint16_t)(dw10))
#define ENTRIES(dw10) (((dw10) >> 16) + 1)
#define PC            1u
#define IEN           2u

static uint64_t prp1(const lm_nvme_cmd_t *cmd)
{
	return cmd->dw[6] | (uint64_t)cmd->dw[7] << 32;
}

/* ---- what is made of them --------------------------------------------------------- */

static void pairs_grow(lm_nvme_t *nvme, uint16_t id)
{
	nvme->nr_pairs = id < nvme->nr_pairs ? nvme->nr_pairs : id + 1u;
}

void nvme_queue_sq(lm_nvme_t *nvme, uint16_t id)
{
	const struct nvme_state_sq *st = &nvme->st->sq[id];

	nvme_ring_set(&nvme->sq[id].ring, st->base, (uint64_t)st->entries << NVME_SQES);
	pairs_grow(nvme, id);
	nvme->cq[st->cqid].nr_sqs++;
}

void nvme_queue_cq(lm_nvme_t *nvme, uint16_t id)
{
	const struct nvme_state_cq *st = &nvme->st->cq[id];

	nvme_ring_set(&nvme->cq[id].ring, st->base, (uint64_t)st->entries << NVME_CQES);
	pairs_grow(nvme, id);
}

void nvme_queue_forget(lm_nvme_t *nvme)
{
	unsigned int i;

	for (i = 0; i < NVME_QUEUES; i++) {
		nvme_ring_release(nvme, &nvme->sq[i].ring);
		nvme_ring_release(nvme, &nvme->cq[i].ring);
		nvme->cq[i].nr_sqs = 0;
	}
	nvme_shadow_forget(nvme);
	nvme->nr_pairs = 0;
	nvme->ready[0] = nvme->ready[1] = 0;
	nvme->next_sq = 0;
	nvme->is_starved = false;
}

void nvme_queue_reset(lm_nvme_t *nvme)
{
	nvme_queue_forget(nvme);
	memset(nvme->st->sq, 0, sizeof(nvme->st->sq));
	memset(nvme->st->cq, 0, sizeof(nvme->st->cq));
}

static bool entries_are_sane(uint32_t entries, unsigned int id)
{
	return !entries || (entries >= 2 && entries <= (id ? NVME_ENTRIES : NVME_ADMIN_MAX));
}

static bool sq_is_sane(const struct nvme_state *st, unsigned int id)
{
	const struct nvme_state_sq *sq = &st->sq[id];

	if (!entries_are_sane(sq->entries, id) || sq->cqid >= NVME_QUEUES)
		return false;
	return !sq->entries || (sq->head < sq->entries && sq->tail < sq->entries &&
				st->cq[sq->cqid].entries && !id == !sq->cqid);
}

static bool cq_is_sane(const struct nvme_state *st, unsigned int id)
{
	const struct nvme_state_cq *cq = &st->cq[id];

	if (!entries_are_sane(cq->entries, id))
		return false;
	return !cq->entries || (cq->head < cq->entries && cq->tail < cq->entries &&
				cq->phase <= 1 && cq->irq_on <= 1 && cq->vector < LM_NVME_VECTORS);
}

bool nvme_queue_is_sane(const struct nvme_state *st)
{
	unsigned int i;

	for (i = 0; i < NVME_QUEUES; i++) {
		if (!sq_is_sane(st, i) || !cq_is_sane(st, i))
			return false;
	}
	return true;
}

/* ---- creating --------------------------------------------------------------------- */

static uint16_t create_check(lm_nvme_cmd_t *cmd, bool exists, bool size_is_set)
{
	const lm_nvme_t *nvme = cmd->nvme;
	const uint32_t entries = ENTRIES(cmd->dw[10]);

	cmd->error_at = LM_NVME_DW(10);
	if (!QID(cmd->dw[10]) || QID(cmd->dw[10]) > nvme->info.queues || exists)
		return LM_NVME_INVALID_QUEUE_ID;
	cmd->error_at = LM_NVME_DW_BIT(10, 16);
	if (entries < 2 || entries > nvme->info.entries || !size_is_set)
		return LM_NVME_INVALID_QUEUE_SIZE;
	cmd->error_at = LM_NVME_DW(11);
	if (!(cmd->dw[11] & PC))
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW(6);
	return prp1(cmd) % NVME_PAGE ? LM_NVME_PRP_INVALID_OFFSET : LM_NVME_SUCCESS;
}

static bool cq_exists(const lm_nvme_t *nvme, uint32_t id)
{
	return id < NVME_QUEUES && nvme->st->cq[id].entries;
}

static bool sq_exists(const lm_nvme_t *nvme, uint32_t id)
{
	return id < NVME_QUEUES && nvme->st->sq[id].entries;
}

uint16_t nvme_create_cq_check(lm_nvme_cmd_t *cmd)
{
	lm_nvme_t *nvme = cmd->nvme;
	const uint16_t status = create_check(cmd, cq_exists(nvme, QID(cmd->dw[10])),
					     NVME_CC_IOCQES(nvme->st->cc) == NVME_CQES);

	if (status)
		return status;
	cmd->error_at = LM_NVME_DW_BIT(11, 16);
	if (cmd->dw[11] >> 16 >= nvme_irq_vectors(nvme))
		return LM_NVME_INVALID_VECTOR;
	return LM_NVME_SUCCESS;
}

void nvme_create_cq(lm_nvme_cmd_t *cmd)
{
	const uint16_t id = QID(cmd->dw[10]);
	const bool irq_on = cmd->dw[11] & IEN;

	cmd->nvme->st->cq[id] = (struct nvme_state_cq){
		.base = prp1(cmd),
		.entries = (uint16_t)ENTRIES(cmd->dw[10]),
		.vector = irq_on ? cmd->dw[11] >> 16 : 0,
		.phase = 1,
		.irq_on = irq_on,
	};
	nvme_queue_cq(cmd->nvme, id);
	nvme_bell_clear(cmd->nvme, 2u * id + 1);
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

uint16_t nvme_create_sq_check(lm_nvme_cmd_t *cmd)
{
	lm_nvme_t *nvme = cmd->nvme;
	const uint32_t cqid = cmd->dw[11] >> 16;

	cmd->error_at = LM_NVME_DW_BIT(11, 16);
	if (!cqid || cqid > nvme->info.queues)
		return LM_NVME_INVALID_QUEUE_ID;
	if (!cq_exists(nvme, cqid))
		return LM_NVME_INVALID_CQ;
	return create_check(cmd, sq_exists(nvme, QID(cmd->dw[10])),
			    NVME_CC_IOSQES(nvme->st->cc) == NVME_SQES);
}

void nvme_create_sq(lm_nvme_cmd_t *cmd)
{
	const uint16_t id = QID(cmd->dw[10]);

	cmd->nvme->st->sq[id] = (struct nvme_state_sq){
		.base = prp1(cmd),
		.entries = (uint16_t)ENTRIES(cmd->dw[10]),
		.cqid = (uint16_t)(cmd->dw[11] >> 16),
	};
	nvme_queue_sq(cmd->nvme, id);
	nvme_bell_clear(cmd->nvme, 2u * id);
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

/* ---- deleting --------------------------------------------------------------------- */

uint16_t nvme_delete_sq_check(lm_nvme_cmd_t *cmd)
{
	const uint16_t id = QID(cmd->dw[10]);

	cmd->error_at = LM_NVME_DW(10);
	return id && sq_exists(cmd->nvme, id) && !cmd->nvme->sq[id].deleter ?
		       LM_NVME_SUCCESS :
		       LM_NVME_INVALID_QUEUE_ID;
}

static void sq_is_idle(struct nvme_cmd *cmd, int result)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const uint16_t id = QID(cmd->pub.dw[10]);
	struct nvme_state_sq *st = &nvme->st->sq[id];

	nvme_ring_release(nvme, &nvme->sq[id].ring);
	nvme->sq[id].deleter = NULL;
	nvme->cq[st->cqid].nr_sqs--;
	*st = (struct nvme_state_sq){ 0 };
	nvme_cmd_end(cmd, LM_NVME_SUCCESS);
}

void nvme_delete_sq(lm_nvme_cmd_t *pub)
{
	struct nvme_sq *sq = &pub->nvme->sq[QID(pub->dw[10])];
	struct nvme_cmd *cmd = nvme_cmd_of(pub);

	sq->deleter = cmd;
	cmd->io_next = sq_is_idle;
	if (!sq->in_flight)
		sq_is_idle(cmd, 0);
}

uint16_t nvme_delete_cq_check(lm_nvme_cmd_t *cmd)
{
	const uint16_t id = QID(cmd->dw[10]);

	cmd->error_at = LM_NVME_DW(10);
	if (!id || !cq_exists(cmd->nvme, id))
		return LM_NVME_INVALID_QUEUE_ID;
	return cmd->nvme->cq[id].nr_sqs ? LM_NVME_INVALID_QUEUE_DELETION : LM_NVME_SUCCESS;
}

void nvme_delete_cq(lm_nvme_cmd_t *cmd)
{
	const uint16_t id = QID(cmd->dw[10]);

	nvme_ring_release(cmd->nvme, &cmd->nvme->cq[id].ring);
	cmd->nvme->st->cq[id] = (struct nvme_state_cq){ 0 };
	nvme_irq_update(cmd->nvme);
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

void nvme_queue_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	const uint32_t *dw = cmd->dw;

	if (cmd->opcode == NVME_CREATE_CQ)
		snprintf(buf, size, "qid=%u entries=%u vector=%u%s", QID(dw[10]), ENTRIES(dw[10]),
			 dw[11] >> 16, dw[11] & IEN ? "" : " polled");
	else if (cmd->opcode == NVME_CREATE_SQ)
		snprintf(buf, size, "qid=%u entries=%u cqid=%u", QID(dw[10]), ENTRIES(dw[10]),
			 dw[11] >> 16);
	else
		snprintf(buf, size, "qid=%u", QID(dw[10]));
}
