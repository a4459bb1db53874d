/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme.c - a controller by a driver's eyes: registers, enabling, what it says of itself.
 */
#include "nvme_driver.h"

static void registers_say_what_it_can(void **state)
{
	struct engine *e = *state;
	uint64_t cap;

	nvme_connect(e);
	cap = reg_get64(e, NVME_CAP);
	assert_int_equal(cap & 0xffff, 1023);
	assert_int_equal(cap >> 16 & 1, 1);        /* CQR */
	assert_int_equal(cap >> 32 & 0xf, 0);      /* DSTRD */
	assert_int_equal(cap >> 37 & 0xff, 0xc1);  /* CSS */
	assert_int_equal(cap >> 48 & 0xff, 0);     /* pages of 4 KiB */
	assert_int_equal(reg_get(e, NVME_CAP + 4), cap >> 32);
	assert_int_equal(reg_get(e, NVME_VS), 0x20000);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	assert_int_equal(reg_get(e, NVME_CC), 0);
}

static void it_is_enabled_and_disabled(void **state)
{
	struct engine *e = *state;

	nvme_connect(e);
	enable(e);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
	reg_put(e, NVME_CC, CC_ENABLE & ~1u);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	assert_int_equal(reg_get64(e, NVME_ASQ), RAM); /* a reset of the controller keeps these */
	enable(e);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
}

static void what_cap_does_not_allow_is_fatal(void **state)
{
	static const uint32_t bad[] = {
		CC_ENABLE | 1 << 7,  /* MPS */
		CC_ENABLE | 1 << 4,  /* CSS */
		CC_ENABLE | 1 << 11, /* AMS */
	};
	struct engine *e = *state;
	size_t i;

	nvme_connect(e);
	for (i = 0; i < LM_NR(bad); i++) {
		reg_put(e, NVME_AQA, 0x001f001f);
		reg_put(e, NVME_CC, bad[i]);
		assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_CFS);
		reg_put(e, NVME_CC, 0);
		assert_int_equal(reg_get(e, NVME_CSTS), 0);
	}
	reg_put(e, NVME_AQA, 0);
	reg_put(e, NVME_CC, CC_ENABLE);
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_CFS);
}

static void the_admin_queue_stays_where_it_is_while_enabled(void **state)
{
	struct engine *e = *state;

	nvme_connect(e);
	enable(e);
	reg_put64(e, NVME_ASQ, NOWHERE);
	reg_put(e, NVME_AQA, 0);
	assert_int_equal(reg_get64(e, NVME_ASQ), RAM);
	assert_int_equal(reg_get(e, NVME_AQA), 0x001f001f);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
}

static void identify_controller(void **state)
{
	struct engine *e = *state;
	const uint8_t *p;

	disk.info.serial = "S/N 1";
	disk.info.model = "a model";
	nvme_connect(e);
	p = at(DATA);
	enable(e);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
	assert_memory_equal(p, "\x34\x12", 2);
	assert_memory_equal(p + 4, "S/N 1               ", 20);
	assert_memory_equal(p + 24, "a model                                 ", 40);
	assert_int_equal(p[77], 7);
	assert_int_equal(nvme_get32(p + 80), 0x20000);
	assert_int_equal(p[512], 0x66);
	assert_int_equal(p[513], 0x44);
	assert_int_equal(nvme_get32(p + 516), LM_NVME_MAX_NSID);
	assert_string_equal((const char *)p + 768,
			    "nqn.2014-08.org.nvmexpress:uuid:00112233-4455-6677-8899-aabbccddeeff");
}

static void identify_namespaces(void **state)
{
	struct engine *e = *state;
	const uint8_t *p;

	nvme_connect(e);
	p = at(DATA);
	enable(e);
	assert_int_equal(identify(e, NVME_CNS_NS_LIST, 0), 0);
	assert_int_equal(nvme_get32(p), 1);
	assert_int_equal(nvme_get32(p + 4), 0);
	assert_int_equal(identify(e, NVME_CNS_NS_LIST, 1), 0);
	assert_int_equal(nvme_get32(p), 0);
	assert_int_equal(identify(e, NVME_CNS_NS, 1), 0);
	assert_int_equal(nvme_get64(p), DISK_SIZE / 512);
	assert_int_equal(p[26], 0);
	assert_int_equal(p[130], 9);
	assert_int_equal(p[134], 12);
	assert_int_equal(identify(e, NVME_CNS_NS, 2), 0); /* not there: zeroes */
	assert_int_equal(nvme_get64(p), 0);
	assert_int_equal(identify(e, NVME_CNS_NS_DESCRIPTORS, 1), 0);
	assert_memory_equal(p, "\x02\x10\x00\x00", 4); /* NGUID */
	assert_memory_equal(p + 20, "\x04\x01\x00\x00\x00", 5); /* NVM */
	assert_int_equal(identify(e, NVME_CNS_NS_COMMON, 1), 0);
	assert_int_equal(p[14], 1);
	assert_int_equal(identify(e, NVME_CNS_SETS | 0xffff0000, 0), 0);
	assert_int_equal(nvme_get64(p), 1);
}

static void identify_refuses(void **state)
{
	static const struct {
		uint32_t cns, nsid;
		uint16_t status;
	} bad[] = {
		{ 0xff, 0, LM_NVME_INVALID_FIELD },
		{ NVME_CNS_NS, 0, LM_NVME_INVALID_NAMESPACE },
		{ NVME_CNS_NS, NVME_NSID_ALL, LM_NVME_INVALID_NAMESPACE },
		{ NVME_CNS_NS, LM_NVME_MAX_NSID + 1, LM_NVME_INVALID_NAMESPACE },
		{ NVME_CNS_NS_LIST, NVME_NSID_ALL, LM_NVME_INVALID_NAMESPACE },
		{ NVME_CNS_NS_DESCRIPTORS, 2, LM_NVME_INVALID_FIELD },
		{ NVME_CNS_SETS | 7 << 16, 0, LM_NVME_INVALID_FIELD },
	};
	struct engine *e = *state;
	size_t i;

	nvme_connect(e);
	enable(e);
	for (i = 0; i < LM_NR(bad); i++) {
		assert_int_equal(identify(e, bad[i].cns, bad[i].nsid), bad[i].status);
		assert_int_equal(last.status & 0x6000, 0x6000); /* in the log; do not retry */
	}
	assert_int_equal(*at(DATA), 0xee);
}

static void unknown_opcodes_are_refused(void **state)
{
	struct engine *e = *state;
	unsigned int opcode;

	nvme_ready(e);
	for (opcode = 0; opcode < 256; opcode++) {
		if (opcode >= 0x0d && opcode != NVME_FORMAT)
			assert_int_equal(command(e, &admin, sqe((uint8_t)opcode, 1)),
					 LM_NVME_INVALID_OPCODE);
		if (opcode >= 0x0d)
			assert_int_equal(command(e, &io, sqe((uint8_t)opcode, 1)),
					 LM_NVME_INVALID_OPCODE);
	}
}

static void shutdown_flushes(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	disk.holds = true;
	reg_put(e, NVME_CC, CC_ENABLE | 1 << 14);
	assert_int_equal(disk.nr_flushes, 1);
	assert_int_equal(reg_get(e, NVME_CSTS) & NVME_CSTS_SHST, NVME_CSTS_SHST_OCCURRING);
	disk_go_on();
	assert_int_equal(reg_get(e, NVME_CSTS) & NVME_CSTS_SHST, NVME_CSTS_SHST_COMPLETE);
	reg_put(e, NVME_CC, 0);
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	enable(e);
}

static void a_device_reset_waits_for_the_backend(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	nvme_ready(e);
	disk.holds = true;
	memset(at(DATA), 0xee, 512);
	submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	assert_int_equal(disk.nr_held, 1);
	id = engine_command(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	engine_no_message(e);
	disk_go_on();
	engine_reply(e, id, VFIO_USER_DEVICE_RESET, &(struct wire){ 0 });
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	assert_int_equal(reg_get64(e, NVME_ASQ), 0);
}

static void a_controller_reset_waits_for_the_backend(void **state)
{
	struct engine *e = *state;
	struct completion c;

	nvme_ready(e);
	disk.holds = true;
	submit(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0));
	submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	reg_put(e, NVME_CC, 0);
	assert_int_equal(reg_get(e, NVME_CSTS), NVME_CSTS_RDY);
	disk_go_on();
	assert_int_equal(reg_get(e, NVME_CSTS), 0);
	assert_false(complete(&io, &c));
	enable(e);
	io = create_queue(e, 1, 16);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
}

static void descriptions_that_cannot_be(void **state)
{
	struct engine *e = *state;
	lm_nvme_ns_info_t ns = disk.ns;

	disk.info.queues = 65;
	engine_refuses(e);
	disk.info.queues = 0;
	disk.info.serial = "more than twenty characters";
	engine_refuses(e);
	disk.info.serial = NULL;
	disk.ns.size = 513;
	engine_refuses(e);
	disk.ns = ns;
	disk.ns.block = NULL;
	engine_refuses(e);
	lm_nvme_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_TEST(registers_say_what_it_can),
		NVME_TEST(it_is_enabled_and_disabled),
		NVME_TEST(what_cap_does_not_allow_is_fatal),
		NVME_TEST(the_admin_queue_stays_where_it_is_while_enabled),
		NVME_TEST(identify_controller),
		NVME_TEST(identify_namespaces),
		NVME_TEST(identify_refuses),
		NVME_TEST(unknown_opcodes_are_refused),
		NVME_TEST(shutdown_flushes),
		NVME_TEST(a_device_reset_waits_for_the_backend),
		NVME_TEST(a_controller_reset_waits_for_the_backend),
		NVME_TEST(descriptions_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
