/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name_fault.h - what a device may be called. musctl asks as well.
 */
#ifndef LM_NAME_FAULT_H
#define LM_NAME_FAULT_H

#define NAME_LENGTH 63 /* of any name, in bytes */

/* Why no device can have this name, in words; NULL: one can. */
const char *name_fault(const char *name);

#endif /* LM_NAME_FAULT_H */
