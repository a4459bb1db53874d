/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_queue.c - queues: created and deleted, wrapped, full, in memory of every kind, with
 * doorbells that cannot be; and the interrupts of their completions.
 */
#include "nvme_driver.h"
#include <linux/pci_regs.h>

static struct sqe read_one(void)
{
	return sqe_blocks(NVME_READ, 0, 1, DATA, 0);
}

/* ---- creating and deleting ------------------------------------------------------- */

static void creating_refuses(void **state)
{
	struct engine *e = *state;
	const struct queue q = { .id = 2, .entries = 16, .sq = RAM + 0x40000, .cq = RAM + 0x50000 };
	const struct {
		struct sqe s;
		unsigned int dw;
		uint32_t value;
		uint16_t status;
	} bad[] = {
		{ sqe_create_cq(&q, 0), 10, 15 << 16, LM_NVME_INVALID_QUEUE_ID },
		{ sqe_create_cq(&q, 0), 10, 15 << 16 | 1, LM_NVME_INVALID_QUEUE_ID }, /* exists */
		{ sqe_create_cq(&q, 0), 10, 15 << 16 | 65, LM_NVME_INVALID_QUEUE_ID },
		{ sqe_create_cq(&q, 0), 10, 0 << 16 | 2, LM_NVME_INVALID_QUEUE_SIZE },
		{ sqe_create_cq(&q, 0), 10, 1024 << 16 | 2, LM_NVME_INVALID_QUEUE_SIZE },
		{ sqe_create_cq(&q, 0), 11, 2, LM_NVME_INVALID_FIELD }, /* not in one piece */
		{ sqe_create_cq(&q, 0), 6, RAM + 8, LM_NVME_PRP_INVALID_OFFSET },
		{ sqe_create_cq(&q, 0), 11, 65 << 16 | 3, LM_NVME_INVALID_VECTOR },
		{ sqe_create_cq(&q, 0), 11, 65 << 16 | 1, LM_NVME_INVALID_VECTOR },
		{ sqe_create_sq(&q, 1), 10, 15 << 16 | 1, LM_NVME_INVALID_QUEUE_ID },
		{ sqe_create_sq(&q, 1), 11, 3 << 16 | 1, LM_NVME_INVALID_CQ },
		{ sqe_create_sq(&q, 1), 11, 0 << 16 | 1, LM_NVME_INVALID_QUEUE_ID },
		{ sqe_create_sq(&q, 1), 11, 99 << 16 | 1, LM_NVME_INVALID_QUEUE_ID },
		{ sqe_create_sq(&q, 1), 11, 1 << 16, LM_NVME_INVALID_FIELD },
	};
	size_t i;

	nvme_ready(e);
	for (i = 0; i < LM_NR(bad); i++) {
		struct sqe s = bad[i].s;

		s.dw[bad[i].dw] = bad[i].value;
		assert_int_equal(command(e, &admin, s), bad[i].status);
	}
	assert_int_equal(command(e, &io, read_one()), 0);
}

static struct sqe sqe_delete(uint8_t opcode, uint16_t id)
{
	struct sqe s = sqe(opcode, 0);

	s.dw[10] = id;
	return s;
}

static void deleting(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	assert_int_equal(command(e, &admin, sqe_delete(NVME_DELETE_CQ, 1)),
			 LM_NVME_INVALID_QUEUE_DELETION);
	assert_int_equal(command(e, &admin, sqe_delete(NVME_DELETE_SQ, 0)),
			 LM_NVME_INVALID_QUEUE_ID);
	assert_int_equal(command(e, &admin, sqe_delete(NVME_DELETE_SQ, 2)),
			 LM_NVME_INVALID_QUEUE_ID);
	assert_int_equal(command(e, &admin, sqe_delete(NVME_DELETE_SQ, 1)), 0);
	assert_int_equal(command(e, &admin, sqe_delete(NVME_DELETE_CQ, 1)), 0);
	assert_int_equal(command(e, &admin, sqe_delete(NVME_DELETE_CQ, 1)),
			 LM_NVME_INVALID_QUEUE_ID);
	io = create_queue(e, 1, 8);
	assert_int_equal(command(e, &io, read_one()), 0);
}

static void deleting_waits_for_commands(void **state)
{
	struct engine *e = *state;
	struct completion c;

	nvme_ready(e);
	disk.holds = true;
	submit(e, &io, read_one());
	submit(e, &admin, sqe_delete(NVME_DELETE_SQ, 1));
	assert_false(complete(&admin, &c));
	submit(e, &io, read_one()); /* not taken any more */
	assert_int_equal(disk.nr_held, 1);
	disk_go_on();
	engine_poll(e);
	assert_true(complete(&io, &c));
	assert_int_equal(c.status, 0);
	assert_false(complete(&io, &c));
	assert_true(complete(&admin, &c));
	assert_int_equal(c.status, 0);
}

/* ---- going round ----------------------------------------------------------------- */

static void they_go_round(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	nvme_ready(e);
	io = create_queue(e, 2, 3);
	for (i = 0; i < 20; i++) {
		assert_int_equal(command(e, &io, read_one()), 0);
		assert_int_equal(last.sq_head, io.tail);
	}
}

static void sixty_four_pairs_of_1024(void **state)
{
	struct engine *e = *state;
	struct queue q[64];
	struct sqe s = sqe(NVME_GET_FEATURES, 0);
	unsigned int i;

	nvme_connect(e);
	enable(e);
	s.dw[10] = NVME_FEAT_QUEUES;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(last.result, 63 << 16 | 63);
	for (i = 0; i < 64; i++) /* all in the same places: one at a time is used */
		q[i] = create_queue_at(e, (uint16_t)(i + 1), 1024, RAM + 0x20000);
	for (i = 0; i < 64; i++) {
		memset(at(q[i].cq), 0, 16 * 1024);
		assert_int_equal(command(e, &q[i], read_one()), 0);
	}
}

/* They are written some at a time: the last ones when the turn ends. */
static void completions_come_in_order(void **state)
{
	struct engine *e = *state;
	struct completion c;
	unsigned int nr, i;

	nvme_ready(e);
	io = create_queue(e, 2, 64);
	for (nr = 1; nr < 20; nr++) {
		for (i = 0; i < nr; i++)
			enqueue(&io, read_one());
		ring_tail(e, &io);
		engine_poll(e);
		for (i = nr; i--;) {
			assert_true(complete(&io, &c));
			assert_int_equal(c.cid, io.cid - i);
			assert_int_equal(c.status, 0);
		}
		ring_head(e, &io);
	}
}

/* A queue of completions that holds three. */
static void a_full_queue_holds_commands_back(void **state)
{
	struct engine *e = *state;
	struct completion c;
	struct queue q = { .id = 2, .entries = 16, .phase = 1, .sq = RAM + 0x30000,
			   .cq = RAM + 0x40000 };
	struct sqe s = sqe_create_cq(&q, 0);
	unsigned int i, nr = 0;

	nvme_ready(e);
	s.dw[10] = 3 << 16 | 2;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(command(e, &admin, sqe_create_sq(&q, 2)), 0);
	for (i = 0; i < 10; i++)
		enqueue(&q, read_one());
	ring_tail(e, &q);
	engine_poll(e);
	assert_int_equal(disk.nr_reads, 8); /* those that end together: no ninth is taken */
	q.entries = 4;
	while (complete(&q, &c)) {
		nr++;
		ring_head(e, &q);
		engine_poll(e);
	}
	assert_int_equal(nr, 10);
	assert_int_equal(disk.nr_reads, 10);
}

/* More than are served at a time: the rest stays in the queues, and all of it comes. */
static void all_slots_are_taken(void **state)
{
	struct engine *e = *state;
	struct completion c;
	unsigned int i, k, nr = 0;
	struct queue q[2];

	nvme_ready(e);
	disk.holds = true;
	q[0] = create_queue_at(e, 2, 1024, RAM + 0x40000);
	q[1] = create_queue_at(e, 3, 1024, RAM + 0x80000);
	for (k = 0; k < 2; k++) {
		for (i = 0; i < 700; i++)
			enqueue(&q[k], read_one());
		ring_tail(e, &q[k]);
	}
	engine_poll(e);
	assert_int_equal(disk.nr_held, 1024);
	disk_go_on();
	engine_poll(e);
	for (k = 0; k < 2; k++) {
		while (complete(&q[k], &c))
			nr += !c.status;
	}
	assert_int_equal(nr, 1400);
}

/* ---- memory ---------------------------------------------------------------------- */

static void queues_in_memory_that_is_copied(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	nvme_connect(e);
	enable_at(e, SLOW, 4);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
	io = create_queue_at(e, 1, 4, SLOW + 0x20000);
	for (i = 0; i < 10; i++)
		assert_int_equal(command(e, &io, read_one()), 0);
}

static void queues_nowhere_are_fatal(void **state)
{
	struct engine *e = *state;

	nvme_connect(e);
	enable(e);
	reg_put(e, NVME_CC, 0);
	reg_put64(e, NVME_ASQ, NOWHERE);
	reg_put(e, NVME_CC, CC_ENABLE);
	reg_put(e, 0x1000, 5); /* one fails, the others are left */
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
	reg_put(e, 0x1000, 7);
	reg_put(e, NVME_CC, 0);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	reg_put64(e, NVME_ASQ, RAM);
	reg_put64(e, NVME_ACQ, UINT64_MAX & ~0xfffull);
	admin = (struct queue){ .entries = 32, .phase = 1, .sq = RAM, .cq = RAM };
	reg_put(e, NVME_CC, CC_ENABLE);
	submit(e, &admin, sqe(NVME_AER, 0)); /* waits */
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY);
	submit(e, &admin, sqe(0x7f, 0));
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
	reg_put(e, NVME_CC, 0);
	enable(e);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
}

static void unmap(struct engine *e, uint64_t addr, uint64_t size)
{
	const struct vfio_user_dma_unmap req = { .argsz = sizeof(req), .addr = addr,
						 .size = size };
	struct wire m;

	engine_request(e, VFIO_USER_DMA_UNMAP, &req, sizeof(req), &m);
}

/* It gives its pointers back at once, and takes them again when the memory is there again. */
static void queue_memory_is_taken_away(void **state)
{
	struct engine *e = *state;
	const int fd = memfd_create("again", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	nvme_ready(e);
	assert_int_equal(command(e, &io, read_one()), 0);
	unmap(e, RAM, RAM_SIZE);
	munmap(ram, RAM_SIZE);
	assert_int_equal(ftruncate(fd, RAM_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	engine_map(e, RAM, RAM_SIZE, fd);
	assert_int_equal(command(e, &io, read_one()), 0);
	unmap(e, RAM, RAM_SIZE);
	ring_tail(e, &io);
	enqueue(&io, read_one());
	ring_tail(e, &io);
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
	close(fd);
}

/* Data that are under way hold the unmap back. */
static void data_memory_is_taken_away(void **state)
{
	const struct vfio_user_dma_unmap req = { .argsz = sizeof(req), .addr = RAM,
						 .size = RAM_SIZE };
	struct engine *e = *state;
	uint16_t id;

	nvme_ready(e);
	disk.holds = true;
	submit(e, &io, read_one());
	id = engine_command(e, VFIO_USER_DMA_UNMAP, &req, sizeof(req));
	engine_no_message(e);
	disk_go_on();
	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &(struct wire){ 0 });
}

static void without_bus_mastering_nothing_is_taken(void **state)
{
	const uint16_t off = PCI_COMMAND_MEMORY, on = off | PCI_COMMAND_MASTER;
	struct engine *e = *state;
	struct completion c;

	nvme_ready(e);
	engine_write(e, LM_CFG_REG_IDX, PCI_COMMAND, &off, 2);
	submit(e, &io, read_one());
	assert_false(complete(&io, &c));
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY);
	engine_write(e, LM_CFG_REG_IDX, PCI_COMMAND, &on, 2);
	ring_tail(e, &io);
	assert_true(complete(&io, &c));
	assert_int_equal(c.status, 0);
}

/* ---- doorbells ------------------------------------------------------------------- */

/* The event that a bad doorbell is. */
static uint32_t event_of(struct engine *e, uint32_t doorbell, uint32_t value)
{
	struct sqe s = sqe_data(NVME_GET_LOG_PAGE, 0, DATA, 0);
	struct completion c;

	submit(e, &admin, sqe(NVME_AER, 0));
	reg_put(e, doorbell, value);
	engine_poll(e);
	assert_true(complete(&admin, &c));
	ring_head(e, &admin);
	s.dw[10] = 15 << 16 | NVME_LOG_ERROR; /* read, so that the next one comes */
	assert_int_equal(command(e, &admin, s), 0);
	return c.result;
}

static void bad_doorbells_are_events(void **state)
{
	const uint32_t none = NVME_LOG_ERROR << 16 | NVME_EVENT_BAD_DOORBELL << 8;
	const uint32_t value = NVME_LOG_ERROR << 16 | NVME_EVENT_BAD_DOORBELL_VALUE << 8;
	struct engine *e = *state;

	nvme_ready(e);
	assert_int_equal(event_of(e, 0x1010, 0), none); /* queue 2 */
	assert_int_equal(event_of(e, 0x1014, 0), none);
	assert_int_equal(event_of(e, 0x1200, 1), none); /* queue 64 */
	assert_int_equal(event_of(e, 0x1008, 16), value);
	assert_int_equal(event_of(e, 0x1008, UINT32_MAX), value);
	assert_int_equal(event_of(e, 0x100c, 1), value); /* beyond what there is */
	assert_int_equal(event_of(e, 0x100c, 0x10000), value);
	assert_int_equal(command(e, &io, read_one()), 0);
}

static void more_commands_than_the_queue_holds(void **state)
{
	const uint32_t value = NVME_LOG_ERROR << 16 | NVME_EVENT_BAD_DOORBELL_VALUE << 8;
	struct engine *e = *state;
	struct completion c;

	nvme_ready(e);
	disk.holds = true;
	submit(e, &io, read_one());
	submit(e, &admin, sqe_delete(NVME_DELETE_SQ, 1)); /* from here on none is taken */
	reg_put(e, 0x1008, 15);
	engine_poll(e);
	assert_false(complete(&admin, &c));
	assert_int_equal(event_of(e, 0x1008, 4), value);
	disk_go_on();
	engine_poll(e);
}

static void doorbells_of_a_disabled_controller_do_nothing(void **state)
{
	struct engine *e = *state;
	uint32_t i;

	nvme_connect(e);
	for (i = 0; i < 0x210; i += 4)
		reg_put(e, 0x1000 + i, i);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	enable(e);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
}

/* ---- interrupts ------------------------------------------------------------------ */

static void each_queue_has_its_vector(void **state)
{
	struct engine *e = *state;
	struct queue q = { .id = 1, .entries = 8, .phase = 1, .sq = RAM + 0x20000,
			   .cq = RAM + 0x30000 };
	int vector0, vector5;

	nvme_connect(e);
	vector0 = arm_vector(e, VFIO_PCI_MSIX_IRQ_INDEX, 0);
	vector5 = arm_vector(e, VFIO_PCI_MSIX_IRQ_INDEX, 5);
	enable(e);
	assert_int_equal(command(e, &admin, sqe_create_cq(&q, 5)), 0);
	assert_int_equal(command(e, &admin, sqe_create_sq(&q, 1)), 0);
	assert_int_equal(signals(vector0), 2);
	enqueue(&q, read_one());
	enqueue(&q, read_one());
	submit(e, &q, read_one());
	assert_int_equal(signals(vector5), 1); /* three of one doorbell */
	assert_int_equal(signals(vector0), 0);
	close(vector0);
	close(vector5);
}

/* Drivers that poll enable none, and name one all the same. */
static void vectors_without_interrupts(void **state)
{
	struct engine *e = *state;
	struct queue q = { .id = 1, .entries = 8, .phase = 1, .sq = RAM + 0x20000,
			   .cq = RAM + 0x30000 };
	int message;

	nvme_connect(e);
	enable(e);
	assert_int_equal(command(e, &admin, sqe_create_cq(&q, 64)), 0);
	q.id = 2;
	message = arm_vector(e, VFIO_PCI_MSI_IRQ_INDEX, 0); /* of 32 */
	assert_int_equal(command(e, &admin, sqe_create_cq(&q, 32)), LM_NVME_INVALID_VECTOR);
	assert_int_equal(command(e, &admin, sqe_create_cq(&q, 0)), 0);
	close(message);
}

static void a_message_that_is_masked_comes_later(void **state)
{
	struct engine *e = *state;
	int message;

	nvme_connect(e);
	message = arm_vector(e, VFIO_PCI_MSI_IRQ_INDEX, 0);
	enable(e);
	submit(e, &admin, sqe(0x7f, 0));
	assert_int_equal(signals(message), 1);
	reg_put(e, NVME_INTMS, 1);
	submit(e, &admin, sqe(0x7f, 0));
	assert_int_equal(signals(message), 0);
	reg_put(e, NVME_INTMC, 1);
	assert_int_equal(signals(message), 1);
	close(message);
}

static void a_line_is_up_while_completions_wait(void **state)
{
	struct engine *e = *state;
	struct completion c;
	uint16_t status;
	int line;

	nvme_connect(e);
	line = arm_vector(e, VFIO_PCI_INTX_IRQ_INDEX, 0);
	enable(e);
	submit(e, &admin, sqe(0x7f, 0));
	assert_int_equal(signals(line), 1);
	memcpy(&status, engine_read(e, LM_CFG_REG_IDX, PCI_STATUS, 2), 2);
	assert_true(status & PCI_STATUS_INTERRUPT);
	assert_true(complete(&admin, &c));
	reg_put(e, NVME_INTMS, 1);
	memcpy(&status, engine_read(e, LM_CFG_REG_IDX, PCI_STATUS, 2), 2);
	assert_false(status & PCI_STATUS_INTERRUPT);
	reg_put(e, NVME_INTMC, 1);
	memcpy(&status, engine_read(e, LM_CFG_REG_IDX, PCI_STATUS, 2), 2);
	assert_true(status & PCI_STATUS_INTERRUPT);
	ring_head(e, &admin);
	memcpy(&status, engine_read(e, LM_CFG_REG_IDX, PCI_STATUS, 2), 2);
	assert_false(status & PCI_STATUS_INTERRUPT);
	close(line);
}

/* Two of them make an interrupt, or the time does. */
static void completions_are_coalesced(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe(NVME_SET_FEATURES, 0);
	struct pollfd pfd = { .events = POLLIN };
	int vector;

	nvme_connect(e);
	vector = arm_vector(e, VFIO_PCI_MSIX_IRQ_INDEX, 0);
	enable(e);
	io = create_queue(e, 1, 16);
	s.dw[10] = NVME_FEAT_COALESCING;
	s.dw[11] = 255 << 8 | 1;
	assert_int_equal(command(e, &admin, s), 0);
	signals(vector);
	submit(e, &io, read_one());
	assert_int_equal(signals(vector), 0);
	submit(e, &io, read_one());
	assert_int_equal(signals(vector), 1);
	s.dw[11] = 1 << 8 | 200; /* 0.1 ms */
	assert_int_equal(command(e, &admin, s), 0);
	signals(vector);
	submit(e, &io, read_one());
	pfd.fd = lm_ctx_fd(e->ctx);
	while (!signals(vector)) {
		poll(&pfd, 1, -1);
		engine_poll(e);
	}
	close(vector);
}

/* A backend of several requests says when they begin to end, and when they have. */
static void what_ends_together_is_one_message(void **state)
{
	struct engine *e = *state;
	unsigned int i;
	int fd;

	nvme_ready(e);
	fd = arm_vector(e, LM_DEV_MSIX_IRQ_IDX, 0);
	disk.holds = true;
	for (i = 0; i < 3; i++)
		submit(e, &io, sqe_blocks(NVME_READ, i, 1, DATA, 0));
	signals(fd);
	lm_nvme_batch(disk.nvme, true);
	disk_go_on();
	assert_int_equal(signals(fd), 0);
	lm_nvme_batch(disk.nvme, false);
	assert_int_equal(signals(fd), 1);
	for (i = 0; i < 3; i++)
		assert_true(complete(&io, &last));
	lm_nvme_batch(NULL, true);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_TEST(creating_refuses),
		NVME_TEST(deleting),
		NVME_TEST(deleting_waits_for_commands),
		NVME_TEST(they_go_round),
		NVME_TEST(sixty_four_pairs_of_1024),
		NVME_TEST(completions_come_in_order),
		NVME_TEST(a_full_queue_holds_commands_back),
		NVME_TEST(all_slots_are_taken),
		NVME_TEST(queues_in_memory_that_is_copied),
		NVME_TEST(queues_nowhere_are_fatal),
		NVME_TEST(queue_memory_is_taken_away),
		NVME_TEST(data_memory_is_taken_away),
		NVME_TEST(without_bus_mastering_nothing_is_taken),
		NVME_TEST(bad_doorbells_are_events),
		NVME_TEST(more_commands_than_the_queue_holds),
		NVME_TEST(doorbells_of_a_disabled_controller_do_nothing),
		NVME_TEST(each_queue_has_its_vector),
		NVME_TEST(vectors_without_interrupts),
		NVME_TEST(a_message_that_is_masked_comes_later),
		NVME_TEST(a_line_is_up_while_completions_wait),
		NVME_TEST(completions_are_coalesced),
		NVME_TEST(what_ends_together_is_one_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
