/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_program.c - processes that serve a device: what ends them, and what they have of the system.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>

#include "engine.h"
#include "program.h"

static void a_signal_ends_what_is_served_and_nothing_else(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	program_stop_by_signals(e->ctx);
	raise(SIGPIPE);
	program_stop_by_signals(NULL);
	raise(SIGTERM);
	assert_int_equal(lm_ctx_poll(e->ctx) >= 0, 1);
	program_stop_by_signals(e->ctx);
	raise(SIGINT);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	program_stop_by_signals(NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

static void an_end_in_order_is_no_error(void **state)
{
	static const int order[] = { 0, -ENOTCONN, -ENODEV };
	const char *why = "";
	size_t i;

	for (i = 0; i < LM_NR(order); i++) {
		assert_int_equal(program_end(order[i], &why), 0);
		assert_null(why);
	}
	assert_int_equal(program_end(-EIDRM, &why), 1);
	assert_null(why);
	assert_int_equal(program_end(-ENOMEM, &why), 1);
	assert_string_equal(why, strerror(ENOMEM));
	assert_int_equal(program_end(-ESTALE, &why), 1);
	assert_non_null(strstr(why, "musctl destroy --force"));
}

static void it_may_have_as_many_descriptors_as_are_allowed(void **state)
{
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){ before.rlim_max / 2, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	program_prepare();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, before.rlim_max);
	setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(a_signal_ends_what_is_served_and_nothing_else),
		cmocka_unit_test(an_end_in_order_is_no_error),
		cmocka_unit_test(it_may_have_as_many_descriptors_as_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
