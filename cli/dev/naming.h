/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * naming.h - a name leads to one device.
 *
 * naming_begin() keeps every other musctl from giving a name until naming_end(): between a look at
 * the devices that are there and the moment when the new one can be seen as well.
 */
#ifndef MUSCTL_NAMING_H
#define MUSCTL_NAMING_H

/* The lock, or -1 and the exit status of a printed error. */
int naming_begin(int *lock);
void naming_end(int *lock); /* takes -1 */

/* 0, or the status of a printed error: a device, other than except (NULL: any), has the name. */
int naming_check(const char *object, const char *name, const char *except);

/* The same for a device that runs already and is to be ended if its name was taken, or is not the
 * one that was asked for (NULL: none was). */
int naming_check_device(const char *object, const char *uuid, const char *wanted);

#endif /* MUSCTL_NAMING_H */
