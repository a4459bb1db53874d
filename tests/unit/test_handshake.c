/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_handshake.c - VFIO_USER_VERSION: what is agreed, what is refused, what limits follow.
 */
#include "engine.h"

/* The text of capabilities in a reply; NULL: there is none. */
static const char *version_text(const struct wire *m)
{
	if (m->len == sizeof(struct vfio_user_version))
		return NULL;
	assert_int_equal(m->payload[m->len - 1], '\0');
	return m->payload + sizeof(struct vfio_user_version);
}

static void version_is(const struct wire *m, uint16_t major, uint16_t minor)
{
	struct vfio_user_version version;

	assert_true(m->len >= sizeof(version));
	memcpy(&version, m->payload, sizeof(version));
	assert_int_equal(version.major, major);
	assert_int_equal(version.minor, minor);
}

static uint16_t send_version(struct engine *e, uint16_t major, uint16_t minor, const char *json)
{
	char payload[8192];

	return engine_command(e, VFIO_USER_VERSION, payload,
			      version_put(payload, major, minor, json));
}

/* The offer is answered with an error, and then the connection ends. */
static void offer_fails(struct engine *e, uint16_t id)
{
	engine_reply_error(e, id, VFIO_USER_VERSION, EINVAL);
	engine_is_gone(e);
}

static void json_fails(struct engine *e, const char *json)
{
	engine_start(e);
	offer_fails(e, send_version(e, 0, 2, json));
}

static void no_json_is_answered_with_none(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, NULL, &m);
	version_is(&m, 0, 0);
	assert_null(version_text(&m));
	engine_is_alive(e);
}

static void the_minor_version_is_not_above_the_clients(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_reply(e, send_version(e, 0, 1, NULL), VFIO_USER_VERSION, &m);
	version_is(&m, 0, 1);
}

static void the_minor_version_is_not_above_ours(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_reply(e, send_version(e, 0, 99, NULL), VFIO_USER_VERSION, &m);
	version_is(&m, VFIO_USER_MAJOR, VFIO_USER_MINOR);
}

static void another_major_version_is_refused(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	offer_fails(e, send_version(e, 1, 0, OFFER_QEMU));
}

static void capabilities_are_a_subset_of_those_offered(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, "{\"capabilities\":{\"max_msg_fds\":3}}", &m);
	assert_string_equal(version_text(&m), "{\"capabilities\":{\"max_msg_fds\":3}}");
}

static void unknown_capabilities_are_left_out(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, "{\"capabilities\":{\"warp\":{\"speed\":9}},\"more\":[1,2]}", &m);
	assert_string_equal(version_text(&m), "{\"capabilities\":{}}");
}

static void no_capabilities_in_the_text_are_fine(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, "{}", &m);
	assert_string_equal(version_text(&m), "{\"capabilities\":{}}");
}

static void what_qemu_offers_is_accepted(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, OFFER_QEMU, &m);
	version_is(&m, 0, 0);
	assert_string_equal(version_text(&m),
		"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
		"\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true}}");
}

static void values_are_cut_to_what_we_can(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, "{\"capabilities\":{\"max_msg_fds\":1000,"
		       "\"max_data_xfer_size\":1099511627776,"
		       "\"max_dma_maps\":1099511627776}}", &m);
	assert_string_equal(version_text(&m),
		"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
		"\"max_dma_maps\":1048576}}");
}

static void page_sizes_are_all_that_were_proposed(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, "{\"capabilities\":{\"max_dma_maps\":1000000,"
		       "\"pgsizes\":1075843072}}", &m);
	assert_string_equal(version_text(&m),
		"{\"capabilities\":{\"max_dma_maps\":1000000,\"pgsizes\":1075843072}}");
}

static void text_without_its_nul_is_accepted(void **state)
{
	struct engine *e = *state;
	char payload[64];
	struct wire m;

	engine_start(e);
	engine_request(e, VFIO_USER_VERSION, payload,
		       version_put(payload, 0, 0, "{\"capabilities\":{}}") - 1, &m);
	assert_string_equal(version_text(&m), "{\"capabilities\":{}}");
}

static void bad_json_is_refused(void **state)
{
	json_fails(*state, "{\"capabilities\":");
}

static void an_empty_text_is_refused(void **state)
{
	json_fails(*state, "");
}

static void json_that_is_no_object_is_refused(void **state)
{
	json_fails(*state, "[{\"capabilities\":{}}]");
}

static void capabilities_that_are_no_object_are_refused(void **state)
{
	json_fails(*state, "{\"capabilities\":7}");
}

static void deep_json_is_refused(void **state)
{
	char text[2048], *p = text;
	int i;

	p += sprintf(p, "{\"capabilities\":");
	for (i = 0; i < 500; i++)
		*p++ = '[';
	for (i = 0; i < 500; i++)
		*p++ = ']';
	strcpy(p, "}");
	json_fails(*state, text);
}

static void a_limit_of_zero_is_refused(void **state)
{
	json_fails(*state, "{\"capabilities\":{\"max_data_xfer_size\":0}}");
}

static void a_negative_limit_is_refused(void **state)
{
	json_fails(*state, "{\"capabilities\":{\"max_msg_fds\":-1}}");
}

static void a_limit_that_is_no_number_is_refused(void **state)
{
	json_fails(*state, "{\"capabilities\":{\"pgsizes\":\"4096\"}}");
}

static void a_limit_beyond_all_numbers_is_refused(void **state)
{
	json_fails(*state, "{\"capabilities\":{\"max_dma_maps\":99999999999999999999999}}");
}

static void a_switch_that_is_no_boolean_is_refused(void **state)
{
	json_fails(*state, "{\"capabilities\":{\"write_multiple\":1}}");
}

static void a_refusal_says_why_in_the_log(void **state)
{
	struct engine *e = *state;

	e->info.log_level = LM_LOG_WARN;
	json_fails(e, "{\"capabilities\":7}");
	assert_non_null(strstr(e->log, "capabilities"));
}

static void a_version_that_is_too_short_is_refused(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	offer_fails(e, engine_command(e, VFIO_USER_VERSION, "\0\0", 2));
}

static void a_version_that_wants_no_reply_ends_the_connection(void **state)
{
	struct engine *e = *state;
	char payload[16];

	engine_start(e);
	engine_posted(e, VFIO_USER_VERSION, payload, version_put(payload, 0, 0, NULL));
	engine_is_gone(e);
}

static void a_command_before_the_version_ends_the_connection(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_info info = { .argsz = sizeof(info) };

	engine_start(e);
	engine_command(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info));
	engine_is_gone(e);
}

static void a_reset_before_the_version_does_nothing(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	engine_is_gone(e);
	assert_int_equal(e->nr_resets, 0);
}

static void descriptors_before_the_version_are_closed(void **state)
{
	struct engine *e = *state;
	int fds[3] = { eventfd(0, 0), eventfd(0, 0), eventfd(0, 0) };

	engine_start(e);
	engine_command_fds(e, VFIO_USER_DMA_MAP, NULL, 0, fds, 3);
	close_fds(fds, 3);
	engine_is_gone(e);
}

static void a_second_version_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_reply_error(e, send_version(e, 0, 0, NULL), VFIO_USER_VERSION, EINVAL);
	engine_is_alive(e);
}

static void requests_may_follow_the_version_at_once(void **state)
{
	struct engine *e = *state;
	uint16_t version, read;
	struct wire m;

	engine_start(e);
	version = send_version(e, 0, 0, OFFER_QEMU);
	read = engine_send_read(e, BAR_PLAIN, 0, 4);
	engine_reply(e, version, VFIO_USER_VERSION, &m);
	engine_read_reply(e, read, 4);
}

/* ---- twin socket ----------------------------------------------------------------- */

static void a_twin_socket_comes_if_it_was_offered(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, OFFER_TWIN, &m);
	assert_int_equal(m.nr_fds, 1);
	e->twin = m.fds[0];
	assert_string_equal(version_text(&m), "{\"capabilities\":{\"max_msg_fds\":16,"
		"\"twin_socket\":{\"supported\":true,\"fd_index\":0}}}");
}

static void a_twin_socket_is_not_forced_on_a_client(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_start(e);
	engine_version(e, "{\"capabilities\":{\"twin_socket\":{\"supported\":false}}}", &m);
	assert_int_equal(m.nr_fds, 0);
	assert_string_equal(version_text(&m), "{\"capabilities\":{}}");
}

static void a_twin_socket_that_is_no_object_is_refused(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_reply_error(e, send_version(e, 0, 0, "{\"capabilities\":{\"twin_socket\":true}}"),
			   VFIO_USER_VERSION, EINVAL);
}

static void a_client_may_leave_with_its_twin_socket(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_negotiate(e, OFFER_TWIN);
	assert_true(e->twin >= 0);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(e->nr_detached, 1);
}

static void the_clients_end_of_a_twin_socket_is_not_kept(void **state)
{
	struct engine *e = *state;
	unsigned int before;

	engine_start(e);
	before = count_fds();
	engine_negotiate(e, OFFER_TWIN);
	engine_poll(e);
	assert_int_equal(count_fds(), before + 2); /* our end and the one that we were sent */
}

static void a_twin_socket_that_nobody_reads_from_does_not_leak(void **state)
{
	struct engine *e = *state;
	char payload[256];

	engine_start(e);
	engine_command(e, VFIO_USER_VERSION, payload, version_put(payload, 0, 0, OFFER_TWIN));
	engine_poll(e);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_json_is_answered_with_none),
		TEST(the_minor_version_is_not_above_the_clients),
		TEST(the_minor_version_is_not_above_ours),
		TEST(another_major_version_is_refused),
		TEST(capabilities_are_a_subset_of_those_offered),
		TEST(unknown_capabilities_are_left_out),
		TEST(no_capabilities_in_the_text_are_fine),
		TEST(what_qemu_offers_is_accepted),
		TEST(values_are_cut_to_what_we_can),
		TEST(page_sizes_are_all_that_were_proposed),
		TEST(text_without_its_nul_is_accepted),
		TEST(bad_json_is_refused),
		TEST(an_empty_text_is_refused),
		TEST(json_that_is_no_object_is_refused),
		TEST(capabilities_that_are_no_object_are_refused),
		TEST(deep_json_is_refused),
		TEST(a_limit_of_zero_is_refused),
		TEST(a_negative_limit_is_refused),
		TEST(a_limit_that_is_no_number_is_refused),
		TEST(a_limit_beyond_all_numbers_is_refused),
		TEST(a_switch_that_is_no_boolean_is_refused),
		TEST(a_refusal_says_why_in_the_log),
		TEST(a_version_that_is_too_short_is_refused),
		TEST(a_version_that_wants_no_reply_ends_the_connection),
		TEST(a_command_before_the_version_ends_the_connection),
		TEST(a_reset_before_the_version_does_nothing),
		TEST(descriptors_before_the_version_are_closed),
		TEST(a_second_version_is_refused),
		TEST(requests_may_follow_the_version_at_once),
		TEST(a_twin_socket_comes_if_it_was_offered),
		TEST(a_twin_socket_is_not_forced_on_a_client),
		TEST(a_twin_socket_that_is_no_object_is_refused),
		TEST(a_client_may_leave_with_its_twin_socket),
		TEST(the_clients_end_of_a_twin_socket_is_not_kept),
		TEST(a_twin_socket_that_nobody_reads_from_does_not_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
