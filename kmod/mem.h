/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mem.h - device memory: what mem.c, which makes and maps it, and mem_trap.c, which notices
 * writes to it, share.
 */
#ifndef MUSER_MEM_H
#define MUSER_MEM_H

#include "muser.h"

/* mem.c: -EINVAL: there is no such space, -ENXIO: it has no memory */
struct muser_mem_space *mem_space(struct muser *m, u32 space);
/* These pages, by their number in the space, leave the client's mappings: it faults again. */
void mem_zap(struct muser_mem_space *s, unsigned long first, unsigned long pages);

/* mem_trap.c: the client is about to write to this page. Under map_lock. */
void mem_written(struct muser_mem_space *s, unsigned long page);

#endif /* MUSER_MEM_H */
