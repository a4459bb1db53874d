/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lockfile.h - locks between musctls: files in the runtime directory, for their owner alone, so
 * that nobody else can hold one. Closing the descriptor unlocks.
 */
#ifndef MUSCTL_LOCKFILE_H
#define MUSCTL_LOCKFILE_H

#include <stdint.h>

/* A descriptor, or -errno; -EAGAIN: somebody holds it. flags: O_CREAT or 0. */
int lockfile_take(int runtime, const char *name, int flags);
/* The same in the runtime directory, made if it is not there, and waits. */
int lockfile_wait(const char *name, uint64_t timeout_ms);
/* Before it is closed. */
void lockfile_remove(const char *name);

#endif /* MUSCTL_LOCKFILE_H */
