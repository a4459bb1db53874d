/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_region.c - region accesses: sizes, limits, posted writes, many writes in a message,
 * many messages at a time.
 */
#include "client/client.h"
#include "fake_server.h"

#define JSON_SMALL "{\"capabilities\":{\"max_data_xfer_size\":100,\"write_multiple\":true}}"

/* The requests that the server has seen. */
static struct {
	uint64_t offset;
	uint32_t region, count, flags;
} seen[32];
static unsigned int nr_seen;
static unsigned int fail_at; /* this one is answered with an error */
static uint8_t memory[4096];

static void script_memory(struct fake *f)
{
	struct vfio_user_region_access req;

	nr_seen = 0;
	while (fake_recv(f) && nr_seen < LM_NR(seen)) {
		memcpy(&req, f->payload, sizeof(req));
		FAKE_CHECK(f, req.offset + req.count <= sizeof(memory));
		seen[nr_seen].offset = req.offset;
		seen[nr_seen].region = req.region;
		seen[nr_seen].count = req.count;
		seen[nr_seen++].flags = f->hdr.flags;
		if (f->hdr.cmd == VFIO_USER_REGION_WRITE) {
			FAKE_CHECK(f, f->len == sizeof(req) + req.count);
			memcpy(memory + req.offset, f->payload + sizeof(req), req.count);
		}
		if (f->hdr.flags & VFIO_USER_F_NO_REPLY)
			continue;
		if (fail_at && nr_seen == fail_at)
			fake_reply_error(f, ERANGE);
		else if (f->hdr.cmd == VFIO_USER_REGION_WRITE)
			fake_reply(f, &req, sizeof(req));
		else
			fake_answer_read(f);
	}
}

static lm_client_t *memory_client(struct fake *f, const char *json)
{
	fail_at = 0;
	memset(memory, 0, sizeof(memory));
	*f = (struct fake){ .script = script_memory, .json = json };
	return fake_client(f, NULL);
}

static void counts_up(uint8_t *buf, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		buf[i] = (uint8_t)i;
}

/* ---- one at a time ---------------------------------------------------------- */

static void test_read_is_cut_to_what_the_server_takes(void **state)
{
	struct fake f;
	lm_client_t *c = memory_client(&f, JSON_SMALL);
	uint8_t buf[250], expected[250];

	counts_up(expected, sizeof(expected));
	assert_int_equal(lm_client_region_read(c, 3, 0, buf, sizeof(buf)), 0);
	assert_memory_equal(buf, expected, sizeof(buf));
	lm_client_close(c);
	fake_join(&f);
	assert_int_equal(nr_seen, 3);
	assert_int_equal(seen[1].offset, 100);
	assert_int_equal(seen[1].count, 100);
	assert_int_equal(seen[1].region, 3);
	assert_int_equal(seen[2].offset, 200);
	assert_int_equal(seen[2].count, 50);
}

static void test_write_is_cut_to_what_the_server_takes(void **state)
{
	struct fake f;
	lm_client_t *c = memory_client(&f, JSON_SMALL);
	uint8_t buf[250];

	counts_up(buf, sizeof(buf));
	assert_int_equal(lm_client_region_write(c, 0, 10, buf, sizeof(buf)), 0);
	lm_client_close(c);
	fake_join(&f);
	assert_int_equal(nr_seen, 3);
	assert_memory_equal(memory + 10, buf, sizeof(buf));
	assert_int_equal(memory[260], 0);
}

static void test_error_in_the_middle_stops_a_transfer(void **state)
{
	struct fake f;
	lm_client_t *c = memory_client(&f, JSON_SMALL);
	uint8_t buf[250];

	fail_at = 2;
	assert_int_equal(lm_client_region_read(c, 0, 0, buf, sizeof(buf)), -ERANGE);
	lm_client_close(c);
	fake_join(&f);
	assert_int_equal(nr_seen, 2);
}

static void script_large(struct fake *f)
{
	struct vfio_user_region_access req;

	if (fake_expect(f, VFIO_USER_REGION_WRITE)) {
		memcpy(&req, f->payload, sizeof(req));
		FAKE_CHECK(f, req.count == 1 << 20 && f->len == sizeof(req) + req.count);
		FAKE_CHECK(f, f->payload[f->len - 1] == 0x5a);
		fake_reply(f, &req, sizeof(req));
	}
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_answer_read(f);
	if (fake_expect(f, VFIO_USER_REGION_READ))
		fake_answer_read(f);
}

static void test_mebibyte_in_one_message(void **state)
{
	struct fake f = { .script = script_large };
	lm_client_t *c = fake_client(&f, NULL);
	uint8_t *buf = malloc(1 << 20);

	memset(buf, 0x5a, 1 << 20);
	assert_int_equal(lm_client_region_write(c, 0, 0, buf, 1 << 20), 0);
	assert_int_equal(lm_client_region_read(c, 0, 0, buf, 1 << 20), 0);
	assert_int_equal(buf[0x12345], 0x45);
	assert_int_equal(buf[(1 << 20) - 1], 0xff);
	assert_int_equal(lm_client_region_read(c, 0, 9, buf, 1), 0);
	assert_int_equal(buf[0], 9);
	free(buf);
	lm_client_close(c);
	fake_join(&f);
}

static void test_posted_write(void **state)
{
	struct fake f;
	lm_client_t *c = memory_client(&f, JSON_SMALL);
	uint8_t buf[150];

	counts_up(buf, sizeof(buf));
	assert_int_equal(lm_client_region_write_posted(c, 1, 0, buf, sizeof(buf)), 0);
	assert_int_equal(lm_client_pending(c), 0);
	/* Its answer is the proof that those before it have been done. */
	assert_int_equal(lm_client_region_read(c, 1, 0, buf, 1), 0);
	lm_client_close(c);
	fake_join(&f);
	assert_int_equal(nr_seen, 3);
	assert_int_equal(seen[0].flags, VFIO_USER_F_NO_REPLY);
	assert_int_equal(memory[149], 149);
}

/* ---- many in a message ------------------------------------------------------ */

static uint64_t multi_done; /* how many of a message the server does */
static unsigned int multi_messages;

static void script_multi(struct fake *f)
{
	struct vfio_user_write_multi head;
	struct vfio_user_write_single w;

	multi_messages = 0;
	while (fake_recv(f)) {
		FAKE_CHECK(f, f->hdr.cmd == VFIO_USER_REGION_WRITE_MULTI);
		memcpy(&head, f->payload, sizeof(head));
		FAKE_CHECK(f, f->len == sizeof(head) + head.wr_cnt * sizeof(w));
		memcpy(&w, f->payload + sizeof(head), sizeof(w));
		FAKE_CHECK(f, w.offset == 4 * multi_messages * 4 && w.region == 1 && w.count == 4);
		multi_messages++;
		if (head.wr_cnt > multi_done)
			head.wr_cnt = multi_done;
		fake_reply(f, &head, sizeof(head));
	}
}

static int write_multi(const char *json, size_t nr, size_t *done)
{
	struct fake f = { .script = script_multi, .json = json };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_write_t writes[16];
	size_t i;
	int ret;

	for (i = 0; i < 16; i++)
		writes[i] = (lm_client_write_t){ .offset = 4 * i, .region = 1, .count = 4 };
	ret = lm_client_region_write_multi(c, writes, nr, done);
	lm_client_close(c);
	fake_join(&f);
	return ret;
}

static void test_write_multi(void **state)
{
	size_t done;

	multi_done = 100;
	assert_int_equal(write_multi(FAKE_JSON, 16, &done), 0);
	assert_int_equal(done, 16);
	assert_int_equal(multi_messages, 1);
	assert_int_equal(write_multi(FAKE_JSON, 16, NULL), 0);
}

static void test_write_multi_in_messages_that_the_server_takes(void **state)
{
	size_t done;

	multi_done = 100;
	assert_int_equal(write_multi(JSON_SMALL, 10, &done), 0);
	assert_int_equal(done, 10);
	assert_int_equal(multi_messages, 3);
}

static void test_write_multi_done_in_part(void **state)
{
	size_t done;

	multi_done = 3;
	assert_int_equal(write_multi(JSON_SMALL, 10, &done), -EIO);
	assert_int_equal(done, 3);
	assert_int_equal(multi_messages, 1);
}

/* ---- one deadline ---------------------------------------------------------- */

#define NR_SLOW   3000u /* messages: half a minute */
#define JSON_SLOW "{\"capabilities\":{\"max_data_xfer_size\":1,\"write_multiple\":true}}"

static int call_slowly(int (*call)(lm_client_t *c))
{
	struct fake f = { .script = script_slow, .json = JSON_SLOW };
	lm_client_t *c = fake_client(&f, NULL);
	int ret;

	lm_client_set_timeout(c, FAKE_QUICK_MS);
	ret = call(c);
	lm_client_close(c);
	fake_join(&f);
	return ret;
}

static int read_many(lm_client_t *c)
{
	char buf[NR_SLOW];

	return lm_client_region_read(c, 1, 0, buf, sizeof(buf));
}

static int write_many(lm_client_t *c)
{
	const char buf[NR_SLOW] = { 0 };

	return lm_client_region_write(c, 1, 0, buf, sizeof(buf));
}

static int multi_many(lm_client_t *c)
{
	static lm_client_write_t writes[NR_SLOW];
	size_t i;

	for (i = 0; i < NR_SLOW; i++)
		writes[i] = (lm_client_write_t){ .region = 1, .count = 1 };
	return lm_client_region_write_multi(c, writes, NR_SLOW, NULL);
}

static void test_many_messages_have_one_deadline(void **state)
{
	assert_int_equal(call_slowly(read_many), -ETIMEDOUT);
	assert_int_equal(call_slowly(write_many), -ETIMEDOUT);
	assert_int_equal(call_slowly(multi_many), -ETIMEDOUT);
}

static void test_write_multi_that_was_not_negotiated(void **state)
{
	size_t done;

	assert_int_equal(write_multi("", 4, &done), -EOPNOTSUPP);
	assert_int_equal(done, 0);
	assert_int_equal(multi_messages, 0);
}

static void test_write_multi_of_more_than_eight_bytes(void **state)
{
	const lm_client_write_t writes[] = { { .count = 8 }, { .count = 9 } };
	struct fake f;
	lm_client_t *c = memory_client(&f, FAKE_JSON);

	assert_int_equal(lm_client_region_write_multi(c, writes, 2, NULL), -EINVAL);
	lm_client_close(c);
	fake_join(&f);
	assert_int_equal(nr_seen, 0);
}

/* ---- many messages at a time ------------------------------------------------ */

static void test_queue_refuses_what_cannot_be(void **state)
{
	struct fake f;
	lm_client_t *c = memory_client(&f, JSON_SMALL);
	uint8_t buf[8];
	lm_client_op_t ops[] = {
		{ .kind = 0, .buf = buf, .count = 4 },
		{ .kind = 4, .buf = buf, .count = 4 },
		{ .kind = LM_CLIENT_READ, .buf = buf, .count = 0 },
		{ .kind = LM_CLIENT_READ, .buf = buf, .count = 101 },
	};
	size_t i;

	for (i = 0; i < LM_NR(ops); i++)
		assert_int_equal(lm_client_queue(c, &ops[i]), -EINVAL);
	assert_int_equal(lm_client_pending(c), 0);
	lm_client_close(c);
	fake_join(&f);
}

static void test_results_of_each(void **state)
{
	struct fake f;
	lm_client_t *c = memory_client(&f, FAKE_JSON);
	uint8_t in[4] = { 1, 2, 3, 4 }, out[4] = { 0 };
	lm_client_op_t ops[] = {
		{ .kind = LM_CLIENT_WRITE, .offset = 0, .buf = in, .count = 4 },
		{ .kind = LM_CLIENT_WRITE, .offset = 4, .buf = in, .count = 4 },
		{ .kind = LM_CLIENT_READ, .offset = 8, .buf = out, .count = 4 },
		{ .kind = LM_CLIENT_WRITE_POSTED, .offset = 12, .buf = in, .count = 4 },
	};
	size_t i;

	fail_at = 2;
	for (i = 0; i < LM_NR(ops); i++)
		assert_int_equal(lm_client_queue(c, &ops[i]), 0);
	assert_int_equal(ops[0].result, -EINPROGRESS);
	assert_int_equal(ops[3].result, 0);
	assert_int_equal(lm_client_pending(c), 3);
	/* What is written was copied. */
	memset(in, 0xff, sizeof(in));
	assert_int_equal(lm_client_wait(c, 0), 0);
	assert_int_equal(ops[0].result, 0);
	assert_int_equal(ops[1].result, -ERANGE);
	assert_int_equal(ops[2].result, 0);
	assert_int_equal(out[3], 11);
	lm_client_close(c);
	fake_join(&f);
	assert_int_equal(memory[0], 1);
}

/* ---- requests sent in one piece --------------------------------------------- */

#define BATCH 64

static void script_batch(struct fake *f)
{
	const size_t size = sizeof(struct vfio_user_header) + 16;
	char *replies = malloc(BATCH * 64), *requests = malloc(BATCH * size);
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	size_t len = 0;
	int i;

	/* One send: where there is something, there is all of it. */
	poll(&p, 1, 5000);
	FAKE_CHECK(f, recv(f->fd, requests, BATCH * size, MSG_DONTWAIT) == (ssize_t)(BATCH * size));
	for (i = 0; i < BATCH; i++) {
		memcpy(&f->hdr, requests + i * size, sizeof(f->hdr));
		memcpy(f->payload, requests + i * size + sizeof(f->hdr), 16);
		len += fake_read_reply(f, replies + len);
	}
	fake_write(f, replies, len);
	free(replies);
	free(requests);
}

static void test_batch(void **state)
{
	struct fake f = { .script = script_batch };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_op_t ops[BATCH];
	uint32_t bufs[BATCH];
	uint32_t i;

	for (i = 0; i < BATCH; i++) {
		ops[i] = (lm_client_op_t){
			.kind = LM_CLIENT_READ, .offset = i, .buf = &bufs[i], .count = 4,
		};
		assert_int_equal(lm_client_queue(c, &ops[i]), 0);
	}
	assert_int_equal(lm_client_wait(c, 0), 0);
	for (i = 0; i < BATCH; i++) {
		assert_int_equal(ops[i].result, 0);
		assert_int_equal(bufs[i], 0x03020100 + 0x01010101 * i);
	}
	lm_client_close(c);
	fake_join(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_read_is_cut_to_what_the_server_takes),
		fake_test(test_write_is_cut_to_what_the_server_takes),
		fake_test(test_error_in_the_middle_stops_a_transfer),
		fake_test(test_mebibyte_in_one_message),
		fake_test(test_posted_write),
		fake_test(test_write_multi),
		fake_test(test_write_multi_in_messages_that_the_server_takes),
		fake_test(test_write_multi_done_in_part),
		fake_test(test_many_messages_have_one_deadline),
		fake_test(test_write_multi_that_was_not_negotiated),
		fake_test(test_write_multi_of_more_than_eight_bytes),
		fake_test(test_queue_refuses_what_cannot_be),
		fake_test(test_results_of_each),
		fake_test(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
