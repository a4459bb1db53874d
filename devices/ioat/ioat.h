/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ioat.h - a DMA engine of Intel's QuickData Technology (I/OAT), shared by its sides: descriptor.c,
 * what a descriptor asks for; channel.c, which does it; card.c, what a driver and a user see.
 *
 * Sources: Intel Xeon Processor E7-2800/4800/8800 v2 Product Family, Datasheet Volume Two (February
 * 2014), 14.4 and 14.5, for the registers; for descriptors, of which Intel has published nothing,
 * what the Linux driver ioatdma puts into them and looks at.
 */
#ifndef MUSER_IOAT_H
#define MUSER_IOAT_H

#include "../devices.h"

enum { IOAT_BAR = LM_BAR0_REG_IDX, IOAT_CFG = LM_CFG_REG_IDX, IOAT_BAR_SIZE = 16384 };

/* Registers of BAR0, in the order of their table. */
enum ioat_register {
	CHANCNT,
	XFERCAP,
	GENCTRL,
	INTRCTRL,
	ATTNSTATUS,
	CBVER,
	PERPORTOFFSET,
	INTRDELAY,
	CS_STATUS,
	DMACAPABILITY,
	DCAOFFSET,
	CHANCTRL,
	DMA_COMP,
	CHANCMD,
	DMACOUNT,
	CHANSTS,
	CHAINADDR,
	CHANCMP,
	CDAR,
	CHANERR,
	CHANERRMSK,
	DCACTRL,
	IOAT_REGISTERS,
};

/* In configuration space. */
enum { DMAUNCERRSTS = 0x148, CHANERR_INT = 0x180, CHANERRMSK_INT = 0x184 };

enum { XFERCAP_1M = 20 };
enum { INTRCTRL_MASTER = 1, INTRCTRL_STATUS = 2, INTRCTRL_INT = 4, INTRCTRL_MSIX = 8 };
enum { CAP_XOR = 0x100, CAP_PQ = 0x200 };
enum { CHANCTRL_INT_DISABLE = 1, CHANCTRL_ERR_COMPLETION = 4, CHANCTRL_ERR_INT = 16 };
enum { CHANCMD_SUSPEND = 4, CHANCMD_ABORT = 8, CHANCMD_RESUME = 16, CHANCMD_RESET = 32 };

/* CHANSTS: this, and the address of the last descriptor that is complete. */
enum ioat_status { ACTIVE, DONE, SUSPENDED, HALTED };

/* CHANERR. */
enum {
	ERR_SOURCE_ADDR = 1 << 0,
	ERR_DEST_ADDR = 1 << 1,
	ERR_NEXT_ADDR = 1 << 2,
	ERR_ALIGNMENT = 1 << 3,
	ERR_READ = 1 << 8,
	ERR_WRITE = 1 << 9,
	ERR_CONTROL = 1 << 10,
	ERR_LENGTH = 1 << 11,
	ERR_COMPLETION_ADDR = 1 << 12,
	ERR_P = 1 << 16,
	ERR_Q = 1 << 17,
	ERR_COUNT = 1 << 18,
};

/* ---- descriptor.c ------------------------------------------------------------------ */

enum { IOAT_SOURCES = 8, IOAT_WORDS = 8, IOAT_DESCRIPTOR = 8 * IOAT_WORDS };
enum { P, Q, IOAT_SUMS };

/* Control word. */
enum { CONTROL_INT = 1, CONTROL_COMPLETION = 8 };

/* What a descriptor asks for: to read the sources, and to write, or to check, their sums. */
struct ioat_job {
	uint32_t control, size;
	uint32_t nr_sources; /* 0: nothing is moved */
	uint8_t sums;        /* a bit for each of P and Q */
	bool is_check;
	uint8_t coefficient[IOAT_SOURCES]; /* of Q */
	uint64_t source[IOAT_SOURCES], sum[IOAT_SUMS];
	uint64_t next;
};

/* Two descriptors that follow each other are one, of many sources. */
bool ioat_is_extended(const uint64_t words[IOAT_WORDS]);
/* Bits of CHANERR; 0: it makes sense. */
uint32_t ioat_decode(const uint64_t words[2 * IOAT_WORDS], struct ioat_job *job);
const char *ioat_operation(const struct ioat_job *job); /* for traces */

/* ---- channel.c --------------------------------------------------------------------- */

enum { IOAT_SLICE = 65536 }; /* of data, that is moved at a time */

/* All that a driver can find out. */
struct ioat_state {
	uint64_t reg[IOAT_REGISTERS];
	uint64_t at;        /* the descriptor that is done now, or comes next */
	uint64_t completed; /* the last one of its chain that is complete */
	uint32_t offset;    /* so much of its data is done */
	uint16_t count;     /* so many of this chain are complete */
	uint8_t status;     /* enum ioat_status, as in CHANSTS */
	uint8_t is_new;     /* CHAINADDR was written: DMACOUNT begins there */
	uint8_t suspends;   /* when the descriptor is complete */
	uint8_t attention;  /* ATTNSTATUS */
	uint8_t irq_waits;  /* until CHANCTRL is written */
};

/* Of one descriptor. */
enum ioat_phase { FETCH, FETCH_MORE, MOVE, COMPLETE };

struct ioat {
	lm_ctx_t *ctx;
	struct ioat_state *st; /* lm_state() */
	uint32_t model;        /* the option */
	bool is_posted, is_running;
	bool is_moving; /* a transfer is under way ... */
	bool is_cut;    /* ... that nobody waits for any more */
	enum ioat_phase phase;
	uint32_t step;   /* of a slice: sources, then sums */
	uint32_t errors; /* that its sums have shown */
	struct ioat_job job;
	uint64_t words[2 * IOAT_WORDS];
	uint8_t sum[IOAT_SUMS][IOAT_SLICE], in[IOAT_SLICE];
};

void channel_begin(struct ioat *d); /* DMACOUNT was written */
void channel_command(struct ioat *d, uint8_t command);
void channel_reset(struct ioat *d);
bool channel_is_resetting(const struct ioat *d);
void channel_go_on(struct ioat *d); /* where another process, client or state was */
void channel_rearm(struct ioat *d); /* CHANCTRL was written: there may be an interrupt */
void channel_update_irq(struct ioat *d, bool comes);

void channel_kick(struct ioat *d); /* goes on in a later turn, if there is something to do */
void channel_status(struct ioat *d, enum ioat_status status);
void channel_fail(struct ioat *d, uint32_t errors); /* halts, unless they are masked */
void channel_forget(struct ioat *d); /* a transfer that is under way has no effect any more */
void channel_interrupt(struct ioat *d);
int channel_write_completion(struct ioat *d, enum ioat_status status);

/* ---- mover.c ----------------------------------------------------------------------- */

/* What they cost, in bytes and something for each transfer; 0: not now. */
uint32_t mover_move(struct ioat *d);     /* the next transfer, if none is under way */
uint32_t mover_complete(struct ioat *d); /* in phase COMPLETE */

#endif /* MUSER_IOAT_H */
