/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_form.c - see json_form.h. The control protocol and the tables of types have numbers where
 * musctl's users have names, and letters where they have lists.
 */
#include "ui/json_form.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#include "ui/names.h"
#include "ui/value.h"

/* What is not known is null, not missing. */
static void add_missing(struct json_object *obj, const char *key)
{
	if (!json_get(obj, key))
		json_add_null(obj, key);
}

static void add_digits(struct json_object *obj, const char *key, const char *prefix,
		       unsigned int digits)
{
	char text[24];

	if (!json_get(obj, key)) {
		json_add_null(obj, key);
		return;
	}
	snprintf(text, sizeof(text), "%s%0*llx", prefix, (int)digits,
		 (unsigned long long)value_u64(obj, key));
	json_add_string(obj, key, text);
}

static void form_help(struct json_object *obj)
{
	json_add_string(obj, "description", value_text(obj, "help"));
	add_missing(obj, "description");
	json_remove(obj, "help");
}

/* As lspci(8) has them. */
static void form_pair(struct json_object *obj, const char *key, const char *first,
		      const char *second)
{
	char text[24];

	if (!json_get(obj, first)) { /* of a device that does not answer */
		json_add_null(obj, key);
		return;
	}
	snprintf(text, sizeof(text), "%04llx:%04llx", (unsigned long long)value_u64(obj, first),
		 (unsigned long long)value_u64(obj, second));
	json_remove(obj, first);
	json_remove(obj, second);
	json_add_string(obj, key, text);
}

static void form_ids(struct json_object *obj)
{
	form_pair(obj, "id", "vendor", "device");
	form_pair(obj, "subsystem", "subvendor", "subdevice");
	add_digits(obj, "class", "", 6);
	add_digits(obj, "revision", "", 2);
}

static void form_region(struct json_object *region)
{
	static const char *const words[] = {
		['r'] = "read",
		['w'] = "write",
		['m'] = "mmap",
		['p'] = "prefetch",
	};
	struct json_object *list = json_new_array();
	const char *c = value_text(region, "flags");

	for (; c && *c; c++)
		json_append_string(list, (unsigned char)*c < sizeof(words) / sizeof(words[0]) ?
						 words[(unsigned char)*c] :
						 NULL);
	json_add(region, "flags", list);
}

static void form_place(struct json_object *place)
{
	if (place)
		json_add_string(place, "region",
				name_of_region(&pci_names, (uint32_t)value_u64(place, "region")));
}

static void form_irq(struct json_object *irq)
{
	form_place(json_get(irq, "table"));
	form_place(json_get(irq, "pba"));
	add_missing(irq, "table");
	add_missing(irq, "pba");
}

static void form_property(struct json_object *property)
{
	form_help(property);
	add_missing(property, "default");
	add_missing(property, "accepts");
	add_missing(property, "wire_accepts");
	add_missing(property, "unit");
}

static void form_register(struct json_object *reg, const struct names *names)
{
	const unsigned int width = (unsigned int)value_u64(reg, "width");
	const unsigned int digits = width < 8 ? 2 * width : 16;

	json_add_string(reg, "region", name_of_region(names, (uint32_t)value_u64(reg, "region")));
	add_digits(reg, "reset", "0x", digits);
	if (json_get(reg, "value"))
		add_digits(reg, "value", "0x", digits); /* null where it was not read */
	form_help(reg);
}

static void form_each(struct json_object *list, void (*form)(struct json_object *item))
{
	size_t i;

	for (i = 0; i < json_length(list); i++)
		form(json_at(list, i));
}

void json_form_registers(struct json_object *device, struct json_object *registers)
{
	const struct names names = names_of(device);
	size_t i;

	for (i = 0; i < json_length(registers); i++) {
		form_register(json_at(registers, i), &names);
		form_each(json_get(json_at(registers, i), "fields"), form_help);
	}
}

void json_form_device(struct json_object *device)
{
	form_ids(device);
	add_missing(device, "bus");
	add_missing(device, "type");
	add_missing(device, "name");
	add_missing(device, "socket");
	add_missing(device, "client");
	if (json_get(device, "client"))
		add_missing(json_get(device, "client"), "command");
	form_each(json_get(device, "regions"), form_region);
	form_each(json_get(device, "irqs"), form_irq);
	form_each(json_get(device, "properties"), form_property);
}

void json_form_type(struct json_object *type)
{
	form_ids(type);
	form_help(type);
	add_missing(type, "driver");
	form_each(json_get(type, "regions"), form_region);
	form_each(json_get(type, "irqs"), form_irq);
	form_each(json_get(type, "options"), form_property);
	json_form_registers(type, json_get(type, "registers"));
}
