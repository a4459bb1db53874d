/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_exec.c - musctl exec -- PROGRAM [ARGUMENT]...: starts a libmuser program as "create" starts a
 * built-in type. What is said of its device it learns from the environment, as libmuser(3) has it.
 * Prints the UUID once the device answers; or runs a command that it lives for. Exit status: 0, 1,
 * 2; 126, 127; that of the command.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dev/claim.h"
#include "dev/command.h"
#include "dev/detach.h"
#include "dev/device_process.h"
#include "dev/exec_env.h"
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
	struct device_process host;
	bool foreground;
	const char *command;
	uint64_t timeout_ns;
	/* of the call */
	char **words;
	char id[UUID_SIZE];
	struct exec_env env;
};

static const struct opt exec_options[] = {
	HOST_OPTION("option of the device (PROGRAM --help lists them)"),
	{ 'c', "command", OPT_TEXT, offsetof(struct exec_args, command), "COMMAND",
	  "run COMMAND by sh(1) and end the device with it", COMPLETE_COMMAND },
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

	exec_env_set(&args->env, &args->host, args->id);
	return start_program(args->words);
}

static int run_here(struct exec_args *args)
{
	if (out_line(args->id))
		return ST_FAILED;
	return become(args);
}

/* PROGRAM may know nothing of mdevs: with "auto" that is no fault. */
static int check_transport(struct exec_args *args, struct detached *d)
{
	if (!args->host.mdev || transport_is_mdev(args->id))
		return 0;
	args->host.mdev = false;
	if (!args->host.transport || !strcmp(args->host.transport, "auto"))
		return 0;
	detach_kill(d);
	return error(ST_FAILED, args->words[0], "its device is not an mdev (an older libmuser?)");
}

static int run_detached(struct exec_args *args, const struct claim *claim)
{
	const uint64_t timeout = args->timeout_ns ? args->timeout_ns : DETACH_TIMEOUT_NS;
	struct detached d = {
		.uuid = args->id,
		.program = args->words[0],
		.hint = HINT,
		.is_tied = args->command,
	};
	int status;

	status = detach_start(&d, become, args);
	if (status)
		return status;
	status = detach_wait(&d, timeout);
	if (!status)
		status = check_transport(args, &d);
	if (!status && args->host.mdev)
		status = claim_wait(claim, &d, timeout);
	if (status == DETACH_ENDED)
		return detach_died(&d);
	naming_end(&args->host.naming);
	if (!status)
		status = naming_check_device(args->words[0], args->id, args->host.name);
	if (!status)
		status = exec_env_check(&args->env, args->words[0], args->id);
	if (!status && args->command)
		return command_run(args->command, &d);
	if (!status)
		return detach_print(&d);
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
	if (status || args->command || !args->host.mdev)
		claim_drop(&claim);
	else
		claim_settle(&claim);
	return status;
}

static int run_on_socket(struct exec_args *args)
{
	const int status = args->foreground ? run_here(args) : run_detached(args, NULL);

	if (status || args->command)
		exec_env_undo(&args->env);
	return status;
}

static int check(struct exec_args *args)
{
	struct device_process *host = &args->host;
	int status = device_process_check(host);

	if (status)
		return status;
	if (args->foreground && args->timeout_ns)
		return error_usage(NULL, "--foreground and --timeout are mutually exclusive");
	if (args->foreground && args->command)
		return error_usage(NULL, "--foreground and --command are mutually exclusive");
	if (host->uuid)
		snprintf(args->id, sizeof(args->id), "%s", host->uuid);
	else
		uuid_random(args->id);
	if (host->name)
		status = naming_begin(&host->naming) ?: naming_check("--name", host->name, NULL);
	return status ?: exec_env_new(&args->env, host);
}

static int run(const struct call *call)
{
	struct exec_args *args = call->args;
	int status;

	args->words = call->words;
	status = check(args);
	if (!status)
		status = args->host.mdev ? run_claimed(args) : run_on_socket(args);
	naming_end(&args->host.naming);
	exec_env_free(&args->env);
	return status;
}

const struct cmd cmd_exec = {
	.name = "exec",
	.summary = "start a libmuser program as a device",
	.more = "Prints the UUID once the device answers. With --command prints nothing and\n"
		"runs COMMAND, which finds MUSER_UUID and MUSER_SOCKET in its environment;\n"
		"the device, and what PROGRAM has started, ends with it.",
	.args = (const struct arg[]){ { "PROGRAM", COMPLETE_COMMAND },
				      { "ARGUMENT", COMPLETE_FILE, ARG_OPTIONAL | ARG_MANY },
				      { 0 } },
	.options = exec_options,
	.shared = host_options,
	.size = sizeof(struct exec_args),
	.defaults = &(const struct exec_args){ .host = { .fd = -1, .naming = -1 } },
	.flags = CMD_PREFIX,
	.fn = run,
};
