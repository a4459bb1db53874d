/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_data.c - the data of a command: client memory by pointers, or a copy of it.
 *
 * Where all of it can be mapped, handlers get the client's memory itself. Where some of it cannot,
 * or nobody wants some of the bytes, they get a buffer, to which data were copied before the
 * handler runs, or from which they are copied after it. How much is copied at a time is bounded:
 * commands beyond that wait their turn. Nothing here ever waits for the client.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "nvme/nvme.h"

static bool comes_from_host(const struct nvme_cmd *cmd)
{
	return nvme_cmd_way(cmd) & NVME_TO_CONTROLLER;
}

static bool goes_to_host(const struct nvme_cmd *cmd)
{
	return nvme_cmd_way(cmd) & NVME_TO_HOST;
}

/* ---- pointers --------------------------------------------------------------------- */

static void hold_release(struct nvme_cmd *cmd)
{
	lm_dma_hold_t *hold = &cmd->data.hold;

	lm_dma_release(cmd->pub.nvme->ctx, hold);
	if (hold->sg != cmd->data.few_sg)
		free(hold->sg);
	if (hold->iov != cmd->data.few_iov)
		free(hold->iov);
	*hold = (lm_dma_hold_t){ 0 };
}

static int hold_grow(struct nvme_data *data, uint32_t max)
{
	lm_dma_hold_t *hold = &data->hold;
	struct iovec *iov = malloc(max * sizeof(*iov));
	dma_sg_t *sg = malloc(max * sizeof(*sg));

	if (!iov || !sg) {
		free(iov);
		free(sg);
		return -ENOMEM;
	}
	if (hold->nr) {
		memcpy(iov, hold->iov, hold->nr * sizeof(*iov));
		memcpy(sg, hold->sg, hold->nr * sizeof(*sg));
	}
	if (hold->sg != data->few_sg)
		free(hold->sg);
	if (hold->iov != data->few_iov)
		free(hold->iov);
	hold->iov = iov;
	hold->sg = sg;
	hold->max = max;
	return 0;
}

/* A range may lie in several windows. */
static int hold_range(struct nvme_cmd *cmd, const struct nvme_range *range)
{
	const int prot = (comes_from_host(cmd) ? PROT_READ : 0) |
			 (goes_to_host(cmd) ? PROT_WRITE : 0);
	lm_dma_hold_t *all = &cmd->data.hold;
	lm_dma_hold_t one;
	int ret;

	if (range->addr == NVME_BUCKET)
		return -EOPNOTSUPP;
	for (;;) {
		one = (lm_dma_hold_t){ .sg = all->sg + all->nr,
				       .iov = all->iov + all->nr,
				       .max = all->max - all->nr };
		ret = one.max ?
			      lm_dma_hold(cmd->pub.nvme->ctx, prot, range->addr, range->len, &one) :
			      -ENOSPC;
		if (ret != -ENOSPC)
			break;
		ret = hold_grow(&cmd->data, all->nr + (one.needed ?: 1) + cmd->data.nr);
		if (ret)
			return ret;
	}
	if (!ret)
		all->nr += one.nr;
	return ret;
}

static int hold_all(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;
	uint32_t i;
	int ret = 0;

	data->hold = (lm_dma_hold_t){ .sg = data->few_sg, .iov = data->few_iov, .max = NVME_FEW };
	for (i = 0; i < data->nr && !ret; i++)
		ret = hold_range(cmd, &data->range[i]);
	if (ret) {
		hold_release(cmd);
		return ret;
	}
	cmd->pub.iov = data->hold.iov;
	cmd->pub.nr_iov = data->hold.nr;
	return 0;
}

/* ---- copies ----------------------------------------------------------------------- */

static void copy_ends(void *arg, int result)
{
	struct nvme_cmd *cmd = arg;
	struct nvme_data *data = &cmd->data;

	data->error = data->error ?: result;
	if (!--data->pending)
		data->ready(cmd, data->error ? nvme_error_dma(data->error) : LM_NVME_SUCCESS);
}

static void copy_all(struct nvme_cmd *cmd, bool to_host)
{
	struct nvme_data *data = &cmd->data;
	lm_ctx_t *ctx = cmd->pub.nvme->ctx;
	uint64_t at = 0;
	uint32_t i;
	int ret = 0;

	data->error = 0;
	data->pending = 1;
	for (i = 0; i < data->nr && !ret; i++) {
		const struct nvme_range *r = &data->range[i];
		const struct iovec bytes = { data->bounce + at, r->len };

		at += r->len;
		if (r->addr == NVME_BUCKET)
			continue;
		data->pending++;
		ret = to_host ? lm_dma_write_at_async(ctx, r->addr, &bytes, copy_ends, cmd) :
				lm_dma_read_at_async(ctx, r->addr, &bytes, copy_ends, cmd);
		data->pending -= !!ret;
	}
	copy_ends(cmd, ret);
}

static void copy_prepare(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;

	data->bounce = calloc(1, cmd->pub.length);
	if (!data->bounce) {
		data->ready(cmd, LM_NVME_INTERNAL_ERROR);
		return;
	}
	cmd->pub.nvme->bounced += cmd->pub.length;
	data->bounce_iov = (struct iovec){ data->bounce, cmd->pub.length };
	data->is_copied = true;
	cmd->pub.iov = &data->bounce_iov;
	cmd->pub.nr_iov = 1;
	if (comes_from_host(cmd))
		copy_all(cmd, false);
	else
		data->ready(cmd, LM_NVME_SUCCESS);
}

static bool is_too_much(const struct nvme_cmd *cmd)
{
	const lm_nvme_t *nvme = cmd->pub.nvme;

	return nvme->bounced && nvme->bounced + cmd->pub.length > NVME_BOUNCE_MAX;
}

void nvme_data_retry(lm_nvme_t *nvme)
{
	struct nvme_cmd *cmd;

	while ((cmd = TAILQ_FIRST(&nvme->bounce_waiters)) && !is_too_much(cmd)) {
		TAILQ_REMOVE(&nvme->bounce_waiters, cmd, link);
		cmd->data.is_waiting = false;
		copy_prepare(cmd);
	}
}

/* ---- a command's ------------------------------------------------------------------ */

static void described(struct nvme_cmd *cmd, uint16_t status)
{
	struct nvme_data *data = &cmd->data;
	int ret;

	if (status || cmd->is_dead) {
		data->ready(cmd, status ?: LM_NVME_ABORT_REQUESTED);
		return;
	}
	/* What is spoilt on its way is not the guest's own copy. */
	ret = cmd->fault.corrupt_length && comes_from_host(cmd) ? -EOPNOTSUPP : hold_all(cmd);
	if (ret != -EOPNOTSUPP) {
		if (!ret)
			cmd->pub.error_at = 0;
		data->ready(cmd, ret ? nvme_error_dma(ret) : LM_NVME_SUCCESS);
		return;
	}
	cmd->pub.error_at = 0;
	if (TAILQ_EMPTY(&cmd->pub.nvme->bounce_waiters) && !is_too_much(cmd)) {
		copy_prepare(cmd);
		return;
	}
	data->is_waiting = true;
	TAILQ_INSERT_TAIL(&cmd->pub.nvme->bounce_waiters, cmd, link);
}

void nvme_data_prepare(struct nvme_cmd *cmd, nvme_data_done_t *ready)
{
	struct nvme_data *data = &cmd->data;
	const unsigned int psdt = NVME_PSDT(cmd->pub.dw[0]);

	data->ready = ready;
	data->done = described;
	data->left = cmd->pub.length;
	if (!data->left) {
		ready(cmd, LM_NVME_SUCCESS);
	} else if (psdt == 0) {
		nvme_prp_walk(cmd);
	} else if (psdt == 3 || nvme_is_admin(cmd)) {
		/* Base 3.3.3.1: admin commands over PCIe have PRPs */
		cmd->pub.error_at = LM_NVME_DW_BIT(0, 14);
		ready(cmd, LM_NVME_INVALID_FIELD);
	} else {
		nvme_sgl_walk(cmd);
	}
}

void nvme_data_deliver(struct nvme_cmd *cmd, nvme_data_done_t *ready)
{
	cmd->data.ready = ready;
	if (cmd->data.is_copied && goes_to_host(cmd))
		copy_all(cmd, true);
	else
		ready(cmd, LM_NVME_SUCCESS);
}

void nvme_data_release(struct nvme_cmd *cmd)
{
	struct nvme_data *data = &cmd->data;
	lm_nvme_t *nvme = cmd->pub.nvme;

	if (!data->range && !data->page)
		return;
	if (data->is_waiting)
		TAILQ_REMOVE(&nvme->bounce_waiters, cmd, link);
	if (data->hold.sg)
		hold_release(cmd);
	if (data->range != data->few_ranges)
		free(data->range);
	free(data->page);
	if (data->is_copied) {
		nvme->bounced -= cmd->pub.length;
		free(data->bounce);
		if (!TAILQ_EMPTY(&nvme->bounce_waiters))
			nvme_kick(nvme);
	}
	data->range = NULL;
	data->page = data->bounce = NULL;
	data->nr = data->room = 0;
	data->is_copied = data->is_waiting = false;
	cmd->pub.iov = NULL;
	cmd->pub.nr_iov = 0;
}
