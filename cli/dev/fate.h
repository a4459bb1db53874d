/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fate.h - how a device process has ended, as far as somebody can know who is not its
 * parent.
 */
#ifndef MUSCTL_FATE_H
#define MUSCTL_FATE_H

#include <stdbool.h>
#include <sys/types.h>

#define FATE_TEXT 64

struct fate {
	pid_t pid;
	int pidfd; /* -1: none */
	/* After fate_learn(): */
	bool is_known;        /* from the kernel, and no guess */
	char text[FATE_TEXT]; /* "killed by SIGABRT" */
};

/* While the device lives, as a process id means nothing afterwards. */
void fate_watch(struct fate *fate, pid_t pid);

/* When its connection has closed without a word: waits for the end of the process, a
 * second at most. An exit status: 0 if it exited with 0. */
int fate_learn(struct fate *fate);

/* A status of waitpid(2) in words: "killed by SIGABRT", "exited with status 1". */
void fate_describe(int status, char text[FATE_TEXT]);
void fate_signal(int sig, char text[FATE_TEXT]); /* "SIGABRT" */

void fate_close(struct fate *fate);

#endif /* MUSCTL_FATE_H */
