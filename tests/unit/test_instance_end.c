/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_instance_end.c - what becomes of a device whose directory somebody else removes: the clock
 * and the timers of the library pass here, so that nobody has to wait.
 */
#include <poll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "runtime.h"

#define TURNS 1000

static time_t later_s; /* how far ahead the clock is */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	const int ret = (int)syscall(SYS_clock_gettime, clock, ts);

	ts->tv_sec += clock == CLOCK_MONOTONIC ? later_s : 0;
	return ret;
}

/* What is to expire does so at once. */
int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1 };
	const bool armed = value->it_value.tv_sec || value->it_value.tv_nsec;

	return (int)syscall(SYS_timerfd_settime, fd, armed ? 0 : flags, armed ? &soon : value, old);
}

static int setup(void **state)
{
	later_s = 0;
	return runtime_setup(state);
}

static const char *path_of(const struct engine *e)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.1000s/%s", runtime, lm_ctx_uuid(e->ctx));
	return path;
}

/* An hour later: what it comes to, or 0 if it goes on. */
static int what_comes(struct engine *e)
{
	struct pollfd pfd = { lm_ctx_fd(e->ctx), POLLIN, 0 };
	int i, ret = 0;

	later_s += 3600;
	for (i = 0; i < TURNS && ret >= 0; i++) {
		assert_int_equal(poll(&pfd, 1, 5000), 1);
		ret = lm_ctx_poll(e->ctx);
		later_s += 3600;
	}
	return ret < 0 ? ret : 0;
}

static void a_device_that_can_be_found_goes_on(void **state)
{
	struct engine *e = *state;

	runtime_publish(e);
	assert_int_equal(what_comes(e), 0);
	assert_string_equal(e->log, "");
}

static void one_whose_directory_was_removed_ends(void **state)
{
	struct engine *e = *state;

	runtime_publish(e);
	tempdir_remove(path_of(e));
	assert_int_equal(what_comes(e), -EIDRM);
	assert_int_equal(lm_ctx_drive(e->ctx), -EIDRM);
	assert_non_null(strstr(e->log, "was removed: no command can find this "
			       "device any more; stopping it"));
}

static void and_leaves_that_which_has_come_in_its_place(void **state)
{
	struct engine *e = *state;
	char lock[PATH_MAX];
	struct stat st;

	runtime_publish(e);
	snprintf(lock, sizeof(lock), "%.4000s/lock", path_of(e));
	tempdir_remove(path_of(e));
	assert_int_equal(mkdir(path_of(e), 0700), 0);
	assert_int_equal(symlink("nothing", lock), 0);
	assert_int_equal(what_comes(e), -EIDRM);
	engine_destroy(e);
	assert_int_equal(lstat(lock, &st), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, runtime_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_that_can_be_found_goes_on),
		TEST(one_whose_directory_was_removed_ends),
		TEST(and_leaves_that_which_has_come_in_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
