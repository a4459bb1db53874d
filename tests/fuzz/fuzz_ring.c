/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_ring.c - a hostile trace ring: lm_trace_open() and lm_trace_next().
 *
 * The header has any geometry, in a file of any size and seals; between two records the writer
 * changes heads, slots and header as it likes. A reader must end each call soon, count no record
 * twice, and never read outside the ring.
 */
#include <sys/stat.h>

#include "trace/trace.h"
#include "fuzz.h"

#define MAX_STEPS  64u
#define NEXT_MAX   256u

static char *file;          /* as the writer maps it */
static size_t file_size;

/* ---- the writer ------------------------------------------------------------------ */

static int ring_new(struct input *in)
{
	const uint8_t b = take_u8(in);
	const int seals = F_SEAL_SHRINK | (b & 1 ? F_SEAL_GROW | F_SEAL_FUTURE_WRITE : 0);
	int fd;

	if (b >= 0xf8) /* no ring file at all */
		return fd_new(b);
	file_size = b & 0x80 ? take_u16(in) : 4096 + 64 * 64;
	fd = memfd_new(file_size, false);
	if (b >= 0xe0) /* the rest is a hole */
		FUZZ_CHECK(!ftruncate(fd, 1ll << 50));
	file = file_size ? mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
	FUZZ_CHECK(file != MAP_FAILED);
	if (b < 0xf0)
		FUZZ_CHECK(!fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static void put(size_t at, const void *value, size_t len)
{
	if (!out_of_range(at, len, file_size))
		memcpy(file + at, value, len);
}

static void header_write(struct input *in)
{
	const uint8_t b = take_u8(in);
	struct lm_trace_header h = {
		.magic = LM_TRACE_MAGIC, .version = LM_TRACE_VERSION, .record_size = 64,
		.nr_slots = 1u << (b & 7) % 7, .data_offset = 4096, .clock = b >> 3 & 1,
		.ticks0 = trace_ticks() - 1000, .ns0 = 1000,
	};
	unsigned int nr;
	uint64_t value;

	if (b & 0x10)
		h.data_offset <<= take_u8(in) % 52;
	h.head = b & 0x20 ? take_number(in) : 0;
	put(0, &h, sizeof(h));
	for (nr = b & 0x40 ? take_u8(in) & 3 : 0; nr; nr--) {
		const size_t at = take_u8(in) % 16 * 4;

		value = take_number(in);
		put(at, &value, take_u8(in) & 1 ? 4 : 8);
	}
}

static uint64_t head(void)
{
	uint64_t value = 0;

	if (file_size >= sizeof(struct lm_trace_header))
		memcpy(&value, file + offsetof(struct lm_trace_header, head), sizeof(value));
	return value;
}

static void head_set(uint64_t value)
{
	put(offsetof(struct lm_trace_header, head), &value, sizeof(value));
}

/* As a good writer does it, with the geometry that the header has now. */
static void append(struct input *in, unsigned int nr)
{
	struct lm_trace_record rec = { .kind = take_u8(in), .time = take_number(in) };
	struct lm_trace_header h = { 0 };
	uint64_t at;

	if (file_size < sizeof(h))
		return;
	for (; nr; nr--) {
		memcpy(&h, file, sizeof(h));
		rec.sequence = 2 * h.head + 2;
		rec.duration = (uint32_t)nr * 0x1000000;
		at = h.nr_slots ? h.data_offset + h.head % h.nr_slots * h.record_size : 0;
		if (at >= sizeof(h) && at < file_size)
			put(at, &rec, sizeof(rec));
		head_set(h.head + 1);
	}
}

static void step_write(struct input *in, uint8_t op)
{
	const uint8_t arg = take_u8(in);
	uint64_t value;

	switch (op & 7) {
	case 0: case 1: case 2: append(in, arg % 80); break;
	case 3: head_set(head() + arg); break;
	case 4: head_set(take_number(in)); break;
	case 5: header_write(in); break;
	default:
		value = take_number(in);
		put(arg * 64u + (op & 0x38), &value, sizeof(value));
	}
}

/* ---- the reader ------------------------------------------------------------------ */

static void read_some(lm_trace_reader_t *reader, unsigned int nr)
{
	struct lm_trace_record rec;
	uint64_t lost, sequence = 0;
	int ret = 1;

	for (; nr && ret == 1; nr--) {
		memset(&rec, 0, sizeof(rec));
		ret = lm_trace_next(reader, &rec, &lost);
		FUZZ_CHECK(ret == 0 || ret == 1 || ret == -EPROTO);
		if (ret != 1)
			break;
		FUZZ_CHECK(rec.sequence >= sequence);
		sequence = rec.sequence + 1;
		lm_trace_kind_name(rec.kind);
	}
}

static void arm(lm_trace_reader_t *reader)
{
	uint32_t armed = 0;

	FUZZ_CHECK(lm_trace_arm(reader, &armed) == (int)armed);
}

/* What opening makes the kernel allocate for the file is paid by the reader. */
static void check_cost(int fd)
{
	struct stat st;

	FUZZ_CHECK(!fstat(fd, &st));
	FUZZ_CHECK(!S_ISREG(st.st_mode) || st.st_blocks <= (64 << 20) / 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const unsigned int before = count_fds();
	lm_trace_reader_t *reader = NULL;
	unsigned int i, arms = 1;
	int fd, copy, ret;

	file = NULL;
	file_size = 0;
	fd = ring_new(&in);
	copy = dup(fd);
	header_write(&in);
	ret = lm_trace_open(fd, &reader);
	FUZZ_CHECK(!ret == !!reader);
	check_cost(copy);
	for (i = 0; !ret && in.left && i < MAX_STEPS; i++) {
		const uint8_t op = take_u8(&in);

		if (op < 0x80)
			step_write(&in, op);
		else if (op == 0xff && arms) /* takes milliseconds on some kernels */
			arms--, arm(reader);
		else
			read_some(reader, op < 0xe0 ? op & 0x1f : NEXT_MAX);
	}
	lm_trace_close(reader);
	if (ret)
		close(fd);
	close(copy);
	if (file)
		munmap(file, file_size);
	FUZZ_CHECK(!fds_left(before));
	return 0;
}
