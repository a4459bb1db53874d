/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_inventory.c - namespaces are added, removed and resized while a guest runs.
 *
 * The guest hears of it by log page 04h and an event, if it wants to (Base 5.2.1, 5.16.1.5).
 */
#include <stdlib.h>

#include "nvme/nvme.h"

static void changed(lm_nvme_t *nvme, uint32_t nsid)
{
	struct nvme_state *st = nvme->st;

	if (!nvme_is_ready(nvme))
		return;
	st->changed[nsid / 8] |= (uint8_t)(1u << nsid % 8);
	if (st->feature[NVME_F_EVENTS] & NVME_AEC_NS_CHANGED) {
		nvme_irq_hold(nvme);
		nvme_event_raise(nvme, NVME_EVENT_NOTICE, NVME_EVENT_NS_CHANGED,
				 NVME_LOG_CHANGED_NS);
		nvme_irq_release(nvme);
	}
}

static bool has_set(const lm_nvme_t *nvme, const lm_nvme_set_t *set)
{
	uint32_t i;

	for (i = 0; i < nvme->nr_sets; i++) {
		if (nvme->set[i] == set)
			return true;
	}
	return false;
}

static int block_shift(const lm_nvme_ns_info_t *info)
{
	switch (info->block_size) {
	case 0:
	case 512: return 9;
	case 4096: return 12;
	default: return -EINVAL;
	}
}

static int info_check(const lm_nvme_t *nvme, const lm_nvme_ns_info_t *info)
{
	const lm_nvme_block_ops_t *ops = info->block;
	const int shift = block_shift(info);

	if (!has_set(nvme, info->set ?: &lm_nvme_nvm) || info->nsid > LM_NVME_MAX_NSID)
		return -EINVAL;
	if (info->nsid && nvme->ns[info->nsid])
		return -EEXIST;
	if (info->set && info->set != &lm_nvme_nvm)
		return 0;
	if (shift < 0 || !nvme_ns_size_fits(info->size, (unsigned int)shift))
		return -EINVAL;
	return ops && ops->size >= sizeof(*ops) && ops->read ? 0 : -EINVAL;
}

static uint32_t lowest_free(const lm_nvme_t *nvme)
{
	uint32_t nsid = 1;

	while (nsid <= LM_NVME_MAX_NSID && nvme->ns[nsid])
		nsid++;
	return nsid;
}

/* The guest may have formatted it, in another process. */
static void shape(lm_nvme_t *nvme, struct nvme_ns *ns)
{
	uint8_t *kept = &nvme->st->block_shift[ns->nsid];

	ns->block_shift = (uint8_t)block_shift(&ns->info);
	if (nvme->is_fresh && *kept && nvme_ns_size_fits(ns->info.size, *kept))
		ns->block_shift = *kept;
	*kept = ns->block_shift;
	ns->blocks = ns->info.size >> ns->block_shift;
}

NVME_EXPORT int lm_nvme_ns_add(lm_nvme_t *nvme, const lm_nvme_ns_info_t *info, uint32_t *nsid)
{
	const uint32_t id = info->nsid ?: lowest_free(nvme);
	struct nvme_ns *ns;
	int ret;

	ret = info_check(nvme, info);
	if (ret)
		return ret;
	if (id > LM_NVME_MAX_NSID)
		return -ENOSPC;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	ns->nsid = id;
	ns->info = *info;
	ns->set = info->set ?: &lm_nvme_nvm;
	if (info->block && !info->block->write)
		ns->info.flags |= LM_NVME_NS_READ_ONLY;
	if (!ns->set->csi)
		shape(nvme, ns);
	nvme->ns[id] = ns;
	if (nsid)
		*nsid = id;
	changed(nvme, id);
	return 0;
}

NVME_EXPORT int lm_nvme_ns_remove(lm_nvme_t *nvme, uint32_t nsid)
{
	struct nvme_ns *ns = nsid && nsid <= LM_NVME_MAX_NSID ? nvme->ns[nsid] : NULL;
	void (*removed)(void *pvt);
	void *pvt;

	if (!ns || ns->is_leaving)
		return -ENOENT;
	ns->is_leaving = true;
	nvme->st->block_shift[nsid] = 0;
	changed(nvme, nsid);
	if (ns->in_flight)
		return 0;
	removed = ns->info.removed;
	pvt = ns->info.pvt;
	nvme_ns_free(nvme, ns);
	if (removed)
		removed(pvt);
	return 0;
}

NVME_EXPORT int lm_nvme_ns_resize(lm_nvme_t *nvme, uint32_t nsid, uint64_t size)
{
	struct nvme_ns *ns = nsid && nsid <= LM_NVME_MAX_NSID ? nvme->ns[nsid] : NULL;

	if (!ns || ns->is_leaving)
		return -ENOENT;
	if (ns->set->csi || !nvme_ns_size_fits(size, ns->block_shift))
		return -EINVAL;
	ns->info.size = size;
	ns->blocks = size >> ns->block_shift;
	changed(nvme, nsid);
	return 0;
}
