/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exec_env.c - see exec_env.h. The variables are those of libmuser(3); what was not asked for is
 * not inherited either.
 */
#include "dev/exec_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "dev/detach.h"
#include "dev/device_process.h"
#include "dev/transport.h"
#include "ui/call.h"
#include "ui/error.h"

/* What they mean is for the program to say. */
static int join_options(struct exec_env *env, const struct device_process *host)
{
	const struct opt_list *list = &host->options;
	struct option_fault fault;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < list->nr && !ret; i++)
		ret = option_join(&env->options, list->items[i], &fault);
	if (!ret)
		return 0;
	return error(ret == -EINVAL ? ST_USAGE : ST_FAILED, fault.object, "%s", fault.text);
}

static int listen_at(struct exec_env *env, const struct device_process *host)
{
	const char *path = host->socket_path;
	const uint32_t gid = host->info.socket_gid;

	env->listen_fd = sockpath_listen(path, host->mode ?: gid ? 0660 : 0600, gid, &env->file);
	if (env->listen_fd < 0)
		return error(ST_FAILED, path, "%s", strerror(-env->listen_fd));
	if (strlen(path) > SOCKPATH_MAX)
		error(0, path,
		      "no client can connect to a path of %zu bytes, %zu at most (use a "
		      "shorter --socket-path)",
		      strlen(path), SOCKPATH_MAX);
	return 0;
}

int exec_env_new(struct exec_env *env, const struct device_process *host)
{
	int status;

	*env = (struct exec_env){ .listen_fd = -1 };
	status = join_options(env, host);
	if (!status && host->socket_path)
		status = listen_at(env, host);
	if (status)
		exec_env_free(env);
	return status;
}

void exec_env_free(struct exec_env *env)
{
	free(env->options);
	env->options = NULL;
}

void exec_env_undo(struct exec_env *env)
{
	if (env->listen_fd >= 0)
		sockfile_remove(&env->file);
}

static void set_or_unset(const char *variable, const char *value)
{
	if (value)
		setenv(variable, value, 1);
	else
		unsetenv(variable);
}

/* What it is called and how it is served, as libmuser(3) has it. */
void exec_env_set(const struct exec_env *env, const struct device_process *host, const char *uuid)
{
	const char number[] = { '0' + DETACH_FD, '\0' };
	char mode[8];

	snprintf(mode, sizeof(mode), "%o", host->mode);
	set_or_unset("MUSER_UUID", uuid);
	set_or_unset("MUSER_NAME", host->name);
	set_or_unset("MUSER_OPTIONS", env->options);
	set_or_unset("MUSER_SOCKET_MODE", host->mode && !host->socket_path ? mode : NULL);
	set_or_unset("MUSER_SOCKET_GROUP", host->socket_path ? NULL : host->group);
	set_or_unset("MUSER_NO_MMAP", host->no_mmap ? "1" : NULL);
	set_or_unset("MUSER_LISTEN_FD", env->listen_fd >= 0 ? number : NULL);
	transport_setenv(host->mdev);
}
