/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_run.c - musctl run TYPE [-O KEY=VALUE]... [-- COMMAND...]: the device in the
 * foreground, by the vfio-user specification's "Backend Program Conventions":
 * --socket-path, --fd, SIGTERM, no daemonizing. With COMMAND the device lives as long as
 * that. Exit status: 0, 1, 2, or the command's, 126 and 127 as of env(1).
 */
#include "program.h"

#include "dev/claim.h"
#include "dev/command.h"
#include "dev/device_process.h"
#include "dev/instance.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/out.h"
#include "verbs/verbs.h"

struct run_args {
	struct device_process host;
};

static const struct opt run_options[] = { HOST_OPTION_OF_TYPE,
					  { 0, "fd", OPT_FD, offsetof(struct run_args, host.fd),
					    "FDNUM", "inherited socket (connected or listening)" },
					  { 0 } };

static int start_command(void *arg, lm_ctx_t *ctx)
{
	return command_start(arg, lm_ctx_uuid(ctx), lm_ctx_socket(ctx), program_stop);
}

static int print_uuid(void *arg, lm_ctx_t *ctx)
{
	return out_line(lm_ctx_uuid(ctx));
}

static int serve(const struct call *call)
{
	struct run_args *args = call->args;
	bool command = call->nr_words > call->nr_before;

	return device_process_serve(&args->host, command ? start_command : print_uuid,
				    call->words + call->nr_before);
}

/* The mdev goes with us; if we are killed, whoever finds our lock released removes it. */
static int serve_claimed(const struct call *call)
{
	struct run_args *args = call->args;
	char uuid[UUID_SIZE];
	struct claim claim;
	int status;

	uuid_random(uuid);
	if (!args->host.uuid)
		args->host.info.uuid = args->host.uuid = uuid;
	status = claim_take(&claim, args->host.uuid);
	if (status)
		return status;
	status = serve(call);
	claim_drop(&claim);
	return status;
}

static int run(const struct call *call)
{
	struct run_args *args = call->args;
	int status;

	status = device_process_prepare(&args->host, call->words[0]);
	if (status)
		return status;
	status = args->host.mdev ? serve_claimed(call) : serve(call);
	device_process_free(&args->host);
	return command_status(call->words[call->nr_before], status);
}

const struct cmd cmd_run = {
	.name = "run",
	.summary = "run a device in the foreground",
	.more = "Prints the UUID and serves until SIGTERM or SIGINT. With COMMAND,\n"
		"prints nothing and serves until COMMAND ends, which finds MUSER_UUID\n"
		"and MUSER_SOCKET in its environment.",
	.args = (const struct arg[]){ { "TYPE", COMPLETE_TYPE },
				      { "COMMAND", COMPLETE_COMMAND,
					ARG_OPTIONAL | ARG_MANY | ARG_COMMAND },
				      { 0 } },
	.options = run_options,
	.shared = host_options,
	.size = sizeof(struct run_args),
	.defaults = &(const struct run_args){ .host.fd = -1 },
	.fn = run,
};
