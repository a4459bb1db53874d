/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_range.c - client memory that a command names, and the lists by which it names it.
 *
 * Owns the ranges of a command, which are joined where they follow each other, and the reading of
 * lists: page by page, by steps that say whether they want more. Whoever walks bounds the steps.
 */
#include <stdlib.h>

#include "nvme/nvme.h"

static bool make_room(struct nvme_data *data)
{
	const uint32_t room = data->room ? 2 * data->room : NVME_FEW;
	struct nvme_range *more;

	if (!data->room) {
		data->range = data->few_ranges;
		data->room = room;
		return true;
	}
	more = malloc(room * sizeof(*more));
	if (!more)
		return false;
	memcpy(more, data->range, data->nr * sizeof(*more));
	if (data->range != data->few_ranges)
		free(data->range);
	data->range = more;
	data->room = room;
	return true;
}

uint16_t nvme_range_add(struct nvme_data *data, uint64_t addr, uint64_t len)
{
	struct nvme_range *last = data->nr ? &data->range[data->nr - 1] : NULL;

	if (!len)
		return LM_NVME_SUCCESS;
	if (addr != NVME_BUCKET && len - 1 > UINT64_MAX - 1 - addr)
		return LM_NVME_DATA_TRANSFER_ERROR;
	data->left -= len;
	if (last &&
	    (addr == NVME_BUCKET ? last->addr == addr :
				   last->addr != NVME_BUCKET && last->addr + last->len == addr)) {
		last->len += len;
		return LM_NVME_SUCCESS;
	}
	if (data->nr == data->room && !make_room(data))
		return LM_NVME_INTERNAL_ERROR;
	data->range[data->nr++] = (struct nvme_range){ addr, len };
	return LM_NVME_SUCCESS;
}

/* ---- lists ------------------------------------------------------------------------ */

static void list_is_read(void *arg, int result);

static int list_start(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;
	struct iovec to;

	if (!data->page)
		data->page = malloc(NVME_PAGE);
	if (!data->page)
		return -ENOMEM;
	to = (struct iovec){ data->page, data->list_len };
	return lm_dma_read_at_async(cmd->pub.nvme->ctx, data->list, &to, list_is_read, cmd);
}

/* A loop, not a recursion, where memory can be reached at once: lists may be long. */
void nvme_list_walk(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;
	uint16_t status;
	int ret;

	do {
		data->is_walking = data->is_reading = true;
		ret = list_start(cmd);
		data->is_walking = false;
		if (!ret && data->is_reading)
			return; /* list_is_read() goes on */
		ret = ret ?: data->error;
		if (cmd->is_dead)
			ret = -ECANCELED;
		status = ret ? nvme_error_dma(ret) : data->step(cmd);
	} while (status == NVME_LIST_GOES_ON);
	data->done(cmd, status);
}

static void list_is_read(void *arg, int result)
{
	struct nvme_cmd *cmd = arg;
	struct nvme_data *data = &cmd->data;
	uint16_t status;

	data->error = result;
	data->is_reading = false;
	if (data->is_walking)
		return;
	if (cmd->is_dead)
		result = -ECANCELED;
	status = result ? nvme_error_dma(result) : data->step(cmd);
	if (status == NVME_LIST_GOES_ON)
		nvme_list_walk(cmd);
	else
		data->done(cmd, status);
}
