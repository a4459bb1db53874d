/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus.h - which regions and interrupts a description has, by index: those that PCI numbers and what
 * comes behind, or those of a device without PCI. Nobody else asks which of the two it is to know
 * what an index means.
 */
#ifndef LM_BUS_H
#define LM_BUS_H

#include "muser.h"

#define BUS_NAME_SIZE 24 /* of what a region or an interrupt without a name is called */

/* Of the regions and interrupts of PCI. */
extern const char *const bus_region_names[LM_DEV_NUM_REGS];
extern const char *const bus_irq_names[LM_DEV_NUM_IRQS];

#define NOT_PCI "not a PCI device"

static inline bool bus_is_pci(const lm_dev_info_t *info)
{
	return !(info->flags & LM_DEV_PLATFORM);
}

const char *bus_name(const lm_dev_info_t *info); /* "pci", "platform" */

/* Who it is, as far as a saved state can tell: PCI's ids, or its type. */
uint64_t bus_identity(const lm_dev_info_t *info);

uint32_t bus_nr_regions(const lm_dev_info_t *info);
const lm_reg_info_t *bus_region(const lm_dev_info_t *info, uint32_t index); /* less than that */
/* LM_*_REG_IDX, or LM_DEV_NUM_REGS: it is none that PCI numbers. */
uint32_t bus_region_kind(const lm_dev_info_t *info, uint32_t index);
/* @buf: BUS_NAME_SIZE bytes, which may be used. */
const char *bus_region_name(const lm_dev_info_t *info, uint32_t index, char *buf);

uint32_t bus_nr_irqs(const lm_dev_info_t *info);
/* How many vectors, and LM_IRQ_FLAG_*; by an index that is less than that. */
lm_irq_info_t bus_irq(const lm_dev_info_t *info, uint32_t index);
/* LM_DEV_*_IRQ_IDX, or LM_DEV_NUM_IRQS: it is none that PCI numbers. */
uint32_t bus_irq_kind(const lm_dev_info_t *info, uint32_t index);
const char *bus_irq_name(const lm_dev_info_t *info, uint32_t index, char *buf);

#endif /* LM_BUS_H */
