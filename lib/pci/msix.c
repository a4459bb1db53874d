/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msix.c - the MSI-X table and the pending bit array, inside a BAR of the device.
 *
 * Serves every access to them, whatever its width and alignment, byte by byte; the device
 * never sees it. The table comes into being when a client first writes to it: QEMU and
 * other clients keep the vectors' masks themselves and never do. Until then nothing in it
 * masks, although it reads as PCI Local Bus 3.0, 6.8.2 wants it after reset: all vectors
 * masked. Pending bits are irq.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "pci/config.h"
#include "region/name.h"
#include "state/persist.h"

#define PBA_WORD 8 /* bytes; pending bits come in quadwords */

/* At the start of PERSIST_MSIX. */
struct msix_persist {
	uint8_t made;
	uint8_t reserved[63];
	uint8_t entries[];
};

static uint32_t table_size(uint32_t nr)
{
	return nr * PCI_MSIX_ENTRY_SIZE;
}

static uint32_t pba_size(uint32_t nr)
{
	return (nr + 63) / 64 * PBA_WORD;
}

/* ---- creation -------------------------------------------------------------------- */

static const char *msix_fault(const struct lm_ctx *ctx, const struct msix *m)
{
	const struct region *r = region_get(ctx, m->bar);

	if (!m->nr || m->nr > PCI_MSIX_FLAGS_QSIZE + 1)
		return "its irq_count must be 1 to 2048";
	if (m->bar > LM_BAR5_REG_IDX || !r->info.size || !(r->info.flags & LM_REG_FLAG_MEM))
		return "its BAR is not a memory BAR of the device";
	if (m->table % PBA_WORD || m->pba % PBA_WORD)
		return "table and pending bits must start at multiples of 8";
	if (out_of_range(m->table, table_size(m->nr), r->info.size) ||
	    out_of_range(m->pba, pba_size(m->nr), r->info.size))
		return "table or pending bits extend beyond the BAR";
	if (overlaps(m->table, table_size(m->nr), m->pba, pba_size(m->nr)))
		return "table and pending bits overlap";
	if (region_may_be_mapped(&r->info, m->table, table_size(m->nr)) ||
	    region_may_be_mapped(&r->info, m->pba, pba_size(m->nr)))
		return "clients may map table or pending bits: give mmap_areas without them";
	return NULL;
}

/* Registers that an access to the table or the pending bits would take for these. */
static int check_registers(struct lm_ctx *ctx, const struct msix *m)
{
	const lm_register_map_t *map = region_get(ctx, m->bar)->info.regs;
	uint32_t i;

	for (i = 0; map && i < map->nr_registers; i++) {
		const lm_register_t *reg = register_at(map, i);

		if (overlaps(reg->offset, reg->width, m->table, table_size(m->nr)) ||
		    overlaps(reg->offset, reg->width, m->pba, pba_size(m->nr))) {
			register_complain(ctx, LM_LOG_ERR, m->bar, reg,
					  "it overlaps the MSI-X table or pending bits");
			return -EINVAL;
		}
	}
	return 0;
}

uint64_t msix_persist_size(const lm_dev_info_t *info)
{
	const uint64_t nr = info->pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX];

	return bus_is_pci(info) ? sizeof(struct msix_persist) + PCI_MSIX_ENTRY_SIZE * nr : 0;
}

int msix_new(struct lm_ctx *ctx, const lm_cap_t *cap)
{
	struct msix m = {
		.bar = cap->msix.bar,
		.table = cap->msix.table,
		.pba = cap->msix.pba,
		.nr = ctx->info.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX],
	};
	const char *fault = msix_fault(ctx, &m);

	if (fault) {
		log_err(ctx, "MSI-X: %s", fault);
		return -EINVAL;
	}
	if (check_registers(ctx, &m))
		return -EINVAL;
	m.persist = persist_part(ctx, PERSIST_MSIX);
	ctx->config->msix = m;
	region_claim(region_get(ctx, m.bar), msix_step);
	return 0;
}

/* Bytes [at, at + len) have changed, or the table has come or gone. */
static void table_keep(struct msix *m, uint32_t at, uint32_t len)
{
	if (likely(!m->persist))
		return;
	if (m->entries)
		memcpy(m->persist->entries + at, m->entries + at, len);
	m->persist->made = m->entries != NULL;
}

void msix_reset(struct lm_ctx *ctx)
{
	struct msix *m = &ctx->config->msix;

	irq_lock(ctx);
	free(m->entries);
	m->entries = NULL;
	table_keep(m, 0, 0);
	irq_unlock(ctx);
}

/* ---- table ----------------------------------------------------------------------- */

static uint8_t entry_reset(uint32_t at)
{
	return at % PCI_MSIX_ENTRY_SIZE == PCI_MSIX_ENTRY_VECTOR_CTRL ?
		       PCI_MSIX_ENTRY_CTRL_MASKBIT :
		       0;
}

/* Bits of vector control beyond the mask are reserved and read 0. */
static uint8_t entry_wmask(uint32_t at)
{
	at %= PCI_MSIX_ENTRY_SIZE;
	if (at < PCI_MSIX_ENTRY_VECTOR_CTRL)
		return 0xff;
	return at == PCI_MSIX_ENTRY_VECTOR_CTRL ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0;
}

static void table_write(struct lm_ctx *ctx, const uint8_t *buf, uint32_t at, uint32_t len)
{
	struct msix *m = &ctx->config->msix;
	const uint32_t first = at / PCI_MSIX_ENTRY_SIZE;
	const uint32_t end = (at + len - 1) / PCI_MSIX_ENTRY_SIZE + 1;
	const bool fresh = !m->entries;
	uint32_t i;

	irq_lock(ctx);
	if (fresh)
		m->entries = malloc(table_size(m->nr));
	for (i = 0; fresh && m->entries && i < table_size(m->nr); i++)
		m->entries[i] = entry_reset(i);
	for (i = 0; m->entries && i < len; i++)
		m->entries[at + i] = buf[i] & entry_wmask(at + i);
	if (fresh)
		table_keep(m, 0, table_size(m->nr));
	else
		table_keep(m, at, len);
	if (fresh)
		irq_vectors_moved(ctx, 0, m->nr);
	else
		irq_vectors_moved(ctx, first, end - first);
	irq_unlock(ctx);
	if (!m->entries)
		log_err(ctx, "MSI-X: out of memory, dropped a write to the table");
}

/* ---- pending bits ---------------------------------------------------------------- */

static void pba_read(struct lm_ctx *ctx, uint8_t *buf, uint32_t at, uint32_t len)
{
	uint32_t word = UINT32_MAX, i;
	uint64_t bits = 0;

	for (i = 0; i < len; i++) {
		if ((at + i) / PBA_WORD != word) {
			word = (at + i) / PBA_WORD;
			bits = irq_pending_bits(ctx, LM_DEV_MSIX_IRQ_IDX, word * 64);
		}
		buf[i] = (uint8_t)(bits >> 8 * ((at + i) % PBA_WORD));
	}
}

/* ---- accesses -------------------------------------------------------------------- */

/* How many bytes from a->pos on lie in [at, at + size); *next learns of what begins
 * behind it. */
static size_t part_in(const struct access *a, uint32_t at, uint32_t size, size_t *next)
{
	const uint64_t offset = a->offset + a->pos, end = (uint64_t)at + size;
	const size_t count = a->count - a->pos;

	if (offset < at && at - offset < *next)
		*next = (size_t)(at - offset);
	if (offset < at || offset >= end)
		return 0;
	return end - offset < count ? (size_t)(end - offset) : count;
}

ssize_t msix_step(struct lm_ctx *ctx, struct access *a, size_t *len)
{
	struct msix *m = &ctx->config->msix;
	const uint64_t offset = a->offset + a->pos;
	const uint32_t at = (uint32_t)(offset - m->table);
	uint8_t *buf = (uint8_t *)a->buf + a->pos;
	size_t part, next = *len, i;

	part = part_in(a, m->table, table_size(m->nr), &next);
	if (part && a->is_write)
		table_write(ctx, buf, at, (uint32_t)part);
	for (i = 0; i < part && !a->is_write; i++)
		buf[i] = m->entries ? m->entries[at + i] : entry_reset(at + (uint32_t)i);
	if (part)
		return (ssize_t)part;
	part = part_in(a, m->pba, pba_size(m->nr), &next);
	if (part && !a->is_write) /* writes to pending bits are dropped */
		pba_read(ctx, buf, (uint32_t)(offset - m->pba), (uint32_t)part);
	*len = next;
	return (ssize_t)part;
}

/* ---- state ----------------------------------------------------------------------- */

size_t msix_save(const struct lm_ctx *ctx, void *buf, size_t size)
{
	const struct msix *m = &ctx->config->msix;
	const size_t need = m->entries ? table_size(m->nr) : 0;

	if (need && size >= need)
		memcpy(buf, m->entries, need);
	return need;
}

int msix_load(struct lm_ctx *ctx, const void *buf, size_t len)
{
	struct msix *m = &ctx->config->msix;
	uint8_t *entries = NULL;
	uint32_t i;

	if (len && (m->bar == MSIX_NO_BAR || len != table_size(m->nr)))
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (((const uint8_t *)buf)[i] & ~entry_wmask(i))
			return -EINVAL;
	}
	if (len) {
		entries = malloc(len);
		if (!entries)
			return -ENOMEM;
		memcpy(entries, buf, len);
	}
	irq_lock(ctx);
	free(m->entries);
	m->entries = entries;
	table_keep(m, 0, len);
	irq_unlock(ctx);
	return 0;
}

int msix_restore(struct lm_ctx *ctx)
{
	struct msix *m = &ctx->config->msix;

	if (!m->persist || !m->persist->made)
		return 0;
	return msix_load(ctx, m->persist->entries, table_size(m->nr));
}
