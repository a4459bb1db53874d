/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_driver.h - an NVMe controller over a backend of the test's, and a small driver for it.
 *
 * On engine.h: a test reads and writes registers, puts commands into queues in its own memory, and
 * takes completions. The backend keeps its blocks in memory; it may hold back what it was asked
 * for, or fail it. Guest memory: RAM can be mapped, SLOW is reached by copies, all else is not
 * there.
 */
#ifndef TEST_NVME_DRIVER_H
#define TEST_NVME_DRIVER_H

#include "engine.h"
#include "nvme/nvme_spec.h"

#include <muser-nvme.h>

#define RAM      0x100000ull
#define RAM_SIZE 0x400000ull
#define SLOW     0x10000000ull
#define SLOW_SIZE 0x400000ull
#define NOWHERE  0x20000000ull

#define DISK_SIZE (4u << 20)
#define DATA      (RAM + 0x100000) /* where tests have their buffers */

enum { MAX_HELD = 2048 };

/* *lm_dev_info_t.pvt */
struct disk {
	lm_nvme_t      *nvme;
	struct engine  *e;
	lm_nvme_info_t  info;
	lm_nvme_ns_info_t ns;
	char           *blocks;
	bool            holds;    /* does nothing until disk_go_on() */
	int             fails;    /* with this */
	lm_nvme_io_t   *held[MAX_HELD];
	unsigned int    nr_held, nr_reads, nr_writes, nr_flushes, nr_zeroes, nr_discards;
	unsigned int    nr_removed;
	uint32_t        last_flags;
};

struct queue {
	uint16_t id, entries, tail, head, cid;
	uint8_t  phase;
	uint64_t sq, cq;
};

struct completion {
	uint32_t result, result_high;
	uint16_t sq_head, sqid, cid, status;
};

struct sqe {
	uint32_t dw[16];
};

static struct disk  disk;
static struct queue admin, io;
static uint8_t     *ram, *slow;
static struct completion last; /* of command() */

/* ---- the backend ----------------------------------------------------------------- */

static void disk_copy(lm_nvme_io_t *op, bool is_write)
{
	char *at = disk.blocks + op->offset;
	uint32_t i;

	assert_true(op->offset <= DISK_SIZE && op->length <= DISK_SIZE - op->offset);
	for (i = 0; i < op->nr_iov && !disk.fails; i++) {
		if (is_write)
			memcpy(at, op->iov[i].iov_base, op->iov[i].iov_len);
		else
			memcpy(op->iov[i].iov_base, at, op->iov[i].iov_len);
		at += op->iov[i].iov_len;
	}
	lm_nvme_io_done(op, disk.fails);
}

static void disk_do(lm_nvme_io_t *op, bool is_write)
{
	disk.last_flags = op->flags;
	if (!disk.holds) {
		disk_copy(op, is_write);
		return;
	}
	assert_true(disk.nr_held < MAX_HELD);
	op->own[0] = is_write;
	disk.held[disk.nr_held++] = op;
}

/* What it holds is done, the oldest first. */
static inline void disk_go_on(void)
{
	lm_nvme_io_t *op;

	disk.holds = false;
	while (disk.nr_held) {
		op = disk.held[0];
		memmove(disk.held, disk.held + 1, --disk.nr_held * sizeof(op));
		disk_copy(op, op->own[0]);
	}
}

static void disk_read(void *pvt, lm_nvme_io_t *op)
{
	disk.nr_reads++;
	disk_do(op, false);
}

static void disk_write(void *pvt, lm_nvme_io_t *op)
{
	disk.nr_writes++;
	disk_do(op, true);
}

static void disk_flush(void *pvt, lm_nvme_io_t *op)
{
	disk.nr_flushes++;
	disk_do(op, false);
}

static void disk_write_zeroes(void *pvt, lm_nvme_io_t *op)
{
	disk.nr_zeroes++;
	disk.last_flags = op->flags;
	memset(disk.blocks + op->offset, 0, op->length);
	lm_nvme_io_done(op, disk.fails);
}

static void disk_discard(void *pvt, lm_nvme_io_t *op)
{
	disk.nr_discards++;
	memset(disk.blocks + op->offset, 0, op->length);
	lm_nvme_io_done(op, disk.fails);
}

static void disk_removed(void *pvt)
{
	disk.nr_removed++;
}

static lm_nvme_block_ops_t disk_ops;

static void disk_stop(void *pvt)
{
	lm_nvme_destroy(disk.nvme);
	disk.nvme = NULL;
}

static int disk_start(void *pvt, lm_ctx_t *ctx)
{
	int ret;

	ret = lm_nvme_create(ctx, &disk.info, &disk.nvme);
	ret = ret ?: lm_nvme_ns_add(disk.nvme, &disk.ns, NULL);
	if (ret)
		disk_stop(pvt);
	return ret;
}

static const lm_dev_info_t disk_device = {
	LM_NVME_DEVICE,
	.start = disk_start,
	.stop = disk_stop,
	.pci_info = { LM_NVME_PCI, .id = { .vid = 0x1234, .did = 0x4e56 } },
};

static void nvme_log_engine(void *pvt, int level, const char *msg)
{
	engine_log(disk.e, level, msg);
}

static void nvme_describe(struct engine *e)
{
	e->info = disk_device;
	e->info.pvt = &disk;
	e->info.log = nvme_log_engine;
	e->info.log_level = LM_LOG_DEBUG;
	e->info.flags = LM_DEV_NO_CONTROL;
	e->info.uuid = "00112233-4455-6677-8899-aabbccddeeff";
	disk = (struct disk){ .e = e, .blocks = calloc(1, DISK_SIZE) };
	disk_ops = (lm_nvme_block_ops_t){
		.size = sizeof(disk_ops), .read = disk_read, .write = disk_write,
		.flush = disk_flush, .write_zeroes = disk_write_zeroes, .discard = disk_discard };
	disk.ns = (lm_nvme_ns_info_t){
		.size = DISK_SIZE, .block = &disk_ops, .pvt = &disk, .removed = disk_removed };
}

/* ---- setting up ------------------------------------------------------------------ */

static int nvme_setup(void **state)
{
	engine_setup(state);
	nvme_describe(*state);
	return 0;
}

static int nvme_teardown(void **state)
{
	int ret;

	ret = engine_teardown(state);
	if (ram)
		munmap(ram, RAM_SIZE);
	if (slow)
		munmap(slow, SLOW_SIZE);
	ram = slow = NULL;
	free(disk.blocks);
	return ret;
}

/* Without the guard, what may shrink is not mapped. */
static inline void *share_slow(struct engine *e, uint64_t addr, size_t size)
{
	const int fd = memfd_create("slow", MFD_CLOEXEC);
	void *memory;

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	engine_map(e, addr, size, fd);
	close(fd);
	return memory;
}

static void nvme_connect(struct engine *e)
{
	engine_connect(e);
	ram = engine_share(e, RAM, RAM_SIZE);
	slow = share_slow(e, SLOW, SLOW_SIZE);
}

/* ---- registers ------------------------------------------------------------------- */

static inline uint32_t reg_get(struct engine *e, uint32_t offset)
{
	return engine_read32(e, LM_BAR0_REG_IDX, offset);
}

static inline uint64_t reg_get64(struct engine *e, uint32_t offset)
{
	uint64_t value;

	memcpy(&value, engine_read(e, LM_BAR0_REG_IDX, offset, 8), 8);
	return value;
}

static inline void reg_put(struct engine *e, uint32_t offset, uint32_t value)
{
	engine_write(e, LM_BAR0_REG_IDX, offset, &value, sizeof(value));
}

static inline void reg_put64(struct engine *e, uint32_t offset, uint64_t value)
{
	engine_write(e, LM_BAR0_REG_IDX, offset, &value, sizeof(value));
}

static inline void ring_tail(struct engine *e, const struct queue *q)
{
	reg_put(e, 0x1000 + 8u * q->id, q->tail);
}

static inline void ring_head(struct engine *e, const struct queue *q)
{
	reg_put(e, 0x1004 + 8u * q->id, q->head);
}

/* ---- memory ---------------------------------------------------------------------- */

static inline uint8_t *at(uint64_t addr)
{
	return addr >= SLOW ? slow + (addr - SLOW) : ram + (addr - RAM);
}

/* ---- commands -------------------------------------------------------------------- */

static inline struct sqe sqe(uint8_t opcode, uint32_t nsid)
{
	return (struct sqe){ { opcode, nsid } };
}

static inline struct sqe sqe_data(uint8_t opcode, uint32_t nsid, uint64_t prp1, uint64_t prp2)
{
	return (struct sqe){ { opcode, nsid, [6] = (uint32_t)prp1, (uint32_t)(prp1 >> 32),
			       (uint32_t)prp2, (uint32_t)(prp2 >> 32) } };
}

/* Blocks of 512 bytes. */
static inline struct sqe sqe_blocks(uint8_t opcode, uint64_t slba, uint32_t nlb, uint64_t prp1,
				    uint64_t prp2)
{
	struct sqe s = sqe_data(opcode, 1, prp1, prp2);

	s.dw[10] = (uint32_t)slba;
	s.dw[11] = (uint32_t)(slba >> 32);
	s.dw[12] = nlb - 1;
	return s;
}

/* Into the queue, without the doorbell: its cid. */
static inline uint16_t enqueue(struct queue *q, struct sqe s)
{
	s.dw[0] |= (uint32_t)++q->cid << 16;
	memcpy(at(q->sq + 64u * q->tail), &s, sizeof(s));
	q->tail = (uint16_t)((q->tail + 1) % q->entries);
	return q->cid;
}

static inline uint16_t submit(struct engine *e, struct queue *q, struct sqe s)
{
	const uint16_t cid = enqueue(q, s);

	ring_tail(e, q);
	engine_poll(e);
	return cid;
}

/* The next completion, if there is one. The head doorbell is the caller's. */
static inline bool complete(struct queue *q, struct completion *c)
{
	memcpy(c, at(q->cq + 16u * q->head), sizeof(*c));
	if ((c->status & 1) != q->phase)
		return false;
	c->status >>= 1;
	q->head = (uint16_t)((q->head + 1) % q->entries);
	q->phase ^= !q->head;
	return true;
}

/* One command, to its end: its status without "more" and "do not retry". */
static inline uint16_t command(struct engine *e, struct queue *q, struct sqe s)
{
	const uint16_t cid = submit(e, q, s);

	memset(&last, 0xff, sizeof(last));
	assert_true(complete(q, &last));
	ring_head(e, q);
	assert_int_equal(last.cid, cid);
	assert_int_equal(last.sqid, q->id);
	return last.status & 0x7ff;
}

#define CC_ENABLE 0x00460001u

/* The admin queue of @entries at @base, and the controller enabled. */
static inline void enable_at(struct engine *e, uint64_t base, uint16_t entries)
{
	admin = (struct queue){ .entries = entries, .phase = 1, .sq = base, .cq = base + 0x4000 };
	memset(at(admin.cq), 0, 16u * entries);
	reg_put(e, NVME_AQA, (entries - 1u) << 16 | (entries - 1u));
	reg_put64(e, NVME_ASQ, admin.sq);
	reg_put64(e, NVME_ACQ, admin.cq);
	reg_put(e, NVME_CC, CC_ENABLE);
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY);
}

static inline void enable(struct engine *e)
{
	enable_at(e, RAM, 32);
}

static inline struct sqe sqe_create_cq(const struct queue *q, uint32_t vector)
{
	struct sqe s = sqe_data(NVME_CREATE_CQ, 0, q->cq, 0);

	s.dw[10] = (q->entries - 1u) << 16 | q->id;
	s.dw[11] = vector << 16 | 3;
	return s;
}

static inline struct sqe sqe_create_sq(const struct queue *q, uint32_t cqid)
{
	struct sqe s = sqe_data(NVME_CREATE_SQ, 0, q->sq, 0);

	s.dw[10] = (q->entries - 1u) << 16 | q->id;
	s.dw[11] = cqid << 16 | 1;
	return s;
}

/* A pair at @base, the submission queue first. */
static inline struct queue create_queue_at(struct engine *e, uint16_t id, uint16_t entries,
					   uint64_t base)
{
	struct queue q = { .id = id, .entries = entries, .phase = 1, .sq = base,
			   .cq = base + 0x10000 };

	memset(at(q.cq), 0, 16u * entries);
	assert_int_equal(command(e, &admin, sqe_create_cq(&q, 0)), 0);
	assert_int_equal(command(e, &admin, sqe_create_sq(&q, id)), 0);
	return q;
}

static inline struct queue create_queue(struct engine *e, uint16_t id, uint16_t entries)
{
	return create_queue_at(e, id, entries, RAM + 0x10000 + 0x20000ull * (id - 1));
}

static inline void nvme_ready(struct engine *e)
{
	nvme_connect(e);
	enable(e);
	io = create_queue(e, 1, 16);
}

static inline uint16_t identify(struct engine *e, uint32_t cns, uint32_t nsid)
{
	struct sqe s = sqe_data(NVME_IDENTIFY, nsid, DATA, 0);

	memset(at(DATA), 0xee, 4096);
	s.dw[10] = cns;
	return command(e, &admin, s);
}

/* ---- interrupts ------------------------------------------------------------------ */

static inline int arm_vector(struct engine *e, uint32_t index, uint32_t vector)
{
	const struct vfio_irq_set req = {
		.argsz = sizeof(req),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index, .start = vector, .count = 1 };
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct wire m;
	uint16_t id;

	id = engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &req, sizeof(req), &fd, 1);
	engine_reply(e, id, VFIO_USER_DEVICE_SET_IRQS, &m);
	return fd;
}

/* How often it was signalled since the last look. */
static inline uint64_t signals(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

#define NVME_TEST(f) cmocka_unit_test_setup_teardown(f, nvme_setup, nvme_teardown)

#endif /* TEST_NVME_DRIVER_H */
