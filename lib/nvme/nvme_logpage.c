/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_logpage.c - Get Log Page (Base 5.16).
 *
 * A table of log pages: how long they are, and who fills them. A page that was read lets events of
 * its kind come again, unless the guest retains them.
 */
#include <stdio.h>
#include <time.h>

#include "nvme/nvme.h"

#define LID(cmd) ((uint8_t)(cmd)->dw[10])
#define RAE(cmd) ((cmd)->dw[10] >> 15 & 1)
#define OT       (1u << 23) /* dword 14: offsets count entries */
#define PAGE_MAX 4096u

static uint64_t numd(const lm_nvme_cmd_t *cmd)
{
	return (cmd->dw[10] >> 16 | (uint64_t)(cmd->dw[11] & 0xffff) << 16) + 1;
}

static uint64_t offset(const lm_nvme_cmd_t *cmd)
{
	return cmd->dw[12] | (uint64_t)cmd->dw[13] << 32;
}

/* ---- pages ------------------------------------------------------------------------ */

/* The newest entry is the first. */
static void error_fill(const lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const struct nvme_state *st = cmd->nvme->st;
	uint64_t i;

	for (i = 0; i < NVME_ERRORS && i < st->nr_errors; i++)
		memcpy(page + 64 * i, st->error[(st->nr_errors - 1 - i) % NVME_ERRORS], 64);
}

static uint64_t hours(const lm_nvme_t *nvme)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec - nvme->born_s) / 3600;
}

/* Figure 207. Units are thousands of 512 bytes, rounded up. */
static void smart_fill(const lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const struct nvme_state *st = cmd->nvme->st;

	nvme_put16(page + 1, 273 + 40);
	page[3] = 100; /* spare */
	page[4] = 10;
	nvme_put64(page + 32, (st->bytes_read + 511999) / 512000);
	nvme_put64(page + 48, (st->bytes_written + 511999) / 512000);
	nvme_put64(page + 64, st->reads);
	nvme_put64(page + 80, st->writes);
	nvme_put64(page + 112, st->power_cycles);
	nvme_put64(page + 128, hours(cmd->nvme));
	nvme_put64(page + 144, st->unsafe_shutdowns);
	nvme_put64(page + 160, st->media_errors);
	nvme_put64(page + 176, st->nr_errors);
}

static void firmware_fill(const lm_nvme_cmd_t *cmd, uint8_t *page)
{
	page[0] = 1; /* slot 1 is active */
	memset(page + 8, ' ', 8);
	memcpy(page + 8, cmd->nvme->firmware, strnlen(cmd->nvme->firmware, 8));
}

static void changed_fill(const lm_nvme_cmd_t *cmd, uint8_t *page)
{
	struct nvme_state *st = cmd->nvme->st;
	uint32_t nsid, nr = 0;

	for (nsid = 1; nsid <= LM_NVME_MAX_NSID; nsid++) {
		if (st->changed[nsid / 8] >> nsid % 8 & 1)
			nvme_put32(page + 4 * nr++, nsid);
	}
	if (!RAE(cmd))
		memset(st->changed, 0, sizeof(st->changed));
}

static void effects_put(const lm_nvme_op_t *ops, uint32_t nr, size_t size, uint8_t *page)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		const lm_nvme_op_t *op = nvme_op_at(ops, size, i);

		nvme_put32(page + 4 * op->opcode, op->effects | 1);
	}
}

/* Figure 211: admin commands, then those of the command set that dword 14 names. */
static void effects_fill(const lm_nvme_cmd_t *cmd, uint8_t *page)
{
	const lm_nvme_t *nvme = cmd->nvme;
	uint32_t i;

	effects_put(nvme->admin_ops, nvme->nr_admin_ops, sizeof(lm_nvme_op_t), page);
	effects_put(nvme->info.admin_ops, nvme->info.nr_admin_ops, nvme->info.admin_op_size, page);
	for (i = 0; i < nvme->nr_sets; i++) {
		const lm_nvme_set_t *set = nvme->set[i];

		if (set->csi == cmd->dw[14] >> 24)
			effects_put(set->ops, set->nr_ops, set->op_size, page + 1024);
	}
}

static void features_fill(const lm_nvme_cmd_t *cmd, uint8_t *page)
{
	nvme_feature_effects(page);
}

static void supported_fill(const lm_nvme_cmd_t *cmd, uint8_t *page);

/* ---- the table -------------------------------------------------------------------- */

static const struct log {
	uint8_t lid;
	uint32_t size;
	void (*fill)(const lm_nvme_cmd_t *cmd, uint8_t *page);
} logs[] = {
	{ NVME_LOG_SUPPORTED, 1024, supported_fill },
	{ NVME_LOG_ERROR, 64 * NVME_ERRORS, error_fill },
	{ NVME_LOG_SMART, 512, smart_fill },
	{ NVME_LOG_FIRMWARE, 512, firmware_fill },
	{ NVME_LOG_CHANGED_NS, 4096, changed_fill },
	{ NVME_LOG_EFFECTS, 4096, effects_fill },
	{ NVME_LOG_FEATURES, 1024, features_fill },
};

static void supported_fill(const lm_nvme_cmd_t *cmd, uint8_t *page)
{
	size_t i;

	for (i = 0; i < LM_NR(logs); i++)
		nvme_put32(page + 4 * logs[i].lid, 1);
}

static const struct log *log_find(uint8_t lid)
{
	size_t i;

	for (i = 0; i < LM_NR(logs); i++) {
		if (logs[i].lid == lid)
			return &logs[i];
	}
	return NULL;
}

uint16_t nvme_log_page_check(lm_nvme_cmd_t *cmd)
{
	const struct log *log = log_find(LID(cmd));

	cmd->error_at = LM_NVME_DW(10);
	if (!log)
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW_BIT(10, 16);
	cmd->length = 4 * numd(cmd);
	if (cmd->length > cmd->nvme->max_transfer)
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW(12);
	if (offset(cmd) % 4 || offset(cmd) > log->size || cmd->dw[14] & OT)
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW(1);
	/* 5.16.1: none is of a namespace */
	return cmd->dw[1] && cmd->dw[1] != NVME_NSID_ALL ? LM_NVME_INVALID_FIELD : LM_NVME_SUCCESS;
}

void nvme_log_page(lm_nvme_cmd_t *cmd)
{
	const struct log *log = log_find(LID(cmd));
	const bool is_retained = RAE(cmd);
	lm_nvme_t *nvme = cmd->nvme;
	uint8_t page[PAGE_MAX] = { 0 };

	log->fill(cmd, page);
	nvme_answer(cmd, page, log->size, offset(cmd));
	if (!is_retained)
		nvme_event_unmask(nvme, log->lid);
}

void nvme_log_page_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "lid=%02xh bytes=%llu offset=%llu", LID(cmd),
		 (unsigned long long)(4 * numd(cmd)), (unsigned long long)offset(cmd));
}
