/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev.h - what the kernel of this host offers for mediated devices.
 */
#ifndef MUSCTL_MDEV_H
#define MUSCTL_MDEV_H

#include <stddef.h>

/* A path below $MUSER_ROOT, which stands for / in tests, into buf; returns buf. */
const char *mdev_path(char *buf, size_t size, const char *path);

enum module { MODULE_ABSENT, MODULE_PRESENT, MODULE_LOADED };

/* Of the running kernel. Built in counts as loaded. */
enum module mdev_module(const char *name);

#endif /* MUSCTL_MDEV_H */
