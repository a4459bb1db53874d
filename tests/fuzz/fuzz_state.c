/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_state.c - lm_ctx_load() of a state from a stranger.
 *
 * An input is a state as it is, or edits of the device's own: sections that are changed, cut,
 * dropped, doubled and added. A state that is taken must be one that can be saved and taken
 * again, and is the same then; one that is refused must have changed nothing.
 */
#include "region/region.h"
#include "device.h"
#include "state.h"

#define MAX_SECTIONS 24u
#define SECTION_MAX  16384u
#define STATE_MAX    (64 + MAX_SECTIONS * (SECTION_MAX + 16)) /* with a header */

struct part {
	struct state_section head;
	char                 data[SECTION_MAX];
};

static struct part parts[MAX_SECTIONS];
static unsigned int nr_parts;

struct blob {
	size_t len;
	char   data[STATE_MAX];
};

static void save(struct blob *to)
{
	to->len = sizeof(to->data);
	FUZZ_CHECK(!lm_ctx_save(dev.ctx, to->data, &to->len));
}

/* ---- a state to begin with ------------------------------------------------------- */

static void guest_write(struct input *in)
{
	static const uint8_t regions[] = {
		LM_CFG_REG_IDX, BAR_KEPT, BAR_WIDE, BAR_PLAIN, LM_CFG_REG_IDX, REGION_MAP,
	};
	char data[8];
	struct access a = {
		.region = regions[take_u8(in) % sizeof(regions)], .offset = take_u16(in) & 0xfff,
		.count = 1u << take_u8(in) % 4, .buf = data, .is_write = true,
	};

	take(in, data, sizeof(data));
	region_access(dev.ctx, &a);
}

/* What the device has done to it is part of its state. */
static void prepare(struct input *in)
{
	unsigned int nr = take_u8(in) % 16;

	memcpy(dev.saved, "0123456789abcdef", SAVED_SIZE);
	for (; nr; nr--) {
		if (take_u8(in) & 1)
			guest_write(in);
		else
			device_act(take_u8(in) % 4, take_u8(in));
	}
}

static void split(const struct blob *from)
{
	size_t pos = sizeof(struct state_header);

	for (nr_parts = 0; pos < from->len && nr_parts < MAX_SECTIONS - 4; nr_parts++) {
		struct part *p = &parts[nr_parts];

		memcpy(&p->head, from->data + pos, sizeof(p->head));
		pos += sizeof(p->head);
		FUZZ_CHECK(p->head.length <= SECTION_MAX);
		memset(p->data, 0, sizeof(p->data));
		memcpy(p->data, from->data + pos, p->head.length);
		pos += state_padded(p->head.length);
	}
}

static void join(struct blob *to)
{
	struct state_header head;
	unsigned int i;

	to->len = sizeof(head);
	for (i = 0; i < nr_parts; i++) {
		uint64_t len = state_padded(parts[i].head.length);

		memcpy(to->data + to->len, &parts[i].head, sizeof(parts[i].head));
		to->len += sizeof(parts[i].head);
		len = len < SECTION_MAX ? len : SECTION_MAX;
		memcpy(to->data + to->len, parts[i].data, len);
		to->len += len;
	}
	memcpy(&head, to->data, sizeof(head));
	head.length = to->len;
	memcpy(to->data, &head, sizeof(head));
}

/* ---- edits ----------------------------------------------------------------------- */

static void part_drop(unsigned int which)
{
	parts[which] = parts[--nr_parts];
}

static void part_add(struct input *in)
{
	struct part *p;
	size_t got;
	const uint8_t *data;

	if (nr_parts == MAX_SECTIONS)
		return;
	p = &parts[nr_parts++];
	*p = (struct part){ .head = { take_u8(in) % (STATE_NR_TAGS + 1), take_u8(in), 0 } };
	data = take_some(in, take_u8(in), &got);
	if (got)
		memcpy(p->data, data, got);
	p->head.length = got;
}

static void part_change(struct input *in, struct part *p)
{
	const uint64_t len = p->head.length < SECTION_MAX ? p->head.length : SECTION_MAX;
	const uint16_t where = take_u16(in);
	const uint8_t byte = take_u8(in);

	if (where & 0x8000)
		p->data[where % 64] ^= (char)byte;
	else if (len)
		p->data[where % len] ^= (char)byte;
}

/* Registers and memory have entries at their start. */
static void part_number(struct input *in, struct part *p)
{
	const uint64_t number = take_number(in);

	memcpy(p->data + take_u8(in) % 8 * 8, &number, sizeof(number));
}

static void edit(struct input *in)
{
	const uint8_t op = take_u8(in);
	const unsigned int which = nr_parts ? take_u8(in) % nr_parts : 0;
	struct part *p = &parts[which];

	if (op % 8 == 0 || !nr_parts) {
		part_add(in);
		return;
	}
	switch (op % 8) {
	case 1: part_drop(which); break;
	case 2: p->head.length = take_number(in) & (op & 8 ? UINT64_MAX : 0x1fff); break;
	case 3: p->head.index = take_u8(in); break;
	case 4: p->head.tag = take_u8(in); break;
	case 5: part_number(in, p); break;
	case 6: if (nr_parts < MAX_SECTIONS) parts[nr_parts++] = *p; break;
	default: part_change(in, p);
	}
}

static void edit_header(struct input *in, struct blob *b)
{
	const uint8_t op = take_u8(in);

	if (op == 0xff)
		b->data[take_u8(in) % sizeof(struct state_header)] ^= (char)take_u8(in);
	if (op == 0xfe)
		b->len = take_number(in) % (b->len + 1);
}

/* ---- one input ------------------------------------------------------------------- */

static bool is_same(const struct blob *a, const struct blob *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/* In a buffer of exactly its size, so that reading beyond it is found. */
static int load(const struct blob *b)
{
	char *exact = malloc(b->len ? b->len : 1);
	int ret;

	memcpy(exact, b->data, b->len);
	ret = lm_ctx_load(dev.ctx, exact, b->len);
	free(exact);
	return ret;
}

static void load_and_check(const struct blob *b)
{
	static struct blob before, after, again;
	int ret;

	save(&before);
	ret = load(b);
	FUZZ_CHECK(ret <= 0 && ret > -4096);
	save(&after);
	if (ret) {
		/* When the device itself has refused, it was reset. */
		FUZZ_CHECK(is_same(&before, &after) || dev.refused);
		return;
	}
	FUZZ_CHECK(!load(&after));
	save(&again);
	FUZZ_CHECK(is_same(&after, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct blob blob;
	struct input in = { data, size };
	const bool raw = take_u8(&in) & 1;
	int pair[2];

	device_begin();
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	dev.info.fd = pair[0];
	dev.info.flags = LM_DEV_NO_CONTROL | LM_DEV_CONN_FD;
	device_create();
	if (raw) {
		blob.len = in.left < sizeof(blob.data) ? in.left : sizeof(blob.data);
		take(&in, blob.data, blob.len);
	} else {
		prepare(&in);
		save(&blob);
		split(&blob);
		device_act(take_u8(&in) % 4, take_u8(&in));
		while (in.left > 2)
			edit(&in);
		join(&blob);
		edit_header(&in, &blob);
	}
	load_and_check(&blob);
	device_settle();
	device_end();
	close(pair[1]);
	return 0;
}
