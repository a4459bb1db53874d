/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * logs.h - the logs of a runtime directory: <runtime>/.log-<uuid>, of a device that create or exec
 * has started, from then until it is destroyed, or another device has its UUID. One whose process
 * has ended by itself stays: the last LOGS_MAX of them, LOGS_DAYS at most; who creates removes
 * others.
 */
#ifndef MUSCTL_LOGS_H
#define MUSCTL_LOGS_H

#include <stdbool.h>

#include "ui/uuid.h"

struct log_head;

#define LOGS_MAX  64
#define LOGS_DAYS 7

/* buf has room for 8 bytes more than a UUID. */
void logs_name(char *buf, const char *uuid);

/* A descriptor to read from, or -errno. Only what belongs to the owner of the runtime directory and
 * is his alone: -EPERM. */
int logs_open(const char *uuid);
/* Its device has ended: who it was and how it has ended, as far as that is known (head may be
 * NULL). */
bool logs_of_ended(const char *uuid, struct log_head *head);
/* UUIDs with a log are added. */
void logs_list(struct uuid_list *list);
/* The last device of that name that has ended. */
bool logs_named(const char *name, char uuid[UUID_SIZE]);

bool logs_remove(const char *uuid); /* false: there is none */
void logs_prune(void);

#endif /* MUSCTL_LOGS_H */
