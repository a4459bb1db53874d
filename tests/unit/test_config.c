/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_config.c - the type 0 header as a guest meets it, whatever widths it uses.
 */
#include "trace/trace.h"
#include "pci_device.h"

#define BAR(n)    (PCI_BASE_ADDRESS_0 + 4 * (n))
#define NO_OFFSET (-1)

static const lm_dev_info_t plain = {
	.pci_info = {
		.id = { .vid = 0x494f, .did = 0x0dc8 },
		.ss = { .vid = 0x1af4, .sid = 0x1100 },
		.cc = { .bcc = 0x11, .scc = 0x80, .pi = 0x01 },
		.rev = 0x42,
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1 },
		.reg_info = {
			[0] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
				.size = 0x1000 },
			[2] = { .flags = LM_REG_FLAG_RW, .size = 8 },
			[3] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM |
				LM_REG_FLAG_64BIT | LM_REG_FLAG_PREFETCH,
				.size = 0x4000 },
			[LM_ROM_REG_IDX] = { .flags = LM_REG_FLAG_READ, .size = 0x10000 },
		},
	},
};

static struct lm_ctx *ctx;

static int setup(void **state)
{
	ctx = device_new(&plain);
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

/* ---- identity -------------------------------------------------------------------- */

static void identity_is_the_descriptions(void **state)
{
	assert_int_equal(cfg_get(ctx, PCI_VENDOR_ID, 4), 0x0dc8494f);
	assert_int_equal(cfg_get(ctx, PCI_CLASS_REVISION, 4), 0x11800142);
	assert_int_equal(cfg_get(ctx, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	assert_int_equal(cfg_get(ctx, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_NORMAL);
	assert_int_equal(cfg_get(ctx, PCI_CARDBUS_CIS, 4), 0);
	assert_int_equal(config_size(ctx), 256);
}

static void class_zero_becomes_unclassified(void **state)
{
	lm_dev_info_t info = plain;
	struct lm_ctx *c;

	memset(&info.pci_info.cc, 0, sizeof(info.pci_info.cc));
	c = device_new(&info);
	assert_int_equal(cfg_get(c, PCI_CLASS_PROG, 1), 0);
	assert_int_equal(cfg_get(c, PCI_CLASS_DEVICE, 2), 0xff00);
	device_free(c);
}

static void read_only_bytes_take_any_write_and_keep_their_value(void **state)
{
	static const uint8_t read_only[] = {
		0x00, 0x01, 0x02, 0x03, 0x08, 0x09, 0x0a, 0x0b, 0x0e, 0x0f, 0x28,
		0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x34, 0x35, 0x38, 0x3d, 0x3e, 0x3f,
	};
	size_t i;

	for (i = 0; i < LM_NR(read_only); i++) {
		const uint64_t old = cfg_get(ctx, read_only[i], 1);

		cfg_put(ctx, read_only[i], 1, ~old);
		assert_int_equal(cfg_get(ctx, read_only[i], 1), old);
	}
	cfg_put(ctx, PCI_VENDOR_ID, 4, 0xffffffff);
	assert_int_equal(cfg_get(ctx, PCI_VENDOR_ID, 4), 0x0dc8494f);
}

static void latency_cache_line_and_interrupt_line_are_the_guests(void **state)
{
	cfg_put(ctx, PCI_CACHE_LINE_SIZE, 1, 0x10);
	cfg_put(ctx, PCI_LATENCY_TIMER, 1, 0x40);
	cfg_put(ctx, PCI_INTERRUPT_LINE, 1, 0x0b);
	assert_int_equal(cfg_get(ctx, PCI_CACHE_LINE_SIZE, 4), 0x00004010);
	assert_int_equal(cfg_get(ctx, PCI_INTERRUPT_LINE, 4), 0x0000010b);
}

static void interrupt_pin_is_there_only_with_intx(void **state)
{
	lm_dev_info_t info = plain;
	struct lm_ctx *c;

	info.pci_info.intx_pin = 3;
	c = device_new(&info);
	assert_int_equal(cfg_get(c, PCI_INTERRUPT_PIN, 1), 3);
	device_free(c);
	info.pci_info.irq_count[LM_DEV_INTX_IRQ_IDX] = 0;
	c = device_new(&info);
	assert_int_equal(cfg_get(c, PCI_INTERRUPT_PIN, 1), 0);
	device_free(c);
	info.pci_info.intx_pin = 5;
	assert_refused(&info, "intx_pin 5");
}

/* ---- COMMAND and STATUS ---------------------------------------------------------- */

static void command_has_the_writable_bits_of_the_specification(void **state)
{
	cfg_put(ctx, PCI_COMMAND, 2, 0xffff);
	assert_int_equal(cfg_get(ctx, PCI_COMMAND, 2), 0x0547);
	assert_int_equal(config_command(ctx), 0x0547);
	cfg_put(ctx, PCI_COMMAND, 2, 0);
	assert_int_equal(config_command(ctx), 0);
}

static void command_is_written_byte_by_byte(void **state)
{
	cfg_put(ctx, PCI_COMMAND, 1, PCI_COMMAND_PARITY | PCI_COMMAND_MEMORY);
	assert_int_equal(cfg_get(ctx, PCI_COMMAND, 2), 0x0042);
	cfg_put(ctx, PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	assert_int_equal(cfg_get(ctx, PCI_COMMAND, 2), 0x0442);
	assert_int_equal(config_command(ctx), 0x0442);
}

static void status_bits_clear_by_one_byte_by_byte(void **state)
{
	const uint16_t all = 0xf900;

	assert_int_equal(lm_config_write(ctx, PCI_STATUS, &all, 2), 0);
	cfg_put(ctx, PCI_STATUS, 1, 0xff); /* the other byte: clears none */
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 2), 0xf900);
	cfg_put(ctx, PCI_STATUS, 2, 0);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 2), 0xf900);
	cfg_put(ctx, PCI_STATUS + 1, 1, 0x81);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 2), 0x7800);
	cfg_put(ctx, PCI_COMMAND, 4, 0xffff0000);
	assert_int_equal(cfg_get(ctx, PCI_COMMAND, 4), 0);
}

static void status_interrupt_follows_the_line_even_if_disabled(void **state)
{
	uint8_t status;

	lm_irq_set_level(ctx, true);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 1), PCI_STATUS_INTERRUPT);
	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(cfg_get(ctx, PCI_COMMAND, 4), 0x00080400);
	assert_int_equal(lm_config_read(ctx, PCI_STATUS, &status, 1), 0);
	assert_int_equal(status, PCI_STATUS_INTERRUPT);
	cfg_put(ctx, PCI_STATUS, 1, 0xff);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 1), PCI_STATUS_INTERRUPT);
	lm_irq_set_level(ctx, false);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 1), 0);
}

static void status_tells_whether_there_are_capabilities(void **state)
{
	lm_dev_info_t info = plain;
	struct lm_ctx *c;

	assert_int_equal(cfg_get(ctx, PCI_STATUS, 1) & PCI_STATUS_CAP_LIST, 0);
	assert_int_equal(cfg_get(ctx, PCI_CAPABILITY_LIST, 1), 0);
	info.caps[0].id = PCI_CAP_ID_PM;
	c = device_new(&info);
	assert_int_equal(cfg_get(c, PCI_STATUS, 1) & PCI_STATUS_CAP_LIST,
			 PCI_STATUS_CAP_LIST);
	device_free(c);
}

/* ---- BARs ------------------------------------------------------------------------ */

static uint64_t sized(uint32_t offset)
{
	cfg_put(ctx, offset, 4, 0xffffffff);
	return cfg_get(ctx, offset, 4);
}

static void unimplemented_bars_read_zero(void **state)
{
	assert_int_equal(sized(BAR(1)), 0);
	assert_int_equal(sized(BAR(5)), 0);
	cfg_put(ctx, BAR(1), 4, 0xfeed0000);
	assert_int_equal(cfg_get(ctx, BAR(1), 4), 0);
}

static void memory_bar_sizes(void **state)
{
	assert_int_equal(cfg_get(ctx, BAR(0), 4), 0);
	assert_int_equal(sized(BAR(0)), 0xfffff000);
	cfg_put(ctx, BAR(0), 4, 0xfebf1234);
	assert_int_equal(cfg_get(ctx, BAR(0), 4), 0xfebf1000);
}

static void io_bar_sizes(void **state)
{
	assert_int_equal(cfg_get(ctx, BAR(2), 4), PCI_BASE_ADDRESS_SPACE_IO);
	assert_int_equal(sized(BAR(2)), 0xfffffff9);
	cfg_put(ctx, BAR(2), 4, 0xc04e);
	assert_int_equal(cfg_get(ctx, BAR(2), 4), 0xc049);
}

static void upper_half_of_a_small_64_bit_bar_sizes_as_all_ones(void **state)
{
	assert_int_equal(cfg_get(ctx, BAR(3), 4), 0x0c); /* 64 bits, prefetchable */
	assert_int_equal(sized(BAR(3)), 0xffffc00c);
	assert_int_equal(sized(BAR(4)), 0xffffffff);
	cfg_put(ctx, BAR(3), 8, 0x123456789abcdef0);
	assert_int_equal(cfg_get(ctx, BAR(3), 8), 0x123456789abcc00c);
}

static void upper_half_of_a_large_64_bit_bar_has_the_size(void **state)
{
	lm_dev_info_t info = plain;
	struct lm_ctx *c;

	info.pci_info.reg_info[3].size = 1ull << 34;
	c = device_new(&info);
	cfg_put(c, BAR(3), 8, ~0ull);
	assert_int_equal(cfg_get(c, BAR(3), 4), 0x0c);
	assert_int_equal(cfg_get(c, BAR(4), 4), 0xfffffffc);
	device_free(c);
}

static void rom_sizes_and_has_its_enable_bit(void **state)
{
	assert_int_equal(cfg_get(ctx, PCI_ROM_ADDRESS, 4), 0);
	assert_int_equal(sized(PCI_ROM_ADDRESS), 0xffff0001);
	cfg_put(ctx, PCI_ROM_ADDRESS, 4, 0xfff00ffe);
	assert_int_equal(cfg_get(ctx, PCI_ROM_ADDRESS, 4), 0xfff00000);
}

static void rom_of_an_impossible_size_is_refused(void **state)
{
	lm_dev_info_t info = plain;

	info.pci_info.reg_info[LM_ROM_REG_IDX].size = 0x3000;
	assert_refused(&info, "ROM");
	info.pci_info.reg_info[LM_ROM_REG_IDX].size = 0x400;
	assert_refused(&info, "ROM");
}

static void bars_are_written_byte_by_byte(void **state)
{
	cfg_put(ctx, BAR(0) + 3, 1, 0xfe);
	cfg_put(ctx, BAR(0) + 1, 1, 0xff);
	cfg_put(ctx, BAR(0) + 2, 1, 0xbf);
	cfg_put(ctx, BAR(0), 1, 0xff);
	assert_int_equal(cfg_get(ctx, BAR(0), 4), 0xfebff000);
}

/* ---- any width, any alignment ---------------------------------------------------- */

static void a_write_across_registers_changes_each(void **state)
{
	/* upper half of BAR0, lower half of BAR1 */
	cfg_put(ctx, BAR(0) + 2, 4, 0x5678febf);
	assert_int_equal(cfg_get(ctx, BAR(0), 8), 0xfebf0000);
	cfg_put(ctx, PCI_DEVICE_ID, 3, 0x02ffff); /* DEVICE ID and a byte of COMMAND */
	assert_int_equal(cfg_get(ctx, PCI_DEVICE_ID, 4), 0x00020dc8);
}

static void wide_writes_equal_their_bytes(void **state)
{
	struct lm_ctx *other = device_new(&plain);
	uint64_t value = 0x9e3779b97f4a7c15, at;
	uint32_t offset, width, i;

	for (offset = 0; offset < 256; offset++) {
		for (width = 1; width <= 8 && offset + width <= 256; width++) {
			value = value * 6364136223846793005u + 1442695040888963407u;
			cfg_put(ctx, offset, width, value);
			for (i = 0; i < width; i++)
				cfg_put(other, offset + i, 1, value >> 8 * i);
			for (at = 0; at < 256; at += 8)
				assert_int_equal(cfg_get(ctx, (uint32_t)at, 8),
						 cfg_get(other, (uint32_t)at, 8));
		}
	}
	device_free(other);
}

static void the_whole_space_is_written_and_read_at_once(void **state)
{
	uint8_t ones[256], after[256];
	struct access a = {
		.region = LM_CFG_REG_IDX, .count = 256, .buf = (char *)ones,
		.is_write = true,
	};

	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(region_access(ctx, &a), 256);
	a = (struct access){ .region = LM_CFG_REG_IDX, .count = 256,
			     .buf = (char *)after };
	assert_int_equal(region_access(ctx, &a), 256);
	assert_int_equal(after[PCI_VENDOR_ID], 0x4f);
	assert_int_equal(after[PCI_COMMAND], 0x47);
	assert_int_equal(after[0xff], 0);
}

static void nothing_is_there_beyond_the_end(void **state)
{
	uint32_t value = 0;
	struct access a = {
		.region = LM_CFG_REG_IDX, .offset = 0xfe, .count = 4,
		.buf = (char *)&value,
	};

	assert_int_equal(region_access(ctx, &a), 4);
	assert_int_equal(value, UINT32_MAX);
	a.trace_flags = LM_TRACE_CONTROL;
	assert_int_equal(region_access(ctx, &a), -EINVAL);
}

/* ---- bytes that nobody owns ------------------------------------------------------ */

static struct {
	loff_t  offset;
	size_t  count;
	int     calls;
	ssize_t ret;
} raw;

static ssize_t raw_fn(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	raw.offset = offset;
	raw.count = count;
	raw.calls++;
	if (!is_write)
		memset(buf, 0xab, count);
	return raw.ret ?: (ssize_t)count;
}

static struct lm_ctx *raw_device(void)
{
	lm_dev_info_t info = plain;

	memset(&raw, 0, sizeof(raw));
	raw.offset = NO_OFFSET;
	info.pci_info.reg_info[LM_CFG_REG_IDX].fn = raw_fn;
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .offset = 0x50 };
	return device_new(&info);
}

static void unowned_bytes_read_zero_and_drop_writes(void **state)
{
	cfg_put(ctx, 0x40, 8, ~0ull);
	assert_int_equal(cfg_get(ctx, 0x40, 8), 0);
}

static void raw_callback_gets_what_nobody_owns(void **state)
{
	struct lm_ctx *c = raw_device();

	assert_int_equal(cfg_get(c, 0x40, 4), 0xabababab);
	assert_int_equal(raw.offset, 0x40);
	cfg_put(c, 0xfc, 4, 1);
	assert_int_equal(raw.offset, 0xfc);
	device_free(c);
}

static void raw_callback_is_not_asked_about_header_and_capabilities(void **state)
{
	struct lm_ctx *c = raw_device();

	assert_int_equal(cfg_get(c, 0, 4), 0x0dc8494f);
	cfg_put(c, 0x54, 2, 3);
	assert_int_equal(raw.calls, 0);
	device_free(c);
}

static void an_access_is_split_where_the_owner_changes(void **state)
{
	struct lm_ctx *c = raw_device();

	assert_int_equal(cfg_get(c, 0x3e, 4), 0xabab0000);
	assert_int_equal(raw.offset, 0x40);
	assert_int_equal(raw.count, 2);
	assert_int_equal(cfg_get(c, 0x4c, 8), 0x00030001abababab);
	assert_int_equal(raw.offset, 0x4c);
	assert_int_equal(raw.count, 4);
	assert_int_equal(cfg_get(c, 0x56, 4), 0xabab0000);
	assert_int_equal(raw.offset, 0x58);
	device_free(c);
}

static void raw_callbacks_error_reaches_the_guest(void **state)
{
	struct lm_ctx *c = raw_device();
	char byte = 0;

	raw.ret = -EPERM;
	assert_int_equal(config_access(c, &byte, 1, 0x40, false), -EPERM);
	raw.ret = 5;
	assert_int_equal(config_access(c, &byte, 1, 0x40, true), -EIO);
	raw.ret = LM_DEFER;
	assert_int_equal(config_access(c, &byte, 1, 0x40, true), -EIO);
	device_free(c);
}

/* ---- the device's own view ------------------------------------------------------- */

static void device_changes_read_only_bits_for_good(void **state)
{
	const uint16_t did = 0xbeef;

	assert_int_equal(lm_config_write(ctx, PCI_DEVICE_ID, &did, 2), 0);
	assert_int_equal(cfg_get(ctx, PCI_DEVICE_ID, 2), 0xbeef);
	config_reset(ctx);
	assert_int_equal(cfg_get(ctx, PCI_DEVICE_ID, 2), 0xbeef);
}

static void device_sets_unowned_bytes(void **state)
{
	const uint32_t value = 0x600df00d;

	assert_int_equal(lm_config_write(ctx, 0x80, &value, 4), 0);
	cfg_put(ctx, 0x80, 4, 0);
	assert_int_equal(cfg_get(ctx, 0x80, 4), value);
}

static void device_view_is_bounded(void **state)
{
	uint32_t value = 0;

	assert_int_equal(lm_config_read(ctx, 0xfd, &value, 4), -EINVAL);
	assert_int_equal(lm_config_write(ctx, 256, &value, 1), -EINVAL);
	assert_int_equal(lm_config_read(ctx, UINT32_MAX, &value, SIZE_MAX), -EINVAL);
	assert_int_equal(lm_config_read(ctx, 0xfc, &value, 4), 0);
}

static void device_moves_command_for_interrupts_too(void **state)
{
	const uint16_t disable = PCI_COMMAND_INTX_DISABLE, enable = 0;
	const int fd = assign(ctx, LM_DEV_INTX_IRQ_IDX, 0);

	assert_int_equal(lm_config_write(ctx, PCI_COMMAND, &disable, 2), 0);
	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_PENDING);
	assert_int_equal(lm_config_write(ctx, PCI_COMMAND, &enable, 2), 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

/* ---- reset and state ------------------------------------------------------------- */

static void reset_puts_back_what_a_guest_changed(void **state)
{
	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	cfg_put(ctx, BAR(3), 8, ~0ull);
	cfg_put(ctx, PCI_INTERRUPT_LINE, 1, 9);
	config_reset(ctx);
	assert_int_equal(config_command(ctx), 0);
	assert_int_equal(cfg_get(ctx, BAR(3), 8), 0x0c);
	assert_int_equal(cfg_get(ctx, PCI_INTERRUPT_LINE, 2), 0x0100);
}

static void state_moves_to_another_context(void **state)
{
	struct lm_ctx *to = device_new(&plain);
	uint8_t blob[256];

	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	cfg_put(ctx, BAR(3), 8, 0x800000000);
	assert_int_equal(config_save(ctx, NULL, 0), 256);
	assert_int_equal(config_save(ctx, blob, sizeof(blob)), 256);
	assert_int_equal(config_load(to, blob, sizeof(blob)), 0);
	assert_int_equal(config_command(to), PCI_COMMAND_MASTER);
	assert_int_equal(cfg_get(to, BAR(3), 8), 0x80000000c);
	device_free(to);
}

static void foreign_states_are_refused_and_change_nothing(void **state)
{
	static const struct { uint32_t at; uint8_t flip; } bad[] = {
		{ PCI_VENDOR_ID, 1 }, { PCI_HEADER_TYPE, 0x80 },
		{ PCI_CAPABILITY_LIST, 0x40 }, { BAR(0), 4 }, { BAR(0), 8 },
		{ BAR(1), 1 },
		{ PCI_INTERRUPT_PIN, 2 },
		{ PCI_COMMAND, 8 }, { PCI_STATUS, PCI_STATUS_CAP_LIST },
	};
	uint8_t blob[257];
	size_t i;

	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	for (i = 0; i < LM_NR(bad); i++) {
		config_save(ctx, blob, 256);
		blob[PCI_COMMAND] = 0;
		blob[bad[i].at] ^= bad[i].flip;
		assert_int_equal(config_load(ctx, blob, 256), -EINVAL);
		assert_int_equal(config_command(ctx), PCI_COMMAND_MASTER);
	}
	config_save(ctx, blob, 256);
	assert_int_equal(config_load(ctx, blob, 255), -EINVAL);
	assert_int_equal(config_load(ctx, blob, 257), -EINVAL);
	assert_int_equal(config_load(ctx, blob, 0), -EINVAL);
}

static void a_state_may_carry_the_devices_own_bytes(void **state)
{
	struct lm_ctx *to = device_new(&plain);
	const uint32_t own = 0x12345678;
	uint8_t blob[256];

	lm_config_write(ctx, 0xa0, &own, 4);
	lm_config_write(ctx, PCI_SUBSYSTEM_VENDOR_ID, &own, 4);
	config_save(ctx, blob, sizeof(blob));
	assert_int_equal(config_load(to, blob, sizeof(blob)), 0);
	assert_int_equal(cfg_get(to, 0xa0, 4), own);
	assert_int_equal(cfg_get(to, PCI_SUBSYSTEM_VENDOR_ID, 4), own);
	device_free(to);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(identity_is_the_descriptions),
		TEST(class_zero_becomes_unclassified),
		TEST(read_only_bytes_take_any_write_and_keep_their_value),
		TEST(latency_cache_line_and_interrupt_line_are_the_guests),
		TEST(interrupt_pin_is_there_only_with_intx),
		TEST(command_has_the_writable_bits_of_the_specification),
		TEST(command_is_written_byte_by_byte),
		TEST(status_bits_clear_by_one_byte_by_byte),
		TEST(status_interrupt_follows_the_line_even_if_disabled),
		TEST(status_tells_whether_there_are_capabilities),
		TEST(unimplemented_bars_read_zero),
		TEST(memory_bar_sizes),
		TEST(io_bar_sizes),
		TEST(upper_half_of_a_small_64_bit_bar_sizes_as_all_ones),
		TEST(upper_half_of_a_large_64_bit_bar_has_the_size),
		TEST(rom_sizes_and_has_its_enable_bit),
		TEST(rom_of_an_impossible_size_is_refused),
		TEST(bars_are_written_byte_by_byte),
		TEST(a_write_across_registers_changes_each),
		TEST(wide_writes_equal_their_bytes),
		TEST(the_whole_space_is_written_and_read_at_once),
		TEST(nothing_is_there_beyond_the_end),
		TEST(unowned_bytes_read_zero_and_drop_writes),
		TEST(raw_callback_gets_what_nobody_owns),
		TEST(raw_callback_is_not_asked_about_header_and_capabilities),
		TEST(an_access_is_split_where_the_owner_changes),
		TEST(raw_callbacks_error_reaches_the_guest),
		TEST(device_changes_read_only_bits_for_good),
		TEST(device_sets_unowned_bytes),
		TEST(device_view_is_bounded),
		TEST(device_moves_command_for_interrupts_too),
		TEST(reset_puts_back_what_a_guest_changed),
		TEST(state_moves_to_another_context),
		TEST(foreign_states_are_refused_and_change_nothing),
		TEST(a_state_may_carry_the_devices_own_bytes),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
