/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cap_ext.c - the list of extended capabilities from 100h on.
 *
 * Capabilities stand one after the other in the order of the description. Device Serial
 * Number and Advanced Error Reporting have the registers of the PCI Express
 * specification, any other id is bytes of the device's choice. Refuses them where there
 * is no PCI Express capability: then configuration space ends at 100h. Only what is used
 * is kept; the rest reads as 0.
 */
#include "pci/config.h"

#define EXT_FIRST     PCI_CFG_SPACE_SIZE
#define DSN_SIZE      12
#define AER_SIZE      0x48 /* up to the TLP prefix log; no root registers */
#define AER_VERSION   2
#define NEXT_SHIFT    20
#define VERSION_SHIFT 16
#define MAX_VERSION   15

/* What an endpoint without ACS, multicast, atomics and prefixes can meet. */
#define AER_UNCOR                                                                            \
	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_FCP |   \
	 PCI_ERR_UNC_COMP_TIME | PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP |             \
	 PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_ECRC | PCI_ERR_UNC_UNSUP | \
	 PCI_ERR_UNC_INTN)
#define AER_FATAL                                                                       \
	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER | \
	 PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_INTN)
#define AER_COR                                                                                 \
	(PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP | PCI_ERR_COR_BAD_DLLP | PCI_ERR_COR_REP_ROLL | \
	 PCI_ERR_COR_REP_TIMER | PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL |                  \
	 PCI_ERR_COR_LOG_OVER)

/* PCI Express Base 3.0, 7.10: defaults as there; nothing is logged, so no header log. */
static const struct cfg_reg aer_regs[] = {
	{ PCI_ERR_UNCOR_STATUS, 4, 0, 0, AER_UNCOR },
	{ PCI_ERR_UNCOR_MASK, 4, PCI_ERR_UNC_INTN, AER_UNCOR },
	{ PCI_ERR_UNCOR_SEVER, 4, AER_FATAL, AER_UNCOR },
	{ PCI_ERR_COR_STATUS, 4, 0, 0, AER_COR },
	{ PCI_ERR_COR_MASK, 4, PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL | PCI_ERR_COR_LOG_OVER,
	  AER_COR },
};

static uint32_t ext_size(const lm_ext_cap_t *c)
{
	switch (c->id) {
	case PCI_EXT_CAP_ID_ERR: return AER_SIZE;
	case PCI_EXT_CAP_ID_DSN: return DSN_SIZE;
	default: return c->size;
	}
}

static uint32_t ext_offset(const struct config *cfg)
{
	return (cfg->used + 3) & ~3u;
}

static const char *ext_fault(const struct config *cfg, const lm_ext_cap_t *c)
{
	const bool known = cap_is_known(&(struct cap){ .id = c->id, .ext = true });
	const uint32_t size = ext_size(c);
	uint32_t i;

	if (cfg->size != PCI_CFG_SPACE_EXP_SIZE)
		return "it needs a PCI Express capability";
	if (!c->id || c->version > MAX_VERSION)
		return "its id must be 1 or more, its version at most 15";
	for (i = 0; known && i < cfg->nr_caps; i++) {
		if (cfg->caps[i].ext && cfg->caps[i].id == c->id)
			return "a function can have this capability only once";
	}
	if (known && (c->data || c->wmask))
		return "the library has its registers: leave data and wmask NULL";
	if (c->dsn && c->id != PCI_EXT_CAP_ID_DSN)
		return "dsn is for the Device Serial Number capability only";
	if (c->reserved0 || c->reserved[0] || c->reserved[1])
		return "a reserved member is not 0";
	if (c->size && c->size != size)
		return "the library knows its size: leave size 0";
	if (size < CAP_EXT_HEADER_SIZE || out_of_range(ext_offset(cfg), size, cfg->size))
		return "its size is less than 4 bytes, or more than is left";
	return NULL;
}

static void ext_build(struct config *cfg, const struct cap *cap, const lm_ext_cap_t *c)
{
	const struct cfg_reg dsn[] = {
		{ 4, 4, (uint32_t)c->dsn },
		{ 8, 4, (uint32_t)(c->dsn >> 32) },
	};

	if (c->id == PCI_EXT_CAP_ID_ERR)
		config_put(cfg, cap->offset, aer_regs, LM_NR(aer_regs));
	else if (c->id == PCI_EXT_CAP_ID_DSN)
		config_put(cfg, cap->offset, dsn, LM_NR(dsn));
	else
		cap_put_data(cfg, cap, c->data, c->wmask);
}

static int ext_add(struct config *cfg, const lm_ext_cap_t *c, struct cap *prev)
{
	const uint32_t offset = ext_offset(cfg), size = ext_size(c);
	const struct cap cap = {
		.id = c->id,
		.offset = (uint16_t)offset,
		.size = (uint16_t)size,
		.ext = true,
	};
	const uint32_t latest = c->id == PCI_EXT_CAP_ID_ERR ? AER_VERSION : 1;
	const struct cfg_reg header = { 0, 4, c->id | (c->version ?: latest) << VERSION_SHIFT };
	struct cfg_reg link = { 0, 4 };
	int ret;

	ret = config_grow(cfg, offset + size);
	ret = ret ?: cap_add(cfg, &cap);
	if (ret)
		return ret;
	ext_build(cfg, &cap, c);
	config_put(cfg, offset, &header, 1);
	/* The header of the one before learns where this one stands: by its last dozen bits. */
	if (prev->size) {
		link.value = config_get(cfg, prev->offset, 4) | offset << NEXT_SHIFT;
		config_put(cfg, prev->offset, &link, 1);
	}
	*prev = cap;
	return 0;
}

int cap_ext_new(struct lm_ctx *ctx)
{
	struct cap prev = { 0 };
	const char *fault;
	uint32_t i;
	int ret;

	for (i = 0; i < ctx->info.nr_ext_caps; i++) {
		const lm_ext_cap_t *c = &ctx->info.ext_caps[i];

		fault = ext_fault(ctx->config, c);
		if (fault) {
			log_err(ctx, "extended capability %04xh: %s", c->id, fault);
			return -EINVAL;
		}
		ret = ext_add(ctx->config, c, &prev);
		if (ret)
			return ret;
	}
	return 0;
}
