/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_admin.c - features, log pages, events, Abort, Format, and namespaces that come and go.
 */
#include "nvme_driver.h"

/* ---- features -------------------------------------------------------------------- */

static struct sqe sqe_feature(uint8_t opcode, uint8_t fid, uint32_t dw11)
{
	struct sqe s = sqe_data(opcode, 0, DATA, 0);

	s.dw[10] = fid;
	s.dw[11] = dw11;
	return s;
}

static uint32_t feature(struct engine *e, uint32_t fid_sel)
{
	struct sqe s = sqe_feature(NVME_GET_FEATURES, 0, 0);

	s.dw[10] = fid_sel;
	assert_int_equal(command(e, &admin, s), 0);
	return last.result;
}

static uint16_t set_feature(struct engine *e, uint8_t fid, uint32_t value)
{
	return command(e, &admin, sqe_feature(NVME_SET_FEATURES, fid, value));
}

static void features_keep_what_is_set_until_a_reset(void **state)
{
	static const struct {
		uint8_t  fid;
		uint32_t initial, value, becomes;
	} all[] = {
		{ NVME_FEAT_ARBITRATION, 7, 0x01020303, 0x01020303 },
		{ NVME_FEAT_TEMPERATURE, 343, 300, 300 },
		{ NVME_FEAT_WRITE_CACHE, 1, 0, 0 },
		{ NVME_FEAT_COALESCING, 0, 0x1234, 0x1234 },
		{ NVME_FEAT_ATOMICITY, 0, 1, 1 },
		{ NVME_FEAT_EVENTS, 0, 0xffffffff, 0x1ff },
	};
	struct engine *e = *state;
	size_t i;

	nvme_connect(e);
	enable(e);
	for (i = 0; i < LM_NR(all); i++) {
		assert_int_equal(feature(e, all[i].fid), all[i].initial);
		assert_int_equal(set_feature(e, all[i].fid, all[i].value), 0);
		assert_int_equal(feature(e, all[i].fid), all[i].becomes);
		assert_int_equal(feature(e, all[i].fid | 1 << 8), all[i].initial);
		assert_int_equal(feature(e, all[i].fid | 3 << 8) & 5, 4); /* not saveable */
	}
	reg_put(e, NVME_CC, 0);
	enable(e);
	for (i = 0; i < LM_NR(all); i++)
		assert_int_equal(feature(e, all[i].fid), all[i].initial);
}

static void features_that_are_refused(void **state)
{
	struct engine *e = *state;
	struct sqe s;

	nvme_ready(e);
	assert_int_equal(set_feature(e, 0x77, 0), LM_NVME_INVALID_FIELD);
	assert_int_equal(set_feature(e, NVME_FEAT_POWER, 1), LM_NVME_INVALID_FIELD);
	assert_int_equal(set_feature(e, NVME_FEAT_TEMPERATURE, 1 << 16), LM_NVME_INVALID_FIELD);
	assert_int_equal(set_feature(e, NVME_FEAT_QUEUES, 0), LM_NVME_SEQUENCE_ERROR);
	assert_int_equal(set_feature(e, NVME_FEAT_VECTOR, 65), LM_NVME_INVALID_FIELD);
	assert_int_equal(set_feature(e, NVME_FEAT_SET_PROFILE, 1), LM_NVME_COMMAND_SET_REJECTED);
	s = sqe_feature(NVME_SET_FEATURES, NVME_FEAT_WRITE_CACHE, 0);
	s.dw[10] |= 1u << 31;
	assert_int_equal(command(e, &admin, s), LM_NVME_FEATURE_NOT_SAVEABLE);
	s = sqe_feature(NVME_SET_FEATURES, NVME_FEAT_WRITE_CACHE, 0);
	s.dw[1] = 1;
	assert_int_equal(command(e, &admin, s), LM_NVME_FEATURE_NOT_NS);
	s = sqe_feature(NVME_GET_FEATURES, NVME_FEAT_WRITE_CACHE, 0);
	s.dw[10] |= 4 << 8;
	assert_int_equal(command(e, &admin, s), LM_NVME_INVALID_FIELD);
	assert_int_equal(feature(e, NVME_FEAT_WRITE_CACHE), 1);
}

/* All namespaces can be set together, not got. */
static void features_of_a_namespace(void **state)
{
	static const struct {
		uint32_t nsid;
		uint16_t get, set;
	} all[] = {
		{ 0, LM_NVME_INVALID_NAMESPACE, LM_NVME_INVALID_NAMESPACE },
		{ 1, 0, 0 },
		{ 2, LM_NVME_INVALID_FIELD, LM_NVME_INVALID_FIELD },
		{ 257, LM_NVME_INVALID_NAMESPACE, LM_NVME_INVALID_NAMESPACE },
		{ NVME_NSID_ALL, LM_NVME_INVALID_NAMESPACE, 0 },
	};
	struct engine *e = *state;
	struct sqe s = sqe_feature(NVME_SET_FEATURES, NVME_FEAT_ERROR_RECOVERY, 0x1ffff);
	size_t i;

	nvme_ready(e);
	for (i = 0; i < LM_NR(all); i++) {
		s.dw[0] = NVME_SET_FEATURES;
		s.dw[1] = all[i].nsid;
		assert_int_equal(command(e, &admin, s), all[i].set);
		s.dw[0] = NVME_GET_FEATURES;
		assert_int_equal(command(e, &admin, s), all[i].get);
		if (!all[i].get)
			assert_int_equal(last.result, 0xffff);
	}
}

static void queues_may_be_asked_for(void **state)
{
	struct engine *e = *state;

	disk.info.queues = 5;
	nvme_connect(e);
	enable(e);
	assert_int_equal(set_feature(e, NVME_FEAT_QUEUES, 99 << 16 | 99), 0);
	assert_int_equal(last.result, 4 << 16 | 4);
	assert_int_equal(set_feature(e, NVME_FEAT_QUEUES, 0xffff), LM_NVME_INVALID_FIELD);
}

static void timestamp_and_host_identifier(void **state)
{
	struct engine *e = *state;
	uint64_t then = 1000000000000, now;

	nvme_connect(e);
	enable(e);
	nvme_put64(at(DATA), then);
	assert_int_equal(set_feature(e, NVME_FEAT_TIMESTAMP, 0), 0);
	memset(at(DATA), 0, 8);
	assert_int_equal(feature(e, NVME_FEAT_TIMESTAMP), 0);
	now = nvme_get64(at(DATA));
	assert_int_equal(now >> 49 & 7, 1); /* set by the host */
	assert_in_range(now & 0xffffffffffff, then, then + 60000);
	memcpy(at(DATA), "0123456789abcdef", 16);
	assert_int_equal(set_feature(e, NVME_FEAT_HOST_ID, 1), 0);
	memset(at(DATA), 0, 16);
	assert_int_equal(command(e, &admin, sqe_feature(NVME_GET_FEATURES, NVME_FEAT_HOST_ID, 1)),
			 0);
	assert_memory_equal(at(DATA), "0123456789abcdef", 16);
}

static void host_behavior_and_keep_alive(void **state)
{
	struct engine *e = *state;
	uint8_t bytes[512] = { 1 };

	nvme_connect(e);
	enable(e);
	memset(at(DATA), 0xff, 4096);
	assert_int_equal(set_feature(e, NVME_FEAT_HOST_BEHAVIOR, 0), 0);
	assert_int_equal(feature(e, NVME_FEAT_HOST_BEHAVIOR), 0);
	assert_memory_equal(at(DATA), bytes, sizeof(bytes)); /* of the rest nothing is kept */
	assert_int_equal(((uint8_t *)at(DATA))[512], 0xff);
	reg_put(e, NVME_CC, 0);
	enable(e);
	bytes[0] = 0;
	assert_int_equal(feature(e, NVME_FEAT_HOST_BEHAVIOR), 0);
	assert_memory_equal(at(DATA), bytes, sizeof(bytes));
	assert_int_equal(set_feature(e, NVME_FEAT_KEEP_ALIVE, 1000), LM_NVME_INVALID_FIELD);
	assert_int_equal(set_feature(e, NVME_FEAT_KEEP_ALIVE, 0), 0);
	assert_int_equal(feature(e, NVME_FEAT_KEEP_ALIVE), 0);
}

/* ---- log pages ------------------------------------------------------------------- */

static struct sqe sqe_log(uint8_t lid, uint32_t bytes, uint64_t offset)
{
	struct sqe s = sqe_data(NVME_GET_LOG_PAGE, NVME_NSID_ALL, DATA, DATA + 4096);

	s.dw[10] = (bytes / 4 - 1) << 16 | lid;
	s.dw[12] = (uint32_t)offset;
	s.dw[13] = (uint32_t)(offset >> 32);
	return s;
}

static void log_pages(void **state)
{
	static const uint8_t there[] = { 0, 1, 2, 3, 4, 5, 0x12 };
	struct engine *e = *state;
	size_t i;

	nvme_ready(e);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 3, DATA, 0)), 0);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_SUPPORTED, 1024, 0)), 0);
	for (i = 0; i < LM_NR(there); i++)
		assert_int_equal(nvme_get32(at(DATA) + 4 * there[i]), 1);
	assert_int_equal(nvme_get32(at(DATA) + 4 * 6), 0);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_SMART, 512, 0)), 0);
	assert_int_equal(nvme_get64(at(DATA) + 32), 1); /* data units */
	assert_int_equal(nvme_get64(at(DATA) + 64), 1); /* commands */
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_FIRMWARE, 512, 0)), 0);
	assert_memory_equal(at(DATA) + 8, "0.2     ", 8);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_EFFECTS, 4096, 0)), 0);
	assert_int_equal(nvme_get32(at(DATA) + 4 * NVME_IDENTIFY), 1);
	assert_int_equal(nvme_get32(at(DATA) + 4 * NVME_FORMAT), 0x10007);
	assert_int_equal(nvme_get32(at(DATA) + 1024 + 4 * NVME_WRITE), 3);
	assert_int_equal(nvme_get32(at(DATA) + 1024 + 4 * 0x7d), 0);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_FEATURES, 1024, 0)), 0);
	assert_int_equal(nvme_get32(at(DATA) + 4 * NVME_FEAT_QUEUES), 1);
}

static void log_pages_in_pieces(void **state)
{
	struct engine *e = *state;
	struct sqe s;

	nvme_connect(e);
	enable(e);
	memset(at(DATA), 0xee, 8192);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_FIRMWARE, 8, 8)), 0);
	assert_memory_equal(at(DATA), "0.2     \xee", 9);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_SMART, 8192, 0)), 0);
	assert_int_equal(at(DATA)[3], 100);
	assert_int_equal(at(DATA)[8191], 0); /* behind its end */
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_SMART, 4, 512)), 0);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_SMART, 4, 516)),
			 LM_NVME_INVALID_FIELD);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_SMART, 4, UINT64_MAX - 3)),
			 LM_NVME_INVALID_FIELD);
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_SMART, 4, 2)),
			 LM_NVME_INVALID_FIELD);
	assert_int_equal(command(e, &admin, sqe_log(0x70, 4, 0)), LM_NVME_INVALID_FIELD);
	s = sqe_log(NVME_LOG_SMART, 4, 0);
	for (s.dw[1] = 1; s.dw[1] < 1000; s.dw[1] += 500) /* of a controller, not of a namespace */
		assert_int_equal(command(e, &admin, s), LM_NVME_INVALID_FIELD);
	s = sqe_log(NVME_LOG_SMART, 4, 0);
	s.dw[11] = 0xffff; /* more than a transfer */
	assert_int_equal(command(e, &admin, s), LM_NVME_INVALID_FIELD);
}

static void failed_commands_are_in_the_error_log(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe_blocks(NVME_READ, DISK_SIZE, 1, DATA, 0);
	unsigned int i;
	uint16_t cid;

	nvme_ready(e);
	for (i = 0; i < 70; i++)
		assert_int_equal(command(e, &io, s), LM_NVME_LBA_OUT_OF_RANGE);
	cid = last.cid;
	assert_int_equal(command(e, &admin, sqe_log(NVME_LOG_ERROR, 4096, 0)), 0);
	assert_int_equal(nvme_get64(at(DATA)), 70);
	assert_int_equal(nvme_get32(at(DATA) + 8), 1 | (uint32_t)cid << 16);
	assert_int_equal(nvme_get32(at(DATA) + 12),
			 (LM_NVME_LBA_OUT_OF_RANGE | 0x6000) << 1 | LM_NVME_DW(10) << 16);
	assert_int_equal(nvme_get64(at(DATA) + 16), DISK_SIZE);
	assert_int_equal(nvme_get32(at(DATA) + 24), 1);
	assert_int_equal(nvme_get64(at(DATA) + 63 * 64), 7);
}

/* ---- events ---------------------------------------------------------------------- */

static void namespaces_come_and_go(void **state)
{
	struct engine *e = *state;
	const uint32_t notice = NVME_EVENT_NOTICE | NVME_LOG_CHANGED_NS << 16;
	lm_nvme_ns_info_t second = { .size = 1 << 20, .block_size = 4096, .block = &disk_ops,
				     .pvt = &disk, .removed = disk_removed };
	struct completion c;
	uint32_t nsid;

	nvme_ready(e);
	assert_int_equal(set_feature(e, NVME_FEAT_EVENTS, 1 << 8), 0);
	submit(e, &admin, sqe(NVME_AER, 0));
	submit(e, &admin, sqe(NVME_AER, 0));
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &second, &nsid), 0);
	assert_int_equal(nsid, 2);
	assert_true(complete(&admin, &c));
	assert_int_equal(c.result, notice);
	assert_int_equal(lm_nvme_ns_resize(disk.nvme, 2, 2 << 20), 0);
	assert_int_equal(lm_nvme_ns_resize(disk.nvme, 1, 1 << 20), 0);
	assert_false(complete(&admin, &c)); /* not before the log was read */
	assert_int_equal(identify(e, NVME_CNS_NS, 2), 0);
	assert_int_equal(nvme_get64(at(DATA)), 512);
	submit(e, &admin, sqe_log(NVME_LOG_CHANGED_NS, 4096, 0));
	assert_int_equal(nvme_get32(at(DATA)), 1);
	assert_int_equal(nvme_get32(at(DATA) + 4), 2);
	assert_int_equal(nvme_get32(at(DATA) + 8), 0);
	assert_true(complete(&admin, &c)); /* of the log page */
	assert_true(complete(&admin, &c)); /* what came meanwhile */
	assert_int_equal(c.result, notice);
	assert_int_equal(lm_nvme_ns_remove(disk.nvme, 2), 0);
	assert_int_equal(disk.nr_removed, 1);
	assert_int_equal(lm_nvme_ns_remove(disk.nvme, 2), -ENOENT);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, (1 << 20) / 512, 1, DATA, 0)),
			 LM_NVME_LBA_OUT_OF_RANGE);
}

static void a_namespace_in_use_goes_when_its_commands_have(void **state)
{
	struct engine *e = *state;
	struct completion c;

	nvme_ready(e);
	disk.holds = true;
	submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	assert_int_equal(lm_nvme_ns_remove(disk.nvme, 1), 0);
	assert_int_equal(disk.nr_removed, 0);
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &(lm_nvme_ns_info_t){
		.nsid = 1, .size = 4096, .block = &disk_ops }, NULL), -EEXIST);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)),
			 LM_NVME_INVALID_FIELD);
	disk_go_on();
	engine_poll(e);
	assert_int_equal(disk.nr_removed, 1);
	assert_true(complete(&io, &c));
	assert_int_equal(c.status, 0);
}

static void namespaces_that_cannot_be(void **state)
{
	struct engine *e = *state;
	lm_nvme_ns_info_t ns = disk.ns;
	unsigned int i;

	nvme_ready(e);
	ns.block_size = 1024;
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), -EINVAL);
	ns.block_size = 4096;
	ns.size = 512;
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), -EINVAL);
	ns.size = 0;
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), -EINVAL);
	ns = disk.ns;
	ns.nsid = LM_NVME_MAX_NSID + 1;
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), -EINVAL);
	ns.nsid = 0;
	for (i = 2; i <= LM_NVME_MAX_NSID; i++)
		assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), 0);
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), -ENOSPC);
	assert_int_equal(identify(e, NVME_CNS_NS_LIST, 0), 0);
	assert_int_equal(nvme_get32(at(DATA) + 4 * 255), 256);
	assert_int_equal(lm_nvme_ns_resize(disk.nvme, 1, 1000), -EINVAL);
	assert_int_equal(lm_nvme_ns_resize(disk.nvme, 0, 1024), -ENOENT);
}

static void requests_beyond_the_limit(void **state)
{
	struct engine *e = *state;
	struct completion c;
	unsigned int i;

	nvme_connect(e);
	enable(e);
	for (i = 0; i < 4; i++)
		submit(e, &admin, sqe(NVME_AER, 0));
	assert_false(complete(&admin, &c));
	assert_int_equal(command(e, &admin, sqe(NVME_AER, 0)), LM_NVME_AER_LIMIT);
	reg_put(e, NVME_CC, 0); /* no completions */
	assert_false(complete(&admin, &c));
	enable(e);
	assert_int_equal(identify(e, NVME_CNS_CTRL, 0), 0);
}

/* ---- Abort, Format --------------------------------------------------------------- */

static struct sqe sqe_abort(uint16_t sqid, uint16_t cid)
{
	struct sqe s = sqe(NVME_ABORT, 0);

	s.dw[10] = (uint32_t)cid << 16 | sqid;
	return s;
}

static unsigned int nr_cancels;

static void cancel(void *pvt, lm_nvme_io_t *op)
{
	nr_cancels++;
	disk.nr_held = 0;
	lm_nvme_io_done(op, -ECANCELED);
}

static void aborting(void **state)
{
	struct engine *e = *state;
	struct completion c;
	uint16_t cid;

	nvme_ready(e);
	cid = submit(e, &admin, sqe(NVME_AER, 0));
	submit(e, &admin, sqe_abort(0, cid));
	assert_true(complete(&admin, &c));
	assert_int_equal(c.cid, cid);
	assert_int_equal(c.status & 0x7ff, LM_NVME_ABORT_REQUESTED);
	assert_true(complete(&admin, &c));
	assert_int_equal(c.result, 0);
	assert_int_equal(command(e, &admin, sqe_abort(1, 77)), 0);
	assert_int_equal(last.result, 1); /* there is none */
	assert_int_equal(command(e, &admin, sqe_abort(9, 1)), LM_NVME_INVALID_FIELD);
	disk.holds = true;
	cid = submit(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0));
	assert_int_equal(command(e, &admin, sqe_abort(1, cid)), 0);
	assert_int_equal(last.result, 1);
	assert_false(complete(&io, &c));
	disk_ops.cancel = cancel; /* the backend has a way */
	nr_cancels = 0;
	assert_int_equal(command(e, &admin, sqe_abort(1, cid)), 0);
	assert_int_equal(nr_cancels, 1);
	assert_true(complete(&io, &c));
	assert_int_equal(c.status & 0x7ff, LM_NVME_ABORT_REQUESTED);
}

static struct sqe sqe_format(uint32_t nsid, uint32_t dw10)
{
	struct sqe s = sqe(NVME_FORMAT, nsid);

	s.dw[10] = dw10;
	return s;
}

static void formatting(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	memset(disk.blocks, 'x', DISK_SIZE);
	assert_int_equal(command(e, &admin, sqe_format(1, 1 | 1 << 9)), 0);
	assert_int_equal(disk.blocks[0] | disk.blocks[DISK_SIZE - 1], 0);
	assert_int_equal(identify(e, NVME_CNS_NS, 1), 0);
	assert_int_equal(nvme_get64(at(DATA)), DISK_SIZE / 4096);
	assert_int_equal(at(DATA)[26], 1);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 1, 1, DATA, 0)), 0);
	assert_memory_equal(disk.blocks + 4096, at(DATA), 4096);
	assert_int_equal(command(e, &admin, sqe_format(1, 2)), LM_NVME_INVALID_FORMAT);
	assert_int_equal(command(e, &admin, sqe_format(1, 1 << 5)), LM_NVME_INVALID_FORMAT);
	assert_int_equal(command(e, &admin, sqe_format(1, 2 << 9)), LM_NVME_INVALID_FIELD);
	assert_int_equal(command(e, &admin, sqe_format(NVME_NSID_ALL, 0)),
			 LM_NVME_INVALID_NAMESPACE);
	assert_int_equal(command(e, &admin, sqe_format(1, 0)), 0);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, DISK_SIZE / 512 - 1, 1, DATA, 0)),
			 0);
}

static void a_namespace_that_is_being_formatted(void **state)
{
	struct engine *e = *state;
	struct completion c;

	disk_ops.write_zeroes = NULL; /* it is written, and that is held back */
	nvme_ready(e);
	disk.holds = true;
	submit(e, &admin, sqe_format(1, 1));
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)),
			 LM_NVME_FORMAT_IN_PROGRESS);
	assert_int_equal(last.status & 0x4000, 0);
	assert_int_equal(command(e, &admin, sqe_format(1, 0)), LM_NVME_FORMAT_IN_PROGRESS);
	disk_go_on();
	engine_poll(e);
	assert_true(complete(&admin, &c));
	assert_int_equal(c.status, 0);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
}

/* ---- command sets ---------------------------------------------------------------- */

static uint64_t seen;

static uint16_t store_check(lm_nvme_cmd_t *cmd)
{
	cmd->length = cmd->dw[10];
	return cmd->dw[11] ? LM_NVME_INVALID_FIELD : LM_NVME_SUCCESS;
}

static void store_run(lm_nvme_cmd_t *cmd)
{
	assert_ptr_equal(cmd->pvt, &seen);
	memcpy(&seen, cmd->iov[0].iov_base, cmd->length);
	cmd->result = 77;
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

static void own_ns(void *pvt, uint8_t *page)
{
	page[0] = 0x99;
}

static const lm_nvme_op_t own_ops[] = {
	{ .opcode = 0x81, .name = "Store", .flags = LM_NVME_OP_NS, .check = store_check,
	  .run = store_run },
};
static const lm_nvme_set_t own_set = {
	.name = "own", LM_NVME_OPS(own_ops), .csi = 0x30, .identify_ns = own_ns };
static const lm_nvme_set_t *const own_sets[] = { &lm_nvme_nvm, &own_set, NULL };

static void vendor_run(lm_nvme_cmd_t *cmd)
{
	cmd->result = *(uint32_t *)cmd->pvt;
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

static const lm_nvme_op_t vendor_ops[] = {
	{ .opcode = 0xc0, .name = "Vendor", .run = vendor_run } };

static void a_command_set_is_a_table(void **state)
{
	const lm_nvme_ns_info_t ns = { .nsid = 7, .set = &own_set, .pvt = &seen };
	struct engine *e = *state;
	uint32_t number = 4711;
	struct sqe s;

	disk.info.sets = own_sets;
	disk.info.admin_ops = vendor_ops;
	disk.info.nr_admin_ops = 1;
	disk.info.admin_op_size = sizeof(vendor_ops[0]);
	disk.info.pvt = &number;
	nvme_ready(e);
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), 0);
	assert_ptr_equal(lm_nvme_pvt(disk.nvme), &number);
	assert_int_equal(command(e, &admin, sqe(0xc0, 0)), 0);
	assert_int_equal(last.result, 4711);
	s = sqe_data(0x81, 7, DATA, 0);
	s.dw[10] = 8;
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_OPCODE); /* CC.CSS: NVM alone */
	reg_put(e, NVME_CC, 0);
	reg_put(e, NVME_CC, CC_ENABLE | 6 << 4);
	admin = (struct queue){ .entries = 32, .phase = 1, .sq = admin.sq, .cq = admin.cq };
	memset(at(admin.cq), 0, 512);
	io = create_queue(e, 1, 16);
	nvme_put64(at(DATA), 0x123456789abcdef0);
	assert_int_equal(command(e, &io, s), 0);
	assert_int_equal(last.result, 77);
	assert_int_equal(seen, 0x123456789abcdef0);
	s.dw[11] = 1;
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_FIELD);
	assert_int_equal(command(e, &io, sqe_data(NVME_READ, 7, DATA, 0)), LM_NVME_INVALID_OPCODE);
	s = sqe_data(NVME_IDENTIFY, 7, DATA, 0);
	s.dw[10] = NVME_CNS_SET_NS;
	s.dw[11] = 0x30u << 24;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(*at(DATA), 0x99);
	s.dw[11] = 0;
	assert_int_equal(command(e, &admin, s), LM_NVME_INVALID_COMMAND_SET);
	assert_int_equal(identify(e, NVME_CNS_SETS | 0xffff0000, 0), 0);
	assert_int_equal(nvme_get64(at(DATA)), 1ull << 0x30 | 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_TEST(features_keep_what_is_set_until_a_reset),
		NVME_TEST(features_that_are_refused),
		NVME_TEST(features_of_a_namespace),
		NVME_TEST(queues_may_be_asked_for),
		NVME_TEST(timestamp_and_host_identifier),
		NVME_TEST(host_behavior_and_keep_alive),
		NVME_TEST(log_pages),
		NVME_TEST(log_pages_in_pieces),
		NVME_TEST(failed_commands_are_in_the_error_log),
		NVME_TEST(namespaces_come_and_go),
		NVME_TEST(a_namespace_in_use_goes_when_its_commands_have),
		NVME_TEST(namespaces_that_cannot_be),
		NVME_TEST(requests_beyond_the_limit),
		NVME_TEST(aborting),
		NVME_TEST(formatting),
		NVME_TEST(a_namespace_that_is_being_formatted),
		NVME_TEST(a_command_set_is_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
