/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_channel_socket.c - bytes and descriptors over a UNIX socket, what its ends look like, and
 * the memory that devices on sockets have.
 */
#include <sys/mman.h>

#include "wire/host.h"
#include "engine.h"

struct pair {
	struct channel ch;
	int            peer;
	unsigned int   fds_before;
};

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	int fds[2];

	p->fds_before = count_fds();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	channel_socket_init(&p->ch, fds[0]);
	p->peer = fds[1];
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;
	unsigned int left;

	p->ch.ops->close(&p->ch);
	if (p->peer >= 0)
		close(p->peer);
	left = count_fds() - p->fds_before;
	free(p);
	return left ? -1 : 0;
}

static ssize_t chan_recv(struct pair *p, void *buf, size_t len, struct channel_fds *fds)
{
	return p->ch.ops->recv(&p->ch, buf, len, fds);
}

static ssize_t chan_send(struct pair *p, const void *buf, size_t len, const struct channel_fds *fds)
{
	return p->ch.ops->send(&p->ch, buf, len, fds);
}

static void nothing_there_is_0(void **state)
{
	struct channel_fds fds;
	char buf[8];

	assert_int_equal(chan_recv(*state, buf, sizeof(buf), &fds), 0);
}

static void bytes_come_as_they_were_sent(void **state)
{
	struct pair *p = *state;
	struct channel_fds fds;
	char buf[8];

	assert_int_equal(send(p->peer, "abc", 3, 0), 3);
	assert_int_equal(chan_recv(p, buf, sizeof(buf), &fds), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(fds.nr, 0);
	assert_int_equal(fds.error, 0);
}

static void the_end_is_enotconn(void **state)
{
	struct pair *p = *state;
	struct channel_fds fds;
	char buf[8];

	close(p->peer);
	p->peer = -1;
	assert_int_equal(chan_recv(p, buf, sizeof(buf), &fds), -ENOTCONN);
	assert_int_equal(chan_send(p, "abc", 3, NULL), -ENOTCONN); /* and no SIGPIPE */
}

static void a_reset_is_enotconn(void **state)
{
	struct pair *p = *state;
	struct channel_fds fds;
	char buf[8];

	chan_send(p, "unread", 6, NULL); /* the kernel turns this into ECONNRESET */
	close(p->peer);
	p->peer = -1;
	assert_int_equal(chan_recv(p, buf, sizeof(buf), &fds), -ENOTCONN);
}

static void a_full_socket_takes_0(void **state)
{
	struct pair *p = *state;
	static char buf[1 << 20];
	ssize_t ret, sent = 0;

	while ((ret = chan_send(p, buf, sizeof(buf), NULL)) > 0)
		sent += ret;
	assert_int_equal(ret, 0);
	assert_true(sent > 0);
}

static void the_mode_of_the_socket_stays(void **state)
{
	struct pair *p = *state;
	struct channel_fds fds;
	char buf[8];

	chan_recv(p, buf, sizeof(buf), &fds);
	chan_send(p, "x", 1, NULL);
	assert_int_equal(fcntl(p->ch.fd, F_GETFL) & O_NONBLOCK, 0);
}

static void descriptors_come_along(void **state)
{
	struct pair *p = *state;
	int sent[CHANNEL_MAX_FDS], i;
	struct channel_fds fds;
	char buf[8];

	for (i = 0; i < CHANNEL_MAX_FDS; i++)
		sent[i] = eventfd((unsigned int)i + 1, EFD_NONBLOCK);
	wire_send_fds(p->peer, "x", 1, sent, CHANNEL_MAX_FDS);
	close_fds(sent, CHANNEL_MAX_FDS);
	assert_int_equal(chan_recv(p, buf, sizeof(buf), &fds), 1);
	assert_int_equal(fds.nr, CHANNEL_MAX_FDS);
	assert_int_equal(fds.error, 0);
	for (i = 0; i < CHANNEL_MAX_FDS; i++) {
		uint64_t value = 0;

		assert_int_equal(read(fds.fd[i], &value, sizeof(value)), sizeof(value));
		assert_int_equal(value, i + 1);
		assert_int_equal(fcntl(fds.fd[i], F_GETFD), FD_CLOEXEC);
	}
	close_fds(fds.fd, fds.nr);
}

static void too_many_descriptors_are_told_and_closed(void **state)
{
	struct pair *p = *state;
	int sent[MAX_FDS], i;
	struct channel_fds fds;
	char buf[8];

	for (i = 0; i < MAX_FDS; i++)
		sent[i] = eventfd(0, 0);
	wire_send_fds(p->peer, "x", 1, sent, MAX_FDS);
	close_fds(sent, MAX_FDS);
	assert_int_equal(chan_recv(p, buf, sizeof(buf), &fds), 1);
	assert_int_equal(fds.error, -EINVAL);
	assert_in_range(fds.nr, 0, CHANNEL_MAX_FDS);
	close_fds(fds.fd, fds.nr);
}

static void a_receive_ends_with_the_segment_that_had_descriptors(void **state)
{
	struct pair *p = *state;
	const int fd = eventfd(0, 0);
	struct channel_fds fds;
	char buf[8];

	send(p->peer, "a", 1, 0);
	wire_send_fds(p->peer, "b", 1, &fd, 1);
	send(p->peer, "c", 1, 0);
	assert_int_equal(chan_recv(p, buf, sizeof(buf), &fds), 2);
	assert_int_equal(fds.nr, 1);
	close_fds(fds.fd, fds.nr);
	assert_int_equal(chan_recv(p, buf, sizeof(buf), &fds), 1);
	assert_int_equal(fds.nr, 0);
	close(fd);
}

static void descriptors_are_sent(void **state)
{
	struct pair *p = *state;
	struct channel_fds fds = { .nr = 2 };
	struct engine e = { 0 };
	struct wire m = { 0 };
	char buf[3];

	fds.fd[0] = eventfd(0, EFD_NONBLOCK);
	fds.fd[1] = eventfd(7, EFD_NONBLOCK);
	assert_int_equal(chan_send(p, "abc", 3, &fds), 3);
	close_fds(fds.fd, 2);
	assert_int_equal(wire_read(&e, p->peer, buf, 3, &m), 3);
	assert_int_equal(m.nr_fds, 2);
	assert_true(eventfd_take(m.fds[1]));
	close_fds(m.fds, m.nr_fds);
}

/* ---- the host -------------------------------------------------------------------- */

static void memory_of_a_region_can_be_given_to_clients(void **state)
{
	struct host_memory m = { .space = LM_BAR2_REG_IDX, .size = 3 * page_size() };
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	char *again;

	assert_int_equal(socket_host.memory(&socket_host, &m), 0);
	assert_false(m.kept || m.outlives);
	assert_int_equal(fcntl(m.fd, F_GET_SEALS) & seals, seals);
	again = mmap(NULL, m.size, PROT_READ, MAP_SHARED, m.fd, 0);
	assert_ptr_not_equal(again, MAP_FAILED);
	memset(m.mem, 7, m.size);
	assert_int_equal(again[m.size - 1], 7);
	munmap(again, m.size);
	munmap(m.mem, m.size);
	close(m.fd);
}

static void the_state_is_nobody_elses(void **state)
{
	struct host_memory m = { .space = HOST_STATE, .size = page_size() };

	assert_int_equal(socket_host.memory(&socket_host, &m), 0);
	assert_false(m.kept || m.outlives);
	assert_int_equal(m.fd, -1);
	assert_int_equal(*(char *)m.mem, 0);
	munmap(m.mem, m.size);
}

static void memory_that_cannot_be_is_an_error(void **state)
{
	struct host_memory region = { .space = LM_BAR2_REG_IDX, .size = UINT64_MAX };
	struct host_memory whole = { .space = HOST_STATE, .size = UINT64_MAX };

	assert_int_equal(socket_host.memory(&socket_host, &region), -EFBIG);
	assert_int_equal(socket_host.memory(&socket_host, &whole), -ENOMEM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_there_is_0),
		TEST(bytes_come_as_they_were_sent),
		TEST(the_end_is_enotconn),
		TEST(a_reset_is_enotconn),
		TEST(a_full_socket_takes_0),
		TEST(the_mode_of_the_socket_stays),
		TEST(descriptors_come_along),
		TEST(too_many_descriptors_are_told_and_closed),
		TEST(a_receive_ends_with_the_segment_that_had_descriptors),
		TEST(descriptors_are_sent),
		TEST(memory_of_a_region_can_be_given_to_clients),
		TEST(the_state_is_nobody_elses),
		TEST(memory_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
