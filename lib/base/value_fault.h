/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * value_fault.h - why a property does not take a value. musctl says the same when
 * it creates a device.
 */
#ifndef LM_VALUE_FAULT_H
#define LM_VALUE_FAULT_H

#define VALUE_FAULT 256 /* of text, in bytes */

#define TEXT_FAULT        "a value is one line of UTF-8 without control characters"
#define READ_ONLY_FAULT   "is read-only"
#define CREATE_ONLY_FAULT "can be set at creation only"

/* In words, the device's (lm_prop_reason()) if there are any: err is what prop_set gave, accepts
 * what the property takes (NULL: unknown); text is room for them. NULL: err says nothing about the
 * value. */
const char *value_fault(int err, const char *value, const char *accepts, char text[VALUE_FAULT]);

#endif /* LM_VALUE_FAULT_H */
