/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_config.c - configuration space: a guest reads and writes any bytes at any width.
 *
 * A PCI Express device with all kinds of capabilities. What no guest may change must stay; a
 * wide access must be what its bytes are; reading must change nothing; lists of capabilities
 * must end. Interrupts fire meanwhile, as configuration space tells them where to.
 */
#include "pci/pci.h"
#include "region/region.h"
#include "trace/trace.h"
#include "device.h"

#define MAX_STEPS 256u

/* Bytes that are the device's own: a guest that changes them would be offered another device. */
static const struct {
	uint16_t offset, len;
} fixed[] = {
	{ PCI_VENDOR_ID, 4 }, { PCI_CLASS_REVISION, 4 }, { PCI_HEADER_TYPE, 1 },
	{ PCI_SUBSYSTEM_VENDOR_ID, 4 }, { PCI_CAPABILITY_LIST, 1 }, { PCI_INTERRUPT_PIN, 1 },
};

/* Reads as musctl, which gets to know what fails; writes as a guest. */
static ssize_t config_io(void *buf, uint32_t count, uint64_t offset, bool is_write)
{
	struct access a = { .region = LM_CFG_REG_IDX, .offset = offset, .count = count,
			    .buf = buf, .is_write = is_write,
			    .trace_flags = is_write ? 0 : LM_TRACE_CONTROL };

	return region_access(dev.ctx, &a);
}

static uint32_t config_value(uint32_t offset, uint32_t width)
{
	uint32_t value = 0;

	FUZZ_CHECK(config_io(&value, width, offset, false) == (ssize_t)width);
	return value;
}

/* Offsets where a callback refuses: vendor_cap() and config_bytes(). */
static ssize_t read_bytes(uint8_t *buf, uint32_t count, uint32_t offset)
{
	ssize_t all = (ssize_t)count;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (config_io(buf + i, 1, offset + i, false) != 1)
			all = -1;
	}
	return all;
}

static void check_read(uint32_t count, uint32_t offset)
{
	uint8_t wide[64], bytes[64], again[64];
	const ssize_t got = config_io(wide, count, offset, false);

	FUZZ_CHECK(got == (ssize_t)count || got == -EIO || got == -EPERM);
	if (got < 0 || read_bytes(bytes, count, offset) < 0)
		return;
	FUZZ_CHECK(!memcmp(wide, bytes, count));
	FUZZ_CHECK(config_io(again, count, offset, false) == got);
	FUZZ_CHECK(!memcmp(wide, again, count));
}

static void check_lists(void)
{
	uint32_t at = config_value(PCI_CAPABILITY_LIST, 1), nr = 0, header;

	for (; at; at = config_value(at + 1, 1))
		FUZZ_CHECK(at >= PCI_STD_HEADER_SIZEOF && !(at & 3) && ++nr <= 6);
	FUZZ_CHECK(nr == 6);
	for (at = 0x100, nr = 0; at; at = header >> 20) {
		FUZZ_CHECK(at >= 0x100 && !(at & 3) && ++nr <= 4);
		header = config_value(at, 4);
	}
	FUZZ_CHECK(nr == 4);
}

static void read_fixed(uint8_t *to)
{
	unsigned int i;

	for (i = 0; i < LM_NR(fixed); to += fixed[i++].len)
		FUZZ_CHECK(config_io(to, fixed[i].len, fixed[i].offset, false) ==
			   fixed[i].len);
}

static void check_bars(void)
{
	const uint32_t unused[] = { LM_BAR3_REG_IDX };
	uint32_t i, value;

	for (i = LM_BAR0_REG_IDX; i <= LM_BAR5_REG_IDX; i++) {
		value = config_value(PCI_BASE_ADDRESS_0 + 4 * i, 4);
		if (i == unused[0]) /* the upper half of BAR2 */
			continue;
		FUZZ_CHECK((value & 1) == (i == BAR_REGS || i == BAR_PLAIN));
	}
	value = config_value(PCI_BASE_ADDRESS_0 + 4 * BAR_WIDE, 4);
	FUZZ_CHECK((value & (WIDE_SIZE - 1)) == (PCI_BASE_ADDRESS_MEM_TYPE_64 |
						 PCI_BASE_ADDRESS_MEM_PREFETCH));
}

static void out_of_bounds(struct input *in)
{
	const uint64_t offset = take_number(in), count = take_number(in);
	static char buf[8192];

	if (count > sizeof(buf) || !out_of_range(offset, count, config_size(dev.ctx)))
		return;
	FUZZ_CHECK(config_io(buf, (uint32_t)count, offset, false) < 0);
	FUZZ_CHECK(config_io(buf, (uint32_t)count, offset, true) == (ssize_t)count);
}

/* Two bytes: where, and how much of what. */
static void step(struct input *in)
{
	const uint16_t word = take_u16(in);
	const uint32_t offset = word & 0xfff, how = word >> 12;
	const uint32_t max = 4096 - offset < 64 ? 4096 - offset : 64;
	uint32_t count = how & 8 ? take_u8(in) % 64 + 1 : 1u << (how & 3);
	uint8_t buf[64];

	count = count < max ? count : max;
	switch (how & 4 ? take_u8(in) : 0x80) {
	case 0: out_of_bounds(in); break;
	case 1: lm_irq_trigger(dev.ctx, word); break;
	case 2: lm_irq_set_level(dev.ctx, word & 1); break;
	case 3: function_reset(dev.ctx, NULL, LM_RESET_CLIENT); break;
	case 4: check_read(count, offset); break;
	default:
		take(in, buf, count);
		config_io(buf, count, offset, true);
		check_read(count, offset);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t before[64] = { 0 }, after[64] = { 0 };
	int pair[2];
	unsigned int i;

	device_begin();
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	dev.info.fd = pair[0];
	dev.info.flags = LM_DEV_NO_CONTROL | LM_DEV_CONN_FD;
	device_create();
	read_fixed(before);
	for (i = 0; in.left && i < MAX_STEPS; i++)
		step(&in);
	read_fixed(after);
	FUZZ_CHECK(!memcmp(before, after, sizeof(before)));
	check_lists();
	check_bars();
	device_settle();
	device_end();
	close(pair[1]);
	return 0;
}
