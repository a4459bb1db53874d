/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_list.c - the methods whose answers may be long: Dma and Registers.
 *
 * Nothing here has an effect on the device, and nothing asks it: what a register holds is
 * for Read, as everybody's access.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/describe.h"
#include "control/control_conn.h"
#include "dma/dma.h"
#include "region/region.h"

#define DMA_DEFAULT 256u
#define DMA_MAX     4096u

/* ---- Dma ------------------------------------------------------------------------ */

struct dma_page {
	uint64_t address;
	uint32_t limit;
	struct json_object *windows, *reply;
};

static bool dma_window(void *arg, const struct dma_window *w, const char *kind, uint32_t held)
{
	struct dma_page *page = arg;
	struct json_object *obj;
	char prot[3] = "", *p = prot;

	if (!page->limit--) {
		json_add_hex(page->reply, "next", w->addr);
		return false;
	}
	if (w->prot & PROT_READ)
		*p++ = 'r';
	if (w->prot & PROT_WRITE)
		*p++ = 'w';
	obj = json_new_object();
	json_add_hex(obj, "address", w->addr);
	json_add_hex(obj, "size", w->size);
	json_add_hex(obj, "offset", w->offset);
	json_add_string(obj, "prot", prot);
	json_add_string(obj, "kind", kind);
	json_add_int(obj, "held", held);
	json_append(page->windows, obj);
	return true;
}

static void dma(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = {
		{ "address", JSON_HEX, true, offsetof(struct dma_page, address) },
		{ "limit", JSON_INT, true, offsetof(struct dma_page, limit), DMA_MAX },
	};
	struct dma_page page = { .limit = DMA_DEFAULT };

	if (!control_args(c, params, members, LM_NR(members), &page))
		return;
	if (!page.limit) {
		control_invalid(c, "limit");
		return;
	}
	page.reply = json_new_object();
	page.windows = json_new_array();
	dma_for_each(c->ctx, page.address, dma_window, &page);
	json_add(page.reply, "windows", page.windows);
	control_reply(c, page.reply);
}

/* ---- Registers ------------------------------------------------------------------ */

static void registers(struct conn *c, struct json_object *params, bool more)
{
	struct json_object *reply, *all;
	uint32_t i, k;

	if (!control_args(c, params, NULL, 0, NULL))
		return;
	all = json_new_array();
	for (i = 0; i < region_count(c->ctx); i++) {
		const lm_register_map_t *map = region_get(c->ctx, i)->info.regs;

		for (k = 0; map && k < map->nr_registers; k++)
			json_append(all, describe_register(i, map, register_at(map, k)));
	}
	reply = json_new_object();
	json_add(reply, "registers", all);
	control_reply(c, reply);
}

const struct method control_list_methods[] = {
	{ "Dma", dma },
	{ "Registers", registers },
	{ NULL, NULL },
};
