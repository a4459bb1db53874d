/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev_node.h - the system calls of channel_mdev.c. Tests have a double of them: the one place
 * where muser.ko is faked.
 */
#ifndef LM_MDEV_NODE_H
#define LM_MDEV_NODE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All: as the system calls of these names, with -errno. */
int mdev_node_open(const char *uuid);
void mdev_node_close(int fd);
ssize_t mdev_node_read(int fd, void *buf, size_t len);
ssize_t mdev_node_write(int fd, const void *buf, size_t len);
int mdev_node_ioctl(int fd, unsigned long request, void *arg);
int mdev_node_mmap(int fd, uint64_t offset, size_t length, int prot, void **mem);

#endif /* LM_MDEV_NODE_H */
