/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_error.c - what a completion says of a failure, and the error log (Base 5.16.1.2).
 */
#include "nvme/nvme.h"

/* Worth another try: all else fails again. */
static bool is_transient(uint16_t code)
{
	switch (code) {
	case LM_NVME_INTERNAL_ERROR:
	case LM_NVME_DATA_TRANSFER_ERROR:
	case LM_NVME_ABORT_REQUESTED:
	case LM_NVME_ABORT_SQ_DELETION:
	case LM_NVME_COMMAND_INTERRUPTED:
	case LM_NVME_NS_NOT_READY:
	case LM_NVME_FORMAT_IN_PROGRESS: return true;
	default: return false;
	}
}

static bool is_about_medium(uint16_t code)
{
	return code == LM_NVME_READ_ERROR || code == LM_NVME_WRITE_FAULT;
}

uint16_t nvme_error_dma(int err)
{
	return err == -ENOMEM ? LM_NVME_INTERNAL_ERROR : LM_NVME_DATA_TRANSFER_ERROR;
}

/* Figure 206. The phase bit is not the log's business. */
static void entry_put(const struct nvme_cmd *cmd, uint16_t status, uint8_t *entry, uint64_t nr)
{
	const uint32_t *dw = cmd->slot->dw;

	memset(entry, 0, 64);
	nvme_put64(entry, nr);
	nvme_put16(entry + 8, cmd->pub.sqid);
	nvme_put16(entry + 10, NVME_CID(dw[0]));
	nvme_put16(entry + 12, (uint16_t)(status << 1));
	nvme_put16(entry + 14, cmd->pub.error_at ?: 0xffff);
	if (cmd->ns && cmd->op && cmd->op->flags & LM_NVME_OP_NS && !nvme_is_admin(cmd))
		nvme_put64(entry + 16, dw[10] | (uint64_t)dw[11] << 32);
	nvme_put32(entry + 24, dw[1]);
}

uint16_t nvme_error_log(struct nvme_cmd *cmd, uint16_t status)
{
	struct nvme_state *st = cmd->pub.nvme->st;
	const uint16_t code = status & NVME_STATUS_CODE;

	if (!code)
		return 0;
	status = code | (is_transient(code) ? 0 : NVME_STATUS_DNR);
	if (code == LM_NVME_ABORT_REQUESTED || code == LM_NVME_ABORT_SQ_DELETION)
		return status;
	status |= NVME_STATUS_MORE;
	if (is_about_medium(code))
		st->media_errors++;
	entry_put(cmd, status, st->error[st->nr_errors % NVME_ERRORS], st->nr_errors + 1);
	st->nr_errors++;
	return status;
}
