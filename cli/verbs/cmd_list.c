/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_list.c - musctl list [UUID]...: the devices that are there, or these. One that does not
 * answer is listed as hung, an mdev without a device process as no-server, one with somebody
 * else's as served; one that goes while it is asked is left out. With --all those as well that
 * have ended, as long as there is a log of them. Exit status: 0, 1, 2, 3.
 */
#include "dev/claim.h"
#include "dev/instance.h"
#include "dev/list_row.h"
#include "dev/logs.h"
#include "ui/out.h"
#include "verbs/verbs.h"

struct list_args {
	bool all;
	struct out *out; /* of the call */
};

static const struct opt list_options[] = {
	{ 'a', "all", OPT_FLAG, offsetof(struct list_args, all), NULL,
	  "list devices as well that have ended and have a log" },
	{ 0 }
};

static int list_all(const struct list_args *args)
{
	struct uuid_list devices;
	int status = instance_list(&devices);
	size_t i;

	if (!status)
		instance_list_mdevs(&devices);
	if (!status && args->all)
		logs_list(&devices);
	for (i = 0; i < devices.nr && !status; i++)
		list_row_print(args->out, devices.uuids[i], args->all);
	uuid_list_free(&devices);
	return status;
}

static int list_one(const struct call *call, const char *word, const char *uuid)
{
	const struct list_args *args = call->args;
	const int err = list_row_print(args->out, uuid, args->all);

	if (!err)
		return 0;
	return args->all ? instance_report_ended(word) : instance_report(word, err);
}

static int list(const struct call *original)
{
	struct list_args *args = original->args;
	struct cmd cmd = *original->cmd;
	struct call call = *original;
	int status;

	call.cmd = &cmd;
	if (args->all)
		cmd.flags |= CMD_ENDED;
	if (args->all && !call.format.columns && !call.format.all)
		call.format.columns = "+END";
	status = out_begin(&args->out, &call, "devices");
	if (status)
		return status;
	claim_sweep();
	status = call.nr_words ? instance_each_uuid(&call, list_one) : list_all(args);
	out_finish(args->out, status);
	return status;
}

const struct cmd cmd_list = {
	.name = "list",
	.summary = "list the devices of this host",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE, ARG_OPTIONAL | ARG_MANY }, { 0 } },
	.columns = list_columns,
	.options = list_options,
	.size = sizeof(struct list_args),
	.flags = CMD_DEVICE,
	.fn = list,
};
