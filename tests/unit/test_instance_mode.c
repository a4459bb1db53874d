/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_instance_mode.c - who can come to the client socket of an instance, and to nothing else.
 */
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime.h"

#define GUEST 61237u /* user and group of somebody else */

static void publish(struct engine *e, uint32_t mode, uint32_t gid)
{
	e->info.socket_mode = mode;
	e->info.socket_gid = gid;
	runtime_publish(e);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static mode_t folder_mode(struct engine *e)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", runtime, lm_ctx_uuid(e->ctx));
	return mode_of(path);
}

/* What connecting gives somebody of that group; without root's rights: what it gives us. */
static int connect_as(struct engine *e, gid_t group, const char *file)
{
	const bool root = !geteuid();
	const pid_t pid = fork();
	int status, fd;

	if (!pid) {
		if (root && (setgroups(0, NULL) || setresgid(group, group, group) ||
			     setresuid(GUEST, GUEST, GUEST)))
			_exit(255);
		_exit(-lm_instance_connect(lm_ctx_uuid(e->ctx), file, &fd));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static gid_t some_group(void)
{
	return geteuid() ? getegid() : GUEST;
}

static void by_default_all_is_ours_alone(void **state)
{
	struct engine *e = *state;

	publish(e, 0, 0);
	assert_int_equal(folder_mode(e), 0700);
	assert_int_equal(mode_of(runtime), 0700);
	assert_int_equal(connect_as(e, GUEST, "vfio-user.sock"), geteuid() ? 0 : EACCES);
}

static void a_group_that_may_use_the_socket_gets_there(void **state)
{
	struct engine *e = *state;

	publish(e, 0660, some_group() + 1);
	assert_int_equal(connect_as(e, some_group(), "vfio-user.sock"), 0);
	assert_int_equal(folder_mode(e), 0710);
	assert_int_equal(mode_of(runtime), 0711);
}

static void another_group_does_not(void **state)
{
	struct engine *e = *state;

	publish(e, 0660, some_group() + 1);
	assert_int_equal(connect_as(e, GUEST + 1, "vfio-user.sock"), geteuid() ? 0 : EACCES);
}

static void everybody_gets_there_if_that_is_wanted(void **state)
{
	struct engine *e = *state;

	publish(e, 0666, 0);
	assert_int_equal(connect_as(e, GUEST, "vfio-user.sock"), 0);
	assert_int_equal(folder_mode(e), 0711);
}

static void nobody_gets_to_the_control_socket(void **state)
{
	struct engine *e = *state;

	publish(e, 0666, 0);
	assert_int_equal(connect_as(e, GUEST, "control.sock"), geteuid() ? 0 : EACCES);
}

static void a_socket_elsewhere_opens_no_folder(void **state)
{
	struct engine *e = *state;
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/socket", runtime);
	e->info.socket_path = path;
	publish(e, 0666, 0);
	assert_int_equal(folder_mode(e), 0700);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, runtime_setup, runtime_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_default_all_is_ours_alone),
		TEST(a_group_that_may_use_the_socket_gets_there),
		TEST(another_group_does_not),
		TEST(everybody_gets_there_if_that_is_wanted),
		TEST(nobody_gets_to_the_control_socket),
		TEST(a_socket_elsewhere_opens_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
