/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card.c - the PCI card around a serial port, its properties and its state: the card with one port
 * of QEMU's docs/specs/pci-serial.rst. Linux binds 8250_pci to it by its class.
 */
#include "uart.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- state --------------------------------------------------------------------------- */

/* 9600 baud: what the divisor is at power-on, the data sheet leaves open. The wires outside are as
 * they were, and have not changed. */
static void power_on(struct uart *u)
{
	struct uart_state *st = u->st;

	*st = (struct uart_state){
		.version = UART_STATE,
		.divisor = 12,
		.wires = st->wires,
		.wires_follow = st->wires_follow,
	};
	line_begin(u);
	st->msr &= MSR_WIRES;
}

static bool fifo_is_sane(const struct uart_state *st, const struct uart_fifo *f)
{
	unsigned int i, errors = 0;

	for (i = 0; i < UART_FIFO; i++)
		errors |= f->errors[i];
	return f->head < UART_FIFO && f->count <= uart_fifo_size(st) && !(errors & ~LSR_ERRORS);
}

static int state_check(const struct uart_state *st)
{
	const bool sane = st->version == UART_STATE && !(st->ier & ~IER_KEPT) &&
			  !(st->fcr & ~FCR_KEPT) && !(st->mcr & ~MCR_KEPT) &&
			  !(st->lsr & ~LSR_ERRORS) && fifo_is_sane(st, &st->rx) &&
			  fifo_is_sane(st, &st->tx);

	return sane ? 0 : -EINVAL;
}

/* ---- wires --------------------------------------------------------------------------- */

static void wire_add(struct uart_state *st, uint32_t wire, uint8_t bit)
{
	st->wires |= wire == WIRE_ON ? bit : 0;
	st->wires_follow |= wire == WIRE_AUTO ? bit : 0;
}

static void wires_set(struct uart *u)
{
	u->st->wires = u->ri ? MSR_RI : 0;
	u->st->wires_follow = 0;
	wire_add(u->st, u->cts, MSR_CTS);
	wire_add(u->st, u->dsr, MSR_DSR);
	wire_add(u->st, u->dcd, MSR_DCD);
}

static void wires_changed(void *pvt)
{
	struct uart *u = pvt;

	wires_set(u);
	uart_wires_update(u);
}

static enum uart_wire wire_get(const struct uart_state *st, uint8_t bit)
{
	return st->wires_follow & bit ? WIRE_AUTO : st->wires & bit ? WIRE_ON : WIRE_OFF;
}

/* What is outside is as it was when a process before this one served the device. */
static void wires_get(struct uart *u)
{
	u->ri = u->st->wires & MSR_RI;
	u->cts = wire_get(u->st, MSR_CTS);
	u->dsr = wire_get(u->st, MSR_DSR);
	u->dcd = wire_get(u->st, MSR_DCD);
}

/* ---- properties ---------------------------------------------------------------------- */

/* "9600 8N1" */
static void print_line(const struct uart_state *st, char *buf, size_t size)
{
	const unsigned int parity = (st->lcr >> 3 & 1) | (st->lcr >> 4 & 1) << 1;
	const char letter = !(parity & 1)  ? 'N' :
			    st->lcr & 0x20 ? (parity & 2 ? 'S' : 'M') :
					     (parity & 2 ? 'E' : 'O');

	snprintf(buf, size, "%llu %u%c%u", UART_BAUD / (st->divisor ?: 1), 5u + (st->lcr & 3),
		 letter, st->lcr & 4 ? 2u : 1u);
}

static int serial_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	const struct uart *u = pvt;
	const uint8_t mcr = u->st && !(u->st->mcr & MCR_LOOP) ? u->st->mcr : 0;

	if (!strcmp(name, "backend"))
		snprintf(buf, size, "%s", u->backend);
	else if (!strcmp(name, "path"))
		snprintf(buf, size, "%s", u->chr ? lm_chardev_path(u->chr) : "");
	else if (!strcmp(name, "peer"))
		snprintf(buf, size, "%d", u->chr && lm_chardev_is_attached(u->chr));
	else if (!strcmp(name, "line") && u->st)
		print_line(u->st, buf, size);
	else if (!strcmp(name, "dtr"))
		snprintf(buf, size, "%d", !!(mcr & MCR_DTR));
	else if (!strcmp(name, "rts"))
		snprintf(buf, size, "%d", !!(mcr & MCR_RTS));
	else
		snprintf(buf, size, "0"); /* a break is over at once */
	return 0;
}

static int serial_prop_set(void *pvt, const char *name, const char *value)
{
	struct uart *u = pvt;
	uint64_t number;

	if (!strcmp(name, "backend")) {
		if (lm_chardev_fault(value))
			return -EINVAL;
		snprintf(u->backend, sizeof(u->backend), "%s", value);
		return 0;
	}
	if (device_parse(value, 1, &number))
		return -EINVAL;
	if (number && u->st && !(u->st->mcr & MCR_LOOP)) {
		uart_receive(u, 0, LSR_BI);
		uart_update(u);
	}
	return 0;
}

static const char *const bauds[] = { "instant", "timed", NULL };
static const char *const wires[] = { "auto", "0", "1", NULL };

#define WIRE(wire, text)                                                                  \
	{                                                                                 \
		.name = #wire, .help = text, .value = "auto", .type = LM_PROP_ENUM,       \
		LM_PROP_IN(struct uart, wire), .choices = wires, .changed = wires_changed \
	}

static const lm_prop_t props[] = {
	{ .name = "backend",
	  .help = "what is at the other end of the line",
	  .value = "pty",
	  .flags = LM_PROP_CREATE,
	  .accepts = LM_CHARDEV_SPECS },
	{ .name = "path", .help = "where that is", .flags = LM_PROP_RO },
	{ .name = "peer", .help = "1: somebody is there", .flags = LM_PROP_RO },
	{ .name = "baud",
	  .help = "how fast characters are: at once, or as the baud rate says",
	  .value = "instant",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct uart, timed),
	  .choices = bauds },
	{ .name = "line", .help = "baud rate and format of the driver's", .flags = LM_PROP_RO },
	{ .name = "dtr", .help = "data terminal ready, of the driver", .flags = LM_PROP_RO },
	{ .name = "rts", .help = "request to send, of the driver", .flags = LM_PROP_RO },
	WIRE(cts, "clear to send; auto: while somebody is there"),
	WIRE(dsr, "data set ready"),
	WIRE(dcd, "data carrier detect"),
	{ .name = "ri",
	  .help = "ring indicator",
	  .value = "0",
	  .type = LM_PROP_BOOL,
	  LM_PROP_IN(struct uart, ri),
	  .changed = wires_changed },
	{ .name = "break", .help = "1: the driver receives a break", .accepts = "0..1" },
};

/* ---- callbacks ----------------------------------------------------------------------- */

static int serial_reset(void *pvt)
{
	struct uart *u = pvt;

	power_on(u);
	return 0;
}

static int serial_load(void *pvt, const void *buf, size_t size)
{
	struct uart *u = pvt;
	const int ret = state_check(u->st);

	if (ret)
		return ret;
	wires_get(u);
	line_begin(u);
	return 0;
}

static int serial_start(void *pvt, lm_ctx_t *ctx)
{
	struct uart *u = pvt;
	struct uart_state *st = lm_state(ctx);
	int ret;

	u->st = st;
	if (st->version && state_check(st))
		return -ESTALE;
	ret = line_open(u);
	if (ret) {
		line_close(u);
	} else if (st->version) {
		wires_get(u);
		line_begin(u);
	} else {
		wires_set(u);
		power_on(u);
	}
	return ret;
}

static void serial_stop(void *pvt)
{
	line_close(pvt);
}

/* ---- the type ------------------------------------------------------------------------ */

static const lm_dev_info_t serial_info = {
	.type = "serial-16550",
	.flags = LM_DEV_RESTARTABLE,
	.state_size = sizeof(struct uart_state),
	.state_version = 1,
	LM_PROPS(props),
	LM_CTX_IN(struct uart, ctx),
	.prop_get = serial_prop_get,
	.prop_set = serial_prop_set,
	.start = serial_start,
	.stop = serial_stop,
	.reset = serial_reset,
	.load = serial_load,
	.pci_info = {
		.id = { .vid = 0x1b36, .did = 0x0002 },
		.cc = { .bcc = 0x07, .scc = 0x00, .pi = 0x02 }, /* 16550-compatible */
		.rev = 1,
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1 },
		.reg_info[UART_BAR] = { LM_REG_FLAG_RW, .size = UART_BAR_SIZE, .regs = &uart_map },
	},
};

const struct device_type device_serial_16550 = {
	.size = sizeof(struct device_type),
	.name = "serial-16550",
	.help = "serial port with FIFOs, a terminal, socket or file at its other end",
	.driver = "8250_pci",
	.info = &serial_info,
	.pvt_size = sizeof(struct uart),
};
