/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_watchdog_i6300esb.c - the watchdog of the 6300ESB: as its driver sees it, as a guest does
 * that means harm, and as who is to learn that a guest hangs.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/pci_regs.h>

enum { PRELOAD1 = 0x00, PRELOAD2 = 0x04, GINTSR = 0x08, RELOAD = 0x0c };
enum { CONFIG = 0x60, LOCK = 0x68 };
enum { FEED = 0x100, TIMEOUT = 0x200 };
enum { NO_IRQ = 3, FAST = 4, OUTPUT_OFF = 0x20 };
enum { LOCKED = 1, ENABLE = 2, FREE_RUN = 4 };

#define TICK_NS  983040ull /* 2^15 clocks of 30 ns */
#define PATIENCE 10000     /* milliseconds, until something is taken not to come */

static struct fixture f;

static int setup(void **state)
{
	fixture_start(&f, "watchdog-i6300esb", *state);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	return 0;
}

static void put(uint64_t offset, uint64_t value, size_t width)
{
	fixture_write(&f, LM_BAR0_REG_IDX, offset, value, width);
}

static uint64_t get(uint64_t offset, size_t width)
{
	return fixture_read(&f, LM_BAR0_REG_IDX, offset, width);
}

static void put_config(uint64_t offset, uint64_t value, size_t width)
{
	fixture_write(&f, LM_CFG_REG_IDX, offset, value, width);
}

static void unlock(void)
{
	put(RELOAD, 0x80, 1);
	put(RELOAD, 0x86, 1);
}

static void preload(uint64_t first, uint64_t second)
{
	unlock();
	put(PRELOAD1, first, 4);
	unlock();
	put(PRELOAD2, second, 4);
}

static void feed(void)
{
	unlock();
	put(RELOAD, FEED, 2);
}

static void enable(uint8_t bits)
{
	put_config(LOCK, ENABLE | bits, 1);
}

static void get_prop(const char *name, char *buf, size_t size)
{
	fixture_read(&f, LM_CFG_REG_IDX, 0, 4);
	pthread_mutex_lock(&f.lock);
	f.type->info->prop_get(f.dev, name, buf, size);
	pthread_mutex_unlock(&f.lock);
}

static void await_prop(const char *name, const char *value)
{
	char buf[64];
	int i;

	for (i = 0; i < PATIENCE; i++) {
		get_prop(name, buf, sizeof(buf));
		if (!strcmp(buf, value))
			return;
		usleep(1000);
	}
	assert_string_equal(buf, value);
}

/* ---- the driver ------------------------------------------------------------------ */

static void test_the_driver_finds_its_device(void **state)
{
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, PCI_VENDOR_ID, 4), 0x25ab8086);
	assert_int_equal(get(PRELOAD1, 4), 0xfffff);
	assert_int_equal(get(PRELOAD2, 4), 0xfffff);
	assert_int_equal(get(RELOAD, 2), 0);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, LOCK, 1), 0);
}

/* What Linux writes to begin with, and half a minute. */
static void test_the_driver_of_linux_begins(void **state)
{
	put_config(CONFIG, NO_IRQ, 2);
	put_config(LOCK, 0, 1);
	unlock();
	assert_int_equal(get(RELOAD, 2), 0);
	unlock();
	put(RELOAD, TIMEOUT | FEED, 2);
	preload(30 << 9, 30 << 9);
	feed();
	fixture_assert_prop(&f, "stage", "stopped");
	enable(0);
	fixture_assert_prop(&f, "stage", "first");
	assert_int_equal(fixture_armed_ns(&f), (30 << 9) * TICK_NS);
	put_config(LOCK, 0, 1);
	fixture_assert_prop(&f, "stage", "stopped");
	assert_int_equal(fixture_armed_ns(&f), 0);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, LOCK, 1), 0);
}

static void test_the_clock_is_divided_as_config_says(void **state)
{
	preload(0x12345, 0xfffff);
	enable(0);
	assert_int_equal(fixture_armed_ns(&f), 0x12345 * TICK_NS);
	put_config(CONFIG, FAST, 2);
	feed();
	assert_int_equal(fixture_armed_ns(&f), 0x12345 * 960ull);
}

static void test_no_stage_is_shorter_than_a_millisecond(void **state)
{
	put_config(CONFIG, FAST | OUTPUT_OFF, 2);
	preload(0, 0);
	enable(FREE_RUN);
	assert_int_equal(fixture_armed_ns(&f), 1000000);
}

/* ---- the sequence ---------------------------------------------------------------- */

static void test_a_preload_value_needs_the_sequence(void **state)
{
	put(PRELOAD1, 1, 4);
	put(RELOAD, 0x86, 1);
	put(PRELOAD1, 2, 4);
	put(RELOAD, 0x80, 1);
	put(PRELOAD1, 3, 4);
	put(RELOAD, 0x80, 1);
	put(RELOAD, 0x00, 1);
	put(RELOAD, 0x86, 1);
	put(PRELOAD1, 4, 4);
	assert_int_equal(get(PRELOAD1, 4), 0xfffff);
	unlock();
	put(PRELOAD1, 5, 4);
	assert_int_equal(get(PRELOAD1, 4), 5);
	put(PRELOAD1, 6, 4);
	put(PRELOAD2, 6, 4);
	assert_int_equal(get(PRELOAD1, 4), 5);
	assert_int_equal(get(PRELOAD2, 4), 0xfffff);
}

static void test_reading_does_not_lock(void **state)
{
	unlock();
	get(RELOAD, 2);
	get(PRELOAD1, 4);
	put(PRELOAD2, 7, 4);
	assert_int_equal(get(PRELOAD2, 4), 7);
}

static void test_feeding_needs_the_sequence(void **state)
{
	preload(1, 0xfffff);
	put_config(CONFIG, NO_IRQ, 2);
	enable(0);
	await_prop("stage", "second");
	preload(0xfffff, 0xfffff);
	put(RELOAD, FEED, 2);
	fixture_assert_prop(&f, "stage", "second");
	feed();
	fixture_assert_prop(&f, "stage", "first");
	assert_int_equal(fixture_armed_ns(&f), 0xfffff * TICK_NS);
}

static void test_feeding_does_not_enable(void **state)
{
	feed();
	fixture_assert_prop(&f, "stage", "stopped");
	assert_int_equal(fixture_armed_ns(&f), 0);
}

static void test_a_preload_value_counts_from_the_next_stage_on(void **state)
{
	enable(0);
	preload(5, 5);
	assert_int_equal(fixture_armed_ns(&f), 0xfffff * TICK_NS);
	preload(0x10000, 5);
	feed();
	assert_int_equal(fixture_armed_ns(&f), 0x10000 * TICK_NS);
}

/* ---- the stages ------------------------------------------------------------------ */

static void test_the_first_stage_interrupts(void **state)
{
	struct pollfd pfd;

	fixture_arm_intx(&f);
	preload(1, 0xfffff);
	enable(0);
	pfd = (struct pollfd){ .fd = f.intx, .events = POLLIN };
	assert_int_equal(poll(&pfd, 1, PATIENCE), 1);
	assert_int_equal(fixture_taken(f.intx), 1);
	assert_true(fixture_line(&f));
	assert_int_equal(get(GINTSR, 2), 1);
	fixture_assert_heard(&f, "pretimeout=0x0");
	put(GINTSR, 0, 2);
	assert_true(fixture_line(&f));
	put(GINTSR, 1, 2);
	assert_false(fixture_line(&f));
	assert_int_equal(get(GINTSR, 2), 0);
	fixture_assert_prop(&f, "stage", "second");
}

static void test_the_interrupt_can_be_switched_off(void **state)
{
	put_config(CONFIG, NO_IRQ, 2);
	preload(1, 0xfffff);
	enable(0);
	await_prop("stage", "second");
	assert_int_equal(get(GINTSR, 2), 1);
	assert_false(fixture_line(&f));
	put_config(CONFIG, 0, 2);
	assert_true(fixture_line(&f));
	put_config(CONFIG, 2, 2); /* SMI */
	assert_false(fixture_line(&f));
}

static void test_the_second_stage_is_the_end(void **state)
{
	preload(1, 1);
	enable(0);
	await_prop("stage", "expired");
	fixture_assert_heard(&f, "pretimeout=0x0 watchdog=0x1");
	assert_int_equal(get(RELOAD, 2), TIMEOUT);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, LOCK, 1), ENABLE);
	fixture_assert_prop(&f, "timeouts", "1");
}

/* It may have been slow only. */
static void test_a_guest_that_comes_back_is_watched_again(void **state)
{
	preload(1, 1);
	enable(0);
	await_prop("stage", "expired");
	feed();
	await_prop("timeouts", "2");
}

static void test_without_the_output_nothing_happens(void **state)
{
	put_config(CONFIG, OUTPUT_OFF, 2);
	preload(1, 1);
	enable(0);
	await_prop("stage", "expired");
	fixture_assert_heard(&f, "pretimeout=0x0");
	assert_int_equal(get(RELOAD, 2), TIMEOUT);
	fixture_assert_prop(&f, "timeouts", "0");
}

static void test_running_free_has_one_stage_again_and_again(void **state)
{
	char count[16];
	int i;

	preload(0xfffff, 1);
	enable(FREE_RUN);
	fixture_assert_prop(&f, "stage", "second");
	for (i = 0; i < PATIENCE; i++) {
		get_prop("timeouts", count, sizeof(count));
		if (atoi(count) >= 3)
			break;
		usleep(1000);
	}
	assert_true(atoi(count) >= 3);
	assert_int_equal(get(GINTSR, 2), 0);
	put_config(LOCK, 0, 1);
	fixture_assert_prop(&f, "stage", "stopped");
}

static void test_the_timeout_is_known_until_it_is_cleared(void **state)
{
	preload(1, 1);
	enable(0);
	await_prop("stage", "expired");
	fixture_reset(&f);
	assert_int_equal(get(RELOAD, 2), TIMEOUT);
	put(RELOAD, TIMEOUT, 2);
	assert_int_equal(get(RELOAD, 2), TIMEOUT);
	unlock();
	put(RELOAD, TIMEOUT, 2);
	assert_int_equal(get(RELOAD, 2), 0);
	fixture_reset(&f);
	assert_int_equal(get(RELOAD, 2), 0);
}

/* ---- the lock -------------------------------------------------------------------- */

static void test_the_lock_lasts_until_a_reset(void **state)
{
	enable(LOCKED);
	put_config(LOCK, 0, 1);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, LOCK, 1), ENABLE | LOCKED);
	fixture_assert_prop(&f, "stage", "first");
	put_config(LOCK, ENABLE | FREE_RUN, 1);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, LOCK, 1), ENABLE | LOCKED);
	fixture_reset(&f);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, LOCK, 1), 0);
	fixture_assert_prop(&f, "stage", "stopped");
}

static void test_a_reset_puts_all_back(void **state)
{
	preload(1, 0xffff0);
	put_config(CONFIG, FAST, 2);
	enable(FREE_RUN);
	unlock();
	fixture_reset(&f);
	put(PRELOAD1, 9, 4);
	assert_int_equal(get(PRELOAD1, 4), 0xfffff);
	assert_int_equal(get(PRELOAD2, 4), 0xfffff);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, CONFIG, 2), 0);
	assert_int_equal(fixture_armed_ns(&f), 0);
}

/* ---- a guest that means harm ----------------------------------------------------- */

static void test_reserved_bits_stay_zero(void **state)
{
	unlock();
	put(PRELOAD1, 0xffffffff, 4);
	put(GINTSR, 0xffff, 2);
	put_config(CONFIG, 0xffff, 2);
	put_config(LOCK, 0xf8, 1);
	assert_int_equal(get(PRELOAD1, 4), 0xfffff);
	assert_int_equal(get(GINTSR, 2), 0);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, CONFIG, 2), 0x27);
	assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, LOCK, 1), 0);
}

/* All widths everywhere, with the words of the sequence among the values. It is still one that can
 * be reset and used. */
static void test_no_access_breaks_it(void **state)
{
	static const uint64_t values[] = {
		0x80, 0x86, 0, FEED, UINT64_MAX, 0x8080808080808080, 0x8686868686868686, 0x300,
	};
	unsigned int seed = 1, i;

	for (i = 0; i < 4000; i++) {
		const size_t width = 1u << rand_r(&seed) % 4;
		const bool config = rand_r(&seed) % 4 == 0;
		const uint64_t offset = (config ? CONFIG : 0) + rand_r(&seed) % 16;

		if (rand_r(&seed) % 3 && (config || offset + width <= 16))
			fixture_write(&f, config ? LM_CFG_REG_IDX : LM_BAR0_REG_IDX, offset,
				      values[rand_r(&seed) % LM_NR(values)], width);
		else
			fixture_read(&f, config ? LM_CFG_REG_IDX : LM_BAR0_REG_IDX, offset, width);
		if (i % 500 == 499)
			fixture_reset(&f);
	}
	fixture_reset(&f);
	test_reserved_bits_stay_zero(state);
}

/* ---- actions --------------------------------------------------------------------- */

static char dir[] = "/tmp/test-watchdog-XXXXXX";
static char said_path[64], command[256];
static const char *with_command[] = { command, NULL };
static int said; /* a pipe with a name: what commands say */

/* action=exec= of TEXT, in which $s is where to say something. */
static int setup_exec(const char *text)
{
	if (!strcmp(dir + strlen(dir) - 6, "XXXXXX")) {
		assert_non_null(mkdtemp(dir));
		snprintf(said_path, sizeof(said_path), "%s/said", dir);
	}
	assert_int_equal(mkfifo(said_path, 0600), 0);
	said = open(said_path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	assert_true(said >= 0);
	snprintf(command, sizeof(command), "action=exec=s=%s; %s", said_path, text);
	fixture_start(&f, "watchdog-i6300esb", with_command);
	return 0;
}

static int teardown_exec(void **state)
{
	fixture_stop(&f);
	close(said);
	unlink(said_path);
	return 0;
}

static void await_said(const char *expected)
{
	struct pollfd pfd = { .fd = said, .events = POLLIN };
	size_t len = 0;
	char buf[256];
	ssize_t n;

	while (len < strlen(expected) && poll(&pfd, 1, PATIENCE) == 1) {
		n = read(said, buf + len, sizeof(buf) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	buf[len] = '\0';
	assert_string_equal(buf, expected);
}

/* No child, dead or alive. */
static void await_no_child(void)
{
	siginfo_t info;
	int i;

	for (i = 0; i < PATIENCE && !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT); i++)
		usleep(1000);
	assert_int_equal(errno, ECHILD);
}

static int setup_says(void **state)
{
	return setup_exec("echo $1 `cat | wc -c` >$s");
}

static void test_a_command_is_run_for_each_timeout(void **state)
{
	char expected[64];

	preload(1, 1);
	enable(0);
	snprintf(expected, sizeof(expected), "%s 0\n", lm_ctx_uuid(f.ctx));
	await_said(expected);
	await_no_child();
	feed();
	await_said(expected);
	await_no_child();
	fixture_assert_prop(&f, "timeouts", "2");
}

static int setup_holds(void **state)
{
	return setup_exec("echo one >$s; while [ -e $s ]; do sleep 0.01; done");
}

static void test_commands_run_one_at_a_time(void **state)
{
	char count[16] = "";
	int i;

	preload(1, 1);
	enable(FREE_RUN);
	await_said("one\n");
	for (i = 0; i < PATIENCE && atoi(count) < 20; i++) {
		get_prop("timeouts", count, sizeof(count));
		usleep(1000);
	}
	assert_true(atoi(count) >= 20);
	assert_int_equal(read(said, count, sizeof(count)), -1);
	assert_int_equal(errno, EAGAIN);
	put_config(LOCK, 0, 1);
	fixture_assert_prop(&f, "stage", "stopped");
	unlink(said_path); /* lets it end */
	await_no_child();
}

/* Which the library has many of here: sockets, timers, memory. */
static int setup_descriptors(void **state)
{
	return setup_exec("ls -l /proc/$$/fd | grep -c -e socket: -e anon_inode: -e memfd: >$s");
}

static void test_a_command_gets_no_descriptor_of_ours(void **state)
{
	preload(1, 1);
	enable(0);
	await_said("0\n");
	await_no_child();
}

static void test_actions_that_are_none_are_refused(void **state)
{
	char longest[1024 + 1], *dev;
	size_t i;
	static const char *const bad[] = { "", "none", "exec", "exec=", "EVENT", "event " };

	assert_int_equal(fixture_new(&device_watchdog_i6300esb, (void **)&dev), 0);
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(fixture_set_option(&device_watchdog_i6300esb, dev, "action",
						    bad[i]), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "exec=", 5);
	longest[1024] = '\0';
	assert_int_equal(fixture_set_option(&device_watchdog_i6300esb, dev, "action", longest),
			 -EINVAL);
	longest[1023] = '\0';
	assert_int_equal(fixture_set_option(&device_watchdog_i6300esb, dev, "action", longest), 0);
	device_free(&device_watchdog_i6300esb, dev);
}

/* ---- state ----------------------------------------------------------------------- */

static void test_a_stage_begins_again_after_a_move(void **state)
{
	struct fixture other;

	preload(7, 0xffff0);
	put_config(CONFIG, NO_IRQ, 2);
	enable(LOCKED);
	await_prop("stage", "second");
	fixture_start(&other, "watchdog-i6300esb", NULL);
	fixture_copy_state(&f, &other);
	fixture_assert_prop(&other, "stage", "second");
	assert_int_equal(fixture_armed_ns(&other), 0xffff0 * TICK_NS);
	assert_int_equal(fixture_read(&other, LM_BAR0_REG_IDX, GINTSR, 2), 1);
	assert_int_equal(fixture_read(&other, LM_CFG_REG_IDX, LOCK, 1), ENABLE | LOCKED);
	fixture_stop(&other);
}

static void test_what_was_stopped_stays_so_after_a_move(void **state)
{
	struct fixture other;

	fixture_start(&other, "watchdog-i6300esb", NULL);
	fixture_write(&other, LM_CFG_REG_IDX, LOCK, ENABLE, 1);
	fixture_assert_prop(&other, "stage", "first");
	fixture_copy_state(&f, &other);
	fixture_assert_prop(&other, "stage", "stopped");
	assert_int_equal(fixture_armed_ns(&other), 0);
	fixture_stop(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
#define TEST_EXEC(name, setup_it) \
	cmocka_unit_test_setup_teardown(test_##name, setup_it, teardown_exec)

static int remove_dir(void **state)
{
	rmdir(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_driver_finds_its_device),
		TEST(the_driver_of_linux_begins),
		TEST(the_clock_is_divided_as_config_says),
		TEST(no_stage_is_shorter_than_a_millisecond),
		TEST(a_preload_value_needs_the_sequence),
		TEST(reading_does_not_lock),
		TEST(feeding_needs_the_sequence),
		TEST(feeding_does_not_enable),
		TEST(a_preload_value_counts_from_the_next_stage_on),
		TEST(the_first_stage_interrupts),
		TEST(the_interrupt_can_be_switched_off),
		TEST(the_second_stage_is_the_end),
		TEST(a_guest_that_comes_back_is_watched_again),
		TEST(without_the_output_nothing_happens),
		TEST(running_free_has_one_stage_again_and_again),
		TEST(the_timeout_is_known_until_it_is_cleared),
		TEST(the_lock_lasts_until_a_reset),
		TEST(a_reset_puts_all_back),
		TEST(reserved_bits_stay_zero),
		TEST(no_access_breaks_it),
		TEST_EXEC(a_command_is_run_for_each_timeout, setup_says),
		TEST_EXEC(commands_run_one_at_a_time, setup_holds),
		TEST_EXEC(a_command_gets_no_descriptor_of_ours, setup_descriptors),
		cmocka_unit_test(test_actions_that_are_none_are_refused),
		TEST(a_stage_begins_again_after_a_move),
		TEST(what_was_stopped_stays_so_after_a_move),
	};

	return cmocka_run_group_tests(tests, NULL, remove_dir);
}
