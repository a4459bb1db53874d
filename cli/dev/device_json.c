/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_json.c - all that is known of one device, as a JSON document or as a page for people:
 * what its process says, and what the kernel says of its mdev.
 */
#include "dev/device_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bus.h"
#include "base/json.h"

#include "dev/control.h"
#include "dev/mdev_json.h"
#include "dev/page.h"
#include "dev/target.h"
#include "mdev/mdev.h"
#include "ui/json_form.h"
#include "ui/out.h"
#include "ui/value.h"

#define DMA_PAGE 4096 /* windows a call */
#define DMA_HEAD 32   /* windows on a page for people */
#define DMA_MAX  (1u << 20)

/* What can be read without an effect; the rest stays without a value. 0 or -errno. */
static int read_register(struct control *control, struct json_object *reg)
{
	const struct location location = {
		value_text(reg, "name"),
		(uint32_t)value_u64(reg, "region"),
		(unsigned int)value_u64(reg, "width"),
		value_u64(reg, "offset"),
	};
	const char *access = value_text(reg, "access");
	uint8_t bytes[8];
	int err;

	json_add_null(reg, "value");
	if (!value_bool(reg, "pure") || location.width > sizeof(bytes) || !access ||
	    !strcmp(access, "wo"))
		return 0;
	err = target_fetch(control, &location, bytes);
	if (!err)
		json_add_hex(reg, "value", target_value(bytes, location.width));
	if (err != -EREMOTE)
		return err;
	control_drop(control);
	return 0;
}

/* With their values. An exit status. */
static int read_registers(struct control *control, struct json_object **registers)
{
	struct json_object *reply = NULL;
	int err = control_call(control, "Registers", NULL, &reply);
	size_t i;

	*registers = err ? NULL : json_get(reply, "registers");
	for (i = 0; i < json_length(*registers) && !err; i++)
		err = read_register(control, json_at(*registers, i));
	return err ? control_report(control, NULL, err) : 0;
}

struct windows {
	void (*take)(struct windows *w, struct json_object *window);
	struct json_object *list; /* for take() */
	size_t nr;                /* so far */
};

/* One page from *at on, which then is where the next begins. 0, -errno, 1: that was the
 * last. A page that is not must be full and lead on, or there would be no end. */
static int take_page(struct control *control, struct windows *w, size_t limit, uint64_t *at)
{
	struct json_object *call = json_new_object(), *reply, *page;
	uint64_t before = *at;
	bool last;
	size_t i;
	int err;

	json_add_hex(call, "address", before);
	json_add_int(call, "limit", (int64_t)limit);
	err = control_call(control, "Dma", call, &reply);
	if (err)
		return err;
	page = json_get(reply, "windows");
	last = !json_get(reply, "next");
	*at = value_u64(reply, "next");
	for (i = 0; i < json_length(page) && i < limit; i++, w->nr++)
		w->take(w, json_at(page, i));
	control_drop(control);
	if (last)
		return 1;
	return i == limit && *at > before && w->nr < DMA_MAX ? 0 : -EPROTO;
}

/* All of them, or the first max. An exit status. */
static int take_windows(struct control *control, struct windows *w, size_t max)
{
	uint64_t at = 0;
	int ret;

	do {
		ret = take_page(control, w, max ? max : DMA_PAGE, &at);
	} while (!ret && !max);
	return ret < 0 ? control_report(control, "DMA windows", ret) : 0;
}

static void print_window(struct windows *w, struct json_object *window)
{
	out_document_item(window, !w->nr);
}

static void keep_window(struct windows *w, struct json_object *window)
{
	json_append(w->list, out_share(window));
}

int device_json_print(struct control *control, struct json_object *device, struct json_object *mdev)
{
	struct windows w = { .take = print_window };
	struct json_object *doc, *registers = NULL;
	int status = control ? read_registers(control, &registers) : 0;

	if (status)
		return status;
	doc = out_new_document();
	json_form_registers(device, registers);
	if (device)
		json_form_device(device);
	if (device)
		json_add(doc, "device", out_share(device));
	json_add(doc, "registers", registers ? out_share(registers) : json_new_array());
	if (mdev)
		json_add(doc, "mdev", out_share(mdev));
	out_document_begin(doc, "dma");
	status = control ? take_windows(control, &w, 0) : 0;
	out_document_end();
	return status;
}

static void print_head(const struct call *call, struct json_object *device)
{
	struct json_object *client = json_get(device, "client");
	char pid[160], peer[200] = "", refused[64], id[64] = NOT_PCI;
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

	if (json_get(device, "vendor"))
		snprintf(id, sizeof(id), "%04llx:%04llx class %06llx",
			 (unsigned long long)value_u64(device, "vendor"),
			 (unsigned long long)value_u64(device, "device"),
			 (unsigned long long)value_u64(device, "class"));
	snprintf(pid, sizeof(pid), "%llu %.64s, libmuser %.32s",
		 (unsigned long long)value_u64(device, "pid"),
		 value_text(device, "program") ? value_text(device, "program") : "",
		 value_text(device, "version") ? value_text(device, "version") : "?");
	snprintf(refused, sizeof(refused), "%llu client accesses",
		 (unsigned long long)value_u64(device, "refused"));
	if (client)
		snprintf(peer, sizeof(peer), "%llu %.64s, vfio-user %.16s, %llu requests",
			 (unsigned long long)value_u64(client, "pid"),
			 value_text(client, "command") ? value_text(client, "command") : "",
			 value_text(client, "protocol") ? value_text(client, "protocol") : "?",
			 (unsigned long long)value_u64(client, "requests"));
	page_head(call, head, sizeof(head) / sizeof(head[0]));
}

static void print_bare_head(const struct call *call, struct json_object *mdev)
{
	pid_t pid;
	const struct page_entry head[] = {
		{ "UUID", value_text(mdev, "uuid") },
		{ "Transport", "mdev" },
		{ "State", mdev_service(value_text(mdev, "uuid"), &pid) },
	};

	page_head(call, head, sizeof(head) / sizeof(head[0]));
}

static void print_hung_head(const struct call *call, struct json_object *device)
{
	char pid[24];
	const struct page_entry head[] = {
		{ "UUID", value_text(device, "uuid") },
		{ "Name", value_text(device, "name") },
		{ "Type", value_text(device, "type") },
		{ "State", value_text(device, "state") },
		{ "Process", pid },
	};

	snprintf(pid, sizeof(pid), "%llu", (unsigned long long)value_u64(device, "pid"));
	page_head(call, head, sizeof(head) / sizeof(head[0]));
}

int device_json_page(const struct call *call, struct control *control, struct json_object *device,
		     struct json_object *mdev)
{
	static bool begun;
	struct windows w = { .take = keep_window };
	struct json_object *registers = NULL;
	int status = control ? read_registers(control, &registers) : 0;

	if (status)
		return status;
	if (begun) /* pages of several devices stand apart, as sections do */
		putchar('\n');
	begun = true;
	fflush(stdout);
	if (!device)
		print_bare_head(call, mdev);
	else if (!control)
		print_hung_head(call, device);
	else
		print_head(call, device);
	if (mdev)
		mdev_json_page(call, mdev);
	if (!control)
		return 0;
	w.list = json_new_array();
	status = take_windows(control, &w, DMA_HEAD);
	page_regions(call, json_get(device, "regions"));
	page_irqs(call, json_get(device, "irqs"));
	page_properties(call, "Properties", json_get(device, "properties"));
	page_registers(call, device, registers);
	page_dma(call, w.list, value_u64(device, "dma_windows"));
	json_free(w.list);
	return status;
}
