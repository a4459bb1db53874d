/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_describe.c - regions and registers of a description, as JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/describe.h"

static void is(struct json_object *json, const char *expected)
{
	size_t len;
	char *text = json_text(json, &len);

	assert_string_equal(text, expected);
	free(text);
	json_free(json);
}

/* Two regions and two interrupts; a name for one of each. */
static const lm_reg_info_t extra[] = { { .size = 0x100 }, { .size = 0x200, .name = "fifo" } };
static const lm_irq_info_t irqs[] = { { "done", 1, LM_IRQ_FLAG_LEVEL }, { .count = 4 } };
static const lm_dev_info_t card = { .pci_info.irq_count = { 1, 8 }, LM_EXTRA_REGS(extra) };
static const lm_dev_info_t platform = {
	.flags = LM_DEV_PLATFORM, LM_EXTRA_REGS(extra), LM_IRQS(irqs),
};

static void a_class_of_zeros_is_none(void **state)
{
	const lm_pci_hdr_cc_t given = { .bcc = 0x01, .scc = 0x08, .pi = 0x02 }, last = { .pi = 1 };

	assert_int_equal(describe_class(&given), 0x010802);
	assert_int_equal(describe_class(&last), 1);
	assert_int_equal(describe_class(&(lm_pci_hdr_cc_t){ 0 }), 0xff0000);
}

static void the_first_six_regions_are_bars(void **state)
{
	const lm_reg_info_t io = { .size = 16, .flags = LM_REG_FLAG_RW };
	const lm_reg_info_t mem = { .size = 4096, .flags = LM_REG_FLAG_READ | LM_REG_FLAG_MEM };
	const lm_reg_info_t mem64 = { .size = 4096, .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM |
					LM_REG_FLAG_64BIT | LM_REG_FLAG_PREFETCH };

	is(describe_region(&card, 0, &io), "{\"index\":0,\"name\":\"bar0\",\"kind\":\"io\","
	   "\"size\":\"0x10\",\"flags\":\"rw\",\"mmap\":[]}");
	is(describe_region(&card, 1, &mem), "{\"index\":1,\"name\":\"bar1\",\"kind\":\"mem32\","
	   "\"size\":\"0x1000\",\"flags\":\"r\",\"mmap\":[]}");
	is(describe_region(&card, 5, &mem64), "{\"index\":5,\"name\":\"bar5\",\"kind\":\"mem64\","
	   "\"size\":\"0x1000\",\"flags\":\"rwp\",\"mmap\":[]}");
}

static void the_others_are_of_their_own_kind(void **state)
{
	const lm_reg_info_t info = { .size = 256, .flags = LM_REG_FLAG_READ };

	is(describe_region(&card, LM_ROM_REG_IDX, &info), "{\"index\":6,\"name\":\"rom\","
	   "\"kind\":\"rom\",\"size\":\"0x100\",\"flags\":\"r\",\"mmap\":[]}");
	is(describe_region(&card, LM_CFG_REG_IDX, &info), "{\"index\":7,\"name\":\"config\","
	   "\"kind\":\"config\",\"size\":\"0x100\",\"flags\":\"r\",\"mmap\":[]}");
	is(describe_region(&card, LM_DEV_NUM_REGS, &info), "{\"index\":9,\"name\":\"region9\","
	   "\"kind\":\"device\",\"size\":\"0x100\",\"flags\":\"r\",\"mmap\":[]}");
	is(describe_region(&card, LM_DEV_NUM_REGS + 1, &info), "{\"index\":10,\"name\":\"fifo\","
	   "\"kind\":\"device\",\"size\":\"0x100\",\"flags\":\"r\",\"mmap\":[]}");
}

static void without_pci_names_and_numbers_are_the_devices(void **state)
{
	const lm_reg_info_t info = { .size = 256, .flags = LM_REG_FLAG_READ | LM_REG_FLAG_MEM };

	is(describe_region(&platform, 0, &info), "{\"index\":0,\"name\":\"region0\","
	   "\"kind\":\"device\",\"size\":\"0x100\",\"flags\":\"r\",\"mmap\":[]}");
	is(describe_region(&platform, 1, &info), "{\"index\":1,\"name\":\"fifo\","
	   "\"kind\":\"device\",\"size\":\"0x100\",\"flags\":\"r\",\"mmap\":[]}");
	is(describe_irq(&platform, 0), "{\"index\":0,\"name\":\"done\",\"count\":1}");
	is(describe_irq(&platform, 1), "{\"index\":1,\"name\":\"irq1\",\"count\":4}");
	is(describe_irq(&card, LM_DEV_MSI_IRQ_IDX), "{\"index\":1,\"name\":\"msi\",\"count\":8}");
}

static void a_region_is_mapped_as_a_whole_unless_areas_are_named(void **state)
{
	const lm_mmap_area_t areas[] = { { 0, 4096 }, { 8192, 4096 } };
	lm_reg_info_t info = { .size = 16384, .flags = LM_REG_FLAG_MEM | LM_REG_FLAG_MMAP };

	is(describe_region(&card, 2, &info), "{\"index\":2,\"name\":\"bar2\",\"kind\":\"mem32\","
	   "\"size\":\"0x4000\",\"flags\":\"m\","
	   "\"mmap\":[{\"offset\":\"0x0\",\"size\":\"0x4000\"}]}");
	info.mmap_areas = areas;
	info.nr_mmap_areas = 2;
	is(describe_region(&card, 2, &info), "{\"index\":2,\"name\":\"bar2\",\"kind\":\"mem32\","
	   "\"size\":\"0x4000\",\"flags\":\"m\",\"mmap\":[{\"offset\":\"0x0\",\"size\":\"0x1000\"},"
	   "{\"offset\":\"0x2000\",\"size\":\"0x1000\"}]}");
}

static void a_register_has_its_fields(void **state)
{
	static const lm_field_t fields[] = { { .name = "ON", .shift = 3, .bits = 1 } };
	const lm_register_t reg = { .name = "CTRL", .offset = 8, .width = 4, .access = LM_RW1C,
				    .reset = 0x1f, .fields = fields, .nr_fields = 1 };
	const lm_register_map_t map = { 0 };

	is(describe_register(3, &map, &reg), "{\"region\":3,\"name\":\"CTRL\",\"offset\":\"0x8\","
	   "\"width\":4,\"access\":\"rw1c\",\"pure\":true,\"reset\":\"0x1f\","
	   "\"fields\":[{\"name\":\"ON\",\"shift\":3,\"bits\":1}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_of_zeros_is_none),
		cmocka_unit_test(the_first_six_regions_are_bars),
		cmocka_unit_test(the_others_are_of_their_own_kind),
		cmocka_unit_test(without_pci_names_and_numbers_are_the_devices),
		cmocka_unit_test(a_region_is_mapped_as_a_whole_unless_areas_are_named),
		cmocka_unit_test(a_register_has_its_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
