/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_msix.c - the MSI-X table and pending bits inside a BAR.
 */
#include "pci_device.h"

#define MSIX     LM_DEV_MSIX_IRQ_IDX
#define NR       70
#define TABLE    0x1000
#define PBA      0x1800
#define CONTROL  0x42 /* of the capability, at 40h */
#define ENABLE   PCI_MSIX_FLAGS_ENABLE
#define FUNCTION PCI_MSIX_FLAGS_MASKALL

static lm_dev_info_t info;
static struct lm_ctx *ctx;

static struct {
	loff_t offset;
	size_t count;
	int    calls;
} bar;

static ssize_t bar_fn(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	bar.offset = offset;
	bar.count = count;
	bar.calls++;
	if (!is_write)
		memset(buf, 0xee, count);
	return (ssize_t)count;
}

static void describe(void)
{
	memset(&info, 0, sizeof(info));
	memset(&bar, 0, sizeof(bar));
	info.pci_info.id.raw = 0x00011234;
	info.pci_info.irq_count[MSIX] = NR;
	info.pci_info.reg_info[1] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 0x2000, .fn = bar_fn,
	};
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSIX, .msix = { 1, TABLE, PBA } };
}

static int setup(void **state)
{
	describe();
	ctx = device_new(&info);
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

static uint64_t bar_get(uint64_t offset, uint32_t width)
{
	return region_get_value(ctx, 1, offset, width);
}

static void bar_put(uint64_t offset, uint32_t width, uint64_t value)
{
	region_put_value(ctx, 1, offset, width, value);
}

static uint64_t control(uint32_t vector)
{
	return TABLE + vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL;
}

/* ---- creation -------------------------------------------------------------------- */

static void refused_with(uint8_t index, uint32_t table, uint32_t pba, const char *why)
{
	info.caps[0].msix.bar = index;
	info.caps[0].msix.table = table;
	info.caps[0].msix.pba = pba;
	assert_refused(&info, why);
}

static void structures_outside_the_bar_are_refused(void **state)
{
	refused_with(1, 0x1ff8, 0, "beyond the BAR");
	refused_with(1, 0xfffffff8, 0, "beyond the BAR");
	refused_with(1, 0, 0x1ff8, "beyond the BAR"); /* 70 vectors: two quadwords */
}

static void misaligned_structures_are_refused(void **state)
{
	refused_with(1, 0x1004, 0, "multiples of 8");
	refused_with(1, 0x1000, 0x4, "multiples of 8");
}

static void overlapping_structures_are_refused(void **state)
{
	refused_with(1, TABLE, TABLE, "overlap");
	refused_with(1, TABLE, TABLE + NR * 16 - 8, "overlap");
	refused_with(1, TABLE, TABLE - 8, "overlap");
}

static void a_bar_that_is_not_there_is_refused(void **state)
{
	refused_with(0, 0, 0x1000, "not a memory BAR");
	refused_with(6, 0, 0x1000, "not a memory BAR");
	refused_with(255, 0, 0x1000, "not a memory BAR");
	info.pci_info.reg_info[2] = (lm_reg_info_t){ .flags = LM_REG_FLAG_RW,
						     .size = 256 };
	refused_with(2, 0, 0x1000, "not a memory BAR");
}

static void impossible_counts_are_refused(void **state)
{
	info.pci_info.irq_count[MSIX] = 0;
	assert_refused(&info, "1 to 2048");
	info.pci_info.irq_count[MSIX] = 2049;
	assert_refused(&info, "1 to 2048");
}

static void structures_that_clients_could_map_are_refused(void **state)
{
	static const lm_mmap_area_t area = { 0x1000, 0x1000 };

	info.pci_info.reg_info[1].flags |= LM_REG_FLAG_MMAP;
	assert_refused(&info, "mmap_areas");
	info.pci_info.reg_info[1].mmap_areas = &area;
	info.pci_info.reg_info[1].nr_mmap_areas = 1;
	assert_refused(&info, "mmap_areas");
	info.caps[0].msix.table = 0;
	assert_refused(&info, "mmap_areas");
}

static void adjacent_structures_are_accepted(void **state)
{
	struct lm_ctx *c;

	info.caps[0].msix.table = 0x10;
	info.caps[0].msix.pba = 0x10 + NR * 16;
	c = device_new(&info);
	device_free(c);
}

/* ---- table ----------------------------------------------------------------------- */

static void all_vectors_start_masked(void **state)
{
	uint32_t n;

	for (n = 0; n < NR; n++) {
		assert_int_equal(bar_get(TABLE + n * 16, 8), 0);
		assert_int_equal(bar_get(TABLE + n * 16 + 8, 8), 0x100000000);
	}
}

static void entries_take_four_and_eight_byte_writes(void **state)
{
	bar_put(TABLE + 0x20, 8, 0x00000001fee00000);
	bar_put(TABLE + 0x28, 4, 0x4021);
	bar_put(TABLE + 0x2c, 4, 0);
	assert_int_equal(bar_get(TABLE + 0x20, 8), 0x00000001fee00000);
	assert_int_equal(bar_get(TABLE + 0x28, 8), 0x4021);
	assert_int_equal(bar_get(TABLE + 0x3c, 4), 1);
	assert_int_equal(bar.calls, 0);
}

static void odd_widths_and_alignments_work_bytewise(void **state)
{
	bar_put(TABLE + 5, 1, 0xaa);
	bar_put(TABLE + 7, 2, 0xccbb);
	assert_int_equal(bar_get(TABLE + 4, 8), 0xccbb00aa00);
	assert_int_equal(bar_get(TABLE + 3, 3), 0xaa0000);
}

static void reserved_bits_of_vector_control_read_zero(void **state)
{
	bar_put(control(3), 4, 0xfffffffe);
	assert_int_equal(bar_get(control(3), 4), 0);
	bar_put(control(3), 4, 0xffffffff);
	assert_int_equal(bar_get(control(3), 4), 1);
}

static void the_device_sees_what_is_around_but_not_inside(void **state)
{
	assert_int_equal(bar_get(TABLE - 4, 8), 0x00000000eeeeeeee);
	assert_int_equal(bar.offset, TABLE - 4);
	assert_int_equal(bar.count, 4);
	bar_put(TABLE + NR * 16 - 4, 8, 0);
	assert_int_equal(bar.offset, TABLE + NR * 16);
	assert_int_equal(bar.count, 4);
	assert_int_equal(bar_get(control(NR - 1), 4), 0);
}

static void one_access_may_span_table_gap_and_pending_bits(void **state)
{
	uint8_t all[0x2000];
	struct access a = { .region = 1, .count = sizeof(all), .buf = (char *)all };

	assert_int_equal(region_access(ctx, &a), sizeof(all));
	assert_int_equal(all[0], 0xee);
	assert_int_equal(all[TABLE + 12], 1);
	assert_int_equal(all[TABLE + NR * 16], 0xee);
	assert_int_equal(all[PBA], 0);
	assert_int_equal(all[PBA + 15], 0);
	assert_int_equal(all[PBA + 16], 0xee);
	assert_int_equal(bar.calls, 3);
}

static void other_bars_are_left_alone(void **state)
{
	assert_non_null(region_get(ctx, 1)->claim);
	assert_null(region_get(ctx, 2)->claim);
}

static void reset_masks_all_vectors_again(void **state)
{
	bar_put(TABLE, 4, 0xfee00000);
	bar_put(control(0), 4, 0);
	config_reset(ctx);
	irq_reset(ctx, 0);
	assert_int_equal(bar_get(TABLE, 4), 0);
	assert_int_equal(bar_get(control(0), 4), 1);
}

/* ---- masks and pending bits ------------------------------------------------------ */

static void a_masked_vector_is_pending_until_it_is_unmasked(void **state)
{
	const int fd = assign(ctx, MSIX, 65);

	cfg_put(ctx, CONTROL, 2, ENABLE);
	bar_put(control(65), 4, 1);
	assert_int_equal(lm_irq_trigger(ctx, 65), LM_IRQ_PENDING);
	assert_int_equal(efd_take(fd), 0);
	assert_int_equal(bar_get(PBA, 8), 0);
	assert_int_equal(bar_get(PBA + 8, 8), 1 << 1);
	assert_int_equal(bar_get(PBA + 8, 1), 1 << 1);
	bar_put(control(65), 4, 0);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(bar_get(PBA + 8, 8), 0);
	assert_int_equal(lm_irq_trigger(ctx, 65), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void unmasking_without_anything_pending_delivers_nothing(void **state)
{
	const int fd = assign(ctx, MSIX, 0);

	cfg_put(ctx, CONTROL, 2, ENABLE);
	bar_put(control(0), 4, 1);
	bar_put(control(0), 4, 0);
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

static void many_triggers_of_a_masked_vector_are_one(void **state)
{
	const int fd = assign(ctx, MSIX, 1);
	int i;

	cfg_put(ctx, CONTROL, 2, ENABLE);
	bar_put(control(1), 4, 1);
	for (i = 0; i < 5; i++)
		lm_irq_trigger(ctx, 1);
	bar_put(control(1), 4, 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void the_function_mask_holds_back_all_vectors(void **state)
{
	const int a = assign(ctx, MSIX, 0), b = assign(ctx, MSIX, 69);

	cfg_put(ctx, CONTROL, 2, ENABLE | FUNCTION);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_PENDING);
	assert_int_equal(lm_irq_trigger(ctx, 69), LM_IRQ_PENDING);
	assert_int_equal(bar_get(PBA, 8), 1);
	assert_int_equal(bar_get(PBA + 8, 8), 1 << 5);
	cfg_put(ctx, CONTROL + 1, 1, ENABLE >> 8);
	assert_int_equal(efd_take(a), 1);
	assert_int_equal(efd_take(b), 1);
	assert_int_equal(bar_get(PBA, 8), 0);
	close(a);
	close(b);
}

static void the_function_mask_does_not_open_masked_vectors(void **state)
{
	const int fd = assign(ctx, MSIX, 2);

	cfg_put(ctx, CONTROL, 2, ENABLE | FUNCTION);
	bar_put(control(2), 4, 1);
	lm_irq_trigger(ctx, 2);
	cfg_put(ctx, CONTROL, 2, ENABLE);
	assert_int_equal(efd_take(fd), 0);
	bar_put(control(2), 4, 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void pending_bits_are_read_only(void **state)
{
	cfg_put(ctx, CONTROL, 2, ENABLE | FUNCTION);
	lm_irq_trigger(ctx, 3);
	bar_put(PBA, 8, 0);
	assert_int_equal(bar_get(PBA, 8), 1 << 3);
	bar_put(PBA, 8, ~0ull);
	assert_int_equal(bar_get(PBA, 8), 1 << 3);
	assert_int_equal(bar.calls, 0);
}

static void a_client_that_keeps_the_table_itself_gets_its_interrupts(void **state)
{
	/* as QEMU: enable bit, eventfds, never the table */
	const int fd = assign(ctx, MSIX, 4);

	cfg_put(ctx, CONTROL, 2, ENABLE);
	assert_int_equal(lm_irq_trigger(ctx, 4), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void the_first_write_to_the_table_makes_its_masks_count(void **state)
{
	const int a = assign(ctx, MSIX, 0), b = assign(ctx, MSIX, 1);

	cfg_put(ctx, CONTROL, 2, ENABLE);
	bar_put(control(0), 4, 0);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(lm_irq_trigger(ctx, 1), LM_IRQ_PENDING);
	close(a);
	close(b);
}

static void pending_bits_go_when_the_guest_disables_msix(void **state)
{
	const int fd = assign(ctx, MSIX, 0);

	cfg_put(ctx, CONTROL, 2, ENABLE | FUNCTION);
	lm_irq_trigger(ctx, 0);
	cfg_put(ctx, CONTROL, 2, 0);
	assert_int_equal(bar_get(PBA, 8), 0);
	cfg_put(ctx, CONTROL, 2, ENABLE);
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

static void all_2048_vectors_work(void **state)
{
	struct lm_ctx *large;
	int fd;

	describe();
	info.pci_info.irq_count[MSIX] = 2048;
	info.pci_info.reg_info[1].size = 0x10000;
	info.caps[0].msix.pba = TABLE + 0x8000;
	large = device_new(&info);
	fd = assign(large, MSIX, 2047);
	cfg_put(large, CONTROL, 2, ENABLE);
	region_put_value(large, 1, control(2047), 4, 1);
	assert_int_equal(lm_irq_trigger(large, 2047), LM_IRQ_PENDING);
	assert_true(region_get_value(large, 1, TABLE + 0x80f8, 8) == 1ull << 63);
	region_put_value(large, 1, control(2047), 4, 0);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(lm_irq_trigger(large, 2048), -EINVAL);
	close(fd);
	device_free(large);
}

/* ---- state ----------------------------------------------------------------------- */

static void the_table_moves_to_another_context(void **state)
{
	struct lm_ctx *to;
	uint8_t blob[NR * 16];

	assert_int_equal(msix_save(ctx, NULL, 0), 0);
	bar_put(TABLE, 8, 0xfee00000);
	bar_put(control(0), 4, 0);
	assert_int_equal(msix_save(ctx, NULL, 0), sizeof(blob));
	assert_int_equal(msix_save(ctx, blob, sizeof(blob)), sizeof(blob));
	to = device_new(&info);
	assert_int_equal(msix_load(to, blob, sizeof(blob)), 0);
	assert_int_equal(region_get_value(to, 1, TABLE, 8), 0xfee00000);
	assert_int_equal(region_get_value(to, 1, control(0), 8), 0);
	assert_int_equal(region_get_value(to, 1, control(1), 4), 1);
	assert_int_equal(msix_load(to, NULL, 0), 0);
	assert_int_equal(region_get_value(to, 1, control(0), 4), 1);
	device_free(to);
}

static void foreign_tables_are_refused(void **state)
{
	uint8_t blob[NR * 16] = { 0 };

	assert_int_equal(msix_load(ctx, blob, sizeof(blob) - 1), -EINVAL);
	blob[12] = 2;
	assert_int_equal(msix_load(ctx, blob, sizeof(blob)), -EINVAL);
	blob[12] = 0;
	blob[15] = 0x80;
	assert_int_equal(msix_load(ctx, blob, sizeof(blob)), -EINVAL);
	assert_int_equal(bar_get(control(0), 4), 1);
}

static int describe_only(void **state)
{
	describe();
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TEST_CREATE(fn) cmocka_unit_test_setup(fn, describe_only)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST_CREATE(structures_outside_the_bar_are_refused),
		TEST_CREATE(misaligned_structures_are_refused),
		TEST_CREATE(overlapping_structures_are_refused),
		TEST_CREATE(a_bar_that_is_not_there_is_refused),
		TEST_CREATE(impossible_counts_are_refused),
		TEST_CREATE(structures_that_clients_could_map_are_refused),
		TEST_CREATE(adjacent_structures_are_accepted),
		TEST(all_vectors_start_masked),
		TEST(entries_take_four_and_eight_byte_writes),
		TEST(odd_widths_and_alignments_work_bytewise),
		TEST(reserved_bits_of_vector_control_read_zero),
		TEST(the_device_sees_what_is_around_but_not_inside),
		TEST(one_access_may_span_table_gap_and_pending_bits),
		TEST(other_bars_are_left_alone),
		TEST(reset_masks_all_vectors_again),
		TEST(a_masked_vector_is_pending_until_it_is_unmasked),
		TEST(unmasking_without_anything_pending_delivers_nothing),
		TEST(many_triggers_of_a_masked_vector_are_one),
		TEST(the_function_mask_holds_back_all_vectors),
		TEST(the_function_mask_does_not_open_masked_vectors),
		TEST(pending_bits_are_read_only),
		TEST(a_client_that_keeps_the_table_itself_gets_its_interrupts),
		TEST(the_first_write_to_the_table_makes_its_masks_count),
		TEST(pending_bits_go_when_the_guest_disables_msix),
		TEST(all_2048_vectors_work),
		TEST(the_table_moves_to_another_context),
		TEST(foreign_tables_are_refused),
	};

	return cmocka_run_group_tests_name("msix", tests, NULL, NULL);
}
