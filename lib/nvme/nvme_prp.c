/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_prp.c - physical region pages (Base 4.1.1).
 *
 * The first entry may begin inside its page, all others begin one. More than two pages are named by
 * a list, whose last entry in a page names the next list where more follow; that one begins a page,
 * so that each list read brings the walk forward.
 */
#include "nvme/nvme.h"

static uint64_t pages_left(const struct nvme_data *data)
{
	return (data->left + NVME_PAGE - 1) / NVME_PAGE;
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

static uint16_t page_add(struct nvme_data *data, uint64_t addr)
{
	if (addr % NVME_PAGE)
		return LM_NVME_PRP_INVALID_OFFSET;
	return nvme_range_add(data, addr, at_most(data->left, NVME_PAGE));
}

static void list_is(struct nvme_data *data, uint64_t addr)
{
	const uint64_t room = (NVME_PAGE - addr % NVME_PAGE) / 8;

	data->list = addr;
	data->list_len = 8 * at_most(pages_left(data), room);
}

static uint16_t list_step(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;
	const uint64_t nr = data->list_len / 8;
	const bool goes_on = pages_left(data) > nr;
	uint16_t status = LM_NVME_SUCCESS;
	uint64_t i, next;

	for (i = 0; i < nr - goes_on && !status; i++)
		status = page_add(data, nvme_get64(data->page + 8 * i));
	if (status || !goes_on)
		return status;
	next = nvme_get64(data->page + 8 * i);
	if (next % NVME_PAGE)
		return LM_NVME_PRP_INVALID_OFFSET;
	list_is(data, next);
	return NVME_LIST_GOES_ON;
}

void nvme_prp_walk(struct nvme_cmd *cmd)
{
	const uint32_t *dw = cmd->pub.dw;
	const uint64_t first = dw[6] | (uint64_t)dw[7] << 32;
	const uint64_t second = dw[8] | (uint64_t)dw[9] << 32;
	struct nvme_data *data = &cmd->data;
	uint16_t status;

	cmd->pub.error_at = LM_NVME_DW(6);
	status = first % 4 ? LM_NVME_PRP_INVALID_OFFSET :
			     nvme_range_add(data, first,
					    at_most(data->left, NVME_PAGE - first % NVME_PAGE));
	if (!status && data->left) {
		cmd->pub.error_at = LM_NVME_DW(8);
		if (data->left > NVME_PAGE && !(second % 8)) {
			data->step = list_step;
			list_is(data, second);
			nvme_list_walk(cmd);
			return;
		}
		status = page_add(data, second);
	}
	data->done(cmd, status);
}
