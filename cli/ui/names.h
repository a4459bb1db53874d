/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names.h - what users call regions and interrupt indexes: bar0 .. bar5, rom, config, vga; intx,
 * msi, msix, err, req; and what a device calls its own: ctrl, or region9 and irq0 by the index.
 */
#ifndef MUSCTL_NAMES_H
#define MUSCTL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* Of one device, borrowed from what it says of itself. All zero: PCI's alone. */
struct names {
	struct json_object *regions, *irqs;
	bool not_pci;
};

extern const struct names pci_names;

/* device: as Show tells it, or a type. */
struct names names_of(struct json_object *device);

/* Of a region index; valid until the next call. */
const char *name_of_region(const struct names *names, uint32_t index);
/* The text may go on; *len: how much of it is the name. */
bool name_to_region(const struct names *names, const char *text, uint32_t *index,
		    unsigned int *len);

const char *name_of_irq(const struct names *names, uint32_t index); /* as name_of_region() */
bool name_has_irq(const struct names *names, uint32_t index);
bool name_to_irq(const struct names *names, const char *text, uint32_t *index);

#endif /* MUSCTL_NAMES_H */
