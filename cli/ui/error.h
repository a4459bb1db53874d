/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * error.h - the one way to tell the user what is wrong: a line on stderr,
 *	musctl: VERB: OBJECT: what is wrong (what to do)
 * Text from devices and files may be part of it: control characters are made harmless.
 */
#ifndef MUSCTL_ERROR_H
#define MUSCTL_ERROR_H

#include <stdint.h>

/* The verb that further lines name. */
void error_set_verb(const char *verb);

/* Prints the line and returns status. object: what it is about, or NULL. */
int error(int status, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* error() with ST_USAGE, and a second line that points to --help. */
int error_usage(const char *object, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An access that leaves its region of size bytes. Returns ST_FAILED. */
int error_out_of_range(const char *object, uint64_t size);

/* Why there is no runtime directory: err is a -errno. Returns ST_FAILED. */
int error_no_runtime(const char *object, int err);

#endif /* MUSCTL_ERROR_H */
