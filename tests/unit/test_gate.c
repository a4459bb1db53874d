/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_gate.c - taps: they see, change, answer, fail, drop, hold and repeat accesses, resets
 * and interrupts.
 */
#include "pci/pci.h"
#include "gate_tap.h"

/* ---- accesses -------------------------------------------------------------------- */

static void all_bytes_of_an_access_are_seen(void **state)
{
	struct engine *e = begin(state, ALL);
	char data[32];

	memset(data, 'x', sizeof(data));
	engine_write(e, BAR_RAW, 0x100, data, sizeof(data));
	assert_memory_equal(engine_read(e, BAR_RAW, 0x100, sizeof(data)), data, sizeof(data));
	assert_int_equal(tap.nr_before, 2);
	assert_int_equal(tap.nr_after, 2);
	assert_int_equal(tap.before[0].kind, LM_TRACE_WRITE);
	assert_int_equal(tap.before[0].region, BAR_RAW);
	assert_int_equal(tap.before[0].offset, 0x100);
	assert_int_equal(tap.before[0].len, sizeof(data));
	assert_memory_equal(tap.before[0].bytes, data, sizeof(data));
	assert_int_equal(tap.after[1].kind, LM_TRACE_READ);
	assert_memory_equal(tap.after[1].bytes, data, sizeof(data));
}

static void a_kind_that_it_does_not_want_passes_by(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_WRITE));

	engine_read(e, BAR_RAW, 0, 4);
	assert_int_equal(tap.nr_before + tap.nr_after, 0);
}

static void values_are_changed_both_ways(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_WRITE));

	tap.before_bytes = "new";
	engine_write(e, BAR_RAW, 8, "olds", 4);
	assert_memory_equal(e->raw + 8, "news", 4);
	tap.before_bytes = NULL;
	tap.after_bytes = "got";
	tap_add(e, KIND(LM_TRACE_READ));
	assert_memory_equal(engine_read(e, BAR_RAW, 8, 4), "gots", 4);
	assert_memory_equal(e->raw + 8, "news", 4);
}

/* Memory that the library serves, and configuration space, cross like all else. */
static void what_the_library_serves_is_seen(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));

	tap.after_bytes = "\xee";
	assert_memory_equal(engine_read(e, BAR_PLAIN, 0, 2), "\xee\0", 2);
	assert_memory_equal(engine_read(e, LM_CFG_REG_IDX, 0, 2), "\xee\x12", 2);
}

static void it_answers_in_the_devices_place(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ) | KIND(LM_TRACE_WRITE));

	tap.answer = TAP_ANSWERED;
	engine_write(e, BAR_RAW, 0, "lost", 4);
	tap.before_bytes = "made";
	assert_memory_equal(engine_read(e, BAR_RAW, 0, 4), "made", 4);
	assert_int_equal(e->nr_accesses, 0);
	assert_int_equal(tap.nr_after, 2);
}

/* What it leaves out is not what was read before. */
static void an_answer_without_bytes_is_zeros(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));
	static const char zeros[32];

	memset(e->raw, 'x', sizeof(zeros));
	assert_memory_equal(engine_read(e, BAR_RAW, 0, sizeof(zeros)), e->raw, sizeof(zeros));
	tap.answer = TAP_ANSWERED;
	assert_memory_equal(engine_read(e, BAR_RAW, 0, sizeof(zeros)), zeros, sizeof(zeros));
}

/* As one of the device's own: the guest sees ones. */
static void it_makes_an_access_fail(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ) | KIND(LM_TRACE_WRITE));

	engine_trace(e);
	tap.answer = TAP_ANSWERED;
	tap.result = -EIO;
	engine_read_refused(e, BAR_RAW, 0, 4, EIO);
	engine_write_refused(e, BAR_RAW, 0, "xxxx", 4, EIO);
	assert_int_equal(e->nr_accesses, 0);
	tap.answer = TAP_PASS;
	tap.after_result = -EPERM;
	engine_read_refused(e, BAR_RAW, 0, 4, EPERM);
	assert_int_equal(e->nr_accesses, 1);
}

static void it_makes_a_refused_access_succeed(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));

	tap.after_bytes = "ok";
	tap.after_result = 1;
	assert_memory_equal(engine_read(e, BAR_RAW, RAW_SIZE, 2), "ok", 2);
	assert_int_equal(e->ctx->refused, 0);
}

static void an_access_is_held_on_its_way_there(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_WRITE));
	uint16_t id;

	tap.holds_before = true;
	id = engine_send_write(e, BAR_RAW, 0, "late", 4);
	assert_false(has_reply(e));
	assert_int_equal(e->nr_accesses, 0);
	let_go_on(e);
	engine_write_reply(e, id);
	assert_memory_equal(e->raw, "late", 4);
	assert_int_equal(tap.nr_before, 1);
	assert_int_equal(tap.nr_after, 1);
}

static void an_access_is_held_on_its_way_back(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));
	uint16_t id;

	memcpy(e->raw, "data", 4);
	tap.holds_after = true;
	id = engine_send_read(e, BAR_RAW, 0, 4);
	assert_false(has_reply(e));
	assert_int_equal(e->nr_accesses, 1);
	let_go_on(e);
	assert_memory_equal(engine_read_reply(e, id, 4), "data", 4);
	assert_int_equal(tap.nr_after, 1);
}

static void an_access_that_the_device_defers_is_held_as_well(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));
	uint16_t id;

	e->access = access_deferred;
	tap.holds_before = tap.holds_after = true;
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, tap.token, 0, NULL), 0);
	assert_int_equal(tap.nr_after, 0);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "away"), 0);
	assert_int_equal(tap.nr_after, 1);
	assert_memory_equal(tap.after[0].bytes, "away", 4);
	assert_false(has_reply(e));
	let_go_on(e);
	assert_memory_equal(engine_read_reply(e, id, 4), "away", 4);
}

static void what_is_held_can_fail(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));
	uint16_t id;

	tap.holds_before = true;
	id = engine_send_read(e, BAR_RAW, 0, 2);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, tap.token, -ETIMEDOUT, NULL), 0);
	assert_memory_equal(engine_read_reply(e, id, 2), "\xff\xff", 2);
	assert_int_equal(tap.after[0].result, -ETIMEDOUT);
	assert_int_equal(e->nr_accesses, 0);
}

/* Out of range, to a region that is not there, or in the wrong direction: that stands. */
static void what_is_held_is_still_refused(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->info.pci_info.reg_info[BAR_PLAIN].flags &= ~LM_REG_FLAG_WRITE;
	begin(state, KIND(LM_TRACE_READ) | KIND(LM_TRACE_WRITE));
	engine_trace(e);
	tap.holds_before = true;
	id = engine_send_read(e, BAR_PLAIN, PLAIN_SIZE, 4);
	engine_poll(e);
	let_go_on(e);
	engine_reply_refused(e, id, 4, EINVAL);
	tap.holds_before = true;
	id = engine_send_write(e, BAR_PLAIN, 0, "lost", 4);
	engine_poll(e);
	let_go_on(e);
	engine_write_reply(e, id);
	engine_row_refused(e, LM_TRACE_WRITE, EACCES);
	assert_memory_equal(engine_read(e, BAR_PLAIN, 0, 4), "\0\0\0\0", 4);
	tap.holds_before = true;
	id = engine_send_read(e, UINT32_MAX, 0, 4);
	engine_poll(e);
	let_go_on(e);
	engine_reply_error(e, id, VFIO_USER_REGION_READ, EINVAL);
}

static void who_was_held_may_leave(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));

	tap.holds_before = true;
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_not_equal(tap.token, 0);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, tap.token, 0, NULL), -ENOENT);
	assert_int_equal(e->nr_accesses, 0);
	assert_int_equal(tap.nr_after, 1);
}

/* Whoever saw it begin sees it end, and the trace says of what the device is busy with. */
static void what_a_client_leaves_behind_ends(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ));
	struct lm_trace_record rec;

	engine_trace(e);
	e->access = access_deferred;
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(tap.nr_after, 0);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(tap.nr_after, 1);
	assert_int_equal(tap.after[0].result, -ECANCELED);
	assert_int_equal(engine_row_of(e, LM_TRACE_READ).result, -ECANCELED);
	assert_int_equal(lm_trace_end(e->reader, &rec), -ENOENT);
}

/* Nobody waits for it, and what follows must not. */
static void a_posted_write_is_not_held(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_WRITE));
	struct {
		struct vfio_user_region_access head;
		char data[4];
	} req = { { .region = BAR_RAW, .count = 4 }, "now" };

	tap.holds_before = tap.holds_after = true;
	engine_posted(e, VFIO_USER_REGION_WRITE, &req, sizeof(req));
	engine_poll(e);
	assert_int_equal(tap.token, 0);
	assert_memory_equal(e->raw, "now", 4);
}

/* A tracer is between the client and other taps: it shows what the client gets. */
static void the_trace_shows_what_the_client_gets(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_READ) | KIND(LM_TRACE_WRITE));
	struct lm_trace_record rec;

	engine_trace(e);
	tap.before_bytes = "new";
	engine_write(e, BAR_RAW, 0, "old", 3);
	rec = engine_row_of(e, LM_TRACE_WRITE);
	assert_memory_equal(rec.bytes, "new", 3);
	tap.before_bytes = NULL;
	tap.after_bytes = "got";
	engine_read(e, BAR_RAW, 0, 3);
	rec = engine_row_of(e, LM_TRACE_READ);
	assert_memory_equal(rec.bytes, "got", 3);
}

static void a_tap_that_was_removed_sees_nothing(void **state)
{
	struct engine *e = begin(state, ALL);
	uint16_t id;

	tap.holds_before = true;
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	gate_remove(e->ctx, TAP_TEST);
	let_go_on(e);
	engine_read_reply(e, id, 4);
	engine_read(e, BAR_RAW, 0, 4);
	assert_int_equal(tap.nr_before, 1);
	assert_int_equal(tap.nr_after, 0);
}

/* ---- reset, interrupts, clients --------------------------------------------------- */

static int fails(struct engine *e)
{
	return -EIO;
}

static void a_reset_is_seen_dropped_and_repeated(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_RESET));
	struct wire m;

	tap.answer = TAP_ANSWERED;
	tap.repeats = true;
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_int_equal(e->nr_resets, 0);
	tap.copy.redo(e->ctx, &tap.copy);
	assert_int_equal(e->nr_resets, 1);
	tap.result = -EBUSY;
	engine_request_fails(e, VFIO_USER_DEVICE_RESET, NULL, 0, EBUSY);
	assert_int_equal(e->nr_resets, 1);
	tap.answer = TAP_PASS;
	e->reset = fails;
	engine_request_fails(e, VFIO_USER_DEVICE_RESET, NULL, 0, EIO);
	assert_int_equal(tap.after[2].result, -EIO);
}

static int give_eventfd(struct engine *e, uint32_t index)
{
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = index, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct wire m;

	engine_reply(e, engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1),
		     VFIO_USER_DEVICE_SET_IRQS, &m);
	return fd;
}

static void an_interrupt_is_dropped_failed_and_repeated(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_IRQ_FIRE));
	const int fd = give_eventfd(e, LM_DEV_MSI_IRQ_IDX);

	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	tap.answer = TAP_ANSWERED;
	tap.repeats = true;
	tap.result = LM_IRQ_PENDING;
	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_PENDING);
	assert_false(eventfd_take(fd));
	tap.copy.redo(e->ctx, &tap.copy);
	assert_true(eventfd_take(fd));
	tap.result = -ENOTCONN;
	assert_int_equal(lm_irq_trigger(e->ctx, 0), -ENOTCONN);
	assert_false(eventfd_take(fd));
	assert_int_equal(tap.nr_before, 3);
	assert_int_equal(tap.before[0].region, LM_DEV_MSI_IRQ_IDX);
	close(fd);
}

static void a_level_is_dropped_and_repeated(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_IRQ_FIRE));
	const int fd = give_eventfd(e, LM_DEV_INTX_IRQ_IDX);

	tap.answer = TAP_ANSWERED;
	tap.repeats = true;
	lm_irq_set_level(e->ctx, true);
	assert_false(eventfd_take(fd));
	tap.copy.redo(e->ctx, &tap.copy);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void a_level_that_has_fallen_is_not_repeated(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_IRQ_FIRE));
	const int fd = give_eventfd(e, LM_DEV_INTX_IRQ_IDX);

	tap.answer = TAP_ANSWERED;
	tap.repeats = true;
	lm_irq_set_level(e->ctx, true);
	lm_irq_set_level(e->ctx, false);
	tap.copy.redo(e->ctx, &tap.copy);
	assert_false(eventfd_take(fd));
	assert_false(irq_intx_level(e->ctx));
	close(fd);
}

static void what_a_mask_held_back_is_dropped(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_IRQ_FIRE));
	const int fd = give_eventfd(e, LM_DEV_MSI_IRQ_IDX);

	assert_int_equal(irq_mask(e->ctx, LM_DEV_MSI_IRQ_IDX, 0, true), 0);
	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_PENDING);
	tap.answer = TAP_ANSWERED;
	assert_int_equal(irq_mask(e->ctx, LM_DEV_MSI_IRQ_IDX, 0, false), 0);
	assert_int_equal(tap.nr_before, 2);
	assert_false(eventfd_take(fd));
	close(fd);
}

static void set_irqs_is_seen_and_refused(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_IRQ_SET));
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = LM_DEV_MSI_IRQ_IDX,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
	};

	close(give_eventfd(e, LM_DEV_MSI_IRQ_IDX));
	assert_int_equal(tap.before[0].region, LM_DEV_MSI_IRQ_IDX);
	tap.answer = TAP_ANSWERED;
	tap.result = -EPERM;
	engine_request_fails(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), EPERM);
	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_DELIVERED);
}

/* Nor is it what the engine itself says of a request that it could not serve. */
static void more_than_zero_is_success(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_RESET) | KIND(LM_TRACE_IRQ_SET));
	const int fd = eventfd(0, EFD_CLOEXEC);
	const unsigned int nr_fds = count_fds();
	struct wire m;

	tap.answer = TAP_ANSWERED;
	tap.result = 1;
	close(give_eventfd(e, LM_DEV_MSI_IRQ_IDX));
	engine_reply(e, engine_command_fds(e, VFIO_USER_DEVICE_RESET, NULL, 0, &fd, 1),
		     VFIO_USER_DEVICE_RESET, &m);
	assert_int_equal(fds_left(nr_fds), 0); /* what came along is closed */
	close(fd);
}

static void clients_and_events_are_seen(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DETACH) | KIND(LM_TRACE_EVENT));

	lm_event(e->ctx, "link-up", 7);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(tap.nr_after, 2);
	assert_int_equal(tap.after[0].kind, LM_TRACE_EVENT);
	assert_int_equal(tap.after[1].kind, LM_TRACE_DETACH);
	assert_int_equal(e->nr_detached, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tap_setup, tap_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_bytes_of_an_access_are_seen),
		TEST(a_kind_that_it_does_not_want_passes_by),
		TEST(values_are_changed_both_ways),
		TEST(what_the_library_serves_is_seen),
		TEST(it_answers_in_the_devices_place),
		TEST(an_answer_without_bytes_is_zeros),
		TEST(it_makes_an_access_fail),
		TEST(it_makes_a_refused_access_succeed),
		TEST(an_access_is_held_on_its_way_there),
		TEST(an_access_is_held_on_its_way_back),
		TEST(an_access_that_the_device_defers_is_held_as_well),
		TEST(what_is_held_can_fail),
		TEST(what_is_held_is_still_refused),
		TEST(who_was_held_may_leave),
		TEST(what_a_client_leaves_behind_ends),
		TEST(a_posted_write_is_not_held),
		TEST(the_trace_shows_what_the_client_gets),
		TEST(a_tap_that_was_removed_sees_nothing),
		TEST(a_reset_is_seen_dropped_and_repeated),
		TEST(an_interrupt_is_dropped_failed_and_repeated),
		TEST(a_level_is_dropped_and_repeated),
		TEST(a_level_that_has_fallen_is_not_repeated),
		TEST(what_a_mask_held_back_is_dropped),
		TEST(set_irqs_is_seen_and_refused),
		TEST(more_than_zero_is_success),
		TEST(clients_and_events_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
