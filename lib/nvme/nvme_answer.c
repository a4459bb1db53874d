/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_answer.c - a page of bytes as the data of a command.
 */
#include "nvme/nvme.h"

void nvme_answer(lm_nvme_cmd_t *cmd, const uint8_t *page, uint64_t size, uint64_t offset)
{
	uint32_t i;

	for (i = 0; i < cmd->nr_iov; i++) {
		char *to = cmd->iov[i].iov_base;
		const uint64_t len = cmd->iov[i].iov_len;
		const uint64_t left = offset < size ? size - offset : 0;
		const uint64_t part = len < left ? len : left;

		memcpy(to, page + (part ? offset : 0), part);
		memset(to + part, 0, len - part);
		offset += len;
	}
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

void nvme_take(const lm_nvme_cmd_t *cmd, uint8_t *to, uint64_t size)
{
	uint32_t i;

	for (i = 0; i < cmd->nr_iov && size; i++) {
		const uint64_t len = cmd->iov[i].iov_len < size ? cmd->iov[i].iov_len : size;

		memcpy(to, cmd->iov[i].iov_base, len);
		to += len;
		size -= len;
	}
}
