/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_exec.c - a command from its queue to its handler.
 *
 * One place for all of them: fetched, found in the table of its command set, checked by what the
 * table says and by the handler, its data at hand, run. Until it runs it has changed nothing.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "nvme/nvme.h"

/* ---- which command it is ---------------------------------------------------------- */

static const lm_nvme_op_t *admin_op(const lm_nvme_t *nvme, uint8_t opcode)
{
	const lm_nvme_info_t *info = &nvme->info;

	if (opcode >= NVME_ADMIN_VENDOR)
		return nvme_op_find(info->admin_ops, info->nr_admin_ops, info->admin_op_size,
				    opcode);
	return nvme_op_find(nvme->admin_ops, nvme->nr_admin_ops, sizeof(lm_nvme_op_t), opcode);
}

/* Where there is no namespace there is no command set of its own. */
static const lm_nvme_op_t *io_op(const lm_nvme_t *nvme, const struct nvme_ns *ns, uint8_t opcode)
{
	const lm_nvme_set_t *set = ns ? ns->set : nvme->set[0];

	if (NVME_CC_CSS(nvme->st->cc) == NVME_CSS_ADMIN)
		return NULL;
	return nvme_op_find(set->ops, set->nr_ops, set->op_size, opcode);
}

/* ---- its checks ------------------------------------------------------------------- */

static uint16_t ns_begin(struct nvme_cmd *cmd, struct nvme_ns *ns)
{
	cmd->pub.error_at = LM_NVME_DW(1);
	if (!ns)
		return nvme_nsid_status(cmd->pub.nvme, cmd->pub.dw[1]);
	if (ns->is_exclusive)
		return LM_NVME_FORMAT_IN_PROGRESS;
	if (cmd->op->flags & LM_NVME_OP_WRITES && ns->info.flags & LM_NVME_NS_READ_ONLY)
		return LM_NVME_NS_WRITE_PROTECTED;
	nvme_ns_get(ns, cmd);
	cmd->pub.error_at = 0;
	return LM_NVME_SUCCESS;
}

static uint16_t checks(struct nvme_cmd *cmd)
{
	const lm_nvme_op_t *op = cmd->op;
	uint16_t status;

	if (NVME_FUSE(cmd->pub.dw[0])) {
		cmd->pub.error_at = LM_NVME_DW_BIT(0, 8);
		return LM_NVME_INVALID_FIELD;
	}
	status = op->check ? op->check(&cmd->pub) : LM_NVME_SUCCESS;
	if (status)
		return status;
	cmd->pub.error_at = 0;
	return cmd->pub.length > cmd->pub.nvme->max_transfer ? LM_NVME_INVALID_FIELD : status;
}

static uint16_t begin(struct nvme_cmd *cmd)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	struct nvme_ns *ns = nvme_ns_find(nvme, cmd->pub.dw[1]);
	uint16_t status = LM_NVME_SUCCESS;

	cmd->op = nvme_is_admin(cmd) ? admin_op(nvme, cmd->pub.opcode) :
				       io_op(nvme, ns, cmd->pub.opcode);
	if (!cmd->op)
		return LM_NVME_INVALID_OPCODE;
	if (cmd->op->flags & LM_NVME_OP_NS)
		status = ns_begin(cmd, ns);
	status = status ?: checks(cmd);
	if (!status && cmd->op->flags & LM_NVME_OP_EXCLUSIVE) {
		ns->is_exclusive = true;
		cmd->is_exclusive = true;
	}
	return status;
}

/* ---- running ---------------------------------------------------------------------- */

/* A row of a trace that says what a doorbell was for. */
static void note(const struct nvme_cmd *cmd)
{
	const lm_nvme_cmd_t *pub = &cmd->pub;
	char fields[96] = "";

	if (cmd->op && cmd->op->print)
		cmd->op->print(pub, fields, sizeof(fields));
	if (cmd->op)
		lm_note(pub->nvme->ctx, "%s nsid=%u%s%s cid=%u sq=%u", cmd->op->name, pub->dw[1],
			*fields ? " " : "", fields, NVME_CID(pub->dw[0]), pub->sqid);
	else
		lm_note(pub->nvme->ctx, "opcode %02xh nsid=%u cid=%u sq=%u", pub->opcode,
			pub->dw[1], NVME_CID(pub->dw[0]), pub->sqid);
}

/* Of what is copied the library has rows. */
static void note_data(const struct nvme_cmd *cmd)
{
	const struct nvme_data *data = &cmd->data;
	const lm_nvme_cmd_t *pub = &cmd->pub;

	if (data->nr && !data->is_copied)
		lm_note(pub->nvme->ctx, "%s cid=%u sq=%u: %llu bytes %s 0x%llx%s", cmd->op->name,
			NVME_CID(pub->dw[0]), pub->sqid, (unsigned long long)pub->length,
			nvme_cmd_way(cmd) & NVME_TO_HOST ? "to" : "from",
			(unsigned long long)data->range[0].addr,
			data->nr > 1 ? " and elsewhere" : "");
}

static void run(struct nvme_cmd *cmd, uint16_t status)
{
	if (status || cmd->is_dead) {
		nvme_cmd_end(cmd, status);
		return;
	}
	if (lm_is_traced(cmd->pub.nvme->ctx))
		note_data(cmd);
	if (nvme_cmd_way(cmd) & NVME_TO_CONTROLLER)
		nvme_fault_corrupt(cmd);
	cmd->op->run(&cmd->pub);
}

static void serve(struct nvme_cmd *cmd)
{
	uint16_t status = begin(cmd);

	if (!status && cmd->fault.flags & LM_NVME_FAULT_FAIL)
		status = cmd->fault.status & NVME_STATUS_CODE;
	if (lm_is_traced(cmd->pub.nvme->ctx))
		note(cmd);
	if (status)
		nvme_cmd_end(cmd, status);
	else
		nvme_data_prepare(cmd, run);
}

void nvme_exec(struct nvme_cmd *cmd)
{
	lm_nvme_cmd_t *pub = &cmd->pub;
	lm_nvme_t *nvme = pub->nvme;

	pub->pvt = nvme->info.pvt;
	memcpy(pub->dw, cmd->slot->dw, sizeof(pub->dw));
	memset(&pub->block_shift, 0, sizeof(*pub) - offsetof(lm_nvme_cmd_t, block_shift));
	pub->opcode = (uint8_t)pub->dw[0];
	cmd->io = (lm_nvme_io_t){ 0 };
	cmd->slot->state = NVME_SLOT_SERVED;
	nvme_fault_ask(cmd);
	nvme_fault_wait(cmd, cmd->fault.delay_ns, serve);
}

static void arrived(struct nvme_cmd *cmd)
{
	unsigned int i;

	for (i = 0; i < LM_NR(cmd->slot->dw); i++)
		cmd->slot->dw[i] = le32toh(cmd->slot->dw[i]);
	nvme_exec(cmd);
}

static void fetched(void *arg, int result)
{
	struct nvme_cmd *cmd = arg;

	if (!cmd->is_dead)
		cmd->pub.nvme->sq[cmd->pub.sqid].fetching--;
	if (result && !cmd->is_dead)
		nvme_fatal(cmd->pub.nvme, "a submission queue cannot be read");
	if (result || cmd->is_dead)
		nvme_cmd_end(cmd, LM_NVME_DATA_TRANSFER_ERROR);
	else
		arrived(cmd);
}

/* Entries that are being read are the guest's to change only afterwards. */
static void fetch_begins(const lm_nvme_t *nvme, struct nvme_sq *sq, const struct nvme_slot *slot)
{
	const struct nvme_state_sq *st = &nvme->st->sq[slot->sqid];
	const uint32_t age = (uint32_t)(st->head + st->entries - slot->index) % st->entries;
	const uint32_t oldest = (uint32_t)(st->head + st->entries - sq->fetched) % st->entries;

	if (!sq->fetching++ || age > oldest)
		sq->fetched = slot->index;
}

static size_t after_next(const struct nvme_state_sq *st)
{
	return (size_t)nvme_next(st->head, st->entries) << NVME_SQES;
}

void nvme_fetch(struct nvme_cmd *cmd)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const struct nvme_state_sq *st = &nvme->st->sq[cmd->pub.sqid];
	struct nvme_ring *ring = &nvme->sq[cmd->pub.sqid].ring;
	const struct iovec to = { cmd->slot->dw, sizeof(cmd->slot->dw) };
	const uint32_t at = cmd->slot->index * (uint32_t)sizeof(cmd->slot->dw);
	const char *memory = nvme_ring_memory(nvme, ring, PROT_READ);
	int ret;

	if (memory) {
		memcpy(cmd->slot->dw, memory + at, sizeof(cmd->slot->dw));
		/* It is in the guest's cache, and comes while this one is served. */
		if (st->head != st->tail)
			__builtin_prefetch(memory + after_next(st));
		arrived(cmd);
		return;
	}
	fetch_begins(nvme, &nvme->sq[cmd->pub.sqid], cmd->slot);
	ret = lm_dma_read_at_async(nvme->ctx, ring->addr + at, &to, fetched, cmd);
	if (ret)
		fetched(cmd, ret);
}
