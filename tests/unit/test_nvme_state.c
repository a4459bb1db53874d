/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_state.c - a controller that another process goes on with, whatever it was doing; states
 * of strangers; and clients that come after each other.
 */
#include "nvme_driver.h"
#include <sys/un.h>

#define STATE_MAX (256u << 10)

static char saved[STATE_MAX];
static size_t saved_len;

static void save(struct engine *e)
{
	saved_len = sizeof(saved);
	assert_int_equal(lm_ctx_save(e->ctx, saved, &saved_len), 0);
}

static void share_again(struct engine *e, int fd)
{
	engine_map(e, RAM, RAM_SIZE, fd);
}

/* As nvme_ready(), in memory that can be mapped again. */
static int ready(struct engine *e)
{
	const int fd = memfd_create("client", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	engine_connect(e);
	assert_int_equal(ftruncate(fd, RAM_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	engine_map(e, RAM, RAM_SIZE, fd);
	enable(e);
	io = create_queue(e, 1, 16);
	return fd;
}

/* The next process: a device of the same description, for the same client, whose memory is there
 * before the state, as on a mediated device. The blocks are a disk's, which stays. */
static void resume(struct engine *e, int fd)
{
	char *blocks = disk.blocks;
	struct disk was = disk;

	engine_destroy(e);
	engine_close(e);
	disk = (struct disk){ .e = e, .blocks = blocks, .info = was.info, .ns = was.ns };
	engine_connect(e);
	share_again(e, fd);
	assert_int_equal(lm_ctx_load(e->ctx, saved, saved_len), 0);
	engine_poll(e);
}

static void queues_and_features_stay(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe(NVME_SET_FEATURES, 0);
	const int fd = ready(e);

	s.dw[10] = NVME_FEAT_ATOMICITY;
	s.dw[11] = 1;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)), 0);
	save(e);
	resume(e, fd);
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
	s.dw[0] = NVME_GET_FEATURES;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(last.result, 1);
	close(fd);
}

static void commands_under_way_are_done_again(void **state)
{
	struct engine *e = *state;
	struct completion c;
	uint16_t cid[2];
	const int fd = ready(e);

	memset(at(DATA), 'n', 512);
	disk.holds = true;
	cid[0] = submit(e, &io, sqe_blocks(NVME_WRITE, 5, 1, DATA, 0));
	cid[1] = submit(e, &io, sqe_blocks(NVME_READ, 5, 1, DATA + 4096, 0));
	submit(e, &admin, sqe(NVME_AER, 0));
	save(e);
	disk_go_on(); /* too late: nobody hears of it */
	memset(disk.blocks, 0, 4096);
	resume(e, fd);
	io.head = 0;
	io.phase = 1;
	assert_true(complete(&io, &c));
	assert_int_equal(c.cid, cid[0]);
	assert_true(complete(&io, &c));
	assert_int_equal(c.cid, cid[1]);
	assert_false(complete(&io, &c));
	assert_int_equal(disk.blocks[5 * 512], 'n');
	assert_int_equal(*at(DATA + 4096), 'n');
	reg_put(e, 0x1010, 1); /* the request for events is still there */
	engine_poll(e);
	assert_true(complete(&admin, &c));
	assert_int_equal(c.result, NVME_LOG_ERROR << 16);
	close(fd);
}

static void hold(void *pvt, lm_nvme_cmd_t *cmd, lm_nvme_fault_t *fault)
{
	if (cmd->opcode == NVME_WRITE)
		fault->delay_ns = LM_NVME_FAULT_MAX_NS;
	else
		fault->end_delay_ns = LM_NVME_FAULT_MAX_NS;
}

/* A delay is the process's: the next one serves what was not served, and says what was done. */
static void faults_go_with_the_process(void **state)
{
	struct engine *e = *state;
	struct completion c;
	uint16_t cid[2];
	const int fd = ready(e);

	memset(at(DATA), 'h', 512);
	lm_nvme_inject(disk.nvme, hold, NULL);
	cid[0] = submit(e, &io, sqe_blocks(NVME_WRITE, 5, 1, DATA, 0));
	cid[1] = submit(e, &io, sqe_blocks(NVME_READ, 6, 1, DATA + 4096, 0));
	assert_int_equal(disk.nr_writes, 0);
	assert_int_equal(disk.nr_reads, 1);
	save(e);
	resume(e, fd);
	assert_true(complete(&io, &c));
	assert_int_equal(c.cid, cid[0]);
	assert_true(complete(&io, &c));
	assert_int_equal(c.cid, cid[1]);
	assert_int_equal(disk.blocks[5 * 512], 'h');
	assert_int_equal(disk.nr_reads, 0);
	close(fd);
}

static void completions_without_room_stay(void **state)
{
	struct engine *e = *state;
	struct queue q = { .id = 2, .entries = 16, .phase = 1, .sq = RAM + 0x30000,
			   .cq = RAM + 0x40000 };
	struct sqe s = sqe_create_cq(&q, 0);
	struct completion c;
	unsigned int i, nr = 0;
	const int fd = ready(e);

	s.dw[10] = 3 << 16 | 2;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(command(e, &admin, sqe_create_sq(&q, 2)), 0);
	for (i = 0; i < 10; i++)
		enqueue(&q, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	ring_tail(e, &q);
	engine_poll(e);
	save(e);
	resume(e, fd);
	q.entries = 4;
	while (complete(&q, &c)) {
		nr++;
		ring_head(e, &q);
		engine_poll(e);
	}
	assert_int_equal(nr, 10);
	close(fd);
}

static void a_reset_that_was_cut_short_ends(void **state)
{
	struct engine *e = *state;
	const int fd = ready(e);

	disk.holds = true;
	submit(e, &io, sqe_blocks(NVME_WRITE, 5, 1, DATA, 0));
	reg_put(e, NVME_CC, 0);
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY);
	save(e);
	disk_go_on();
	resume(e, fd);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	close(fd);
}

/* By a process that has not begun to go on with them. */
static void a_reset_forgets_commands_of_the_process_before(void **state)
{
	struct engine *e = *state;
	char *blocks = disk.blocks;
	struct disk was = disk;
	const int fd = ready(e);

	disk.holds = true;
	submit(e, &io, sqe_blocks(NVME_WRITE, 5, 1, DATA, 0));
	save(e);
	disk_go_on();
	engine_destroy(e);
	engine_close(e);
	disk = (struct disk){ .e = e, .blocks = blocks, .info = was.info, .ns = was.ns };
	engine_start(e);
	assert_int_equal(lm_ctx_load(e->ctx, saved, saved_len), 0);
	assert_int_equal(lm_nvme_on_reset(&disk), 0);
	save(e);
	resume(e, fd);
	assert_int_equal(disk.nr_writes, 0);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	close(fd);
}

static void a_format_stays(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe(NVME_FORMAT, 1);
	const int fd = ready(e);

	s.dw[10] = 1;
	assert_int_equal(command(e, &admin, s), 0);
	save(e);
	resume(e, fd);
	assert_int_equal(identify(e, NVME_CNS_NS, 1), 0);
	assert_int_equal(nvme_get64(at(DATA)), DISK_SIZE / 4096);
	close(fd);
}

/* What the guest wrote there while nobody looked is found; a controller without them has no such
 * state. */
static void shadow_doorbells_stay(void **state)
{
	struct engine *e = *state;
	volatile uint32_t *shadow;
	int fd;

	disk.info.flags = LM_NVME_SHADOW;
	fd = ready(e);
	assert_int_equal(command(e, &admin, sqe_data(NVME_DOORBELL_BUFFER, 0, RAM + 0x80000,
						     RAM + 0x81000)), 0);
	shadow = (volatile uint32_t *)(void *)at(RAM + 0x80000);
	save(e);
	enqueue(&io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	shadow[2] = io.tail;
	resume(e, fd);
	assert_true(complete(&io, &last));
	assert_int_equal(last.cid, io.cid);
	engine_destroy(e);
	engine_close(e);
	disk = (struct disk){ .e = e, .blocks = disk.blocks, .ns = disk.ns };
	engine_connect(e);
	assert_int_equal(lm_ctx_load(e->ctx, saved, saved_len), -EINVAL);
	close(fd);
}

/* Every byte of it, one after the other: it is refused, or the device serves on. */
static void states_of_strangers(void **state)
{
	struct engine *e = *state;
	size_t i, taken = 0, refused = 0;
	const int fd = ready(e);
	static char good[STATE_MAX];

	disk.holds = true;
	submit(e, &io, sqe_blocks(NVME_READ, 5, 1, DATA, 0));
	save(e);
	memcpy(good, saved, saved_len);
	disk_go_on();
	for (i = 0; i < 20000; i += i < 4096 ? 3 : 37) {
		memcpy(saved, good, saved_len);
		saved[i] ^= (char)(0x81 + i);
		if (lm_ctx_load(e->ctx, saved, saved_len)) {
			refused++;
			continue;
		}
		taken++;
		disk.holds = false;
		engine_poll(e);
		reg_put(e, 0x1000, 1);
		engine_poll(e);
	}
	assert_true(taken && refused);
	memcpy(saved, good, saved_len);
	resume(e, fd);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
	close(fd);
}

/* What was begun for one is not seen by the next. */
static void another_client_finds_it_as_after_power_on(void **state)
{
	struct engine *e = *state;
	char path[] = "/tmp/muser-nvme.XXXXXX";
	int fd;

	fd = mkstemp(path);
	close(fd);
	unlink(path);
	e->info.socket_path = path;
	e->ctx = lm_ctx_create(&e->info);
	assert_non_null(e->ctx);
	for (fd = 0; fd < 2; fd++) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };

		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
		e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(e->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		engine_negotiate(e, OFFER_QEMU);
		ram = engine_share(e, RAM, RAM_SIZE);
		assert_int_equal(reg_get(e, NVME_CC), 0);
		enable(e);
		io = create_queue(e, 1, 16);
		disk.holds = true;
		submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
		assert_int_equal(disk.nr_held, 1);
		close(e->fd);
		e->fd = -1;
		engine_poll(e);
		disk_go_on();
		engine_poll(e);
		munmap(ram, RAM_SIZE);
		ram = NULL;
	}
	assert_int_equal(e->nr_resets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_TEST(queues_and_features_stay),
		NVME_TEST(commands_under_way_are_done_again),
		NVME_TEST(faults_go_with_the_process),
		NVME_TEST(completions_without_room_stay),
		NVME_TEST(a_reset_that_was_cut_short_ends),
		NVME_TEST(a_reset_forgets_commands_of_the_process_before),
		NVME_TEST(a_format_stays),
		NVME_TEST(shadow_doorbells_stay),
		NVME_TEST(states_of_strangers),
		NVME_TEST(another_client_finds_it_as_after_power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
