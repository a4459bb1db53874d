/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_accept.c - who connects while the process has no descriptor left, and what is given as a
 * listening socket but is none.
 */
#include <sys/resource.h>

#include "runtime.h"

static struct rlimit limit_before;

static int setup(void **state)
{
	if (getrlimit(RLIMIT_NOFILE, &limit_before))
		return -1;
	return runtime_setup(state);
}

static int teardown(void **state)
{
	setrlimit(RLIMIT_NOFILE, &limit_before);
	return runtime_teardown(state);
}

static int connect_to(struct engine *e, const char *file)
{
	int fd;

	assert_int_equal(lm_instance_connect(lm_ctx_uuid(e->ctx), file, &fd), 0);
	return fd;
}

/* None is to be had from now on. */
static void use_up_descriptors(void)
{
	struct rlimit limit = limit_before;
	const int fd = dup(0);

	assert_true(fd >= 0);
	close(fd);
	limit.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void have_descriptors(void)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
}

static bool has_hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* ---- no descriptor left ---------------------------------------------------------- */

static void without_descriptors_a_client_is_turned_away(void **state)
{
	struct engine *e = *state;
	int fd;

	runtime_publish(e);
	fd = connect_to(e, "vfio-user.sock");
	use_up_descriptors();
	assert_int_equal(engine_poll(e), 0); /* comes to rest */
	have_descriptors();
	assert_true(has_hung_up(fd));
	assert_non_null(strstr(e->log, "out of file descriptors"));
	assert_int_equal(e->nr_attached, 0);
	close(fd);
}

static void without_descriptors_a_control_peer_is_turned_away(void **state)
{
	struct engine *e = *state;
	int fd;

	runtime_publish(e);
	fd = connect_to(e, "control.sock");
	use_up_descriptors();
	assert_int_equal(engine_poll(e), 0);
	have_descriptors();
	assert_true(has_hung_up(fd));
	close(fd);
}

static void each_of_many_is_turned_away(void **state)
{
	struct engine *e = *state;
	int fd[5];
	unsigned int i;

	runtime_publish(e);
	for (i = 0; i < LM_NR(fd); i++)
		fd[i] = connect_to(e, "vfio-user.sock");
	use_up_descriptors();
	assert_int_equal(engine_poll(e), 0);
	have_descriptors();
	for (i = 0; i < LM_NR(fd); i++) {
		assert_true(has_hung_up(fd[i]));
		close(fd[i]);
	}
}

static void with_descriptors_again_a_client_is_served(void **state)
{
	struct engine *e = *state;
	int fd;

	runtime_publish(e);
	fd = connect_to(e, "vfio-user.sock");
	use_up_descriptors();
	engine_poll(e);
	have_descriptors();
	close(fd);
	e->fd = connect_to(e, "vfio-user.sock");
	engine_negotiate(e, NULL);
}

/* ---- not a listening socket ------------------------------------------------------ */

static void refuses_to_listen(struct engine *e, int fd)
{
	e->info.fd = fd;
	e->info.flags |= LM_DEV_LISTEN_FD;
	errno = 0;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(e->log, "not a listening socket"));
	assert_true(fcntl(fd, F_GETFD) >= 0); /* still the caller's */
}

static void a_connected_socket_does_not_listen(void **state)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	refuses_to_listen(*state, pair[0]);
	close_fds(pair, 2);
}

static void what_is_no_socket_does_not_listen(void **state)
{
	int pair[2];

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	refuses_to_listen(*state, pair[0]);
	close_fds(pair, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_descriptors_a_client_is_turned_away),
		TEST(without_descriptors_a_control_peer_is_turned_away),
		TEST(each_of_many_is_turned_away),
		TEST(with_descriptors_again_a_client_is_served),
		TEST(a_connected_socket_does_not_listen),
		TEST(what_is_no_socket_does_not_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
