/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_types.c - musctl types [TYPE]: the built-in device types; of one, everything there
 * is to know: options, regions, interrupts, registers. Exit status: 0, 1, 2.
 */
#include <stdio.h>

#include "json.h"

#include "../devices/devices.h"
#include "error.h"
#include "out.h"
#include "page.h"
#include "typedoc.h"
#include "value.h"
#include "verbs.h"

enum { TYPE, ID, SUBSYSTEM, CLASS, DRIVER, DESCRIPTION };

static const struct column types_columns[] = {
	[TYPE]        = { "TYPE", 12, 0, "name of the type" },
	[ID]          = { "ID", 9, 0, "PCI vendor and device id" },
	[SUBSYSTEM]   = { "SUBSYSTEM", 9, COLUMN_EXTRA, "PCI subsystem vendor and subsystem id" },
	[CLASS]       = { "CLASS", 6, 0, "PCI class code" },
	[DRIVER]      = { "DRIVER", 6, 0, "Linux driver that binds to it" },
	[DESCRIPTION] = { "DESCRIPTION", 0.5, COLUMN_TRUNC, "what it is" },
	{ 0 }
};

static int list_types(const struct call *call)
{
	const struct device_type *const *type;
	struct out *out;
	int status = out_begin(&out, call, "types");

	if (status)
		return status;
	for (type = device_types; *type; type++) {
		const lm_pci_info_t *pci = &(*type)->info->pci_info;

		out_row(out);
		out_text(out, TYPE, (*type)->name);
		out_printf(out, ID, "%04x:%04x", pci->id.vid, pci->id.did);
		out_printf(out, SUBSYSTEM, "%04x:%04x", pci->ss.vid, pci->ss.sid);
		out_printf(out, CLASS, "%02x%02x%02x", pci->cc.bcc, pci->cc.scc,
			   pci->cc.pi);
		out_text(out, DRIVER, (*type)->driver);
		out_text(out, DESCRIPTION, (*type)->help);
	}
	out_end(out);
	return 0;
}

static int show_type(const struct call *call, const struct device_type *type)
{
	const lm_pci_info_t *pci = &type->info->pci_info;
	struct json_object *doc = typedoc_new(type);
	char id[16], class[16];
	const struct page_entry head[] = {
		{ "Type", type->name }, { "Description", type->help }, { "ID", id },
		{ "Class", class }, { "Driver", type->driver },
	};

	if (call->format.json) {
		struct json_object *whole = out_new_document();

		json_add(whole, "type", doc);
		out_document(whole);
		return 0;
	}
	snprintf(id, sizeof(id), "%04x:%04x", pci->id.vid, pci->id.did);
	snprintf(class, sizeof(class), "%02x%02x%02x", pci->cc.bcc, pci->cc.scc,
		 pci->cc.pi);
	page_head(call, head, LM_NR(head));
	page_properties(call, "Options", json_get(doc, "options"));
	page_regions(call, json_get(doc, "regions"));
	page_irqs(call, json_get(doc, "irqs"));
	page_registers(call, json_get(doc, "registers"));
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
		return error(ST_USAGE, call->words[0],
			     "no such type (musctl types lists them)");
	return show_type(call, type);
}

const struct cmd cmd_types = {
	.name = "types",
	.summary = "list device types, or describe one",
	.more = "Of one TYPE: options, regions, interrupts and registers; --json\n"
		"exports the register map.",
	.args = (const struct arg[]){
		{ "TYPE", COMPLETE_TYPE, ARG_OPTIONAL },
		{ 0 }
	},
	.columns = types_columns,
	.fn = types,
};
