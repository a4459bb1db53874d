/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * type_json.c - from the description of a type to JSON. The tables in C are the only
 * source.
 */
#include "dev/type_json.h"

#include <stdint.h>

#include <muser.h>

#include "base/bus.h"
#include "base/describe.h"

#include "../devices/devices.h"

static struct json_object *regions(const lm_dev_info_t *info)
{
	struct json_object *list = json_new_array();
	uint32_t i;

	for (i = 0; i < bus_nr_regions(info); i++) {
		if (bus_region(info, i)->size)
			json_append(list, describe_region(info, i, bus_region(info, i)));
	}
	return list;
}

static struct json_object *irqs(const lm_dev_info_t *info)
{
	struct json_object *list = json_new_array(), *irq;
	uint32_t i;

	for (i = 0; i < bus_nr_irqs(info); i++) {
		if (!bus_irq(info, i).count)
			continue;
		irq = describe_irq(info, i);
		if (bus_irq_kind(info, i) == LM_DEV_MSIX_IRQ_IDX)
			describe_msix(irq, info);
		json_append(list, irq);
	}
	return list;
}

static struct json_object *options(const lm_dev_info_t *info)
{
	struct json_object *list = json_new_array(), *option;
	const lm_prop_t *prop;

	for (prop = info->props; prop < info->props + info->nr_props; prop++) {
		option = json_new_object();
		json_add_string(option, "name", prop->name);
		describe_property(option, prop);
		json_append(list, option);
	}
	return list;
}

static struct json_object *registers(const lm_dev_info_t *info)
{
	struct json_object *list = json_new_array();
	const lm_register_map_t *map;
	uint32_t i, k;

	for (i = 0; i < bus_nr_regions(info); i++) {
		map = bus_region(info, i)->regs;
		for (k = 0; map && k < map->nr_registers; k++)
			json_append(list, describe_register(i, map, &map->registers[k]));
	}
	return list;
}

struct json_object *type_json_new(const struct device_type *type)
{
	const lm_pci_info_t *pci = &type->info->pci_info;
	struct json_object *doc = json_new_object();

	json_add_string(doc, "type", type->name);
	json_add_string(doc, "help", type->help);
	json_add_string(doc, "driver", type->driver);
	json_add_hex(doc, "vendor", pci->id.vid);
	json_add_hex(doc, "device", pci->id.did);
	json_add_hex(doc, "subvendor", pci->ss.vid);
	json_add_hex(doc, "subdevice", pci->ss.sid);
	json_add_hex(doc, "class", describe_class(&pci->cc));
	json_add_hex(doc, "revision", pci->rev);
	json_add(doc, "regions", regions(type->info));
	json_add(doc, "irqs", irqs(type->info));
	json_add(doc, "options", options(type->info));
	json_add(doc, "registers", registers(type->info));
	return doc;
}
