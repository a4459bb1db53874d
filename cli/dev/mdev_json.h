/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev_json.h - an mdev of muser.ko as JSON, which "show" prints or makes a section of.
 */
#ifndef MUSCTL_MDEV_JSON_H
#define MUSCTL_MDEV_JSON_H

struct call;
struct json_object;

/* sysfs, node, group and the module's attributes; NULL: there is no such mdev. */
struct json_object *mdev_json_new(const char *uuid);

/* The lines of it on a page for people. */
void mdev_json_page(const struct call *call, struct json_object *mdev);

#endif /* MUSCTL_MDEV_JSON_H */
