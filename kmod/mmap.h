/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmap.h - device memory: what mmap.c, which makes and maps it, and mmap_trap.c, which notices
 * writes to it, share.
 */
#ifndef MUSER_MMAP_H
#define MUSER_MMAP_H

#include "muser.h"

/* mmap.c: -EINVAL: there is no such space, -ENXIO: it has no memory */
struct muser_mem_space *mem_space(struct muser *m, u32 space);
/* These pages, by their number in the space, leave the client's mappings: it faults again. */
void mem_zap(struct muser_mem_space *s, unsigned long first, unsigned long pages);

/* mmap_trap.c: the client is about to write to this page. Under map_lock. */
void mem_written(struct muser_mem_space *s, unsigned long page);

#endif /* MUSER_MMAP_H */
