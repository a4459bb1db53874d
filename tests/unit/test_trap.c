/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_trap.c - a device is told of writes to memory that a client has mapped. The module that
 * notices them is fake_node.h.
 */
#include "fake_node.h"

#define PAGE 4096u

static struct { uint32_t region; uint64_t offset, len; } told[8];
static unsigned int nr_told;

static void written(void *pvt, uint32_t region, uint64_t offset, uint64_t len)
{
	assert_in_range(nr_told, 0, LM_NR(told) - 1);
	told[nr_told].region = region;
	told[nr_told].offset = offset;
	told[nr_told++].len = len;
}

static int setup(void **state)
{
	struct engine *e;

	node_setup(state);
	e = *state;
	e->info.pci_info.reg_info[BAR_PLAIN].flags |= LM_REG_FLAG_MMAP;
	e->info.written = written;
	nr_told = 0;
	return 0;
}

static void a_write_is_told_by_its_page(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, 0, 4 * PAGE, true), 0);
	assert_int_equal(node.trap.space, BAR_PLAIN);
	assert_int_equal(node.trap.flags, MUSER_TRAP_ARM);
	assert_int_equal(node.trap.size, 4 * PAGE);
	node_writes_pages(1 << 2);
	engine_poll(e);
	assert_int_equal(nr_told, 1);
	assert_int_equal(told[0].region, BAR_PLAIN);
	assert_int_equal(told[0].offset, 2 * PAGE);
	assert_int_equal(told[0].len, PAGE);
	assert_int_equal(node.trap.flags, MUSER_TRAP_FETCH | MUSER_TRAP_ARM);
}

static void a_run_of_pages_is_told_at_once(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, PAGE, 63 * PAGE, true), 0);
	node_writes_pages(7 << 1 | 1ull << 10 | 1ull << 62);
	engine_poll(e);
	assert_int_equal(nr_told, 3);
	assert_int_equal(told[0].offset, 2 * PAGE); /* bit 0 is the first page asked for */
	assert_int_equal(told[0].len, 3 * PAGE);
	assert_int_equal(told[1].offset, 11 * PAGE);
	assert_int_equal(told[2].offset, 63 * PAGE);
}

static void writes_are_told_again(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true);
	node_writes_pages(1);
	engine_poll(e);
	node_writes_pages(1);
	engine_poll(e);
	assert_int_equal(nr_told, 2);
}

static void what_is_switched_off_is_not_asked_for(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, 4 * PAGE, true);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, PAGE, PAGE, false), 0);
	assert_int_equal(node.trap.flags, MUSER_TRAP_OFF);
	node_writes_pages(1);
	engine_poll(e);
	assert_int_equal(nr_told, 1);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, 4 * PAGE, false);
	assert_false(trap_is_on(e->ctx));
	node.nr_traps = 0;
	node_write32(e, BAR_PLAIN, 0, 5);
	assert_int_equal(nr_told, 1);
	assert_int_equal(node.nr_traps, 0);
}

static struct engine *choosy;

/* The first page says that the others are of no interest. */
static void written_once(void *pvt, uint32_t region, uint64_t offset, uint64_t len)
{
	written(pvt, region, offset, len);
	assert_int_equal(lm_mmap_trap(choosy->ctx, BAR_PLAIN, PAGE, 7 * PAGE, false), 0);
}

static void what_is_switched_off_is_not_told(void **state)
{
	struct engine *e = *state;

	choosy = e;
	e->info.written = written_once;
	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, 8 * PAGE, true);
	node_writes_pages(1 << 0 | 1 << 3 | 1 << 7);
	engine_poll(e);
	assert_int_equal(nr_told, 1);
	assert_int_equal(told[0].offset, 0);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, 8 * PAGE, true);
	node_writes_pages(1 << 7);
	engine_poll(e);
	assert_int_equal(nr_told, 2);
	assert_int_equal(told[1].offset, 7 * PAGE);
	assert_int_equal(told[1].len, PAGE);
}

static struct engine *driven;
static unsigned int rounds;

static void client_writes(void)
{
	if (rounds--)
		node_writes_pages(1);
	else
		lm_ctx_stop(driven->ctx);
}

static void lm_ctx_drive_wakes_up_for_a_write(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true);
	driven = e;
	rounds = 3;
	node.waits = client_writes;
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
	assert_int_equal(nr_told, 3);
}

/* An access in the callback would be one too early. */
static uint32_t seen;

static void looks(void *pvt, uint32_t region, uint64_t offset, uint64_t len)
{
	struct engine *e = pvt;

	seen = *(uint32_t *)lm_mmap(e->ctx, BAR_PLAIN, 16 * PAGE, 4);
	nr_told++;
}

static void what_was_asked_before_is_done_before(void **state)
{
	struct engine *e = *state;
	size_t len;
	char *payload = write_payload(BAR_PLAIN, 16 * PAGE, "\1\2\3\4", 4, &len);

	e->info.written = looks;
	seen = 0;
	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true);
	node_writes_pages(1);
	node_posted(VFIO_USER_REGION_WRITE, payload, len);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(nr_told, 1);
	assert_int_equal(seen, 0x04030201);
	free(payload);
}

static void a_device_that_is_late_is_told_nevertheless(void **state)
{
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);
	struct engine *e = *state;

	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true);
	e->access = access_deferred;
	node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
	engine_poll(e);
	node_writes_pages(1);
	engine_poll(e);
	assert_int_equal(nr_told, 1);
	lm_complete(e->ctx, e->token, 4, "abcd");
	assert_true(node_has_reply());
}

/* ---- in what order --------------------------------------------------------------- */

static unsigned int told_before; /* when the register was read */

static ssize_t looks_what_was_told(struct engine *e, char *buf, size_t count, loff_t offset,
				   bool is_write)
{
	told_before = nr_told;
	memset(buf, 0, count);
	return (ssize_t)count;
}

/* The client writes to a page, and reads a register before the server is awake. */
static void client_writes_and_reads(struct engine *e)
{
	const struct vfio_user_region_access req = region_range(BAR_RAW, 0, 4);

	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true);
	if (!e->access)
		e->access = looks_what_was_told;
	told_before = 99;
	node.written = 1;
	node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), MUSER_F_WRITTEN);
}

static void client_unmaps(void)
{
	const struct vfio_user_dma_unmap req = { .argsz = sizeof(req), .size = PAGE };

	node_posted(VFIO_USER_DMA_UNMAP, &req, sizeof(req));
}

static void a_register_is_read_behind_the_write(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	client_writes_and_reads(e);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(told_before, 1);
	assert_int_equal(nr_told, 1);
}

static void so_it_is_behind_an_unmap(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	client_unmaps();
	client_writes_and_reads(e);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(told_before, 1);
}

static void and_behind_one_that_stands_for_several(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	node.nr_posted += 2;
	client_unmaps();
	client_writes_and_reads(e);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(told_before, 1);
}

static void an_unmap_that_comes_meanwhile_goes_first(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	client_writes_and_reads(e);
	client_unmaps();
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(told_before, 0);
	assert_int_equal(nr_told, 1);
}

static void but_not_if_the_device_is_late(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	e->access = access_deferred;
	client_writes_and_reads(e);
	client_unmaps();
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(nr_told, 1);
	lm_complete(e->ctx, e->token, 4, "abcd");
	assert_true(node_has_reply());
}

static void another_server_counts_anew(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	client_unmaps();
	client_unmaps();
	engine_poll(e);
	engine_destroy(e);
	node_begin(e);
	client_writes_and_reads(e);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(told_before, 1);
}

static void a_device_without_traps_asks_for_nothing(void **state)
{
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, 0, 4);
	struct engine *e = *state;

	node_begin(e);
	node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), MUSER_F_WRITTEN);
	assert_int_equal(engine_poll(e), 0);
	assert_true(node_has_reply());
	assert_int_equal(node.nr_traps, 0);
}

static void requests_are_served_meanwhile(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true);
	node_writes_pages(1);
	node_write32(e, BAR_PLAIN, 0, 5);
	assert_int_equal(node_read32(e, BAR_PLAIN, 0), 5);
	assert_int_equal(nr_told, 1);
}

static void traps_of_the_last_process_are_forgotten(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true);
	engine_destroy(e);
	node_begin(e);
	assert_int_equal(node.trap.flags, MUSER_TRAP_OFF);
	assert_int_equal(node.trap.size, PLAIN_SIZE);
}

static void only_mapped_pages_can_be_trapped(void **state)
{
	struct engine *e = *state;

	node_begin(e);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_RAW, 0, PAGE, true), -EINVAL);
	assert_int_equal(lm_mmap_trap(e->ctx, 99, 0, PAGE, true), -EINVAL);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, 1, PAGE, true), -EINVAL);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE - 1, true), -EINVAL);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, 0, 0, true), -EINVAL);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, PLAIN_SIZE, PAGE, true), -EINVAL);
	assert_int_equal(node.nr_traps, 0);
}

static void without_a_callback_nothing_is_trapped(void **state)
{
	struct engine *e = *state;

	e->info.written = NULL;
	node_begin(e);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true), -EINVAL);
}

static void sockets_notice_nothing(void **state)
{
	struct engine *e = *state;

	e->info.flags = LM_DEV_NO_CONTROL;
	engine_connect(e);
	assert_int_equal(lm_mmap_trap(e->ctx, BAR_PLAIN, 0, PAGE, true), -EOPNOTSUPP);
}

#define TRAP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, node_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(a_write_is_told_by_its_page),
		TRAP_TEST(a_run_of_pages_is_told_at_once),
		TRAP_TEST(writes_are_told_again),
		TRAP_TEST(what_is_switched_off_is_not_asked_for),
		TRAP_TEST(what_is_switched_off_is_not_told),
		TRAP_TEST(lm_ctx_drive_wakes_up_for_a_write),
		TRAP_TEST(what_was_asked_before_is_done_before),
		TRAP_TEST(a_device_that_is_late_is_told_nevertheless),
		TRAP_TEST(a_register_is_read_behind_the_write),
		TRAP_TEST(so_it_is_behind_an_unmap),
		TRAP_TEST(and_behind_one_that_stands_for_several),
		TRAP_TEST(an_unmap_that_comes_meanwhile_goes_first),
		TRAP_TEST(but_not_if_the_device_is_late),
		TRAP_TEST(another_server_counts_anew),
		TRAP_TEST(a_device_without_traps_asks_for_nothing),
		TRAP_TEST(requests_are_served_meanwhile),
		TRAP_TEST(traps_of_the_last_process_are_forgotten),
		TRAP_TEST(only_mapped_pages_can_be_trapped),
		TRAP_TEST(without_a_callback_nothing_is_trapped),
		TRAP_TEST(sockets_notice_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
