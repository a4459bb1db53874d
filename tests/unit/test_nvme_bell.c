/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_bell.c - doorbells that a client maps: plain stores, which nobody notifies.
 */
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "nvme_driver.h"

static volatile uint32_t *bells;

static int disk_configure(void *pvt, lm_dev_info_t *info)
{
	return lm_nvme_configure(info, LM_NVME_MAP_DOORBELLS);
}

static int bell_setup(void **state)
{
	struct engine *e;

	nvme_setup(state);
	e = *state;
	e->info.configure = disk_configure;
	bells = NULL;
	return 0;
}

static int bell_teardown(void **state)
{
	if (bells)
		munmap((void *)bells, 4096u);
	return nvme_teardown(state);
}

/* As a client does: the one area, by its descriptor, where region and area say. */
static void map_bells(struct engine *e)
{
	struct {
		struct vfio_region_info info;
		struct vfio_region_info_cap_sparse_mmap cap;
		struct vfio_region_sparse_mmap_area area;
	} r = { .info = { .argsz = sizeof(r), .index = LM_BAR0_REG_IDX } };
	struct wire m;

	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &r, sizeof(r), &m);
	assert_int_equal(m.len, sizeof(r));
	assert_int_equal(m.nr_fds, 1);
	memcpy(&r, m.payload, sizeof(r));
	assert_true(r.info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	assert_int_equal(r.cap.nr_areas, 1);
	assert_int_equal(r.area.offset, NVME_DOORBELLS);
	assert_int_equal(r.area.size, 4096u);
	bells = mmap(NULL, 4096u, PROT_READ | PROT_WRITE, MAP_SHARED, m.fds[0],
		     (off_t)(r.info.offset + r.area.offset));
	assert_true(bells != MAP_FAILED);
	close(m.fds[0]);
}

/* Until something wakes the loop, and it has done that. */
static void turns(struct engine *e)
{
	struct pollfd p = { .fd = lm_ctx_fd(e->ctx), .events = POLLIN };

	assert_int_equal(poll(&p, 1, -1), 1);
	assert_true(engine_poll(e) >= 0);
}

static void store_tail(struct queue *q)
{
	__atomic_store_n(&bells[2 * q->id], q->tail, __ATOMIC_RELEASE);
}

static void store_head(struct queue *q)
{
	__atomic_store_n(&bells[2 * q->id + 1], q->head, __ATOMIC_RELEASE);
}

static uint16_t mapped_command(struct engine *e, struct queue *q, struct sqe s)
{
	const uint16_t cid = enqueue(q, s);
	struct completion c;

	store_tail(q);
	while (!complete(q, &c))
		turns(e);
	store_head(q);
	assert_int_equal(c.cid, cid);
	return c.status & 0x7ff;
}

static struct sqe read_one(void)
{
	return sqe_blocks(NVME_READ, 0, 1, DATA, 0);
}

static void bells_ready(struct engine *e)
{
	nvme_connect(e);
	map_bells(e);
	enable(e);
	io = create_queue(e, 1, 16);
}

/* ---- what they are for ----------------------------------------------------------- */

static void stores_are_found(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	bells_ready(e);
	for (i = 0; i < 40; i++) {
		assert_int_equal(mapped_command(e, &io, read_one()), 0);
		assert_int_equal(mapped_command(e, &admin, sqe(NVME_GET_FEATURES, 0)),
				 LM_NVME_INVALID_FIELD);
	}
	assert_int_equal(disk.nr_reads, 40);
}

static void writes_by_message_are_the_same_doorbells(void **state)
{
	struct engine *e = *state;

	bells_ready(e);
	assert_int_equal(command(e, &io, read_one()), 0);
	assert_int_equal(bells[2], 1);
	assert_int_equal(bells[3], 1);
	assert_int_equal(mapped_command(e, &io, read_one()), 0);
	assert_int_equal(reg_get(e, NVME_DOORBELLS + 8), 2);
}

static void nobody_looks_while_there_is_no_controller(void **state)
{
	struct engine *e = *state;
	struct pollfd p;

	nvme_connect(e);
	map_bells(e);
	p = (struct pollfd){ .fd = lm_ctx_fd(e->ctx), .events = POLLIN };
	assert_int_equal(poll(&p, 1, 20), 0);
	enable(e);
	assert_int_equal(poll(&p, 1, -1), 1);
	reg_put(e, NVME_CC, 0);
	engine_poll(e);
	assert_int_equal(poll(&p, 1, 20), 0);
}

static void they_are_zeroed(void **state)
{
	struct engine *e = *state;

	nvme_connect(e);
	map_bells(e);
	bells[0] = bells[1] = bells[2] = bells[3] = 7;
	enable(e);
	assert_int_equal(bells[0] | bells[1] | bells[2] | bells[3], 0);
	bells[2] = bells[3] = 7; /* of a queue that there is not yet */
	io = create_queue(e, 1, 16);
	assert_int_equal(bells[2] | bells[3], 0);
	assert_int_equal(mapped_command(e, &io, read_one()), 0);
	reg_put(e, NVME_CC, 0);
	assert_int_equal(bells[0] | bells[1] | bells[2] | bells[3], 0);
}

/* ---- hostile stores --------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

/* Anything at any moment, beside commands under way and queues that come and go. */
static void stores_of_anything_do_no_harm(void **state)
{
	struct engine *e = *state;
	uint64_t seed = 1;
	unsigned int i, j;

	bells_ready(e);
	for (i = 0; i < 300; i++) {
		for (j = 0; j < 20; j++)
			bells[next_random(&seed) % 1024] = (uint32_t)next_random(&seed) %
							    (j & 1 ? 40 : UINT32_MAX);
		disk.holds = i & 1 && disk.nr_held < MAX_HELD / 2;
		engine_poll(e);
		lm_nvme_poll(disk.nvme);
		if (i % 50 == 49) {
			disk_go_on();
			reg_put(e, NVME_CC, 0);
			engine_poll(e);
			enable(e);
			io = create_queue(e, 1, 16);
		}
	}
	disk_go_on();
	reg_put(e, NVME_CC, 0);
	engine_poll(e);
	enable(e);
	io = create_queue(e, 1, 16);
	assert_int_equal(mapped_command(e, &io, read_one()), 0);
}

/* It is wrong once, however often it is looked at, and the queue goes on behind it. */
static void a_tail_beyond_the_queue_is_an_error_once(void **state)
{
	struct engine *e = *state;

	bells_ready(e);
	bells[2] = 16;
	assert_int_equal(lm_nvme_poll(disk.nvme), 1);
	assert_int_equal(lm_nvme_poll(disk.nvme), 0);
	assert_int_equal(disk.nr_reads, 0);
	assert_int_equal(mapped_command(e, &io, read_one()), 0);
}

/* ---- other processes -------------------------------------------------------------- */

static void a_saved_state_has_them(void **state)
{
	static char saved[256u << 10];
	struct engine *e = *state;
	size_t len = sizeof(saved);

	bells_ready(e);
	assert_int_equal(mapped_command(e, &io, read_one()), 0);
	while (engine_poll(e) > 0)
		;
	lm_nvme_poll(disk.nvme);
	enqueue(&io, read_one());
	store_tail(&io); /* seen by nobody before the state is taken */
	assert_int_equal(lm_ctx_save(e->ctx, saved, &len), 0);
	assert_int_equal(disk.nr_reads, 1);
	lm_nvme_poll(disk.nvme);
	assert_int_equal(disk.nr_reads, 2);
	assert_int_equal(lm_ctx_load(e->ctx, saved, len), 0);
	lm_nvme_poll(disk.nvme);
	assert_int_equal(disk.nr_reads, 3);
	assert_int_equal(bells[2], 2);
}

/* ---- interrupts -------------------------------------------------------------------- */

static int configure_intx(void *pvt, lm_dev_info_t *info)
{
	return lm_nvme_configure(info, LM_NVME_NO_MSIX | LM_NVME_NO_MSI);
}

static int configure_unknown(void *pvt, lm_dev_info_t *info)
{
	assert_int_equal(lm_nvme_configure(info, 1u << 3), -EINVAL);
	info->cap_list = NULL;
	return lm_nvme_configure(info, LM_NVME_NO_MSIX);
}

static void there_may_be_fewer_kinds_of_interrupts(void **state)
{
	struct engine *e = *state;

	e->info.configure = configure_intx;
	nvme_connect(e);
	assert_int_not_equal(lm_cap_find(e->ctx, PCI_CAP_ID_EXP, false, 0), 0);
	assert_int_equal(lm_cap_find(e->ctx, PCI_CAP_ID_MSIX, false, 0), 0);
	assert_int_equal(lm_cap_find(e->ctx, PCI_CAP_ID_MSI, false, 0), 0);
	enable(e);
	io = create_queue(e, 1, 16);
	assert_int_equal(command(e, &io, read_one()), 0);
}

static void what_cannot_be_configured_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.configure = configure_unknown;
	engine_start_fails(e, EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bell_setup, bell_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stores_are_found),
		TEST(writes_by_message_are_the_same_doorbells),
		TEST(nobody_looks_while_there_is_no_controller),
		TEST(they_are_zeroed),
		TEST(stores_of_anything_do_no_harm),
		TEST(a_tail_beyond_the_queue_is_an_error_once),
		TEST(a_saved_state_has_them),
		TEST(there_may_be_fewer_kinds_of_interrupts),
		TEST(what_cannot_be_configured_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
