/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev_json.c - what the kernel says of one of its mdevs. Attributes that this kernel's
 * module does not have are left out.
 */
#include "dev/mdev_json.h"

#include <stdio.h>

#include "base/json.h"

#include "dev/page.h"
#include "mdev/mdev.h"
#include "ui/out.h"
#include "ui/parse.h"
#include "ui/value.h"

/* The module's attributes, by what they are called in JSON and on a page. */
static const struct {
	const char *file;
	const char *key;
	const char *label;
} attributes[] = {
	{ "state", "state", "Server" },
	{ "server_pid", "server_pid", "Server process" },
	{ "client_pid", "client_pid", "Client process" },
	{ "policy", "policy", "Policy" },
	{ "timeout_ms", "timeout_ms", "Timeout (ms)" },
	{ "max_memory", "max_memory", "Memory limit" },
	{ "direct", "direct", "Direct I/O" },
	{ "restarts", "restarts", "Restarts" },
	{ "served", "served", "Served" },
	{ "outstanding", "outstanding", "Outstanding" },
	{ "pinned_pages", "pinned_pages", "Pinned pages" },
	{ "stats/peak_pinned_pages", "peak_pinned_pages", "Pinned at most" },
	{ "stats/memory_bytes", "memory_bytes", "Device memory" },
	{ "stats/errors", "errors", "Errors" },
	{ "stats/timeouts", "timeouts", "Timeouts" },
	{ "stats/interrupts", "interrupts", "Interrupts" },
	{ "stats/copied_bytes", "copied_bytes", "Copied bytes" },
};

#define NR_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

struct json_object *mdev_json_new(const char *uuid)
{
	struct json_object *doc;
	unsigned int group;
	char text[128];
	uint64_t number;
	size_t i;

	if (!mdev_exists(uuid))
		return NULL;
	doc = json_new_object();
	json_add_string(doc, "uuid", uuid);
	snprintf(text, sizeof(text), "%s/%s", MDEV_DEVICES, uuid);
	json_add_string(doc, "sysfs", text);
	snprintf(text, sizeof(text), "%s/%s", MDEV_NODES, uuid);
	json_add_string(doc, "node", text);
	if (!mdev_group(uuid, &group))
		json_add_int(doc, "group", group);
	for (i = 0; i < NR_ATTRIBUTES; i++) {
		if (mdev_attribute(uuid, attributes[i].file, text, sizeof(text)))
			continue;
		if (parse_u64(text, &number) && number <= INT64_MAX)
			json_add_int(doc, attributes[i].key, (int64_t)number);
		else
			json_add_string(doc, attributes[i].key, text);
	}
	return doc;
}

/* As text; numbers into buf. */
static const char *entry(struct json_object *mdev, const char *key, char *buf, size_t size)
{
	const char *text = value_text(mdev, key);

	if (text || !json_get(mdev, key))
		return text;
	snprintf(buf, size, "%llu", (unsigned long long)value_u64(mdev, key));
	return buf;
}

void mdev_json_page(const struct call *call, struct json_object *mdev)
{
	struct page_entry lines[3 + NR_ATTRIBUTES];
	char numbers[1 + NR_ATTRIBUTES][24];
	size_t i;

	lines[0] = (struct page_entry){ "Sysfs", value_text(mdev, "sysfs") };
	lines[1] = (struct page_entry){ "Node", value_text(mdev, "node") };
	lines[2] = (struct page_entry){ "IOMMU group", entry(mdev, "group", numbers[0], 24) };
	for (i = 0; i < NR_ATTRIBUTES; i++) {
		lines[3 + i].key = attributes[i].label;
		lines[3 + i].value = entry(mdev, attributes[i].key, numbers[1 + i], 24);
	}
	printf("\nMediated device:\n");
	out_sync();
	page_head(call, lines, 3 + NR_ATTRIBUTES);
}
