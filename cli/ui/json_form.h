/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_form.h - musctl says one thing in one way in all its JSON, see JSON in musctl(8). Here
 * the documents of show and types get that form from what devices and tables say, in place.
 */
#ifndef MUSCTL_JSON_FORM_H
#define MUSCTL_JSON_FORM_H

struct json_object;

void json_form_device(struct json_object *device);
void json_form_type(struct json_object *type);
/* device: whose they are, for the names of its regions. */
void json_form_registers(struct json_object *device, struct json_object *registers);

#endif /* MUSCTL_JSON_FORM_H */
