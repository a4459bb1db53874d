/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_irq.c - raising interrupts: INTx as a level, MSI, which kind is used, threads,
 * traces.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "trace/trace.h"
#include "pci_device.h"

#define INTX LM_DEV_INTX_IRQ_IDX
#define MSI  LM_DEV_MSI_IRQ_IDX
#define MSIX LM_DEV_MSIX_IRQ_IDX
#define ERR  LM_DEV_ERR_IRQ_IDX
#define REQ  LM_DEV_REQ_IRQ_IDX

/* Where the capabilities come to stand. */
#define MSI_CONTROL  0x42
#define MSI_MASKS    0x50
#define MSI_PENDING  0x54
#define MSIX_CONTROL 0x5a

static lm_dev_info_t info;
static struct lm_ctx *ctx;

static int setup(void **state)
{
	device_describe_irqs(&info);
	info.pci_info.irq_count[ERR] = 1;
	info.pci_info.irq_count[REQ] = 1;
	ctx = device_new(&info);
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

static int unmask_intx(void)
{
	/* what QEMU sends at the end of an interrupt */
	return set_irqs(ctx, UNMASK, INTX, 0, 1);
}

/* ---- INTx: a level --------------------------------------------------------------- */

static void a_rising_level_signals_once(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

static void unmasking_signals_again_while_the_level_is_up(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	lm_irq_set_level(ctx, true);
	efd_take(fd);
	assert_int_equal(unmask_intx(), 0);
	assert_int_equal(efd_take(fd), 1);
	lm_irq_set_level(ctx, false);
	assert_int_equal(unmask_intx(), 0);
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

static void a_level_that_rises_again_waits_for_the_unmask(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	lm_irq_set_level(ctx, true);
	lm_irq_set_level(ctx, false);
	efd_take(fd);
	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_PENDING);
	assert_int_equal(efd_take(fd), 0);
	unmask_intx();
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void interrupt_disable_suppresses_and_enabling_replays(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_PENDING);
	assert_int_equal(efd_take(fd), 0);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT,
			 PCI_STATUS_INTERRUPT);
	cfg_put(ctx, PCI_COMMAND + 1, 1, 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void a_level_that_fell_while_disabled_is_not_replayed(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	lm_irq_set_level(ctx, true);
	lm_irq_set_level(ctx, false);
	cfg_put(ctx, PCI_COMMAND, 2, 0);
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

static void a_level_without_a_client_is_remembered(void **state)
{
	int fd;

	assert_int_equal(lm_irq_set_level(ctx, true), -ENOTCONN);
	fd = assign(ctx, INTX, 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void a_device_without_intx_has_no_line(void **state)
{
	struct lm_ctx *c;

	info.pci_info.irq_count[INTX] = 0;
	c = device_new(&info);
	assert_int_equal(lm_irq_set_level(c, true), -EINVAL);
	assert_int_equal(cfg_get(c, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT, 0);
	device_free(c);
}

static void a_function_that_uses_msi_does_not_use_intx(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	cfg_put(ctx, MSI_CONTROL, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_PENDING);
	cfg_put(ctx, MSI_CONTROL, 2, 0);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void reset_drops_the_level_and_keeps_the_eventfd(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	cfg_put(ctx, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	lm_irq_set_level(ctx, true);
	config_reset(ctx);
	irq_reset(ctx, 0);
	assert_int_equal(efd_take(fd), 0);
	assert_false(irq_intx_level(ctx));
	assert_int_equal(lm_irq_set_level(ctx, true), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

/* ---- INTx: edges ----------------------------------------------------------------- */

static void an_edge_shows_in_status_until_it_is_unmasked(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT,
			 PCI_STATUS_INTERRUPT);
	unmask_intx();
	assert_int_equal(efd_take(fd), 0);
	assert_int_equal(cfg_get(ctx, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT, 0);
	close(fd);
}

static void an_edge_while_masked_is_latched(void **state)
{
	const int fd = assign(ctx, INTX, 0);

	lm_irq_trigger(ctx, 0);
	efd_take(fd);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_PENDING);
	unmask_intx();
	assert_int_equal(efd_take(fd), 1);
	unmask_intx();
	assert_int_equal(efd_take(fd), 0);
	close(fd);
}

/* ---- MSI ------------------------------------------------------------------------- */

static void a_masked_msi_vector_is_pending_until_unmasked(void **state)
{
	const int fd = assign(ctx, MSI, 2);

	cfg_put(ctx, MSI_CONTROL, 2, PCI_MSI_FLAGS_ENABLE | 3 << 4);
	cfg_put(ctx, MSI_MASKS, 1, 1 << 2);
	assert_int_equal(lm_irq_trigger(ctx, 2), LM_IRQ_PENDING);
	assert_int_equal(cfg_get(ctx, MSI_PENDING, 4), 1 << 2);
	cfg_put(ctx, MSI_MASKS, 4, 0xf0);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(cfg_get(ctx, MSI_PENDING, 4), 0);
	close(fd);
}

static void vectors_that_the_guest_did_not_enable_are_lost(void **state)
{
	const int fd = assign(ctx, MSI, 4);

	cfg_put(ctx, MSI_CONTROL, 2, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	assert_int_equal(lm_irq_trigger(ctx, 4), -ENOTCONN);
	assert_int_equal(lm_irq_trigger(ctx, 8), -EINVAL);
	cfg_put(ctx, MSI_CONTROL, 2, PCI_MSI_FLAGS_ENABLE | 3 << 4);
	assert_int_equal(lm_irq_trigger(ctx, 4), LM_IRQ_DELIVERED);
	close(fd);
}

/* ---- which kind ------------------------------------------------------------------ */

static void enable_bits_choose_the_kind(void **state)
{
	const int intx = assign(ctx, INTX, 0), msi = assign(ctx, MSI, 0);
	const int msix = assign(ctx, MSIX, 0);

	cfg_put(ctx, MSI_CONTROL, 2, PCI_MSI_FLAGS_ENABLE);
	lm_irq_trigger(ctx, 0);
	assert_int_equal(efd_take(msi), 1);
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	lm_irq_trigger(ctx, 0);
	assert_int_equal(efd_take(msix), 1);
	assert_int_equal(efd_take(msi) + efd_take(intx), 0);
	close(intx);
	close(msi);
	close(msix);
}

static void without_enable_bits_the_assigned_eventfds_choose(void **state)
{
	const int intx = assign(ctx, INTX, 0), msix = assign(ctx, MSIX, 3);

	assert_int_equal(lm_irq_trigger(ctx, 3), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(msix), 1);
	set_irqs(ctx, TRIGGER, MSIX, 0, 0);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(intx), 1);
	close(intx);
	close(msix);
}

static void with_nothing_assigned_the_interrupt_is_lost(void **state)
{
	assert_int_equal(lm_irq_trigger(ctx, 0), -ENOTCONN);
	assert_int_equal(lm_irq_trigger(ctx, 15), -ENOTCONN);
	assert_int_equal(lm_irq_trigger(ctx, 16), -EINVAL);
	assert_int_equal(lm_irq_trigger(ctx, UINT32_MAX), -EINVAL);
	assert_int_equal(lm_irq_trigger_index(ctx, INTX, 1), -EINVAL);
	assert_int_equal(lm_irq_trigger_index(ctx, LM_DEV_NUM_IRQS, 0), -EINVAL);
}

static void an_enabled_kind_without_an_eventfd_is_not_replaced_by_another(void **state)
{
	const int intx = assign(ctx, INTX, 0);

	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(lm_irq_trigger(ctx, 0), -ENOTCONN);
	assert_int_equal(efd_take(intx), 0);
	close(intx);
}

static void each_kind_has_its_own_eventfds(void **state)
{
	static const uint32_t index[] = { INTX, MSI, MSIX, ERR, REQ };
	int fd[LM_NR(index)];
	size_t i, j;

	for (i = 0; i < LM_NR(index); i++)
		fd[i] = assign(ctx, index[i], 0);
	for (i = 0; i < LM_NR(index); i++) {
		assert_int_equal(lm_irq_trigger_index(ctx, index[i], 0),
				 LM_IRQ_DELIVERED);
		for (j = 0; j < LM_NR(index); j++)
			assert_int_equal(efd_take(fd[j]), i == j);
	}
	for (i = 0; i < LM_NR(index); i++)
		close(fd[i]);
}

static void errors_and_requests_are_lost_without_a_listener(void **state)
{
	assert_int_equal(lm_irq_trigger_index(ctx, ERR, 0), -ENOTCONN);
	assert_int_equal(lm_irq_trigger_index(ctx, REQ, 0), -ENOTCONN);
}

static void impossible_counts_are_refused(void **state)
{
	info.pci_info.irq_count[INTX] = 2;
	assert_refused(&info, "irq_count of INTx is 2: must be 0 or 1");
	info.pci_info.irq_count[INTX] = 1;
	info.pci_info.irq_count[ERR] = 2;
	assert_refused(&info, "irq_count of ERR is 2: must be 0 or 1");
}

/* ---- eventfds of all sorts ------------------------------------------------------- */

static void a_full_eventfd_never_blocks(void **state)
{
	const uint64_t full = UINT64_MAX - 1;
	const int kinds[] = { 0, EFD_NONBLOCK };
	size_t i;

	for (i = 0; i < LM_NR(kinds); i++) {
		const int fd = eventfd(0, kinds[i]);
		struct irq_set set = {
			.flags = TRIGGER_FDS, .index = MSIX, .count = 1, .nr_fds = 1,
		};

		assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
		assert_int_equal(set_irqs_fds(ctx, set, &fd), 0);
		alarm(5); /* ends a test that hangs */
		assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
		alarm(0);
		assert_true(efd_take(fd) == full);
		close(fd);
	}
}

static void the_clients_eventfd_keeps_its_mode(void **state)
{
	const int fd = eventfd(0, 0);
	struct irq_set set = { .flags = TRIGGER_FDS, .index = MSIX, .count = 1,
			       .nr_fds = 1 };

	assert_int_equal(set_irqs_fds(ctx, set, &fd), 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

/* ---- threads --------------------------------------------------------------------- */

#define ROUNDS 20000

static void *trigger_many(void *arg)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		lm_irq_trigger_index(ctx, MSIX, 1);
		lm_irq_set_level(ctx, i & 1);
	}
	return NULL;
}

static void triggers_of_another_thread_are_never_lost(void **state)
{
	const int fd = assign(ctx, MSIX, 1), intx = assign(ctx, INTX, 0);
	uint64_t signalled = 0;
	pthread_t thread;
	int i;

	assert_int_equal(pthread_create(&thread, NULL, trigger_many, NULL), 0);
	for (i = 0; i < ROUNDS / 10; i++) {
		cfg_put(ctx, MSIX_CONTROL, 2, i & 1 ? PCI_MSIX_FLAGS_MASKALL : 0);
		region_put_value(ctx, 0, 16 + 12, 4, i >> 1 & 1);
		cfg_get(ctx, PCI_COMMAND, 4);
		close(assign(ctx, MSIX, (uint32_t)i % 14 + 2));
		unmask_intx();
		signalled += efd_take(fd);
	}
	pthread_join(thread, NULL);
	cfg_put(ctx, MSIX_CONTROL, 2, 0);
	region_put_value(ctx, 0, 16 + 12, 4, 0);
	signalled += efd_take(fd);
	assert_true(signalled > 0 && signalled <= ROUNDS);
	assert_false(irq_pending(ctx, MSIX, 1));
	lm_irq_set_level(ctx, false);
	efd_take(intx);
	unmask_intx();
	assert_int_equal(efd_take(intx), 0);
	close(fd);
	close(intx);
}

/* ---- traces ---------------------------------------------------------------------- */

static void *lease;

static lm_trace_reader_t *tracer_new(void)
{
	const int page = memfd_create("armed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	lm_trace_reader_t *reader;
	int ring;

	assert_int_equal(ftruncate(page, 4096), 0);
	assert_int_equal(fcntl(page, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(trace_attach(ctx, eventfd(0, 0), page, &ring, &lease), 0);
	assert_int_equal(lm_trace_open(dup(ring), &reader), 0);
	return reader;
}

static void tracer_free(lm_trace_reader_t *reader)
{
	lm_trace_close(reader);
	trace_detach(ctx, lease);
	trace_free(ctx);
}

/* The next record of what this is about. */
static struct lm_trace_record next_record(lm_trace_reader_t *reader)
{
	struct lm_trace_record rec;
	uint64_t lost;

	do {
		assert_int_equal(lm_trace_next(reader, &rec, &lost), 1);
	} while (rec.kind == LM_TRACE_READ || rec.kind == LM_TRACE_WRITE ||
		 rec.kind == LM_TRACE_IRQ_SET);
	return rec;
}

static void assert_fire(lm_trace_reader_t *reader, uint32_t index, uint32_t vector,
			int result)
{
	const struct lm_trace_record rec = next_record(reader);

	assert_int_equal(rec.kind, LM_TRACE_IRQ_FIRE);
	assert_int_equal(rec.region, index);
	assert_int_equal(rec.offset, vector);
	assert_int_equal(rec.result, result);
}

static void assert_mask(lm_trace_reader_t *reader, uint32_t index, uint32_t vector,
			bool masked)
{
	const struct lm_trace_record rec = next_record(reader);

	assert_int_equal(rec.kind, LM_TRACE_IRQ_MASK);
	assert_int_equal(rec.region, index);
	assert_int_equal(rec.offset, vector);
	assert_int_equal(rec.value, masked);
}

static void assert_deassert(lm_trace_reader_t *reader)
{
	const struct lm_trace_record rec = next_record(reader);

	assert_int_equal(rec.kind, LM_TRACE_IRQ_DEASSERT);
	assert_int_equal(rec.region, INTX);
	assert_int_equal(rec.offset, 0);
}

static void traces_tell_what_became_of_each_interrupt(void **state)
{
	lm_trace_reader_t *reader = tracer_new();
	int fd;

	lm_irq_trigger(ctx, 3);
	/* the first kind that has such a vector */
	assert_fire(reader, MSI, 3, -ENOTCONN);
	fd = assign(ctx, MSIX, 3);
	lm_irq_trigger(ctx, 3);
	assert_fire(reader, MSIX, 3, LM_IRQ_DELIVERED);
	lm_irq_set_level(ctx, true);
	assert_fire(reader, INTX, 0, -ENOTCONN);
	lm_irq_set_level(ctx, false);
	lm_irq_set_level(ctx, false);
	assert_deassert(reader);
	lm_irq_trigger(ctx, 3);
	assert_fire(reader, MSIX, 3, LM_IRQ_DELIVERED);
	tracer_free(reader);
	close(fd);
}

static void traces_tell_when_the_last_cause_goes(void **state)
{
	const int line = assign(ctx, INTX, 0);
	lm_trace_reader_t *reader = tracer_new();
	int fd;

	lm_irq_assert(ctx, 0, true);
	assert_fire(reader, INTX, 0, LM_IRQ_DELIVERED);
	lm_irq_assert(ctx, 1, true);
	lm_irq_assert(ctx, 0, false);
	lm_irq_assert(ctx, 1, false);
	assert_deassert(reader);
	fd = assign(ctx, MSIX, 0);
	lm_irq_assert(ctx, 0, true);
	assert_fire(reader, MSIX, 0, LM_IRQ_DELIVERED);
	lm_irq_assert(ctx, 0, false); /* the message has none */
	lm_irq_trigger(ctx, 0);
	assert_fire(reader, MSIX, 0, LM_IRQ_DELIVERED);
	tracer_free(reader);
	close(line);
	close(fd);
}

static void traces_tell_of_masks_and_of_replays(void **state)
{
	const int fd = assign(ctx, MSIX, 0);
	lm_trace_reader_t *reader;

	region_put_value(ctx, 0, 12, 4, 0); /* from now on the table counts */
	reader = tracer_new();
	region_put_value(ctx, 0, 12, 4, 1);
	assert_mask(reader, MSIX, 0, true);
	lm_irq_trigger(ctx, 0);
	assert_fire(reader, MSIX, 0, LM_IRQ_PENDING);
	region_put_value(ctx, 0, 12, 4, 0);
	assert_mask(reader, MSIX, 0, false);
	assert_fire(reader, MSIX, 0, LM_IRQ_DELIVERED);
	irq_mask(ctx, INTX, 0, true);
	assert_mask(reader, INTX, 0, true);
	tracer_free(reader);
	close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_rising_level_signals_once),
		TEST(unmasking_signals_again_while_the_level_is_up),
		TEST(a_level_that_rises_again_waits_for_the_unmask),
		TEST(interrupt_disable_suppresses_and_enabling_replays),
		TEST(a_level_that_fell_while_disabled_is_not_replayed),
		TEST(a_level_without_a_client_is_remembered),
		TEST(a_device_without_intx_has_no_line),
		TEST(a_function_that_uses_msi_does_not_use_intx),
		TEST(reset_drops_the_level_and_keeps_the_eventfd),
		TEST(an_edge_shows_in_status_until_it_is_unmasked),
		TEST(an_edge_while_masked_is_latched),
		TEST(a_masked_msi_vector_is_pending_until_unmasked),
		TEST(vectors_that_the_guest_did_not_enable_are_lost),
		TEST(enable_bits_choose_the_kind),
		TEST(without_enable_bits_the_assigned_eventfds_choose),
		TEST(with_nothing_assigned_the_interrupt_is_lost),
		TEST(an_enabled_kind_without_an_eventfd_is_not_replaced_by_another),
		TEST(each_kind_has_its_own_eventfds),
		TEST(errors_and_requests_are_lost_without_a_listener),
		TEST(impossible_counts_are_refused),
		TEST(a_full_eventfd_never_blocks),
		TEST(the_clients_eventfd_keeps_its_mode),
		TEST(triggers_of_another_thread_are_never_lost),
		TEST(traces_tell_what_became_of_each_interrupt),
		TEST(traces_tell_when_the_last_cause_goes),
		TEST(traces_tell_of_masks_and_of_replays),
	};

	return cmocka_run_group_tests_name("irq", tests, NULL, NULL);
}
