/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_main.c - lm_main(): the command line of a program that is a device, its exit statuses, what
 * it prints, and what ends it. Each test runs it in a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <muser.h>
#include <muser-client.h>

#include "base/value_fault.h"
#include "tempdir.h"

static char value[32]; /* all that was set */

static const lm_prop_t props[] = {
	{ .name = "level", .help = "how high", .value = "1", .accepts = "0..3" },
	{ .name = "seen", .help = "what was seen", .flags = LM_PROP_RO },
};

static int prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s", value);
	return 0;
}

static int prop_set(void *pvt, const char *name, const char *text)
{
	if (*text < '0' || *text > '3' || text[1])
		return -EINVAL;
	strcat(value, text);
	return 0;
}

static int start(void *pvt, lm_ctx_t *ctx)
{
	fprintf(stderr, "values %s\n", value);
	return getenv("TEST_START_FAILS") ? -EIO : 0;
}

static void stop(void *pvt)
{
	fprintf(stderr, "stopped\n");
}

static const lm_dev_info_t info = {
	.type = "thing",
	.start = start,
	.stop = stop,
	LM_PROPS(props),
	.prop_get = prop_get,
	.prop_set = prop_set,
	.pci_info = {
		.id = { .vid = 0x1234, .did = 0x5678 },
		.reg_info[LM_BAR0_REG_IDX] = {
			LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 4096,
		},
	},
};

/* ---- the process ------------------------------------------------------------------ */

static struct child {
	pid_t pid;
	int out, err;
	char said[2][4096]; /* on standard output, on standard error */
} child;

static int ours = -1; /* a descriptor that the process does not have */

static void begin(const char *const words[])
{
	char *argv[8] = { 0 };
	int argc, out[2], err[2];

	for (argc = 0; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	memset(&child, 0, sizeof(child));
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (!child.pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(out[0]);
		close(err[0]);
		close(ours);
		exit(lm_main(argc, argv, &info));
	}
	close(out[1]);
	close(err[1]);
	child.out = out[0];
	child.err = err[0];
}

/* All that it says until it has ended. */
static void listen_to(int fd, char *said)
{
	size_t have = strlen(said);
	ssize_t got;

	while ((got = read(fd, said + have, sizeof(child.said[0]) - 1 - have)) > 0)
		have += (size_t)got;
	close(fd);
}

static int end(void)
{
	int status;

	listen_to(child.out, child.said[0]);
	listen_to(child.err, child.said[1]);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The UUID: a client can connect from now on. */
static void wait_ready(void)
{
	assert_int_equal(read(child.out, child.said[0], 37), 37);
	assert_int_equal(child.said[0][36], '\n');
}

static int run(const char *const argv[])
{
	begin(argv);
	return end();
}

#define ARGV(...) ((const char *const[]){ "thing", __VA_ARGS__, NULL })

static void assert_said(const char *text)
{
	if (!strstr(child.said[1], text))
		fail_msg("it said \"%s\", not \"%s\"", child.said[1], text);
}

/* ---- what it serves --------------------------------------------------------------- */

static void a_signal_ends_it_in_order(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };
	size_t i;

	for (i = 0; i < LM_NR(signals); i++) {
		begin(ARGV("-u", "85006552-1b4b-45e9-ad62-9dd16df09171"));
		wait_ready();
		kill(child.pid, signals[i]);
		assert_int_equal(end(), 0);
		assert_string_equal(child.said[0], "85006552-1b4b-45e9-ad62-9dd16df09171\n");
		assert_string_equal(child.said[1], "values 1\nstopped\n");
	}
}

static void a_socket_is_where_and_as_it_is_asked_for(void **state)
{
	char path[256];
	lm_client_t *client;
	struct stat st;

	snprintf(path, sizeof(path), "%s/here.sock", getenv("MUSER_RUNTIME_DIR"));
	begin(ARGV("--socket-path", path, "--mode=0640", "--name", "it", "--no-mmap"));
	wait_ready();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(lm_client_connect(path, NULL, &client), 0);
	lm_client_close(client);
	kill(child.pid, SIGTERM);
	assert_int_equal(end(), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void an_inherited_client_is_served_until_it_leaves(void **state)
{
	lm_client_t *client;
	char fd[16];
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	snprintf(fd, sizeof(fd), "%d", sv[0]);
	ours = sv[1];
	begin(ARGV("--fd", fd));
	ours = -1;
	close(sv[0]);
	assert_int_equal(lm_client_connect_fd(sv[1], NULL, &client), 0);
	wait_ready();
	lm_client_close(client);
	assert_int_equal(end(), 0);
}

static void properties_have_their_defaults_then_what_is_asked_for(void **state)
{
	begin(ARGV("-O", "level=3", "--option=level=2"));
	wait_ready();
	kill(child.pid, SIGTERM);
	assert_int_equal(end(), 0);
	assert_said("values 132\n");
}

static void the_command_line_goes_before_the_environment(void **state)
{
	setenv("MUSER_OPTIONS", "level=3", 1);
	setenv("MUSER_UUID", "11111111-1b4b-45e9-ad62-9dd16df09171", 1);
	begin(ARGV("-O", "level=2", "-u", "85006552-1b4b-45e9-ad62-9dd16df09171"));
	wait_ready();
	kill(child.pid, SIGTERM);
	assert_int_equal(end(), 0);
	assert_said("values 132\n");
	assert_string_equal(child.said[0], "85006552-1b4b-45e9-ad62-9dd16df09171\n");
	unsetenv("MUSER_UUID");
	setenv("MUSER_OPTIONS", "level=9", 1);
	assert_int_equal(run(ARGV("-O", "level=2")), 1);
	assert_said(": level=9: invalid value (expected 0..3)\n");
	unsetenv("MUSER_OPTIONS");
	setenv("MUSER_LISTEN_FD", "0", 1);
	assert_int_equal(run(ARGV("--mode", "0666")), 2);
	assert_said("MUSER_LISTEN_FD: the socket is there: neither --mode nor --group\n");
	unsetenv("MUSER_LISTEN_FD");
}

/* ---- what it does not ------------------------------------------------------------- */

static void a_command_line_that_is_wrong_is_said_to_be(void **state)
{
	static const struct {
		const char *word[3], *said;
	} all[] = {
		{ { "-O", "level=9" }, "level=9: invalid value (expected 0..3)\n" },
		{ { "-O", "nosuch=1" }, "nosuch: thing has no such option\n" },
		{ { "-O", "seen=1" }, "seen=1: is read-only\n" },
		{ { "-O", "level=1\nlevel=2" }, "level: " TEXT_FAULT "\n" },
		{ { "-O", "level=\xff" }, "level: " TEXT_FAULT "\n" },
		{ { "-O", "level" }, "--option: 'level' is not KEY=VALUE\n" },
		{ { "--mode", "0999" }, "--mode: not an octal mode from 1 to 0777\n" },
		{ { "--mode", "0" }, "--mode: not an octal mode from 1 to 0777\n" },
		{ { "--group", "no such" }, "no such: no such group\n" },
		{ { "--name", "a b" }, "--name: a name is 1 to 63 bytes" },
		{ { "--fd", "x" }, "--fd: not a descriptor\n" },
		{ { "--fd", "0" }, "--fd: is not a socket\n" },
		{ { "word" }, "word: unexpected argument\n" },
		{ { "-u", "not-one" }, "test_main: not-one: not a UUID\n" },
		{ { "--uuid=" }, ": not a UUID\n" },
		{ { "--nosuch" }, "test_main: unrecognized option '--nosuch'\n" },
		{ { "--fd" }, "test_main: option '--fd' requires an argument\n" },
		{ { "-x" }, "test_main: invalid option -- 'x'\n" },
	};
	const int null = open("/dev/null", O_RDONLY);
	size_t i;

	dup2(null, STDIN_FILENO);
	close(null);
	for (i = 0; i < LM_NR(all); i++) {
		assert_int_equal(run(ARGV(all[i].word[0], all[i].word[1])), 2);
		assert_said(all[i].said);
		assert_string_equal(child.said[0], "");
	}
}

static void what_fails_is_1(void **state)
{
	setenv("TEST_START_FAILS", "1", 1);
	assert_int_equal(run(ARGV("-u", "85006552-1b4b-45e9-ad62-9dd16df09171")), 1);
	unsetenv("TEST_START_FAILS");
	assert_said("start failed: Input/output error\n");
	assert_null(strstr(child.said[1], "stopped"));
}

static void help_lists_the_properties(void **state)
{
	assert_int_equal(run(ARGV("--help")), 0);
	assert_non_null(strstr(child.said[0], "\n  level=0..3  how high (default: 1)\n"));
	assert_null(strstr(child.said[0], "seen="));
	assert_string_equal(child.said[1], "");
	assert_int_equal(run(ARGV("-V")), 0);
	assert_non_null(strstr(child.said[0], lm_version()));
}

static char runtime[PATH_MAX];

static int setup(void **state)
{
	if (!tempdir_new(runtime))
		return -1;
	return setenv("MUSER_RUNTIME_DIR", runtime, 1);
}

static int teardown(void **state)
{
	tempdir_remove(runtime);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_ends_it_in_order),
		cmocka_unit_test(a_socket_is_where_and_as_it_is_asked_for),
		cmocka_unit_test(an_inherited_client_is_served_until_it_leaves),
		cmocka_unit_test(properties_have_their_defaults_then_what_is_asked_for),
		cmocka_unit_test(the_command_line_goes_before_the_environment),
		cmocka_unit_test(a_command_line_that_is_wrong_is_said_to_be),
		cmocka_unit_test(what_fails_is_1),
		cmocka_unit_test(help_lists_the_properties),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
