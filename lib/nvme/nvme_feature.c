/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_feature.c - Get Features and Set Features (Base 5.15, 5.27).
 *
 * A table says what there is: features that are one dword of the state, and those with functions of
 * their own. None is saved over a reset.
 */
#include <stdio.h>
#include <time.h>

#include "nvme/nvme.h"

#define FID(cmd) ((uint8_t)(cmd)->dw[10])
#define SEL(cmd) ((cmd)->dw[10] >> 8 & 7)
#define SV       (1u << 31)
enum { SEL_CURRENT, SEL_DEFAULT, SEL_SAVED, SEL_CAPABILITIES };

#define EXHID 1u /* dword 11 of Host Identifier: 16 bytes */

struct feature {
	uint8_t fid, index;
	bool is_ns; /* of a namespace, or of all */
	uint32_t mask, initial;
	uint64_t (*length)(const lm_nvme_cmd_t *cmd); /* of its data */
	uint16_t (*check)(lm_nvme_cmd_t *cmd);        /* of a new value */
	void (*set)(lm_nvme_cmd_t *cmd);
	void (*get)(lm_nvme_cmd_t *cmd);
};

/* ---- queues, vectors, command sets ------------------------------------------------ */

static bool queues_exist(const struct nvme_state *st)
{
	unsigned int i;

	for (i = 1; i < NVME_QUEUES; i++) {
		if (st->sq[i].entries || st->cq[i].entries)
			return true;
	}
	return false;
}

static uint16_t queues_check(lm_nvme_cmd_t *cmd)
{
	if (queues_exist(cmd->nvme->st))
		return LM_NVME_SEQUENCE_ERROR;
	return (uint16_t)cmd->dw[11] == 0xffff || cmd->dw[11] >> 16 == 0xffff ?
		       LM_NVME_INVALID_FIELD :
		       LM_NVME_SUCCESS;
}

static void queues_get(lm_nvme_cmd_t *cmd)
{
	cmd->result = (cmd->nvme->info.queues - 1u) * 0x10001u;
}

static uint16_t vector_check(lm_nvme_cmd_t *cmd)
{
	return (cmd->dw[11] & 0xffff) < LM_NVME_VECTORS ? LM_NVME_SUCCESS : LM_NVME_INVALID_FIELD;
}

static void vector_set(lm_nvme_cmd_t *cmd)
{
	nvme_bit_set(cmd->nvme->st->vector_plain, cmd->dw[11] & 0xffff, cmd->dw[11] >> 16 & 1);
}

static void vector_get(lm_nvme_cmd_t *cmd)
{
	const uint32_t vector = cmd->dw[11] & 0xffff;

	if (vector < LM_NVME_VECTORS)
		cmd->result = vector | (uint32_t)nvme_bit(cmd->nvme->st->vector_plain, vector)
					       << 16;
}

/* Combination 0 is the only one. */
static uint16_t profile_check(lm_nvme_cmd_t *cmd)
{
	return cmd->dw[11] & 0x1ff ? LM_NVME_COMMAND_SET_REJECTED : LM_NVME_SUCCESS;
}

/* Identify says that there is no Keep Alive (KAS): the timer is off. */
static uint16_t keep_alive_check(lm_nvme_cmd_t *cmd)
{
	return cmd->dw[11] ? LM_NVME_INVALID_FIELD : LM_NVME_SUCCESS;
}

static void nothing(lm_nvme_cmd_t *cmd)
{
}

/* ---- time and host ---------------------------------------------------------------- */

static uint64_t eight(const lm_nvme_cmd_t *cmd)
{
	return 8;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

static void timestamp_set(lm_nvme_cmd_t *cmd)
{
	uint8_t bytes[8] = { 0 };

	lm_nvme_data_read(cmd, 0, bytes, 6);
	cmd->nvme->st->timestamp_ms = (int64_t)nvme_get64(bytes) - now_ms();
	cmd->nvme->st->timestamp_origin = 1;
}

/* Figure 325: since the last reset, or since the host has set it. */
static void timestamp_get(lm_nvme_cmd_t *cmd)
{
	const struct nvme_state *st = cmd->nvme->st;
	uint8_t bytes[8];

	nvme_put64(bytes, (uint64_t)(now_ms() + st->timestamp_ms) & 0xffffffffffffull);
	bytes[6] = (uint8_t)(st->timestamp_origin << 1);
	nvme_answer(cmd, bytes, sizeof(bytes), 0);
}

static uint64_t host_id_length(const lm_nvme_cmd_t *cmd)
{
	return cmd->dw[11] & EXHID ? 16 : 8;
}

static void host_id_set(lm_nvme_cmd_t *cmd)
{
	memset(cmd->nvme->st->host_id, 0, sizeof(cmd->nvme->st->host_id));
	lm_nvme_data_read(cmd, 0, cmd->nvme->st->host_id, cmd->length);
}

static void host_id_get(lm_nvme_cmd_t *cmd)
{
	nvme_answer(cmd, cmd->nvme->st->host_id, sizeof(cmd->nvme->st->host_id), 0);
}

/* Figure 328. Its first byte says that the host knows how to retry later, and is kept. */
enum { BEHAVIOR_LENGTH = 512, ACRE = 1 };

static uint64_t behavior_length(const lm_nvme_cmd_t *cmd)
{
	return BEHAVIOR_LENGTH;
}

static void behavior_set(lm_nvme_cmd_t *cmd)
{
	uint8_t acre = 0;

	lm_nvme_data_read(cmd, 0, &acre, 1);
	cmd->nvme->st->feature[NVME_F_HOST_BEHAVIOR] = acre & ACRE;
}

static void behavior_get(lm_nvme_cmd_t *cmd)
{
	const uint8_t bytes[BEHAVIOR_LENGTH] = {
		(uint8_t)cmd->nvme->st->feature[NVME_F_HOST_BEHAVIOR]
	};

	nvme_answer(cmd, bytes, sizeof(bytes), 0);
}

/* ---- one dword -------------------------------------------------------------------- */

/* One power state. */
static uint16_t power_check(lm_nvme_cmd_t *cmd)
{
	return cmd->dw[11] & 0x1f ? LM_NVME_INVALID_FIELD : LM_NVME_SUCCESS;
}

/* The composite temperature, over and under. */
#define TMPSEL(dw11) ((dw11) >> 16 & 15)
#define THSEL(dw11)  ((dw11) >> 20 & 3)

static uint16_t temperature_check(lm_nvme_cmd_t *cmd)
{
	const uint32_t sensor = TMPSEL(cmd->dw[11]);

	return (sensor && sensor != 15) || THSEL(cmd->dw[11]) > 1 ? LM_NVME_INVALID_FIELD :
								    LM_NVME_SUCCESS;
}

static void temperature_set(lm_nvme_cmd_t *cmd)
{
	cmd->nvme->st->feature[NVME_F_TEMPERATURE_OVER + THSEL(cmd->dw[11])] = cmd->dw[11] & 0xffff;
}

static void temperature_get(lm_nvme_cmd_t *cmd)
{
	if (!temperature_check(cmd))
		cmd->result = cmd->nvme->st->feature[NVME_F_TEMPERATURE_OVER + THSEL(cmd->dw[11])];
}

static const struct feature features[] = {
	{ NVME_FEAT_ARBITRATION, NVME_F_ARBITRATION, .mask = 0xffffff07, .initial = 7 },
	{ NVME_FEAT_POWER, NVME_F_POWER, .mask = 0xff, .check = power_check },
	{ NVME_FEAT_TEMPERATURE, NVME_F_TEMPERATURE_OVER, .mask = 0xffff, .initial = 273 + 70,
	  .check = temperature_check, .set = temperature_set, .get = temperature_get },
	{ NVME_FEAT_ERROR_RECOVERY, NVME_F_ERROR_RECOVERY, true, .mask = 0xffff },
	{ NVME_FEAT_WRITE_CACHE, NVME_F_WRITE_CACHE, .mask = 1, .initial = 1 },
	{ NVME_FEAT_QUEUES, NVME_NR_F, .check = queues_check, .set = queues_get,
	  .get = queues_get },
	{ NVME_FEAT_COALESCING, NVME_F_COALESCING, .mask = 0xffff },
	{ NVME_FEAT_VECTOR, NVME_NR_F, .check = vector_check, .set = vector_set,
	  .get = vector_get },
	{ NVME_FEAT_ATOMICITY, NVME_F_ATOMICITY, .mask = 1 },
	{ NVME_FEAT_EVENTS, NVME_F_EVENTS, .mask = 0xff | NVME_AEC_NS_CHANGED },
	{ NVME_FEAT_TIMESTAMP, NVME_NR_F, .length = eight, .set = timestamp_set,
	  .get = timestamp_get },
	{ NVME_FEAT_KEEP_ALIVE, NVME_NR_F, .check = keep_alive_check, .set = nothing,
	  .get = nothing },
	{ NVME_FEAT_HOST_BEHAVIOR, NVME_F_HOST_BEHAVIOR, .mask = ACRE, .length = behavior_length,
	  .set = behavior_set, .get = behavior_get },
	{ NVME_FEAT_SET_PROFILE, NVME_NR_F, .check = profile_check, .set = nothing,
	  .get = nothing },
	{ NVME_FEAT_HOST_ID, NVME_NR_F, .length = host_id_length, .set = host_id_set,
	  .get = host_id_get },
};

static const struct feature *feature_find(uint8_t fid)
{
	size_t i;

	for (i = 0; i < LM_NR(features); i++) {
		if (features[i].fid == fid)
			return &features[i];
	}
	return NULL;
}

/* ---- commands --------------------------------------------------------------------- */

static uint16_t feature_check(lm_nvme_cmd_t *cmd, const struct feature *f)
{
	cmd->error_at = LM_NVME_DW(10);
	if (!f)
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW(1);
	if (!f->is_ns || (cmd->dw[1] == NVME_NSID_ALL && cmd->opcode == NVME_SET_FEATURES))
		return LM_NVME_SUCCESS;
	return nvme_nsid_status(cmd->nvme, cmd->dw[1]);
}

uint16_t nvme_get_features_check(lm_nvme_cmd_t *cmd)
{
	const struct feature *f = feature_find(FID(cmd));
	const uint16_t status = feature_check(cmd, f);

	if (status)
		return status;
	cmd->error_at = LM_NVME_DW_BIT(10, 8);
	if (SEL(cmd) > SEL_CAPABILITIES)
		return LM_NVME_INVALID_FIELD;
	cmd->error_at = LM_NVME_DW(11);
	if (f->fid == NVME_FEAT_TEMPERATURE || f->fid == NVME_FEAT_VECTOR)
		return SEL(cmd) == SEL_CAPABILITIES ? LM_NVME_SUCCESS : f->check(cmd);
	cmd->length = f->length && SEL(cmd) == SEL_CURRENT ? f->length(cmd) : 0;
	return LM_NVME_SUCCESS;
}

void nvme_get_features(lm_nvme_cmd_t *cmd)
{
	const struct feature *f = feature_find(FID(cmd));

	if (SEL(cmd) == SEL_CAPABILITIES) {
		cmd->result = 1u << 2 | (uint32_t)f->is_ns << 1; /* it can be changed */
	} else if (SEL(cmd) != SEL_CURRENT) {
		cmd->result = f->fid == NVME_FEAT_QUEUES ? 0 : f->initial;
		if (f->fid == NVME_FEAT_QUEUES)
			f->get(cmd);
	} else if (f->get) {
		f->get(cmd);
		if (f->length)
			return; /* it has answered */
	} else {
		cmd->result = cmd->nvme->st->feature[f->index];
	}
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

uint16_t nvme_set_features_check(lm_nvme_cmd_t *cmd)
{
	const struct feature *f = feature_find(FID(cmd));
	uint16_t status = feature_check(cmd, f);

	if (status)
		return status;
	if (!f->is_ns && cmd->dw[1] && cmd->dw[1] != NVME_NSID_ALL)
		return LM_NVME_FEATURE_NOT_NS;
	cmd->error_at = LM_NVME_DW_BIT(10, 31);
	if (cmd->dw[10] & SV)
		return LM_NVME_FEATURE_NOT_SAVEABLE;
	cmd->error_at = LM_NVME_DW(11);
	cmd->length = f->length ? f->length(cmd) : 0;
	return f->check ? f->check(cmd) : LM_NVME_SUCCESS;
}

void nvme_set_features(lm_nvme_cmd_t *cmd)
{
	const struct feature *f = feature_find(FID(cmd));

	if (f->set)
		f->set(cmd);
	else
		cmd->nvme->st->feature[f->index] = cmd->dw[11] & f->mask;
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

void nvme_features_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	if (cmd->opcode == NVME_SET_FEATURES)
		snprintf(buf, size, "fid=%02xh value=%x", FID(cmd), cmd->dw[11]);
	else
		snprintf(buf, size, "fid=%02xh sel=%u", FID(cmd), SEL(cmd));
}

/* ---- state ------------------------------------------------------------------------ */

void nvme_feature_reset(lm_nvme_t *nvme)
{
	struct nvme_state *st = nvme->st;
	size_t i;

	memset(st->feature, 0, sizeof(st->feature));
	memset(st->vector_plain, 0, sizeof(st->vector_plain));
	for (i = 0; i < LM_NR(features); i++) {
		if (features[i].index < NVME_NR_F)
			st->feature[features[i].index] = features[i].initial;
	}
}

bool nvme_feature_is_sane(const struct nvme_state *st)
{
	size_t i;

	for (i = 0; i < LM_NR(features); i++) {
		const struct feature *f = &features[i];

		if (f->index < NVME_NR_F && st->feature[f->index] & ~f->mask)
			return false;
	}
	return st->timestamp_origin <= 1;
}

void nvme_feature_effects(uint8_t *page)
{
	size_t i;

	for (i = 0; i < LM_NR(features); i++)
		nvme_put32(page + 4 * features[i].fid, 1);
}
