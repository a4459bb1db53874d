/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ctx.c - the life of a context: creating, polling, driving, stopping from elsewhere, events,
 * destroying.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "engine.h"

static void no_description_is_refused(void **state)
{
	assert_null(lm_ctx_create_sized(NULL, sizeof(lm_dev_info_t)));
	assert_int_equal(errno, EINVAL);
}

static void destroying_no_context_is_fine(void **state)
{
	lm_ctx_destroy(NULL);
}

static void what_the_device_gave_it_gets_back(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_ptr_equal(lm_ctx_pvt(e->ctx), e);
}

static int start_knows(void *pvt, lm_ctx_t *ctx)
{
	struct engine *e = pvt;

	assert_ptr_equal(e->pvt, ctx);
	return 0;
}

static void the_device_may_say_where_its_context_is_to_be(void **state)
{
	const lm_dev_info_t where = { LM_CTX_IN(struct engine, pvt) };
	struct engine *e = *state;

	e->info.has_ctx = where.has_ctx;
	e->info.ctx_offset = where.ctx_offset;
	e->info.start = start_knows;
	engine_start(e);
	assert_ptr_equal(e->pvt, e->ctx);
}

static void a_context_without_a_uuid_gets_a_random_one(void **state)
{
	struct engine *e = *state;
	char first[64];

	engine_start(e);
	assert_int_equal(strlen(lm_ctx_uuid(e->ctx)), 36);
	snprintf(first, sizeof(first), "%s", lm_ctx_uuid(e->ctx));
	engine_destroy(e);
	engine_close(e);
	engine_start(e);
	assert_string_not_equal(lm_ctx_uuid(e->ctx), first);
}

static void the_pollable_descriptor_tells_of_work(void **state)
{
	struct engine *e = *state;
	struct pollfd p;

	engine_connect(e);
	p = (struct pollfd){ .fd = lm_ctx_fd(e->ctx), .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	engine_send_read(e, BAR_RAW, 0, 4);
	assert_int_equal(poll(&p, 1, 0), 1);
	engine_poll(e);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(lm_ctx_fd(e->ctx), p.fd);
}

/* ---- stopping -------------------------------------------------------------------- */

static void after_a_stop_poll_is_eshutdown(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	lm_ctx_stop(e->ctx);
	assert_int_equal(lm_ctx_poll(e->ctx), -ESHUTDOWN);
	assert_int_equal(lm_ctx_poll(e->ctx), -ESHUTDOWN);
}

static void after_a_stop_drive_returns_at_once(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	lm_ctx_stop(e->ctx);
	lm_ctx_stop(e->ctx);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
}

static void *drive_thread(void *arg)
{
	struct engine *e = arg;

	return (void *)(intptr_t)lm_ctx_drive(e->ctx);
}

static void another_thread_can_stop_it(void **state)
{
	struct engine *e = *state;
	pthread_t thread;
	void *ret;

	engine_connect(e);
	assert_int_equal(pthread_create(&thread, NULL, drive_thread, e), 0);
	usleep(5000);
	lm_ctx_stop(e->ctx);
	pthread_join(thread, &ret);
	assert_int_equal((intptr_t)ret, 0);
}

static void another_thread_can_stop_one_that_spins(void **state)
{
	struct engine *e = *state;
	pthread_t thread;
	void *ret;

	e->info.flags |= LM_DEV_BUSY_POLL;
	engine_start(e);
	assert_int_equal(pthread_create(&thread, NULL, drive_thread, e), 0);
	usleep(5000);
	lm_ctx_stop(e->ctx);
	pthread_join(thread, &ret);
	assert_int_equal((intptr_t)ret, 0);
}

static lm_ctx_t *stopped_by_signal;

static void stop_handler(int signo)
{
	lm_ctx_stop(stopped_by_signal);
}

static void a_signal_handler_can_stop_it(void **state)
{
	struct engine *e = *state;
	const struct sigaction action = { .sa_handler = stop_handler };
	const struct itimerval timer = { .it_value.tv_usec = 5000 };

	engine_connect(e);
	stopped_by_signal = e->ctx;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	signal(SIGALRM, SIG_DFL);
}

static void a_stop_keeps_errno(void **state)
{
	struct engine *e = *state;
	int i;

	engine_connect(e);
	errno = 4242;
	for (i = 0; i < 3; i++)
		lm_ctx_stop(e->ctx);
	assert_int_equal(errno, 4242);
}

static void no_handler(int signo)
{
}

static void other_signals_do_not_end_it(void **state)
{
	struct engine *e = *state;
	const struct sigaction action = { .sa_handler = stop_handler };
	const struct itimerval timer = { .it_value.tv_usec = 2000 };
	pthread_t thread;
	void *ret;

	engine_connect(e);
	stopped_by_signal = e->ctx; /* by the second one */
	assert_int_equal(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = no_handler }, NULL),
			 0);
	assert_int_equal(pthread_create(&thread, NULL, drive_thread, e), 0);
	usleep(2000);
	pthread_kill(thread, SIGUSR1);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
	pthread_join(thread, &ret);
	assert_int_equal((intptr_t)ret, 0);
	signal(SIGALRM, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
}

static ssize_t access_stops(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	lm_ctx_stop(e->ctx);
	return (ssize_t)count;
}

static void a_callback_can_stop_it_and_is_answered(void **state)
{
	struct engine *e = *state;

	e->access = access_stops;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	engine_read_reply(e, e->next_id, 4);
}

static void drive_serves_until_the_client_leaves(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	shutdown(e->fd, SHUT_WR);
	assert_int_equal(lm_ctx_drive(e->ctx), -ENOTCONN);
	engine_read_reply(e, e->next_id, 4);
}

/* ---- events ---------------------------------------------------------------------- */

static void an_event_needs_a_name(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_int_equal(lm_event(e->ctx, "door-open", 1), 0);
	assert_int_equal(lm_event(e->ctx, "sixteen-letters-", 1), 0);
	assert_int_equal(lm_event(e->ctx, "seventeen-letters", 1), -EINVAL);
	assert_int_equal(lm_event(e->ctx, "", 1), -EINVAL);
	assert_int_equal(lm_event(e->ctx, "Upper", 1), -EINVAL);
	assert_int_equal(lm_event(e->ctx, "two words", 1), -EINVAL);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_description_is_refused),
		TEST(destroying_no_context_is_fine),
		TEST(what_the_device_gave_it_gets_back),
		TEST(the_device_may_say_where_its_context_is_to_be),
		TEST(a_context_without_a_uuid_gets_a_random_one),
		TEST(the_pollable_descriptor_tells_of_work),
		TEST(after_a_stop_poll_is_eshutdown),
		TEST(after_a_stop_drive_returns_at_once),
		TEST(another_thread_can_stop_it),
		TEST(another_thread_can_stop_one_that_spins),
		TEST(a_signal_handler_can_stop_it),
		TEST(a_stop_keeps_errno),
		TEST(other_signals_do_not_end_it),
		TEST(a_callback_can_stop_it_and_is_answered),
		TEST(drive_serves_until_the_client_leaves),
		TEST(an_event_needs_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
