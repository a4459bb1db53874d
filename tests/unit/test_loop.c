/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_loop.c - timers and watches on the loop of a context, and sources that come and go while
 * a turn is served.
 */
#include <sys/epoll.h>
#include <time.h>

#include "engine.h"

#define MS 1000000ull

static unsigned int nr_expired;
static lm_timer_t *timer;
static lm_watch_t *watches[3];
static unsigned int nr_ready[3];
static int ready_fds[3];

static void expired(void *pvt)
{
	nr_expired++;
}

static int setup(void **state)
{
	nr_expired = 0;
	timer = NULL;
	memset(nr_ready, 0, sizeof(nr_ready));
	return engine_setup(state);
}

static void start(struct engine *e)
{
	int i;

	engine_start(e);
	engine_negotiate(e, NULL);
	for (i = 0; i < 3; i++)
		ready_fds[i] = eventfd(0, EFD_NONBLOCK);
}

static int teardown(void **state)
{
	struct engine *e = *state;

	if (e->ctx) {
		engine_destroy(e);
		close_fds(ready_fds, 3);
	}
	return engine_teardown(state);
}

/* Until the context has work, at most a second. */
static void wait_for_work(struct engine *e)
{
	struct pollfd p = { .fd = lm_ctx_fd(e->ctx), .events = POLLIN };

	assert_int_equal(poll(&p, 1, 1000), 1);
}

static void pause_ms(long ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static void make_timer(struct engine *e, void (*fn)(void *pvt))
{
	start(e);
	timer = lm_timer_create(e->ctx, fn, e);
	assert_non_null(timer);
}

/* ---- timers ---------------------------------------------------------------------- */

static void a_timer_that_is_not_armed_never_expires(void **state)
{
	struct engine *e = *state;

	make_timer(e, expired);
	pause_ms(2);
	engine_poll(e);
	assert_int_equal(nr_expired, 0);
}

static void a_timer_expires_once(void **state)
{
	struct engine *e = *state;

	make_timer(e, expired);
	assert_int_equal(lm_timer_arm(timer, 1 * MS, 0), 0);
	engine_poll(e);
	wait_for_work(e);
	engine_poll(e);
	pause_ms(5);
	engine_poll(e);
	assert_int_equal(nr_expired, 1);
}

static void a_timer_does_not_expire_early(void **state)
{
	struct engine *e = *state;

	make_timer(e, expired);
	lm_timer_arm(timer, 20 * MS, 0);
	engine_poll(e);
	assert_int_equal(nr_expired, 0);
	wait_for_work(e);
	engine_poll(e);
	assert_int_equal(nr_expired, 1);
}

static void a_timer_expires_again_and_again(void **state)
{
	struct engine *e = *state;

	make_timer(e, expired);
	lm_timer_arm(timer, 1 * MS, 1 * MS);
	while (nr_expired < 5) {
		wait_for_work(e);
		engine_poll(e);
	}
}

static void missed_expiries_are_merged(void **state)
{
	struct engine *e = *state;

	make_timer(e, expired);
	lm_timer_arm(timer, 1 * MS, 1 * MS);
	pause_ms(20);
	assert_int_equal(lm_ctx_poll(e->ctx), 1);
	assert_int_equal(nr_expired, 1);
}

static void a_timer_can_be_stopped(void **state)
{
	struct engine *e = *state;

	make_timer(e, expired);
	lm_timer_arm(timer, 1 * MS, 1 * MS);
	assert_int_equal(lm_timer_arm(timer, 0, 1 * MS), 0);
	pause_ms(5);
	engine_poll(e);
	assert_int_equal(nr_expired, 0);
}

static void the_longest_delay_is_not_the_shortest(void **state)
{
	struct engine *e = *state;

	make_timer(e, expired);
	assert_int_equal(lm_timer_arm(timer, UINT64_MAX, UINT64_MAX), 0);
	engine_poll(e);
	assert_int_equal(nr_expired, 0);
}

static void arm_in_callback(void *pvt)
{
	if (++nr_expired < 3)
		lm_timer_arm(timer, 1, 0);
}

static void a_timer_may_be_armed_in_its_own_callback(void **state)
{
	struct engine *e = *state;

	make_timer(e, arm_in_callback);
	lm_timer_arm(timer, 1, 0);
	while (nr_expired < 3) {
		wait_for_work(e);
		engine_poll(e);
	}
}

static void destroy_in_callback(void *pvt)
{
	nr_expired++;
	lm_timer_destroy(timer);
}

static void a_timer_may_be_destroyed_in_its_own_callback(void **state)
{
	struct engine *e = *state;

	make_timer(e, destroy_in_callback);
	lm_timer_arm(timer, 1, 1);
	wait_for_work(e);
	engine_poll(e);
	pause_ms(2);
	engine_poll(e);
	assert_int_equal(nr_expired, 1);
}

static void a_timer_may_destroy_another_that_is_due(void **state)
{
	struct engine *e = *state;
	lm_timer_t *first;

	make_timer(e, expired);
	first = lm_timer_create(e->ctx, destroy_in_callback, e);
	assert_non_null(first);
	lm_timer_arm(first, 1, 0);
	lm_timer_arm(timer, 2, 0);
	pause_ms(2);
	engine_poll(e);
	assert_int_equal(nr_expired, 1);
}

static unsigned int order[2], nr_order;

static void first_expired(void *pvt)
{
	order[nr_order++ % 2] = 1;
}

static void second_expired(void *pvt)
{
	order[nr_order++ % 2] = 2;
}

static void timers_expire_in_the_order_of_their_times(void **state)
{
	struct engine *e = *state;
	lm_timer_t *first, *second;

	start(e);
	nr_order = 0;
	second = lm_timer_create(e->ctx, second_expired, e);
	first = lm_timer_create(e->ctx, first_expired, e);
	lm_timer_arm(second, 2 * MS, 0);
	lm_timer_arm(first, 1 * MS, 0);
	pause_ms(4);
	engine_poll(e);
	assert_int_equal(nr_order, 2);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
}

static void destroying_no_timer_is_fine(void **state)
{
	lm_timer_destroy(NULL);
	lm_watch_destroy(NULL);
}

static void forgotten_timers_go_with_the_context(void **state)
{
	make_timer(*state, expired);
	lm_timer_arm(timer, 1 * MS, 1 * MS);
}

/* ---- watches --------------------------------------------------------------------- */

static void first_ready(void *pvt, uint32_t events)
{
	nr_ready[0]++;
	assert_int_equal(events, EPOLLIN);
}

static void take_ready(void *pvt, uint32_t events)
{
	nr_ready[0]++;
	eventfd_take(ready_fds[0]);
}

static void make_watch(struct engine *e, int i, void (*fn)(void *pvt, uint32_t events))
{
	watches[i] = lm_watch_create(e->ctx, ready_fds[i], EPOLLIN, fn, e);
	assert_non_null(watches[i]);
}

static void a_watch_is_called_when_its_descriptor_is_ready(void **state)
{
	struct engine *e = *state;

	start(e);
	make_watch(e, 0, take_ready);
	engine_poll(e);
	assert_int_equal(nr_ready[0], 0);
	eventfd_write(ready_fds[0], 1);
	engine_poll(e);
	assert_int_equal(nr_ready[0], 1);
}

static void a_watch_is_called_until_its_descriptor_is_served(void **state)
{
	struct engine *e = *state;

	start(e);
	make_watch(e, 0, first_ready);
	eventfd_write(ready_fds[0], 1);
	lm_ctx_poll(e->ctx);
	lm_ctx_poll(e->ctx);
	assert_int_equal(nr_ready[0], 2);
}

static void destroy_self(void *pvt, uint32_t events)
{
	nr_ready[0]++;
	lm_watch_destroy(watches[0]);
}

static void a_watch_may_be_destroyed_in_its_own_callback(void **state)
{
	struct engine *e = *state;

	start(e);
	make_watch(e, 0, destroy_self);
	eventfd_write(ready_fds[0], 1);
	engine_poll(e);
	assert_int_equal(nr_ready[0], 1);
}

static void destroy_others(int self)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (i != self && watches[i]) {
			lm_watch_destroy(watches[i]);
			watches[i] = NULL;
		}
	}
	nr_ready[self]++;
	eventfd_take(ready_fds[self]);
}

static void destroy_from_0(void *pvt, uint32_t events)
{
	destroy_others(0);
}

static void destroy_from_1(void *pvt, uint32_t events)
{
	destroy_others(1);
}

static void destroy_from_2(void *pvt, uint32_t events)
{
	destroy_others(2);
}

/* All are ready in the same turn; whichever comes first, the others are gone. */
static void a_watch_may_destroy_others_that_are_ready(void **state)
{
	struct engine *e = *state;
	int i;

	start(e);
	make_watch(e, 0, destroy_from_0);
	make_watch(e, 1, destroy_from_1);
	make_watch(e, 2, destroy_from_2);
	for (i = 0; i < 3; i++)
		eventfd_write(ready_fds[i], 1);
	engine_poll(e);
	assert_int_equal(nr_ready[0] + nr_ready[1] + nr_ready[2], 1);
}

static void a_file_cannot_be_watched(void **state)
{
	struct engine *e = *state;
	const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	start(e);
	assert_null(lm_watch_create(e->ctx, fd, EPOLLIN, first_ready, e));
	assert_int_equal(errno, EPERM);
	close(fd);
}

static void forgotten_watches_go_with_the_context(void **state)
{
	start(*state);
	make_watch(*state, 0, first_ready);
}

static void poll_says_how_much_was_served(void **state)
{
	struct engine *e = *state;

	start(e);
	make_watch(e, 0, take_ready);
	assert_int_equal(lm_ctx_poll(e->ctx), 0);
	eventfd_write(ready_fds[0], 1);
	assert_int_equal(lm_ctx_poll(e->ctx), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_timer_that_is_not_armed_never_expires),
		TEST(a_timer_expires_once),
		TEST(a_timer_does_not_expire_early),
		TEST(a_timer_expires_again_and_again),
		TEST(missed_expiries_are_merged),
		TEST(a_timer_can_be_stopped),
		TEST(the_longest_delay_is_not_the_shortest),
		TEST(a_timer_may_be_armed_in_its_own_callback),
		TEST(a_timer_may_be_destroyed_in_its_own_callback),
		TEST(a_timer_may_destroy_another_that_is_due),
		TEST(timers_expire_in_the_order_of_their_times),
		TEST(destroying_no_timer_is_fine),
		TEST(forgotten_timers_go_with_the_context),
		TEST(a_watch_is_called_when_its_descriptor_is_ready),
		TEST(a_watch_is_called_until_its_descriptor_is_served),
		TEST(a_watch_may_be_destroyed_in_its_own_callback),
		TEST(a_watch_may_destroy_others_that_are_ready),
		TEST(a_file_cannot_be_watched),
		TEST(forgotten_watches_go_with_the_context),
		TEST(poll_says_how_much_was_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
