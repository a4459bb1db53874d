/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance.h - from what a user types to a device: UUID, the start of one, name, "-" for
 * standard input. Every function that returns a status has printed what is wrong.
 */
#ifndef MUSCTL_INSTANCE_H
#define MUSCTL_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/uuid.h"

struct call;
struct control;
struct json_object;

/* The live devices, sorted by UUID. */
int instance_list(struct uuid_list *list);
/* Those as well that have no device process. */
void instance_list_mdevs(struct uuid_list *list);

/* The UUID of the device, or mdev, that word stands for. One that was typed as such may be
 * nobody's. */
int instance_find(const char *word, char uuid[UUID_SIZE]);
/* The same, or one that has ended and whose log is there. */
int instance_find_ended(const char *word, char uuid[UUID_SIZE]);
/* Why control_open() has failed. */
int instance_report(const char *word, int err);
int instance_report_ended(const char *word); /* there is none, and no log of one */
/* The device that word stands for: its control connection. */
int instance_open(const char *word, struct control **control);

/* What Show says about the device, borrowed from the connection; but who it is, which it could
 * claim to be another, as the system says: its UUID, name, and process. 0 or -errno. */
int instance_ask(struct control *control, struct json_object **device);

/* instance_open(), then instance_ask(). */
int instance_show(const char *word, struct control **control, struct json_object **device);

/* Words with "-" replaced by the words of standard input. */
struct words {
	char **list;
	size_t nr;
};

int words_expand(struct words *words, char **list, int nr);
void words_free(struct words *words);

/* fn for each device that the call's arguments name; the first status that is not 0 is
 * returned, but all devices are tried. */
int instance_each(const struct call *call,
		  int (*fn)(const struct call *call, struct control *control));

/* The same for fn that takes devices without a process as well, such as mdevs that
 * nobody serves; if the verb has CMD_ENDED, those of instance_find_ended(). word: as it was typed,
 * for errors. */
int instance_each_uuid(const struct call *call,
		       int (*fn)(const struct call *call, const char *word, const char *uuid));

/* Which device, other than except (NULL: any), has this name; "" if none has. 0, or the status of
 * a printed error. */
int instance_named(const char *name, const char *except, char uuid[UUID_SIZE]);

#endif /* MUSCTL_INSTANCE_H */
