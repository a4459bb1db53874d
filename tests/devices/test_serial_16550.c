/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_serial_16550.c - the serial port, by the eyes of a driver that has read the PC16550D's data
 * sheet, with a peer on a pseudoterminal or nobody at the other end.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, DLL = RBR, DLM = IER, FCR = IIR };
enum { DLAB = 0x80, BREAK = 0x40, WORD_8 = 3 };
enum { DTR = 1, RTS = 2, OUT1 = 4, OUT2 = 8, LOOP = 16 };
enum { DR = 1, OE = 2, BI = 16, THRE = 32, TEMT = 64, FIFO_ERR = 128 };
enum { ERBFI = 1, ETBEI = 2, ELSI = 4, EDSSI = 8 };
enum { FIFOS = 0xc0, NONE = 1, ID_MODEM = 0, ID_THRE = 2, ID_DATA = 4, ID_LINE = 6 };
enum { ID_TIMEOUT = 12 };

static struct fixture f;
static int peer;

static void start(const char *const *options)
{
	fixture_start(&f, "serial-16550", options);
	peer = -1;
}

static int setup_null(void **state)
{
	start((const char *const[]){ "backend=null", NULL });
	return 0;
}

/* A peer has it open before anything happens. */
static void peer_opens(void)
{
	const lm_dev_info_t *info = f.type->info;
	char path[64];

	pthread_mutex_lock(&f.lock);
	info->prop_get(f.dev, "path", path, sizeof(path));
	pthread_mutex_unlock(&f.lock);
	peer = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(peer >= 0);
}

static bool prop_is(const char *name, const char *value)
{
	char buf[64];

	pthread_mutex_lock(&f.lock);
	f.type->info->prop_get(f.dev, name, buf, sizeof(buf));
	pthread_mutex_unlock(&f.lock);
	return !strcmp(buf, value);
}

static int setup_pty(void **state)
{
	start(NULL);
	peer_opens();
	while (!prop_is("peer", "1"))
		sched_yield();
	return 0;
}

static int setup_timed(void **state)
{
	start((const char *const[]){ "baud=timed", NULL });
	peer_opens();
	while (!prop_is("peer", "1"))
		sched_yield();
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	if (peer >= 0)
		close(peer);
	return 0;
}

static uint8_t get(uint64_t offset)
{
	return (uint8_t)fixture_read(&f, 0, offset, 1);
}

static void put(uint64_t offset, uint8_t value)
{
	fixture_write(&f, 0, offset, value, 1);
}

/* What is to come, comes; the test's time limit is the only one. Gives all bits that were seen
 * until then: those of errors are gone when they were read. */
static uint8_t await(uint64_t offset, uint8_t mask, uint8_t value)
{
	uint8_t seen = 0, now;

	do {
		seen |= now = get(offset);
	} while ((now & mask) != value);
	return seen;
}

static void divisor(uint16_t value)
{
	put(LCR, DLAB | WORD_8);
	put(DLL, value & 0xff);
	put(DLM, value >> 8);
	put(LCR, WORD_8);
}

/* With FIFOs and loopback: what is written comes. */
static void loop(uint8_t fcr)
{
	put(MCR, LOOP);
	put(FCR, fcr);
}

static uint8_t loop_write(const char *text)
{
	for (; *text; text++)
		put(THR, (uint8_t)*text);
	return await(LSR, TEMT, TEMT) & (DR | OE);
}

static void read_all(const char *expected)
{
	for (; *expected; expected++)
		assert_int_equal(get(RBR), *expected);
	assert_int_equal(get(LSR) & DR, 0);
}

static void peer_says(const char *text)
{
	assert_int_equal(write(peer, text, strlen(text)), strlen(text));
}

static void peer_hears(const char *expected)
{
	char buf[256] = "";
	size_t len = 0;

	while (len < strlen(expected))
		len += (size_t)read(peer, buf + len, strlen(expected) - len);
	assert_string_equal(buf, expected);
}

/* ---- registers ------------------------------------------------------------------- */

static void after_reset_registers_are_those_of_the_data_sheet(void **state)
{
	static const struct { uint8_t offset, value; } all[] = {
		{ IER, 0 }, { IIR, NONE }, { LCR, 0 }, { MCR, 0 }, { LSR, THRE | TEMT }, { MSR, 0 },
		{ SCR, 0 },
	};
	size_t i;
	int turn;

	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < LM_NR(all); i++)
			assert_int_equal(get(all[i].offset), all[i].value);
		divisor(1);
		put(SCR, 0x5a);
		put(IER, 15);
		put(FCR, 0xc1);
		loop(1);
		loop_write("abc");
		fixture_reset(&f);
	}
	fixture_assert_prop(&f, "line", "9600 5N1");
}

static void bits_that_are_not_there_read_as_0(void **state)
{
	put(IER, 0xff);
	put(MCR, 0xff);
	assert_int_equal(get(IER), 0x0f);
	assert_int_equal(get(MCR), 0x1f);
	put(LSR, 0xff);
	put(MSR, 0xff);
	assert_int_equal(get(LSR), THRE | TEMT);
}

static void the_divisor_stands_behind_dlab(void **state)
{
	divisor(0x0180);
	assert_int_equal(get(IER), 0);
	put(LCR, DLAB);
	assert_int_equal(get(DLL), 0x80);
	assert_int_equal(get(DLM), 0x01);
	put(LCR, 0);
	fixture_assert_prop(&f, "line", "300 5N1");
	divisor(0);
	put(LCR, 0x1f);
	fixture_assert_prop(&f, "line", "115200 8E2");
}

static void fifos_are_enabled_and_identified(void **state)
{
	assert_int_equal(get(IIR), NONE);
	put(FCR, 0xc0); /* without the first bit the others do not count */
	assert_int_equal(get(IIR), NONE);
	put(FCR, 0x01);
	assert_int_equal(get(IIR), FIFOS | NONE);
}

/* ---- receiver and transmitter, in loopback ---------------------------------------- */

static void loopback_returns_characters(void **state)
{
	loop(1);
	assert_int_equal(loop_write("0123456789abcdef"), DR);
	read_all("0123456789abcdef");
	assert_int_equal(get(RBR), 0);
}

static void an_overrun_loses_the_new_character(void **state)
{
	loop(1);
	loop_write("0123456789abcdef");
	assert_int_equal(loop_write("X"), DR | OE);
	assert_int_equal(get(LSR) & (DR | OE), DR);
	read_all("0123456789abcdef");
}

static void without_fifos_an_overrun_loses_the_old_one(void **state)
{
	loop(0);
	assert_int_equal(loop_write("a"), DR);
	assert_int_equal(loop_write("b"), DR | OE);
	read_all("b");
}

static void clearing_the_fifos(void **state)
{
	loop(1);
	loop_write("abc");
	put(FCR, 0x03);
	assert_int_equal(get(LSR) & DR, 0);
	loop_write("def");
	put(FCR, 0x01);
	read_all("def");
	loop_write("ghi");
	put(FCR, 0);
	assert_int_equal(get(LSR) & DR, 0);
}

/* ---- interrupts ------------------------------------------------------------------ */

static void trigger_levels(void **state)
{
	static const struct { uint8_t fcr, level; } some[] = {
		{ 0x01, 1 }, { 0x41, 4 }, { 0x81, 8 }, { 0xc1, 14 },
	};
	unsigned int n, i;

	put(IER, ERBFI);
	for (i = 0; i < LM_NR(some); i++) {
		loop(some[i].fcr | 2);
		for (n = 1; n <= 16; n++) {
			loop_write("x");
			assert_int_equal(get(IIR) & 15, n < some[i].level ? ID_TIMEOUT : ID_DATA);
		}
		for (n = 15; n; n--) {
			get(RBR);
			assert_int_equal(get(IIR) & 15, n < some[i].level ? ID_TIMEOUT : ID_DATA);
		}
		get(RBR);
		assert_int_equal(get(IIR), FIFOS | NONE);
	}
}

static void interrupts_have_priorities(void **state)
{
	loop(0x41);
	loop_write("0123456789abcdef"); /* data, an empty transmitter, */
	put(MCR, LOOP | RTS);
	put(MCR, 0);                    /* a wire that has changed, */
	assert_int_equal(fixture_set(&f, "break", "1"), 0); /* and what does not fit */
	put(IER, 15);
	assert_int_equal(get(IIR), FIFOS | ID_LINE);
	get(LSR);
	assert_int_equal(get(IIR), FIFOS | ID_DATA);
	read_all("0123456789abcdef");
	assert_int_equal(get(IIR), FIFOS | ID_THRE); /* which is over when it was read */
	assert_int_equal(get(IIR), FIFOS | ID_MODEM);
	assert_int_equal(get(MSR), 0x01);
	assert_int_equal(get(IIR), FIFOS | NONE);
}

/* What the driver of Linux looks for when a port is opened: UART_BUG_THRE, UART_BUG_TXEN. */
static void enabling_the_transmitters_interrupt_raises_it(void **state)
{
	int i;

	for (i = 0; i < 3; i++) {
		put(IER, ETBEI);
		assert_int_equal(get(IIR), ID_THRE);
		assert_int_equal(get(IIR), NONE);
		put(IER, 0);
	}
}

static void a_write_ends_the_transmitters_interrupt_until_it_is_empty_again(void **state)
{
	put(MCR, OUT2);
	put(IER, ETBEI);
	fixture_arm_intx(&f);
	assert_true(fixture_line(&f));
	assert_int_equal(get(IIR), ID_THRE);
	assert_false(fixture_line(&f));
	put(THR, 'x');
	await(LSR, THRE, THRE);
	assert_true(fixture_line(&f));
}

static void out2_is_the_gate_of_the_line(void **state)
{
	put(IER, ETBEI);
	assert_false(fixture_line(&f));
	put(MCR, OUT2);
	assert_true(fixture_line(&f));
	put(MCR, OUT2 | LOOP); /* where the pin is inactive */
	assert_false(fixture_line(&f));
	put(MCR, OUT2);
	assert_true(fixture_line(&f));
	fixture_reset(&f);
	assert_false(fixture_line(&f));
}

/* ---- the modem ------------------------------------------------------------------- */

static void loopback_wires_outputs_to_inputs(void **state)
{
	put(MCR, LOOP | DTR | RTS | OUT1 | OUT2);
	assert_int_equal(get(MSR), 0xf0 | 0x0b);
	assert_int_equal(get(MSR), 0xf0);
	put(MCR, LOOP);
	assert_int_equal(get(MSR), 0x0f); /* a ring is seen when it ends */
	put(MCR, DTR | RTS);
	assert_int_equal(get(MSR), 0);
	fixture_assert_prop(&f, "dtr", "1");
	fixture_assert_prop(&f, "rts", "1");
	put(MCR, DTR | LOOP);
	fixture_assert_prop(&f, "dtr", "0");
}

static void wires_of_the_world_outside(void **state)
{
	put(IER, EDSSI);
	assert_int_equal(fixture_set(&f, "cts", "1"), 0);
	assert_int_equal(get(IIR), ID_MODEM);
	assert_int_equal(get(MSR), 0x11);
	assert_int_equal(get(IIR), NONE);
	assert_int_equal(fixture_set(&f, "ri", "1"), 0);
	assert_int_equal(get(MSR), 0x50);
	assert_int_equal(fixture_set(&f, "ri", "0"), 0);
	assert_int_equal(fixture_set(&f, "dcd", "1"), 0);
	assert_int_equal(get(MSR), 0x9c);
	fixture_reset(&f);
	assert_int_equal(get(MSR), 0x90);
	assert_int_equal(fixture_set(&f, "dsr", "maybe"), -EINVAL);
}

static void wires_follow_the_peer(void **state)
{
	assert_int_equal(get(MSR) & 0xf0, 0xb0);
	assert_int_equal(fixture_set(&f, "dsr", "0"), 0);
	assert_int_equal(get(MSR) & 0xf0, 0x90);
	close(peer);
	peer = -1;
	await(MSR, 0xf0, 0);
	fixture_assert_prop(&f, "peer", "0");
}

static void breaks(void **state)
{
	put(IER, ELSI);
	put(FCR, 1);
	assert_int_equal(fixture_set(&f, "break", "1"), 0);
	assert_int_equal(get(IIR), FIFOS | ID_LINE);
	assert_int_equal(get(LSR), THRE | TEMT | BI | FIFO_ERR | DR);
	assert_int_equal(get(LSR), THRE | TEMT | DR);
	assert_int_equal(get(RBR), 0);
	assert_int_equal(get(IIR), FIFOS | NONE);
	put(LCR, BREAK);
	put(LCR, BREAK | WORD_8);
	put(LCR, 0);
	fixture_assert_heard(&f, "break=0x1 break=0x0");
}

/* It is told when its character is at the top. */
static void a_break_behind_other_characters(void **state)
{
	loop(1);
	loop_write("a");
	put(MCR, 0);
	assert_int_equal(fixture_set(&f, "break", "1"), 0);
	assert_int_equal(get(LSR), THRE | TEMT | FIFO_ERR | DR);
	assert_int_equal(get(RBR), 'a');
	assert_int_equal(get(LSR), THRE | TEMT | FIFO_ERR | BI | DR);
	assert_int_equal(get(LSR), THRE | TEMT | DR);
}

/* ---- the peer -------------------------------------------------------------------- */

static void a_peer_is_talked_to(void **state)
{
	put(FCR, 1);
	loop_write("hello");
	peer_hears("hello");
	peer_says("and hello");
	await(LSR, DR, DR);
	read_all("and hello");
}

/* More than the FIFO has: the rest stays where it is until the driver reads. */
static void what_the_driver_does_not_read_waits(void **state)
{
	char text[1001], got[1001] = "";
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('!' + i % 90);
	text[i] = '\0';
	put(FCR, 1);
	peer_says(text);
	for (i = 0; i < sizeof(text) - 1; i++) {
		await(LSR, DR, DR);
		got[i] = (char)get(RBR);
	}
	assert_string_equal(got, text);
	assert_int_equal(get(LSR) & OE, 0);
}

static void in_loopback_the_peer_waits(void **state)
{
	loop(1);
	peer_says("x");
	loop_write("y");
	read_all("y");
	put(MCR, 0);
	await(LSR, DR, DR);
	read_all("x");
}

/* A driver that looks at THRE before it writes loses nothing, however slow the peer is. */
static void a_peer_that_does_not_read_stops_the_transmitter(void **state)
{
	size_t sent = 0, got = 0;
	char buf[65536];
	unsigned int i;
	ssize_t n;

	put(FCR, 1);
	for (i = 0; i < 100; i++) { /* looks without an empty transmitter */
		for (; get(LSR) & THRE; i = 0) {
			fixture_write(&f, 0, THR, 'a' + sent++ % 26, 1);
		}
	}
	assert_true(sent > 4000);
	while (got < sent) {
		n = read(peer, buf, sizeof(buf));
		for (i = 0; i < n; i++, got++)
			assert_int_equal(buf[i], 'a' + got % 26);
	}
	await(LSR, TEMT, TEMT);
}

static void interrupts_of_what_comes(void **state)
{
	put(MCR, OUT2);
	put(FCR, 0x81);
	put(IER, ERBFI);
	fixture_arm_intx(&f);
	peer_says("x");
	await(IIR, 15, ID_TIMEOUT);
	assert_true(fixture_line(&f));
	assert_int_equal(fixture_taken(f.intx), 1);
	read_all("x");
	assert_false(fixture_line(&f));
}

/* ---- time ------------------------------------------------------------------------ */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* At 9600 baud ten bits take 1.04 ms. */
static void characters_take_their_time(void **state)
{
	const uint64_t before = now_ns();

	divisor(12);
	put(FCR, 1);
	loop_write("0123456789");
	peer_hears("0123456789");
	assert_true(now_ns() - before >= 10 * 1041000ull);
}

static void a_line_does_not_wait_for_the_driver(void **state)
{
	unsigned int i;

	divisor(1);
	put(FCR, 1);
	peer_says("0123456789abcdefXYZ");
	await(LSR, OE, OE);
	for (i = 0; i < 16; i++)
		assert_int_equal(get(RBR), "0123456789abcdef"[i]);
}

static void the_timeout_takes_four_characters(void **state)
{
	uint64_t before;

	divisor(96); /* 1200 baud: 8.3 ms each */
	put(FCR, 0xc1);
	put(IER, ERBFI);
	before = now_ns();
	peer_says("x");
	await(LSR, DR, DR);
	await(IIR, 15, ID_TIMEOUT);
	assert_true(now_ns() - before >= 4 * 8333000ull);
	read_all("x");
	assert_int_equal(get(IIR), FIFOS | NONE);
}

/* ---- hostile --------------------------------------------------------------------- */

static void random_accesses(void **state)
{
	unsigned int seed = 16550, i, width, offset;

	peer_says("some bytes for the receiver, which random reads will take");
	for (i = 0; i < 20000; i++) {
		width = 1u << rand_r(&seed) % 4;
		offset = (unsigned int)rand_r(&seed) % (8 - width + 1);
		if (rand_r(&seed) & 1)
			fixture_write(&f, 0, offset, (uint64_t)rand_r(&seed) * 0x10001, width);
		else
			fixture_read(&f, 0, offset, width);
		if (!(i % 4096))
			fixture_reset(&f);
	}
	fixture_reset(&f);
	assert_int_equal(get(LSR) & (THRE | TEMT), THRE | TEMT);
}

/* ---- state ----------------------------------------------------------------------- */

static void state_goes_to_another_device(void **state)
{
	struct fixture other;

	divisor(3);
	put(SCR, 0x77);
	put(IER, ERBFI);
	loop(0x01);
	loop_write("in the fifo");
	assert_int_equal(fixture_set(&f, "cts", "1"), 0);
	fixture_start(&other, "serial-16550", (const char *const[]){ "backend=null", NULL });
	fixture_copy_state(&f, &other);
	fixture_reset(&f);
	assert_int_equal(fixture_set(&f, "cts", "0"), 0);
	fixture_copy_state(&other, &f);
	fixture_stop(&other);
	assert_int_equal(get(SCR), 0x77);
	assert_int_equal(get(IIR), FIFOS | ID_DATA);
	read_all("in the fifo");
	fixture_assert_prop(&f, "line", "38400 8N1");
	fixture_assert_prop(&f, "cts", "1");
	fixture_assert_prop(&f, "dsr", "auto");
	put(MCR, 0);
	assert_int_equal(get(MSR) & 0xf0, 0x10);
}

/* All single bytes of a saved state, with another value: taken or refused, it serves on. */
static void strange_states(void **state)
{
	static const uint8_t masks[] = { 0xff, 0x80, 0x10 };
	static char good[65536], bad[65536];
	size_t len = sizeof(good), i, k;

	loop(0x01);
	loop_write("abc");
	pthread_mutex_lock(&f.lock);
	assert_int_equal(lm_ctx_save(f.ctx, good, &len), 0);
	for (i = 0; i < len; i++) {
		for (k = 0; k < LM_NR(masks); k++) {
			memcpy(bad, good, len);
			bad[i] = (char)(bad[i] ^ masks[k]);
			lm_ctx_load(f.ctx, bad, len);
		}
	}
	assert_int_equal(lm_ctx_load(f.ctx, good, len), 0);
	pthread_mutex_unlock(&f.lock);
	read_all("abc");
}

#define NOBODY(f) cmocka_unit_test_setup_teardown(f, setup_null, teardown)
#define PTY(f)    cmocka_unit_test_setup_teardown(f, setup_pty, teardown)
#define TIMED(f)  cmocka_unit_test_setup_teardown(f, setup_timed, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NOBODY(after_reset_registers_are_those_of_the_data_sheet),
		NOBODY(bits_that_are_not_there_read_as_0),
		NOBODY(the_divisor_stands_behind_dlab),
		NOBODY(fifos_are_enabled_and_identified),
		NOBODY(loopback_returns_characters),
		NOBODY(an_overrun_loses_the_new_character),
		NOBODY(without_fifos_an_overrun_loses_the_old_one),
		NOBODY(clearing_the_fifos),
		NOBODY(trigger_levels),
		NOBODY(interrupts_have_priorities),
		NOBODY(enabling_the_transmitters_interrupt_raises_it),
		NOBODY(a_write_ends_the_transmitters_interrupt_until_it_is_empty_again),
		NOBODY(out2_is_the_gate_of_the_line),
		NOBODY(loopback_wires_outputs_to_inputs),
		NOBODY(wires_of_the_world_outside),
		PTY(wires_follow_the_peer),
		NOBODY(breaks),
		NOBODY(a_break_behind_other_characters),
		PTY(a_peer_is_talked_to),
		PTY(what_the_driver_does_not_read_waits),
		PTY(in_loopback_the_peer_waits),
		PTY(a_peer_that_does_not_read_stops_the_transmitter),
		PTY(interrupts_of_what_comes),
		TIMED(characters_take_their_time),
		TIMED(a_line_does_not_wait_for_the_driver),
		TIMED(the_timeout_takes_four_characters),
		PTY(random_accesses),
		TIMED(random_accesses),
		NOBODY(state_goes_to_another_device),
		NOBODY(strange_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
