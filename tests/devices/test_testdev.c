/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_testdev.c - the test device: each thing that clients are tested with is there, and does what
 * muser-devices(7) says.
 */
#include "fixture.h"
#include "../unit/engine.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

enum { CONTROL, PORTS, MAPPED, BUFFER = 5, EXTRA_MAPPED = LM_DEV_NUM_REGS, EXTRA_RAW };
enum { ID = 0, MASKED = 0x0c, LONG = 0x10, CLEAR = 0x18, SECRET = 0x1c };
enum { RAISE = 0x40, LEVEL = 0x44, ASSERT = 0x48, DEASSERT = 0x4c, IRQ_RESULT = 0x50 };
enum { DMA_ADDR = 0x80, DMA_LEN = 0x88, DMA_AT = 0x8c, DMA_VECTOR = 0x90, DMA_CMD = 0x94 };
enum { DMA_RESULT = 0x98, DMA_ENDED = 0x9c };
enum { TIMER_US = 0xc0, TIMER_PERIOD_US = 0xc4, TIMER_ENDED = 0xcc };
enum { EVENT = 0x140, KICKS = 0x180, MAPS = 0x184, UNMAPS = 0x188 };
enum { ECHO_ = 0, TICKET = 4, KICK = 8 };
enum { WHAT = 0x10, SKIP = 0x14, COUNT = 0x18, DELAY_MS = 0x1c, ERRNO = 0x20, HITS = 0x24 };
enum { F_ACCESS = 1, F_RESET = 2, F_UNMAP = 4, F_DMA = 8, F_IRQ = 16, F_OBJECT = 32 };
enum { COPY = 1, MAP, ASYNC, VALUE, HOLD, RELEASE, TO_MEMORY = 8, WITH_IRQ = 16 };
#define F_DROP 0x80000000u
#define BUSY   0x80000000u

#define RAM      0x100000ull
#define RAM_SIZE 0x20000ull

static struct fixture f, other;
static char *ram;

static lm_client_dma_map_t ram_map(int fd)
{
	return (lm_client_dma_map_t){ .addr = RAM, .size = RAM_SIZE, .fd = fd,
				      .flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE };
}

static int setup(void **state)
{
	lm_client_dma_map_t map;
	const int fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	fixture_start(&f, "testdev", NULL);
	if (fd < 0 || ftruncate(fd, RAM_SIZE) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -1;
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map = ram_map(fd);
	assert_int_equal(lm_client_dma_map(f.client, &map), 0);
	close(fd);
	return ram == MAP_FAILED;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	return munmap(ram, RAM_SIZE);
}

static void put(uint64_t offset, uint64_t value)
{
	fixture_write(&f, CONTROL, offset, value, 4);
}

static uint32_t get(uint64_t offset)
{
	return (uint32_t)fixture_read(&f, CONTROL, offset, 4);
}

/* What goes wrong, from the next one on. */
static void fault(uint32_t what, uint32_t count, uint32_t delay_ms, uint32_t err)
{
	fixture_write(&f, PORTS, WHAT, what, 4);
	fixture_write(&f, PORTS, COUNT, count, 4);
	fixture_write(&f, PORTS, DELAY_MS, delay_ms, 4);
	fixture_write(&f, PORTS, ERRNO, err, 4);
}

static uint32_t hits(void)
{
	return (uint32_t)fixture_read(&f, PORTS, HITS, 4);
}

/* ---- what there is ------------------------------------------------------------------- */

static void test_each_kind_of_capability_is_there(void **state)
{
	static const uint16_t kinds[] = { PCI_CAP_ID_PM, PCI_CAP_ID_EXP, PCI_CAP_ID_MSI,
		PCI_CAP_ID_MSIX, PCI_CAP_ID_VPD, PCI_CAP_ID_VNDR, PCI_CAP_ID_SLOTID };
	static const uint16_t extended[] = { PCI_EXT_CAP_ID_ERR, PCI_EXT_CAP_ID_DSN,
		PCI_EXT_CAP_ID_REBAR, 0x2e /* DOE */, PCI_EXT_CAP_ID_VNDR };
	uint32_t at;
	size_t i;

	for (i = 0; i < LM_NR(kinds); i++) {
		at = lm_cap_find(f.ctx, kinds[i], false, 0);
		assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, at, 1), kinds[i]);
	}
	for (i = 0; i < LM_NR(extended); i++) {
		at = lm_cap_find(f.ctx, extended[i], true, 0);
		assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, at, 2), extended[i]);
	}
}

static void test_each_kind_of_region_can_be_accessed(void **state)
{
	static const struct { uint32_t region, offset; } memory[] = {
		{ MAPPED, 0 }, { MAPPED, 0x1000 }, { MAPPED, 0xffffc }, { BUFFER, 0xfffc },
		{ EXTRA_MAPPED, 0x1ffc }, { EXTRA_RAW, 0xffc }, { PORTS, ECHO_ },
		{ LM_CFG_REG_IDX, 0xf8 }, { LM_CFG_REG_IDX, 0xff0 },
	};
	char rom[8] = "";
	size_t i;

	for (i = 0; i < LM_NR(memory); i++) {
		fixture_write(&f, memory[i].region, memory[i].offset, 0x11223300 + i, 4);
		assert_int_equal(fixture_read(&f, memory[i].region, memory[i].offset, 4),
				 0x11223300 + i);
	}
	assert_int_equal(lm_client_region_read(f.client, LM_ROM_REG_IDX, 0, rom, 5), 0);
	assert_string_equal(rom, "muser");
}

static void test_each_kind_of_register(void **state)
{
	assert_int_equal(get(ID), 0x74657374);
	put(ID, 0);
	assert_int_equal(get(ID), 0x74657374);
	put(MASKED, 0xffffffff);
	assert_int_equal(get(MASKED), 0xabcdffff);
	put(CLEAR, 0xff00);
	assert_int_equal(get(CLEAR), 0xffff00ff);
	put(SECRET, 1);
	assert_int_equal(get(SECRET), 0);
	fixture_write(&f, CONTROL, LONG, 0x1122334455667788, 8);
	assert_int_equal(get(LONG + 4), 0x11223344);
	put(0x400 + 4 * 63, 63);
	put(0x800 + 8, 1);
	put(0x804 + 8, 2);
	assert_int_equal(get(0x400 + 4 * 63), 63);
	assert_int_equal(get(0x800 + 8), 1);
	assert_int_equal(fixture_read(&f, PORTS, TICKET, 4), 0);
	assert_int_equal(fixture_read(&f, PORTS, TICKET, 4), 1);
	fixture_write(&f, PORTS, TICKET, 7, 4);
	assert_int_equal(fixture_read(&f, PORTS, TICKET, 4), 7);
	fixture_reset(&f);
	assert_int_equal(get(CLEAR), 0xffffffff);
	assert_int_equal(fixture_read(&f, PORTS, TICKET, 4), 0);
}

static void test_each_kind_of_property(void **state)
{
	assert_int_equal(fixture_set(&f, "number", "1000000"), 0);
	fixture_assert_heard(&f, "changed=0xf4240");
	assert_int_equal(fixture_set(&f, "bytes", "4K"), 0);
	fixture_assert_prop(&f, "bytes", "4096");
	assert_int_equal(fixture_set(&f, "choice", "third"), 0);
	assert_int_equal(fixture_set(&f, "text", "a b"), 0);
	fixture_assert_prop(&f, "text", "a b");
	assert_int_equal(fixture_set(&f, "wires", "0x5"), 0);
	assert_int_equal(fixture_set(&f, "wires1", "1"), 0);
	fixture_assert_prop(&f, "wires", "0x7");
	fixture_assert_prop(&f, "hits", "0");
	assert_int_equal(fixture_set(&f, "wires", "16"), -EINVAL);
}

static void test_a_kick_is_counted(void **state)
{
	fixture_write(&f, PORTS, KICK, 1, 4);
	while (!get(KICKS))
		;
	assert_int_equal(get(KICKS), 1);
}

static void test_events_reach_who_waits(void **state)
{
	put(EVENT, 0x55);
	fixture_assert_heard(&f, "testdev=0x55");
}

/* ---- interrupts ----------------------------------------------------------------------- */

static int arm(uint32_t index, uint32_t vector)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index, .start = vector, .count = 1, .fds = &fd };

	assert_int_equal(lm_client_set_irqs(f.client, &set), 0);
	return fd;
}

static void test_any_of_2048_vectors_is_raised(void **state)
{
	const int fd = arm(VFIO_PCI_MSIX_IRQ_INDEX, 2047);

	put(RAISE, 2047 | 3 << 16);
	assert_int_equal(get(IRQ_RESULT), LM_IRQ_DELIVERED);
	assert_int_equal(fixture_taken(fd), 1);
	put(RAISE, 2048 | 3 << 16);
	assert_int_equal((int32_t)get(IRQ_RESULT), -EINVAL);
	put(RAISE, 5 | 3 << 16);
	assert_int_equal((int32_t)get(IRQ_RESULT), -ENOTCONN);
	fault(F_IRQ, 1, 0, 0);
	put(RAISE, 2047 | 3 << 16);
	assert_int_equal(fixture_read(&f, CONTROL, IRQ_RESULT, 4), 0);
	assert_int_equal(fixture_taken(fd), 0);
	assert_int_equal(hits(), 1);
	close(fd);
}

static void test_the_line_is_driven_and_causes_are_asserted(void **state)
{
	put(LEVEL, 1);
	assert_true(fixture_line(&f));
	put(LEVEL, 0);
	assert_false(fixture_line(&f));
	put(ASSERT, 3);
	put(ASSERT, 4);
	put(DEASSERT, 3);
	assert_true(fixture_line(&f));
	put(DEASSERT, 4);
	assert_false(fixture_line(&f));
}

static void test_the_timer_expires_once_or_again(void **state)
{
	put(TIMER_US, 1);
	assert_int_equal(fixture_armed_ns(&f), 1000000);
	while (!get(TIMER_ENDED))
		;
	put(TIMER_PERIOD_US, 1000);
	put(TIMER_US, 1000);
	while (get(TIMER_ENDED) < 4)
		;
	put(TIMER_US, 0);
}

/* ---- memory --------------------------------------------------------------------------- */

/* How it ended. */
static int32_t move(uint64_t addr, uint32_t len, uint32_t at, uint32_t cmd)
{
	const uint32_t before = get(DMA_ENDED);

	fixture_write(&f, CONTROL, DMA_ADDR, addr, 8);
	put(DMA_LEN, len);
	put(DMA_AT, at);
	put(DMA_CMD, cmd);
	while (get(DMA_ENDED) == before)
		;
	assert_int_equal(get(DMA_CMD), cmd);
	return (int32_t)get(DMA_RESULT);
}

static void test_each_kind_of_dma_goes_both_ways(void **state)
{
	static const struct { uint32_t kind, len; } kinds[] = {
		{ COPY, 0x1001 }, { MAP, 0x1001 }, { ASYNC, 0x1001 }, { VALUE, 8 }, { VALUE, 2 },
	};
	size_t i;

	for (i = 0; i < LM_NR(kinds); i++) {
		memset(ram, 0x11 + (int)i, 0x2000);
		memset(ram + 0x8000, 0, 0x2000);
		assert_int_equal(move(RAM + 0x10, kinds[i].len, 0x20, kinds[i].kind), 0);
		assert_int_equal(fixture_read(&f, BUFFER, 0x20, 1), 0x11 + i);
		assert_int_equal(move(RAM + 0x8008, kinds[i].len, 0x20,
				      kinds[i].kind | TO_MEMORY), 0);
		assert_memory_equal(ram, ram + 0x8008, kinds[i].len);
		assert_int_equal(ram[0x8008 + kinds[i].len], 0);
		assert_int_equal(move(0x40000000, kinds[i].len, 0, kinds[i].kind), -ENOENT);
	}
	assert_int_equal(move(RAM, 2, 0xffff, COPY), -EINVAL);
	assert_int_equal(move(RAM, 2, 0x10001, COPY), -EINVAL);
	assert_int_equal(move(RAM, 3, 0, VALUE), -EINVAL);
	assert_int_equal(move(RAM, 9, 0, VALUE), -EINVAL);
	assert_int_equal(move(RAM, 8, 0, 0), -EINVAL);
}

static void test_an_unmapping_waits_for_pointers_that_are_held(void **state)
{
	assert_int_equal(move(RAM, 16, 0, HOLD), 0);
	assert_int_equal(get(MAPS), 1);
	assert_int_equal(lm_client_dma_unmap(f.client, RAM, RAM_SIZE), 0);
	assert_int_equal(get(UNMAPS), 1);
	assert_int_equal(move(RAM, 16, 0, HOLD), -ENOENT);
	assert_int_equal(move(RAM, 16, 0, RELEASE), 0);
}

static void test_the_end_of_dma_raises_an_interrupt(void **state)
{
	const int fd = arm(VFIO_PCI_MSIX_IRQ_INDEX, 9);

	put(DMA_VECTOR, 9);
	assert_int_equal(move(RAM, 16, 0, ASYNC | WITH_IRQ), 0);
	assert_int_equal(fixture_taken(fd), 1);
	close(fd);
}

/* ---- faults --------------------------------------------------------------------------- */

static void test_an_access_fails_after_some_and_so_often(void **state)
{
	static const struct { uint32_t region, offset; } some[] = {
		{ PORTS, ECHO_ }, { EXTRA_RAW, 0x10 } };
	size_t i;

	for (i = 0; i < LM_NR(some); i++) {
		fixture_write(&f, some[i].region, some[i].offset, 0x1234, 4);
		fixture_write(&f, PORTS, SKIP, 1, 4);
		fault(F_ACCESS, 2, 0, EIO);
		assert_int_equal(fixture_read(&f, some[i].region, some[i].offset, 4), 0x1234);
		assert_int_equal(fixture_read(&f, some[i].region, some[i].offset, 4), 0xffffffff);
		assert_int_equal(fixture_read(&f, some[i].region, some[i].offset, 4), 0xffffffff);
		assert_int_equal(fixture_read(&f, some[i].region, some[i].offset, 4), 0x1234);
		assert_int_equal(hits(), 2 * (i + 1));
	}
	fixture_assert_prop(&f, "hits", "4");
}

static void test_an_answer_is_late(void **state)
{
	fixture_write(&f, PORTS, ECHO_, 0x1234, 4);
	fixture_write(&f, EXTRA_RAW, 8, 0x5678, 4);
	fault(F_ACCESS, 2, 3, 0);
	assert_int_equal(fixture_read(&f, PORTS, ECHO_, 4), 0x1234);
	assert_int_equal(fixture_armed_ns(&f), 3000000);
	assert_int_equal(fixture_read(&f, EXTRA_RAW, 8, 4), 0x5678);
	fault(F_RESET, 1, 4, 0);
	fixture_reset(&f);
	assert_int_equal(fixture_armed_ns(&f), 4000000);
	fault(F_UNMAP, 1, 5, 0);
	assert_int_equal(lm_client_dma_unmap(f.client, RAM, RAM_SIZE), 0);
	assert_int_equal(fixture_armed_ns(&f), 5000000);
	assert_int_equal(hits(), 4);
}

static void test_dma_fails_comes_late_or_never_ends(void **state)
{
	fault(F_DMA, 1, 0, ENOSPC);
	assert_int_equal(move(RAM, 16, 0, ASYNC), -ENOSPC);
	fault(F_DMA, 1, 6, 0);
	assert_int_equal(move(RAM, 16, 0, COPY), 0);
	assert_int_equal(fixture_armed_ns(&f), 6000000);
	fault(F_DMA | F_DROP, 1, 0, 0);
	put(DMA_CMD, COPY);
	assert_int_equal(get(DMA_CMD), COPY | BUSY);
	put(DMA_CMD, MAP); /* too early */
	assert_int_equal(get(DMA_CMD), COPY | BUSY);
	fixture_reset(&f);
	assert_int_equal(get(DMA_CMD), 0);
	assert_int_equal(move(RAM, 16, 0, COPY), 0);
}

/* The mailbox gives back what it is sent: 6.30.1 of PCI Express Base 6.0. */
static uint32_t object(uint32_t word)
{
	const uint32_t at = lm_cap_find(f.ctx, 0x2e, true, 0);
	const uint32_t sent[] = { 0x00011234, 3, word };
	uint32_t status, back = 0;
	size_t i;

	for (i = 0; i < LM_NR(sent); i++)
		fixture_write(&f, LM_CFG_REG_IDX, at + 0x10, sent[i], 4);
	fixture_write(&f, LM_CFG_REG_IDX, at + 0x08, 1u << 31, 4);
	do
		status = (uint32_t)fixture_read(&f, LM_CFG_REG_IDX, at + 0x0c, 4);
	while (status & 1);
	for (i = 0; status >> 31 && i < LM_NR(sent); i++) {
		back = (uint32_t)fixture_read(&f, LM_CFG_REG_IDX, at + 0x14, 4);
		fixture_write(&f, LM_CFG_REG_IDX, at + 0x14, 0, 4);
	}
	return status & 4 ? 0 : back;
}

static void test_the_mailbox_answers_late_or_not(void **state)
{
	assert_int_equal(object(0x1234), 0x1234);
	fault(F_OBJECT, 1, 2, 0);
	assert_int_equal(object(0x5678), 0x5678);
	fault(F_OBJECT, 1, 0, EIO);
	assert_int_equal(object(0x9abc), 0);
}

/* ---- state ----------------------------------------------------------------------------- */

static void test_the_state_goes_to_another_device(void **state)
{
	fixture_write(&f, PORTS, ECHO_, 0x1234, 4);
	fixture_write(&f, EXTRA_RAW, 8, 0x5678, 4);
	fault(F_DMA, 3, 0, 5);
	assert_int_equal(fixture_set(&f, "wires", "9"), 0);
	fixture_start(&other, "testdev", NULL);
	fixture_copy_state(&f, &other);
	assert_int_equal(fixture_read(&other, PORTS, ECHO_, 4), 0x1234);
	assert_int_equal(fixture_read(&other, EXTRA_RAW, 8, 4), 0x5678);
	assert_int_equal(fixture_read(&other, PORTS, COUNT, 4), 3);
	fixture_assert_prop(&other, "wires", "0x9");
	fixture_stop(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_kind_of_capability_is_there),
		TEST(test_each_kind_of_region_can_be_accessed),
		TEST(test_each_kind_of_register),
		TEST(test_each_kind_of_property),
		TEST(test_a_kick_is_counted),
		TEST(test_events_reach_who_waits),
		TEST(test_any_of_2048_vectors_is_raised),
		TEST(test_the_line_is_driven_and_causes_are_asserted),
		TEST(test_the_timer_expires_once_or_again),
		TEST(test_each_kind_of_dma_goes_both_ways),
		TEST(test_an_unmapping_waits_for_pointers_that_are_held),
		TEST(test_the_end_of_dma_raises_an_interrupt),
		TEST(test_an_access_fails_after_some_and_so_often),
		TEST(test_an_answer_is_late),
		TEST(test_dma_fails_comes_late_or_never_ends),
		TEST(test_the_mailbox_answers_late_or_not),
		TEST(test_the_state_goes_to_another_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
