/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cap.c - the capability list at 34h.
 *
 * Places capabilities (those with an offset first, the others into the first gap), links
 * them in the order of the description, and gives power management, PCI Express, MSI,
 * MSI-X and vital product data the registers of their specifications; any other id is
 * bytes of the device's choice. Refuses overlaps and duplicates of what a function has
 * once.
 */
#include <stdlib.h>
#include <string.h>

#include "pci/config.h"

#define MAX_CAPS      (CAP_END / 4 + 1) /* more do not fit; and MSI, if irq_count asks for it */
#define CAP_FIRST     PCI_STD_HEADER_SIZEOF
#define CAP_END       256
#define EXP_SIZE      0x3c /* version 2, slot registers reserved */
#define MSI_SIZE_32   0x0a
#define MSI_SIZE_64   0x0e
#define MSI_SIZE_MASK 10 /* what per-vector masking adds */
#define MSI_MAX       32
#define QMASK_SHIFT   1
#define QSIZE_SHIFT   4

/* A capability on its way into configuration space. */
struct place {
	const lm_cap_t *desc;
	uint16_t offset; /* 0: not placed yet */
	uint16_t size;
};

struct placing {
	struct lm_ctx *ctx;
	struct place cap[MAX_CAPS];
	unsigned int nr;
	lm_cap_t msi;                           /* the one that irq_count asks for */
	const struct place *taken[CAP_END / 4]; /* by dword */
};

bool cap_is_known(const struct cap *cap)
{
	if (cap->ext)
		return cap->id == PCI_EXT_CAP_ID_ERR || cap->id == PCI_EXT_CAP_ID_DSN ||
		       cap->id == PCI_EXT_CAP_ID_REBAR;
	return cap->id == PCI_CAP_ID_PM || cap->id == PCI_CAP_ID_EXP || cap->id == PCI_CAP_ID_MSI ||
	       cap->id == PCI_CAP_ID_MSIX;
}

int cap_add(struct lm_ctx *ctx, const struct cap *cap)
{
	struct config *cfg = ctx->config;
	struct cap *caps = realloc(cfg->caps, (cfg->nr_caps + 1) * sizeof(*caps));

	if (!caps) {
		if (cap->ops)
			cap->ops->free(ctx, cap);
		return -ENOMEM;
	}
	caps[cfg->nr_caps++] = *cap;
	cfg->caps = caps;
	return 0;
}

void cap_put_data(struct config *cfg, const struct cap *cap, const void *data, const void *wmask)
{
	const uint32_t header = cap_header_size(cap);
	uint32_t i;

	for (i = header; i < cap->size; i++) {
		struct cfg_byte *b = &cfg->bytes[cap->offset + i];

		b->data = b->reset = data ? ((const uint8_t *)data)[i - header] : 0;
		b->wmask = wmask ? ((const uint8_t *)wmask)[i - header] : 0;
	}
}

/* D1 and D2 are not supported: such a write changes nothing (PCI PM 1.2, 3.2.4). More
 * vectors than there are cannot be enabled (PCI Local Bus 3.0, 6.8.1.3). */
uint8_t cap_filter(const struct config *cfg, const struct cap *cap, uint32_t at, uint8_t in)
{
	const uint8_t old = cfg->bytes[cap->offset + at].data;
	const uint8_t states = PCI_PM_CTRL_STATE_MASK;
	const unsigned int state = in & states;
	const unsigned int qmask = (old & PCI_MSI_FLAGS_QMASK) >> QMASK_SHIFT;
	const unsigned int qsize = (in & PCI_MSI_FLAGS_QSIZE) >> QSIZE_SHIFT;

	if (cap->ext)
		return in;
	if (cap->id == PCI_CAP_ID_PM && at == PCI_PM_CTRL && (state == 1 || state == 2))
		return (uint8_t)((in & ~states) | (old & states));
	if (cap->id == PCI_CAP_ID_MSI && at == PCI_MSI_FLAGS && qsize > qmask)
		return (uint8_t)((in & ~PCI_MSI_FLAGS_QSIZE) | qmask << QSIZE_SHIFT);
	return in;
}

/* ---- kinds ----------------------------------------------------------------------- */

static const struct cfg_reg pm_regs[] = {
	{ PCI_PM_PMC, 2, 3 }, /* PCI PM 1.2; no D1, D2, no PME from any state */
	{ PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET,
	  PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE, PCI_PM_CTRL_PME_STATUS },
};

/* Payloads of 128 bytes: nothing for Linux to complain of. */
static const struct cfg_reg exp_device[] = {
	{ PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_RBER },
	{ PCI_EXP_DEVCTL, 2,
	  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B,
	  PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |
		  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_NOSNOOP_EN |
		  PCI_EXP_DEVCTL_READRQ },
	{ PCI_EXP_DEVSTA, 2, 0, 0,
	  PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD },
	{ PCI_EXP_DEVCAP2, 4, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS },
	{ PCI_EXP_DEVCTL2, 2, 0, PCI_EXP_DEVCTL2_COMP_TMOUT_DIS },
};

static void pm_build(struct config *cfg, const struct place *p)
{
	const uint16_t control = p->offset + PCI_PM_CTRL;

	config_put(cfg, p->offset, pm_regs, LM_NR(pm_regs));
	if (!p->desc->pm.soft_reset)
		return;
	cfg->bytes[control].data &= ~PCI_PM_CTRL_NO_SOFT_RESET;
	cfg->pm = control;
}

/* As it is negotiated: at the best that the device can do. */
static int exp_link(struct lm_ctx *ctx, const struct place *p)
{
	const uint32_t speed = p->desc->exp.link_speed ?: PCI_EXP_LNKCAP_SLS_2_5GB;
	const uint32_t width = p->desc->exp.link_width ?: 1;
	const uint32_t link = speed | width << PCI_EXP_LNKSTA_NLW_SHIFT;
	const bool choice = speed > PCI_EXP_LNKCAP_SLS_2_5GB;
	const struct cfg_reg regs[] = {
		{ PCI_EXP_LNKCAP, 4, link },
		{ PCI_EXP_LNKCTL, 2, 0,
		  PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC |
			  PCI_EXP_LNKCTL_ES },
		{ PCI_EXP_LNKSTA, 2, link },
		/* Every speed up to the highest (PCI Express Base 3.0, 7.8.18). */
		{ PCI_EXP_LNKCAP2, 4, (2u << speed) - PCI_EXP_LNKCAP2_SLS_2_5GB },
		{ PCI_EXP_LNKCTL2, 2, choice ? speed : 0, choice ? PCI_EXP_LNKCTL2_TLS : 0 },
	};

	if (speed > PCI_EXP_LNKCAP_SLS_64_0GB || width > 32 || (width & (width - 1))) {
		log_err(ctx, "PCI Express: link_speed must be 1 to 6, link_width 1, 2, 4, 8, 16 "
			     "or 32");
		return -EINVAL;
	}
	config_put(ctx->config, p->offset, regs, LM_NR(regs));
	return 0;
}

static int exp_build(struct lm_ctx *ctx, const struct place *p)
{
	const bool linked = p->desc->exp.type != PCI_EXP_TYPE_RC_END;
	const uint8_t type = p->desc->exp.type;
	const struct cfg_reg flags = { PCI_EXP_FLAGS, 2, 2u | (uint32_t)type << 4 };
	struct config *cfg = ctx->config;

	if (type != PCI_EXP_TYPE_ENDPOINT && type != PCI_EXP_TYPE_LEG_END &&
	    type != PCI_EXP_TYPE_RC_END) {
		log_err(ctx, "PCI Express type %u is not an endpoint type", type);
		return -EINVAL;
	}
	if (!linked && (p->desc->exp.link_speed || p->desc->exp.link_width)) {
		log_err(ctx, "PCI Express: an endpoint in the root complex has no link");
		return -EINVAL;
	}
	if (linked && exp_link(ctx, p))
		return -EINVAL;
	config_put(cfg, p->offset, &flags, 1);
	config_put(cfg, p->offset, exp_device, LM_NR(exp_device));
	if (p->desc->exp.flr) {
		cfg->bytes[p->offset + PCI_EXP_DEVCAP + 3].data |= PCI_EXP_DEVCAP_FLR >> 24;
		cfg->flr = (uint16_t)(p->offset + PCI_EXP_DEVCTL + 1);
	}
	cfg->bytes[PCI_LATENCY_TIMER].wmask = 0; /* PCI Express Base 3.0, 7.5.1.5 */
	cfg->size = PCI_CFG_SPACE_EXP_SIZE;
	return 0;
}

static int msi_build(struct lm_ctx *ctx, const struct place *p)
{
	const uint32_t nr = ctx->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX];
	const bool wide = !p->desc->msi.addr32, mask = !p->desc->msi.no_mask;
	const struct cfg_reg regs[] = {
		{ PCI_MSI_FLAGS, 2, 0, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE },
		{ PCI_MSI_ADDRESS_LO, 4, 0, ~3u },
		{ wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32, 2, 0, 0xffff },
		{ PCI_MSI_ADDRESS_HI, wide ? 4 : 0, 0, ~0u },
		{ wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32, mask ? 4 : 0, 0,
		  nr < MSI_MAX ? (1u << nr) - 1 : ~0u },
	};
	struct cfg_byte *flags = &ctx->config->bytes[p->offset + PCI_MSI_FLAGS];

	if (!nr || nr > MSI_MAX || (nr & (nr - 1))) {
		log_err(ctx, "%u MSI vectors: must be a power of two, at most 32", nr);
		return -EINVAL;
	}
	config_put(ctx->config, p->offset, regs, LM_NR(regs));
	flags[0].data |= (uint8_t)(__builtin_ctz(nr) << QMASK_SHIFT);
	flags[0].data |= wide ? PCI_MSI_FLAGS_64BIT : 0;
	flags[1].data |= mask ? PCI_MSI_FLAGS_MASKBIT >> 8 : 0;
	ctx->config->msi = p->offset;
	return 0;
}

static int msix_build(struct lm_ctx *ctx, const struct place *p)
{
	const struct msix *m = &ctx->config->msix;
	struct cfg_reg regs[] = {
		{ PCI_MSIX_FLAGS, 2, 0, PCI_MSIX_FLAGS_MASKALL | PCI_MSIX_FLAGS_ENABLE },
		{ PCI_MSIX_TABLE, 4 },
		{ PCI_MSIX_PBA, 4 },
	};
	int ret;

	ret = msix_new(ctx, p->desc);
	if (ret)
		return ret;
	regs[0].value = m->nr - 1;
	regs[1].value = m->table | m->bar;
	regs[2].value = m->pba | m->bar;
	config_put(ctx->config, p->offset, regs, LM_NR(regs));
	ctx->config->msix_cap = p->offset;
	return 0;
}

static int cap_build(struct lm_ctx *ctx, const struct place *p, struct cap *cap)
{
	const struct cfg_reg length = { PCI_CAP_FLAGS, 1, p->size };

	switch (p->desc->id) {
	case PCI_CAP_ID_PM: pm_build(ctx->config, p); return 0;
	case PCI_CAP_ID_EXP: return exp_build(ctx, p);
	case PCI_CAP_ID_MSI: return msi_build(ctx, p);
	case PCI_CAP_ID_MSIX: return msix_build(ctx, p);
	default:
		if (p->desc->id == PCI_CAP_ID_VPD && p->desc->vpd)
			return vpd_new(ctx, p->desc->vpd, cap);
		cap_put_data(ctx->config, cap, p->desc->data, p->desc->wmask);
		if (p->desc->id == PCI_CAP_ID_VNDR) /* PCI Local Bus 3.0, appendix H */
			config_put(ctx->config, p->offset, &length, 1);
		return 0;
	}
}

/* ---- placing --------------------------------------------------------------------- */

/* The size that a kind has by itself; 0: the description says. */
static size_t own_size(const lm_cap_t *c)
{
	switch (c->id) {
	case PCI_CAP_ID_PM: return PCI_PM_SIZEOF;
	case PCI_CAP_ID_EXP: return EXP_SIZE;
	case PCI_CAP_ID_MSIX: return PCI_CAP_MSIX_SIZEOF;
	case PCI_CAP_ID_VPD: return c->vpd ? PCI_CAP_VPD_SIZEOF : 0;
	case PCI_CAP_ID_MSI:
		return (c->msi.addr32 ? MSI_SIZE_32 : MSI_SIZE_64) +
		       (c->msi.no_mask ? 0 : MSI_SIZE_MASK);
	default: return 0;
	}
}

static int place_refuse(const struct placing *pl, const struct place *p, const char *why)
{
	log_err(pl->ctx, "capability %02xh, number %u of the list: %s", p->desc->id,
		(unsigned int)(p - pl->cap) + 1, why);
	return -EINVAL;
}

/* What the description says of it; and its size. */
static int place_check(const struct placing *pl, struct place *p)
{
	const size_t own = own_size(p->desc);
	const size_t least = p->desc->id == PCI_CAP_ID_VNDR ? 3 : CAP_HEADER_SIZE;
	const struct place *other;

	for (other = pl->cap; other < p; other++) {
		if (own && other->desc->id == p->desc->id)
			return place_refuse(pl, p, "a function can have this capability only once");
	}
	if (own && p->desc->size && p->desc->size != own)
		return place_refuse(pl, p, "the library knows its size: leave size 0");
	if (own && (p->desc->data || p->desc->wmask))
		return place_refuse(pl, p,
				    "the library has its registers: leave data and "
				    "wmask NULL");
	if (!own && (p->desc->size < least || p->desc->size > CAP_END - CAP_FIRST))
		return place_refuse(pl, p,
				    "its size must be that of its header or more, "
				    "up to 192 bytes");
	p->size = (uint16_t)(own ?: p->desc->size);
	return 0;
}

static bool place_is_free(const struct placing *pl, const struct place *p, uint32_t offset)
{
	uint32_t at;

	for (at = offset; at < offset + p->size; at += 4) {
		if (pl->taken[at / 4])
			return false;
	}
	return true;
}

static void place_take(struct placing *pl, struct place *p, uint32_t offset)
{
	uint32_t at;

	p->offset = (uint16_t)offset;
	for (at = offset; at < offset + p->size; at += 4)
		pl->taken[at / 4] = p;
}

static int place_fixed(struct placing *pl, struct place *p)
{
	const uint32_t offset = p->desc->offset;
	const struct place *other;
	uint32_t at;

	if (offset % 4 || offset < CAP_FIRST)
		return place_refuse(pl, p, "its offset must be a multiple of 4, at least 40h");
	if (out_of_range(offset, p->size, CAP_END))
		return place_refuse(pl, p, "it does not fit below 100h");
	if (place_is_free(pl, p, offset)) {
		place_take(pl, p, offset);
		return 0;
	}
	for (at = offset; !pl->taken[at / 4]; at += 4)
		;
	other = pl->taken[at / 4];
	log_err(pl->ctx, "capability %02xh at %02xh overlaps capability %02xh at %02xh",
		p->desc->id, offset, other->desc->id, other->offset);
	return -EINVAL;
}

static int place_free(struct placing *pl, struct place *p)
{
	uint32_t offset;

	for (offset = CAP_FIRST; offset + p->size <= CAP_END; offset += 4) {
		if (place_is_free(pl, p, offset) &&
		    !config_register_overlaps(pl->ctx, offset, p->size)) {
			place_take(pl, p, offset);
			return 0;
		}
	}
	return place_refuse(pl, p, "it does not fit below 100h");
}

/* Offsets of the description first: what the library places goes around them. */
static int place_all(struct placing *pl)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < pl->nr && !ret; i++) {
		ret = place_check(pl, &pl->cap[i]);
		if (!ret && pl->cap[i].desc->offset)
			ret = place_fixed(pl, &pl->cap[i]);
	}
	for (i = 0; i < pl->nr && !ret; i++) {
		if (!pl->cap[i].offset)
			ret = place_free(pl, &pl->cap[i]);
	}
	return ret;
}

/* ---- the list -------------------------------------------------------------------- */

/* Those of the description: of the array up to the first without an id, then the list; and MSI if
 * irq_count asks for it. */
static int place_collect(struct placing *pl)
{
	const lm_dev_info_t *info = &pl->ctx->info;
	const uint32_t *irqs = info->pci_info.irq_count;
	bool msi = false, msix = false;
	unsigned int i;

	if (info->nr_caps > MAX_CAPS - 1 - LM_MAX_CAPS) {
		log_err(pl->ctx, "cap_list: %u capabilities are too many (at most %u)",
			info->nr_caps, (unsigned int)(MAX_CAPS - 1 - LM_MAX_CAPS));
		return -EINVAL;
	}
	for (pl->nr = 0; pl->nr < LM_MAX_CAPS && info->caps[pl->nr].id; pl->nr++)
		pl->cap[pl->nr].desc = &info->caps[pl->nr];
	for (i = 0; i < info->nr_caps; i++)
		pl->cap[pl->nr++].desc = &info->cap_list[i];
	for (i = 0; i < pl->nr; i++) {
		msi |= pl->cap[i].desc->id == PCI_CAP_ID_MSI;
		msix |= pl->cap[i].desc->id == PCI_CAP_ID_MSIX;
	}
	for (i = pl->nr - info->nr_caps; i < LM_MAX_CAPS; i++) {
		if (info->caps[i].id)
			log_warn(pl->ctx,
				 "capability %02xh, number %u of the list: ignored, the "
				 "list ends at number %u, whose id is 0",
				 info->caps[i].id, i + 1, pl->nr - info->nr_caps + 1);
	}
	if (irqs[LM_DEV_MSIX_IRQ_IDX] && !msix) {
		log_err(pl->ctx, "MSI-X vectors need an MSI-X capability");
		return -EINVAL;
	}
	if (irqs[LM_DEV_MSI_IRQ_IDX] && !msi) {
		pl->msi.id = PCI_CAP_ID_MSI;
		pl->cap[pl->nr++].desc = &pl->msi;
	}
	return 0;
}

int cap_new(struct lm_ctx *ctx)
{
	struct placing pl = { .ctx = ctx };
	uint32_t link = PCI_CAPABILITY_LIST;
	unsigned int i;
	int ret;

	ret = place_collect(&pl);
	ret = ret ?: place_all(&pl);
	for (i = 0; i < pl.nr && !ret; i++) {
		const struct place *p = &pl.cap[i];
		const struct cfg_reg header = { PCI_CAP_LIST_ID, 1, p->desc->id };
		struct cap cap = {
			.id = p->desc->id,
			.offset = p->offset,
			.size = p->size,
			.fn = p->desc->fn,
		};

		ret = cap_build(ctx, p, &cap);
		ret = cap_add(ctx, &cap) ?: ret;
		if (ret)
			break;
		config_put(ctx->config, p->offset, &header, 1);
		ctx->config->bytes[link].data = (uint8_t)p->offset;
		link = p->offset + PCI_CAP_LIST_NEXT;
	}
	if (pl.nr)
		ctx->config->bytes[PCI_STATUS].data |= PCI_STATUS_CAP_LIST;
	return ret;
}

LM_EXPORT uint32_t lm_cap_find(const lm_ctx_t *ctx, uint16_t id, bool extended, uint32_t nth)
{
	const struct config *cfg = ctx->config;
	uint32_t i;

	for (i = 0; i < cfg->nr_caps; i++) {
		if (cfg->caps[i].id == id && cfg->caps[i].ext == extended && !nth--)
			return cfg->caps[i].offset;
	}
	return 0;
}
