/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_shadow.c - doorbells in guest memory, by a guest that rings the real ones only when it
 * has to, and by guests that do otherwise. MUSER_SOAK: so many commands more.
 */
#include <pthread.h>

#include "nvme_driver.h"

#define SHADOW (RAM + 0x80000)
#define EVENTS (RAM + 0x81000)
#define PAIRS  3

static struct queue q[PAIRS + 1];
static unsigned int nr_rings;

static int setup(void **state)
{
	nvme_setup(state);
	disk.info.flags = LM_NVME_SHADOW;
	nr_rings = 0;
	return 0;
}

static struct sqe sqe_config(uint64_t shadow, uint64_t events)
{
	return sqe_data(NVME_DOORBELL_BUFFER, 0, shadow, events);
}

static volatile uint32_t *word(uint64_t page, uint32_t index)
{
	return (volatile uint32_t *)(void *)at(page) + index;
}

static void begin(struct engine *e)
{
	uint16_t i;

	nvme_connect(e);
	enable(e);
	assert_int_equal(command(e, &admin, sqe_config(SHADOW, EVENTS)), 0);
	for (i = 1; i <= PAIRS; i++)
		q[i] = create_queue_at(e, i, i == 1 ? 5 : 16, RAM + 0x10000 + 0x20000ull * (i - 1));
	engine_poll(e);
}

/* Base B.5: the guest has moved past the value that we wait behind. */
static bool is_wanted(uint32_t event, uint32_t new, uint32_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* True: the real one has to be rung. */
static bool shadow_ring(uint32_t index, uint32_t new)
{
	const uint32_t old = *word(SHADOW, index);

	__atomic_store_n(word(SHADOW, index), new, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return is_wanted(*word(EVENTS, index), new, old);
}

static void guest_rings(struct engine *e, uint32_t index, uint32_t new)
{
	if (!shadow_ring(index, new))
		return;
	nr_rings++;
	engine_post_write(e, LM_BAR0_REG_IDX, NVME_DOORBELLS + 4u * index, &new, sizeof(new));
}

static bool is_complete(const struct queue *p)
{
	return (at(p->cq + 16u * p->head)[14] & 1) == p->phase;
}

/* ---- configuring ----------------------------------------------------------------- */

static void only_where_it_is_asked_for(void **state)
{
	struct engine *e = *state;

	disk.info.flags = 0;
	nvme_connect(e);
	enable(e);
	assert_int_equal(command(e, &admin, sqe_config(SHADOW, EVENTS)), LM_NVME_INVALID_OPCODE);
	assert_int_equal(identify(e, 1, 0), 0);
	assert_int_equal(at(DATA)[257] & 1, 0);
}

static void pages_that_cannot_be(void **state)
{
	static const uint64_t bad[][2] = { { 0, EVENTS }, { SHADOW, 0 }, { SHADOW + 4, EVENTS },
					   { SHADOW, EVENTS + 2048 }, { SHADOW, SHADOW } };
	struct engine *e = *state;
	size_t i;

	nvme_connect(e);
	enable(e);
	assert_int_equal(identify(e, 1, 0), 0);
	assert_int_equal(at(DATA)[257] & 1, 1);
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(command(e, &admin, sqe_config(bad[i][0], bad[i][1])),
				 LM_NVME_INVALID_FIELD);
	assert_int_equal(command(e, &admin, sqe_config(NOWHERE, EVENTS)),
			 LM_NVME_DATA_TRANSFER_ERROR);
	assert_int_equal(command(e, &admin, sqe_config(SHADOW, SLOW)),
			 LM_NVME_DATA_TRANSFER_ERROR);
	/* and nothing has changed */
	io = create_queue(e, 1, 16);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
}

/* ---- looking --------------------------------------------------------------------- */

/* At rest it wants to be rung, and sees what it missed; afterwards it looks by itself. */
static void rung_once_it_looks(void **state)
{
	struct engine *e = *state;
	struct queue *p = &q[2];
	uint16_t cid;

	begin(e);
	assert_int_equal(*word(EVENTS, 4), 0);
	cid = enqueue(p, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	guest_rings(e, 4, p->tail);
	assert_int_equal(nr_rings, 1);
	lm_ctx_poll(e->ctx);
	assert_true(complete(p, &last));
	assert_int_equal(last.cid, cid);
	enqueue(p, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	assert_false(shadow_ring(4, p->tail));
	lm_ctx_poll(e->ctx);
	assert_true(complete(p, &last));
	assert_int_equal(last.sq_head, p->tail);
	guest_rings(e, 5, p->head); /* for the first time since it has rested */
	assert_int_equal(nr_rings, 2);
	engine_poll(e);
	assert_int_equal(*word(EVENTS, 4), p->tail);
	assert_int_equal(*word(EVENTS, 5), p->head);
	enqueue(p, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	assert_true(shadow_ring(4, p->tail));
}

/* Between the ring and its arrival the guest has gone on. */
static void a_ring_that_is_late(void **state)
{
	struct engine *e = *state;
	struct queue *p = &q[2];

	begin(e);
	enqueue(p, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	enqueue(p, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	shadow_ring(4, p->tail);
	reg_put(e, NVME_DOORBELLS + 16, 2);
	assert_true(complete(p, &last));
	assert_true(complete(p, &last));
	reg_put(e, NVME_DOORBELLS + 16, 1); /* it came late */
	engine_poll(e);
	assert_false(is_complete(p));
	assert_int_equal(reg_get(e, NVME_DOORBELLS + 16), 2);
}

/* The admin queue has the real ones, whatever stands in the page. */
static void the_admin_queue_is_rung(void **state)
{
	struct engine *e = *state;

	begin(e);
	*word(SHADOW, 0) = 7;
	*word(SHADOW, 1) = 9;
	assert_int_equal(identify(e, 1, 0), 0);
}

static void values_that_cannot_be(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe_data(NVME_GET_LOG_PAGE, 0xffffffff, DATA, 0);
	struct queue *p = &q[2];
	unsigned int i;

	begin(e);
	submit(e, &admin, sqe(NVME_AER, 0));
	for (i = 0; i < 1024; i++)
		*word(SHADOW, i) = 0xffffffff - i;
	reg_put(e, NVME_DOORBELLS + 16, 1);
	engine_poll(e);
	assert_true(complete(&admin, &last));
	assert_int_equal(last.result, NVME_LOG_ERROR << 16 | NVME_EVENT_BAD_DOORBELL_VALUE << 8);
	ring_head(e, &admin);
	s.dw[10] = 15u << 16 | NVME_LOG_ERROR;
	assert_int_equal(command(e, &admin, s), 0);
	/* and what can be still counts */
	enqueue(p, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	*word(SHADOW, 4) = p->tail;
	reg_put(e, NVME_DOORBELLS + 16, 1);
	assert_true(complete(p, &last));
}

static void a_reset_forgets_them(void **state)
{
	struct engine *e = *state;

	begin(e);
	reg_put(e, NVME_CC, 0);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	enable(e);
	io = create_queue(e, 1, 16);
	*word(SHADOW, 2) = 3;
	engine_poll(e);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
	assert_int_equal(*word(SHADOW, 2), 3);
}

/* A queue that is made anew begins at 0, here as well. */
static void a_queue_that_is_made_anew(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe(NVME_DELETE_SQ, 0);

	begin(e);
	enqueue(&q[3], sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	guest_rings(e, 6, q[3].tail);
	engine_poll(e);
	s.dw[10] = 3;
	assert_int_equal(command(e, &admin, s), 0);
	s.dw[0] = NVME_DELETE_CQ;
	assert_int_equal(command(e, &admin, s), 0);
	q[3] = create_queue(e, 3, 8);
	assert_int_equal(*word(SHADOW, 6) | *word(EVENTS, 6), 0);
	enqueue(&q[3], sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	guest_rings(e, 6, q[3].tail);
	engine_poll(e);
	assert_true(complete(&q[3], &last));
}

/* Their memory goes; a guest that has done that hears nothing, and a reset helps. */
static void memory_that_is_unmapped(void **state)
{
	const struct vfio_user_dma_unmap req = { .argsz = sizeof(req), .addr = RAM,
						 .size = RAM_SIZE };
	struct engine *e = *state;
	struct wire m;

	begin(e);
	engine_request(e, VFIO_USER_DMA_UNMAP, &req, sizeof(req), &m);
	reg_put(e, NVME_DOORBELLS + 16, 1);
	engine_poll(e);
	munmap(ram, RAM_SIZE);
	ram = engine_share(e, RAM, RAM_SIZE);
	reg_put(e, NVME_CC, 0);
	enable(e);
	assert_int_equal(identify(e, 1, 0), 0);
}

/* ---- soaks ----------------------------------------------------------------------- */

static uint64_t soak_length(uint64_t nr)
{
	const char *more = getenv("MUSER_SOAK");

	return nr + (more ? strtoull(more, NULL, 10) : 0);
}

static uint32_t rnd(uint32_t below)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static unsigned int in_flight[PAIRS + 1];

/* Some commands, into any queue that has room. */
static unsigned int guest_submits(struct engine *e, unsigned int max)
{
	const uint16_t i = (uint16_t)(1 + rnd(PAIRS));
	unsigned int nr = 0;

	while (nr < max && in_flight[i] < q[i].entries - 1u) {
		enqueue(&q[i], sqe_blocks(NVME_READ, rnd(64), 1, DATA, 0));
		in_flight[i]++;
		nr++;
	}
	if (nr)
		guest_rings(e, 2u * i, q[i].tail);
	return nr;
}

static unsigned int guest_reaps(struct engine *e)
{
	unsigned int nr = 0, before;
	uint16_t i;

	for (i = 1; i <= PAIRS; i++) {
		for (before = nr; complete(&q[i], &last); nr++) {
			assert_int_equal(last.status, 0);
			assert_int_equal(last.sqid, i);
			in_flight[i]--;
		}
		if (nr != before)
			guest_rings(e, 2u * i + 1, q[i].head);
	}
	return nr;
}

/* When the controller is at rest, nothing is left that it was asked for. */
static void nothing_is_missed(void **state)
{
	const uint64_t all = soak_length(20000);
	struct engine *e = *state;
	uint64_t begun = 0, ended = 0;
	unsigned int i;

	begin(e);
	memset(in_flight, 0, sizeof(in_flight));
	while (begun < all) {
		begun += guest_submits(e, 1 + rnd(6));
		for (i = rnd(3); i; i--)
			lm_ctx_poll(e->ctx);
		if (!rnd(4))
			ended += guest_reaps(e);
		if (rnd(50))
			continue;
		do
			engine_poll(e);
		while ((i = guest_reaps(e)) && (ended += i));
		assert_int_equal(begun, ended);
	}
	engine_poll(e);
	ended += guest_reaps(e);
	assert_int_equal(begun, ended);
	assert_true(nr_rings && nr_rings < all);
}

static void *drives(void *arg)
{
	return (void *)(intptr_t)lm_ctx_drive(((struct engine *)arg)->ctx);
}

/* The guest on a processor of its own; that it hears nothing for ten seconds is a failure. */
static void nothing_is_missed_beside_the_guest(void **state)
{
	const uint64_t all = soak_length(20000);
	struct engine *e = *state;
	uint64_t begun = 0, ended = 0;
	struct timespec now, heard;
	unsigned int nr;
	pthread_t device;

	begin(e);
	memset(in_flight, 0, sizeof(in_flight));
	assert_int_equal(pthread_create(&device, NULL, drives, e), 0);
	clock_gettime(CLOCK_MONOTONIC, &heard);
	while (ended < all || ended < begun) {
		if (begun < all)
			begun += guest_submits(e, 1 + rnd(6));
		if (!rnd(512))
			usleep(rnd(1000)); /* long enough for it to rest, sometimes */
		nr = guest_reaps(e);
		ended += nr;
		clock_gettime(CLOCK_MONOTONIC, &now);
		heard = nr ? now : heard;
		if (now.tv_sec - heard.tv_sec > 10)
			break;
	}
	lm_ctx_stop(e->ctx);
	pthread_join(device, NULL);
	assert_int_equal(begun, ended);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, nvme_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_where_it_is_asked_for),
		TEST(pages_that_cannot_be),
		TEST(rung_once_it_looks),
		TEST(a_ring_that_is_late),
		TEST(the_admin_queue_is_rung),
		TEST(values_that_cannot_be),
		TEST(a_reset_forgets_them),
		TEST(a_queue_that_is_made_anew),
		TEST(memory_that_is_unmapped),
		TEST(nothing_is_missed),
		TEST(nothing_is_missed_beside_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
