/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_irq_mask.c - the function mask of MSI-X: who hears of it, what it holds back, and that
 * vectors of which nobody waits to hear cost nothing, however many there are.
 */
#include <sys/mman.h>

#include "trace/trace.h"
#include "pci_device.h"

#define MSIX         LM_DEV_MSIX_IRQ_IDX
#define NR           2048u
#define MSIX_CONTROL 0x42
#define CONTROL(vector) ((vector) * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL)

static lm_dev_info_t info;
static struct lm_ctx *ctx;

static int setup(void **state)
{
	memset(&info, 0, sizeof(info));
	info.pci_info.id.raw = 0x00011234;
	info.pci_info.irq_count[MSIX] = NR;
	info.pci_info.reg_info[0] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 0x10000,
	};
	info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSIX, .msix = { 0, 0, 0x8000 } };
	ctx = device_new(&info);
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

static void function_mask(bool on)
{
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE | (on ? PCI_MSIX_FLAGS_MASKALL : 0));
}

static int notify(uint32_t action, uint32_t vector)
{
	struct irq_set set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | action, .index = MSIX, .start = vector,
		.count = 1, .nr_fds = 1,
	};
	const int fd = efd_new();

	assert_int_equal(set_irqs_fds(ctx, set, &fd), 0);
	return fd;
}

/* What it takes to turn the mask on and off, in units of work. */
static uint64_t work_of_masking(void)
{
	const uint64_t before = ctx->work;

	function_mask(true);
	function_mask(false);
	return ctx->work - before;
}

/* ---- work ------------------------------------------------------------------------ */

static void vectors_that_nobody_waits_for_are_not_looked_at(void **state)
{
	const int fd = assign(ctx, MSIX, NR - 1); /* all of them have state from now on */
	uint64_t few;

	few = work_of_masking();
	assert_int_equal(few, 2); /* the accesses alone */
	close(fd);
}

static void each_that_somebody_waits_for_is_work(void **state)
{
	const int fd = assign(ctx, MSIX, NR - 1);
	const uint64_t few = work_of_masking();
	int mask[3];
	uint32_t i;

	for (i = 0; i < 3; i++)
		mask[i] = notify(VFIO_IRQ_SET_ACTION_MASK, 700 * i);
	assert_int_equal(work_of_masking(), few + 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(efd_take(mask[i]), 1);
		close(mask[i]);
	}
	close(fd);
}

static void what_is_no_longer_waited_for_is_no_work(void **state)
{
	const int fd = assign(ctx, MSIX, NR - 1);
	const uint64_t few = work_of_masking();
	uint32_t i;

	function_mask(true);
	for (i = 0; i < NR; i++)
		lm_irq_trigger(ctx, i);
	set_irqs(ctx, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, MSIX, 0, 0);
	function_mask(false);
	assert_int_equal(work_of_masking(), few);
	close(fd);
}

/* ---- who hears of it ------------------------------------------------------------- */

static void eventfds_hear_of_each_change_once(void **state)
{
	const int mask = notify(VFIO_IRQ_SET_ACTION_MASK, 1500);
	const int unmask = notify(VFIO_IRQ_SET_ACTION_UNMASK, 1500);

	function_mask(true);
	function_mask(true);
	assert_int_equal(efd_take(mask), 1);
	assert_int_equal(efd_take(unmask), 0);
	function_mask(false);
	assert_int_equal(efd_take(mask), 0);
	assert_int_equal(efd_take(unmask), 1);
	close(mask);
	close(unmask);
}

/* It stays masked by its own bit: nothing has changed for it. */
static void a_vector_with_a_mask_of_its_own_hears_of_neither(void **state)
{
	const int mask = notify(VFIO_IRQ_SET_ACTION_MASK, 5);
	const int unmask = notify(VFIO_IRQ_SET_ACTION_UNMASK, 5);

	region_put_value(ctx, 0, CONTROL(5), 4, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	assert_int_equal(efd_take(mask), 1);
	function_mask(true);
	function_mask(false);
	assert_int_equal(efd_take(mask), 0);
	assert_int_equal(efd_take(unmask), 0);
	function_mask(true);
	region_put_value(ctx, 0, CONTROL(5), 4, 0);
	assert_int_equal(efd_take(unmask), 0);
	function_mask(false);
	assert_int_equal(efd_take(unmask), 1);
	close(mask);
	close(unmask);
}

static void an_eventfd_that_comes_later_hears_from_then_on(void **state)
{
	int mask, unmask;

	function_mask(true);
	mask = notify(VFIO_IRQ_SET_ACTION_MASK, 9);
	unmask = notify(VFIO_IRQ_SET_ACTION_UNMASK, 9);
	assert_int_equal(efd_take(mask), 0);
	function_mask(false);
	assert_int_equal(efd_take(unmask), 1);
	assert_int_equal(efd_take(mask), 0);
	close(mask);
	close(unmask);
}

static void a_reset_lifts_it(void **state)
{
	const int unmask = notify(VFIO_IRQ_SET_ACTION_UNMASK, 9);

	function_mask(true);
	function_reset(ctx, NULL, LM_RESET_CLIENT);
	assert_int_equal(efd_take(unmask), 1);
	function_mask(false);
	assert_int_equal(efd_take(unmask), 0);
	close(unmask);
}

/* ---- what it holds back ---------------------------------------------------------- */

static void what_was_raised_meanwhile_is_delivered_once(void **state)
{
	const uint32_t at[] = { 0, 63, 64, NR - 1 };
	int fds[LM_NR(at)];
	uint32_t i;

	for (i = 0; i < LM_NR(at); i++)
		fds[i] = assign(ctx, MSIX, at[i]);
	function_mask(true);
	for (i = 0; i < LM_NR(at); i++)
		assert_int_equal(lm_irq_trigger(ctx, at[i]), LM_IRQ_PENDING);
	for (i = 0; i < LM_NR(at); i++)
		assert_int_equal(efd_take(fds[i]), 0);
	function_mask(false);
	work_of_masking();
	for (i = 0; i < LM_NR(at); i++) {
		assert_int_equal(efd_take(fds[i]), 1);
		close(fds[i]);
	}
}

static void what_a_state_brings_is_delivered_when_it_is_lifted(void **state)
{
	const size_t size = irq_save(ctx, NULL, 0);
	uint8_t *state_bytes = calloc(1, size);
	const int fd = assign(ctx, MSIX, 1000);

	function_mask(true);
	lm_irq_trigger(ctx, 1000);
	irq_save(ctx, state_bytes, size);
	irq_reset(ctx, 0);
	assert_false(irq_pending(ctx, MSIX, 1000));
	assert_int_equal(irq_load(ctx, state_bytes, size), 0);
	assert_int_equal(efd_take(fd), 0);
	function_mask(false);
	assert_int_equal(efd_take(fd), 1);
	free(state_bytes);
	close(fd);
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

/* How many rows say that a vector was masked, or unmasked, until now. */
static unsigned int mask_rows(lm_trace_reader_t *reader, bool masked)
{
	struct lm_trace_record rec;
	unsigned int nr = 0;
	uint64_t lost;

	while (lm_trace_next(reader, &rec, &lost) == 1)
		nr += rec.kind == LM_TRACE_IRQ_MASK && rec.value == masked;
	return nr;
}

static void traces_tell_of_each_vector(void **state)
{
	const int fd = assign(ctx, MSIX, NR - 1);
	lm_trace_reader_t *reader = tracer_new();

	function_mask(true);
	assert_int_equal(mask_rows(reader, true), NR);
	function_mask(false);
	assert_int_equal(mask_rows(reader, false), NR);
	tracer_free(reader);
	close(fd);
}

static void traces_that_begin_later_tell_what_changes_from_then_on(void **state)
{
	const int fd = assign(ctx, MSIX, NR - 1);
	lm_trace_reader_t *reader;

	function_mask(true);
	reader = tracer_new();
	irq_mask(ctx, MSIX, 5, true);
	irq_mask(ctx, MSIX, 5, false);
	assert_int_equal(mask_rows(reader, true), 0);
	function_mask(false);
	assert_int_equal(mask_rows(reader, false), NR);
	tracer_free(reader);
	close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(vectors_that_nobody_waits_for_are_not_looked_at),
		TEST(each_that_somebody_waits_for_is_work),
		TEST(what_is_no_longer_waited_for_is_no_work),
		TEST(eventfds_hear_of_each_change_once),
		TEST(a_vector_with_a_mask_of_its_own_hears_of_neither),
		TEST(an_eventfd_that_comes_later_hears_from_then_on),
		TEST(a_reset_lifts_it),
		TEST(what_was_raised_meanwhile_is_delivered_once),
		TEST(what_a_state_brings_is_delivered_when_it_is_lifted),
		TEST(traces_tell_of_each_vector),
		TEST(traces_that_begin_later_tell_what_changes_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
