/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_blkdev.c - block backends: memory, nothing, and files by both engines, with what goes wrong.
 */
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "backend/blkdev.h"

#include "engine.h"
#include "fuse_file.h"
#include "tempdir.h"

#define SIZE    (1u << 20)
#define MAX_IOS (LM_BLKDEV_MAX_IOS + 1)

static struct {
	struct engine *e;
	lm_blkdev_t   *blk;
	uint32_t       engine;
	char          *buf;             /* SIZE bytes, of whole pages */
	int            result[MAX_IOS]; /* 1: has not ended */
	unsigned int   nr, nr_ended;
	unsigned int   nr_batches, depth;
	char           dir[PATH_MAX], path[PATH_MAX + 16];
} t;

/* ---- setting up ------------------------------------------------------------------ */

static bool has_uring(void)
{
	struct { uint32_t all[30]; } params = { 0 };
	const long fd = syscall(SYS_io_uring_setup, 1, &params);

	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static int setup(void **state)
{
	int ret = engine_setup(state);

	memset(&t, 0, sizeof(t));
	t.e = *state;
	t.buf = aligned_alloc(4096, SIZE);
	if (!t.buf || !tempdir_new(t.dir))
		return -1;
	memset(t.buf, 0, SIZE);
	snprintf(t.path, sizeof(t.path), "%s/disk", t.dir);
	engine_start(t.e);
	return ret;
}

static int setup_uring(void **state)
{
	const int ret = setup(state);

	t.engine = LM_BLKDEV_URING;
	return ret;
}

static int setup_threads(void **state)
{
	const int ret = setup(state);

	t.engine = LM_BLKDEV_THREADS;
	return ret;
}

static int teardown(void **state)
{
	lm_blkdev_destroy(t.blk);
	tempdir_remove(t.dir);
	free(t.buf);
	return engine_teardown(state);
}

static void batch(void *pvt, bool begins)
{
	assert_ptr_equal(pvt, &t);
	t.depth += begins ? 1 : -1u;
	t.nr_batches += begins;
}

static int create(lm_blkdev_info_t info)
{
	info.batch = batch;
	info.pvt = &t;
	return lm_blkdev_create(t.e->ctx, &info, &t.blk);
}

/* A file, by the engine that is tested. */
static void begin_with(const char *path, uint32_t flags)
{
	const lm_blkdev_info_t info = { .kind = LM_BLKDEV_FILE, .engine = t.engine, .flags = flags,
					.path = path, .size = path == t.path ? SIZE : 0 };

	if (t.engine == LM_BLKDEV_URING && !has_uring())
		skip();
	assert_int_equal(create(info), 0);
	assert_int_equal(lm_blkdev_engine(t.blk), t.engine);
}

static void begin(void)
{
	begin_with(t.path, 0);
}

/* ---- asking ---------------------------------------------------------------------- */

static void done(void *arg, int result)
{
	int *to = arg;

	assert_int_equal(*to, 1);
	assert_true(result <= 0);
	*to = result;
	t.nr_ended++;
}

static int ask_iov(uint32_t op, uint32_t flags, uint64_t offset, uint64_t length,
		   const struct iovec *iov, uint32_t nr)
{
	const lm_blkdev_io_t io = { .op = op, .flags = flags, .offset = offset, .length = length,
				    .iov = iov, .nr_iov = nr, .done = done,
				    .arg = &t.result[t.nr] };

	t.result[t.nr++] = 1;
	return lm_blkdev_submit(t.blk, &io);
}

static struct iovec one;

static int ask(uint32_t op, uint32_t flags, uint64_t offset, void *data, uint64_t length)
{
	one = (struct iovec){ data, length };
	return ask_iov(op, flags, offset, length, &one, !!data);
}

/* Turns of the loop until it is so. */
#define UNTIL(condition)                                                            \
	do {                                                                        \
		struct pollfd p_ = { .fd = lm_ctx_fd(t.e->ctx), .events = POLLIN }; \
		while (!(condition)) {                                              \
			assert_true(lm_ctx_poll(t.e->ctx) >= 0);                    \
			if (!(condition))                                           \
				assert_int_equal(poll(&p_, 1, 20000), 1);           \
		}                                                                   \
		assert_int_equal(t.depth, 0);                                       \
	} while (0)

/* What came of one. */
static int do_one(uint32_t op, uint32_t flags, uint64_t offset, void *data, uint64_t length)
{
	const unsigned int nr = t.nr;
	const int ret = ask(op, flags, offset, data, length);

	if (ret)
		return ret;
	UNTIL(t.result[nr] != 1);
	return t.result[nr];
}

static void pattern(char *buf, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (char)(i * 7 + i / 251 + seed);
}

static void assert_pattern(const char *buf, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (buf[i] != (char)(i * 7 + i / 251 + seed))
			fail_msg("byte %zu is %d", i, buf[i]);
	}
}

static void file_read(uint64_t offset, void *to, size_t len)
{
	const int fd = open(t.path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, to, len, (off_t)offset), (ssize_t)len);
	close(fd);
}

/* By which descriptor the last transfer went. */
static bool went_direct(void)
{
	const struct blk_req *r = TAILQ_FIRST(&t.blk->free);

	return t.blk->direct_fd >= 0 && r->step.fd == t.blk->direct_fd;
}

/* ---- memory and nothing ---------------------------------------------------------- */

static void memory_keeps_what_is_written(void **state)
{
	const lm_blkdev_info_t info = { .kind = LM_BLKDEV_RAM, .size = SIZE };

	assert_int_equal(create(info), 0);
	assert_int_equal(lm_blkdev_size(t.blk), SIZE);
	assert_int_equal(lm_blkdev_engine(t.blk), LM_BLKDEV_ANY);
	pattern(t.buf, 12288, 1);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, SIZE - 12288, t.buf, 12288), 0);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, SIZE - 12288, t.buf + 16384, 12288), 0);
	assert_pattern(t.buf + 16384, 12288, 1);
	assert_int_equal(do_one(LM_BLKDEV_ZERO, 0, SIZE - 12288 + 512, NULL, 8192), 0);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, SIZE - 12288, t.buf + 16384, 12288), 0);
	assert_pattern(t.buf + 16384, 512, 1);
	assert_true(all_zero(t.buf + 16384 + 512, 8192));
	assert_memory_equal(t.buf + 16384 + 8704, t.buf + 8704, 12288 - 8704);
	assert_int_equal(do_one(LM_BLKDEV_FLUSH, 0, 0, NULL, 0), 0);
}

/* Of any length, and anywhere in a line of the cache. */
static void memory_is_written_by_pieces(void **state)
{
	const lm_blkdev_info_t info = { .kind = LM_BLKDEV_RAM, .size = SIZE };
	struct iovec iov[] = { { t.buf, 100 }, { t.buf + 100, 28 }, { t.buf + 128, 1 },
			       { t.buf + 129, 4000 }, { t.buf + 4129, 4063 } };

	assert_int_equal(create(info), 0);
	pattern(t.buf, 8192, 7);
	assert_int_equal(ask_iov(LM_BLKDEV_WRITE, 0, 512, 8192, iov, LM_NR(iov)), 0);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 512, t.buf + 16384, 8192), 0);
	assert_pattern(t.buf + 16384, 8192, 7);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 0, t.buf + 16384, 512), 0);
	assert_true(all_zero(t.buf + 16384, 512));
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 8704, t.buf + 16384, 512), 0);
	assert_true(all_zero(t.buf + 16384, 512));
}

static void nothing_is_read(void **state)
{
	const lm_blkdev_info_t info = { .kind = LM_BLKDEV_NULL, .size = 1ull << 50 };

	assert_int_equal(create(info), 0);
	memset(t.buf, 'x', 8192);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 1ull << 49, t.buf, 8192), 0);
	assert_int_equal(t.buf[0], 'x');
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 1ull << 49, t.buf, 4096), 0);
	assert_int_equal(t.buf[0], 'x');
	assert_memory_equal(t.buf, t.buf + 1, 8191);
}

static void what_is_asked_is_checked(void **state)
{
	const lm_blkdev_info_t info = { .kind = LM_BLKDEV_RAM, .size = 8192,
					.flags = LM_BLKDEV_READ_ONLY };
	const struct iovec iov[] = { { t.buf, 512 }, { t.buf, 511 } };

	assert_int_equal(create(info), 0);
	assert_int_equal(ask(LM_BLKDEV_READ, 0, 8192 - 511, t.buf, 512), -EINVAL);
	assert_int_equal(ask(LM_BLKDEV_READ, 0, UINT64_MAX, t.buf, 512), -EINVAL);
	assert_int_equal(ask(LM_BLKDEV_READ, 4, 0, t.buf, 512), -EINVAL);
	assert_int_equal(ask(LM_BLKDEV_DISCARD + 1, 0, 0, NULL, 0), -EINVAL);
	assert_int_equal(ask_iov(LM_BLKDEV_READ, 0, 0, 1024, iov, 2), -EINVAL);
	assert_int_equal(ask_iov(LM_BLKDEV_READ, 0, 0, 1023, iov, 2), 0);
	assert_int_equal(ask(LM_BLKDEV_WRITE, 0, 0, t.buf, 512), -EROFS);
	assert_int_equal(ask(LM_BLKDEV_ZERO, 0, 0, NULL, 512), -EROFS);
	assert_int_equal(ask(LM_BLKDEV_DISCARD, 0, 0, NULL, 512), -EROFS);
	assert_int_equal(t.nr_ended, 1);
}

static void descriptions_that_cannot_be(void **state)
{
	const lm_blkdev_info_t bad[] = {
		{ .kind = LM_BLKDEV_FILE + 1, .size = 512 },
		{ .kind = LM_BLKDEV_RAM },
		{ .kind = LM_BLKDEV_RAM, .size = 1ull << 63 },
		{ .kind = LM_BLKDEV_RAM, .size = 512, .flags = 4 },
		{ .kind = LM_BLKDEV_RAM, .size = 512, .reserved = 1 },
		{ .kind = LM_BLKDEV_FILE, .size = 512 },
		{ .kind = LM_BLKDEV_FILE, .path = "", .size = 512 },
		{ .kind = LM_BLKDEV_FILE, .path = t.path, .size = 512, .engine = 3 },
		{ .kind = LM_BLKDEV_FILE, .path = "/dev/null", .size = 512 },
	};
	const lm_blkdev_info_t none = { .kind = LM_BLKDEV_FILE, .path = "/nonexistent/file" };
	const lm_blkdev_info_t absent = { .kind = LM_BLKDEV_FILE, .path = t.path };
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		t.e->log[0] = '\0';
		assert_int_equal(create(bad[i]), -EINVAL);
		assert_string_not_equal(t.e->log, "");
	}
	assert_int_equal(create(none), -ENOENT);
	assert_string_equal(t.e->log, "cannot open block backend /nonexistent/file: "
				      "No such file or directory");
	assert_int_equal(create(absent), -ENOENT); /* a size makes it */
}

/* ---- files, by both engines ------------------------------------------------------ */

static void what_is_written_is_in_the_file(void **state)
{
	const struct iovec iov[] = { { t.buf + 3, 509 }, { t.buf + 512, 4096 },
				     { t.buf + 4608, 3584 } };

	begin();
	pattern(t.buf + 3, 8189, 5);
	assert_int_equal(ask_iov(LM_BLKDEV_WRITE, LM_BLKDEV_FUA, 512, 8189, iov, 3), 0);
	UNTIL(t.nr_ended == 1);
	assert_int_equal(t.result[0], 0);
	file_read(512, t.buf + 65536, 8189);
	assert_pattern(t.buf + 65536, 8189, 5);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 512, t.buf + 131072, 8189), 0);
	assert_pattern(t.buf + 131072, 8189, 5);
	assert_int_equal(do_one(LM_BLKDEV_FLUSH, 0, 0, NULL, 0), 0);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 0, NULL, 0), 0);
	assert_true(t.nr_batches);
}

/* More than the engine takes at once, each with its own data. */
static void many_at_a_time(void **state)
{
	enum { NR = 256 };
	struct iovec iov[NR];
	unsigned int i;

	begin();
	for (i = 0; i < NR; i++) {
		iov[i] = (struct iovec){ t.buf + 4096 * i, 4096 };
		pattern(iov[i].iov_base, 4096, i);
		assert_int_equal(ask_iov(LM_BLKDEV_WRITE, 0, 4096 * (NR - 1 - i), 4096, &iov[i], 1),
				 0);
	}
	UNTIL(t.nr_ended == NR);
	memset(t.buf, 0, SIZE);
	for (i = 0; i < NR; i++)
		assert_int_equal(ask_iov(LM_BLKDEV_READ, 0, 4096 * (NR - 1 - i), 4096, &iov[i], 1),
				 0);
	UNTIL(t.nr_ended == 2 * NR);
	for (i = 0; i < NR; i++) {
		assert_int_equal(t.result[i] | t.result[NR + i], 0);
		assert_pattern(iov[i].iov_base, 4096, i);
	}
}

static void how_many_is_bounded(void **state)
{
	unsigned int i;

	begin();
	for (i = 0; i < LM_BLKDEV_MAX_IOS; i++)
		assert_int_equal(ask(LM_BLKDEV_READ, 0, 0, t.buf, 512), 0);
	assert_int_equal(ask(LM_BLKDEV_READ, 0, 0, t.buf, 512), -EAGAIN);
	UNTIL(t.nr_ended == LM_BLKDEV_MAX_IOS);
	t.nr = 0;
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 0, t.buf, 512), 0);
}

/* As many pieces as a list has, of which a system call takes fewer. */
static void more_pieces_than_a_call_takes(void **state)
{
	enum { NR = 1500 };
	static struct iovec iov[NR];
	unsigned int i;

	begin();
	for (i = 0; i < NR; i++)
		iov[i] = (struct iovec){ t.buf + 512 * (NR - 1 - i), 512 };
	pattern(t.buf, 512 * NR, 0);
	assert_int_equal(ask_iov(LM_BLKDEV_WRITE, 0, 0, 512 * NR, iov, NR), 0);
	UNTIL(t.nr_ended == 1);
	assert_int_equal(t.result[0], 0);
	for (i = 0; i < NR; i++) {
		char sector[512];

		file_read(512 * i, sector, 512);
		assert_memory_equal(sector, iov[i].iov_base, 512);
	}
}

static void zeroes_and_holes(void **state)
{
	struct stat before, after;

	begin();
	memset(t.buf, 'x', SIZE);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, SIZE), 0);
	assert_int_equal(do_one(LM_BLKDEV_FLUSH, 0, 0, NULL, 0), 0);
	assert_int_equal(stat(t.path, &before), 0);
	assert_int_equal(do_one(LM_BLKDEV_ZERO, LM_BLKDEV_FUA, 1536, NULL, 8192), 0);
	assert_int_equal(do_one(LM_BLKDEV_DISCARD, LM_BLKDEV_FUA, 65536, NULL, 131072), 0);
	assert_int_equal(do_one(LM_BLKDEV_ZERO, LM_BLKDEV_PUNCH, 524288, NULL, 131072), 0);
	assert_int_equal(stat(t.path, &after), 0);
	assert_true(after.st_blocks <= before.st_blocks - 2 * 128);
	assert_int_equal(after.st_size, SIZE);
	file_read(0, t.buf, SIZE);
	assert_true(all_zero(t.buf + 1536, 8192) && all_zero(t.buf + 65536, 131072) &&
		    all_zero(t.buf + 524288, 131072));
	assert_true(t.buf[1535] == 'x' && t.buf[1536 + 8192] == 'x' && t.buf[65535] == 'x' &&
		    t.buf[65536 + 131072] == 'x' && t.buf[524287] == 'x');
}

/* As file systems do that cannot make holes. */
static void (*stepped)(struct blk_req *r, int result);

static void stepped_without_fallocate(struct blk_req *r, int result)
{
	stepped(r, r->step.call == BLK_CALL_ALLOCATE ? -EOPNOTSUPP : result);
}

static void zeroes_are_written_where_holes_cannot_be(void **state)
{
	begin();
	stepped = t.blk->stepped;
	memset(t.buf, 'x', SIZE);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, SIZE), 0);
	t.blk->stepped = stepped_without_fallocate;
	assert_int_equal(do_one(LM_BLKDEV_DISCARD, 0, 512, NULL, SIZE - 1024), 0);
	file_read(0, t.buf, SIZE);
	assert_true(t.buf[511] == 'x' && t.buf[SIZE - 512] == 'x');
}

static void a_file_that_ends_early_is_an_error(void **state)
{
	begin();
	assert_int_equal(truncate(t.path, 4096), 0);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 0, t.buf, 4096), 0);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 0, t.buf, 8192), -EIO);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 65536, t.buf, 4096), -EIO);
}

static void a_bad_descriptor_is_an_error(void **state)
{
	int fd, direct;

	begin();
	fd = t.blk->fd;
	direct = t.blk->direct_fd;
	t.blk->fd = t.blk->direct_fd = -1;
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 0, t.buf, 4096), -EBADF);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, LM_BLKDEV_FUA, 0, t.buf, 4096), -EBADF);
	assert_int_equal(do_one(LM_BLKDEV_FLUSH, 0, 0, NULL, 0), -EBADF);
	assert_int_equal(do_one(LM_BLKDEV_DISCARD, 0, 0, NULL, 4096), -EBADF);
	t.blk->fd = fd;
	t.blk->direct_fd = direct;
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 0, t.buf, 4096), 0);
}

/* In a mount namespace of the test's own. */
static void a_full_file_system_is_an_error(void **state)
{
	const int user = geteuid() ? CLONE_NEWUSER : 0;

	if (unshare(CLONE_NEWNS | user) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("test", t.dir, "tmpfs", 0, "size=64k"))
		skip();
	begin();
	memset(t.buf, 'x', SIZE);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, 4096), 0);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, SIZE), -ENOSPC);
	assert_int_equal(do_one(LM_BLKDEV_DISCARD, 0, 0, NULL, SIZE), 0);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, 32768), 0);
	lm_blkdev_destroy(t.blk);
	t.blk = NULL;
	umount2(t.dir, MNT_DETACH);
}

static void a_file_that_may_not_grow_is_an_error(void **state)
{
	const struct rlimit limit = { 65536, RLIM_INFINITY };
	struct rlimit old;

	begin();
	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 131072, t.buf, 4096), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 131072, t.buf, 4096), 0);
}

/* ---- O_DIRECT -------------------------------------------------------------------- */

static void begin_direct(void)
{
	begin();
	if (t.blk->direct_fd < 0)
		skip();
}

static void what_is_aligned_goes_direct(void **state)
{
	begin_direct();
	pattern(t.buf, 8192, 3);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 8192, t.buf, 8192), 0);
	assert_true(went_direct());
	assert_int_equal(do_one(LM_BLKDEV_WRITE, LM_BLKDEV_FUA, 8192, t.buf, 8192), 0);
	assert_true(went_direct());
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 8192, t.buf + 65536, 8192), 0);
	assert_true(went_direct());
	assert_pattern(t.buf + 65536, 8192, 3);
	/* memory, place, length */
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 8192, t.buf + 4, 4096), 0);
	assert_false(went_direct());
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 8192 + 8, t.buf, 4096), 0);
	assert_false(went_direct());
	assert_memory_equal(t.buf, t.buf + 65536 + 8, 4096);
	assert_int_equal(do_one(LM_BLKDEV_READ, 0, 8192, t.buf, 100), 0);
	assert_false(went_direct());
	assert_int_equal(t.blk->nr_refused, 0);
}

static void the_page_cache_may_be_wanted(void **state)
{
	begin_with(t.path, LM_BLKDEV_BUFFERED);
	assert_int_equal(t.blk->direct_fd, -1);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, 4096), 0);
}

/* Memory without pages of its own, as that of mediated devices: the kernel's clock. */
static char *page_without_pages(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[256];
	char *found = NULL;

	while (maps && !found && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vvar]"))
			found = (char *)strtoul(line, NULL, 16);
	}
	if (maps)
		fclose(maps);
	return found;
}

static void memory_that_cannot_be_held_goes_by_the_page_cache(void **state)
{
	char *page = page_without_pages();
	unsigned int i;

	begin_direct();
	if (!page || write(t.blk->fd, page, 4096) != 4096)
		skip();
	for (i = 0; i < 20; i++) {
		assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 4096 * i, page, 4096), 0);
		assert_false(went_direct());
	}
	/* Asked so often in vain, it is left alone. */
	assert_int_equal(t.blk->nr_refused, 16);
	assert_non_null(strstr(t.e->log, "O_DIRECT is refused"));
}

/* ---- ends ------------------------------------------------------------------------ */

static void what_has_not_begun_can_be_cancelled(void **state)
{
	unsigned int i, depth;

	begin();
	depth = t.blk->engine->depth;
	for (i = 0; i <= depth; i++)
		assert_int_equal(ask(LM_BLKDEV_READ, 0, 0, t.buf, 4096), 0);
	assert_int_equal(lm_blkdev_cancel(t.blk, &t.result[0]), -EALREADY);
	assert_int_equal(lm_blkdev_cancel(t.blk, &t.result[depth + 1]), -ENOENT);
	assert_int_equal(lm_blkdev_cancel(t.blk, &t.result[depth]), 0);
	assert_int_equal(t.result[depth], -ECANCELED);
	UNTIL(t.nr_ended == depth + 1);
}

static void a_backend_that_goes_ends_all(void **state)
{
	unsigned int i, depth;

	begin();
	depth = t.blk->engine->depth;
	for (i = 0; i < depth + 10; i++)
		assert_int_equal(ask(LM_BLKDEV_WRITE, 0, 0, t.buf, 4096), 0);
	lm_blkdev_destroy(t.blk);
	t.blk = NULL;
	assert_int_equal(t.nr_ended, depth + 10);
	for (i = 0; i < depth + 10; i++)
		assert_int_equal(t.result[i], i < depth ? 0 : -ECANCELED);
}

/* Whoever asks outside of a turn does not wait for the next one to come by itself. */
static void asked_outside_of_a_turn(void **state)
{
	struct pollfd p = { .fd = lm_ctx_fd(t.e->ctx), .events = POLLIN };

	begin();
	engine_poll(t.e);
	assert_int_equal(ask(LM_BLKDEV_READ, 0, 0, t.buf, 4096), 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	UNTIL(t.nr_ended == 1);
}

/* What the device was told is in the file, whatever happens to the process. */
static void what_was_acknowledged_survives(void **state)
{
	int pipe_fd[2], fua, flush;
	pid_t child;
	char byte;

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		lm_blkdev_info_t info = { .kind = LM_BLKDEV_FILE, .engine = t.engine,
					  .path = t.path, .size = SIZE };

		if (lm_blkdev_create(t.e->ctx, &info, &t.blk))
			_exit(write(pipe_fd[1], "?", 1) != 1);
		pattern(t.buf, 16384, 9);
		fua = do_one(LM_BLKDEV_WRITE, LM_BLKDEV_FUA, 0, t.buf, 8192);
		flush = do_one(LM_BLKDEV_WRITE, 0, 8192, t.buf + 8192, 8192);
		flush = flush ?: do_one(LM_BLKDEV_FLUSH, 0, 0, NULL, 0);
		if (write(pipe_fd[1], fua || flush ? "!" : ".", 1) == 1)
			pause();
		_exit(1);
	}
	close(pipe_fd[1]);
	assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
	close(pipe_fd[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (byte == '?')
		skip();
	assert_int_equal(byte, '.');
	file_read(0, t.buf, 16384);
	assert_pattern(t.buf, 16384, 9);
}

/* ---- the file system is asked ---------------------------------------------------- */

static void writes_are_forced_to_the_medium(void **state)
{
	struct fuse_file *f = fuse_file_new();
	uint32_t seen;

	if (!f)
		skip();
	begin_with(f->path, LM_BLKDEV_BUFFERED);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, 4096), 0);
	assert_int_equal(f->seen[FUSE_FSYNC], 0);
	assert_int_equal(do_one(LM_BLKDEV_WRITE, LM_BLKDEV_FUA, 0, t.buf, 4096), 0);
	seen = f->seen[FUSE_FSYNC];
	assert_true(seen);
	assert_int_equal(do_one(LM_BLKDEV_FLUSH, 0, 0, NULL, 0), 0);
	assert_true(f->seen[FUSE_FSYNC] > seen);
	lm_blkdev_destroy(t.blk);
	t.blk = NULL;
	fuse_file_free(f);
}

/* Neither the loop nor other requests wait for one that does not end. */
static void one_that_hangs_is_waited_for_at_the_end(void **state)
{
	struct fuse_file *f = fuse_file_new();

	if (!f)
		skip();
	begin_with(f->path, LM_BLKDEV_BUFFERED);
	f->held = FUSE_WRITE;
	assert_int_equal(ask(LM_BLKDEV_WRITE, 0, 0, t.buf, 4096), 0);
	assert_true(lm_ctx_poll(t.e->ctx) >= 0);
	assert_true(fuse_file_asked(f, FUSE_WRITE));
	engine_poll(t.e);
	assert_int_equal(t.nr_ended, 0);
	assert_int_equal(lm_blkdev_cancel(t.blk, &t.result[0]), -EALREADY);
	f->held = 0;
	lm_blkdev_destroy(t.blk);
	t.blk = NULL;
	assert_int_equal(t.result[0], 0);
	fuse_file_free(f);
}

/* ---- which engine ---------------------------------------------------------------- */

/* As a container does. */
static bool forbid_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { LM_NR(code), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int without_uring(void)
{
	lm_blkdev_info_t info = { .kind = LM_BLKDEV_FILE, .path = t.path, .size = SIZE };

	if (!forbid_uring())
		return 77;
	if (create(info) || lm_blkdev_engine(t.blk) != LM_BLKDEV_THREADS)
		return 1;
	if (do_one(LM_BLKDEV_WRITE, 0, 0, t.buf, 4096))
		return 2;
	lm_blkdev_destroy(t.blk);
	info.engine = LM_BLKDEV_URING;
	return create(info) == -EPERM || !has_uring() ? 0 : 3;
}

static void threads_where_the_kernel_refuses(void **state)
{
	const pid_t child = fork();
	int status;

	if (!child)
		_exit(without_uring());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void the_ring_is_the_first_choice(void **state)
{
	const lm_blkdev_info_t info = { .kind = LM_BLKDEV_FILE, .path = t.path, .size = SIZE };

	assert_int_equal(create(info), 0);
	assert_int_equal(lm_blkdev_engine(t.blk),
			 has_uring() ? LM_BLKDEV_URING : LM_BLKDEV_THREADS);
}

#define ANY(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BOTH(f) { #f "(io_uring)", f, setup_uring, teardown, NULL }, \
		{ #f "(threads)", f, setup_threads, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ANY(memory_keeps_what_is_written),
		ANY(memory_is_written_by_pieces),
		ANY(nothing_is_read),
		ANY(what_is_asked_is_checked),
		ANY(descriptions_that_cannot_be),
		ANY(threads_where_the_kernel_refuses),
		ANY(the_ring_is_the_first_choice),
		BOTH(what_is_written_is_in_the_file),
		BOTH(many_at_a_time),
		BOTH(how_many_is_bounded),
		BOTH(more_pieces_than_a_call_takes),
		BOTH(zeroes_and_holes),
		BOTH(zeroes_are_written_where_holes_cannot_be),
		BOTH(a_file_that_ends_early_is_an_error),
		BOTH(a_bad_descriptor_is_an_error),
		BOTH(a_full_file_system_is_an_error),
		BOTH(a_file_that_may_not_grow_is_an_error),
		BOTH(what_is_aligned_goes_direct),
		BOTH(the_page_cache_may_be_wanted),
		BOTH(memory_that_cannot_be_held_goes_by_the_page_cache),
		BOTH(what_has_not_begun_can_be_cancelled),
		BOTH(a_backend_that_goes_ends_all),
		BOTH(asked_outside_of_a_turn),
		BOTH(what_was_acknowledged_survives),
		BOTH(writes_are_forced_to_the_medium),
		BOTH(one_that_hangs_is_waited_for_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
