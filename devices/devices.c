/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * devices.c - the table of built-in device types, and what every maker of a device does.
 *
 * The table is written out by hand: what is not named here does not exist. To this file
 * options are names in a property table; what they mean is the device's business.
 */
#include "devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct device_type *const device_types[] = {
	&device_gpio_idio16,
	&device_null,
	NULL,
};

const struct device_type *device_find(const char *name)
{
	const struct device_type *const *type;

	for (type = device_types; *type; type++) {
		if (!strcmp((*type)->name, name))
			return *type;
	}
	return NULL;
}

int device_wire(const char *name, const char *base, uint32_t nr)
{
	const char *digits = name + strlen(base);
	unsigned long wire;
	char *end;

	if (strncmp(name, base, strlen(base)))
		return -1;
	if (!*digits)
		return (int)nr;
	if (*digits < '0' || *digits > '9' || (*digits == '0' && digits[1]))
		return -1;
	wire = strtoul(digits, &end, 10);
	return *end || wire >= nr ? -1 : (int)wire;
}

/* The property called @name, which may be a single wire of it: "in" and "in3". */
static const lm_prop_t *find_prop(const lm_dev_info_t *info, const char *name)
{
	const lm_prop_t *prop;

	for (prop = info->props; prop < info->props + info->nr_props; prop++) {
		if (device_wire(name, prop->name, prop->nr) >= 0)
			return prop;
	}
	return NULL;
}

int device_set(const struct device_type *type, void *dev, const char *name, const char *value)
{
	const lm_prop_t *prop = find_prop(type->info, name);

	if (!prop)
		return -ENOENT;
	if (prop->flags & LM_PROP_RO)
		return -EPERM;
	return type->info->prop_set(dev, name, value);
}

const char *device_accepts(const struct device_type *type, const char *name)
{
	const lm_prop_t *prop = find_prop(type->info, name);

	if (!prop)
		return NULL;
	return strcmp(prop->name, name) ? prop->wire_accepts : prop->accepts;
}

int device_parse(const char *text, uint64_t max, uint64_t *number)
{
	const bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	const char *digits = hex ? text + 2 : text;
	char *end;

	/* strtoull() takes blanks, signs and a second prefix */
	if (!*digits || digits[strspn(digits, "0123456789abcdefABCDEF")])
		return -EINVAL;
	errno = 0;
	*number = strtoull(digits, &end, hex ? 16 : 10);
	return errno || *end || *number > max ? -EINVAL : 0;
}

static int set_defaults(const struct device_type *type, void *dev)
{
	const lm_prop_t *prop = type->info->props;
	uint32_t i;
	int err;

	for (i = 0; i < type->info->nr_props; i++) {
		if (!prop[i].value || prop[i].flags & LM_PROP_RO)
			continue;
		err = type->info->prop_set(dev, prop[i].name, prop[i].value);
		if (err)
			return err;
	}
	return 0;
}

int device_new(const struct device_type *type, void **dev)
{
	int err;

	*dev = type->new ? type->new () : NULL;
	if (type->new && !*dev)
		return -ENOMEM;
	err = set_defaults(type, *dev);
	if (err) {
		device_free(type, *dev);
		*dev = NULL;
	}
	return err;
}

int device_attach(const struct device_type *type, void *dev, lm_ctx_t *ctx)
{
	return type->attach ? type->attach(dev, ctx) : 0;
}

void device_free(const struct device_type *type, void *dev)
{
	if (dev && type->free)
		type->free(dev);
	else
		free(dev);
}
