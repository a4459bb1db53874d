/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_mdev_node.c - the system calls on a node, on files that a test can have: what they give on
 * success, and -errno. The real node needs muser.ko: tests/vm.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/mdev_node.h"

static void an_absent_node_is_enoent(void **state)
{
	assert_int_equal(mdev_node_open("12345678-aaaa-bbbb-cccc-1234567890ab"), -ENOENT);
}

static void bytes_are_read_and_written(void **state)
{
	char buf[8];
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(mdev_node_read(fds[0], buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(mdev_node_write(fds[1], "abc", 3), 3);
	assert_int_equal(mdev_node_read(fds[0], buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "abc", 3);
	mdev_node_close(fds[1]);
	assert_int_equal(mdev_node_read(fds[0], buf, sizeof(buf)), 0);
	mdev_node_close(fds[0]);
	assert_int_equal(mdev_node_write(fds[0], "abc", 3), -EBADF);
}

static void an_ioctl_gives_0_or_an_error(void **state)
{
	int fds[2], nr;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(mdev_node_ioctl(fds[0], FIONREAD, &nr), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(mdev_node_ioctl(fds[0], TIOCSTI, &nr), -ENOTTY);
	mdev_node_close(fds[0]);
	mdev_node_close(fds[1]);
}

static void memory_is_mapped_at_its_offset(void **state)
{
	const int fd = memfd_create("test", MFD_CLOEXEC);
	void *mem = NULL;

	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(pwrite(fd, "xyz", 3, 4096), 3);
	assert_int_equal(mdev_node_mmap(fd, 4096, 4096, PROT_READ, &mem), 0);
	assert_memory_equal(mem, "xyz", 3);
	munmap(mem, 4096);
	assert_int_equal(mdev_node_mmap(fd, 1, 4096, PROT_READ, &mem), -EINVAL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_absent_node_is_enoent),
		cmocka_unit_test(bytes_are_read_and_written),
		cmocka_unit_test(an_ioctl_gives_0_or_an_error),
		cmocka_unit_test(memory_is_mapped_at_its_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
