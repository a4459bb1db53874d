/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdev.h - how main.c, instance.c, mdev.c, server.c and sysfs.c find each other.
 */
#ifndef MUSER_MDEV_H
#define MUSER_MDEV_H

#include <linux/fs.h>
#include <linux/mdev.h>

#include "muser.h"

#define MUSER_MINORS (MINORMASK + 1)

/* instance.c; first is what the module begins and ends with */
int muser_instances_setup(dev_t first);
void muser_instances_class(struct class *class); /* of the nodes */
void muser_instances_wait(void);                 /* for the last one's end */
void muser_instances_cleanup(void);
struct muser *muser_new(const guid_t *uuid);
int muser_node_add(struct muser *m, struct device *parent);
void muser_node_remove(struct muser *m);
struct muser *muser_node_find(int minor);

/* mdev.c */
extern struct mdev_driver muser_mdev_driver;
struct muser *muser_of_device(struct device *mdev);

extern const struct file_operations muser_server_fops; /* server.c */
/* sysfs.c */
extern const struct attribute_group *muser_sysfs_groups[];
void muser_event_init(struct muser *m, struct device *mdev);

#endif /* MUSER_MDEV_H */
