/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_peer_fd.c - descriptors of a peer: what they are, and that nothing waits for them.
 *
 * Whatever waits here waits for the test itself, until the runner ends it.
 */
#include <sys/resource.h>
#include <sys/timerfd.h>

#include "engine.h"
#include "fuse_file.h"

static struct fuse_file *fuse; /* NULL: none here */

/* ---- kinds ----------------------------------------------------------------------- */

static void check_kind(int fd, enum peer_fd_kind kind)
{
	assert_true(fd >= 0);
	assert_int_equal(peer_fd_kind(fd), kind);
	close(fd);
}

static void kinds_are_told_apart(void **state)
{
	int pair[2];

	check_kind(memfd_create("anon_inode:[eventfd]", MFD_ALLOW_SEALING), PEER_FD_MEMORY);
	check_kind(memfd_create("x", 0), PEER_FD_MEMORY);
	check_kind(eventfd(0, 0), PEER_FD_EVENTFD);
	check_kind(timerfd_create(CLOCK_MONOTONIC, 0), PEER_FD_ANON);
	check_kind(open("/dev/null", O_RDWR), PEER_FD_FILE);
	check_kind(open("/proc/self/status", O_RDONLY), PEER_FD_UNKNOWN);
	assert_int_equal(pipe(pair), 0);
	check_kind(pair[0], PEER_FD_STREAM);
	check_kind(pair[1], PEER_FD_STREAM);
	check_kind(socket(AF_UNIX, SOCK_STREAM, 0), PEER_FD_STREAM);
	assert_int_equal(peer_fd_kind(-1), PEER_FD_UNKNOWN);
}

static void a_file_of_fuse_is_recognized_without_asking_it(void **state)
{
	int fd;

	if (!fuse)
		skip();
	fd = fuse_file_open(fuse);
	fuse->seen[FUSE_GETATTR] = 0;
	fuse->held = FUSE_GETATTR;
	check_kind(fd, PEER_FD_UNKNOWN);
	assert_int_equal(fuse->seen[FUSE_GETATTR], 0);
	fuse->held = 0;
}

/* ---- closing --------------------------------------------------------------------- */

static void memory_and_eventfds_are_closed_at_once(void **state)
{
	const unsigned int before = count_fds();
	const int fds[] = { memfd_create("x", 0), -1, eventfd(0, 0) };

	peer_fds_close(fds, LM_NR(fds));
	assert_int_equal(count_fds(), before);
}

static void anything_else_is_closed_too(void **state)
{
	const unsigned int before = count_fds();
	int fds[200], i;

	for (i = 0; i < 200; i += 2)
		assert_int_equal(pipe(fds + i), 0);
	peer_fds_close(fds, LM_NR(fds));
	assert_int_equal(fds_left(before), 0);
}

static void closing_does_not_wait_for_what_is_not_sent(void **state)
{
	const unsigned int before = count_fds();
	int peer;

	peer_fd_close(fds_lingering(&peer));
	close(peer);
	assert_int_equal(fds_left(before), 0);
}

static void closing_does_not_wait_for_a_file_system(void **state)
{
	const unsigned int before = count_fds();

	int fd;

	if (!fuse)
		skip();
	fd = fuse_file_open(fuse);
	fuse->seen[FUSE_FLUSH] = 0;
	fuse->held = FUSE_FLUSH;
	peer_fd_close(fd);
	assert_true(fuse_file_asked(fuse, FUSE_FLUSH));
	fuse->held = 0;
	assert_int_equal(fds_left(before), 0);
}

/* More files than there are threads wait, and the next descriptor is accepted all the same. */
static void many_that_wait_do_not_make_others_wait(void **state)
{
	const unsigned int before = count_fds();
	int fds[20], i, peer;

	if (!fuse)
		skip();
	for (i = 0; i < 20; i++)
		fds[i] = fuse_file_open(fuse);
	fuse->held = FUSE_FLUSH;
	peer_fds_close(fds, 20);
	peer_fd_close(fds_lingering(&peer));
	close(peer);
	fuse->held = 0;
	assert_int_equal(fds_left(before), 0);
}

static void however_many_wait_all_are_closed(void **state)
{
	const unsigned int before = count_fds();
	struct rlimit limit;
	int fds[8], pair[2], i;

	if (!fuse)
		skip();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (i = 0; i < 8; i++)
		fds[i] = fuse_file_open(fuse);
	fuse->held = FUSE_FLUSH;
	peer_fds_close(fds, 8);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(pipe(pair), 0);
		peer_fds_close(pair, 2);
	}
	fuse->held = 0;
	assert_int_equal(fds_left(before), 0);
}

static void closing_a_connection_does_not_wait_for_what_it_carries(void **state)
{
	const unsigned int before = count_fds();
	int pair[2], peer, carried;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	carried = fds_lingering(&peer);
	wire_send_fds(pair[1], "x", 1, &carried, 1);
	close(carried);
	peer_socket_close(pair[0]);
	assert_true(wire_is_closed(pair[1]));
	close(pair[1]);
	close(peer);
	assert_int_equal(fds_left(before), 0);
}

/* ---- through the engine ---------------------------------------------------------- */

static void ask_info(struct engine *e, const int *fds, unsigned int nr, int error)
{
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	const uint16_t cmd = VFIO_USER_DEVICE_GET_INFO;
	const uint16_t id = engine_command_fds(e, cmd, &info, sizeof(info), fds, nr);
	struct wire m;

	if (error)
		engine_reply_error(e, id, cmd, error);
	else
		engine_reply(e, id, cmd, &m);
}

static void a_request_is_served_whatever_comes_with_it(void **state)
{
	struct engine *e = *state;
	int fds[16], peer, i;

	engine_connect(e);
	fds[0] = fds_lingering(&peer);
	for (i = 1; i < 16; i++)
		fds[i] = fuse ? fuse_file_open(fuse) : socket(AF_UNIX, SOCK_STREAM, 0);
	if (fuse)
		fuse->held = FUSE_FLUSH;
	ask_info(e, fds, 16, 0);
	ask_info(e, fds, 16, 0);
	if (fuse)
		fuse->held = 0;
	close_fds(fds, 16); /* the last ones: nobody lingers any more */
	close(peer);
}

static void too_many_descriptors_are_an_error_and_do_not_wait(void **state)
{
	struct engine *e = *state;
	int fds[64], peer, i;

	engine_connect(e);
	for (i = 0; i < 63; i++)
		fds[i] = eventfd(0, 0);
	fds[63] = fds_lingering(&peer);
	ask_info(e, fds, 64, EINVAL);
	ask_info(e, NULL, 0, 0);
	close_fds(fds, 64);
	close(peer);
}

static void a_process_without_descriptors_says_so(void **state)
{
	struct engine *e = *state;
	struct rlimit before, full;
	int fds[8], i;

	engine_connect(e);
	for (i = 0; i < 8; i++)
		fds[i] = eventfd(0, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	full = before;
	full.rlim_cur = (rlim_t)fds[7] + 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
	ask_info(e, fds, 8, EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	ask_info(e, fds, 8, 0);
	close_fds(fds, 8);
}

static void dma_memory_on_fuse_is_reached_by_messages_alone(void **state)
{
	struct vfio_user_dma_map map = { .argsz = sizeof(map), .size = 4096, .addr = 0x100000,
		.flags = VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE };
	struct engine *e = *state;
	struct iovec iov;
	struct wire m;
	dma_sg_t sg;
	int fd;

	if (!fuse)
		skip();
	engine_connect(e);
	fd = fuse_file_open(fuse);
	fuse->seen[FUSE_GETATTR] = 0;
	fuse->held = FUSE_GETATTR;
	engine_reply(e, engine_command_fds(e, VFIO_USER_DMA_MAP, &map, sizeof(map), &fd, 1),
		     VFIO_USER_DMA_MAP, &m);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x100000, 64, &sg, 1), 1);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1), -EOPNOTSUPP);
	assert_int_equal(fuse->seen[FUSE_GETATTR] + fuse->seen[FUSE_READ], 0);
	fuse->held = 0;
	close(fd);
}

static int fuse_begin(void **state)
{
	fuse = fuse_file_new();
	if (!fuse)
		print_message("# no FUSE here: its tests are skipped\n");
	return 0;
}

static int fuse_end(void **state)
{
	if (fuse)
		fuse_file_free(fuse);
	return 0;
}

#define engine_test(f) cmocka_unit_test_setup_teardown(f, engine_setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(a_file_of_fuse_is_recognized_without_asking_it),
		cmocka_unit_test(memory_and_eventfds_are_closed_at_once),
		cmocka_unit_test(anything_else_is_closed_too),
		cmocka_unit_test(closing_does_not_wait_for_what_is_not_sent),
		cmocka_unit_test(closing_does_not_wait_for_a_file_system),
		cmocka_unit_test(many_that_wait_do_not_make_others_wait),
		cmocka_unit_test(however_many_wait_all_are_closed),
		cmocka_unit_test(closing_a_connection_does_not_wait_for_what_it_carries),
		engine_test(a_request_is_served_whatever_comes_with_it),
		engine_test(too_many_descriptors_are_an_error_and_do_not_wait),
		engine_test(a_process_without_descriptors_says_so),
		engine_test(dma_memory_on_fuse_is_reached_by_messages_alone),
	};

	return cmocka_run_group_tests(tests, fuse_begin, fuse_end);
}
