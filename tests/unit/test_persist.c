/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_persist.c - a process goes on where another one has stopped: lm_state(), and what the
 * library keeps. The node, with its memory, is fake_node.h; a context that is dropped is a process.
 */
#include <linux/pci_regs.h>

#include "pci/pci.h"
#include "fake_node.h"

#define BAR_REGS LM_BAR1_REG_IDX
#define BAR_MSIX LM_BAR3_REG_IDX
#define VECTORS  8u

static const lm_register_t registers[] = {
	{ .name = "CONTROL", .offset = 0, .width = 4, .reset = 0x11 },
	{ .name = "STATUS", .offset = 4, .width = 2, .access = LM_RO, .reset = 0x22 },
};

static const lm_register_map_t map = { LM_REGISTERS(registers) };

static int setup(void **state)
{
	struct engine *e;
	lm_reg_info_t *bars;

	node_setup(state);
	e = *state;
	bars = e->info.pci_info.reg_info;
	e->info.flags |= LM_DEV_RESTARTABLE;
	e->info.state_size = 100;
	bars[BAR_REGS] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16, .regs = &map };
	bars[BAR_MSIX] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 4096 };
	e->info.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = VECTORS;
	e->info.caps[0] = (lm_cap_t){
		.id = PCI_CAP_ID_MSIX, .msix = { .bar = BAR_MSIX, .pba = 2048 } };
	return 0;
}

/* The process ends, in good order or not: its memory is the module's. */
static void restart(struct engine *e)
{
	engine_destroy(e);
	node_serve(e);
	node_handshake(e);
}

static uint32_t command(struct engine *e)
{
	return node_read32(e, LM_CFG_REG_IDX, PCI_COMMAND) & 0xffff;
}

/* ---- lm_state() ------------------------------------------------------------------ */

static void state_is_zero_at_first(void **state)
{
	const char zero[100] = "";
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(node.start_flags, MUSER_START_RESTARTABLE);
	assert_memory_equal(lm_state(e->ctx), zero, sizeof(zero));
}

static void state_is_found_again(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	strcpy(lm_state(e->ctx), "as it was");
	restart(e);
	assert_string_equal(lm_state(e->ctx), "as it was");
	restart(e);
	assert_string_equal(lm_state(e->ctx), "as it was");
}

static void without_a_size_there_is_no_state(void **state)
{
	struct engine *e = *state;

	e->info.state_size = 0;
	node_begin(e);
	assert_null(lm_state(e->ctx));
}

static void a_device_that_is_not_restartable_has_its_own(void **state)
{
	struct engine *e = *state;

	e->info.flags &= ~LM_DEV_RESTARTABLE;
	node_begin(e);
	assert_int_equal(node.start_flags, 0);
	strcpy(lm_state(e->ctx), "as it was");
	assert_int_equal(node.mem[MUSER_SPACE_STATE], 0);
	restart(e);
	assert_string_equal(lm_state(e->ctx), "");
}

static void on_a_socket_there_is_state_too(void **state)
{
	struct engine *e = *state;

	e->info.flags = LM_DEV_NO_CONTROL | LM_DEV_RESTARTABLE;
	engine_connect(e);
	strcpy(lm_state(e->ctx), "as it was");
	engine_is_alive(e);
	assert_string_equal(lm_state(e->ctx), "as it was");
}

static void too_much_state_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.state_size = UINT64_MAX;
	errno = 0;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, ENOMEM);
}

/* What a device does while it is undone is not for the next process. */
static void client_told(void *pvt, bool attached)
{
	struct engine *e = pvt;

	if (!attached)
		strcpy(lm_state(e->ctx), "undone");
}

static void the_end_of_a_process_changes_nothing(void **state)
{
	struct engine *e = *state;

	e->info.client = client_told;
	node_begin(e);
	strcpy(lm_state(e->ctx), "as it was");
	e->info.client = NULL;
	restart(e);
	assert_string_equal(lm_state(e->ctx), "as it was");
}

/* ---- what the library keeps ------------------------------------------------------ */

static void configuration_space_is_kept(void **state)
{
	struct engine *e = *state;
	uint16_t value = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	node_begin(e);
	node_write(e, LM_CFG_REG_IDX, PCI_COMMAND, &value, 2);
	node_write32(e, LM_CFG_REG_IDX, PCI_BASE_ADDRESS_0, 0xfe000000);
	lm_config_write(e->ctx, 0xf0, "\x77", 1);
	restart(e);
	assert_int_equal(command(e), value);
	assert_int_equal(config_command(e->ctx), value);
	assert_int_equal(node_read32(e, LM_CFG_REG_IDX, PCI_BASE_ADDRESS_0), 0xfe000000);
	assert_int_equal(node_read32(e, LM_CFG_REG_IDX, 0xf0), 0x77);
}

static void a_reset_is_kept_too(void **state)
{
	struct engine *e = *state;
	uint16_t value = PCI_COMMAND_MEMORY;

	node_begin(e);
	node_write(e, LM_CFG_REG_IDX, PCI_COMMAND, &value, 2);
	node_write32(e, BAR_MSIX, 12, 0);
	node_request(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	restart(e);
	assert_int_equal(command(e), 0);
	assert_int_equal(node_read32(e, BAR_MSIX, 12), PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void registers_are_kept(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_write32(e, BAR_REGS, 0, 0x12345678);
	lm_register_set(e->ctx, BAR_REGS, 4, 0xabcd);
	restart(e);
	assert_int_equal(node_read32(e, BAR_REGS, 0), 0x12345678);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 4), 0xabcd);
	node_request(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_int_equal(node_read32(e, BAR_REGS, 0), 0x11);
}

static uint32_t nr_writes;

static void write_defers(void *pvt, const lm_register_io_t *io)
{
	struct engine *e = pvt;

	nr_writes++;
	lm_defer(e->ctx);
}

/* It will come again, and the device must be able to see what it changes. */
static void a_write_that_was_not_answered_is_not_kept(void **state)
{
	lm_register_map_t deferring = map;
	struct engine *e = *state;
	char write[20] = "";
	const struct vfio_user_region_access req = region_range(BAR_REGS, 0, 4);

	deferring.write = write_defers;
	e->info.pci_info.reg_info[BAR_REGS].regs = &deferring;
	nr_writes = 0;
	memcpy(write, &req, sizeof(req));
	node_begin(e);
	node_queue(VFIO_USER_REGION_WRITE, write, sizeof(write), 0);
	engine_poll(e);
	assert_int_equal(nr_writes, 1);
	restart(e);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 0x11);
}

static void memory_is_kept(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_MSIX].flags |= LM_REG_FLAG_MMAP;
	e->info.pci_info.reg_info[BAR_MSIX].size = 8192;
	e->info.pci_info.reg_info[BAR_MSIX].nr_mmap_areas = 1;
	e->info.pci_info.reg_info[BAR_MSIX].mmap_areas = &(lm_mmap_area_t){ 4096, 4096 };
	node_begin(e);
	node_write32(e, BAR_PLAIN, 4, 0x1234);
	node_write32(e, BAR_MSIX, 4096, 0x5678);
	restart(e);
	assert_int_equal(node_read32(e, BAR_PLAIN, 4), 0x1234);
	assert_int_equal(node_read32(e, BAR_MSIX, 4096), 0x5678);
}

static void the_msix_table_is_kept(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_write32(e, BAR_MSIX, 16, 0xfee00000);
	node_write32(e, BAR_MSIX, 16 + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	restart(e);
	assert_int_equal(node_read32(e, BAR_MSIX, 16), 0xfee00000);
	assert_int_equal(node_read32(e, BAR_MSIX, 16 + PCI_MSIX_ENTRY_VECTOR_CTRL), 0);
	assert_int_equal(node_read32(e, BAR_MSIX, PCI_MSIX_ENTRY_VECTOR_CTRL), 1);
}

static void vital_product_data_is_kept(void **state)
{
	static const lm_vpd_t vpd = { .data = "\x91\x08\x00" "Y0\x05" "empty\x78", .size = 12 };
	struct engine *e = *state;
	uint32_t at;

	e->info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_VPD, .vpd = &vpd };
	node_begin(e);
	at = lm_cap_find(e->ctx, PCI_CAP_ID_VPD, false, 0);
	node_write32(e, LM_CFG_REG_IDX, at + PCI_VPD_DATA, 0x34333231);
	node_write32(e, LM_CFG_REG_IDX, at, (PCI_VPD_ADDR_F | 8u) << 16);
	restart(e);
	node_write32(e, LM_CFG_REG_IDX, at, 8u << 16);
	assert_int_equal(node_read32(e, LM_CFG_REG_IDX, at + PCI_VPD_DATA), 0x78333231);
	node_write32(e, LM_CFG_REG_IDX, at, 4u << 16);
	assert_int_equal(node_read32(e, LM_CFG_REG_IDX, at + PCI_VPD_DATA), 0x6d650530);
}

static void enable_msix(struct engine *e)
{
	const uint32_t at = node_read32(e, LM_CFG_REG_IDX, PCI_CAPABILITY_LIST) & 0xff;
	uint16_t flags = PCI_MSIX_FLAGS_ENABLE;

	node_write(e, LM_CFG_REG_IDX, at + PCI_MSIX_FLAGS, &flags, 2);
}

static void what_is_pending_is_delivered_by_the_next(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	enable_msix(e);
	node_arm(e, LM_DEV_MSIX_IRQ_IDX, VECTORS, 1);
	node_write32(e, BAR_MSIX, PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_PENDING);
	restart(e);
	assert_int_equal(node_read32(e, BAR_MSIX, 2048), 1);
	node_arm(e, LM_DEV_MSIX_IRQ_IDX, VECTORS, 1);
	assert_int_equal(node.fired[LM_DEV_MSIX_IRQ_IDX][0], 0);
	node_write32(e, BAR_MSIX, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	assert_int_equal(node.fired[LM_DEV_MSIX_IRQ_IDX][0], 1);
	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_DELIVERED);
}

static void the_line_is_kept_with_its_mask(void **state)
{
	struct engine *e = *state;
	const unsigned int *fired = &node.fired[LM_DEV_INTX_IRQ_IDX][0];

	node_begin(e);
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	lm_irq_set_level(e->ctx, true);
	assert_int_equal(*fired, 1);
	restart(e);
	assert_true(irq_intx_level(e->ctx));
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	assert_int_equal(*fired, 1); /* the client has not unmasked yet */
	node_unmask(e, LM_DEV_INTX_IRQ_IDX);
	assert_int_equal(*fired, 2);
	lm_irq_set_level(e->ctx, false);
	restart(e);
	assert_false(irq_intx_level(e->ctx));
}

static void eventfds_have_to_be_armed_again(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_arm(e, LM_DEV_MSI_IRQ_IDX, 4, 1);
	restart(e);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 1), -ENOTCONN);
}

static void a_client_that_left_takes_its_masks(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_INTX_IRQ_IDX, 0), 0);
	restart(e);
	node_client_closes(e);
	node_client_opens(e, 5);
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_INTX_IRQ_IDX, 0), 0);
	assert_int_equal(node.fired[LM_DEV_INTX_IRQ_IDX][0], 2);
}

/* ---- others ---------------------------------------------------------------------- */

static void another_device_is_refused(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	engine_destroy(e);
	e->info.pci_info.id.did++;
	node_refused(e, ESTALE, "the last process left has the ids of another device");
	e->info.pci_info.id.did--;
	e->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 8;
	node_refused(e, ESTALE, "the interrupts or capabilities of another device");
	e->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 4;
	e->info.state_size = 100000;
	node_refused(e, ESTALE, "the size of another device");
	e->info.state_size = 50;
	node_refused(e, ESTALE, "the state_size of another device");
	e->info.state_size = 100;
	e->info.state_version = 2;
	node_refused(e, ESTALE, "the state_version of another device");
	e->info.state_version = 0;
	node_begin(e);
}

/* It died before it was complete: nobody has seen it. */
static void a_device_that_was_never_complete_is_new(void **state)
{
	const uint64_t none = 0;
	struct engine *e = *state;

	node_begin(e);
	strcpy(lm_state(e->ctx), "as it was");
	node_write32(e, BAR_PLAIN, 0, 7);
	engine_destroy(e);
	assert_int_equal(pwrite(node.mem[MUSER_SPACE_STATE], &none, 8, 0), 8);
	node_begin(e);
	assert_string_equal(lm_state(e->ctx), "");
	assert_int_equal(node_read32(e, BAR_PLAIN, 0), 0);
}

/* Whatever is there, it is not believed. */
static void torn_state_is_judged(void **state)
{
	struct engine *e = *state;
	char all[16384];
	ssize_t len;

	node_begin(e);
	engine_destroy(e);
	memset(all, 0xff, sizeof(all));
	len = (ssize_t)node.mem_size[MUSER_SPACE_STATE];
	assert_in_range(len, 4096, sizeof(all));
	assert_int_equal(pwrite(node.mem[MUSER_SPACE_STATE], all + 128, (size_t)len - 128, 128),
			 len - 128);
	node_refused(e, EINVAL, "another device");
}

/* ---- saving ---------------------------------------------------------------------- */

static void state_is_in_a_saved_device(void **state)
{
	struct engine *e = *state;
	size_t len = 0;
	char *saved;

	node_begin(e);
	strcpy(lm_state(e->ctx), "as it was");
	assert_int_equal(lm_ctx_save(e->ctx, NULL, &len), 0);
	saved = malloc(len);
	assert_int_equal(lm_ctx_save(e->ctx, saved, &len), 0);
	strcpy(lm_state(e->ctx), "something else");
	node_write32(e, BAR_REGS, 0, 5);
	assert_int_equal(lm_ctx_load(e->ctx, saved, len), 0);
	assert_string_equal(lm_state(e->ctx), "as it was");
	restart(e);
	assert_string_equal(lm_state(e->ctx), "as it was");
	assert_int_equal(node_read32(e, BAR_REGS, 0), 0x11);
	free(saved);
}

#define PERSIST_TEST(f) cmocka_unit_test_setup_teardown(f, setup, node_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PERSIST_TEST(state_is_zero_at_first),
		PERSIST_TEST(state_is_found_again),
		PERSIST_TEST(without_a_size_there_is_no_state),
		PERSIST_TEST(a_device_that_is_not_restartable_has_its_own),
		PERSIST_TEST(on_a_socket_there_is_state_too),
		PERSIST_TEST(too_much_state_is_refused),
		PERSIST_TEST(the_end_of_a_process_changes_nothing),
		PERSIST_TEST(configuration_space_is_kept),
		PERSIST_TEST(a_reset_is_kept_too),
		PERSIST_TEST(registers_are_kept),
		PERSIST_TEST(a_write_that_was_not_answered_is_not_kept),
		PERSIST_TEST(memory_is_kept),
		PERSIST_TEST(the_msix_table_is_kept),
		PERSIST_TEST(vital_product_data_is_kept),
		PERSIST_TEST(what_is_pending_is_delivered_by_the_next),
		PERSIST_TEST(the_line_is_kept_with_its_mask),
		PERSIST_TEST(eventfds_have_to_be_armed_again),
		PERSIST_TEST(a_client_that_left_takes_its_masks),
		PERSIST_TEST(another_device_is_refused),
		PERSIST_TEST(a_device_that_was_never_complete_is_new),
		PERSIST_TEST(torn_state_is_judged),
		PERSIST_TEST(state_is_in_a_saved_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
