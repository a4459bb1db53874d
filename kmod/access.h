/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * access.h - what access.c has for mdev.c, whose client has the device open: the description is
 * there and constant.
 */
#ifndef MUSER_ACCESS_H
#define MUSER_ACCESS_H

#include "muser.h"

ssize_t access_region_rw(struct muser *m, char __user *buf, size_t count, loff_t *pos,
			 bool is_write);
int access_mmap(struct muser *m, struct vm_area_struct *vma);

#endif /* MUSER_ACCESS_H */
