/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_irq_state.c - interrupts as musctl sees them, and in a saved state.
 */
#include "pci_device.h"

#define INTX LM_DEV_INTX_IRQ_IDX
#define MSI  LM_DEV_MSI_IRQ_IDX
#define MSIX LM_DEV_MSIX_IRQ_IDX

#define STATE_SIZE (1 + 1 + 4 + 100) /* level; INTx, MSI, MSI-X */
#define CLIENT  1 /* flags of a vector in a state */
#define CONTROL 2
#define PENDING 4
#define EDGE    8

static const lm_dev_info_t info = {
	.pci_info = {
		.id.raw = 0x00011234,
		.irq_count = { [INTX] = 1, [MSI] = 4, [MSIX] = 100 },
		.reg_info[0] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
				 .size = 0x1000 },
	},
	.caps = { { .id = PCI_CAP_ID_MSIX, .msix = { 0, 0, 0x800 } } },
};

static struct lm_ctx *ctx;

static int setup(void **state)
{
	ctx = device_new(&info);
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

static struct irq_state state_of(uint32_t index, uint32_t vector)
{
	struct irq_state st;

	assert_int_equal(irq_get_state(ctx, index, vector, &st), 0);
	return st;
}

/* ---- musctl ---------------------------------------------------------------------- */

static void state_tells_eventfd_mask_pending_and_count(void **state)
{
	int fd;

	assert_false(state_of(MSIX, 99).eventfd);
	fd = assign(ctx, MSIX, 99);
	lm_irq_trigger(ctx, 99);
	lm_irq_trigger(ctx, 99);
	assert_true(state_of(MSIX, 99).eventfd);
	assert_int_equal(state_of(MSIX, 99).count, 2);
	assert_false(state_of(MSIX, 99).masked);
	set_irqs(ctx, MASK, MSIX, 99, 1);
	lm_irq_trigger(ctx, 99);
	assert_true(state_of(MSIX, 99).masked);
	assert_true(state_of(MSIX, 99).pending);
	assert_int_equal(state_of(MSIX, 99).count, 2);
	close(fd);
}

static void state_of_intx_is_pending_while_the_line_is_up(void **state)
{
	lm_irq_set_level(ctx, true);
	assert_true(state_of(INTX, 0).pending);
	lm_irq_set_level(ctx, false);
	assert_false(state_of(INTX, 0).pending);
}

static void vectors_that_are_not_there_have_no_state(void **state)
{
	struct irq_state st;

	assert_int_equal(irq_get_state(ctx, MSIX, 100, &st), -EINVAL);
	assert_int_equal(irq_get_state(ctx, LM_DEV_NUM_IRQS, 0, &st), -EINVAL);
	assert_int_equal(irq_mask(ctx, MSIX, 100, true), -EINVAL);
	assert_int_equal(irq_mask(ctx, LM_DEV_REQ_IRQ_IDX, 0, true), -EINVAL);
	assert_int_equal(irq_mask(ctx, UINT32_MAX, UINT32_MAX, true), -EINVAL);
}

static void musctls_mask_holds_until_musctl_unmasks(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	assert_int_equal(irq_mask(ctx, INTX, 0, true), 0);
	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_PENDING);
	set_irqs(ctx, UNMASK, INTX, 0, 1);
	assert_int_equal(efd_take(fd), 0);
	assert_int_equal(irq_mask(ctx, INTX, 0, false), 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void what_was_held_back_waits_for_an_eventfd_as_well(void **state)
{
	int fd;

	irq_mask(ctx, MSIX, 1, true);
	assert_int_equal(irq_inject(ctx, MSIX, 1), LM_IRQ_PENDING);
	irq_mask(ctx, MSIX, 1, false);
	assert_true(state_of(MSIX, 1).pending);
	assert_false(state_of(MSIX, 1).masked || state_of(MSIX, 1).eventfd);
	fd = assign(ctx, MSIX, 1);
	assert_int_equal(efd_take(fd), 1);
	assert_false(state_of(MSIX, 1).pending);
	close(fd);
}

static void musctls_unmask_does_not_lift_other_masks(void **state)
{
	const int fd = assign(ctx, MSIX, 0);

	set_irqs(ctx, MASK, MSIX, 0, 1);
	irq_mask(ctx, MSIX, 0, true);
	irq_mask(ctx, MSIX, 0, false);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_PENDING);
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

/* ---- save and load --------------------------------------------------------------- */

static void a_level_moves_and_reaches_the_new_client(void **state)
{
	struct lm_ctx *to = device_new(&info);
	uint8_t blob[STATE_SIZE];
	int fd;

	lm_irq_set_level(ctx, true);
	assert_int_equal(irq_save(ctx, NULL, 0), STATE_SIZE);
	assert_int_equal(irq_save(ctx, blob, sizeof(blob)), STATE_SIZE);
	assert_int_equal(irq_load(to, blob, sizeof(blob)), 0);
	assert_true(irq_intx_level(to));
	fd = assign(to, INTX, 0);
	assert_int_equal(efd_take(fd), 1);
	device_free(to);
	close(fd);
}

static void masks_and_pending_interrupts_move(void **state)
{
	struct lm_ctx *to = device_new(&info);
	uint8_t blob[STATE_SIZE];
	int fd;

	set_irqs(ctx, MASK, MSIX, 70, 1);
	lm_irq_trigger_index(ctx, MSIX, 70);
	irq_save(ctx, blob, sizeof(blob));
	assert_int_equal(irq_load(to, blob, sizeof(blob)), 0);
	fd = assign(to, MSIX, 70);
	assert_int_equal(efd_take(fd), 0);
	set_irqs(to, UNMASK, MSIX, 70, 1);
	assert_int_equal(efd_take(fd), 1);
	device_free(to);
	close(fd);
}

static void loading_delivers_what_is_due_to_a_client_that_is_there(void **state)
{
	const int fd = assign(ctx, MSIX, 1);
	uint8_t blob[STATE_SIZE] = { 0 };

	blob[1 + 1 + 4 + 1] = PENDING;
	assert_int_equal(irq_load(ctx, blob, sizeof(blob)), 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void foreign_states_are_refused_and_change_nothing(void **state)
{
	static const struct { size_t at; uint8_t value; } bad[] = {
		{ 0, 2 }, { 1, 0x10 }, { 2, EDGE }, { STATE_SIZE - 1, EDGE }, { 5, 0x80 },
	};
	uint8_t blob[STATE_SIZE + 1];
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		memset(blob, 0, sizeof(blob));
		blob[1] = CLIENT;
		blob[bad[i].at] = bad[i].value;
		assert_int_equal(irq_load(ctx, blob, STATE_SIZE), -EINVAL);
		assert_false(state_of(INTX, 0).masked);
	}
	assert_int_equal(irq_load(ctx, blob, STATE_SIZE + 1), -EINVAL);
	assert_int_equal(irq_load(ctx, blob, STATE_SIZE - 1), -EINVAL);
	assert_int_equal(irq_load(ctx, blob, 0), -EINVAL);
}

static void a_level_needs_a_line(void **state)
{
	static const lm_dev_info_t none = { .pci_info.id.raw = 0x00011234 };
	struct lm_ctx *c = device_new(&none);
	uint8_t blob[1] = { 1 };

	assert_int_equal(irq_load(c, blob, 1), -EINVAL);
	blob[0] = 0;
	assert_int_equal(irq_load(c, blob, 1), 0);
	device_free(c);
}

static void musctls_masks_survive_reset_and_move(void **state)
{
	struct lm_ctx *to = device_new(&info);
	uint8_t blob[STATE_SIZE];

	irq_mask(ctx, MSI, 3, true);
	irq_reset(ctx, 0);
	irq_disconnect(ctx);
	irq_save(ctx, blob, sizeof(blob));
	assert_int_equal(blob[1 + 1 + 3], CONTROL);
	assert_int_equal(irq_load(to, blob, sizeof(blob)), 0);
	assert_int_equal(lm_irq_trigger_index(to, MSI, 3), LM_IRQ_PENDING);
	device_free(to);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(state_tells_eventfd_mask_pending_and_count),
		TEST(state_of_intx_is_pending_while_the_line_is_up),
		TEST(vectors_that_are_not_there_have_no_state),
		TEST(musctls_mask_holds_until_musctl_unmasks),
		TEST(what_was_held_back_waits_for_an_eventfd_as_well),
		TEST(musctls_unmask_does_not_lift_other_masks),
		TEST(a_level_moves_and_reaches_the_new_client),
		TEST(masks_and_pending_interrupts_move),
		TEST(loading_delivers_what_is_due_to_a_client_that_is_there),
		TEST(foreign_states_are_refused_and_change_nothing),
		TEST(a_level_needs_a_line),
		TEST(musctls_masks_survive_reset_and_move),
	};

	return cmocka_run_group_tests_name("irq_state", tests, NULL, NULL);
}
