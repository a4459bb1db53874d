/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exec_env.h - what a program that is a device is given by exec, by the environment: options,
 * names, where its socket is to be.
 */
#ifndef MUSCTL_EXEC_ENV_H
#define MUSCTL_EXEC_ENV_H

struct device_process;

struct exec_env {
	char *options;     /* one a line */
	char *socket_path; /* from the root; NULL: none was asked for */
};

/* 0, or the status of a printed error. */
int exec_env_new(struct exec_env *env, const struct device_process *host);
void exec_env_free(struct exec_env *env);
/* No device came of it: nor is its socket left, if it has no handler for what ended it. */
void exec_env_undo(struct exec_env *env);
/* In the process that becomes the program. */
void exec_env_set(const struct exec_env *env, const struct device_process *host, const char *uuid);
/* Once the device answers: does it listen where it was told to? 0, or the status of a printed
 * error. */
int exec_env_check(const struct exec_env *env, const char *program, const char *uuid);

#endif /* MUSCTL_EXEC_ENV_H */
