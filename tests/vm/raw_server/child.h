/* SPDX-License-Identifier: BSD-3-Clause */
/* child.h - processes that share the file with a server, and are none. */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

/*
 * Before MUSER_START: a child goes on, which is to be the server. The parent waits for messages,
 * and ends: 0 if it was refused.
 */
void child_detach(int file);

/*
 * A child that stays. With the file, it tries that whenever it gets SIGUSR1, and prints
 * "refused: ", then a digit for each call: 1: EPERM; the last: poll(2) says POLLERR. Or it polls,
 * to be woken in place of others.
 */
enum child_how { CHILD_WITHOUT = 1, CHILD_WITH, CHILD_POLLS };

pid_t child_start(int file, enum child_how how);

#endif
