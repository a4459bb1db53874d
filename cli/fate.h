/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fate.h - how a device process has ended, as far as somebody can know who is not its
 * parent.
 */
#ifndef MUSCTL_FATE_H
#define MUSCTL_FATE_H

#include <stdbool.h>
#include <sys/types.h>

struct control;

struct fate {
	pid_t pid;
	int   pidfd;    /* -1: none */
	char  text[64]; /* after fate_learn(): "killed by SIGABRT" */
};

/* While the device lives, as a process id means nothing afterwards. */
void fate_watch(struct fate *fate, const struct control *control);

/* When its connection has closed without a word: waits for the end of the process, a
 * second at most. An exit status: 0 if it exited with 0. */
int fate_learn(struct fate *fate);

void fate_close(struct fate *fate);

#endif /* MUSCTL_FATE_H */
