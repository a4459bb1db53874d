/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_ns.c - the namespaces that a controller has, and who uses them.
 *
 * Owns their memory: one that is removed goes when the last command that uses it has ended. Who
 * adds and removes them, and notifies the guest, is nvme_inventory.c.
 */
#include <stdlib.h>

#include "nvme/nvme.h"

struct nvme_ns *nvme_ns_find(const lm_nvme_t *nvme, uint32_t nsid)
{
	struct nvme_ns *ns = nsid && nsid <= LM_NVME_MAX_NSID ? nvme->ns[nsid] : NULL;

	if (!ns || ns->is_leaving)
		return NULL;
	/* Base 3.1.3.5: other command sets are there if CC.CSS says so. */
	return !ns->set->csi || NVME_CC_CSS(nvme->st->cc) == NVME_CSS_ALL ? ns : NULL;
}

uint16_t nvme_nsid_status(const lm_nvme_t *nvme, uint32_t nsid)
{
	if (!nsid || nsid > LM_NVME_MAX_NSID)
		return LM_NVME_INVALID_NAMESPACE;
	return nvme_ns_find(nvme, nsid) ? LM_NVME_SUCCESS : LM_NVME_INVALID_FIELD;
}

void nvme_ns_get(struct nvme_ns *ns, struct nvme_cmd *cmd)
{
	cmd->ns = ns;
	cmd->pub.pvt = ns->info.pvt;
	cmd->pub.block_shift = ns->block_shift;
	cmd->is_counted = true;
	ns->in_flight++;
}

void nvme_ns_free(lm_nvme_t *nvme, struct nvme_ns *ns)
{
	nvme->ns[ns->nsid] = NULL;
	free(ns);
}

void nvme_ns_put(struct nvme_cmd *cmd)
{
	struct nvme_ns *ns = cmd->ns;
	void (*removed)(void *pvt);
	void *pvt;

	cmd->ns = NULL;
	if (!cmd->is_counted)
		return;
	cmd->is_counted = false;
	if (cmd->is_exclusive)
		ns->is_exclusive = false;
	cmd->is_exclusive = false;
	if (--ns->in_flight || !ns->is_leaving)
		return;
	removed = ns->info.removed;
	pvt = ns->info.pvt;
	nvme_ns_free(cmd->pub.nvme, ns);
	if (removed)
		removed(pvt);
}

void nvme_ns_list(const lm_nvme_t *nvme, uint32_t after, int csi, uint8_t *page)
{
	const struct nvme_ns *ns;
	uint32_t nsid, nr = 0;

	for (nsid = 1; nsid <= LM_NVME_MAX_NSID; nsid++) {
		ns = nvme_ns_find(nvme, nsid);
		if (nsid > after && ns && (csi < 0 || ns->set->csi == csi))
			nvme_put32(page + 4 * nr++, nsid);
	}
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return !*bytes && !memcmp(bytes, bytes + 1, len - 1);
}

/* A number of its own from a text; FNV-1a. */
static uint64_t hash(const char *text, uint32_t nr)
{
	uint64_t h = 0xcbf29ce484222325ull ^ nr;

	while (*text)
		h = (h ^ (uint8_t)*text++) * 0x100000001b3ull;
	return h;
}

/* Base 5.17.2.3: NGUID and EUI64 begin with an OUI: bit 1 of its first byte says that nobody
 * has assigned it. */
void nvme_ns_ids(const lm_nvme_t *nvme, const struct nvme_ns *ns, uint8_t *nguid, uint8_t *eui64)
{
	memcpy(nguid, ns->info.nguid, sizeof(ns->info.nguid));
	memcpy(eui64, ns->info.eui64, sizeof(ns->info.eui64));
	if (!is_zero(nguid, sizeof(ns->info.nguid)))
		return;
	nvme_put64(nguid, hash(nvme->serial, ns->nsid));
	nvme_put64(nguid + 8, hash(nvme->serial, ~ns->nsid));
	nguid[8] = (nguid[8] & 0xfc) | 2;
}

bool nvme_ns_size_fits(uint64_t size, unsigned int shift)
{
	return size && !(size & ((1ull << shift) - 1));
}
