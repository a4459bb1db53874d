/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * list_row.c - a device as a row: as it says itself, as its directory, the kernel, or its log says
 * of one that does not answer, or has ended.
 */
#include "dev/list_row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/json.h"
#include "muser-instance.h"

#include "dev/control.h"
#include "dev/fate.h"
#include "dev/instance.h"
#include "dev/log_file.h"
#include "dev/logs.h"
#include "mdev/mdev.h"
#include "ui/columns.h"
#include "ui/out.h"
#include "ui/value.h"

#define TIMEOUT_MS 2000

/* clang-format off */
enum {
	UUID, TYPE, NAME, TRANSPORT, STATE, CLIENT, PID, PROGRAM, SOCKET, ID, CLASS,
	DMA_WINDOWS, REQUESTS, TRACERS, VERSION, GROUP, END,
};
/* clang-format on */

const struct column list_columns[] = {
	[UUID] = { "UUID", 36, 0, "UUID of the device" },
	[TYPE] = { "TYPE", 11, 0, "type of the device" },
	[NAME] = { "NAME", 4, COLUMN_TRUNC, "name given at creation" },
	[TRANSPORT] = { "TRANSPORT", 9, COLUMN_WIDE, "how clients reach it: vfio-user, mdev" },
	[STATE] = { "STATE", 5, 0,
		    "waiting, attached, hung; no-server, served; exited, killed, ended" },
	[CLIENT] = { "CLIENT", 6, COLUMN_TRUNC, "process id and command of the client" },
	[PID] = { "PID", 5, COLUMN_RIGHT, "process id of the device" },
	[PROGRAM] = { "PROGRAM", 8, COLUMN_EXTRA, "program of the device process" },
	[SOCKET] = { "SOCKET", 20, COLUMN_EXTRA, "where clients connect" },
	[ID] = { "ID", 9, COLUMN_EXTRA, "PCI vendor and device id; empty: not a PCI device" },
	[CLASS] = { "CLASS", 6, COLUMN_EXTRA, "PCI class code" },
	[DMA_WINDOWS] = { "DMA_WINDOWS", 4, COLUMN_RIGHT | COLUMN_EXTRA,
			  "DMA windows that the client has mapped" },
	[REQUESTS] = { "REQUESTS", 8, COLUMN_RIGHT | COLUMN_EXTRA,
		       "requests of the client so far" },
	[TRACERS] = { "TRACERS", 7, COLUMN_RIGHT | COLUMN_EXTRA, "tracers attached" },
	[VERSION] = { "VERSION", 7, COLUMN_EXTRA, "version of its libmuser" },
	[GROUP] = { "GROUP", 5, COLUMN_RIGHT | COLUMN_EXTRA, "IOMMU group of the mdev" },
	[END] = { "END", 27, COLUMN_EXTRA, "how and when its process ended" },
	{ 0 }
};

static void print_client(struct out *out, uint64_t pid, const char *command)
{
	struct json_object *object = json_new_object();
	char text[128];

	json_add_int(object, "pid", (int64_t)pid);
	json_add_string(object, "command", command);
	snprintf(text, sizeof(text), "%llu %.100s", (unsigned long long)pid,
		 command ? command : "");
	out_object(out, CLIENT, text, object);
}

static void print_group(struct out *out, const char *uuid)
{
	unsigned int group;

	if (out_has(out, GROUP) && !mdev_group(uuid, &group))
		out_u64(out, GROUP, group);
}

static void print_pid(struct out *out, uint64_t pid)
{
	if (pid)
		out_u64(out, PID, pid);
}

static void print_ids(struct out *out, struct json_object *device)
{
	out_printf(out, ID, "%04llx:%04llx", (unsigned long long)value_u64(device, "vendor"),
		   (unsigned long long)value_u64(device, "device"));
	out_printf(out, CLASS, "%06llx", (unsigned long long)value_u64(device, "class"));
}

static void print_device(struct out *out, struct json_object *device)
{
	struct json_object *client = json_get(device, "client");

	out_row(out);
	out_text(out, UUID, value_text(device, "uuid"));
	out_text(out, TYPE, value_text(device, "type"));
	out_text(out, NAME, value_text(device, "name"));
	out_text(out, TRANSPORT, value_text(device, "transport"));
	out_text(out, STATE, value_text(device, "state"));
	print_pid(out, value_u64(device, "pid"));
	out_text(out, PROGRAM, value_text(device, "program"));
	out_text(out, SOCKET, value_text(device, "socket"));
	if (json_get(device, "vendor"))
		print_ids(out, device);
	out_u64(out, DMA_WINDOWS, value_u64(device, "dma_windows"));
	out_u64(out, TRACERS, value_u64(device, "tracers"));
	out_text(out, VERSION, value_text(device, "version"));
	if (!client)
		return;
	print_client(out, value_u64(client, "pid"), value_text(client, "command"));
	out_u64(out, REQUESTS, value_u64(client, "requests"));
}

static void print_label(struct out *out, unsigned int column, const char *uuid, const char *label)
{
	char text[64];

	out_text(out, column, lm_instance_label(uuid, label, text, sizeof(text)) ? NULL : text);
}

static void print_hung(struct out *out, const char *uuid, pid_t pid)
{
	out_row(out);
	out_color(out, COLOR_BAD);
	out_text(out, UUID, uuid);
	out_text(out, STATE, "hung");
	print_label(out, TYPE, uuid, "type");
	print_label(out, NAME, uuid, "name");
	if (mdev_exists(uuid))
		out_text(out, TRANSPORT, "mdev");
	print_group(out, uuid);
	print_pid(out, pid > 0 ? (uint64_t)pid : 0);
}

static void print_mdev(struct out *out, const char *uuid)
{
	char client[64];
	pid_t server, pid = mdev_holder(uuid, client, sizeof(client));
	const char *state = mdev_service(uuid, &server);

	out_row(out);
	out_text(out, UUID, uuid);
	out_text(out, TRANSPORT, "mdev");
	if (!strcmp(state, "no-server"))
		out_color(out, COLOR_WARN);
	if (!strcmp(state, "hung"))
		out_color(out, COLOR_BAD);
	out_text(out, STATE, state);
	print_pid(out, (uint64_t)server);
	print_group(out, uuid);
	if (pid)
		print_client(out, (uint64_t)pid, client);
}

static void print_end(struct out *out, const struct log_head *head)
{
	char when[OUT_WHEN], what[FATE_TEXT], text[OUT_WHEN + FATE_TEXT];
	const bool killed = WIFSIGNALED(head->status);
	struct json_object *object;

	if (!head->ended_ns)
		return;
	if (killed)
		fate_signal(WTERMSIG(head->status), what);
	else
		snprintf(what, sizeof(what), "%d", WEXITSTATUS(head->status));
	out_when(when, head->ended_ns, false);
	snprintf(text, sizeof(text), "%s %.19s", what, when);
	out_when(when, head->ended_ns, true);
	object = json_new_object();
	json_add_null(object, killed ? "status" : "signal");
	if (killed)
		json_add_string(object, "signal", what);
	else
		json_add_int(object, "status", WEXITSTATUS(head->status));
	json_add_string(object, "time", when);
	out_object(out, END, text, object);
}

static void print_ended(struct out *out, const char *uuid, const struct log_head *head)
{
	const char *state = WIFSIGNALED(head->status) ? "killed" : "exited";

	out_row(out);
	out_color(out, head->ended_ns && !head->status ? COLOR_DIM : COLOR_BAD);
	out_text(out, UUID, uuid);
	out_text(out, TYPE, *head->type ? head->type : NULL);
	out_text(out, NAME, *head->name ? head->name : NULL);
	out_text(out, STATE, head->ended_ns ? state : "ended");
	print_end(out, head);
}

static bool print_silent(struct out *out, const char *uuid, bool ended)
{
	const bool is_mdev = mdev_exists(uuid);
	struct log_head head;
	bool has_log;

	if (!is_mdev && !ended)
		return false;
	if (is_mdev)
		print_mdev(out, uuid);
	has_log = logs_of_ended(uuid, &head);
	if (has_log && is_mdev)
		print_end(out, &head);
	else if (has_log)
		print_ended(out, uuid, &head);
	return is_mdev || has_log;
}

int list_row_print(struct out *out, const char *uuid, bool ended)
{
	struct json_object *device;
	struct control *control;
	int err;

	err = control_open(uuid, &control);
	if (err)
		return print_silent(out, uuid, ended) ? 0 : err;
	control_set_timeout(control, TIMEOUT_MS);
	err = instance_ask(control, &device);
	if (!err) {
		print_device(out, device);
		print_group(out, uuid);
	} else if (err == -ETIMEDOUT) {
		print_hung(out, uuid, control_pid(control));
		err = 0;
	}
	control_close(control);
	return err;
}
