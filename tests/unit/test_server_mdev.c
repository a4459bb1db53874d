/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_server_mdev.c - the client behind the module comes and goes, the mdev is removed, requests
 * are replayed, and commands are answered in one system call. The module is fake_node.h.
 */
#include "fake_node.h"

/* ---- the client ------------------------------------------------------------------ */

static struct client_state state_of(const struct engine *e)
{
	struct client_state st;

	server_get_state(e->ctx, &st);
	return st;
}

static void the_module_alone_is_no_client(void **state)
{
	struct engine *e = *state;

	node_serve(e);
	node_handshake(e);
	assert_int_equal(e->nr_attached, 0);
	assert_false(state_of(e).attached);
}

static void a_client_that_opens_is_attached(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(e->nr_attached, 1);
	assert_true(state_of(e).attached);
	assert_int_equal(state_of(e).pid, 4711);
	assert_int_equal(state_of(e).uid, 1000);
}

static void a_client_that_closes_is_detached(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_arm(e, LM_DEV_MSI_IRQ_IDX, 1, 1);
	node_client_closes(e);
	assert_int_equal(e->nr_detached, 1);
	assert_false(state_of(e).attached);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 0), -ENOTCONN);
	assert_int_equal(node.fired[LM_DEV_MSI_IRQ_IDX][0], 0);
}

static void the_next_client_is_served(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_write32(e, BAR_PLAIN, 0, 3);
	node_client_closes(e);
	node_client_opens(e, 4712);
	assert_int_equal(e->nr_attached, 2);
	assert_int_equal(state_of(e).pid, 4712);
	assert_int_equal(node_read32(e, BAR_PLAIN, 0), 3);
}

static void a_client_that_opens_twice_has_left_in_between(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_client_opens(e, 4712);
	assert_int_equal(e->nr_detached, 1);
	assert_int_equal(e->nr_attached, 2);
	node_client_closes(e);
	node_client_closes(e);
	assert_int_equal(e->nr_detached, 2);
}

static void a_short_open_is_no_client(void **state)
{
	struct engine *e = *state;

	node_serve(e);
	node_handshake(e);
	node_posted(MUSER_CLIENT_OPEN, "abc", 3);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(e->nr_attached, 0);
}

static void on_a_socket_nobody_opens(void **state)
{
	const struct muser_client who = { .pid = 1 };
	struct engine *e = *state;

	e->info.flags = LM_DEV_NO_CONTROL;
	engine_connect(e);
	engine_request_fails(e, MUSER_CLIENT_OPEN, &who, sizeof(who), ENOSYS);
	engine_request_fails(e, MUSER_CLIENT_CLOSE, NULL, 0, ENOSYS);
}

/* ---- the end --------------------------------------------------------------------- */

static void a_removed_mdev_ends_the_context(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_remove();
	assert_int_equal(engine_poll(e), -ENODEV);
	assert_int_equal(e->nr_detached, 1);
	assert_int_equal(lm_ctx_poll(e->ctx), -ENODEV);
	assert_int_equal(lm_ctx_drive(e->ctx), -ENODEV);
}

static void a_removed_mdev_ends_a_device_that_is_late(void **state)
{
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);
	struct engine *e = *state;

	node_begin(e);
	e->access = access_deferred;
	node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
	assert_int_equal(engine_poll(e), 0);
	node_remove();
	assert_int_equal(engine_poll(e), -ENODEV);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "abcd"), -ENOENT);
}

static void a_server_that_is_refused_learns_why(void **state)
{
	struct engine *e = *state;

	node_serve(e);
	node.refused = -ESTALE;
	shutdown(node.fd, SHUT_RDWR);
	assert_int_equal(engine_poll(e), -ESTALE);
	assert_int_equal(lm_ctx_drive(e->ctx), -ESTALE);
}

static void interrupts_after_the_end_are_lost(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_arm(e, LM_DEV_MSI_IRQ_IDX, 1, 1);
	node_remove();
	engine_poll(e);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 0), -ENOTCONN);
}

/* ---- replayed requests ----------------------------------------------------------- */

static void a_replayed_request_is_served_and_marked(void **state)
{
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, 0, 4);
	const int page = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct engine *e = *state;
	struct lm_trace_record rec;
	lm_trace_reader_t *reader;
	uint64_t lost;
	void *lease;
	uint16_t id;
	size_t len;
	int ring;

	node_begin(e);
	assert_int_equal(ftruncate(page, 4096), 0);
	assert_int_equal(fcntl(page, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(trace_attach(e->ctx, eventfd(0, EFD_NONBLOCK), page, &ring, &lease), 0);
	assert_int_equal(lm_trace_open(dup(ring), &reader), 0);
	id = node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), MUSER_F_REPLAYED);
	assert_int_equal(engine_poll(e), 0);
	node_reply(id, 0, &len);
	assert_int_equal(len, sizeof(req) + 4);
	node_read32(e, BAR_PLAIN, 4);
	assert_int_equal(lm_trace_next(reader, &rec, &lost), 1);
	assert_int_equal(rec.flags, LM_TRACE_REPLAYED);
	assert_int_equal(lm_trace_next(reader, &rec, &lost), 1);
	assert_int_equal(rec.flags, 0);
	lm_trace_close(reader);
	trace_detach(e->ctx, lease);
}

/* ---- one system call a command --------------------------------------------------- */

static struct engine *driven;
static unsigned int rounds;

/* The server sleeps: the client reads, until it has seen enough. */
static void client_reads(void)
{
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, 0, 4);

	if (rounds--)
		node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
	else
		lm_ctx_stop(driven->ctx);
}

static void drive(struct engine *e, void (*waits)(void), unsigned int nr)
{
	driven = e;
	rounds = nr;
	node.waits = waits;
	node.nr_reads = node.nr_exchanges = 0;
	node.nr_writes = 0;
}

static void a_command_is_one_system_call(void **state)
{
	struct engine *e = *state;
	unsigned int i;
	size_t len;

	node_begin(e);
	drive(e, client_reads, 100);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	for (i = 100; i; i--)
		node_reply((uint16_t)(node.next_id - i + 1), 0, &len);
	assert_int_equal(node.nr_exchanges, 101);
	assert_int_equal(node.nr_reads, 0);
	assert_int_equal(node.nr_writes, 0);
}

/* Each answer brings the next request: the server never sleeps. */
static ssize_t reads_again(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);

	memset(buf, 0, count);
	node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
	return (ssize_t)count;
}

static void timer_stops(void *pvt)
{
	struct engine *e = pvt;

	lm_ctx_stop(e->ctx);
}

static void a_busy_client_does_not_starve_timers(void **state)
{
	struct engine *e = *state;
	lm_timer_t *timer;
	char buf[4];

	node_begin(e);
	timer = lm_timer_create(e->ctx, timer_stops, e);
	assert_non_null(timer);
	lm_timer_arm(timer, 1000000, 0);
	e->access = reads_again;
	reads_again(e, buf, 4, 0, false);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_true(e->nr_accesses > 0);
}

static void client_goes(void)
{
	node_remove();
}

static void a_removed_mdev_ends_lm_ctx_drive(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	drive(e, client_goes, 0);
	assert_int_equal(lm_ctx_drive(e->ctx), -ENODEV);
	assert_int_equal(e->nr_detached, 1);
}

/* The request is answered by a timer, out of turn. */
static void timer_completes(void *pvt)
{
	struct engine *e = pvt;

	assert_int_equal(lm_complete(e->ctx, e->token, 4, "late"), 0);
	lm_ctx_stop(e->ctx);
}

static void late_answers_are_sent_at_once(void **state)
{
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);
	struct engine *e = *state;
	lm_timer_t *timer;
	uint16_t id;
	size_t len;

	node_begin(e);
	e->access = access_deferred;
	timer = lm_timer_create(e->ctx, timer_completes, e);
	assert_non_null(timer);
	lm_timer_arm(timer, 1000000, 0);
	id = node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_memory_equal(node_reply(id, 0, &len) + sizeof(req), "late", 4);
}

/* More replies than the small buffer holds, in one exchange. */
static void client_reads_much(void)
{
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, 0, 4096);
	unsigned int i;

	for (i = 0; rounds && i < 100; i++)
		node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
	if (!rounds--)
		lm_ctx_stop(driven->ctx);
}

static void many_long_replies_find_their_way(void **state)
{
	struct engine *e = *state;
	unsigned int i;
	size_t len;

	node_begin(e);
	drive(e, client_reads_much, 3);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	for (i = 300; i; i--) {
		node_reply((uint16_t)(node.next_id - i + 1), 0, &len);
		assert_int_equal(len, sizeof(struct vfio_user_region_access) + 4096);
	}
}

static void client_writes_much(void)
{
	static char data[100 * 1024];
	size_t len;
	char *payload = write_payload(BAR_PLAIN, 0, data, sizeof(data), &len);

	if (rounds)
		node_queue(VFIO_USER_REGION_WRITE, payload, len, 0);
	if (!rounds--)
		lm_ctx_stop(driven->ctx);
	free(payload);
}

static void long_messages_come_by_exchange(void **state)
{
	struct engine *e = *state;
	unsigned int i;
	size_t len;

	node_begin(e);
	drive(e, client_writes_much, 5);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	for (i = 5; i; i--)
		node_reply((uint16_t)(node.next_id - i + 1), 0, &len);
}

static void busy_polling_reads_and_writes(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_BUSY_POLL;
	node_begin(e);
	node_write32(e, BAR_PLAIN, 0, 9);
	assert_int_equal(node_read32(e, BAR_PLAIN, 0), 9);
	assert_int_equal(node.nr_exchanges, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(the_module_alone_is_no_client),
		NODE_TEST(a_client_that_opens_is_attached),
		NODE_TEST(a_client_that_closes_is_detached),
		NODE_TEST(the_next_client_is_served),
		NODE_TEST(a_client_that_opens_twice_has_left_in_between),
		NODE_TEST(a_short_open_is_no_client),
		NODE_TEST(on_a_socket_nobody_opens),
		NODE_TEST(a_removed_mdev_ends_the_context),
		NODE_TEST(a_removed_mdev_ends_a_device_that_is_late),
		NODE_TEST(a_server_that_is_refused_learns_why),
		NODE_TEST(interrupts_after_the_end_are_lost),
		NODE_TEST(a_replayed_request_is_served_and_marked),
		NODE_TEST(a_command_is_one_system_call),
		NODE_TEST(a_busy_client_does_not_starve_timers),
		NODE_TEST(a_removed_mdev_ends_lm_ctx_drive),
		NODE_TEST(late_answers_are_sent_at_once),
		NODE_TEST(many_long_replies_find_their_way),
		NODE_TEST(long_messages_come_by_exchange),
		NODE_TEST(busy_polling_reads_and_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
