/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_sockpath_race.c - what whoever owns the directory of a socket does between two steps of
 * those who bind there: calls of the library pass here on their way to the kernel.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/sockpath.h"
#include "engine.h"
#include "tempdir.h"

static char folder[PATH_MAX], path[PATH_MAX], target[PATH_MAX];
static void (*after_bind)(void), (*after_refusal)(void);

static void run_once(void (**fn)(void))
{
	void (*then)(void) = *fn;

	*fn = NULL;
	if (then)
		then();
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	const int ret = (int)syscall(SYS_bind, fd, addr, len);

	run_once(&after_bind);
	return ret;
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	const int ret = (int)syscall(SYS_connect, fd, addr, len), err = errno;

	if (ret && err == ECONNREFUSED)
		run_once(&after_refusal);
	errno = err;
	return ret;
}

static int setup(void **state)
{
	if (!tempdir_new(folder))
		return -1;
	snprintf(path, sizeof(path), "%.1000s/socket", folder);
	snprintf(target, sizeof(target), "%.1000s-target", folder);
	return mkdir(target, 0700);
}

static int teardown(void **state)
{
	tempdir_remove(folder);
	tempdir_remove(target);
	return 0;
}

/* What is in the directory is moved elsewhere, and a link has its name. */
static void exchange_all(void)
{
	struct dirent **entries;
	char name[PATH_MAX], away[PATH_MAX];
	int i, nr = scandir(folder, &entries, NULL, NULL);

	for (i = 0; i < nr; i++) {
		if (strcmp(entries[i]->d_name, ".") && strcmp(entries[i]->d_name, "..")) {
			snprintf(name, sizeof(name), "%.1000s/%s", folder, entries[i]->d_name);
			snprintf(away, sizeof(away), "%.1000s/away", folder);
			assert_int_equal(rename(name, away), 0);
			assert_int_equal(symlink(target, name), 0);
		}
		free(entries[i]);
	}
	free(entries);
}

static void permissions_are_not_those_of_what_a_link_leads_to(void **state)
{
	struct stat st;
	int fd;

	after_bind = exchange_all;
	fd = sockpath_listen(path, 0666, (uint32_t)getegid() + 1, NULL);
	assert_null(after_bind);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	if (fd >= 0)
		close(fd);
}

static int listener = -1;

/* Somebody else finds the same leftover, and is faster. */
static void listen_first(void)
{
	assert_int_equal(unlink(path), 0);
	listener = sockpath_listen(path, 0600, 0, NULL);
	assert_true(listener >= 0);
}

static void a_server_that_came_first_is_not_replaced(void **state)
{
	const int held = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	close(sockpath_listen(path, 0600, 0, NULL));
	assert_int_equal(flock(held, LOCK_EX), 0); /* so that nobody waits for the other */
	after_refusal = listen_first;
	assert_int_equal(sockpath_listen(path, 0600, 0, NULL), -EADDRINUSE);
	assert_null(after_refusal);
	fd = sockpath_connect(path);
	assert_true(fd >= 0);
	assert_int_equal(tempdir_count(folder), 1);
	close(fd);
	close(listener);
	close(held);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(permissions_are_not_those_of_what_a_link_leads_to),
		TEST(a_server_that_came_first_is_not_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
