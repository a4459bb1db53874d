/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_register.c - register maps: widths, splitting, merging, kinds of access, what lies between
 * registers, values that the library keeps or the device does.
 */
#include "pci/pci.h"
#include "traced.h"

#define BAR LM_BAR1_REG_IDX

static const lm_register_t regs[] = {
	{ .name = "R32", .offset = 0x00, .width = 4, .reset = 0x12345678 },
	{ .name = "R16", .offset = 0x04, .width = 2, .reset = 0xabcd },
	{ .name = "R8", .offset = 0x06, .width = 1, .reset = 0x5a },
	{ .name = "R64", .offset = 0x08, .width = 8, .reset = 0x1122334455667788 },
	{ .name = "RO", .offset = 0x10, .width = 4, .access = LM_RO, .reset = 0x0badcafe },
	{ .name = "WO", .offset = 0x14, .width = 4, .access = LM_WO, .reset = 0x77 },
	{ .name = "W1C", .offset = 0x18, .width = 4, .access = LM_RW1C, .reset = 0xff },
	{ .name = "PURE", .offset = 0x1c, .width = 4, .flags = LM_REGISTER_PURE },
	{ .name = "SOME", .offset = 0x30, .width = 4, .reset = 0x11223344, .wmask = 0x00ff0ff0 },
	{ .name = "SOME_W1C", .offset = 0x34, .width = 4, .access = LM_RW1C, .reset = 0xff,
	  .wmask = 0x0f },
	{ .name = "LAST", .offset = 0x3f, .width = 1, .reset = 0xee },
};

/* What the device was asked, if it keeps the values itself. */
static struct { uint64_t offset, value; unsigned int width; } reads[16], writes[16];
static unsigned int nr_reads, nr_writes;
static uint64_t device_value;

static uint64_t map_read(void *pvt, const lm_register_io_t *io)
{
	reads[nr_reads].offset = io->offset;
	reads[nr_reads++].width = io->width;
	return device_value + io->offset;
}

static void map_write(void *pvt, const lm_register_io_t *io)
{
	writes[nr_writes].offset = io->offset;
	writes[nr_writes].value = io->value;
	writes[nr_writes++].width = io->width;
}

static lm_register_map_t kept, device, told;

static int setup(void **state)
{
	kept = (lm_register_map_t){ LM_REGISTERS(regs) };
	device = (lm_register_map_t){ LM_REGISTERS(regs), .read = map_read, .write = map_write };
	told = (lm_register_map_t){ LM_REGISTERS(regs), .write = map_write };
	nr_reads = nr_writes = 0;
	device_value = 0;
	return engine_setup(state);
}

static void describe(struct engine *e, const lm_register_map_t *map)
{
	e->info.pci_info.reg_info[BAR] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 64, .regs = map };
}

static void connect_with(struct engine *e, const lm_register_map_t *map)
{
	describe(e, map);
	engine_connect(e);
}

static uint64_t read_width(struct engine *e, uint64_t offset, uint32_t width)
{
	uint64_t value = 0;

	memcpy(&value, engine_read(e, BAR, offset, width), width);
	return value;
}

static void write_width(struct engine *e, uint64_t offset, uint64_t value, uint32_t width)
{
	engine_write(e, BAR, offset, &value, width);
}

/* ---- values that the library keeps ----------------------------------------------- */

static void registers_begin_with_their_reset_values(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(read_width(e, 0x00, 4), 0x12345678);
	assert_int_equal(read_width(e, 0x04, 2), 0xabcd);
	assert_int_equal(read_width(e, 0x06, 1), 0x5a);
	assert_int_equal(read_width(e, 0x08, 8), 0x1122334455667788);
}

static void what_is_written_is_read(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	write_width(e, 0x00, 0xdeadbeef, 4);
	write_width(e, 0x08, 0x8877665544332211, 8);
	assert_int_equal(read_width(e, 0x00, 4), 0xdeadbeef);
	assert_int_equal(read_width(e, 0x08, 8), 0x8877665544332211);
}

static void some_bits_are_not_for_the_guest(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	write_width(e, 0x30, 0xffffffff, 4);
	assert_int_equal(read_width(e, 0x30, 4), 0x11ff3ff4);
	write_width(e, 0x31, 0, 1);
	assert_int_equal(read_width(e, 0x30, 4), 0x11ff30f4);
	write_width(e, 0x33, 0, 1);
	assert_int_equal(read_width(e, 0x30, 4), 0x11ff30f4);
	write_width(e, 0x34, 0xffffffff, 4);
	assert_int_equal(read_width(e, 0x34, 4), 0xf0);
	assert_int_equal(lm_register_set(e->ctx, BAR, 0x30, 0), 0);
	assert_int_equal(read_width(e, 0x30, 4), 0);
}

static void who_is_told_hears_what_some_bits_become(void **state)
{
	struct engine *e = *state;

	connect_with(e, &told);
	write_width(e, 0x30, 0xffffffff, 4);
	write_width(e, 0x34, 0x81, 4);
	read_width(e, 0x30, 4);
	assert_int_equal(writes[0].value, 0x11ff3ff4);
	assert_int_equal(writes[1].value, 0x01);
	assert_int_equal(read_width(e, 0x34, 4), 0xfe);
}

/* What the others are is not known: the device has the value. */
static void where_the_device_keeps_them_the_other_bits_are_0(void **state)
{
	struct engine *e = *state;

	connect_with(e, &device);
	write_width(e, 0x30, 0xffffffff, 4);
	read_width(e, 0x00, 4);
	assert_int_equal(writes[0].value, 0x00ff0ff0);
}

static void a_reset_puts_values_back(void **state)
{
	struct engine *e = *state;
	struct wire m;

	connect_with(e, &kept);
	write_width(e, 0x00, 0, 4);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_int_equal(read_width(e, 0x00, 4), 0x12345678);
}

static void the_device_reads_and_sets_them(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x04), 0xabcd);
	assert_int_equal(lm_register_set(e->ctx, BAR, 0x04, 0x12345678), 0);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x04), 0x5678); /* bits beyond are dropped */
	assert_int_equal(read_width(e, 0x04, 2), 0x5678);
}

static void the_device_may_set_what_guests_cannot(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(lm_register_set(e->ctx, BAR, 0x10, 7), 0);
	assert_int_equal(read_width(e, 0x10, 4), 7);
	assert_int_equal(lm_register_set(e->ctx, BAR, 0x18, 0xf0), 0);
	assert_int_equal(read_width(e, 0x18, 4), 0xf0);
}

static void other_offsets_are_enoent(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(lm_register_set(e->ctx, BAR, 0x01, 0), -ENOENT);
	assert_int_equal(lm_register_set(e->ctx, BAR, 0x07, 0), -ENOENT);
	assert_int_equal(lm_register_set(e->ctx, BAR, UINT64_MAX, 0), -ENOENT);
	assert_int_equal(lm_register_set(e->ctx, BAR_RAW, 0, 0), -ENOENT);
	assert_int_equal(lm_register_set(e->ctx, 1000, 0, 0), -ENOENT);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x01), 0);
	assert_int_equal(lm_register_get(e->ctx, 1000, 0), 0);
}

/* ---- kinds of access ------------------------------------------------------------- */

static void writes_to_a_read_only_register_are_dropped(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	write_width(e, 0x10, 0, 4);
	assert_int_equal(read_width(e, 0x10, 4), 0x0badcafe);
}

static void the_device_is_not_told_of_them(void **state)
{
	struct engine *e = *state;

	connect_with(e, &device);
	write_width(e, 0x10, 0, 4);
	assert_int_equal(nr_writes, 0);
}

static void a_write_only_register_reads_as_zero(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(read_width(e, 0x14, 4), 0);
	write_width(e, 0x14, 0x1234, 4);
	assert_int_equal(read_width(e, 0x14, 4), 0);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x14), 0x1234);
}

static void the_device_is_not_asked_for_it(void **state)
{
	struct engine *e = *state;

	device_value = 0xffffffff;
	connect_with(e, &device);
	assert_int_equal(read_width(e, 0x14, 4), 0);
	assert_int_equal(nr_reads, 0);
}

static void ones_clear_and_zeros_keep(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	write_width(e, 0x18, 0x0f, 4);
	assert_int_equal(read_width(e, 0x18, 4), 0xf0);
	write_width(e, 0x18, 0, 4);
	assert_int_equal(read_width(e, 0x18, 4), 0xf0);
}

static void ones_of_a_narrow_write_clear_nothing_beside(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	lm_register_set(e->ctx, BAR, 0x18, 0xffffffff);
	write_width(e, 0x19, 0xff, 1);
	assert_int_equal(read_width(e, 0x18, 4), 0xffff00ff);
}

static void a_device_that_clears_itself_gets_the_ones(void **state)
{
	struct engine *e = *state;

	connect_with(e, &device);
	write_width(e, 0x1a, 0xff, 1);
	assert_int_equal(nr_writes, 1);
	assert_int_equal(writes[0].offset, 0x18);
	assert_int_equal(writes[0].value, 0x00ff0000);
	assert_int_equal(nr_reads, 0);
}

/* ---- splitting and merging ------------------------------------------------------- */

static void a_narrow_read_is_part_of_a_register(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(read_width(e, 0x00, 1), 0x78);
	assert_int_equal(read_width(e, 0x01, 1), 0x56);
	assert_int_equal(read_width(e, 0x02, 2), 0x1234);
	assert_int_equal(read_width(e, 0x0c, 4), 0x11223344);
}

static void a_wide_read_is_several_registers(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(read_width(e, 0x00, 8), 0xff5aabcd12345678);
	assert_int_equal(read_width(e, 0x04, 4), 0xff5aabcd);
}

static void a_misaligned_read_is_parts_of_registers(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(read_width(e, 0x02, 4), 0xabcd1234);
	assert_int_equal(read_width(e, 0x03, 2), 0xcd12);
}

static void a_wide_write_reaches_several_registers(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	write_width(e, 0x00, 0x8877665544332211, 8);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x00), 0x44332211);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x04), 0x6655);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x06), 0x77);
}

static void a_narrow_write_keeps_the_rest_of_a_kept_value(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	write_width(e, 0x01, 0xee, 1);
	assert_int_equal(read_width(e, 0x00, 4), 0x1234ee78);
	write_width(e, 0x0e, 0xbeef, 2);
	assert_int_equal(read_width(e, 0x08, 8), 0xbeef334455667788);
}

static void the_device_sees_whole_registers(void **state)
{
	struct engine *e = *state;

	connect_with(e, &device);
	read_width(e, 0x02, 4);
	assert_int_equal(nr_reads, 2);
	assert_int_equal(reads[0].offset, 0x00);
	assert_int_equal(reads[0].width, 4);
	assert_int_equal(reads[1].offset, 0x04);
	assert_int_equal(reads[1].width, 2);
}

static void a_narrow_write_of_a_pure_register_is_merged(void **state)
{
	struct engine *e = *state;

	device_value = 0x44332211 - 0x1c;
	connect_with(e, &device);
	write_width(e, 0x1d, 0xee, 1);
	assert_int_equal(nr_reads, 1);
	assert_int_equal(nr_writes, 1);
	assert_int_equal(writes[0].offset, 0x1c);
	assert_int_equal(writes[0].value, 0x4433ee11);
	assert_int_equal(writes[0].width, 4);
}

/* A device need not cut off what does not belong to the register. */
static void a_merged_value_is_no_wider_than_its_register(void **state)
{
	struct engine *e = *state;

	device_value = 0xffffffff44332211 - 0x1c;
	connect_with(e, &device);
	write_width(e, 0x1d, 0xee, 1);
	assert_int_equal(writes[0].value, 0x4433ee11);
}

static void a_reset_value_is_no_wider_than_its_register(void **state)
{
	static const lm_register_t table[] = { { .name = "R", .width = 1, .reset = 0xfff } };
	const lm_register_map_t map = { LM_REGISTERS(table) };
	struct engine *e = *state;

	connect_with(e, &map);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0), 0xff);
}

static void a_narrow_write_of_another_register_reads_nothing(void **state)
{
	struct engine *e = *state;

	device_value = 0xffffffff;
	connect_with(e, &device);
	write_width(e, 0x01, 0xee, 1);
	assert_int_equal(nr_reads, 0);
	assert_int_equal(writes[0].offset, 0x00);
	assert_int_equal(writes[0].value, 0x0000ee00);
}

static void a_whole_write_of_a_pure_register_reads_nothing(void **state)
{
	struct engine *e = *state;

	connect_with(e, &device);
	write_width(e, 0x1c, 0x99, 4);
	assert_int_equal(nr_reads, 0);
	assert_int_equal(writes[0].value, 0x99);
}

static void a_device_may_be_told_of_writes_alone(void **state)
{
	struct engine *e = *state;

	connect_with(e, &told);
	write_width(e, 0x00, 0xee, 1);
	assert_int_equal(writes[0].value, 0x123456ee);
	assert_int_equal(read_width(e, 0x00, 4), 0x123456ee);
}

/* ---- values that the library keeps, and the device sees change -------------------- */

static struct { uint64_t old, value; lm_register_io_t io; } seen;
static uint64_t answer_offset, answer_value;

static void write_looks(void *pvt, const lm_register_io_t *io)
{
	struct engine *e = pvt;

	seen.old = lm_register_get(e->ctx, BAR, io->offset);
	seen.value = io->value;
	seen.io = *io;
}

static void write_answers(void *pvt, const lm_register_io_t *io)
{
	struct engine *e = pvt;

	assert_int_equal(lm_register_set(e->ctx, BAR, answer_offset, answer_value), 0);
}

static void write_resets(void *pvt, const lm_register_io_t *io)
{
	struct engine *e = pvt;

	assert_int_equal(function_reset(e->ctx, NULL, LM_RESET_CLIENT), 0);
}

static void the_device_sees_what_was_there_before(void **state)
{
	struct engine *e = *state;

	told.write = write_looks;
	connect_with(e, &told);
	write_width(e, 0x00, 0xdeadbeef, 4);
	assert_int_equal(seen.old, 0x12345678);
	assert_int_equal(seen.value, 0xdeadbeef);
	assert_int_equal(seen.io.old, 0x12345678);
	assert_ptr_equal(seen.io.ctx, e->ctx);
	assert_int_equal(seen.io.region, BAR);
	assert_int_equal(seen.io.index, 0);
	assert_int_equal(lm_register_get(e->ctx, BAR, 0x00), 0xdeadbeef);
	write_width(e, 0x01, 0xee, 1);
	assert_int_equal(seen.old, 0xdeadbeef);
	assert_int_equal(seen.value, 0xdeadeeef);
	assert_int_equal(read_width(e, 0x00, 4), 0xdeadeeef);
}

static void the_device_sees_the_bits_that_ones_clear(void **state)
{
	struct engine *e = *state;

	told.write = write_looks;
	connect_with(e, &told);
	write_width(e, 0x18, 0x0f, 4);
	assert_int_equal(seen.old, 0xff);
	assert_int_equal(seen.io.old, 0xff);
	assert_int_equal(seen.io.index, 6);
	assert_int_equal(seen.value, 0x0f);
	assert_int_equal(read_width(e, 0x18, 4), 0xf0);
}

/* Such as a bit that clears itself. */
static void what_the_device_sets_meanwhile_counts(void **state)
{
	struct engine *e = *state;

	told.write = write_answers;
	answer_value = 2;
	connect_with(e, &told);
	write_width(e, answer_offset = 0x00, 3, 4);
	assert_int_equal(read_width(e, 0x00, 4), 2);
	write_width(e, answer_offset = 0x18, 0xff, 4);
	assert_int_equal(read_width(e, 0x18, 4), 2);
}

static void what_it_sets_elsewhere_does_not(void **state)
{
	struct engine *e = *state;

	told.write = write_answers;
	answer_offset = 0x10;
	answer_value = 7;
	connect_with(e, &told);
	write_width(e, 0x00, 3, 4);
	assert_int_equal(read_width(e, 0x00, 4), 3);
	assert_int_equal(read_width(e, 0x10, 4), 7);
	write_width(e, 0x00, 4, 4);
	assert_int_equal(read_width(e, 0x00, 4), 4);
}

static void a_reset_by_the_write_counts(void **state)
{
	struct engine *e = *state;

	told.write = write_resets;
	connect_with(e, &told);
	write_width(e, 0x00, 3, 4);
	assert_int_equal(read_width(e, 0x00, 4), 0x12345678);
}

/* ---- between registers ----------------------------------------------------------- */

static void nothing_reads_as_ones(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(read_width(e, 0x07, 1), 0xff);
	assert_int_equal(read_width(e, 0x20, 8), UINT64_MAX);
	assert_int_equal(read_width(e, 0x3c, 4), 0xeeffffff);
}

static void writes_to_nothing_are_dropped(void **state)
{
	struct engine *e = *state;

	connect_with(e, &device);
	write_width(e, 0x20, 0, 8);
	write_width(e, 0x07, 0, 1);
	assert_int_equal(nr_writes, 0);
	write_width(e, 0x38, 0xaa00000000000000, 8);
	assert_int_equal(nr_writes, 1);
	assert_int_equal(writes[0].offset, 0x3f);
	assert_int_equal(writes[0].value, 0xaa);
}

static void a_map_without_registers_is_all_nothing(void **state)
{
	static const lm_register_map_t empty = { .nr_registers = 0 };
	struct engine *e = *state;

	connect_with(e, &empty);
	assert_int_equal(read_width(e, 0, 4), 0xffffffff);
	write_width(e, 0, 0, 4);
}

/* ---- widths ---------------------------------------------------------------------- */

static void more_than_8_bytes_are_refused(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	engine_trace(e);
	engine_read_refused(e, BAR, 0, 9, EINVAL);
	engine_read_refused(e, BAR, 0, 64, EINVAL);
	engine_write_refused(e, BAR, 0, "0123456789", 10, EINVAL);
}

static void odd_widths_are_split(void **state)
{
	struct engine *e = *state;

	connect_with(e, &kept);
	assert_int_equal(read_width(e, 0x00, 3), 0x345678);
	assert_int_equal(read_width(e, 0x03, 5), 0xff5aabcd12);
}

static void widths_may_be_limited(void **state)
{
	struct engine *e = *state;

	device.min_width = 2;
	device.max_width = 4;
	connect_with(e, &device);
	engine_trace(e);
	engine_read_refused(e, BAR, 0, 1, EINVAL);
	engine_read_refused(e, BAR, 0, 8, EINVAL);
	engine_write_refused(e, BAR, 0, "x", 1, EINVAL);
	engine_write_refused(e, BAR, 0, "12345678", 8, EINVAL);
	assert_int_equal(nr_reads + nr_writes, 0);
	read_width(e, 0, 2);
	read_width(e, 0, 4);
	assert_int_equal(nr_reads, 2);
}

/* ---- maps that are refused ------------------------------------------------------- */

static void map_refused(struct engine *e, const lm_register_t *table, uint32_t nr)
{
	const lm_register_map_t map = {
		.registers = table, .nr_registers = nr, .register_size = sizeof(*table) };

	describe(e, &map);
	engine_refuses(e);
}

static void a_register_has_a_name(void **state)
{
	map_refused(*state, &(lm_register_t){ .width = 4 }, 1);
}

static void a_register_has_a_width(void **state)
{
	map_refused(*state, &(lm_register_t){ .name = "R" }, 1);
	map_refused(*state, &(lm_register_t){ .name = "R", .width = 3 }, 1);
	map_refused(*state, &(lm_register_t){ .name = "R", .width = 16 }, 1);
}

static void a_register_has_a_known_kind(void **state)
{
	map_refused(*state, &(lm_register_t){ .name = "R", .width = 4, .access = 4 }, 1);
}

static void registers_lie_in_their_region(void **state)
{
	map_refused(*state, &(lm_register_t){ .name = "R", .width = 4, .offset = 62 }, 1);
	map_refused(*state, &(lm_register_t){ .name = "R", .width = 4, .offset = UINT64_MAX }, 1);
}

static void registers_are_in_order_and_apart(void **state)
{
	static const lm_register_t overlap[] = {
		{ .name = "A", .width = 4 }, { .name = "B", .width = 4, .offset = 2 } };
	static const lm_register_t reversed[] = {
		{ .name = "A", .width = 4, .offset = 8 }, { .name = "B", .width = 4 } };

	map_refused(*state, overlap, 2);
	map_refused(*state, reversed, 2);
}

static void a_table_has_to_be_there(void **state)
{
	struct engine *e = *state;
	const lm_register_map_t missing = { .nr_registers = 1, .register_size = 8 };
	const lm_register_map_t sizeless = { .registers = regs, .nr_registers = 1 };

	describe(e, &missing);
	engine_refuses(e);
	describe(e, &sizeless);
	engine_refuses(e);
}

static void limits_of_width_are_widths(void **state)
{
	struct engine *e = *state;

	kept.max_width = 3;
	describe(e, &kept);
	engine_refuses(e);
	kept.max_width = 0;
	kept.min_width = 16;
	engine_refuses(e);
}

struct longer_register {
	lm_register_t reg;
	uint64_t      more;
};

static void elements_of_a_table_may_be_longer(void **state)
{
	static const struct longer_register table[2] = {
		{ .reg = { .name = "A", .width = 4, .reset = 1 } },
		{ .reg = { .name = "B", .width = 4, .offset = 4, .reset = 2 } },
	};
	const lm_register_map_t map = {
		.registers = &table[0].reg, .nr_registers = 2, .register_size = sizeof(table[0]) };
	struct engine *e = *state;

	connect_with(e, &map);
	assert_int_equal(read_width(e, 0, 8), 0x0000000200000001);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, engine_teardown)

/* ---- aliases --------------------------------------------------------------------- */

static const lm_register_t others[] = { { "WRITTEN", NULL }, { "BANKED", NULL } };
static const lm_register_t several[] = { { "ONE", .width = 4, LM_ALIASES(others) } };

static uint64_t alias_read(void *pvt, const lm_register_io_t *io)
{
	assert_int_equal(*io->alias, 0);
	*io->alias = 2;
	return 0;
}

static void alias_write(void *pvt, const lm_register_io_t *io)
{
	assert_int_equal(*io->alias, 0);
	*io->alias = io->value == 7 ? 1 : 0;
}

static void a_trace_says_which_of_several_registers_it_was(void **state)
{
	static const lm_register_map_t map = { LM_REGISTERS(several), .read = alias_read,
					       .write = alias_write };
	struct engine *e = *state;

	connect_with(e, &map);
	engine_trace(e);
	write_width(e, 0, 7, 4);
	assert_int_equal(engine_row_of(e, LM_TRACE_WRITE).aux, 1);
	read_width(e, 0, 4);
	assert_int_equal(engine_row_of(e, LM_TRACE_READ).aux, 2);
	write_width(e, 0, 8, 4);
	assert_int_equal(engine_row_of(e, LM_TRACE_WRITE).aux, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(registers_begin_with_their_reset_values),
		TEST(what_is_written_is_read),
		TEST(some_bits_are_not_for_the_guest),
		TEST(who_is_told_hears_what_some_bits_become),
		TEST(where_the_device_keeps_them_the_other_bits_are_0),
		TEST(a_reset_puts_values_back),
		TEST(the_device_reads_and_sets_them),
		TEST(the_device_may_set_what_guests_cannot),
		TEST(other_offsets_are_enoent),
		TEST(writes_to_a_read_only_register_are_dropped),
		TEST(the_device_is_not_told_of_them),
		TEST(a_write_only_register_reads_as_zero),
		TEST(the_device_is_not_asked_for_it),
		TEST(ones_clear_and_zeros_keep),
		TEST(ones_of_a_narrow_write_clear_nothing_beside),
		TEST(a_device_that_clears_itself_gets_the_ones),
		TEST(a_narrow_read_is_part_of_a_register),
		TEST(a_wide_read_is_several_registers),
		TEST(a_misaligned_read_is_parts_of_registers),
		TEST(a_wide_write_reaches_several_registers),
		TEST(a_narrow_write_keeps_the_rest_of_a_kept_value),
		TEST(the_device_sees_whole_registers),
		TEST(a_narrow_write_of_a_pure_register_is_merged),
		TEST(a_merged_value_is_no_wider_than_its_register),
		TEST(a_reset_value_is_no_wider_than_its_register),
		TEST(a_narrow_write_of_another_register_reads_nothing),
		TEST(a_whole_write_of_a_pure_register_reads_nothing),
		TEST(a_device_may_be_told_of_writes_alone),
		TEST(the_device_sees_what_was_there_before),
		TEST(the_device_sees_the_bits_that_ones_clear),
		TEST(what_the_device_sets_meanwhile_counts),
		TEST(what_it_sets_elsewhere_does_not),
		TEST(a_reset_by_the_write_counts),
		TEST(nothing_reads_as_ones),
		TEST(writes_to_nothing_are_dropped),
		TEST(a_map_without_registers_is_all_nothing),
		TEST(more_than_8_bytes_are_refused),
		TEST(odd_widths_are_split),
		TEST(widths_may_be_limited),
		TEST(a_register_has_a_name),
		TEST(a_register_has_a_width),
		TEST(a_register_has_a_known_kind),
		TEST(registers_lie_in_their_region),
		TEST(registers_are_in_order_and_apart),
		TEST(a_table_has_to_be_there),
		TEST(limits_of_width_are_widths),
		TEST(elements_of_a_table_may_be_longer),
		TEST(a_trace_says_which_of_several_registers_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
