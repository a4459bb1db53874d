/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_file.c - what a window's descriptor becomes. No SIGBUS guard here: files that
 * could shrink must not be mapped.
 */
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "dma_fixture.h"

static int try_file(int fd, uint32_t prot, uint64_t offset, uint64_t size)
{
	return try_map((struct dma_window){ .addr = 0x100000,
					    .size = size,
					    .offset = offset,
					    .prot = prot,
					    .fd = fd });
}

static int map_error(uint64_t addr, int prot)
{
	const dma_sg_t sg = find(addr, 1);
	struct iovec iov;
	const int ret = lm_map_sg(&ctx, prot, &sg, &iov, 1);

	if (!ret)
		release(&sg);
	return ret;
}

/* ---- mapped files ---------------------------------------------------------------- */

static void windows_of_one_file_share_one_mapping(void **state)
{
	const int fd = sealed_file(8 * PAGE);
	const unsigned int before = count_fds();

	map_file(0x100000, 2 * PAGE, fd, 0);
	map_file(0x200000, 3 * PAGE, fd, 4 * PAGE);
	assert_int_equal(mappings(NULL), 1);
	assert_int_equal(count_fds(), before);
	check_bytes(0x100000, 2 * PAGE, 0);
	check_bytes(0x200000, 3 * PAGE, 4 * PAGE);
	close(fd);
}

static void the_mapping_goes_with_its_last_window(void **state)
{
	const int fd = sealed_file(8 * PAGE);

	map_file(0x100000, PAGE, fd, 0);
	map_file(0x200000, PAGE, fd, PAGE);
	assert_int_equal(unmap(0x100000, PAGE), 0);
	assert_int_equal(mappings(NULL), 1);
	check_bytes(0x200000, PAGE, PAGE);
	assert_int_equal(unmap(0x200000, PAGE), 0);
	assert_int_equal(mappings(NULL), 0);
	close(fd);
}

static void offsets_and_sizes_need_no_alignment(void **state)
{
	const int fd = sealed_file(8 * PAGE);

	map_file(0x100123, 5000, fd, 0x1fff);
	check_bytes(0x100123, 5000, 0x1fff);
	map_file(0x200000, 1, fd, 8 * PAGE - 1);
	check_bytes(0x200000, 1, 8 * PAGE - 1);
	close(fd);
}

static void the_last_partial_page_of_a_file_is_mapped(void **state)
{
	const int fd = sealed_file(2 * PAGE + 100);

	map_file(0x100000, 100, fd, 2 * PAGE);
	check_bytes(0x100000, 100, 2 * PAGE);
	close(fd);
}

static void different_files_are_not_mixed_up(void **state)
{
	const int a = sealed_file(PAGE), b = sealed_file(PAGE);
	uint8_t other = 0xee;

	assert_int_equal(pwrite(b, &other, 1, 0), 1);
	map_file(0x100000, PAGE, a, 0);
	map_file(0x200000, PAGE, b, 0);
	assert_int_equal(mappings(NULL), 2);
	check_bytes(0x100000, PAGE, 0);
	close(a);
	close(b);
}

static void what_the_device_writes_is_in_the_file(void **state)
{
	const int fd = sealed_file(PAGE);
	uint8_t byte = 0;
	struct iovec iov;
	dma_sg_t sg;

	map_file(0x100000, PAGE, fd, 0);
	sg = find(0x100010, 1);
	iov = hold(&sg, PROT_WRITE);
	*(uint8_t *)iov.iov_base = 0x5a;
	release(&sg);
	assert_int_equal(pread(fd, &byte, 1, 0x10), 1);
	assert_int_equal(byte, 0x5a);
	close(fd);
}

static void a_read_only_window_is_mapped_read_only(void **state)
{
	const int fd = sealed_file(2 * PAGE);

	assert_int_equal(try_file(fd, PROT_READ, 0, PAGE), 0);
	map_file(0x200000, PAGE, fd, PAGE);
	assert_int_equal(mappings("r--s"), 1);
	assert_int_equal(mappings("rw-s"), 1);
	assert_int_equal(map_error(0x100000, PROT_WRITE), -EACCES);
	assert_int_equal(map_error(0x100000, RW), -EACCES);
	assert_int_equal(map_error(0x100000, PROT_READ), 0);
	assert_int_equal(map_error(0x200000, RW), 0);
	close(fd);
}

static void strict_mapping_is_window_by_window(void **state)
{
	const int fd = sealed_file(64 * PAGE);

	ctx.info.flags |= LM_DEV_STRICT_DMA;
	map_file(0x100000, 0x20, fd, 3 * PAGE - 0x10);
	map_file(0x200000, PAGE, fd, 32 * PAGE);
	assert_int_equal(mappings(NULL), 2);
	check_bytes(0x100000, 0x20, 3 * PAGE - 0x10);
	check_bytes(0x200000, PAGE, 32 * PAGE);
	assert_int_equal(unmap(0x100000, 0x20), 0);
	assert_int_equal(mappings(NULL), 1);
	close(fd);
}

/* Larger than any address space: then the window alone is mapped. */
static void a_window_of_a_giant_sparse_file_is_mapped(void **state)
{
	const int fd = file_new(0, 0);

	assert_int_equal(ftruncate(fd, (off_t)1 << 62), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	file_fill(fd, 1ull << 61, (1ull << 61) + 2 * PAGE);
	map_file(0x100000, PAGE, fd, (1ull << 61) + 0x800);
	assert_kind(0x100000, "mapped");
	check_bytes(0x100000, PAGE, (1ull << 61) + 0x800);
	close(fd);
}

/* ---- files that grow ------------------------------------------------------------- */

static void grow(int fd, uint64_t from, uint64_t to)
{
	assert_int_equal(ftruncate(fd, (off_t)to), 0);
	file_fill(fd, from, to);
}

static void a_grown_file_is_reached_and_old_pointers_stay(void **state)
{
	const int fd = sealed_file(2 * PAGE);
	struct iovec iov;
	dma_sg_t sg;

	map_file(0x100000, 2 * PAGE, fd, 0);
	sg = find(0x100000, 2 * PAGE);
	iov = hold(&sg, PROT_READ);
	grow(fd, 2 * PAGE, 6 * PAGE);
	map_file(0x200000, 4 * PAGE, fd, 2 * PAGE);
	check_bytes(0x200000, 4 * PAGE, 2 * PAGE);
	assert_int_equal(((uint8_t *)iov.iov_base)[5000], byte_at(5000));
	assert_ptr_equal(hold(&sg, PROT_READ).iov_base, iov.iov_base);
	release(&sg);
	release(&sg);
	close(fd);
}

static void a_file_that_grows_often_takes_few_mappings(void **state)
{
	const int fd = sealed_file(0);
	uint64_t i;

	for (i = 0; i < 200; i++) {
		grow(fd, i * PAGE, (i + 1) * PAGE);
		map_file(0x100000 + i * PAGE, PAGE, fd, i * PAGE);
	}
	for (i = 0; i < 200; i++)
		check_bytes(0x100000 + i * PAGE, PAGE, i * PAGE);
	assert_true(mappings(NULL) <= 10);
	close(fd);
}

/* ---- windows beyond the file ----------------------------------------------------- */

static void a_window_beyond_the_file_is_never_mapped(void **state)
{
	const int fd = sealed_file(PAGE);

	map_file(0x100000, 2 * PAGE, fd, 0);
	assert_kind(0x100000, "file");
	assert_int_equal(map_error(0x100000, PROT_READ), -EOPNOTSUPP);
	assert_int_equal(mappings(NULL), 0);
	close(fd);
}

static void what_is_beyond_the_file_is_a_fault(void **state)
{
	const int fd = sealed_file(PAGE);
	uint8_t buf[32] = { 0 };
	dma_sg_t sg;

	map_file(0x100000, 2 * PAGE, fd, 0);
	sg = find(0x100000 + PAGE - 16, 16);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), 0);
	assert_int_equal(buf[15], byte_at(PAGE - 1));
	sg = find(0x100000 + PAGE - 16, 32);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), -EFAULT);
	assert_int_equal(lm_dma_write(&ctx, &sg, buf), -EFAULT);
	assert_int_equal(lseek(fd, 0, SEEK_END), PAGE);
	close(fd);
}

static void a_file_that_has_reached_its_window_is_reached(void **state)
{
	const int fd = sealed_file(PAGE);
	uint8_t byte = 0;
	dma_sg_t sg;

	map_file(0x100000, 2 * PAGE, fd, 0);
	grow(fd, PAGE, 2 * PAGE);
	sg = find(0x100000 + PAGE + 5, 1);
	assert_int_equal(lm_dma_read(&ctx, &sg, &byte), 0);
	assert_int_equal(byte, byte_at(PAGE + 5));
	close(fd);
}

/* ---- files that are read and written --------------------------------------------- */

static void a_file_that_could_shrink_is_read_and_written(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	uint8_t buf[3] = { 1, 2, 3 };
	dma_sg_t sg;

	map_file(0x100000, 2 * PAGE, fd, PAGE);
	assert_kind(0x100000, "file");
	assert_int_equal(map_error(0x100000, PROT_READ), -EOPNOTSUPP);
	sg = find(0x100000 + 4095, 3);
	assert_int_equal(lm_dma_write(&ctx, &sg, buf), 0);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(pread(fd, buf, 3, 2 * PAGE - 1), 3);
	assert_int_equal(buf[2], 3);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), 0);
	assert_int_equal(buf[0], 1);
	close(fd);
}

static void a_file_that_shrinks_kills_nobody(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	uint8_t buf[8];
	dma_sg_t sg;

	map_file(0x100000, 4 * PAGE, fd, 0);
	sg = find(0x100000 + 3 * PAGE, 8);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), -EFAULT);
	assert_int_equal(lm_dma_write(&ctx, &sg, buf), -EFAULT);
	sg = find(0x100000, 8);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), 0);
	close(fd);
}

static void one_descriptor_serves_all_windows_of_a_file(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	const unsigned int before = count_fds();

	map_file(0x100000, PAGE, fd, 0);
	map_file(0x200000, PAGE, fd, PAGE);
	map_file(0x300000, PAGE, fd, 2 * PAGE);
	assert_int_equal(count_fds(), before + 1);
	assert_int_equal(unmap(0x100000, PAGE), 0);
	assert_int_equal(count_fds(), before + 1);
	assert_int_equal(dma_unmap(&ctx, 0, 0, true), 0);
	assert_int_equal(count_fds(), before);
	close(fd);
}

static void a_client_may_ask_for_file_access(void **state)
{
	const int fd = sealed_file(PAGE);

	assert_int_equal(try_map((struct dma_window){ .addr = 0x100000,
						      .size = PAGE,
						      .prot = RW,
						      .fd = fd,
						      .file_io = true }),
			 0);
	assert_kind(0x100000, "file");
	assert_int_equal(mappings(NULL), 0);
	close(fd);
}

/* ---- descriptors that are no memory ---------------------------------------------- */

static void a_descriptor_must_allow_what_the_window_does(void **state)
{
	const int fd = sealed_file(PAGE);
	char path[64];
	int ro, wo;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	wo = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(try_file(ro, RW, 0, PAGE), -EACCES);
	assert_int_equal(try_file(wo, PROT_WRITE, 0, PAGE), -EACCES);
	assert_int_equal(try_file(ro, PROT_READ, 0, PAGE), 0);
	/* Also where a mapping that allows it is there already. */
	map_file(0x300000, PAGE, fd, 0);
	assert_int_equal(unmap(0x100000, PAGE), 0);
	assert_int_equal(try_file(ro, RW, 0, PAGE), -EACCES);
	close(fd);
	close(ro);
	close(wo);
}

static void a_file_sealed_against_writing_is_not_writable_memory(void **state)
{
	const int fd = file_new(PAGE, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);

	assert_int_equal(try_file(fd, RW, 0, PAGE), -EPERM);
	assert_int_equal(try_file(fd, PROT_READ, 0, PAGE), 0);
	close(fd);
}

static void what_is_no_memory_is_refused(void **state)
{
	const unsigned int before = count_fds();
	int pipes[2], sockets[2];
	const int dir = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int path = open("/proc/self/maps", O_PATH | O_CLOEXEC);

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(try_file(pipes[0], PROT_READ, 0, PAGE), -EINVAL);
	assert_int_equal(try_file(sockets[0], PROT_READ, 0, PAGE), -EINVAL);
	assert_int_equal(try_file(dir, PROT_READ, 0, PAGE), -EINVAL);
	assert_int_equal(try_file(path, PROT_READ, 0, PAGE), -EINVAL);
	assert_int_equal(dma_count(&ctx), 0);
	close(pipes[0]);
	close(pipes[1]);
	close(sockets[0]);
	close(sockets[1]);
	close(dir);
	close(path);
	assert_int_equal(fds_left(before), 0);
}

/* Its pwrite(2) would ignore the offset. */
static void a_descriptor_that_appends_is_refused(void **state)
{
	const int fd = file_new(PAGE, 0);

	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(try_file(fd, RW, 0, PAGE), -EINVAL);
	close(fd);
}

/* Reading it could block for ever, mapping it could kill: the client is asked instead. */
static void a_device_file_is_reached_by_messages(void **state)
{
	const int fd = eventfd(0, EFD_CLOEXEC);
	const unsigned int before = count_fds();
	char buf[8];
	dma_sg_t sg;

	assert_int_equal(try_file(fd, RW, 0, PAGE), 0);
	assert_kind(0x100000, "message");
	assert_int_equal(count_fds(), before);
	sg = find(0x100000, 8);
	assert_int_equal(lm_dma_read(&ctx, &sg, buf), 0);
	assert_int_equal(peer.nr_requests, 1);
	close(fd);
}

static void a_closed_descriptor_is_refused(void **state)
{
	const struct dma_window w = {
		.addr = 0x1000, .size = PAGE, .prot = RW, .fd = 1000
	};

	assert_int_equal(dma_map(&ctx, &w), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DMA_TEST(windows_of_one_file_share_one_mapping),
		DMA_TEST(the_mapping_goes_with_its_last_window),
		DMA_TEST(offsets_and_sizes_need_no_alignment),
		DMA_TEST(the_last_partial_page_of_a_file_is_mapped),
		DMA_TEST(different_files_are_not_mixed_up),
		DMA_TEST(what_the_device_writes_is_in_the_file),
		DMA_TEST(a_read_only_window_is_mapped_read_only),
		DMA_TEST(strict_mapping_is_window_by_window),
		DMA_TEST(a_window_of_a_giant_sparse_file_is_mapped),
		DMA_TEST(a_grown_file_is_reached_and_old_pointers_stay),
		DMA_TEST(a_file_that_grows_often_takes_few_mappings),
		DMA_TEST(a_window_beyond_the_file_is_never_mapped),
		DMA_TEST(what_is_beyond_the_file_is_a_fault),
		DMA_TEST(a_file_that_has_reached_its_window_is_reached),
		DMA_TEST(a_file_that_could_shrink_is_read_and_written),
		DMA_TEST(a_file_that_shrinks_kills_nobody),
		DMA_TEST(one_descriptor_serves_all_windows_of_a_file),
		DMA_TEST(a_client_may_ask_for_file_access),
		DMA_TEST(a_descriptor_must_allow_what_the_window_does),
		DMA_TEST(a_file_sealed_against_writing_is_not_writable_memory),
		DMA_TEST(what_is_no_memory_is_refused),
		DMA_TEST(a_descriptor_that_appends_is_refused),
		DMA_TEST(a_device_file_is_reached_by_messages),
		DMA_TEST(a_closed_descriptor_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
