/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * describe.h - regions and registers of a description, as JSON.
 */
#ifndef LM_DESCRIBE_H
#define LM_DESCRIBE_H

#include "base/json.h"
#include "muser.h"

/* The class code that guests see, 24 bits. */
uint32_t describe_class(const lm_pci_hdr_cc_t *cc);
/* @region: as it has become, or as the description has it. */
struct json_object *describe_region(const lm_dev_info_t *info, uint32_t index,
				    const lm_reg_info_t *region);
/* Index, name and count. */
struct json_object *describe_irq(const lm_dev_info_t *info, uint32_t index);
/* Where MSI-X has its table and its pending bits, if the device has any. */
void describe_msix(struct json_object *irq, const lm_dev_info_t *info);
/* All of a property but its name and value. */
void describe_property(struct json_object *obj, const lm_prop_t *prop);
struct json_object *describe_register(uint32_t region, const lm_register_map_t *map,
				      const lm_register_t *reg);

#endif /* LM_DESCRIBE_H */
