/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_fault.c - what a device does to commands on purpose: lm_nvme_inject().
 *
 * Owns the commands that are held back, and the timer that they wait for. A command that is held
 * waits for nobody else: a reset drops it, and Abort ends it while it has not been served.
 */
#include <time.h>

#include "nvme/nvme.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void timer_set(lm_nvme_t *nvme, uint64_t now)
{
	const struct nvme_cmd *cmd = TAILQ_FIRST(&nvme->held);

	if (cmd)
		lm_timer_arm(nvme->held_timer, cmd->due_ns > now ? cmd->due_ns - now : 1, 0);
}

static void time_is_up(void *arg)
{
	lm_nvme_t *nvme = arg;
	const uint64_t now = now_ns();
	struct nvme_cmd *cmd;

	while ((cmd = TAILQ_FIRST(&nvme->held)) && cmd->due_ns <= now) {
		nvme_fault_let_go(cmd);
		cmd->held_then(cmd);
	}
	timer_set(nvme, now);
}

void nvme_fault_hold(struct nvme_cmd *cmd, uint64_t delay_ns, void (*then)(struct nvme_cmd *))
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const uint64_t now = now_ns();
	struct nvme_cmd *later;

	if (!nvme->held_timer)
		nvme->held_timer = lm_timer_create(nvme->ctx, time_is_up, nvme);
	if (!nvme->held_timer) {
		then(cmd);
		return;
	}
	cmd->due_ns = now + (delay_ns < LM_NVME_FAULT_MAX_NS ? delay_ns : LM_NVME_FAULT_MAX_NS);
	cmd->held_then = then;
	cmd->is_held = true;
	TAILQ_FOREACH(later, &nvme->held, link)
	{
		if (later->due_ns > cmd->due_ns)
			break;
	}
	if (later)
		TAILQ_INSERT_BEFORE(later, cmd, link);
	else
		TAILQ_INSERT_TAIL(&nvme->held, cmd, link);
	timer_set(nvme, now);
}

void nvme_fault_let_go(struct nvme_cmd *cmd)
{
	TAILQ_REMOVE(&cmd->pub.nvme->held, cmd, link);
	cmd->is_held = false;
}

void nvme_fault_ask(struct nvme_cmd *cmd)
{
	lm_nvme_t *nvme = cmd->pub.nvme;

	if (!nvme->inject)
		return;
	nvme->inject(nvme->inject_pvt, &cmd->pub, &cmd->fault);
	cmd->pub.opcode = (uint8_t)cmd->pub.dw[0];
}

void nvme_fault_corrupt(struct nvme_cmd *cmd)
{
	uint64_t offset = cmd->fault.corrupt_offset, left = cmd->fault.corrupt_length, at;
	uint32_t i;

	for (i = 0; i < cmd->pub.nr_iov && left; i++) {
		const struct iovec *iov = &cmd->pub.iov[i];
		uint8_t *bytes = iov->iov_base;

		for (at = offset; at < iov->iov_len && left; at++, left--)
			bytes[at] ^= 0xff;
		offset = offset > iov->iov_len ? offset - iov->iov_len : 0;
	}
}

NVME_EXPORT void lm_nvme_inject(lm_nvme_t *nvme, lm_nvme_inject_fn *fn, void *pvt)
{
	nvme->inject = fn;
	nvme->inject_pvt = pvt;
}
