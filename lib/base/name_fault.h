/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name_fault.h - what a device, and an event of one, may be called. musctl asks as well.
 */
#ifndef LM_NAME_FAULT_H
#define LM_NAME_FAULT_H

#include <stdbool.h>

#define NAME_LENGTH 63 /* of any name, in bytes */

#define EVENT_NAME_FAULT "an event's name is 1 to 16 of the characters a-z, 0-9 and -"

/* Can lm_event() report it? Text and tail of a trace record have room for so much. */
bool name_is_event(const char *name);

/* Why no device can have this name, in words; NULL: one can. */
const char *name_fault(const char *name);

#endif /* LM_NAME_FAULT_H */
