/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * migration.c - writes the state of a device as one block of bytes (layout: state.h).
 *
 * The same state serves restart, snapshots and, later, live migration. It holds what a
 * guest could find out about the device, not who its client is: DMA map and eventfds are
 * lent by a client and not saved. Refuses while a request is half done.
 */
#include <endian.h>
#include <string.h>

#include "base/bus.h"
#include "gate/call.h"
#include "info.h"
#include "pci/pci.h"
#include "region/region.h"
#include "state.h"
#include "state/persist.h"

/* Counts what does not fit as well, to say how much room is needed. */
struct out {
	char *buf;
	size_t size, len;
};

/* Room for what belongs to a section; NULL: it does not fit. */
static void *section_put(struct out *o, enum state_tag tag, uint32_t index, size_t length)
{
	const size_t padded = (size_t)state_padded(length);
	const struct state_section head = {
		.tag = htole32(tag),
		.index = htole32(index),
		.length = htole64(length),
	};
	char *to = NULL;

	if (o->buf && !out_of_range(o->len, sizeof(head) + padded, o->size)) {
		to = o->buf + o->len;
		memcpy(to, &head, sizeof(head));
		to += sizeof(head);
		memset(to + length, 0, padded - length);
	}
	o->len += sizeof(head) + padded;
	return to;
}

static void save_library(struct lm_ctx *ctx, struct out *o)
{
	size_t need;
	void *to;

	need = config_save(ctx, NULL, 0);
	to = section_put(o, STATE_CONFIG, 0, need);
	if (to)
		config_save(ctx, to, need);
	if (master_is_enforced(ctx))
		section_put(o, STATE_ENFORCED, 0, 0);
	need = msix_save(ctx, NULL, 0);
	to = need ? section_put(o, STATE_MSIX, 0, need) : NULL;
	if (to)
		msix_save(ctx, to, need);
	need = vpd_save(ctx, NULL, 0);
	to = need ? section_put(o, STATE_VPD, 0, need) : NULL;
	if (to)
		vpd_save(ctx, to, need);
	need = irq_save(ctx, NULL, 0);
	to = section_put(o, STATE_IRQ, 0, need);
	if (to)
		irq_save(ctx, to, need);
}

static void save_registers(struct out *o, uint32_t index, const struct region *r)
{
	const lm_register_map_t *map = r->info.regs;
	struct state_register e;
	uint32_t i;
	char *to;

	to = section_put(o, STATE_REGISTERS, index, map->nr_registers * sizeof(e));
	for (i = 0; to && i < map->nr_registers; i++) {
		e.offset = htole64(register_at(map, i)->offset);
		e.value = htole64(r->values[i]);
		memcpy(to + i * sizeof(e), &e, sizeof(e));
	}
}

/* Clients may be writing to this memory: it is looked at once, then copied. Pages of zeroes are
 * left out. */
static void save_memory(struct out *o, uint32_t index, const struct region *r)
{
	uint64_t at = 0, end, len, offset;
	char *to;

	while (region_memory_data(r, &at, &end)) {
		for (; at < end; at += len) {
			const char *page = (const char *)r->mem + at;

			len = at_most(end - at, STATE_PAGE);
			if (!*page && !memcmp(page, page + 1, len - 1))
				continue;
			to = section_put(o, STATE_MEMORY, index, sizeof(offset) + len);
			if (to) {
				offset = htole64(at);
				memcpy(to, &offset, sizeof(offset));
				memcpy(to + sizeof(offset), page, len);
			}
		}
	}
}

static int save_device(struct lm_ctx *ctx, struct out *o)
{
	const size_t size = ctx->info.state_size;
	ssize_t need, got;
	void *to;

	to = size ? section_put(o, STATE_OWN, ctx->info.state_version, size) : NULL;
	if (to)
		memcpy(to, persist_device(ctx), size);
	if (!ctx->info.save)
		return 0;
	need = call_save(ctx, NULL, 0);
	if (need < 0)
		return (int)need;
	to = section_put(o, STATE_DEVICE, 0, (size_t)need);
	if (!to)
		return 0;
	got = call_save(ctx, to, (size_t)need);
	if (got < 0)
		return (int)got;
	/* It said how much it needs, and nothing has happened since. */
	return got == need ? 0 : -EIO;
}

static void put_header(const struct lm_ctx *ctx, struct out *o)
{
	const struct state_header head = {
		.magic = htole64(STATE_MAGIC),
		.version = htole32(STATE_VERSION),
		.identity = htole64(bus_identity(&ctx->info)),
		.length = htole64(o->len),
	};

	memcpy(o->buf, &head, sizeof(head));
}

LM_EXPORT int lm_ctx_save(lm_ctx_t *ctx, void *buf, size_t *len)
{
	struct out o = { buf, *len, sizeof(struct state_header) };
	uint32_t i;
	int ret;

	if (ctx_is_half_done(ctx))
		return -EBUSY;
	save_library(ctx, &o);
	for (i = 0; i < region_count(ctx); i++) {
		const struct region *r = region_get(ctx, i);

		if (r->values)
			save_registers(&o, i, r);
		if (r->mem)
			save_memory(&o, i, r);
	}
	ret = save_device(ctx, &o);
	if (ret)
		return ret;
	*len = o.len;
	if (!buf)
		return 0;
	if (o.len > o.size)
		return -ENOSPC;
	put_header(ctx, &o);
	return 0;
}
