/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names.h - what users call regions and interrupt indexes: bar0 .. bar5, rom, config,
 * vga, region9 and so on; intx, msi, msix, err, req.
 */
#ifndef MUSCTL_NAMES_H
#define MUSCTL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Of a region index; valid until the next call. */
const char *name_of_region(uint32_t index);
/* The text may go on; *len: how much of it is the name. */
bool name_to_region(const char *text, uint32_t *index, unsigned int *len);

const char *name_of_irq(uint32_t index);
bool name_to_irq(const char *text, uint32_t *index);

#endif /* MUSCTL_NAMES_H */
