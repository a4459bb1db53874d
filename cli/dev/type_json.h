/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * type_json.h - a built-in type as JSON, in the shape that the control interface gives to
 * devices: identity, regions, interrupts, options and the register map. This is also the
 * format of register maps for devices that are not ours.
 */
#ifndef MUSCTL_TYPE_JSON_H
#define MUSCTL_TYPE_JSON_H

struct device_type;
struct json_object;

/* The caller's. */
struct json_object *type_json_new(const struct device_type *type);

#endif /* MUSCTL_TYPE_JSON_H */
