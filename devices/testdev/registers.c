/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registers.c - the registers: BAR0, which the library keeps, BAR1, which the device serves itself,
 * and those in configuration space.
 *
 * Owns what writes do. A timer is never shorter than a millisecond, so that a guest cannot keep the
 * device busy.
 */
#include "testdev.h"

#include <inttypes.h>

#define TIMER_MIN_US 1000u

uint64_t testdev_get(const struct testdev *d, uint64_t offset)
{
	return lm_register_get(d->ctx, BAR_CONTROL, offset);
}

void testdev_set(const struct testdev *d, uint64_t offset, uint64_t value)
{
	lm_register_set(d->ctx, BAR_CONTROL, offset, value);
}

void testdev_count(const struct testdev *d, uint64_t offset)
{
	testdev_set(d, offset, testdev_get(d, offset) + 1);
}

/* ---- interrupts and time ------------------------------------------------------------ */

/* @kind: 0: the one that the guest uses; else 1 + LM_DEV_*_IRQ_IDX. */
static void raise(struct testdev *d, uint32_t kind, uint32_t vector)
{
	int ret = 0;

	if (!fault_take(d, FAULT_IRQ))
		ret = kind ? lm_irq_trigger_index(d->ctx, kind - 1, vector) :
			     lm_irq_trigger(d->ctx, vector);
	testdev_set(d, IRQ_RESULT, (uint32_t)ret);
}

void testdev_raise(struct testdev *d, uint32_t vector)
{
	raise(d, 0, vector);
}

static uint64_t at_least(uint64_t us)
{
	return us && us < TIMER_MIN_US ? TIMER_MIN_US : us;
}

void testdev_timer_arm(struct testdev *d)
{
	lm_timer_arm(d->timer, at_least(testdev_get(d, TIMER_US)) * 1000,
		     at_least(testdev_get(d, TIMER_PERIOD_US)) * 1000);
}

void testdev_timer_expired(void *arg)
{
	struct testdev *d = arg;

	d->st->is_timed = testdev_get(d, TIMER_PERIOD_US);
	testdev_count(d, TIMER_ENDED);
	testdev_raise(d, (uint32_t)testdev_get(d, TIMER_VECTOR));
}

/* ---- BAR0 --------------------------------------------------------------------------- */

static void say(const struct testdev *d, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case EVENT: lm_event(d->ctx, "testdev", value); break;
	case NOTE: lm_note(d->ctx, "note 0x%" PRIx32, value); break;
	case LOG: lm_log(d->ctx, LM_LOG_INFO, "testdev: 0x%" PRIx32, value); break;
	}
}

static void control_write(void *pvt, const lm_register_io_t *io)
{
	struct testdev *d = pvt;
	const uint32_t value = (uint32_t)io->value;

	switch (io->offset) {
	case IRQ_RAISE: raise(d, value >> 16, value & 0xffff); break;
	case IRQ_LEVEL:
		testdev_set(d, IRQ_RESULT, (uint32_t)lm_irq_set_level(d->ctx, value));
		break;
	case IRQ_ASSERT:
	case IRQ_DEASSERT:
		testdev_set(d, IRQ_RESULT,
			    (uint32_t)lm_irq_assert(d->ctx, value, io->offset == IRQ_ASSERT));
		break;
	case DMA_CMD:
		if (io->old & DMA_BUSY)
			testdev_set(d, DMA_CMD, io->old);
		else
			dma_begin(d, value & ~DMA_BUSY);
		break;
	case TIMER_US:
		testdev_set(d, TIMER_US, value);
		d->st->is_timed = value != 0;
		testdev_timer_arm(d);
		break;
	case TRAP: lm_mmap_trap(d->ctx, BAR_MAPPED, 4096, 4096, value); break;
	default: say(d, io->offset, value);
	}
}

static const lm_field_t dma_cmd[] = {
	{ "KIND", 0, 3, .help = "1 copy, 2 map, 3 asynchronous, 4 value, 5 hold, 6 release" },
	{ "TO_MEMORY", 3, 1, .help = "of the guest, else from there" },
	{ "IRQ", 4, 1, .help = "raise DMA_VECTOR at the end" },
	{ "BUSY", 31, 1, .help = "it has not ended" },
};
static const lm_field_t irq_raise[] = {
	{ "VECTOR", 0, 16 },
	{ "KIND", 16, 3, .help = "0: as enabled; 1 INTx, 2 MSI, 3 MSI-X, 4 ERR, 5 REQ" },
};
#define RO(name, help, offset)               \
	{                                    \
		name, help, offset, 4, LM_RO \
	}

static const lm_register_t control[] = {
	{ "ID", "says \"test\"", 0x00, 4, LM_RO, .reset = 0x74657374 },
	{ "SCRATCH", "four bytes", 0x04, 4 },
	{ "BYTE", "one", 0x08, 1 },
	{ "WORD", "two", 0x0a, 2 },
	{ "MASKED", "a guest writes the lower half", 0x0c, 4, .reset = 0xabcd1234,
	  .wmask = 0xffff },
	{ "LONG", "eight", 0x10, 8 },
	{ "CLEAR", "writing 1 clears", 0x18, 4, LM_RW1C, .reset = 0xffffffff },
	{ "SECRET", "reads as 0", 0x1c, 4, LM_WO },
	{ "IRQ_RAISE", "raises an interrupt", IRQ_RAISE, 4, LM_WO, LM_FIELDS(irq_raise) },
	{ "IRQ_LEVEL", "of INTx", IRQ_LEVEL, 4, .wmask = 1 },
	{ "IRQ_ASSERT", "a cause is there", IRQ_ASSERT, 4, LM_WO },
	{ "IRQ_DEASSERT", "it is gone", IRQ_DEASSERT, 4, LM_WO },
	RO("IRQ_RESULT", "0 delivered, 1 pending, -errno", IRQ_RESULT),
	{ "DMA_ADDR", "in memory of the guest", DMA_ADDR, 8 },
	{ "DMA_LEN", "bytes; of a value 1, 2, 4 or 8", DMA_LEN, 4 },
	{ "DMA_AT", "in the buffer, BAR5", DMA_AT, 4 },
	{ "DMA_VECTOR", "at its end", DMA_VECTOR, 4 },
	{ "DMA_CMD", "begins it", DMA_CMD, 4, LM_FIELDS(dma_cmd) },
	RO("DMA_RESULT", "of the last one: 0, -errno", DMA_RESULT),
	RO("DMA_ENDED", "how many have", DMA_ENDED),
	{ "TIMER_US", "arms a timer; 0 stops it", TIMER_US, 4 },
	{ "TIMER_PERIOD_US", "from then on; 0: once", TIMER_PERIOD_US, 4 },
	{ "TIMER_VECTOR", "when it expires", TIMER_VECTOR, 4 },
	RO("TIMER_ENDED", "how often it has", TIMER_ENDED),
	{ "EVENT", "musctl wait sees it", EVENT, 4, LM_WO },
	{ "NOTE", "musctl trace shows it", NOTE, 4, LM_WO },
	{ "LOG", "musctl logs has it, at level info", LOG, 4, LM_WO },
	RO("KICKS", "of BAR1", KICKS),
	RO("MAPS", "of memory of the guest", MAPS),
	RO("UNMAPS", "of that", UNMAPS),
	RO("WRITTEN", "pages, while TRAP is 1", WRITTEN),
	{ "TRAP", "be notified of writes to 1000h of BAR2", TRAP, 4, .wmask = 1 },
	{ "TABLE", "an array", 0x400, 4, .count = 64 },
	{ "EVEN", "two arrays ...", 0x800, 4, .count = 16, .stride = 8 },
	{ "ODD", "... between each other", 0x804, 4, .count = 16, .stride = 8 },
};

const lm_register_map_t testdev_control_map = {
	LM_REGISTERS(control),
	.write = control_write,
};

/* ---- BAR1 --------------------------------------------------------------------------- */

enum { ECHO_, TICKET = 4, KICK = 8 };

static uint32_t *fault_at(struct testdev *d, const lm_register_io_t *io)
{
	return io->offset < FAULTS ? NULL : &d->st->fault[(io->offset - FAULTS) / 4];
}

/* The answer to an access, which may be late or an error. */
static void ports_answer(struct testdev *d, const lm_register_io_t *io, const uint64_t *value)
{
	const ssize_t ret = fault_answer(d, FAULT_ACCESS, (ssize_t)io->width, value);

	if (ret < 0 && ret != LM_DEFER)
		lm_complete(d->ctx, lm_defer(d->ctx), ret, NULL);
}

static uint64_t ports_read(void *pvt, const lm_register_io_t *io)
{
	struct testdev *d = pvt;
	uint64_t value;

	if (fault_at(d, io))
		return *fault_at(d, io);
	value = io->offset == ECHO_ ? d->st->echo : d->st->ticket++;
	ports_answer(d, io, &value);
	return value;
}

static void ports_write(void *pvt, const lm_register_io_t *io)
{
	struct testdev *d = pvt;
	uint32_t *fault = fault_at(d, io);

	if (fault) {
		*fault = (uint32_t)io->value;
		return;
	}
	*io->alias = io->offset == TICKET;
	*(io->offset == TICKET ? &d->st->ticket : &d->st->echo) = (uint32_t)io->value;
	ports_answer(d, io, NULL);
}

static const lm_field_t fault_what[] = {
	{ "ACCESS", 0, 1, .help = "of BAR1 and the raw region" },
	{ "RESET", 1, 1 },
	{ "UNMAP", 2, 1 },
	{ "DMA", 3, 1, .help = "its end" },
	{ "IRQ", 4, 1, .help = "it is lost" },
	{ "OBJECT", 5, 1, .help = "the answer of the mailbox" },
	{ "DROP", 31, 1, .help = "DMA never ends" },
};

static const lm_register_t ticket_set[] = { { "TICKET_SET", "the next one" } };

#define FAULT(name, help, which) \
	{                        \
		name, help, FAULTS + 4 * (which), 4, .flags = LM_REGISTER_PURE

static const lm_register_t ports[] = { { "ECHO", "gives what was written", ECHO_, 4 },
				       { "TICKET", "each read gives the next number", TICKET, 4,
					 LM_ALIASES(ticket_set) },
				       { "KICK", "signals an eventfd", KICK, 4, LM_WO },
				       FAULT("FAULT_WHAT", "goes wrong", FAULT_WHAT),
				       LM_FIELDS(fault_what) },
			   FAULT("FAULT_SKIP", "after so many", FAULT_SKIP)
}
, FAULT("FAULT_COUNT", "so many times", FAULT_COUNT)
}
, FAULT("FAULT_DELAY_MS", "it is late", FAULT_DELAY_MS), .wmask = 0xffff
}
, FAULT("FAULT_ERRNO", "it fails", FAULT_ERRNO), .wmask = 0xfff
}
, FAULT("FAULT_HITS", "so much has", FAULT_HITS), .access = LM_RO
}
,
}
;

const lm_register_map_t testdev_ports_map = {
	LM_REGISTERS(ports),
	.max_width = 4,
	.read = ports_read,
	.write = ports_write,
};

/* ---- configuration space -------------------------------------------------------------- */

static const lm_register_t config[] = {
	{ "CONFIG_SCRATCH", "in configuration space", 0xf8, 4 },
	{ "CONFIG_EXTENDED", "in extended configuration space", 0xff0, 4, .reset = 0x74657374 },
};

const lm_register_map_t testdev_config_map = { LM_REGISTERS(config) };
