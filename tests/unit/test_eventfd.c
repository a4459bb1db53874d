/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_eventfd.c - which descriptors of peers are taken for eventfds, and that writing to
 * them never waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/epoll.h>

#include "base/eventfd.h"

static void an_eventfd_is_accepted_and_made_non_blocking(void **state)
{
	const int fd = eventfd(0, 0);
	uint64_t count;

	assert_int_equal(eventfd_accept(fd), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	eventfd_kick(fd);
	assert_int_equal(eventfd_read(fd, &count), 0);
	assert_int_equal(count, 1);
	close(fd);
}

static void anything_else_is_refused(void **state)
{
	int fds[8], i;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds + 2), 0);
	fds[4] = timerfd_create(CLOCK_MONOTONIC, 0);
	fds[5] = epoll_create1(0);
	fds[6] = open("/dev/null", O_RDWR);
	fds[7] = open(".", O_RDONLY);
	for (i = 0; i < 8; i++) {
		assert_int_equal(eventfd_accept(fds[i]), -EINVAL);
		close(fds[i]);
	}
	assert_int_equal(eventfd_accept(-1), -EINVAL);
}

static void a_full_eventfd_does_not_wait(void **state)
{
	const int fd = eventfd(0, 0);

	assert_int_equal(eventfd_accept(fd), 0);
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	eventfd_kick(fd);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* as its other owner can */
	eventfd_kick(fd);
	close(fd);
}

static void an_eventfd_is_known_again(void **state)
{
	const int fd = eventfd(0, 0), again = dup(fd), other = eventfd(0, 0);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_true(eventfd_is_same(fd, fd));
	assert_true(eventfd_is_same(fd, again));
	assert_false(eventfd_is_same(fd, other));
	assert_false(eventfd_is_same(fd, -1));
	assert_false(eventfd_is_same(-1, -1));
	assert_false(eventfd_is_same(ends[0], ends[0]));
	close(fd);
	close(again);
	close(other);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_eventfd_is_accepted_and_made_non_blocking),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(a_full_eventfd_does_not_wait),
		cmocka_unit_test(an_eventfd_is_known_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
