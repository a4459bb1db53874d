/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance_watch.h - device processes as they come and go: directories in the runtime directory.
 */
#ifndef MUSCTL_INSTANCE_WATCH_H
#define MUSCTL_INSTANCE_WATCH_H

#include <stdbool.h>

struct instance_watch;
struct mdev_event;

/* 0, or the status of a printed error. Makes the runtime directory if there is none. */
int instance_watch_open(struct instance_watch **comings);
int instance_watch_fd(const struct instance_watch *comings);
bool instance_watch_next(struct instance_watch *comings, struct mdev_event *event);
void instance_watch_close(struct instance_watch *comings); /* takes NULL */

#endif /* MUSCTL_INSTANCE_WATCH_H */
