/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_answer.c - bytes as the data of a command.
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

static uint64_t copy(const lm_nvme_cmd_t *cmd, uint64_t offset, char *bytes, uint64_t size,
		     bool put)
{
	uint64_t done = 0, part;
	uint32_t i;

	for (i = 0; i < cmd->nr_iov && done < size; i++) {
		const uint64_t len = cmd->iov[i].iov_len;
		char *at = (char *)cmd->iov[i].iov_base + offset;

		if (offset >= len) {
			offset -= len;
			continue;
		}
		part = len - offset < size - done ? len - offset : size - done;
		memcpy(put ? at : bytes + done, put ? bytes + done : at, part);
		done += part;
		offset = 0;
	}
	return done;
}

NVME_EXPORT uint64_t lm_nvme_data_read(const lm_nvme_cmd_t *cmd, uint64_t offset, void *to,
				       uint64_t size)
{
	return copy(cmd, offset, to, size, false);
}

NVME_EXPORT uint64_t lm_nvme_data_write(lm_nvme_cmd_t *cmd, uint64_t offset, const void *from,
					uint64_t size)
{
	return copy(cmd, offset, (char *)from, size, true);
}
