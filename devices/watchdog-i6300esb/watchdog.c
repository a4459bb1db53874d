/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog.c - the watchdog timer of Intel's 6300ESB I/O controller hub, which the driver
 * i6300esb of Linux feeds.
 *
 * Source: Intel 6300ESB I/O Controller Hub Datasheet, order number 300641, chapter 16. A clock of
 * 30 ns, divided, counts down: at the end of the first stage there is an interrupt, at that of the
 * second, of the only one in free-running mode, the pin WDT_TOUT# goes low. That is the option
 * action. WDT_TIMEOUT survives resets, so that a driver learns why the machine has booted.
 *
 * Differences: the interrupt is INTx, not a line of the hub's own; there is no SMI. No stage is
 * shorter than a millisecond, so that a guest cannot keep us busy.
 */
#include "../devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "action.h"

enum { BAR = LM_BAR0_REG_IDX, BAR_SIZE = 16 };
enum { PRELOAD1 = 0x00, PRELOAD2 = 0x04, GINTSR = 0x08, RELOAD = 0x0c };
enum { CFG = LM_CFG_REG_IDX, CONFIG = 0x60, LOCK = 0x68 };

/* Their bits. */
enum { MAX = 0xfffff, GINTSR_ACTIVE = 0x1, UNLOCK1 = 0x80, UNLOCK2 = 0x86 };
enum { RELOAD_RELOAD = 0x100, RELOAD_TIMEOUT = 0x200 };
enum { CONFIG_INT_TYPE = 0x3, CONFIG_FAST = 0x4, CONFIG_OUTPUT_OFF = 0x20 };
enum { LOCK_LOCK = 0x1, LOCK_ENABLE = 0x2, LOCK_FREE_RUN = 0x4 };
enum { CLOCK_NS = 30, SHIFT_SLOW = 15, SHIFT_FAST = 5, STAGE_MIN_NS = 1000000 };

enum stage { STOPPED, FIRST, SECOND, EXPIRED };
static const char *const stages[] = { "stopped", "first", "second", "expired" };

/* Beside the registers, which the library keeps. */
struct esb_state {
	uint32_t timeouts;
	uint8_t stage;
	uint8_t unlock; /* steps of the sequence that were made; 2: unlocked for one write */
	uint8_t timed_out;
};

struct esb {
	lm_ctx_t *ctx;
	struct esb_state *st; /* lm_state() */
	lm_timer_t *timer;
	struct action action;
};

static uint64_t get(const struct esb *esb, uint32_t region, uint64_t offset)
{
	return lm_register_get(esb->ctx, region, offset);
}

static void set(const struct esb *esb, uint32_t region, uint64_t offset, uint64_t value)
{
	lm_register_set(esb->ctx, region, offset, value);
}

/* ---- the timer --------------------------------------------------------------------- */

static void update_irq(const struct esb *esb)
{
	lm_irq_assert(esb->ctx, 0,
		      get(esb, BAR, GINTSR) && !(get(esb, CFG, CONFIG) & CONFIG_INT_TYPE));
}

static void set_timed_out(const struct esb *esb, bool timed_out)
{
	esb->st->timed_out = timed_out;
	set(esb, BAR, RELOAD, timed_out ? RELOAD_TIMEOUT : 0);
}

static void begin(struct esb *esb, enum stage stage)
{
	const uint64_t preload = get(esb, BAR, stage == FIRST ? PRELOAD1 : PRELOAD2);
	const bool fast = get(esb, CFG, CONFIG) & CONFIG_FAST;
	const uint64_t ns = (preload << (fast ? SHIFT_FAST : SHIFT_SLOW)) * CLOCK_NS;

	esb->st->stage = stage;
	lm_timer_arm(esb->timer, ns < STAGE_MIN_NS ? STAGE_MIN_NS : ns, 0);
}

static void begin_anew(struct esb *esb)
{
	begin(esb, get(esb, CFG, LOCK) & LOCK_FREE_RUN ? SECOND : FIRST);
}

static void stop(struct esb *esb)
{
	esb->st->stage = STOPPED;
	lm_timer_arm(esb->timer, 0, 0);
}

static void timer_expired(void *arg)
{
	struct esb *esb = arg;

	if (esb->st->stage == FIRST) {
		set(esb, BAR, GINTSR, GINTSR_ACTIVE);
		update_irq(esb);
		lm_event(esb->ctx, "pretimeout", 0);
		begin(esb, SECOND);
		return;
	}
	if (esb->st->stage != SECOND)
		return;
	set_timed_out(esb, true);
	if (get(esb, CFG, LOCK) & LOCK_FREE_RUN)
		begin(esb, SECOND);
	else
		esb->st->stage = EXPIRED;
	if (get(esb, CFG, CONFIG) & CONFIG_OUTPUT_OFF)
		return;
	lm_event(esb->ctx, "watchdog", ++esb->st->timeouts); /* WDT_TOUT# goes low */
	action_take(&esb->action);
}

/* ---- registers --------------------------------------------------------------------- */

/* Any write but those of the sequence locks again: whether this one was allowed. */
static bool take_unlock(struct esb *esb, const lm_register_io_t *io)
{
	const uint8_t steps = esb->st->unlock;

	esb->st->unlock = 0;
	if (io->offset == RELOAD && io->value == UNLOCK1)
		esb->st->unlock = 1;
	if (io->offset == RELOAD && io->value == UNLOCK2 && steps == 1)
		esb->st->unlock = 2;
	return steps == 2;
}

static void esb_write(void *pvt, const lm_register_io_t *io)
{
	struct esb *esb = pvt;
	const bool unlocked = take_unlock(esb, io);

	switch (io->offset) {
	case PRELOAD1:
	case PRELOAD2: set(esb, BAR, io->offset, unlocked ? io->value : io->old); break;
	case GINTSR:
		set(esb, BAR, GINTSR, io->old & ~io->value);
		update_irq(esb);
		break;
	case RELOAD:
		set_timed_out(esb, esb->st->timed_out && !(unlocked && io->value & RELOAD_TIMEOUT));
		if (unlocked && io->value & RELOAD_RELOAD && get(esb, CFG, LOCK) & LOCK_ENABLE)
			begin_anew(esb);
		break;
	}
}

static void esb_cfg_write(void *pvt, const lm_register_io_t *io)
{
	struct esb *esb = pvt;
	const bool is_lock = io->offset == LOCK;
	const uint64_t value = is_lock && io->old & LOCK_LOCK ? io->old : io->value;

	set(esb, CFG, io->offset, value);
	update_irq(esb);
	if (is_lock && value & ~io->old & LOCK_ENABLE)
		begin_anew(esb);
	else if (is_lock && !(value & LOCK_ENABLE))
		stop(esb);
}

/* ---- life -------------------------------------------------------------------------- */

static int esb_reset(void *pvt)
{
	struct esb *esb = pvt;

	stop(esb);
	esb->st->unlock = 0;
	set_timed_out(esb, esb->st->timed_out);
	return 0;
}

/* A stage that another process had begun begins again: nobody could feed it meanwhile. */
static int esb_load(void *pvt, const void *buf, size_t size)
{
	struct esb *esb = pvt;

	if (esb->st->stage == FIRST || esb->st->stage == SECOND)
		begin(esb, esb->st->stage);
	else
		lm_timer_arm(esb->timer, 0, 0);
	return 0;
}

static int esb_start(void *pvt, lm_ctx_t *ctx)
{
	struct esb *esb = pvt;

	esb->st = lm_state(ctx);
	esb->action.ctx = ctx;
	esb->timer = lm_timer_create(ctx, timer_expired, esb);
	return esb->timer ? esb_load(esb, NULL, 0) : -errno;
}

static void esb_stop(void *pvt)
{
	action_leave(&((struct esb *)pvt)->action);
}

static int esb_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	const struct esb *esb = pvt;

	if (!strcmp(name, "action"))
		snprintf(buf, size, "%s", esb->action.text);
	else if (!strcmp(name, "stage"))
		snprintf(buf, size, "%s", stages[esb->st->stage & EXPIRED]);
	else
		snprintf(buf, size, "%u", esb->st->timeouts);
	return 0;
}

static int esb_prop_set(void *pvt, const char *name, const char *value)
{
	return action_set(&((struct esb *)pvt)->action, value);
}

static const lm_prop_t props[] = {
	{ "action", "when time is up, beside the event", "event", .flags = LM_PROP_CREATE,
	  .accepts = ACTION_ACCEPTS },
	{ "stage", "that counts: stopped, first, second, expired", .flags = LM_PROP_RO },
	{ "timeouts", "how often time was up", .flags = LM_PROP_RO },
};

/* ---- the type ---------------------------------------------------------------------- */

static const lm_field_t gintsr[] = { { "ACTIVE", 0, 1, .help = "the first stage has ended" } };
static const lm_field_t reload[] = {
	{ "UNLOCK", 0, 8, .help = "80h, then 86h: the next write counts" },
	{ "RELOAD", 8, 1, .help = "the first stage begins again" },
	{ "TIMEOUT", 9, 1, .help = "the second stage has ended; write: clear" },
};
static const lm_field_t config[] = {
	{ "INT_TYPE", 0, 2, .help = "0: INTx, 3: none" },
	{ "FAST", 2, 1, .help = "the clock is divided by 2^5, not by 2^15" },
	{ "OUTPUT_OFF", 5, 1, .help = "when time is up nothing happens" },
};
static const lm_field_t lock[] = {
	{ "LOCK", 0, 1, .help = "until a reset, this register is read-only" },
	{ "ENABLE", 1, 1 },
	{ "FREE_RUN", 2, 1, .help = "the second stage only, again and again" },
};

static const lm_register_t registers[] = {
	{ "PRELOAD1", "length of the first stage", PRELOAD1, 4, .reset = MAX, .wmask = MAX },
	{ "PRELOAD2", "length of the second stage", PRELOAD2, 4, .reset = MAX, .wmask = MAX },
	{ "GINTSR", "general interrupt status", GINTSR, 2, LM_RW1C, LM_FIELDS(gintsr) },
	{ "RELOAD", "feeds", RELOAD, 2, LM_RW1C, LM_FIELDS(reload) },
};

static const lm_register_t cfg_registers[] = {
	{ "CONFIG", "clock, interrupt, output", CONFIG, 2, LM_FIELDS(config), .wmask = 0x27 },
	{ "LOCK", "begins and stops", LOCK, 1, LM_FIELDS(lock), .wmask = 0x07 },
};

static const lm_register_map_t esb_map = { LM_REGISTERS(registers), .write = esb_write };
static const lm_register_map_t cfg_map = { LM_REGISTERS(cfg_registers), .write = esb_cfg_write };

static const lm_dev_info_t esb_info = {
	.type = "watchdog-i6300esb",
	.flags = LM_DEV_RESTARTABLE,
	.state_size = sizeof(struct esb_state),
	.state_version = 1,
	LM_PROPS(props),
	LM_CTX_IN(struct esb, ctx),
	.prop_get = esb_prop_get,
	.prop_set = esb_prop_set,
	.start = esb_start,
	.stop = esb_stop,
	.reset = esb_reset,
	.load = esb_load,
	.pci_info = {
		.id = { .vid = 0x8086, .did = 0x25ab },
		.cc = { .bcc = 0x08, .scc = 0x80 }, /* another system peripheral */
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1 },
		.reg_info[BAR] = { LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = BAR_SIZE,
				   .regs = &esb_map },
		.reg_info[CFG] = { .regs = &cfg_map },
	},
};

const struct device_type device_watchdog_i6300esb = {
	.size = sizeof(struct device_type),
	.name = "watchdog-i6300esb",
	.help = "Intel 6300ESB watchdog: a guest that hangs is noticed",
	.driver = "i6300esb",
	.info = &esb_info,
	.pvt_size = sizeof(struct esb),
};
