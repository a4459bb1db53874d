/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_shadow.c - shadow doorbells: two pages of guest memory (Base 5.8, B.5).
 *
 * Into one the guest writes its doorbells; into the other we write the values behind which it is to
 * ring the real ones as well. While there is work we look at the first and leave the second alone:
 * the guest rings nothing. When nothing has come for a while, the values that we have seen go
 * there, and after one more look, which finds what came meanwhile, we may sleep. Those of the admin
 * queue do not count. A real doorbell of an I/O queue means no more than that there is something to
 * see: its value may be older than what we have seen.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "nvme/nvme.h"

enum { IDLE_LOOKS = 1024 };

static uint32_t *page(lm_nvme_t *nvme, struct nvme_ring *ring, int prot)
{
	return lm_is_master(nvme->ctx) ? nvme_ring_memory(nvme, ring, prot) : NULL;
}

static bool exists(const lm_nvme_t *nvme, uint32_t index)
{
	const struct nvme_state *st = nvme->st;

	return index & 1 ? st->cq[index / 2].entries : st->sq[index / 2].entries;
}

bool nvme_shadow_is_on(const lm_nvme_t *nvme)
{
	return nvme->st->shadow;
}

/* ---- looking ---------------------------------------------------------------------- */

uint32_t nvme_shadow_next(lm_nvme_t *nvme, uint32_t index, uint32_t *value)
{
	const uint32_t *bells = nvme->st->shadow ?
					page(nvme, &nvme->shadow, PROT_READ | PROT_WRITE) :
					NULL;

	for (index = index < 2 ? 2 : index; bells && index < 2 * nvme->nr_pairs; index++) {
		*value = __atomic_load_n(&bells[index], __ATOMIC_ACQUIRE);
		if (*value == nvme->shadowed[index] || !exists(nvme, index))
			continue;
		nvme->shadowed[index] = *value;
		return index;
	}
	return 2 * NVME_QUEUES;
}

/* What the guest does from now on it tells. Without the memory for it, it tells what it likes. */
static void arm(lm_nvme_t *nvme)
{
	uint32_t *events = page(nvme, &nvme->shadow_events, PROT_READ | PROT_WRITE);
	uint32_t i;

	for (i = 2; events && i < 2 * nvme->nr_pairs; i++) {
		if (exists(nvme, i))
			__atomic_store_n(&events[i], nvme->shadowed[i], __ATOMIC_RELEASE);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	nvme->shadow_is_armed = true;
}

bool nvme_shadow_rests(lm_nvme_t *nvme, bool is_busy)
{
	if (!nvme->st->shadow)
		return true;
	if (is_busy) {
		nvme->shadow_idle = 0;
		nvme->shadow_is_armed = false;
		return false;
	}
	if (nvme->shadow_is_armed)
		return true;
	if (++nvme->shadow_idle >= IDLE_LOOKS)
		arm(nvme);
	return false;
}

/* ---- life ------------------------------------------------------------------------- */

void nvme_shadow_clear(lm_nvme_t *nvme, uint32_t index)
{
	uint32_t *bells, *events;

	nvme->shadowed[index] = 0;
	nvme->shadow_is_armed = false;
	nvme->shadow_idle = 0;
	if (!nvme->st->shadow || index < 2)
		return;
	bells = page(nvme, &nvme->shadow, PROT_READ | PROT_WRITE);
	events = page(nvme, &nvme->shadow_events, PROT_READ | PROT_WRITE);
	if (bells)
		__atomic_store_n(&bells[index], 0, __ATOMIC_RELEASE);
	if (events)
		__atomic_store_n(&events[index], 0, __ATOMIC_RELEASE);
}

void nvme_shadow_resume(lm_nvme_t *nvme)
{
	const struct nvme_state *st = nvme->st;
	uint32_t i;

	nvme_ring_set(&nvme->shadow, st->shadow, NVME_PAGE);
	nvme_ring_set(&nvme->shadow_events, st->shadow_events, NVME_PAGE);
	for (i = 0; i < 2 * NVME_QUEUES; i++)
		nvme->shadowed[i] = nvme_doorbell_value(nvme, i);
	nvme->shadow_is_armed = false;
	nvme->shadow_idle = 0;
}

void nvme_shadow_forget(lm_nvme_t *nvme)
{
	nvme_ring_release(nvme, &nvme->shadow);
	nvme_ring_release(nvme, &nvme->shadow_events);
}

void nvme_shadow_unmap(lm_nvme_t *nvme, uint64_t addr, uint64_t len)
{
	nvme_ring_unmap(nvme, &nvme->shadow, addr, len);
	nvme_ring_unmap(nvme, &nvme->shadow_events, addr, len);
}

/* ---- Doorbell Buffer Config ------------------------------------------------------- */

static uint64_t prp(const lm_nvme_cmd_t *cmd, unsigned int dw)
{
	return cmd->dw[dw] | (uint64_t)cmd->dw[dw + 1] << 32;
}

uint16_t nvme_shadow_check(lm_nvme_cmd_t *cmd)
{
	cmd->error_at = LM_NVME_DW(6);
	if (!prp(cmd, 6) || prp(cmd, 6) % NVME_PAGE)
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW(8);
	return !prp(cmd, 8) || prp(cmd, 8) % NVME_PAGE || prp(cmd, 8) == prp(cmd, 6) ?
		       LM_NVME_INVALID_FIELD :
		       LM_NVME_SUCCESS;
}

/* What we have seen is where the guest begins. Memory that cannot be mapped is of no use here. */
static bool pages_begin(lm_nvme_t *nvme)
{
	uint32_t *bells = page(nvme, &nvme->shadow, PROT_READ | PROT_WRITE);
	uint32_t *events = page(nvme, &nvme->shadow_events, PROT_READ | PROT_WRITE);
	uint32_t i;

	for (i = 2; bells && events && i < 2 * NVME_QUEUES; i++) {
		if (!exists(nvme, i))
			continue;
		__atomic_store_n(&bells[i], nvme->shadowed[i], __ATOMIC_RELEASE);
		__atomic_store_n(&events[i], nvme->shadowed[i], __ATOMIC_RELEASE);
	}
	return bells && events;
}

void nvme_shadow_config(lm_nvme_cmd_t *cmd)
{
	lm_nvme_t *nvme = cmd->nvme;
	struct nvme_state *st = nvme->st;

	nvme_shadow_forget(nvme);
	st->shadow = prp(cmd, 6);
	st->shadow_events = prp(cmd, 8);
	nvme_shadow_resume(nvme);
	if (!pages_begin(nvme)) {
		nvme_shadow_forget(nvme);
		st->shadow = st->shadow_events = 0;
		lm_nvme_complete(cmd, LM_NVME_DATA_TRANSFER_ERROR);
		return;
	}
	nvme_bell_watch(nvme);
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

void nvme_shadow_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "shadow=%llx events=%llx", (unsigned long long)prp(cmd, 6),
		 (unsigned long long)prp(cmd, 8));
}
