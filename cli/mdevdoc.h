/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdevdoc.h - an mdev of muser.ko as JSON, which "show" prints or makes a section of.
 */
#ifndef MUSCTL_MDEVDOC_H
#define MUSCTL_MDEVDOC_H

struct call;
struct json_object;

/* sysfs, node, group and the module's attributes; NULL: there is no such mdev. */
struct json_object *mdevdoc_new(const char *uuid);

/* The lines of it on a page for people. */
void mdevdoc_page(const struct call *call, struct json_object *mdev);

#endif /* MUSCTL_MDEVDOC_H */
