/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * comings.h - device processes as they come and go: directories in the runtime directory.
 */
#ifndef MUSCTL_COMINGS_H
#define MUSCTL_COMINGS_H

#include <stdbool.h>

struct comings;
struct mdev_event;

/* 0, or the status of a printed error. Makes the runtime directory if there is none. */
int  comings_open(struct comings **comings);
int  comings_fd(const struct comings *comings);
bool comings_next(struct comings *comings, struct mdev_event *event);
void comings_close(struct comings *comings); /* takes NULL */

#endif /* MUSCTL_COMINGS_H */
