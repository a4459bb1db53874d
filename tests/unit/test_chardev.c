/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_chardev.c - character backends of every kind, with peers that come, go, send all at once,
 * and do not read. The device is a buffer with as much room as a test wants.
 */
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>

#include "muser-chardev.h"

#include "engine.h"
#include "tempdir.h"

#define ROOM (1u << 20)

static struct {
	struct engine *e;
	lm_chardev_t *chr;
	char         *got;
	size_t        len, room; /* what came, and what else the device takes */
	size_t        most;      /* that came at once */
	unsigned int  nr_writable, nr_attached, nr_left;
	char          dir[PATH_MAX], path[PATH_MAX + 32], spec[PATH_MAX + 64];
} t;

/* A user has his share of instances: has this one used it up? */
static bool no_inotify;

int inotify_init1(int flags)
{
	errno = EMFILE;
	return no_inotify ? -1 : (int)syscall(SYS_inotify_init1, flags);
}

static size_t room(void *pvt)
{
	return t.room;
}

static void data(void *pvt, const void *buf, size_t len)
{
	assert_ptr_equal(pvt, &t);
	assert_true(len && len <= t.room);
	assert_true(t.len + len <= ROOM);
	memcpy(t.got + t.len, buf, len);
	t.len += len;
	t.room -= len;
	t.most = len > t.most ? len : t.most;
}

static void writable(void *pvt)
{
	t.nr_writable++;
}

static void peer(void *pvt, bool attached)
{
	assert_int_equal(lm_chardev_is_attached(t.chr), attached);
	if (attached)
		t.nr_attached++;
	else
		t.nr_left++;
}

static const lm_chardev_ops_t ops = { sizeof(ops), room, data, writable, peer };

static int setup(void **state)
{
	int ret = engine_setup(state);

	memset(&t, 0, sizeof(t));
	t.e = *state;
	no_inotify = false;
	t.room = ROOM;
	t.got = malloc(ROOM);
	if (!t.got || !tempdir_new(t.dir))
		return -1;
	snprintf(t.path, sizeof(t.path), "%s/at", t.dir);
	return ret;
}

static int teardown(void **state)
{
	lm_chardev_destroy(t.chr);
	tempdir_remove(t.dir);
	free(t.got);
	return engine_teardown(state);
}

/* By a specification; %s in it is the path of the test. */
static int create(const char *spec)
{
	if (!t.e->ctx)
		engine_start(t.e);
	snprintf(t.spec, sizeof(t.spec), "%s%s", spec, spec[strlen(spec) - 1] == ':' ||
		 spec[strlen(spec) - 1] == '=' ? t.path : "");
	return lm_chardev_create(t.e->ctx, t.spec, &ops, &t, &t.chr);
}

static void begin(const char *spec)
{
	assert_int_equal(create(spec), 0);
}

/* Turns of the loop until it is so. */
#define UNTIL(condition)                                                        \
	do {                                                                    \
		struct pollfd p_ = { .fd = lm_ctx_fd(t.e->ctx), .events = POLLIN }; \
		while (!(condition)) {                                          \
			assert_int_equal(poll(&p_, 1, 10000), 1);               \
			assert_true(lm_ctx_poll(t.e->ctx) >= 0);                \
		}                                                               \
	} while (0)

/* The loop has nothing to do, however often it is asked: a level would spin. */
static void assert_calm(void)
{
	int turns = 0;

	while (lm_ctx_poll(t.e->ctx) > 0)
		assert_true(++turns < 100);
}

static int pty_peer(void)
{
	const int fd = open(lm_chardev_path(t.chr), O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int unix_peer(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", lm_chardev_path(t.chr));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* A kind whose peers come and go. */
struct way {
	const char *spec;
	int (*peer)(void);
};
static const struct way pty_way = { "pty", pty_peer }, unix_way = { "unix:", unix_peer };

static int begin_with_peer(const struct way *way)
{
	int fd;

	begin(way->spec);
	fd = way->peer();
	UNTIL(t.nr_attached == 1);
	return fd;
}

static void assert_peer_reads(int fd, const char *expected)
{
	char buf[64] = "";
	size_t len = 0;
	ssize_t n;

	while (len < strlen(expected)) {
		n = read(fd, buf + len, strlen(expected) - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_string_equal(buf, expected);
}

static void peer_writes(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void device_writes(const char *text)
{
	assert_int_equal(lm_chardev_write(t.chr, text, strlen(text)), strlen(text));
}

/* ---- specifications -------------------------------------------------------------- */

static void specifications(void **state)
{
	static const char *const good[] = {
		"pty", "pty,link=/x", "unix:/x", "file:x", "stdio", "null",
	};
	static const char *const bad[] = {
		"", "pt", "ptyx", "pty:", "pty,", "pty,link=", "pty,frob=1", "unix", "unix:",
		"file", "file:", "unix,link=/x", "stdio:", "null:/x", "tty", ":", ",",
	};
	char longest[LM_CHARDEV_SPEC_MAX + 8] = "unix:";
	size_t i;

	for (i = 0; i < LM_NR(good); i++)
		assert_null(lm_chardev_fault(good[i]));
	for (i = 0; i < LM_NR(bad); i++)
		assert_non_null(lm_chardev_fault(bad[i]));
	memset(longest + 5, 'x', LM_CHARDEV_SPEC_MAX - 1);
	assert_null(lm_chardev_fault(longest));
	longest[LM_CHARDEV_SPEC_MAX + 4] = 'x';
	assert_non_null(lm_chardev_fault(longest));
	assert_int_equal(create("frob"), -EINVAL);
}

/* ---- what holds for all that have peers ------------------------------------------ */

static void bytes_go_both_ways(const struct way *way)
{
	const int fd = begin_with_peer(way);

	peer_writes(fd, "to the device\n");
	UNTIL(t.len == 14);
	assert_memory_equal(t.got, "to the device\n", 14);
	device_writes("and back\r\n");
	assert_peer_reads(fd, "and back\r\n");
	assert_calm();
	close(fd);
}

static void who_leaves_may_come_again(const struct way *way)
{
	int fd = begin_with_peer(way);

	assert_true(lm_chardev_is_attached(t.chr));
	close(fd);
	UNTIL(t.nr_left == 1);
	assert_calm();
	fd = way->peer();
	UNTIL(t.nr_attached == 2);
	device_writes("again");
	assert_peer_reads(fd, "again");
	close(fd);
	UNTIL(t.nr_left == 2);
}

static void without_a_peer_bytes_are_dropped(const struct way *way)
{
	char many[4096] = "";
	int i, fd;

	begin(way->spec);
	assert_false(lm_chardev_is_attached(t.chr));
	for (i = 0; i < 100; i++)
		assert_int_equal(lm_chardev_write(t.chr, many, sizeof(many)), sizeof(many));
	assert_int_equal(t.nr_writable, 0);
	assert_calm();
	fd = way->peer();
	UNTIL(t.nr_attached == 1);
	device_writes("new");
	assert_peer_reads(fd, "new");
	close(fd);
}

/* What is left of @len bytes when the peer takes no more. */
static size_t flood(size_t len)
{
	char many[1000];
	size_t part, n;

	memset(many, 'x', sizeof(many));
	while (len) {
		part = len < sizeof(many) ? len : sizeof(many);
		n = lm_chardev_write(t.chr, many, part);
		len -= n;
		if (n < part)
			return len;
	}
	return 0;
}

static void a_peer_that_does_not_read_stops_the_device_alone(const struct way *way)
{
	const int fd = begin_with_peer(way);
	const size_t all = 16u << 20;
	size_t left = flood(all), taken = 0;
	char buf[65536];
	ssize_t n = 0;

	assert_true(left > 0);
	assert_int_equal(lm_chardev_write(t.chr, "y", 1), 0);
	assert_calm();
	assert_int_equal(t.nr_writable, 0);
	while (!t.nr_writable) {
		n = read(fd, buf, sizeof(buf));
		assert_true(n > 0);
		taken += (size_t)n;
		lm_ctx_poll(t.e->ctx);
	}
	assert_int_equal(t.nr_writable, 1);
	device_writes("y");
	while (taken < all - left + 1) {
		n = read(fd, buf, sizeof(buf));
		assert_true(n > 0);
		taken += (size_t)n;
	}
	assert_int_equal(taken, all - left + 1);
	assert_int_equal(buf[n - 1], 'y');
	close(fd);
}

static void a_peer_that_leaves_while_the_device_waits(const struct way *way)
{
	const int fd = begin_with_peer(way);

	assert_true(flood(16u << 20) > 0);
	close(fd);
	UNTIL(t.nr_left == 1);
	assert_int_equal(t.nr_writable, 1);
	device_writes("dropped");
	assert_calm();
}

/* A byte at a time: what the device has no room for stays with the peer. */
static void a_device_without_room_gets_nothing(const struct way *way)
{
	int fd;

	t.room = 3;
	fd = begin_with_peer(way);
	peer_writes(fd, "0123456789");
	UNTIL(t.len == 3);
	assert_calm();
	assert_int_equal(t.len, 3);
	t.room = 1;
	lm_chardev_resume(t.chr);
	assert_int_equal(t.len, 4);
	assert_calm();
	t.room = ROOM;
	lm_chardev_resume(t.chr);
	assert_int_equal(t.len, 10);
	assert_memory_equal(t.got, "0123456789", 10);
	assert_calm();
	peer_writes(fd, "!");
	UNTIL(t.len == 11);
	close(fd);
}

/* It has left, and what it said is still on its way to the device. */
static void last_words_are_heard(const struct way *way)
{
	int fd;

	t.room = 2;
	fd = begin_with_peer(way);
	peer_writes(fd, "good bye");
	UNTIL(t.len == 2);
	close(fd);
	assert_calm();
	assert_int_equal(t.nr_left, 0);
	t.room = 3;
	lm_chardev_resume(t.chr);
	assert_int_equal(t.len, 5);
	assert_calm();
	t.room = ROOM;
	lm_chardev_resume(t.chr);
	UNTIL(t.nr_left == 1);
	assert_int_equal(t.len, 8);
	assert_memory_equal(t.got, "good bye", 8);
}

static void who_came_and_went_is_heard(const struct way *way)
{
	int fd;

	begin(way->spec);
	fd = way->peer();
	peer_writes(fd, "hello");
	close(fd);
	UNTIL(t.nr_left == 1);
	assert_int_equal(t.nr_attached, 1);
	assert_memory_equal(t.got, "hello", 5);
	assert_calm();
}

static void a_flood_comes_in_bounded_pieces(const struct way *way)
{
	const int fd = begin_with_peer(way);
	static char many[100000];
	size_t sent = 0;
	ssize_t n;
	size_t i;

	for (i = 0; i < sizeof(many); i++)
		many[i] = (char)(i * 7 >> 3);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (t.len < sizeof(many)) {
		n = write(fd, many + sent, sizeof(many) - sent);
		sent += n > 0 ? (size_t)n : 0;
		lm_ctx_poll(t.e->ctx);
	}
	assert_memory_equal(t.got, many, sizeof(many));
	assert_true(t.most <= 4096);
	close(fd);
}

static void it_may_be_destroyed_at_any_moment(const struct way *way)
{
	const int fd = begin_with_peer(way);

	peer_writes(fd, "x");
	flood(16u << 20);
	lm_chardev_destroy(t.chr);
	t.chr = NULL;
	assert_calm();
	close(fd);
}

#define BOTH(test)                                        \
	static void test##_pty(void **state)              \
	{                                                 \
		test(&pty_way);                           \
	}                                                 \
	static void test##_unix(void **state)             \
	{                                                 \
		test(&unix_way);                          \
	}
BOTH(bytes_go_both_ways)
BOTH(who_leaves_may_come_again)
BOTH(without_a_peer_bytes_are_dropped)
BOTH(a_peer_that_does_not_read_stops_the_device_alone)
BOTH(a_peer_that_leaves_while_the_device_waits)
BOTH(a_device_without_room_gets_nothing)
BOTH(last_words_are_heard)
BOTH(who_came_and_went_is_heard)
BOTH(a_flood_comes_in_bounded_pieces)
BOTH(it_may_be_destroyed_at_any_moment)

/* ---- pseudoterminals ------------------------------------------------------------- */

static void a_pty_is_raw(void **state)
{
	struct termios now;
	int fd;

	begin("pty");
	fd = pty_peer();
	assert_int_equal(tcgetattr(fd, &now), 0);
	assert_false(now.c_lflag & (ICANON | ECHO | ISIG));
	assert_false(now.c_oflag & OPOST);
	close(fd);
}

static void a_pty_is_there_while_anybody_has_it_open(void **state)
{
	const int fd = begin_with_peer(&pty_way), other = pty_peer();

	assert_calm();
	close(fd);
	assert_calm();
	assert_int_equal(t.nr_left, 0);
	close(other);
	UNTIL(t.nr_left == 1);
	assert_int_equal(t.nr_attached, 1);
}

static void a_link_leads_to_the_pty(void **state)
{
	char to[64] = "";
	struct stat st;

	assert_int_equal(symlink("/dev/pts/nowhere", t.path), 0);
	begin("pty,link=");
	assert_true(readlink(t.path, to, sizeof(to) - 1) > 0);
	assert_string_equal(to, lm_chardev_path(t.chr));
	assert_int_equal(tempdir_count(t.dir), 1);
	lm_chardev_destroy(t.chr);
	t.chr = NULL;
	assert_int_equal(lstat(t.path, &st), -1);
}

static void a_file_is_not_made_a_link(void **state)
{
	const int fd = open(t.path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	assert_int_equal(create("pty,link="), -EEXIST);
	assert_int_equal(access(t.path, F_OK), 0);
}

static void the_link_of_another_one_stays(void **state)
{
	char to[64] = "";

	begin("pty,link=");
	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(symlink("/dev/pts/other", t.path), 0);
	lm_chardev_destroy(t.chr);
	t.chr = NULL;
	assert_true(readlink(t.path, to, sizeof(to) - 1) > 0);
	assert_string_equal(to, "/dev/pts/other");
}

static void a_pty_without_inotify(void **state)
{
	int fd;

	no_inotify = true;
	begin("pty");
	fd = pty_peer();
	UNTIL(t.nr_attached == 1);
	close(fd);
	UNTIL(t.nr_left == 1);
}

/* ---- sockets --------------------------------------------------------------------- */

static void peers_are_served_one_after_the_other(void **state)
{
	const int first = begin_with_peer(&unix_way), second = unix_peer();

	peer_writes(second, "second");
	assert_calm();
	assert_int_equal(t.nr_attached, 1);
	peer_writes(first, "first ");
	close(first);
	UNTIL(t.len == 12);
	assert_memory_equal(t.got, "first second", 12);
	assert_int_equal(t.nr_attached, 2);
	close(second);
}

static void a_peer_that_ends_its_input_still_hears(void **state)
{
	const int fd = begin_with_peer(&unix_way);

	peer_writes(fd, "question");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	UNTIL(t.len == 8);
	assert_calm();
	assert_int_equal(t.nr_left, 0);
	device_writes("answer");
	assert_peer_reads(fd, "answer");
	close(fd);
	UNTIL(t.nr_left == 1);
}

static void a_socket_is_ours_alone_and_goes_with_us(void **state)
{
	struct stat st;

	begin("unix:");
	assert_string_equal(lm_chardev_path(t.chr), t.path);
	assert_int_equal(stat(t.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	lm_chardev_destroy(t.chr);
	t.chr = NULL;
	assert_int_equal(tempdir_count(t.dir), 0);
}

static void a_path_in_use_is_refused(void **state)
{
	lm_chardev_t *other;

	begin("unix:");
	other = t.chr;
	assert_int_equal(create("unix:"), -EADDRINUSE);
	t.chr = other;
	close(unix_peer());
}

static void descriptors_that_a_peer_sends_are_closed(void **state)
{
	const int fd = begin_with_peer(&unix_way);
	struct iovec iov = { (void *)"x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	const unsigned int before = count_fds();
	union fds_room space;
	const int fds[] = { fd, fd, fd };

	fds_attach(&msg, &space, fds, 3);
	assert_int_equal(sendmsg(fd, &msg, 0), 1);
	UNTIL(t.len == 1);
	assert_int_equal(fds_left(before), 0);
	close(fd);
}

/* ---- files and nothing ----------------------------------------------------------- */

static void assert_file(const char *expected)
{
	char buf[64] = "";
	const int fd = open(t.path, O_RDONLY);

	assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
	close(fd);
	assert_string_equal(buf, expected);
}

static void a_file_is_appended_to(void **state)
{
	int i;

	for (i = 0; i < 2; i++) {
		begin("file:");
		assert_true(lm_chardev_is_attached(t.chr));
		device_writes("line\n");
		lm_chardev_destroy(t.chr);
		t.chr = NULL;
	}
	assert_file("line\nline\n");
}

static void a_full_disk_drops_bytes(void **state)
{
	snprintf(t.path, sizeof(t.path), "/dev/full");
	begin("file:");
	device_writes("x");
	assert_calm();
}

/* Without a handler of SIGPIPE. */
static void a_fifo_whose_reader_has_gone(void **state)
{
	struct sigaction old, dfl = { .sa_handler = SIG_DFL };
	int fd;

	assert_int_equal(mkfifo(t.path, 0600), 0);
	assert_int_equal(create("file:"), -ENXIO);
	fd = open(t.path, O_RDONLY | O_NONBLOCK);
	begin("file:");
	close(fd);
	sigaction(SIGPIPE, &dfl, &old);
	device_writes("x");
	sigaction(SIGPIPE, &old, NULL);
	assert_calm();
}

static void a_file_that_cannot_be_made(void **state)
{
	snprintf(t.path, sizeof(t.path), "%.100s/none/at", t.dir);
	assert_int_equal(create("file:"), -ENOENT);
	assert_int_equal(create("unix:"), -ENOENT);
	assert_int_equal(create("pty,link="), -ENOENT);
	assert_non_null(strstr(t.e->log, "none/at"));
}

static void null_is_nobody(void **state)
{
	begin("null");
	assert_false(lm_chardev_is_attached(t.chr));
	device_writes("x");
	assert_string_equal(lm_chardev_path(t.chr), "");
	lm_chardev_resume(t.chr);
	assert_calm();
}

/* ---- standard input and output --------------------------------------------------- */

static int saved[2];

static void standard_are(int in, int out)
{
	saved[0] = dup(STDIN_FILENO);
	saved[1] = dup(STDOUT_FILENO);
	assert_true(dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0);
}

static void standard_were(void)
{
	dup2(saved[0], STDIN_FILENO);
	dup2(saved[1], STDOUT_FILENO);
	close_fds(saved, 2);
}

static void pipes_as_standard_input_and_output(void **state)
{
	int in[2], out[2], ret, flags;

	engine_start(t.e);
	assert_int_equal(pipe(in) | pipe(out), 0);
	standard_are(in[0], out[1]);
	ret = create("stdio");
	flags = fcntl(STDIN_FILENO, F_GETFL) | fcntl(STDOUT_FILENO, F_GETFL);
	standard_were();
	assert_int_equal(ret, 0);
	assert_false(flags & O_NONBLOCK);
	peer_writes(in[1], "in");
	UNTIL(t.len == 2);
	close(in[1]);
	while (lm_ctx_poll(t.e->ctx) > 0)
		;
	assert_true(lm_chardev_is_attached(t.chr));
	device_writes("out");
	assert_peer_reads(out[0], "out");
	close(out[0]);
	device_writes("dropped");
	assert_calm();
	close(in[0]);
	close(out[1]);
}

static void a_terminal_is_raw_meanwhile(void **state)
{
	struct termios before, now, after;
	int master, fd, ret;

	engine_start(t.e);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	fd = open(ptsname(master), O_RDWR | O_NOCTTY);
	tcgetattr(fd, &before);
	standard_are(fd, fd);
	ret = create("stdio");
	tcgetattr(fd, &now);
	lm_chardev_destroy(t.chr);
	tcgetattr(fd, &after);
	standard_were();
	t.chr = NULL;
	assert_int_equal(ret, 0);
	assert_false(now.c_lflag & (ICANON | ECHO));
	assert_true(now.c_lflag & ISIG);
	assert_int_equal(after.c_lflag, before.c_lflag);
	close(fd);
	close(master);
}

static void a_process_in_the_background_has_none(void **state)
{
	const int null = open("/dev/null", O_RDWR);
	int ret;

	engine_start(t.e);
	standard_are(null, null);
	ret = create("stdio");
	standard_were();
	close(null);
	assert_int_equal(ret, -EBADF);
}

#define TEST(f)      cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_BOTH(f) TEST(f##_pty), TEST(f##_unix)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(specifications),
		TEST_BOTH(bytes_go_both_ways),
		TEST_BOTH(who_leaves_may_come_again),
		TEST_BOTH(without_a_peer_bytes_are_dropped),
		TEST_BOTH(a_peer_that_does_not_read_stops_the_device_alone),
		TEST_BOTH(a_peer_that_leaves_while_the_device_waits),
		TEST_BOTH(a_device_without_room_gets_nothing),
		TEST_BOTH(last_words_are_heard),
		TEST_BOTH(who_came_and_went_is_heard),
		TEST_BOTH(a_flood_comes_in_bounded_pieces),
		TEST_BOTH(it_may_be_destroyed_at_any_moment),
		TEST(a_pty_is_raw),
		TEST(a_pty_is_there_while_anybody_has_it_open),
		TEST(a_link_leads_to_the_pty),
		TEST(a_file_is_not_made_a_link),
		TEST(the_link_of_another_one_stays),
		TEST(a_pty_without_inotify),
		TEST(peers_are_served_one_after_the_other),
		TEST(a_peer_that_ends_its_input_still_hears),
		TEST(a_socket_is_ours_alone_and_goes_with_us),
		TEST(a_path_in_use_is_refused),
		TEST(descriptors_that_a_peer_sends_are_closed),
		TEST(a_file_is_appended_to),
		TEST(a_full_disk_drops_bytes),
		TEST(a_fifo_whose_reader_has_gone),
		TEST(a_file_that_cannot_be_made),
		TEST(null_is_nobody),
		TEST(pipes_as_standard_input_and_output),
		TEST(a_terminal_is_raw_meanwhile),
		TEST(a_process_in_the_background_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
