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
#include <unistd.h>

#include "base/dir.h"
#include "base/option.h"
#include "base/sockpath.h"

#include "dev/control.h"
#include "dev/device_process.h"
#include "dev/instance.h"
#include "dev/transport.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/value.h"

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

int exec_env_new(struct exec_env *env, const struct device_process *host)
{
	int status;

	*env = (struct exec_env){ NULL };
	status = join_options(env, host);
	if (status || !host->socket_path)
		return status;
	env->socket_path = dir_absolute(host->socket_path);
	return env->socket_path ? 0 : error(ST_FAILED, NULL, "out of memory");
}

void exec_env_free(struct exec_env *env)
{
	free(env->options);
	free(env->socket_path);
	*env = (struct exec_env){ NULL };
}

/* A stale one is replaced by ours, and that is removed. */
void exec_env_undo(struct exec_env *env)
{
	struct sockfile file;
	const int fd = env->socket_path ? sockpath_listen(env->socket_path, 0600, 0, &file) : -1;

	if (fd < 0)
		return;
	sockfile_remove(&file);
	close(fd);
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
	char mode[8];

	snprintf(mode, sizeof(mode), "%o", host->mode);
	set_or_unset("MUSER_UUID", uuid);
	set_or_unset("MUSER_NAME", host->name);
	set_or_unset("MUSER_OPTIONS", env->options);
	set_or_unset("MUSER_SOCKET_MODE", host->mode ? mode : NULL);
	set_or_unset("MUSER_SOCKET_GROUP", host->group);
	set_or_unset("MUSER_NO_MMAP", host->no_mmap ? "1" : NULL);
	set_or_unset("MUSER_SOCKET_PATH", env->socket_path);
	unsetenv("MUSER_LISTEN_FD");
	transport_setenv(host->mdev);
}

/* PROGRAM may have a socket of its own, which nobody looks for. */
int exec_env_check(const struct exec_env *env, const char *program, const char *uuid)
{
	const char *path = env->socket_path, *socket;
	struct json_object *device;
	struct control *control;
	int status;

	if (!path)
		return 0;
	status = instance_show(uuid, &control, &device);
	if (status)
		return status;
	socket = value_text(device, "socket");
	if (!socket || strcmp(socket, path))
		status =
			error(ST_FAILED, program,
			      "its device does not listen at %s (it has a socket of its own, or an "
			      "older libmuser)",
			      path);
	control_close(control);
	return status;
}
