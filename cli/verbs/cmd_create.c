/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_create.c - musctl create TYPE [-O KEY=VALUE]...: a device in the background. Prints
 * its UUID alone, once a client can connect; else the device process's own message, and
 * nothing is left behind, no mdev either. Exit status: 0, 1, 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../devices/devices.h"
#include "base/dir.h"
#include "base/env.h"

#include "dev/claim.h"
#include "dev/detach.h"
#include "dev/device_process.h"
#include "dev/instance.h"
#include "ui/call.h"
#include "ui/error.h"
#include "verbs/verbs.h"

struct create_args {
	struct device_process host;
};

static const struct opt create_options[] = { HOST_OPTION_OF_TYPE, { 0 } };

/* The device process leaves the current directory. */
static void make_runtime_absolute(void)
{
	const char *runtime = env_get("MUSER_RUNTIME_DIR");
	char *whole = runtime ? dir_absolute(runtime) : NULL;

	if (whole)
		setenv("MUSER_RUNTIME_DIR", whole, 1);
	free(whole);
}

static int be_device(void *arg)
{
	struct device_process *host = arg;

	host->naming = -1; /* our parent holds it */
	if (chdir("/"))
		return error(ST_FAILED, "/", "%s", strerror(errno));
	return device_process_serve(host, NULL, NULL);
}

static int start(struct device_process *host, const struct claim *claim)
{
	struct detached d = { .uuid = host->uuid, .program = host->type->name };
	int status;

	status = detach_start(&d, be_device, host);
	if (status)
		return status;
	status = detach_wait(&d, DETACH_TIMEOUT_NS);
	if (!status && claim)
		status = claim_wait(claim, &d, DETACH_TIMEOUT_NS);
	if (status == DETACH_ENDED)
		return detach_died(&d);
	if (status)
		return status;
	return detach_print(&d);
}

/* As an mdev: made before the process that serves it, gone if that fails. */
static int start_claimed(struct device_process *host)
{
	struct claim claim;
	int status = claim_take(&claim, host->uuid);

	if (status)
		return status;
	status = start(host, &claim);
	if (status)
		claim_drop(&claim);
	else
		claim_settle(&claim);
	return status;
}

static int create(const struct call *call)
{
	struct create_args *args = call->args;
	struct device_process *host = &args->host;
	char uuid[UUID_SIZE], *path = NULL;
	int status;

	uuid_random(uuid);
	if (host->socket_path) {
		path = dir_absolute(host->socket_path);
		if (!path)
			return error(ST_FAILED, NULL, "out of memory");
		host->socket_path = path;
	}
	status = device_process_prepare(host, call->words[0]);
	if (!status) {
		make_runtime_absolute();
		if (!host->uuid)
			host->info.uuid = host->uuid = uuid;
		status = host->mdev ? start_claimed(host) : start(host, NULL);
		device_process_free(host);
	}
	free(path);
	return status;
}

const struct cmd cmd_create = {
	.name = "create",
	.summary = "create a device and print its UUID",
	.args = (const struct arg[]){ { "TYPE", COMPLETE_TYPE }, { 0 } },
	.options = create_options,
	.shared = host_options,
	.size = sizeof(struct create_args),
	.defaults = &(const struct create_args){ .host.fd = -1 },
	.fn = create,
};
