/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_op.c - tables of commands, whose lines may be longer than this library knows.
 */
#include "nvme/nvme.h"

const lm_nvme_op_t *nvme_op_at(const lm_nvme_op_t *ops, size_t size, uint32_t i)
{
	return (const lm_nvme_op_t *)(const void *)((const char *)ops + i * size);
}

const lm_nvme_op_t *nvme_op_find(const lm_nvme_op_t *ops, uint32_t nr, size_t size, uint8_t opcode)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		const lm_nvme_op_t *op = nvme_op_at(ops, size, i);

		if (op->opcode == opcode)
			return op;
	}
	return NULL;
}
