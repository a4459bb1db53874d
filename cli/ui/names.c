/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names.c - names of regions and interrupts. See names.h. What a device says may be anything: a
 * name that another index has as well is that of the first.
 */
#include "ui/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bus.h"
#include "base/json.h"

#include "ui/value.h"

const struct names pci_names;

struct names names_of(struct json_object *device)
{
	const char *bus = value_text(device, "bus");

	return (struct names){
		.regions = json_get(device, "regions"),
		.irqs = json_get(device, "irqs"),
		.not_pci = bus && strcmp(bus, "pci"),
	};
}

static struct json_object *own_item(struct json_object *list, uint32_t index)
{
	struct json_object *item;
	size_t i;

	for (i = 0; (item = json_at(list, i)) && value_u64(item, "index") != index; i++)
		;
	return item;
}

static const char *own_name(struct json_object *list, uint32_t index)
{
	return value_text(own_item(list, index), "name");
}

static bool is_name(const char *name, const char *text, size_t len)
{
	return name && strlen(name) == len && !ascii_compare_n(text, name, len);
}

static bool own_index(struct json_object *list, const char *text, size_t len, uint32_t *index)
{
	struct json_object *item;
	size_t i;

	for (i = 0; (item = json_at(list, i)); i++) {
		*index = (uint32_t)value_u64(item, "index");
		if (is_name(value_text(item, "name"), text, len))
			return true;
	}
	return false;
}

static bool pci_index(const char *const *table, uint32_t nr, const char *text, size_t len,
		      uint32_t *index)
{
	for (*index = 0; *index < nr; (*index)++) {
		if (is_name(table[*index], text, len))
			return true;
	}
	return false;
}

/* "region12", "irq3": what follows @what. */
static bool numbered_index(const char *what, const char *text, size_t len, uint32_t *index)
{
	const size_t head = strlen(what);
	char *end;

	if (len <= head || len > head + 4 || ascii_compare_n(text, what, head))
		return false;
	*index = (uint32_t)strtoul(text + head, &end, 10);
	return ascii_is_digit(text[head]) && end == text + len;
}

/* ---- regions --------------------------------------------------------------------- */

const char *name_of_region(const struct names *names, uint32_t index)
{
	static char other[BUS_NAME_SIZE];
	const char *name;

	if (!names->not_pci && index < LM_DEV_NUM_REGS)
		return bus_region_names[index];
	name = own_name(names->regions, index);
	snprintf(other, sizeof(other), "region%u", index);
	return name ? name : other;
}

static bool is_word(char c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' ||
	       c == '-';
}

bool name_to_region(const struct names *names, const char *text, uint32_t *index, unsigned int *len)
{
	size_t word = 0;

	while (is_word(text[word]))
		word++;
	*len = (unsigned int)word;
	if (!names->not_pci && pci_index(bus_region_names, LM_DEV_NUM_REGS, text, word, index))
		return true;
	return own_index(names->regions, text, word, index) ||
	       numbered_index("region", text, word, index);
}

/* ---- interrupts ------------------------------------------------------------------ */

const char *name_of_irq(const struct names *names, uint32_t index)
{
	static char other[BUS_NAME_SIZE];
	const char *name;

	if (!names->not_pci)
		return index < LM_DEV_NUM_IRQS ? bus_irq_names[index] : "?";
	name = own_name(names->irqs, index);
	snprintf(other, sizeof(other), "irq%u", index);
	return name ? name : other;
}

bool name_has_irq(const struct names *names, uint32_t index)
{
	return names->not_pci ? own_item(names->irqs, index) != NULL : index < LM_DEV_NUM_IRQS;
}

bool name_to_irq(const struct names *names, const char *text, uint32_t *index)
{
	const size_t len = strlen(text);

	if (!names->not_pci)
		return pci_index(bus_irq_names, LM_DEV_NUM_IRQS, text, len, index);
	return own_index(names->irqs, text, len, index) || numbered_index("irq", text, len, index);
}
