/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client.c - requests and replies of a client against servers of every kind: slow, terse,
 * wrong, silent, hostile.
 */
#include "wire/stream.h"
#include "fake_server.h"
#include "muser.h"

static void read_expect(lm_client_t *c, uint64_t offset, int expected)
{
	uint8_t buf[4] = { 0xee, 0xee, 0xee, 0xee };
	int i;

	assert_int_equal(lm_client_region_read(c, 0, offset, buf, sizeof(buf)), expected);
	for (i = 0; !expected && i < 4; i++)
		assert_int_equal(buf[i], (uint8_t)(offset + (uint64_t)i));
}

/* One read against @script; then the connection has this status. */
static void one_read(void (*script)(struct fake *f), int expected, int status)
{
	struct fake f = { .script = script };
	lm_client_t *c = fake_client(&f, NULL);

	read_expect(c, 0x10, expected);
	assert_int_equal(lm_client_status(c), status);
	if (status)
		read_expect(c, 0, status);
	lm_client_close(c);
	fake_join(&f);
}

/* ---- well-behaved ----------------------------------------------------------- */

static void script_read(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_answer_read(f);
}

static void test_read_gives_bytes(void **state)
{
	one_read(script_read, 0, 0);
}

static void script_bytewise(struct fake *f)
{
	char buf[64];
	size_t size, i;

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	size = fake_read_reply(f, buf);
	for (i = 0; i < size; i++) {
		fake_write(f, buf + i, 1);
		usleep(200);
	}
}

static void test_reply_split_into_bytes(void **state)
{
	struct fake f = { .script = script_bytewise };
	lm_client_t *c = fake_client(&f, NULL);

	read_expect(c, 7, 0);
	lm_client_close(c);
	fake_join(&f);
}

static void script_two_joined(struct fake *f)
{
	char buf[128];
	size_t size = 0;
	int i;

	for (i = 0; i < 2; i++) {
		if (fake_expect(f, VFIO_USER_REGION_READ))
			size += fake_read_reply(f, buf + size);
	}
	fake_write(f, buf, size);
}

static void test_replies_joined_in_one_segment(void **state)
{
	struct fake f = { .script = script_two_joined };
	lm_client_t *c = fake_client(&f, NULL);
	uint8_t bufs[2][4];
	lm_client_op_t ops[2] = {
		{ .kind = LM_CLIENT_READ, .offset = 1, .buf = bufs[0], .count = 4 },
		{ .kind = LM_CLIENT_READ, .offset = 8, .buf = bufs[1], .count = 4 },
	};

	assert_int_equal(lm_client_queue(c, &ops[0]), 0);
	assert_int_equal(lm_client_queue(c, &ops[1]), 0);
	assert_int_equal(lm_client_wait(c, 0), 0);
	assert_int_equal(ops[0].result, 0);
	assert_int_equal(ops[1].result, 0);
	assert_int_equal(bufs[0][3], 4);
	assert_int_equal(bufs[1][0], 8);
	lm_client_close(c);
	fake_join(&f);
}

/* ---- errors that the server reports ----------------------------------------- */

static uint32_t error_to_report;

static void script_error(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_reply_error(f, error_to_report);
}

static void error_is(uint32_t error_no, int expected)
{
	error_to_report = error_no;
	one_read(script_error, expected, 0);
}

static void test_error_is_given_back(void **state)
{
	error_is(ENXIO, -ENXIO);
}

static void test_error_without_number_is_eio(void **state)
{
	error_is(0, -EIO);
}

static void test_error_beyond_errno_is_eio(void **state)
{
	error_is(0x80000000u, -EIO);
	error_is(4096, -EIO);
}

static void test_error_einprogress_is_no_wait(void **state)
{
	error_is(EINPROGRESS, -EIO);
}

/* Some servers echo the request behind an error: what counts is the error. */
static void script_error_with_payload(struct fake *f)
{
	struct vfio_user_header hdr;
	char buf[64];

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	hdr = fake_reply_hdr(f);
	hdr.flags |= VFIO_USER_F_ERROR;
	hdr.error_no = EPERM;
	fake_write(f, buf, fake_message(buf, hdr, f->payload, f->len));
}

static void test_error_with_payload(void **state)
{
	one_read(script_error_with_payload, -EPERM, 0);
}

/* ---- replies that are wrong ------------------------------------------------- */

static void script_short(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_reply(f, f->payload, 8);
}

static void test_short_reply_fails_the_request_alone(void **state)
{
	one_read(script_short, -EPROTO, 0);
}

static void script_without_data(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_reply(f, f->payload, f->len);
}

static void test_reply_without_its_data(void **state)
{
	one_read(script_without_data, -EPROTO, 0);
}

static void script_too_much(struct fake *f)
{
	char buf[256] = { 0 };

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	memcpy(buf, f->payload, f->len);
	fake_reply(f, buf, sizeof(buf));
}

static void test_reply_with_too_much_data(void **state)
{
	one_read(script_too_much, -EPROTO, 0);
}

static void script_other_offset(struct fake *f)
{
	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	f->payload[0] ^= 1;
	fake_answer_read(f);
}

static void test_reply_about_another_offset(void **state)
{
	one_read(script_other_offset, -EPROTO, 0);
}

static void script_wrong_id(struct fake *f)
{
	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	f->hdr.msg_id ^= 0x100;
	fake_answer_read(f);
}

static void test_reply_to_nobody_ends_the_connection(void **state)
{
	one_read(script_wrong_id, -EPROTO, -EPROTO);
}

static void script_wrong_command(struct fake *f)
{
	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	f->hdr.cmd = VFIO_USER_REGION_WRITE;
	fake_answer_read(f);
}

static void test_reply_of_another_command_ends_the_connection(void **state)
{
	one_read(script_wrong_command, -EPROTO, -EPROTO);
}

static void script_twice(struct fake *f)
{
	char buf[128];
	size_t size;

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	size = fake_read_reply(f, buf);
	memcpy(buf + size, buf, size);
	fake_write(f, buf, 2 * size);
}

/* The answer counts; what comes behind it does not go unnoticed. */
static void test_second_reply_ends_the_connection(void **state)
{
	one_read(script_twice, 0, -EPROTO);
}

static void script_unknown_type(struct fake *f)
{
	struct vfio_user_header hdr;
	char buf[16];

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	hdr = fake_reply_hdr(f);
	hdr.flags = 2;
	fake_write(f, buf, fake_message(buf, hdr, NULL, 0));
}

static void test_message_of_no_type_ends_the_connection(void **state)
{
	one_read(script_unknown_type, -EPROTO, -EPROTO);
}

static uint32_t size_to_claim;

static void script_size(struct fake *f)
{
	struct vfio_user_header hdr;

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	hdr = fake_reply_hdr(f);
	hdr.msg_size = size_to_claim;
	fake_write(f, &hdr, sizeof(hdr));
}

static void test_sizes_that_cannot_be(void **state)
{
	const uint32_t sizes[] = { 0, 15, 0x7fffffff, 0xffffffff, (1u << 20) + 4096 };
	size_t i;

	for (i = 0; i < LM_NR(sizes); i++) {
		size_to_claim = sizes[i];
		one_read(script_size, -EPROTO, -EPROTO);
	}
}

static void script_answers_posted(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_WRITE)) {
		FAKE_CHECK(f, f->hdr.flags & VFIO_USER_F_NO_REPLY);
		fake_reply(f, f->payload, 16);
	}
}

static void test_answer_to_a_posted_write_ends_the_connection(void **state)
{
	struct fake f = { .script = script_answers_posted };
	lm_client_t *c = fake_client(&f, NULL);
	const uint32_t value = 1;

	assert_int_equal(lm_client_region_write_posted(c, 0, 0, &value, 4), 0);
	read_expect(c, 0, -EPROTO);
	lm_client_close(c);
	fake_join(&f);
}

/* ---- descriptors that nobody asked for -------------------------------------- */

static void script_surplus_fds(struct fake *f)
{
	const int fds[] = { 0, 1, 2 };
	char buf[64];

	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_write_fds(f, buf, fake_read_reply(f, buf), fds, 3);
}

static void test_surplus_descriptors_are_closed(void **state)
{
	one_read(script_surplus_fds, 0, 0);
}

static int lingers = -1;

static void script_lingering_fd(struct fake *f)
{
	char buf[64];

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	fake_write_fds(f, buf, fake_read_reply(f, buf), &lingers, 1);
	close(lingers);
}

/* Closing it would wait for the test. */
static void test_descriptor_that_lingers_makes_nobody_wait(void **state)
{
	int peer;

	lingers = fds_lingering(&peer);
	one_read(script_lingering_fd, 0, 0);
	close(peer);
}

static void script_flood_of_fds(struct fake *f)
{
	struct vfio_user_header hdr;
	const int fds[16] = { 0 };
	int i;

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	hdr = fake_reply_hdr(f);
	hdr.msg_size = 4096;
	fake_write(f, &hdr, sizeof(hdr));
	for (i = 0; i < 2 * (int)STREAM_FD_SETS; i++) {
		fake_write_fds(f, "x", 1, fds, 16);
		usleep(1000);
	}
}

/* A message that never ends, with descriptors in every byte of it. */
static void test_flood_of_descriptors_ends_the_connection(void **state)
{
	one_read(script_flood_of_fds, -EPROTO, -EPROTO);
}

/* ---- silence and the end ---------------------------------------------------- */

static void script_late(struct fake *f)
{
	char first[64];
	size_t size;

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	size = fake_read_reply(f, first);
	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	fake_write(f, first, size);
	fake_answer_read(f);
}

static void test_timeout_then_late_reply_is_dropped(void **state)
{
	struct fake f = { .script = script_late };
	lm_client_t *c = fake_client(&f, NULL);
	const uint64_t start = fake_now_ms();

	lm_client_set_timeout(c, FAKE_QUICK_MS);
	read_expect(c, 1, -ETIMEDOUT);
	assert_in_range(fake_now_ms() - start, FAKE_QUICK_MS - 10, 2000);
	assert_int_equal(lm_client_status(c), 0);
	lm_client_set_timeout(c, 0);
	read_expect(c, 2, 0);
	lm_client_close(c);
	fake_join(&f);
}

static void script_wait_for_close(struct fake *f)
{
	while (fake_recv(f))
		;
}

static void test_every_slot_taken_by_the_unanswered_times_out(void **state)
{
	const lm_client_options_t shallow = { .queue_depth = 4 };
	struct fake f = { .script = script_wait_for_close };
	lm_client_t *c = fake_client(&f, &shallow);
	int i;

	lm_client_set_timeout(c, 5);
	for (i = 0; i < 6; i++)
		read_expect(c, 0, -ETIMEDOUT);
	assert_int_equal(lm_client_status(c), 0);
	lm_client_close(c);
	fake_join(&f);
}

static void script_never_reads(struct fake *f)
{
	struct pollfd p = { .fd = f->fd, .events = 0 };

	poll(&p, 1, 4000); /* until the client hangs up */
}

static void test_server_that_does_not_read(void **state)
{
	struct fake f = { .script = script_never_reads };
	lm_client_t *c = fake_client(&f, NULL);
	static char data[1 << 20];

	lm_client_set_timeout(c, 50);
	/* Not all of it can be sent: what follows would be taken for the rest. */
	assert_int_equal(lm_client_region_write(c, 0, 0, data, sizeof(data)), -ETIMEDOUT);
	assert_int_equal(lm_client_status(c), -ETIMEDOUT);
	lm_client_close(c);
	fake_join(&f);
}

static void script_floods(struct fake *f)
{
	const struct vfio_user_header hdr = {
		.cmd = VFIO_USER_DMA_WRITE, .flags = VFIO_USER_F_NO_REPLY,
	};
	const struct vfio_user_dma_region_access req = { .count = 1u << 30 };
	const struct timeval quick = { .tv_usec = 300000 };
	char buf[sizeof(hdr) + sizeof(req)];
	const size_t size = fake_message(buf, hdr, &req, sizeof(req));

	setsockopt(f->fd, SOL_SOCKET, SO_SNDTIMEO, &quick, sizeof(quick));
	while (send(f->fd, buf, size, MSG_NOSIGNAL) > 0)
		;
}

static void test_server_that_never_stops_sending(void **state)
{
	struct fake f = { .script = script_floods };
	lm_client_t *c = fake_client(&f, NULL);
	const uint64_t start = fake_now_ms();

	lm_client_set_timeout(c, FAKE_QUICK_MS);
	read_expect(c, 0, -ETIMEDOUT);
	assert_in_range(fake_now_ms() - start, FAKE_QUICK_MS - 10, 2000);
	lm_client_close(c);
	fake_join(&f);
}

static void script_hangs_up(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_READ))
		shutdown(f->fd, SHUT_RDWR);
}

static void test_server_that_hangs_up(void **state)
{
	one_read(script_hangs_up, -ENOTCONN, -ENOTCONN);
}

static void script_hangs_up_in_a_message(struct fake *f)
{
	char buf[64];

	if (!fake_expect(f, VFIO_USER_REGION_READ))
		return;
	fake_write(f, buf, fake_read_reply(f, buf) - 1);
	shutdown(f->fd, SHUT_RDWR);
}

static void test_server_that_hangs_up_in_a_message(void **state)
{
	one_read(script_hangs_up_in_a_message, -ENOTCONN, -ENOTCONN);
}

static void test_busy_poll_waits_and_times_out(void **state)
{
	const lm_client_options_t busy = { .flags = LM_CLIENT_BUSY_POLL };
	struct fake f = { .script = script_late };
	lm_client_t *c = fake_client(&f, &busy);

	lm_client_set_timeout(c, FAKE_QUICK_MS);
	read_expect(c, 1, -ETIMEDOUT);
	lm_client_set_timeout(c, 3000);
	read_expect(c, 2, 0);
	lm_client_close(c);
	fake_join(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_read_gives_bytes),
		fake_test(test_reply_split_into_bytes),
		fake_test(test_replies_joined_in_one_segment),
		fake_test(test_error_is_given_back),
		fake_test(test_error_without_number_is_eio),
		fake_test(test_error_beyond_errno_is_eio),
		fake_test(test_error_einprogress_is_no_wait),
		fake_test(test_error_with_payload),
		fake_test(test_short_reply_fails_the_request_alone),
		fake_test(test_reply_without_its_data),
		fake_test(test_reply_with_too_much_data),
		fake_test(test_reply_about_another_offset),
		fake_test(test_reply_to_nobody_ends_the_connection),
		fake_test(test_reply_of_another_command_ends_the_connection),
		fake_test(test_second_reply_ends_the_connection),
		fake_test(test_message_of_no_type_ends_the_connection),
		fake_test(test_sizes_that_cannot_be),
		fake_test(test_answer_to_a_posted_write_ends_the_connection),
		fake_test(test_surplus_descriptors_are_closed),
		fake_test(test_descriptor_that_lingers_makes_nobody_wait),
		fake_test(test_flood_of_descriptors_ends_the_connection),
		fake_test(test_timeout_then_late_reply_is_dropped),
		fake_test(test_every_slot_taken_by_the_unanswered_times_out),
		fake_test(test_server_that_does_not_read),
		fake_test(test_server_that_never_stops_sending),
		fake_test(test_server_that_hangs_up),
		fake_test(test_server_that_hangs_up_in_a_message),
		fake_test(test_busy_poll_waits_and_times_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
