/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config.c - configuration space: the type 0 header, and every access.
 *
 * Each byte knows which of its bits a guest may write or clear, so accesses of any width
 * and alignment, across registers and capabilities, are one loop over bytes. Writes to
 * read-only bits are dropped, never refused: guests probe. What a guest sees of
 * interrupts (STATUS.Interrupt, MSI pending bits) is asked from irq.c at each read. BARs
 * decode whether or not COMMAND enables them, because some clients never write the enable
 * bits.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "base/describe.h"
#include "gate/call.h"
#include "pci/config.h"
#include "region/name.h"
#include "state/persist.h"

#define CONFIG_SIZE     256
#define CONFIG_EXT_SIZE 4096
#define ROM_SIZE_MIN    (~PCI_ROM_ADDRESS_MASK + 1)
#define ROM_SIZE_MAX    (16u << 20) /* PCI Local Bus 3.0, 6.2.5.2 */

/* Special cycles, memory write and invalidate, palette snooping, stepping and fast
 * back-to-back are hardwired to 0, as for every PCI Express function. */
#define COMMAND_WMASK                                                                    \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | \
	 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)
#define STATUS_W1C                                                                       \
	(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT | \
	 PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY)

/* ---- the whole -------------------------------------------------------------------- */

size_t config_size(const struct lm_ctx *ctx)
{
	return ctx->config->size;
}

static void command_publish(struct lm_ctx *ctx)
{
	struct config *cfg = ctx->config;

	if (!cfg->size)
		return;
	atomic_store_explicit(&cfg->command, (uint16_t)config_get(cfg, PCI_COMMAND, 2),
			      memory_order_relaxed);
	master_moved(ctx);
}

/* ---- header ---------------------------------------------------------------------- */

static void header_identity(struct config *cfg, const lm_pci_info_t *info)
{
	const uint32_t class = describe_class(&info->cc);
	const struct cfg_reg regs[] = {
		{ PCI_VENDOR_ID, 2, info->id.vid },
		{ PCI_DEVICE_ID, 2, info->id.did },
		{ PCI_COMMAND, 2, 0, COMMAND_WMASK },
		{ PCI_STATUS, 2, 0, 0, STATUS_W1C },
		{ PCI_REVISION_ID, 1, info->rev },
		{ PCI_CLASS_PROG, 1, class & 0xff },
		{ PCI_CLASS_DEVICE, 2, class >> 8 },
		{ PCI_CACHE_LINE_SIZE, 1, 0, 0xff },
		{ PCI_LATENCY_TIMER, 1, 0, 0xff },
		{ PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_NORMAL },
		{ PCI_SUBSYSTEM_VENDOR_ID, 2, info->ss.vid },
		{ PCI_SUBSYSTEM_ID, 2, info->ss.sid },
		{ PCI_INTERRUPT_LINE, 1, 0, 0xff },
	};

	config_put(cfg, 0, regs, LM_NR(regs));
}

static int header_pin(struct lm_ctx *ctx)
{
	const lm_pci_info_t *info = &ctx->info.pci_info;
	struct cfg_reg pin = { PCI_INTERRUPT_PIN, 1 };

	if (info->intx_pin > 4) {
		log_err(ctx, "intx_pin %u: pins are 1 (A) to 4 (D)", info->intx_pin);
		return -EINVAL;
	}
	if (info->irq_count[LM_DEV_INTX_IRQ_IDX])
		pin.value = info->intx_pin ?: 1;
	config_put(ctx->config, 0, &pin, 1);
	return 0;
}

/* Sizing works by writing all ones: the bits below the size stay 0. Nobody wrote an
 * unused BAR's register here, so it stays 0 as a whole. region.c has checked the size. */
static void header_bar(struct lm_ctx *ctx, uint32_t index)
{
	const lm_reg_info_t *bar = &region_get(ctx, index)->info;
	const uint64_t mask = ~(bar->size - 1);
	const uint16_t at = (uint16_t)(PCI_BASE_ADDRESS_0 + 4 * index);
	struct cfg_reg regs[2] = {
		{ at, 4 },
		{ (uint16_t)(at + 4), 4, 0, (uint32_t)(mask >> 32) },
	};

	if (!bar->size)
		return;
	if (!(bar->flags & LM_REG_FLAG_MEM)) {
		regs[0].value = PCI_BASE_ADDRESS_SPACE_IO;
		regs[0].wmask = (uint32_t)(mask & PCI_BASE_ADDRESS_IO_MASK);
		config_put(ctx->config, 0, regs, 1);
		return;
	}
	regs[0].wmask = (uint32_t)(mask & PCI_BASE_ADDRESS_MEM_MASK);
	if (bar->flags & LM_REG_FLAG_PREFETCH)
		regs[0].value |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	if (bar->flags & LM_REG_FLAG_64BIT)
		regs[0].value |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	config_put(ctx->config, 0, regs, bar->flags & LM_REG_FLAG_64BIT ? 2 : 1);
}

static int header_rom(struct lm_ctx *ctx)
{
	const uint64_t size = region_get(ctx, LM_ROM_REG_IDX)->info.size;
	const struct cfg_reg rom = {
		PCI_ROM_ADDRESS,
		4,
		0,
		(uint32_t)(~(size - 1) & PCI_ROM_ADDRESS_MASK) | PCI_ROM_ADDRESS_ENABLE,
	};

	if (!size)
		return 0;
	if ((size & (size - 1)) || size < ROM_SIZE_MIN || size > ROM_SIZE_MAX) {
		log_err(ctx, "ROM: its size must be a power of two from 2 KiB to 16 MiB");
		return -EINVAL;
	}
	config_put(ctx->config, 0, &rom, 1);
	return 0;
}

/* Go on where another process has stopped, or begin to keep. */
static int config_restore(struct lm_ctx *ctx)
{
	struct config *cfg = ctx->config;
	size_t len = cfg->size;
	int ret;

	vpd_restore(ctx);
	cfg->persist = persist_part(ctx, PERSIST_CONFIG);
	if (!cfg->persist || !persist_is_old(ctx)) {
		config_keep(cfg, 0, cfg->used);
		return 0;
	}
	while (len > cfg->built && !cfg->persist->data[len - 1])
		len--;
	master_enforce(ctx, cfg->persist->enforced);
	ret = config_load(ctx, cfg->persist->data, len);
	ret = ret ?: msix_restore(ctx);
	if (ret)
		log_err(ctx, "the saved configuration space belongs to another device (remove and "
			     "recreate the mdev)");
	return ret;
}

uint64_t config_persist_size(const lm_dev_info_t *info)
{
	return bus_is_pci(info) ? sizeof(struct config_persist) + PCI_CFG_SPACE_EXP_SIZE : 0;
}

static int config_build(struct lm_ctx *ctx)
{
	struct region *r = region_get(ctx, LM_CFG_REG_IDX);
	struct config *cfg = ctx->config;
	uint32_t i;
	int ret;

	cfg->size = CONFIG_SIZE;
	ret = config_grow(cfg, CONFIG_SIZE);
	if (!ret)
		header_identity(cfg, &ctx->info.pci_info);
	for (i = 0; !ret && i <= LM_BAR5_REG_IDX; i++)
		header_bar(ctx, i);
	ret = ret ?: header_rom(ctx);
	ret = ret ?: header_pin(ctx);
	ret = ret ?: cap_new(ctx);
	ret = ret ?: cap_ext_new(ctx);
	cfg->built = cfg->used;
	r->info.size = cfg->size;
	r->info.flags = LM_REG_FLAG_RW;
	return ret ?: config_restore(ctx);
}

int config_new(struct lm_ctx *ctx)
{
	ctx->config = calloc(1, sizeof(*ctx->config));
	if (!ctx->config)
		return -ENOMEM;
	ctx->config->msix.bar = MSIX_NO_BAR;
	return bus_is_pci(&ctx->info) ? config_build(ctx) : 0;
}

void config_free(struct lm_ctx *ctx)
{
	struct config *cfg = ctx->config;
	uint32_t i;

	if (!cfg)
		return;
	for (i = 0; i < cfg->nr_caps; i++) {
		if (cfg->caps[i].ops)
			cfg->caps[i].ops->free(ctx, &cfg->caps[i]);
	}
	free(cfg->msix.entries);
	free(cfg->caps);
	free(cfg->bytes);
	free(cfg);
	ctx->config = NULL;
}

/* What a guest can change goes back to where it started, sticky bits included: a machine
 * reset comes this way too. What the device has set with lm_config_write() stays. irq.c
 * takes note when it is reset itself, so that nothing is delivered in between. */
void config_reset(struct lm_ctx *ctx)
{
	struct config *cfg = ctx->config;
	uint32_t i;

	for (i = 0; i < cfg->used; i++) {
		struct cfg_byte *b = &cfg->bytes[i];
		const uint8_t bits = b->wmask | b->w1c;

		b->data = (uint8_t)((b->data & ~bits) | (b->reset & bits));
	}
	for (i = 0; i < cfg->nr_caps; i++) {
		if (cfg->caps[i].ops && cfg->caps[i].ops->reset)
			cfg->caps[i].ops->reset(ctx, &cfg->caps[i]);
	}
	config_keep(cfg, 0, cfg->used);
	command_publish(ctx);
	msix_reset(ctx);
}

/* ---- accesses -------------------------------------------------------------------- */

/* A run of bytes with one owner. */
struct piece {
	const struct cap *cap; /* whose body it is, or NULL */
	bool owned;            /* by the header or a capability */
	size_t len;
};

static struct piece piece_at(const struct config *cfg, uint64_t offset, size_t len)
{
	struct piece p = { .owned = offset < PCI_STD_HEADER_SIZEOF, .len = len };
	uint64_t edge = p.owned ? PCI_STD_HEADER_SIZEOF : cfg->size;
	uint32_t i;

	for (i = 0; i < cfg->nr_caps && !p.owned; i++) {
		const struct cap *cap = &cfg->caps[i];
		const uint64_t body = cap->offset + cap_header_size(cap);

		if (offset < cap->offset) {
			edge = cap->offset < edge ? cap->offset : edge;
		} else if (offset < cap->offset + cap->size) {
			p.owned = true;
			p.cap = offset < body ? NULL : cap;
			edge = offset < body ? body : (uint64_t)cap->offset + cap->size;
		}
	}
	if (len > edge - offset)
		p.len = (size_t)(edge - offset);
	return p;
}

static const char *register_place_fault(const struct config *cfg, const lm_register_t *reg)
{
	struct piece p;

	if (out_of_range(reg->offset, reg->width, cfg->size))
		return "extended configuration space needs an EXP capability";
	p = piece_at(cfg, reg->offset, reg->width);
	return p.owned || p.len < reg->width ? "the header or a capability is there" : NULL;
}

int config_check_registers(struct lm_ctx *ctx)
{
	const lm_register_map_t *map = region_get(ctx, LM_CFG_REG_IDX)->info.regs;
	const char *fault = NULL;
	uint32_t i;

	for (i = 0; map && i < map->nr_registers && !fault; i++) {
		fault = register_place_fault(ctx->config, register_at(map, i));
		if (fault)
			register_complain(ctx, LM_LOG_ERR, LM_CFG_REG_IDX, register_at(map, i),
					  fault);
	}
	return fault ? -EINVAL : 0;
}

/* As they are kept, and bits that irq.c knows: STATUS.Interrupt, and which vectors of MSI are
 * pending, where they can be masked. */
static void bytes_read(const struct lm_ctx *ctx, uint8_t *buf, size_t count, uint64_t offset)
{
	const struct config *cfg = ctx->config;
	uint32_t flags = 0, pending, at;
	size_t i;

	for (i = 0; i < count; i++)
		buf[i] = offset + i < cfg->used ? cfg->bytes[offset + i].data : 0;
	if (overlaps(offset, count, PCI_STATUS, 1) && irq_intx_level(ctx))
		buf[PCI_STATUS - offset] |= PCI_STATUS_INTERRUPT;
	if (cfg->msi)
		flags = config_get(cfg, cfg->msi + PCI_MSI_FLAGS, 2);
	at = cfg->msi + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_PENDING_64 : PCI_MSI_PENDING_32);
	if (!(flags & PCI_MSI_FLAGS_MASKBIT) || !overlaps(offset, count, at, 4))
		return;
	pending = (uint32_t)irq_pending_bits(ctx, LM_DEV_MSI_IRQ_IDX, 0);
	for (i = 0; i < 4; i++) {
		if (overlaps(offset, count, at + i, 1))
			buf[at + i - offset] = (uint8_t)(pending >> 8 * i);
	}
}

/* PCI Local Bus 3.0, 6.2.3: each bit is written, cleared by 1, or keeps its value. */
static void bytes_write(struct config *cfg, const struct cap *cap, const uint8_t *buf, size_t count,
			uint64_t offset)
{
	size_t i;

	for (i = 0; i < count && offset + i < cfg->used; i++) {
		const uint32_t at = (uint32_t)(offset + i);
		struct cfg_byte *b = &cfg->bytes[at];
		uint8_t in = buf[i];

		if (cap)
			in = cap_filter(cfg, cap, at - cap->offset, in);
		b->data = (uint8_t)((b->data & ~b->wmask) | (in & b->wmask));
		b->data = (uint8_t)(b->data & ~(in & b->w1c));
	}
}

/* And what a kind of capabilities does about it. */
static void piece_write(struct lm_ctx *ctx, const struct piece *p, const uint8_t *buf,
			uint64_t offset)
{
	bytes_write(ctx->config, p->cap, buf, p->len, offset);
	if (p->cap && p->cap->ops)
		p->cap->ops->written(ctx, p->cap,
				     &(struct written){ buf, (uint32_t)offset - p->cap->offset,
							p->len });
}

/* The device's say: a capability's fn for its body, the region's for unowned bytes. */
static int piece_call(struct lm_ctx *ctx, const struct piece *p, char *buf, uint64_t offset,
		      bool is_write)
{
	const lm_reg_info_t *info = &region_get(ctx, LM_CFG_REG_IDX)->info;
	struct call_bytes bytes = { LM_CFG_REG_IDX, buf, p->len, offset, is_write };

	if (p->cap && p->cap->fn) {
		bytes.offset -= p->cap->offset;
		return call_cap(ctx, (uint8_t)p->cap->id, p->cap->fn, &bytes);
	}
	return !p->owned && call_has_access(info) ? call_config(ctx, info, &bytes) : 0;
}

static void config_moved(struct lm_ctx *ctx, uint64_t offset, size_t count)
{
	const uint32_t msi = ctx->config->msi, msix = ctx->config->msix_cap;

	config_keep(ctx->config, offset, count);
	command_publish(ctx);
	/* The bytes that interrupts depend on. */
	if (overlaps(offset, count, PCI_COMMAND, 2) ||
	    (msi && overlaps(offset, count, msi, PCI_MSI_PENDING_64)) ||
	    (msix && overlaps(offset, count, msix, PCI_CAP_MSIX_SIZEOF)))
		irq_config_changed(ctx);
}

#define D3HOT 3

static uint8_t power_state(const struct config *cfg)
{
	return cfg->pm ? cfg->bytes[cfg->pm].data & PCI_PM_CTRL_STATE_MASK : 0;
}

ssize_t config_access(struct lm_ctx *ctx, char *buf, size_t count, uint64_t offset, bool is_write)
{
	struct config *cfg = ctx->config;
	const uint8_t state = power_state(cfg);
	size_t done = 0;
	int ret = 0;

	while (done < count && !ret) {
		const struct piece p = piece_at(cfg, offset + done, count - done);
		uint8_t *at = (uint8_t *)buf + done;

		if (is_write)
			piece_write(ctx, &p, at, offset + done);
		else
			bytes_read(ctx, at, p.len, offset + done);
		ret = piece_call(ctx, &p, buf + done, offset + done, is_write);
		done += p.len;
	}
	if (is_write) {
		config_moved(ctx, offset, done);
		/* Self-clearing: it is in the bytes written, never in those stored. */
		if (cfg->flr && overlaps(offset, done, cfg->flr, 1) &&
		    ((uint8_t)buf[cfg->flr - offset] & (PCI_EXP_DEVCTL_BCR_FLR >> 8)))
			cfg->reset_due = LM_RESET_FLR;
		if (state == D3HOT && !power_state(cfg))
			cfg->reset_due = LM_RESET_PM;
	}
	return ret ?: (ssize_t)count;
}

uint32_t config_take_reset(struct lm_ctx *ctx)
{
	const uint32_t due = ctx->config->reset_due;

	ctx->config->reset_due = LM_RESET_NONE;
	return due;
}

LM_EXPORT int lm_config_read(const lm_ctx_t *ctx, uint32_t offset, void *buf, size_t len)
{
	if (out_of_range(offset, len, ctx->config->size))
		return -EINVAL;
	ctx_lock(ctx);
	bytes_read(ctx, buf, len, offset);
	ctx_unlock(ctx);
	return 0;
}

LM_EXPORT int lm_config_write(lm_ctx_t *ctx, uint32_t offset, const void *buf, size_t len)
{
	struct config *cfg = ctx->config;
	size_t i;
	int ret;

	if (out_of_range(offset, len, cfg->size))
		return -EINVAL;
	ctx_lock(ctx);
	ret = config_grow(cfg, (uint32_t)(offset + len));
	for (i = 0; !ret && i < len; i++)
		cfg->bytes[offset + i].data = ((const uint8_t *)buf)[i];
	if (!ret)
		config_moved(ctx, offset, len);
	ctx_unlock(ctx);
	return ret;
}

/* ---- state ----------------------------------------------------------------------- */

/* What is 0 behind the capabilities would be 0 without room for it as well. */
size_t config_save(const struct lm_ctx *ctx, void *buf, size_t size)
{
	const struct config *cfg = ctx->config;
	uint32_t need = cfg->used, i;

	while (need > cfg->built && !cfg->bytes[need - 1].data)
		need--;
	for (i = 0; i < need && size >= need; i++)
		((uint8_t *)buf)[i] = cfg->bytes[i].data;
	return need;
}

/* Bits that hold the space together, or that clients and irq.c rely on: no state may
 * change them. The rest of what is read-only to a guest belongs to the device. */
static uint8_t fixed_bits(const struct config *cfg, uint32_t offset, const struct piece *p)
{
	const struct cfg_byte *b = &cfg->bytes[offset];
	const uint8_t read_only = (uint8_t) ~(b->wmask | b->w1c);

	if (offset >= cfg->built || !p->owned || (p->cap && !cap_is_known(p->cap)))
		return 0;
	if (overlaps(offset, 1, PCI_CLASS_REVISION, 4) ||
	    overlaps(offset, 1, PCI_SUBSYSTEM_VENDOR_ID, 4))
		return 0;
	return read_only;
}

int config_prepare(struct lm_ctx *ctx, const void *buf, size_t len)
{
	const struct config *cfg = ctx->config;
	const uint8_t *data = buf;
	uint32_t i;

	if (len < cfg->built || len > cfg->size)
		return -EINVAL;
	for (i = 0; i < len && i < cfg->used; i++) {
		const struct piece p = piece_at(cfg, i, 1);

		if ((data[i] ^ cfg->bytes[i].data) & fixed_bits(cfg, i, &p))
			return -EINVAL;
		if (p.cap && cap_filter(cfg, p.cap, i - p.cap->offset, data[i]) != data[i])
			return -EINVAL;
	}
	return config_grow(ctx->config, (uint32_t)len);
}

int config_load(struct lm_ctx *ctx, const void *buf, size_t len)
{
	struct config *cfg = ctx->config;
	uint32_t i;
	int ret;

	ret = config_prepare(ctx, buf, len);
	if (ret)
		return ret;
	for (i = 0; i < cfg->used; i++)
		cfg->bytes[i].data = i < len ? ((const uint8_t *)buf)[i] : 0;
	for (i = 0; i < cfg->nr_caps; i++) {
		if (cfg->caps[i].ops && cfg->caps[i].ops->loaded)
			cfg->caps[i].ops->loaded(ctx, &cfg->caps[i]);
	}
	config_keep(cfg, 0, cfg->used);
	command_publish(ctx);
	return 0;
}
