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

/* ---- what peers can cause at will ------------------------------------------------ */

static void peer_causes(struct engine *e, int i)
{
	log_peer(e->ctx, LM_LOG_WARN, "peer %d", i);
}

static void what_a_peer_causes_is_said_once_and_counted(void **state)
{
	struct engine *e = *state;
	int i;

	engine_start(e);
	e->ctx->log_limits.period_ns = UINT64_MAX;
	for (i = 0; i < 5; i++)
		peer_causes(e, i);
	assert_string_equal(e->log, "peer 0");
	log_peer(e->ctx, LM_LOG_WARN, "another %d", i);
	assert_string_equal(e->log, "another 5");
	e->ctx->log_limits.period_ns = 0;
	for (i = 5; i < 7; i++) {
		peer_causes(e, i);
		assert_string_equal(e->log, i == 5 ? "peer 5 (and 4 more before)" : "peer 6");
	}
}

/* ---- without a callback ---------------------------------------------------------- */

static struct said {
	int  ends[2], before; /* a pipe that is stderr meanwhile, and what was */
	char text[4096];
} said;

static void stderr_catch(struct engine *e, const char *level)
{
	e->info.log = NULL;
	e->info.name = "card0";
	if (level)
		setenv("MUSER_LOG", level, 1);
	else
		unsetenv("MUSER_LOG");
	assert_int_equal(pipe2(said.ends, O_CLOEXEC | O_NONBLOCK), 0);
	said.before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	assert_int_equal(dup2(said.ends[1], STDERR_FILENO), STDERR_FILENO);
}

/* stderr is what it was; what was written meanwhile. */
static const char *stderr_said(void)
{
	ssize_t n;

	assert_int_equal(dup2(said.before, STDERR_FILENO), STDERR_FILENO);
	close(said.before);
	close(said.ends[1]);
	n = read(said.ends[0], said.text, sizeof(said.text) - 1);
	close(said.ends[0]);
	said.text[n > 0 ? n : 0] = '\0';
	unsetenv("MUSER_LOG");
	return said.text;
}

static void say_all(struct engine *e)
{
	lm_log(e->ctx, LM_LOG_ERR, "%s", "error");
	lm_log(e->ctx, LM_LOG_WARN, "%s", "warning");
	lm_log(e->ctx, LM_LOG_INFO, "%s", "info");
	lm_log(e->ctx, LM_LOG_DEBUG, "%s", "debug");
}

static void without_a_callback_errors_and_warnings_go_to_stderr(void **state)
{
	struct engine *e = *state;

	stderr_catch(e, NULL);
	engine_start(e);
	say_all(e);
	assert_string_equal(stderr_said(), "muser: card0: error\nmuser: card0: warning\n");
	assert_string_equal(e->log, "");
}

static void the_environment_says_how_much(void **state)
{
	static const struct {
		const char *level, *said;
	} tries[] = {
		{ "", "muser: card0: error\nmuser: card0: warning\n" },
		{ "err", "muser: card0: error\n" },
		{ "warn", "muser: card0: error\nmuser: card0: warning\n" },
		{ "info", "muser: card0: error\nmuser: card0: warning\nmuser: card0: info\n" },
	};
	struct engine *e = *state;
	size_t i;

	for (i = 0; i < LM_NR(tries); i++) {
		stderr_catch(e, tries[i].level);
		engine_start(e);
		say_all(e);
		assert_string_equal(stderr_said(), tries[i].said);
		engine_destroy(e);
		engine_close(e);
	}
}

static void debug_is_everything(void **state)
{
	struct engine *e = *state;

	stderr_catch(e, "debug");
	engine_start(e);
	say_all(e);
	assert_non_null(strstr(stderr_said(), "muser: card0: debug\n"));
}

static void a_level_that_is_none_is_reported_and_is_the_default(void **state)
{
	struct engine *e = *state;

	stderr_catch(e, "loud");
	engine_start(e);
	say_all(e);
	assert_string_equal(stderr_said(),
			    "muser: card0: MUSER_LOG=loud: not a log level (err, warn, info, "
			    "debug); using warn\n"
			    "muser: card0: error\nmuser: card0: warning\n");
}

/* A callback is asked for what the description says, whatever the environment. */
static void with_a_callback_nothing_goes_to_stderr(void **state)
{
	struct engine *e = *state;
	lm_log_t *log = e->info.log;

	stderr_catch(e, "debug");
	e->info.log = log;
	e->info.log_level = LM_LOG_ERR;
	engine_start(e);
	say_all(e);
	assert_string_equal(stderr_said(), "");
	assert_string_equal(e->log, "error");
}

static void a_device_without_a_name_is_its_uuid(void **state)
{
	struct engine *e = *state;
	char expected[80];

	stderr_catch(e, NULL);
	e->info.name = NULL;
	engine_start(e);
	lm_log(e->ctx, LM_LOG_ERR, "error");
	snprintf(expected, sizeof(expected), "muser: %s: error\n", lm_ctx_uuid(e->ctx));
	assert_string_equal(stderr_said(), expected);
}

static void why_there_is_no_context_is_said(void **state)
{
	struct engine *e = *state;

	stderr_catch(e, NULL);
	e->info.pci_info.reg_info[BAR_RAW].size = 100;
	assert_null(lm_ctx_create(&e->info));
	assert_non_null(strstr(stderr_said(), "muser: card0: "));
}

static void why_there_is_not_even_a_description_is_said(void **state)
{
	struct engine *e = *state;
	char expected[160];

	snprintf(expected, sizeof(expected),
		 "muser: the description must have at least %zu bytes, not 8\n"
		 "muser: no description was given\n", offsetof(lm_dev_info_t, state_size));
	stderr_catch(e, NULL);
	assert_null(lm_ctx_create_sized(&e->info, 8));
	assert_null(lm_ctx_create_sized(NULL, sizeof(e->info)));
	assert_string_equal(stderr_said(), expected);
}

static void a_message_is_one_line(void **state)
{
	struct engine *e = *state;

	stderr_catch(e, NULL);
	engine_start(e);
	lm_log(e->ctx, LM_LOG_ERR, "%s", "two\nlines\033[2J\x7f \xc3\xa4");
	assert_string_equal(stderr_said(), "muser: card0: two?lines?[2J? \xc3\xa4\n");
}

/* Once: a pipe takes each write(2) of a line as a whole, or not at all. */
static void a_long_message_is_one_write(void **state)
{
	struct engine *e = *state;
	char text[1000];
	size_t len;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	stderr_catch(e, NULL);
	engine_start(e);
	lm_log(e->ctx, LM_LOG_ERR, "%s", text);
	len = strlen(stderr_said());
	assert_int_equal(len, strlen("muser: card0: ") + 500 + 1);
	assert_int_equal(said.text[len - 1], '\n');
}

static void a_reader_of_stderr_that_has_gone_does_not_end_the_process(void **state)
{
	struct engine *e = *state;

	stderr_catch(e, NULL);
	engine_start(e);
	close(said.ends[0]);
	errno = ENODEV;
	lm_log(e->ctx, LM_LOG_ERR, "error");
	assert_int_equal(errno, ENODEV);
	said.ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_string_equal(stderr_said(), "");
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_reaches_the_callback),
		TEST(messages_beyond_the_level_are_dropped),
		TEST(errors_are_told_if_nothing_is_said),
		TEST(a_message_is_cut_after_500_bytes),
		TEST(what_a_peer_causes_is_said_once_and_counted),
		TEST(without_a_callback_errors_and_warnings_go_to_stderr),
		TEST(the_environment_says_how_much),
		TEST(debug_is_everything),
		TEST(a_level_that_is_none_is_reported_and_is_the_default),
		TEST(with_a_callback_nothing_goes_to_stderr),
		TEST(a_device_without_a_name_is_its_uuid),
		TEST(why_there_is_no_context_is_said),
		TEST(why_there_is_not_even_a_description_is_said),
		TEST(a_message_is_one_line),
		TEST(a_long_message_is_one_write),
		TEST(a_reader_of_stderr_that_has_gone_does_not_end_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
