/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme.c - the nvme device: its options, and its backends by a driver's eyes. The controller
 * itself is tested by tests/unit/test_nvme*.c.
 */
#include "fixture.h"
#include "../../devices/nvme/fault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAM      0x100000ull
#define RAM_SIZE 0x100000ull
#define DATA     (RAM + 0x10000)

enum { CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30 };
enum { FLUSH = 0, WRITE = 1, READ = 2, WRITE_ZEROES = 8, DSM = 9 };
enum { CREATE_SQ = 1, CREATE_CQ = 5, IDENTIFY = 6 };
enum { ENTRIES = 16 };

static struct fixture f;
static char *ram;
static char path[] = "/tmp/muser-nvme.XXXXXX";

static struct {
	unsigned int tail, head, phase;
} queue[2];

static void start(const char *const *options)
{
	lm_client_dma_map_t map = {
		.addr = RAM, .size = RAM_SIZE, .flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE };

	fixture_start(&f, "nvme", options);
	map.fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(map.fd >= 0 && !ftruncate(map.fd, RAM_SIZE));
	assert_int_equal(fcntl(map.fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0);
	assert_true(ram != MAP_FAILED);
	assert_int_equal(lm_client_dma_map(f.client, &map), 0);
	close(map.fd);
}

static int setup(void **state)
{
	int fd;

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	return fd < 0 || close(fd);
}

static int teardown(void **state)
{
	fixture_stop(&f);
	munmap(ram, RAM_SIZE);
	return unlink(path);
}

/* ---- a driver -------------------------------------------------------------------- */

/* Queues lie one after the other, a page each: submission 0, completion 0, ... */
static uint64_t page(unsigned int nr)
{
	return RAM + 4096ull * nr;
}

/* Its status. */
static unsigned int command(unsigned int q, const uint32_t dw[16])
{
	volatile uint16_t *status;

	memcpy(ram + 8192 * q + 64 * queue[q].tail, dw, 64);
	status = (void *)(ram + 8192 * q + 4096 + 16 * queue[q].head + 14);
	queue[q].tail = (queue[q].tail + 1) % ENTRIES;
	fixture_write(&f, 0, 0x1000 + 8 * q, queue[q].tail, 4);
	while ((*status & 1) != queue[q].phase)
		;
	queue[q].head = (queue[q].head + 1) % ENTRIES;
	queue[q].phase ^= !queue[q].head;
	fixture_write(&f, 0, 0x1004 + 8 * q, queue[q].head, 4);
	return *status >> 1 & 0x7ff;
}

static unsigned int blocks(uint32_t opcode, uint32_t slba, uint32_t dw12)
{
	const uint32_t dw[16] = { opcode, 1, [6] = DATA, [10] = slba, [12] = dw12 };

	return command(1, dw);
}

static void identify(uint32_t cns, uint32_t nsid)
{
	const uint32_t dw[16] = { IDENTIFY, nsid, [6] = DATA, [10] = cns };

	assert_int_equal(command(0, dw), 0);
}

static void driver_begins(void)
{
	const uint32_t cq[16] = { CREATE_CQ, [6] = (uint32_t)page(3), [10] = 15 << 16 | 1, 1 };
	const uint32_t sq[16] = { CREATE_SQ, [6] = (uint32_t)page(2), [10] = 15 << 16 | 1,
				  1 << 16 | 1 };

	queue[0].tail = queue[0].head = queue[1].tail = queue[1].head = 0;
	queue[0].phase = queue[1].phase = 1;
	memset(ram, 0, RAM_SIZE);
	fixture_write(&f, 0, AQA, (ENTRIES - 1) * 0x10001, 4);
	fixture_write(&f, 0, ASQ, page(0), 8);
	fixture_write(&f, 0, ACQ, page(1), 8);
	fixture_write(&f, 0, CC, 0x00460001, 4);
	assert_int_equal(fixture_read(&f, 0, CSTS, 4), 1);
	assert_int_equal(command(0, cq), 0);
	assert_int_equal(command(0, sq), 0);
}

static char *data(void)
{
	return ram + (DATA - RAM);
}

static uint64_t number(unsigned int offset)
{
	uint64_t n;

	memcpy(&n, data() + offset, sizeof(n));
	return n;
}

/* ---- tests ----------------------------------------------------------------------- */

static void blocks_stay(void)
{
	strcpy(data(), "in block 7");
	assert_int_equal(blocks(WRITE, 7, 0), 0);
	memset(data(), 0, 512);
	assert_int_equal(blocks(READ, 7, 0), 0);
	assert_string_equal(data(), "in block 7");
}

static void memory_is_a_backend(void **state)
{
	static const char *const options[] = { "size=1M", NULL };

	start(options);
	driver_begins();
	identify(0, 1);
	assert_int_equal(number(0), 2048);
	blocks_stay();
	assert_int_equal(blocks(WRITE_ZEROES, 4, 5), 0);
	assert_int_equal(blocks(READ, 7, 0), 0);
	assert_int_equal(*data(), 0);
	assert_int_equal(blocks(READ, 2048, 0), 0x80);
}

static void discarded_memory_is_zeroes(void **state)
{
	uint32_t dw[16] = { DSM, 1, [6] = DATA, [11] = 4 };
	struct {
		uint32_t attributes, nr;
		uint64_t first;
	} range = { 0, 30, 1 };
	unsigned int i;

	start(NULL);
	driver_begins();
	memset(data(), 'x', 8192);
	for (i = 0; i < 4; i++)
		assert_int_equal(blocks(WRITE, 8 * i, 7), 0);
	memcpy(data(), &range, sizeof(range));
	assert_int_equal(command(1, dw), 0);
	for (i = 0; i < 32; i++) {
		assert_int_equal(blocks(READ, i, 0), 0);
		assert_int_equal(data()[0], i && i < 31 ? 0 : 'x');
		assert_int_equal(data()[511], i && i < 31 ? 0 : 'x');
	}
}

static void a_file_is_a_backend(void **state)
{
	char option[64], in_file[16] = "";
	const char *const options[] = { "backend=file", option, "size=64K", "block-size=512",
					NULL };
	int fd;

	snprintf(option, sizeof(option), "path=%s", path);
	start(options);
	driver_begins();
	blocks_stay();
	assert_int_equal(blocks(WRITE, 8, 1u << 30), 0); /* FUA */
	assert_int_equal(blocks(FLUSH, 0, 0), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, in_file, 11, 7 * 512), 11);
	assert_string_equal(in_file, "in block 7");
	assert_int_equal(blocks(WRITE_ZEROES, 0, 127 | 1u << 25), 0); /* as holes */
	assert_int_equal(pread(fd, in_file, 11, 7 * 512), 11);
	assert_int_equal(*in_file, 0);
	close(fd);
}

static void a_file_that_ends_early_is_an_error(void **state)
{
	char option[64];
	const char *const options[] = { "backend=file", option, "size=64K", NULL };

	snprintf(option, sizeof(option), "path=%s", path);
	start(options);
	driver_begins();
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(blocks(READ, 100, 0), 0x281);
	assert_int_equal(blocks(READ, 0, 0), 0);
}

static void nothing_is_read(void **state)
{
	static const char *const options[] = { "backend=null", "size=1T", "block-size=4096",
					       NULL };

	start(options);
	driver_begins();
	identify(0, 1);
	assert_int_equal(number(0), 1ull << 28);
	memset(data(), 'x', 4096);
	assert_int_equal(blocks(WRITE, 0, 0), 0);
	assert_int_equal(blocks(READ, 0, 0), 0);
	assert_int_equal(data()[0], 'x');
	assert_memory_equal(data(), data() + 1, 4095);
}

/* The process has them as memory; a driver that does not map it writes there all the same. */
static void doorbells_may_be_memory(void **state)
{
	static const char *const options[] = { "doorbells=map", "interrupts=intx", NULL };

	start(options);
	driver_begins();
	blocks_stay();
	assert_int_equal(fixture_read(&f, 0, 0x1008, 4), queue[1].tail);
}

static void options_reach_the_guest(void **state)
{
	static const char *const options[] = {
		"serial=number one", "model=it", "nguid=00112233445566778899aAbBcCdDeEfF",
		"read-only=1", "queues=3", NULL };
	const uint32_t get_queues[16] = { 0x0a, [10] = 7 };

	start(options);
	driver_begins();
	identify(1, 0);
	assert_memory_equal(data() + 4, "number one          ", 20);
	assert_memory_equal(data() + 24, "it   ", 5);
	identify(0, 1);
	assert_memory_equal(data() + 104, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb"
					  "\xcc\xdd\xee\xff", 16);
	assert_int_equal(blocks(WRITE, 0, 0), 0x20);
	assert_int_equal(command(0, get_queues), 0);
	assert_int_equal(*(uint32_t *)(ram + 4096 + 16 * (queue[0].head - 1)), 0x20002);
}

static void options_that_cannot_be(void **state)
{
	static const char *const bad[][2] = {
		{ "block-size", "1024" }, { "size", "128T" }, { "queues", "0" },
		{ "backend", "tape" }, { "serial", "more than twenty characters" },
	};
	void *dev;
	size_t i;

	assert_int_equal(fixture_new(&device_nvme, &dev), 0);
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(fixture_set_option(&device_nvme, dev, bad[i][0], bad[i][1]), -22);
	device_free(&device_nvme, dev);
}

/* It says why, and leaves nothing. */
static void a_backend_that_is_not_there(void **state)
{
	static const char *const bad[][3] = {
		{ "path", "/nonexistent/file", "size" }, { "nguid", "12", "serial" },
	};
	lm_dev_info_t info = *device_nvme.info;
	void *dev;
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		assert_int_equal(fixture_new(&device_nvme, &dev), 0);
		assert_int_equal(fixture_set_option(&device_nvme, dev, bad[i][0], bad[i][1]), 0);
		if (!i)
			assert_int_equal(fixture_set_option(&device_nvme, dev, "backend", "file"),
					 0);
		info.pvt = dev;
		info.log_level = -1;
		info.flags = LM_DEV_NO_CONTROL;
		info.socket_path = path;
		assert_null(lm_ctx_create(&info));
		device_free(&device_nvme, dev);
	}
}

/* ---- faults ---------------------------------------------------------------------- */

static unsigned int read_at(uint32_t slba)
{
	return blocks(READ, slba, 0);
}

static void a_fault_by_place_and_count(void **state)
{
	start(NULL);
	driver_begins();
	assert_int_equal(fixture_set(&f, "fault", "read:nsid=1:lba=8+2:status=0x281:when=2+2"), 0);
	fixture_assert_prop(&f, "fault", "read:nsid=1:lba=8+2:status=0x281:when=2+2");
	assert_int_equal(read_at(8), 0);
	assert_int_equal(read_at(7), 0); /* none of those */
	assert_int_equal(read_at(10), 0);
	assert_int_equal(blocks(WRITE, 8, 0), 0);
	assert_int_equal(read_at(9), 0x281);
	assert_int_equal(read_at(9), 0);
	assert_int_equal(blocks(READ, 6, 2), 0x281); /* reaches into it */
	assert_int_equal(fixture_set(&f, "fault", "read:nsid=2:status=0x281"), 0);
	assert_int_equal(read_at(8), 0);
	assert_int_equal(fixture_set(&f, "fault", ""), 0);
	assert_int_equal(read_at(8), 0);
}

static void counts_of_faults(void **state)
{
	static const struct {
		const char *when, *fires; /* of six reads */
	} cases[] = {
		{ "3", "..x..." },    { "3+", "..xxxx" },    { "2+3", ".x..x." },
		{ "2..4", ".xxx.." }, { "1..5+2", "x.x.x." }, { "0x2", ".x...." },
	};
	char rule[64], seen[7] = "";
	size_t i, k;

	start(NULL);
	driver_begins();
	for (i = 0; i < LM_NR(cases); i++) {
		snprintf(rule, sizeof(rule), "read:when=%s:status=6", cases[i].when);
		assert_int_equal(fixture_set(&f, "fault", rule), 0);
		for (k = 0; k < 6; k++)
			seen[k] = read_at(0) ? 'x' : '.';
		assert_string_equal(seen, cases[i].fires);
	}
}

static uint64_t which_of_64(const char *rule)
{
	uint64_t fired = 0;
	unsigned int i;

	assert_int_equal(fixture_set(&f, "fault", rule), 0);
	for (i = 0; i < 64; i++)
		fired |= (uint64_t)!!read_at(0) << i;
	return fired;
}

/* The same seed, the same commands; about as many as it says. */
static void faults_by_probability(void **state)
{
	uint64_t first;

	start(NULL);
	driver_begins();
	first = which_of_64("read:p=1/4:seed=7:status=6");
	assert_in_range(__builtin_popcountll(first), 6, 28);
	assert_true(first == which_of_64("read:p=1/4:seed=7:status=6"));
	assert_true(first != which_of_64("read:p=1/4:seed=8:status=6"));
	assert_true(!which_of_64("read:p=0/4:status=6"));
	assert_true(!~which_of_64("read:p=4/4:status=6"));
}

static void kinds_of_faults(void **state)
{
	static const char *const rules[] = { "fault=write:corrupt=1+2,write:when=2:dw10=5", NULL };

	start(rules);
	driver_begins();
	memset(data(), 0, 512);
	assert_int_equal(blocks(WRITE, 0, 0), 0);
	assert_int_equal(blocks(WRITE, 0, 0), 0); /* to block 5 */
	assert_int_equal(fixture_set(&f, "fault", "identify:result=0x77,io-0x02:delay_exit=1ns"),
			 0);
	assert_int_equal(read_at(5), 0);
	assert_memory_equal(data(), "\x00\xff\xff\x00", 4);
	identify(1, 0);
	assert_int_equal(*(uint32_t *)(ram + 4096 + 16 * (queue[0].head - 1)), 0x77);
	assert_int_equal(fixture_set(&f, "fault", "io:status=6,admin-0x06:delay_enter=1us"), 0);
	assert_int_equal(blocks(FLUSH, 0, 0), 6);
	identify(1, 0);
	assert_int_equal(fixture_set(&f, "fault", "read:drop:status=1"), 0);
	assert_int_equal(blocks(WRITE, 0, 0), 0);
}

/* A device that takes the state up goes on counting, with the same random numbers. */
static void faults_are_part_of_the_state(void **state)
{
	static struct fault_state kept;
	static struct faults first, second;
	lm_nvme_cmd_t cmd = { .sqid = 1, .opcode = READ };
	char why[256];
	unsigned int i;

	memset(&kept, 0, sizeof(kept));
	assert_int_equal(faults_set(&first, "read:p=1/3:status=6,read:when=40:drop", why,
				    sizeof(why)), 0);
	assert_int_equal(faults_resume(&first, &kept), 0);
	for (i = 1; i < 100; i++) {
		lm_nvme_fault_t a = { 0 }, b = { 0 };
		struct fault_state before = kept;

		memset(&second, 0, sizeof(second));
		assert_int_equal(faults_set(&second, "write:drop", why, sizeof(why)), 0);
		assert_int_equal(faults_resume(&second, &before), 0);
		faults_inject(&first, &cmd, &a);
		faults_inject(&second, &cmd, &b);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_int_equal(!!(a.flags & LM_NVME_FAULT_DROP), i == 40);
	}
	assert_string_equal(second.text, first.text);
	kept.is_set = 2;
	assert_int_equal(faults_resume(&second, &kept), -22);
	kept.is_set = 1;
	memset(kept.text, 'x', sizeof(kept.text));
	assert_int_equal(faults_resume(&second, &kept), -22);
}

static void a_saved_state_has_faults(void **state)
{
	static const char *const rules[] = { "backend=null", "fault=read:when=2:status=0x281",
					     NULL };
	static const char *const none[] = { "backend=null", NULL };
	struct fixture other;

	start(rules);
	driver_begins();
	assert_int_equal(read_at(0), 0);
	fixture_start(&other, "nvme", none);
	fixture_copy_state(&f, &other);
	fixture_assert_prop(&other, "fault", "read:when=2:status=0x281");
	fixture_copy_state(&other, &f);
	assert_int_equal(read_at(0), 0x281);
	fixture_stop(&other);
}

/* Each says what is wrong, and the rules that were there stay. */
static void rules_that_cannot_be(void **state)
{
	static const struct {
		const char *rule, *why;
	} bad[] = {
		{ "raed:drop", "\"raed\" is not a command of those in muser-devices(7)" },
		{ ",", "\"\" is not a command of those in muser-devices(7)" },
		{ "io-0x100:drop", NULL },
		{ "io-:drop", NULL },
		{ "read", "read has no action (status=N, drop, ...)" },
		{ "read:nsid=1", "read has no action (status=N, drop, ...)" },
		{ "read:whn=3:drop",
		  "\"whn=3\" of read: neither a condition nor an action" },
		{ "read:status=0x800", "\"status=0x800\" of read: expected status=N, "
				       "1 to 0x7ff" },
		{ "read:status=0", NULL },
		{ "read:status", NULL },
		{ "read:drop=1", "\"drop=1\" of read: expected drop" },
		{ "read:drop:", NULL },
		{ "read:drop:lba=1+0", NULL },
		{ "read:drop:lba=-1", NULL },
		{ "read:drop:lba=1x", NULL },
		{ "read:drop:nsid=0x100000000", NULL },
		{ "read:drop:when=0", NULL },
		{ "read:drop:when=3..2", NULL },
		{ "read:drop:when=3+0", NULL },
		{ "read:drop:when=3-", NULL },
		{ "read:drop:p=2", NULL },
		{ "read:drop:p=2/1", NULL },
		{ "read:drop:p=0/0", NULL },
		{ "read:delay_exit=2h", NULL },
		{ "read:delay_exit=3601s", NULL },
		{ "read:delay_exit=18446744073709551615", NULL },
		{ "read:dw16=0", "\"dw16=0\" of read: expected dwN=N, dw0 to dw15, "
				 "four of them" },
		{ "read:dw1=0:dw2=0:dw3=0:dw4=0:dw5=0", NULL },
		{ "io:drop,io:drop,io:drop,io:drop,io:drop,io:drop,io:drop,io:drop,io:drop",
		  "more than 8 rules" },
	};
	struct faults faults = { 0 }, before;
	char why[256], longest[FAULT_TEXT + 1];
	size_t i;

	assert_int_equal(faults_set(&faults, "read:drop", why, sizeof(why)), 0);
	before = faults;
	for (i = 0; i < LM_NR(bad); i++) {
		*why = 0;
		assert_int_equal(faults_set(&faults, bad[i].rule, why, sizeof(why)), -22);
		assert_int_not_equal(*why, 0);
		if (bad[i].why)
			assert_string_equal(why, bad[i].why);
		assert_memory_equal(&faults, &before, sizeof(faults));
	}
	memset(longest, 'x', FAULT_TEXT);
	longest[FAULT_TEXT] = 0;
	assert_int_equal(faults_set(&faults, longest, why, sizeof(why)), -22);
	assert_string_equal(why, "longer than 511 characters");
	start(NULL);
	assert_int_equal(fixture_set(&f, "fault", "read"), -22);
	fixture_assert_prop(&f, "fault", "");
}

#define NVME_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_TEST(memory_is_a_backend),
		NVME_TEST(discarded_memory_is_zeroes),
		NVME_TEST(a_file_is_a_backend),
		NVME_TEST(a_file_that_ends_early_is_an_error),
		NVME_TEST(nothing_is_read),
		NVME_TEST(doorbells_may_be_memory),
		NVME_TEST(options_reach_the_guest),
		NVME_TEST(a_fault_by_place_and_count),
		NVME_TEST(counts_of_faults),
		NVME_TEST(faults_by_probability),
		NVME_TEST(kinds_of_faults),
		cmocka_unit_test(faults_are_part_of_the_state),
		NVME_TEST(a_saved_state_has_faults),
		NVME_TEST(rules_that_cannot_be),
		cmocka_unit_test(options_that_cannot_be),
		cmocka_unit_test(a_backend_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
