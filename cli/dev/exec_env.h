/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exec_env.h - what a program that is a device is given by exec: options, names and its socket, by
 * the environment.
 */
#ifndef MUSCTL_EXEC_ENV_H
#define MUSCTL_EXEC_ENV_H

#include "base/sockpath.h"

struct device_process;

struct exec_env {
	int listen_fd; /* -1: the program makes its socket */
	struct sockfile file;
	char *options; /* one a line */
};

/* 0, or the status of a printed error. */
int exec_env_new(struct exec_env *env, const struct device_process *host);
void exec_env_free(struct exec_env *env);
void exec_env_undo(struct exec_env *env); /* no program came of it: the socket goes */
/* In the process that becomes the program. */
void exec_env_set(const struct exec_env *env, const struct device_process *host, const char *uuid);

#endif /* MUSCTL_EXEC_ENV_H */
