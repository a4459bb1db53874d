/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_cap_ext.c - the extended capability list from 100h on.
 */
#include "pci_device.h"

static lm_dev_info_t info;
static lm_ext_cap_t ext[3];
static struct lm_ctx *ctx;

static int setup(void **state)
{
	memset(&info, 0, sizeof(info));
	memset(ext, 0, sizeof(ext));
	info.pci_info.id.raw = 0x00011234;
	info.caps[0].id = PCI_CAP_ID_EXP;
	info.ext_caps = ext;
	info.ext_cap_size = sizeof(ext[0]);
	info.nr_ext_caps = 1;
	ctx = NULL;
	return 0;
}

static int teardown(void **state)
{
	if (ctx)
		device_free(ctx);
	return 0;
}

static ssize_t nothing(void *pvt, char *buf, size_t count, lm_off_t offset, bool is_write)
{
	return (ssize_t)count;
}

static void extended_capabilities_need_pci_express(void **state)
{
	ext[0].id = PCI_EXT_CAP_ID_DSN;
	info.caps[0].id = PCI_CAP_ID_PM;
	assert_refused(&info, "PCI Express");
}

static void the_serial_number_is_there_and_read_only(void **state)
{
	ext[0].id = PCI_EXT_CAP_ID_DSN;
	ext[0].dsn = 0x0011223344556677;
	ctx = device_new(&info);
	assert_int_equal(cfg_get(ctx, 0x100, 4), 0x00010003);
	cfg_put(ctx, 0x104, 8, 0);
	assert_int_equal(cfg_get(ctx, 0x104, 8), 0x0011223344556677);
	assert_int_equal(cfg_get(ctx, 0x10c, 4), 0);
}

static void capabilities_follow_each_other(void **state)
{
	info.nr_ext_caps = 3;
	ext[0].id = PCI_EXT_CAP_ID_DSN;
	ext[1] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_VNDR, .version = 5, .size = 9 };
	ext[2].id = PCI_EXT_CAP_ID_ERR;
	ctx = device_new(&info);
	assert_int_equal(cfg_get(ctx, 0x100, 4), 0x10c10003);
	assert_int_equal(cfg_get(ctx, 0x10c, 4), 0x1185000b);
	assert_int_equal(cfg_get(ctx, 0x118, 4), 0x00020001);
}

static void error_reporting_starts_with_the_specifications_defaults(void **state)
{
	ext[0].id = PCI_EXT_CAP_ID_ERR;
	ctx = device_new(&info);
	assert_int_equal(cfg_get(ctx, 0x100 + PCI_ERR_UNCOR_STATUS, 4), 0);
	assert_int_equal(cfg_get(ctx, 0x100 + PCI_ERR_UNCOR_MASK, 4), 0x00400000);
	assert_int_equal(cfg_get(ctx, 0x100 + PCI_ERR_UNCOR_SEVER, 4), 0x00462030);
	assert_int_equal(cfg_get(ctx, 0x100 + PCI_ERR_COR_MASK, 4), 0x0000e000);
	assert_int_equal(cfg_get(ctx, 0x100 + PCI_ERR_CAP, 4), 0);
}

static void error_status_clears_by_one_and_masks_are_written(void **state)
{
	const uint32_t errors = PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_UNSUP;

	ext[0].id = PCI_EXT_CAP_ID_ERR;
	ctx = device_new(&info);
	assert_int_equal(lm_config_write(ctx, 0x104, &errors, 4), 0);
	cfg_put(ctx, 0x106, 1, 0x10);
	assert_int_equal(cfg_get(ctx, 0x104, 4), PCI_ERR_UNC_MALF_TLP);
	cfg_put(ctx, 0x108, 4, 0xffffffff);
	assert_int_equal(cfg_get(ctx, 0x108, 4), 0x005ff030);
	cfg_put(ctx, 0x110, 8, 0xffffffffffffffff);
	assert_int_equal(cfg_get(ctx, 0x110, 8), 0x0000f1c100000000);
	config_reset(ctx);
	assert_int_equal(cfg_get(ctx, 0x104, 8), 0x0040000000000000);
}

static void any_other_id_is_data_with_a_write_mask(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4 }, wmask[] = { 0, 0, 0xff, 0xf0 };

	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_VNDR, .size = 8, .data = data,
				 .wmask = wmask };
	ctx = device_new(&info);
	assert_int_equal(cfg_get(ctx, 0x100, 8), 0x040302010001000b);
	cfg_put(ctx, 0x100, 8, ~0ull);
	assert_int_equal(cfg_get(ctx, 0x100, 8), 0xf4ff02010001000b);
}

/* BARs of 1 MiB, 4 GiB and 256 TiB: what they have is all that is offered. */
static void resizable_bars_offer_the_size_that_they_have(void **state)
{
	lm_reg_info_t *bar = info.pci_info.reg_info;

	bar[0] = (lm_reg_info_t){ .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 1 << 20,
				  .fn = nothing };
	bar[2] = bar[4] = bar[0];
	bar[2].flags = bar[4].flags |= LM_REG_FLAG_64BIT;
	bar[2].size = 1ull << 32;
	bar[4].size = 1ull << 48;
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_REBAR, .rebar = 0x15 };
	ctx = device_new(&info);
	assert_int_equal(cfg_get(ctx, 0x100, 4), 0x00010015);
	assert_int_equal(cfg_get(ctx, 0x104, 8), 0x0000006000000010);
	assert_int_equal(cfg_get(ctx, 0x10c, 8), 0x00000c6200010000);
	assert_int_equal(cfg_get(ctx, 0x114, 8), 0x00011c6400000000);
	cfg_put(ctx, 0x104, 8, ~0ull);
	cfg_put(ctx, 0x10c, 8, 0);
	assert_int_equal(cfg_get(ctx, 0x104, 8), 0x0000006000000010);
	assert_int_equal(cfg_get(ctx, 0x10c, 8), 0x00000c6200010000);
	assert_int_equal(cfg_get(ctx, 0x11c, 4), 0);
}

static void bars_that_cannot_be_resizable_are_refused(void **state)
{
	ext[0].id = PCI_EXT_CAP_ID_REBAR;
	assert_refused(&info, "extended capability 0015h: rebar has a bit for each BAR");
	ext[0].rebar = 0x40;
	assert_refused(&info, "rebar has a bit for each BAR");
	ext[0].rebar = 1;
	assert_refused(&info, "its BARs must be memory of 1 MiB or more");
	info.pci_info.reg_info[0] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 1 << 19, .fn = nothing };
	assert_refused(&info, "its BARs must be memory of 1 MiB or more");
}

static void what_a_function_has_once_is_refused_twice(void **state)
{
	info.nr_ext_caps = 2;
	ext[0] = ext[1] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_DSN };
	assert_refused(&info, "extended capability 0003h: a function can have this "
		       "capability only once");
	ext[0] = ext[1] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_ERR };
	assert_refused(&info, "extended capability 0001h: a function can have this "
		       "capability only once");
	ext[0] = ext[1] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_VNDR, .size = 8 };
	ctx = device_new(&info);
}

static void what_another_kind_has_is_refused(void **state)
{
	static const uint8_t data[8];

	info.nr_ext_caps = 1;
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_DSN, .data = data };
	assert_refused(&info, "extended capability 0003h: the library has its registers");
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_ERR, .wmask = data };
	assert_refused(&info, "extended capability 0001h: the library has its registers");
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_VNDR, .size = 8, .dsn = 1 };
	assert_refused(&info, "extended capability 000bh: dsn, rebar and doe are for "
		       "capabilities of these names only");
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_DSN, .reserved = { 0, 1 } };
	assert_refused(&info, "extended capability 0003h: a reserved member is not 0");
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_DSN, .reserved0 = 1 };
	assert_refused(&info, "extended capability 0003h: a reserved member is not 0");
}

static void impossible_ones_are_refused(void **state)
{
	assert_refused(&info, "its id must be 1 or more");
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_DSN, .version = 16 };
	assert_refused(&info, "its version at most 15");
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_DSN, .size = 16 };
	assert_refused(&info, "the library knows its size");
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_VNDR, .size = 3 };
	assert_refused(&info, "size");
	ext[0].size = UINT32_MAX;
	assert_refused(&info, "size");
	ext[0].size = 3841;
	assert_refused(&info, "size");
}

static void the_list_may_fill_the_space(void **state)
{
	info.nr_ext_caps = 2;
	ext[0] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_VNDR, .size = 3837 };
	ext[1] = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_VNDR, .size = 4 };
	assert_refused(&info, "size");
	ext[0].size = 3834;
	ext[1].size = 5;
	assert_refused(&info, "size");
	ext[1].size = 4;
	ctx = device_new(&info);
	assert_int_equal(cfg_get(ctx, 0xffc, 4), 0x0001000b);
}

static void the_device_may_use_space_behind_the_list(void **state)
{
	const uint32_t value = 0x600df00d;
	uint8_t blob[4096];
	struct lm_ctx *to;

	ext[0].id = PCI_EXT_CAP_ID_DSN;
	ctx = device_new(&info);
	assert_int_equal(config_save(ctx, NULL, 0), 0x10c);
	assert_int_equal(lm_config_write(ctx, 0x800, &value, 4), 0);
	assert_int_equal(cfg_get(ctx, 0x7fc, 8), 0x600df00d00000000);
	to = device_new(&info);
	assert_int_equal(config_save(ctx, blob, sizeof(blob)), 0x804);
	assert_int_equal(config_load(to, blob, 0x804), 0);
	assert_int_equal(cfg_get(to, 0x800, 4), value);
	device_free(to);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(extended_capabilities_need_pci_express),
		TEST(the_serial_number_is_there_and_read_only),
		TEST(capabilities_follow_each_other),
		TEST(error_reporting_starts_with_the_specifications_defaults),
		TEST(error_status_clears_by_one_and_masks_are_written),
		TEST(any_other_id_is_data_with_a_write_mask),
		TEST(resizable_bars_offer_the_size_that_they_have),
		TEST(bars_that_cannot_be_resizable_are_refused),
		TEST(what_a_function_has_once_is_refused_twice),
		TEST(what_another_kind_has_is_refused),
		TEST(impossible_ones_are_refused),
		TEST(the_list_may_fill_the_space),
		TEST(the_device_may_use_space_behind_the_list),
	};

	return cmocka_run_group_tests_name("cap_ext", tests, NULL, NULL);
}
