/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * claim.h - the mdev of a device process: made, waited for, and undone whatever happens.
 *
 * <runtime>/.mdev-<uuid> says that musctl made an mdev; what it did not make it does not
 * remove. While somebody holds the file's lock, the mdev is his: it is being made, or goes
 * with him. A file that says so without a lock is what an interrupted musctl left: whoever
 * meets it removes mdev and file. Functions that return a status have printed the error.
 */
#ifndef MUSCTL_CLAIM_H
#define MUSCTL_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/instance.h"

struct detached;

struct claim {
	char uuid[UUID_SIZE];
	int lock;  /* -1: none */
	bool ours; /* musctl made the mdev, or is about to */
};

/* The mdev is made, or was there, and its node can be served. Signals that end programs
 * are blocked from here to claim_settle() or claim_drop(). */
int claim_take(struct claim *claim, const char *uuid);
/* After detach_wait(): until the kernel has learnt from the process what device it is.
 * Returns as detach_wait() does. */
int claim_wait(const struct claim *claim, struct detached *d, uint64_t timeout_ns);
/* A device process serves it: from now on it ends by destroy only. */
void claim_settle(struct claim *claim);
/* It goes with this process, or the one that it becomes by exec(2). */
void claim_keep(struct claim *claim);
/* Nobody serves it: what was made for it is removed. */
void claim_drop(struct claim *claim);

/* For destroy: waits for whoever holds it. The mdev may be anybody's, see ours. 0 or
 * -errno; -EAGAIN: still held. */
int claim_open(struct claim *claim, const char *uuid, uint64_t timeout_ms);
int claim_report(const char *uuid, int err); /* why claim_open() failed; a status */
/* Lets go; the file goes if there is no such mdev any more. */
void claim_close(struct claim *claim);

/* Removes what interrupted ones have left. */
void claim_sweep(void);

#endif /* MUSCTL_CLAIM_H */
