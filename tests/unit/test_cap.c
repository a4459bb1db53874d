/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_cap.c - the capability list: where things stand, and what drivers rely on in each
 * kind.
 */
#include "pci_device.h"

static lm_dev_info_t info; /* of each test */
static struct lm_ctx *ctx;

static int setup(void **state)
{
	memset(&info, 0, sizeof(info));
	info.pci_info.id.raw = 0x00011234;
	info.pci_info.reg_info[0] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 0x1000,
	};
	ctx = NULL;
	return 0;
}

static int teardown(void **state)
{
	if (ctx)
		device_free(ctx);
	return 0;
}

static void make(void)
{
	ctx = device_new(&info);
}

/* ---- placing --------------------------------------------------------------------- */

static void capabilities_stand_in_the_order_given(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 6 };
	info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	make();
	assert_int_equal(cfg_get(ctx, PCI_CAPABILITY_LIST, 1), 0x40);
	assert_int_equal(cfg_get(ctx, 0x40, 2), 0x4800 | PCI_CAP_ID_VNDR);
	assert_int_equal(cfg_get(ctx, 0x48, 2), PCI_CAP_ID_PM);
}

static void the_list_ends_at_id_zero(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	info.caps[2] = (lm_cap_t){ .id = PCI_CAP_ID_EXP };
	make();
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_PM), 0x40);
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_EXP), 0);
}

static void what_stands_behind_the_end_is_wondered_at(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	info.caps[2] = (lm_cap_t){ .id = PCI_CAP_ID_EXP };
	info.log_level = LM_LOG_WARN;
	make();
	assert_string_equal(device_log, "capability 10h, number 3 of the list: ignored, the "
			    "list ends at number 2, whose id is 0");
}

static void a_kind_with_registers_of_its_own_takes_no_others(void **state)
{
	static const uint8_t data[8];

	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .data = data };
	assert_refused(&info, "capability 01h, number 1 of the list: the library has its "
		       "registers");
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSI, .wmask = data };
	assert_refused(&info, "capability 05h, number 1 of the list: the library has its "
		       "registers");
}

static void a_fixed_offset_is_kept_and_others_go_around_it(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 0x20 };
	info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .offset = 0x50 };
	info.caps[2] = (lm_cap_t){ .id = PCI_CAP_ID_VPD, .size = 8 };
	make();
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_PM), 0x50);
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_VNDR), 0x58);
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_VPD), 0x40);
}

static void adjacent_capabilities_do_not_overlap(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 8, .offset = 0x40 };
	info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .offset = 0x48 };
	info.caps[2] = (lm_cap_t){ .id = PCI_CAP_ID_VPD, .size = 8, .offset = 0xf8 };
	make();
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_PM), 0x48);
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_VPD), 0xf8);
}

static void overlap_is_refused_and_both_are_named(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .offset = 0x48 };
	info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 9, .offset = 0x40 };
	assert_refused(&info, "capability 09h at 40h overlaps capability 01h at 48h");
}

static void impossible_places_are_refused(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .offset = 0x42 };
	assert_refused(&info, "multiple of 4");
	info.caps[0].offset = 0x3c;
	assert_refused(&info, "at least 40h");
	info.caps[0].offset = 0xfc;
	assert_refused(&info, "does not fit below 100h");
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 193 };
	assert_refused(&info, "size");
	info.caps[0].size = SIZE_MAX;
	assert_refused(&info, "size");
	info.caps[0].size = 0;
	assert_refused(&info, "size");
}

static void too_many_bytes_are_refused(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 188 };
	info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	assert_refused(&info, "does not fit below 100h");
}

static void what_a_function_has_once_is_refused_twice(void **state)
{
	info.caps[0] = info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	assert_refused(&info, "once");
}

static void a_size_that_is_not_the_kinds_own_is_refused(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .size = 12 };
	assert_refused(&info, "the library knows its size");
	info.caps[0].size = PCI_PM_SIZEOF;
	make();
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_PM), 0x40);
}

/* ---- bytes of the device's choice ------------------------------------------------ */

static void any_id_is_data_with_a_write_mask(void **state)
{
	static const uint8_t data[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66 };
	static const uint8_t wmask[] = { 0, 0x0f, 0xff, 0, 0, 0x80 };

	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_SSVID, .size = 8, .data = data,
				   .wmask = wmask };
	make();
	assert_int_equal(cfg_get(ctx, 0x40, 8), 0x665544332211000d);
	cfg_put(ctx, 0x40, 8, ~0ull);
	assert_int_equal(cfg_get(ctx, 0x40, 8), 0xe65544ff2f11000d);
	config_reset(ctx);
	assert_int_equal(cfg_get(ctx, 0x40, 8), 0x665544332211000d);
}

static void a_vendor_capability_tells_its_length(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 0x10 };
	make();
	assert_int_equal(cfg_get(ctx, 0x40, 4), 0x00100009);
	cfg_put(ctx, 0x40, 4, ~0u);
	assert_int_equal(cfg_get(ctx, 0x40, 4), 0x00100009);
}

static void a_list_goes_on_after_the_array(void **state)
{
	static const lm_cap_t list[] = {
		{ .id = PCI_CAP_ID_VNDR, .size = 4 },
		{ .id = PCI_CAP_ID_PM },
		{ .id = PCI_CAP_ID_VNDR, .size = 8 },
	};

	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .size = 4 };
	info.cap_list = list;
	info.nr_caps = LM_NR(list);
	make();
	assert_int_equal(lm_cap_find(ctx, PCI_CAP_ID_VNDR, false, 0), 0x40);
	assert_int_equal(lm_cap_find(ctx, PCI_CAP_ID_VNDR, false, 1), 0x44);
	assert_int_equal(lm_cap_find(ctx, PCI_CAP_ID_PM, false, 0), 0x48);
	assert_int_equal(lm_cap_find(ctx, PCI_CAP_ID_VNDR, false, 2), 0x50);
	assert_int_equal(lm_cap_find(ctx, PCI_CAP_ID_VNDR, false, 3), 0);
	assert_int_equal(lm_cap_find(ctx, PCI_CAP_ID_PM, true, 0), 0);
}

static struct {
	uint8_t id;
	loff_t  offset;
	size_t  count;
	uint8_t seen; /* what the library had stored, or the byte written */
	int     calls;
} body;

static ssize_t body_fn(void *pvt, uint8_t id, char *buf, size_t count, loff_t offset,
		       bool is_write)
{
	body.id = id;
	body.offset = offset;
	body.count = count;
	body.calls++;
	if (is_write)
		lm_config_read(ctx, 0x40 + (uint32_t)offset, &body.seen, 1);
	else
		memset(buf, 0x5a, count);
	return (ssize_t)count;
}

static void make_with_body(void)
{
	static const uint8_t wmask[] = { 0, 0x0f };

	memset(&body, 0, sizeof(body));
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VPD, .size = 4, .fn = body_fn,
				   .wmask = wmask };
	make();
}

static void the_callback_serves_reads_of_the_body(void **state)
{
	make_with_body();
	assert_int_equal(cfg_get(ctx, 0x40, 4), 0x5a5a0003);
	assert_int_equal(body.id, PCI_CAP_ID_VPD);
	assert_int_equal(body.offset, 2);
	assert_int_equal(body.count, 2);
}

static void the_callback_hears_of_writes_after_they_are_stored(void **state)
{
	make_with_body();
	cfg_put(ctx, 0x43, 1, 0xff);
	assert_int_equal(body.offset, 3);
	assert_int_equal(body.seen, 0x0f);
	assert_int_equal(body.calls, 1);
}

/* ---- power management ------------------------------------------------------------ */

static void power_states_d0_and_d3_are_taken_others_not(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	make();
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_PMC, 2), 3);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_CTRL, 2), PCI_PM_CTRL_NO_SOFT_RESET);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 2, 3);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_CTRL, 1) & 3, 3);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 2, 1);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_CTRL, 1) & 3, 3);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 1, 0);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_CTRL, 1) & 3, 0);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 1, 2);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_CTRL, 1) & 3, 0);
}

/* With No_Soft_Reset clear. */
static void waking_from_d3_is_a_reset_where_the_device_says_so(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM, .pm = { .soft_reset = true } };
	make();
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_CTRL, 2), 0);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 2, 0);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 2, 3);
	assert_int_equal(device_resets, 0);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 2, PCI_PM_CTRL_PME_ENABLE);
	assert_int_equal(device_resets, 1);
	assert_int_equal(lm_reset_reason(ctx), LM_RESET_PM);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_PM_CTRL, 2), 0);
}

static void waking_is_no_reset_otherwise(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	make();
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 2, 3);
	cfg_put(ctx, 0x40 + PCI_PM_CTRL, 2, 0);
	assert_int_equal(device_resets, 0);
	assert_int_equal(lm_reset_reason(ctx), LM_RESET_NONE);
}

static void pme_enable_is_written_and_pme_status_cleared(void **state)
{
	const uint8_t status = PCI_PM_CTRL_PME_STATUS >> 8;

	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	make();
	lm_config_write(ctx, 0x45, &status, 1);
	cfg_put(ctx, 0x44, 2, PCI_PM_CTRL_PME_ENABLE);
	assert_int_equal(cfg_get(ctx, 0x45, 1), 0x81);
	cfg_put(ctx, 0x45, 1, 0x80);
	assert_int_equal(cfg_get(ctx, 0x45, 1), 0);
}

/* ---- PCI Express ----------------------------------------------------------------- */

static void make_express(uint8_t type, bool flr)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_EXP, .exp = { type, flr } };
	make();
}

static void express_gives_4096_bytes_and_no_latency_timer(void **state)
{
	make_express(PCI_EXP_TYPE_ENDPOINT, false);
	assert_int_equal(config_size(ctx), 4096);
	assert_int_equal(region_get(ctx, LM_CFG_REG_IDX)->info.size, 4096);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_FLAGS, 2), 2);
	cfg_put(ctx, PCI_LATENCY_TIMER, 1, 0xff);
	assert_int_equal(cfg_get(ctx, PCI_LATENCY_TIMER, 1), 0);
	assert_int_equal(cfg_get(ctx, 0x100, 4), 0);
	cfg_put(ctx, 0xffc, 4, 1);
	assert_int_equal(cfg_get(ctx, 0xffc, 4), 0);
}

static void device_control_is_written_and_status_cleared(void **state)
{
	const uint16_t errors = 0xf;

	make_express(PCI_EXP_TYPE_ENDPOINT, false);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_DEVCTL, 2), 0x2810);
	cfg_put(ctx, 0x40 + PCI_EXP_DEVCTL, 2, 0xffff);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_DEVCTL, 2), 0x791f);
	lm_config_write(ctx, 0x40 + PCI_EXP_DEVSTA, &errors, 2);
	cfg_put(ctx, 0x40 + PCI_EXP_DEVSTA, 1, 0x5);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_DEVSTA, 2), 0xa);
}

static void the_link_runs_as_fast_as_it_can(void **state)
{
	make_express(PCI_EXP_TYPE_LEG_END, false);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKCAP, 4) & 0x3ff, 0x11);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKSTA, 2) & 0x3ff, 0x11);
}

static void the_link_is_what_the_device_says(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_EXP,
				   .exp = { .link_speed = 4, .link_width = 16 } };
	ctx = device_new(&info);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKCAP, 4), 0x104);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKSTA, 2), 0x104);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKCAP2, 4), 0x1e);
	cfg_put(ctx, 0x40 + PCI_EXP_LNKCTL2, 2, 0xffff);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKCTL2, 2), 0xf);
	config_reset(ctx);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKCTL2, 2), 4);
}

static void links_that_there_are_not_are_refused(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_EXP, .exp.link_speed = 7 };
	assert_refused(&info, "link_speed must be 1 to 6");
	info.caps[0].exp.link_speed = 1;
	info.caps[0].exp.link_width = 3;
	assert_refused(&info, "link_width 1, 2, 4");
	info.caps[0].exp.link_width = 64;
	assert_refused(&info, "link_width 1, 2, 4");
	info.caps[0].exp.link_width = 1;
	info.caps[0].exp.type = PCI_EXP_TYPE_RC_END;
	assert_refused(&info, "has no link");
}

static void an_integrated_endpoint_has_no_link(void **state)
{
	make_express(PCI_EXP_TYPE_RC_END, false);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_FLAGS, 2), 0x92);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_LNKCAP, 4), 0);
}

static void bridges_and_ports_are_refused(void **state)
{
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_EXP,
				   .exp.type = PCI_EXP_TYPE_ROOT_PORT };
	assert_refused(&info, "not an endpoint");
}

static void function_level_reset_resets_the_device(void **state)
{
	make_express(PCI_EXP_TYPE_ENDPOINT, true);
	assert_true(cfg_get(ctx, 0x40 + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	lm_irq_set_level(ctx, true);
	cfg_put(ctx, 0x40 + PCI_EXP_DEVCTL + 1, 1, PCI_EXP_DEVCTL_BCR_FLR >> 8);
	assert_int_equal(device_resets, 1);
	assert_int_equal(cfg_get(ctx, PCI_COMMAND, 4), 0x00100000);
	assert_int_equal(cfg_get(ctx, 0x40 + PCI_EXP_DEVCTL, 2), 0x2810);
	cfg_put(ctx, 0x40 + PCI_EXP_DEVCTL, 1, 0xff); /* the other byte does not reset */
	assert_int_equal(device_resets, 1);
}

static void function_level_reset_is_there_only_if_declared(void **state)
{
	make_express(PCI_EXP_TYPE_ENDPOINT, false);
	assert_false(cfg_get(ctx, 0x40 + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	cfg_put(ctx, 0x40 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	assert_int_equal(device_resets, 0);
}

/* ---- MSI ------------------------------------------------------------------------- */

static void make_msi(uint32_t nr, bool addr32, bool no_mask)
{
	info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = nr;
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSI,
				   .msi = { .addr32 = addr32, .no_mask = no_mask } };
	info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_VPD, .size = 4 };
	make();
}

static void msi_has_four_layouts(void **state)
{
	static const struct { bool addr32, no_mask; uint32_t flags, next; } layout[] = {
		{ false, false, 0x0186, 0x58 }, { false, true, 0x0086, 0x50 },
		{ true, false, 0x0106, 0x54 }, { true, true, 0x0006, 0x4c },
	};
	size_t i;

	for (i = 0; i < LM_NR(layout); i++) {
		make_msi(8, layout[i].addr32, layout[i].no_mask);
		assert_int_equal(cfg_get(ctx, 0x42, 2), layout[i].flags);
		assert_int_equal(cfg_get(ctx, 0x41, 1), layout[i].next);
		if (i < LM_NR(layout) - 1)
			teardown(NULL);
	}
}

static void msi_address_data_and_masks_are_the_guests(void **state)
{
	make_msi(8, false, false);
	cfg_put(ctx, 0x44, 8, 0x12345678fee00fff);
	assert_int_equal(cfg_get(ctx, 0x44, 8), 0x12345678fee00ffc);
	cfg_put(ctx, 0x4c, 4, 0xffff4021);
	assert_int_equal(cfg_get(ctx, 0x4c, 4), 0x4021);
	cfg_put(ctx, 0x50, 4, 0xffffffff);
	assert_int_equal(cfg_get(ctx, 0x50, 4), 0xff);
}

static void msi_enables_no_more_vectors_than_there_are(void **state)
{
	make_msi(4, false, false);
	cfg_put(ctx, 0x42, 2, 5 << 4 | PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(cfg_get(ctx, 0x42, 2), 0x0180 | 2 << 4 | 2 << 1 |
			 PCI_MSI_FLAGS_ENABLE);
	cfg_put(ctx, 0x42, 1, 1 << 4 | PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(cfg_get(ctx, 0x42, 1) & PCI_MSI_FLAGS_QSIZE, 1 << 4);
}

static void msi_pending_bits_show_what_is_masked_and_are_read_only(void **state)
{
	make_msi(8, false, false);
	cfg_put(ctx, 0x42, 2, 3 << 4 | PCI_MSI_FLAGS_ENABLE);
	cfg_put(ctx, 0x50, 4, 1 << 5);
	assert_int_equal(lm_irq_trigger(ctx, 5), LM_IRQ_PENDING);
	assert_int_equal(cfg_get(ctx, 0x54, 4), 1 << 5);
	cfg_put(ctx, 0x54, 4, 0);
	assert_int_equal(cfg_get(ctx, 0x50, 8), 0x2000000020);
	assert_int_equal(cfg_get(ctx, 0x53, 2), 0x2000);
}

static void msi_comes_by_itself_with_vectors(void **state)
{
	info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 1;
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	make();
	assert_int_equal(cap_find(ctx, PCI_CAP_ID_MSI), 0x48);
	assert_int_equal(cfg_get(ctx, 0x4a, 2), 0x0180);
}

static void impossible_msi_counts_are_refused(void **state)
{
	static const uint32_t bad[] = { 3, 33, 64, UINT32_MAX };
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = bad[i];
		assert_refused(&info, "must be a power of two, at most 32");
	}
	info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 0;
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSI };
	assert_refused(&info, "0 MSI vectors");
}

static void writes_may_start_and_end_anywhere_in_msi(void **state)
{
	uint8_t ones[256];
	uint32_t from, len;

	memset(ones, 0xff, sizeof(ones));
	make_msi(32, false, false);
	for (from = 0x3c; from < 0x60; from++) {
		for (len = 1; len <= 256 - from; len++) {
			struct access a = {
				.region = LM_CFG_REG_IDX, .offset = from, .count = len,
				.buf = (char *)ones, .is_write = true,
			};

			assert_int_equal(region_access(ctx, &a), len);
		}
	}
	assert_int_equal(cfg_get(ctx, 0x42, 2), 0x01db);
	assert_int_equal(cfg_get(ctx, 0x58, 4), PCI_CAP_ID_VPD);
}

static void wide_writes_equal_their_bytes(void **state)
{
	uint64_t value = 0x9e3779b97f4a7c15;
	uint32_t offset, width, i, at;
	struct lm_ctx *other;

	info.caps[2] = (lm_cap_t){ .id = PCI_CAP_ID_EXP };
	info.caps[3] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	make_msi(16, false, false);
	other = device_new(&info);
	for (offset = 0; offset < 0x100; offset++) {
		for (width = 1; width <= 8; width++) {
			value = value * 6364136223846793005u + 1442695040888963407u;
			cfg_put(ctx, offset, width, value);
			for (i = 0; i < width; i++)
				cfg_put(other, offset + i, 1, value >> 8 * i);
			for (at = 0; at < 0x100; at += 8)
				assert_int_equal(cfg_get(ctx, at, 8),
						 cfg_get(other, at, 8));
		}
	}
	device_free(other);
}

static void msix_vectors_need_their_capability(void **state)
{
	info.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = 4;
	assert_refused(&info, "MSI-X");
}

static void msix_control_has_enable_and_function_mask(void **state)
{
	info.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = 5;
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSIX, .msix = { 0, 0x800, 0xc00 } };
	make();
	assert_int_equal(cfg_get(ctx, 0x40, 8), 0x0000080000040011);
	assert_int_equal(cfg_get(ctx, 0x48, 4), 0xc00);
	cfg_put(ctx, 0x40, 8, ~0ull);
	assert_int_equal(cfg_get(ctx, 0x40, 8), 0x00000800c0040011);
}

/* ---- state ----------------------------------------------------------------------- */

static void a_state_cannot_change_what_capabilities_are(void **state)
{
	static const struct { uint8_t at, value; } bad[] = {
		{ 0x40, 0x09 }, { 0x41, 0x40 }, { 0x42, 0x8a }, { 0x42, 0xd1 },
	};
	uint8_t blob[256];
	size_t i;

	make_msi(4, false, false);
	for (i = 0; i < LM_NR(bad); i++) {
		config_save(ctx, blob, sizeof(blob));
		blob[bad[i].at] = bad[i].value;
		assert_int_equal(config_load(ctx, blob, sizeof(blob)), -EINVAL);
	}
	config_save(ctx, blob, sizeof(blob));
	blob[0x42] = 0x95;
	assert_int_equal(config_load(ctx, blob, sizeof(blob)), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(capabilities_stand_in_the_order_given),
		TEST(the_list_ends_at_id_zero),
		TEST(what_stands_behind_the_end_is_wondered_at),
		TEST(a_kind_with_registers_of_its_own_takes_no_others),
		TEST(a_fixed_offset_is_kept_and_others_go_around_it),
		TEST(adjacent_capabilities_do_not_overlap),
		TEST(overlap_is_refused_and_both_are_named),
		TEST(impossible_places_are_refused),
		TEST(too_many_bytes_are_refused),
		TEST(what_a_function_has_once_is_refused_twice),
		TEST(a_size_that_is_not_the_kinds_own_is_refused),
		TEST(any_id_is_data_with_a_write_mask),
		TEST(a_vendor_capability_tells_its_length),
		TEST(the_callback_serves_reads_of_the_body),
		TEST(the_callback_hears_of_writes_after_they_are_stored),
		TEST(power_states_d0_and_d3_are_taken_others_not),
		TEST(waking_from_d3_is_a_reset_where_the_device_says_so),
		TEST(waking_is_no_reset_otherwise),
		TEST(a_list_goes_on_after_the_array),
		TEST(pme_enable_is_written_and_pme_status_cleared),
		TEST(express_gives_4096_bytes_and_no_latency_timer),
		TEST(device_control_is_written_and_status_cleared),
		TEST(the_link_runs_as_fast_as_it_can),
		TEST(the_link_is_what_the_device_says),
		TEST(links_that_there_are_not_are_refused),
		TEST(an_integrated_endpoint_has_no_link),
		TEST(bridges_and_ports_are_refused),
		TEST(function_level_reset_resets_the_device),
		TEST(function_level_reset_is_there_only_if_declared),
		TEST(msi_has_four_layouts),
		TEST(msi_address_data_and_masks_are_the_guests),
		TEST(msi_enables_no_more_vectors_than_there_are),
		TEST(msi_pending_bits_show_what_is_masked_and_are_read_only),
		TEST(msi_comes_by_itself_with_vectors),
		TEST(impossible_msi_counts_are_refused),
		TEST(writes_may_start_and_end_anywhere_in_msi),
		TEST(wide_writes_equal_their_bytes),
		TEST(msix_vectors_need_their_capability),
		TEST(msix_control_has_enable_and_function_mask),
		TEST(a_state_cannot_change_what_capabilities_are),
	};

	return cmocka_run_group_tests_name("cap", tests, NULL, NULL);
}
