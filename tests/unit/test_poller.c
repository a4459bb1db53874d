/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_poller.c - what is looked at without being told: how often, and that all else has its turns.
 */
#include <poll.h>

#include "engine.h"
#include "base/ctx.h"

#define MS 1000000ull

static struct {
	struct engine *e;
	lm_poller_t   *poller, *other;
	unsigned int   calls, work;   /* it finds so much each time ... */
	unsigned int   left;          /* ... so often, or always: 0 */
	unsigned int   stop_after;    /* calls; 0: never */
	unsigned int   expiries, nr_other;
	bool           destroys_other;
} p;

static unsigned int look(void *arg)
{
	assert_ptr_equal(arg, &p);
	p.calls++;
	if (p.destroys_other) {
		lm_poller_destroy(p.other);
		p.other = NULL;
	}
	if (p.stop_after && p.calls >= p.stop_after)
		lm_ctx_stop(p.e->ctx);
	if (p.left && !--p.left)
		p.work = 0;
	return p.work;
}

static unsigned int look_other(void *arg)
{
	p.nr_other++;
	return 0;
}

static void expired(void *arg)
{
	p.expiries++;
}

static void stop(void *arg)
{
	lm_ctx_stop(p.e->ctx);
}

static void start(struct engine *e, int when)
{
	engine_connect(e);
	memset(&p, 0, sizeof(p));
	p.e = e;
	p.poller = lm_poller_create(e->ctx, look, &p);
	assert_non_null(p.poller);
	lm_poller_set(p.poller, when);
}

static bool is_readable(struct engine *e, int ms)
{
	struct pollfd fd = { .fd = lm_ctx_fd(e->ctx), .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

static lm_timer_t *timer(struct engine *e, void (*fn)(void *arg), uint64_t delay, uint64_t interval)
{
	lm_timer_t *t = lm_timer_create(e->ctx, fn, NULL);

	assert_non_null(t);
	assert_int_equal(lm_timer_arm(t, delay, interval), 0);
	return t;
}

/* ---- how often ------------------------------------------------------------------- */

static void it_is_off_at_first(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_OFF);
	engine_is_alive(e);
	assert_false(is_readable(e, 20));
	assert_int_equal(p.calls, 0);
}

/* No more often than there are milliseconds, however long it took. */
static void an_idle_one_is_looked_at_once_a_millisecond(void **state)
{
	struct engine *e = *state;
	uint64_t began, ended;

	start(e, LM_POLL_TIMED);
	timer(e, stop, 50 * MS, 0);
	began = loop_now_ns();
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	ended = loop_now_ns();
	assert_in_range(p.calls, 2, (ended - began) / MS + 3);
}

static void the_descriptor_wakes_programs_with_a_loop_of_their_own(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	start(e, LM_POLL_TIMED);
	for (i = 1; i <= 5; i++) {
		assert_true(is_readable(e, -1));
		while (lm_ctx_poll(e->ctx))
			;
		assert_in_range(p.calls, i, 2 * i);
	}
}

static void without_a_time_it_is_looked_at_in_turns(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_TURNS);
	assert_false(is_readable(e, 20));
	assert_int_equal(p.calls, 0);
	engine_is_alive(e);
	assert_true(p.calls);
	assert_false(is_readable(e, 20));
}

/* It sees what a message has done in the turn of that message: nothing else may come. */
static void a_turn_looks_behind_its_messages(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_TURNS);
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_int_equal(lm_ctx_poll(e->ctx), 1);
	assert_int_equal(e->nr_resets, 1);
	assert_int_equal(p.calls, 1);
}

/* ---- spinning -------------------------------------------------------------------- */

static void while_it_finds_work_nothing_sleeps(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_TURNS); /* so that nothing but its work could go on with it */
	p.work = 1;
	p.stop_after = 10000;
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_int_equal(p.calls, 10000);
}

static void afterwards_the_descriptor_rests(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	start(e, LM_POLL_TURNS);
	p.work = 1;
	p.left = 3;
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	for (i = 0; p.left; i++) {
		assert_true(is_readable(e, 0));
		assert_true(lm_ctx_poll(e->ctx) > 0);
	}
	assert_in_range(i, 3, 4);
	while (lm_ctx_poll(e->ctx))
		assert_true(is_readable(e, 0));
	assert_false(is_readable(e, 20));
}

static void switched_off_it_does_not_spin(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_TIMED);
	p.work = 1;
	assert_true(is_readable(e, -1));
	assert_true(lm_ctx_poll(e->ctx) > 0);
	assert_true(e->ctx->loop.is_spinning);
	lm_poller_set(p.poller, LM_POLL_OFF);
	assert_false(is_readable(e, 20));
	assert_int_equal(p.calls, 1);
}

/* ---- what is between ------------------------------------------------------------- */

/* A client that waits gets its answer while there is always work, within the promised turns. */
static void a_client_is_served_beside_it(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_TURNS);
	p.work = 1;
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_true(lm_ctx_poll(e->ctx) > 0);
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	p.calls = 0;
	p.stop_after = 257;
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_int_equal(e->nr_resets, 2);
}

/* The same in a loop of its own, which is not asked for each look either. */
static void a_client_is_served_beside_it_by_turns(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	start(e, LM_POLL_TURNS);
	p.work = 1;
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_true(lm_ctx_poll(e->ctx) > 0);
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	p.calls = 0;
	for (i = 0; e->nr_resets < 2; i++) {
		assert_in_range(i, 0, 257);
		assert_true(is_readable(e, 0));
		assert_true(lm_ctx_poll(e->ctx) > 0);
	}
	assert_true(i > 1 && p.calls >= i);
}

/* A millisecond's work, as it says itself, is as much as anything has to wait for. */
static void much_work_has_fewer_turns(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_TURNS);
	p.work = TURN_MAX;
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_true(lm_ctx_poll(e->ctx) > 0);
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	p.calls = 0;
	p.stop_after = 2;
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_int_equal(e->nr_resets, 2);
}

static void timers_expire_beside_it(void **state)
{
	struct engine *e = *state;

	start(e, LM_POLL_TURNS);
	p.work = 1;
	timer(e, expired, 1, 0);
	timer(e, stop, MS, 0);
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_int_equal(p.expiries, 1);
}

static void one_that_spins_anyway_looks_as_well(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_BUSY_POLL;
	start(e, LM_POLL_TURNS);
	p.stop_after = 1000;
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_int_equal(p.calls, 1000);
	assert_int_equal(e->nr_resets, 1);
}

/* ---- their life ------------------------------------------------------------------ */

static void one_may_destroy_another(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	memset(&p, 0, sizeof(p));
	p.e = e;
	p.other = lm_poller_create(e->ctx, look_other, NULL);
	p.poller = lm_poller_create(e->ctx, look, &p); /* comes first */
	lm_poller_set(p.other, LM_POLL_TURNS);
	lm_poller_set(p.poller, LM_POLL_TURNS);
	lm_ctx_poll(e->ctx);
	assert_int_equal(p.nr_other, 1);
	p.destroys_other = true;
	lm_ctx_poll(e->ctx);
	assert_int_equal(p.calls, 2);
	assert_int_equal(p.nr_other, 1);
	lm_poller_destroy(NULL);
}

static void several_threads_have_none(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_THREADS;
	engine_start(e);
	errno = 0;
	assert_null(lm_poller_create(e->ctx, look, &p));
	assert_int_equal(errno, EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, engine_setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_off_at_first),
		TEST(an_idle_one_is_looked_at_once_a_millisecond),
		TEST(the_descriptor_wakes_programs_with_a_loop_of_their_own),
		TEST(without_a_time_it_is_looked_at_in_turns),
		TEST(a_turn_looks_behind_its_messages),
		TEST(while_it_finds_work_nothing_sleeps),
		TEST(afterwards_the_descriptor_rests),
		TEST(switched_off_it_does_not_spin),
		TEST(a_client_is_served_beside_it),
		TEST(a_client_is_served_beside_it_by_turns),
		TEST(much_work_has_fewer_turns),
		TEST(timers_expire_beside_it),
		TEST(one_that_spins_anyway_looks_as_well),
		TEST(one_may_destroy_another),
		TEST(several_threads_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
