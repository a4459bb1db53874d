/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * line.c - the line of a serial port, and what is at its other end.
 *
 * Owns when characters come and go: at once, or as fast as the baud rate has it. At once, what the
 * driver has not read yet stays with the peer, and what the peer has not read stays in the FIFO:
 * nothing is lost. With the baud rate a line does not wait for the driver.
 *
 * A handler of interrupts that found a full FIFO each time it looked would never end, and the
 * buffer behind it would overflow: an empty one is filled again a moment after the handler has seen
 * that nothing is pending, or much later, if it does not look.
 */
#include "uart.h"

#include <errno.h>
#include <time.h>

#define NS_PER_S 1000000000ull

#define MOMENT_NS 100000u
#define LATER_NS  5000000u

/* ---- time ---------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* A start bit, the word, parity, stop bits (8.1). */
static unsigned int bits_per_char(uint8_t lcr)
{
	return 1 + 5 + (lcr & 3) + !!(lcr & 8) + 1 + !!(lcr & 4);
}

static uint64_t char_ns(const struct uart *u)
{
	const uint64_t divisor = u->st->divisor ?: 1;

	return bits_per_char(u->st->lcr) * divisor * NS_PER_S / UART_BAUD;
}

/* ---- the transmitter ----------------------------------------------------------------- */

static void tx_empty(struct uart *u)
{
	u->st->thre = true;
	uart_update(u);
}

static void tx_loop(struct uart *u, unsigned int nr)
{
	while (nr--)
		uart_receive(u, uart_fifo_take(&u->st->tx), 0);
}

/* The first @nr of what is in the FIFO, as far as the peer takes them. */
static bool tx_send(struct uart *u, unsigned int nr)
{
	struct uart_fifo *tx = &u->st->tx;
	unsigned int part, taken;

	while (nr) {
		part = UART_FIFO - (unsigned int)tx->head; /* in one piece */
		part = part < nr ? part : nr;
		taken = (unsigned int)lm_chardev_write(u->chr, tx->data + tx->head, part);
		nr -= taken;
		for (; taken; taken--, part--)
			uart_fifo_take(tx);
		if (part)
			return false;
	}
	return true;
}

/* How many are due: all, or as many as the line has had the time for. */
static unsigned int tx_due(struct uart *u)
{
	const uint64_t now = now_ns(), each = char_ns(u);
	unsigned int nr = 0;

	if (!u->timed)
		return u->st->tx.count;
	for (; nr < u->st->tx.count && u->tx_due <= now; nr++)
		u->tx_due += each;
	return nr;
}

static void tx_wait(struct uart *u)
{
	const uint64_t now = now_ns();

	u->is_tx_due = true;
	lm_timer_arm(u->tx_timer, u->tx_due > now ? u->tx_due - now : 1, 0);
}

static void tx_run(void *arg)
{
	struct uart *u = arg;
	unsigned int nr;
	bool done = true;

	u->is_tx_due = false;
	if (!u->st->tx.count)
		return;
	nr = tx_due(u);
	if (u->st->mcr & MCR_LOOP)
		tx_loop(u, nr);
	else
		done = tx_send(u, nr);
	if (!u->st->tx.count)
		tx_empty(u);
	else if (done)
		tx_wait(u);
	uart_update(u);
}

/* After the turn: what a driver writes in a row goes out together. */
void line_transmit(struct uart *u)
{
	if (u->is_tx_due || !u->st->tx.count)
		return;
	u->tx_due = now_ns() + char_ns(u);
	if (u->timed)
		tx_wait(u);
	else
		u->is_tx_due = !lm_post(u->ctx, tx_run, u);
}

static void peer_takes(void *pvt)
{
	line_transmit(pvt);
}

/* ---- the receiver -------------------------------------------------------------------- */

/* With the baud rate: one character each time, which is lost where there is no room. */
static size_t rx_room(void *pvt)
{
	struct uart *u = pvt;
	const uint64_t now = now_ns();

	if (u->st->mcr & MCR_LOOP)
		return 0;
	if (!u->timed)
		return u->is_read ? 0 : uart_fifo_size(u->st) - u->st->rx.count;
	if (now >= u->rx_due)
		return 1;
	lm_timer_arm(u->rx_timer, u->rx_due - now, 0);
	return 0;
}

static void rx_data(void *pvt, const void *buf, size_t len)
{
	const uint8_t *byte = buf;
	struct uart *u = pvt;

	u->rx_due = now_ns() + char_ns(u);
	while (len--)
		uart_receive(u, *byte++, 0);
	uart_update(u);
}

static void rx_resume(void *arg)
{
	struct uart *u = arg;

	u->is_read = false;
	lm_chardev_resume(u->chr);
}

void line_read(struct uart *u)
{
	if (u->timed || u->st->rx.count)
		return;
	u->is_read = true;
	lm_timer_arm(u->rx_timer, LATER_NS, 0);
}

void line_seen(struct uart *u)
{
	if (u->is_read)
		lm_timer_arm(u->rx_timer, MOMENT_NS, 0);
}

void line_has_room(struct uart *u)
{
	lm_chardev_resume(u->chr);
}

/* Four characters' time, in which none has come and none was read (8.11); at once, where time
 * does not count. */
static void timeout_set(void *arg)
{
	struct uart *u = arg;

	u->st->timeout = u->st->rx.count && u->st->fcr & 1;
	uart_update(u);
}

void line_received(struct uart *u)
{
	const bool waits = u->st->rx.count && u->st->fcr & 1;

	u->st->timeout = waits && !u->timed;
	if (u->timed)
		lm_timer_arm(u->timeout_timer, waits ? 4 * char_ns(u) : 0, 0);
}

/* ---- the peer and the wires ---------------------------------------------------------- */

static void peer_changed(void *pvt, bool attached)
{
	uart_wires_update(pvt);
}

static const lm_chardev_ops_t ops = { sizeof(ops), rx_room, rx_data, peer_takes, peer_changed };

static int timers_create(struct uart *u)
{
	u->tx_timer = lm_timer_create(u->ctx, tx_run, u);
	u->rx_timer = lm_timer_create(u->ctx, rx_resume, u);
	u->timeout_timer = lm_timer_create(u->ctx, timeout_set, u);
	return u->tx_timer && u->rx_timer && u->timeout_timer ? 0 : -errno;
}

int line_open(struct uart *u)
{
	const int ret = timers_create(u);

	return ret ?: lm_chardev_create(u->ctx, u->backend, &ops, u, &u->chr);
}

/* The context frees its timers. */
void line_close(struct uart *u)
{
	lm_chardev_destroy(u->chr);
	u->chr = NULL;
}

void line_begin(struct uart *u)
{
	line_transmit(u);
	line_received(u);
	line_has_room(u);
	uart_wires_update(u);
}
