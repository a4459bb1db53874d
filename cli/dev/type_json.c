/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * type_json.c - from the description of a type to JSON. The tables in C are the only
 * source.
 */
#include "dev/type_json.h"

#include <stdint.h>

#include <muser.h>

#include "base/json.h"

#include "../devices/devices.h"
#include "ui/names.h"

static const char *region_kind(uint32_t index, uint32_t flags)
{
	if (index == LM_ROM_REG_IDX)
		return "rom";
	if (index == LM_CFG_REG_IDX)
		return "config";
	if (index == LM_VGA_REG_IDX)
		return "vga";
	if (!(flags & LM_REG_FLAG_MEM))
		return "io";
	return flags & LM_REG_FLAG_64BIT ? "mem64" : "mem32";
}

/* r and w: a client may read and write; m: map some of it; p: prefetch. */
static const char *region_flags(uint32_t flags)
{
	static char text[5];
	char *p = text;

	if (flags & LM_REG_FLAG_READ)
		*p++ = 'r';
	if (flags & LM_REG_FLAG_WRITE)
		*p++ = 'w';
	if (flags & LM_REG_FLAG_MMAP)
		*p++ = 'm';
	if (flags & LM_REG_FLAG_PREFETCH)
		*p++ = 'p';
	*p = '\0';
	return text;
}

static struct json_object *mmap_areas(const lm_reg_info_t *region)
{
	struct json_object *areas = json_new_array(), *area;
	const lm_mmap_area_t whole = { 0, region->size };
	const lm_mmap_area_t *list = region->mmap_areas ? region->mmap_areas : &whole;
	uint32_t i, nr = region->mmap_areas ? region->nr_mmap_areas : 1;

	for (i = 0; i < nr && region->flags & LM_REG_FLAG_MMAP; i++) {
		area = json_new_object();
		json_add_hex(area, "offset", list[i].offset);
		json_add_hex(area, "size", list[i].size);
		json_append(areas, area);
	}
	return areas;
}

static struct json_object *regions(const lm_pci_info_t *pci)
{
	struct json_object *list = json_new_array(), *region;
	const lm_reg_info_t *info;
	uint32_t i;

	for (i = 0; i < LM_DEV_NUM_REGS; i++) {
		info = &pci->reg_info[i];
		if (!info->size)
			continue;
		region = json_new_object();
		json_add_int(region, "index", i);
		json_add_string(region, "name", name_of_region(i));
		json_add_string(region, "kind", region_kind(i, info->flags));
		json_add_hex(region, "size", info->size);
		json_add_string(region, "flags", region_flags(info->flags));
		json_add(region, "mmap", mmap_areas(info));
		json_append(list, region);
	}
	return list;
}

static struct json_object *irqs(const lm_pci_info_t *pci)
{
	struct json_object *list = json_new_array(), *irq;
	uint32_t i;

	for (i = 0; i < LM_DEV_NUM_IRQS; i++) {
		if (!pci->irq_count[i])
			continue;
		irq = json_new_object();
		json_add_int(irq, "index", i);
		json_add_string(irq, "name", name_of_irq(i));
		json_add_int(irq, "count", pci->irq_count[i]);
		json_append(list, irq);
	}
	return list;
}

static struct json_object *options(const lm_dev_info_t *info)
{
	struct json_object *list = json_new_array(), *option, *flags;
	const lm_prop_t *prop;

	for (prop = info->props; prop < info->props + info->nr_props; prop++) {
		option = json_new_object();
		flags = json_new_array();
		json_add_string(option, "name", prop->name);
		json_add_string(option, "default", prop->value);
		json_add_string(option, "help", prop->help);
		json_add_string(option, "accepts", prop->accepts);
		json_add_string(option, "wire_accepts", prop->wire_accepts);
		json_add_int(option, "count", prop->nr);
		if (prop->flags & LM_PROP_RO)
			json_append_string(flags, "read-only");
		if (prop->flags & LM_PROP_CREATE)
			json_append_string(flags, "create-only");
		json_add(option, "flags", flags);
		json_append(list, option);
	}
	return list;
}

static struct json_object *fields(const lm_register_t *reg)
{
	struct json_object *list = json_new_array(), *field;
	uint32_t i;

	for (i = 0; i < reg->nr_fields; i++) {
		field = json_new_object();
		json_add_string(field, "name", reg->fields[i].name);
		json_add_int(field, "shift", reg->fields[i].shift);
		json_add_int(field, "bits", reg->fields[i].bits);
		json_add_string(field, "help", reg->fields[i].help);
		json_append(list, field);
	}
	return list;
}

static void add_registers(struct json_object *list, uint32_t region,
			  const lm_register_map_t *map)
{
	static const char *const access[] = {
		[LM_RW] = "rw", [LM_RO] = "ro", [LM_WO] = "wo", [LM_RW1C] = "rw1c",
	};
	const lm_register_t *reg;
	struct json_object *item;

	for (reg = map->registers; reg < map->registers + map->nr_registers; reg++) {
		item = json_new_object();
		json_add_int(item, "region", region);
		json_add_string(item, "name", reg->name);
		json_add_hex(item, "offset", reg->offset);
		json_add_int(item, "width", reg->width);
		json_add_string(item, "access", access[reg->access % LM_NR(access)]);
		json_add_bool(item, "pure", !map->read || reg->flags & LM_REGISTER_PURE);
		json_add_hex(item, "reset", reg->reset);
		json_add_string(item, "help", reg->help);
		json_add(item, "fields", fields(reg));
		json_append(list, item);
	}
}

static struct json_object *registers(const lm_pci_info_t *pci)
{
	struct json_object *list = json_new_array();
	uint32_t i;

	for (i = 0; i < LM_DEV_NUM_REGS; i++) {
		if (pci->reg_info[i].regs)
			add_registers(list, i, pci->reg_info[i].regs);
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
	json_add_hex(doc, "class",
		     (uint64_t)pci->cc.bcc << 16 | pci->cc.scc << 8 | pci->cc.pi);
	json_add_hex(doc, "revision", pci->rev);
	json_add(doc, "regions", regions(pci));
	json_add(doc, "irqs", irqs(pci));
	json_add(doc, "options", options(type->info));
	json_add(doc, "registers", registers(pci));
	return doc;
}
