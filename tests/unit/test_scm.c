/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_scm.c - descriptors beside bytes: all that come are taken or closed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "wire/scm.h"
#include "../fds.h"

static int pair[2];

static int pair_setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int pair_teardown(void **state)
{
	close_fds(pair, 2);
	return 0;
}

static void send_eventfds(unsigned int nr)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fds_room room;
	int fds[FDS_MAX];
	unsigned int i;

	for (i = 0; i < nr; i++)
		fds[i] = eventfd(0, 0);
	fds_attach(&msg, &room, fds, nr);
	assert_int_equal(sendmsg(pair[1], &msg, 0), 1);
	close_fds(fds, nr);
}

static void bytes_come_without_descriptors(void **state)
{
	struct channel_fds fds;
	char byte;

	assert_int_equal(scm_recv(pair[0], &byte, 1, &fds), -1);
	assert_int_equal(errno, EAGAIN);
	send_eventfds(0);
	assert_int_equal(scm_recv(pair[0], &byte, 1, &fds), 1);
	assert_int_equal(fds.nr, 0);
	assert_int_equal(fds.error, 0);
}

static void the_most_that_a_message_can_carry_leaves_nothing_behind(void **state)
{
	const unsigned int before = count_fds();
	struct channel_fds fds;
	char byte;

	send_eventfds(FDS_MAX);
	assert_int_equal(scm_recv(pair[0], &byte, 1, &fds), 1);
	assert_int_equal(fds.nr, CHANNEL_MAX_FDS);
	assert_int_equal(fds.error, -EINVAL);
	close_fds(fds.fd, fds.nr);
	assert_int_equal(count_fds(), before);
}

static void those_without_a_number_are_an_error(void **state)
{
	struct rlimit before, full;
	struct channel_fds fds;
	char byte;
	int next;

	send_eventfds(4);
	next = dup(pair[0]);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	full = before;
	full.rlim_cur = (rlim_t)next + 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
	assert_int_equal(scm_recv(pair[0], &byte, 1, &fds), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(fds.nr, 2);
	assert_int_equal(fds.error, -EMFILE);
	close_fds(fds.fd, fds.nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_come_without_descriptors, pair_setup,
						pair_teardown),
		cmocka_unit_test_setup_teardown(
			the_most_that_a_message_can_carry_leaves_nothing_behind, pair_setup,
			pair_teardown),
		cmocka_unit_test_setup_teardown(those_without_a_number_are_an_error, pair_setup,
						pair_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
