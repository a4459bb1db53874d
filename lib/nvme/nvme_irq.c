/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_irq.c - interrupts of completion queues.
 *
 * With MSI-X or MSI each completion calls for a message; those of one turn share one, and so do
 * those that the guest wants to be coalesced (Base 5.27.1.6). With INTx the line is asserted while
 * any queue has completions that the guest has not acknowledged (PCIe 3.5.1). INTMS masks vectors
 * of INTx and MSI alone. The admin queue is never coalesced.
 */
#include "nvme/nvme.h"

#define COALESCING_UNIT_NS 100000ull

uint32_t nvme_irq_vectors(lm_nvme_t *nvme)
{
	uint32_t nr;

	/* Who polls enables no interrupts, and may still name vectors. */
	return lm_irq_enabled(nvme->ctx, &nr) == LM_DEV_MSI_IRQ_IDX ? nr ?: 1 : LM_NVME_VECTORS;
}

static bool intx_level(const lm_nvme_t *nvme)
{
	const struct nvme_state_cq *cq = nvme->st->cq;
	unsigned int i;

	for (i = 0; i < nvme->nr_pairs && !(nvme->st->intms & 1); i++) {
		if (cq[i].entries && cq[i].irq_on && cq[i].head != cq[i].tail)
			return true;
	}
	return false;
}

/* Of MSI, where the guest may have enabled fewer messages than there are vectors. */
static void send_messages(lm_nvme_t *nvme, uint32_t nr_msi)
{
	int vector;

	for (vector = -1; (vector = nvme_bit_from(nvme->irq_due, vector + 1)) >= 0;) {
		const uint32_t message = nr_msi ? (uint32_t)vector % nr_msi : (uint32_t)vector;

		if (nr_msi && nvme->st->intms >> message & 1)
			continue; /* when it is unmasked */
		nvme_bit_set(nvme->irq_due, (unsigned int)vector, false);
		nvme->irq_count[vector] = 0;
		lm_irq_trigger(nvme->ctx, message);
	}
}

void nvme_irq_update(lm_nvme_t *nvme)
{
	uint32_t nr;

	switch (lm_irq_enabled(nvme->ctx, &nr)) {
	case LM_DEV_INTX_IRQ_IDX:
		nvme->irq_due[0] = nvme->irq_due[1] = 0;
		lm_irq_set_level(nvme->ctx, intx_level(nvme));
		break;
	case LM_DEV_MSI_IRQ_IDX: send_messages(nvme, nr ?: 1); break;
	default: send_messages(nvme, 0); break;
	}
}

/* ---- coalescing ------------------------------------------------------------------- */

static void time_is_up(void *arg)
{
	lm_nvme_t *nvme = arg;
	unsigned int vector;

	nvme->irq_timing = false;
	for (vector = 0; vector < NVME_QUEUES; vector++) {
		if (nvme->irq_count[vector])
			nvme_bit_set(nvme->irq_due, vector, true);
	}
	nvme_irq_update(nvme);
}

/* The completion waits for more. */
static bool coalesce(lm_nvme_t *nvme, uint16_t vector)
{
	const uint32_t feature = nvme->st->feature[NVME_F_COALESCING];
	const uint32_t threshold = feature & 0xff, time = feature >> 8 & 0xff;

	if (!threshold || !time || nvme_bit(nvme->st->vector_plain, vector))
		return false;
	if (++nvme->irq_count[vector] > threshold)
		return false;
	if (!nvme->irq_timer)
		nvme->irq_timer = lm_timer_create(nvme->ctx, time_is_up, nvme);
	if (!nvme->irq_timer)
		return false;
	if (!nvme->irq_timing)
		nvme->irq_timing = !lm_timer_arm(nvme->irq_timer, time * COALESCING_UNIT_NS, 0);
	return nvme->irq_timing;
}

/* ---- from elsewhere --------------------------------------------------------------- */

void nvme_irq_raise(lm_nvme_t *nvme, uint16_t cqid)
{
	const struct nvme_state_cq *cq = &nvme->st->cq[cqid];

	if (!cq->irq_on || (cqid && coalesce(nvme, cq->vector)))
		return;
	nvme_bit_set(nvme->irq_due, cq->vector, true);
	if (!nvme->irq_held)
		nvme_irq_update(nvme);
}

void nvme_irq_hold(lm_nvme_t *nvme)
{
	nvme->irq_held++;
}

void nvme_irq_release(lm_nvme_t *nvme)
{
	if (!--nvme->irq_held && (nvme->irq_due[0] | nvme->irq_due[1]))
		nvme_irq_update(nvme);
}

void nvme_irq_reset(lm_nvme_t *nvme)
{
	memset(nvme->irq_due, 0, sizeof(nvme->irq_due));
	memset(nvme->irq_count, 0, sizeof(nvme->irq_count));
	if (nvme->irq_timing)
		lm_timer_arm(nvme->irq_timer, 0, 0);
	nvme->irq_timing = false;
	if (!nvme->is_detached)
		lm_irq_set_level(nvme->ctx, false);
}

void nvme_irq_resume(lm_nvme_t *nvme)
{
	const struct nvme_state_cq *cq = nvme->st->cq;
	unsigned int i;

	for (i = 0; i < NVME_QUEUES; i++) {
		if (cq[i].entries && cq[i].irq_on && cq[i].head != cq[i].tail)
			nvme_bit_set(nvme->irq_due, cq[i].vector, true);
	}
}
