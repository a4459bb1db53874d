/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_instance_race.c - what happens between two steps of whoever looks for stale folders: calls
 * of the library pass here on their way to the kernel.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runtime.h"

#define UUID  "0123abcd-0000-4000-8000-00000000beef"

static void (*after_missing_lock)(void);

/* Nobody is to be seen behind this call but the kernel. */
int open(const char *path, int flags, ...)
{
	const char *name = strrchr(path, '/');
	void (*then)(void) = after_missing_lock;
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, va_arg(ap, int));
	va_end(ap);
	if (fd < 0 && then && name && !strcmp(name, "/lock")) {
		after_missing_lock = NULL;
		then();
		errno = ENOENT;
	}
	return fd;
}

/* The folder that somebody else makes first, for everybody. */
static const char *stolen;

int mkdir(const char *path, mode_t mode)
{
	if (stolen && !strcmp(path, stolen)) {
		syscall(SYS_mkdirat, AT_FDCWD, path, 0700);
		chmod(path, 0777);
	}
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static int list_one(void *arg, const char *uuid, bool alive)
{
	return 0;
}

static struct engine *publisher;

/* The folder is gone, and at once there is a new one of that name. */
static void publish(void)
{
	rmdir(publisher->pvt);
	publisher->info.uuid = UUID;
	runtime_publish(publisher);
}

static void a_folder_that_is_published_meanwhile_is_not_emptied(void **state)
{
	char folder[PATH_MAX + 64];
	int fd;

	snprintf(folder, sizeof(folder), "%s/" UUID, runtime);
	assert_int_equal(mkdir(folder, 0700), 0);
	publisher = *state;
	publisher->pvt = folder;
	after_missing_lock = publish;
	assert_int_equal(lm_instance_list(list_one, NULL), 0);
	assert_null(after_missing_lock);
	assert_int_equal(lm_instance_connect(UUID, "vfio-user.sock", &publisher->fd), 0);
	assert_int_equal(lm_instance_connect(UUID, "control.sock", &fd), 0);
	close(fd);
}

/* In a process of its own; 0: the folder was refused. */
static int create_in_tmp(struct engine *e)
{
	char path[64];
	int ret;

	if (!geteuid() && setresuid(61235, 61235, 61235))
		return 98;
	unsetenv("MUSER_RUNTIME_DIR");
	unsetenv("XDG_RUNTIME_DIR");
	snprintf(path, sizeof(path), "/tmp/muser-%u", geteuid());
	if (!access(path, F_OK))
		return 97;
	stolen = path;
	e->info.flags &= ~LM_DEV_NO_CONTROL;
	e->ctx = lm_ctx_create(&e->info);
	ret = e->ctx ? 1 : errno == EPERM ? 0 : 2;
	lm_ctx_destroy(e->ctx);
	return rmdir(path) ? 96 : ret;
}

static void a_folder_in_tmp_that_somebody_else_makes_first_is_not_used(void **state)
{
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(create_in_tmp(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, runtime_setup, runtime_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_folder_that_is_published_meanwhile_is_not_emptied),
		TEST(a_folder_in_tmp_that_somebody_else_makes_first_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
