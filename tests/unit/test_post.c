/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_post.c - lm_post() and lm_ctx_call(): work from other threads.
 */
#include <pthread.h>

#include "engine.h"

#define NR_THREADS 4
#define NR_POSTS   1000

static unsigned int nr_run;
static unsigned int order[8];

static void note(void *arg)
{
	if (nr_run < LM_NR(order))
		order[nr_run] = (unsigned int)(uintptr_t)arg;
	nr_run++;
}

static int setup(void **state)
{
	nr_run = 0;
	return engine_setup(state);
}

static struct engine *begin(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	return e;
}

/* ---- posts ----------------------------------------------------------------------- */

static void posts_run_in_their_order(void **state)
{
	struct engine *e = begin(state);

	assert_int_equal(lm_post(e->ctx, note, (void *)1), 0);
	assert_int_equal(lm_post(e->ctx, note, (void *)2), 0);
	assert_int_equal(nr_run, 0);
	engine_poll(e);
	assert_int_equal(nr_run, 2);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
}

static void post_again(void *arg)
{
	struct engine *e = arg;

	lm_post(e->ctx, note, (void *)2);
	note((void *)1);
}

static void what_a_post_posts_is_of_another_turn(void **state)
{
	struct engine *e = begin(state);

	lm_post(e->ctx, post_again, e);
	assert_true(lm_ctx_poll(e->ctx) > 0);
	assert_int_equal(nr_run, 1);
	engine_poll(e);
	assert_int_equal(nr_run, 2);
}

/* A bottom half: after the callback, whose request is answered. */
static ssize_t access_posts(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	lm_post(e->ctx, note, (void *)1);
	assert_int_equal(nr_run, 0);
	return (ssize_t)count;
}

static void a_callback_posts_its_bottom_half(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	e->access = access_posts;
	engine_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(nr_run, 1);
}

static void *post_many(void *arg)
{
	struct engine *e = arg;
	int i;

	for (i = 0; i < NR_POSTS; i++)
		assert_int_equal(lm_post(e->ctx, note, NULL), 0);
	return NULL;
}

static void posts_of_many_threads_are_all_run(void **state)
{
	struct engine *e = begin(state);
	pthread_t threads[NR_THREADS];
	int i;

	for (i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, e), 0);
	while (nr_run < NR_THREADS * NR_POSTS)
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	engine_poll(e);
	assert_int_equal(nr_run, NR_THREADS * NR_POSTS);
}

/* ---- calls ----------------------------------------------------------------------- */

static int answer(void *arg)
{
	note(arg);
	return 42;
}

static void *call(void *arg)
{
	struct engine *e = arg;

	return (void *)(intptr_t)lm_ctx_call(e->ctx, answer, NULL);
}

static int call_result(pthread_t thread)
{
	void *ret;

	pthread_join(thread, &ret);
	return (int)(intptr_t)ret;
}

static void a_call_waits_for_what_it_returns(void **state)
{
	struct engine *e = begin(state);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, call, e), 0);
	while (!nr_run)
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	assert_int_equal(call_result(thread), 42);
}

static int ret_inside;

static void call_inside(void *arg)
{
	struct engine *e = arg;

	ret_inside = lm_ctx_call(e->ctx, answer, NULL);
}

static void a_callback_cannot_wait_for_itself(void **state)
{
	struct engine *e = begin(state);

	lm_post(e->ctx, call_inside, e);
	engine_poll(e);
	assert_int_equal(ret_inside, -EDEADLK);
	assert_int_equal(nr_run, 0);
}

/* Nor where another context is served from inside of a callback. */
static struct engine *inner;

static void serve_inner(void *arg)
{
	struct engine *e = arg;

	lm_post(inner->ctx, call_inside, e);
	engine_poll(inner);
}

static void a_callback_inside_of_a_callback_cannot_either(void **state)
{
	struct engine *e = begin(state);
	void *other;

	ret_inside = 0;
	lm_post(e->ctx, serve_inner, e);
	engine_setup(&other);
	inner = other;
	engine_start(inner);
	engine_poll(e);
	assert_int_equal(ret_inside, -EDEADLK);
	engine_teardown(&other);
}

/* ---- the end --------------------------------------------------------------------- */

static void what_was_accepted_is_run_when_it_stops(void **state)
{
	struct engine *e = begin(state);

	lm_post(e->ctx, note, (void *)1);
	lm_ctx_stop(e->ctx);
	lm_post(e->ctx, note, (void *)2);
	assert_int_equal(lm_ctx_poll(e->ctx), -ESHUTDOWN);
	assert_int_equal(nr_run, 2);
	assert_int_equal(lm_post(e->ctx, note, NULL), -ESHUTDOWN);
	assert_int_equal(lm_ctx_call(e->ctx, answer, NULL), -ESHUTDOWN);
}

static void *drive(void *arg)
{
	struct engine *e = arg;

	return (void *)(intptr_t)lm_ctx_drive(e->ctx);
}

static void stop_by_post(void *arg)
{
	struct engine *e = arg;

	lm_ctx_stop(e->ctx);
	lm_post(e->ctx, note, NULL);
}

static void a_loop_that_sleeps_is_woken(void **state)
{
	struct engine *e = begin(state);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, drive, e), 0);
	assert_int_equal(lm_ctx_call(e->ctx, answer, NULL), 42);
	lm_post(e->ctx, stop_by_post, e);
	assert_int_equal(call_result(thread), 0);
	assert_int_equal(nr_run, 2);
}

static void threads_that_serve_run_posts_one_at_a_time(void **state)
{
	struct engine *e = *state;
	pthread_t threads[2], other;

	e->info.flags |= LM_DEV_THREADS;
	begin(state);
	assert_int_equal(pthread_create(&threads[0], NULL, drive, e), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, drive, e), 0);
	assert_int_equal(pthread_create(&other, NULL, post_many, e), 0);
	post_many(e);
	pthread_join(other, NULL);
	assert_int_equal(lm_ctx_call(e->ctx, answer, NULL), 42);
	lm_ctx_stop(e->ctx);
	assert_int_equal(call_result(threads[0]), 0);
	assert_int_equal(call_result(threads[1]), 0);
	assert_int_equal(nr_run, 2 * NR_POSTS + 1);
}

/* Posts are dropped, and who waits hears of it. */
static void who_waits_hears_of_the_end(void **state)
{
	struct engine *e = begin(state);
	struct pollfd p;
	pthread_t thread;

	engine_poll(e); /* the only thing to come is the post */
	assert_int_equal(pthread_create(&thread, NULL, call, e), 0);
	p = (struct pollfd){ .fd = lm_ctx_fd(e->ctx), .events = POLLIN };
	assert_int_equal(poll(&p, 1, -1), 1);
	lm_post(e->ctx, note, NULL);
	engine_destroy(e);
	assert_int_equal(call_result(thread), -ESHUTDOWN);
	assert_int_equal(nr_run, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(posts_run_in_their_order),
		TEST(what_a_post_posts_is_of_another_turn),
		TEST(a_callback_posts_its_bottom_half),
		TEST(posts_of_many_threads_are_all_run),
		TEST(a_call_waits_for_what_it_returns),
		TEST(a_callback_cannot_wait_for_itself),
		TEST(a_callback_inside_of_a_callback_cannot_either),
		TEST(what_was_accepted_is_run_when_it_stops),
		TEST(a_loop_that_sleeps_is_woken),
		TEST(threads_that_serve_run_posts_one_at_a_time),
		TEST(who_waits_hears_of_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
