/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_admin.c - the table of admin commands, and Abort.
 *
 * Left out: namespace management and attachment, firmware, security, directives, self-test,
 * virtualization; Keep Alive, which controllers over PCIe need not have.
 */
#include <stdio.h>

#include "nvme/nvme.h"

/* ---- Abort (Base 5.1) ------------------------------------------------------------- */

enum { NOT_ABORTED = 1 };

static struct nvme_cmd *victim(const lm_nvme_t *nvme, const lm_nvme_cmd_t *abort)
{
	const uint16_t sqid = (uint16_t)abort->dw[10], cid = (uint16_t)(abort->dw[10] >> 16);
	uint32_t i;

	for (i = 0; i < nvme->nr_cmds; i++) {
		struct nvme_cmd *cmd = nvme->cmd[i];

		if (cmd->is_used && !cmd->is_dead && &cmd->pub != abort &&
		    cmd->slot->state == NVME_SLOT_SERVED && cmd->slot->sqid == sqid &&
		    NVME_CID(cmd->slot->dw[0]) == cid)
			return cmd;
	}
	return NULL;
}

/* What waits for us ends at once; what a backend does, if that has a way to be told: then it may
 * have ended by now. */
static bool is_aborted(lm_nvme_t *nvme, struct nvme_cmd *cmd)
{
	const lm_nvme_block_ops_t *ops = cmd->ns ? cmd->ns->info.block : NULL;

	if (cmd->is_held) {
		nvme_fault_let_go(cmd);
	} else if (cmd->op && cmd->op->run == nvme_event_request) {
		TAILQ_REMOVE(&nvme->aers, cmd, link);
		nvme->nr_aers--;
	} else if (cmd->data.is_waiting) {
		TAILQ_REMOVE(&nvme->bounce_waiters, cmd, link);
		cmd->data.is_waiting = false;
	} else {
		if (cmd->is_at_backend && ops && ops->cancel)
			ops->cancel(cmd->ns->info.pvt, &cmd->io);
		return cmd->slot->state != NVME_SLOT_SERVED;
	}
	nvme_cmd_end(cmd, LM_NVME_ABORT_REQUESTED);
	return true;
}

static uint16_t abort_check(lm_nvme_cmd_t *cmd)
{
	const uint16_t sqid = (uint16_t)cmd->dw[10];

	cmd->error_at = LM_NVME_DW(10);
	return sqid < NVME_QUEUES && cmd->nvme->st->sq[sqid].entries ? LM_NVME_SUCCESS :
								       LM_NVME_INVALID_FIELD;
}

static void abort_run(lm_nvme_cmd_t *cmd)
{
	struct nvme_cmd *other = victim(cmd->nvme, cmd);

	cmd->result = other && is_aborted(cmd->nvme, other) ? 0 : NOT_ABORTED;
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

static void abort_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "sq=%u cid=%u", cmd->dw[10] & 0xffff, cmd->dw[10] >> 16);
}

/* ---- the table -------------------------------------------------------------------- */

const lm_nvme_op_t nvme_admin_ops[] = {
	{ .opcode = NVME_DELETE_SQ,
	  .name = "Delete I/O Submission Queue",
	  .check = nvme_delete_sq_check,
	  .run = nvme_delete_sq,
	  .print = nvme_queue_print },
	{ .opcode = NVME_CREATE_SQ,
	  .name = "Create I/O Submission Queue",
	  .check = nvme_create_sq_check,
	  .run = nvme_create_sq,
	  .print = nvme_queue_print },
	{ .opcode = NVME_GET_LOG_PAGE,
	  .name = "Get Log Page",
	  .check = nvme_log_page_check,
	  .run = nvme_log_page,
	  .print = nvme_log_page_print },
	{ .opcode = NVME_DELETE_CQ,
	  .name = "Delete I/O Completion Queue",
	  .check = nvme_delete_cq_check,
	  .run = nvme_delete_cq,
	  .print = nvme_queue_print },
	{ .opcode = NVME_CREATE_CQ,
	  .name = "Create I/O Completion Queue",
	  .check = nvme_create_cq_check,
	  .run = nvme_create_cq,
	  .print = nvme_queue_print },
	{ .opcode = NVME_IDENTIFY,
	  .name = "Identify",
	  .check = nvme_identify_check,
	  .run = nvme_identify,
	  .print = nvme_identify_print },
	{ .opcode = NVME_ABORT,
	  .name = "Abort",
	  .check = abort_check,
	  .run = abort_run,
	  .print = abort_print },
	{ .opcode = NVME_SET_FEATURES,
	  .name = "Set Features",
	  .check = nvme_set_features_check,
	  .run = nvme_set_features,
	  .print = nvme_features_print },
	{ .opcode = NVME_GET_FEATURES,
	  .name = "Get Features",
	  .check = nvme_get_features_check,
	  .run = nvme_get_features,
	  .print = nvme_features_print },
	{ .opcode = NVME_AER, .name = "Asynchronous Event Request", .run = nvme_event_request },
	{ .opcode = NVME_FORMAT,
	  .name = "Format NVM",
	  .flags = LM_NVME_OP_NS | LM_NVME_OP_WRITES | LM_NVME_OP_EXCLUSIVE,
	  .effects = LM_NVME_EFFECT_LBCC | LM_NVME_EFFECT_NCC | LM_NVME_EFFECT_CSE,
	  .check = nvme_format_check,
	  .run = nvme_format,
	  .print = nvme_format_print },
	/* The last one: not all controllers have it. */
	{ .opcode = NVME_DOORBELL_BUFFER,
	  .name = "Doorbell Buffer Config",
	  .check = nvme_shadow_check,
	  .run = nvme_shadow_config,
	  .print = nvme_shadow_print },
};

const uint32_t nvme_nr_admin_ops = LM_NR(nvme_admin_ops);
