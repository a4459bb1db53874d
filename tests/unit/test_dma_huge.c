/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_huge.c - files of huge pages that could shrink, in a process without the SIGBUS guard:
 * they have no write(2), and are copied to and from nevertheless.
 */
#include "dma_fixture.h"
#include "hugepages.h"

#define A  0x40000000ull
#define NR 3

static struct hugepages pages;
static uint64_t huge; /* bytes of one */

/* The client's file, and how it sees it. */
static int file;
static uint8_t *client;

static int setup(void **state)
{
	client = NULL;
	if (dma_setup(state) || !hugepages_begin(&pages, NR))
		return 0;
	file = hugepages_file(NR, &huge);
	client = mmap(NULL, NR * huge, RW, MAP_SHARED, file, 0);
	return client == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	const int ret = dma_teardown(state);

	if (!client)
		return ret;
	munmap(client, NR * huge);
	close(file);
	hugepages_end(&pages);
	return ret;
}

static void need_huge_pages(void)
{
	if (!client)
		skip();
}

static void it_is_written_and_read(void **state)
{
	uint8_t out[9000], in[9000] = { 0 };
	dma_sg_t sg;
	size_t i;

	need_huge_pages();
	for (i = 0; i < sizeof(out); i++)
		out[i] = byte_at(i);
	map_file(A, NR * huge, file, 0);
	assert_kind(A, "file");
	sg = find(A + 2 * huge - 4567, sizeof(out));
	assert_int_equal(lm_dma_write(&ctx, &sg, out), 0);
	assert_memory_equal(client + 2 * huge - 4567, out, sizeof(out));
	assert_int_equal(client[2 * huge - 4568], 0);
	assert_int_equal(client[2 * huge - 4567 + sizeof(out)], 0);
	assert_int_equal(lm_dma_read(&ctx, &sg, in), 0);
	assert_memory_equal(in, out, sizeof(out));
}

static void all_of_it_can_be_written_at_once(void **state)
{
	uint8_t *out;
	dma_sg_t sg;

	need_huge_pages();
	out = malloc(NR * huge);
	memset(out, 0x5a, NR * huge);
	map_file(A, NR * huge, file, 0);
	sg = find(A, (uint32_t)(NR * huge));
	assert_int_equal(lm_dma_write(&ctx, &sg, out), 0);
	assert_memory_equal(client, out, NR * huge);
	free(out);
}

/* What the client asks for, whatever the file. */
static void it_is_written_where_the_client_wants_file_access(void **state)
{
	dma_sg_t sg;

	need_huge_pages();
	assert_int_equal(try_map((struct dma_window){
		.addr = A, .size = PAGE, .prot = RW, .fd = file, .offset = huge + PAGE,
		.file_io = true }), 0);
	sg = find(A + 5, 4);
	assert_int_equal(lm_dma_write(&ctx, &sg, "data"), 0);
	assert_memory_equal(client + huge + PAGE + 5, "data", 4);
}

/* There is no page, and none is left: SIGBUS for who touches it. */
static void a_page_that_cannot_be_had_is_a_fault(void **state)
{
	dma_sg_t sg;

	need_huge_pages();
	map_file(A, NR * huge, file, 0);
	client[0] = client[huge] = client[2 * huge] = 1;
	assert_int_equal(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)huge, (off_t)huge), 0);
	hugepages_set(&pages, 0); /* those that are in use stay */
	sg = find(A + 2 * huge - 2, 4);
	assert_int_equal(lm_dma_write(&ctx, &sg, "data"), -EFAULT);
	sg = find(A + 2 * huge, 4);
	assert_int_equal(lm_dma_write(&ctx, &sg, "data"), 0);
	assert_memory_equal(client + 2 * huge, "data", 4);
}

static void it_is_never_made_longer(void **state)
{
	dma_sg_t sg;

	need_huge_pages();
	map_file(A, NR * huge, file, 0);
	sg = find(A + 2 * huge - 2, 4);
	assert_int_equal(ftruncate(file, (off_t)(2 * huge)), 0);
	assert_int_equal(lm_dma_write(&ctx, &sg, "data"), -EFAULT);
	assert_int_equal(lseek(file, 0, SEEK_END), (off_t)(2 * huge));
}

static void nothing_stays_mapped(void **state)
{
	unsigned int before;
	dma_sg_t sg;

	need_huge_pages();
	map_file(A, NR * huge, file, 0);
	before = mappings(NULL);
	sg = find(A, 4);
	assert_int_equal(lm_dma_write(&ctx, &sg, "data"), 0);
	assert_int_equal(mappings(NULL), before);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_written_and_read),
		TEST(all_of_it_can_be_written_at_once),
		TEST(it_is_written_where_the_client_wants_file_access),
		TEST(a_page_that_cannot_be_had_is_a_fault),
		TEST(it_is_never_made_longer),
		TEST(nothing_stays_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
