/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prop.h - properties of a description: which there are, and those whose value is a variable.
 */
#ifndef LM_PROP_H
#define LM_PROP_H

#include <muser.h>

#define PROP_ACCEPTS_MAX 256  /* of text, in bytes */
#define PROP_VALUE_MAX   4096 /* what a value has room for; one that fills it is too long */

/* One of the table, whatever the size of its elements. */
const lm_prop_t *prop_at(const lm_dev_info_t *info, uint32_t i);
/* The property that is called so, or one of whose wires is: name0, name1, ...; NULL: none. */
const lm_prop_t *prop_find(const lm_dev_info_t *info, const char *name);
bool prop_is_wire(const lm_prop_t *prop, const char *name);
/* What it accepts by that name, in words, in @text if they are not the description's; NULL:
 * unknown. */
const char *prop_accepts(const lm_prop_t *prop, const char *name, char text[PROP_ACCEPTS_MAX]);

/* Why it cannot be what it says of its variable; NULL: it can. */
const char *prop_variable_fault(const lm_prop_t *prop);

/* By the callbacks of the device, or in its variable: also before it has a context. -EOPNOTSUPP: it
 * has neither; what the callback gave; -EPERM: it is read-only; -EINVAL, also for what is not
 * utf8_is_line(). */
int prop_get(const lm_dev_info_t *info, const char *name, char *value, size_t size);
int prop_set(const lm_dev_info_t *info, const char *name, const char *value);
/* The same of a device that has started, which hears of it. */
int prop_change(const lm_dev_info_t *info, const char *name, const char *value);

#endif /* LM_PROP_H */
