/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_process.c - the device process. From options to a description, from that to a context that
 * is served until a signal or a control request stops it. It knows nothing about what
 * devices do.
 */
#include "dev/device_process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../devices/devices.h"

#include "base/log_level.h"
#include "base/name_fault.h"
#include "base/option.h"
#include "dev/instance.h"
#include "dev/naming.h"
#include "dev/transport.h"
#include "program.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/hold.h"
#include "ui/start.h"

const struct opt host_options[] = {
	{ 'u', "uuid", OPT_TEXT, offsetof(struct device_process, uuid), "UUID",
	  "UUID of the device (default: a random one)" },
	{ 0, "name", OPT_TEXT, offsetof(struct device_process, name), "NAME",
	  "name of the device, usable like its UUID" },
	{ 'T', "transport", OPT_CHOICE, offsetof(struct device_process, transport),
	  TRANSPORT_CHOICES, TRANSPORT_HELP },
	{ 0, "socket-path", OPT_TEXT, offsetof(struct device_process, socket_path), "PATH",
	  "where clients connect (default: in the runtime directory)", COMPLETE_FILE },
	{ 0, "mode", OPT_MODE, offsetof(struct device_process, mode), "MODE",
	  "mode of the socket (default: 0600; with --group 0660)" },
	{ 0, "group", OPT_TEXT, offsetof(struct device_process, group), "GROUP",
	  "group of the client socket", COMPLETE_GROUP },
	{ 0, "no-mmap", OPT_FLAG, offsetof(struct device_process, no_mmap), NULL,
	  "trap every access, so that a trace sees it" },
	{ 0 }
};

/* Of the one device that this process hosts. */
static lm_ctx_t *served;
static const char *starting; /* its type, until it is served */
static char start_error[512];

/* ---- from options to a description ----------------------------------------------- */

static int set_option(struct device_process *host, const char *option)
{
	struct option_fault fault;
	const int err = option_set(&host->info, option, &fault);

	if (err == -ENOENT)
		return error(ST_USAGE, fault.object, "%s (musctl types %s lists them)", fault.text,
			     host->type->name);
	if (err)
		return error(err == -EINVAL || err == -EPERM ? ST_USAGE : ST_FAILED, fault.object,
			     "%s", fault.text);
	return 0;
}

static int set_group(struct device_process *host)
{
	const char *fault = option_set_group(&host->info, host->group);

	return fault ? error(ST_USAGE, host->group, "%s", fault) : 0;
}

/* An option that was given and that only a socket which is made here has. */
static const char *bound_option(const struct device_process *host)
{
	if (host->socket_path)
		return "--socket-path";
	if (host->mode)
		return "--mode";
	return host->group ? "--group" : NULL;
}

static int set_fd(struct device_process *host)
{
	const char *other = bound_option(host), *fault;

	if (other)
		return error_usage(NULL, "--fd and %s are mutually exclusive", other);
	fault = option_set_fd(&host->info, host->fd);
	return fault ? error(ST_USAGE, "--fd", "%d %s", host->fd, fault) : 0;
}

/* Of errors at the start the first one is the cause. */
static void log_line(void *pvt, int level, const char *msg)
{
	if (starting && level == LM_LOG_ERR && *start_error)
		return;
	if (starting && level == LM_LOG_ERR)
		snprintf(start_error, sizeof(start_error), "%s", msg);
	else
		error(0, served ? lm_ctx_uuid(served) : starting, "%s", msg);
}

static int check_texts(struct device_process *host)
{
	static char uuid[UUID_SIZE];
	const char *fault;

	if (host->uuid && !uuid_canonical(host->uuid, uuid))
		return error(ST_USAGE, host->uuid, "is not a UUID (8-4-4-4-12 hexadecimal digits)");
	if (host->uuid)
		host->uuid = uuid;
	fault = host->name ? name_fault(host->name) : NULL;
	return fault ? error(ST_USAGE, "--name", "'%s': %s", host->name, fault) : 0;
}

static int set_transport(struct device_process *host)
{
	/* An option that was given and that only a socket has. */
	const char *socket = host->fd >= 0 ? "--fd" : bound_option(host);
	const struct transport t = { host->transport, host->uuid, socket };
	int status = transport_choose(&t, &host->mdev);

	/* said by the flag, not by the environment of whoever called us */
	unsetenv("MUSER_TRANSPORT");
	if (host->mdev)
		host->info.flags |= LM_DEV_MDEV;
	return status;
}

int device_process_check(struct device_process *host)
{
	int status = check_texts(host);

	if (!status && host->group)
		status = set_group(host);
	if (!status && host->fd >= 0)
		status = set_fd(host);
	return status ?: set_transport(host);
}

static int describe(struct device_process *host)
{
	struct option_fault fault;
	int status = device_process_check(host);
	const char *level;
	unsigned int i;

	if (!status && (option_set_defaults(&host->info, &fault) ||
			option_set_environment(&host->info, &fault)))
		status = error(ST_FAILED, fault.object, "%s", fault.text);
	for (i = 0; i < host->options.nr && !status; i++)
		status = set_option(host, host->options.items[i]);
	host->info.log_level = log_level_wanted(&level);
	if (!status && host->info.log_level < 0)
		status = error(ST_USAGE, LOG_LEVEL_VARIABLE, "'%s' is not one of %s", level,
			       LOG_LEVEL_NAMES);
	return status;
}

int device_process_prepare(struct device_process *host, const char *type)
{
	int status;

	host->naming = -1;
	host->type = device_find(type);
	if (!host->type)
		return error(ST_USAGE, type, "no such type (musctl types lists them)");
	if (device_new(host->type, &host->device))
		return error(ST_FAILED, type, "out of memory");
	host->info = *host->type->info;
	host->info.pvt = host->device;
	status = describe(host);
	if (status) {
		device_process_free(host);
		return status;
	}
	host->info.uuid = host->uuid;
	host->info.name = host->name;
	host->info.socket_path = host->socket_path;
	host->info.socket_mode = host->mode;
	host->info.flags |= host->no_mmap ? LM_DEV_NO_MMAP : 0;
	host->info.log = log_line;
	/* Nobody else can take it until the device has it, or device_process_free(). */
	status = host->name ? naming_begin(&host->naming) : 0;
	if (!status && host->name)
		status = naming_check("--name", host->name, NULL);
	if (status)
		device_process_free(host);
	return status;
}

void device_process_free(struct device_process *host)
{
	naming_end(&host->naming);
	device_free(host->type, host->device);
	host->device = NULL;
}

/* ---- serving --------------------------------------------------------------------- */

/* Only members can give a socket to a group; root can. */
static bool is_member(gid_t gid)
{
	static gid_t groups[NGROUPS_MAX];
	int nr = getgroups(NGROUPS_MAX, groups);

	while (nr > 0 && groups[nr - 1] != gid)
		nr--;
	return nr > 0 || gid == getegid();
}

static int start(struct device_process *host, lm_ctx_t **ctx)
{
	int err;

	program_prepare();
	starting = host->type->name;
	start_error[0] = '\0';
	*ctx = lm_ctx_create(&host->info);
	err = -errno;
	starting = NULL;
	if (!*ctx && err == -EPERM && host->group && !is_member(host->info.socket_gid - 1))
		return error(ST_FAILED, "--group",
			     "this user is not a member of %s: the socket "
			     "cannot be given to it",
			     host->group);
	if (!*ctx)
		return error(ST_FAILED, host->type->name, "%s",
			     start_error[0] ? start_error : strerror(-err));
	return 0;
}

int device_process_serve(struct device_process *host, int (*ready)(void *arg, lm_ctx_t *ctx),
			 void *arg)
{
	const char *why = NULL;
	lm_ctx_t *ctx;
	int status;

	status = start(host, &ctx);
	if (status)
		return status;
	naming_end(&host->naming);
	served = ctx;
	program_stop_by_signals(ctx);
	start_on_hangup(program_stop);
	hold_end();
	status = ready ? ready(arg, ctx) : 0;
	if (!status)
		status = program_end(lm_ctx_drive(ctx), &why);
	if (why)
		error(0, lm_ctx_uuid(ctx), "%s", why);
	program_stop_by_signals(NULL);
	served = NULL;
	lm_ctx_destroy(ctx);
	return status;
}
