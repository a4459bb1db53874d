/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_memfd.c - memory to share: its size, what it costs, and limits of the process.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/memfd.h"
#include "../fds.h"

static void limit_is(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void it_has_its_size_and_takes_no_memory(void **state)
{
	const int fd = memfd_sized("test", 1ull << 46);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 1ll << 46);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

static void it_can_be_sealed(void **state)
{
	const int fd = memfd_sized("test", 4096);

	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
}

static void solid_is_what_can_neither_shrink_nor_lack_pages(void **state)
{
	const int fd = memfd_sized("test", 4096), sealed = memfd_sealed("test", 8192);
	const int file = open("/proc/self/exe", O_RDONLY);

	assert_false(memfd_is_sealed(fd));
	assert_true(memfd_is_sealed(sealed));
	assert_false(memfd_is_sealed(file));
	assert_int_equal(memfd_solid_size(fd), -1);
	assert_int_equal(memfd_solid_size(sealed), 8192);
	assert_int_equal(memfd_solid_size(file), -1);
	close(fd);
	close(sealed);
	close(file);
}

/* And not the signal that would end this test. */
static void more_than_a_file_may_have_is_an_error(void **state)
{
	const unsigned int before = count_fds();
	int fd;

	assert_int_equal(memfd_sized("test", UINT64_MAX), -EFBIG);
	limit_is(8192);
	assert_int_equal(memfd_sized("test", 8193), -EFBIG);
	fd = memfd_sized("test", 8192);
	limit_is(RLIM_INFINITY);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_its_size_and_takes_no_memory),
		cmocka_unit_test(it_can_be_sealed),
		cmocka_unit_test(solid_is_what_can_neither_shrink_nor_lack_pages),
		cmocka_unit_test(more_than_a_file_may_have_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
