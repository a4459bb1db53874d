/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_io.c - the NVM command set: what it does with blocks, the shapes that data have, and
 * what is refused.
 */
#include "nvme_driver.h"
#include "traced.h"

enum { BLOCK = 512, PAGE = 4096 };

static void fill(uint64_t addr, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		at(addr)[i] = (uint8_t)(seed + i * 7 + i / 251);
}

static void blank(uint64_t addr, size_t len)
{
	memset(at(addr), 0xee, len);
}

/* ---- blocks ---------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	fill(DATA, 8 * BLOCK, 1);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 100, 8, DATA, 0)), 0);
	assert_memory_equal(disk.blocks + 100 * BLOCK, at(DATA), 8 * BLOCK);
	blank(DATA + PAGE, PAGE);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 104, 4, DATA + PAGE, 0)), 0);
	assert_memory_equal(at(DATA + PAGE), at(DATA + 4 * BLOCK), 4 * BLOCK);
	assert_int_equal(*at(DATA + PAGE + 4 * BLOCK), 0xee);
}

static void the_last_block_and_none_beyond(void **state)
{
	const uint64_t end = DISK_SIZE / BLOCK;
	const struct {
		uint64_t first;
		uint32_t nr;
		uint16_t status;
	} cases[] = {
		{ end - 1, 1, 0 },
		{ end - 1, 2, LM_NVME_LBA_OUT_OF_RANGE },
		{ end, 1, LM_NVME_LBA_OUT_OF_RANGE },
		{ UINT64_MAX, 1, LM_NVME_LBA_OUT_OF_RANGE },
		{ UINT64_MAX - 7, 8, LM_NVME_LBA_OUT_OF_RANGE },
	};
	static const uint8_t opcodes[] = { NVME_READ, NVME_WRITE, NVME_COMPARE, NVME_VERIFY,
					   NVME_WRITE_ZEROES };
	struct engine *e = *state;
	size_t i, k;

	nvme_ready(e);
	for (k = 0; k < LM_NR(opcodes); k++) {
		memset(at(DATA), 0, PAGE);
		for (i = 0; i < LM_NR(cases); i++)
			assert_int_equal(command(e, &io, sqe_blocks(opcodes[k], cases[i].first,
								    cases[i].nr, DATA, 0)),
					 cases[i].status);
	}
}

static void flush_force_unit_access_and_the_write_cache(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe_blocks(NVME_WRITE, 0, 1, DATA, 0);

	nvme_ready(e);
	assert_int_equal(command(e, &io, sqe(NVME_FLUSH, 1)), 0);
	assert_int_equal(disk.nr_flushes, 1);
	assert_int_equal(command(e, &io, s), 0);
	assert_int_equal(disk.last_flags, 0);
	s.dw[12] |= 1u << 30;
	assert_int_equal(command(e, &io, s), 0);
	assert_int_equal(disk.last_flags, LM_NVME_IO_FUA);
	s = sqe(NVME_SET_FEATURES, 0);
	s.dw[10] = NVME_FEAT_WRITE_CACHE;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)), 0);
	assert_int_equal(disk.last_flags, LM_NVME_IO_FUA);
}

static void write_zeroes(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe_blocks(NVME_WRITE_ZEROES, 3, 2, 0, 0);

	nvme_ready(e);
	memset(disk.blocks, 'x', 8 * BLOCK);
	s.dw[12] |= 1u << 25;
	assert_int_equal(command(e, &io, s), 0);
	assert_int_equal(disk.last_flags, LM_NVME_IO_DISCARD);
	assert_int_equal(disk.blocks[3 * BLOCK - 1], 'x');
	assert_int_equal(disk.blocks[3 * BLOCK], 0);
	assert_int_equal(disk.blocks[5 * BLOCK], 'x');
}

/* More than one write makes. */
static void zeroes_are_written_where_the_backend_has_no_way(void **state)
{
	struct engine *e = *state;

	disk_ops.write_zeroes = NULL;
	nvme_ready(e);
	memset(disk.blocks, 'x', DISK_SIZE);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE_ZEROES, 1, 1001, 0, 0)), 0);
	assert_int_equal(disk.nr_writes, 4);
	assert_int_equal(disk.blocks[BLOCK - 1], 'x');
	assert_int_equal(disk.blocks[BLOCK], 0);
	assert_int_equal(disk.blocks[1002 * BLOCK - 1], 0);
	assert_int_equal(disk.blocks[1002 * BLOCK], 'x');
}

static void compare_and_verify(void **state)
{
	struct engine *e = *state;
	uint64_t i;

	nvme_ready(e);
	fill(DATA, 64 * PAGE, 5);
	memcpy(disk.blocks, at(DATA), 64 * PAGE);
	for (i = 0; i < 63; i++)
		nvme_put64(at(DATA - PAGE) + 8 * i, DATA + PAGE * (i + 1));
	assert_int_equal(command(e, &io, sqe_blocks(NVME_COMPARE, 0, 512, DATA, DATA - PAGE)), 0);
	assert_int_equal(disk.nr_reads, 4); /* 64 KiB each */
	disk.blocks[50 * PAGE] ^= 1;
	assert_int_equal(command(e, &io, sqe_blocks(NVME_COMPARE, 0, 512, DATA, DATA - PAGE)),
			 LM_NVME_COMPARE_FAILURE);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_VERIFY, 0, 512, 0, 0)), 0);
	disk.fails = -EIO;
	assert_int_equal(command(e, &io, sqe_blocks(NVME_VERIFY, 0, 512, 0, 0)),
			 LM_NVME_READ_ERROR);
	disk.fails = 0;
	assert_int_equal(command(e, &io, sqe_blocks(NVME_VERIFY, 0, 2048, 0, 0)),
			 LM_NVME_INVALID_FIELD); /* more than a transfer */
}

static void ranges_put(unsigned int nr, uint64_t first, uint32_t blocks)
{
	nvme_put32(at(DATA) + 16 * nr, 0);
	nvme_put32(at(DATA) + 16 * nr + 4, blocks);
	nvme_put64(at(DATA) + 16 * nr + 8, first);
}

static struct sqe sqe_dsm(unsigned int nr)
{
	struct sqe s = sqe_data(NVME_DSM, 1, DATA, 0);

	s.dw[10] = nr - 1;
	s.dw[11] = 4;
	return s;
}

static void dataset_management(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe_dsm(3);

	nvme_ready(e);
	memset(disk.blocks, 'x', 100 * BLOCK);
	ranges_put(0, 1, 1);
	ranges_put(1, DISK_SIZE / BLOCK + 1, 0); /* nothing, wherever that is */
	ranges_put(2, 20, 5);
	assert_int_equal(command(e, &io, s), 0);
	assert_int_equal(disk.nr_discards, 2);
	assert_int_equal(disk.blocks[BLOCK], 0);
	assert_int_equal(disk.blocks[25 * BLOCK - 1], 0);
	assert_int_equal(disk.blocks[25 * BLOCK], 'x');
	s.dw[11] = 0; /* a hint */
	assert_int_equal(command(e, &io, s), 0);
	ranges_put(2, DISK_SIZE / BLOCK, 1); /* one of them is bad: none is done */
	assert_int_equal(command(e, &io, sqe_dsm(3)), LM_NVME_LBA_OUT_OF_RANGE);
	assert_int_equal(disk.nr_discards, 2);
}

/* ---- shapes: PRP ----------------------------------------------------------------- */

/* By PRP, from the middle of a page, over a list that ends its page after two entries. */
static void prp_lists(struct engine *e, uint64_t data, uint64_t list)
{
	const uint32_t nr = 1000; /* 126 pages */
	const uint64_t first = data + 0x600, in_page = list + PAGE - 16;
	uint64_t i, entry = 0;

	fill(data, 128 * PAGE, 3);
	for (i = 1; i < 126; i++) {
		const uint64_t where = entry ? list + PAGE + 8 * (entry - 1) : in_page;

		nvme_put64(at(where), data + i * PAGE);
		entry++;
	}
	nvme_put64(at(in_page + 8), list + PAGE);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 1, nr, first, in_page)), 0);
	assert_memory_equal(disk.blocks + BLOCK, at(first), nr * BLOCK);
	blank(data, 128 * PAGE);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 1, nr, first, in_page)), 0);
	assert_memory_equal(disk.blocks + BLOCK, at(first), nr * BLOCK);
	assert_int_equal(*at(first + nr * BLOCK), 0xee);
	assert_int_equal(*at(first - 1), 0xee);
}

static void prp_in_memory_that_is_mapped(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	prp_lists(e, DATA, RAM + 0x80000);
}

static void prp_in_memory_that_is_copied(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	prp_lists(e, SLOW + 0x100000, SLOW + 0x80000);
}

static void two_pages_anywhere(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	fill(DATA, PAGE, 1);
	fill(SLOW + PAGE, PAGE, 2);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 8, DATA + 0xa00, SLOW + PAGE)),
			 0);
	assert_memory_equal(disk.blocks, at(DATA + 0xa00), 3 * BLOCK);
	assert_memory_equal(disk.blocks + 3 * BLOCK, at(SLOW + PAGE), 5 * BLOCK);
}

static void bad_prp(void **state)
{
	const struct {
		uint32_t nr;
		uint64_t prp1, prp2;
		uint16_t status;
	} bad[] = {
		{ 1, DATA + 2, 0, LM_NVME_PRP_INVALID_OFFSET },
		{ 9, DATA, DATA + PAGE + 8, LM_NVME_PRP_INVALID_OFFSET },
		{ 100, DATA, DATA + PAGE + 4, LM_NVME_PRP_INVALID_OFFSET },
		{ 1, NOWHERE, 0, LM_NVME_DATA_TRANSFER_ERROR },
		{ 9, DATA, NOWHERE, LM_NVME_DATA_TRANSFER_ERROR },
		{ 100, DATA, NOWHERE, LM_NVME_DATA_TRANSFER_ERROR },
		{ 8, UINT64_MAX & ~3ull, 0, LM_NVME_DATA_TRANSFER_ERROR },
		{ 1025, DATA, DATA, LM_NVME_INVALID_FIELD },
	};
	struct engine *e = *state;
	size_t i;

	nvme_ready(e);
	memset(at(DATA), 0, PAGE);
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, bad[i].nr, bad[i].prp1,
							    bad[i].prp2)), bad[i].status);
	nvme_put64(at(DATA), DATA + 12); /* in the list */
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 100, DATA, DATA)),
			 LM_NVME_PRP_INVALID_OFFSET);
	nvme_put64(at(DATA + PAGE - 8), DATA + PAGE - 8); /* a list that names itself */
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 100, DATA, DATA + PAGE - 8)),
			 LM_NVME_PRP_INVALID_OFFSET);
	assert_int_equal(disk.nr_writes, 0);
}

/* ---- shapes: SGL ----------------------------------------------------------------- */

static void sgl_put(uint64_t where, uint8_t type, uint64_t addr, uint32_t len)
{
	uint8_t *to = at(where);

	memset(to, 0, 16);
	nvme_put64(to, addr);
	nvme_put32(to + 8, len);
	to[15] = (uint8_t)(type << 4);
}

static struct sqe sqe_sgl(uint8_t opcode, uint32_t nlb, uint8_t type, uint64_t addr, uint32_t len)
{
	struct sqe s = sqe_blocks(opcode, 0, nlb, addr, 0);

	s.dw[0] |= 1 << 14;
	s.dw[8] = len;
	s.dw[9] = (uint32_t)type << 28;
	return s;
}

#define LIST (RAM + 0x80000)

static void sgl_shapes(struct engine *e, uint64_t data)
{
	fill(data, 16 * BLOCK, 9);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 2, NVME_SGL_DATA, data + 3,
						 2 * BLOCK)), 0);
	assert_memory_equal(disk.blocks, at(data + 3), 2 * BLOCK);

	sgl_put(LIST, NVME_SGL_DATA, data, 100);
	sgl_put(LIST + 16, NVME_SGL_DATA, data + 1000, BLOCK - 100);
	sgl_put(LIST + 32, NVME_SGL_DATA, data, 0);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, NVME_SGL_LAST_SEGMENT, LIST, 48)),
			 0);
	assert_memory_equal(disk.blocks, at(data), 100);
	assert_memory_equal(disk.blocks + 100, at(data + 1000), BLOCK - 100);

	sgl_put(LIST + 32, NVME_SGL_SEGMENT, LIST + 0x2000, 32);
	sgl_put(LIST + 0x2000, NVME_SGL_DATA, data + 2000, 10);
	sgl_put(LIST + 0x2010, NVME_SGL_LAST_SEGMENT, LIST + 0x3000, 16);
	sgl_put(LIST + 0x3000, NVME_SGL_DATA, data + 3000, BLOCK);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 2, NVME_SGL_SEGMENT, LIST, 48)), 0);
	assert_memory_equal(disk.blocks + BLOCK, at(data + 2000), 10);
	assert_memory_equal(disk.blocks + BLOCK + 10, at(data + 3000), BLOCK - 10);
}

static void sgl_in_memory_that_is_mapped(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	sgl_shapes(e, DATA);
}

static void sgl_in_memory_that_is_copied(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	sgl_shapes(e, SLOW + 0x100000);
}

static void bit_buckets_take_what_nobody_wants(void **state)
{
	struct engine *e = *state;

	nvme_ready(e);
	memset(disk.blocks, 'a', BLOCK);
	memset(disk.blocks + BLOCK, 'b', BLOCK);
	blank(DATA, PAGE);
	sgl_put(LIST, NVME_SGL_DATA, DATA, 12);
	sgl_put(LIST + 16, NVME_SGL_BUCKET, 0, BLOCK);
	sgl_put(LIST + 32, NVME_SGL_DATA, DATA + 12, BLOCK - 12);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_READ, 2, NVME_SGL_LAST_SEGMENT, LIST, 48)),
			 0);
	assert_memory_equal(at(DATA), "aaaaaaaaaaaabb", 14);
	assert_int_equal(*at(DATA + BLOCK), 0xee);
	/* of data to the controller there are none */
	sgl_put(LIST + 32, NVME_SGL_DATA, DATA + 12, 2 * BLOCK - 12);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 2, NVME_SGL_LAST_SEGMENT, LIST, 48)),
			 0);
	assert_int_equal(disk.blocks[12], 'b');
}

static void bad_sgl(void **state)
{
	const struct {
		uint8_t type;
		uint64_t addr;
		uint32_t len;
		uint16_t status;
	} bad[] = {
		{ NVME_SGL_DATA, DATA, BLOCK - 1, LM_NVME_SGL_INVALID_LENGTH },
		{ NVME_SGL_DATA, NOWHERE, BLOCK, LM_NVME_DATA_TRANSFER_ERROR },
		{ NVME_SGL_DATA, UINT64_MAX - 100, BLOCK, LM_NVME_DATA_TRANSFER_ERROR },
		{ 4, DATA, BLOCK, LM_NVME_SGL_INVALID_TYPE },
		{ 15, DATA, BLOCK, LM_NVME_SGL_INVALID_TYPE },
		{ NVME_SGL_SEGMENT, LIST, 0, LM_NVME_SGL_INVALID_SEGMENT },
		{ NVME_SGL_SEGMENT, LIST, 15, LM_NVME_SGL_INVALID_SEGMENT },
		{ NVME_SGL_SEGMENT, LIST, 16, LM_NVME_SGL_INVALID_SEGMENT }, /* ends without one */
		{ NVME_SGL_LAST_SEGMENT, NOWHERE, 16, LM_NVME_DATA_TRANSFER_ERROR },
		{ NVME_SGL_LAST_SEGMENT, UINT64_MAX - 15, 32, LM_NVME_DATA_TRANSFER_ERROR },
	};
	struct engine *e = *state;
	struct sqe s;
	size_t i;

	nvme_ready(e);
	sgl_put(LIST, NVME_SGL_DATA, DATA, BLOCK);
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, bad[i].type, bad[i].addr,
							 bad[i].len)), bad[i].status);
	s = sqe_sgl(NVME_WRITE, 1, NVME_SGL_DATA, DATA, BLOCK);
	s.dw[9] |= 1u << 24; /* an offset */
	assert_int_equal(command(e, &io, s), LM_NVME_SGL_INVALID_TYPE);
	s.dw[0] |= 3 << 14;
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_FIELD);
	sgl_put(LIST, NVME_SGL_LAST_SEGMENT, LIST, 16); /* in a last one */
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, NVME_SGL_LAST_SEGMENT, LIST, 16)),
			 LM_NVME_SGL_INVALID_SEGMENT);
	sgl_put(LIST, NVME_SGL_SEGMENT, LIST, 16); /* nor here, and not at the end */
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, NVME_SGL_LAST_SEGMENT, LIST, 32)),
			 LM_NVME_SGL_INVALID_SEGMENT);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, NVME_SGL_SEGMENT, LIST, 32)),
			 LM_NVME_SGL_INVALID_COUNT);
	assert_int_equal(disk.nr_writes, 0);
	s = sqe_data(NVME_IDENTIFY, 0, DATA, 0);
	s.dw[0] |= 1 << 14;
	s.dw[10] = 1;
	assert_int_equal(command(e, &admin, s), LM_NVME_INVALID_FIELD);
}

static void lists_that_do_not_end(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	nvme_ready(e);
	sgl_put(LIST, NVME_SGL_SEGMENT, LIST, 16); /* names itself */
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, NVME_SGL_SEGMENT, LIST, 16)),
			 LM_NVME_SGL_INVALID_COUNT);
	for (i = 0; i < 4096; i++) /* and many that are empty */
		sgl_put(LIST + 16 * i, NVME_SGL_DATA, DATA, 0);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, NVME_SGL_LAST_SEGMENT, LIST,
						 65536)), LM_NVME_SGL_INVALID_COUNT);
	sgl_put(SLOW, NVME_SGL_SEGMENT, SLOW, 16);
	assert_int_equal(command(e, &io, sqe_sgl(NVME_WRITE, 1, NVME_SGL_SEGMENT, SLOW, 16)),
			 LM_NVME_SGL_INVALID_COUNT);
}

/* ---- traces ---------------------------------------------------------------------- */

static void note_is(struct engine *e, const char *format, ...)
{
	char wanted[128], text[128 + LM_TRACE_TEXT_SIZE] = "";
	struct lm_trace_record rec;
	va_list args;

	va_start(args, format);
	vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);
	do {
		rec = engine_row_of(e, LM_TRACE_NOTE);
		lm_trace_text(&rec, text + strlen(text));
	} while (rec.flags & LM_TRACE_MORE);
	assert_string_equal(text, wanted);
}

static void a_trace_reads_as_a_story(void **state)
{
	struct engine *e = *state;
	uint16_t cid;

	nvme_ready(e);
	engine_trace(e);
	cid = submit(e, &io, sqe_blocks(NVME_READ, 3, 2, DATA, 0));
	engine_poll(e);
	assert_true(complete(&io, &last));
	engine_row_of(e, LM_TRACE_WRITE); /* the doorbell */
	note_is(e, "Read nsid=1 slba=3 nlb=2 cid=%u sq=1", cid);
	note_is(e, "Read cid=%u sq=1: 1024 bytes to 0x%llx", cid, DATA);
	note_is(e, "Read cid=%u sq=1: done", cid);
	engine_row_of(e, LM_TRACE_IRQ_FIRE);
	engine_no_row(e);
	cid = submit(e, &io, sqe_blocks(NVME_WRITE, DISK_SIZE / BLOCK, 1, DATA, 0));
	engine_poll(e);
	engine_row_of(e, LM_TRACE_WRITE);
	note_is(e, "Write nsid=1 slba=%u nlb=1 cid=%u sq=1", DISK_SIZE / BLOCK, cid);
	note_is(e, "Write cid=%u sq=1: status 080h", cid);
}

/* ---- refused --------------------------------------------------------------------- */

static void fields_that_are_refused(void **state)
{
	struct engine *e = *state;
	struct sqe s;

	nvme_ready(e);
	s = sqe_blocks(NVME_READ, 0, 1, DATA, 0);
	s.dw[0] |= 1 << 8; /* fused */
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_FIELD);
	s = sqe_blocks(NVME_WRITE, 0, 1, DATA, 0);
	s.dw[12] |= 1 << 20; /* a directive */
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_FIELD);
	s = sqe_blocks(NVME_READ, 0, 1, DATA, 0);
	s.dw[1] = 0;
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_NAMESPACE);
	s.dw[1] = 2;
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_FIELD);
	s.dw[1] = NVME_NSID_ALL;
	assert_int_equal(command(e, &io, s), LM_NVME_INVALID_NAMESPACE);
	assert_int_equal(command(e, &io, sqe(NVME_FLUSH, NVME_NSID_ALL)),
			 LM_NVME_INVALID_NAMESPACE);
	assert_int_equal(disk.nr_reads + disk.nr_writes, 0);
}

static void a_read_only_namespace(void **state)
{
	struct engine *e = *state;

	disk.ns.flags = LM_NVME_NS_READ_ONLY;
	nvme_ready(e);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)),
			 LM_NVME_NS_WRITE_PROTECTED);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE_ZEROES, 0, 1, 0, 0)),
			 LM_NVME_NS_WRITE_PROTECTED);
	assert_int_equal(command(e, &io, sqe_dsm(1)), LM_NVME_NS_WRITE_PROTECTED);
	assert_int_equal(command(e, &admin, sqe(NVME_FORMAT, 1)), LM_NVME_NS_WRITE_PROTECTED);
	assert_int_equal(identify(e, NVME_CNS_NS, 1), 0);
	assert_int_equal(at(DATA)[99], 1);
}

static void errors_of_the_backend(void **state)
{
	static const struct {
		int      err;
		uint16_t read, write;
	} cases[] = {
		{ -EIO, LM_NVME_READ_ERROR, LM_NVME_WRITE_FAULT },
		{ -ENOSPC, LM_NVME_CAPACITY_EXCEEDED, LM_NVME_CAPACITY_EXCEEDED },
		{ -EROFS, LM_NVME_NS_WRITE_PROTECTED, LM_NVME_NS_WRITE_PROTECTED },
		{ -EINTR, LM_NVME_COMMAND_INTERRUPTED, LM_NVME_COMMAND_INTERRUPTED },
	};
	struct engine *e = *state;
	size_t i;

	nvme_ready(e);
	for (i = 0; i < LM_NR(cases); i++) {
		disk.fails = cases[i].err;
		assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)),
				 cases[i].read);
		assert_int_equal(command(e, &io, sqe_blocks(NVME_WRITE, 0, 1, DATA, 0)),
				 cases[i].write);
	}
	assert_int_equal(last.status & 0x4000, 0); /* the last one may be tried again */
}

/* What is copied at a time is bounded: the rest waits, and all of it comes. */
static void many_copies_wait_for_each_other(void **state)
{
	struct engine *e = *state;
	struct completion c;
	unsigned int i, nr = 0;

	nvme_ready(e);
	for (i = 0; i < 64; i++)
		nvme_put64(at(SLOW + 8 * i), SLOW + 0x100000);
	for (; i < 128; i++)
		nvme_put64(at(SLOW + 8 * i), SLOW + 0x200000);
	io = create_queue(e, 2, 64);
	disk.holds = true;
	for (i = 0; i < 40; i++) {
		struct sqe s = sqe_blocks(NVME_READ, 0, 1024, SLOW + 0x300000, SLOW);

		enqueue(&io, s);
	}
	ring_tail(e, &io);
	engine_poll(e);
	assert_int_equal(disk.nr_held, 16); /* 8 MiB */
	while (disk.nr_held) {
		disk_go_on();
		disk.holds = true;
		engine_poll(e);
	}
	while (complete(&io, &c))
		nr += !c.status;
	assert_int_equal(nr, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_TEST(what_is_written_is_read),
		NVME_TEST(the_last_block_and_none_beyond),
		NVME_TEST(flush_force_unit_access_and_the_write_cache),
		NVME_TEST(write_zeroes),
		NVME_TEST(zeroes_are_written_where_the_backend_has_no_way),
		NVME_TEST(compare_and_verify),
		NVME_TEST(dataset_management),
		NVME_TEST(prp_in_memory_that_is_mapped),
		NVME_TEST(prp_in_memory_that_is_copied),
		NVME_TEST(two_pages_anywhere),
		NVME_TEST(bad_prp),
		NVME_TEST(sgl_in_memory_that_is_mapped),
		NVME_TEST(sgl_in_memory_that_is_copied),
		NVME_TEST(bit_buckets_take_what_nobody_wants),
		NVME_TEST(bad_sgl),
		NVME_TEST(lists_that_do_not_end),
		NVME_TEST(fields_that_are_refused),
		NVME_TEST(a_read_only_namespace),
		NVME_TEST(errors_of_the_backend),
		NVME_TEST(many_copies_wait_for_each_other),
		NVME_TEST(a_trace_reads_as_a_story),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
