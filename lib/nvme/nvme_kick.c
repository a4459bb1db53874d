/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_kick.c - work that is done in a later turn of the loop, once however often it was asked for.
 */
#include "nvme/nvme.h"

static void posted(void *arg)
{
	lm_nvme_t *nvme = arg;

	nvme->is_posted = false;
	nvme->turn(nvme);
}

/* Without memory for it there is the next doorbell. */
void nvme_kick(lm_nvme_t *nvme)
{
	if (!nvme->is_posted)
		nvme->is_posted = !lm_post(nvme->ctx, posted, nvme);
}
