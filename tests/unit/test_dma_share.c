/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_share.c - how much of the process a client can take by lending memory: descriptors,
 * mappings and address space, up to limits that are named.
 */
#include <sys/resource.h>

#include "dma_fixture.h"

#define FDS_LIMIT 128u
#define FDS_SHARE (FDS_LIMIT - FDS_LIMIT / 4)
#define DEVICES   100u
#define BIG_FILES 20000u /* a file for each huge page of 40 GiB */

static char said[512];
static unsigned int nr_said;

static void note(void *pvt, int level, const char *msg)
{
	nr_said++;
	snprintf(said, sizeof(said), "%s", msg);
}

static int setup(void **state)
{
	nr_said = 0;
	said[0] = '\0';
	if (dma_setup(state))
		return -1;
	ctx.info.log = note;
	ctx.info.log_level = LM_LOG_DEBUG;
	return 0;
}

/* A file of its own for the window at @addr. */
static int try_new_file(uint64_t addr, uint64_t size, int seals)
{
	const int fd = memfd_create("dma-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	ret = try_map((struct dma_window){
		.addr = addr, .size = PAGE, .prot = RW, .fd = fd, .offset = size - PAGE });
	close(fd);
	return ret;
}

/* ---- descriptors ----------------------------------------------------------------- */

static struct rlimit usual;

static void limit_fds(rlim_t nr)
{
	const struct rlimit limit = { nr, usual.rlim_max };

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int setup_few(void **state)
{
	if (getrlimit(RLIMIT_NOFILE, &usual) || setup(state))
		return -1;
	limit_fds(FDS_LIMIT);
	return 0;
}

static int teardown_few(void **state)
{
	limit_fds(usual.rlim_cur);
	return dma_teardown(state);
}

static void descriptors_that_are_kept_are_bounded(void **state)
{
	const unsigned int before = count_fds();
	uint64_t i;

	for (i = 0; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
	assert_int_equal(count_fds(), before + FDS_SHARE);
	assert_int_equal(try_new_file(i * PAGE, PAGE, 0), -EMFILE);
	assert_int_equal(count_fds(), before + FDS_SHARE);
	assert_int_equal(dma_count(&ctx), FDS_SHARE);
}

/* For a process that is to take over: one a file, however many windows. */
static void mapped_memory_keeps_a_descriptor_on_demand(void **state)
{
	const unsigned int before = count_fds();
	const int fd = memfd_create("dma-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t i;

	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	dma_keep_fds(&ctx);
	for (i = 0; i < 4; i++)
		assert_int_equal(try_map((struct dma_window){
			.addr = i * PAGE, .size = PAGE, .prot = RW, .fd = fd,
			.offset = i * PAGE }), 0);
	assert_int_equal(fds_left(before + 2), 0); /* the test's, and one that is kept */
	for (i = 0; i < 4; i++)
		unmap(i * PAGE, PAGE);
	close(fd);
	assert_int_equal(fds_left(before), 0);
}

static void where_no_descriptor_is_left_nothing_is_mapped(void **state)
{
	uint64_t i;

	dma_keep_fds(&ctx);
	for (i = 0; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, F_SEAL_SHRINK), 0);
	assert_int_equal(try_new_file(i * PAGE, PAGE, F_SEAL_SHRINK), -EMFILE);
	assert_int_equal(ctx.dma->backings.nr_mappings, FDS_SHARE);
}

static void the_limit_of_descriptors_is_named_once(void **state)
{
	uint64_t i;

	for (i = 0; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
	nr_said = 0; /* that they are slow is said as well */
	assert_int_equal(try_new_file(i * PAGE, PAGE, 0), -EMFILE);
	assert_int_equal(try_new_file(i * PAGE, PAGE, 0), -EMFILE);
	assert_int_equal(nr_said, 1);
	assert_non_null(strstr(said, "at most 96 descriptors, its share of RLIMIT_NOFILE (128)"));
}

static void a_limit_that_is_raised_counts_at_once(void **state)
{
	uint64_t i;

	for (i = 0; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
	limit_fds(2 * FDS_LIMIT);
	for (; i < 2 * FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
	assert_int_equal(try_new_file(i * PAGE, PAGE, 0), -EMFILE);
}

static void beyond_the_bound_other_memory_is_still_taken(void **state)
{
	const int fd = file_new(2 * PAGE, 0);
	uint64_t i;

	map_file(0, PAGE, fd, 0);
	for (i = 1; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
	map_file(i++ * PAGE, PAGE, fd, PAGE);
	map_message(i++ * PAGE, PAGE);
	assert_int_equal(try_new_file(i * PAGE, PAGE, F_SEAL_SHRINK), 0);
	close(fd);
}

static void a_file_that_went_makes_room_for_another(void **state)
{
	uint64_t i;

	for (i = 0; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
	assert_int_equal(unmap(0, PAGE), 0);
	assert_int_equal(try_new_file(0, PAGE, 0), 0);
	assert_int_equal(try_new_file(i * PAGE, PAGE, 0), -EMFILE);
}

static void the_next_client_begins_at_zero(void **state)
{
	uint64_t i;

	for (i = 0; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
	dma_disconnect(&ctx);
	for (i = 0; i < FDS_SHARE; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, 0), 0);
}

/* ---- mappings -------------------------------------------------------------------- */

/* Its own words, to be sure of what the library reads there. */
static uint64_t max_map_count(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned long long count;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu", &count), 1);
	fclose(f);
	return count;
}

static void share_with_others(void)
{
	unsigned int i;

	for (i = 1; i < DEVICES; i++)
		dma_share_join();
}

static void share_alone(void)
{
	unsigned int i;

	for (i = 1; i < DEVICES; i++)
		dma_share_leave();
}

/* What a driver with a file for each huge page brings. None of them takes a descriptor. */
static void a_client_may_lend_twenty_thousand_files(void **state)
{
	const unsigned int before = count_fds();
	uint64_t i;

	if (max_map_count() < 2 * BIG_FILES) {
		print_message("vm.max_map_count is too low for this\n");
		skip();
	}
	for (i = 0; i < BIG_FILES; i++)
		assert_int_equal(try_new_file(i * PAGE, PAGE, F_SEAL_SHRINK), 0);
	assert_int_equal(count_fds(), before);
	assert_int_equal(mappings(NULL), BIG_FILES);
	assert_kind(0, "mapped");
	assert_kind((BIG_FILES - 1) * PAGE, "mapped");
	for (i = 0; i < BIG_FILES; i += 7)
		assert_int_equal(unmap(i * PAGE, PAGE), 0);
	assert_int_equal(try_new_file(0, PAGE, F_SEAL_SHRINK), 0);
}

/* As many as the kernel allows, but for what the process needs itself. */
static void mappings_are_bounded(void **state)
{
	const uint64_t count = max_map_count(), share = (count - count / 8) / DEVICES;
	const int fd = sealed_file(PAGE);
	char want[128];
	uint64_t i;

	share_with_others();
	ctx.info.flags |= LM_DEV_STRICT_DMA;
	for (i = 0; i < share; i++)
		map_file(i * PAGE, PAGE, fd, 0);
	assert_int_equal(try_map((struct dma_window){
		.addr = 0, .size = PAGE, .prot = RW, .fd = fd }), -EEXIST);
	assert_int_equal(try_map((struct dma_window){
		.addr = i * PAGE, .size = PAGE, .prot = RW, .fd = fd }), -ENOMEM);
	snprintf(want, sizeof(want), "at most %llu mappings, its share of vm.max_map_count (%llu)",
		 (unsigned long long)share, (unsigned long long)count);
	assert_non_null(strstr(said, want));
	assert_int_equal(nr_said, 1);
	assert_int_equal(unmap(0, PAGE), 0);
	map_file(i * PAGE, PAGE, fd, 0);
	share_alone();
	close(fd);
}

static void devices_that_went_leave_their_share(void **state)
{
	const uint64_t count = max_map_count(), share = (count - count / 8) / DEVICES;
	const int fd = sealed_file(PAGE);
	uint64_t i;

	share_with_others();
	share_alone();
	ctx.info.flags |= LM_DEV_STRICT_DMA;
	for (i = 0; i < 2 * share; i++)
		map_file(i * PAGE, PAGE, fd, 0);
	close(fd);
}

/* ---- bytes ----------------------------------------------------------------------- */

/* Sparse files cost their owner nothing, and would fill our address space. */
static void mapped_bytes_are_bounded(void **state)
{
	const uint64_t size = DMA_MAPPED_MAX / 4;
	uint64_t i;

	for (i = 0; i < 4; i++)
		assert_int_equal(try_new_file(i * PAGE, size, F_SEAL_SHRINK), 0);
	assert_int_equal(ctx.dma->backings.mapped, DMA_MAPPED_MAX);
	assert_int_equal(try_new_file(i * PAGE, PAGE, F_SEAL_SHRINK), -ENOMEM);
	assert_non_null(strstr(said, "cannot be mapped"));
	assert_int_equal(unmap(0, PAGE), 0);
	assert_int_equal(try_new_file(0, PAGE, F_SEAL_SHRINK), 0);
}

/* Of a file that is too large to be mapped whole, the windows are. */
static void windows_of_a_file_beyond_the_bound_are_mapped(void **state)
{
	assert_int_equal(try_new_file(0, 2 * DMA_MAPPED_MAX, F_SEAL_SHRINK), 0);
	assert_kind(0, "mapped");
	assert_int_equal(ctx.dma->backings.mapped, PAGE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, dma_teardown)
#define TEST_FEW(fn) cmocka_unit_test_setup_teardown(fn, setup_few, teardown_few)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_FEW(descriptors_that_are_kept_are_bounded),
		TEST_FEW(mapped_memory_keeps_a_descriptor_on_demand),
		TEST_FEW(where_no_descriptor_is_left_nothing_is_mapped),
		TEST_FEW(the_limit_of_descriptors_is_named_once),
		TEST_FEW(a_limit_that_is_raised_counts_at_once),
		TEST_FEW(beyond_the_bound_other_memory_is_still_taken),
		TEST_FEW(a_file_that_went_makes_room_for_another),
		TEST_FEW(the_next_client_begins_at_zero),
		TEST(a_client_may_lend_twenty_thousand_files),
		TEST(mappings_are_bounded),
		TEST(devices_that_went_leave_their_share),
		TEST(mapped_bytes_are_bounded),
		TEST(windows_of_a_file_beyond_the_bound_are_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
