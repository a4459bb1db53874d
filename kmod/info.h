/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * info.h - what info.c has for mdev.c, whose client has the device open: the description is
 * there and constant.
 */
#ifndef MUSER_INFO_H
#define MUSER_INFO_H

#include "muser.h"

int info_device(struct muser *m, void __user *user);
int info_irq(struct muser *m, void __user *user);
int info_region(struct muser *m, struct vfio_region_info *info, struct vfio_info_cap *caps);
int info_region_ioctl(struct muser *m, void __user *user);

#endif /* MUSER_INFO_H */
