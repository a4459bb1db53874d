/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * command.h - the command that a device lives for, one a process: of "run TYPE -- COMMAND" and
 * "exec --command". It finds the device by MUSER_UUID and MUSER_SOCKET.
 */
#ifndef MUSCTL_COMMAND_H
#define MUSCTL_COMMAND_H

struct detached;

/* socket: NULL: the device has none. From now on SIGTERM and SIGHUP are the command's, SIGINT comes
 * to it from the terminal, and a handler calls ended() when it has ended. 0, or the status of a
 * printed error. */
int command_start(char **words, const char *uuid, const char *socket, void (*ended)(int sig));
/* Waits for its end: its exit status, or 128 + signal. otherwise: if none was started. */
int command_status(const char *name, int otherwise);
/* All of it, by sh(1), for a device that is ready: its process ends with the command, and what it
 * says meanwhile is passed on. The status of the command, or, if that is 0, of a printed error. */
int command_run(const char *text, struct detached *d);

#endif /* MUSCTL_COMMAND_H */
