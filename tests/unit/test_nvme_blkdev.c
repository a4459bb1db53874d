/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_blkdev.c - a namespace in a file: commands that end later, and what a guest does
 * meanwhile. Memory that is unmapped, or whose client has left, is written to until the kernel is
 * done with it, and nothing else happens there.
 */
#include <muser-blkdev.h>

#include "nvme_driver.h"

#include "fuse_file.h"
#include "tempdir.h"

static struct {
	lm_blkdev_t      *blk;
	uint32_t          engine;
	struct fuse_file *fuse; /* or a file of the directory */
	char              dir[PATH_MAX], path[PATH_MAX + 16];
} t;

/* ---- setting up ------------------------------------------------------------------ */

static void batch(void *pvt, bool begins)
{
	lm_nvme_batch(disk.nvme, begins);
}

static int start(void *pvt, lm_ctx_t *ctx)
{
	const lm_blkdev_info_t info = { .kind = LM_BLKDEV_FILE, .engine = t.engine,
					.flags = LM_BLKDEV_BUFFERED, .batch = batch,
					.path = t.fuse ? t.fuse->path : t.path,
					.size = t.fuse ? 0 : DISK_SIZE };
	int ret = lm_blkdev_create(ctx, &info, &t.blk);

	if (ret)
		return ret;
	disk.ns.pvt = t.blk;
	disk.ns.size = lm_blkdev_size(t.blk);
	return disk_start(pvt, ctx);
}

static void stop(void *pvt)
{
	lm_blkdev_destroy(t.blk);
	disk_stop(pvt);
}

static int setup_engine(void **state, uint32_t engine)
{
	struct engine *e;

	nvme_setup(state);
	e = *state;
	memset(&t, 0, sizeof(t));
	t.engine = engine;
	e->info.start = start;
	e->info.stop = stop;
	disk.ns.block = &lm_nvme_blkdev;
	disk.ns.removed = NULL;
	snprintf(t.path, sizeof(t.path), "%s/disk", tempdir_new(t.dir));
	return 0;
}

static int setup(void **state)
{
	return setup_engine(state, LM_BLKDEV_ANY);
}

static int setup_threads(void **state)
{
	return setup_engine(state, LM_BLKDEV_THREADS);
}

static int teardown(void **state)
{
	const int ret = nvme_teardown(state);

	if (t.fuse)
		fuse_file_free(t.fuse);
	tempdir_remove(t.dir);
	return ret;
}

static void begin(struct engine *e)
{
	nvme_connect(e);
	enable(e);
	io = create_queue(e, 1, 256);
}

/* In a file whose file system answers when the test lets it. */
static void begin_slow(struct engine *e)
{
	t.fuse = fuse_file_new();
	if (!t.fuse)
		skip();
	begin(e);
}

#define UNTIL(condition)                                                          \
	do {                                                                      \
		struct pollfd p_ = { .fd = lm_ctx_fd(e->ctx), .events = POLLIN }; \
		while (!(condition)) {                                            \
			assert_true(lm_ctx_poll(e->ctx) >= 0);                    \
			if (!(condition))                                         \
				assert_int_equal(poll(&p_, 1, 5000), 1);           \
		}                                                                 \
	} while (0)

static bool is_complete(void)
{
	return (at(io.cq + 16u * io.head)[14] & 1) == io.phase;
}

static uint16_t wait_for_one(struct engine *e, uint16_t cid)
{
	UNTIL(is_complete());
	assert_true(complete(&io, &last));
	ring_head(e, &io);
	assert_int_equal(last.cid, cid);
	return last.status & 0x7ff;
}

static uint16_t do_one(struct engine *e, struct sqe s)
{
	return wait_for_one(e, submit(e, &io, s));
}

/* A write that the file system does not answer. */
static void write_hangs(struct engine *e)
{
	t.fuse->held = FUSE_WRITE;
	submit(e, &io, sqe_blocks(NVME_WRITE, 8, 8, DATA, 0));
	assert_true(fuse_file_asked(t.fuse, FUSE_WRITE));
	engine_poll(e);
	assert_false(complete(&io, &last));
}

/* ---- commands -------------------------------------------------------------------- */

static void commands_of_each_kind(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe_blocks(NVME_WRITE_ZEROES, 9, 2, 0, 0);
	struct sqe dsm = sqe_data(NVME_DSM, 1, DATA + 0x3000, 0);
	const uint64_t range[2] = { 1ull << 32, 12 };
	char in_file[8192];
	int fd;

	begin(e);
	memset(at(DATA), 'x', 8192);
	assert_int_equal(do_one(e, sqe_blocks(NVME_WRITE, 8, 16, DATA, DATA + 4096)), 0);
	assert_int_equal(do_one(e, s), 0);
	memcpy(at(DATA + 0x3000), range, sizeof(range));
	dsm.dw[11] = 4;
	assert_int_equal(do_one(e, dsm), 0);
	assert_int_equal(do_one(e, sqe(NVME_FLUSH, 1)), 0);
	memset(at(DATA), 0, 8192);
	assert_int_equal(do_one(e, sqe_blocks(NVME_READ, 8, 16, DATA + 0x4000, DATA + 0x5000)), 0);
	fd = open(t.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, in_file, 8192, 4096), 8192);
	close(fd);
	assert_memory_equal(at(DATA + 0x4000), in_file, 8192);
	assert_true(in_file[0] == 'x' && in_file[511] == 'x' && in_file[8191] == 'x');
	assert_true(!in_file[512] && !in_file[1535] && in_file[1536] == 'x' && !in_file[2048]);
	s = sqe_blocks(NVME_COMPARE, 8, 16, DATA + 0x4000, DATA + 0x5000);
	assert_int_equal(do_one(e, s), 0);
	at(DATA + 0x5000)[4095] = 'y';
	assert_int_equal(do_one(e, s), LM_NVME_COMPARE_FAILURE);
	/* by copies */
	assert_int_equal(do_one(e, sqe_blocks(NVME_READ, 8, 8, SLOW, 0)), 0);
	assert_memory_equal(at(SLOW), in_file, 4096);
}

static void a_file_that_ends_early(void **state)
{
	struct engine *e = *state;

	begin(e);
	assert_int_equal(truncate(t.path, 4096), 0);
	assert_int_equal(do_one(e, sqe_blocks(NVME_READ, 64, 8, DATA, 0)), LM_NVME_READ_ERROR);
	assert_int_equal(do_one(e, sqe_blocks(NVME_READ, 0, 8, DATA, 0)), 0);
}

/* Many that are begun together, and end together. */
static void a_full_queue(void **state)
{
	struct engine *e = *state;
	unsigned int i, nr = 0;
	uint64_t fired = 0;
	int fd;

	begin(e);
	fd = arm_vector(e, LM_DEV_MSIX_IRQ_IDX, 0);
	for (i = 0; i < 200; i++) {
		memset(at(DATA + 0x1000 * i), (int)i, 4096);
		enqueue(&io, sqe_blocks(NVME_WRITE, 8 * i, 8, DATA + 0x1000 * i, 0));
	}
	ring_tail(e, &io);
	while (nr < 200) {
		UNTIL(is_complete());
		assert_true(complete(&io, &last));
		assert_int_equal(last.status, 0);
		nr++;
	}
	ring_head(e, &io);
	engine_poll(e);
	fired = signals(fd);
	assert_true(fired >= 1 && fired <= 200);
	for (i = 0; i < 200; i += 50) {
		assert_int_equal(do_one(e, sqe_blocks(NVME_READ, 8 * i, 8, DATA, 0)), 0);
		assert_int_equal(at(DATA)[4095], i);
	}
	close(fd);
}

/* ---- meanwhile ------------------------------------------------------------------- */

/* The controller is ready to be enabled again when nothing writes to memory any more. */
static void a_reset_waits_for_the_file(void **state)
{
	struct engine *e = *state;

	begin_slow(e);
	write_hangs(e);
	reg_put(e, NVME_CC, 0);
	engine_poll(e);
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY);
	t.fuse->held = 0;
	UNTIL(!reg_get(e, NVME_CSTS));
	assert_false(complete(&io, &last));
	enable(e);
	io = create_queue(e, 1, 16);
	assert_int_equal(do_one(e, sqe_blocks(NVME_WRITE, 0, 8, DATA, 0)), 0);
}

/* One that the kernel has not heard of ends at once; one that it has, does not. */
static void an_abort(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe(NVME_ABORT, 0);
	unsigned int i, nr = 0;
	uint16_t cid = 0;

	begin_slow(e);
	write_hangs(e);
	for (i = 0; i < 200; i++)
		cid = enqueue(&io, sqe_blocks(NVME_WRITE, 8, 8, DATA, 0));
	ring_tail(e, &io);
	engine_poll(e);
	s.dw[10] = (uint32_t)cid << 16 | 1;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(last.result, 0);
	assert_true(complete(&io, &last));
	assert_int_equal(last.cid, cid);
	assert_int_equal(last.status & 0x7ff, LM_NVME_ABORT_REQUESTED);
	s.dw[10] = (uint32_t)(cid - 200) << 16 | 1;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(last.result, 1);
	t.fuse->held = 0;
	for (; nr < 200; nr++) {
		UNTIL(is_complete());
		assert_true(complete(&io, &last));
		assert_int_equal(last.status, 0);
	}
}

static void a_client_that_leaves(void **state)
{
	struct engine *e = *state;

	begin_slow(e);
	write_hangs(e);
	engine_close(e);
	while (lm_ctx_poll(e->ctx) >= 0)
		;
	t.fuse->held = 0; /* and the end of the device waits for it: engine_teardown() */
}

/* The answer is held back, as the kernel reads from there. */
static void memory_that_is_unmapped(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap req = { .argsz = sizeof(req), .addr = RAM,
						 .size = RAM_SIZE };
	struct pollfd p;
	struct wire m;
	uint16_t id;

	begin_slow(e);
	write_hangs(e);
	id = engine_command(e, VFIO_USER_DMA_UNMAP, &req, sizeof(req));
	engine_poll(e);
	p = (struct pollfd){ .fd = e->fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	t.fuse->held = 0;
	UNTIL(poll(&p, 1, 0) == 1);
	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &m);
}

#define ANY(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BOTH(f) ANY(f), { #f "(threads)", f, setup_threads, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(commands_of_each_kind),
		BOTH(a_file_that_ends_early),
		BOTH(a_full_queue),
		BOTH(a_reset_waits_for_the_file),
		BOTH(an_abort),
		BOTH(a_client_that_leaves),
		BOTH(memory_that_is_unmapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
