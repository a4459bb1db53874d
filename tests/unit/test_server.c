/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_server.c - where clients connect: sockets that were inherited or are bound, one client at
 * a time, coming and going, what it leaves, and what it cannot do to others.
 */
#include <sys/stat.h>
#include <sys/un.h>

#include "server/server_client.h"
#include "engine.h"
#include "tempdir.h"

static char folder[PATH_MAX];

static int setup(void **state)
{
	if (!tempdir_new(folder))
		return -1;
	return engine_setup(state);
}

static int teardown(void **state)
{
	const int ret = engine_teardown(state);
	const int left = tempdir_count(folder);

	tempdir_remove(folder);
	if (left)
		print_error("%d files were left\n", left);
	return left ? -1 : ret;
}

/* ---- sockets --------------------------------------------------------------------- */

static struct sockaddr_un address_of(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.60s/%s", folder, name);
	return addr;
}

/* A listening socket; the test removes its file. */
static int listening_socket(void)
{
	const struct sockaddr_un addr = address_of("listen");
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static int connect_client(void)
{
	return connect_to(address_of("listen").sun_path);
}

/* The device listens on a socket that it was given. */
static void listen_inherited(struct engine *e)
{
	e->info.fd = listening_socket();
	e->info.flags |= LM_DEV_LISTEN_FD;
	e->ctx = lm_ctx_create(&e->info);
	if (!e->ctx)
		fail_msg("no context: %s", e->log);
}

static void listen_on(struct engine *e, const char *path)
{
	e->info.socket_path = path;
	e->ctx = lm_ctx_create(&e->info);
	if (!e->ctx)
		fail_msg("no context: %s", e->log);
}

static void attach(struct engine *e)
{
	e->fd = connect_client();
	engine_negotiate(e, OFFER_QEMU);
}

static void unlink_socket(void)
{
	unlink(address_of("listen").sun_path);
}

static bool fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* ---- descriptors that are given -------------------------------------------------- */

static void a_connected_descriptor_is_consumed(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_false(fd_is_open(e->info.fd));
	engine_negotiate(e, NULL);
}

static void a_listening_descriptor_is_consumed(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	assert_false(fd_is_open(e->info.fd));
	attach(e);
	unlink_socket();
}

static void a_descriptor_stays_the_callers_when_creation_fails(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_RAW].size = 3;
	e->info.fd = listening_socket();
	e->info.flags |= LM_DEV_LISTEN_FD;
	assert_null(lm_ctx_create(&e->info));
	assert_true(fd_is_open(e->info.fd));
	close(e->info.fd);
	unlink_socket();
}

static void a_descriptor_that_is_none_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.fd = 99999;
	e->info.flags |= LM_DEV_CONN_FD;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, EBADF);
}

static void an_inherited_socket_is_where_it_was_bound_and_stays(void **state)
{
	const struct sockaddr_un addr = address_of("listen");
	struct engine *e = *state;

	listen_inherited(e);
	assert_string_equal(lm_ctx_socket(e->ctx), addr.sun_path);
	lm_ctx_destroy(e->ctx);
	e->ctx = NULL;
	assert_int_equal(access(addr.sun_path, F_OK), 0);
	unlink_socket();
}

static void an_inherited_socket_without_a_file_has_no_path(void **state)
{
	struct engine *e = *state;

	e->info.fd = listening_socket();
	e->info.flags |= LM_DEV_LISTEN_FD;
	unlink_socket();
	e->ctx = lm_ctx_create(&e->info);
	assert_non_null(e->ctx);
	assert_null(lm_ctx_socket(e->ctx));
}

/* Where the device knows its context: not before lm_ctx_create() has returned it. */
static void the_device_is_told_of_a_connected_client_in_its_first_turn(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_int_equal(e->nr_attached, 0);
	engine_poll(e);
	assert_int_equal(e->nr_attached, 1);
	engine_negotiate(e, NULL);
	assert_int_equal(e->nr_attached, 1);
}

static void one_that_leaves_before_that_is_not_told_of(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_destroy(e);
	assert_int_equal(e->nr_attached, 0);
	assert_int_equal(e->nr_detached, 0);
}

static void one_that_was_told_of_is_told_to_leave(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(e->nr_attached, 1);
	assert_int_equal(e->nr_detached, 1);
}

static void the_context_ends_with_its_connected_client(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(lm_ctx_poll(e->ctx), -ENOTCONN);
	assert_int_equal(lm_ctx_drive(e->ctx), -ENOTCONN);
}

/* ---- a path ---------------------------------------------------------------------- */

static void a_path_can_be_connected_to_when_creation_returns(void **state)
{
	struct engine *e = *state;
	const struct sockaddr_un addr = address_of("listen");

	listen_on(e, addr.sun_path);
	assert_string_equal(lm_ctx_socket(e->ctx), addr.sun_path);
	attach(e);
}

static void a_socket_file_goes_with_the_context(void **state)
{
	struct engine *e = *state;
	const struct sockaddr_un addr = address_of("listen");

	listen_on(e, addr.sun_path);
	assert_int_equal(access(addr.sun_path, F_OK), 0);
	engine_destroy(e);
	assert_int_equal(access(addr.sun_path, F_OK), -1);
}

static void a_socket_file_is_for_its_owner_alone(void **state)
{
	struct engine *e = *state;
	const struct sockaddr_un addr = address_of("listen");
	struct stat st;

	listen_on(e, addr.sun_path);
	assert_int_equal(stat(addr.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_socket_file_has_the_mode_that_is_asked_for(void **state)
{
	struct engine *e = *state;
	const struct sockaddr_un addr = address_of("listen");
	struct stat st;

	e->info.socket_mode = 0660;
	listen_on(e, addr.sun_path);
	assert_int_equal(stat(addr.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void a_path_in_use_is_refused(void **state)
{
	struct engine *e = *state;
	const struct sockaddr_un addr = address_of("listen");
	lm_dev_info_t second;

	listen_on(e, addr.sun_path);
	second = e->info;
	assert_null(lm_ctx_create(&second));
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(e->log, addr.sun_path));
	attach(e); /* the first is unharmed */
}

/* ---- one client at a time -------------------------------------------------------- */

static void a_second_client_is_turned_away(void **state)
{
	struct engine *e = *state;
	int second;

	listen_inherited(e);
	attach(e);
	second = connect_client();
	engine_poll(e);
	assert_true(wire_is_closed(second));
	engine_is_alive(e);
	assert_int_equal(e->nr_attached, 1);
	assert_non_null(strstr(e->log, "second client"));
	close(second);
	unlink_socket();
}

static void a_client_may_come_back(void **state)
{
	struct engine *e = *state;
	int i;

	listen_inherited(e);
	for (i = 1; i <= 5; i++) {
		attach(e);
		engine_is_alive(e);
		engine_close(e);
		assert_int_equal(engine_poll(e), 0);
		assert_int_equal(e->nr_attached, i);
		assert_int_equal(e->nr_detached, i);
	}
	unlink_socket();
}

/* The end of the one and the beginning of the next are found in the same turn. */
static void a_client_that_follows_at_once_is_not_turned_away(void **state)
{
	struct engine *e = *state;
	int i;

	listen_inherited(e);
	attach(e);
	for (i = 0; i < 5; i++) {
		engine_close(e);
		attach(e);
		engine_is_alive(e);
	}
	unlink_socket();
}

static void the_device_keeps_its_state_when_the_client_leaves(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	attach(e);
	engine_write(e, BAR_PLAIN, 0, "kept", 4);
	engine_close(e);
	engine_poll(e);
	attach(e);
	assert_memory_equal(engine_read(e, BAR_PLAIN, 0, 4), "kept", 4);
	assert_int_equal(e->nr_resets, 0);
	unlink_socket();
}

static void the_limits_of_a_client_go_with_it(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	attach(e);
	assert_int_equal(server_client(e->ctx)->max_fds, 16);
	engine_close(e);
	engine_poll(e);
	e->fd = connect_client();
	engine_negotiate(e, NULL);
	assert_int_equal(server_client(e->ctx)->max_fds, 1);
	unlink_socket();
}

static void a_new_client_has_to_say_its_version(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	attach(e);
	engine_close(e);
	engine_poll(e);
	e->fd = connect_client();
	engine_poll(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_true(wire_is_closed(e->fd));
	assert_int_equal(e->nr_accesses, 0);
	unlink_socket();
}

static void an_answer_for_the_old_client_does_not_reach_the_new_one(void **state)
{
	struct engine *e = *state;
	lm_token_t old;
	uint16_t id;

	e->access = access_deferred;
	listen_inherited(e);
	attach(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	old = e->token;
	engine_close(e);
	engine_poll(e);
	attach(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, old, 4, "old."), -ENOENT);
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "new."), 0);
	assert_memory_equal(engine_read_reply(e, id, 4), "new.", 4);
	unlink_socket();
}

/* ---- what a client leaves -------------------------------------------------------- */

static void eventfds_of_a_client_are_closed_when_it_leaves(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = VFIO_PCI_MSI_IRQ_INDEX, .count = 4,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	unsigned int before;
	struct wire m;
	int fds[4], i;

	listen_inherited(e);
	for (i = 0; i < 4; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	before = count_fds();
	attach(e);
	engine_reply(e, engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), fds, 4),
		     VFIO_USER_DEVICE_SET_IRQS, &m);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(count_fds(), before);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 0), -ENOTCONN);
	close_fds(fds, 4);
	unlink_socket();
}

static void memory_of_a_client_goes_when_it_leaves(void **state)
{
	struct engine *e = *state;
	dma_sg_t sg;

	listen_inherited(e);
	attach(e);
	engine_map(e, 0x1000, 0x1000, -1);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 8, &sg, 1), 1);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(dma_count(e->ctx), 0);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 8, &sg, 1), -ENOENT);
	unlink_socket();
}

/* To come back does not make a client any faster. */
static void who_follows_a_late_client_is_not_waited_for_either(void **state)
{
	struct engine *e = *state;
	char data[4];
	dma_sg_t sg;
	int i;

	listen_inherited(e);
	for (i = 0; i < 2; i++) {
		attach(e);
		engine_map(e, 0x1000, 0x1000, -1);
		assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 4, &sg, 1), 1);
		server_client(e->ctx)->wait_ns = i ? 60000000000 : 1000000;
		assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
		if (!i)
			assert_true(wire_recv(e, e->fd, &(struct wire){ 0 }));
		engine_no_message(e);
		engine_close(e);
		engine_poll(e);
	}
	unlink_socket();
}

static void a_client_is_known_by_its_process(void **state)
{
	struct engine *e = *state;
	struct client_state st;

	listen_inherited(e);
	server_get_state(e->ctx, &st);
	assert_false(st.attached);
	attach(e);
	engine_is_alive(e);
	server_get_state(e->ctx, &st);
	assert_true(st.attached);
	assert_int_equal(st.pid, getpid());
	assert_int_equal(st.uid, geteuid());
	assert_int_equal(st.major, 0);
	assert_int_equal(st.requests, 2);
	unlink_socket();
}

/* ---- what a client cannot do ----------------------------------------------------- */

static void a_silent_client_does_not_block(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	e->fd = connect_client();
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(lm_ctx_poll(e->ctx), 0);
	unlink_socket();
}

static void half_a_message_does_not_block(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	e->fd = connect_client();
	wire_send(e->fd, "\1\0", 2);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(lm_ctx_poll(e->ctx), 0);
	unlink_socket();
}

static void a_device_that_thinks_does_not_spin(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	listen_inherited(e);
	attach(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	assert_int_equal(lm_ctx_poll(e->ctx), 0);
	lm_complete(e->ctx, e->token, 4, "data");
	engine_read_reply(e, id, 4);
	unlink_socket();
}

/* Two devices in one process: the second is served, whatever the client of the first does. */
static void one_client_does_not_keep_another_waiting(void **state)
{
	struct engine *e = *state;
	void *other_state;
	struct engine *other;

	assert_int_equal(engine_setup(&other_state), 0);
	other = other_state;
	listen_inherited(e);
	attach(e);
	engine_connect(other);
	engine_send_read(e, BAR_PLAIN, 0, 1000000);
	engine_send_read(e, BAR_PLAIN, 0, 1000000);
	engine_send_read(e, BAR_PLAIN, 0, 1000000);
	engine_poll(e); /* returns, with its client's socket full */
	engine_is_alive(other);
	engine_destroy(other);
	engine_close(other);
	free(other->raw);
	free(other);
	unlink_socket();
}

static void a_client_that_stops_sending_gets_its_answers(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	attach(e);
	engine_send_read(e, BAR_PLAIN, 0, 4);
	shutdown(e->fd, SHUT_WR);
	engine_read_reply(e, e->next_id, 4);
	engine_poll(e);
	assert_true(wire_is_closed(e->fd));
	unlink_socket();
}

static void a_client_that_stops_reading_for_good_is_let_go(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	attach(e);
	shutdown(e->fd, SHUT_RD);
	engine_send_read(e, BAR_PLAIN, 0, 4);
	engine_poll(e);
	assert_int_equal(e->nr_detached, 1);
	unlink_socket();
}

static void destroying_closes_the_connection(void **state)
{
	struct engine *e = *state;

	listen_inherited(e);
	attach(e);
	engine_destroy(e);
	assert_true(wire_is_closed(e->fd));
	assert_int_equal(e->nr_detached, 1);
	unlink_socket();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connected_descriptor_is_consumed),
		TEST(a_listening_descriptor_is_consumed),
		TEST(a_descriptor_stays_the_callers_when_creation_fails),
		TEST(a_descriptor_that_is_none_is_refused),
		TEST(an_inherited_socket_is_where_it_was_bound_and_stays),
		TEST(an_inherited_socket_without_a_file_has_no_path),
		TEST(the_device_is_told_of_a_connected_client_in_its_first_turn),
		TEST(one_that_leaves_before_that_is_not_told_of),
		TEST(one_that_was_told_of_is_told_to_leave),
		TEST(the_context_ends_with_its_connected_client),
		TEST(a_path_can_be_connected_to_when_creation_returns),
		TEST(a_socket_file_goes_with_the_context),
		TEST(a_socket_file_is_for_its_owner_alone),
		TEST(a_socket_file_has_the_mode_that_is_asked_for),
		TEST(a_path_in_use_is_refused),
		TEST(a_second_client_is_turned_away),
		TEST(a_client_may_come_back),
		TEST(a_client_that_follows_at_once_is_not_turned_away),
		TEST(the_device_keeps_its_state_when_the_client_leaves),
		TEST(the_limits_of_a_client_go_with_it),
		TEST(a_new_client_has_to_say_its_version),
		TEST(an_answer_for_the_old_client_does_not_reach_the_new_one),
		TEST(eventfds_of_a_client_are_closed_when_it_leaves),
		TEST(memory_of_a_client_goes_when_it_leaves),
		TEST(who_follows_a_late_client_is_not_waited_for_either),
		TEST(a_client_is_known_by_its_process),
		TEST(a_silent_client_does_not_block),
		TEST(half_a_message_does_not_block),
		TEST(a_device_that_thinks_does_not_spin),
		TEST(one_client_does_not_keep_another_waiting),
		TEST(a_client_that_stops_sending_gets_its_answers),
		TEST(a_client_that_stops_reading_for_good_is_let_go),
		TEST(destroying_closes_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
