/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_instance.c - the folder of a device: made, found, left behind by a crash, cleaned up; and
 * where such folders are.
 */
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utime.h>

#include "region/region.h"
#include "runtime.h"

#define UUID  "0123abcd-0000-4000-8000-00000000beef"
#define OTHER "0123abcd-0000-4000-8000-00000000cafe"

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.1000s/%s", runtime, name);
	return path;
}

static bool is_there(const char *name)
{
	return !access(path_of(name), F_OK);
}

/* A device with a folder. */
static void publish(struct engine *e)
{
	e->info.uuid = UUID;
	runtime_publish(e);
}

/* As a crash leaves it: all at once, as others may look. */
static void make_stale(const char *name)
{
	char making[PATH_MAX];
	int fd;

	snprintf(making, sizeof(making), "%s", path_of("making"));
	assert_int_equal(mkdir(making, 0700), 0);
	fd = open(path_of("making/lock"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(rename(making, path_of(name)), 0);
}

/* As if it had been made long ago. */
static void make_old(const char *name)
{
	const struct utimbuf old = { 1000, 1000 };

	assert_int_equal(utime(path_of(name), &old), 0);
}

struct listed {
	int  nr, nr_alive;
	char uuid[64];
};

static int list_one(void *arg, const char *uuid, bool alive)
{
	struct listed *l = arg;

	l->nr++;
	l->nr_alive += alive;
	snprintf(l->uuid, sizeof(l->uuid), "%s", uuid);
	return 0;
}

static struct listed list_all(void)
{
	struct listed l = { 0 };

	assert_int_equal(lm_instance_list(list_one, &l), 0);
	return l;
}

/* ---- a folder -------------------------------------------------------------------- */

static void a_device_has_a_folder_with_its_sockets(void **state)
{
	struct engine *e = *state;
	char expected[PATH_MAX];

	publish(e);
	assert_true(is_there(UUID "/vfio-user.sock"));
	assert_true(is_there(UUID "/control.sock"));
	assert_true(is_there(UUID "/lock"));
	snprintf(expected, sizeof(expected), "%s", path_of(UUID "/vfio-user.sock"));
	assert_string_equal(lm_ctx_socket(e->ctx), expected);
}

static void what_it_is_called_is_known_without_asking_it(void **state)
{
	struct engine *e = *state;
	char text[64];

	e->info.name = "a/b";
	publish(e); /* which does not serve */
	assert_int_equal(lm_instance_label(UUID, "name", text, sizeof(text)), 0);
	assert_string_equal(text, "a/b");
	assert_int_equal(lm_instance_label(UUID, "name", text, 3), -ENAMETOOLONG);
	assert_string_equal(text, "");
	assert_int_equal(lm_instance_label(UUID, "lock", text, sizeof(text)), -EINVAL);
	assert_int_equal(lm_instance_label("85006552-1b4b-45e9-ad62-9dd16df09171", "name", text,
					   sizeof(text)), -ENOENT);
}

static void nobody_else_may_look_into_it(void **state)
{
	struct engine *e = *state;
	struct stat st;

	publish(e);
	assert_int_equal(stat(path_of(UUID), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(path_of(UUID "/vfio-user.sock"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path_of(UUID "/control.sock"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void the_folder_goes_with_the_device(void **state)
{
	struct engine *e = *state;

	publish(e);
	engine_destroy(e);
	assert_int_equal(tempdir_count(runtime), 0);
}

/* Whoever waits for the folder to go finds nothing left elsewhere. */
static void a_socket_elsewhere_goes_first(void **state)
{
	struct engine *e = *state;
	const int news = inotify_init1(IN_NONBLOCK);
	char path[PATH_MAX + 16];
	union {
		struct inotify_event event;
		char room[4096];
	} first;

	snprintf(path, sizeof(path), "%s/socket", runtime);
	e->info.socket_path = path;
	publish(e);
	assert_true(inotify_add_watch(news, runtime, IN_DELETE | IN_MOVED_FROM) >= 0);
	engine_destroy(e);
	assert_true(read(news, &first, sizeof(first)) > 0);
	assert_string_equal(first.event.name, "socket");
	close(news);
}

static void a_failed_creation_leaves_nothing(void **state)
{
	struct engine *e = *state;

	e->info.flags &= ~LM_DEV_NO_CONTROL;
	e->info.socket_path = "/nowhere/at/all/socket";
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(tempdir_count(runtime), 0);
}

static void a_device_without_control_leaves_no_trace(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_int_equal(tempdir_count(runtime), 0);
}

static void the_runtime_folder_is_made(void **state)
{
	struct engine *e = *state;
	char deep[PATH_MAX];
	struct stat st;

	snprintf(deep, sizeof(deep), "%.1000s/some/where", runtime);
	setenv("MUSER_RUNTIME_DIR", deep, 1);
	publish(e);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void paths_may_be_long(void **state)
{
	struct engine *e = *state;
	char deep[PATH_MAX];
	int i, fd;

	snprintf(deep, sizeof(deep), "%.1000s", runtime);
	for (i = 0; i < 4; i++)
		strcat(deep, "/a-folder-with-a-rather-long-name");
	setenv("MUSER_RUNTIME_DIR", deep, 1);
	publish(e);
	assert_true(strlen(lm_ctx_socket(e->ctx)) > 107);
	assert_int_equal(lm_instance_connect(UUID, "vfio-user.sock", &e->fd), 0);
	assert_int_equal(lm_instance_connect(UUID, "control.sock", &fd), 0);
	close(fd);
	engine_negotiate(e, NULL);
}

static void a_runtime_path_that_is_too_long_is_refused(void **state)
{
	struct engine *e = *state;
	char *longest = malloc(PATH_MAX);

	memset(longest, 'd', PATH_MAX - 1);
	longest[0] = '/';
	longest[PATH_MAX - 1] = '\0';
	setenv("MUSER_RUNTIME_DIR", longest, 1);
	e->info.flags &= ~LM_DEV_NO_CONTROL;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, ENAMETOOLONG);
	free(longest);
}

/* ---- the same UUID --------------------------------------------------------------- */

static void a_uuid_in_use_is_refused(void **state)
{
	struct engine *e = *state;
	lm_dev_info_t second;

	publish(e);
	second = e->info;
	assert_null(lm_ctx_create(&second));
	assert_int_equal(errno, EEXIST);
	assert_non_null(strstr(e->log, UUID));
	assert_int_equal(tempdir_count(runtime), 1);
	assert_int_equal(lm_instance_connect(UUID, "vfio-user.sock", &e->fd), 0);
	engine_negotiate(e, NULL); /* the first is unharmed */
}

static void a_uuid_that_a_crash_left_is_used_again(void **state)
{
	struct engine *e = *state;

	make_stale(UUID);
	publish(e);
	assert_int_equal(list_all().nr_alive, 1);
}

static void a_folder_that_lost_its_lock_is_used_again(void **state)
{
	struct engine *e = *state;

	assert_int_equal(mkdir(path_of(UUID), 0700), 0);
	publish(e);
	assert_int_equal(list_all().nr_alive, 1);
}

static void a_folder_with_foreign_files_is_refused(void **state)
{
	struct engine *e = *state;

	make_stale(UUID);
	assert_int_equal(mkdir(path_of(UUID "/precious"), 0700), 0);
	e->info.uuid = UUID;
	e->info.flags &= ~LM_DEV_NO_CONTROL;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, EEXIST);
	assert_true(is_there(UUID "/precious"));
}

/* ---- finding --------------------------------------------------------------------- */

static void no_runtime_folder_is_an_empty_list(void **state)
{
	setenv("MUSER_RUNTIME_DIR", "/nowhere/at/all", 1);
	assert_int_equal(list_all().nr, 0);
}

static void a_live_device_is_listed(void **state)
{
	struct engine *e = *state;
	struct listed l;

	publish(e);
	l = list_all();
	assert_int_equal(l.nr, 1);
	assert_int_equal(l.nr_alive, 1);
	assert_string_equal(l.uuid, UUID);
}

static void what_a_crash_left_is_removed_on_the_way(void **state)
{
	make_stale(UUID);
	make_stale(OTHER);
	assert_int_equal(list_all().nr, 0);
	assert_int_equal(tempdir_count(runtime), 0);
}

static void what_cannot_be_removed_is_listed_as_dead(void **state)
{
	struct listed l;

	make_stale(UUID);
	assert_int_equal(mkdir(path_of(UUID "/precious"), 0700), 0);
	l = list_all();
	assert_int_equal(l.nr, 1);
	assert_int_equal(l.nr_alive, 0);
}

static void a_real_crash_is_cleaned_up(void **state)
{
	struct engine *e = *state;
	const pid_t pid = fork();

	if (!pid) {
		publish(e);
		_exit(0); /* nothing is undone */
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(is_there(UUID));
	assert_int_equal(list_all().nr, 0);
	assert_false(is_there(UUID));
}

static void other_names_are_left_alone(void **state)
{
	assert_int_equal(mkdir(path_of("something"), 0700), 0);
	assert_int_equal(mkdir(path_of("0123ABCD-0000-4000-8000-00000000BEEF"), 0700), 0);
	assert_int_equal(list_all().nr, 0);
	assert_int_equal(tempdir_count(runtime), 2);
}

static int stop_at_first(void *arg, const char *uuid, bool alive)
{
	++*(int *)arg;
	return 7;
}

static void a_callback_can_end_the_list(void **state)
{
	struct engine *e = *state;
	void *other_state;
	struct engine *other;
	int nr = 0;

	publish(e);
	engine_setup(&other_state);
	other = other_state;
	other->info.uuid = OTHER;
	other->info.flags &= ~LM_DEV_NO_CONTROL;
	other->ctx = lm_ctx_create(&other->info);
	assert_int_equal(lm_instance_list(stop_at_first, &nr), 7);
	assert_int_equal(nr, 1);
	engine_destroy(other);
	free(other->raw);
	free(other);
}

static void a_folder_that_another_made_meanwhile_is_left_alone(void **state)
{
	struct engine *e = *state;
	char away[PATH_MAX];

	publish(e);
	snprintf(away, sizeof(away), "%s", path_of("taken-away"));
	assert_int_equal(rename(path_of(UUID), away), 0);
	make_stale(UUID);
	engine_destroy(e);
	assert_true(is_there(UUID "/lock"));
}

/* ---- somebody's first moment ----------------------------------------------------- */

static void a_folder_that_is_being_made_is_not_removed(void **state)
{
	assert_int_equal(mkdir(path_of(".new-abcdef"), 0700), 0);
	assert_int_equal(list_all().nr, 0);
	assert_true(is_there(".new-abcdef"));
}

static void nor_between_its_lock_and_its_locking(void **state)
{
	make_stale(".new-abcdef");
	assert_int_equal(list_all().nr, 0);
	assert_true(is_there(".new-abcdef/lock"));
}

static void one_that_was_never_finished_is_removed(void **state)
{
	assert_int_equal(mkdir(path_of(".new-abcdef"), 0700), 0);
	make_old(".new-abcdef");
	make_stale(".new-ghijkl");
	make_old(".new-ghijkl");
	assert_int_equal(list_all().nr, 0);
	assert_int_equal(tempdir_count(runtime), 0);
}

/* What has a socket has had its lock. */
static void one_whose_maker_was_killed_on_the_way_is_removed_at_once(void **state)
{
	int fd;

	make_stale(".new-abcdef");
	fd = open(path_of(".new-abcdef/control.sock"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(list_all().nr, 0);
	assert_int_equal(tempdir_count(runtime), 0);
}

static void one_whose_maker_lives_is_not_removed(void **state)
{
	int fd;

	make_stale(".new-abcdef");
	fd = open(path_of(".new-abcdef/lock"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	make_old(".new-abcdef");
	assert_int_equal(list_all().nr, 0);
	assert_true(is_there(".new-abcdef"));
	close(fd);
}

/* ---- two at a time --------------------------------------------------------------- */

/* Lists all the time, as many musctl at once would. */
static pid_t start_cleaner(void)
{
	const pid_t pid = fork();

	if (!pid) {
		struct listed l = { 0 };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			lm_instance_list(list_one, &l);
	}
	return pid;
}

static void cleaners_do_not_harm_what_is_being_made(void **state)
{
	struct engine *e = *state;
	const pid_t cleaners[2] = { start_cleaner(), start_cleaner() };
	int i;

	for (i = 0; i < 100; i++) {
		if (!is_there(OTHER))
			make_stale(OTHER);
		publish(e);
		assert_true(is_there(UUID "/vfio-user.sock"));
		engine_destroy(e);
	}
	for (i = 0; i < 2; i++) {
		kill(cleaners[i], SIGKILL);
		waitpid(cleaners[i], NULL, 0);
	}
	list_all();
	assert_int_equal(tempdir_count(runtime), 0);
}

/* ---- connecting ------------------------------------------------------------------ */

static void an_instance_can_be_connected_to(void **state)
{
	struct engine *e = *state;

	publish(e);
	assert_int_equal(lm_instance_connect(UUID, "vfio-user.sock", &e->fd), 0);
	assert_int_equal(fcntl(e->fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(e->fd, F_GETFL) & O_NONBLOCK, 0);
	engine_negotiate(e, NULL);
}

static void an_instance_that_is_not_there_is_enoent(void **state)
{
	int fd;

	assert_int_equal(lm_instance_connect(UUID, "control.sock", &fd), -ENOENT);
}

static void a_name_that_is_no_uuid_leads_nowhere(void **state)
{
	int fd;

	assert_int_equal(lm_instance_connect("../../etc", "control.sock", &fd), -EINVAL);
	assert_int_equal(lm_instance_connect("", "control.sock", &fd), -EINVAL);
	assert_int_equal(lm_instance_connect(UUID, "../control.sock", &fd), -EINVAL);
}

/* ---- where ----------------------------------------------------------------------- */

static void the_environment_names_the_runtime_folder(void **state)
{
	char buf[PATH_MAX];

	assert_int_equal(lm_runtime_dir(buf, sizeof(buf)), 0);
	assert_string_equal(buf, runtime);
}

static void too_little_room_is_enametoolong(void **state)
{
	char buf[PATH_MAX];

	assert_int_equal(lm_runtime_dir(buf, 4), -ENAMETOOLONG);
	assert_int_equal(lm_runtime_dir(buf, strlen(runtime)), -ENAMETOOLONG);
	assert_int_equal(lm_runtime_dir(buf, strlen(runtime) + 1), 0);
}

/* What a user without XDG_RUNTIME_DIR gets; 100 and above: -errno of lm_runtime_dir() + 100. */
static int in_a_users_place(int (*look)(const char *expected))
{
	const pid_t pid = fork();
	char expected[PATH_MAX];
	int status;

	if (!pid) {
		if (!geteuid() && setresuid(61234, 61234, 61234))
			_exit(98);
		unsetenv("MUSER_RUNTIME_DIR");
		unsetenv("XDG_RUNTIME_DIR");
		snprintf(expected, sizeof(expected), "/tmp/muser-%u", geteuid());
		_exit(look(expected));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int look_missing(const char *expected)
{
	char buf[PATH_MAX];

	rmdir(expected);
	if (lm_runtime_dir(buf, sizeof(buf)) || strcmp(buf, expected))
		return 1;
	return 0;
}

static int look_private(const char *expected)
{
	char buf[PATH_MAX];
	int ret;

	if (mkdir(expected, 0700) && errno != EEXIST)
		return 2;
	ret = lm_runtime_dir(buf, sizeof(buf));
	rmdir(expected);
	return ret ? 1 : 0;
}

static int look_open(const char *expected)
{
	char buf[PATH_MAX];
	int ret;

	if ((mkdir(expected, 0700) && errno != EEXIST) || chmod(expected, 0750))
		return 2;
	ret = lm_runtime_dir(buf, sizeof(buf));
	rmdir(expected);
	return ret == -EPERM ? 0 : 1;
}

static int look_linked(const char *expected)
{
	char buf[PATH_MAX];
	int ret;

	rmdir(expected);
	if (symlink("/tmp", expected))
		return 2;
	ret = lm_runtime_dir(buf, sizeof(buf));
	unlink(expected);
	return ret == -EPERM ? 0 : 1;
}

static int look_xdg(const char *expected)
{
	char buf[PATH_MAX];

	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	if (lm_runtime_dir(buf, sizeof(buf)))
		return 1;
	return strcmp(buf, "/run/user/1/muser") ? 1 : 0;
}

static void a_user_has_the_folder_of_the_session(void **state)
{
	assert_int_equal(in_a_users_place(look_xdg), 0);
}

static void a_user_without_a_session_has_one_in_tmp(void **state)
{
	assert_int_equal(in_a_users_place(look_missing), 0);
	assert_int_equal(in_a_users_place(look_private), 0);
}

static void a_folder_in_tmp_that_others_may_enter_is_not_safe(void **state)
{
	assert_int_equal(in_a_users_place(look_open), 0);
}

static void a_link_in_tmp_is_not_safe(void **state)
{
	assert_int_equal(in_a_users_place(look_linked), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, runtime_setup, runtime_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_has_a_folder_with_its_sockets),
		TEST(what_it_is_called_is_known_without_asking_it),
		TEST(nobody_else_may_look_into_it),
		TEST(the_folder_goes_with_the_device),
		TEST(a_socket_elsewhere_goes_first),
		TEST(a_failed_creation_leaves_nothing),
		TEST(a_device_without_control_leaves_no_trace),
		TEST(the_runtime_folder_is_made),
		TEST(paths_may_be_long),
		TEST(a_runtime_path_that_is_too_long_is_refused),
		TEST(a_uuid_in_use_is_refused),
		TEST(a_uuid_that_a_crash_left_is_used_again),
		TEST(a_folder_that_lost_its_lock_is_used_again),
		TEST(a_folder_with_foreign_files_is_refused),
		TEST(no_runtime_folder_is_an_empty_list),
		TEST(a_live_device_is_listed),
		TEST(what_a_crash_left_is_removed_on_the_way),
		TEST(what_cannot_be_removed_is_listed_as_dead),
		TEST(a_real_crash_is_cleaned_up),
		TEST(other_names_are_left_alone),
		TEST(a_callback_can_end_the_list),
		TEST(a_folder_that_another_made_meanwhile_is_left_alone),
		TEST(a_folder_that_is_being_made_is_not_removed),
		TEST(nor_between_its_lock_and_its_locking),
		TEST(one_that_was_never_finished_is_removed),
		TEST(one_whose_maker_was_killed_on_the_way_is_removed_at_once),
		TEST(one_whose_maker_lives_is_not_removed),
		TEST(cleaners_do_not_harm_what_is_being_made),
		TEST(an_instance_can_be_connected_to),
		TEST(an_instance_that_is_not_there_is_enoent),
		TEST(a_name_that_is_no_uuid_leads_nowhere),
		TEST(the_environment_names_the_runtime_folder),
		TEST(too_little_room_is_enametoolong),
		TEST(a_user_has_the_folder_of_the_session),
		TEST(a_user_without_a_session_has_one_in_tmp),
		TEST(a_folder_in_tmp_that_others_may_enter_is_not_safe),
		TEST(a_link_in_tmp_is_not_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
