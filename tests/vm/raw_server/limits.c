/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits.c - see limits.h. An argument lies at the end of a page, and nothing behind it: a module
 * that reads or writes more than argsz says EFAULT. What is wrong with it is judged before anything
 * else, so that each command has one result with good arguments, whatever that is.
 */
#include "limits.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../../../kmod/uapi/linux/muser.h"

#define PAGE    4096u
#define NONE    (~0u)
#define UP_TO(type, field) (offsetof(struct type, field) + sizeof(((struct type *)0)->field))

static uint64_t bitmap, message;
static const struct muser_info info;
static const struct muser_mem mem = { .space = 1, .size = PAGE };
static const struct muser_exchange exchange = {
	.flags = MUSER_EXCHANGE_NOWAIT, .in = (uintptr_t)&message, .in_size = sizeof(message),
	.wake_fd = -1,
};
static const struct muser_irq irq;
static const struct muser_dma dma = { .size = PAGE };
static const struct muser_dma_rw rw = { .size = 1, .addr = (uintptr_t)&message };
static const struct muser_trap trap = {
	.flags = MUSER_TRAP_FETCH, .space = 1, .size = PAGE, .bitmap = (uintptr_t)&bitmap,
};
static const struct muser_start start = { .version = MUSER_API_VERSION };

/* In this order: there is memory to trap, and what needs a start does not have it yet. */
static const struct command {
	const char *name;
	unsigned long request;
	const void *arg;
	uint32_t min, size, reserved;
	int result, again; /* with good arguments: 0 or an errno; the first time, and later */
} commands[] = {
	{ "GET_INFO", MUSER_GET_INFO, &info, UP_TO(muser_info, features), sizeof(info),
	  offsetof(struct muser_info, reserved), 0, 0 },
	{ "MEM_CREATE", MUSER_MEM_CREATE, &mem, sizeof(mem), sizeof(mem),
	  offsetof(struct muser_mem, reserved), 0, 0 },
	{ "MEM_TRAP", MUSER_MEM_TRAP, &trap, sizeof(trap), sizeof(trap), NONE, 0, 0 },
	{ "EXCHANGE", MUSER_EXCHANGE, &exchange, sizeof(exchange), sizeof(exchange), NONE, 0, 0 },
	{ "IRQ_TRIGGER", MUSER_IRQ_TRIGGER, &irq, sizeof(irq), sizeof(irq), NONE, ENOTCONN,
	  ENOTCONN },
	{ "DMA_PIN", MUSER_DMA_PIN, &dma, sizeof(dma), sizeof(dma), NONE, ENOTCONN, ENOTCONN },
	{ "DMA_UNPIN", MUSER_DMA_UNPIN, &dma, sizeof(dma), sizeof(dma), NONE, ENOTCONN, ENOTCONN },
	{ "DMA_RW", MUSER_DMA_RW, &rw, sizeof(rw), sizeof(rw), NONE, ENOTCONN, ENOTCONN },
	{ "START", MUSER_START, &start, UP_TO(muser_start, reserved), sizeof(start),
	  offsetof(struct muser_start, reserved), 0, EALREADY },
};

struct trial {
	const char *what;
	uint32_t argsz, room; /* what it says, and what there is */
	uint32_t byte, value; /* this one is other than it should be; NONE */
	int wanted;
};

static int file, failures;
static uint8_t *page; /* two of them; the second cannot be touched */

static void *place(const struct command *c, const struct trial *t)
{
	uint8_t *arg = page + PAGE - t->room;

	memset(page, 0, PAGE);
	memcpy(arg, c->arg, t->room < c->size ? t->room : c->size);
	memcpy(arg, &t->argsz, t->room < sizeof(t->argsz) ? t->room : sizeof(t->argsz));
	if (t->byte != NONE)
		arg[t->byte] |= t->value;
	return arg;
}

static void try(const struct command *c, const struct trial *t)
{
	const int got = ioctl(file, c->request, place(c, t)) ? errno : 0;

	if (got == t->wanted)
		return;
	failures++;
	printf("%s, %s: %d (%s) instead of %d\n", c->name, t->what, got, strerror(got), t->wanted);
}

static void try_sizes(const struct command *c)
{
	const struct trial trials[] = {
		{ "no argsz", c->size, 0, NONE, 0, EFAULT },
		{ "too short", c->min - 4, c->size, NONE, 0, EINVAL },
		{ "argsz 0", 0, c->size, NONE, 0, EINVAL },
		{ "longer than a page", PAGE + 1, c->size, NONE, 0, EINVAL },
		{ "longer, with something", c->size + 8, c->size + 8, c->size + 7, 1, EINVAL },
		{ "less than it says", c->size, c->size - 4, NONE, 0, EFAULT },
		{ "an unknown flag", c->size, c->size, 7, 0x80, EINVAL },
		{ "as short as can be", c->min, c->min, NONE, 0, c->result },
		{ "as it is", c->size, c->size, NONE, 0, c->again },
		{ "longer, with zeros", c->size + 8, c->size + 8, NONE, 0, c->again },
		{ "as long as can be", PAGE, PAGE, NONE, 0, c->again },
	};
	size_t i;

	for (i = 0; i < sizeof(trials) / sizeof(*trials); i++)
		try(c, &trials[i]);
}

static void try_fields(const struct command *c)
{
	const struct trial reserved = { "reserved", c->size, c->size, c->reserved, 1, EINVAL };
	const struct trial start_trials[] = {
		{ "another version", c->size, c->size, offsetof(struct muser_start, version), 2,
		  EPROTONOSUPPORT },
		{ "an unknown feature", c->size, c->size,
		  offsetof(struct muser_start, features) + 7, 0x80, EINVAL },
	};

	if (c->reserved != NONE)
		try(c, &reserved);
	if (c->request != MUSER_START)
		return;
	try(c, &start_trials[0]);
	try(c, &start_trials[1]);
}

int limits_check(int server)
{
	size_t i;

	file = server;
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mprotect(page + PAGE, PAGE, PROT_NONE))
		return 1;
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		try_fields(&commands[i]);
		try_sizes(&commands[i]);
	}
	if (ioctl(file, _IO(MUSER_TYPE, 99), page) == 0 || errno != ENOTTY)
		failures++;
	return failures != 0;
}
