/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_irq_assert.c - causes of interrupts: a line for all of them, a message for each; what the
 * guest switches meanwhile, resets, saved states.
 */
#include "pci_device.h"
#include "pci/pci.h"

#define INTX LM_DEV_INTX_IRQ_IDX
#define MSI  LM_DEV_MSI_IRQ_IDX
#define MSIX LM_DEV_MSIX_IRQ_IDX

/* Where the capabilities come to stand. */
#define MSI_CONTROL  0x42
#define MSIX_CONTROL 0x5a
#define MSI_ENABLED(nr_log2) (PCI_MSI_FLAGS_ENABLE | (nr_log2) << 4)

static lm_dev_info_t info;
static struct lm_ctx *ctx;

static int setup(void **state)
{
	device_describe_irqs(&info);
	ctx = device_new(&info);
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

static void unmask_vector(uint32_t vector)
{
	region_put_value(ctx, 0, vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, 0);
}

static bool line_is_up(void)
{
	return cfg_get(ctx, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

/* ---- INTx ------------------------------------------------------------------------- */

static void the_line_is_up_while_a_cause_is(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	assert_int_equal(lm_irq_assert(ctx, 3, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(lm_irq_assert(ctx, 5, true), LM_IRQ_DELIVERED);
	assert_int_equal(lm_irq_assert(ctx, 3, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 0);
	lm_irq_assert(ctx, 3, false);
	assert_true(line_is_up());
	assert_int_equal(set_irqs(ctx, UNMASK, INTX, 0, 1), 0);
	assert_int_equal(efd_take(fd), 1);
	lm_irq_assert(ctx, 5, false);
	assert_false(line_is_up());
	assert_int_equal(set_irqs(ctx, UNMASK, INTX, 0, 1), 0);
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

static void a_line_without_a_client_is_remembered(void **state)
{
	int fd;

	assert_int_equal(lm_irq_assert(ctx, 2, true), -ENOTCONN);
	fd = assign(ctx, INTX, 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void there_are_as_many_causes_as_vectors(void **state)
{
	assert_int_equal(lm_irq_assert(ctx, 16, true), -EINVAL);
	assert_int_equal(lm_irq_assert(ctx, UINT32_MAX, true), -EINVAL);
	assert_int_equal(lm_irq_assert(ctx, 15, false), LM_IRQ_DELIVERED);
	assert_false(line_is_up());
}

/* ---- messages --------------------------------------------------------------------- */

static void each_cause_sends_its_vector_once(void **state)
{
	const int four = assign(ctx, MSIX, 4), five = assign(ctx, MSIX, 5);

	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	unmask_vector(4);
	unmask_vector(5);
	assert_int_equal(lm_irq_assert(ctx, 4, true), LM_IRQ_DELIVERED);
	assert_int_equal(lm_irq_assert(ctx, 5, true), LM_IRQ_DELIVERED);
	assert_int_equal(lm_irq_assert(ctx, 5, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(four), 1);
	assert_int_equal(efd_take(five), 1);
	lm_irq_assert(ctx, 5, false);
	assert_int_equal(efd_take(five), 0);
	lm_irq_assert(ctx, 5, true);
	assert_int_equal(efd_take(five), 1);
	close(four);
	close(five);
}

static void fewer_messages_than_causes_are_shared(void **state)
{
	const int fd = assign(ctx, MSI, 1);

	cfg_put(ctx, MSI_CONTROL, 2, MSI_ENABLED(1));
	assert_int_equal(lm_irq_assert(ctx, 7, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void a_cause_stays_when_the_guest_goes_back_to_intx(void **state)
{
	const int line = assign(ctx, INTX, 0);

	cfg_put(ctx, MSI_CONTROL, 2, MSI_ENABLED(0));
	lm_irq_assert(ctx, 1, true);
	assert_int_equal(efd_take(line), 0);
	cfg_put(ctx, MSI_CONTROL, 2, 0);
	assert_int_equal(efd_take(line), 1);
	close(line);
}

static void what_is_enabled_can_be_asked(void **state)
{
	uint32_t vectors;

	assert_int_equal(lm_irq_enabled(ctx, &vectors), INTX);
	assert_int_equal(vectors, 1);
	cfg_put(ctx, MSI_CONTROL, 2, MSI_ENABLED(2));
	assert_int_equal(lm_irq_enabled(ctx, &vectors), MSI);
	assert_int_equal(vectors, 4);
	cfg_put(ctx, MSI_CONTROL, 2, 0);
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(lm_irq_enabled(ctx, &vectors), MSIX);
	assert_int_equal(vectors, 16);
	assert_int_equal(lm_irq_enabled(ctx, NULL), MSIX);
}

/* A client may assign eventfds to more than one kind, and write no enable bits. */
static void a_message_is_not_the_line_as_well(void **state)
{
	const int line = assign(ctx, INTX, 0), message = assign(ctx, MSIX, 4);

	assert_int_equal(lm_irq_assert(ctx, 4, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(message), 1);
	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(set_irqs(ctx, UNMASK, INTX, 0, 1), 0);
	assert_int_equal(efd_take(line), 0);
	assert_true(line_is_up());
	/* It has the line alone again. */
	assert_int_equal(set_irqs(ctx, TRIGGER, MSIX, 0, 0), 0);
	assert_int_equal(efd_take(line), 1);
	close(line);
	close(message);
}

static void a_line_that_a_device_drives_itself_is_its_own(void **state)
{
	const int line = assign(ctx, INTX, 0), message = assign(ctx, MSIX, 4);

	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(line), 1);
	assert_int_equal(set_irqs(ctx, UNMASK, INTX, 0, 1), 0);
	assert_int_equal(efd_take(line), 1);
	close(line);
	close(message);
}

/* It is INTx's, though INTx has no vector of that number. */
static void a_cause_without_a_client_is_no_lost_message(void **state)
{
	struct irq_state st;

	assert_int_equal(irq_mask(ctx, MSI, 3, true), 0);
	assert_int_equal(lm_irq_assert(ctx, 3, true), -ENOTCONN);
	assert_int_equal(irq_get_state(ctx, MSI, 3, &st), 0);
	assert_false(st.pending);
}

/* A client that writes no enable bits: of 8 messages for 16 causes the low bits say which. */
static void messages_that_are_assigned_alone_are_shared(void **state)
{
	const int fd = assign(ctx, MSI, 4);

	assert_int_equal(lm_irq_assert(ctx, 12, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

/* ---- resets, saved states --------------------------------------------------------- */

static void a_line_that_the_guest_does_not_use_is_not_pending(void **state)
{
	struct irq_state st;
	int fd;

	lm_irq_assert(ctx, 3, true);
	assert_int_equal(irq_get_state(ctx, INTX, 0, &st), 0);
	assert_true(st.pending && irq_is_enabled(ctx, INTX));
	assert_false(irq_is_enabled(ctx, MSIX) || irq_is_enabled(ctx, MSI));
	fd = assign(ctx, MSIX, 0); /* a client that writes no enable bits */
	assert_int_equal(irq_get_state(ctx, INTX, 0, &st), 0);
	assert_true(line_is_up());
	assert_false(st.pending || irq_is_enabled(ctx, INTX));
	assert_true(irq_is_enabled(ctx, MSIX));
	cfg_put(ctx, MSI_CONTROL, 2, MSI_ENABLED(0));
	assert_true(irq_is_enabled(ctx, MSI));
	assert_false(irq_is_enabled(ctx, INTX) || irq_is_enabled(ctx, MSIX));
	close(fd);
}

static void a_reset_deasserts_all(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	lm_irq_assert(ctx, 1, true);
	assert_int_equal(function_reset(ctx, NULL, LM_RESET_CLIENT), 0);
	assert_false(line_is_up());
	efd_take(fd);
	set_irqs(ctx, UNMASK, INTX, 0, 1);
	assert_int_equal(lm_irq_assert(ctx, 1, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void causes_are_saved(void **state)
{
	char saved[64];
	size_t len;

	lm_irq_assert(ctx, 1, true);
	lm_irq_assert(ctx, 9, true);
	len = irq_save(ctx, saved, sizeof(saved));
	assert_true(len <= sizeof(saved));
	device_free(ctx);
	ctx = device_new(&info);
	assert_int_equal(irq_load(ctx, saved, len), 0);
	lm_irq_assert(ctx, 1, false);
	assert_true(line_is_up());
	lm_irq_assert(ctx, 9, false);
	assert_false(line_is_up());
}

static void causes_of_a_stranger_are_checked(void **state)
{
	char saved[64];
	const size_t len = irq_save(ctx, saved, sizeof(saved));

	saved[1] = 1 << 4; /* INTx has no causes of its own here */
	assert_int_equal(irq_load(ctx, saved, len), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_line_is_up_while_a_cause_is),
		TEST(a_line_without_a_client_is_remembered),
		TEST(there_are_as_many_causes_as_vectors),
		TEST(each_cause_sends_its_vector_once),
		TEST(fewer_messages_than_causes_are_shared),
		TEST(a_cause_stays_when_the_guest_goes_back_to_intx),
		TEST(what_is_enabled_can_be_asked),
		TEST(a_message_is_not_the_line_as_well),
		TEST(a_line_that_a_device_drives_itself_is_its_own),
		TEST(a_cause_without_a_client_is_no_lost_message),
		TEST(messages_that_are_assigned_alone_are_shared),
		TEST(a_line_that_the_guest_does_not_use_is_not_pending),
		TEST(a_reset_deasserts_all),
		TEST(causes_are_saved),
		TEST(causes_of_a_stranger_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
