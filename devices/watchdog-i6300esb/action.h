/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * action.h - what happens when time is up: nothing more than the event, the end of the device, or a
 * command. That is the text of whoever made the device; nothing of a guest's is in it.
 */
#ifndef MUSER_ACTION_H
#define MUSER_ACTION_H

#include <muser.h>

#define ACTION_ACCEPTS "event|exit|exec=COMMAND"

struct action {
	lm_ctx_t *ctx; /* set by the owner; the rest is zero at first */
	char text[1024];
	lm_watch_t *watch;
	pid_t pid; /* of the command, 0: none runs */
	int pidfd;
	bool skipped;
};

int action_set(struct action *a, const char *text); /* 0 or -EINVAL */
/* A command is run by sh -c, with the UUID of the device as $1 and nothing to read. Does not wait
 * for its end; while the one before runs there is no other. */
void action_take(struct action *a);
/* A command that runs goes on, for itself. */
void action_leave(struct action *a);

#endif /* MUSER_ACTION_H */
