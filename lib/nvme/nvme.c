/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme.c - the life of a controller, and the callbacks of its description.
 */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nvme/nvme.h"

NVME_EXPORT const lm_cap_t lm_nvme_caps[LM_NVME_NR_CAPS] = {
	{ .id = PCI_CAP_ID_EXP, .exp = { .type = PCI_EXP_TYPE_ENDPOINT, .flr = true } },
	{ .id = PCI_CAP_ID_PM },
	{ .id = PCI_CAP_ID_MSIX,
	  .msix = { .bar = LM_BAR0_REG_IDX, LM_NVME_MSIX_TABLE, LM_NVME_MSIX_PBA } },
};

/* ---- making ----------------------------------------------------------------------- */

static int info_check(const lm_nvme_info_t *info)
{
	if (info->queues >= NVME_QUEUES || info->entries > NVME_ENTRIES || info->entries == 1 ||
	    info->mdts > 8 || info->flags & ~LM_NVME_SHADOW || info->reserved)
		return -EINVAL;
	if (info->nr_admin_ops && info->admin_op_size < sizeof(lm_nvme_op_t))
		return -EINVAL;
	return 0;
}

static int sets_take(lm_nvme_t *nvme)
{
	const lm_nvme_set_t *const *set = nvme->info.sets;

	if (!set)
		nvme->set[nvme->nr_sets++] = &lm_nvme_nvm;
	for (; set && *set; set++) {
		if (nvme->nr_sets == NVME_SETS_MAX || (*set)->op_size < sizeof(lm_nvme_op_t) ||
		    (*set)->csi > 63)
			return -EINVAL;
		nvme->set[nvme->nr_sets++] = *set;
	}
	return nvme->nr_sets ? 0 : -EINVAL;
}

static int text_take(char *to, size_t size, const char *from)
{
	return snprintf(to, size, "%s", from) >= (int)size ? -EINVAL : 0;
}

/* Of the UUID, the digits. */
static void serial_make(const char *uuid, char *to, size_t size)
{
	while (*uuid && size > 1) {
		if (*uuid != '-') {
			*to++ = *uuid;
			size--;
		}
		uuid++;
	}
	*to = 0;
}

static int texts_take(lm_nvme_t *nvme)
{
	const lm_nvme_info_t *info = &nvme->info;
	const char *uuid = lm_ctx_uuid(nvme->ctx);
	int ret;

	ret = text_take(nvme->model, sizeof(nvme->model), info->model ?: "muser NVMe");
	ret = ret ?: text_take(nvme->firmware, sizeof(nvme->firmware), info->firmware ?: "0.2");
	if (info->serial)
		ret = ret ?: text_take(nvme->serial, sizeof(nvme->serial), info->serial);
	else
		serial_make(uuid, nvme->serial, sizeof(nvme->serial));
	if (info->subnqn)
		return ret ?: text_take(nvme->subnqn, sizeof(nvme->subnqn), info->subnqn);
	snprintf(nvme->subnqn, sizeof(nvme->subnqn), "nqn.2014-08.org.nvmexpress:uuid:%s", uuid);
	return ret;
}

static void turn(lm_nvme_t *nvme)
{
	nvme_turn(nvme);
}

static void lists_init(lm_nvme_t *nvme)
{
	unsigned int i;

	TAILQ_INIT(&nvme->free);
	TAILQ_INIT(&nvme->aers);
	TAILQ_INIT(&nvme->bounce_waiters);
	TAILQ_INIT(&nvme->held);
	TAILQ_INIT(&nvme->done);
	for (i = 0; i < NVME_QUEUES; i++)
		TAILQ_INIT(&nvme->cq[i].backlog);
}

static int build(lm_nvme_t *nvme)
{
	struct timespec ts;
	int ret;

	nvme->info.queues = nvme->info.queues ?: NVME_QUEUES - 1;
	nvme->info.entries = nvme->info.entries ?: NVME_ENTRIES;
	nvme->info.mdts = nvme->info.mdts ?: 7;
	nvme->max_transfer = NVME_PAGE << nvme->info.mdts;
	nvme->admin_ops = nvme_admin_ops;
	nvme->nr_admin_ops = nvme_nr_admin_ops - !(nvme->info.flags & LM_NVME_SHADOW);
	nvme->turn = turn;
	nvme->drained = nvme_ctrl_drained;
	nvme->is_detached = true;
	lists_init(nvme);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	nvme->born_s = (uint64_t)ts.tv_sec;
	ret = sets_take(nvme);
	ret = ret ?: texts_take(nvme);
	ret = ret ?: nvme_bell_new(nvme, nvme_look);
	if (ret)
		return ret;
	if (nvme->st->magic) {
		nvme->is_fresh = true;
		return nvme_ctrl_check(nvme) ? -ESTALE : 0;
	}
	nvme->st->magic = NVME_STATE_MAGIC;
	nvme_ctrl_power_on(nvme);
	return 0;
}

NVME_EXPORT int lm_nvme_create(lm_ctx_t *ctx, const lm_nvme_info_t *info, lm_nvme_t **nvme)
{
	lm_nvme_t *new;
	int ret;

	if ((void *)nvme != lm_ctx_pvt(ctx) || !lm_state(ctx))
		return -EINVAL;
	ret = info_check(info);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->ctx = ctx;
	new->st = lm_state(ctx);
	new->info = *info;
	ret = build(new);
	if (ret) {
		lm_poller_destroy(new->poller);
		free(new);
	} else {
		*nvme = new;
	}
	return ret;
}

NVME_EXPORT void lm_nvme_destroy(lm_nvme_t *nvme)
{
	uint32_t nsid;

	if (!nvme)
		return;
	nvme_queue_forget(nvme);
	nvme_cmd_free_all(nvme);
	for (nsid = 1; nsid <= LM_NVME_MAX_NSID; nsid++) {
		if (nvme->ns[nsid])
			nvme_ns_free(nvme, nvme->ns[nsid]);
	}
	lm_timer_destroy(nvme->irq_timer);
	lm_timer_destroy(nvme->held_timer);
	free(nvme);
}

NVME_EXPORT void *lm_nvme_pvt(const lm_nvme_t *nvme)
{
	return nvme->info.pvt;
}

/* ---- callbacks -------------------------------------------------------------------- */

static lm_nvme_t *of(void *pvt)
{
	return *(lm_nvme_t **)pvt;
}

/* Answered when nothing writes to the guest's memory any more. */
NVME_EXPORT int lm_nvme_on_reset(void *pvt)
{
	lm_nvme_t *nvme = of(pvt);

	nvme_ctrl_power_on(nvme);
	nvme->is_fresh = false;
	if (!nvme->nr_dead || nvme->reset_token)
		return 0;
	nvme->reset_token = lm_defer(nvme->ctx);
	return nvme->reset_token ? LM_DEFER : 0;
}

/* What was begun for the one that has left stays in the state: a process that serves the same
 * client next goes on with it. */
static void detach(lm_nvme_t *nvme)
{
	nvme->is_detached = true;
	nvme_bell_watch(nvme);
	if (nvme_is_ready(nvme) && (nvme->st->csts & NVME_CSTS_SHST) != NVME_CSTS_SHST_COMPLETE)
		nvme->st->unsafe_shutdowns++;
	nvme_queue_forget(nvme);
	nvme_irq_reset(nvme);
	nvme_cmd_drop_all(nvme, false);
}

NVME_EXPORT void lm_nvme_on_client(void *pvt, bool attached)
{
	lm_nvme_t *nvme = of(pvt);

	if (!attached) {
		detach(nvme);
		return;
	}
	nvme->is_detached = false;
	if (nvme->is_fresh)
		nvme_ctrl_resume(nvme);
	else
		nvme_ctrl_power_on(nvme);
}

NVME_EXPORT int lm_nvme_on_dma_unmap(void *pvt, dma_addr_t addr, uint64_t len)
{
	lm_nvme_t *nvme = of(pvt);
	unsigned int i;

	for (i = 0; i < NVME_QUEUES; i++) {
		nvme_ring_unmap(nvme, &nvme->sq[i].ring, addr, len);
		nvme_ring_unmap(nvme, &nvme->cq[i].ring, addr, len);
	}
	nvme_shadow_unmap(nvme, addr, len);
	return 0;
}

/* ---- configuring ------------------------------------------------------------------ */

static unsigned long doorbells_map(void *pvt, unsigned long pgoff, unsigned long len)
{
	return (unsigned long)(uintptr_t)of(pvt)->doorbells;
}

static void doorbells_written(void *pvt, uint32_t region, uint64_t offset, uint64_t len)
{
	nvme_look(of(pvt));
}

NVME_EXPORT int lm_nvme_configure(lm_dev_info_t *info, uint32_t flags)
{
	static const lm_mmap_area_t doorbells = { NVME_DOORBELLS, NVME_PAGE };
	lm_reg_info_t *bar = &info->pci_info.reg_info[LM_BAR0_REG_IDX];

	if (flags & ~(LM_NVME_MAP_DOORBELLS | LM_NVME_NO_MSIX | LM_NVME_NO_MSI))
		return -EINVAL;
	if (flags & LM_NVME_NO_MSIX) {
		if (info->cap_list != lm_nvme_caps)
			return -EINVAL;
		info->nr_caps = LM_NVME_NR_CAPS - 1; /* it is the last one */
		info->pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = 0;
	}
	if (flags & LM_NVME_NO_MSI)
		info->pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 0;
	if (flags & LM_NVME_MAP_DOORBELLS) {
		bar->flags |= LM_REG_FLAG_MMAP;
		bar->mmap_areas = &doorbells;
		bar->nr_mmap_areas = 1;
		bar->map = doorbells_map;
		info->written = info->written ?: doorbells_written;
	}
	return 0;
}

/* ---- saved state ------------------------------------------------------------------ */

NVME_EXPORT int lm_nvme_on_load(void *pvt, const void *buf, size_t size)
{
	lm_nvme_t *nvme = of(pvt);

	if (nvme_ctrl_check(nvme))
		return -EINVAL;
	nvme_queue_forget(nvme);
	if (!nvme_cmd_drop_all(nvme, false))
		return -EBUSY;
	nvme->is_fresh = true;
	if (!nvme->is_detached)
		nvme_ctrl_resume(nvme);
	return 0;
}
