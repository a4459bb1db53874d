/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_function.c - the PCI function as a whole: its reset.
 */
#include "pci/pci.h"
#include "engine.h"

#define BAR_REGS LM_BAR1_REG_IDX

static const lm_register_t regs[] = { { .name = "R", .width = 4, .reset = 0x77 } };
static const lm_register_map_t regs_map = { LM_REGISTERS(regs) };
static uint64_t seen_in_reset;

static int reset_looks(struct engine *e)
{
	seen_in_reset = lm_register_get(e->ctx, BAR_REGS, 0);
	return 0;
}

static void a_reset_finds_registers_reset_already(void **state)
{
	struct engine *e = *state;
	struct wire m;

	e->info.pci_info.reg_info[BAR_REGS] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16, .regs = &regs_map };
	e->reset = reset_looks;
	engine_connect(e);
	lm_register_set(e->ctx, BAR_REGS, 0, 1);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_int_equal(seen_in_reset, 0x77);
}

static void a_reset_lowers_the_interrupt_line(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	lm_irq_set_level(e->ctx, true);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_false(irq_intx_level(e->ctx));
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reset_finds_registers_reset_already),
		TEST(a_reset_lowers_the_interrupt_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
