/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.h - the state of the process that every verb, and all that it starts, begins with.
 */
#ifndef MUSCTL_START_H
#define MUSCTL_START_H

/* Once, before anything else: undoes what whoever started us left to us of signals and of
 * missing descriptors. */
void start_known(void);

/* Becomes a program, which need not know of the signals that we ignore. Returns only if it cannot
 * be executed: the exit status of a printed error. */
int start_program(char **words);

/* Catches SIGHUP, unless it came ignored: nohup(1) means it. */
void start_on_hangup(void (*handler)(int sig));

#endif /* MUSCTL_START_H */
