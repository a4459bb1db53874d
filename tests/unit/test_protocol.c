/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_protocol.c - the commands of vfio-user: what each answers, each of its fields gone wrong,
 * No_reply, errors. Those with more to them have files of their own: test_region_info.c,
 * test_set_irqs_wire.c, test_dma_wire.c, test_write_multi.c, test_handshake.c.
 */
#include "engine.h"

/* ---- headers ---------------------------------------------------------------------------------- */

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

/* ---- DEVICE_GET_INFO -------------------------------------------------------------------------- */

static void device_info_is_complete(void **state)
{
	struct engine *e = *state;
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), &m);
	assert_int_equal(m.len, 16);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.argsz, 16);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
	assert_int_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
}

static void device_info_counts_extra_regions(void **state)
{
	struct engine *e = *state;
	const lm_reg_info_t extra[2] = {
		{ .flags = LM_REG_FLAG_RW, .size = 4096 }, { .flags = LM_REG_FLAG_RW, .size = 64 } };
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct wire m;

	e->info.extra_regs = extra;
	e->info.nr_extra_regs = 2;
	e->info.extra_reg_size = sizeof(extra[0]);
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.num_regions, LM_DEV_NUM_REGS + 2);
}

static void device_info_with_more_room_stays_16_bytes(void **state)
{
	struct engine *e = *state;
	char payload[4096] = { 0 };
	const uint32_t argsz = sizeof(payload);
	struct wire m;

	memcpy(payload, &argsz, sizeof(argsz));
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_INFO, payload, sizeof(payload), &m);
	assert_int_equal(m.len, 16);
}

static void device_info_with_a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_info info = { .argsz = 15 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), EINVAL);
}

static void device_info_that_is_too_short_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_info info = { .argsz = sizeof(info) };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info) - 1, EINVAL);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_INFO, NULL, 0, EINVAL);
}

/* ---- DEVICE_GET_IRQ_INFO ---------------------------------------------------------------------- */

static void irq_info_of_each_kind(void **state)
{
	static const uint32_t count[] = { 1, 4, 0, 0, 0 };
	struct engine *e = *state;
	struct wire m;
	uint32_t i;

	engine_connect(e);
	for (i = 0; i < LM_DEV_NUM_IRQS; i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i };

		engine_request(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), &m);
		assert_int_equal(m.len, sizeof(info));
		memcpy(&info, m.payload, sizeof(info));
		assert_int_equal(info.argsz, sizeof(info));
		assert_int_equal(info.index, i);
		assert_int_equal(info.count, count[i]);
		assert_true(info.flags & VFIO_IRQ_INFO_EVENTFD);
	}
}

static void intx_masks_itself(void **state)
{
	struct engine *e = *state;
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_INTX_IRQ_INDEX };
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.flags, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
			 VFIO_IRQ_INFO_AUTOMASKED);
}

static void irq_info_of_an_unknown_kind_is_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = LM_DEV_NUM_IRQS };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), EINVAL);
	info.index = UINT32_MAX;
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), EINVAL);
}

static void irq_info_with_a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_info info = { .argsz = sizeof(info) - 1 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), EINVAL);
}

static void irq_info_that_is_too_short_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_info info = { .argsz = sizeof(info) };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, 12, EINVAL);
}

/* ---- REGION_READ, REGION_WRITE ---------------------------------------------------------------- */

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

	engine_connect(e);
	engine_read_fails(e, BAR_RAW, RAW_SIZE - 3, 4, EINVAL);
	engine_read_fails(e, BAR_RAW, RAW_SIZE, 1, EINVAL);
	engine_write_fails(e, BAR_RAW, RAW_SIZE - 1, "ab", 2, EINVAL);
	assert_int_equal(e->nr_accesses, 0);
}

static void an_offset_that_wraps_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_read_fails(e, BAR_RAW, UINT64_MAX, 4, EINVAL);
	engine_read_fails(e, BAR_RAW, UINT64_MAX - 3, 4, EINVAL);
	engine_read_fails(e, BAR_RAW, 1ull << 63, 4, EINVAL);
	engine_write_fails(e, BAR_RAW, UINT64_MAX - 3, "abcd", 4, EINVAL);
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

static void an_error_of_the_device_reaches_the_client(void **state)
{
	struct engine *e = *state;

	e->access = access_eperm;
	engine_connect(e);
	engine_read_fails(e, BAR_RAW, 0, 4, EPERM);
	engine_write_fails(e, BAR_RAW, 0, "abcd", 4, EPERM);
}

/* ---- DEVICE_RESET ----------------------------------------------------------------------------- */

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

/* ---- what is not there yet -------------------------------------------------------------------- */

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

/* ---- No_reply --------------------------------------------------------------------------------- */

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
		TEST(device_info_is_complete),
		TEST(device_info_counts_extra_regions),
		TEST(device_info_with_more_room_stays_16_bytes),
		TEST(device_info_with_a_small_argsz_is_refused),
		TEST(device_info_that_is_too_short_is_refused),
		TEST(irq_info_of_each_kind),
		TEST(intx_masks_itself),
		TEST(irq_info_of_an_unknown_kind_is_refused),
		TEST(irq_info_with_a_small_argsz_is_refused),
		TEST(irq_info_that_is_too_short_is_refused),
		TEST(what_was_written_is_read),
		TEST(a_callback_gets_what_was_sent),
		TEST(replies_to_accesses_repeat_the_request),
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
		TEST(an_error_of_the_device_reaches_the_client),
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
