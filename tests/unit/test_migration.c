/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_migration.c - saving a device and taking it back; states from strangers.
 */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/pci_regs.h>

#include "pci/pci.h"
#include "region/region.h"
#include "state.h"

#define BAR_KEPT   LM_BAR0_REG_IDX
#define BAR_SHARED LM_BAR1_REG_IDX /* memory that clients can map */
#define BAR_PLAIN  LM_BAR2_REG_IDX
#define BAR_RAW    LM_BAR3_REG_IDX
#define SHARED_SIZE (64u * 1024u)
#define PLAIN_SIZE  64u
#define PM_AT       0x80

/* One device, with state of its own. */
struct dev {
	lm_ctx_t  *ctx;
	int        peer;         /* the client's end */
	uint32_t   own;          /* what its callbacks save */
	int        load_result;
	unsigned   loads, resets;
	lm_token_t token;
};

static ssize_t dev_save(void *pvt, void *buf, size_t size)
{
	const struct dev *d = pvt;

	if (size >= sizeof(d->own))
		memcpy(buf, &d->own, sizeof(d->own));
	return sizeof(d->own);
}

static int dev_load(void *pvt, const void *buf, size_t size)
{
	struct dev *d = pvt;

	d->loads++;
	if (d->load_result || size != sizeof(d->own))
		return d->load_result ?: -EINVAL;
	memcpy(&d->own, buf, size);
	return 0;
}

static int dev_reset(void *pvt)
{
	((struct dev *)pvt)->resets++;
	return 0;
}

static ssize_t raw_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	struct dev *d = pvt;

	d->token = lm_defer(d->ctx);
	return LM_DEFER;
}

static const lm_register_t kept[] = {
	{ .name = "A", .offset = 0, .width = 4, .reset = 1 },
	{ .name = "B", .offset = 8, .width = 1 },
	{ .name = "C", .offset = 16, .width = 8 },
};

static const lm_register_map_t kept_map = { LM_REGISTERS(kept) };

#define MEM (LM_REG_FLAG_RW | LM_REG_FLAG_MEM)

/* What was said last. */
static char said[512];

static void log_fn(void *pvt, int level, const char *msg)
{
	snprintf(said, sizeof(said), "%s", msg);
}

static void assert_said(const char *why)
{
	if (!strstr(said, why))
		fail_msg("it said \"%s\", not \"%s\"", said, why);
	said[0] = '\0';
}

static const lm_dev_info_t description = {
	.log = log_fn,
	.pci_info = {
		.id = { .vid = 0x494f, .did = 0x0dc8 },
		.ss = { .vid = 1, .sid = 2 },
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSI_IRQ_IDX] = 4 },
		.reg_info = {
			[BAR_KEPT] = { .flags = MEM, .size = 32, .regs = &kept_map },
			[BAR_SHARED] = { .flags = MEM | LM_REG_FLAG_MMAP,
					 .size = SHARED_SIZE },
			[BAR_PLAIN] = { .flags = MEM, .size = PLAIN_SIZE },
			[BAR_RAW] = { .flags = MEM, .size = 16, .fn = raw_access },
		},
	},
	.flags = LM_DEV_NO_CONTROL | LM_DEV_CONN_FD,
	.save = dev_save,
	.load = dev_load,
	.reset = dev_reset,
};

static void dev_start(struct dev *d, const lm_dev_info_t *info)
{
	lm_dev_info_t own = *info;
	int fds[2];

	memset(d, 0, sizeof(*d));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	own.pvt = d;
	own.fd = fds[0];
	d->peer = fds[1];
	d->ctx = lm_ctx_create(&own);
	assert_non_null(d->ctx);
}

static void dev_stop(struct dev *d)
{
	lm_ctx_destroy(d->ctx);
	close(d->peer);
}

static char *save(struct dev *d, size_t *len)
{
	char *buf;

	*len = 0;
	assert_int_equal(lm_ctx_save(d->ctx, NULL, len), 0);
	buf = malloc(*len);
	assert_non_null(buf);
	assert_int_equal(lm_ctx_save(d->ctx, buf, len), 0);
	return buf;
}

/* A device after some use. */
static void dirty(struct dev *d)
{
	const uint16_t command = PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	const uint32_t bar = 0xfe000000;
	char *shared = lm_mmap(d->ctx, BAR_SHARED, 0, SHARED_SIZE);

	d->own = 0xdeadbeef;
	assert_int_equal(lm_register_set(d->ctx, BAR_KEPT, 0, 0x11223344), 0);
	assert_int_equal(lm_register_set(d->ctx, BAR_KEPT, 16, UINT64_MAX), 0);
	shared[5] = 'a';
	shared[SHARED_SIZE - 1] = 'z';
	memcpy(lm_mmap(d->ctx, BAR_PLAIN, 0, 4), "wxyz", 4);
	master_client_writes(d->ctx, PCI_COMMAND, 2);
	assert_int_equal(config_access(d->ctx, (char *)&command, 2, PCI_COMMAND, true), 2);
	assert_int_equal(config_access(d->ctx, (char *)&bar, 4, PCI_BASE_ADDRESS_0, true), 4);
	lm_irq_set_level(d->ctx, true);
}

static void assert_dirty(struct dev *d)
{
	const char *shared = lm_mmap(d->ctx, BAR_SHARED, 0, SHARED_SIZE);
	uint16_t command, status;
	uint32_t bar;

	assert_int_equal(d->own, 0xdeadbeef);
	assert_int_equal(lm_register_get(d->ctx, BAR_KEPT, 0), 0x11223344);
	assert_int_equal(lm_register_get(d->ctx, BAR_KEPT, 8), 0);
	assert_true(lm_register_get(d->ctx, BAR_KEPT, 16) == UINT64_MAX);
	assert_int_equal(shared[4], 0);
	assert_int_equal(shared[5], 'a');
	assert_int_equal(shared[SHARED_SIZE - 1], 'z');
	assert_memory_equal(lm_mmap(d->ctx, BAR_PLAIN, 0, 5), "wxyz", 5);
	lm_config_read(d->ctx, PCI_COMMAND, &command, 2);
	assert_int_equal(command, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	assert_true(master_is_enforced(d->ctx));
	lm_config_read(d->ctx, PCI_BASE_ADDRESS_0, &bar, 4);
	assert_int_equal(bar, 0xfe000000);
	lm_config_read(d->ctx, PCI_STATUS, &status, 2);
	assert_true(status & PCI_STATUS_INTERRUPT);
	assert_true(irq_intx_level(d->ctx));
}

static void assert_fresh(struct dev *d)
{
	const char *shared = lm_mmap(d->ctx, BAR_SHARED, 0, SHARED_SIZE);
	uint16_t command;

	assert_int_equal(d->own, 0);
	assert_int_equal(lm_register_get(d->ctx, BAR_KEPT, 0), 1);
	assert_int_equal(shared[5], 0);
	lm_config_read(d->ctx, PCI_COMMAND, &command, 2);
	assert_int_equal(command, 0);
	assert_false(master_is_enforced(d->ctx));
	assert_false(irq_intx_level(d->ctx));
}

/* ---- both ways ------------------------------------------------------------------- */

static void a_device_goes_on_where_another_was(void **state)
{
	struct dev a, b;
	size_t len;
	char *buf;

	dev_start(&a, &description);
	dirty(&a);
	buf = save(&a, &len);
	dev_stop(&a);
	dev_start(&b, &description);
	assert_fresh(&b);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), 0);
	assert_dirty(&b);
	assert_int_equal(b.loads, 1);
	assert_int_equal(b.resets, 0);
	dev_stop(&b);
	free(buf);
}

static uint32_t vpd_access(struct dev *d, uint32_t value, uint16_t address)
{
	const uint32_t at = lm_cap_find(d->ctx, PCI_CAP_ID_VPD, false, 0);

	config_access(d->ctx, (char *)&value, 4, at + PCI_VPD_DATA, true);
	config_access(d->ctx, (char *)&address, 2, at + PCI_VPD_ADDR, true);
	lm_config_read(d->ctx, at + PCI_VPD_DATA, &value, 4);
	return value;
}

static void vital_product_data_is_saved(void **state)
{
	static const lm_vpd_t vpd = { .data = "\x91\x08\x00" "Y0\x05" "empty\x78", .size = 12 };
	lm_dev_info_t info = description;
	struct dev a, b;
	size_t len;
	char *buf;

	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VPD, .offset = 0x40, .vpd = &vpd };
	dev_start(&a, &info);
	vpd_access(&a, 0x34333231, PCI_VPD_ADDR_F | 4);
	buf = save(&a, &len);
	dev_stop(&a);
	dev_start(&b, &info);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), 0);
	assert_int_equal(vpd_access(&b, 0, 4), 0x34333231);
	dev_stop(&b);
	info.caps[0].vpd = &(lm_vpd_t){ .data = "\x91\x04\x00" "Y0\x01" "x\x78", .size = 8 };
	dev_start(&b, &info);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), -EINVAL);
	assert_said("its vital product data has another size");
	dev_stop(&b);
	free(buf);
}

static void what_was_there_before_is_gone(void **state)
{
	struct dev a, b;
	size_t len;
	char *buf;

	dev_start(&a, &description);
	dev_start(&b, &description);
	dirty(&b);
	lm_register_set(b.ctx, BAR_KEPT, 8, 7);
	buf = save(&a, &len);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), 0);
	assert_fresh(&b);
	assert_int_equal(lm_register_get(b.ctx, BAR_KEPT, 8), 0);
	dev_stop(&a);
	dev_stop(&b);
	free(buf);
}

static void memory_that_nobody_used_costs_nothing(void **state)
{
	size_t fresh = 0, used = 0;
	struct dev d;

	dev_start(&d, &description);
	assert_int_equal(lm_ctx_save(d.ctx, NULL, &fresh), 0);
	assert_in_range(fresh, 1, 4096);
	((char *)lm_mmap(d.ctx, BAR_SHARED, 0, SHARED_SIZE))[9000] = 1;
	assert_int_equal(lm_ctx_save(d.ctx, NULL, &used), 0);
	assert_in_range(used - fresh, 4096, 4096 + 64);
	dev_stop(&d);
}

static void too_little_room_is_told(void **state)
{
	size_t need, len, i;
	struct dev d;
	char *buf;

	dev_start(&d, &description);
	dirty(&d);
	free(save(&d, &need));
	for (i = 0; i < need; i += i < 600 ? 1 : 333) {
		buf = malloc(i ? i : 1); /* so that a byte too many is noticed */
		len = i;
		assert_int_equal(lm_ctx_save(d.ctx, buf, &len), -ENOSPC);
		assert_int_equal(len, need);
		free(buf);
	}
	dev_stop(&d);
}

static void nothing_is_saved_or_loaded_while_a_request_waits(void **state)
{
	struct access a = { .region = BAR_RAW, .count = 4 };
	char bytes[4], *buf;
	struct dev d;
	size_t len;

	dev_start(&d, &description);
	buf = save(&d, &len);
	a.buf = bytes;
	assert_int_equal(region_access(d.ctx, &a), LM_DEFER);
	assert_int_equal(lm_ctx_save(d.ctx, NULL, &len), -EBUSY);
	assert_int_equal(lm_ctx_load(d.ctx, buf, len), -EBUSY);
	region_cancel(d.ctx, &a);
	assert_int_equal(lm_ctx_load(d.ctx, buf, len), 0);
	dev_stop(&d);
	free(buf);
}

static void a_device_without_state_of_its_own_needs_no_callbacks(void **state)
{
	lm_dev_info_t plain = description;
	struct dev a, b;
	size_t len;
	char *buf;

	plain.save = NULL;
	plain.load = NULL;
	dev_start(&a, &plain);
	dev_start(&b, &plain);
	lm_register_set(a.ctx, BAR_KEPT, 8, 9);
	buf = save(&a, &len);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), 0);
	assert_int_equal(lm_register_get(b.ctx, BAR_KEPT, 8), 9);
	dev_stop(&a);
	dev_stop(&b);
	free(buf);
}

static int load_nothing(void *pvt, const void *buf, size_t size)
{
	struct dev *d = pvt;

	assert_null(buf);
	assert_int_equal(size, 0);
	d->loads++;
	d->own = (uint32_t)lm_register_get(d->ctx, BAR_KEPT, 8);
	return d->load_result;
}

static void a_device_without_save_knows_when_its_state_is_in_place(void **state)
{
	lm_dev_info_t plain = description;
	struct dev a, b;
	size_t len;
	char *buf;

	plain.save = NULL;
	plain.load = load_nothing;
	dev_start(&a, &plain);
	dev_start(&b, &plain);
	lm_register_set(a.ctx, BAR_KEPT, 8, 9);
	buf = save(&a, &len);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), 0);
	assert_int_equal(b.loads, 1);
	assert_int_equal(b.own, 9);
	b.load_result = -EPERM;
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), -EPERM);
	assert_int_equal(b.resets, 1);
	dev_stop(&a);
	dev_stop(&b);
	free(buf);
}

/* Beside what its callbacks save. */
static void the_state_of_a_device_is_saved(void **state)
{
	lm_dev_info_t stateful = description;
	struct dev a, b;
	size_t len;
	char *buf;

	stateful.state_size = 8;
	stateful.state_version = 3;
	dev_start(&a, &stateful);
	dev_start(&b, &stateful);
	dirty(&a);
	memcpy(lm_state(a.ctx), "as it is", 8);
	buf = save(&a, &len);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), 0);
	assert_memory_equal(lm_state(b.ctx), "as it is", 8);
	assert_dirty(&b);
	dev_stop(&a);
	dev_stop(&b);
	free(buf);
}

static void state_of_another_version_is_refused(void **state)
{
	lm_dev_info_t stateful = description;
	struct dev a, b;
	size_t len;
	char *buf;

	stateful.state_size = 8;
	stateful.state_version = 3;
	dev_start(&a, &stateful);
	stateful.state_version = 4;
	dev_start(&b, &stateful);
	memcpy(lm_state(a.ctx), "as it is", 8);
	buf = save(&a, &len);
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), -EINVAL);
	assert_said("its state_version is 3, and that of this device 4");
	assert_memory_equal(lm_state(b.ctx), "\0\0\0\0\0\0\0", 8);
	dev_stop(&a);
	dev_stop(&b);
	free(buf);
}

static void a_device_that_refuses_its_state_is_reset(void **state)
{
	struct dev a, b;
	size_t len;
	char *buf;

	dev_start(&a, &description);
	dev_start(&b, &description);
	dirty(&a);
	buf = save(&a, &len);
	b.load_result = -EILSEQ;
	assert_int_equal(lm_ctx_load(b.ctx, buf, len), -EILSEQ);
	assert_said("the saved state is rejected by the device, which is reset: Invalid or ");
	assert_int_equal(b.resets, 1);
	assert_int_equal(lm_register_get(b.ctx, BAR_KEPT, 0), 1);
	assert_false(irq_intx_level(b.ctx));
	dev_stop(&a);
	dev_stop(&b);
	free(buf);
}

/* ---- strangers ------------------------------------------------------------------- */

/* A fresh device, and the state of a used one to spoil. */
struct stranger {
	struct dev d;
	char      *buf;
	size_t     len;
};

static int stranger_setup(void **state)
{
	struct stranger *s = calloc(1, sizeof(*s));
	struct dev a;

	assert_non_null(s);
	dev_start(&a, &description);
	dirty(&a);
	s->buf = save(&a, &s->len);
	dev_stop(&a);
	dev_start(&s->d, &description);
	*state = s;
	return 0;
}

static int stranger_teardown(void **state)
{
	struct stranger *s = *state;

	dev_stop(&s->d);
	free(s->buf);
	free(s);
	return 0;
}

static void assert_refused(struct stranger *s, const void *buf, size_t len)
{
	said[0] = '\0';
	assert_int_equal(lm_ctx_load(s->d.ctx, buf, len), -EINVAL);
	if (strncmp(said, "the saved state is rejected: ", 29))
		fail_msg("it said \"%s\"", said);
	assert_int_equal(s->d.loads, 0);
	assert_fresh(&s->d);
}

/* The header of the first section with this tag. */
static struct state_section *find(struct stranger *s, uint32_t tag)
{
	size_t pos = sizeof(struct state_header);

	while (pos < s->len) {
		struct state_section *head = (struct state_section *)(s->buf + pos);

		if (head->tag == tag)
			return head;
		pos += sizeof(*head) + state_padded(head->length);
	}
	fail();
	return NULL;
}

/* Does it without section @head, or twice with it. */
static void assert_refused_edited(struct stranger *s, struct state_section *head, bool twice)
{
	const size_t size = sizeof(*head) + state_padded(head->length);
	const size_t at = (size_t)((char *)head - s->buf), end = at + size;
	char *buf = malloc(s->len + size);
	const size_t len = twice ? s->len + size : s->len - size;

	memcpy(buf, s->buf, twice ? end : at);
	memcpy(buf + (twice ? end : at), s->buf + (twice ? at : end),
	       s->len - (twice ? at : end));
	((struct state_header *)buf)->length = len;
	assert_refused(s, buf, len);
	free(buf);
}

static void states_of_other_devices_are_refused(void **state)
{
	struct stranger *s = *state;
	struct state_header *h = (struct state_header *)s->buf, good = *h;

#define REFUSED(member, value, why) \
	do { \
		h->member = (value); \
		assert_refused(s, s->buf, s->len); \
		assert_said(why); \
		*h = good; \
	} while (0)

	REFUSED(magic, 0, "bytes are none");
	REFUSED(version, STATE_VERSION + 1, "it is of version 2, and this libmuser knows ");
	REFUSED(reserved, 1, "bytes are none");
	REFUSED(identity, htole64(0x000200010dc80001), "it is that of device 0001:0dc8");
	REFUSED(identity, htole64(0x000200010001494f), "it is that of device 494f:0001");
	REFUSED(identity, htole64(0x000200070dc8494f), "it is that of subsystem 0007:0002");
	REFUSED(identity, htole64(0x000700010dc8494f), "it is that of subsystem 0001:0007");
	REFUSED(length, s->len + 8, "bytes, and says that it has ");
	REFUSED(length, UINT64_MAX, "bytes, and says that it has ");
#undef REFUSED
	assert_int_equal(lm_ctx_load(s->d.ctx, s->buf, s->len), 0);
	assert_dirty(&s->d);
}

/* Cut anywhere, with a header that fits: only whole states count. */
static void states_cut_short_are_refused(void **state)
{
	struct stranger *s = *state;
	size_t len;

	for (len = 0; len < s->len; len += len < 600 ? 1 : 97) {
		char *cut = malloc(len ? len : 1);

		memcpy(cut, s->buf, len);
		if (len >= sizeof(struct state_header))
			((struct state_header *)cut)->length = len;
		assert_refused(s, cut, len);
		free(cut);
	}
}

static void sections_that_lie_about_their_length_are_refused(void **state)
{
	static const uint64_t lengths[] = {
		UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 15, 1ull << 63, 1ull << 32, 65536,
	};
	struct stranger *s = *state;
	uint32_t tag;
	size_t i;

	for (tag = STATE_CONFIG; tag < STATE_NR_TAGS; tag++) {
		struct state_section *head;
		uint64_t good;

		if (tag == STATE_MSIX || tag == STATE_OWN || tag == STATE_VPD)
			continue; /* the device has none */
		head = find(s, tag);
		good = head->length;
		for (i = 0; i < LM_NR(lengths); i++) {
			head->length = lengths[i];
			assert_refused(s, s->buf, s->len);
		}
		head->length = good;
	}
}

static void what_must_be_there_is_missed(void **state)
{
	struct stranger *s = *state;

	assert_refused_edited(s, find(s, STATE_CONFIG), false);
	assert_refused_edited(s, find(s, STATE_IRQ), false);
	assert_refused_edited(s, find(s, STATE_DEVICE), false);
}

static void what_comes_twice_is_refused(void **state)
{
	struct stranger *s = *state;

	assert_refused_edited(s, find(s, STATE_CONFIG), true);
	assert_refused_edited(s, find(s, STATE_IRQ), true);
	assert_refused_edited(s, find(s, STATE_DEVICE), true);
	assert_refused_edited(s, find(s, STATE_ENFORCED), true);
}

static void sections_for_nothing_are_refused(void **state)
{
	static const uint32_t indexes[] = { BAR_RAW, LM_BAR5_REG_IDX, LM_CFG_REG_IDX, 99,
					    UINT32_MAX };
	struct stranger *s = *state;
	struct state_section *regs = find(s, STATE_REGISTERS), *mem = find(s, STATE_MEMORY);
	const struct state_section good_regs = *regs, good_mem = *mem;
	size_t i;

	for (i = 0; i < LM_NR(indexes); i++) {
		regs->index = indexes[i];
		assert_refused(s, s->buf, s->len);
		*regs = good_regs;
		mem->index = indexes[i];
		assert_refused(s, s->buf, s->len);
		*mem = good_mem;
	}
	regs->tag = STATE_NR_TAGS;
	assert_refused(s, s->buf, s->len);
	regs->tag = 0;
	assert_refused(s, s->buf, s->len);
	*regs = good_regs;
	find(s, STATE_CONFIG)->index = 1;
	assert_refused(s, s->buf, s->len);
	assert_said("configuration space, number 1: this device has no such");
}

static void values_that_do_not_fit_are_refused(void **state)
{
	struct stranger *s = *state;
	struct state_section *head = find(s, STATE_REGISTERS);
	struct state_register *regs = (struct state_register *)(head + 1);
	const struct state_register good = regs[1];
	uint64_t *offset;

	regs[1].value = 0x100; /* wider than the register */
	assert_refused(s, s->buf, s->len);
	regs[1] = good;
	regs[1].offset = 9; /* no register */
	assert_refused(s, s->buf, s->len);
	regs[1].offset = UINT64_MAX;
	assert_refused(s, s->buf, s->len);
	regs[1] = good;
	offset = (uint64_t *)(find(s, STATE_MEMORY) + 1);
	*offset = SHARED_SIZE - 4095;
	assert_refused(s, s->buf, s->len);
	*offset = UINT64_MAX - 4095;
	assert_refused(s, s->buf, s->len);
	*offset = 0;
	assert_int_equal(lm_ctx_load(s->d.ctx, s->buf, s->len), 0);
}

/* The last part to judge its section refuses: those before it have not changed. */
static void a_bad_part_leaves_the_others_as_they_were(void **state)
{
	struct stranger *s = *state;
	uint8_t *irq = (uint8_t *)(find(s, STATE_IRQ) + 1);

	irq[0] = 0xff;
	assert_refused(s, s->buf, s->len);
	assert_said("interrupts: not what this device can have");
}

/* A device with extended configuration space and power management, and the state of another
 * one of its kind: with a longer configuration space, and spoiled in its last part. */
static void refused_state(struct stranger *s, struct dev *d)
{
	lm_dev_info_t info = description;
	const uint32_t vendor = 0x1af4;
	struct dev other;

	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .offset = PM_AT };
	info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_EXP };
	dev_start(&other, &info);
	assert_int_equal(lm_config_write(other.ctx, 0x800, &vendor, 4), 0);
	free(s->buf);
	s->buf = save(&other, &s->len);
	dev_stop(&other);
	*(uint8_t *)(find(s, STATE_IRQ) + 1) = 0xff;
	dev_start(d, &info);
}

static void assert_refused_unchanged(struct stranger *s, struct dev *d)
{
	size_t before_len, after_len;
	char *before = save(d, &before_len), *after;

	assert_int_equal(lm_ctx_load(d->ctx, s->buf, s->len), -EINVAL);
	after = save(d, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);
	dev_stop(d);
}

static void a_refused_state_leaves_no_longer_configuration_space(void **state)
{
	struct dev d;

	refused_state(*state, &d);
	assert_refused_unchanged(*state, &d);
}

/* What no guest could have written, the device can: D1. */
static void a_refused_state_leaves_what_the_device_has_written(void **state)
{
	const uint16_t d1 = PCI_PM_CTRL_NO_SOFT_RESET | 1;
	struct dev d;

	refused_state(*state, &d);
	assert_int_equal(lm_config_write(d.ctx, PM_AT + PCI_PM_CTRL, &d1, 2), 0);
	assert_refused_unchanged(*state, &d);
}

/* Ids, capabilities, size bits of BARs: configuration space cannot become another's. */
static void configuration_space_keeps_its_shape(void **state)
{
	struct stranger *s = *state;
	uint8_t *config = (uint8_t *)(find(s, STATE_CONFIG) + 1);

	config[PCI_CAPABILITY_LIST] ^= 0xff;
	assert_refused(s, s->buf, s->len);
	config[PCI_CAPABILITY_LIST] ^= 0xff;
	config[PCI_BASE_ADDRESS_0] |= 1;
	assert_refused(s, s->buf, s->len);
}

#define STRANGER(f) cmocka_unit_test_setup_teardown(f, stranger_setup, stranger_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_goes_on_where_another_was),
		cmocka_unit_test(vital_product_data_is_saved),
		cmocka_unit_test(what_was_there_before_is_gone),
		cmocka_unit_test(memory_that_nobody_used_costs_nothing),
		cmocka_unit_test(too_little_room_is_told),
		cmocka_unit_test(nothing_is_saved_or_loaded_while_a_request_waits),
		cmocka_unit_test(a_device_without_state_of_its_own_needs_no_callbacks),
		cmocka_unit_test(a_device_without_save_knows_when_its_state_is_in_place),
		cmocka_unit_test(the_state_of_a_device_is_saved),
		cmocka_unit_test(state_of_another_version_is_refused),
		cmocka_unit_test(a_device_that_refuses_its_state_is_reset),
		STRANGER(states_of_other_devices_are_refused),
		STRANGER(states_cut_short_are_refused),
		STRANGER(sections_that_lie_about_their_length_are_refused),
		STRANGER(what_must_be_there_is_missed),
		STRANGER(what_comes_twice_is_refused),
		STRANGER(sections_for_nothing_are_refused),
		STRANGER(values_that_do_not_fit_are_refused),
		STRANGER(a_bad_part_leaves_the_others_as_they_were),
		STRANGER(a_refused_state_leaves_no_longer_configuration_space),
		STRANGER(a_refused_state_leaves_what_the_device_has_written),
		STRANGER(configuration_space_keeps_its_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
