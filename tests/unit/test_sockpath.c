/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_sockpath.c - binding and connecting by paths of any length, stale sockets and live ones.
 */
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/sockpath.h"
#include "region/region.h"
#include "engine.h"
#include "tempdir.h"

static char folder[PATH_MAX], path[PATH_MAX];
static unsigned int fds_before;

static int setup(void **state)
{
	if (!tempdir_new(folder))
		return -1;
	snprintf(path, sizeof(path), "%.1000s/socket", folder);
	fds_before = count_fds();
	return 0;
}

static int teardown(void **state)
{
	tempdir_remove(folder);
	return count_fds() == fds_before ? 0 : -1;
}

/* A folder so deep that no socket address holds a path in it. */
static void go_deep(void)
{
	char deep[PATH_MAX];
	int i;

	snprintf(deep, sizeof(deep), "%.1000s", folder);
	for (i = 0; i < 5; i++) {
		strcat(deep, "/a-folder-with-a-rather-long-name");
		assert_int_equal(mkdir(deep, 0700), 0);
	}
	snprintf(path, sizeof(path), "%.3000s/socket", deep);
	assert_true(strlen(path) > sizeof(((struct sockaddr_un *)0)->sun_path));
}

static int listen_here(void)
{
	const int fd = sockpath_listen(path, 0600, 0, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void connects(void)
{
	const int fd = sockpath_connect(path);

	assert_true(fd >= 0);
	close(fd);
}

static void a_path_binds_and_connects(void **state)
{
	const int fd = listen_here();

	connects();
	close(fd);
}

static void a_long_path_binds_and_connects(void **state)
{
	int fd;

	go_deep();
	fd = listen_here();
	connects();
	close(fd);
}

static void a_path_of_107_bytes_binds_and_connects(void **state)
{
	size_t len = strlen(folder);
	int fd;

	memcpy(path, folder, len);
	path[len++] = '/';
	while (len < 107)
		path[len++] = 's';
	path[len] = '\0';
	fd = listen_here();
	connects();
	close(fd);
}

static void a_path_of_108_bytes_binds_and_connects(void **state)
{
	size_t len = strlen(folder);
	int fd;

	memcpy(path, folder, len);
	path[len++] = '/';
	while (len < 108)
		path[len++] = 's';
	path[len] = '\0';
	/* The name alone still has to fit behind "/proc/self/fd/N/". */
	fd = sockpath_listen(path, 0600, 0, NULL);
	assert_true(fd >= 0);
	connects();
	close(fd);
}

static void a_name_that_cannot_fit_is_refused(void **state)
{
	size_t len = strlen(folder);

	memcpy(path, folder, len);
	path[len++] = '/';
	memset(path + len, 's', 200);
	path[len + 200] = '\0';
	assert_int_equal(sockpath_listen(path, 0600, 0, NULL), -ENAMETOOLONG);
	assert_int_equal(sockpath_connect(path), -ENAMETOOLONG);
}

static void a_path_longer_than_any_is_refused(void **state)
{
	char *longest = malloc(PATH_MAX + 10);

	memset(longest, '/', PATH_MAX + 9);
	longest[PATH_MAX + 9] = '\0';
	assert_int_equal(sockpath_listen(longest, 0600, 0, NULL), -ENAMETOOLONG);
	assert_int_equal(sockpath_connect(longest), -ENAMETOOLONG);
	free(longest);
}

static void a_folder_that_is_not_there_is_enoent(void **state)
{
	snprintf(path, sizeof(path), "%.1000s/none/socket", folder);
	assert_int_equal(sockpath_listen(path, 0600, 0, NULL), -ENOENT);
	assert_int_equal(sockpath_connect(path), -ENOENT);
}

static void a_socket_that_nobody_listens_on_is_replaced(void **state)
{
	int fd = listen_here();

	close(fd);
	assert_int_equal(sockpath_connect(path), -ECONNREFUSED);
	fd = listen_here();
	connects();
	close(fd);
}

static void a_stale_socket_at_a_long_path_is_replaced(void **state)
{
	int fd;

	go_deep();
	fd = listen_here();
	close(fd);
	fd = listen_here();
	connects();
	close(fd);
}

static void a_socket_of_a_live_server_is_not_touched(void **state)
{
	const int fd = listen_here();

	assert_int_equal(sockpath_listen(path, 0600, 0, NULL), -EADDRINUSE);
	connects();
	close(fd);
}

static void a_full_server_is_alive(void **state)
{
	const int fd = listen_here();
	int clients[64], nr = 0;

	while (nr < 64 && (clients[nr] = sockpath_connect(path)) >= 0)
		nr++;
	assert_in_range(nr, 1, 63);
	assert_int_equal(clients[nr], -EAGAIN); /* and it has not waited */
	assert_int_equal(sockpath_listen(path, 0600, 0, NULL), -EADDRINUSE);
	close_fds(clients, (unsigned int)nr);
	close(fd);
}

#define RACERS 3
#define ROUNDS 300

static pthread_barrier_t start, end;
static int raced[RACERS];

static void *race(void *arg)
{
	int *result = arg, i;

	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&start);
		*result = sockpath_listen(path, 0600, 0, NULL);
		pthread_barrier_wait(&end);
	}
	return NULL;
}

/* How many have won; whoever has not was told why. */
static int winners(void)
{
	int i, nr = 0;

	for (i = 0; i < RACERS; i++) {
		nr += raced[i] >= 0;
		if (raced[i] < 0)
			assert_int_equal(raced[i], -EADDRINUSE);
	}
	return nr;
}

static void of_all_who_find_a_stale_socket_one_gets_it(void **state)
{
	pthread_t threads[RACERS];
	int i, round;

	close(listen_here());
	pthread_barrier_init(&start, NULL, RACERS + 1);
	pthread_barrier_init(&end, NULL, RACERS + 1);
	for (i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &raced[i]), 0);
	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&end);
		assert_int_equal(winners(), 1);
		connects();
		for (i = 0; i < RACERS; i++) {
			if (raced[i] >= 0)
				close(raced[i]);
		}
	}
	for (i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
	pthread_barrier_destroy(&end);
}

/* Anybody can lock a directory that he can read, /tmp for example, and never let go. */
static void a_directory_that_another_holds_hinders_nobody(void **state)
{
	const int held = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	assert_int_equal(flock(held, LOCK_EX), 0);
	close(listen_here());
	fd = listen_here();
	connects();
	close(fd);
	close(held);
}

static void nothing_is_left_beside_a_socket(void **state)
{
	close(listen_here());
	close(listen_here());
	assert_int_equal(tempdir_count(folder), 1);
}

static void a_socket_is_removed_with_its_file(void **state)
{
	struct sockfile file;
	const int fd = sockpath_listen(path, 0600, 0, &file);

	assert_true(fd >= 0);
	sockfile_remove(&file);
	assert_int_equal(tempdir_count(folder), 0);
	close(fd);
}

static void a_socket_that_has_taken_its_place_is_not(void **state)
{
	struct sockfile file;
	const int old = sockpath_listen(path, 0600, 0, &file);
	int fd;

	assert_true(old >= 0);
	close(old);
	fd = listen_here();
	sockfile_remove(&file);
	connects();
	close(fd);
}

static void a_file_is_not_replaced(void **state)
{
	const int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	assert_int_equal(sockpath_listen(path, 0600, 0, NULL), -EEXIST);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	close(file);
}

static void a_link_is_not_followed(void **state)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), "%.1000s/target", folder);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(sockpath_listen(path, 0600, 0, NULL), -EEXIST);
	assert_int_equal(access(target, F_OK), -1);
}

static void permissions_are_those_asked_for(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666 };
	const mode_t umask_before = umask(077);
	struct stat st;
	size_t i;

	for (i = 0; i < LM_NR(modes); i++) {
		const int fd = sockpath_listen(path, modes[i], 0, NULL);

		assert_true(fd >= 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		close(fd);
	}
	umask(umask_before);
}

static void the_group_is_the_one_asked_for(void **state)
{
	const int fd = sockpath_listen(path, 0660, (uint32_t)getegid() + 1, NULL);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
	close(fd);
}

static void descriptors_are_closed_on_exec(void **state)
{
	const int fd = listen_here(), client = sockpath_connect(path);

	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(client, F_GETFD), FD_CLOEXEC);
	close(fd);
	close(client);
}

static int bound_at(const struct sockaddr_un *addr, socklen_t len)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)addr, len), 0);
	return fd;
}

static void is_at(int fd, const char *expected)
{
	char *at = sockpath_of(fd);

	if (expected)
		assert_string_equal(at, expected);
	else
		assert_null(at);
	free(at);
	close(fd);
}

static void a_socket_of_others_is_where_they_have_bound_it(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	/* as long as there is room: no 0 ends it */
	snprintf(path, sizeof(addr.sun_path) + 1, "%.60s/%0*d", folder,
		 (int)(107 - strlen(folder)), 0);
	memcpy(addr.sun_path, path, sizeof(addr.sun_path));
	is_at(bound_at(&addr, sizeof(addr)), path);
	fd = bound_at(&(struct sockaddr_un){ .sun_family = AF_UNIX }, sizeof(sa_family_t));
	is_at(fd, NULL); /* abstract */
	is_at(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), NULL);
	unlink(path);
	fd = bound_at(&addr, sizeof(addr));
	unlink(path);
	is_at(fd, NULL);
	/* what we bind has no name that others could use */
	snprintf(path, sizeof(path), "%.60s/s", folder);
	is_at(sockpath_listen(path, 0600, 0, NULL), NULL);
	unlink(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_path_binds_and_connects),
		TEST(a_long_path_binds_and_connects),
		TEST(a_path_of_107_bytes_binds_and_connects),
		TEST(a_path_of_108_bytes_binds_and_connects),
		TEST(a_name_that_cannot_fit_is_refused),
		TEST(a_path_longer_than_any_is_refused),
		TEST(a_folder_that_is_not_there_is_enoent),
		TEST(a_socket_that_nobody_listens_on_is_replaced),
		TEST(a_stale_socket_at_a_long_path_is_replaced),
		TEST(a_socket_of_a_live_server_is_not_touched),
		TEST(a_full_server_is_alive),
		TEST(of_all_who_find_a_stale_socket_one_gets_it),
		TEST(a_directory_that_another_holds_hinders_nobody),
		TEST(nothing_is_left_beside_a_socket),
		TEST(a_socket_is_removed_with_its_file),
		TEST(a_socket_that_has_taken_its_place_is_not),
		TEST(a_file_is_not_replaced),
		TEST(a_link_is_not_followed),
		TEST(permissions_are_those_asked_for),
		TEST(the_group_is_the_one_asked_for),
		TEST(descriptors_are_closed_on_exec),
		TEST(a_socket_of_others_is_where_they_have_bound_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
