/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_io.c - what a command has done by the backend of its namespace.
 *
 * One thing at a time for each command. Who starts it names what follows; backends may be done
 * before they return, so that what has many steps is a loop and not a recursion: nvme_io_loop().
 */
#include <stdlib.h>

#include "nvme/nvme.h"

#define ZEROES (128u << 10)

void nvme_io_start(struct nvme_cmd *cmd, nvme_io_fn fn, void (*next)(struct nvme_cmd *, int))
{
	memset(cmd->io.own, 0, sizeof(cmd->io.own));
	cmd->io_next = next;
	cmd->is_at_backend = true;
	fn(cmd->ns->info.pvt, &cmd->io);
}

NVME_EXPORT void lm_nvme_io_done(lm_nvme_io_t *io, int result)
{
	struct nvme_cmd *cmd = (struct nvme_cmd *)((char *)io - offsetof(struct nvme_cmd, io));

	cmd->is_at_backend = false;
	cmd->io_next(cmd, cmd->is_dead ? -ECANCELED : result);
}

uint16_t nvme_io_status(const struct nvme_cmd *cmd, int result)
{
	switch (result) {
	case 0: return LM_NVME_SUCCESS;
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG: return LM_NVME_CAPACITY_EXCEEDED;
	case -EROFS: return LM_NVME_NS_WRITE_PROTECTED;
	case -EACCES: return LM_NVME_ACCESS_DENIED;
	case -EINTR: return LM_NVME_COMMAND_INTERRUPTED;
	case -ECANCELED: return LM_NVME_ABORT_REQUESTED;
	case -ENOMEM: return LM_NVME_INTERNAL_ERROR;
	}
	return cmd->op->flags & LM_NVME_OP_WRITES ? LM_NVME_WRITE_FAULT : LM_NVME_READ_ERROR;
}

/* ---- several steps ---------------------------------------------------------------- */

static void step_done(struct nvme_cmd *cmd, int result)
{
	cmd->io_result = result;
	if (cmd->io_is_looping)
		cmd->io_is_back = true;
	else
		nvme_io_loop(cmd);
}

void nvme_io_step(struct nvme_cmd *cmd, nvme_io_fn fn)
{
	nvme_io_start(cmd, fn, step_done);
}

void nvme_io_loop(struct nvme_cmd *cmd)
{
	do {
		if (cmd->io_result || !cmd->io_more(cmd)) {
			cmd->io_end(cmd, cmd->io_result);
			return;
		}
		cmd->io_is_looping = true;
		cmd->io_is_back = false;
		cmd->io_step(cmd);
		cmd->io_is_looping = false;
	} while (cmd->io_is_back);
}

/* ---- zeroes ----------------------------------------------------------------------- */

/* Zeroes that nobody changes. */
static const uint8_t zeroes[4096];

static bool zero_more(struct nvme_cmd *cmd)
{
	return cmd->io_rest;
}

/* From a buffer of iovecs that all show the same zeroes. */
static void zero_step(struct nvme_cmd *cmd)
{
	const uint64_t len = cmd->io_rest < ZEROES ? cmd->io_rest : ZEROES;
	struct iovec *iov = cmd->aux;
	uint64_t at;

	cmd->io.offset += cmd->io.length;
	cmd->io.length = len;
	cmd->io_rest -= len;
	for (at = 0; at < len; at += sizeof(zeroes))
		*iov++ = (struct iovec){ (void *)(uintptr_t)zeroes,
					 len - at < sizeof(zeroes) ? len - at : sizeof(zeroes) };
	cmd->io.iov = cmd->aux;
	cmd->io.nr_iov = (uint32_t)(iov - (struct iovec *)cmd->aux);
	nvme_io_step(cmd, cmd->ns->info.block->write);
}

void nvme_io_zero(struct nvme_cmd *cmd, bool discard, void (*end)(struct nvme_cmd *, int))
{
	const lm_nvme_block_ops_t *ops = cmd->ns->info.block;

	if (discard)
		cmd->io.flags |= LM_NVME_IO_DISCARD;
	if (ops->write_zeroes) {
		nvme_io_start(cmd, ops->write_zeroes, end);
		return;
	}
	if (!nvme_cmd_aux(cmd, ZEROES / sizeof(zeroes) * sizeof(struct iovec))) {
		end(cmd, -ENOMEM);
		return;
	}
	cmd->io_rest = cmd->io.length;
	cmd->io.length = 0;
	cmd->io_more = zero_more;
	cmd->io_step = zero_step;
	cmd->io_end = end;
	cmd->io_result = 0;
	nvme_io_loop(cmd);
}
