/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_types.c - musctl types [TYPE]: the built-in device types, and the types of mediated
 * devices that the kernel offers; of one built-in type, everything there is to know:
 * options, regions, interrupts, registers. Exit status: 0, 1, 2.
 */
#include <stdio.h>

#include "base/describe.h"
#include "base/json.h"

#include "../devices/devices.h"
#include "dev/page.h"
#include "dev/type_json.h"
#include "mdev/mdev.h"
#include "ui/error.h"
#include "ui/json_form.h"
#include "ui/out.h"
#include "ui/value.h"
#include "verbs/verbs.h"

enum { TYPE, ID, SUBSYSTEM, CLASS, DRIVER, DESCRIPTION };

static const struct column types_columns[] = {
	[TYPE] = { "TYPE", 12, 0, "name of the type" },
	[ID] = { "ID", 9, 0, "PCI vendor and device id" },
	[SUBSYSTEM] = { "SUBSYSTEM", 9, COLUMN_EXTRA, "PCI subsystem vendor and subsystem id" },
	[CLASS] = { "CLASS", 6, 0, "PCI class code" },
	[DRIVER] = { "DRIVER", 6, 0, "Linux driver that binds to it" },
	[DESCRIPTION] = { "DESCRIPTION", 0.5, COLUMN_TRUNC, "what it is" },
	{ 0 }
};

/* ---- types of the kernel --------------------------------------------------------- */

enum { MDEV_ID, MDEV_PARENT, MDEV_API, MDEV_FREE, MDEV_NAME, MDEV_TEXT };

static const struct column mdev_columns[] = { { "TYPE", 8 }, { "PARENT", 6 },
					      { "API", 8 },  { "FREE", 4, COLUMN_RIGHT },
					      { "NAME", 8 }, { "DESCRIPTION", 0.5, COLUMN_TRUNC },
					      { 0 } };

static int add_mdev_type(void *arg, const struct mdev_type *type)
{
	struct json_object *object = json_new_object();

	json_add_string(object, "type", type->id);
	json_add_string(object, "parent", type->parent);
	json_add_string(object, "api", type->api);
	json_add_int(object, "free", (int64_t)type->free);
	json_add_string(object, "name", type->name);
	json_add_string(object, "description", type->text);
	json_append(arg, object);
	return 0;
}

/* Only for people: a script that asks for columns or raw text gets types for "create". */
static bool is_page(const struct format *format)
{
	return !format->raw && !format->export && !format->columns && !format->all &&
	       !format->no_headings;
}

static void print_mdev_types(const struct call *call, struct json_object *types)
{
	struct json_object *type;
	struct out *out;
	size_t i;

	printf("\nOf mediated devices:\n");
	out_sync();
	out_section(&out, call, mdev_columns);
	for (i = 0; i < json_length(types); i++) {
		type = json_at(types, i);
		out_row(out);
		out_text(out, MDEV_ID, value_text(type, "type"));
		out_text(out, MDEV_PARENT, value_text(type, "parent"));
		out_text(out, MDEV_API, value_text(type, "api"));
		out_u64(out, MDEV_FREE, value_u64(type, "free"));
		out_text(out, MDEV_NAME, value_text(type, "name"));
		out_text(out, MDEV_TEXT, value_text(type, "description"));
	}
	out_end(out);
}

/* ---- built-in types -------------------------------------------------------------- */

static int list_types(const struct call *call)
{
	struct json_object *mdev_types = json_new_array();
	const struct device_type *const *type;
	struct out *out;
	int status = out_begin(&out, call, "types");

	if (status) {
		json_free(mdev_types);
		return status;
	}
	mdev_each_type(add_mdev_type, mdev_types);
	out_also(out, "mdev_types", out_share(mdev_types));
	for (type = device_types; *type; type++) {
		const lm_pci_info_t *pci = &(*type)->info->pci_info;

		out_row(out);
		out_text(out, TYPE, (*type)->name);
		out_printf(out, ID, "%04x:%04x", pci->id.vid, pci->id.did);
		out_printf(out, SUBSYSTEM, "%04x:%04x", pci->ss.vid, pci->ss.sid);
		out_printf(out, CLASS, "%06x", describe_class(&pci->cc));
		out_text(out, DRIVER, (*type)->driver);
		out_text(out, DESCRIPTION, (*type)->help);
	}
	out_end(out);
	if (json_length(mdev_types) && !call->format.json && is_page(&call->format))
		print_mdev_types(call, mdev_types);
	json_free(mdev_types);
	return 0;
}

/* As JSON: a list of one, with all there is to know. */
static int show_type(const struct call *call, const struct device_type *type)
{
	const lm_pci_info_t *pci = &type->info->pci_info;
	struct json_object *doc = type_json_new(type), *document, *types;
	char id[16], class[16];
	const struct page_entry head[] = {
		{ "Type", type->name }, { "Description", type->help }, { "ID", id },
		{ "Class", class },     { "Driver", type->driver },
	};

	if (call->format.json) {
		json_form_type(doc);
		types = json_new_array();
		json_append(types, doc);
		document = out_new_document();
		json_add(document, "types", types);
		out_document(document);
		return 0;
	}
	snprintf(id, sizeof(id), "%04x:%04x", pci->id.vid, pci->id.did);
	snprintf(class, sizeof(class), "%06x", describe_class(&pci->cc));
	page_head(call, head, LM_NR(head));
	page_properties(call, "Options", json_get(doc, "options"));
	page_regions(call, json_get(doc, "regions"));
	page_irqs(call, json_get(doc, "irqs"));
	page_registers(call, doc, json_get(doc, "registers"));
	json_free(doc);
	return 0;
}

static int types(const struct call *call)
{
	const struct device_type *type;

	if (!call->nr_words)
		return list_types(call);
	type = device_find(call->words[0]);
	if (!type)
		return error(ST_USAGE, call->words[0], "no such type (musctl types lists them)");
	return show_type(call, type);
}

const struct cmd cmd_types = {
	.name = "types",
	.summary = "list device types, or describe one",
	.more = "Without TYPE also what types of mediated devices the kernel offers, and how\n"
		"many of each can still be made. Of one TYPE: options, regions, interrupts\n"
		"and registers; --json exports the register map.",
	.args = (const struct arg[]){ { "TYPE", COMPLETE_TYPE, ARG_OPTIONAL }, { 0 } },
	.columns = types_columns,
	.fn = types,
};
