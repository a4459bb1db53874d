/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_bus.c - which regions and interrupts a description has, by index.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/bus.h"

static const lm_reg_info_t extra[] = { { .size = 0x100 }, { .size = 0x200, .name = "fifo" } };
static const lm_irq_info_t irqs[] = { { "done", 1, LM_IRQ_FLAG_LEVEL }, { .count = 4 } };
static const lm_dev_info_t card = {
	.pci_info = { .irq_count = { 1, 8 }, .id = { .vid = 0x1234, .did = 1 },
		      .ss = { .vid = 2, .sid = 3 } },
	LM_EXTRA_REGS(extra),
};
static const lm_dev_info_t platform = {
	.type = "timer", .flags = LM_DEV_PLATFORM, LM_EXTRA_REGS(extra), LM_IRQS(irqs),
};

static void regions_of_pci_come_first(void **state)
{
	char name[BUS_NAME_SIZE];

	assert_true(bus_is_pci(&card));
	assert_string_equal(bus_name(&card), "pci");
	assert_int_equal(bus_nr_regions(&card), LM_DEV_NUM_REGS + 2);
	assert_ptr_equal(bus_region(&card, 3), &card.pci_info.reg_info[3]);
	assert_ptr_equal(bus_region(&card, LM_DEV_NUM_REGS + 1), &extra[1]);
	assert_int_equal(bus_region_kind(&card, LM_CFG_REG_IDX), LM_CFG_REG_IDX);
	assert_int_equal(bus_region_kind(&card, LM_DEV_NUM_REGS + 1), LM_DEV_NUM_REGS);
	assert_string_equal(bus_region_name(&card, 0, name), "bar0");
	assert_string_equal(bus_region_name(&card, LM_DEV_NUM_REGS, name), "region9");
	assert_string_equal(bus_region_name(&card, LM_DEV_NUM_REGS + 1, name), "fifo");
}

static void regions_without_pci_begin_at_0(void **state)
{
	char name[BUS_NAME_SIZE];

	assert_false(bus_is_pci(&platform));
	assert_string_equal(bus_name(&platform), "platform");
	assert_int_equal(bus_nr_regions(&platform), 2);
	assert_ptr_equal(bus_region(&platform, 1), &extra[1]);
	assert_int_equal(bus_region_kind(&platform, 0), LM_DEV_NUM_REGS);
	assert_int_equal(bus_region_kind(&platform, LM_CFG_REG_IDX), LM_DEV_NUM_REGS);
	assert_string_equal(bus_region_name(&platform, 0, name), "region0");
	assert_string_equal(bus_region_name(&platform, 1, name), "fifo");
}

static void interrupts_of_pci_are_five_kinds(void **state)
{
	char name[BUS_NAME_SIZE];

	assert_int_equal(bus_nr_irqs(&card), LM_DEV_NUM_IRQS);
	assert_int_equal(bus_irq(&card, LM_DEV_INTX_IRQ_IDX).flags,
			 LM_IRQ_FLAG_MASKABLE | LM_IRQ_FLAG_LEVEL);
	assert_int_equal(bus_irq(&card, LM_DEV_MSI_IRQ_IDX).count, 8);
	assert_int_equal(bus_irq(&card, LM_DEV_MSI_IRQ_IDX).flags, LM_IRQ_FLAG_MASKABLE);
	assert_int_equal(bus_irq(&card, LM_DEV_ERR_IRQ_IDX).flags, 0);
	assert_int_equal(bus_irq_kind(&card, LM_DEV_MSIX_IRQ_IDX), LM_DEV_MSIX_IRQ_IDX);
	assert_string_equal(bus_irq_name(&card, LM_DEV_MSIX_IRQ_IDX, name), "msix");
}

static void interrupts_without_pci_are_the_devices(void **state)
{
	char name[BUS_NAME_SIZE];

	assert_int_equal(bus_nr_irqs(&platform), 2);
	assert_int_equal(bus_irq(&platform, 0).flags, LM_IRQ_FLAG_LEVEL);
	assert_int_equal(bus_irq(&platform, 1).count, 4);
	assert_int_equal(bus_irq_kind(&platform, LM_DEV_INTX_IRQ_IDX), LM_DEV_NUM_IRQS);
	assert_string_equal(bus_irq_name(&platform, 0, name), "done");
	assert_string_equal(bus_irq_name(&platform, 1, name), "irq1");
}

static void ids_or_the_type_say_who_it_is(void **state)
{
	lm_dev_info_t other = platform;

	assert_int_equal(bus_identity(&card), 0x0003000200011234);
	other.type = "uart";
	assert_int_not_equal(bus_identity(&other), bus_identity(&platform));
	other.type = NULL;
	assert_int_not_equal(bus_identity(&other), bus_identity(&platform));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_of_pci_come_first),
		cmocka_unit_test(regions_without_pci_begin_at_0),
		cmocka_unit_test(interrupts_of_pci_are_five_kinds),
		cmocka_unit_test(interrupts_without_pci_are_the_devices),
		cmocka_unit_test(ids_or_the_type_say_who_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
