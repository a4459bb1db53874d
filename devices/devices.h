/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * devices.h - the built-in device types, and how to make a device of one.
 *
 * A type is one constant object at the end of its file. Its description is a template:
 * whoever makes a device copies it, fills in pvt and what concerns this one device (uuid,
 * name, socket, log), and gives it to lm_ctx_create(). The property table of the
 * description is the table of options as well. Nothing here knows a socket or a verb.
 *
 *	void *dev;
 *	int err = device_new(type, &dev);
 *	lm_dev_info_t info = *type->info;
 *	info.pvt = dev;
 *	// info.prop_set(), for each default of the table and each -O key=value
 *	lm_ctx_t *ctx = lm_ctx_create(&info);
 *	...
 *	lm_ctx_destroy(ctx);
 *	device_free(type, dev);
 */
#ifndef MUSER_DEVICES_H
#define MUSER_DEVICES_H

#include <muser.h>

/**
 * struct device_type - a built-in emulation
 * @size:   sizeof(struct device_type)
 * @name:   what "musctl create" calls it
 * @help:   one line
 * @driver: the stock Linux driver that binds to it, or NULL
 * @info:   the description, without pvt; @info->type is @name
 * @new:    allocate, as after power-on; NULL from it: out of memory. Optional: without it a
 *          device is @pvt_size bytes of zeros, or NULL where that is 0 too
 * @free:   optional, else free(3)
 */
struct device_type {
	size_t size;
	const char *name;
	const char *help;
	const char *driver;
	const lm_dev_info_t *info;
	size_t pvt_size;
	void *(*new)(void);
	void (*free)(void *dev);
};

/* All types, in the order in which they are listed; ends with NULL. */
extern const struct device_type *const device_types[];

/* NULL: there is no such type. */
const struct device_type *device_find(const char *name);

/* 0 or -ENOMEM. No option has been set yet, nor its default. */
int device_new(const struct device_type *type, void **dev);

/* For prop_set: a number from 0 to @max as people write it: decimal, or hexadecimal with 0x; a zero
 * in front means nothing. 0 or -EINVAL. */
int device_parse(const char *text, uint64_t max, uint64_t *number);

/* Which wire of @base, a property of @nr wires, @name is: "in3" of "in" is 3, "in" itself @nr;
 * -1: it is none. */
int device_wire(const char *name, const char *base, uint32_t nr);

/* After lm_ctx_destroy(); @dev may be NULL. */
void device_free(const struct device_type *type, void *dev);

/* The types, each in a file of its own. */
extern const struct device_type device_edu;
extern const struct device_type device_gpio_idio16;
extern const struct device_type device_ioat;
extern const struct device_type device_null;
extern const struct device_type device_nvme;
extern const struct device_type device_pvpanic;
extern const struct device_type device_serial_16550;
extern const struct device_type device_testdev;
extern const struct device_type device_watchdog_i6300esb;

#endif /* MUSER_DEVICES_H */
