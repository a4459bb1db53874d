/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_loop.c - requests in flight: waiting for some, giving up, callbacks, and a program
 * with a loop of its own.
 */
#include <stdint.h>
#include <sys/epoll.h>

#include "fake_server.h"

static void script_answer_reads(struct fake *f)
{
	while (fake_recv(f)) {
		if (f->hdr.cmd == VFIO_USER_REGION_READ)
			fake_answer_read(f);
	}
}

static void script_silent(struct fake *f)
{
	while (fake_recv(f))
		;
}

static uint8_t bytes[16];

static lm_client_op_t read_op(unsigned int i)
{
	return (lm_client_op_t){
		.kind = LM_CLIENT_READ, .offset = i, .buf = &bytes[i], .count = 1,
	};
}

/* ---- waiting and giving up -------------------------------------------------- */

static void script_answer_two(struct fake *f)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (fake_expect(f, VFIO_USER_REGION_READ))
			fake_answer_read(f);
	}
	while (fake_recv(f))
		;
}

static void test_wait_until_few_are_left(void **state)
{
	struct fake f = { .script = script_answer_two };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t ops[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ops[i] = read_op(i);
		assert_int_equal(lm_client_queue(c, &ops[i]), 0);
	}
	assert_int_equal(lm_client_wait(c, 1), 0);
	assert_int_equal(lm_client_pending(c), 1);
	assert_int_equal(ops[1].result, 0);
	assert_int_equal(ops[2].result, -EINPROGRESS);
	assert_int_equal(lm_client_wait(c, 1), 0);
	lm_client_cancel(c);
	assert_int_equal(ops[2].result, -ECANCELED);
	assert_int_equal(lm_client_pending(c), 0);
	lm_client_close(c);
	fake_join(&f);
}

static void test_wait_times_out(void **state)
{
	struct fake f = { .script = script_answer_two };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t ops[3];
	unsigned int i;

	lm_client_set_timeout(c, FAKE_QUICK_MS);
	for (i = 0; i < 3; i++) {
		ops[i] = read_op(i);
		assert_int_equal(lm_client_queue(c, &ops[i]), 0);
	}
	assert_int_equal(lm_client_wait(c, 0), -ETIMEDOUT);
	assert_int_equal(ops[1].result, 0);
	assert_int_equal(ops[2].result, -ETIMEDOUT);
	assert_int_equal(lm_client_pending(c), 0);
	assert_int_equal(lm_client_status(c), 0);
	lm_client_close(c);
	fake_join(&f);
}

static void test_close_ends_what_waits(void **state)
{
	struct fake f = { .script = script_silent };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t op = read_op(0);

	assert_int_equal(lm_client_queue(c, &op), 0);
	assert_int_equal(lm_client_flush(c), 0);
	lm_client_close(c);
	assert_int_equal(op.result, -ECANCELED);
	fake_join(&f);
}

static void test_queue_is_bounded(void **state)
{
	const lm_client_options_t shallow = { .queue_depth = 3 };
	struct fake f = { .script = script_answer_reads };
	lm_client_t *c = fake_client(&f, &shallow);
	lm_client_op_t ops[5];
	unsigned int i;

	/* The depth is a power of two. */
	for (i = 0; i < 4; i++) {
		ops[i] = read_op(i);
		assert_int_equal(lm_client_queue(c, &ops[i]), 0);
	}
	ops[4] = read_op(4);
	assert_int_equal(lm_client_queue(c, &ops[4]), -EAGAIN);
	assert_int_equal(lm_client_wait(c, 3), 0);
	assert_int_equal(lm_client_queue(c, &ops[4]), 0);
	assert_int_equal(lm_client_wait(c, 0), 0);
	assert_int_equal(bytes[4], 4);
	lm_client_close(c);
	fake_join(&f);
}

/* 65,536 ids come round; those that were given up stay taken until their replies come. */
static void script_answer_all_but_one(struct fake *f)
{
	char kept[64];
	size_t size = 0;

	while (fake_recv(f)) {
		struct vfio_user_region_access req;

		memcpy(&req, f->payload, sizeof(req));
		if (req.offset == 99) {
			size = fake_read_reply(f, kept);
			continue;
		}
		fake_answer_read(f);
		if (req.offset == 77)
			fake_write(f, kept, size);
	}
}

static void test_ids_come_round(void **state)
{
	const lm_client_options_t shallow = { .queue_depth = 4 };
	struct fake f = { .script = script_answer_all_but_one };
	lm_client_t *c = fake_client(&f, &shallow);
	lm_client_op_t ops[2];
	uint8_t byte;
	unsigned int i;

	lm_client_set_timeout(c, FAKE_QUICK_MS);
	assert_int_equal(lm_client_region_read(c, 0, 99, &byte, 1), -ETIMEDOUT);
	lm_client_set_timeout(c, 0);
	for (i = 0; i < 70000; i += 2) {
		ops[0] = read_op(i % 16);
		ops[1] = read_op(i % 16 + 1);
		assert_int_equal(lm_client_queue(c, &ops[0]), 0);
		assert_int_equal(lm_client_queue(c, &ops[1]), 0);
		assert_int_equal(lm_client_wait(c, 0), 0);
		assert_int_equal(ops[1].result, 0);
	}
	assert_int_equal(lm_client_region_read(c, 0, 77, &byte, 1), 0);
	assert_int_equal(lm_client_region_read(c, 0, 78, &byte, 1), 0);
	assert_int_equal(lm_client_status(c), 0);
	lm_client_close(c);
	fake_join(&f);
}

static void script_reverse(struct fake *f)
{
	char replies[4][64];
	size_t sizes[4];
	int i;

	for (i = 0; i < 4; i++) {
		if (fake_expect(f, VFIO_USER_REGION_READ))
			sizes[i] = fake_read_reply(f, replies[i]);
	}
	while (i--)
		fake_write(f, replies[i], sizes[i]);
}

static void test_replies_in_any_order(void **state)
{
	struct fake f = { .script = script_reverse };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t ops[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		ops[i] = read_op(i);
		assert_int_equal(lm_client_queue(c, &ops[i]), 0);
	}
	assert_int_equal(lm_client_wait(c, 0), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(bytes[i], i);
	lm_client_close(c);
	fake_join(&f);
}

static void script_hang_up(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_answer_read(f);
	fake_recv(f);
	fake_recv(f);
	shutdown(f->fd, SHUT_RDWR);
}

static void test_hang_up_ends_all(void **state)
{
	struct fake f = { .script = script_hang_up };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t ops[3], more = read_op(0);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ops[i] = read_op(i);
		assert_int_equal(lm_client_queue(c, &ops[i]), 0);
	}
	assert_int_equal(lm_client_wait(c, 0), -ENOTCONN);
	assert_int_equal(ops[0].result, 0);
	assert_int_equal(ops[1].result, -ENOTCONN);
	assert_int_equal(ops[2].result, -ENOTCONN);
	assert_int_equal(lm_client_queue(c, &more), -ENOTCONN);
	assert_int_equal(lm_client_flush(c), -ENOTCONN);
	assert_int_equal(lm_client_process(c), -ENOTCONN);
	lm_client_close(c);
	fake_join(&f);
}

/* ---- callbacks -------------------------------------------------------------- */

struct chain {
	lm_client_t *client;
	unsigned int left;
	int          waited; /* what the client says when one waits inside */
};

static void chain_next(lm_client_op_t *op)
{
	struct chain *chain = op->pvt;
	uint8_t byte;

	chain->waited = lm_client_region_read(chain->client, 0, 0, &byte, 1);
	if (op->result || !chain->left)
		return;
	chain->left--;
	op->offset++;
	if (lm_client_queue(chain->client, op))
		chain->left = 1000;
}

static void test_callback_queues_the_next(void **state)
{
	struct fake f = { .script = script_answer_reads };
	lm_client_t *c = fake_client(&f, NULL);
	struct chain chain = { .client = c, .left = 50 };
	lm_client_op_t op = read_op(0);

	op.done = chain_next;
	op.pvt = &chain;
	assert_int_equal(lm_client_queue(c, &op), 0);
	assert_int_equal(lm_client_wait(c, 0), 0);
	assert_int_equal(chain.left, 0);
	assert_int_equal(op.offset, 50);
	assert_int_equal(bytes[0], 50);
	assert_int_equal(chain.waited, -EDEADLK);
	lm_client_close(c);
	fake_join(&f);
}

static void script_bad_second(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_answer_read(f);
	if (fake_expect(f, VFIO_USER_REGION_READ)) {
		f->hdr.msg_id += 7;
		fake_answer_read(f);
	}
	fake_recv(f);
}

static void test_callback_is_told_of_the_end(void **state)
{
	struct fake f = { .script = script_bad_second };
	lm_client_t *c = fake_client(&f, NULL);
	struct chain chain = { .client = c, .left = 50 };
	lm_client_op_t op = read_op(0);

	op.done = chain_next;
	op.pvt = &chain;
	assert_int_equal(lm_client_queue(c, &op), 0);
	assert_int_equal(lm_client_wait(c, 0), -EPROTO);
	assert_int_equal(op.result, -EPROTO);
	assert_int_equal(chain.left, 49);
	lm_client_close(c);
	fake_join(&f);
}

/* Replies to requests that are queued come while another call waits. */
static void test_queued_requests_end_inside_another_call(void **state)
{
	struct fake f = { .script = script_answer_reads };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t op = read_op(3);
	uint8_t byte;

	assert_int_equal(lm_client_queue(c, &op), 0);
	assert_int_equal(lm_client_region_read(c, 0, 9, &byte, 1), 0);
	assert_int_equal(byte, 9);
	assert_int_equal(op.result, 0);
	lm_client_close(c);
	fake_join(&f);
}

/* ---- a loop of the program's own -------------------------------------------- */

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static void test_own_loop(void **state)
{
	struct fake f = { .script = script_answer_reads };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t op = read_op(5);
	const int fd = lm_client_fd(c);

	assert_true(fd >= 0);
	assert_int_equal(lm_client_fd(c), fd);
	assert_false(is_readable(fd, 0));
	assert_int_equal(lm_client_process(c), 0);
	assert_int_equal(lm_client_queue(c, &op), 0);
	assert_int_equal(lm_client_flush(c), 0);
	while (op.result == -EINPROGRESS) {
		assert_true(is_readable(fd, 4000));
		assert_true(lm_client_process(c) >= 0);
	}
	assert_int_equal(op.result, 0);
	assert_int_equal(bytes[5], 5);
	assert_false(is_readable(fd, 0));
	lm_client_close(c);
	fake_join(&f);
}

static void script_slow_reader(struct fake *f)
{
	usleep(50000);
	script_silent(f);
}

static void test_own_loop_with_a_full_socket(void **state)
{
	struct fake f = { .script = script_slow_reader };
	lm_client_t *c = fake_client(&f, NULL);
	static uint8_t data[1 << 20];
	lm_client_op_t op = {
		.kind = LM_CLIENT_WRITE_POSTED, .buf = data, .count = sizeof(data),
	};
	const int fd = lm_client_fd(c);
	int turns = 0, ret;

	assert_int_equal(lm_client_queue(c, &op), 0);
	ret = lm_client_flush(c);
	assert_int_equal(ret, 1);
	while (ret == 1 && turns++ < 1000) {
		assert_true(is_readable(fd, 4000));
		assert_int_equal(lm_client_process(c), 0);
		ret = lm_client_flush(c);
	}
	assert_int_equal(ret, 0);
	assert_false(is_readable(fd, 0));
	lm_client_close(c);
	fake_join(&f);
}

static void test_own_loop_is_told_of_the_end(void **state)
{
	struct fake f = { 0 };
	lm_client_t *c = fake_client(&f, NULL);
	const int fd = lm_client_fd(c);

	fake_join(&f);
	assert_true(is_readable(fd, 4000));
	assert_int_equal(lm_client_process(c), -ENOTCONN);
	lm_client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_wait_until_few_are_left),
		fake_test(test_wait_times_out),
		fake_test(test_close_ends_what_waits),
		fake_test(test_queue_is_bounded),
		fake_test(test_ids_come_round),
		fake_test(test_replies_in_any_order),
		fake_test(test_hang_up_ends_all),
		fake_test(test_callback_queues_the_next),
		fake_test(test_callback_is_told_of_the_end),
		fake_test(test_queued_requests_end_inside_another_call),
		fake_test(test_own_loop),
		fake_test(test_own_loop_with_a_full_socket),
		fake_test(test_own_loop_is_told_of_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
