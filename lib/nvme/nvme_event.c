/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_event.c - asynchronous events and the requests that they answer (Base 5.2).
 *
 * One event of a type waits at a time, and after one was reported, its type is silent until the
 * guest has read the log page that it names. Notices come only where the guest has asked for them.
 */
#include "nvme/nvme.h"

static struct nvme_event *event_due(lm_nvme_t *nvme)
{
	struct nvme_state *st = nvme->st;
	unsigned int type;

	for (type = 0; type < NVME_EVENT_TYPES; type++) {
		if (st->event[type].is_pending && !st->event_masked[type])
			return &st->event[type];
	}
	return NULL;
}

void nvme_event_deliver(lm_nvme_t *nvme)
{
	struct nvme_event *event;
	struct nvme_cmd *cmd;

	while ((cmd = TAILQ_FIRST(&nvme->aers)) && (event = event_due(nvme))) {
		TAILQ_REMOVE(&nvme->aers, cmd, link);
		nvme->nr_aers--;
		event->is_pending = false;
		nvme->st->event_masked[event->type] = true;
		cmd->pub.result = event->type | (uint32_t)event->info << 8 |
				  (uint32_t)event->log << 16;
		nvme_cmd_end(cmd, LM_NVME_SUCCESS);
	}
}

void nvme_event_raise(lm_nvme_t *nvme, unsigned int type, unsigned int info, unsigned int log)
{
	struct nvme_event *event = &nvme->st->event[type];

	if (!nvme_is_ready(nvme) || event->is_pending)
		return;
	*event = (struct nvme_event){ (uint8_t)type, (uint8_t)info, (uint8_t)log, true };
	nvme_event_deliver(nvme);
}

void nvme_event_unmask(lm_nvme_t *nvme, unsigned int log)
{
	struct nvme_state *st = nvme->st;
	unsigned int type;

	for (type = 0; type < NVME_EVENT_TYPES; type++) {
		if (st->event_masked[type] && st->event[type].log == log)
			st->event_masked[type] = false;
	}
	nvme_event_deliver(nvme);
}

void nvme_event_reset(lm_nvme_t *nvme)
{
	memset(nvme->st->event, 0, sizeof(nvme->st->event));
	memset(nvme->st->event_masked, 0, sizeof(nvme->st->event_masked));
}

void nvme_event_request(lm_nvme_cmd_t *cmd)
{
	lm_nvme_t *nvme = cmd->nvme;

	if (nvme->nr_aers == NVME_AERS) {
		lm_nvme_complete(cmd, LM_NVME_AER_LIMIT);
		return;
	}
	nvme->nr_aers++;
	TAILQ_INSERT_TAIL(&nvme->aers, nvme_cmd_of(cmd), link);
	nvme_event_deliver(nvme);
}
