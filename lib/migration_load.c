/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * migration_load.c - takes back what migration.c wrote, or what a stranger gives out as
 * such.
 *
 * First everything is looked at: the frame, the identity, that each section is one of
 * this device's and fits. Then it is applied. The parts that judge their own section
 * (configuration space, MSI-X, interrupts) come first, and all of them judge before one
 * changes, so a state is taken as a whole or not at all.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "gate/call.h"
#include "info.h"
#include "pci/pci.h"
#include "region/region.h"
#include "state.h"
#include "state/persist.h"

/* Not as it is: says why. */
#define rejected(ctx, ...) (log_err(ctx, "the saved state is rejected: " __VA_ARGS__), -EINVAL)

struct section {
	uint32_t tag, index;
	const char *data;
	uint64_t len;
};

struct state {
	const char *buf;
	size_t len;
	struct section part[STATE_NR_TAGS]; /* those that exist once; data NULL: absent */
};

/* ---- looking ------------------------------------------------------------------- */

static int header_check(struct lm_ctx *ctx, const char *buf, size_t len)
{
	const uint64_t own = bus_identity(&ctx->info);
	struct state_header head = { 0 };
	uint64_t identity;

	if (len >= sizeof(head))
		memcpy(&head, buf, sizeof(head));
	if (le64toh(head.magic) != STATE_MAGIC || head.reserved)
		return rejected(ctx, "these %zu bytes are none", len);
	if (le32toh(head.version) != STATE_VERSION)
		return rejected(ctx, "it is of version %u, and this libmuser knows version %d",
				le32toh(head.version), STATE_VERSION);
	if (le64toh(head.length) != len)
		return rejected(ctx, "it has %zu bytes, and says that it has %llu", len,
				(unsigned long long)le64toh(head.length));
	identity = le64toh(head.identity);
	if (identity == own)
		return 0;
	if (!bus_is_pci(&ctx->info))
		return rejected(ctx, "it is that of a device of another type");
	if ((uint32_t)identity != (uint32_t)own)
		return rejected(ctx, "it is that of device %04x:%04x", (uint16_t)identity,
				(uint16_t)(identity >> 16));
	return rejected(ctx, "it is that of subsystem %04x:%04x", (uint16_t)(identity >> 32),
			(uint16_t)(identity >> 48));
}

/* The section at *pos: 1; 0: the end; -EINVAL. */
static int section_next(const struct state *st, size_t *pos, struct section *s)
{
	struct state_section head;

	if (*pos == st->len)
		return 0;
	if (out_of_range(*pos, sizeof(head), st->len))
		return -EINVAL;
	memcpy(&head, st->buf + *pos, sizeof(head));
	*pos += sizeof(head);
	s->tag = le32toh(head.tag);
	s->index = le32toh(head.index);
	s->len = le64toh(head.length);
	s->data = st->buf + *pos;
	if (s->len > st->len || out_of_range(*pos, state_padded(s->len), st->len))
		return -EINVAL;
	*pos += (size_t)state_padded(s->len);
	return 1;
}

static struct state_register register_entry(const struct section *s, uint64_t i)
{
	struct state_register e;

	memcpy(&e, s->data + i * sizeof(e), sizeof(e));
	e.offset = le64toh(e.offset);
	e.value = le64toh(e.value);
	return e;
}

static bool registers_fit(const struct lm_ctx *ctx, const struct section *s)
{
	const struct region *r = region_get(ctx, s->index);
	const lm_register_t *reg;
	uint32_t idx;
	uint64_t i;

	if (!r || !r->values || s->len % sizeof(struct state_register))
		return false;
	for (i = 0; i < s->len / sizeof(struct state_register); i++) {
		const struct state_register e = register_entry(s, i);

		reg = register_find(r->info.regs, e.offset, &idx);
		if (!reg || (reg->width < 8 && e.value >> (8 * reg->width)))
			return false;
	}
	return true;
}

static uint64_t memory_offset(const struct section *s)
{
	uint64_t offset;

	memcpy(&offset, s->data, sizeof(offset));
	return le64toh(offset);
}

static const char *section_name(uint32_t tag)
{
	static const char *const names[] = {
		[STATE_CONFIG] = "configuration space",
		[STATE_MSIX] = "MSI-X table",
		[STATE_IRQ] = "interrupts",
		[STATE_REGISTERS] = "registers of a region",
		[STATE_MEMORY] = "memory of a region",
		[STATE_DEVICE] = "what lm_dev_info_t.save gave",
		[STATE_OWN] = "lm_state()",
		[STATE_ENFORCED] = "bus mastering",
		[STATE_VPD] = "vital product data",
	};
	_Static_assert(LM_NR(names) == STATE_NR_TAGS, "every section has a name");

	return tag && tag < STATE_NR_TAGS ? names[tag] : "a section of a newer libmuser";
}

static bool section_fits(const struct lm_ctx *ctx, struct state *st, const struct section *s)
{
	const struct region *r;

	switch (s->tag) {
	case STATE_REGISTERS: return registers_fit(ctx, s);
	case STATE_MEMORY:
		r = region_get(ctx, s->index);
		return r && r->mem && !r->is_file && s->len >= sizeof(uint64_t) &&
		       !out_of_range(memory_offset(s), s->len - sizeof(uint64_t), r->info.size);
	case STATE_CONFIG:
	case STATE_MSIX:
	case STATE_VPD:
	case STATE_IRQ:
	case STATE_DEVICE:
	case STATE_OWN:
	case STATE_ENFORCED:
		if ((s->index && s->tag != STATE_OWN) || st->part[s->tag].data)
			return false;
		st->part[s->tag] = *s;
		return true;
	default: return false;
	}
}

static int own_check(struct lm_ctx *ctx, const struct section *own)
{
	const uint64_t size = ctx->info.state_size;

	if (own->len != size || !own->data != !size)
		return rejected(ctx, "its lm_state() has %llu bytes, and this device %llu",
				(unsigned long long)own->len, (unsigned long long)size);
	if (own->data && own->index != ctx->info.state_version)
		return rejected(ctx, "its state_version is %u, and that of this device %u",
				own->index, ctx->info.state_version);
	return 0;
}

/* The parts that there must be, or must not. */
static int parts_check(struct lm_ctx *ctx, const struct section *part)
{
	if (!part[STATE_CONFIG].data || !part[STATE_IRQ].data)
		return rejected(ctx, "configuration space or interrupts are missing");
	/* Who saves loads. */
	if (!part[STATE_DEVICE].data != !ctx->info.save)
		return rejected(ctx, "it has %s of lm_dev_info_t.save, and this device %s",
				part[STATE_DEVICE].data ? "something" : "nothing",
				ctx->info.save ? "saves something" : "has none");
	if (!vpd_fits(ctx, part[STATE_VPD].len))
		return rejected(ctx, "its vital product data has another size");
	if (part[STATE_ENFORCED].len)
		return rejected(ctx, "section %d should be empty", STATE_ENFORCED);
	if (part[STATE_ENFORCED].data && !config_size(ctx))
		return rejected(ctx, "%s: this device has no such", section_name(STATE_ENFORCED));
	return own_check(ctx, &part[STATE_OWN]);
}

static int state_check(struct lm_ctx *ctx, struct state *st)
{
	size_t pos = sizeof(struct state_header);
	struct section s;
	int ret;

	ret = header_check(ctx, st->buf, st->len);
	if (ret)
		return ret;
	while ((ret = section_next(st, &pos, &s)) == 1) {
		if (!section_fits(ctx, st, &s))
			return rejected(ctx, "%s, number %u: this device has no such",
					section_name(s.tag), s.index);
	}
	if (ret)
		return rejected(ctx, "the section at byte %zu extends beyond the end", pos);
	return parts_check(ctx, st->part);
}

/* ---- applying ------------------------------------------------------------------ */

/* All or none: what can refuse or fail does so before the first of them has changed. The last
 * one delivers what is due. */
static int load_library(struct lm_ctx *ctx, const struct section *part)
{
	const struct section *config = &part[STATE_CONFIG], *msix = &part[STATE_MSIX];
	const struct section *irq = &part[STATE_IRQ];
	const char *what = section_name(STATE_CONFIG);
	int ret;

	ret = config_prepare(ctx, config->data, config->len);
	if (!ret) {
		what = section_name(STATE_IRQ);
		ret = irq_prepare(ctx, irq->data, irq->len);
	}
	if (!ret) {
		what = section_name(STATE_MSIX);
		ret = msix_load(ctx, msix->data, msix->len);
	}
	if (ret == -EINVAL)
		return rejected(ctx, "%s: not what this device can have", what);
	if (ret)
		return ret;
	master_enforce(ctx, part[STATE_ENFORCED].data);
	config_load(ctx, config->data, config->len);
	vpd_load(ctx, part[STATE_VPD].data);
	irq_load(ctx, irq->data, irq->len);
	return 0;
}

static void load_section(const struct lm_ctx *ctx, const struct section *s)
{
	struct region *r = region_get(ctx, s->index);
	uint32_t idx;
	uint64_t i;

	if (s->tag == STATE_MEMORY)
		memcpy((char *)r->mem + memory_offset(s), s->data + sizeof(uint64_t),
		       s->len - sizeof(uint64_t));
	if (s->tag != STATE_REGISTERS)
		return;
	for (i = 0; i < s->len / sizeof(struct state_register); i++) {
		const struct state_register e = register_entry(s, i);

		register_find(r->info.regs, e.offset, &idx);
		r->values[idx] = e.value;
	}
}

LM_EXPORT int lm_ctx_load(lm_ctx_t *ctx, const void *buf, size_t len)
{
	struct state st = { .buf = buf, .len = len };
	const struct section *device = &st.part[STATE_DEVICE];
	size_t pos = sizeof(struct state_header);
	struct section s;
	uint32_t i;
	int ret;

	if (ctx_is_half_done(ctx))
		return -EBUSY;
	ret = state_check(ctx, &st);
	ret = ret ?: load_library(ctx, st.part);
	if (ret)
		return ret;
	for (i = 0; i < region_count(ctx); i++) {
		struct region *r = region_get(ctx, i);

		if (r->values)
			register_reset(r);
		if (r->mem)
			region_memory_clear(r);
	}
	while (section_next(&st, &pos, &s) == 1)
		load_section(ctx, &s);
	if (st.part[STATE_OWN].data)
		memcpy(persist_device(ctx), st.part[STATE_OWN].data, ctx->info.state_size);
	if (!ctx->info.load)
		return 0;
	ret = call_load(ctx, device->data, device->len);
	if (ret) {
		log_err(ctx, "the saved state is rejected by the device, which is reset: %s",
			strerror(-ret));
		function_reset(ctx, NULL, LM_RESET_LOAD);
	}
	return ret;
}
