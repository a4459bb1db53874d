/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_copy.c - lm_dma_read() and lm_dma_write(), with and without waiting, and their
 * traces.
 */
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "trace/trace.h"
#include "dma_fixture.h"
#include "tempdir.h"

#define A 0x100000ull

static int results[8];
static unsigned int nr_results;

static void note_result(void *arg, int result)
{
	assert_ptr_equal(arg, results);
	results[nr_results++] = result;
}

static int setup(void **state)
{
	nr_results = 0;
	return dma_setup(state);
}

static void map_read_only(uint64_t addr, int fd)
{
	assert_int_equal(try_map((struct dma_window){ .addr = addr, .size = PAGE,
						      .prot = PROT_READ, .fd = fd }), 0);
}

/* ---- waiting --------------------------------------------------------------------- */

static void mapped_memory_is_copied(void **state)
{
	const int fd = sealed_file(2 * PAGE);
	uint8_t buf[100];
	dma_sg_t sg;
	int i;

	map_file(A, 2 * PAGE, fd, 0);
	sg = find(A + PAGE - 50, 100);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(buf[i], byte_at((uint64_t)(PAGE - 50 + (uint64_t)i)));
	memset(buf, 0x42, sizeof(buf));
	assert_int_equal(lm_dma_write(&ctx, &sg, buf), 0);
	assert_int_equal(pread(fd, buf, 1, PAGE + 49), 1);
	assert_int_equal(buf[0], 0x42);
	assert_int_equal(peer.nr_requests, 0);
	close(fd);
}

/* ulimit -f is about files that get longer; beyond it write(2) raises a signal nevertheless. */
static void a_file_beyond_the_limit_is_written(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	struct rlimit before, little;
	char data[4];
	dma_sg_t sg;
	int ret;

	map_file(A, 4 * PAGE, fd, 0);
	sg = find(A + 2 * PAGE - 2, 4);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = (struct rlimit){ PAGE, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	ret = lm_dma_write(&ctx, &sg, "data");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(ret, 0);
	assert_int_equal(pread(fd, data, 4, 2 * PAGE - 2), 4);
	assert_memory_equal(data, "data", 4);
	close(fd);
}

/* -1: not here. */
static int direct_file(uint64_t size)
{
	char path[PATH_MAX], name[PATH_MAX + 8];
	int fd;

	assert_non_null(tempdir_new(path));
	snprintf(name, sizeof(name), "%s/file", path);
	fd = open(name, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	tempdir_remove(path);
	assert_true(fd < 0 || !ftruncate(fd, (off_t)size));
	return fd;
}

/* read(2) and write(2) of such a descriptor want whole blocks. */
static void a_direct_file_is_copied_at_any_offset(void **state)
{
	const int fd = direct_file(4 * PAGE);
	char data[5] = "";
	dma_sg_t sg;

	if (fd < 0) {
		print_message("no O_DIRECT in the directory for temporary files\n");
		skip();
	}
	map_file(A, 4 * PAGE, fd, 0);
	sg = find(A + 2 * PAGE - 2, 4);
	assert_int_equal(lm_dma_write(&ctx, &sg, "data"), 0);
	assert_int_equal(lm_dma_read(&ctx, &sg, data), 0);
	assert_string_equal(data, "data");
	close(fd);
}

static void other_memory_is_asked_for(void **state)
{
	char buf[16] = "";
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A + 0x123, 16);
	memcpy(peer.memory, "what it says", 13);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), 0);
	assert_string_equal(buf, "what it says");
	assert_int_equal(peer.request.addr, A + 0x123);
	assert_int_equal(peer.request.len, 16);
	assert_false(peer.request.is_write);
	assert_int_equal(lm_dma_write(&ctx, &sg, "what we answer.."), 0);
	assert_true(peer.request.is_write);
	assert_memory_equal(peer.memory, "what we answer..", 16);
}

static void what_the_client_answers_is_told(void **state)
{
	char buf[4];
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 4);
	peer.answer = -EDEADLK;
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), -EDEADLK);
	peer.answer = -ENOTCONN;
	assert_int_equal(lm_dma_write(&ctx, &sg, buf), -ENOTCONN);
}

static void protection_is_checked(void **state)
{
	const int fd = sealed_file(PAGE);
	char byte = 0;
	dma_sg_t sg;

	map_read_only(A, fd);
	map_read_only(A + PAGE, -1);
	sg = find(A, 1);
	assert_int_equal(lm_dma_read(&ctx, &sg, &byte), 0);
	assert_int_equal(lm_dma_write(&ctx, &sg, &byte), -EACCES);
	sg = find(A + PAGE, 1);
	assert_int_equal(lm_dma_write(&ctx, &sg, &byte), -EACCES);
	assert_int_equal(peer.nr_requests, 0);
	close(fd);
}

static void a_stale_entry_copies_nothing(void **state)
{
	char byte = 0;
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 1);
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(lm_dma_read(&ctx, &sg, &byte), -ESTALE);
	map_message(A, PAGE);
	assert_int_equal(lm_dma_read(&ctx, &sg, &byte), -ESTALE);
	assert_int_equal(lm_dma_write(&ctx, &sg, &byte), -ESTALE);
	sg = find(A, 1);
	sg.length = PAGE + 1;
	assert_int_equal(lm_dma_read(&ctx, &sg, &byte), -ESTALE);
	assert_int_equal(peer.nr_requests, 0);
}

static void nothing_is_copied_without_asking(void **state)
{
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 1);
	sg.length = 0;
	assert_int_equal(lm_dma_read(&ctx, &sg, NULL), 0);
	assert_int_equal(lm_dma_write_async(&ctx, &sg, NULL, note_result, results), 0);
	assert_int_equal(nr_results, 1);
	assert_int_equal(peer.nr_requests, 0);
}

/* ---- without waiting ------------------------------------------------------------- */

static void what_can_be_reached_is_done_at_once(void **state)
{
	const int fd = sealed_file(PAGE), slow = file_new(PAGE, 0);
	uint8_t byte = 0;
	dma_sg_t sg;

	map_file(A, PAGE, fd, 0);
	map_file(A + PAGE, PAGE, slow, 0);
	sg = find(A + 7, 1);
	assert_int_equal(lm_dma_read_async(&ctx, &sg, &byte, note_result, results), 0);
	assert_int_equal(nr_results, 1);
	assert_int_equal(byte, byte_at(7));
	sg = find(A + PAGE + 8, 1);
	assert_int_equal(lm_dma_write_async(&ctx, &sg, &byte, note_result, results), 0);
	assert_int_equal(nr_results, 2);
	assert_int_equal(pread(slow, &byte, 1, 8), 1);
	assert_int_equal(byte, byte_at(7));
	close(fd);
	close(slow);
}

static void a_message_is_done_when_the_client_answers(void **state)
{
	char buf[4];
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 4);
	assert_int_equal(lm_dma_read_async(&ctx, &sg, buf, note_result, results), 0);
	assert_int_equal(nr_results, 0);
	assert_ptr_equal(peer.request.data, buf);
	peer.done(peer.arg, -EIO);
	assert_int_equal(nr_results, 1);
	assert_int_equal(results[0], -EIO);
}

static void what_cannot_begin_is_never_done(void **state)
{
	char byte = 0;
	dma_sg_t sg;

	map_read_only(A, -1);
	sg = find(A, 1);
	assert_int_equal(lm_dma_write_async(&ctx, &sg, &byte, note_result, results),
			 -EACCES);
	peer.answer = -ENOTCONN;
	assert_int_equal(lm_dma_read_async(&ctx, &sg, &byte, note_result, results),
			 -ENOTCONN);
	assert_int_equal(unmap(A, PAGE), 0);
	assert_int_equal(lm_dma_read_async(&ctx, &sg, &byte, note_result, results),
			 -ESTALE);
	assert_int_equal(nr_results, 0);
}

static void a_failure_on_the_way_is_told_to_the_callback(void **state)
{
	const int fd = file_new(2 * PAGE, 0);
	char byte;
	dma_sg_t sg;

	map_file(A, 2 * PAGE, fd, 0);
	sg = find(A + PAGE, 1);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(lm_dma_read_async(&ctx, &sg, &byte, note_result, results), 0);
	assert_int_equal(nr_results, 1);
	assert_int_equal(results[0], -EFAULT);
	close(fd);
}

/* A client that waits for its DMA_UNMAP answers nobody: holding it back would never
 * end. */
static void a_message_under_way_does_not_delay_an_unmap(void **state)
{
	char byte;
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 1);
	assert_int_equal(lm_dma_read_async(&ctx, &sg, &byte, note_result, results), 0);
	assert_int_equal(unmap(A, PAGE), 0);
	peer.done(peer.arg, -EINVAL);
	assert_int_equal(results[0], -EINVAL);
}

/* ---- traces ---------------------------------------------------------------------- */

struct tracing {
	lm_trace_reader_t *reader;
	void              *tracer;
};

static int trace_setup(void **state)
{
	static struct tracing t;
	const int page = memfd_create("armed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ring;

	if (setup(state) || ftruncate(page, PAGE) ||
	    fcntl(page, F_ADD_SEALS, F_SEAL_SHRINK) ||
	    trace_attach(&ctx, eventfd(0, EFD_NONBLOCK), page, &ring, &t.tracer) ||
	    lm_trace_open(dup(ring), &t.reader))
		return -1;
	*state = &t;
	return 0;
}

static int trace_teardown(void **state)
{
	struct tracing *t = *state;

	lm_trace_close(t->reader);
	trace_detach(&ctx, t->tracer);
	trace_free(&ctx);
	return dma_teardown(state);
}

/* The next one of a copy: windows that come are records as well. */
static bool take_record(void **state, struct lm_trace_record *rec)
{
	const struct tracing *t = *state;
	uint64_t lost;
	int ret;

	do {
		ret = lm_trace_next(t->reader, rec, &lost);
	} while (ret == 1 && rec->kind == LM_TRACE_DMA_MAP);
	return ret == 1;
}

static struct lm_trace_record next_record(void **state)
{
	struct lm_trace_record rec;

	assert_true(take_record(state, &rec));
	return rec;
}

static void check_no_record(void **state)
{
	struct lm_trace_record rec;

	assert_false(take_record(state, &rec));
}

static void copies_are_traced(void **state)
{
	const int fd = sealed_file(PAGE);
	const uint8_t out[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	struct lm_trace_record rec;
	uint8_t in[2];
	dma_sg_t sg;

	map_file(A, PAGE, fd, 0);
	sg = find(A + 0x10, 10);
	assert_int_equal(lm_dma_write(&ctx, &sg, out), 0);
	rec = next_record(state);
	assert_int_equal(rec.kind, LM_TRACE_DMA_WRITE);
	assert_int_equal(rec.offset, A + 0x10);
	assert_int_equal(rec.len, 10);
	assert_memory_equal(rec.bytes, out, 8);
	assert_int_equal(rec.result, 0);
	assert_int_equal(rec.flags, 0);
	sg = find(A + 0x11, 2);
	assert_int_equal(lm_dma_read(&ctx, &sg, in), 0);
	rec = next_record(state);
	assert_int_equal(rec.kind, LM_TRACE_DMA_READ);
	assert_int_equal(rec.value, 0x0302);
	assert_int_equal(lm_dma_read_async(&ctx, &sg, in, note_result, results), 0);
	assert_int_equal(next_record(state).len, 2);
	check_no_record(state);
	close(fd);
}

static void copies_that_fail_are_traced(void **state)
{
	struct lm_trace_record rec;
	char byte = 1;
	dma_sg_t sg;

	map_read_only(A, -1);
	sg = find(A, 1);
	assert_int_equal(lm_dma_write(&ctx, &sg, &byte), -EACCES);
	rec = next_record(state);
	assert_int_equal(rec.result, -EACCES);
	assert_int_equal(rec.len, 1);
	peer.answer = -EIO;
	assert_int_equal(lm_dma_read(&ctx, &sg, &byte), -EIO);
	rec = next_record(state);
	assert_int_equal(rec.result, -EIO);
	assert_int_equal(rec.flags, LM_TRACE_MESSAGE);
	assert_int_equal(rec.value, 0);
}

static void a_message_is_traced_when_it_ends(void **state)
{
	struct lm_trace_record rec;
	char buf[4];
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 4);
	assert_int_equal(lm_dma_read_async(&ctx, &sg, buf, note_result, results), 0);
	check_no_record(state);
	memcpy(buf, "abcd", 4);
	peer.done(peer.arg, 0);
	assert_int_equal(nr_results, 1);
	rec = next_record(state);
	assert_int_equal(rec.kind, LM_TRACE_DMA_READ);
	assert_int_equal(rec.flags, LM_TRACE_MESSAGE);
	assert_memory_equal(rec.bytes, "abcd\0\0\0\0", 8);
}

static void a_message_that_cannot_begin_is_traced_once(void **state)
{
	char byte = 0;
	dma_sg_t sg;

	map_message(A, PAGE);
	sg = find(A, 1);
	peer.answer = -ENOTCONN;
	assert_int_equal(lm_dma_write_async(&ctx, &sg, &byte, note_result, results),
			 -ENOTCONN);
	assert_int_equal(next_record(state).result, -ENOTCONN);
	check_no_record(state);
	assert_int_equal(nr_results, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn)  cmocka_unit_test_setup_teardown(fn, setup, dma_teardown)
#define TRACE(fn) cmocka_unit_test_setup_teardown(fn, trace_setup, trace_teardown)
		TEST(mapped_memory_is_copied),
		TEST(a_file_beyond_the_limit_is_written),
		TEST(a_direct_file_is_copied_at_any_offset),
		TEST(other_memory_is_asked_for),
		TEST(what_the_client_answers_is_told),
		TEST(protection_is_checked),
		TEST(a_stale_entry_copies_nothing),
		TEST(nothing_is_copied_without_asking),
		TEST(what_can_be_reached_is_done_at_once),
		TEST(a_message_is_done_when_the_client_answers),
		TEST(what_cannot_begin_is_never_done),
		TEST(a_failure_on_the_way_is_told_to_the_callback),
		TEST(a_message_under_way_does_not_delay_an_unmap),
		TRACE(copies_are_traced),
		TRACE(copies_that_fail_are_traced),
		TRACE(a_message_is_traced_when_it_ends),
		TRACE(a_message_that_cannot_begin_is_traced_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
