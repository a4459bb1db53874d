/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_bell.c - doorbells that are memory, which clients map (PCIe 3.1.2).
 *
 * Owns the page, the values of it that were looked at, and when it is looked at. A value counts
 * once, when it changes: one that cannot be is not found again in each turn. Stores may come at any
 * moment, and be anything: what they mean is nvme_turn.c's to judge, here they are only read, each
 * once. Nothing is cleared when a client leaves, but before the next one: a process that takes up
 * the state may have to serve the same client, and one that has left could store again.
 */
#include "nvme/nvme.h"

#define NR_BELLS (2 * NVME_QUEUES)

/* Of a mediated device stores wake the loop; musctl's go by messages, which are turns as well. */
static int when_to_look(lm_nvme_t *nvme)
{
	return lm_mmap_trap(nvme->ctx, LM_BAR0_REG_IDX, NVME_DOORBELLS, NVME_PAGE, true) ?
		       LM_POLL_TIMED :
		       LM_POLL_TURNS;
}

int nvme_bell_new(lm_nvme_t *nvme, unsigned int (*look)(void *arg))
{
	nvme->doorbells = lm_mmap(nvme->ctx, LM_BAR0_REG_IDX, NVME_DOORBELLS, NVME_PAGE);
	if (!nvme->doorbells && !(nvme->info.flags & LM_NVME_SHADOW))
		return 0;
	nvme->poller = lm_poller_create(nvme->ctx, look, nvme);
	if (!nvme->poller)
		return -errno;
	nvme->when_polled = nvme->doorbells ? when_to_look(nvme) : LM_POLL_TURNS;
	return 0;
}

void nvme_bell_clear(lm_nvme_t *nvme, uint32_t index)
{
	nvme->rung[index] = 0;
	nvme_shadow_clear(nvme, index);
	if (nvme->doorbells)
		__atomic_store_n(&nvme->doorbells[index], 0, __ATOMIC_RELEASE);
}

void nvme_bell_clear_all(lm_nvme_t *nvme)
{
	uint32_t i;

	for (i = 0; i < NR_BELLS; i++)
		nvme_bell_clear(nvme, i);
}

void nvme_bell_resume(lm_nvme_t *nvme)
{
	uint32_t i;

	for (i = 0; i < NR_BELLS; i++)
		nvme->rung[i] = nvme_doorbell_value(nvme, i);
	nvme_shadow_resume(nvme);
}

void nvme_bell_watch(lm_nvme_t *nvme)
{
	const bool on = !nvme->is_detached && nvme_is_ready(nvme) &&
			(nvme->doorbells || nvme_shadow_is_on(nvme));

	if (nvme->poller)
		lm_poller_set(nvme->poller, on ? nvme->when_polled : LM_POLL_OFF);
}

/* Two at a time: most have not changed. */
static bool is_same(const lm_nvme_t *nvme, uint32_t index)
{
	uint64_t now, before;

	now = __atomic_load_n((const uint64_t *)(const void *)&nvme->doorbells[index],
			      __ATOMIC_ACQUIRE);
	memcpy(&before, &nvme->rung[index], sizeof(before));
	return now == before;
}

/* Those of queues that there are; of all, in one look of sixteen. */
uint32_t nvme_bell_next(lm_nvme_t *nvme, uint32_t index, uint32_t *value)
{
	const uint32_t end = nvme->looks % 16 ? 2 * nvme->nr_pairs : NR_BELLS;

	for (; nvme->doorbells && index < end; index++) {
		if (!(index & 1) && is_same(nvme, index)) {
			index++;
			continue;
		}
		*value = __atomic_load_n(&nvme->doorbells[index], __ATOMIC_ACQUIRE);
		if (*value == nvme->rung[index])
			continue;
		nvme->rung[index] = *value;
		return index;
	}
	return NR_BELLS;
}
