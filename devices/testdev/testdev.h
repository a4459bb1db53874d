/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * testdev.h - a device with every feature of the library, shared by its sides: registers.c, what
 * drivers write to make it do something; fault.c, what goes wrong when they want that; dma.c, which
 * reaches their memory; card.c, all that it has.
 *
 * What it does beside faults is done at once, and by a guest's will alone.
 */
#ifndef MUSER_TESTDEV_H
#define MUSER_TESTDEV_H

#include "../devices.h"

/* Regions. */
enum { BAR_CONTROL = LM_BAR0_REG_IDX, BAR_PORTS = LM_BAR1_REG_IDX, BAR_MAPPED = LM_BAR2_REG_IDX };
enum { BAR_MSIX = LM_BAR4_REG_IDX, BAR_BUFFER = LM_BAR5_REG_IDX };
enum { REGION_MAPPED = LM_DEV_NUM_REGS, REGION_RAW };
enum { CONTROL_SIZE = 4096, PORTS_SIZE = 64, MAPPED_SIZE = 1 << 20, MSIX_SIZE = 65536 };
enum { BUFFER_SIZE = 65536, RAW_SIZE = 4096, VECTORS = 2048 };

/* Registers of BAR0 that do something. */
enum { IRQ_RAISE = 0x40, IRQ_LEVEL = 0x44, IRQ_ASSERT = 0x48, IRQ_DEASSERT = 0x4c };
enum { IRQ_RESULT = 0x50 };
enum { DMA_ADDR = 0x80, DMA_LEN = 0x88, DMA_AT = 0x8c, DMA_VECTOR = 0x90, DMA_CMD = 0x94 };
enum { DMA_RESULT = 0x98, DMA_ENDED = 0x9c };
enum { TIMER_US = 0xc0, TIMER_PERIOD_US = 0xc4, TIMER_VECTOR = 0xc8, TIMER_ENDED = 0xcc };
enum { EVENT = 0x140, NOTE = 0x144, LOG = 0x148 };
enum { KICKS = 0x180, MAPS = 0x184, UNMAPS = 0x188, WRITTEN = 0x18c, TRAP = 0x190 };

/* DMA_CMD. */
enum dma_kind { DMA_NONE, DMA_COPY, DMA_MAP, DMA_ASYNC, DMA_VALUE, DMA_HOLD, DMA_RELEASE };
#define DMA_KIND      0x7u
#define DMA_TO_MEMORY 0x8u
#define DMA_IRQ       0x10u
#define DMA_BUSY      0x80000000u

/* Registers of BAR1, from FAULTS on. */
enum { FAULTS = 0x10 };
enum fault {
	FAULT_WHAT,
	FAULT_SKIP,
	FAULT_COUNT,
	FAULT_DELAY_MS,
	FAULT_ERRNO,
	FAULT_HITS,
	NR_FAULTS
};

/* FAULT_WHAT. */
#define FAULT_ACCESS 0x1u /* of ECHO, TICKET and the raw region */
#define FAULT_RESET  0x2u
#define FAULT_UNMAP  0x4u
#define FAULT_DMA    0x8u  /* how it ends */
#define FAULT_IRQ    0x10u /* it is lost */
#define FAULT_OBJECT 0x20u
#define FAULT_DROP   0x80000000u /* of DMA: it never ends */

/* Beside the registers that the library keeps. */
struct testdev_state {
	uint32_t echo, ticket, fault[NR_FAULTS]; /* of BAR1; faults survive a reset */
	uint32_t wires;                          /* the property */
	uint8_t is_timed;
	uint8_t raw[RAW_SIZE];
};

struct testdev {
	lm_ctx_t *ctx;
	struct testdev_state *st; /* lm_state() */
	lm_timer_t *timer, *answer_timer, *dma_timer;
	struct {
		lm_token_t token; /* 0: none waits */
		ssize_t result;
		uint8_t data[64];
	} answer;
	struct {
		bool is_moving, is_cut; /* nobody waits for it any more */
		bool is_late;           /* it has ended, and the guest is to learn that later */
		int result;
		lm_dma_hold_t hold;
		dma_sg_t sg[16];
		struct iovec iov[16];
	} dma;
	lm_ioeventfd_t kick;
	lm_watch_t *kick_watch;
	uint32_t vectors, number, hex, choice; /* properties */
	uint64_t bytes;
	bool boolean;
	char text[64];
};

uint64_t testdev_get(const struct testdev *d, uint64_t offset);
void testdev_set(const struct testdev *d, uint64_t offset, uint64_t value);
void testdev_count(const struct testdev *d, uint64_t offset);
/* By the kind that the guest uses; its result is in IRQ_RESULT. */
void testdev_raise(struct testdev *d, uint32_t vector);

/* ---- registers.c ------------------------------------------------------------------- */

extern const lm_register_map_t testdev_control_map, testdev_ports_map, testdev_config_map;

void testdev_timer_arm(struct testdev *d);
void testdev_timer_expired(void *arg);

/* ---- properties.c ------------------------------------------------------------------ */

enum { TESTDEV_PROPS = 9 };
extern const lm_prop_t testdev_props[TESTDEV_PROPS];

int testdev_prop_get(void *pvt, const char *name, char *buf, size_t size);
int testdev_prop_set(void *pvt, const char *name, const char *value);

/* ---- fault.c ----------------------------------------------------------------------- */

/* One of these is to happen: does it go wrong? */
bool fault_take(struct testdev *d, uint32_t what);
uint64_t fault_delay_ns(const struct testdev *d);
int fault_errno(const struct testdev *d);
/* What a callback returns whose answer would be @result, with these bytes. */
ssize_t fault_answer(struct testdev *d, uint32_t what, ssize_t result, const void *data);
void fault_answer_late(void *arg);

/* ---- dma.c ------------------------------------------------------------------------- */

void dma_begin(struct testdev *d, uint64_t cmd);
void dma_late(void *arg);
void dma_reset(struct testdev *d); /* what is under way has no effect any more */

#endif /* MUSER_TESTDEV_H */
