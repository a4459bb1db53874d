/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_connect.c - connecting, what is proposed, and what of the server's answer is taken.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/sockpath.h"
#include "fake_server.h"
#include "muser.h"

/* ---- what is proposed ------------------------------------------------------- */

/* The proposal must contain this text; for the scripts below. */
static const char *wanted, *unwanted;

static void script_look_at_proposal(struct fake *f)
{
	struct vfio_user_version v;
	const char *text = f->payload + sizeof(v);

	if (!fake_expect(f, VFIO_USER_VERSION))
		return;
	memcpy(&v, f->payload, sizeof(v));
	FAKE_CHECK(f, v.major == VFIO_USER_MAJOR && v.minor == VFIO_USER_MINOR);
	FAKE_CHECK(f, f->hdr.flags == VFIO_USER_F_TYPE_COMMAND);
	FAKE_CHECK(f, f->payload[f->len - 1] == '\0');
	FAKE_CHECK(f, strlen(text) == f->len - sizeof(v) - 1);
	FAKE_CHECK(f, strstr(text, wanted));
	FAKE_CHECK(f, !unwanted || !strstr(text, unwanted));
	fake_answer_version(f, VFIO_USER_MINOR);
}

static void proposes(const lm_client_options_t *options, const char *with, const char *without)
{
	struct fake f = { .script = script_look_at_proposal, .no_handshake = true };
	lm_client_t *c;

	wanted = with;
	unwanted = without;
	c = fake_client(&f, options);
	lm_client_close(c);
	fake_join(&f);
}

static void test_proposal_by_default(void **state)
{
	proposes(NULL, "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
		       "\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true}}",
		 "twin");
}

static void test_proposal_of_options(void **state)
{
	const lm_client_options_t o = {
		.max_msg_fds = 3, .max_data_xfer_size = 512, .max_dma_maps = 7, .pgsizes = 0x201000,
		.flags = LM_CLIENT_TWIN_SOCKET | LM_CLIENT_NO_WRITE_MULTIPLE,
	};

	proposes(&o, "{\"capabilities\":{\"max_msg_fds\":3,\"max_data_xfer_size\":512,"
		     "\"max_dma_maps\":7,\"pgsizes\":2101248,"
		     "\"twin_socket\":{\"supported\":true}}}",
		 "write_multiple");
}

static void script_no_json(struct fake *f)
{
	if (!fake_expect(f, VFIO_USER_VERSION))
		return;
	FAKE_CHECK(f, f->len == sizeof(struct vfio_user_version));
	f->json = "";
	fake_answer_version(f, 0);
}

static void test_without_json_the_defaults_of_the_specification_hold(void **state)
{
	const lm_client_options_t o = { .flags = LM_CLIENT_NO_JSON };
	struct fake f = { .script = script_no_json, .no_handshake = true };
	lm_client_t *c = fake_client(&f, &o);
	const lm_client_info_t *info = lm_client_info(c);

	assert_int_equal(info->major, 0);
	assert_int_equal(info->minor, 0);
	assert_int_equal(info->max_msg_fds, 1);
	assert_int_equal(info->max_data_xfer_size, 1 << 20);
	assert_int_equal(info->max_dma_maps, 65535);
	assert_int_equal(info->pgsizes, 4096);
	assert_false(info->write_multiple);
	assert_false(info->twin_socket);
	assert_false(info->json);
	lm_client_close(c);
	fake_join(&f);
}

static void refused(const lm_client_options_t *o)
{
	lm_client_t *c = NULL;

	assert_int_equal(lm_client_connect_fd(0, o, &c), -EINVAL);
	assert_int_equal(lm_client_connect("x", o, &c), -EINVAL);
	assert_null(c);
}

static void test_bad_options_are_refused(void **state)
{
	refused(&(lm_client_options_t){ .flags = 1u << 31 });
	refused(&(lm_client_options_t){ .max_msg_fds = 17 });
	refused(&(lm_client_options_t){ .max_data_xfer_size = (1u << 20) + 1 });
	refused(&(lm_client_options_t){ .queue_depth = 4097 });
	refused(&(lm_client_options_t){ .timeout_ms = UINT32_MAX });
	refused(&(lm_client_options_t){ .pgsizes = UINT64_MAX });
	refused(&(lm_client_options_t){ .reserved = { [7] = 1 } });
}

/* ---- what the server answers ------------------------------------------------ */

static void test_what_was_negotiated(void **state)
{
	struct fake f = {
		.json = "{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":65536,"
			"\"max_dma_maps\":100,\"pgsizes\":2101248,\"write_multiple\":true,"
			"\"migration\":{\"pgsize\":4096}},\"more\":[1,2]}",
	};
	lm_client_t *c = fake_client(&f, NULL);
	const lm_client_info_t *info = lm_client_info(c);

	assert_int_equal(info->minor, VFIO_USER_MINOR);
	assert_int_equal(info->max_msg_fds, 8);
	assert_int_equal(info->max_data_xfer_size, 65536);
	assert_int_equal(info->max_dma_maps, 100);
	assert_int_equal(info->pgsizes, 2101248);
	assert_true(info->write_multiple);
	assert_true(info->json);
	lm_client_close(c);
	fake_join(&f);
}

/* Limits beyond ours do not make us send or expect more than we can. */
static void test_large_limits_are_cut(void **state)
{
	const lm_client_options_t o = { .max_data_xfer_size = 4096 };
	struct fake f = {
		.json = "{\"capabilities\":{\"max_msg_fds\":1000000000000,"
			"\"max_data_xfer_size\":9000000000,\"max_dma_maps\":99999999999}}",
	};
	lm_client_t *c = fake_client(&f, &o);

	assert_int_equal(lm_client_info(c)->max_msg_fds, LM_CLIENT_MAX_FDS);
	assert_int_equal(lm_client_info(c)->max_data_xfer_size, 4096);
	assert_int_equal(lm_client_info(c)->max_dma_maps, UINT32_MAX);
	lm_client_close(c);
	fake_join(&f);
}

static void test_answers_that_make_no_sense(void **state)
{
	static const char *const answers[] = {
		"{", "[]", "1", "{\"capabilities\":[]}", "{\"capabilities\":{\"max_msg_fds\":0}}",
		"{\"capabilities\":{\"max_data_xfer_size\":0}}",
		"{\"capabilities\":{\"max_data_xfer_size\":-1}}",
		"{\"capabilities\":{\"max_data_xfer_size\":\"1\"}}",
		"{\"capabilities\":{\"pgsizes\":1.5}}",
		"{\"capabilities\":{\"write_multiple\":1}}",
		"{\"capabilities\":{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}}",
	};
	size_t i;

	for (i = 0; i < LM_NR(answers); i++) {
		struct fake f = { .json = answers[i] };

		assert_int_equal(fake_refuses(&f, NULL), -EPROTO);
	}
}

static void test_json_beyond_bounds(void **state)
{
	struct fake f = { 0 };
	char *json = malloc(10000);

	memset(json, ' ', 9999);
	json[9999] = '\0';
	json[0] = '{';
	json[9998] = '}';
	f.json = json;
	assert_int_equal(fake_refuses(&f, NULL), -EPROTO);
	free(json);
}

static struct vfio_user_version version;

static void script_version(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_VERSION))
		fake_reply(f, &version, sizeof(version));
}

static void test_versions_that_we_did_not_propose(void **state)
{
	struct fake f = { .script = script_version, .no_handshake = true };
	struct fake g = f;

	version = (struct vfio_user_version){ VFIO_USER_MAJOR + 1, 0 };
	assert_int_equal(fake_refuses(&f, NULL), -EPROTONOSUPPORT);
	version = (struct vfio_user_version){ VFIO_USER_MAJOR, VFIO_USER_MINOR + 1 };
	assert_int_equal(fake_refuses(&g, NULL), -EPROTONOSUPPORT);
}

static void script_short_version(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_VERSION))
		fake_reply(f, "\0\0", 2);
}

static void test_version_cut_short(void **state)
{
	struct fake f = { .script = script_short_version, .no_handshake = true };

	assert_int_equal(fake_refuses(&f, NULL), -EPROTO);
}

static void script_close(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_VERSION))
		shutdown(f->fd, SHUT_RDWR);
}

static void test_server_that_turns_us_away(void **state)
{
	struct fake f = { .script = script_close, .no_handshake = true };

	assert_int_equal(fake_refuses(&f, NULL), -ENOTCONN);
}

static void script_refuse(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_VERSION))
		fake_reply_error(f, EACCES);
}

static void test_server_that_says_why(void **state)
{
	struct fake f = { .script = script_refuse, .no_handshake = true };

	assert_int_equal(fake_refuses(&f, NULL), -EACCES);
}

static void test_silent_server(void **state)
{
	const lm_client_options_t quick = { .timeout_ms = FAKE_QUICK_MS };
	struct fake f = { .no_handshake = true };

	assert_int_equal(fake_refuses(&f, &quick), -ETIMEDOUT);
}

/* ---- the twin socket -------------------------------------------------------- */

#define TWIN(index) \
	"{\"capabilities\":{\"twin_socket\":{\"supported\":true,\"fd_index\":" index "}}}"

/* Descriptors 0 and 1 are a socket, 2 is none. */
static void script_twin(struct fake *f)
{
	const struct vfio_user_version v = { VFIO_USER_MAJOR, VFIO_USER_MINOR };
	char buf[256];
	int fds[2], sent[3];

	if (!fake_expect(f, VFIO_USER_VERSION))
		return;
	FAKE_CHECK(f, !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	sent[0] = fds[1];
	sent[1] = fds[1];
	sent[2] = eventfd(0, EFD_CLOEXEC);
	memcpy(buf, &v, sizeof(v));
	strcpy(buf + sizeof(v), f->json);
	fake_reply_fds(f, buf, sizeof(v) + strlen(f->json) + 1, sent, 3);
	close(fds[0]);
	close(fds[1]);
	close(sent[2]);
}

static int twin(const char *json, bool *twin_socket)
{
	const lm_client_options_t o = { .flags = LM_CLIENT_TWIN_SOCKET };
	struct fake f = { .script = script_twin, .no_handshake = true, .json = json };
	lm_client_t *c = NULL;
	int ret;

	fake_start(&f);
	ret = lm_client_connect_fd(f.client_fd, &o, &c);
	*twin_socket = c && lm_client_info(c)->twin_socket;
	if (ret)
		close(f.client_fd);
	lm_client_close(c);
	fake_join(&f);
	return ret;
}

static void test_twin_socket_is_taken(void **state)
{
	bool is_there;

	assert_int_equal(twin(TWIN("1"), &is_there), 0);
	assert_true(is_there);
}

static void test_twin_socket_that_the_server_has_not(void **state)
{
	bool is_there;

	assert_int_equal(twin("{\"capabilities\":{\"twin_socket\":{\"supported\":false}}}",
			      &is_there), 0);
	assert_false(is_there);
	assert_int_equal(twin("{\"capabilities\":{\"twin_socket\":{}}}", &is_there), 0);
	assert_false(is_there);
}

static void test_twin_socket_without_its_descriptor(void **state)
{
	bool is_there;

	assert_int_equal(twin(TWIN("3"), &is_there), -EPROTO);
	assert_int_equal(twin(TWIN("-1"), &is_there), -EPROTO);
	assert_int_equal(twin("{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}",
			      &is_there), -EPROTO);
}

static void test_twin_socket_that_is_no_socket(void **state)
{
	bool is_there;

	assert_int_equal(twin(TWIN("2"), &is_there), -EPROTO);
}

/* ---- by path ---------------------------------------------------------------- */

/* A listening socket at @path, by way of its folder if the path is long. */
static int listen_at(const char *dir, const char *name, int backlog)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	close(dir_fd);
	return fd;
}

static void *accept_thread(void *arg)
{
	struct fake *f = arg;

	f->fd = accept4(f->client_fd, NULL, NULL, SOCK_CLOEXEC);
	f->payload = malloc(FAKE_MAX);
	return fake_thread(f);
}

static void test_path_longer_than_sun_path(void **state)
{
	char dir[256] = "/tmp/muser-test-XXXXXX", path[512];
	struct fake f = { 0 };
	lm_client_t *c;
	int listener;

	assert_non_null(mkdtemp(dir));
	memset(path, 'd', sizeof(path));
	snprintf(path, sizeof(path), "%s/%0150d", dir, 0);
	assert_int_equal(mkdir(path, 0700), 0);
	listener = listen_at(path, "sock", 1);
	f.client_fd = listener;
	pthread_create(&f.thread, NULL, accept_thread, &f);
	strcat(path, "/sock");
	assert_int_equal(lm_client_connect(path, NULL, &c), 0);
	lm_client_close(c);
	fake_join(&f);
	close(listener);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
}

static void test_nobody_listens(void **state)
{
	lm_client_t *c = NULL;

	assert_int_equal(lm_client_connect("/tmp/muser-test-no-such-socket", NULL, &c), -ENOENT);
	assert_null(c);
}

static void test_full_backlog_times_out(void **state)
{
	const lm_client_options_t quick = { .timeout_ms = FAKE_QUICK_MS };
	char dir[] = "/tmp/muser-test-XXXXXX", path[64];
	const uint64_t start = fake_now_ms();
	lm_client_t *c = NULL;
	int listener, fds[8], i;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	listener = listen_at(dir, "sock", 0);
	for (i = 0; i < 8; i++)
		fds[i] = sockpath_connect(path);
	assert_int_equal(lm_client_connect(path, &quick, &c), -ETIMEDOUT);
	assert_in_range(fake_now_ms() - start, FAKE_QUICK_MS - 10, 3000);
	for (i = 0; i < 8; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	close(listener);
	unlink(path);
	rmdir(dir);
}

static void test_what_is_no_socket(void **state)
{
	lm_client_t *c = NULL;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(lm_client_connect_fd(fd, NULL, &c) < 0);
	assert_int_equal(lm_client_connect_fd(-1, NULL, &c), -EBADF);
	assert_int_equal(close(fd), 0);
	assert_null(c);
}

static void test_descriptor_is_consumed_and_not_inherited(void **state)
{
	struct fake f = { 0 };
	lm_client_t *c = fake_client(&f, NULL);

	assert_int_equal(fcntl(f.client_fd, F_GETFD), -1);
	assert_true(fcntl(lm_client_fd(c), F_GETFD) & FD_CLOEXEC);
	lm_client_close(c);
	lm_client_close(NULL);
	fake_join(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_proposal_by_default),
		fake_test(test_proposal_of_options),
		fake_test(test_without_json_the_defaults_of_the_specification_hold),
		fake_test(test_bad_options_are_refused),
		fake_test(test_what_was_negotiated),
		fake_test(test_large_limits_are_cut),
		fake_test(test_answers_that_make_no_sense),
		fake_test(test_json_beyond_bounds),
		fake_test(test_versions_that_we_did_not_propose),
		fake_test(test_version_cut_short),
		fake_test(test_server_that_turns_us_away),
		fake_test(test_server_that_says_why),
		fake_test(test_silent_server),
		fake_test(test_twin_socket_is_taken),
		fake_test(test_twin_socket_that_the_server_has_not),
		fake_test(test_twin_socket_without_its_descriptor),
		fake_test(test_twin_socket_that_is_no_socket),
		fake_test(test_path_longer_than_sun_path),
		fake_test(test_nobody_listens),
		fake_test(test_full_backlog_times_out),
		fake_test(test_what_is_no_socket),
		fake_test(test_descriptor_is_consumed_and_not_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
