/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_restart.c - built-in devices that another process takes over, and a guest does not notice.
 * The module that keeps their state is fake_node.h.
 */
#include "fixture.h"
#include "../unit/fake_node.h"
#include <linux/pci_regs.h>

/* The registers of the PCI-IDIO-16, in BAR2. */
enum { OUT0_7, IN0_7, IRQ_CTL, FILTER_CTL, OUT8_15, IN8_15, IRQ_STATUS, FILTER0_7 };

static const struct device_type *type;
static void *dev;

static const char *option; /* of process_begins() */

/* A process: it serves the device of this type on the node. */
static void process_begins(struct engine *e, const char *in)
{
	assert_int_equal(fixture_new(type, &dev), 0);
	if (in)
		assert_int_equal(fixture_set_option(type, dev, option, in), 0);
	e->info = *type->info;
	e->info.flags |= LM_DEV_MDEV | LM_DEV_NO_CONTROL;
	e->info.uuid = NODE_UUID;
	e->info.pvt = dev;
	e->info.log = NULL;
	node_serve(e);
	node_handshake(e);
	node_client_opens(e, 1);
}

static void process_ends(struct engine *e)
{
	engine_destroy(e);
	device_free(type, dev);
	dev = NULL;
}

static void restart(struct engine *e, const char *in)
{
	process_ends(e);
	process_begins(e, in);
}

static uint8_t get_at(struct engine *e, uint32_t region, uint32_t offset)
{
	const struct vfio_user_region_access req = region_range(region, offset, 1);

	return (uint8_t)node_request(e, VFIO_USER_REGION_READ, &req, sizeof(req))[sizeof(req)];
}

static uint8_t get(struct engine *e, uint32_t offset)
{
	return get_at(e, LM_BAR2_REG_IDX, offset);
}

static void put(struct engine *e, uint32_t offset, uint8_t value)
{
	node_write(e, LM_BAR2_REG_IDX, offset, &value, 1);
}

static int setup(void **state)
{
	type = &device_gpio_idio16;
	option = "in";
	return node_setup(state);
}

static int teardown(void **state)
{
	process_ends(*state);
	return node_teardown(state);
}

static void outputs_stay(void **state)
{
	struct engine *e = *state;

	process_begins(e, NULL);
	put(e, OUT0_7, 0x5a);
	put(e, FILTER_CTL, 0);
	put(e, FILTER0_7, 0x0f);
	restart(e, NULL);
	assert_int_equal(get(e, OUT0_7), 0x5a);
	assert_int_equal(get(e, FILTER0_7), 0x0f);
}

static void inputs_stay_whatever_the_new_process_was_told(void **state)
{
	struct engine *e = *state;

	process_begins(e, "0x1234");
	assert_int_equal(get(e, IN0_7), 0x34);
	restart(e, "0");
	assert_int_equal(get(e, IN0_7), 0x34);
	assert_int_equal(get(e, IN8_15), 0x12);
}

static void the_pattern_goes_on(void **state)
{
	static const uint8_t expected[] = { 0, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0xff };
	struct engine *e = *state;
	unsigned int i;

	process_begins(e, NULL);
	assert_int_equal(fixture_set_option(type, dev, "pattern", "toggle3"), 0);
	for (i = 0; i < sizeof(expected); i++) {
		assert_int_equal(get(e, IN0_7), expected[i]);
		restart(e, NULL);
	}
}

static void an_interrupt_is_not_lost(void **state)
{
	const unsigned int *fired = &node.fired[LM_DEV_INTX_IRQ_IDX][0];
	struct engine *e = *state;

	process_begins(e, NULL);
	get(e, IRQ_CTL);
	assert_int_equal(fixture_set_option(type, dev, "in", "1"), 0); /* nobody is armed */
	restart(e, NULL);
	assert_int_equal(*fired, 0);
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	assert_int_equal(*fired, 1);
	assert_int_equal(get(e, IRQ_STATUS), 5);
	restart(e, NULL);
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	assert_int_equal(*fired, 1);
	put(e, IN0_7, 0);
	node_unmask(e, LM_DEV_INTX_IRQ_IDX);
	assert_int_equal(*fired, 1);
	assert_int_equal(fixture_set_option(type, dev, "in", "0"), 0);
	assert_int_equal(*fired, 2);
}

/* One that a process began, which ended in the middle of it: a driver waits for its end. */
static void a_transfer_of_edu_is_done_again(void **state)
{
	enum { IRQ_STATUS_ = 0x24, DMA_CMD = 0x98, START = 1, IRQ = 4 };
	struct engine *e = *state;

	type = &device_edu;
	process_begins(e, NULL);
	assert_int_equal(lm_register_set(e->ctx, LM_BAR0_REG_IDX, DMA_CMD, START | IRQ), 0);
	restart(e, NULL);
	assert_int_equal(lm_register_get(e->ctx, LM_BAR0_REG_IDX, DMA_CMD), IRQ);
	assert_int_equal(lm_register_get(e->ctx, LM_BAR0_REG_IDX, IRQ_STATUS_), 0x100);
}

static void memory_of_the_null_device_stays(void **state)
{
	struct engine *e = *state;

	type = &device_null;
	process_begins(e, NULL);
	node_write32(e, LM_BAR0_REG_IDX, 0x40, 0x12345678);
	node_write32(e, LM_CFG_REG_IDX, PCI_COMMAND, PCI_COMMAND_MEMORY);
	restart(e, NULL);
	assert_int_equal(node_read32(e, LM_BAR0_REG_IDX, 0x40), 0x12345678);
	assert_int_equal(node_read32(e, LM_CFG_REG_IDX, PCI_COMMAND) & 0xffff,
			 PCI_COMMAND_MEMORY);
}

static void a_panic_is_remembered(void **state)
{
	struct engine *e = *state;
	char seen[8];

	type = &device_pvpanic;
	process_begins(e, NULL);
	node_write(e, LM_BAR0_REG_IDX, 0, &(uint8_t){ 1 }, 1);
	restart(e, NULL);
	assert_int_equal(type->info->prop_get(dev, "seen", seen, sizeof(seen)), 0);
	assert_string_equal(seen, "0x1");
}

/* Its values are the library's, its stage its own; the lock does not open. */
static void a_watchdog_watches_on(void **state)
{
	enum { PRELOAD1 = 0, LOCK = 0x68 };
	struct engine *e = *state;
	char stage[16];

	type = &device_watchdog_i6300esb;
	process_begins(e, NULL);
	node_write32(e, LM_CFG_REG_IDX, LOCK, 3);
	restart(e, NULL);
	assert_int_equal(type->info->prop_get(dev, "stage", stage, sizeof(stage)), 0);
	assert_string_equal(stage, "first");
	node_write32(e, LM_CFG_REG_IDX, LOCK, 0);
	assert_int_equal(node_read32(e, LM_CFG_REG_IDX, LOCK), 3);
	assert_int_equal(node_read32(e, LM_BAR0_REG_IDX, PRELOAD1), 0xfffff);
}

/* In the middle of a console's output, and of somebody's input. */
static void the_fifos_of_a_serial_port_stay(void **state)
{
	enum { DATA, IER_, FCR, LCR, MCR, LSR, LOOP = 16 };
	struct engine *e = *state;

	type = &device_serial_16550;
	process_begins(e, NULL);
	node_write(e, LM_BAR0_REG_IDX, FCR, &(uint8_t){ 1 }, 1);
	node_write(e, LM_BAR0_REG_IDX, MCR, &(uint8_t){ LOOP }, 1);
	node_write(e, LM_BAR0_REG_IDX, DATA, &(uint8_t){ 'a' }, 1);
	restart(e, NULL);
	engine_poll(e);
	assert_int_equal(get_at(e, LM_BAR0_REG_IDX, LSR), 0x61);
	restart(e, NULL);
	assert_int_equal(get_at(e, LM_BAR0_REG_IDX, DATA), 'a');
	assert_int_equal(get_at(e, LM_BAR0_REG_IDX, LSR), 0x60);
}

/* The controller stays enabled, and what goes wrong goes on to. */
static void an_nvme_controller_stays_enabled(void **state)
{
	enum { CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30 };
	struct engine *e = *state;
	char rules[64];

	type = &device_nvme;
	option = "backend";
	process_begins(e, "null");
	assert_int_equal(fixture_set_option(type, dev, "fault", "read:drop"), 0);
	node_write32(e, LM_BAR0_REG_IDX, AQA, 0x001f001f);
	node_write32(e, LM_BAR0_REG_IDX, ASQ, 0x100000);
	node_write32(e, LM_BAR0_REG_IDX, ACQ, 0x101000);
	node_write32(e, LM_BAR0_REG_IDX, CC, 0x00460001);
	assert_int_equal(node_read32(e, LM_BAR0_REG_IDX, CSTS), 1);
	restart(e, "null");
	assert_int_equal(node_read32(e, LM_BAR0_REG_IDX, CSTS), 1);
	assert_int_equal(node_read32(e, LM_BAR0_REG_IDX, ACQ), 0x101000);
	assert_int_equal(type->info->prop_get(dev, "fault", rules, sizeof(rules)), 0);
	assert_string_equal(rules, "read:drop");
}

/* Where its chain is, and what its interrupt waits for. */
static void a_dma_engine_stays_where_it_was(void **state)
{
	enum { INTRCTRL = 3, CHANCTRL = 0x80, CHANSTS = 0x88, CHAINADDR = 0x90, HALTED = 3 };
	struct engine *e = *state;

	type = &device_ioat;
	process_begins(e, NULL);
	node_write32(e, LM_BAR0_REG_IDX, CHAINADDR, 0x123440);
	node_write(e, LM_BAR0_REG_IDX, CHANCTRL, &(uint8_t){ 0x1c }, 1);
	node_write(e, LM_BAR0_REG_IDX, INTRCTRL, &(uint8_t){ 1 }, 1);
	restart(e, NULL);
	assert_int_equal(node_read32(e, LM_BAR0_REG_IDX, CHANSTS), HALTED);
	assert_int_equal(node_read32(e, LM_BAR0_REG_IDX, CHAINADDR), 0x123440);
	assert_int_equal(get_at(e, LM_BAR0_REG_IDX, CHANCTRL), 0x1c);
	assert_int_equal(get_at(e, LM_BAR0_REG_IDX, INTRCTRL), 1);
}

/* One of three has gone wrong when the process ends, and a timer was under way. */
static void faults_of_the_test_device_stay(void **state)
{
	enum { ECHO_ = 0, WHAT = 0x10, COUNT = 0x18, ERRNO = 0x20, TIMER_US = 0xc0, ENDED = 0xcc };
	struct engine *e = *state;

	type = &device_testdev;
	process_begins(e, NULL);
	node_write32(e, LM_BAR1_REG_IDX, ERRNO, 5);
	node_write32(e, LM_BAR1_REG_IDX, COUNT, 3);
	node_write32(e, LM_BAR1_REG_IDX, WHAT, 1);
	assert_int_equal(node_read32(e, LM_BAR1_REG_IDX, ECHO_), 0xffffffff);
	node_write32(e, LM_BAR0_REG_IDX, TIMER_US, 100000);
	restart(e, NULL);
	assert_int_equal(node_read32(e, LM_BAR1_REG_IDX, COUNT), 2);
	assert_int_equal(node_read32(e, LM_BAR1_REG_IDX, ECHO_), 0xffffffff);
	assert_int_equal(node_read32(e, LM_BAR1_REG_IDX, COUNT), 1);
	while (!node_read32(e, LM_BAR0_REG_IDX, ENDED))
		;
}

#define RESTART_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESTART_TEST(outputs_stay),
		RESTART_TEST(inputs_stay_whatever_the_new_process_was_told),
		RESTART_TEST(the_pattern_goes_on),
		RESTART_TEST(an_interrupt_is_not_lost),
		RESTART_TEST(a_transfer_of_edu_is_done_again),
		RESTART_TEST(memory_of_the_null_device_stays),
		RESTART_TEST(a_panic_is_remembered),
		RESTART_TEST(a_watchdog_watches_on),
		RESTART_TEST(the_fifos_of_a_serial_port_stay),
		RESTART_TEST(an_nvme_controller_stays_enabled),
		RESTART_TEST(a_dma_engine_stays_where_it_was),
		RESTART_TEST(faults_of_the_test_device_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
