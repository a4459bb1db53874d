/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_list.c - musctl list: the devices that are there. One that does not answer is
 * listed as hung, an mdev without a device process as no-server, one with somebody else's as
 * served; one that goes while it is asked is left out. With --all those as well that have ended, as
 * long as there is a log of them. Exit status: 0, 1, 2.
 */
#include "dev/claim.h"
#include "dev/instance.h"
#include "dev/list_row.h"
#include "dev/logs.h"
#include "ui/out.h"
#include "verbs/verbs.h"

struct list_args {
	bool all;
};

static const struct opt list_options[] = {
	{ 'a', "all", OPT_FLAG, offsetof(struct list_args, all), NULL,
	  "list devices as well that have ended and have a log" },
	{ 0 }
};

static int list(const struct call *original)
{
	const struct list_args *args = original->args;
	struct call call = *original;
	struct uuid_list devices;
	struct out *out;
	int status;
	size_t i;

	if (args->all && !call.format.columns && !call.format.all)
		call.format.columns = "+END";
	status = out_begin(&out, &call, "devices");
	if (status)
		return status;
	claim_sweep();
	status = instance_list(&devices);
	if (!status)
		instance_list_mdevs(&devices);
	if (!status && args->all)
		logs_list(&devices);
	for (i = 0; i < devices.nr && !status; i++)
		list_row_print(out, devices.uuids[i], args->all);
	uuid_list_free(&devices);
	out_finish(out, status);
	return status;
}

const struct cmd cmd_list = {
	.name = "list",
	.summary = "list the devices of this host",
	.columns = list_columns,
	.options = list_options,
	.size = sizeof(struct list_args),
	.fn = list,
};
