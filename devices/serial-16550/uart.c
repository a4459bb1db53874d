/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uart.c - the chip: National Semiconductor's PC16550D as its data sheet has it (June 1995,
 * chapter 8 "Registers", whose sections the names below are), behind the interrupt gate of a PC
 * card, where the pin OUT2 lets it through.
 *
 * Owns registers, FIFOs, errors and interrupts. When characters come and go is line.c's. The shift
 * registers are not visible: what is in the transmitter has left when its FIFO has.
 */
#include "uart.h"

/* ---- FIFOs ------------------------------------------------------------------------- */

unsigned int uart_fifo_size(const struct uart_state *st)
{
	return st->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

static void fifo_put(struct uart_fifo *f, uint8_t byte, uint8_t errors)
{
	const unsigned int at = (f->head + f->count++) % UART_FIFO;

	f->data[at] = byte;
	f->errors[at] = errors;
}

uint8_t uart_fifo_take(struct uart_fifo *f)
{
	const uint8_t byte = f->data[f->head];

	f->head = (f->head + 1) % UART_FIFO;
	f->count--;
	return byte;
}

static bool fifo_has_errors(const struct uart_fifo *f)
{
	unsigned int i, errors = 0;

	for (i = 0; i < f->count; i++)
		errors |= f->errors[(f->head + i) % UART_FIFO];
	return errors;
}

/* ---- interrupts: 8.6, 8.7, 8.11 ------------------------------------------------------ */

static unsigned int trigger(const struct uart_state *st)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return st->fcr & FCR_ENABLE ? levels[st->fcr >> 6] : 1;
}

static uint8_t iir(const struct uart_state *st)
{
	if (st->ier & IER_LINE && st->lsr)
		return IIR_LINE;
	if (st->ier & IER_DATA && st->rx.count >= trigger(st))
		return IIR_DATA;
	if (st->ier & IER_DATA && st->timeout)
		return IIR_TIMEOUT;
	if (st->ier & IER_THRE && st->thre)
		return IIR_THRE;
	return st->ier & IER_MODEM && st->msr & MSR_CHANGES ? IIR_MODEM : IIR_NONE;
}

/* In loopback the pins of MCR are inactive, OUT2 among them (8.8). */
void uart_update(struct uart *u)
{
	const bool gate = (u->st->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	lm_irq_set_level(u->ctx, gate && iir(u->st) != IIR_NONE);
}

uint8_t uart_iir_read(struct uart *u)
{
	struct uart_state *st = u->st;
	const uint8_t cause = iir(st);

	if (cause == IIR_NONE)
		line_seen(u);
	if (cause == IIR_THRE)
		st->thre = false;
	return cause | (st->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

/* ---- the modem: 8.8, 8.9 ------------------------------------------------------------- */

static uint8_t wires_looped(uint8_t mcr)
{
	return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
	       (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

void uart_wires_update(struct uart *u)
{
	struct uart_state *st = u->st;
	const bool peer = u->chr && lm_chardev_is_attached(u->chr);
	const uint8_t outside = st->wires | (peer ? st->wires_follow : 0);
	const uint8_t now = st->mcr & MCR_LOOP ? wires_looped(st->mcr) : outside;
	const uint8_t changed = (now ^ st->msr) & MSR_WIRES;

	st->msr |= (changed & ~MSR_RI) >> 4;
	if (changed & MSR_RI & ~now)
		st->msr |= MSR_RI_ENDED;
	st->msr = (st->msr & MSR_CHANGES) | now;
	uart_update(u);
}

uint8_t uart_msr_read(struct uart_state *st)
{
	const uint8_t value = st->msr;

	st->msr &= MSR_WIRES;
	return value;
}

void uart_mcr_write(struct uart *u, uint8_t value)
{
	u->st->mcr = value & MCR_KEPT;
	uart_wires_update(u);
	line_has_room(u); /* it may be connected again */
}

/* ---- the receiver: 8.4 --------------------------------------------------------------- */

/* An overrun loses the new character, or, without FIFOs, the old one. */
void uart_receive(struct uart *u, uint8_t byte, uint8_t errors)
{
	struct uart_state *st = u->st;

	if (st->rx.count >= uart_fifo_size(st)) {
		st->lsr |= LSR_OE;
		if (!(st->fcr & FCR_ENABLE))
			st->rx.data[st->rx.head] = byte;
	} else {
		fifo_put(&st->rx, byte, errors);
		if (st->rx.count == 1)
			st->lsr |= errors;
	}
	line_received(u);
}

uint8_t uart_rbr_read(struct uart *u)
{
	struct uart_state *st = u->st;
	uint8_t byte;

	if (!st->rx.count)
		return 0;
	byte = uart_fifo_take(&st->rx);
	if (st->rx.count)
		st->lsr |= st->rx.errors[st->rx.head]; /* of the one that is at the top now */
	line_received(u);
	line_read(u);
	return byte;
}

uint8_t uart_lsr_read(struct uart_state *st)
{
	const uint8_t errors = st->lsr;
	const bool in_fifo = st->fcr & FCR_ENABLE && fifo_has_errors(&st->rx);

	st->lsr = 0;
	if (st->rx.count)
		st->rx.errors[st->rx.head] = 0;
	return errors | (st->rx.count ? LSR_DR : 0) | (st->tx.count ? 0 : LSR_THRE | LSR_TEMT) |
	       (in_fifo ? LSR_FIFO_ERROR : 0);
}

/* ---- the transmitter, and control ---------------------------------------------------- */

/* What does not fit is lost: a driver looks at LSR first. */
void uart_thr_write(struct uart *u, uint8_t byte)
{
	u->st->thre = false;
	if (u->st->tx.count < uart_fifo_size(u->st))
		fifo_put(&u->st->tx, byte, 0);
	line_transmit(u);
}

/* 8.5: the other bits count only with the first one, whose change clears both FIFOs. */
void uart_fcr_write(struct uart *u, uint8_t value)
{
	struct uart_state *st = u->st;
	const bool change = (st->fcr ^ value) & FCR_ENABLE;

	if (change || (value & FCR_ENABLE && value & FCR_CLEAR_RX)) {
		st->rx.count = 0;
		st->timeout = false;
	}
	if (change || (value & FCR_ENABLE && value & FCR_CLEAR_TX)) {
		st->thre |= st->tx.count;
		st->tx.count = 0;
	}
	st->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	line_received(u);
	line_has_room(u);
}

void uart_ier_write(struct uart_state *st, uint8_t value)
{
	if (value & ~st->ier & IER_THRE && !st->tx.count)
		st->thre = true;
	st->ier = value & IER_KEPT;
}

void uart_lcr_write(struct uart *u, uint8_t value)
{
	const uint8_t changed = u->st->lcr ^ value;

	u->st->lcr = value;
	if (changed & LCR_BREAK)
		lm_event(u->ctx, "break", !!(value & LCR_BREAK));
}
