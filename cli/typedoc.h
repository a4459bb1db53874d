/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * typedoc.h - a built-in type as JSON, in the shape that the control interface gives to
 * devices: identity, regions, interrupts, options and the register map. This is also the
 * format of register maps for devices that are not ours.
 */
#ifndef MUSCTL_TYPEDOC_H
#define MUSCTL_TYPEDOC_H

struct device_type;
struct json_object;

/* The caller's. */
struct json_object *typedoc_new(const struct device_type *type);

#endif /* MUSCTL_TYPEDOC_H */
