/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver.c - see driver.h.
 */
#include "driver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CAP = 0, INTMS = 0x0c, CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30 };
enum { DOORBELLS = 0x1000, CREATE_SQ = 1, CREATE_CQ = 5, GET_FEATURES = 0x0a };
enum { PAGE = 4096, ENTRIES = 32, PATIENCE = 10000, SPINS = 1000 };

#define HUGE (2u << 20)

/* Pages of the huge page, by their number; first, those of each controller. */
enum { AT_SQ = 0, AT_CQ = 2, AT_NEXT = 4, AT_LIST = 16, AT_SPACE = 32, AT_DATA = 256 };

struct completion {
	uint32_t result[2];
	uint16_t sq_head, sq_id, cid, status;
};

uint8_t *data;
uint64_t data_at, prp_list_at, queue_space_at;

static uint8_t *memory;
static uint64_t memory_at;
static unsigned int nr_controllers;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t physical(const void *at)
{
	const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)at / PAGE * 8)) != 8)
		fail("pagemap");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

void memory_setup(void)
{
	memory = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		fail("a huge page (/proc/sys/vm/nr_hugepages)");
	memory_at = physical(memory);
	if (!memory_at)
		fail("pagemap");
	data = memory + AT_DATA * PAGE;
	data_at = memory_at + AT_DATA * PAGE;
	prp_list_at = memory_at + AT_LIST * PAGE;
	queue_space_at = memory_at + AT_SPACE * PAGE;
}

/* Whatever a controller takes it for, it leads to data, or to itself. */
static void list_setup(void)
{
	uint64_t *entry = (void *)(memory + AT_LIST * PAGE);
	unsigned int i;

	for (i = 0; i < PAGE / 8 - 1; i++)
		entry[i] = data_at + (i + 1) % (DATA_SIZE / PAGE) * PAGE;
	entry[i] = prp_list_at;
}

/* ---- registers -------------------------------------------------------------------- */

static int sysfs_open(const char *address, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	fd = open(path, O_RDWR | O_CLOEXEC | O_SYNC);
	if (fd < 0)
		fail(path);
	return fd;
}

/* Enabled, and all vectors masked. */
static void msix_enable(int config)
{
	uint8_t byte = 0x34, id = 0;
	uint16_t control;

	do {
		if (pread(config, &byte, 1, byte) != 1 || !byte || pread(config, &id, 1, byte) != 1)
			fail("no MSI-X");
	} while (id != 0x11 && ++byte);
	if (pread(config, &control, 2, byte + 2) != 2)
		fail("config");
	control |= 0xc000;
	if (pwrite(config, &control, 2, byte + 2) != 2)
		fail("config");
}

/* Memory, bus master, no INTx. */
void controller_open(struct controller *c, const char *address)
{
	int fd = sysfs_open(address, "enable");
	uint16_t command = 0x406;

	if (write(fd, "1", 1) != 1)
		fail("enable");
	close(fd);
	fd = sysfs_open(address, "config");
	if (pwrite(fd, &command, sizeof(command), 4) != sizeof(command))
		fail("config");
	msix_enable(fd);
	close(fd);
	fd = sysfs_open(address, "resource0");
	c->bar = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c->bar == MAP_FAILED)
		fail("resource0");
	close(fd);
	c->page = AT_NEXT * nr_controllers++;
}

static void reg_write(struct controller *c, unsigned int offset, uint32_t value)
{
	c->bar[offset / 4] = value;
}

static void reg_write8(struct controller *c, unsigned int offset, uint64_t value)
{
	reg_write(c, offset, (uint32_t)value);
	reg_write(c, offset + 4, (uint32_t)(value >> 32));
}

static void ready_is(struct controller *c, bool wanted)
{
	unsigned int i;

	for (i = 0; i < PATIENCE && (c->bar[CSTS / 4] & 1) != wanted; i++)
		usleep(1000);
	if (i == PATIENCE || c->bar[CSTS / 4] & 2) {
		fprintf(stderr, "CSTS is %x\n", c->bar[CSTS / 4]);
		exit(1);
	}
}

static uint64_t at(const struct controller *c, unsigned int page)
{
	return memory_at + (c->page + page) * PAGE;
}

static void queue_create(struct controller *c)
{
	const struct command cq = { .opcode = CREATE_CQ, .cdw10 = (ENTRIES - 1) << 16 | IO,
				    .cdw11 = 1, .prp1 = at(c, AT_CQ + IO) };
	const struct command sq = { .opcode = CREATE_SQ, .cdw10 = (ENTRIES - 1) << 16 | IO,
				    .cdw11 = IO << 16 | 1, .prp1 = at(c, AT_SQ + IO) };
	uint32_t status = command_run(c, ADMIN, cq);

	status = status ? status : command_run(c, ADMIN, sq);
	if (status) {
		fprintf(stderr, "no I/O queue: status %x\n", status);
		exit(1);
	}
}

void controller_reset(struct controller *c)
{
	unsigned int i;

	reg_write(c, CC, 0);
	ready_is(c, false);
	memset(memory + c->page * PAGE, 0, AT_NEXT * PAGE);
	for (i = 0; i < 2; i++) {
		memset(&c->queue[i], 0, sizeof(c->queue[i]));
		c->queue[i].phase = 1;
	}
	reg_write(c, INTMS, ~0u);
	reg_write(c, AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	reg_write8(c, ASQ, at(c, AT_SQ));
	reg_write8(c, ACQ, at(c, AT_CQ));
	reg_write(c, CC, 4 << 20 | 6 << 16 | 1);
	ready_is(c, true);
	queue_create(c);
}

/* ---- commands --------------------------------------------------------------------- */

static uint16_t submit(struct controller *c, unsigned int queue, struct command command)
{
	uint8_t *sq = memory + (c->page + AT_SQ + queue) * PAGE;

	command.cid = ++c->cid;
	memcpy(sq + c->queue[queue].tail * sizeof(command), &command, sizeof(command));
	c->queue[queue].tail = (uint16_t)((c->queue[queue].tail + 1) % ENTRIES);
	__sync_synchronize();
	reg_write(c, DOORBELLS + 8 * queue, c->queue[queue].tail);
	return command.cid;
}

/* The next completion of a queue; false: none came. */
static bool reap(struct controller *c, unsigned int queue, struct completion *completion)
{
	const volatile struct completion *next =
		(void *)(memory + (c->page + AT_CQ + queue) * PAGE);
	unsigned int i;

	next += c->queue[queue].cq_head;
	for (i = 0; i < SPINS + PATIENCE && (next->status & 1) != c->queue[queue].phase; i++) {
		if (i >= SPINS)
			usleep(1000);
	}
	if (i == SPINS + PATIENCE)
		return false;
	__sync_synchronize();
	memcpy(completion, (const void *)next, sizeof(*completion));
	c->queue[queue].cq_head = (uint16_t)((c->queue[queue].cq_head + 1) % ENTRIES);
	c->queue[queue].phase ^= !c->queue[queue].cq_head;
	reg_write(c, DOORBELLS + 8 * queue + 4, c->queue[queue].cq_head);
	return true;
}

static uint32_t status_of(const struct completion *completion)
{
	return completion->status >> 1 & 0x7ff;
}

uint32_t command_run(struct controller *c, unsigned int queue, struct command command)
{
	struct completion completion;
	uint16_t cid;

	list_setup();
	cid = submit(c, queue, command);
	while (reap(c, queue, &completion)) {
		if (completion.cid == cid)
			return status_of(&completion);
	}
	return STATUS_NONE;
}

/* Admin commands of no data are served in the order of their queue. */
uint32_t command_start(struct controller *c, struct command command)
{
	const struct command other = { .opcode = GET_FEATURES, .cdw10 = 1 };
	const uint16_t cid = submit(c, ADMIN, command), last = submit(c, ADMIN, other);
	struct completion completion;
	uint32_t status = STATUS_PENDING;

	do {
		if (!reap(c, ADMIN, &completion))
			return STATUS_NONE;
		if (completion.cid == cid)
			status = status_of(&completion);
	} while (completion.cid != last);
	return status;
}
