/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * showdoc.h - a device in full. device is what Show says, NULL: it has no process; mdev
 * comes from mdevdoc_new(), NULL: it is none. Not both are NULL. control is NULL if there
 * is no process, or none that answers.
 */
#ifndef MUSCTL_SHOWDOC_H
#define MUSCTL_SHOWDOC_H

struct call;
struct control;
struct json_object;

/* Exit statuses. */
int showdoc_print(struct control *control, struct json_object *device,
		  struct json_object *mdev);
int showdoc_page(const struct call *call, struct control *control,
		 struct json_object *device, struct json_object *mdev);

#endif /* MUSCTL_SHOWDOC_H */
