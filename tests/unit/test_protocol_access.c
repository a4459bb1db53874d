/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_protocol_access.c - REGION_READ, REGION_WRITE, and REGION_WRITE_MULTI: many small writes in
 * one message, also when the device puts off one of them.
 */
#include "traced.h"

/* ---- REGION_READ, REGION_WRITE --------------------------------------------------- */

static void what_was_written_is_read(void **state)
{
	struct engine *e = *state;
	const uint32_t value = 0xdeadbeef;

	engine_connect(e);
	engine_write(e, BAR_PLAIN, 0x100, &value, 4);
	assert_int_equal(engine_read32(e, BAR_PLAIN, 0x100), 0xdeadbeef);
}

static void a_callback_gets_what_was_sent(void **state)
{
	struct engine *e = *state;
	const uint64_t value = 0x1122334455667788;

	engine_connect(e);
	engine_write(e, BAR_RAW, 0x20, &value, 8);
	assert_int_equal(e->nr_accesses, 1);
	assert_int_equal(e->last_count, 8);
	assert_int_equal(e->last_offset, 0x20);
	assert_true(e->last_is_write);
	assert_memory_equal(e->raw + 0x20, &value, 8);
}

static void replies_to_accesses_repeat_the_request(void **state)
{
	struct engine *e = *state;
	struct vfio_user_region_access rep;
	struct wire m;
	uint16_t id;

	engine_connect(e);
	id = engine_send_read(e, BAR_RAW, 0x40, 2);
	engine_reply(e, id, VFIO_USER_REGION_READ, &m);
	memcpy(&rep, m.payload, sizeof(rep));
	assert_int_equal(rep.region, BAR_RAW);
	assert_int_equal(rep.offset, 0x40);
	assert_int_equal(rep.count, 2);
}

static ssize_t access_lazy(struct engine *e, char *buf, size_t count, loff_t offset,
			   bool is_write)
{
	return (ssize_t)count;
}

/* Replies are built where other replies were, also those to other clients. */
static void what_the_device_leaves_out_of_a_read_is_zero(void **state)
{
	static const uint32_t counts[] = { 1, 8, 4096, STREAM_MAX_DATA };
	static const char zeros[STREAM_MAX_DATA];
	struct engine *e = *state;
	size_t i;

	memset(e->raw, 's', STREAM_MAX_DATA);
	engine_connect(e);
	for (i = 0; i < LM_NR(counts); i++) {
		e->access = NULL;
		assert_memory_equal(engine_read(e, BAR_RAW, 0, counts[i]), e->raw, counts[i]);
		e->access = access_lazy;
		assert_memory_equal(engine_read(e, BAR_RAW, 0, counts[i]), zeros, counts[i]);
	}
}

static void a_read_of_nothing_is_answered_with_its_header(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_read(e, BAR_RAW, 16, 0);
	assert_int_equal(e->nr_accesses, 0);
}

static void a_write_of_nothing_is_answered(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_write(e, BAR_RAW, 16, NULL, 0);
	assert_int_equal(e->nr_accesses, 0);
}

static void an_access_may_end_at_the_end(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_read(e, BAR_RAW, RAW_SIZE - 4, 4);
	engine_read(e, BAR_RAW, RAW_SIZE, 0);
}

static void an_access_beyond_the_end_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect_traced(e);
	engine_read_refused(e, BAR_RAW, RAW_SIZE - 3, 4, EINVAL);
	engine_read_refused(e, BAR_RAW, RAW_SIZE, 1, EINVAL);
	engine_write_refused(e, BAR_RAW, RAW_SIZE - 1, "ab", 2, EINVAL);
	assert_int_equal(e->nr_accesses, 0);
}

static void an_offset_that_wraps_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect_traced(e);
	engine_read_refused(e, BAR_RAW, UINT64_MAX, 4, EINVAL);
	engine_read_refused(e, BAR_RAW, UINT64_MAX - 3, 4, EINVAL);
	engine_read_refused(e, BAR_RAW, 1ull << 63, 4, EINVAL);
	engine_write_refused(e, BAR_RAW, UINT64_MAX - 3, "abcd", 4, EINVAL);
	assert_int_equal(e->nr_accesses, 0);
}

static void an_absent_region_cannot_be_accessed(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_read_fails(e, BAR_ABSENT, 0, 4, EINVAL);
	engine_write_fails(e, BAR_ABSENT, 0, "abcd", 4, EINVAL);
}

static void an_unknown_region_cannot_be_accessed(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_read_fails(e, LM_DEV_NUM_REGS, 0, 4, EINVAL);
	engine_read_fails(e, UINT32_MAX, 0, 4, EINVAL);
	engine_write_fails(e, UINT32_MAX, 0, "abcd", 4, EINVAL);
}

static void a_read_with_trailing_bytes_is_refused(void **state)
{
	struct engine *e = *state;
	char payload[17] = { 0 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_REGION_READ, payload, sizeof(payload), EINVAL);
	assert_int_equal(e->nr_accesses, 0);
}

static void a_write_with_more_bytes_than_its_count_is_refused(void **state)
{
	struct engine *e = *state;
	char payload[16 + 5] = { 0 };
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);

	memcpy(payload, &req, sizeof(req));
	engine_connect(e);
	engine_request_fails(e, VFIO_USER_REGION_WRITE, payload, sizeof(payload), EINVAL);
	assert_int_equal(e->nr_accesses, 0);
}

static void a_write_with_fewer_bytes_than_its_count_is_refused(void **state)
{
	struct engine *e = *state;
	char payload[16 + 3] = { 0 };
	struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);

	memcpy(payload, &req, sizeof(req));
	engine_connect(e);
	engine_request_fails(e, VFIO_USER_REGION_WRITE, payload, sizeof(payload), EINVAL);
	req.count = UINT32_MAX;
	memcpy(payload, &req, sizeof(req));
	engine_request_fails(e, VFIO_USER_REGION_WRITE, payload, sizeof(payload), EINVAL);
	assert_int_equal(e->nr_accesses, 0);
}

static void accesses_that_are_too_short_are_refused(void **state)
{
	struct engine *e = *state;
	char payload[15] = { 0 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_REGION_READ, payload, sizeof(payload), EINVAL);
	engine_request_fails(e, VFIO_USER_REGION_WRITE, payload, sizeof(payload), EINVAL);
	engine_request_fails(e, VFIO_USER_REGION_READ, NULL, 0, EINVAL);
	engine_request_fails(e, VFIO_USER_REGION_WRITE, NULL, 0, EINVAL);
}

static ssize_t access_eperm(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	return -EPERM;
}

static void an_error_of_the_device_is_refused(void **state)
{
	struct engine *e = *state;

	e->access = access_eperm;
	engine_connect_traced(e);
	engine_read_refused(e, BAR_RAW, 0, 4, EPERM);
	engine_write_refused(e, BAR_RAW, 0, "abcd", 4, EPERM);
}

static void the_longest_access_may_be_refused(void **state)
{
	struct engine *e = *state;

	engine_connect_traced(e);
	engine_read_refused(e, BAR_RAW, RAW_SIZE - 1, STREAM_MAX_DATA, EINVAL);
}

/* ---- REGION_WRITE_MULTI ---------------------------------------------------------- */

#define MAX_WRITES 64

struct multi {
	uint64_t                      wr_cnt;
	struct vfio_user_write_single wr[MAX_WRITES];
};

/* @nr writes of 4 bytes to BAR_RAW, one after the other: 1, 2, 3 ... */
static struct multi writes(uint32_t nr)
{
	struct multi multi = { .wr_cnt = nr };
	uint32_t i;

	for (i = 0; i < nr; i++) {
		const uint32_t value = i + 1;

		multi.wr[i] = (struct vfio_user_write_single){
			.offset = 4 * i, .region = BAR_RAW, .count = 4 };
		memcpy(multi.wr[i].data, &value, sizeof(value));
	}
	return multi;
}

static uint16_t send_multi(struct engine *e, const struct multi *multi, uint32_t nr)
{
	return engine_command(e, VFIO_USER_REGION_WRITE_MULTI, multi,
			      8 + nr * sizeof(multi->wr[0]));
}

static void done_is(struct engine *e, uint16_t id, uint64_t nr)
{
	struct wire m;
	uint64_t wr_cnt;

	engine_reply(e, id, VFIO_USER_REGION_WRITE_MULTI, &m);
	assert_int_equal(m.len, sizeof(wr_cnt));
	memcpy(&wr_cnt, m.payload, sizeof(wr_cnt));
	assert_int_equal(wr_cnt, nr);
}

static void multi_fails(struct engine *e, const struct multi *multi, uint32_t nr, int error)
{
	engine_reply_error(e, send_multi(e, multi, nr), VFIO_USER_REGION_WRITE_MULTI, error);
	assert_int_equal(e->nr_accesses, 0);
}

static void many_writes_are_done_in_order(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(10);
	uint32_t *raw = (uint32_t *)e->raw;

	engine_connect(e);
	done_is(e, send_multi(e, &multi, 10), 10);
	assert_int_equal(e->nr_accesses, 10);
	assert_int_equal(raw[0], 1);
	assert_int_equal(raw[9], 10);
}

static void writes_may_have_any_small_size(void **state)
{
	struct engine *e = *state;
	struct multi multi = writes(2);

	multi.wr[0].count = 1;
	multi.wr[1].count = 8;
	memcpy(multi.wr[1].data, "12345678", 8);
	engine_connect(e);
	done_is(e, send_multi(e, &multi, 2), 2);
	assert_memory_equal(e->raw + 4, "12345678", 8);
}

static void many_writes_may_be_none(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(0);

	engine_connect(e);
	done_is(e, send_multi(e, &multi, 0), 0);
}

static void many_writes_may_be_posted(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(3);

	engine_connect(e);
	engine_posted(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 8 + 3 * sizeof(multi.wr[0]));
	engine_is_alive(e);
	assert_int_equal(e->nr_accesses, 3);
}

/* ---- one bad field each: nothing is done ----------------------------------------- */

static void a_count_that_does_not_fit_the_message_is_refused(void **state)
{
	struct engine *e = *state;
	struct multi multi = writes(3);

	engine_connect(e);
	multi_fails(e, &multi, 2, EINVAL);
	multi_fails(e, &multi, 4, EINVAL);
	multi.wr_cnt = UINT64_MAX;
	multi_fails(e, &multi, 3, EINVAL);
	multi.wr_cnt = (1ull << 32) + 3;
	multi_fails(e, &multi, 3, EINVAL);
}

static void half_a_write_is_refused(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(2);

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 8 + 2 * 24 - 1, EINVAL);
	engine_request_fails(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 8 + 2 * 24 + 1, EINVAL);
	engine_request_fails(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 7, EINVAL);
	engine_request_fails(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 0, EINVAL);
	assert_int_equal(e->nr_accesses, 0);
}

static void more_than_8_bytes_are_refused(void **state)
{
	struct engine *e = *state;
	struct multi multi = writes(3);

	engine_connect(e);
	multi.wr[2].count = 9;
	multi_fails(e, &multi, 3, EINVAL);
	multi.wr[2].count = UINT32_MAX;
	multi_fails(e, &multi, 3, EINVAL);
}

static void many_writes_with_an_unknown_region_are_refused(void **state)
{
	struct engine *e = *state;
	struct multi multi = writes(3);

	engine_connect(e);
	multi.wr[2].region = UINT32_MAX;
	multi_fails(e, &multi, 3, EINVAL);
	multi.wr[2].region = BAR_ABSENT;
	multi_fails(e, &multi, 3, EINVAL);
}

/* ---- a write that is refused is dropped alone ------------------------------------ */

static void a_write_out_of_range_is_dropped(void **state)
{
	struct engine *e = *state;
	struct multi multi = writes(3);

	multi.wr[0].offset = RAW_SIZE - 3;
	multi.wr[2].offset = UINT64_MAX;
	engine_connect_traced(e);
	done_is(e, send_multi(e, &multi, 3), 3);
	engine_row_refused(e, LM_TRACE_WRITE, EINVAL);
	assert_int_equal(engine_row_of(e, LM_TRACE_WRITE).flags, 0);
	engine_row_refused(e, LM_TRACE_WRITE, EINVAL);
	assert_int_equal(e->nr_accesses, 1);
	assert_int_equal(e->ctx->refused, 2);
}

static ssize_t access_two(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	return e->nr_accesses > 2 ? -EPERM : (ssize_t)count;
}

static void those_behind_a_refusal_are_done(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(5);

	e->access = access_two;
	engine_connect(e);
	done_is(e, send_multi(e, &multi, 5), 5);
	assert_int_equal(e->nr_accesses, 5);
	assert_int_equal(e->ctx->refused, 3);
}

static void all_may_be_refused(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(5);

	e->access = access_eperm;
	engine_connect(e);
	done_is(e, send_multi(e, &multi, 5), 5);
	assert_int_equal(e->ctx->refused, 5);
}

/* ---- the device answers later ---------------------------------------------------- */

/* The third is put off; the others are stored. */
static ssize_t access_third_later(struct engine *e, char *buf, size_t count, loff_t offset,
				  bool is_write)
{
	if (e->nr_accesses == 3)
		return access_deferred(e, buf, count, offset, is_write);
	memcpy(e->raw + offset, buf, count);
	return (ssize_t)count;
}

static void a_write_that_waits_holds_those_behind_it(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(5);
	const uint32_t *raw = (uint32_t *)e->raw;
	uint16_t id;

	e->access = access_third_later;
	engine_connect(e);
	id = send_multi(e, &multi, 5);
	engine_no_message(e);
	assert_int_equal(e->nr_accesses, 3);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, NULL), 0);
	done_is(e, id, 5);
	assert_int_equal(e->nr_accesses, 5);
	assert_int_equal(raw[3], 4);
	assert_int_equal(raw[4], 5);
}

static void a_write_that_fails_later_is_dropped_alone(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(5);
	uint16_t id;

	e->access = access_third_later;
	engine_connect(e);
	id = send_multi(e, &multi, 5);
	engine_poll(e);
	lm_complete(e->ctx, e->token, -EIO, NULL);
	done_is(e, id, 5);
	assert_int_equal(e->nr_accesses, 5);
	assert_int_equal(e->ctx->refused, 1);
}

static void all_may_fail_later(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(5);
	uint16_t id;
	int i;

	e->access = access_deferred;
	engine_connect(e);
	id = send_multi(e, &multi, 5);
	for (i = 0; i < 5; i++) {
		engine_no_message(e);
		assert_int_equal(lm_complete(e->ctx, e->token, -ENODEV, NULL), 0);
	}
	done_is(e, id, 5);
	assert_int_equal(e->ctx->refused, 5);
}

static void every_write_may_wait(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(MAX_WRITES);
	uint16_t id;
	int i;

	e->access = access_deferred;
	engine_connect(e);
	id = send_multi(e, &multi, MAX_WRITES);
	for (i = 0; i < MAX_WRITES; i++) {
		engine_no_message(e);
		assert_int_equal(lm_complete(e->ctx, e->token, 4, NULL), 0);
	}
	done_is(e, id, MAX_WRITES);
}

static void requests_behind_many_writes_wait_too(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(5);
	uint16_t multi_id, read_id;

	e->access = access_third_later;
	engine_connect(e);
	multi_id = send_multi(e, &multi, 5);
	read_id = engine_send_read(e, BAR_PLAIN, 0, 4);
	engine_no_message(e);
	lm_complete(e->ctx, e->token, 4, NULL);
	done_is(e, multi_id, 5);
	engine_read_reply(e, read_id, 4);
}

static ssize_t access_cannot_wait(struct engine *e, char *buf, size_t count, loff_t offset,
				  bool is_write)
{
	assert_int_equal(lm_defer(e->ctx), 0);
	return LM_DEFER;
}

static void many_posted_writes_have_no_answer_to_put_off(void **state)
{
	struct engine *e = *state;
	const struct multi multi = writes(5);

	e->access = access_cannot_wait;
	engine_connect(e);
	engine_posted(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 8 + 5 * sizeof(multi.wr[0]));
	engine_is_alive(e);
	assert_int_equal(e->nr_accesses, 5);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read),
		TEST(a_callback_gets_what_was_sent),
		TEST(replies_to_accesses_repeat_the_request),
		TEST(what_the_device_leaves_out_of_a_read_is_zero),
		TEST(a_read_of_nothing_is_answered_with_its_header),
		TEST(a_write_of_nothing_is_answered),
		TEST(an_access_may_end_at_the_end),
		TEST(an_access_beyond_the_end_is_refused),
		TEST(an_offset_that_wraps_is_refused),
		TEST(an_absent_region_cannot_be_accessed),
		TEST(an_unknown_region_cannot_be_accessed),
		TEST(a_read_with_trailing_bytes_is_refused),
		TEST(a_write_with_more_bytes_than_its_count_is_refused),
		TEST(a_write_with_fewer_bytes_than_its_count_is_refused),
		TEST(accesses_that_are_too_short_are_refused),
		TEST(an_error_of_the_device_is_refused),
		TEST(the_longest_access_may_be_refused),
		TEST(many_writes_are_done_in_order),
		TEST(writes_may_have_any_small_size),
		TEST(many_writes_may_be_none),
		TEST(many_writes_may_be_posted),
		TEST(a_count_that_does_not_fit_the_message_is_refused),
		TEST(half_a_write_is_refused),
		TEST(more_than_8_bytes_are_refused),
		TEST(many_writes_with_an_unknown_region_are_refused),
		TEST(a_write_out_of_range_is_dropped),
		TEST(those_behind_a_refusal_are_done),
		TEST(all_may_be_refused),
		TEST(a_write_that_waits_holds_those_behind_it),
		TEST(a_write_that_fails_later_is_dropped_alone),
		TEST(all_may_fail_later),
		TEST(every_write_may_wait),
		TEST(requests_behind_many_writes_wait_too),
		TEST(many_posted_writes_have_no_answer_to_put_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
