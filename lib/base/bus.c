/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus.c - which regions and interrupts a description has, by index. See bus.h.
 *
 * Owns what PCI calls them and what its interrupts can do. Refuses nothing: whether the description
 * can be is info_check.c's question.
 */
#include <stdio.h>

#include "base/base.h"
#include "base/bus.h"

const char *const bus_region_names[LM_DEV_NUM_REGS] = {
	"bar0", "bar1", "bar2", "bar3", "bar4", "bar5", "rom", "config", "vga",
};

const char *const bus_irq_names[LM_DEV_NUM_IRQS] = { "intx", "msi", "msix", "err", "req" };

/* What the kernel's VFIO says of them, too. */
static const uint32_t irq_flags[LM_DEV_NUM_IRQS] = {
	[LM_DEV_INTX_IRQ_IDX] = LM_IRQ_FLAG_MASKABLE | LM_IRQ_FLAG_LEVEL,
	[LM_DEV_MSI_IRQ_IDX] = LM_IRQ_FLAG_MASKABLE,
	[LM_DEV_MSIX_IRQ_IDX] = LM_IRQ_FLAG_MASKABLE,
};

const char *bus_name(const lm_dev_info_t *info)
{
	return bus_is_pci(info) ? "pci" : "platform";
}

/* A type has no ids: of its name as many bits as they have (FNV-1a). */
uint64_t bus_identity(const lm_dev_info_t *info)
{
	const lm_pci_info_t *pci = &info->pci_info;
	uint64_t hash = 0xcbf29ce484222325;
	const char *c;

	if (bus_is_pci(info))
		return pci->id.vid | (uint64_t)pci->id.did << 16 | (uint64_t)pci->ss.vid << 32 |
		       (uint64_t)pci->ss.sid << 48;
	for (c = info->type ?: ""; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	return hash;
}

/* ---- regions --------------------------------------------------------------------- */

/* Where the device's own begin. */
static uint32_t first_own(const lm_dev_info_t *info)
{
	return bus_is_pci(info) ? LM_DEV_NUM_REGS : 0;
}

uint32_t bus_nr_regions(const lm_dev_info_t *info)
{
	return first_own(info) + info->nr_extra_regs;
}

const lm_reg_info_t *bus_region(const lm_dev_info_t *info, uint32_t index)
{
	const uint32_t own = first_own(info);

	return index < own ? &info->pci_info.reg_info[index] : &info->extra_regs[index - own];
}

uint32_t bus_region_kind(const lm_dev_info_t *info, uint32_t index)
{
	return index < first_own(info) ? index : LM_DEV_NUM_REGS;
}

static const char *numbered(const char *what, uint32_t index, char *buf)
{
	snprintf(buf, BUS_NAME_SIZE, "%s%u", what, index);
	return buf;
}

const char *bus_region_name(const lm_dev_info_t *info, uint32_t index, char *buf)
{
	const uint32_t kind = bus_region_kind(info, index);

	if (kind < LM_DEV_NUM_REGS)
		return bus_region_names[kind];
	return bus_region(info, index)->name ?: numbered("region", index, buf);
}

/* ---- interrupts ------------------------------------------------------------------ */

uint32_t bus_nr_irqs(const lm_dev_info_t *info)
{
	return bus_is_pci(info) ? LM_DEV_NUM_IRQS : info->nr_irqs;
}

lm_irq_info_t bus_irq(const lm_dev_info_t *info, uint32_t index)
{
	lm_irq_info_t irq = { 0 };

	if (!bus_is_pci(info))
		return info->irqs[index];
	irq.count = info->pci_info.irq_count[index];
	irq.flags = irq_flags[index];
	return irq;
}

uint32_t bus_irq_kind(const lm_dev_info_t *info, uint32_t index)
{
	return bus_is_pci(info) ? index : LM_DEV_NUM_IRQS;
}

const char *bus_irq_name(const lm_dev_info_t *info, uint32_t index, char *buf)
{
	if (bus_is_pci(info))
		return bus_irq_names[index];
	return info->irqs[index].name ?: numbered("irq", index, buf);
}
