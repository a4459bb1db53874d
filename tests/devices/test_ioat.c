/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ioat.c - the DMA engine by a driver's eyes: chains of descriptors, what they move, how that
 * ends.
 */
#include "fixture.h"
#include "../unit/engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

enum { CHANCNT = 0x00, XFERCAP = 0x01, INTRCTRL = 0x03, ATTNSTATUS = 0x04, CBVER = 0x08 };
enum { DMACAP = 0x10, CHANCTRL = 0x80, CHANCMD = 0x84, DMACOUNT = 0x86, CHANSTS = 0x88 };
enum { CHAINADDR = 0x90, CHANCMP = 0x98, CHANERR = 0xa8, CHANERRMSK = 0xac };
enum { CHANERR_INT = 0x180 };
enum { ACTIVE, DONE, SUSPENDED, HALTED };
enum { SUSPEND = 4, ABORT = 8, RESUME = 16, RESET = 32 };
enum { RUN = 0x1d };
enum { ERR_SOURCE = 1, ERR_DEST = 2, ERR_NEXT = 4, ERR_ALIGN = 8, ERR_READ = 0x100 };
enum { ERR_CONTROL = 0x400, ERR_LENGTH = 0x800, ERR_CMP = 0x1000 };
enum { ERR_P = 0x10000, ERR_Q = 0x20000, ERR_COUNT = 0x40000 };

/* Control words. */
enum { INT = 1, WRITES = 8, NIL = 32, NO_P = 1 << 11, NO_Q = 1 << 12 };
enum { XOR = 0x87, XOR_CHECK = 0x88, PQ = 0x89, PQ_CHECK = 0x8a };
#define OP(op, sources) ((uint32_t)(op) << 24 | ((sources) - 2u) << 5)

/* Memory: the ring and the completion in front, data behind. */
#define RAM      0x100000ull
#define RAM_SIZE 0x800000ull
#define CMP      0x8000
#define DATA     0x10000
#define NOBODYS  0x40000000ull

static struct fixture f, other;
static struct fixture *here = &f; /* where registers are */
static uint8_t *ram;
static unsigned int nr; /* descriptors of the ring */

/* Sealed: the device maps it. */
static uint8_t *map_ram(struct fixture *to)
{
	uint8_t *at;
	lm_client_dma_map_t map = {
		.addr = RAM, .size = RAM_SIZE, .flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE };

	map.fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(map.fd >= 0 && !ftruncate(map.fd, RAM_SIZE));
	assert_int_equal(fcntl(map.fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	at = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(lm_client_dma_map(to->client, &map), 0);
	close(map.fd);
	return at;
}

static int setup(void **state)
{
	fixture_start(&f, "ioat", NULL);
	ram = map_ram(&f);
	here = &f;
	nr = 0;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	return munmap(ram, RAM_SIZE);
}

static void put(uint64_t offset, uint64_t value, size_t width)
{
	fixture_write(here, 0, offset, value, width);
}

static uint64_t get(uint64_t offset, size_t width)
{
	return fixture_read(here, 0, offset, width);
}

static uint64_t word(uint32_t at)
{
	uint64_t value;

	memcpy(&value, ram + at, 8);
	return value;
}

/* One more in the ring, linked to the one that will come behind it: its words. */
static uint64_t *add(uint32_t control, uint32_t size, uint64_t src, uint64_t dst)
{
	uint64_t *words = (uint64_t *)(ram + 64 * nr++);

	memset(words, 0, 64);
	words[0] = (uint64_t)control << 32 | size;
	words[1] = src;
	words[2] = dst;
	words[3] = RAM + 64 * nr;
	return words;
}

static uint64_t status(void)
{
	return get(CHANSTS, 8) & 7;
}

static uint64_t wait_end(void)
{
	uint64_t now;

	while ((now = status()) == ACTIVE)
		;
	return now;
}

/* A new chain, at the start of the ring: how it ended. */
static uint64_t go(unsigned int count)
{
	put(CHANCTRL, RUN, 2);
	put(CHANCMP, RAM + CMP, 8);
	put(CHAINADDR, RAM, 4);
	put(CHAINADDR + 4, 0, 4);
	put(DMACOUNT, count, 2);
	return wait_end();
}

static void fill(uint32_t at, uint32_t size, unsigned int seed)
{
	uint32_t i;

	srandom(seed);
	for (i = 0; i < size; i++)
		ram[at + i] = (uint8_t)random();
}

/* ---- what it is -------------------------------------------------------------------- */

static void test_it_says_what_it_is(void **state)
{
	static const char *const atom[] = { "model=atom", NULL };

	assert_int_equal(get(CHANCNT, 1), 1);
	assert_int_equal(get(XFERCAP, 1), 20);
	assert_int_equal(get(CBVER, 1), 0x32);
	assert_int_equal(get(DMACAP, 4), 0x300);
	assert_int_equal(status(), HALTED);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, 0, 4), 0x20218086);
	fixture_stop(&f);
	fixture_start(&f, "ioat", atom);
	assert_int_equal(get(CBVER, 1), 0x33);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, 0, 4), 0x0c508086);
}

/* ---- copies ------------------------------------------------------------------------ */

static void test_a_copy_and_its_completion(void **state)
{
	fill(DATA, 2000, 1);
	add(WRITES | NIL, 1, 0, 0);
	add(WRITES, 2000, RAM + DATA, RAM + DATA + 5001);
	assert_int_equal(go(2), DONE);
	assert_memory_equal(ram + DATA, ram + DATA + 5001, 2000);
	assert_int_equal(ram[DATA + 7001], 0);
	assert_int_equal(word(CMP), (RAM + 64) | DONE);
	assert_int_equal(get(CHANSTS, 8), (RAM + 64) | DONE);
	assert_int_equal(get(CHANERR, 4), 0);
}

static void test_a_megabyte_is_moved_whole(void **state)
{
	fill(DATA, 1 << 20, 2);
	add(0, 1 << 20, RAM + DATA, RAM + 0x400001);
	assert_int_equal(go(1), DONE);
	assert_memory_equal(ram + DATA, ram + 0x400001, 1 << 20);
}

/* DMACOUNT says how many there are since the chain began, modulo 2^16. */
static void test_a_ring_goes_on_with_more_descriptors(void **state)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		add(WRITES, 8, RAM + DATA + 8 * i, RAM + DATA + 0x100 + 8 * i);
	((uint64_t *)(ram + 64 * 3))[3] = RAM;
	fill(DATA, 32, 3);
	assert_int_equal(go(1), DONE);
	assert_int_equal(word(DATA + 0x108), 0);
	put(DMACOUNT, 3, 2);
	assert_int_equal(wait_end(), DONE);
	assert_int_equal(get(CHANSTS, 8), (RAM + 64 * 2) | DONE);
	assert_int_equal(word(DATA + 0x118), 0);
	put(DMACOUNT, 6, 2); /* round the ring */
	assert_int_equal(wait_end(), DONE);
	assert_int_equal(get(CHANSTS, 8), (RAM + 64) | DONE);
	assert_memory_equal(ram + DATA, ram + DATA + 0x100, 32);
	put(DMACOUNT, 5, 2); /* once more, and 65535 of them */
	put(CHANCMD, RESET, 1);
	assert_int_equal(status(), HALTED);
}

/* ---- RAID -------------------------------------------------------------------------- */

static const uint8_t xor_words[] = { 1, 4, 5, 6, 7, 8, 9, 10 };
static const uint8_t pq_words[] = { 1, 4, 5, 8, 9, 10, 12, 13 };

#define BLOCK 70000u
#define P_AT  0x200000u
#define Q_AT  0x300000u

static uint32_t source_at(unsigned int i)
{
	return DATA + i * 0x14000;
}

/* An operation of so many sources: how many descriptors it takes. */
static unsigned int add_raid(uint32_t op, uint32_t flags, unsigned int sources)
{
	const bool is_pq = op >= PQ;
	const unsigned int single = is_pq ? 3 : 5;
	uint64_t *words = add(OP(op, sources) | flags, BLOCK, 0, RAM + P_AT);
	unsigned int i;

	if (sources > single)
		add(0, 0, 0, 0);
	if (sources > single)
		words[8 + 3] = words[8 + 3] ? RAM + 64 * nr : 0;
	for (i = 0; i < sources; i++)
		words[is_pq ? pq_words[i] : xor_words[i]] = RAM + source_at(i);
	for (i = 0; is_pq && i < sources; i++)
		((uint8_t *)&words[6])[i] = (uint8_t)(3 * i + 0x80);
	if (is_pq)
		words[7] = RAM + Q_AT;
	return sources > single ? 2 : 1;
}

static uint8_t multiply(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (; b; b >>= 1) {
		product ^= b & 1 ? a : 0;
		a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1d : 0));
	}
	return product;
}

static void assert_sums(unsigned int sources, bool has_p, bool has_q)
{
	unsigned int i, k;
	uint8_t p, q;

	for (i = 0; i < BLOCK; i += 61) {
		for (k = p = q = 0; k < sources; k++) {
			p ^= ram[source_at(k) + i];
			q ^= multiply(ram[source_at(k) + i], (uint8_t)(3 * k + 0x80));
		}
		assert_int_equal(ram[P_AT + i], has_p ? p : 0x5a);
		assert_int_equal(ram[Q_AT + i], has_q ? q : 0x5a);
	}
}

static void fill_sources(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		fill(source_at(i), BLOCK, i);
	memset(ram + P_AT, 0x5a, BLOCK);
	memset(ram + Q_AT, 0x5a, BLOCK);
}

static void test_xor_of_two_to_eight_sources(void **state)
{
	unsigned int sources;

	for (sources = 2; sources <= 8; sources++) {
		nr = 0;
		fill_sources();
		assert_int_equal(go(add_raid(XOR, WRITES, sources)), DONE);
		assert_sums(sources, true, false);
		assert_int_equal(word(CMP), RAM | DONE);
	}
}

static void test_p_and_q_of_two_to_eight_sources(void **state)
{
	unsigned int sources;

	for (sources = 2; sources <= 8; sources++) {
		nr = 0;
		fill_sources();
		assert_int_equal(go(add_raid(PQ, 0, sources)), DONE);
		assert_sums(sources, true, true);
	}
	nr = 0;
	fill_sources();
	assert_int_equal(go(add_raid(PQ, NO_P, 4)), DONE);
	assert_sums(4, false, true);
	nr = 0;
	fill_sources();
	assert_int_equal(go(add_raid(PQ, NO_Q, 4)), DONE);
	assert_sums(4, true, false);
}

static void test_a_descriptor_behind_one_of_two_is_found(void **state)
{
	unsigned int count;

	fill_sources();
	count = add_raid(XOR, 0, 6);
	add(WRITES | NIL, 1, 0, 0);
	assert_int_equal(go(count + 1), DONE);
	assert_int_equal(word(CMP), (RAM + 128) | DONE);
}

static void test_checks_pass_and_write_nothing(void **state)
{
	unsigned int count;

	fill_sources();
	assert_int_equal(go(add_raid(PQ, 0, 5)), DONE);
	nr = 0;
	count = add_raid(PQ_CHECK, 0, 5);
	count += add_raid(XOR_CHECK, 0, 5);
	assert_int_equal(go(count), DONE);
	assert_sums(5, true, true);
}

static void test_a_check_that_fails_halts_and_says_which(void **state)
{
	static const struct { uint32_t at, errors; } bad[] = {
		{ P_AT, ERR_P }, { P_AT + BLOCK - 1, ERR_P }, { Q_AT + BLOCK - 1, ERR_Q },
		{ DATA + 66000, ERR_P | ERR_Q },
	};
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		nr = 0;
		fill_sources();
		assert_int_equal(go(add_raid(PQ, WRITES, 4)), DONE);
		ram[bad[i].at] ^= 1;
		nr = 0;
		assert_int_equal(go(add_raid(PQ_CHECK, WRITES, 4)), HALTED);
		assert_int_equal(get(CHANERR, 4), bad[i].errors);
		assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, CHANERR_INT, 4),
				 bad[i].errors);
		assert_int_equal(word(CMP), HALTED); /* none of this chain is complete */
		put(CHANERR, bad[i].errors, 4);
		fixture_write(&f, LM_CFG_REG_IDX, CHANERR_INT, bad[i].errors, 4);
		assert_int_equal(get(CHANERR, 4), 0);
		assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, CHANERR_INT, 4), 0);
	}
}

static void test_a_check_whose_error_is_masked_goes_on(void **state)
{
	unsigned int count;

	fill_sources();
	put(CHANERRMSK, ERR_P | ERR_CONTROL, 4);
	assert_int_equal(get(CHANERRMSK, 4), ERR_P);
	count = add_raid(XOR_CHECK, WRITES, 2);
	add(WRITES | NIL, 1, 0, 0);
	assert_int_equal(go(count + 1), DONE);
	assert_int_equal(get(CHANERR, 4), ERR_P);
}

/* ---- errors ------------------------------------------------------------------------ */

static void test_what_makes_no_sense_halts(void **state)
{
	static const struct {
		uint32_t control, size;
		uint64_t src, dst;
		uint32_t errors;
	} bad[] = {
		{ 0, 0, RAM, RAM, ERR_LENGTH },
		{ 0, (1 << 20) + 1, RAM, RAM, ERR_LENGTH },
		{ NIL, 0, 0, 0, ERR_LENGTH },
		{ 0x01000000, 8, RAM, RAM, ERR_CONTROL },
		{ 0x8b000000, 8, RAM, RAM, ERR_CONTROL },
		{ OP(XOR, 9), 8, RAM, RAM, ERR_CONTROL },
		{ OP(XOR, 8), 8, RAM, RAM, ERR_COUNT },
		{ 0, 8, NOBODYS, RAM, ERR_SOURCE },
		{ 0, 8, RAM + RAM_SIZE - 4, RAM, ERR_SOURCE },
		{ 0, 8, RAM + DATA, NOBODYS, ERR_DEST },
		{ 0, 0x2000, RAM + DATA, UINT64_MAX - 0x1000, ERR_DEST },
	};
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		nr = 0;
		add(bad[i].control, bad[i].size, bad[i].src, bad[i].dst);
		if (bad[i].errors == ERR_CONTROL)
			add(0, 0, 0, 0);
		assert_int_equal(go(nr), HALTED);
		assert_int_equal(get(CHANERR, 4), bad[i].errors);
		put(DMACOUNT, 1, 2); /* it stays, whatever there is */
		assert_int_equal(status(), HALTED);
		put(CHANERR, bad[i].errors, 4);
		nr = 0;
		add(NIL | WRITES, 1, 0, 0);
		assert_int_equal(go(1), DONE);
	}
}

static void test_chains_that_lead_nowhere_halt(void **state)
{
	add(0, 8, RAM + DATA, RAM + DATA)[3] = NOBODYS;
	assert_int_equal(go(2), HALTED);
	assert_int_equal(get(CHANERR, 4), ERR_NEXT);
	assert_int_equal(word(CMP), RAM | HALTED);
	put(CHANERR, ~0u, 4);
	nr = 0;
	add(0, 8, RAM + DATA, RAM + DATA)[3] = RAM + 8;
	assert_int_equal(go(2), HALTED);
	assert_int_equal(get(CHANERR, 4), ERR_ALIGN);
	put(CHANERR, ~0u, 4);
	nr = 0;
	add(NIL | WRITES, 1, 0, 0);
	put(CHANCMP, NOBODYS, 8);
	put(CHAINADDR, RAM, 8);
	put(DMACOUNT, 1, 2);
	assert_int_equal(wait_end(), HALTED);
	assert_int_equal(get(CHANERR, 4), ERR_CMP);
}

/* With errors in CHANERR no chain begins. */
static void test_errors_have_to_be_cleared(void **state)
{
	add(0, 0, 0, 0);
	assert_int_equal(go(1), HALTED);
	nr = 0;
	add(NIL, 1, 0, 0);
	assert_int_equal(go(1), HALTED);
	put(CHANERR, ERR_LENGTH, 4);
	assert_int_equal(go(1), DONE);
}

static void test_without_bus_mastering_nothing_is_read(void **state)
{
	fixture_write(&f, LM_CFG_REG_IDX, PCI_COMMAND, 0, 2);
	add(NIL, 1, 0, 0);
	assert_int_equal(go(1), HALTED);
	assert_int_equal(get(CHANERR, 4), ERR_NEXT);
}

/* ---- commands ---------------------------------------------------------------------- */

/* A descriptor that leads to itself: 64 GiB to copy. Everything else is served meanwhile. */
static void begin_endless(void)
{
	nr = 0;
	add(0, 1 << 20, RAM + DATA, RAM + 0x400000)[3] = RAM;
	put(CHAINADDR, RAM, 8);
	put(DMACOUNT, 0xffff, 2);
	assert_int_equal(status(), ACTIVE);
}

static void test_a_chain_that_does_not_end_is_suspended_and_resumed(void **state)
{
	begin_endless();
	put(CHANCMD, SUSPEND, 1);
	assert_int_equal(wait_end(), SUSPENDED);
	put(DMACOUNT, 0xfffe, 2);
	assert_int_equal(status(), SUSPENDED);
	put(CHANCMD, RESUME, 1);
	assert_int_equal(status(), ACTIVE);
	put(CHANCMD, ABORT, 1);
	assert_int_equal(status(), HALTED);
	nr = 0;
	add(NIL | WRITES, 1, 0, 0);
	assert_int_equal(go(1), DONE);
	put(CHANCMD, SUSPEND, 1);
	assert_int_equal(status(), SUSPENDED);
	put(CHANCMD, RESUME, 1);
	assert_int_equal(wait_end(), DONE);
}

static void test_a_chain_that_does_not_end_is_reset(void **state)
{
	begin_endless();
	put(CHANCMD, RESET, 1);
	assert_int_equal(get(CHANCMD, 1), 0);
	assert_int_equal(status(), HALTED);
	assert_int_equal(get(DMACOUNT, 2), 0);
	begin_endless();
	fixture_reset(&f);
	assert_int_equal(status(), HALTED);
	nr = 0;
	add(NIL | WRITES, 1, 0, 0);
	assert_int_equal(go(1), DONE);
}

/* The driver of Linux: a suspended channel begins anew where it is told to. */
static void test_a_suspended_channel_takes_a_new_chain(void **state)
{
	add(NIL | WRITES, 1, 0, 0);
	assert_int_equal(go(1), DONE);
	put(CHANCMD, SUSPEND, 1);
	assert_int_equal(go(1), DONE);
}

/* ---- interrupts -------------------------------------------------------------------- */

/* The handler reads INTRCTRL, which disables, then ATTNSTATUS, and writes INTRCTRL. */
static void test_intx_follows_attnstatus_and_the_master_enable(void **state)
{
	fixture_arm_intx(&f);
	add(INT | WRITES, 8, RAM + DATA, RAM + DATA + 8);
	assert_int_equal(go(1), DONE);
	assert_int_equal(fixture_taken(f.intx), 0);
	put(INTRCTRL, 1, 1);
	assert_int_equal(get(CHANERR, 4), 0);
	assert_int_equal(fixture_taken(f.intx), 1);
	assert_true(fixture_line(&f));
	assert_int_equal(get(INTRCTRL, 1), 7);
	assert_false(fixture_line(&f));
	assert_int_equal(get(INTRCTRL, 1), 2);
	assert_int_equal(get(ATTNSTATUS, 4), 1);
	assert_int_equal(get(ATTNSTATUS, 4), 0);
	put(INTRCTRL, 1, 1);
	assert_false(fixture_line(&f));
}

/* One that comes before CHANCTRL is written is not lost. */
static void test_an_interrupt_waits_for_the_one_before(void **state)
{
	put(INTRCTRL, 1, 1);
	add(INT, 8, RAM + DATA, RAM + DATA + 8);
	add(INT, 8, RAM + DATA, RAM + DATA + 8);
	assert_int_equal(go(1), DONE);
	assert_int_equal(get(CHANCTRL, 2) & 1, 1);
	assert_int_equal(get(ATTNSTATUS, 4), 1);
	put(DMACOUNT, 2, 2);
	assert_int_equal(wait_end(), DONE);
	assert_int_equal(get(ATTNSTATUS, 4), 0);
	put(CHANCTRL, RUN, 2);
	assert_int_equal(get(ATTNSTATUS, 4), 1);
	put(CHANCTRL, RUN, 2);
	assert_int_equal(get(ATTNSTATUS, 4), 0);
	assert_int_equal(get(CHANCTRL, 2), RUN & ~1);
}

static void test_messages_come_without_the_master_enable(void **state)
{
	const uint8_t cap = (uint8_t)lm_cap_find(f.ctx, PCI_CAP_ID_MSIX, false, 0);
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX, .count = 1, .fds = &f.intx };

	f.intx = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(lm_client_set_irqs(f.client, &set), 0);
	fixture_write(&f, LM_CFG_REG_IDX, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	fixture_write(&f, LM_CFG_REG_IDX, cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, 2);
	put(0x1000 + PCI_MSIX_ENTRY_VECTOR_CTRL, 0, 4);
	put(INTRCTRL, 8, 1);
	add(INT, 8, RAM + DATA, RAM + DATA + 8);
	assert_int_equal(go(1), DONE);
	assert_int_equal(fixture_taken(f.intx), 1);
	assert_int_equal(go(1), DONE); /* ATTNSTATUS is not read */
	assert_int_equal(fixture_taken(f.intx), 1);
}

/* ---- state ------------------------------------------------------------------------- */

static void test_a_chain_goes_on_in_another_device(void **state)
{
	uint8_t *before = ram;

	fill(DATA, 64, 4);
	add(0, 8, RAM + DATA, RAM + DATA + 0x100);
	add(WRITES, 8, RAM + DATA + 8, RAM + DATA + 0x108);
	assert_int_equal(go(1), DONE);
	fixture_start(&other, "ioat", NULL);
	ram = map_ram(&other);
	memcpy(ram, before, RAM_SIZE);
	fixture_copy_state(&f, &other);
	here = &other;
	assert_int_equal(get(CHANSTS, 8), RAM | DONE);
	put(DMACOUNT, 2, 2);
	assert_int_equal(wait_end(), DONE);
	assert_memory_equal(ram + DATA, ram + DATA + 0x100, 16);
	assert_int_equal(word(CMP), (RAM + 64) | DONE);
	fixture_stop(&other);
	munmap(before, RAM_SIZE);
}

/* ---- a client that serves the device's messages late -------------------------------- */

static void write_wire(struct engine *e, uint64_t offset, uint64_t value, size_t width)
{
	engine_write(e, 0, offset, &value, width);
}

/* The device reads a descriptor next: the id of its message. */
static uint16_t wire_asked(struct engine *e, uint64_t addr)
{
	struct vfio_user_dma_region_access range;
	struct wire m;

	do
		assert_true(wire_recv(e, e->fd, &m));
	while (m.hdr.cmd != VFIO_USER_DMA_READ);
	memcpy(&range, m.payload, sizeof(range));
	assert_int_equal(range.addr, addr);
	return m.hdr.msg_id;
}

/* One that does nothing. */
static void wire_answer(struct engine *e, uint16_t id, uint64_t addr)
{
	const struct {
		struct vfio_user_dma_region_access range;
		uint64_t words[8];
	} payload = { { addr, 64 }, { (uint64_t)NIL << 32 | 1 } };
	char msg[128];
	const size_t len = wire_put(msg, id, VFIO_USER_DMA_READ, &payload, sizeof(payload));

	wire_set_flags(msg, VFIO_USER_F_TYPE_REPLY);
	wire_send(e->fd, msg, len);
	engine_poll(e);
}

static void test_a_reset_ends_when_what_was_under_way_has(void **state)
{
	const struct device_type *type = device_find("ioat");
	uint16_t first, second;
	struct engine *e;
	void *dev;

	engine_setup((void **)&e);
	assert_int_equal(fixture_new(type, &dev), 0);
	e->info = *type->info;
	e->info.pvt = dev;
	e->info.flags |= LM_DEV_NO_CONTROL;
	engine_connect(e);
	engine_map(e, RAM, RAM_SIZE, -1);
	write_wire(e, CHAINADDR, RAM, 8);
	write_wire(e, DMACOUNT, 1, 2);
	first = wire_asked(e, RAM);
	write_wire(e, CHANCMD, RESET, 1);
	assert_int_equal(*engine_read(e, 0, CHANCMD, 1), RESET);
	write_wire(e, CHAINADDR, RAM + 64, 8);
	write_wire(e, DMACOUNT, 1, 2);
	wire_answer(e, first, RAM); /* of the chain before */
	second = wire_asked(e, RAM + 64);
	assert_int_equal(*engine_read(e, 0, CHANCMD, 1), 0);
	assert_int_equal(*engine_read(e, 0, CHANSTS, 8) & 7, ACTIVE);
	wire_answer(e, second, RAM + 64);
	assert_int_equal(*engine_read(e, 0, CHANSTS, 8) & 7, DONE);
	engine_teardown((void **)&e);
	device_free(type, dev);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_says_what_it_is),
		TEST(test_a_copy_and_its_completion),
		TEST(test_a_megabyte_is_moved_whole),
		TEST(test_a_ring_goes_on_with_more_descriptors),
		TEST(test_xor_of_two_to_eight_sources),
		TEST(test_p_and_q_of_two_to_eight_sources),
		TEST(test_a_descriptor_behind_one_of_two_is_found),
		TEST(test_checks_pass_and_write_nothing),
		TEST(test_a_check_that_fails_halts_and_says_which),
		TEST(test_a_check_whose_error_is_masked_goes_on),
		TEST(test_what_makes_no_sense_halts),
		TEST(test_chains_that_lead_nowhere_halt),
		TEST(test_errors_have_to_be_cleared),
		TEST(test_without_bus_mastering_nothing_is_read),
		TEST(test_a_chain_that_does_not_end_is_suspended_and_resumed),
		TEST(test_a_chain_that_does_not_end_is_reset),
		TEST(test_a_suspended_channel_takes_a_new_chain),
		TEST(test_intx_follows_attnstatus_and_the_master_enable),
		TEST(test_an_interrupt_waits_for_the_one_before),
		TEST(test_messages_come_without_the_master_enable),
		TEST(test_a_chain_goes_on_in_another_device),
		cmocka_unit_test(test_a_reset_ends_when_what_was_under_way_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
