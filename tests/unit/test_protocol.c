/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_protocol.c - what holds for all commands: headers, errors, No_reply; resets, and what is
 * not there yet. Commands with more to them have files of their own: test_handshake.c,
 * test_protocol_info.c, test_protocol_access.c, test_set_irqs_wire.c, test_dma_wire.c.
 */
#include "dma/dma.h"
#include "engine.h"

/* ---- headers --------------------------------------------------------------------- */

static void send_header(struct engine *e, uint16_t cmd, uint32_t flags)
{
	const struct vfio_user_header hdr = {
		.msg_id = ++e->next_id, .cmd = cmd, .msg_size = sizeof(hdr), .flags = flags,
	};

	wire_send(e->fd, &hdr, sizeof(hdr));
}

static void an_unknown_command_is_enosys(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_request_fails(e, 19, NULL, 0, ENOSYS);
	engine_request_fails(e, UINT16_MAX, NULL, 0, ENOSYS);
}

static void the_unused_numbers_are_enosys(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_request_fails(e, 0, NULL, 0, ENOSYS);
	engine_request_fails(e, 14, NULL, 0, ENOSYS);
}

static void commands_of_the_server_are_enosys(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_region_access req = { 0 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DMA_READ, &req, sizeof(req), ENOSYS);
	engine_request_fails(e, VFIO_USER_DMA_WRITE, &req, sizeof(req), ENOSYS);
}

static void an_unknown_type_of_message_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_header(e, VFIO_USER_DEVICE_RESET, 2);
	engine_reply_error(e, e->next_id, VFIO_USER_DEVICE_RESET, EINVAL);
	assert_int_equal(e->nr_resets, 0);
}

static void a_reply_that_nobody_waits_for_is_dropped(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_header(e, VFIO_USER_DMA_READ, VFIO_USER_F_TYPE_REPLY);
	send_header(e, VFIO_USER_DEVICE_RESET, VFIO_USER_F_TYPE_REPLY);
	send_header(e, 0, VFIO_USER_F_TYPE_REPLY | VFIO_USER_F_ERROR);
	engine_is_alive(e);
	assert_int_equal(e->nr_resets, 0);
}

static void the_error_bit_of_a_request_is_ignored(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	send_header(e, VFIO_USER_DEVICE_RESET, VFIO_USER_F_ERROR);
	engine_reply(e, e->next_id, VFIO_USER_DEVICE_RESET, &m);
}

static void message_ids_are_the_clients(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	e->next_id = UINT16_MAX;
	send_header(e, VFIO_USER_DEVICE_RESET, 0); /* 0 */
	e->next_id--;
	send_header(e, VFIO_USER_DEVICE_RESET, 0); /* 0 again */
	engine_reply(e, 0, VFIO_USER_DEVICE_RESET, &m);
	engine_reply(e, 0, VFIO_USER_DEVICE_RESET, &m);
}

/* ---- DEVICE_RESET ---------------------------------------------------------------- */

static void a_reset_reaches_the_device(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_int_equal(m.len, 0);
	assert_int_equal(e->nr_resets, 1);
}

static int reset_eio(struct engine *e)
{
	return -EIO;
}

static void a_reset_that_fails_is_an_error(void **state)
{
	struct engine *e = *state;

	e->reset = reset_eio;
	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_RESET, NULL, 0, EIO);
}

static void a_reset_needs_no_callback(void **state)
{
	struct engine *e = *state;
	struct wire m;

	e->info.reset = NULL;
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
}

static void a_reset_with_a_payload_is_a_reset(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_RESET, "abc", 3, &m);
	assert_int_equal(e->nr_resets, 1);
}

/* ---- what is not there yet ------------------------------------------------------- */

static void a_probe_of_a_feature_says_that_it_is_absent(void **state)
{
	struct engine *e = *state;
	struct vfio_user_device_feature req = { .argsz = sizeof(req) };
	uint32_t feature;

	engine_connect(e);
	for (feature = 0; feature < 16; feature++) {
		req.flags = feature | VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET;
		engine_request_fails(e, VFIO_USER_DEVICE_FEATURE, &req, sizeof(req), ENOTTY);
	}
}

static void a_feature_with_a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_feature req = { .argsz = 7 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_FEATURE, &req, sizeof(req), EINVAL);
}

static void a_feature_that_is_too_short_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_feature req = { .argsz = sizeof(req) };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_FEATURE, &req, 4, EINVAL);
}

static void migration_data_are_refused(void **state)
{
	struct engine *e = *state;
	char payload[64] = { 0 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_MIG_DATA_READ, payload, 8, ENOTTY);
	engine_request_fails(e, VFIO_USER_MIG_DATA_WRITE, payload, sizeof(payload), ENOTTY);
	engine_request_fails(e, VFIO_USER_MIG_DATA_READ, NULL, 0, ENOTTY);
}

/* ---- No_reply -------------------------------------------------------------------- */

static void a_posted_write_is_done_and_not_answered(void **state)
{
	struct engine *e = *state;
	const uint32_t value = 42;

	engine_connect(e);
	engine_post_write(e, BAR_PLAIN, 0, &value, 4);
	assert_int_equal(engine_read32(e, BAR_PLAIN, 0), 42);
}

static void a_posted_write_that_fails_is_not_answered(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_post_write(e, BAR_ABSENT, 0, "abcd", 4);
	engine_post_write(e, UINT32_MAX, UINT64_MAX, "abcd", 4);
	engine_is_alive(e);
}

static void a_posted_reset_is_done_and_not_answered(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_posted(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	engine_is_alive(e);
	assert_int_equal(e->nr_resets, 1);
}

static void a_posted_mapping_is_done_and_not_answered(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_map map = {
		.argsz = sizeof(map), .flags = 3, .addr = 0x1000, .size = 0x1000 };
	const struct vfio_user_dma_unmap unmap = {
		.argsz = sizeof(unmap), .addr = 0x1000, .size = 0x1000 };

	engine_connect(e);
	engine_posted(e, VFIO_USER_DMA_MAP, &map, sizeof(map));
	engine_is_alive(e);
	assert_int_equal(dma_count(e->ctx), 1);
	engine_posted(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	engine_is_alive(e);
	assert_int_equal(dma_count(e->ctx), 0);
}

static void posted_interrupt_settings_are_not_answered(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_set req = {
		.argsz = sizeof(req), .index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK,
	};

	engine_connect(e);
	engine_posted(e, VFIO_USER_DEVICE_SET_IRQS, &req, sizeof(req));
	engine_is_alive(e);
}

static void posted_questions_are_not_answered(void **state)
{
	static const uint16_t cmds[] = {
		VFIO_USER_VERSION, VFIO_USER_DEVICE_GET_INFO, VFIO_USER_DEVICE_GET_REGION_INFO,
		VFIO_USER_DEVICE_GET_REGION_IO_FDS, VFIO_USER_DEVICE_GET_IRQ_INFO,
		VFIO_USER_REGION_READ, VFIO_USER_DEVICE_FEATURE, VFIO_USER_MIG_DATA_READ,
		VFIO_USER_MIG_DATA_WRITE, VFIO_USER_DMA_READ, 0, 14, 1000,
	};
	struct engine *e = *state;
	uint32_t payload[16] = { sizeof(payload) };
	size_t i;

	engine_connect(e);
	for (i = 0; i < LM_NR(cmds); i++) {
		engine_posted(e, cmds[i], payload, sizeof(payload));
		engine_is_alive(e);
	}
}

static void a_posted_read_does_not_reach_the_device(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, STREAM_MAX_DATA);

	engine_connect(e);
	engine_posted(e, VFIO_USER_REGION_READ, &req, sizeof(req));
	engine_is_alive(e);
	assert_int_equal(e->nr_accesses, 0);
}

static void posted_and_other_requests_keep_their_order(void **state)
{
	struct engine *e = *state;
	uint32_t value;

	engine_connect(e);
	for (value = 1; value < 100; value++) {
		engine_post_write(e, BAR_PLAIN, 0, &value, 4);
		assert_int_equal(engine_read32(e, BAR_PLAIN, 0), value);
	}
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unknown_command_is_enosys),
		TEST(the_unused_numbers_are_enosys),
		TEST(commands_of_the_server_are_enosys),
		TEST(an_unknown_type_of_message_is_refused),
		TEST(a_reply_that_nobody_waits_for_is_dropped),
		TEST(the_error_bit_of_a_request_is_ignored),
		TEST(message_ids_are_the_clients),
		TEST(a_reset_reaches_the_device),
		TEST(a_reset_that_fails_is_an_error),
		TEST(a_reset_needs_no_callback),
		TEST(a_reset_with_a_payload_is_a_reset),
		TEST(a_probe_of_a_feature_says_that_it_is_absent),
		TEST(a_feature_with_a_small_argsz_is_refused),
		TEST(a_feature_that_is_too_short_is_refused),
		TEST(migration_data_are_refused),
		TEST(a_posted_write_is_done_and_not_answered),
		TEST(a_posted_write_that_fails_is_not_answered),
		TEST(a_posted_reset_is_done_and_not_answered),
		TEST(a_posted_mapping_is_done_and_not_answered),
		TEST(posted_interrupt_settings_are_not_answered),
		TEST(posted_questions_are_not_answered),
		TEST(a_posted_read_does_not_reach_the_device),
		TEST(posted_and_other_requests_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
