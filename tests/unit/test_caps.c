/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_caps.c - the JSON of VFIO_USER_VERSION. What the two sides make of it: test_handshake.c,
 * test_client_connect.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "wire/caps.h"

static int read_text(const char *text, struct caps *caps)
{
	struct json_object *json = json_parse(text, strlen(text));
	const int ret = caps_read(json, caps);

	json_free(json);
	return ret;
}

static void is_written_as(const struct caps *caps, const char *expected)
{
	struct json_object *json = caps_json(caps);
	size_t len;
	char *text = json_text(json, &len);

	assert_string_equal(text, expected);
	free(text);
	json_free(json);
}

static void what_is_written_is_read(void **state)
{
	const struct caps caps = { 16, 1048576, 65535, 4096, true, true, 3 };
	const char *text = "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
		"\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true,"
		"\"twin_socket\":{\"supported\":true,\"fd_index\":3}}}";
	struct caps read = { 0 };

	is_written_as(&caps, text);
	assert_int_equal(read_text(text, &read), 0);
	is_written_as(&read, text);
}

static void what_is_absent_is_not_written(void **state)
{
	is_written_as(&(struct caps){ 0 }, "{\"capabilities\":{}}");
	is_written_as(&(struct caps){ .twin_socket = true, .twin_fd = -1 },
		      "{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}");
}

static void what_is_absent_stays_as_it_is(void **state)
{
	struct caps caps = { 1, 2, 3, 4, true, true, -1 };

	assert_int_equal(read_text("{\"capabilities\":{\"max_msg_fds\":9,\"warp\":1}}", &caps), 0);
	assert_int_equal(read_text("{}", &caps), 0);
	is_written_as(&caps, "{\"capabilities\":{\"max_msg_fds\":9,\"max_data_xfer_size\":2,"
		      "\"max_dma_maps\":3,\"pgsizes\":4,\"write_multiple\":true,"
		      "\"twin_socket\":{\"supported\":true}}}");
}

static void values_of_a_wrong_type_are_refused(void **state)
{
	static const char *const texts[] = {
		"{", "[]", "{\"capabilities\":[]}",
		"{\"capabilities\":{\"max_msg_fds\":0}}",
		"{\"capabilities\":{\"max_dma_maps\":-1}}",
		"{\"capabilities\":{\"max_data_xfer_size\":\"1\"}}",
		"{\"capabilities\":{\"pgsizes\":1.5}}", "{\"capabilities\":{\"write_multiple\":1}}",
		"{\"capabilities\":{\"twin_socket\":{\"supported\":1}}}",
	};
	struct caps caps;
	size_t i;

	for (i = 0; i < LM_NR(texts); i++)
		assert_int_equal(read_text(texts[i], &caps), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_absent_is_not_written),
		cmocka_unit_test(what_is_absent_stays_as_it_is),
		cmocka_unit_test(values_of_a_wrong_type_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
