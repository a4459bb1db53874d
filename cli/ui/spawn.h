/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spawn.h - other people's programs: feed one, or listen to one. No shell is involved.
 */
#ifndef MUSCTL_SPAWN_H
#define MUSCTL_SPAWN_H

#include <stddef.h>

/* Runs it with input as its standard input, and prints what it prints. It must not print more than
 * a pipe holds before it has read. Its exit status, 128 + signal, or -errno: not started. */
int spawn_feed(const char *const *argv, const char *input, size_t len);

/* Its exit status, and what it printed, cut to size. It gets timeout_ms to live. */
int spawn_capture(const char *const *argv, char *buf, size_t size, int timeout_ms);

#endif /* MUSCTL_SPAWN_H */
