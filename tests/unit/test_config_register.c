/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_config_register.c - registers of a device in configuration space, beside the header and
 * capabilities.
 */
#include "pci_device.h"

/* With gaps, and one that ends where the space does. */
static const lm_register_t registers[] = {
	{ .name = "MODE", .offset = 0x60, .width = 2, .reset = 0x1234 },
	{ .name = "LOCK", .offset = 0x68, .width = 1 },
	{ .name = "CAUSE", .offset = 0x6c, .width = 4, .access = LM_RW1C, .reset = 0xff },
	{ .name = "LAST", .offset = 0xfc, .width = 4, .access = LM_RO, .reset = 0x5a5a5a5a },
};

static lm_register_io_t seen;
static uint32_t writes;

static void on_write(void *pvt, const lm_register_io_t *io)
{
	seen = *io;
	writes++;
}

static const lm_register_map_t map = { LM_REGISTERS(registers), .write = on_write };

static lm_dev_info_t info;
static struct lm_ctx *ctx;

static int setup(void **state)
{
	device_describe_irqs(&info);
	info.caps[2] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .offset = 0x70 };
	info.pci_info.reg_info[LM_CFG_REG_IDX].regs = &map;
	ctx = device_new(&info);
	writes = 0;
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

static void a_guest_reads_and_writes_them(void **state)
{
	assert_int_equal(cfg_get(ctx, 0x60, 2), 0x1234);
	cfg_put(ctx, 0x60, 2, 0xbeef);
	assert_int_equal(cfg_get(ctx, 0x60, 2), 0xbeef);
	assert_int_equal(seen.region, LM_CFG_REG_IDX);
	assert_int_equal(seen.offset, 0x60);
	assert_int_equal(seen.value, 0xbeef);
	assert_int_equal(seen.old, 0x1234);
	cfg_put(ctx, 0x61, 1, 0x55);
	assert_int_equal(cfg_get(ctx, 0x60, 2), 0x55ef);
	cfg_put(ctx, 0x6c, 1, 0x0f);
	assert_int_equal(cfg_get(ctx, 0x6c, 4), 0xf0);
	cfg_put(ctx, 0xfc, 4, 0);
	assert_int_equal(cfg_get(ctx, 0xfc, 4), 0x5a5a5a5a);
	assert_int_equal(writes, 3);
}

static void the_device_reads_and_writes_them(void **state)
{
	assert_int_equal(lm_register_set(ctx, LM_CFG_REG_IDX, 0x68, 3), 0);
	assert_int_equal(cfg_get(ctx, 0x68, 1), 3);
	cfg_put(ctx, 0x68, 1, 4);
	assert_int_equal(lm_register_get(ctx, LM_CFG_REG_IDX, 0x68), 4);
}

static void what_is_between_them_reads_zero(void **state)
{
	cfg_put(ctx, 0x5c, 4, ~0ull);
	cfg_put(ctx, 0x62, 2, ~0ull);
	cfg_put(ctx, 0x69, 1, ~0ull);
	assert_int_equal(cfg_get(ctx, 0x5c, 4), 0);
	assert_int_equal(cfg_get(ctx, 0x62, 2), 0);
	assert_int_equal(cfg_get(ctx, 0x69, 1), 0);
	assert_int_equal(writes, 0);
}

/* Four bytes where two are the register's; eight with a register, a gap and a capability. */
static void an_access_is_split_among_its_owners(void **state)
{
	assert_int_equal(cfg_get(ctx, 0x60, 4), 0x1234);
	cfg_put(ctx, 0x5e, 4, 0xabcdffff);
	assert_int_equal(cfg_get(ctx, 0x5e, 4), 0xabcd0000);
	assert_int_equal(cfg_get(ctx, 0x6a, 8), 0x0001000000ff0000);
	cfg_put(ctx, 0x70, 8, 0x0000000300000000); /* D3hot */
	assert_int_equal(cfg_get(ctx, 0x74, 2) & PCI_PM_CTRL_STATE_MASK, 3);
	assert_int_equal(writes, 1);
}

/* As QEMU does when it begins. */
static void the_whole_space_is_read_at_once(void **state)
{
	uint8_t all[256];
	struct access a = {
		.region = LM_CFG_REG_IDX, .count = sizeof(all), .buf = (char *)all,
	};
	uint32_t i;

	assert_int_equal(region_access(ctx, &a), sizeof(all));
	for (i = 0; i < sizeof(all); i++)
		assert_int_equal(all[i], cfg_get(ctx, i, 1));
	assert_int_equal(all[0x60], 0x34);
	assert_int_equal(all[0xff], 0x5a);
}

/* What follows in one write counts as well. */
static void the_whole_space_is_written_at_once(void **state)
{
	uint8_t all[256];
	struct access a = {
		.region = LM_CFG_REG_IDX, .count = sizeof(all), .buf = (char *)all,
		.is_write = true,
	};

	memset(all, 0, sizeof(all));
	all[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	all[0x60] = 0x77;
	all[0x74] = 3;
	assert_int_equal(region_access(ctx, &a), sizeof(all));
	assert_int_equal(cfg_get(ctx, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	assert_int_equal(cfg_get(ctx, 0x60, 2), 0x77);
	assert_int_equal(cfg_get(ctx, 0x74, 2) & PCI_PM_CTRL_STATE_MASK, 3);
	assert_int_equal(writes, 3);
}

static void a_reset_puts_them_back(void **state)
{
	cfg_put(ctx, 0x60, 2, 0);
	cfg_put(ctx, 0x6c, 4, ~0ull);
	function_reset(ctx, NULL, LM_RESET_CLIENT);
	assert_int_equal(cfg_get(ctx, 0x60, 2), 0x1234);
	assert_int_equal(cfg_get(ctx, 0x6c, 4), 0xff);
}

static void capabilities_without_a_place_make_room(void **state)
{
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_MSI), 0x40);
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_PM), 0x70);
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_MSIX), 0x78);
}

static void refuse_at(uint64_t offset, const char *why)
{
	const lm_register_t one[] = { { .name = "ONE", .offset = offset, .width = 4 } };
	const lm_register_map_t of_one = { LM_REGISTERS(one) };

	info.pci_info.reg_info[LM_CFG_REG_IDX].regs = &of_one;
	assert_refused(&info, why);
}

static void places_that_are_taken_are_refused(void **state)
{
	const char *taken = "the header or a capability is there";

	refuse_at(0, taken);
	refuse_at(0x3d, taken);
	refuse_at(0x6d, taken); /* its last byte is PM's */
	refuse_at(0x74, taken);
	refuse_at(0x100, "extended configuration space needs an EXP capability");
	refuse_at(0xfd, "extended configuration space needs an EXP capability");
	refuse_at(0x1000, "it extends beyond the region");
}

static void extended_space_has_them_too(void **state)
{
	const lm_register_t one[] = { { .name = "ONE", .offset = 0xffc, .width = 4 } };
	const lm_register_map_t of_one = { LM_REGISTERS(one) };
	struct lm_ctx *c;

	info.caps[3] = (lm_cap_t){ .id = PCI_CAP_ID_EXP };
	info.pci_info.reg_info[LM_CFG_REG_IDX].regs = &of_one;
	c = device_new(&info);
	cfg_put(c, 0xffc, 4, 0x12345678);
	assert_int_equal(cfg_get(c, 0xffc, 4), 0x12345678);
	device_free(c);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_guest_reads_and_writes_them),
		TEST(the_device_reads_and_writes_them),
		TEST(what_is_between_them_reads_zero),
		TEST(an_access_is_split_among_its_owners),
		TEST(the_whole_space_is_read_at_once),
		TEST(the_whole_space_is_written_at_once),
		TEST(a_reset_puts_them_back),
		TEST(capabilities_without_a_place_make_room),
		TEST(places_that_are_taken_are_refused),
		TEST(extended_space_has_them_too),
	};

	return cmocka_run_group_tests_name("config_register", tests, NULL, NULL);
}
