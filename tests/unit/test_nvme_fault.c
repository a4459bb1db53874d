/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_fault.c - lm_nvme_inject(): commands that fail, come late, go wrong or get lost; events
 * as well; and what resets, Abort and restarts do to them.
 */
#include "nvme_driver.h"

enum { BLOCK = 512 };

#define HOUR_NS LM_NVME_FAULT_MAX_NS

/* What is to happen to commands of this opcode. */
static struct {
	lm_nvme_fault_t fault;
	uint16_t sqid;
	uint8_t opcode, dw;
	uint32_t value;
	unsigned int nr_asked;
} plan;

static void inject(void *pvt, lm_nvme_cmd_t *cmd, lm_nvme_fault_t *fault)
{
	assert_ptr_equal(pvt, &plan);
	assert_ptr_equal(cmd->nvme, disk.nvme);
	assert_int_equal(cmd->nr_iov | cmd->length, 0);
	plan.nr_asked++;
	if (cmd->sqid != plan.sqid || cmd->opcode != plan.opcode)
		return;
	*fault = plan.fault;
	if (plan.dw)
		cmd->dw[plan.dw] = plan.value;
}

static void plan_is(uint16_t sqid, uint8_t opcode, lm_nvme_fault_t fault)
{
	memset(&plan, 0, sizeof(plan));
	plan.sqid = sqid;
	plan.opcode = opcode;
	plan.fault = fault;
	lm_nvme_inject(disk.nvme, inject, &plan);
}

/* Until the timers of the device have brought it. */
static struct completion wait_for(struct engine *e, struct queue *q)
{
	struct pollfd pfd = { .fd = lm_ctx_fd(e->ctx), .events = POLLIN };
	struct completion c;

	while (!complete(q, &c)) {
		assert_int_equal(poll(&pfd, 1, 60000), 1);
		engine_poll(e);
	}
	return c;
}

static void a_status_instead(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	plan_is(1, NVME_WRITE, (lm_nvme_fault_t){ LM_NVME_FAULT_FAIL, LM_NVME_WRITE_FAULT });
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)),
			 LM_NVME_WRITE_FAULT);
	assert_int_equal(disk.nr_writes, 0);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, DISK_SIZE / BLOCK, 1, DATA, 0)),
			 LM_NVME_LBA_OUT_OF_RANGE); /* its own error comes first */
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
	assert_int_equal(plan.nr_asked, 3);
	lm_nvme_inject(disk.nvme, NULL, NULL);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)), 0);
	assert_int_equal(plan.nr_asked, 3);
}

/* It is done, nothing says so, and its slot and queue can be used again. */
static void a_completion_that_never_comes(void **state)
{
	struct engine *e = *state;
	struct completion c;
	struct sqe delete = sqe(NVME_DELETE_SQ, 0);
	unsigned int i;

	nvme_ready(e);
	plan_is(1, NVME_WRITE, (lm_nvme_fault_t){ LM_NVME_FAULT_DROP });
	memset(at(DATA), 'w', BLOCK);
	for (i = 0; i < 2 * 1024; i++) { /* as many slots as there are, twice */
		submit(e, &io, sqe_blocks(NVME_WRITE, 3, 1, DATA, 0));
		assert_false(complete(&io, &c));
	}
	assert_int_equal(disk.blocks[3 * BLOCK], 'w');
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 3, 1, DATA, 0)), 0);
	delete.dw[10] = 1;
	assert_int_equal(command(e, &admin, delete), 0);
}

static void held_before_it_is_served(void **state)
{
	struct engine *e = *state;
	struct completion c;
	uint16_t cid;

	nvme_ready(e);
	plan_is(1, NVME_WRITE, (lm_nvme_fault_t){ .delay_ns = 1 });
	cid = submit(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0));
	assert_int_equal(wait_for(e, &io).cid, cid);
	assert_int_equal(disk.nr_writes, 1);
	ring_head(e, &io);
	plan.fault.delay_ns = HOUR_NS;
	submit(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0));
	assert_false(complete(&io, &c));
	assert_int_equal(disk.nr_writes, 1);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
}

static void held_before_its_completion(void **state)
{
	struct engine *e = *state;
	struct completion c;
	uint16_t cid;

	nvme_ready(e);
	disk.blocks[0] = 'r';
	plan_is(1, NVME_READ, (lm_nvme_fault_t){ .end_delay_ns = HOUR_NS });
	submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	assert_false(complete(&io, &c));
	assert_int_equal(*at(DATA), 'r');
	plan.fault.end_delay_ns = 1; /* the one that has a shorter way overtakes */
	cid = submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	assert_int_equal(wait_for(e, &io).cid, cid);
	assert_false(complete(&io, &c));
}

static void the_sooner_one_first(void **state)
{
	struct engine *e = *state;
	uint16_t cid[3];
	unsigned int i;

	nvme_ready(e);
	plan_is(1, NVME_READ, (lm_nvme_fault_t){ 0 });
	for (i = 0; i < 3; i++) {
		plan.fault.delay_ns = i == 1 ? 1 : 20000000;
		cid[i] = enqueue(&io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
		ring_tail(e, &io);
	}
	assert_int_equal(wait_for(e, &io).cid, cid[1]);
	assert_int_equal(wait_for(e, &io).cid, cid[0]);
	assert_int_equal(wait_for(e, &io).cid, cid[2]);
}

/* Inverted on the way, to and from memory of either kind; a guest's own data stay as they are. */
static void data_are_corrupted(void **state)
{
	static const uint64_t places[] = { DATA, SLOW };
	struct engine *e = *state;
	unsigned int i;

	nvme_ready(e);
	for (i = 0; i < LM_NR(places); i++) {
		uint8_t *data = at(places[i]);

		plan_is(1, NVME_WRITE, (lm_nvme_fault_t){ .corrupt_offset = 510,
							  .corrupt_length = 4 });
		memset(data, 0x11, 1024);
		assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 2, places[i], 0)), 0);
		assert_memory_equal(disk.blocks + 508, "\x11\x11\xee\xee\xee\xee\x11\x11", 8);
		assert_int_equal(data[511], 0x11);
		plan.opcode = NVME_READ;
		assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 2, places[i], 0)), 0);
		assert_memory_equal(data + 508, "\x11\x11\x11\x11\x11\x11\x11\x11", 8);
		plan.fault.corrupt_offset = 1023; /* what there is of it */
		assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 2, places[i], 0)), 0);
		assert_memory_equal(data + 1022, "\x11\xee", 2);
	}
}

/* In pieces: two pages that are not neighbours. */
static void corruption_across_pieces(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	plan_is(1, NVME_READ, (lm_nvme_fault_t){ .corrupt_offset = 4095, .corrupt_length = 2 });
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 16, DATA, DATA + 0x4000)), 0);
	assert_int_equal(at(DATA)[4094], 0);
	assert_int_equal(at(DATA)[4095], 0xff);
	assert_int_equal(at(DATA)[0x4000], 0xff);
	assert_int_equal(at(DATA)[0x4001], 0);
}

static void an_edited_command(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	memset(at(DATA), 'e', BLOCK);
	plan_is(1, NVME_WRITE, (lm_nvme_fault_t){ 0 });
	plan.dw = 10;
	plan.value = 9;
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)), 0);
	assert_int_equal(disk.blocks[0], 0);
	assert_int_equal(disk.blocks[9 * BLOCK], 'e');
	plan.dw = 1;
	plan.value = 77; /* checked like a guest's */
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)),
			 LM_NVME_INVALID_FIELD);
}

static struct sqe sqe_events(void)
{
	struct sqe s = sqe(NVME_SET_FEATURES, 0);

	s.dw[10] = NVME_FEAT_EVENTS;
	s.dw[11] = 1 << 8;
	return s;
}

static void events_as_well(void **state)
{
	static const lm_nvme_fault_t lost = { LM_NVME_FAULT_DROP };
	static const lm_nvme_fault_t late = { .end_delay_ns = 1 };
	static const lm_nvme_fault_t wrong = { LM_NVME_FAULT_RESULT, .result = 0x123 };
	struct engine *e = *state;
	struct sqe log = sqe_data(NVME_GET_LOG_PAGE, ~0u, DATA, 0);
	struct completion c;

	log.dw[10] = 1023u << 16 | NVME_LOG_CHANGED_NS;
	nvme_ready(e);
	assert_int_equal(command(e, &admin, sqe_events()), 0);
	plan_is(0, NVME_AER, lost);
	submit(e, &admin, sqe(NVME_AER, 0));
	assert_int_equal(lm_nvme_ns_resize(disk.nvme, 1, 1 << 20), 0);
	assert_int_equal(command(e, &admin, log), 0);
	plan.fault = late;
	submit(e, &admin, sqe(NVME_AER, 0));
	assert_int_equal(lm_nvme_ns_resize(disk.nvme, 1, 2 << 20), 0);
	assert_false(complete(&admin, &c));
	assert_int_equal(wait_for(e, &admin).result, 0x040002);
	assert_int_equal(command(e, &admin, log), 0);
	plan.fault = wrong;
	submit(e, &admin, sqe(NVME_AER, 0));
	assert_int_equal(lm_nvme_ns_resize(disk.nvme, 1, 1 << 20), 0);
	assert_true(complete(&admin, &c));
	assert_int_equal(c.result, 0x123);
}

static void aborting_what_is_held(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe(NVME_ABORT, 0);
	struct completion c;

	nvme_ready(e);
	plan_is(1, NVME_READ, (lm_nvme_fault_t){ .delay_ns = HOUR_NS });
	s.dw[10] = (uint32_t)submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)) << 16 | 1;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(last.result, 0);
	assert_true(complete(&io, &c));
	assert_int_equal(c.status & 0x7ff, LM_NVME_ABORT_REQUESTED);
	ring_head(e, &io);
	plan.fault = (lm_nvme_fault_t){ .end_delay_ns = HOUR_NS };
	s.dw[10] = (uint32_t)submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)) << 16 | 1;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(last.result, 1); /* it is done */
	assert_false(complete(&io, &c));
}

/* Nothing is waited for, and what was held is gone. */
static void a_reset_ends_delays(void **state)
{
	struct engine *e = *state;
	struct completion c;

	nvme_ready(e);
	plan_is(1, NVME_READ, (lm_nvme_fault_t){ .delay_ns = HOUR_NS });
	submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	plan.fault = (lm_nvme_fault_t){ .end_delay_ns = HOUR_NS };
	submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	reg_put(e, NVME_CC, 0);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	enable(e);
	io = create_queue(e, 1, 16);
	assert_false(complete(&io, &c));
	lm_nvme_inject(disk.nvme, NULL, NULL);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
}

/* What was held is freed with the controller. */
static void destroyed_while_it_holds(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	plan_is(1, NVME_READ, (lm_nvme_fault_t){ .delay_ns = HOUR_NS });
	submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_TEST(a_status_instead),
		NVME_TEST(a_completion_that_never_comes),
		NVME_TEST(held_before_it_is_served),
		NVME_TEST(held_before_its_completion),
		NVME_TEST(the_sooner_one_first),
		NVME_TEST(data_are_corrupted),
		NVME_TEST(corruption_across_pieces),
		NVME_TEST(an_edited_command),
		NVME_TEST(events_as_well),
		NVME_TEST(aborting_what_is_held),
		NVME_TEST(a_reset_ends_delays),
		NVME_TEST(destroyed_while_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
