/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dir.c - which paths are walked: what root and one user alone can change.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/dir.h"
#include "region/region.h"
#include "engine.h"
#include "tempdir.h"

#define STRANGER 61236u

static char top[PATH_MAX], why[DIR_WHY];
static unsigned int fds_before;

static int setup(void **state)
{
	fds_before = count_fds();
	return tempdir_new(top) && !chmod(top, 0755) ? 0 : -1;
}

static int teardown(void **state)
{
	tempdir_remove(top);
	return count_fds() == fds_before ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char paths[4][PATH_MAX];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%.1000s/%s", top, name);
	return path;
}

static void make_dir(const char *name, mode_t mode)
{
	assert_int_equal(mkdir(path_of(name), 0700), 0);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

/* 0: it was opened. */
static int opened(const char *path, unsigned int flags)
{
	const int fd = dir_open(path, flags, why);

	if (fd < 0)
		return fd;
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_string_equal(why, "");
	close(fd);
	return 0;
}

static void give_away(const char *name)
{
	if (geteuid())
		skip();
	assert_int_equal(lchown(path_of(name), STRANGER, STRANGER), 0);
}

static void a_directory_is_opened(void **state)
{
	struct stat there, st;
	const int fd = dir_open(top, 0, NULL);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(stat(top, &there), 0);
	assert_int_equal(st.st_ino, there.st_ino);
	close(fd);
}

static void one_that_is_missing_is_enoent_or_made(void **state)
{
	struct stat st;

	assert_int_equal(opened(path_of("a/b"), 0), -ENOENT);
	assert_non_null(strstr(why, "a/b: No such file"));
	assert_int_equal(opened(path_of("a/b"), DIR_MAKE | DIR_OURS), 0);
	assert_int_equal(stat(path_of("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_relative_path_begins_here(void **state)
{
	const int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	make_dir("a", 0700);
	assert_int_equal(chdir(top), 0);
	assert_int_equal(opened("a", 0), 0);
	assert_int_equal(opened("./a/../a/", 0), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
}

static void a_link_of_ours_is_followed(void **state)
{
	make_dir("a", 0700);
	make_dir("a/b", 0700);
	assert_int_equal(symlink("a", path_of("relative")), 0);
	assert_int_equal(symlink(path_of("a"), path_of("absolute")), 0);
	assert_int_equal(opened(path_of("relative/b"), 0), 0);
	assert_int_equal(opened(path_of("absolute/b"), 0), 0);
	assert_int_equal(opened(path_of("absolute"), 0), 0);
}

static void links_in_a_circle_end(void **state)
{
	assert_int_equal(symlink("b", path_of("a")), 0);
	assert_int_equal(symlink("a", path_of("b")), 0);
	assert_int_equal(opened(path_of("a"), 0), -ELOOP);
}

static void a_file_is_no_directory(void **state)
{
	const int fd = open(path_of("a"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	assert_int_equal(opened(path_of("a"), 0), -ENOTDIR);
	assert_int_equal(opened(path_of("a/b"), DIR_MAKE), -ENOTDIR);
}

static void names_and_paths_may_be_too_long(void **state)
{
	char name[NAME_MAX + 2], *longest = calloc(1, PATH_MAX + 2);

	memset(name, 'n', NAME_MAX + 1);
	name[NAME_MAX + 1] = '\0';
	assert_int_equal(opened(path_of(name), DIR_MAKE), -ENAMETOOLONG);
	memset(longest, '/', PATH_MAX + 1);
	assert_int_equal(opened(longest, 0), -ENAMETOOLONG);
	free(longest);
}

static void one_that_others_can_write_to_is_not_safe(void **state)
{
	make_dir("group", 0770);
	make_dir("all", 0707);
	make_dir("sticky", 01777);
	assert_int_equal(opened(path_of("group"), 0), -EPERM);
	assert_non_null(strstr(why, "group is writable by others"));
	assert_int_equal(opened(path_of("all"), 0), -EPERM);
	assert_int_equal(opened(path_of("sticky"), 0), -EPERM);
}

static void nor_is_what_lies_below(void **state)
{
	make_dir("all", 0777);
	make_dir("all/a", 0700);
	assert_int_equal(opened(path_of("all/a"), 0), -EPERM);
	assert_non_null(strstr(why, "all is writable by others"));
	assert_int_equal(opened(path_of("all/b"), DIR_MAKE), -EPERM);
	assert_int_equal(access(path_of("all/b"), F_OK), -1);
}

static void but_in_a_sticky_one_nothing_can_be_exchanged(void **state)
{
	make_dir("sticky", 01777);
	make_dir("sticky/a", 0700);
	assert_int_equal(opened(path_of("sticky/a"), 0), 0);
}

static void nor_where_nobody_else_comes_to(void **state)
{
	make_dir("closed", 0700);
	make_dir("closed/all", 0777);
	make_dir("closed/all/a", 0700);
	make_dir("all", 0777);
	assert_int_equal(symlink(path_of("all"), path_of("closed/link")), 0);
	assert_int_equal(opened(path_of("closed/all/a"), 0), 0);
	assert_int_equal(opened(path_of("closed/all"), 0), -EPERM); /* it should not be so */
	assert_int_equal(opened(path_of("closed/../all/a"), DIR_MAKE), -EPERM);
	assert_int_equal(opened(path_of("closed/link/a"), DIR_MAKE), -EPERM);
}

static void anothers_is_his_alone(void **state)
{
	make_dir("his", 0700);
	give_away("his");
	assert_int_equal(opened(path_of("his"), 0), 0);
	assert_int_equal(opened(path_of("his"), DIR_OURS), -EPERM);
	assert_non_null(strstr(why, "his belongs to user 61236"));
}

static void ours_in_anothers_is_not_safe(void **state)
{
	make_dir("his", 0755);
	make_dir("his/ours", 0700);
	give_away("his");
	assert_int_equal(opened(path_of("his/ours"), 0), -EPERM);
	assert_int_equal(opened(path_of("his/new"), DIR_MAKE | DIR_OURS), -EPERM);
	assert_int_equal(access(path_of("his/new"), F_OK), -1);
}

static void anothers_link_leads_nowhere_but_to_his(void **state)
{
	make_dir("ours", 0700);
	make_dir("his", 0700);
	assert_int_equal(symlink("ours", path_of("to-ours")), 0);
	assert_int_equal(symlink("his", path_of("to-his")), 0);
	give_away("his");
	give_away("to-ours");
	give_away("to-his");
	assert_int_equal(opened(path_of("to-his"), 0), 0);
	assert_int_equal(opened(path_of("to-ours"), 0), -EPERM);
}

static void a_private_one_is_ours_alone(void **state)
{
	char first[] = "new-XXXXXX", second[] = "new-XXXXXX";
	const int at = dir_open(top, 0, NULL), fd = dir_make_private(at, first);
	const int other = dir_make_private(at, second);
	struct stat st;

	assert_true(fd >= 0 && other >= 0);
	assert_string_not_equal(first, second);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(dir_has(at, first, &st));
	assert_false(dir_has(at, second, &st));
	assert_false(dir_has(at, "nothing", &st));
	close(fd);
	close(other);
	close(at);
}

static void an_entry_that_is_a_link_is_not_opened(void **state)
{
	const int at = dir_open(top, 0, NULL);

	make_dir("a", 0700);
	assert_int_equal(symlink("a", path_of("link")), 0);
	assert_true(dir_open_at(at, "link") < 0);
	close(at);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_directory_is_opened),
		TEST(one_that_is_missing_is_enoent_or_made),
		TEST(a_relative_path_begins_here),
		TEST(a_link_of_ours_is_followed),
		TEST(links_in_a_circle_end),
		TEST(a_file_is_no_directory),
		TEST(names_and_paths_may_be_too_long),
		TEST(one_that_others_can_write_to_is_not_safe),
		TEST(nor_is_what_lies_below),
		TEST(but_in_a_sticky_one_nothing_can_be_exchanged),
		TEST(nor_where_nobody_else_comes_to),
		TEST(anothers_is_his_alone),
		TEST(ours_in_anothers_is_not_safe),
		TEST(anothers_link_leads_nowhere_but_to_his),
		TEST(a_private_one_is_ours_alone),
		TEST(an_entry_that_is_a_link_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
