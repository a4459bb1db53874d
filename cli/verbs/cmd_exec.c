/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_exec.c - musctl exec -- PROGRAM [ARGUMENT]...: starts a libmuser program as "create" starts a
 * built-in type: it learns its UUID from MUSER_UUID and, with --socket-path, its listening socket
 * from MUSER_LISTEN_FD. Prints the UUID once the device answers. Exit status: 0, 1, 2; 126, 127.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sockpath.h"

#include "dev/claim.h"
#include "dev/detach.h"
#include "dev/instance.h"
#include "dev/naming.h"
#include "dev/transport.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/out.h"
#include "ui/start.h"
#include "verbs/verbs.h"

#define HINT " (is it a libmuser program, and does it call lm_ctx_drive()?)"

struct exec_args {
	const char *uuid;
	const char *transport;
	const char *socket_path;
	unsigned int mode;
	bool foreground;
	uint64_t timeout_ns;
	/* of the call */
	char **words;
	char id[UUID_SIZE];
	int listen_fd;
	struct sockfile file; /* its */
	bool mdev;
};

static const struct opt exec_options[] = {
	{ 'u', "uuid", OPT_TEXT, offsetof(struct exec_args, uuid), "UUID",
	  "UUID of the device (default: a random one)" },
	{ 'T', "transport", OPT_CHOICE, offsetof(struct exec_args, transport), TRANSPORT_CHOICES,
	  TRANSPORT_HELP },
	{ 0, "socket-path", OPT_TEXT, offsetof(struct exec_args, socket_path), "PATH",
	  "where clients connect (default: in the runtime directory)", COMPLETE_FILE },
	{ 0, "mode", OPT_MODE, offsetof(struct exec_args, mode), "MODE",
	  "mode of that socket (default: 0600)" },
	{ 'f', "foreground", OPT_FLAG, offsetof(struct exec_args, foreground), NULL,
	  "become PROGRAM instead of starting it in the background" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct exec_args, timeout_ns), "SECONDS",
	  "how long to wait for the device (default: 10)" },
	{ 0 }
};

/* Returns only if PROGRAM cannot be executed. */
static int become(void *arg)
{
	struct exec_args *args = arg;
	const char number[] = { '0' + DETACH_FD, '\0' };

	setenv("MUSER_UUID", args->id, 1);
	transport_setenv(args->mdev);
	if (args->listen_fd >= 0)
		setenv("MUSER_LISTEN_FD", number, 1);
	else
		unsetenv("MUSER_LISTEN_FD");
	return start_program(args->words);
}

static int run_here(struct exec_args *args)
{
	if (out_line(args->id))
		return ST_FAILED;
	if (!detach_keep(args->listen_fd))
		return error(ST_FAILED, args->socket_path, "%s", strerror(errno));
	return become(args);
}

/* PROGRAM may know nothing of mdevs: with "auto" that is no fault. */
static int check_transport(struct exec_args *args, struct detached *d)
{
	if (!args->mdev || transport_is_mdev(args->id))
		return 0;
	args->mdev = false;
	if (!args->transport || !strcmp(args->transport, "auto"))
		return 0;
	detach_kill(d);
	return error(ST_FAILED, args->words[0], "its device is not an mdev (an older libmuser?)");
}

static int run_detached(struct exec_args *args, const struct claim *claim)
{
	const uint64_t timeout = args->timeout_ns ? args->timeout_ns : DETACH_TIMEOUT_NS;
	struct detached d = { .program = args->words[0], .hint = HINT };
	int status;

	status = detach_start(&d, args->listen_fd, become, args);
	if (status)
		return status;
	status = detach_wait(&d, args->id, timeout);
	if (!status)
		status = check_transport(args, &d);
	if (!status && args->mdev)
		status = claim_wait(claim, &d, timeout);
	if (status == DETACH_ENDED)
		return detach_died(&d);
	if (!status)
		status = naming_check_device(args->words[0], args->id);
	if (!status)
		return detach_print(&d, args->id);
	detach_kill(&d);
	return status;
}

/* In the foreground PROGRAM keeps the claim's lock, and the mdev goes with it. */
static int run_claimed(struct exec_args *args)
{
	struct claim claim;
	int status = claim_take(&claim, args->id);

	if (status)
		return status;
	if (args->foreground)
		claim_keep(&claim);
	status = args->foreground ? run_here(args) : run_detached(args, &claim);
	if (status || !args->mdev)
		claim_drop(&claim);
	else
		claim_settle(&claim);
	return status;
}

static int run_on_socket(struct exec_args *args)
{
	const char *path = args->socket_path;
	int status;

	if (!path && args->mode)
		return error_usage("--mode", "needs --socket-path");
	if (path)
		args->listen_fd = sockpath_listen(path, args->mode ?: 0600, 0, &args->file);
	if (path && args->listen_fd < 0)
		return error(ST_FAILED, path, "%s", strerror(-args->listen_fd));
	if (path && strlen(path) > SOCKPATH_MAX)
		error(0, path,
		      "no client can connect to a path of %zu bytes, %zu at most (use a "
		      "shorter --socket-path)",
		      strlen(path), SOCKPATH_MAX);
	status = args->foreground ? run_here(args) : run_detached(args, NULL);
	if (status && path)
		sockfile_remove(&args->file);
	return status;
}

static int run(const struct call *call)
{
	struct exec_args *args = call->args;
	const struct transport t = { args->transport, args->uuid,
				     args->socket_path ? "--socket-path" :
				     args->mode        ? "--mode" :
							 NULL };
	int status;

	args->words = call->words;
	uuid_random(args->id);
	if (args->uuid && !uuid_canonical(args->uuid, args->id))
		return error(ST_USAGE, args->uuid, "is not a UUID (8-4-4-4-12 hexadecimal digits)");
	if (args->foreground && args->timeout_ns)
		return error_usage(NULL, "--foreground and --timeout are mutually exclusive");
	status = transport_choose(&t, &args->mdev);
	if (status)
		return status;
	return args->mdev ? run_claimed(args) : run_on_socket(args);
}

const struct cmd cmd_exec = {
	.name = "exec",
	.summary = "start a libmuser program as a device",
	.args = (const struct arg[]){ { "PROGRAM", COMPLETE_COMMAND },
				      { "ARGUMENT", COMPLETE_FILE, ARG_OPTIONAL | ARG_MANY },
				      { 0 } },
	.options = exec_options,
	.size = sizeof(struct exec_args),
	.defaults = &(const struct exec_args){ .listen_fd = -1 },
	.flags = CMD_PREFIX,
	.fn = run,
};
