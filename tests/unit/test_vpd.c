/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_vpd.c - vital product data: how it is laid out, and what guests may do to it.
 */
#include "pci_device.h"

static lm_dev_info_t info;
static lm_vpd_t vpd;
static struct lm_ctx *ctx;
static uint32_t at;
static char written[256];
static uint32_t nr_written;

static const lm_vpd_field_t fields[] = {
	{ .keyword = "PN", .value = "part-1" },
	{ .keyword = "V1", .value = "wire", .room = 6 },
	{ .keyword = "SN", .value = "0042" },
};

/* As the appendix says: name, read-only part with its checksum, what can be written, end. */
static const char expected[] =
	"\x82\x04\x00" "card"
	"\x90\x14\x00" "PN\x06" "part-1" "SN\x04" "0042" "RV\x01?"
	"\x91\x0c\x00" "V1\x06" "wire  " "RW\x00"
	"\x78";

#define CHECKSUM_AT 29
#define WRITABLE_AT 33

static void note_write(void *pvt, uint32_t offset, const void *data, uint32_t len)
{
	assert_true(offset + len <= sizeof(written));
	memcpy(written + offset, data, len);
	nr_written += len;
}

static int setup(void **state)
{
	memset(&info, 0, sizeof(info));
	memset(written, 0, sizeof(written));
	nr_written = 0;
	info.pci_info.id.raw = 0x00011234;
	vpd = (lm_vpd_t){ .name = "card", .fields = fields, .nr_fields = LM_NR(fields),
			  .written = note_write };
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VPD, .vpd = &vpd };
	ctx = NULL;
	return 0;
}

static int teardown(void **state)
{
	if (ctx)
		device_free(ctx);
	return 0;
}

static void begin(void)
{
	ctx = device_new(&info);
	at = cap_find(ctx, PCI_CAP_ID_VPD);
	assert_int_not_equal(at, 0);
}

static uint32_t vpd_get(uint32_t addr)
{
	cfg_put(ctx, at + PCI_VPD_ADDR, 2, addr);
	assert_int_equal(cfg_get(ctx, at + PCI_VPD_ADDR, 2), addr | PCI_VPD_ADDR_F);
	return (uint32_t)cfg_get(ctx, at + PCI_VPD_DATA, 4);
}

static void vpd_put(uint32_t addr, uint32_t value)
{
	cfg_put(ctx, at + PCI_VPD_DATA, 4, value);
	cfg_put(ctx, at + PCI_VPD_ADDR, 2, addr | PCI_VPD_ADDR_F);
	assert_int_equal(cfg_get(ctx, at + PCI_VPD_ADDR, 2), addr);
}

static void all_of_it(uint8_t *data, uint32_t size)
{
	uint32_t i, value;

	for (i = 0; i < size; i += 4) {
		value = vpd_get(i);
		memcpy(data + i, &value, 4);
	}
}

static void fields_are_laid_out_with_their_checksum(void **state)
{
	uint8_t data[64], sum = 0;
	size_t i;

	begin();
	all_of_it(data, sizeof(data));
	for (i = 0; i <= CHECKSUM_AT; i++)
		sum = (uint8_t)(sum + data[i]);
	assert_int_equal(sum, 0);
	data[CHECKSUM_AT] = '?';
	assert_memory_equal(data, expected, sizeof(expected) - 1);
	for (i = sizeof(expected) - 1; i < sizeof(data); i++)
		assert_int_equal(data[i], 0);
	assert_int_equal(vpd_get(0x7ffc), 0);
}

static void without_fields_to_write_there_is_no_part_for_them(void **state)
{
	uint8_t data[16];

	vpd.nr_fields = 0;
	begin();
	all_of_it(data, sizeof(data));
	assert_memory_equal(data, "\x82\x04\x00" "card" "\x90\x04\x00" "RV\x01", 13);
	assert_int_equal(vpd_get(12) >> 16, 0x78);
}

static void bytes_are_taken_as_they_are(void **state)
{
	static const uint8_t data[] = { 0x82, 1, 0, 'x', 0x91, 2, 0, 'a', 'b', 0x78 };

	vpd = (lm_vpd_t){ .data = data, .size = sizeof(data) };
	begin();
	assert_int_equal(vpd_get(0), 0x78000182);
	vpd_put(4, 0xffffffff);
	assert_int_equal(vpd_get(4), 0xff000291);
	vpd_put(8, 0xffffffff);
	assert_int_equal(vpd_get(8), 0x78ff);
}

static void guests_write_what_they_may_and_the_device_hears_of_it(void **state)
{
	uint32_t i;

	begin();
	for (i = 0; i < 64; i += 4)
		vpd_put(i, 0x5a5a5a5a);
	for (i = 0; i < 64; i++) {
		const uint8_t byte = (uint8_t)(vpd_get(i & ~3u) >> 8 * (i % 4));

		if (i >= WRITABLE_AT && i < WRITABLE_AT + 12) {
			assert_int_equal(byte, 0x5a);
			assert_int_equal(written[i], 0x5a);
		} else if (i < sizeof(expected) - 1 && i != CHECKSUM_AT) {
			assert_int_equal(byte, (uint8_t)expected[i]);
		}
	}
	assert_int_equal(nr_written, 12);
}

static void a_reset_forgets_the_address_and_not_the_data(void **state)
{
	begin();
	vpd_put(36, 0x31323334);
	vpd_get(4);
	config_reset(ctx);
	assert_int_equal(cfg_get(ctx, at + PCI_VPD_ADDR, 2), 0);
	assert_int_equal(cfg_get(ctx, at + PCI_VPD_DATA, 4), 0);
	assert_int_equal(vpd_get(36), 0x31323334);
}

/* The flag is what moves something: all other writes are just registers. */
static void writes_of_any_shape_are_survived(void **state)
{
	uint32_t width, offset, i;

	begin();
	cfg_put(ctx, at + PCI_VPD_ADDR, 1, 4);
	assert_int_equal(cfg_get(ctx, at + PCI_VPD_DATA, 4), 0);
	cfg_put(ctx, at + PCI_VPD_ADDR + 1, 1, 0);
	assert_int_equal(cfg_get(ctx, at + PCI_VPD_ADDR, 2), 0x8004);
	cfg_put(ctx, at + PCI_VPD_ADDR, 4, 0x7fff);
	assert_int_equal(cfg_get(ctx, at + PCI_VPD_ADDR, 2), 0xffff);
	for (i = 0; i < 0x10000; i += 0x101) {
		for (offset = 0; offset < 8; offset++) {
			for (width = 1; offset + width <= 8; width++)
				cfg_put(ctx, at + offset, width, i * 0x100010001ull);
		}
	}
	assert_int_equal(vpd_get(0), 0x63000482);
}

static void what_is_written_is_part_of_a_saved_state(void **state)
{
	uint8_t saved[12];

	begin();
	assert_int_equal(vpd_save(ctx, NULL, 0), sizeof(saved));
	vpd_put(36, 0x31323334);
	vpd_save(ctx, saved, sizeof(saved));
	vpd_put(36, 0);
	assert_false(vpd_fits(ctx, 11));
	assert_true(vpd_fits(ctx, sizeof(saved)));
	vpd_load(ctx, saved);
	assert_int_equal(vpd_get(36), 0x31323334);
}

static void refused(lm_vpd_field_t field, const char *why)
{
	vpd = (lm_vpd_t){ .name = "card", .fields = &field, .nr_fields = 1 };
	assert_refused(&info, why);
}

static void impossible_fields_are_refused(void **state)
{
	char text[257];

	memset(text, 'x', 256);
	text[256] = '\0';
	refused((lm_vpd_field_t){ .value = "x" }, "a keyword has two characters");
	refused((lm_vpd_field_t){ .keyword = "PNO" }, "a keyword has two characters");
	refused((lm_vpd_field_t){ .keyword = "RV" }, "RV and RW");
	refused((lm_vpd_field_t){ .keyword = "PN", .room = 4 }, "begin with V or Y");
	refused((lm_vpd_field_t){ .keyword = "V0", .value = "12345", .room = 4 }, "its room");
	refused((lm_vpd_field_t){ .keyword = "V0", .room = 256 }, "255 bytes");
	refused((lm_vpd_field_t){ .keyword = "PN", .value = text }, "255 bytes");
	refused((lm_vpd_field_t){ .keyword = "PN", .reserved = 1 }, "reserved");
	vpd = (lm_vpd_t){ 0 };
	assert_refused(&info, "vital product data: it needs data and size, or name and fields");
	vpd = (lm_vpd_t){ .name = "x", .nr_fields = 1 };
	assert_refused(&info, "name and fields");
	vpd = (lm_vpd_t){ .name = "x", .reserved = { 0, 1 } };
	assert_refused(&info, "reserved");
}

static void refused_bytes(const void *data, uint32_t size, const char *why)
{
	void *copy = malloc(size ?: 1);

	memcpy(copy, data, size);
	vpd = (lm_vpd_t){ .data = copy, .size = size };
	assert_refused(&info, why);
	free(copy);
}

static void impossible_bytes_are_refused(void **state)
{
	static const uint8_t big[0x8001];

	refused_bytes("", 0, "end tag");
	refused_bytes("\x82\x04", 2, "end tag");
	refused_bytes("\x82\xff\xff" "x", 4, "end tag");
	refused_bytes("\x82\x01\x00" "x", 4, "end tag");
	refused_bytes("\x0f", 1, "end tag");
	refused_bytes("\x90\x04\x00" "RV\x01\x00\x78", 8, "checksum");
	refused_bytes("\x90\x03\x00" "PN\x04\x78", 7, "checksum");
	refused_bytes("\x90\x02\x00" "PN\x78", 6, "checksum");
	refused_bytes("\x91\x00\x00\x91\x01\x00" "x\x91\x01\x00" "y\x78", 12, "91h");
	refused_bytes(big, sizeof(big), "32768");
	vpd = (lm_vpd_t){ .data = "\x78", .size = 1, .name = "x" };
	assert_refused(&info, "either data or name and fields");
	info.caps[0].size = 8;
	info.caps[0].data = big;
	assert_refused(&info, "leave data and wmask NULL");
	info.caps[0].data = NULL;
	vpd.name = NULL;
	info.caps[1] = info.caps[0];
	assert_refused(&info, "only once");
}

static void more_fields_than_fit_are_refused(void **state)
{
	static lm_vpd_field_t many[200];
	static char text[201];
	size_t i;

	memset(text, 'x', 200);
	for (i = 0; i < LM_NR(many); i++)
		many[i] = (lm_vpd_field_t){ .keyword = "V0", .value = text, .room = 200 };
	vpd.fields = many;
	vpd.nr_fields = LM_NR(many);
	assert_refused(&info, "it has more than 32768 bytes");
	vpd.nr_fields = 150;
	begin();
	assert_int_equal(vpd_get(0), 0x63000482);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields_are_laid_out_with_their_checksum),
		TEST(without_fields_to_write_there_is_no_part_for_them),
		TEST(bytes_are_taken_as_they_are),
		TEST(guests_write_what_they_may_and_the_device_hears_of_it),
		TEST(a_reset_forgets_the_address_and_not_the_data),
		TEST(writes_of_any_shape_are_survived),
		TEST(what_is_written_is_part_of_a_saved_state),
		TEST(impossible_fields_are_refused),
		TEST(impossible_bytes_are_refused),
		TEST(more_fields_than_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
