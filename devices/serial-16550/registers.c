/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registers.c - the register table of a serial port, and which of several registers at one address
 * an access means: by LCR.DLAB, and by whether it is a read or a write.
 */
#include "uart.h"

/* By address; those of a driver that reads, with DLAB 0. */
enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };

/* What else stands there, from 1. */
enum { RBR_IS_THR = 1, RBR_IS_DLL, IER_IS_DLM = 1, IIR_IS_FCR = 1 };

static uint32_t alias_of(const struct uart_state *st, const lm_register_io_t *io, bool is_write)
{
	const bool dlab = st->lcr & LCR_DLAB;

	switch (io->offset) {
	case RBR: return dlab ? RBR_IS_DLL : is_write ? RBR_IS_THR : 0;
	case IER: return dlab ? IER_IS_DLM : 0;
	case IIR: return is_write ? IIR_IS_FCR : 0;
	default: return 0;
	}
}

static uint8_t value_read(struct uart *u, uint64_t offset, uint32_t alias)
{
	struct uart_state *st = u->st;

	switch (offset) {
	case RBR: return alias == RBR_IS_DLL ? st->divisor & 0xff : uart_rbr_read(u);
	case IER: return alias == IER_IS_DLM ? st->divisor >> 8 : st->ier;
	case IIR: return uart_iir_read(u);
	case LCR: return st->lcr;
	case MCR: return st->mcr;
	case LSR: return uart_lsr_read(st);
	case MSR: return uart_msr_read(st);
	default: return st->scr;
	}
}

static uint64_t uart_read(void *pvt, const lm_register_io_t *io)
{
	struct uart *u = pvt;
	uint8_t value;

	*io->alias = alias_of(u->st, io, false);
	value = value_read(u, io->offset, *io->alias);
	uart_update(u);
	return value;
}

static void divisor_write(struct uart_state *st, unsigned int shift, uint8_t value)
{
	st->divisor = (uint16_t)((st->divisor & ~(0xff << shift)) | value << shift);
}

static void rbr_write(struct uart *u, uint32_t alias, uint8_t value)
{
	if (alias == RBR_IS_DLL)
		divisor_write(u->st, 0, value);
	else
		uart_thr_write(u, value);
}

static void ier_write(struct uart_state *st, uint32_t alias, uint8_t value)
{
	if (alias == IER_IS_DLM)
		divisor_write(st, 8, value);
	else
		uart_ier_write(st, value);
}

static void uart_write(void *pvt, const lm_register_io_t *io)
{
	const uint8_t value = (uint8_t)io->value;
	struct uart *u = pvt;

	*io->alias = alias_of(u->st, io, true);
	switch (io->offset) {
	case RBR: rbr_write(u, *io->alias, value); break;
	case IER: ier_write(u->st, *io->alias, value); break;
	case IIR: uart_fcr_write(u, value); break;
	case LCR: uart_lcr_write(u, value); break;
	case MCR: uart_mcr_write(u, value); break;
	case SCR: u->st->scr = value; break;
	}
	uart_update(u);
}

static const lm_field_t lcr_fields[] = {
	{ "WLS", 0, 2 }, { "STB", 2, 1 }, { "PEN", 3, 1 },  { "EPS", 4, 1 },
	{ "SP", 5, 1 },  { "SB", 6, 1 },  { "DLAB", 7, 1 },
};
static const lm_field_t mcr_fields[] = {
	{ "DTR", 0, 1 }, { "RTS", 1, 1 }, { "OUT1", 2, 1 }, { "OUT2", 3, 1 }, { "LOOP", 4, 1 },
};
static const lm_field_t lsr_fields[] = {
	{ "DR", 0, 1 }, { "OE", 1, 1 },   { "PE", 2, 1 },   { "FE", 3, 1 },
	{ "BI", 4, 1 }, { "THRE", 5, 1 }, { "TEMT", 6, 1 }, { "FIFO_ERR", 7, 1 },
};
static const lm_field_t msr_fields[] = {
	{ "DCTS", 0, 1 }, { "DDSR", 1, 1 }, { "TERI", 2, 1 }, { "DDCD", 3, 1 },
	{ "CTS", 4, 1 },  { "DSR", 5, 1 },  { "RI", 6, 1 },   { "DCD", 7, 1 },
};
static const lm_field_t ier_fields[] = {
	{ "ERBFI", 0, 1 },
	{ "ETBEI", 1, 1 },
	{ "ELSI", 2, 1 },
	{ "EDSSI", 3, 1 },
};
static const lm_field_t iir_fields[] = { { "NONE", 0, 1 }, { "ID", 1, 3 }, { "FIFOS", 6, 2 } };

static const lm_field_t fcr_fields[] = {
	{ "ENABLE", 0, 1 },
	{ "CLEAR_RX", 1, 1 },
	{ "CLEAR_TX", 2, 1 },
	{ "TRIGGER", 6, 2 },
};

static const lm_register_t rbr_aliases[] = { { "THR", "write: what goes" },
					     { "DLL", "with DLAB: divisor, low byte" } };
static const lm_register_t ier_aliases[] = { { "DLM", "with DLAB: divisor, high byte" } };
static const lm_register_t iir_aliases[] = { { "FCR", "write: FIFO control",
					       LM_FIELDS(fcr_fields) } };

static const lm_register_t registers[] = {
	{ "RBR", "read: what has come", RBR, 1, LM_ALIASES(rbr_aliases) },
	{ "IER", "which interrupts", IER, 1, LM_RW, LM_REGISTER_PURE, LM_FIELDS(ier_fields),
	  LM_ALIASES(ier_aliases) },
	{ "IIR", "read: why it interrupts", IIR, 1, LM_FIELDS(iir_fields), .reset = IIR_NONE,
	  LM_ALIASES(iir_aliases) },
	{ "LCR", "line control", LCR, 1, LM_RW, LM_REGISTER_PURE, LM_FIELDS(lcr_fields) },
	{ "MCR", "modem control", MCR, 1, LM_RW, LM_REGISTER_PURE, LM_FIELDS(mcr_fields) },
	{ "LSR", "line status", LSR, 1, LM_RO, LM_FIELDS(lsr_fields),
	  .reset = LSR_THRE | LSR_TEMT },
	{ "MSR", "modem status", MSR, 1, LM_RO, LM_FIELDS(msr_fields) },
	{ "SCR", "scratch", SCR, 1, LM_RW, LM_REGISTER_PURE },
};

const lm_register_map_t uart_map = {
	LM_REGISTERS(registers),
	.read = uart_read,
	.write = uart_write,
};
