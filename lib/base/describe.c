/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * describe.c - regions, interrupts and registers of a description, as JSON: that of a device, which
 * musctl asks for, and that of a type, which musctl has.
 */
#include <linux/pci_regs.h>

#include "base/bus.h"
#include "base/describe.h"
#include "base/prop.h"

#define PCI_CLASS_NONE 0xff0000u /* "does not fit in any defined classes" */

uint32_t describe_class(const lm_pci_hdr_cc_t *cc)
{
	const uint32_t class = (uint32_t)cc->bcc << 16 | (uint32_t)cc->scc << 8 | cc->pi;

	return class ?: PCI_CLASS_NONE;
}

static const char *region_kind(uint32_t kind, uint32_t flags)
{
	if (kind >= LM_DEV_NUM_REGS)
		return "device";
	if (kind > LM_BAR5_REG_IDX)
		return bus_region_names[kind];
	if (!(flags & LM_REG_FLAG_MEM))
		return "io";
	return flags & LM_REG_FLAG_64BIT ? "mem64" : "mem32";
}

static struct json_object *mmap_areas(const lm_reg_info_t *info)
{
	const lm_mmap_area_t whole = { 0, info->size };
	const lm_mmap_area_t *list = info->nr_mmap_areas ? info->mmap_areas : &whole;
	const uint32_t nr = info->nr_mmap_areas ?: 1;
	struct json_object *areas = json_new_array(), *area;
	uint32_t i;

	for (i = 0; i < nr && info->flags & LM_REG_FLAG_MMAP; i++) {
		area = json_new_object();
		json_add_hex(area, "offset", list[i].offset);
		json_add_hex(area, "size", list[i].size);
		json_append(areas, area);
	}
	return areas;
}

struct json_object *describe_region(const lm_dev_info_t *info, uint32_t index,
				    const lm_reg_info_t *region)
{
	struct json_object *obj = json_new_object();
	char name[BUS_NAME_SIZE], flags[5], *p = flags;

	json_add_int(obj, "index", index);
	json_add_string(obj, "name", bus_region_name(info, index, name));
	json_add_string(obj, "kind", region_kind(bus_region_kind(info, index), region->flags));
	json_add_hex(obj, "size", region->size);
	/* r and w: a client may read and write; m: map some of it; p: prefetch. */
	if (region->flags & LM_REG_FLAG_READ)
		*p++ = 'r';
	if (region->flags & LM_REG_FLAG_WRITE)
		*p++ = 'w';
	if (region->flags & LM_REG_FLAG_MMAP)
		*p++ = 'm';
	if (region->flags & LM_REG_FLAG_PREFETCH)
		*p++ = 'p';
	*p = '\0';
	json_add_string(obj, "flags", flags);
	json_add(obj, "mmap", mmap_areas(region));
	return obj;
}

struct json_object *describe_irq(const lm_dev_info_t *info, uint32_t index)
{
	struct json_object *obj = json_new_object();
	char name[BUS_NAME_SIZE];

	json_add_int(obj, "index", index);
	json_add_string(obj, "name", bus_irq_name(info, index, name));
	json_add_int(obj, "count", bus_irq(info, index).count);
	return obj;
}

static const lm_cap_t *cap_find(const lm_dev_info_t *info, uint8_t id)
{
	uint32_t i;

	for (i = 0; i < LM_MAX_CAPS && info->caps[i].id; i++) {
		if (info->caps[i].id == id)
			return &info->caps[i];
	}
	for (i = 0; i < info->nr_caps; i++) {
		if (info->cap_list[i].id == id)
			return &info->cap_list[i];
	}
	return NULL;
}

static struct json_object *place(uint32_t region, uint32_t offset, uint32_t size)
{
	struct json_object *obj = json_new_object();

	json_add_int(obj, "region", region);
	json_add_hex(obj, "offset", offset);
	json_add_hex(obj, "size", size);
	return obj;
}

void describe_msix(struct json_object *irq, const lm_dev_info_t *info)
{
	const uint32_t nr = info->pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX];
	const lm_cap_t *cap = cap_find(info, PCI_CAP_ID_MSIX);

	if (!cap)
		return;
	json_add(irq, "table", place(cap->msix.bar, cap->msix.table, nr * PCI_MSIX_ENTRY_SIZE));
	json_add(irq, "pba", place(cap->msix.bar, cap->msix.pba, (nr + 63) / 64 * 8));
}

static struct json_object *fields(const lm_register_t *reg)
{
	struct json_object *list = json_new_array(), *obj;
	uint32_t i;

	for (i = 0; i < reg->nr_fields; i++) {
		obj = json_new_object();
		json_add_string(obj, "name", reg->fields[i].name);
		json_add_int(obj, "shift", reg->fields[i].shift);
		json_add_int(obj, "bits", reg->fields[i].bits);
		json_add_string(obj, "help", reg->fields[i].help);
		json_append(list, obj);
	}
	return list;
}

static struct json_object *aliases(const lm_register_t *reg)
{
	struct json_object *list = json_new_array(), *obj;
	uint32_t i;

	for (i = 0; i < reg->nr_aliases; i++) {
		obj = json_new_object();
		json_add_string(obj, "name", reg->aliases[i].name);
		json_add_int(obj, "width", reg->width);
		json_add_string(obj, "help", reg->aliases[i].help);
		json_add(obj, "fields", fields(&reg->aliases[i]));
		json_append(list, obj);
	}
	return list;
}

/* Pure: reading it has no effect on the device, as far as the device says. */
struct json_object *describe_register(uint32_t region, const lm_register_map_t *map,
				      const lm_register_t *reg)
{
	static const char *const access[] = {
		[LM_RW] = "rw",
		[LM_RO] = "ro",
		[LM_WO] = "wo",
		[LM_RW1C] = "rw1c",
	};
	struct json_object *obj = json_new_object();

	json_add_int(obj, "region", region);
	json_add_string(obj, "name", reg->name);
	json_add_hex(obj, "offset", reg->offset);
	json_add_int(obj, "width", reg->width);
	if (reg->count) {
		json_add_int(obj, "count", reg->count);
		json_add_int(obj, "stride", reg->stride ?: reg->width);
	}
	json_add_string(obj, "access", access[reg->access]);
	json_add_bool(obj, "pure", !map->read || reg->flags & LM_REGISTER_PURE);
	json_add_hex(obj, "reset", reg->reset);
	json_add_string(obj, "help", reg->help);
	json_add(obj, "fields", fields(reg));
	if (reg->nr_aliases)
		json_add(obj, "aliases", aliases(reg));
	return obj;
}

void describe_property(struct json_object *obj, const lm_prop_t *prop)
{
	struct json_object *flags = json_new_array();
	char accepts[PROP_ACCEPTS_MAX];

	json_add_string(obj, "default", prop->value);
	json_add_string(obj, "help", prop->help ?: "");
	json_add_string(obj, "accepts", prop_accepts(prop, prop->name, accepts));
	json_add_string(obj, "wire_accepts", prop->wire_accepts);
	json_add_string(obj, "unit", prop->unit);
	json_add_int(obj, "count", prop->nr);
	if (prop->flags & LM_PROP_RO)
		json_append_string(flags, "read-only");
	if (prop->flags & LM_PROP_CREATE)
		json_append_string(flags, "create-only");
	json_add(obj, "flags", flags);
}
