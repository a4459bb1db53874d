/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * showdoc.c - all that is known of one device, as a JSON document or as a page for people:
 * what its process says, and what the kernel says of its mdev.
 */
#include "showdoc.h"

#include <stdio.h>

#include "json.h"

#include "control.h"
#include "mdev.h"
#include "mdevdoc.h"
#include "out.h"
#include "page.h"
#include "value.h"

#define DMA_PAGE 4096 /* windows a call */
#define DMA_HEAD 32   /* windows on a page for people */

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

static void add(struct json_object *doc, const char *key, struct json_object *object)
{
	if (object)
		json_add(doc, key, object);
}

void showdoc_print(struct control *control, struct json_object *device,
		   struct json_object *mdev)
{
	struct json_object *doc = out_new_document(), *registers = NULL;

	if (device) {
		registers = registers_of(control);
		json_add(doc, "device", out_share(device));
	}
	json_add(doc, "registers", registers ? out_share(registers) : json_new_array());
	json_add(doc, "dma", device ? windows_of(control, 0) : json_new_array());
	add(doc, "mdev", mdev ? out_share(mdev) : NULL);
	out_document(doc);
}

static void print_head(const struct call *call, struct json_object *device)
{
	struct json_object *client = json_get(device, "client");
	char pid[160], peer[200] = "", refused[64], id[64];
	const struct page_entry head[] = {
		{ "UUID", value_text(device, "uuid") },
		{ "Name", value_text(device, "name") },
		{ "Type", value_text(device, "type") },
		{ "ID", id },
		{ "Transport", value_text(device, "transport") },
		{ "Socket", value_text(device, "socket") },
		{ "State", value_text(device, "state") },
		{ "Client", peer },
		{ "Refused", refused },
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
	snprintf(refused, sizeof(refused), "%llu accesses of clients",
		 (unsigned long long)value_u64(device, "refused"));
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

static void print_bare_head(const struct call *call, struct json_object *mdev)
{
	pid_t pid;
	const struct page_entry head[] = {
		{ "UUID", value_text(mdev, "uuid") },
		{ "Transport", "mdev" },
		{ "State", mdev_is_served(value_text(mdev, "uuid"), &pid) ? "served"
									  : "no-server" },
	};

	page_head(call, head, sizeof(head) / sizeof(head[0]));
}

void showdoc_page(const struct call *call, struct control *control,
		  struct json_object *device, struct json_object *mdev)
{
	struct json_object *windows;

	if (!device)
		print_bare_head(call, mdev);
	else
		print_head(call, device);
	if (mdev)
		mdevdoc_page(call, mdev);
	if (!device)
		return;
	windows = windows_of(control, DMA_HEAD);
	page_regions(call, json_get(device, "regions"));
	page_irqs(call, json_get(device, "irqs"));
	page_properties(call, "Properties", json_get(device, "properties"));
	page_registers(call, registers_of(control));
	page_dma(call, windows, value_u64(device, "dma_windows"));
	json_free(windows);
}
