/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uart.h - a serial port, shared by its sides: uart.c, the chip, and line.c, what is at the other
 * end of its line; registers.c and card.c are what a driver and a user see.
 */
#ifndef MUSER_UART_H
#define MUSER_UART_H

#include "../devices.h"

#include <muser-chardev.h>

enum { UART_BAR = LM_BAR0_REG_IDX, UART_BAR_SIZE = 8, UART_FIFO = 16 };

/* A crystal of 1.8432 MHz, sixteen clocks a bit (8.3). */
#define UART_BAUD 115200ull

/* Bits of the registers, by sections 8.1 to 8.9 of the data sheet. */
enum { LCR_BREAK = 1 << 6, LCR_DLAB = 1 << 7 };
enum { LSR_DR = 1, LSR_OE = 2, LSR_BI = 16, LSR_THRE = 32, LSR_TEMT = 64, LSR_FIFO_ERROR = 128 };
enum { LSR_ERRORS = 0x1e };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { IIR_NONE = 1, IIR_MODEM = 0, IIR_THRE = 2, IIR_DATA = 4, IIR_LINE = 6, IIR_TIMEOUT = 12 };
enum { IIR_FIFOS = 0xc0 };
enum { IER_DATA = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8, IER_KEPT = 15 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16, MCR_KEPT = 31 };
enum { MSR_CTS = 1 << 4, MSR_DSR = 1 << 5, MSR_RI = 1 << 6, MSR_DCD = 1 << 7 };
enum { MSR_WIRES = 0xf0, MSR_CHANGES = 0x0f, MSR_RI_ENDED = 4 };

enum uart_wire { WIRE_AUTO, WIRE_OFF, WIRE_ON };

struct uart_fifo {
	uint8_t data[UART_FIFO];
	uint8_t errors[UART_FIFO]; /* bits of the line status that came with each */
	uint8_t head, count;
};

/* All that a driver can find out, and the wires from outside. */
struct uart_state {
	uint32_t version; /* UART_STATE once it is in use */
	uint16_t divisor;
	uint8_t ier, fcr, lcr, mcr, msr, scr;
	uint8_t lsr;          /* errors; the rest follows from the FIFOs */
	uint8_t thre;         /* the transmitter's interrupt waits */
	uint8_t timeout;      /* the receiver's does */
	uint8_t wires;        /* that are asserted outside, as they are set ... */
	uint8_t wires_follow; /* ... and those that are while there is a peer */
	struct uart_fifo rx, tx;
};

enum { UART_STATE = 1 };

struct uart {
	lm_ctx_t *ctx;
	struct uart_state *st; /* lm_state(); NULL before there is a context */
	lm_chardev_t *chr;
	lm_timer_t *tx_timer, *rx_timer, *timeout_timer;
	uint64_t tx_due, rx_due; /* timed: when the next character has gone, or may come */
	bool is_read;            /* the receiver is empty, and the driver at it */
	bool is_tx_due;          /* a post or a timer is on its way to the transmitter */
	uint32_t timed;
	uint32_t cts, dsr, dcd; /* properties: enum uart_wire */
	bool ri;
	char backend[LM_CHARDEV_SPEC_MAX + 16];
};

/* ---- uart.c ---------------------------------------------------------------------- */

void uart_update(struct uart *u);       /* interrupts */
void uart_wires_update(struct uart *u); /* those of the modem may have changed */
void uart_receive(struct uart *u, uint8_t byte, uint8_t errors);
uint8_t uart_fifo_take(struct uart_fifo *f); /* it is not empty */
unsigned int uart_fifo_size(const struct uart_state *st);

/* What reads and writes do. */
uint8_t uart_rbr_read(struct uart *u);
uint8_t uart_iir_read(struct uart *u);
uint8_t uart_lsr_read(struct uart_state *st);
uint8_t uart_msr_read(struct uart_state *st);
void uart_thr_write(struct uart *u, uint8_t byte);
void uart_ier_write(struct uart_state *st, uint8_t value);
void uart_fcr_write(struct uart *u, uint8_t value);
void uart_lcr_write(struct uart *u, uint8_t value);
void uart_mcr_write(struct uart *u, uint8_t value);

/* ---- registers.c ----------------------------------------------------------------- */

extern const lm_register_map_t uart_map;

/* ---- line.c ---------------------------------------------------------------------- */

void line_transmit(struct uart *u); /* there is something in tx */
void line_has_room(struct uart *u); /* for what comes */
void line_read(struct uart *u);     /* one has been taken from rx */
void line_seen(struct uart *u);     /* the driver knows that there is nothing to do */
void line_received(struct uart *u); /* the timeout begins anew */
int line_open(struct uart *u);
void line_close(struct uart *u);
void line_begin(struct uart *u); /* with a state that was taken up */

#endif /* MUSER_UART_H */
