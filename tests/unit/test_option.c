/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_option.c - what descriptions are told from outside: options of properties, one and many, an
 * inherited socket, its group and its mode.
 */
#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/option.h"

static char set[128]; /* all that was, in order */
static int answer;
static const char *reason;

static int prop_set_fn(void *pvt, const char *name, const char *value)
{
	const size_t used = strlen(set);

	snprintf(set + used, sizeof(set) - used, "%s=%s ", name, value);
	return reason ? lm_prop_reject(answer, "%s", reason) : answer;
}

static const lm_prop_t props[] = {
	{ .name = "in", .value = "5", .nr = 4, .accepts = "0..15", .wire_accepts = "0|1" },
	{ .name = "out", .value = "1", .flags = LM_PROP_RO },
	{ .name = "kind", .value = "none" },
	{ .name = "label" },
};

static const lm_dev_info_t info = { .type = "thing", LM_PROPS(props), .prop_set = prop_set_fn };

static int setup(void **state)
{
	set[0] = '\0';
	answer = 0;
	reason = NULL;
	return 0;
}

static void fails(const char *option, int error, const char *object, const char *text)
{
	struct option_fault fault;

	assert_int_equal(option_set(&info, option, &fault), error);
	assert_string_equal(fault.object, object);
	assert_string_equal(fault.text, text);
}

static void an_option_is_a_property(void **state)
{
	struct option_fault fault;

	assert_int_equal(option_set(&info, "in=7", &fault), 0);
	assert_int_equal(option_set(&info, "in3=1", &fault), 0);
	assert_int_equal(option_set(&info, "label=a=b", &fault), 0);
	assert_int_equal(option_set(&info, "label=", &fault), 0);
	assert_string_equal(set, "in=7 in3=1 label=a=b label= ");
}

static void what_is_wrong_is_said(void **state)
{
	fails("in", -EINVAL, "--option", "'in' is not KEY=VALUE");
	fails("=7", -EINVAL, "--option", "'=7' is not KEY=VALUE");
	fails("", -EINVAL, "--option", "'' is not KEY=VALUE");
	fails("in4=1", -ENOENT, "in4", "thing has no such option");
	fails("out=1", -EPERM, "out=1", "is read-only");
	assert_string_equal(set, "");
	fails("label=a\nin=2", -EINVAL, "label", TEXT_FAULT);
	fails("label=\xff", -EINVAL, "label", TEXT_FAULT);
	fails("la\033bel=x", -EINVAL, "--option", TEXT_FAULT);
	assert_string_equal(set, "");
	answer = -EINVAL;
	fails("in=77", -EINVAL, "in=77", "invalid value (expected 0..15)");
	fails("in3=7", -EINVAL, "in3=7", "invalid value (expected 0|1)");
	fails("label=x", -EINVAL, "label=x", "invalid value");
	answer = -EIO;
	fails("in=1", -EIO, "in=1", strerror(EIO));
}

static void a_reason_is_of_one_option(void **state)
{
	struct option_fault fault;

	reason = "in the device's words"; /* which it may give, and take the value */
	assert_int_equal(option_set(&info, "in=7", &fault), 0);
	fails("out=1", -EPERM, "out=1", "is read-only");
	answer = -EBUSY;
	fails("in=7", -EBUSY, "in=7", "in the device's words");
	fails("out=1", -EPERM, "out=1", "is read-only");
}

static void defaults_are_set_in_order_but_of_what_is_read_only(void **state)
{
	struct option_fault fault;

	assert_int_equal(option_set_defaults(&info, &fault), 0);
	assert_string_equal(set, "in=5 kind=none ");
	answer = -EINVAL;
	assert_int_equal(option_set_defaults(&info, &fault), -EINVAL);
	assert_string_equal(fault.object, "in=5");
}

static void lines_are_options_up_to_the_first_that_is_wrong(void **state)
{
	struct option_fault fault;

	assert_int_equal(option_set_lines(&info, "in=1\nlabel=x y\n", &fault), 0);
	assert_string_equal(set, "in=1 label=x y ");
	assert_int_equal(option_set_lines(&info, "in=2\nnosuch=1\nin=3", &fault), -ENOENT);
	assert_string_equal(set, "in=1 label=x y in=2 ");
	assert_string_equal(fault.object, "nosuch");
	assert_int_equal(option_set_lines(&info, "", &fault), 0);
}

static void joined_options_are_lines(void **state)
{
	struct option_fault fault;
	char *lines = NULL;

	assert_int_equal(option_join(&lines, "in=1", &fault), 0);
	assert_int_equal(option_join(&lines, "label=x\nin=2", &fault), -EINVAL);
	assert_string_equal(fault.object, "label");
	assert_string_equal(fault.text, TEXT_FAULT);
	assert_int_equal(option_join(&lines, "in", &fault), -EINVAL);
	assert_string_equal(fault.text, "'in' is not KEY=VALUE");
	assert_int_equal(option_join(&lines, "label=x y", &fault), 0);
	assert_string_equal(lines, "in=1\nlabel=x y\n");
	free(lines);
}

static void an_inherited_socket_is_a_client_or_a_listener(void **state)
{
	lm_dev_info_t own = { 0 };
	int sv[2], fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_null(option_set_fd(&own, sv[0]));
	assert_int_equal(own.flags, LM_DEV_CONN_FD);
	assert_int_equal(own.fd, sv[0]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(listen(fd, 1), -1); /* it has no address yet */
	assert_int_equal(bind(fd, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)),
			 0);
	assert_int_equal(listen(fd, 1), 0);
	own = (lm_dev_info_t){ 0 };
	assert_null(option_set_fd(&own, fd));
	assert_int_equal(own.flags, LM_DEV_LISTEN_FD);
	close(sv[0]);
	close(sv[1]);
	close(fd);
	assert_string_equal(option_set_fd(&own, fd), "is not a socket");
}

static void a_group_is_a_name_or_a_number(void **state)
{
	lm_dev_info_t own = { 0 };

	assert_null(option_set_group(&own, "0"));
	assert_int_equal(own.socket_gid, 1);
	assert_null(option_set_group(&own, "root"));
	assert_int_equal(own.socket_gid, 1);
	assert_null(option_set_group(&own, "4294967294"));
	assert_int_equal(own.socket_gid, UINT32_MAX);
	assert_string_equal(option_set_group(&own, "4294967295"), "no such group");
	assert_string_equal(option_set_group(&own, ""), "no such group");
	assert_string_equal(option_set_group(&own, "-1"), "no such group");
	assert_string_equal(option_set_group(&own, "1x"), "no such group");
}

static void a_mode_is_octal(void **state)
{
	static const char *const bad[] = { "", "0", "1000", "8", "0x1", "-1", " 1", "000000660" };
	uint32_t mode;
	size_t i;

	assert_true(option_parse_mode("0660", &mode));
	assert_int_equal(mode, 0660);
	assert_true(option_parse_mode("777", &mode));
	for (i = 0; i < LM_NR(bad); i++)
		assert_false(option_parse_mode(bad[i], &mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_option_is_a_property, setup),
		cmocka_unit_test_setup(what_is_wrong_is_said, setup),
		cmocka_unit_test_setup(a_reason_is_of_one_option, setup),
		cmocka_unit_test_setup(defaults_are_set_in_order_but_of_what_is_read_only, setup),
		cmocka_unit_test_setup(lines_are_options_up_to_the_first_that_is_wrong, setup),
		cmocka_unit_test(joined_options_are_lines),
		cmocka_unit_test(an_inherited_socket_is_a_client_or_a_listener),
		cmocka_unit_test(a_group_is_a_name_or_a_number),
		cmocka_unit_test(a_mode_is_octal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
