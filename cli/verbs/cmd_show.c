/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_show.c - musctl show UUID...: everything about a device, or how to connect a
 * virtual machine to it. Of an mdev without a device process, what the kernel knows. Exit
 * status: 0, 1, 2, 3, 4.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bus.h"
#include "base/json.h"
#include "muser-instance.h"

#include "dev/cmdline.h"
#include "dev/control.h"
#include "dev/device_json.h"
#include "dev/instance.h"
#include "dev/mdev_json.h"
#include "mdev/mdev.h"
#include "ui/error.h"
#include "ui/names.h"
#include "ui/value.h"
#include "verbs/verbs.h"

struct show_args {
	const char *who;        /* --cmdline */
	struct cmdline cmdline; /* the devices for it */
};

static const struct opt show_options[] = { { 0, "cmdline", OPT_CHOICE,
					     offsetof(struct show_args, who), CMDLINE_CHOICES,
					     "print the options that connect a virtual machine" },
					   { 0 } };

static int add_cmdline(struct cmdline *cmdline, struct json_object *device,
		       struct json_object *mdev)
{
	const char *socket = value_text(device, "socket");

	if (names_of(device).not_pci)
		return error(ST_UNSUPPORTED, value_text(device, "uuid"),
			     NOT_PCI ": virtual machine monitors take no other");
	if (mdev)
		return cmdline_add(cmdline, value_text(mdev, "uuid"), NULL);
	if (!socket)
		return error(ST_UNSUPPORTED, value_text(device, "uuid"),
			     "has no client socket with a path (it was inherited)");
	return cmdline_add(cmdline, value_text(device, "uuid"), socket);
}

/* Stopped, by a debugger or in a loop: what can be known without its help. */
static int show_hung(const struct call *call, struct control *control, const char *uuid)
{
	struct json_object *device = json_new_object(), *mdev = mdev_json_new(uuid);
	char text[64];
	int status;

	json_add_string(device, "uuid", uuid);
	if (!lm_instance_label(uuid, "name", text, sizeof(text)))
		json_add_string(device, "name", text);
	if (!lm_instance_label(uuid, "type", text, sizeof(text)))
		json_add_string(device, "type", text);
	json_add_string(device, "state", "hung");
	json_add_int(device, "pid", control_pid(control));
	if (call->format.json)
		status = device_json_print(NULL, device, mdev);
	else
		status = device_json_page(call, NULL, device, mdev);
	json_free(device);
	json_free(mdev);
	return status ? status : control_report(control, NULL, -ETIMEDOUT);
}

static int show_parts(const struct call *call, struct control *control, const char *uuid)
{
	struct show_args *args = call->args;
	struct json_object *device = NULL, *mdev = NULL;
	int status = 0, err = control ? instance_ask(control, &device) : 0;
	const char *transport = value_text(device, "transport");

	if (err == -ETIMEDOUT && !args->who)
		return show_hung(call, control, uuid);
	if (err)
		return control_report(control, NULL, err);
	/* An mdev of the same UUID says nothing of a device that is reached by a socket. */
	if (!transport || strcmp(transport, "vfio-user"))
		mdev = mdev_json_new(uuid);
	if (!device && !mdev)
		status = instance_report(uuid, -ENOENT);
	else if (args->who)
		status = add_cmdline(&args->cmdline, device, mdev);
	else if (call->format.json)
		status = device_json_print(control, device, mdev);
	else
		status = device_json_page(call, control, device, mdev);
	json_free(mdev);
	return status;
}

static int show_one(const struct call *call, const char *word, const char *uuid)
{
	struct control *control = NULL;
	int status, err = control_open(uuid, &control);

	if (err && (err != -ENOENT || !mdev_exists(uuid)))
		return instance_report(word, err);
	status = show_parts(call, err ? NULL : control, uuid);
	if (!err)
		control_close(control);
	return status;
}

static int show(const struct call *call)
{
	struct show_args *args = call->args;
	int status;

	if (args->who && call->format.json)
		return error_usage(NULL, "--cmdline and --json are mutually exclusive");
	status = instance_each_uuid(call, show_one);
	if (args->who && !status) /* a virtual machine without some of them is another one */
		status = cmdline_print(&args->cmdline, args->who);
	cmdline_free(&args->cmdline);
	return status;
}

const struct cmd cmd_show = {
	.name = "show",
	.summary = "show everything about a device",
	.more = "Over vfio-user guest memory must be shared (share=on): with a memfd that\n"
		"is not, the device's DMA is silently lost.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE, ARG_MANY }, { 0 } },
	.options = show_options,
	.size = sizeof(struct show_args),
	.flags = CMD_DEVICE | CMD_JSON,
	.fn = show,
};
