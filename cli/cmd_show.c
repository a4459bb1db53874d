/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_show.c - musctl show UUID...: everything about a device, or how to connect a
 * virtual machine to it. Exit status: 0, 1, 2, 3, 4.
 */
#include <stdio.h>

#include "json.h"

#include "cmdline.h"
#include "control.h"
#include "error.h"
#include "instance.h"
#include "out.h"
#include "page.h"
#include "value.h"
#include "verbs.h"

#define DMA_PAGE 4096 /* windows a call */
#define DMA_HEAD 32   /* windows on a page for people */

struct show_args {
	const char *cmdline;
};

static const struct opt show_options[] = {
	{ 0, "cmdline", OPT_CHOICE, offsetof(struct show_args, cmdline), CMDLINE_CHOICES,
	  "print the options that connect a virtual machine" },
	{ 0 }
};

static struct json_object *registers_of(struct control *control)
{
	struct json_object *reply;

	if (control_call(control, "Registers", NULL, &reply))
		return NULL;
	return json_get(reply, "registers");
}

/* At most max windows (0: all), a page at a time; the caller's. */
static struct json_object *windows_of(struct control *control, size_t max)
{
	struct json_object *all = json_new_array(), *reply, *page, *call;
	const char *next = NULL;
	size_t i;

	do {
		call = json_new_object();
		json_add_string(call, "address", next);
		json_add_int(call, "limit", max ? (int64_t)max : DMA_PAGE);
		if (control_call(control, "Dma", call, &reply))
			break;
		page = json_get(reply, "windows");
		for (i = 0; i < json_length(page); i++)
			json_append(all, out_share(json_at(page, i)));
		next = json_length(page) ? value_text(reply, "next") : NULL;
	} while (next && !max);
	return all;
}

static int print_document(struct control *control, struct json_object *device)
{
	struct json_object *doc = out_new_document(), *registers = registers_of(control);

	json_add(doc, "device", out_share(device));
	json_add(doc, "registers", registers ? out_share(registers) : json_new_array());
	json_add(doc, "dma", windows_of(control, 0));
	out_document(doc);
	return 0;
}

static void print_head(const struct call *call, struct json_object *device)
{
	struct json_object *client = json_get(device, "client");
	char pid[160], peer[200] = "", id[64];
	const struct page_entry head[] = {
		{ "UUID", value_text(device, "uuid") },
		{ "Name", value_text(device, "name") },
		{ "Type", value_text(device, "type") },
		{ "ID", id },
		{ "Transport", value_text(device, "transport") },
		{ "Socket", value_text(device, "socket") },
		{ "State", value_text(device, "state") },
		{ "Client", peer },
		{ "Process", pid },
	};

	snprintf(id, sizeof(id), "%04llx:%04llx class %06llx",
		 (unsigned long long)value_u64(device, "vendor"),
		 (unsigned long long)value_u64(device, "device"),
		 (unsigned long long)value_u64(device, "class"));
	snprintf(pid, sizeof(pid), "%llu %.64s, libmuser %.32s",
		 (unsigned long long)value_u64(device, "pid"),
		 value_text(device, "program") ? value_text(device, "program") : "",
		 value_text(device, "version") ? value_text(device, "version") : "?");
	if (client)
		snprintf(peer, sizeof(peer), "%llu %.64s, vfio-user %.16s, %llu requests",
			 (unsigned long long)value_u64(client, "pid"),
			 value_text(client, "command") ? value_text(client, "command")
						       : "",
			 value_text(client, "protocol") ? value_text(client, "protocol")
							: "?",
			 (unsigned long long)value_u64(client, "requests"));
	page_head(call, head, sizeof(head) / sizeof(head[0]));
}

static int print_page(const struct call *call, struct control *control,
		      struct json_object *device)
{
	struct json_object *windows = windows_of(control, DMA_HEAD);

	print_head(call, device);
	page_regions(call, json_get(device, "regions"));
	page_irqs(call, json_get(device, "irqs"));
	page_properties(call, "Properties", json_get(device, "properties"));
	page_registers(call, registers_of(control));
	page_dma(call, windows, value_u64(device, "dma_windows"));
	json_free(windows);
	return 0;
}

static int print_cmdline(const char *who, struct json_object *device)
{
	const char *socket = value_text(device, "socket");

	if (!socket)
		return error(ST_UNSUPPORTED, value_text(device, "uuid"),
			     "has no socket of its own: its connection was inherited");
	cmdline_print(who, socket);
	return 0;
}

static int show_one(const struct call *call, struct control *control)
{
	const struct show_args *args = call->args;
	struct json_object *reply, *device;
	int err = control_call(control, "Show", NULL, &reply);

	if (err)
		return control_tell(control, NULL, err);
	device = json_get(reply, "device");
	if (args->cmdline)
		return print_cmdline(args->cmdline, device);
	return call->format.json ? print_document(control, device) :
				   print_page(call, control, device);
}

static int show(const struct call *call)
{
	return instance_each(call, show_one);
}

const struct cmd cmd_show = {
	.name = "show",
	.summary = "show everything about a device",
	.more = "Guest memory must be shared (share=on): with a memfd that is not, the\n"
		"device's DMA goes astray silently.",
	.args = (const struct arg[]){
		{ "UUID", COMPLETE_DEVICE, ARG_MANY },
		{ 0 }
	},
	.options = show_options,
	.size = sizeof(struct show_args),
	.flags = CMD_DEVICE | CMD_JSON,
	.fn = show,
};
