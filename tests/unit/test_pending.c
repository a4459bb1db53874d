/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pending.c - connections before their VERSION: who becomes the client, who keeps whom out.
 */
#include <sys/un.h>

#include "server/server_client.h"
#include "engine.h"
#include "tempdir.h"

static char folder[PATH_MAX];
static struct sockaddr_un address;

static int setup(void **state)
{
	if (!tempdir_new(folder))
		return -1;
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/listen", folder);
	return engine_setup(state);
}

static int teardown(void **state)
{
	const int ret = engine_teardown(state);

	tempdir_remove(folder);
	return ret;
}

static void start(struct engine *e)
{
	e->info.socket_path = address.sun_path;
	e->ctx = lm_ctx_create(&e->info);
	if (!e->ctx)
		fail_msg("no context: %s", e->log);
	e->ctx->server->silence_ns = UINT64_MAX;
}

/* The device has not looked yet. */
static int connect_unseen(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int connect_one(struct engine *e)
{
	const int fd = connect_unseen();

	engine_poll(e);
	return fd;
}

static void connect_many(struct engine *e, int *fds, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fds[i] = connect_one(e);
}

static unsigned int nr_closed(const int *fds, unsigned int nr)
{
	unsigned int i, closed = 0;

	for (i = 0; i < nr; i++)
		closed += wire_is_closed(fds[i]);
	return closed;
}

/* A part of what begins a session; the rest may follow. */
static size_t version_message(char *msg, uint16_t major)
{
	char payload[512];

	return wire_put(msg, 1, VFIO_USER_VERSION, payload,
			version_put(payload, major, 0, OFFER_QEMU));
}

static void is_the_client(struct engine *e, int fd)
{
	struct wire m;

	e->fd = fd;
	engine_reply(e, 1, VFIO_USER_VERSION, &m);
	e->next_id = 1;
	engine_is_alive(e);
	assert_int_equal(e->nr_attached, 1);
}

static void says_its_version(struct engine *e, int fd)
{
	char msg[512];

	wire_send(fd, msg, version_message(msg, 0));
	is_the_client(e, fd);
}

/* ---- who becomes the client ------------------------------------------------------ */

static void who_says_nothing_keeps_nobody_out(void **state)
{
	struct engine *e = *state;
	int silent;

	start(e);
	silent = connect_one(e);
	says_its_version(e, connect_one(e));
	assert_true(wire_is_closed(silent));
	close(silent);
}

static void the_first_whole_version_wins(void **state)
{
	struct engine *e = *state;
	char msg[512];
	size_t len;
	int slow;

	start(e);
	slow = connect_one(e);
	len = version_message(msg, 0);
	wire_send(slow, msg, len - 1);
	engine_poll(e);
	says_its_version(e, connect_one(e));
	assert_true(wire_is_closed(slow));
	close(slow);
}

static void a_wrong_version_is_the_end_of_its_sender_alone(void **state)
{
	struct engine *e = *state;
	char msg[512];
	int other, wrong;

	start(e);
	other = connect_one(e);
	wrong = connect_one(e);
	wire_send(wrong, msg, version_message(msg, 7));
	engine_poll(e);
	assert_true(wire_is_closed(wrong));
	close(wrong);
	says_its_version(e, other);
}

static void a_request_before_the_version_is_the_end_of_its_sender_alone(void **state)
{
	struct engine *e = *state;
	char msg[64];
	int other, hasty;

	start(e);
	other = connect_one(e);
	hasty = connect_one(e);
	wire_send(hasty, msg, wire_put(msg, 1, VFIO_USER_DEVICE_RESET, NULL, 0));
	engine_poll(e);
	assert_true(wire_is_closed(hasty));
	assert_int_equal(e->nr_resets, 0);
	close(hasty);
	says_its_version(e, other);
}

static void requests_behind_the_version_are_served(void **state)
{
	struct engine *e = *state;
	char msg[1024];
	struct wire m;
	size_t len;

	start(e);
	e->fd = connect_one(e);
	len = version_message(msg, 0);
	len += wire_put(msg + len, 2, VFIO_USER_DEVICE_RESET, NULL, 0);
	wire_send(e->fd, msg, len);
	engine_reply(e, 1, VFIO_USER_VERSION, &m);
	engine_reply(e, 2, VFIO_USER_DEVICE_RESET, &m);
	assert_int_equal(e->nr_resets, 1);
}

static void the_device_hears_of_a_client_when_its_version_is_known(void **state)
{
	struct engine *e = *state;
	struct client_state st;
	int fd;

	start(e);
	close(connect_one(e));
	fd = connect_one(e);
	server_get_state(e->ctx, &st);
	assert_false(st.attached);
	assert_int_equal(e->nr_attached, 0);
	assert_int_equal(e->nr_detached, 0);
	says_its_version(e, fd);
	server_get_state(e->ctx, &st);
	assert_true(st.attached);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(e->nr_detached, 1);
}

static void after_a_client_others_may_wait_again(void **state)
{
	struct engine *e = *state;
	int silent, rejected;

	start(e);
	says_its_version(e, connect_one(e));
	rejected = connect_one(e);
	assert_true(wire_is_closed(rejected));
	engine_close(e);
	engine_poll(e);
	silent = connect_one(e);
	assert_false(wire_is_closed(silent));
	close(silent);
	close(rejected);
}

static void a_device_that_spins_finds_its_client(void **state)
{
	struct engine *e = *state;
	char msg[512];
	int fd, turns;

	e->info.flags |= LM_DEV_BUSY_POLL;
	start(e);
	fd = connect_one(e);
	wire_send(fd, msg, version_message(msg, 0));
	for (turns = 0; turns < 4 * 256 && !e->nr_attached; turns++)
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	is_the_client(e, fd);
}

/* More than is served in a turn. */
#define NR_POSTED 800

static size_t posted_resets(char *msg, unsigned int nr)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		wire_put(msg + len, 2, VFIO_USER_DEVICE_RESET, NULL, 0);
		wire_set_flags(msg + len, VFIO_USER_F_NO_REPLY);
		len += sizeof(struct vfio_user_header);
	}
	return len;
}

static void what_the_last_client_has_posted_goes_before_the_next(void **state)
{
	char msg[NR_POSTED * sizeof(struct vfio_user_header)];
	struct engine *e = *state;
	struct wire m;

	start(e);
	says_its_version(e, connect_one(e));
	wire_send(e->fd, msg, posted_resets(msg, NR_POSTED));
	engine_close(e);
	e->fd = connect_unseen();
	wire_send(e->fd, msg, version_message(msg, 0));
	while (e->nr_attached < 2)
		assert_true(lm_ctx_poll(e->ctx) > 0);
	assert_int_equal(e->nr_resets, NR_POSTED);
	assert_int_equal(e->nr_detached, 1);
	engine_reply(e, 1, VFIO_USER_VERSION, &m);
}

/* The first turn of a connection may end before all of its first receive is served. */
static void much_behind_the_version_is_served(void **state)
{
	char msg[512 + NR_POSTED * sizeof(struct vfio_user_header)];
	struct engine *e = *state;
	size_t len;

	start(e);
	e->fd = connect_unseen();
	len = version_message(msg, 0);
	wire_send(e->fd, msg, len + posted_resets(msg + len, NR_POSTED));
	engine_poll(e);
	assert_int_equal(e->nr_resets, NR_POSTED);
}

/* ---- places ---------------------------------------------------------------------- */

static void probes_do_not_cost_a_slow_client_its_place(void **state)
{
	struct engine *e = *state;
	char msg[512];
	size_t len;
	int i, slow;

	start(e);
	slow = connect_one(e);
	len = version_message(msg, 0);
	wire_send(slow, msg, 20);
	for (i = 0; i < 100; i++)
		close(connect_one(e));
	wire_send(slow, msg + 20, len - 20);
	is_the_client(e, slow);
}

static void who_stays_and_says_nothing_does_not_either(void **state)
{
	struct engine *e = *state;
	int fds[100], slow;

	start(e);
	slow = connect_one(e);
	connect_many(e, fds, 100);
	assert_int_equal(nr_closed(fds, 100), 100 - (PENDING_MAX - 1));
	assert_non_null(strstr(e->log, "have not sent VERSION yet"));
	says_its_version(e, slow);
	assert_int_equal(nr_closed(fds, 100), 100);
	close_fds(fds, 100);
}

static void who_has_had_a_place_for_too_long_loses_it_to_the_next(void **state)
{
	struct engine *e = *state;
	int fds[PENDING_MAX];
	unsigned int i;

	start(e);
	connect_many(e, fds, PENDING_MAX);
	for (i = 0; i < 3; i++) {
		struct server *server = e->ctx->server;

		server->pending[i]->connected_ns -= server->patience_ns;
	}
	engine_poll(e);
	assert_int_equal(nr_closed(fds, PENDING_MAX), 0); /* nobody wants it */
	says_its_version(e, connect_one(e));
	assert_int_equal(nr_closed(fds, PENDING_MAX), PENDING_MAX);
	close_fds(fds, PENDING_MAX);
}

static void others_keep_theirs(void **state)
{
	struct engine *e = *state;
	int fds[PENDING_MAX], next;

	start(e);
	connect_many(e, fds, PENDING_MAX);
	e->ctx->server->pending[2]->connected_ns -= e->ctx->server->patience_ns;
	next = connect_one(e);
	assert_int_equal(nr_closed(fds, PENDING_MAX), 1);
	assert_false(wire_is_closed(next));
	close_fds(fds, PENDING_MAX);
	close(next);
}

/* The device has not looked since: the places of those that have gone are found free. */
static void who_has_hung_up_has_no_place(void **state)
{
	struct engine *e = *state;
	int fds[PENDING_MAX];

	start(e);
	connect_many(e, fds, PENDING_MAX);
	close_fds(fds, PENDING_MAX);
	says_its_version(e, connect_one(e));
}

static void who_only_holds_places_loses_the_oldest(void **state)
{
	struct engine *e = *state;
	int fds[PENDING_MAX], next;

	start(e);
	connect_many(e, fds, PENDING_MAX);
	e->ctx->server->silence_ns = 0;
	next = connect_one(e);
	assert_int_equal(nr_closed(fds, PENDING_MAX), 1);
	assert_true(wire_is_closed(fds[0]));
	says_its_version(e, next);
	close_fds(fds, PENDING_MAX);
}

static void who_has_begun_keeps_its_own(void **state)
{
	struct engine *e = *state;
	int fds[PENDING_MAX], next;
	char msg[512];
	size_t len;

	start(e);
	connect_many(e, fds, PENDING_MAX);
	len = version_message(msg, 0);
	wire_send(fds[0], msg, 1);
	engine_poll(e);
	wire_send(fds[1], msg, 20);
	next = connect_unseen(); /* as unread as what fds[1] sent */
	e->ctx->server->silence_ns = 0;
	engine_poll(e);
	assert_int_equal(nr_closed(fds, PENDING_MAX), 1);
	assert_true(wire_is_closed(fds[2]));
	wire_send(fds[0], msg + 1, len - 1);
	is_the_client(e, fds[0]);
	close_fds(fds + 1, PENDING_MAX - 1);
	close(next);
}

/* All are of one process; the library is made to think otherwise. */
static void who_holds_fewer_keeps_its_own(void **state)
{
	struct engine *e = *state;
	int fds[PENDING_MAX], next[2];

	start(e);
	connect_many(e, fds, PENDING_MAX);
	e->ctx->server->silence_ns = 0;
	e->ctx->server->pending[0]->uid++;
	e->ctx->server->pending[1]->pid++;
	next[0] = connect_one(e);
	assert_int_equal(nr_closed(fds, PENDING_MAX), 1);
	assert_true(wire_is_closed(fds[2]));
	next[1] = connect_one(e);
	assert_int_equal(nr_closed(fds, PENDING_MAX), 2);
	assert_true(wire_is_closed(fds[3]));
	close_fds(fds, PENDING_MAX);
	close_fds(next, 2);
}

static void who_has_hung_up_keeps_it_while_messages_are_unread(void **state)
{
	struct engine *e = *state;
	int fds[PENDING_MAX], hasty;
	char msg[512];
	size_t len;

	start(e);
	connect_many(e, fds, PENDING_MAX - 1);
	hasty = connect_unseen();
	e->fd = connect_unseen();
	len = version_message(msg, 0);
	wire_send(hasty, msg, len + posted_resets(msg + len, 1));
	close(hasty);
	engine_poll(e);
	assert_int_equal(e->nr_resets, 1);
	close_fds(fds, PENDING_MAX - 1);
}

/* ---- what they may cost ---------------------------------------------------------- */

static void descriptors_before_the_version_are_the_end(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_CLOEXEC);
	unsigned int before;
	int i, peer;

	start(e);
	peer = connect_one(e);
	before = count_fds();
	for (i = 0; i < 4 && !wire_is_closed(peer); i++) {
		wire_send_fds(peer, "x", 1, &fd, 1);
		engine_poll(e);
	}
	assert_true(wire_is_closed(peer));
	assert_in_range(count_fds(), 0, before);
	close(peer);
	close(fd);
}

static void what_they_have_logged_is_bounded(void **state)
{
	struct engine *e = *state;
	int i, fd;

	start(e);
	says_its_version(e, connect_one(e));
	e->ctx->log_limits.period_ns = UINT64_MAX;
	e->log[0] = '\0';
	for (i = 0; i < 100; i++) {
		fd = connect_one(e);
		assert_true(wire_is_closed(fd));
		close(fd);
		if (i)
			assert_string_equal(e->log, "");
		else
			assert_non_null(strstr(e->log, "a second client was rejected"));
		e->log[0] = '\0';
	}
	e->ctx->log_limits.period_ns = 0;
	close(connect_one(e));
	assert_non_null(strstr(e->log, "a second client was rejected"));
	assert_non_null(strstr(e->log, "(and 99 more before)"));
}

static void a_context_may_end_with_some_waiting(void **state)
{
	struct engine *e = *state;
	int fds[3];

	start(e);
	connect_many(e, fds, 3);
	engine_destroy(e);
	assert_int_equal(nr_closed(fds, 3), 3);
	assert_int_equal(e->nr_detached, 0);
	close_fds(fds, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_says_nothing_keeps_nobody_out),
		TEST(the_first_whole_version_wins),
		TEST(a_wrong_version_is_the_end_of_its_sender_alone),
		TEST(a_request_before_the_version_is_the_end_of_its_sender_alone),
		TEST(requests_behind_the_version_are_served),
		TEST(the_device_hears_of_a_client_when_its_version_is_known),
		TEST(after_a_client_others_may_wait_again),
		TEST(a_device_that_spins_finds_its_client),
		TEST(what_the_last_client_has_posted_goes_before_the_next),
		TEST(much_behind_the_version_is_served),
		TEST(probes_do_not_cost_a_slow_client_its_place),
		TEST(who_stays_and_says_nothing_does_not_either),
		TEST(who_has_had_a_place_for_too_long_loses_it_to_the_next),
		TEST(others_keep_theirs),
		TEST(who_has_hung_up_has_no_place),
		TEST(who_only_holds_places_loses_the_oldest),
		TEST(who_has_begun_keeps_its_own),
		TEST(who_holds_fewer_keeps_its_own),
		TEST(who_has_hung_up_keeps_it_while_messages_are_unread),
		TEST(descriptors_before_the_version_are_the_end),
		TEST(what_they_have_logged_is_bounded),
		TEST(a_context_may_end_with_some_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
