/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_channel_mdev.c - a device behind /dev/muser: how the node is opened and refused, messages,
 * memory and interrupts. The module is fake_node.h.
 */
#include "fake_node.h"

/* ---- opening --------------------------------------------------------------------- */

static void the_node_of_the_uuid_is_served(void **state)
{
	struct engine *e = *state;

	node_serve(e);
	assert_int_equal(node.nr_opened, 1);
	assert_int_equal(node.nr_started, 1);
	assert_int_equal(node.start_flags, 0);
	assert_null(lm_ctx_socket(e->ctx));
	assert_string_equal(lm_ctx_uuid(e->ctx), NODE_UUID);
}

static void the_environment_asks_for_a_node(void **state)
{
	struct engine *e = *state;

	e->info.flags = LM_DEV_NO_CONTROL;
	e->info.uuid = NULL;
	setenv("MUSER_TRANSPORT", "mdev", 1);
	setenv("MUSER_UUID", NODE_UUID, 1);
	node_serve(e);
	assert_int_equal(node.nr_started, 1);
	assert_null(getenv("MUSER_TRANSPORT"));
	assert_null(getenv("MUSER_UUID"));
}

static void another_transport_in_the_environment_is_no_node(void **state)
{
	struct engine *e = *state;

	e->info.flags = LM_DEV_NO_CONTROL;
	setenv("MUSER_TRANSPORT", "vfio-user", 1);
	node_refused(e, EINVAL, "socket_path");
	unsetenv("MUSER_TRANSPORT");
}

static void a_description_with_a_socket_ignores_the_environment(void **state)
{
	struct engine *e = *state;

	e->info.flags = LM_DEV_NO_CONTROL;
	setenv("MUSER_TRANSPORT", "mdev", 1);
	engine_start(e);
	assert_int_equal(node.nr_opened, 0);
	unsetenv("MUSER_TRANSPORT");
}

static void an_absent_node_is_said_to_be_absent(void **state)
{
	struct engine *e = *state;

	node.error = -ENOENT;
	node_refused(e, ENOENT, "no such mediated device");
}

static void a_node_that_is_served_is_said_to_be_busy(void **state)
{
	struct engine *e = *state;

	node.error = -EBUSY;
	node_refused(e, EBUSY, "another process");
}

static void a_node_without_permission_names_the_group(void **state)
{
	struct engine *e = *state;

	node.error = -EACCES;
	node_refused(e, EACCES, "group");
}

static void another_api_version_is_refused(void **state)
{
	struct engine *e = *state;

	node.version = MUSER_API_VERSION + 1;
	node_refused(e, EPROTONOSUPPORT, "version of muser.ko");
}

static void a_module_with_other_ioctls_is_of_another_version(void **state)
{
	struct engine *e = *state;

	node.info_error = -ENOTTY;
	node_refused(e, EPROTONOSUPPORT, "version of muser.ko");
}

static void a_module_that_lacks_what_is_needed_is_refused(void **state)
{
	struct engine *e = *state;

	node.features = 0;
	node_refused(e, EPROTONOSUPPORT, "lacks what it needs");
}

static void features_that_are_known_are_taken_and_no_others(void **state)
{
	struct engine *e = *state;

	node.features = ~0ull;
	node_serve(e);
	assert_int_equal(node.features_taken, MUSER_FEATURE_CLIENT);
}

static void longer_messages_than_we_take_are_refused(void **state)
{
	struct engine *e = *state;

	node.max_msg = STREAM_BIG + 1;
	node_refused(e, EPROTONOSUPPORT, "longer messages");
}

static void a_node_and_a_socket_exclude_each_other(void **state)
{
	struct engine *e = *state;

	e->info.socket_path = "/tmp/x";
	node_refused(e, EINVAL, "no socket");
	e->info.socket_path = NULL;
	e->info.uuid = NULL;
	node_refused(e, EINVAL, "UUID");
}

static void a_description_that_is_refused_leaves_the_node(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_PLAIN].size = 3;
	node_refused(e, EINVAL, "power of two");
	assert_int_equal(node.nr_opened, 1);
}

/* ---- messages -------------------------------------------------------------------- */

static void version_has_no_json(void **state)
{
	const struct vfio_user_version version = { 0, 99 };
	struct vfio_user_version got;
	struct engine *e = *state;
	uint16_t id;
	size_t len;

	node_serve(e);
	id = node_queue(VFIO_USER_VERSION, &version, sizeof(version), 0);
	assert_int_equal(engine_poll(e), 0);
	memcpy(&got, node_reply(id, 0, &len), sizeof(got));
	assert_int_equal(len, sizeof(got));
	assert_int_equal(got.major, VFIO_USER_MAJOR);
	assert_int_equal(got.minor, VFIO_USER_MINOR);
}

static void regions_are_read_and_written(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node_write32(e, BAR_RAW, 16, 0x12345678);
	assert_int_equal(node_read32(e, BAR_RAW, 16), 0x12345678);
	assert_int_equal(e->nr_accesses, 2);
	node_write32(e, BAR_PLAIN, 8, 7);
	assert_int_equal(node_read32(e, BAR_PLAIN, 8), 7);
	assert_int_equal(node_read32(e, LM_CFG_REG_IDX, 0), 0x56781234);
}

static void errors_are_answered(void **state)
{
	const struct vfio_user_region_access absent = region_range(BAR_ABSENT, 0, 4);
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(node_read32(e, BAR_RAW, RAW_SIZE), UINT32_MAX); /* as on a bus */
	node_request_fails(e, VFIO_USER_REGION_READ, &absent, sizeof(absent), EINVAL);
	node_request_fails(e, 0xff55, NULL, 0, ENOSYS);
}

static void long_messages_find_room(void **state)
{
	const uint32_t size = STREAM_MAX_DATA;
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, 4, size);
	struct engine *e = *state;
	char *data = malloc(size);
	const char *reply;
	uint32_t i;

	for (i = 0; i < size; i++)
		data[i] = (char)(i * 7);
	node_begin(e);
	node_write32(e, BAR_PLAIN, 0, 42);
	node_write(e, BAR_PLAIN, 4, data, size);
	reply = node_request(e, VFIO_USER_REGION_READ, &req, sizeof(req));
	assert_memory_equal(reply + sizeof(req), data, size);
	assert_int_equal(node_read32(e, BAR_PLAIN, 0), 42);
	free(data);
}

/* One behind a message that is being served: the buffer is in use when it does not fit. */
static void long_messages_wait_behind_short_ones(void **state)
{
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);
	struct engine *e = *state;
	char data[15 * 1024] = "";
	size_t len, size;
	char *payload = write_payload(BAR_PLAIN, 0, data, sizeof(data), &len);
	uint16_t first, ids[8];
	unsigned int i;

	node_begin(e);
	e->access = access_deferred;
	first = node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
	for (i = 0; i < 8; i++)
		ids[i] = node_queue(VFIO_USER_REGION_WRITE, payload, len, 0);
	assert_int_equal(engine_poll(e), 0);
	assert_false(node_has_reply());
	lm_complete(e->ctx, e->token, 4, "abcd");
	assert_int_equal(engine_poll(e), 0);
	assert_memory_equal(node_reply(first, 0, &size) + sizeof(req), "abcd", 4);
	for (i = 0; i < 8; i++)
		node_reply(ids[i], 0, &size);
	free(payload);
}

static void many_requests_are_one_receive_and_one_send(void **state)
{
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, 0, 4);
	struct engine *e = *state;
	uint16_t first = 0, id, i;
	size_t len;

	node_begin(e);
	node.nr_reads = 0;
	node.nr_writes = 0;
	for (i = 0; i < 64; i++) {
		id = node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
		first = first ?: id;
	}
	assert_int_equal(engine_poll(e), 0);
	for (i = 0; i < 64; i++)
		node_reply((uint16_t)(first + i), 0, &len);
	assert_int_equal(node.nr_reads, 1);
	assert_int_equal(node.nr_writes, 1);
}

/* ---- memory ---------------------------------------------------------------------- */

static void mappable(struct engine *e)
{
	e->info.pci_info.reg_info[BAR_PLAIN].flags |= LM_REG_FLAG_MMAP;
}

static void mapped_memory_is_the_modules(void **state)
{
	struct engine *e = *state;
	uint32_t value = 99;

	mappable(e);
	node_begin(e);
	assert_int_equal(node.mem_size[BAR_PLAIN], PLAIN_SIZE);
	node_write32(e, BAR_PLAIN, 4096, 5);
	assert_int_equal(pread(node.mem[BAR_PLAIN], &value, 4, 4096), 4);
	assert_int_equal(value, 5);
	assert_non_null(lm_mmap(e->ctx, BAR_PLAIN, 4096, 4));
	assert_int_equal(*(uint32_t *)lm_mmap(e->ctx, BAR_PLAIN, 4096, 4), 5);
}

static void region_info_says_it_can_be_mapped(void **state)
{
	const struct vfio_region_info req = { .argsz = sizeof(req), .index = BAR_PLAIN };
	struct vfio_region_info info;
	struct engine *e = *state;

	mappable(e);
	node_begin(e);
	memcpy(&info, node_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &req, sizeof(req)),
	       sizeof(info));
	assert_true(info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	assert_int_equal(info.size, PLAIN_SIZE);
}

static void memory_of_another_device_is_refused(void **state)
{
	struct engine *e = *state;

	mappable(e);
	node_serve(e);
	engine_destroy(e);
	e->info.pci_info.reg_info[BAR_PLAIN].size = PLAIN_SIZE / 2;
	node_refused(e, ESTALE, "another device");
}

static void memory_that_is_not_mapped_stays_ours(void **state)
{
	node_begin(*state);
	assert_int_equal(node.mem[BAR_PLAIN], 0);
}

static void a_device_that_cannot_go_on_begins_with_zeros(void **state)
{
	struct engine *e = *state;

	mappable(e);
	node_begin(e);
	node_write32(e, BAR_PLAIN, 0, 5);
	engine_destroy(e);
	node_begin(e);
	assert_int_equal(node_read32(e, BAR_PLAIN, 0), 0);
}

/* ---- interrupts ------------------------------------------------------------------ */

static void an_armed_vector_is_triggered_by_the_module(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 2), -ENOTCONN);
	node_arm(e, LM_DEV_MSI_IRQ_IDX, 3, 1);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 2), LM_IRQ_DELIVERED);
	assert_int_equal(node.fired[LM_DEV_MSI_IRQ_IDX][2], 1);
	assert_int_equal(lm_irq_trigger(e->ctx, 1), LM_IRQ_DELIVERED);
	assert_int_equal(node.fired[LM_DEV_MSI_IRQ_IDX][1], 1);
	assert_int_equal(lm_irq_trigger(e->ctx, 3), -ENOTCONN);
}

static void a_disarmed_vector_is_silent(void **state)
{
	const struct vfio_irq_set off = {
		.argsz = sizeof(off), .index = LM_DEV_MSI_IRQ_IDX,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER };
	struct engine *e = *state;

	node_begin(e);
	node_arm(e, LM_DEV_MSI_IRQ_IDX, 2, 1);
	node_arm(e, LM_DEV_MSI_IRQ_IDX, 1, 0);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 0), -ENOTCONN);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 1), 0);
	node_request(e, VFIO_USER_DEVICE_SET_IRQS, &off, sizeof(off));
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 1), -ENOTCONN);
}

static void intx_is_signalled_once_for_each_unmask(void **state)
{
	struct engine *e = *state;
	const unsigned int *fired = &node.fired[LM_DEV_INTX_IRQ_IDX][0];

	node_begin(e);
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	assert_int_equal(lm_irq_set_level(e->ctx, true), LM_IRQ_DELIVERED);
	assert_int_equal(*fired, 1);
	node_unmask(e, LM_DEV_INTX_IRQ_IDX);
	assert_int_equal(*fired, 2);
	lm_irq_set_level(e->ctx, false);
	node_unmask(e, LM_DEV_INTX_IRQ_IDX);
	assert_int_equal(*fired, 2);
}

static void a_level_that_is_up_is_signalled_when_armed(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(lm_irq_set_level(e->ctx, true), -ENOTCONN);
	node_arm(e, LM_DEV_INTX_IRQ_IDX, 1, 1);
	assert_int_equal(node.fired[LM_DEV_INTX_IRQ_IDX][0], 1);
}

static void set_irqs_refused(struct engine *e, uint32_t flags, uint32_t count, const char *data,
			     size_t len)
{
	struct {
		struct vfio_irq_set set;
		uint8_t data[8];
	} req = { .set = {
		.argsz = (uint32_t)(sizeof(req.set) + len), .index = LM_DEV_MSI_IRQ_IDX,
		.count = count, .flags = flags } };

	memcpy(req.data, data, len);
	node_request_fails(e, VFIO_USER_DEVICE_SET_IRQS, &req, sizeof(req.set) + len, EINVAL);
}

static void bytes_of_eventfds_are_checked(void **state)
{
	const uint32_t arm = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	const uint32_t mask = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_MASK;
	struct engine *e = *state;

	node_begin(e);
	set_irqs_refused(e, arm, 3, "\1\1", 2);
	set_irqs_refused(e, arm, 2, "\1\2", 2);
	set_irqs_refused(e, arm, 5, "\1\1\1\1\1", 5);
	set_irqs_refused(e, mask, 1, "\1", 1);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 0), -ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(the_node_of_the_uuid_is_served),
		NODE_TEST(the_environment_asks_for_a_node),
		NODE_TEST(another_transport_in_the_environment_is_no_node),
		NODE_TEST(a_description_with_a_socket_ignores_the_environment),
		NODE_TEST(an_absent_node_is_said_to_be_absent),
		NODE_TEST(a_node_that_is_served_is_said_to_be_busy),
		NODE_TEST(a_node_without_permission_names_the_group),
		NODE_TEST(another_api_version_is_refused),
		NODE_TEST(a_module_with_other_ioctls_is_of_another_version),
		NODE_TEST(a_module_that_lacks_what_is_needed_is_refused),
		NODE_TEST(features_that_are_known_are_taken_and_no_others),
		NODE_TEST(longer_messages_than_we_take_are_refused),
		NODE_TEST(a_node_and_a_socket_exclude_each_other),
		NODE_TEST(a_description_that_is_refused_leaves_the_node),
		NODE_TEST(version_has_no_json),
		NODE_TEST(regions_are_read_and_written),
		NODE_TEST(errors_are_answered),
		NODE_TEST(long_messages_find_room),
		NODE_TEST(long_messages_wait_behind_short_ones),
		NODE_TEST(many_requests_are_one_receive_and_one_send),
		NODE_TEST(mapped_memory_is_the_modules),
		NODE_TEST(region_info_says_it_can_be_mapped),
		NODE_TEST(memory_of_another_device_is_refused),
		NODE_TEST(memory_that_is_not_mapped_stays_ours),
		NODE_TEST(a_device_that_cannot_go_on_begins_with_zeros),
		NODE_TEST(an_armed_vector_is_triggered_by_the_module),
		NODE_TEST(a_disarmed_vector_is_silent),
		NODE_TEST(intx_is_signalled_once_for_each_unmask),
		NODE_TEST(a_level_that_is_up_is_signalled_when_armed),
		NODE_TEST(bytes_of_eventfds_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
