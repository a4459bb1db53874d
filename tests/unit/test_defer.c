/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_defer.c - requests that a device answers later: accesses, registers, resets; completion
 * inside the callback, after it, twice, wrong, or when nobody waits any more.
 */
#include "pci/pci.h"
#include "traced.h"

#define BAR_REGS LM_BAR1_REG_IDX

/* ---- accesses -------------------------------------------------------------------- */

static void a_read_is_answered_when_it_is_completed(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	engine_connect(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "late"), 0);
	assert_memory_equal(engine_read_reply(e, id, 4), "late", 4);
}

static void a_write_is_answered_when_it_is_completed(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	engine_connect(e);
	id = engine_send_write(e, BAR_RAW, 0, "data", 4);
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, NULL), 0);
	engine_write_reply(e, id);
}

static void an_error_may_come_later(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	engine_connect_traced(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, e->token, -ENXIO, NULL), 0);
	engine_reply_refused(e, id, 4, ENXIO);
}

static void a_large_read_may_wait(void **state)
{
	struct engine *e = *state;
	char *data = malloc(STREAM_MAX_DATA);
	uint16_t id;
	size_t i;

	for (i = 0; i < STREAM_MAX_DATA; i++)
		data[i] = (char)(i >> 4);
	e->access = access_deferred;
	engine_connect(e);
	id = engine_send_read(e, BAR_RAW, 0, STREAM_MAX_DATA);
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, STREAM_MAX_DATA, data), 0);
	assert_memory_equal(engine_read_reply(e, id, STREAM_MAX_DATA), data, STREAM_MAX_DATA);
	free(data);
}

static void a_large_write_may_wait(void **state)
{
	struct engine *e = *state;
	char *data = calloc(1, 100000);
	uint16_t id;

	e->access = access_deferred;
	engine_connect(e);
	id = engine_send_write(e, BAR_RAW, 0, data, 100000);
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 100000, NULL), 0);
	engine_write_reply(e, id);
	free(data);
}

static void requests_behind_it_keep_their_order(void **state)
{
	struct engine *e = *state;
	uint16_t first;
	int i;

	e->access = access_deferred;
	engine_connect(e);
	first = engine_send_read(e, BAR_RAW, 0, 1);
	for (i = 0; i < 5; i++)
		engine_send_read(e, BAR_PLAIN, 0, 1);
	engine_no_message(e);
	lm_complete(e->ctx, e->token, 1, "x");
	for (i = 0; i <= 5; i++)
		engine_read_reply(e, (uint16_t)(first + i), 1);
}

static void the_device_sees_one_request_at_a_time(void **state)
{
	struct engine *e = *state;

	e->access = access_deferred;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 1);
	engine_send_read(e, BAR_RAW, 1, 1);
	engine_poll(e);
	assert_int_equal(e->nr_accesses, 1);
	lm_complete(e->ctx, e->token, 1, "x");
	engine_poll(e);
	assert_int_equal(e->nr_accesses, 2);
	lm_complete(e->ctx, e->token, 1, "y");
	engine_read_reply(e, 2, 1);
	engine_read_reply(e, 3, 1);
}

/* A device may go on with its own state after lm_complete(): no other request has changed it. */
static void completing_does_not_start_the_next_request(void **state)
{
	struct engine *e = *state;
	lm_token_t token;

	e->access = access_deferred;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 1);
	engine_send_read(e, BAR_RAW, 1, 1);
	engine_poll(e);
	token = e->token;
	lm_complete(e->ctx, token, 1, "x");
	assert_int_equal(e->token, token);
	assert_int_equal(e->nr_accesses, 1);
}

static void the_answer_is_sent_at_once(void **state)
{
	struct engine *e = *state;
	char reply[64];

	e->access = access_deferred;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	lm_complete(e->ctx, e->token, 4, "late");
	assert_int_equal(recv(e->fd, reply, sizeof(reply), MSG_DONTWAIT), 36);
}

static void messages_that_come_while_it_waits_stay_in_the_socket(void **state)
{
	struct engine *e = *state;
	uint16_t id;
	int i;

	e->access = access_deferred;
	engine_connect(e);
	id = engine_send_read(e, BAR_RAW, 0, 1);
	engine_poll(e);
	for (i = 0; i < 100; i++)
		engine_send_read(e, BAR_PLAIN, 0, 1);
	assert_int_equal(engine_poll(e), 0);
	lm_complete(e->ctx, e->token, 1, "x");
	for (i = 0; i <= 100; i++)
		engine_read_reply(e, (uint16_t)(id + i), 1);
}

/* ---- inside the callback --------------------------------------------------------- */

static ssize_t access_completed_inside(struct engine *e, char *buf, size_t count, loff_t offset,
				       bool is_write)
{
	const lm_token_t token = lm_defer(e->ctx);

	assert_int_equal(lm_complete(e->ctx, token, (ssize_t)count, is_write ? NULL : "soon"), 0);
	return LM_DEFER;
}

static void a_read_may_be_completed_inside_its_callback(void **state)
{
	struct engine *e = *state;

	e->access = access_completed_inside;
	engine_connect(e);
	assert_memory_equal(engine_read(e, BAR_RAW, 0, 4), "soon", 4);
}

static void a_write_may_be_completed_inside_its_callback(void **state)
{
	struct engine *e = *state;

	e->access = access_completed_inside;
	engine_connect(e);
	engine_write(e, BAR_RAW, 0, "data", 4);
}

static ssize_t access_failed_inside(struct engine *e, char *buf, size_t count, loff_t offset,
				    bool is_write)
{
	lm_complete(e->ctx, lm_defer(e->ctx), -EPERM, NULL);
	return LM_DEFER;
}

static void an_error_may_be_completed_inside_the_callback(void **state)
{
	struct engine *e = *state;

	e->access = access_failed_inside;
	engine_connect_traced(e);
	engine_read_refused(e, BAR_RAW, 0, 4, EPERM);
}

static ssize_t access_completed_twice(struct engine *e, char *buf, size_t count, loff_t offset,
				      bool is_write)
{
	e->token = lm_defer(e->ctx);
	assert_int_equal(lm_complete(e->ctx, e->token, (ssize_t)count, "one."), 0);
	assert_int_equal(lm_complete(e->ctx, e->token, (ssize_t)count, "two."), -ENOENT);
	assert_int_equal(lm_defer(e->ctx), 0);
	return LM_DEFER;
}

static void inside_the_callback_the_second_time_is_unknown(void **state)
{
	struct engine *e = *state;

	e->access = access_completed_twice;
	engine_connect(e);
	assert_memory_equal(engine_read(e, BAR_RAW, 0, 4), "one.", 4);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "late"), -ENOENT);
}

static ssize_t access_defers_twice(struct engine *e, char *buf, size_t count, loff_t offset,
				   bool is_write)
{
	e->token = lm_defer(e->ctx);
	assert_int_equal(lm_defer(e->ctx), e->token);
	return LM_DEFER;
}

static void one_request_has_one_token(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_defers_twice;
	engine_connect(e);
	id = engine_send_read(e, BAR_RAW, 0, 1);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 1, "x"), 0);
	engine_read_reply(e, id, 1);
}

/* ---- mistakes of the device ------------------------------------------------------ */

static void the_second_time_is_unknown(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	engine_connect(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "1st."), 0);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "2nd."), -ENOENT);
	assert_memory_equal(engine_read_reply(e, id, 4), "1st.", 4);
}

static void unknown_tokens_are_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	assert_int_equal(lm_complete(e->ctx, 0, 4, "data"), -ENOENT);
	assert_int_equal(lm_complete(e->ctx, 12345, 4, "data"), -ENOENT);
	assert_int_equal(lm_complete(e->ctx, UINT64_MAX, 4, "data"), -ENOENT);
}

static void outside_of_callbacks_there_is_nothing_to_put_off(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	assert_int_equal(lm_defer(e->ctx), 0);
}

static ssize_t access_forgets_the_token(struct engine *e, char *buf, size_t count, loff_t offset,
					bool is_write)
{
	return LM_DEFER;
}

static void putting_off_without_a_token_is_eio(void **state)
{
	struct engine *e = *state;

	e->access = access_forgets_the_token;
	engine_connect_traced(e);
	engine_read_refused(e, BAR_RAW, 0, 4, EIO);
}

static void completing_with_the_wrong_count_is_eio(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	engine_connect_traced(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	lm_complete(e->ctx, e->token, 8, "too much");
	engine_reply_refused(e, id, 4, EIO);
}

static void completing_a_read_without_data_is_eio(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	engine_connect_traced(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	lm_complete(e->ctx, e->token, 4, NULL);
	engine_reply_refused(e, id, 4, EIO);
}

static void completing_with_lm_defer_is_refused(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_deferred;
	engine_connect(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, e->token, LM_DEFER, NULL), -ENOENT);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "data"), 0);
	engine_read_reply(e, id, 4);
}

/* ---- the client leaves ----------------------------------------------------------- */

static void a_client_may_leave_while_its_request_waits(void **state)
{
	struct engine *e = *state;

	e->access = access_deferred;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "data"), -ENOENT);
}

static void completing_for_a_client_that_is_leaving_does_no_harm(void **state)
{
	struct engine *e = *state;

	e->access = access_deferred;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	engine_close(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "data"), 0);
	assert_int_equal(engine_poll(e), -ENOTCONN);
}

/* Callbacks, also that of the detach, come from lm_ctx_poll() alone. */
static void completing_does_not_detach(void **state)
{
	struct engine *e = *state;

	e->access = access_deferred;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	engine_close(e);
	lm_complete(e->ctx, e->token, 4, "data");
	assert_int_equal(e->nr_detached, 0);
	engine_poll(e);
	assert_int_equal(e->nr_detached, 1);
}

static void a_context_may_be_destroyed_while_a_request_waits(void **state)
{
	struct engine *e = *state;

	e->access = access_deferred;
	engine_connect(e);
	engine_send_read(e, BAR_RAW, 0, 100000);
	engine_poll(e);
	engine_destroy(e);
	assert_true(wire_is_closed(e->fd));
}

static void an_answer_waits_for_a_client_that_does_not_read(void **state)
{
	struct engine *e = *state;
	char *data = calloc(1, STREAM_MAX_DATA);
	uint16_t first, last;
	int i;

	e->access = access_deferred;
	engine_connect(e);
	first = (uint16_t)(e->next_id + 1);
	for (i = 0; i < 3; i++)
		engine_send_read(e, BAR_PLAIN, 0, 400000);
	last = engine_send_read(e, BAR_RAW, 0, STREAM_MAX_DATA);
	engine_poll(e);
	assert_int_equal(e->nr_accesses, 0); /* there is no room yet for its answer */
	for (i = 0; i < 3; i++)
		engine_read_reply(e, (uint16_t)(first + i), 400000);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, e->token, STREAM_MAX_DATA, data), 0);
	engine_read_reply(e, last, STREAM_MAX_DATA);
	free(data);
}

/* ---- registers ------------------------------------------------------------------- */

static struct engine *regs_engine;
static unsigned int nr_reads, nr_writes;

static uint64_t regs_read(void *pvt, const lm_register_io_t *io)
{
	nr_reads++;
	regs_engine->token = lm_defer(regs_engine->ctx);
	return 0;
}

static void regs_write(void *pvt, const lm_register_io_t *io)
{
	nr_writes++;
	regs_engine->token = lm_defer(regs_engine->ctx);
}

static const lm_register_t regs[] = {
	{ .name = "FIRST", .offset = 0, .width = 4 },
	{ .name = "SECOND", .offset = 4, .width = 4 },
};

static const lm_register_map_t regs_map = {
	LM_REGISTERS(regs), .read = regs_read, .write = regs_write };

static void describe_regs(struct engine *e)
{
	e->info.pci_info.reg_info[BAR_REGS] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 256, .regs = &regs_map };
	regs_engine = e;
	nr_reads = nr_writes = 0;
}

static void a_register_read_may_wait(void **state)
{
	struct engine *e = *state;
	const uint32_t value = 0xcafe;
	uint16_t id;

	describe_regs(e);
	engine_connect(e);
	id = engine_send_read(e, BAR_REGS, 0, 4);
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, &value), 0);
	assert_memory_equal(engine_read_reply(e, id, 4), &value, 4);
}

static void part_of_a_register_may_wait(void **state)
{
	struct engine *e = *state;
	const uint32_t value = 0x44332211;
	uint16_t id;

	describe_regs(e);
	engine_connect(e);
	id = engine_send_read(e, BAR_REGS, 2, 1);
	engine_poll(e);
	lm_complete(e->ctx, e->token, 4, &value);
	assert_int_equal(*engine_read_reply(e, id, 1), 0x33);
}

static void each_register_of_an_access_may_wait(void **state)
{
	struct engine *e = *state;
	const uint32_t first = 0x11111111, second = 0x22222222;
	uint16_t id;

	describe_regs(e);
	engine_connect(e);
	id = engine_send_read(e, BAR_REGS, 0, 8);
	engine_poll(e);
	assert_int_equal(nr_reads, 1);
	lm_complete(e->ctx, e->token, 4, &first);
	assert_int_equal(nr_reads, 2);
	lm_complete(e->ctx, e->token, 4, &second);
	assert_memory_equal(engine_read_reply(e, id, 8), "\x11\x11\x11\x11\x22\x22\x22\x22", 8);
}

static void a_register_write_may_wait(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	describe_regs(e);
	engine_connect(e);
	id = engine_send_write(e, BAR_REGS, 0, "12345678", 8);
	engine_no_message(e);
	lm_complete(e->ctx, e->token, 0, NULL);
	engine_no_message(e);
	lm_complete(e->ctx, e->token, 0, NULL);
	engine_write_reply(e, id);
	assert_int_equal(nr_writes, 2);
}

/* The library keeps the values: FIRST is 0 before, and what was written when that is done. */
static const lm_register_map_t told_map = { LM_REGISTERS(regs), .write = regs_write };

static uint16_t send_kept_write(struct engine *e)
{
	uint16_t id;

	describe_regs(e);
	e->info.pci_info.reg_info[BAR_REGS].regs = &told_map;
	engine_connect_traced(e);
	id = engine_send_write(e, BAR_REGS, 1, "ab", 2);
	engine_poll(e);
	assert_int_equal(nr_writes, 1);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 0);
	return id;
}

static void a_value_is_stored_when_its_write_is_done(void **state)
{
	struct engine *e = *state;
	const uint16_t id = send_kept_write(e);

	lm_complete(e->ctx, e->token, 0, NULL);
	engine_write_reply(e, id);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 0x626100);
}

static void a_value_whose_write_fails_is_not_stored(void **state)
{
	struct engine *e = *state;
	const uint16_t id = send_kept_write(e);

	lm_complete(e->ctx, e->token, -EIO, NULL);
	engine_write_reply(e, id);
	engine_row_refused(e, LM_TRACE_WRITE, EIO);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 0);
}

static void what_the_device_sets_before_the_end_counts(void **state)
{
	struct engine *e = *state;
	const uint16_t id = send_kept_write(e);

	lm_register_set(e->ctx, BAR_REGS, 0, 5);
	lm_complete(e->ctx, e->token, 0, NULL);
	engine_write_reply(e, id);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 5);
}

static void a_reset_before_the_end_counts(void **state)
{
	struct engine *e = *state;
	const uint16_t id = send_kept_write(e);

	function_reset(e->ctx, NULL, LM_RESET_CONTROL); /* as by musctl */
	lm_complete(e->ctx, e->token, 0, NULL);
	engine_write_reply(e, id);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 0);
}

static void a_posted_write_is_stored_at_once(void **state)
{
	struct engine *e = *state;

	describe_regs(e);
	e->info.pci_info.reg_info[BAR_REGS].regs = &told_map;
	engine_connect(e);
	engine_post_write(e, BAR_REGS, 0, "\1\0\0\0", 4);
	engine_is_alive(e);
	assert_int_equal(e->token, 0);
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 1);
}

static void too_few_bytes_for_a_register_are_eio(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	describe_regs(e);
	engine_connect_traced(e);
	id = engine_send_read(e, BAR_REGS, 0, 4);
	engine_poll(e);
	lm_complete(e->ctx, e->token, 2, "ab");
	engine_reply_refused(e, id, 4, EIO);
}

/* ---- resets ---------------------------------------------------------------------- */

static int reset_deferred(struct engine *e)
{
	e->token = lm_defer(e->ctx);
	return LM_DEFER;
}

static void a_reset_may_wait(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint16_t id;

	e->reset = reset_deferred;
	engine_connect(e);
	id = engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 0, NULL), 0);
	engine_reply(e, id, VFIO_USER_DEVICE_RESET, &m);
}

static void a_reset_may_fail_later(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->reset = reset_deferred;
	engine_connect(e);
	id = engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	engine_poll(e);
	lm_complete(e->ctx, e->token, -EIO, NULL);
	engine_reply_error(e, id, VFIO_USER_DEVICE_RESET, EIO);
}

static int reset_completed_inside(struct engine *e)
{
	assert_int_equal(lm_complete(e->ctx, lm_defer(e->ctx), -EROFS, NULL), 0);
	return LM_DEFER;
}

static void a_reset_may_be_completed_inside_its_callback(void **state)
{
	struct engine *e = *state;

	e->reset = reset_completed_inside;
	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_RESET, NULL, 0, EROFS);
}

static int reset_forgets_the_token(struct engine *e)
{
	return LM_DEFER;
}

static void putting_off_a_reset_without_a_token_is_eio(void **state)
{
	struct engine *e = *state;

	e->reset = reset_forgets_the_token;
	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_RESET, NULL, 0, EIO);
}

static void a_client_may_leave_while_its_reset_waits(void **state)
{
	struct engine *e = *state;

	e->reset = reset_deferred;
	engine_connect(e);
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	engine_poll(e);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 0, NULL), -ENOENT);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_read_is_answered_when_it_is_completed),
		TEST(a_write_is_answered_when_it_is_completed),
		TEST(an_error_may_come_later),
		TEST(a_large_read_may_wait),
		TEST(a_large_write_may_wait),
		TEST(requests_behind_it_keep_their_order),
		TEST(the_device_sees_one_request_at_a_time),
		TEST(completing_does_not_start_the_next_request),
		TEST(the_answer_is_sent_at_once),
		TEST(messages_that_come_while_it_waits_stay_in_the_socket),
		TEST(a_read_may_be_completed_inside_its_callback),
		TEST(a_write_may_be_completed_inside_its_callback),
		TEST(an_error_may_be_completed_inside_the_callback),
		TEST(inside_the_callback_the_second_time_is_unknown),
		TEST(one_request_has_one_token),
		TEST(the_second_time_is_unknown),
		TEST(unknown_tokens_are_refused),
		TEST(outside_of_callbacks_there_is_nothing_to_put_off),
		TEST(putting_off_without_a_token_is_eio),
		TEST(completing_with_the_wrong_count_is_eio),
		TEST(completing_a_read_without_data_is_eio),
		TEST(completing_with_lm_defer_is_refused),
		TEST(a_client_may_leave_while_its_request_waits),
		TEST(completing_for_a_client_that_is_leaving_does_no_harm),
		TEST(completing_does_not_detach),
		TEST(a_context_may_be_destroyed_while_a_request_waits),
		TEST(an_answer_waits_for_a_client_that_does_not_read),
		TEST(a_register_read_may_wait),
		TEST(part_of_a_register_may_wait),
		TEST(each_register_of_an_access_may_wait),
		TEST(a_register_write_may_wait),
		TEST(a_value_is_stored_when_its_write_is_done),
		TEST(a_value_whose_write_fails_is_not_stored),
		TEST(what_the_device_sets_before_the_end_counts),
		TEST(a_reset_before_the_end_counts),
		TEST(a_posted_write_is_stored_at_once),
		TEST(too_few_bytes_for_a_register_are_eio),
		TEST(a_reset_may_wait),
		TEST(a_reset_may_fail_later),
		TEST(a_reset_may_be_completed_inside_its_callback),
		TEST(putting_off_a_reset_without_a_token_is_eio),
		TEST(a_client_may_leave_while_its_reset_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
