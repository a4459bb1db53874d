/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_vfio_user.c - the wire structs against the tables of the specification: every offset, by
 * hand, because sizes alone would not notice two members that changed places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/vfio_user.h"

#define at(type, member, offset, size) do { \
	assert_int_equal(offsetof(struct type, member), offset); \
	assert_int_equal(sizeof(((struct type *)0)->member), size); \
} while (0)

static void test_header(void **state)
{
	at(vfio_user_header, msg_id, 0, 2);
	at(vfio_user_header, cmd, 2, 2);
	at(vfio_user_header, msg_size, 4, 4);
	at(vfio_user_header, flags, 8, 4);
	at(vfio_user_header, error_no, 12, 4);
	assert_int_equal(VFIO_USER_F_NO_REPLY, 0x10);
	assert_int_equal(VFIO_USER_F_ERROR, 0x20);
	assert_int_equal(VFIO_USER_F_TYPE_REPLY, 1);
}

static void test_commands(void **state)
{
	assert_int_equal(VFIO_USER_VERSION, 1);
	assert_int_equal(VFIO_USER_DEVICE_SET_IRQS, 8);
	assert_int_equal(VFIO_USER_DEVICE_RESET, 13);
	assert_int_equal(VFIO_USER_REGION_WRITE_MULTI, 15); /* there is no 14 */
	assert_int_equal(VFIO_USER_MIG_DATA_WRITE, 18);
}

static void test_version(void **state)
{
	at(vfio_user_version, major, 0, 2);
	at(vfio_user_version, minor, 2, 2);
}

static void test_dma(void **state)
{
	at(vfio_user_dma_map, argsz, 0, 4);
	at(vfio_user_dma_map, flags, 4, 4);
	at(vfio_user_dma_map, offset, 8, 8);
	at(vfio_user_dma_map, addr, 16, 8);
	at(vfio_user_dma_map, size, 24, 8);
	at(vfio_user_dma_unmap, argsz, 0, 4);
	at(vfio_user_dma_unmap, flags, 4, 4);
	at(vfio_user_dma_unmap, addr, 8, 8);
	at(vfio_user_dma_unmap, size, 16, 8);
	at(vfio_user_dma_region_access, addr, 0, 8);
	at(vfio_user_dma_region_access, count, 8, 8);
}

static void test_info(void **state)
{
	at(vfio_user_device_info, argsz, 0, 4);
	at(vfio_user_device_info, flags, 4, 4);
	at(vfio_user_device_info, num_regions, 8, 4);
	at(vfio_user_device_info, num_irqs, 12, 4);
	at(vfio_region_info, index, 8, 4);
	at(vfio_region_info, cap_offset, 12, 4);
	at(vfio_region_info, size, 16, 8);
	at(vfio_region_info, offset, 24, 8);
	at(vfio_irq_info, index, 8, 4);
	at(vfio_irq_info, count, 12, 4);
	at(vfio_irq_set, index, 8, 4);
	at(vfio_irq_set, start, 12, 4);
	at(vfio_irq_set, count, 16, 4);
	assert_int_equal(offsetof(struct vfio_irq_set, data), 20);
}

static void test_region_access(void **state)
{
	at(vfio_user_region_access, offset, 0, 8);
	at(vfio_user_region_access, region, 8, 4);
	at(vfio_user_region_access, count, 12, 4);
	at(vfio_user_write_multi, wr_cnt, 0, 8);
	assert_int_equal(sizeof(struct vfio_user_write_multi), 8);
	at(vfio_user_write_single, offset, 0, 8);
	at(vfio_user_write_single, region, 8, 4);
	at(vfio_user_write_single, count, 12, 4);
	at(vfio_user_write_single, data, 16, 8);
}

static void test_region_io_fds(void **state)
{
	at(vfio_user_region_io_fds, index, 8, 4);
	at(vfio_user_region_io_fds, count, 12, 4);
	at(vfio_user_ioeventfd, offset, 0, 8);
	at(vfio_user_ioeventfd, size, 8, 8);
	at(vfio_user_ioeventfd, fd_index, 16, 4);
	at(vfio_user_ioeventfd, type, 20, 4);
	at(vfio_user_ioeventfd, flags, 24, 4);
	at(vfio_user_ioeventfd, datamatch, 32, 8);
}

static void test_feature(void **state)
{
	at(vfio_user_device_feature, argsz, 0, 4);
	at(vfio_user_device_feature, flags, 4, 4);
	assert_int_equal(VFIO_DEVICE_FEATURE_GET, 1 << 16);
	assert_int_equal(VFIO_DEVICE_FEATURE_PROBE, 1 << 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_dma),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_region_access),
		cmocka_unit_test(test_region_io_fds),
		cmocka_unit_test(test_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
