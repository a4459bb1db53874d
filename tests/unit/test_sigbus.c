/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_sigbus.c - a client truncates the memory that it shared, and nobody dies of it.
 * The guard is process-wide: installed once, by main(), after the handler that it has to
 * chain to.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "dma_fixture.h"
#include "hugepages.h"
#include "mappings.h"

#define A 0x100000ull

static sigjmp_buf after_fault;
static volatile sig_atomic_t nr_foreign;
static struct sigaction guard;

static void foreign_handler(int sig, siginfo_t *si, void *context)
{
	nr_foreign++;
	siglongjmp(after_fault, 1);
}

static int setup(void **state)
{
	nr_foreign = 0;
	return dma_setup(state);
}

static int teardown(void **state)
{
	return dma_teardown(state) || mappings(NULL) || nr_foreign;
}

/* cmocka puts its own handler in place for each test: back to the guard. */
static void run_guarded(void **state)
{
	const CMUnitTestFunction fn = (CMUnitTestFunction)*state;

	assert_int_equal(sigaction(SIGBUS, &guard, NULL), 0);
	fn(state);
}

static int map_error(uint64_t addr)
{
	const dma_sg_t sg = find(addr, 1);
	struct iovec iov;
	const int ret = lm_map_sg(&ctx, PROT_READ, &sg, &iov, 1);

	if (!ret)
		release(&sg);
	return ret;
}

/* All mappings of this process. */
static unsigned int all_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned int nr = 0;
	int c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		nr += c == '\n';
	fclose(f);
	return nr;
}

/* Keeps the compiler from dropping an access. */
static uint8_t look(const void *base, uint64_t off)
{
	return ((const volatile uint8_t *)base)[off];
}

static void poke(void *base, uint64_t off, uint8_t value)
{
	((volatile uint8_t *)base)[off] = value;
}

/* ---- truncation ------------------------------------------------------------------ */

static void a_file_that_could_shrink_is_mapped(void **state)
{
	const int fd = file_new(4 * PAGE, 0);

	map_file(A, 4 * PAGE, fd, 0);
	assert_kind(A, "mapped");
	check_bytes(A, 4 * PAGE, 0);
	close(fd);
}

static void a_vanished_page_reads_as_zeros(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	struct iovec iov;
	dma_sg_t sg;

	map_file(A, 4 * PAGE, fd, 0);
	sg = find(A, 4 * PAGE);
	iov = hold(&sg, RW);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	errno = 4711;
	assert_int_equal(look(iov.iov_base, 2 * PAGE + 5), 0);
	assert_int_equal(errno, 4711);
	poke(iov.iov_base, 3 * PAGE, 7);
	assert_int_equal(look(iov.iov_base, 3 * PAGE), 7);
	assert_int_equal(look(iov.iov_base, PAGE - 1), byte_at(PAGE - 1));
	release(&sg);
	close(fd);
}

static void a_broken_window_gives_no_more_pointers(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	struct iovec iov;
	dma_sg_t sg;

	map_file(A, 4 * PAGE, fd, 0);
	sg = find(A, 4 * PAGE);
	iov = hold(&sg, RW);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	look(iov.iov_base, 3 * PAGE);
	assert_kind(A, "broken");
	assert_int_equal(map_error(A), -EOPNOTSUPP);
	release(&sg);
	assert_int_equal(show(A).held, 0);
	close(fd);
}

static void copies_of_vanished_memory_fail(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	uint8_t buf[16];
	dma_sg_t there, gone;

	map_file(A, 4 * PAGE, fd, 0);
	there = find(A + PAGE - 16, 16);
	gone = find(A + PAGE, 16);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(lm_dma_read(&ctx, &gone, buf), -EFAULT);
	assert_int_equal(lm_dma_write(&ctx, &gone, buf), -EFAULT);
	assert_int_equal(lm_dma_read(&ctx, &there, buf), 0);
	assert_int_equal(buf[15], byte_at(PAGE - 1));
	assert_int_equal(lm_dma_write(&ctx, &there, buf), 0);
	close(fd);
}

static void the_first_write_to_vanished_memory_fails(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	uint8_t buf[2 * 4096] = { 0 };
	dma_sg_t sg;

	map_file(A, 4 * PAGE, fd, 0);
	sg = find(A + PAGE, 2 * PAGE);
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	assert_int_equal(lm_dma_write(&ctx, &sg, buf), -EFAULT);
	assert_int_equal(lseek(fd, 0, SEEK_END), 2 * PAGE);
	close(fd);
}

static void other_windows_of_the_file_go_on(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	uint8_t byte;
	dma_sg_t sg;

	map_file(A, PAGE, fd, 0);
	map_file(A + PAGE, PAGE, fd, 3 * PAGE);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	sg = find(A + PAGE, 1);
	assert_int_equal(lm_dma_read(&ctx, &sg, &byte), -EFAULT);
	assert_kind(A + PAGE, "broken");
	assert_kind(A, "mapped");
	check_bytes(A, PAGE, 0);
	close(fd);
}

static void a_read_only_window_survives_as_well(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	dma_sg_t sg;

	assert_int_equal(try_map((struct dma_window){ .addr = A, .size = 4 * PAGE,
						      .prot = PROT_READ, .fd = fd }), 0);
	sg = find(A, 4 * PAGE);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(look(hold(&sg, PROT_READ).iov_base, 10), 0);
	release(&sg);
	close(fd);
}

static void a_new_window_after_a_truncation_is_whole(void **state)
{
	const int fd = file_new(4 * PAGE, 0);
	dma_sg_t sg;

	map_file(A, 4 * PAGE, fd, 0);
	sg = find(A, 4 * PAGE);
	assert_int_equal(ftruncate(fd, 0), 0);
	look(hold(&sg, PROT_READ).iov_base, PAGE);
	release(&sg);
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	file_fill(fd, 0, 4 * PAGE);
	map_file(2 * A, 4 * PAGE, fd, 0);
	assert_kind(A, "broken");
	assert_kind(2 * A, "mapped");
	check_bytes(2 * A, 4 * PAGE, 0);
	close(fd);
}

static void a_window_beyond_the_file_is_not_mapped(void **state)
{
	const int fd = file_new(PAGE, 0);

	map_file(A, 2 * PAGE, fd, 0);
	assert_kind(A, "file");
	assert_int_equal(map_error(A), -EOPNOTSUPP);
	close(fd);
}

/* A hostile client could have us split the mapping until the kernel has no more room. */
static void scattered_faults_take_few_mappings(void **state)
{
	const uint64_t pages = 4096;
	const int fd = file_new(pages * PAGE, 0);
	unsigned int before;
	struct iovec iov;
	dma_sg_t sg;
	uint64_t i;

	map_file(A, pages * PAGE, fd, 0);
	sg = find(A, pages * PAGE);
	iov = hold(&sg, PROT_READ);
	before = all_mappings();
	assert_int_equal(ftruncate(fd, 0), 0);
	for (i = 0; i < pages; i++)
		assert_int_equal(look(iov.iov_base, i * 1657 % pages * PAGE), 0);
	assert_true(all_mappings() < before + 64);
	release(&sg);
	close(fd);
}

/* What is still there, or comes back, can be used. */
static void a_repair_takes_no_more_than_a_page(void **state)
{
	const uint64_t pages = 64;
	const int fd = file_new(pages * PAGE, 0);
	uint8_t byte;
	uint64_t i;
	dma_sg_t sg;

	map_file(A, pages * PAGE, fd, 0);
	for (i = 10; i < 14; i++) {
		assert_int_equal(ftruncate(fd, (off_t)(i * PAGE)), 0);
		sg = find(A + i * PAGE, 1);
		assert_int_equal(lm_dma_read(&ctx, &sg, &byte), -EFAULT);
		file_fill(fd, i * PAGE, pages * PAGE);
	}
	for (i = 0; i < pages; i++) {
		sg = find(A + i * PAGE, 1);
		assert_int_equal(lm_dma_read(&ctx, &sg, &byte), i < 10 || i >= 14 ? 0 : -EFAULT);
		assert_true((i >= 10 && i < 14) || byte == byte_at(i * PAGE));
	}
	close(fd);
}

/* It costs its owner nothing, and we could not reserve that much. */
static void a_file_larger_than_memory_is_repaired(void **state)
{
	const uint64_t size = 1ull << 40;
	const int fd = file_new(0, 0);
	struct iovec iov;
	uint64_t off;
	dma_sg_t sg;

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	map_file(A, size, fd, 0);
	sg = find(A, 1);
	iov = hold(&sg, RW);
	assert_int_equal(ftruncate(fd, 0), 0);
	for (off = 0; off < size; off = 2 * off + PAGE) {
		poke(iov.iov_base, off, 1);
		assert_int_equal(look(iov.iov_base, off), 1);
	}
	release(&sg);
	close(fd);
}

#define MANY 2000u

/* Each breaks a little here and there. */
static void many_broken_files_take_few_mappings(void **state)
{
	const uint64_t pages = 66, gap = 0x100000;
	unsigned int before, i;
	uint64_t at;

	for (i = 0; i < MANY; i++) {
		const int fd = memfd_create("dma-test", MFD_CLOEXEC);

		assert_int_equal(ftruncate(fd, (off_t)(pages * PAGE)), 0);
		map_file(A + i * gap, pages * PAGE, fd, 0);
		assert_int_equal(ftruncate(fd, 0), 0);
		close(fd);
	}
	before = all_mappings();
	for (i = 0; i < MANY; i++) {
		const dma_sg_t sg = find(A + i * gap, pages * PAGE);
		const struct iovec iov = hold(&sg, PROT_READ);

		for (at = 0; at < pages; at = 2 * at + 2)
			assert_int_equal(look(iov.iov_base, at * PAGE), 0);
		release(&sg);
	}
	assert_true(all_mappings() < before + MANY);
}

/* What one client has broken is not held against the next one. */
static void pieces_are_given_back(void **state)
{
	many_broken_files_take_few_mappings(state);
	dma_disconnect(&ctx);
	a_repair_takes_no_more_than_a_page(state);
}

/* Nothing smaller than a huge page can be replaced, and nothing larger is. */
static void a_missing_huge_page_is_repaired(void **state)
{
	struct hugepages pages;
	struct iovec iov;
	uint8_t *client;
	uint64_t huge;
	dma_sg_t sg;
	int fd;

	if (!hugepages_begin(&pages, 2))
		skip();
	fd = hugepages_file(2, &huge);
	client = mmap(NULL, 2 * huge, RW, MAP_SHARED, fd, 0);
	assert_true(client != MAP_FAILED);
	client[0] = client[huge] = 7;
	map_file(A, 2 * huge, fd, 0);
	assert_kind(A, "mapped");
	sg = find(A, (uint32_t)(2 * huge));
	iov = hold(&sg, RW);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)huge,
				   (off_t)huge), 0);
	hugepages_set(&pages, 0); /* those that are in use stay */
	assert_int_equal(look(iov.iov_base, 2 * huge - 1), 0);
	assert_int_equal(look(iov.iov_base, huge), 0);
	assert_int_equal(look(iov.iov_base, 0), 7);
	assert_kind(A, "broken");
	release(&sg);
	munmap(client, 2 * huge);
	close(fd);
	hugepages_end(&pages);
}

static void *read_all(void *arg)
{
	const struct iovec *iov = arg;
	size_t i, sum = 0;

	for (i = 0; i < iov->iov_len; i += PAGE)
		sum += look(iov->iov_base, i);
	return (void *)sum;
}

static void threads_that_fault_together_survive(void **state)
{
	const int fd = file_new(256 * PAGE, 0);
	pthread_t thread[4];
	struct iovec iov;
	dma_sg_t sg;
	int i;

	map_file(A, 256 * PAGE, fd, 0);
	sg = find(A, 256 * PAGE);
	iov = hold(&sg, PROT_READ);
	assert_int_equal(ftruncate(fd, 0), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, read_all, &iov), 0);
	for (i = 0; i < 4; i++) {
		void *sum;

		assert_int_equal(pthread_join(thread[i], &sum), 0);
		assert_null(sum);
	}
	assert_kind(A, "broken");
	release(&sg);
	close(fd);
}

static void a_device_file_is_mapped_window_by_window(void **state)
{
	const int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	dma_sg_t sg;

	assert_true(fd >= 0);
	map_file(A, 0x20, fd, PAGE + 0x10);
	map_file(2 * A, PAGE, fd, 0);
	assert_kind(A, "mapped");
	sg = find(A, 0x20);
	poke(hold(&sg, RW).iov_base, 0x1f, 1);
	release(&sg);
	sg = find(2 * A, 1);
	assert_int_equal(look(hold(&sg, RW).iov_base, 0), 0);
	release(&sg);
	close(fd);
}

static unsigned int nr_said;

static void note(void *pvt, int level, const char *msg)
{
	nr_said++;
}

/* Nor is each of them worth a line in a log. */
static void many_mappings_are_all_guarded(void **state)
{
	int fd[200], i;
	uint8_t byte;

	nr_said = 0;
	ctx.info.log = note;
	ctx.info.log_level = LM_LOG_DEBUG;
	for (i = 0; i < 200; i++) {
		fd[i] = file_new(PAGE, 0);
		map_file(A + (uint64_t)i * PAGE, PAGE, fd[i], 0);
	}
	for (i = 0; i < 200; i++) {
		const dma_sg_t sg = find(A + (uint64_t)i * PAGE, 1);

		assert_int_equal(ftruncate(fd[i], 0), 0);
		assert_int_equal(lm_dma_read(&ctx, &sg, &byte), -EFAULT);
		close(fd[i]);
	}
	assert_int_equal(nr_said, 1);
}

/* ---- signals that are not ours --------------------------------------------------- */

static void another_fault_goes_to_the_handler_before(void **state)
{
	const int fd = file_new(PAGE, 0);
	void *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(ftruncate(fd, 0), 0);
	if (!sigsetjmp(after_fault, 1)) {
		look(p, 0);
		fail_msg("no fault");
	}
	assert_int_equal(nr_foreign, 1);
	nr_foreign = 0;
	munmap(p, PAGE);
	close(fd);
}

static void a_signal_that_was_sent_goes_to_the_handler_before(void **state)
{
	if (!sigsetjmp(after_fault, 1)) {
		raise(SIGBUS);
		fail_msg("no signal");
	}
	assert_int_equal(nr_foreign, 1);
	nr_foreign = 0;
}

static void a_second_guard_changes_nothing(void **state)
{
	struct sigaction now;

	assert_int_equal(lm_sigbus_guard(), 0);
	assert_int_equal(sigaction(SIGBUS, NULL, &now), 0);
	assert_ptr_equal(now.sa_sigaction, guard.sa_sigaction);
	a_signal_that_was_sent_goes_to_the_handler_before(state);
}

/* A split would take more mappings than the kernel allows. */
static void a_process_without_room_for_mappings_survives(void **state)
{
	const int fd = file_new(64 * PAGE, 0);
	struct iovec iov;
	uint8_t value;
	char *filler;
	dma_sg_t sg;

	map_file(A, 64 * PAGE, fd, 0);
	sg = find(A, 64 * PAGE);
	iov = hold(&sg, PROT_READ);
	assert_int_equal(ftruncate(fd, 0), 0);
	filler = mappings_fill();
	value = look(iov.iov_base, 32 * PAGE);
	mappings_unfill(filler, 0);
	assert_int_equal(value, 0);
	assert_kind(A, "broken");
	release(&sg);
	close(fd);
}

static void a_process_with_too_many_mappings_survives(void **state)
{
	const int fd = file_new(64 * PAGE, 0);
	struct iovec iov;
	uint8_t value;
	char *filler;
	dma_sg_t sg;
	bool full;
	long last;

	map_file(A, 64 * PAGE, fd, 0);
	sg = find(A, 64 * PAGE);
	iov = hold(&sg, PROT_READ);
	assert_int_equal(ftruncate(fd, 0), 0);
	filler = mappings_fill();
	full = mappings_fill_last(&last);
	value = look(iov.iov_base, 32 * PAGE);
	mappings_unfill(filler, last);
	assert_true(full);
	assert_int_equal(value, 0);
	assert_kind(A, "broken");
	release(&sg);
	close(fd);
}

/* What was given up for a repair is there again for the next one. */
static void too_many_mappings_once_more(void **state)
{
	a_process_with_too_many_mappings_survives(state);
	assert_int_equal(unmap(A, 64 * PAGE), 0);
	a_process_with_too_many_mappings_survives(state);
}

/* What becomes of a process that had @disposition before the guard. */
static int fate(const char *disposition, const char *how)
{
	int status;
	pid_t pid;

	/* The program itself, because the guard is there already in this process. */
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "test_sigbus", disposition, how, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void plain_handler(int sig)
{
	_exit(42);
}

static int victim(const char *disposition, const char *how)
{
	const int fd = memfd_create("victim", MFD_CLOEXEC);
	void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	signal(SIGBUS, !strcmp(disposition, "ignore") ? SIG_IGN :
		       !strcmp(disposition, "plain")  ? plain_handler :
							SIG_DFL);
	if (p == MAP_FAILED || lm_sigbus_guard())
		return 1;
	if (!strcmp(how, "fault"))
		look(p, 0);
	else
		raise(SIGBUS);
	return 0;
}

static void without_a_handler_a_fault_kills(void **state)
{
	assert_int_equal(fate("default", "fault"), -SIGBUS);
	assert_int_equal(fate("ignore", "fault"), -SIGBUS);
}

static void without_a_handler_a_signal_does_as_before(void **state)
{
	assert_int_equal(fate("default", "signal"), -SIGBUS);
	assert_int_equal(fate("ignore", "signal"), 0);
}

static void a_plain_handler_is_called_as_well(void **state)
{
	assert_int_equal(fate("plain", "fault"), 42);
	assert_int_equal(fate("plain", "signal"), 42);
}

/* What has been unmapped is nobody's business. */
static void an_unmapped_window_is_not_guarded(void **state)
{
	const int fd = file_new(PAGE, 0);
	struct sigbus_range *range;
	void *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);

	assert_int_equal(sigbus_add(p, PAGE, PAGE, RW, &range), 0);
	sigbus_remove(range);
	assert_int_equal(ftruncate(fd, 0), 0);
	if (!sigsetjmp(after_fault, 1)) {
		look(p, 0);
		fail_msg("no fault");
	}
	assert_int_equal(nr_foreign, 1);
	nr_foreign = 0;
	munmap(p, PAGE);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) { #fn, run_guarded, setup, teardown, fn }
		TEST(a_file_that_could_shrink_is_mapped),
		TEST(a_vanished_page_reads_as_zeros),
		TEST(a_broken_window_gives_no_more_pointers),
		TEST(copies_of_vanished_memory_fail),
		TEST(the_first_write_to_vanished_memory_fails),
		TEST(other_windows_of_the_file_go_on),
		TEST(a_read_only_window_survives_as_well),
		TEST(a_new_window_after_a_truncation_is_whole),
		TEST(a_window_beyond_the_file_is_not_mapped),
		TEST(scattered_faults_take_few_mappings),
		TEST(a_repair_takes_no_more_than_a_page),
		TEST(a_file_larger_than_memory_is_repaired),
		TEST(many_broken_files_take_few_mappings),
		TEST(pieces_are_given_back),
		TEST(a_missing_huge_page_is_repaired),
		TEST(threads_that_fault_together_survive),
		TEST(a_device_file_is_mapped_window_by_window),
		TEST(many_mappings_are_all_guarded),
		TEST(another_fault_goes_to_the_handler_before),
		TEST(a_signal_that_was_sent_goes_to_the_handler_before),
		TEST(a_second_guard_changes_nothing),
		TEST(without_a_handler_a_fault_kills),
		TEST(without_a_handler_a_signal_does_as_before),
		TEST(a_plain_handler_is_called_as_well),
		TEST(a_process_without_room_for_mappings_survives),
		TEST(a_process_with_too_many_mappings_survives),
		TEST(too_many_mappings_once_more),
		TEST(an_unmapped_window_is_not_guarded),
	};
	struct sigaction sa = { .sa_sigaction = foreign_handler, .sa_flags = SA_SIGINFO };

	if (argc == 3)
		return victim(argv[1], argv[2]);
	if (sigaction(SIGBUS, &sa, NULL) || lm_sigbus_guard() ||
	    sigaction(SIGBUS, NULL, &guard))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
