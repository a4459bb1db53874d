/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_stream.c - framing: messages split, joined, too small, too large; descriptors that find
 * their message; batching; a client that does not read.
 */
#include "server/server_client.h"
#include "engine.h"

/* ---- counting system calls ------------------------------------------------------- */

static const struct channel_ops *real_ops;
static unsigned int nr_recvs, nr_sends;

static ssize_t counted_recv(struct channel *ch, void *buf, size_t len, struct channel_fds *fds)
{
	nr_recvs++;
	return real_ops->recv(ch, buf, len, fds);
}

static ssize_t counted_send(struct channel *ch, const void *buf, size_t len,
			    const struct channel_fds *fds)
{
	nr_sends++;
	return real_ops->send(ch, buf, len, fds);
}

static void counted_close(struct channel *ch)
{
	real_ops->close(ch);
}

static const struct channel_ops counted_ops = { counted_recv, counted_send, counted_close };

static void count_calls(struct engine *e)
{
	struct channel *ch = &server_client(e->ctx)->stream.ch;

	real_ops = ch->ops;
	ch->ops = &counted_ops;
	nr_recvs = nr_sends = 0;
}

/* ---- messages -------------------------------------------------------------------- */

/* A write of 8 bytes with its header. */
static size_t put_write(struct engine *e, char *msg, uint64_t offset, uint64_t value)
{
	size_t len;
	char *payload = write_payload(BAR_PLAIN, offset, &value, sizeof(value), &len);

	len = wire_put(msg, ++e->next_id, VFIO_USER_REGION_WRITE, payload, len);
	free(payload);
	return len;
}

static size_t put_read(struct engine *e, char *msg, uint64_t offset, uint32_t count)
{
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, offset, count);

	return wire_put(msg, ++e->next_id, VFIO_USER_REGION_READ, &req, sizeof(req));
}

static uint64_t read64(struct engine *e, uint64_t offset)
{
	uint64_t value;

	memcpy(&value, engine_read(e, BAR_PLAIN, offset, sizeof(value)), sizeof(value));
	return value;
}

/* SET_IRQS that assigns eventfds to @nr MSI vectors from @start. */
static size_t put_assign(struct engine *e, char *msg, uint32_t start, uint32_t nr)
{
	const struct vfio_irq_set req = {
		.argsz = sizeof(req), .index = VFIO_PCI_MSI_IRQ_INDEX, .start = start, .count = nr,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};

	return wire_put(msg, ++e->next_id, VFIO_USER_DEVICE_SET_IRQS, &req, sizeof(req));
}

static void assigned(struct engine *e)
{
	struct wire m;

	engine_reply(e, e->next_id, VFIO_USER_DEVICE_SET_IRQS, &m);
	assert_int_equal(m.len, 0);
}

static void vector_is(struct engine *e, uint32_t vector, int fd)
{
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, vector), 0);
	assert_true(eventfd_take(fd));
}

static void make_eventfds(int *fds, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
}

/* ---- split and joined ------------------------------------------------------------ */

static void a_message_may_be_split_at_every_byte(void **state)
{
	struct engine *e = *state;
	char msg[64];
	size_t len = sizeof(msg), at;

	engine_connect(e);
	for (at = 1; at < len; at++) {
		len = put_write(e, msg, 0, 0x1111111111111111u * at);
		wire_send(e->fd, msg, at);
		engine_no_message(e);
		wire_send(e->fd, msg + at, len - at);
		engine_write_reply(e, e->next_id);
		assert_int_equal(read64(e, 0), 0x1111111111111111u * at);
	}
}

static void a_message_may_come_byte_by_byte(void **state)
{
	struct engine *e = *state;
	char msg[64];
	size_t len, i;

	engine_connect(e);
	len = put_write(e, msg, 8, 0x0123456789abcdef);
	for (i = 0; i < len; i++) {
		wire_send(e->fd, msg + i, 1);
		engine_poll(e);
	}
	engine_write_reply(e, e->next_id);
	assert_int_equal(read64(e, 8), 0x0123456789abcdef);
}

static void joined_messages_may_be_split_at_every_byte(void **state)
{
	struct engine *e = *state;
	char msg[128];
	size_t len = sizeof(msg), at;

	engine_connect(e);
	for (at = 1; at < len; at++) {
		len = put_write(e, msg, 0, at);
		len += put_read(e, msg + len, 0, 8);
		wire_send(e->fd, msg, at);
		engine_poll(e);
		wire_send(e->fd, msg + at, len - at);
		engine_write_reply(e, (uint16_t)(e->next_id - 1));
		assert_int_equal(*engine_read_reply(e, e->next_id, 8), (char)at);
	}
}

static void joined_messages_are_answered_in_order(void **state)
{
	struct engine *e = *state;
	char msgs[3 * 64];
	size_t len = 0;

	engine_connect(e);
	len += put_write(e, msgs + len, 0, 7);
	len += put_read(e, msgs + len, 0, 8);
	len += put_write(e, msgs + len, 0, 8);
	wire_send(e->fd, msgs, len);
	engine_write_reply(e, (uint16_t)(e->next_id - 2));
	assert_int_equal(*engine_read_reply(e, (uint16_t)(e->next_id - 1), 8), 7);
	engine_write_reply(e, e->next_id);
}

static void pipelined_requests_take_one_receive_and_one_send(void **state)
{
	struct engine *e = *state;
	char msgs[64 * 32];
	size_t len = 0;
	uint16_t first;
	int i;

	engine_connect(e);
	first = (uint16_t)(e->next_id + 1);
	for (i = 0; i < 64; i++)
		len += put_read(e, msgs + len, 0, 4);
	wire_send(e->fd, msgs, len);
	count_calls(e);
	assert_int_equal(lm_ctx_poll(e->ctx), 1);
	assert_int_equal(nr_recvs, 1);
	assert_int_equal(nr_sends, 1);
	for (i = 0; i < 64; i++)
		engine_read_reply(e, (uint16_t)(first + i), 4);
}

static void one_request_takes_one_receive_and_one_send(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	count_calls(e);
	engine_send_read(e, BAR_PLAIN, 0, 4);
	assert_int_equal(lm_ctx_poll(e->ctx), 1);
	assert_int_equal(nr_recvs, 1);
	assert_int_equal(nr_sends, 1);
	engine_read_reply(e, e->next_id, 4);
}

static void posted_writes_take_no_send(void **state)
{
	struct engine *e = *state;
	const uint32_t value = 5;

	engine_connect(e);
	count_calls(e);
	engine_post_write(e, BAR_PLAIN, 0, &value, 4);
	engine_poll(e);
	assert_int_equal(nr_sends, 0);
}

static void busy_polling_needs_no_epoll(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_BUSY_POLL;
	engine_start(e);
	engine_negotiate(e, NULL);
	count_calls(e);
	assert_int_equal(lm_ctx_poll(e->ctx), 0);
	assert_int_equal(nr_recvs, 1); /* it has looked */
	engine_send_read(e, BAR_PLAIN, 0, 4);
	assert_int_equal(lm_ctx_poll(e->ctx), 1);
	engine_read_reply(e, e->next_id, 4);
}

/* More small messages than the small buffer holds, so that one is cut off at its end. */
static void more_messages_than_the_buffer_holds(void **state)
{
	struct engine *e = *state;
	const int nr = 2000;
	char *msgs = malloc((size_t)nr * 64);
	size_t len = 0;
	uint16_t first;
	int i;

	engine_connect(e);
	first = (uint16_t)(e->next_id + 1);
	for (i = 0; i < nr; i++)
		len += put_write(e, msgs + len, 0, (uint64_t)i);
	wire_send(e->fd, msgs, len);
	for (i = 0; i < nr; i++)
		engine_write_reply(e, (uint16_t)(first + i));
	assert_int_equal(read64(e, 0), nr - 1);
	free(msgs);
}

/* ---- sizes ----------------------------------------------------------------------- */

/* The header says @size: there is no way on. */
static void size_ends_the_connection(struct engine *e, uint32_t size)
{
	struct vfio_user_header hdr = { .cmd = VFIO_USER_DEVICE_GET_INFO, .msg_size = size };

	engine_connect(e);
	wire_send(e->fd, &hdr, sizeof(hdr));
	engine_is_gone(e);
}

static void a_size_below_a_header_ends_the_connection(void **state)
{
	size_ends_the_connection(*state, 15);
}

static void a_size_of_zero_ends_the_connection(void **state)
{
	size_ends_the_connection(*state, 0);
}

static void a_size_above_the_limit_ends_the_connection(void **state)
{
	size_ends_the_connection(*state, STREAM_MAX_MSG + 1);
}

static void the_largest_size_ends_the_connection(void **state)
{
	size_ends_the_connection(*state, UINT32_MAX);
}

static void a_bad_size_behind_good_messages_lets_those_be_answered(void **state)
{
	struct engine *e = *state;
	char msg[128] = { 0 };
	size_t len;

	engine_connect(e);
	len = put_read(e, msg, 0, 4);
	wire_send(e->fd, msg, len + sizeof(struct vfio_user_header));
	engine_read_reply(e, e->next_id, 4);
	engine_is_gone(e);
}

static void the_largest_write_arrives(void **state)
{
	struct engine *e = *state;
	char *data = malloc(STREAM_MAX_DATA), *payload, *msg;
	size_t len, i;

	for (i = 0; i < STREAM_MAX_DATA; i++)
		data[i] = (char)(i * 7 + (i >> 8));
	engine_connect(e);
	payload = write_payload(BAR_PLAIN, 4096, data, STREAM_MAX_DATA, &len);
	msg = malloc(sizeof(struct vfio_user_header) + len);
	len = wire_put(msg, 99, VFIO_USER_REGION_WRITE, payload, len);
	engine_send_long(e, msg, len);
	engine_write_reply(e, 99);
	assert_memory_equal(engine_read(e, BAR_PLAIN, 4096, STREAM_MAX_DATA), data,
			    STREAM_MAX_DATA);
	free(msg);
	free(payload);
	free(data);
}

static void a_write_above_the_largest_is_refused(void **state)
{
	struct engine *e = *state;
	const uint32_t count = STREAM_MAX_DATA + 1;
	char *data = calloc(1, count), *payload, *msg;
	size_t len;

	engine_connect(e);
	payload = write_payload(BAR_PLAIN, 0, data, count, &len);
	msg = malloc(sizeof(struct vfio_user_header) + len);
	len = wire_put(msg, 99, VFIO_USER_REGION_WRITE, payload, len);
	engine_send_long(e, msg, len);
	engine_reply_error(e, 99, VFIO_USER_REGION_WRITE, EINVAL);
	engine_is_alive(e);
	free(msg);
	free(payload);
	free(data);
}

static void a_read_above_the_largest_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_read_fails(e, BAR_PLAIN, 0, STREAM_MAX_DATA + 1, EINVAL);
}

static void large_buffers_are_given_back(void **state)
{
	struct engine *e = *state;
	const struct stream *s;
	char *data = calloc(1, 100000);

	engine_connect(e);
	s = &server_client(e->ctx)->stream;
	engine_write(e, BAR_PLAIN, 0, data, 100000);
	engine_read(e, BAR_PLAIN, 0, STREAM_MAX_DATA);
	engine_is_alive(e);
	assert_int_equal(s->rx.size, STREAM_SMALL);
	assert_int_equal(s->tx.size, STREAM_SMALL);
	free(data);
}

static void a_large_message_cut_off_by_the_end_does_no_harm(void **state)
{
	struct engine *e = *state;
	struct vfio_user_header hdr = {
		.cmd = VFIO_USER_REGION_WRITE, .msg_size = STREAM_MAX_MSG };

	engine_connect(e);
	wire_send(e->fd, &hdr, sizeof(hdr));
	wire_send(e->fd, "some bytes of it", 16);
	engine_poll(e);
	shutdown(e->fd, SHUT_WR);
	engine_is_gone(e);
}

/* ---- descriptors ----------------------------------------------------------------- */

/* Assigns two vectors; the message is split at @at and the descriptors go with part @with. */
static void assign_split(struct engine *e, const int *fds, size_t at, int with)
{
	char msg[64];
	const size_t len = put_assign(e, msg, 0, 2);

	wire_send_fds(e->fd, msg, at, fds, with == 0 ? 2 : 0);
	engine_poll(e);
	wire_send_fds(e->fd, msg + at, len - at, fds, with == 1 ? 2 : 0);
	assigned(e);
	vector_is(e, 0, fds[0]);
	vector_is(e, 1, fds[1]);
}

static void descriptors_with_the_first_part_of_a_message(void **state)
{
	struct engine *e = *state;
	size_t at;
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	for (at = 1; at < 36; at++)
		assign_split(e, fds, at, 0);
	close_fds(fds, 2);
}

static void descriptors_with_the_second_part_of_a_message(void **state)
{
	struct engine *e = *state;
	size_t at;
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	for (at = 1; at < 36; at++)
		assign_split(e, fds, at, 1);
	close_fds(fds, 2);
}

static void descriptors_in_two_parts_are_put_together(void **state)
{
	struct engine *e = *state;
	char msg[64];
	size_t len;
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	len = put_assign(e, msg, 0, 2);
	wire_send_fds(e->fd, msg, 10, &fds[0], 1);
	wire_send_fds(e->fd, msg + 10, len - 10, &fds[1], 1);
	assigned(e);
	vector_is(e, 0, fds[0]);
	vector_is(e, 1, fds[1]);
	close_fds(fds, 2);
}

static void descriptors_of_joined_messages_stay_apart(void **state)
{
	struct engine *e = *state;
	char msg[64];
	int fds[4];
	uint32_t i;
	struct wire m;

	engine_connect(e);
	make_eventfds(fds, 4);
	for (i = 0; i < 4; i++)
		wire_send_fds(e->fd, msg, put_assign(e, msg, i, 1), &fds[i], 1);
	for (i = 0; i < 4; i++)
		assert_true(wire_recv(e, e->fd, &m));
	for (i = 0; i < 4; i++)
		vector_is(e, i, fds[i]);
	close_fds(fds, 4);
}

static void descriptors_behind_other_messages_find_theirs(void **state)
{
	struct engine *e = *state;
	char msg[64];
	int fd = eventfd(0, EFD_NONBLOCK);
	struct wire m;

	engine_connect(e);
	wire_send(e->fd, msg, put_read(e, msg, 0, 4));
	wire_send_fds(e->fd, msg, put_assign(e, msg, 2, 1), &fd, 1);
	wire_send(e->fd, msg, put_read(e, msg, 0, 4));
	engine_read_reply(e, 2, 4);
	engine_reply(e, 3, VFIO_USER_DEVICE_SET_IRQS, &m);
	engine_read_reply(e, 4, 4);
	vector_is(e, 2, fd);
	close(fd);
}

static void unwanted_descriptors_are_closed(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_info info = { .argsz = sizeof(info) };
	unsigned int before;
	struct wire m;
	int fds[8];

	engine_connect(e);
	make_eventfds(fds, 8);
	before = count_fds();
	engine_reply(e,
		     engine_command_fds(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), fds, 8),
		     VFIO_USER_DEVICE_GET_INFO, &m);
	assert_int_equal(count_fds(), before);
	close_fds(fds, 8);
}

static void descriptors_with_an_unknown_command_are_closed(void **state)
{
	struct engine *e = *state;
	unsigned int before;
	int fds[8];

	engine_connect(e);
	make_eventfds(fds, 8);
	before = count_fds();
	engine_reply_error(e, engine_command_fds(e, 1000, "", 0, fds, 8), 1000, ENOSYS);
	assert_int_equal(count_fds(), before);
	close_fds(fds, 8);
}

static void more_descriptors_than_agreed_are_refused_and_closed(void **state)
{
	struct engine *e = *state;
	unsigned int before;
	char msg[64];
	int fds[17];

	engine_connect(e);
	make_eventfds(fds, 17);
	before = count_fds();
	wire_send_fds(e->fd, msg, put_assign(e, msg, 0, 4), fds, 17);
	engine_reply_error(e, e->next_id, VFIO_USER_DEVICE_SET_IRQS, EINVAL);
	assert_int_equal(count_fds(), before);
	close_fds(fds, 17);
}

static void too_many_descriptors_in_parts_are_refused_and_closed(void **state)
{
	struct engine *e = *state;
	unsigned int before;
	char msg[64];
	size_t len;
	int fds[20];

	engine_connect(e);
	make_eventfds(fds, 20);
	before = count_fds();
	len = put_assign(e, msg, 0, 4);
	wire_send_fds(e->fd, msg, 8, fds, 10);
	wire_send_fds(e->fd, msg + 8, len - 8, fds + 10, 10);
	engine_reply_error(e, e->next_id, VFIO_USER_DEVICE_SET_IRQS, EINVAL);
	assert_int_equal(count_fds(), before);
	close_fds(fds, 20);
}

static void descriptors_with_every_byte_do_not_pile_up(void **state)
{
	struct engine *e = *state;
	char msg[64];
	int fds[16], i;

	engine_connect(e);
	make_eventfds(fds, 16);
	put_assign(e, msg, 0, 2);
	for (i = 0; i < 30; i++) {
		wire_send_fds(e->fd, msg + i, 1, fds, 16);
		if (lm_ctx_poll(e->ctx) < 0)
			break;
	}
	close_fds(fds, 16);
	engine_is_gone(e);
}

static void descriptors_of_an_unfinished_message_are_closed_at_the_end(void **state)
{
	struct engine *e = *state;
	char msg[64];
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	put_assign(e, msg, 0, 2);
	wire_send_fds(e->fd, msg, 20, fds, 2);
	close_fds(fds, 2);
	engine_poll(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
}

static void received_descriptors_are_closed_on_exec(void **state)
{
	struct engine *e = *state;
	const struct client *c;
	char msg[64];
	int fds[1];

	engine_connect(e);
	c = server_client(e->ctx);
	make_eventfds(fds, 1);
	put_assign(e, msg, 0, 1);
	wire_send_fds(e->fd, msg, 20, fds, 1);
	close_fds(fds, 1);
	engine_poll(e);
	assert_int_equal(c->stream.nr_arrived, 1);
	assert_int_equal(fcntl(c->stream.arrived[0].fds.fd[0], F_GETFD), FD_CLOEXEC);
}

/* ---- a client that does not read ------------------------------------------------- */

#define UNREAD_NR   400
#define UNREAD_SIZE 16384u

static void send_unread(struct engine *e)
{
	static char msgs[UNREAD_NR * 32];
	size_t len = 0;
	int i;

	for (i = 0; i < UNREAD_NR; i++)
		len += put_read(e, msgs + len, 0, UNREAD_SIZE);
	wire_send(e->fd, msgs, len);
}

static void replies_that_nobody_reads_do_not_pile_up(void **state)
{
	struct engine *e = *state;
	const struct stream *s;

	engine_connect(e);
	s = &server_client(e->ctx)->stream;
	send_unread(e);
	engine_poll(e);
	assert_in_range(s->tx.size, STREAM_SMALL, STREAM_BIG);
	assert_in_range(s->rx.size, STREAM_SMALL, STREAM_BIG);
}

static void a_client_that_does_not_read_costs_no_time(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_unread(e);
	engine_poll(e);
	assert_int_equal(lm_ctx_poll(e->ctx), 0);
}

static void replies_continue_when_the_client_reads(void **state)
{
	struct engine *e = *state;
	uint16_t first;
	int i;

	engine_connect(e);
	first = (uint16_t)(e->next_id + 1);
	send_unread(e);
	engine_poll(e);
	for (i = 0; i < UNREAD_NR; i++)
		engine_read_reply(e, (uint16_t)(first + i), UNREAD_SIZE);
	engine_no_message(e);
}

static void writes_behind_unread_replies_are_done_once(void **state)
{
	struct engine *e = *state;
	const uint32_t value = 1;
	struct wire m;
	int i;

	engine_connect(e);
	send_unread(e);
	engine_send_write(e, BAR_RAW, 0, &value, 4);
	engine_poll(e);
	for (i = 0; i < UNREAD_NR; i++)
		assert_true(wire_recv(e, e->fd, &m));
	engine_write_reply(e, e->next_id);
	assert_int_equal(e->nr_accesses, 1);
}

static void descriptors_of_a_request_that_waits_for_room_are_kept(void **state)
{
	struct engine *e = *state;
	char msg[64];
	struct wire m;
	int fd = eventfd(0, EFD_NONBLOCK), i;

	engine_connect(e);
	send_unread(e);
	wire_send_fds(e->fd, msg, put_assign(e, msg, 1, 1), &fd, 1);
	engine_poll(e);
	for (i = 0; i < UNREAD_NR; i++)
		assert_true(wire_recv(e, e->fd, &m));
	assigned(e);
	vector_is(e, 1, fd);
	close(fd);
}

static void a_client_may_leave_without_having_read(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_unread(e);
	engine_poll(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_may_be_split_at_every_byte),
		TEST(a_message_may_come_byte_by_byte),
		TEST(joined_messages_may_be_split_at_every_byte),
		TEST(joined_messages_are_answered_in_order),
		TEST(pipelined_requests_take_one_receive_and_one_send),
		TEST(one_request_takes_one_receive_and_one_send),
		TEST(posted_writes_take_no_send),
		TEST(busy_polling_needs_no_epoll),
		TEST(more_messages_than_the_buffer_holds),
		TEST(a_size_below_a_header_ends_the_connection),
		TEST(a_size_of_zero_ends_the_connection),
		TEST(a_size_above_the_limit_ends_the_connection),
		TEST(the_largest_size_ends_the_connection),
		TEST(a_bad_size_behind_good_messages_lets_those_be_answered),
		TEST(the_largest_write_arrives),
		TEST(a_write_above_the_largest_is_refused),
		TEST(a_read_above_the_largest_is_refused),
		TEST(large_buffers_are_given_back),
		TEST(a_large_message_cut_off_by_the_end_does_no_harm),
		TEST(descriptors_with_the_first_part_of_a_message),
		TEST(descriptors_with_the_second_part_of_a_message),
		TEST(descriptors_in_two_parts_are_put_together),
		TEST(descriptors_of_joined_messages_stay_apart),
		TEST(descriptors_behind_other_messages_find_theirs),
		TEST(unwanted_descriptors_are_closed),
		TEST(descriptors_with_an_unknown_command_are_closed),
		TEST(more_descriptors_than_agreed_are_refused_and_closed),
		TEST(too_many_descriptors_in_parts_are_refused_and_closed),
		TEST(descriptors_with_every_byte_do_not_pile_up),
		TEST(descriptors_of_an_unfinished_message_are_closed_at_the_end),
		TEST(received_descriptors_are_closed_on_exec),
		TEST(replies_that_nobody_reads_do_not_pile_up),
		TEST(a_client_that_does_not_read_costs_no_time),
		TEST(replies_continue_when_the_client_reads),
		TEST(writes_behind_unread_replies_are_done_once),
		TEST(descriptors_of_a_request_that_waits_for_room_are_kept),
		TEST(a_client_may_leave_without_having_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
