/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * page.c - the sections of "show" and "types TYPE". It reads JSON leniently and prints
 * tables; JSON output does not pass here.
 */
#include "dev/page.h"

#include <stdio.h>

#include "base/json.h"

#include "dev/regmap.h"
#include "ui/names.h"
#include "ui/out.h"
#include "ui/value.h"

/* ---- the sections' columns ------------------------------------------------------- */

enum { HEAD_KEY, HEAD_VALUE };

static const struct column head_columns[] = { { "KEY", 14 }, { "VALUE", 1 }, { 0 } };

enum { REGION_NAME, REGION_KIND, REGION_SIZE, REGION_FLAGS, REGION_MMAP };

static const struct column region_columns[] = {
	{ "REGION", 6 }, { "KIND", 6 }, { "SIZE", 6, COLUMN_RIGHT },
	{ "FLAGS", 5 },  { "MMAP", 1 }, { 0 }
};

enum {
	IRQ_NAME,
	IRQ_VECTORS,
	IRQ_ENABLED,
	IRQ_ARMED,
	IRQ_MASKED,
	IRQ_PENDING,
	IRQ_COUNT,
	IRQ_TABLE,
	IRQ_PBA
};

static const struct column irq_columns[] = { { "IRQ", 6 },
					     { "VECTORS", 7, COLUMN_RIGHT },
					     { "ENABLED", 7 },
					     { "ARMED", 5, COLUMN_RIGHT },
					     { "MASKED", 6, COLUMN_RIGHT },
					     { "PENDING", 7, COLUMN_RIGHT },
					     { "COUNT", 6, COLUMN_RIGHT },
					     { "TABLE", 5 },
					     { "PBA", 3 },
					     { 0 } };

enum { PROP_NAME, PROP_VALUE, PROP_DEFAULT, PROP_ACCEPTS, PROP_FLAGS, PROP_HELP };

static const struct column prop_columns[] = {
	{ "NAME", 8 },        { "VALUE", 8 }, { "DEFAULT", 8 }, { "ACCEPTS", 8 }, { "FLAGS", 5 },
	{ "DESCRIPTION", 1 }, { 0 }
};

enum { REG_REGION, REG_OFFSET, REG_NAME, REG_WIDTH, REG_ACCESS, REG_VALUE, REG_HELP, REG_FIELDS };

static const struct column register_columns[] = { { "REGION", 6 },
						  { "OFFSET", 6 },
						  { "REGISTER", 8 },
						  { "WIDTH", 5, COLUMN_RIGHT },
						  { "ACCESS", 6 },
						  { "VALUE", 6, COLUMN_RIGHT },
						  { "DESCRIPTION", 1 },
						  { "FIELDS", 1 },
						  { 0 } };

enum { DMA_ADDRESS, DMA_SIZE, DMA_OFFSET, DMA_PROT, DMA_KIND, DMA_HELD };

static const struct column dma_columns[] = { { "ADDRESS", 18 },
					     { "SIZE", 12, COLUMN_RIGHT },
					     { "OFFSET", 12, COLUMN_RIGHT },
					     { "PROT", 4 },
					     { "KIND", 7 },
					     { "HELD", 4, COLUMN_RIGHT },
					     { 0 } };

/* ---- helpers --------------------------------------------------------------------- */

static struct out *section(const struct call *call, const char *title, const struct column *columns)
{
	struct out *out;

	printf("\n%s:\n", title);
	out_sync();
	out_section(&out, call, columns);
	return out;
}

static void copy_text(struct out *out, unsigned int id, struct json_object *obj, const char *key)
{
	out_text(out, id, value_text(obj, key));
}

static void copy_u64(struct out *out, unsigned int id, struct json_object *obj, const char *key)
{
	out_u64(out, id, value_u64(obj, key));
}

/* ---- sections -------------------------------------------------------------------- */

void page_head(const struct call *call, const struct page_entry *entries, size_t nr)
{
	struct call headless = *call;
	struct out *out;
	size_t i;

	headless.format.no_headings = true;
	out_section(&out, &headless, head_columns);
	for (i = 0; i < nr; i++) {
		if (!entries[i].value || !*entries[i].value)
			continue;
		out_row(out);
		out_text(out, HEAD_KEY, entries[i].key);
		out_text(out, HEAD_VALUE, entries[i].value);
	}
	out_end(out);
}

/* Areas that a client may map: "0x1000+0x1000 ...". */
static void region_areas(struct out *out, struct json_object *region)
{
	struct json_object *area;
	char text[256] = "";
	size_t i, len = 0;

	for (i = 0; (area = value_item(region, "mmap", i)) && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s0x%llx+0x%llx",
					i ? " " : "", (unsigned long long)value_u64(area, "offset"),
					(unsigned long long)value_u64(area, "size"));
	out_text(out, REGION_MMAP, text);
}

void page_regions(const struct call *call, struct json_object *regions)
{
	struct out *out;
	size_t i;

	if (!json_length(regions))
		return;
	out = section(call, "Regions", region_columns);
	for (i = 0; i < json_length(regions); i++) {
		struct json_object *region = json_at(regions, i);

		out_row(out);
		copy_text(out, REGION_NAME, region, "name");
		copy_text(out, REGION_KIND, region, "kind");
		copy_u64(out, REGION_SIZE, region, "size");
		copy_text(out, REGION_FLAGS, region, "flags");
		region_areas(out, region);
	}
	out_end(out);
}

/* How many vectors of an interrupt have a flag. */
static uint64_t count_vectors(struct json_object *irq, const char *flag)
{
	struct json_object *vector;
	uint64_t nr = 0;
	size_t i;

	for (i = 0; (vector = value_item(irq, "vectors", i)); i++)
		nr += value_bool(vector, flag);
	return nr;
}

static uint64_t sum_vectors(struct json_object *irq)
{
	struct json_object *vector;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; (vector = value_item(irq, "vectors", i)); i++)
		sum += value_u64(vector, "count");
	return sum;
}

/* As peek has it: "bar0+0x800". */
static void print_place(struct out *out, unsigned int id, struct json_object *place)
{
	if (place)
		out_printf(out, id, "%s+0x%llx",
			   name_of_region(&pci_names, (uint32_t)value_u64(place, "region")),
			   (unsigned long long)value_u64(place, "offset"));
}

void page_irqs(const struct call *call, struct json_object *irqs)
{
	struct out *out;
	size_t i;

	if (!json_length(irqs))
		return;
	out = section(call, "Interrupts", irq_columns);
	for (i = 0; i < json_length(irqs); i++) {
		struct json_object *irq = json_at(irqs, i);

		out_row(out);
		copy_text(out, IRQ_NAME, irq, "name");
		copy_u64(out, IRQ_VECTORS, irq, "count");
		print_place(out, IRQ_TABLE, json_get(irq, "table"));
		print_place(out, IRQ_PBA, json_get(irq, "pba"));
		if (!json_get(irq, "vectors"))
			continue; /* of a type, not of a device */
		out_bool(out, IRQ_ENABLED, value_bool(irq, "enabled"));
		out_u64(out, IRQ_ARMED, count_vectors(irq, "eventfd"));
		out_u64(out, IRQ_MASKED, count_vectors(irq, "masked"));
		out_u64(out, IRQ_PENDING, count_vectors(irq, "pending"));
		out_u64(out, IRQ_COUNT, sum_vectors(irq));
	}
	out_end(out);
}

void page_properties(const struct call *call, const char *title, struct json_object *properties)
{
	struct out *out;
	char flags[64];
	size_t i;

	if (!json_length(properties))
		return;
	out = section(call, title, prop_columns);
	for (i = 0; i < json_length(properties); i++) {
		struct json_object *prop = json_at(properties, i);

		out_row(out);
		if (value_u64(prop, "count"))
			out_printf(out, PROP_NAME, "%s[0..%llu]", value_name(prop),
				   (unsigned long long)value_u64(prop, "count") - 1);
		else
			copy_text(out, PROP_NAME, prop, "name");
		copy_text(out, PROP_VALUE, prop, "value");
		copy_text(out, PROP_DEFAULT, prop, "default");
		copy_text(out, PROP_ACCEPTS, prop, "accepts");
		out_text(out, PROP_FLAGS, value_list(prop, "flags", flags, sizeof(flags)));
		copy_text(out, PROP_HELP, prop, "help");
	}
	out_end(out);
}

/* Names of the fields, for registers without a value. */
static void field_names(struct out *out, struct json_object *reg)
{
	struct field field;
	char text[512] = "";
	size_t i = 0, len = 0;

	while (len < sizeof(text) && reg_next_field(reg, &i, &field)) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					field.bits == 1 ? "%s%s[%u]" : "%s%s[%u:%u]",
					len ? " " : "", field.name, field.shift + field.bits - 1,
					field.shift);
	}
	out_text(out, REG_FIELDS, text);
}

/* With what an access there may mean as well: "RBR/THR". */
static const char *register_name(struct json_object *reg, char *buf, size_t size)
{
	size_t i, len = (size_t)snprintf(buf, size, "%s", value_name(reg));
	struct json_object *alias;

	for (i = 0; len < size && (alias = value_item(reg, "aliases", i)); i++)
		len += (size_t)snprintf(buf + len, size - len, "/%s", value_name(alias));
	return buf;
}

void page_registers(const struct call *call, struct json_object *device,
		    struct json_object *registers)
{
	const struct names names = names_of(device);
	char fields[512], name[256];
	struct out *out;
	size_t i;

	if (!json_length(registers))
		return;
	out = section(call, "Registers", register_columns);
	for (i = 0; i < json_length(registers); i++) {
		struct json_object *reg = json_at(registers, i);
		const uint64_t value = value_u64(reg, "value");
		const unsigned int digits = 2 * (unsigned int)value_u64(reg, "width");

		out_row(out);
		out_text(out, REG_REGION,
			 name_of_region(&names, (uint32_t)value_u64(reg, "region")));
		out_hex(out, REG_OFFSET, value_u64(reg, "offset"), 2);
		out_text(out, REG_NAME, register_name(reg, name, sizeof(name)));
		copy_u64(out, REG_WIDTH, reg, "width");
		copy_text(out, REG_ACCESS, reg, "access");
		copy_text(out, REG_HELP, reg, "help");
		field_names(out, reg);
		if (!json_get(reg, "value"))
			continue;
		out_hex(out, REG_VALUE, value, digits < 16 ? digits : 16);
		out_text(out, REG_FIELDS, reg_fields(reg, value, fields, sizeof(fields)));
	}
	out_end(out);
}

void page_dma(const struct call *call, struct json_object *windows, size_t total)
{
	struct out *out;
	size_t i;

	if (!json_length(windows))
		return;
	out = section(call, "DMA map", dma_columns);
	for (i = 0; i < json_length(windows); i++) {
		struct json_object *window = json_at(windows, i);

		out_row(out);
		out_hex(out, DMA_ADDRESS, value_u64(window, "address"), 16);
		out_hex(out, DMA_SIZE, value_u64(window, "size"), 1);
		out_hex(out, DMA_OFFSET, value_u64(window, "offset"), 1);
		copy_text(out, DMA_PROT, window, "prot");
		copy_text(out, DMA_KIND, window, "kind");
		copy_u64(out, DMA_HELD, window, "held");
	}
	out_end(out);
	if (total > json_length(windows))
		printf("%zu more (show --json lists all)\n", total - json_length(windows));
}
