/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_control.c - connections of the control endpoint: framing, order, bounds, and peers
 * that misbehave.
 */
#include "client/client.h"
#include "control_peer.h"

#define GET_INFO "{\"method\":\"org.varlink.service.GetInfo\"}"
#define MAX_CONNS 32

static void assert_served(int fd)
{
	struct json_object *reply = call(fd, "org.varlink.service.GetInfo", NULL);
	struct json_object *params = json_get(reply, "parameters");

	assert_string_equal(json_to_string(json_get(params, "product")), "libmuser");
	json_free(reply);
}

/* ---- framing --------------------------------------------------------------------- */

static void a_call_may_come_byte_by_byte(void **state)
{
	const int fd = peer_connect();
	size_t i;

	for (i = 0; i < strlen(GET_INFO); i++) {
		send_bytes(fd, &GET_INFO[i], 1);
		assert_silent(fd);
	}
	send_bytes(fd, "", 1);
	json_free(receive(fd));
	close(fd);
}

static void many_calls_may_come_at_once(void **state)
{
	const int fd = peer_connect();
	char text[100 * 100], *p = text;
	int i;

	for (i = 0; i < 100; i++) {
		call_text(p, 100, i % 2 ? "Get" : "Nothing", "{'property':'in3'}");
		p += strlen(p) + 1;
	}
	send_bytes(fd, text, (size_t)(p - text));
	for (i = 0; i < 50; i++) {
		assert_reply(receive(fd), "{'error':'org.varlink.service.MethodNotFound',"
			     "'parameters':{'method':'org.muser.control.Nothing'}}");
		assert_reply(receive(fd), "{'parameters':{'value':'three'}}");
	}
	assert_silent(fd);
	close(fd);
}

static void a_call_may_be_as_long_as_promised(void **state)
{
	const int fd = peer_connect();
	char *text = malloc(JSON_REQUEST_MAX + 1);

	assert_non_null(text);
	memset(text, ' ', JSON_REQUEST_MAX);
	memcpy(text, GET_INFO, strlen(GET_INFO));
	text[JSON_REQUEST_MAX] = '\0';
	send_bytes(fd, text, JSON_REQUEST_MAX + 1);
	json_free(receive(fd));
	assert_served(fd);
	free(text);
	close(fd);
}

static void a_longer_call_ends_the_connection(void **state)
{
	const int fd = peer_connect();
	char *text = malloc(JSON_REQUEST_MAX + 2);

	assert_non_null(text);
	memset(text, ' ', JSON_REQUEST_MAX + 2);
	send_bytes(fd, text, JSON_REQUEST_MAX + 2);
	assert_hung_up(fd);
	free(text);
	close(fd);
}

static void what_is_no_call_ends_the_connection(void **state)
{
	static const char *const bad[] = {
		"", "x", "{", "[]", "1", "null", "\"\"", "{}", "{\"method\":1}",
		"{\"method\":\"a\\u0000b\"}", "{\"method\":\"a\"}}", "{\"method\":\"\xff\"}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	};
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		const int fd = peer_connect();

		send_call(fd, bad[i]);
		assert_hung_up(fd);
		close(fd);
	}
}

static void a_call_with_unknown_members_is_refused(void **state)
{
	const int fd = peer_connect();

	send_call(fd, "{\"method\":\"org.muser.control.Reset\",\"more_\":true}");
	assert_reply(receive(fd), INVALID("more_"));
	send_call(fd, "{\"method\":\"org.muser.control.Reset\",\"parameters\":[]}");
	assert_reply(receive(fd), INVALID("parameters"));
	send_call(fd, "{\"method\":\"org.muser.control.Reset\",\"oneway\":1}");
	assert_reply(receive(fd), INVALID("oneway"));
	send_call(fd, "{\"method\":\"org.muser.control.Reset\",\"upgrade\":true}");
	assert_reply(receive(fd), INVALID("upgrade"));
	assert_int_equal(dev.resets, 0);
	close(fd);
}

static void a_oneway_call_is_not_answered(void **state)
{
	const int fd = peer_connect();

	send_call(fd, "{\"method\":\"org.muser.control.Reset\",\"oneway\":true}");
	send_call(fd, "{\"method\":\"org.muser.control.Nothing\",\"oneway\":true}");
	assert_silent(fd);
	assert_int_equal(dev.resets, 1);
	assert_served(fd);
	close(fd);
}

static void a_oneway_call_counts_though_its_peer_has_left(void **state)
{
	const int fd = peer_connect();

	send_call(fd, "{\"method\":\"org.muser.control.Reset\",\"oneway\":true}");
	close(fd);
	serve();
	assert_int_equal(dev.resets, 1);
}

static void answers_come_after_the_peer_has_said_its_last(void **state)
{
	const int fd = peer_connect();

	send_method(fd, "Get", "{'property':'in3'}");
	send_method(fd, "Get", "{'property':'in3'}");
	shutdown(fd, SHUT_WR);
	assert_reply(receive(fd), "{'parameters':{'value':'three'}}");
	assert_reply(receive(fd), "{'parameters':{'value':'three'}}");
	assert_hung_up(fd);
	close(fd);
}

static void half_a_call_at_the_end_is_dropped(void **state)
{
	const int fd = peer_connect();

	send_method(fd, "Reset", NULL);
	send_bytes(fd, "{\"method\"", 9);
	shutdown(fd, SHUT_WR);
	assert_reply(receive(fd), OK);
	assert_hung_up(fd);
	close(fd);
}

/* ---- many peers ------------------------------------------------------------------ */

static void connections_beyond_the_limit_are_turned_away(void **state)
{
	int fds[MAX_CONNS], i, late;

	for (i = 0; i < MAX_CONNS; i++)
		fds[i] = peer_connect();
	late = peer_connect();
	assert_hung_up(late);
	close(late);
	assert_served(fds[0]);
	assert_served(fds[MAX_CONNS - 1]);
	close(fds[5]);
	serve();
	fds[5] = peer_connect();
	assert_served(fds[5]);
	for (i = 0; i < MAX_CONNS; i++)
		close(fds[i]);
}

static void a_peer_that_stops_in_the_middle_disturbs_nobody(void **state)
{
	const int slow = peer_connect(), other = peer_connect();

	send_bytes(slow, GET_INFO, 10);
	serve();
	assert_served(other);
	send_call(slow, &GET_INFO[10]);
	json_free(receive(slow));
	close(slow);
	close(other);
}

#define READ_ALL "{'region':3,'offset':'0x0','count':65536}"

/* 40 answers of 128 KiB each: more than the socket holds. */
static void a_peer_that_does_not_read_waits_alone(void **state)
{
	const int slow = peer_connect(), other = peer_connect();
	int i;

	for (i = 0; i < 40; i++)
		send_method(slow, "Read", READ_ALL);
	serve();
	assert_served(other);
	/* Later it reads after all: nothing is missing. */
	for (i = 0; i < 40; i++) {
		struct json_object *reply = receive(slow);
		struct json_object *params = json_get(reply, "parameters");

		assert_int_equal(strlen(json_to_string(json_get(params, "data"))), 2 * 65536);
		json_free(reply);
	}
	assert_silent(slow);
	close(slow);
	close(other);
}

static void a_peer_may_leave_without_reading(void **state)
{
	const int slow = peer_connect(), other = peer_connect();
	int i;

	for (i = 0; i < 40; i++)
		send_method(slow, "Read", READ_ALL);
	serve();
	close(slow);
	serve();
	assert_served(other);
	close(other);
}

static void a_context_may_end_while_peers_wait(void **state)
{
	int i;

	for (i = 0; i < 10; i++) {
		const int fd = peer_connect();

		send_method(fd, "Read", READ_ALL);
		send_method(fd, "Read", READ_ALL);
		send_method(fd, "Read", READ_ALL);
		send_bytes(fd, GET_INFO, 10);
	}
	serve();
	dev.fds_before += 10;
}

/* ---- descriptors ----------------------------------------------------------------- */

static void unexpected_descriptors_are_closed(void **state)
{
	const int fd = peer_connect(), null = open("/dev/null", O_RDWR);
	const unsigned int before = count_fds();
	int fds[253], i;

	for (i = 0; i < 253; i++)
		fds[i] = null;
	for (i = 0; i < 5; i++) {
		send_fds(fd, GET_INFO, fds, 253);
		json_free(receive(fd));
		send_fds(fd, GET_INFO, fds, 1);
		json_free(receive(fd));
		assert_int_equal(fds_left(before), 0);
	}
	close(fd);
	close(null);
}

/* It would wait for the test. */
static void a_descriptor_that_lingers_makes_nobody_wait(void **state)
{
	const int fd = peer_connect(), other = peer_connect();
	const unsigned int before = count_fds();
	int peer, linger = fds_lingering(&peer);

	send_fds(fd, GET_INFO, &linger, 1);
	close(linger);
	json_free(receive(fd));
	assert_served(other);
	close(peer);
	assert_int_equal(fds_left(before), 0);
	close(fd);
	close(other);
}

static void descriptors_of_half_a_call_are_closed_with_it(void **state)
{
	const int fd = peer_connect(), null = open("/dev/null", O_RDWR);
	const int fds[2] = { null, null };

	send_fds(fd, GET_INFO, fds, 2);
	json_free(receive(fd));
	/* The text of send_fds() ends with a NUL: go on with half a call. */
	send_bytes(fd, "{", 1);
	send_fds(fd, "", fds, 2);
	assert_hung_up(fd);
	close(fd);
	close(null);
}

/* ---- listeners ------------------------------------------------------------------- */

#define MONITOR "{\"method\":\"org.muser.control.Monitor\",\"more\":true}"

static int listen_to(const char *ready)
{
	const int fd = peer_connect();

	send_call(fd, MONITOR);
	assert_reply(receive(fd), ready);
	return fd;
}

#define READY(value) "{'continues':true,'parameters':{'kind':'ready','value':'" value "'}}"

static void listeners_hear_events(void **state)
{
	const int a = listen_to(READY("0x0")), b = listen_to(READY("0x0"));
	const char *event = "{'continues':true,'parameters':{'kind':'event','name':'panic',"
			    "'value':'0xffffffffffffffff'}}";

	assert_int_equal(lm_event(dev.ctx, "panic", UINT64_MAX), 0);
	assert_reply(receive(a), event);
	assert_reply(receive(b), event);
	close(a);
	serve();
	assert_int_equal(lm_event(dev.ctx, "panic", UINT64_MAX), 0);
	assert_reply(receive(b), event);
	close(b);
}

static void assert_hears(int fd, const char *kind)
{
	struct json_object *reply = receive(fd);
	struct json_object *params = json_get(reply, "parameters");

	assert_string_equal(json_to_string(json_get(params, "kind")), kind);
	json_free(reply);
}

static void listeners_hear_of_clients_and_resets(void **state)
{
	const int fd = listen_to(READY("0x0")), other = peer_connect();
	const int client = client_connect();
	int late;

	assert_hears(fd, "attach");
	late = listen_to(READY("0x1"));
	close(client);
	assert_hears(fd, "detach");
	assert_hears(late, "detach");
	assert_call(other, "Reset", NULL, OK);
	assert_hears(fd, "reset");
	assert_hears(late, "reset");
	close(late);
	close(other);
	close(fd);
}

/* The last reply of the call: whoever does not get it was left by a crash. */
static void listeners_hear_of_the_end(void **state)
{
	const int fd = listen_to(READY("0x0"));
	char text[128];

	lm_ctx_destroy(dev.ctx);
	dev.ctx = NULL;
	assert_true(recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0);
	assert_string_equal(text, "{\"parameters\":{\"kind\":\"end\",\"value\":\"0x0\"}}");
	close(fd);
}

static void listening_needs_more(void **state)
{
	const int fd = peer_connect();

	assert_call(fd, "Monitor", NULL,
		    "{'error':'org.varlink.service.ExpectedMore','parameters':{}}");
	assert_served(fd);
	close(fd);
}

static void a_slow_listener_is_dropped(void **state)
{
	const int slow = listen_to(READY("0x0")), other = peer_connect();
	int i;

	for (i = 0; i < 100000; i++)
		assert_int_equal(lm_event(dev.ctx, "tick", (uint64_t)i), 0);
	serve();
	assert_served(other);
	/* It got some, in order and whole, and then nothing more. */
	for (i = 0;; i++) {
		struct json_object *reply = receive(slow);
		struct json_object *params = json_get(reply, "parameters");
		uint64_t value;

		if (!reply)
			break;
		assert_int_equal(json_to_hex(json_get(params, "value"), &value), 0);
		assert_int_equal(value, i);
		json_free(reply);
	}
	assert_in_range(i, 100, 99999);
	close(slow);
	close(other);
}

static void a_listener_that_talks_is_dropped(void **state)
{
	const int fd = listen_to(READY("0x0"));

	send_call(fd, GET_INFO);
	assert_hung_up(fd);
	close(fd);
}

static void a_listener_may_close_its_sending_side(void **state)
{
	const int fd = peer_connect();

	send_call(fd, MONITOR);
	shutdown(fd, SHUT_WR);
	json_free(receive(fd));
	assert_int_equal(lm_event(dev.ctx, "x", 0), 0);
	json_free(receive(fd));
	assert_int_equal(lm_ctx_poll(dev.ctx), 0); /* and does not keep the loop busy */
	close(fd);
}

/* ---- what is there --------------------------------------------------------------- */

static void interfaces_are_described(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply = call(fd, "org.varlink.service.GetInfo", NULL);
	struct json_object *names = json_get(json_get(reply, "parameters"), "interfaces");

	assert_int_equal(json_length(names), 2);
	assert_string_equal(json_to_string(json_at(names, 0)), "org.varlink.service");
	assert_string_equal(json_to_string(json_at(names, 1)), "org.muser.control");
	json_free(reply);
	assert_call(fd, "org.varlink.service.GetInterfaceDescription", "{'interface':'x'}",
		    "{'error':'org.varlink.service.InterfaceNotFound',"
		    "'parameters':{'interface':'x'}}");
	assert_call(fd, "org.varlink.service.GetInterfaceDescription", NULL,
		    INVALID("interface"));
	close(fd);
}

/* Each one that the description names answers something better than "not found". */
static void every_method_that_is_described_is_there(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply = call(fd, "org.varlink.service.GetInterfaceDescription",
					 "{'interface':'org.muser.control'}");
	const char *text = json_to_string(json_get(json_get(reply, "parameters"),
						   "description"));
	unsigned int nr = 0;
	char name[64];

	assert_non_null(strstr(text, "interface org.muser.control\n"));
	while ((text = strstr(text, "\nmethod "))) {
		text += strlen("\nmethod ");
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "("), text);
		assert_call(fd, name, "{'surely_not':1}", INVALID("surely_not"));
		nr++;
	}
	assert_int_equal(nr, 14);
	json_free(reply);
	close(fd);
}

static void unknown_names_are_told_apart(void **state)
{
	const int fd = peer_connect();

	assert_call(fd, "org.muser.control.Nothing", NULL,
		    "{'error':'org.varlink.service.MethodNotFound',"
		    "'parameters':{'method':'org.muser.control.Nothing'}}");
	assert_call(fd, "org.muser.other.Show", NULL,
		    "{'error':'org.varlink.service.InterfaceNotFound',"
		    "'parameters':{'interface':'org.muser.other'}}");
	assert_call(fd, "org.muser.control.", NULL,
		    "{'error':'org.varlink.service.MethodNotFound',"
		    "'parameters':{'method':'org.muser.control.'}}");
	send_call(fd, "{\"method\":\"Show\"}");
	assert_reply(receive(fd), "{'error':'org.varlink.service.InterfaceNotFound',"
		     "'parameters':{'interface':'Show'}}");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_may_come_byte_by_byte),
		TEST(many_calls_may_come_at_once),
		TEST(a_call_may_be_as_long_as_promised),
		TEST(a_longer_call_ends_the_connection),
		TEST(what_is_no_call_ends_the_connection),
		TEST(a_call_with_unknown_members_is_refused),
		TEST(a_oneway_call_is_not_answered),
		TEST(a_oneway_call_counts_though_its_peer_has_left),
		TEST(answers_come_after_the_peer_has_said_its_last),
		TEST(half_a_call_at_the_end_is_dropped),
		TEST(connections_beyond_the_limit_are_turned_away),
		TEST(a_peer_that_stops_in_the_middle_disturbs_nobody),
		TEST(a_peer_that_does_not_read_waits_alone),
		TEST(a_peer_may_leave_without_reading),
		TEST(a_context_may_end_while_peers_wait),
		TEST(unexpected_descriptors_are_closed),
		TEST(a_descriptor_that_lingers_makes_nobody_wait),
		TEST(descriptors_of_half_a_call_are_closed_with_it),
		TEST(listeners_hear_events),
		TEST(listeners_hear_of_clients_and_resets),
		TEST(listeners_hear_of_the_end),
		TEST(listening_needs_more),
		TEST(a_slow_listener_is_dropped),
		TEST(a_listener_that_talks_is_dropped),
		TEST(a_listener_may_close_its_sending_side),
		TEST(interfaces_are_described),
		TEST(every_method_that_is_described_is_there),
		TEST(unknown_names_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
