/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_json.h - a device in full. device is what Show says, NULL: it has no process; mdev
 * comes from mdev_json_new(), NULL: it is none. Not both are NULL. control is NULL if there
 * is no process, or none that answers.
 */
#ifndef MUSCTL_DEVICE_JSON_H
#define MUSCTL_DEVICE_JSON_H

struct call;
struct control;
struct json_object;

/* Exit statuses. */
int device_json_print(struct control *control, struct json_object *device,
		      struct json_object *mdev);
int device_json_page(const struct call *call, struct control *control, struct json_object *device,
		     struct json_object *mdev);

#endif /* MUSCTL_DEVICE_JSON_H */
