/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_edu.c - the educational device: what QEMU's specification of it says, by a driver's eyes.
 */
#include "fixture.h"
#include "../unit/engine.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

enum { ID = 0x00, LIVENESS = 0x04, FACTORIAL = 0x08, STATUS = 0x20, IRQ_STATUS = 0x24 };
enum { IRQ_RAISE = 0x60, IRQ_ACK = 0x64 };
enum { DMA_SRC = 0x80, DMA_DST = 0x88, DMA_COUNT = 0x90, DMA_CMD = 0x98 };
enum { START = 1, TO_MEMORY = 2, IRQ = 4 };

#define RAM      0x100000ull
#define RAM_SIZE 0x10000ull
#define BUFFER   0x40000ull

static struct fixture f;
static char *ram;

static int setup(void **state)
{
	lm_client_dma_map_t map = {
		.addr = RAM, .size = RAM_SIZE, .flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE };

	fixture_start(&f, "edu", NULL);
	map.fd = memfd_create("ram", MFD_CLOEXEC);
	if (map.fd < 0 || ftruncate(map.fd, RAM_SIZE))
		return -1;
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0);
	assert_int_equal(lm_client_dma_map(f.client, &map), 0);
	close(map.fd);
	return ram == MAP_FAILED;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	return munmap(ram, RAM_SIZE);
}

static void put(uint64_t offset, uint64_t value)
{
	fixture_write(&f, 0, offset, value, offset < DMA_SRC ? 4 : 8);
}

static uint64_t get(uint64_t offset)
{
	return fixture_read(&f, 0, offset, offset < DMA_SRC ? 4 : 8);
}

/* The command register clears its first bit at the end. */
static void transfer(uint64_t src, uint64_t dst, uint64_t count, uint64_t cmd)
{
	put(DMA_SRC, src);
	put(DMA_DST, dst);
	put(DMA_COUNT, count);
	put(DMA_CMD, cmd | START);
	while (get(DMA_CMD) & START)
		;
}

/* The first bit of its status says that it is still at it. */
static uint64_t factorial(uint64_t n)
{
	put(FACTORIAL, n);
	while (get(STATUS) & 1)
		;
	return get(FACTORIAL);
}

static void test_it_identifies_itself(void **state)
{
	assert_int_equal(get(ID), 0x010000ed);
	put(ID, 0);
	assert_int_equal(get(ID), 0x010000ed);
}

static void test_liveness_inverts(void **state)
{
	put(LIVENESS, 0x12345678);
	assert_int_equal(get(LIVENESS), 0xedcba987);
}

static void test_factorials(void **state)
{
	static const struct { uint32_t n, result; } some[] = {
		{ 0, 1 }, { 1, 1 }, { 5, 120 }, { 12, 479001600 }, { 13, 1932053504 }, { 34, 0 },
		{ UINT32_MAX, 0 },
	};
	size_t i;

	for (i = 0; i < LM_NR(some); i++) {
		assert_int_equal(factorial(some[i].n), some[i].result);
	}
	assert_int_equal(get(IRQ_STATUS), 0);
	put(STATUS, 0xff);
	assert_int_equal(get(STATUS), 0x80);
	assert_int_equal(factorial(4), 24);
	assert_int_equal(get(IRQ_STATUS), 1);
	assert_true(fixture_line(&f));
}

static void test_causes_are_raised_and_acknowledged(void **state)
{
	fixture_arm_intx(&f);
	put(IRQ_RAISE, 6);
	assert_int_equal(fixture_taken(f.intx), 1);
	put(IRQ_RAISE, 1);
	assert_int_equal(get(IRQ_STATUS), 7);
	put(IRQ_ACK, 3);
	assert_int_equal(get(IRQ_STATUS), 4);
	assert_true(fixture_line(&f));
	put(IRQ_ACK, 4);
	assert_false(fixture_line(&f));
	fixture_unmask_intx(&f);
	assert_int_equal(fixture_taken(f.intx), 0);
}

static void test_dma_goes_both_ways(void **state)
{
	memset(ram, 0, RAM_SIZE);
	strcpy(ram + 0x123, "to the device and back");
	transfer(RAM + 0x123, BUFFER + 8, 100, 0);
	transfer(BUFFER + 8, RAM + 0x8000, 100, TO_MEMORY);
	assert_string_equal(ram + 0x8000, "to the device and back");
	assert_int_equal(get(IRQ_STATUS), 0);
	transfer(BUFFER, RAM, 4096, TO_MEMORY | IRQ);
	assert_int_equal(get(IRQ_STATUS), 0x100);
	assert_string_equal(ram + 8, "to the device and back");
}

static void test_a_transfer_that_leaves_the_buffer_moves_nothing(void **state)
{
	static const struct { uint64_t at, count; } bad[] = {
		{ BUFFER + 4096, 1 }, { BUFFER - 1, 2 }, { BUFFER, 4097 },
		{ BUFFER + 1, UINT64_MAX }, { 0, 16 }, { UINT64_MAX, 16 },
	};
	size_t i;

	memset(ram, 0x5a, RAM_SIZE);
	for (i = 0; i < LM_NR(bad); i++) {
		transfer(bad[i].at, RAM, bad[i].count, TO_MEMORY);
		transfer(RAM, bad[i].at, bad[i].count, 0);
	}
	assert_int_equal(ram[0], 0x5a);
	transfer(BUFFER, 0x123400000, 16, TO_MEMORY | IRQ); /* nobody's memory */
	assert_int_equal(get(IRQ_STATUS), 0x100);
}

/* 28 bits of them. */
static void test_addresses_beyond_the_mask_are_cut(void **state)
{
	strcpy(ram, "cut");
	transfer(0xf0000000 + RAM, BUFFER, 4, 0);
	transfer(BUFFER, RAM + 64, 4, TO_MEMORY);
	assert_string_equal(ram + 64, "cut");
}

/* ---- a client that serves the device's messages late -------------------------------- */

static void write8(struct engine *e, uint64_t offset, uint64_t value)
{
	engine_write(e, 0, offset, &value, 8);
}

/* Eight bytes to the buffer: what the device asks for, to be answered. */
static struct wire wire_begin(struct engine *e)
{
	const uint64_t cmd = START;
	struct wire m, ask = { 0 };
	int i;

	write8(e, DMA_SRC, RAM);
	write8(e, DMA_DST, BUFFER);
	write8(e, DMA_COUNT, 8);
	engine_send_write(e, 0, DMA_CMD, &cmd, 8);
	for (i = 0; i < 2; i++) {
		assert_true(wire_recv(e, e->fd, &m));
		if (m.hdr.cmd == VFIO_USER_DMA_READ)
			ask = m;
	}
	assert_int_equal(ask.hdr.cmd, VFIO_USER_DMA_READ);
	return ask;
}

static void wire_answer(struct engine *e, const struct wire *ask)
{
	const struct vfio_user_dma_region_access range = { .addr = RAM, .count = 8 };
	char msg[64], payload[sizeof(range) + 8] = { 0 };
	size_t len;

	memcpy(payload, &range, sizeof(range));
	len = wire_put(msg, ask->hdr.msg_id, VFIO_USER_DMA_READ, payload, sizeof(payload));
	wire_set_flags(msg, VFIO_USER_F_TYPE_REPLY);
	wire_send(e->fd, msg, len);
	engine_poll(e);
}

static bool is_moving(struct engine *e)
{
	return *engine_read(e, 0, DMA_CMD, 8) & START;
}

static void test_the_end_of_a_transfer_before_a_reset_is_not_that_of_the_next(void **state)
{
	const struct device_type *type = device_find("edu");
	struct wire first, second, m;
	struct engine *e;
	void *dev;

	engine_setup((void **)&e);
	assert_int_equal(fixture_new(type, &dev), 0);
	e->info = *type->info;
	e->info.pvt = dev;
	e->info.flags |= LM_DEV_NO_CONTROL;
	engine_connect(e);
	engine_map(e, RAM, RAM_SIZE, -1);
	first = wire_begin(e);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_false(is_moving(e));
	second = wire_begin(e);
	wire_answer(e, &first);
	assert_true(is_moving(e));
	wire_answer(e, &second);
	assert_false(is_moving(e));
	engine_teardown((void **)&e);
	device_free(type, dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_identifies_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_liveness_inverts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_factorials, setup, teardown),
		cmocka_unit_test_setup_teardown(test_causes_are_raised_and_acknowledged, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_dma_goes_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_transfer_that_leaves_the_buffer_moves_nothing, setup, teardown),
		cmocka_unit_test(
			test_the_end_of_a_transfer_before_a_reset_is_not_that_of_the_next),
		cmocka_unit_test_setup_teardown(test_addresses_beyond_the_mask_are_cut, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
