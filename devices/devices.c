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

/* clang-format off */
const struct device_type *const device_types[] = {
	&device_gpio_idio16,
	&device_null,
	&device_edu,
	&device_pvpanic,
	&device_nvme,
	&device_watchdog_i6300esb,
	&device_serial_16550,
	&device_ioat,
	&device_testdev,
	NULL,
};
/* clang-format on */

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

int device_new(const struct device_type *type, void **dev)
{
	*dev = NULL;
	if (type->new)
		*dev = type->new ();
	else if (type->pvt_size)
		*dev = calloc(1, type->pvt_size);
	return (type->new || type->pvt_size) && !*dev ? -ENOMEM : 0;
}

void device_free(const struct device_type *type, void *dev)
{
	if (dev && type->free)
		type->free(dev);
	else
		free(dev);
}
