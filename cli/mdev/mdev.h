/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev.h - the kernel of this host: its modules, files of /sys, /dev and /proc, the
 * mediated devices of muser.ko, and news of them. Functions return 0 or -errno and print
 * nothing.
 */
#ifndef MUSCTL_MDEV_H
#define MUSCTL_MDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ui/uuid.h"

/* ---- mdev.c: files ----------------------------------------------------------------- */

/* A path below $MUSER_ROOT, which stands for / in tests, into buf; returns buf. */
const char *mdev_path(char *buf, size_t size, const char *path);
bool mdev_is_moved(void); /* there is a $MUSER_ROOT */

enum module { MODULE_ABSENT, MODULE_PRESENT, MODULE_LOADED };

/* Of the running kernel. Built in counts as loaded. */
enum module mdev_module(const char *name);

/* The first line of a file, without its newline. */
int mdev_read(const char *path, char *buf, size_t size);
int mdev_read_u64(const char *path, uint64_t *value);
/* In one piece; the kernel's own answer. */
int mdev_write(const char *path, const char *text);
/* The last name of where a link leads. */
int mdev_link(const char *path, char *buf, size_t size);
/* May we? mode: as for access(2). */
bool mdev_may(const char *path, int mode);

/* ---- mdev_sysfs.c: mediated devices ------------------------------------------------ */

#define MDEV_PARENTS "/sys/class/mdev_bus"
#define MDEV_DEVICES "/sys/bus/mdev/devices"
#define MDEV_NODES   "/dev/muser"
#define MDEV_TYPE_ID "muser-1"
#define MDEV_TYPE    "/sys/class/muser/muser/mdev_supported_types/" MDEV_TYPE_ID

/* A type that the kernel offers, of any parent. */
struct mdev_type {
	char parent[64];
	char id[64];
	char api[32];
	char name[64];
	char text[256];
	uint64_t free; /* instances that can still be made */
};

/* fn for each; what it returns ends the walk if it is not 0. */
int mdev_each_type(int (*fn)(void *arg, const struct mdev_type *type), void *arg);

/* Why this user cannot make a device of muser.ko, and what to do; NULL: he can. */
const char *mdev_obstacle(void);

/* Those of muser.ko, sorted. Free it by uuid_list_free(). */
int mdev_list(struct uuid_list *list);
bool mdev_exists(const char *uuid);
/* What tells it from a later one of the same UUID; 0: there is none. */
uint64_t mdev_identity(const char *uuid);

/* -EEXIST; -EUSERS: no free instance; -ENOENT: the module is not loaded. */
int mdev_create(const char *uuid);
/* The kernel waits for whoever has it open. -ETIMEDOUT: it still does, and will go on, in
 * a process of its own. */
int mdev_remove(const char *uuid, uint64_t timeout_ms);

/* Is the device node there, and may this user serve on it? -ENOENT, -EACCES. */
int mdev_node(const char *uuid);

/* Does a process have the node open, whoever's it is? *pid: as we see it, or 0. */
bool mdev_is_served(const char *uuid, pid_t *pid);
/* For people: no-server, served, or hung: the kernel has no answers from that process. */
const char *mdev_service(const char *uuid, pid_t *pid);
/* May this user remove it? */
bool mdev_may_remove(const char *uuid);

/* An attribute of the instance, such as "state". */
int mdev_attribute(const char *uuid, const char *name, char *buf, size_t size);
int mdev_group(const char *uuid, unsigned int *group); /* its IOMMU group */

/* The process that has it open, by its group or by iommufd; 0: nobody whom we can see. */
pid_t mdev_holder(const char *uuid, char *command, size_t size);

/* ---- mdev_watch.c: news ------------------------------------------------------------ */

struct mdev_watch;

struct mdev_event {
	char action[16];    /* add, remove, change, bind, unbind */
	char subsystem[16]; /* mdev: the device; muser: its node */
	char uuid[UUID_SIZE];
	char path[256]; /* in /sys, or of the node */
	char state[16]; /* change: the attribute state of one of muser.ko; else empty */
};

/* From now on nothing is missed. */
int mdev_watch_open(struct mdev_watch **watch);
int mdev_watch_fd(const struct mdev_watch *watch); /* to be polled */
bool mdev_watch_next(struct mdev_watch *watch, struct mdev_event *event);
/* Events were dropped since the last call. */
bool mdev_watch_lost(struct mdev_watch *watch);
void mdev_watch_close(struct mdev_watch *watch); /* takes NULL */

#endif /* MUSCTL_MDEV_H */
