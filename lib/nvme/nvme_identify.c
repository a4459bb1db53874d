/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_identify.c - what a controller and its namespaces are (Base 5.17).
 *
 * A table of structures by their CNS: which of them need a namespace, and who fills the page.
 */
#include <stdio.h>

#include "nvme/nvme.h"

#define CNS(cmd)   ((uint8_t)(cmd)->dw[10])
#define CNTID(cmd) ((cmd)->dw[10] >> 16)
#define CSI(cmd)   ((cmd)->dw[11] >> 24)
#define CNTLID     1u

static void text_put(uint8_t *to, const char *text, size_t len)
{
	memset(to, ' ', len);
	memcpy(to, text, strnlen(text, len));
}

static const lm_nvme_set_t *set_of(const lm_nvme_t *nvme, uint32_t csi)
{
	uint32_t i;

	for (i = 0; i < nvme->nr_sets; i++) {
		if (nvme->set[i]->csi == csi)
			return nvme->set[i];
	}
	return NULL;
}

/* ---- the controller --------------------------------------------------------------- */

/* Figure 275, bytes 0 to 255. */
static void ctrl_is(const lm_nvme_t *nvme, uint8_t *page)
{
	lm_config_read(nvme->ctx, 0, page, 2);        /* VID */
	lm_config_read(nvme->ctx, 0x2c, page + 2, 2); /* SSVID */
	text_put(page + 4, nvme->serial, 20);
	text_put(page + 24, nvme->model, 40);
	text_put(page + 64, nvme->firmware, 8);
	page[72] = 6; /* RAB */
	memcpy(page + 73, nvme->info.ieee, 3);
	page[77] = nvme->info.mdts;
	nvme_put16(page + 78, CNTLID);
	nvme_put32(page + 80, NVME_VERSION);
	nvme_put32(page + 92, NVME_AEC_NS_CHANGED); /* OAES */
	nvme_put32(page + 96, 1);                   /* CTRATT: host identifier of 16 bytes */
	page[111] = 1;                              /* CNTRLTYPE: I/O */
}

/* Bytes 256 on. */
static void ctrl_does(const lm_nvme_t *nvme, uint8_t *page)
{
	/* OACS: Format, Doorbell Buffer Config */
	nvme_put16(page + 256, 1 << 1 | (nvme->info.flags & LM_NVME_SHADOW ? 1 << 8 : 0));
	page[258] = 3;                    /* ACL */
	page[259] = NVME_AERS - 1;        /* AERL */
	page[260] = 1 << 1 | 1;           /* FRMW: one slot, read-only */
	page[261] = 1 << 1 | 1 << 2;      /* LPA: effects, offsets */
	page[262] = NVME_ERRORS - 1;      /* ELPE */
	nvme_put16(page + 266, 273 + 70); /* WCTEMP */
	nvme_put16(page + 268, 273 + 80); /* CCTEMP */
	page[512] = NVME_SQES << 4 | NVME_SQES;
	page[513] = NVME_CQES << 4 | NVME_CQES;
	nvme_put32(page + 516, LM_NVME_MAX_NSID); /* NN */
	/* ONCS: Compare, Dataset Management, Write Zeroes, features to be saved and selected,
	 * Timestamp, Verify */
	nvme_put16(page + 520, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7);
	page[524] = 1 << 3;          /* FNA: not all namespaces at a time */
	page[525] = 1 << 0 | 2 << 1; /* VWC: there is one; neither does Flush */
	/* SGLS: as dwords or bytes, bit buckets, longer than the data */
	nvme_put32(page + 536, 1 << 0 | 1 << 16 | 1 << 18);
	memcpy(page + 768, nvme->subnqn, strnlen(nvme->subnqn, 223));
	nvme_put16(page + 2048, 500); /* PSD0: 5 W */
}

static uint16_t ctrl_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	ctrl_is(cmd->nvme, page);
	ctrl_does(cmd->nvme, page);
	return LM_NVME_SUCCESS;
}

/* NVM 4.1.5.4: as much is verified at a time as is transferred. */
static uint16_t set_ctrl_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const lm_nvme_set_t *set = set_of(cmd->nvme, CSI(cmd));

	if (!set)
		return LM_NVME_INVALID_COMMAND_SET;
	if (set->identify_ctrl)
		set->identify_ctrl(cmd->nvme->info.pvt, page);
	if (set == &lm_nvme_nvm)
		page[0] = cmd->nvme->info.mdts; /* VSL */
	return LM_NVME_SUCCESS;
}

/* Figure 290: all command sets together are the one combination that there is. */
static uint16_t sets_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const lm_nvme_t *nvme = cmd->nvme;
	uint64_t sets = 0;
	uint32_t i;

	if (CNTID(cmd) != 0xffff && CNTID(cmd) != CNTLID)
		return LM_NVME_INVALID_FIELD;
	for (i = 0; i < nvme->nr_sets; i++)
		sets |= 1ull << nvme->set[i]->csi;
	nvme_put64(page, sets);
	return LM_NVME_SUCCESS;
}

/* ---- namespaces ------------------------------------------------------------------- */

/* One that is not there is a page of zeroes. */
static uint16_t ns_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const struct nvme_ns *ns = nvme_ns_find(cmd->nvme, cmd->dw[1]);

	if (!ns)
		return LM_NVME_SUCCESS;
	if (ns->set->csi)
		return LM_NVME_INVALID_COMMAND_SET;
	nvme_nvm_identify(cmd->nvme, ns, page);
	return LM_NVME_SUCCESS;
}

static uint16_t ns_list_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	nvme_ns_list(cmd->nvme, cmd->dw[1], -1, page);
	return LM_NVME_SUCCESS;
}

static uint16_t set_ns_list_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	if (!set_of(cmd->nvme, CSI(cmd)))
		return LM_NVME_INVALID_COMMAND_SET;
	nvme_ns_list(cmd->nvme, cmd->dw[1], (int)CSI(cmd), page);
	return LM_NVME_SUCCESS;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return !*bytes && !memcmp(bytes, bytes + 1, len - 1);
}

static uint8_t *descriptor_put(uint8_t *to, uint8_t type, const uint8_t *bytes, uint8_t len)
{
	if (is_zero(bytes, len) && type != 4)
		return to;
	to[0] = type;
	to[1] = len;
	memcpy(to + 4, bytes, len);
	return to + 4 + len;
}

/* Figure 276. */
static uint16_t descriptors_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const struct nvme_ns *ns = nvme_ns_find(cmd->nvme, cmd->dw[1]);
	uint8_t nguid[16], eui64[8];

	if (!ns)
		return nvme_nsid_status(cmd->nvme, cmd->dw[1]);
	nvme_ns_ids(cmd->nvme, ns, nguid, eui64);
	page = descriptor_put(page, 1, eui64, sizeof(eui64));
	page = descriptor_put(page, 2, nguid, sizeof(nguid));
	page = descriptor_put(page, 3, ns->info.uuid, sizeof(ns->info.uuid));
	descriptor_put(page, 4, &ns->set->csi, 1);
	return LM_NVME_SUCCESS;
}

static uint16_t set_ns_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const struct nvme_ns *ns = nvme_ns_find(cmd->nvme, cmd->dw[1]);

	if (!set_of(cmd->nvme, CSI(cmd)) || (ns && ns->set->csi != CSI(cmd)))
		return LM_NVME_INVALID_COMMAND_SET;
	if (ns && ns->set->identify_ns)
		ns->set->identify_ns(ns->info.pvt, page);
	return LM_NVME_SUCCESS;
}

/* Figure 280. */
static uint16_t ns_common_page(lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const struct nvme_ns *ns = nvme_ns_find(cmd->nvme, cmd->dw[1]);

	if (!ns)
		return LM_NVME_SUCCESS;
	page[8] = ns->info.flags & LM_NVME_NS_READ_ONLY; /* NSATTR */
	page[14] = 1;                                    /* NSTAT: ready */
	return LM_NVME_SUCCESS;
}

/* ---- the table -------------------------------------------------------------------- */

enum { NO_NSID, NSID, LIST_NSID };

static const struct structure {
	uint8_t cns, nsid;
	uint16_t (*fill)(lm_nvme_cmd_t *cmd, uint8_t *page);
} structures[] = {
	{ NVME_CNS_NS, NSID, ns_page },
	{ NVME_CNS_CTRL, NO_NSID, ctrl_page },
	{ NVME_CNS_NS_LIST, LIST_NSID, ns_list_page },
	{ NVME_CNS_NS_DESCRIPTORS, NSID, descriptors_page },
	{ NVME_CNS_SET_NS, NSID, set_ns_page },
	{ NVME_CNS_SET_CTRL, NO_NSID, set_ctrl_page },
	{ NVME_CNS_SET_NS_LIST, LIST_NSID, set_ns_list_page },
	{ NVME_CNS_NS_COMMON, NSID, ns_common_page },
	{ NVME_CNS_SETS, NO_NSID, sets_page },
};

static const struct structure *structure_find(const lm_nvme_cmd_t *cmd)
{
	size_t i;

	for (i = 0; i < LM_NR(structures); i++) {
		if (structures[i].cns == CNS(cmd))
			return &structures[i];
	}
	return NULL;
}

uint16_t nvme_identify_check(lm_nvme_cmd_t *cmd)
{
	const struct structure *s = structure_find(cmd);
	const uint32_t nsid = cmd->dw[1];

	cmd->length = NVME_PAGE;
	cmd->error_at = LM_NVME_DW(10);
	if (!s)
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW(1);
	if (s->nsid == NSID && (!nsid || nsid > LM_NVME_MAX_NSID))
		return LM_NVME_INVALID_NAMESPACE;
	return s->nsid == LIST_NSID && nsid > NVME_NSID_ALL - 2 ? LM_NVME_INVALID_NAMESPACE :
								  LM_NVME_SUCCESS;
}

void nvme_identify(lm_nvme_cmd_t *cmd)
{
	uint8_t page[NVME_PAGE] = { 0 };
	const uint16_t status = structure_find(cmd)->fill(cmd, page);

	if (status)
		lm_nvme_complete(cmd, status);
	else
		nvme_answer(cmd, page, sizeof(page), 0);
}

void nvme_identify_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "cns=%02xh csi=%u", CNS(cmd), CSI(cmd));
}
