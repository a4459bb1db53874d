/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_instance_race.c - what happens between two steps of whoever looks for stale folders: calls
 * of the library pass here on their way to the kernel.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "region/region.h"
#include "runtime.h"

#define UUID     "0123abcd-0000-4000-8000-00000000beef"
#define STRANGER 61235u

static void (*after_missing_lock)(void), (*after_lock)(void), (*after_lstat)(void);

static void run_once(void (**fn)(void))
{
	void (*then)(void) = *fn;

	*fn = NULL;
	then();
}

/* Nobody is to be seen behind this call but the kernel. */
int openat(int at, const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = (int)syscall(SYS_openat, at, path, flags, va_arg(ap, int));
	va_end(ap);
	if (fd < 0 && after_missing_lock && !strcmp(path, "lock")) {
		run_once(&after_missing_lock);
		errno = ENOENT;
	}
	return fd;
}

int lstat(const char *path, struct stat *st)
{
	const int ret = fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW), err = errno;

	if (after_lstat)
		run_once(&after_lstat);
	errno = err;
	return ret;
}

int flock(int fd, int operation)
{
	const int ret = (int)syscall(SYS_flock, fd, operation);

	if (!ret && after_lock)
		run_once(&after_lock);
	return ret;
}

/* The directory that somebody else makes first, for everybody. */
static const char *stolen;

int mkdirat(int at, const char *path, mode_t mode)
{
	if (stolen && !strcmp(path, strrchr(stolen, '/') + 1)) {
		syscall(SYS_mkdirat, AT_FDCWD, stolen, 0700);
		chmod(stolen, 0777);
	}
	return (int)syscall(SYS_mkdirat, at, path, mode);
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

/* ---- links ----------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
	static char paths[4][PATH_MAX];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%.1000s/%s", runtime, name);
	return path;
}

/* A directory with files of the names that a device has, which nobody holds. */
static void make_files(const char *name)
{
	static const char *const files[] = { "lock", "control.sock", "vfio-user.sock" };
	char path[PATH_MAX];
	size_t i;

	assert_int_equal(mkdir(path_of(name), 0700), 0);
	for (i = 0; i < LM_NR(files); i++) {
		snprintf(path, sizeof(path), "%.2000s/%s", path_of(name), files[i]);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
}

static void put_link(void)
{
	assert_int_equal(rename(path_of(UUID), path_of("away")), 0);
	assert_int_equal(symlink("precious", path_of(UUID)), 0);
}

static void a_link_in_place_of_a_device_is_not_followed(void **state)
{
	int fd;

	make_files("precious");
	assert_int_equal(symlink("precious", path_of(UUID)), 0);
	assert_int_equal(lm_instance_list(list_one, NULL), 0);
	assert_int_equal(tempdir_count(path_of("precious")), 3);
	assert_true(lm_instance_connect(UUID, "control.sock", &fd) < 0);
}

static void nor_one_in_place_of_its_socket(void **state)
{
	int fd;

	make_files(UUID);
	assert_int_equal(unlink(path_of(UUID "/control.sock")), 0);
	assert_int_equal(symlink("vfio-user.sock", path_of(UUID "/control.sock")), 0);
	assert_int_equal(lm_instance_connect(UUID, "control.sock", &fd), -ELOOP);
}

static void nor_one_that_comes_while_it_is_locked(void **state)
{
	make_files("precious");
	make_files(UUID);
	after_lock = put_link;
	assert_int_equal(lm_instance_list(list_one, NULL), 0);
	assert_null(after_lock);
	assert_int_equal(tempdir_count(path_of("precious")), 3);
	assert_int_equal(tempdir_count(path_of("away")), 0);
}

/* ---- other users ------------------------------------------------------------------ */

static void give_away(const char *name)
{
	if (geteuid())
		skip();
	assert_int_equal(chown(path_of(name), STRANGER, STRANGER), 0);
}

static void a_directory_of_another_user_is_left_alone(void **state)
{
	make_files(UUID);
	give_away(UUID);
	assert_int_equal(lm_instance_list(list_one, NULL), 0);
	assert_int_equal(tempdir_count(path_of(UUID)), 3);
}

static void one_that_others_can_write_to_as_well(void **state)
{
	make_files(UUID);
	assert_int_equal(chmod(path_of(UUID), 0770), 0);
	assert_int_equal(lm_instance_list(list_one, NULL), 0);
	assert_int_equal(tempdir_count(path_of(UUID)), 3);
}

/* Who listens is who is named as the peer, whoever has bound the socket. */
static void listen_as_stranger(int fd)
{
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(setresuid(STRANGER, STRANGER, STRANGER) || listen(fd, 1));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_peer_that_is_another_user_is_refused(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener, fd;

	if (geteuid())
		skip();
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(mkdir(path_of(UUID), 0700), 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.40s/" UUID "/control.sock", runtime);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(lm_instance_connect(UUID, "control.sock", &fd), 0);
	close(fd);
	listen_as_stranger(listener);
	assert_int_equal(lm_instance_connect(UUID, "control.sock", &fd), -EPERM);
	close(listener);
}

static void a_runtime_directory_that_others_can_exchange_is_refused(void **state)
{
	struct engine *e = *state;
	int fd;

	assert_int_equal(mkdir(path_of("run"), 0700), 0);
	assert_int_equal(chmod(runtime, 0777), 0);
	setenv("MUSER_RUNTIME_DIR", path_of("run"), 1);
	assert_int_equal(lm_instance_list(list_one, NULL), -EPERM);
	assert_int_equal(lm_instance_connect(UUID, "control.sock", &fd), -EPERM);
	e->info.flags &= ~LM_DEV_NO_CONTROL;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, EPERM);
	assert_non_null(strstr(e->log, "is writable by others"));
}

/* In a process of its own; 0: the directory was refused. */
static int create_in_tmp(struct engine *e)
{
	char path[64];
	int ret;

	if (!geteuid() && setresuid(STRANGER, STRANGER, STRANGER))
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

static char squatted[64];

/* Root stands for somebody else here. */
static void squat(void)
{
	if (seteuid(0) || mkdir(squatted, 0755) || seteuid(STRANGER))
		_exit(97);
}

static int connect_in_tmp(void)
{
	int ret, fd;

	unsetenv("MUSER_RUNTIME_DIR");
	unsetenv("XDG_RUNTIME_DIR");
	snprintf(squatted, sizeof(squatted), "/tmp/muser-%u", STRANGER);
	if (seteuid(STRANGER))
		return 98;
	after_lstat = squat;
	ret = lm_instance_connect(UUID, "control.sock", &fd);
	return seteuid(0) || rmdir(squatted) ? 96 : ret == -EPERM ? 0 : 1;
}

/* The same for whoever only looks: he would take his answers from there. */
static void nor_looked_into(void **state)
{
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(geteuid() ? 0 : connect_in_tmp());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, runtime_setup, runtime_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_folder_that_is_published_meanwhile_is_not_emptied),
		TEST(a_link_in_place_of_a_device_is_not_followed),
		TEST(nor_one_in_place_of_its_socket),
		TEST(nor_one_that_comes_while_it_is_locked),
		TEST(a_directory_of_another_user_is_left_alone),
		TEST(one_that_others_can_write_to_as_well),
		TEST(a_peer_that_is_another_user_is_refused),
		TEST(a_runtime_directory_that_others_can_exchange_is_refused),
		TEST(a_folder_in_tmp_that_somebody_else_makes_first_is_not_used),
		TEST(nor_looked_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
