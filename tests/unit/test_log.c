/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_log.c - messages: to whom, which, how long.
 */
#include "engine.h"

static void a_message_reaches_the_callback(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	lm_log(e->ctx, LM_LOG_INFO, "%s %d", "number", 42);
	assert_string_equal(e->log, "number 42");
}

static void messages_beyond_the_level_are_dropped(void **state)
{
	struct engine *e = *state;

	e->info.log_level = LM_LOG_WARN;
	engine_start(e);
	lm_log(e->ctx, LM_LOG_WARN, "warning");
	lm_log(e->ctx, LM_LOG_INFO, "info");
	lm_log(e->ctx, LM_LOG_DEBUG, "debug");
	assert_string_equal(e->log, "warning");
}

static void errors_are_told_if_nothing_is_said(void **state)
{
	struct engine *e = *state;

	e->info.log_level = 0;
	engine_start(e);
	lm_log(e->ctx, LM_LOG_ERR, "error");
	assert_string_equal(e->log, "error");
}

static void without_a_callback_messages_are_dropped(void **state)
{
	struct engine *e = *state;

	e->info.log = NULL;
	engine_start(e);
	lm_log(e->ctx, LM_LOG_ERR, "error");
	assert_string_equal(e->log, "");
}

static void a_message_is_cut_after_500_bytes(void **state)
{
	struct engine *e = *state;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	engine_start(e);
	lm_log(e->ctx, LM_LOG_ERR, "%s", text);
	assert_int_equal(strlen(e->log), 500);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_reaches_the_callback),
		TEST(messages_beyond_the_level_are_dropped),
		TEST(errors_are_told_if_nothing_is_said),
		TEST(without_a_callback_messages_are_dropped),
		TEST(a_message_is_cut_after_500_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
