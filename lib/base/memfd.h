/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memfd.h - memory to share.
 */
#ifndef LM_MEMFD_H
#define LM_MEMFD_H

#include "base/base.h"

/* A descriptor, to be sealed; or -errno, -EFBIG: more than RLIMIT_FSIZE. */
const char *memory_advice(int error); /* what to do about it, or "" */
int memfd_sized(const char *name, uint64_t size);
/* The same; whoever is given it can neither shrink nor grow it. */
int memfd_sealed(const char *name, uint64_t size);
/* Sealed against shrinking: what is inside it now stays. */
bool memfd_is_sealed(int fd);
/* That, and of ordinary memory: huge pages may be missing when they are touched. -1: it is not;
 * else its size. */
int64_t memfd_solid_size(int fd);

#endif /* LM_MEMFD_H */
