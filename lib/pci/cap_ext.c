/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cap_ext.c - the list of extended capabilities from 100h on.
 *
 * Capabilities stand one after the other in the order of the description. Device Serial
 * Number, Advanced Error Reporting, Resizable BAR and Data Object Exchange have the
 * registers of the PCI Express specification, any other id is bytes of the device's
 * choice. Refuses them where there is no PCI Express capability: then configuration
 * space ends at 100h. Only what is used is kept; the rest reads as 0.
 */
#include "pci/config.h"

#define EXT_FIRST   PCI_CFG_SPACE_SIZE
#define DSN_SIZE    12
#define AER_SIZE    0x48 /* up to the TLP prefix log; no root registers */
#define AER_VERSION 2
#define NEXT_SHIFT  20
#define REBAR_SHIFT 20 /* 1 MiB */

#define REBAR_ENTRY_SIZE       8
#define REBAR_SIZES_SHIFT      4  /* in the capability register; 256 TiB and more ... */
#define REBAR_CTRL_SIZES_SHIFT 16 /* ... are in the control register from here on */
#define VERSION_SHIFT          16
#define MAX_VERSION            15

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
	case PCI_EXT_CAP_ID_DOE: return DOE_SIZE;
	case PCI_EXT_CAP_ID_REBAR:
		return CAP_EXT_HEADER_SIZE +
		       (uint32_t)__builtin_popcountll(c->rebar) * REBAR_ENTRY_SIZE;
	case PCI_EXT_CAP_ID_ERR: return AER_SIZE;
	case PCI_EXT_CAP_ID_DSN: return DSN_SIZE;
	default: return c->size;
	}
}

static uint32_t ext_offset(const struct config *cfg)
{
	return (cfg->used + 3) & ~3u;
}

/* The size of a BAR, as Resizable BAR counts it: 0 is 1 MiB. */
static uint32_t rebar_order(const struct lm_ctx *ctx, uint32_t bar)
{
	return (uint32_t)__builtin_ctzll(region_get(ctx, bar)->info.size) - REBAR_SHIFT;
}

static const char *rebar_fault(const struct lm_ctx *ctx, uint64_t bars)
{
	uint32_t i;

	if (!bars || bars >> LM_ROM_REG_IDX)
		return "rebar has a bit for each BAR that it is about, 0 to 5";
	for (i = 0; i <= LM_BAR5_REG_IDX; i++) {
		const lm_reg_info_t *bar = &region_get(ctx, i)->info;

		if (bars >> i & 1 &&
		    (!(bar->flags & LM_REG_FLAG_MEM) || bar->size < 1ull << REBAR_SHIFT))
			return "its BARs must be memory of 1 MiB or more";
	}
	return NULL;
}

/* The size that it has is the only one that there is. */
static void rebar_build(struct lm_ctx *ctx, uint32_t offset, uint64_t bars)
{
	const uint32_t nr = (uint32_t)__builtin_popcountll(bars);
	uint32_t i;

	for (i = 0; i <= LM_BAR5_REG_IDX; i++) {
		const uint32_t order = bars >> i & 1 ? rebar_order(ctx, i) : 0;
		const uint64_t sizes = 1ull << (order + REBAR_SIZES_SHIFT);
		const struct cfg_reg regs[] = {
			{ PCI_REBAR_CAP, 4, (uint32_t)sizes },
			{ PCI_REBAR_CTRL, 4,
			  i | nr << PCI_REBAR_CTRL_NBAR_SHIFT | order << PCI_REBAR_CTRL_BAR_SHIFT |
				  (uint32_t)(sizes >> 32) << REBAR_CTRL_SIZES_SHIFT },
		};

		if (!(bars >> i & 1))
			continue;
		config_put(ctx->config, offset, regs, LM_NR(regs));
		offset += REBAR_ENTRY_SIZE;
	}
}

/* What is for another kind, or missing for this one. */
static const char *kind_fault(const struct lm_ctx *ctx, const lm_ext_cap_t *c)
{
	switch (c->id) {
	case PCI_EXT_CAP_ID_DSN: return NULL;
	case PCI_EXT_CAP_ID_REBAR: return rebar_fault(ctx, c->rebar);
	case PCI_EXT_CAP_ID_DOE: return doe_fault(ctx, c->doe);
	default:
		return c->dsn ? "dsn, rebar and doe are for capabilities of these names only" :
				NULL;
	}
}

static const char *ext_fault(const struct lm_ctx *ctx, const lm_ext_cap_t *c)
{
	const struct config *cfg = ctx->config;
	const bool known = cap_is_known(&(struct cap){ .id = c->id, .ext = true });
	const bool built = known || c->id == PCI_EXT_CAP_ID_DOE;
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
	if (built && (c->data || c->wmask))
		return "the library has its registers: leave data and wmask NULL";
	if (c->reserved0 || c->reserved[0] || c->reserved[1])
		return "a reserved member is not 0";
	if (c->size && c->size != size)
		return "the library knows its size: leave size 0";
	if (size < CAP_EXT_HEADER_SIZE || out_of_range(ext_offset(cfg), size, cfg->size))
		return "its size is less than 4 bytes, or more than is left";
	return kind_fault(ctx, c);
}

static int ext_build(struct lm_ctx *ctx, struct cap *cap, const lm_ext_cap_t *c)
{
	struct config *cfg = ctx->config;
	const struct cfg_reg dsn[] = {
		{ 4, 4, (uint32_t)c->dsn },
		{ 8, 4, (uint32_t)(c->dsn >> 32) },
	};

	switch (c->id) {
	case PCI_EXT_CAP_ID_ERR: config_put(cfg, cap->offset, aer_regs, LM_NR(aer_regs)); break;
	case PCI_EXT_CAP_ID_DSN: config_put(cfg, cap->offset, dsn, LM_NR(dsn)); break;
	case PCI_EXT_CAP_ID_REBAR: rebar_build(ctx, cap->offset, c->rebar); break;
	case PCI_EXT_CAP_ID_DOE: return doe_new(ctx, c->doe, cap);
	default: cap_put_data(cfg, cap, c->data, c->wmask);
	}
	return 0;
}

static int ext_add(struct lm_ctx *ctx, const lm_ext_cap_t *c, struct cap *prev)
{
	struct config *cfg = ctx->config;
	const uint32_t offset = ext_offset(cfg), size = ext_size(c);
	struct cap cap = {
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
	ret = ret ?: ext_build(ctx, &cap, c);
	ret = ret ?: cap_add(ctx, &cap);
	if (ret)
		return ret;
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

		fault = ext_fault(ctx, c);
		if (fault) {
			log_err(ctx, "extended capability %04xh: %s", c->id, fault);
			return -EINVAL;
		}
		ret = ext_add(ctx, c, &prev);
		if (ret)
			return ret;
	}
	return 0;
}
