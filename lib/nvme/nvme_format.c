/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_format.c - Format NVM (Base 5.14): a namespace is emptied, and may change its block size.
 */
#include <stdio.h>

#include "nvme/nvme.h"

#define LBAF(dw10) (((dw10)&15) | ((dw10) >> 8 & 0x30))
#define PI(dw10)   ((dw10) >> 5 & 7)
#define SES(dw10)  ((dw10) >> 9 & 7)

static unsigned int shift_of(uint32_t lbaf)
{
	return lbaf ? 12 : 9; /* nvme_nvm_identify() */
}

uint16_t nvme_format_check(lm_nvme_cmd_t *cmd)
{
	const struct nvme_ns *ns = nvme_cmd_of(cmd)->ns;
	const uint32_t dw10 = cmd->dw[10];

	cmd->error_at = LM_NVME_DW(10);
	if (ns->set->csi || LBAF(dw10) > 1)
		return LM_NVME_INVALID_FORMAT;
	if (PI(dw10))
		return LM_NVME_INVALID_FORMAT;
	if (SES(dw10) > 1)
		return LM_NVME_INVALID_FIELD;
	return nvme_ns_size_fits(ns->info.size, shift_of(LBAF(dw10))) ? LM_NVME_SUCCESS :
									LM_NVME_INVALID_FORMAT;
}

static void format_ends(struct nvme_cmd *cmd, int result)
{
	struct nvme_ns *ns = cmd->ns;

	if (!result) {
		ns->block_shift = (uint8_t)shift_of(LBAF(cmd->pub.dw[10]));
		ns->blocks = ns->info.size >> ns->block_shift;
		if (!cmd->is_dead)
			cmd->pub.nvme->st->block_shift[ns->nsid] = ns->block_shift;
	}
	nvme_cmd_end(cmd, nvme_io_status(cmd, result));
}

void nvme_format(lm_nvme_cmd_t *pub)
{
	struct nvme_cmd *cmd = nvme_cmd_of(pub);

	cmd->io = (lm_nvme_io_t){ .length = cmd->ns->info.size };
	nvme_io_zero(cmd, true, format_ends);
}

void nvme_format_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "lbaf=%u ses=%u", LBAF(cmd->dw[10]), SES(cmd->dw[10]));
}
