/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_sgl.c - scatter gather lists (Base 4.1.2).
 *
 * Data blocks, bit buckets, segments and last segments; no offsets, no keys, and no metadata. A
 * list may describe more than the command moves, and not less. Loops end where the count of
 * descriptors does, which is more than any command needs.
 */
#include "nvme/nvme.h"

#define SGL_MAX 2048u /* descriptors of a command */

struct descriptor {
	uint64_t addr;
	uint32_t len;
	uint8_t type, subtype;
};

static struct descriptor descriptor_get(const uint8_t *from)
{
	return (struct descriptor){
		.addr = nvme_get64(from),
		.len = nvme_get32(from + 8),
		.type = from[15] >> 4,
		.subtype = from[15] & 15,
	};
}

static uint16_t data_add(struct nvme_cmd *cmd, const struct descriptor *d)
{
	struct nvme_data *data = &cmd->data;
	const uint64_t len = d->len < data->left ? d->len : data->left;

	if (d->type == NVME_SGL_DATA)
		return nvme_range_add(data, d->addr, len);
	/* Of data to the controller there is nothing to be thrown away. */
	return nvme_cmd_way(cmd) & NVME_TO_CONTROLLER ? LM_NVME_SUCCESS :
							nvme_range_add(data, NVME_BUCKET, len);
}

static uint16_t segment_is(struct nvme_data *data, const struct descriptor *d)
{
	if (data->sgl_is_last || !d->len || d->len % 16)
		return LM_NVME_SGL_INVALID_SEGMENT;
	data->list = d->addr;
	data->sgl_rest = d->len;
	data->sgl_is_last = d->type == NVME_SGL_LAST_SEGMENT;
	return NVME_LIST_GOES_ON;
}

/* @is_end: nothing follows it in its segment. */
static uint16_t descriptor_take(struct nvme_cmd *cmd, const struct descriptor *d, bool is_end)
{
	struct nvme_data *data = &cmd->data;

	if (d->subtype || d->type > NVME_SGL_LAST_SEGMENT)
		return LM_NVME_SGL_INVALID_TYPE;
	if (!data->sgl_left--)
		return LM_NVME_SGL_INVALID_COUNT;
	if (d->type >= NVME_SGL_SEGMENT)
		return is_end || data->sgl_is_last ? segment_is(data, d) :
						     LM_NVME_SGL_INVALID_COUNT;
	if (is_end && !data->sgl_is_last)
		return LM_NVME_SGL_INVALID_SEGMENT;
	return data_add(cmd, d);
}

/* A page of a segment at a time. */
static void read_on(struct nvme_data *data)
{
	data->list_len = data->sgl_rest < NVME_PAGE ? data->sgl_rest : NVME_PAGE;
	data->sgl_rest -= data->list_len;
}

static uint16_t segment_step(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;
	uint16_t status = LM_NVME_SUCCESS;
	uint64_t at;

	for (at = 0; at < data->list_len && !status; at += 16) {
		const struct descriptor d = descriptor_get(data->page + at);

		status = descriptor_take(cmd, &d, !data->sgl_rest && at + 16 == data->list_len);
	}
	if (!status && data->sgl_rest) {
		data->list += data->list_len;
		status = NVME_LIST_GOES_ON;
	}
	if (status == NVME_LIST_GOES_ON)
		read_on(data);
	else if (!status && data->left)
		status = LM_NVME_SGL_INVALID_LENGTH;
	return status;
}

void nvme_sgl_walk(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;
	struct descriptor d;
	uint8_t bytes[16];
	uint16_t status;
	unsigned int i;

	for (i = 0; i < 4; i++)
		nvme_put32(bytes + 4 * i, cmd->pub.dw[6 + i]);
	d = descriptor_get(bytes);
	cmd->pub.error_at = LM_NVME_DW(6);
	data->sgl_left = SGL_MAX;
	data->sgl_is_last = d.type < NVME_SGL_SEGMENT; /* it stands alone */
	status = descriptor_take(cmd, &d, true);
	if (status == NVME_LIST_GOES_ON) {
		data->step = segment_step;
		read_on(data);
		nvme_list_walk(cmd);
		return;
	}
	if (!status && data->left)
		status = LM_NVME_SGL_INVALID_LENGTH;
	data->done(cmd, status);
}
