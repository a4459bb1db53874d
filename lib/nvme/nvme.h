/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme.h - the inside of libmuser-nvme.
 *
 * Two halves: struct nvme_state is what a guest could notice, lives in lm_state(), has no pointers,
 * and outlives the process; struct lm_nvme is what can be made of it again. A command has a slot in
 * the first and a struct nvme_cmd in the second, by one number, from its fetch until its completion
 * is in the guest's queue: nvme_ctrl.c begins again what stands in a slot.
 *
 * Files, each knowing those before it: ring irq error fault | range prp sgl data | ns cmd event |
 * io nvm | identify feature logpage queue format inventory admin | exec turn | ctrl regs nvme.
 */
#ifndef LM_NVME_INTERNAL_H
#define LM_NVME_INTERNAL_H

#include <muser-nvme.h>

#include <errno.h>
#include <sys/queue.h>

#include "nvme/nvme_spec.h"

#define NVME_EXPORT __attribute__((visibility("default")))

#define NVME_PAGE       4096u
#define NVME_QUEUES     65u   /* with the admin queue, which is 0 */
#define NVME_ENTRIES    1024u /* of an I/O queue */
#define NVME_ADMIN_MAX  4096u /* of the admin queues: AQA has 12 bits, whatever CAP.MQES says */
#define NVME_SLOTS      1024u /* commands that are being served */
#define NVME_ERRORS     64u   /* entries of the error log */
#define NVME_AERS       4u    /* asynchronous event requests that may wait */
#define NVME_BOUNCE_MAX (8u << 20) /* client memory that is copied, at a time */
#define NVME_SETS_MAX   8u

/* Features that are one dword, by their place in the state. */
enum {
	NVME_F_ARBITRATION,
	NVME_F_POWER,
	NVME_F_TEMPERATURE_OVER,
	NVME_F_TEMPERATURE_UNDER,
	NVME_F_ERROR_RECOVERY,
	NVME_F_WRITE_CACHE,
	NVME_F_COALESCING,
	NVME_F_ATOMICITY,
	NVME_F_EVENTS,
	NVME_F_HOST_BEHAVIOR,
	NVME_NR_F = 16,
};

/* ---- state ----------------------------------------------------------------------- */

struct nvme_state_sq {
	uint64_t base;
	uint16_t entries; /* 0: there is none */
	uint16_t head, tail, cqid;
};

struct nvme_state_cq {
	uint64_t base;
	uint16_t entries;
	uint16_t head, tail, vector;
	uint8_t phase, irq_on, reserved[6];
};

enum nvme_slot_state {
	NVME_SLOT_FREE,
	NVME_SLOT_FETCHING, /* entry @index of its queue is being read */
	NVME_SLOT_SERVED,   /* dw is the command */
	NVME_SLOT_DONE,     /* status and result are known, its queue has no room */
	NVME_SLOT_POSTING,  /* being written to entry @index of its queue */
};

struct nvme_slot {
	uint32_t dw[16];
	uint64_t result;
	uint16_t sqid, state, status, index;
};

struct nvme_event {
	uint8_t type, info, log;
	uint8_t is_pending;
};

struct nvme_state {
	uint32_t magic;
	uint32_t cc, csts, aqa, intms;
	uint32_t profile; /* set feature 19h */
	uint64_t asq, acq;
	uint32_t feature[NVME_NR_F];
	uint64_t vector_plain[2]; /* vectors without coalescing */
	uint8_t host_id[16];
	int64_t timestamp_ms; /* to be added to our clock */
	uint8_t timestamp_origin, reserved[7];
	struct nvme_event event[NVME_EVENT_TYPES]; /* one of a type waits; 2.0, 5.2 */
	uint8_t event_masked[NVME_EVENT_TYPES];    /* until its log page is read */
	uint8_t changed[LM_NVME_MAX_NSID / 8 + 8]; /* namespaces, for log page 04h */
	uint64_t bytes_read, bytes_written, reads, writes;
	uint64_t power_cycles, unsafe_shutdowns, media_errors, nr_errors;
	uint8_t error[NVME_ERRORS][64];            /* as the log page has them, a ring */
	uint8_t block_shift[LM_NVME_MAX_NSID + 8]; /* 0: as it was added */
	struct nvme_state_sq sq[NVME_QUEUES];
	struct nvme_state_cq cq[NVME_QUEUES];
	struct nvme_slot slot[NVME_SLOTS];
	uint64_t shadow, shadow_events; /* pages of shadow doorbells; 0: there are none */
};

#define NVME_STATE_MAGIC 0x6d764e31u

_Static_assert(sizeof(struct nvme_state) <= LM_NVME_STATE_SIZE, "the state has its room");

/* ---- what is made of it ---------------------------------------------------------- */

/* The memory of a queue: a pointer, while client memory can be mapped. */
struct nvme_ring {
	dma_sg_t sg;
	struct iovec iov;
	uint64_t addr, len;
	bool is_held;
};

struct nvme_range {
	uint64_t addr, len; /* addr: client memory, or NVME_BUCKET: nobody wants these bytes */
};

#define NVME_BUCKET       UINT64_MAX
#define NVME_FEW          4u
#define NVME_LIST_GOES_ON 0xffff /* no status */

struct nvme_cmd;
typedef void nvme_data_done_t(struct nvme_cmd *cmd, uint16_t status);

/* The data of a command. */
struct nvme_data {
	struct nvme_range *range;
	uint32_t nr, room;
	uint32_t pending;                       /* copies under way */
	uint32_t sgl_left;                      /* descriptors that it may still have */
	uint64_t left;                          /* bytes not described yet */
	uint64_t list, list_len;                /* of a list or segment: what is being read */
	uint64_t sgl_rest;                      /* of the segment, behind that */
	uint16_t (*step)(struct nvme_cmd *cmd); /* takes it; NVME_LIST_GOES_ON: read on */
	bool sgl_is_last, is_walking, is_reading;
	bool is_copied, is_waiting;
	int error;
	uint8_t *page; /* that is read to */
	uint8_t *bounce;
	lm_dma_hold_t hold;
	nvme_data_done_t *done;  /* of the walk */
	nvme_data_done_t *ready; /* of all */
	struct iovec bounce_iov;
	struct nvme_range few_ranges[NVME_FEW];
	dma_sg_t few_sg[NVME_FEW];
	struct iovec few_iov[NVME_FEW];
};

struct nvme_ns;

struct nvme_cmd {
	lm_nvme_cmd_t pub;                                 /* first */
	lm_nvme_io_t io;                                   /* what a backend is doing for it */
	uint64_t io_rest;                                  /* of what is done in several steps */
	void (*io_next)(struct nvme_cmd *cmd, int result); /* what it waits for has ended */
	int io_result;
	bool io_is_looping, io_is_back;
	bool (*io_more)(struct nvme_cmd *cmd); /* of a loop: there is another step */
	void (*io_step)(struct nvme_cmd *cmd); /* ends with nvme_io_step() */
	void (*io_end)(struct nvme_cmd *cmd, int result);
	struct nvme_slot *slot;
	struct nvme_ns *ns;
	const lm_nvme_op_t *op;
	struct nvme_data data;
	TAILQ_ENTRY(nvme_cmd) link;
	void *aux; /* the handler's, for free(3) */
	uint16_t nr;
	bool is_used;
	bool is_dead;      /* the controller was reset: nobody hears of its end */
	bool is_counted;   /* its namespace waits for it */
	bool is_exclusive; /* has its namespace for itself */
	bool is_at_backend;
	bool is_held; /* until due_ns; then held_then() */
	uint64_t due_ns;
	void (*held_then)(struct nvme_cmd *cmd);
	lm_nvme_fault_t fault;
	uint64_t cqe[2];
};

TAILQ_HEAD(nvme_cmds, nvme_cmd);

struct nvme_sq {
	struct nvme_ring ring;
	uint32_t in_flight;
	uint16_t fetching, fetched; /* entries that are being read, the oldest of them */
	struct nvme_cmd *deleter;   /* that waits until there are none */
};

struct nvme_cq {
	struct nvme_ring ring;
	struct nvme_cmds backlog; /* that found no room */
	uint32_t nr_sqs;
};

struct nvme_ns {
	uint32_t nsid;
	bool is_leaving, is_exclusive;
	uint8_t block_shift;
	uint32_t in_flight;
	uint64_t blocks;
	const lm_nvme_set_t *set;
	lm_nvme_ns_info_t info;
};

struct lm_nvme {
	lm_ctx_t *ctx;
	struct nvme_state *st;
	lm_nvme_info_t info;
	char serial[21], model[41], firmware[9], subnqn[224];
	const lm_nvme_set_t *set[NVME_SETS_MAX];
	uint32_t nr_sets;
	const lm_nvme_op_t *admin_ops; /* nvme_admin.c's */
	uint32_t nr_admin_ops;
	uint32_t max_transfer;
	struct nvme_sq sq[NVME_QUEUES];
	struct nvme_cq cq[NVME_QUEUES];
	struct nvme_ns *ns[LM_NVME_MAX_NSID + 1];

	struct nvme_cmd *cmd[NVME_SLOTS];
	struct nvme_cmds free, aers, bounce_waiters;
	struct nvme_cmds done; /* in this turn: to be posted together */
	uint32_t done_work;
	struct nvme_cmds held; /* by due_ns */
	lm_timer_t *held_timer;
	lm_nvme_inject_fn *inject;
	void *inject_pvt;
	uint32_t nr_cmds, nr_used, nr_dead, nr_aers;
	uint64_t bounced;

	uint64_t ready[2]; /* submission queues with commands to fetch */
	uint16_t next_sq;  /* round robin */
	bool is_turning, is_posted, is_starved;
	void (*turn)(struct lm_nvme *nvme);
	void (*drained)(struct lm_nvme *nvme); /* the last command that nobody hears of has ended */
	uint32_t *doorbells;            /* where they are memory; NULL: they come as writes */
	uint32_t rung[2 * NVME_QUEUES]; /* of those, the last values that were looked at */
	uint32_t looks;
	lm_poller_t *poller; /* looks at them */
	int when_polled;     /* enum lm_polling, while the controller is enabled */

	struct nvme_ring shadow, shadow_events;
	uint32_t shadowed[2 * NVME_QUEUES]; /* of the former, the last values */
	uint32_t shadow_idle;               /* looks that found nothing */
	bool shadow_is_armed;               /* the guest rings the real ones */
	uint32_t nr_pairs;                  /* queues above have never been created since reset */

	uint64_t irq_due[2]; /* vectors with completions that were not signalled */
	uint16_t irq_count[NVME_QUEUES];
	uint32_t irq_held; /* > 0: signalled at the end of the turn */
	bool irq_timing;
	lm_timer_t *irq_timer;

	bool is_fresh;    /* the state is another process's: to be gone on with */
	bool is_detached; /* there is no client */
	uint32_t flushes; /* under way, for a shutdown notification */
	uint64_t born_s;
	lm_token_t reset_token;
};

static inline struct nvme_cmd *nvme_cmd_of(lm_nvme_cmd_t *cmd)
{
	return (struct nvme_cmd *)cmd;
}

static inline unsigned int nvme_cmd_way(const struct nvme_cmd *cmd)
{
	return cmd->pub.opcode & 3;
}

static inline bool nvme_is_admin(const struct nvme_cmd *cmd)
{
	return !cmd->pub.sqid;
}

/* The last value of a doorbell that was good. */
static inline uint32_t nvme_doorbell_value(const lm_nvme_t *nvme, uint32_t index)
{
	return index & 1 ? nvme->st->cq[index / 2].head : nvme->st->sq[index / 2].tail;
}

/* Of a ring of @entries, the place after @at. */
static inline uint16_t nvme_next(uint16_t at, uint16_t entries)
{
	return at + 1 == entries ? 0 : (uint16_t)(at + 1);
}

static inline void nvme_bit_set(uint64_t *bits, unsigned int nr, bool on)
{
	if (on)
		bits[nr / 64] |= 1ull << nr % 64;
	else
		bits[nr / 64] &= ~(1ull << nr % 64);
}

static inline bool nvme_bit(const uint64_t *bits, unsigned int nr)
{
	return bits[nr / 64] >> nr % 64 & 1;
}

/* The lowest from @from on; -1: none is. */
static inline int nvme_bit_from(const uint64_t bits[2], int from)
{
	unsigned int i = (unsigned int)from / 64;
	uint64_t word = i < 2 ? bits[i] & ~0ull << from % 64 : 0;

	if (!word && !i)
		word = bits[++i];
	return word ? (int)(64 * i) + __builtin_ctzll(word) : -1;
}

/* ---- nvme_ring.c ----------------------------------------------------------------- */

/* Where its memory is. Nothing is looked up yet. */
void nvme_ring_set(struct nvme_ring *ring, uint64_t addr, uint64_t len);
/* A pointer to all of it, or NULL: it cannot be mapped (now). */
void *nvme_ring_memory(lm_nvme_t *nvme, struct nvme_ring *ring, int prot);
void nvme_ring_release(lm_nvme_t *nvme, struct nvme_ring *ring);
/* The client takes back this memory. */
void nvme_ring_unmap(lm_nvme_t *nvme, struct nvme_ring *ring, uint64_t addr, uint64_t len);

/* ---- nvme_kick.c ----------------------------------------------------------------- */

/* Have nvme->turn called soon. */
void nvme_kick(lm_nvme_t *nvme);

/* ---- nvme_irq.c ------------------------------------------------------------------ */

/* A completion is in the queue of this vector. */
void nvme_irq_raise(lm_nvme_t *nvme, uint16_t cqid);
/* The guest has seen completions, or has masked or unmasked: the level of INTx. */
void nvme_irq_update(lm_nvme_t *nvme);
/* Between these, vectors are signalled once, at the end. */
void nvme_irq_hold(lm_nvme_t *nvme);
void nvme_irq_release(lm_nvme_t *nvme);
void nvme_irq_reset(lm_nvme_t *nvme);
/* Whether completions that another process has made were signalled is not known. */
void nvme_irq_resume(lm_nvme_t *nvme);
/* How many a guest may use: 0-based limits are the caller's. */
uint32_t nvme_irq_vectors(lm_nvme_t *nvme);

/* ---- nvme_bell.c: doorbells that clients map -------------------------------------- */

/* @look: see lm_poller_create(); its argument is the controller. */
int nvme_bell_new(lm_nvme_t *nvme, unsigned int (*look)(void *arg));
void nvme_bell_clear(lm_nvme_t *nvme, uint32_t index);
void nvme_bell_clear_all(lm_nvme_t *nvme);
/* Those of another process: what it has seen is in the state. */
void nvme_bell_resume(lm_nvme_t *nvme);
/* They count now, or not. */
void nvme_bell_watch(lm_nvme_t *nvme);
/* The next one from @index on that has changed; 2 * NVME_QUEUES: none has. */
uint32_t nvme_bell_next(lm_nvme_t *nvme, uint32_t index, uint32_t *value);

/* ---- nvme_shadow.c: doorbells in guest memory -------------------------------------- */

bool nvme_shadow_is_on(const lm_nvme_t *nvme);
/* As nvme_bell_next(). */
uint32_t nvme_shadow_next(lm_nvme_t *nvme, uint32_t index, uint32_t *value);
/* After a look. False: there is to be another one soon. */
bool nvme_shadow_rests(lm_nvme_t *nvme, bool is_busy);
void nvme_shadow_clear(lm_nvme_t *nvme, uint32_t index);
/* What is made of the state. */
void nvme_shadow_resume(lm_nvme_t *nvme);
void nvme_shadow_forget(lm_nvme_t *nvme);
void nvme_shadow_unmap(lm_nvme_t *nvme, uint64_t addr, uint64_t len);
uint16_t nvme_shadow_check(lm_nvme_cmd_t *cmd);
void nvme_shadow_config(lm_nvme_cmd_t *cmd);
void nvme_shadow_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size);

/* ---- nvme_error.c ---------------------------------------------------------------- */

/* Puts a failed command into the error log; the status for its completion. */
uint16_t nvme_error_log(struct nvme_cmd *cmd, uint16_t status);
/* What a transfer of the client's memory that failed is to the guest. */
uint16_t nvme_error_dma(int err);

/* ---- nvme_fault.c ---------------------------------------------------------------- */

/* What is to happen to a command; its dwords may be others afterwards. */
void nvme_fault_ask(struct nvme_cmd *cmd);
/* @then is called after @delay_ns. */
void nvme_fault_hold(struct nvme_cmd *cmd, uint64_t delay_ns, void (*then)(struct nvme_cmd *));
static inline void nvme_fault_wait(struct nvme_cmd *cmd, uint64_t delay_ns,
				   void (*then)(struct nvme_cmd *))
{
	if (delay_ns)
		nvme_fault_hold(cmd, delay_ns, then);
	else
		then(cmd);
}
/* It is held no more, and nothing is called. */
void nvme_fault_let_go(struct nvme_cmd *cmd);
/* The data at hand. */
void nvme_fault_corrupt(struct nvme_cmd *cmd);

/* ---- nvme_range.c, nvme_prp.c, nvme_sgl.c, nvme_data.c --------------------------- */

uint16_t nvme_range_add(struct nvme_data *data, uint64_t addr, uint64_t len);
/* Reads data->list and has data->step look at it, as long as that wants more; then data->done. */
void nvme_list_walk(struct nvme_cmd *cmd);
/* They end by data->done, with data->range describing pub.length bytes. */
void nvme_prp_walk(struct nvme_cmd *cmd);
void nvme_sgl_walk(struct nvme_cmd *cmd);
/* Makes pub.iov of the command's data pointer: @done may be called before this returns. */
void nvme_data_prepare(struct nvme_cmd *cmd, nvme_data_done_t *done);
/* Brings what is not client memory itself there. */
void nvme_data_deliver(struct nvme_cmd *cmd, nvme_data_done_t *done);
void nvme_data_release(struct nvme_cmd *cmd);
/* Commands that waited until less is copied. */
void nvme_data_retry(lm_nvme_t *nvme);

/* ---- nvme_ns.c ------------------------------------------------------------------- */

/* NULL: there is none, or it is leaving. */
struct nvme_ns *nvme_ns_find(const lm_nvme_t *nvme, uint32_t nsid);
/* What is wrong with a namespace that a command names; success: nothing. */
uint16_t nvme_nsid_status(const lm_nvme_t *nvme, uint32_t nsid);
void nvme_ns_get(struct nvme_ns *ns, struct nvme_cmd *cmd);
void nvme_ns_put(struct nvme_cmd *cmd);
void nvme_ns_free(lm_nvme_t *nvme, struct nvme_ns *ns);
/* 4096 bytes of nsids above @after; @csi -1: of all command sets. */
void nvme_ns_list(const lm_nvme_t *nvme, uint32_t after, int csi, uint8_t *page);
void nvme_ns_ids(const lm_nvme_t *nvme, const struct nvme_ns *ns, uint8_t *nguid, uint8_t *eui64);
bool nvme_ns_size_fits(uint64_t size, unsigned int shift);

/* ---- nvme_cmd.c ------------------------------------------------------------------ */

/* NULL: all slots are taken. */
struct nvme_cmd *nvme_cmd_new(lm_nvme_t *nvme, uint16_t sqid);
/* The one of this slot again, after a restart. NULL: out of memory. */
struct nvme_cmd *nvme_cmd_again(lm_nvme_t *nvme, uint16_t nr);
/* Its completion is known; what was done of it counts. */
void nvme_cmd_end(struct nvme_cmd *cmd, uint16_t status);
void nvme_cmd_post(struct nvme_cmd *cmd);
/* Those of this turn. */
void nvme_cmd_post_all(lm_nvme_t *nvme);
/* There may be room in the queue. */
void nvme_cmd_retry(lm_nvme_t *nvme, uint16_t cqid);
/* All commands are cut off; @forget: their slots as well. False: some are not back yet,
 * nvme->drained is called. */
bool nvme_cmd_drop_all(lm_nvme_t *nvme, bool forget);
/* Without a completion. */
void nvme_cmd_drop(struct nvme_cmd *cmd);
void nvme_cmd_free_all(lm_nvme_t *nvme);
void nvme_fatal(lm_nvme_t *nvme, const char *why);
/* A buffer of the handler's that lives as long as the command. NULL: out of memory. */
void *nvme_cmd_aux(struct nvme_cmd *cmd, size_t size);

/* ---- nvme_event.c ---------------------------------------------------------------- */

void nvme_event_raise(lm_nvme_t *nvme, unsigned int type, unsigned int info, unsigned int log);
/* A log page was read: events of its type may come again. */
void nvme_event_unmask(lm_nvme_t *nvme, unsigned int log);
void nvme_event_reset(lm_nvme_t *nvme);
void nvme_event_request(lm_nvme_cmd_t *cmd);
void nvme_event_deliver(lm_nvme_t *nvme);

/* ---- nvme_io.c, nvme_nvm.c ------------------------------------------------------- */

/* One thing for a backend to do; @next hears of its end, at once or later. */
typedef void (*nvme_io_fn)(void *pvt, lm_nvme_io_t *io);
void nvme_io_start(struct nvme_cmd *cmd, nvme_io_fn fn, void (*next)(struct nvme_cmd *, int));
uint16_t nvme_io_status(const struct nvme_cmd *cmd, int result);
/* Several, one after the other: io_step while io_more, until one fails; then io_end. */
void nvme_io_loop(struct nvme_cmd *cmd);
void nvme_io_step(struct nvme_cmd *cmd, nvme_io_fn fn);
/* Zeroes over io.offset, io.length, by what the backend has. */
void nvme_io_zero(struct nvme_cmd *cmd, bool discard, void (*end)(struct nvme_cmd *, int));
void nvme_nvm_identify(const lm_nvme_t *nvme, const struct nvme_ns *ns, uint8_t *page);

/* ---- nvme_op.c ------------------------------------------------------------------- */

const lm_nvme_op_t *nvme_op_find(const lm_nvme_op_t *ops, uint32_t nr, size_t size, uint8_t opcode);
const lm_nvme_op_t *nvme_op_at(const lm_nvme_op_t *ops, size_t size, uint32_t i);

/* ---- commands of the admin queue ------------------------------------------------- */

extern const lm_nvme_op_t nvme_admin_ops[];
extern const uint32_t nvme_nr_admin_ops;
/* Copies @len bytes at @offset of @page to the data of the command, 0 behind its end. */
void nvme_answer(lm_nvme_cmd_t *cmd, const uint8_t *page, uint64_t size, uint64_t offset);

uint16_t nvme_identify_check(lm_nvme_cmd_t *cmd);
void nvme_identify(lm_nvme_cmd_t *cmd);
void nvme_identify_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size);
uint16_t nvme_get_features_check(lm_nvme_cmd_t *cmd);
void nvme_get_features(lm_nvme_cmd_t *cmd);
uint16_t nvme_set_features_check(lm_nvme_cmd_t *cmd);
void nvme_set_features(lm_nvme_cmd_t *cmd);
void nvme_features_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size);
void nvme_feature_reset(lm_nvme_t *nvme);
bool nvme_feature_is_sane(const struct nvme_state *st);
/* Log page 12h: one dword for each. */
void nvme_feature_effects(uint8_t *page);
uint16_t nvme_log_page_check(lm_nvme_cmd_t *cmd);
void nvme_log_page(lm_nvme_cmd_t *cmd);
void nvme_log_page_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size);
uint16_t nvme_create_cq_check(lm_nvme_cmd_t *cmd);
void nvme_create_cq(lm_nvme_cmd_t *cmd);
uint16_t nvme_create_sq_check(lm_nvme_cmd_t *cmd);
void nvme_create_sq(lm_nvme_cmd_t *cmd);
uint16_t nvme_delete_cq_check(lm_nvme_cmd_t *cmd);
void nvme_delete_cq(lm_nvme_cmd_t *cmd);
uint16_t nvme_delete_sq_check(lm_nvme_cmd_t *cmd);
void nvme_delete_sq(lm_nvme_cmd_t *cmd);
void nvme_queue_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size);
uint16_t nvme_format_check(lm_nvme_cmd_t *cmd);
void nvme_format(lm_nvme_cmd_t *cmd);
void nvme_format_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size);

/* ---- nvme_queue.c ---------------------------------------------------------------- */

/* Queues that the state has: what is made of them. */
void nvme_queue_sq(lm_nvme_t *nvme, uint16_t id);
void nvme_queue_cq(lm_nvme_t *nvme, uint16_t id);
/* Of all of them, nothing is left of what was made; or of the state either. */
void nvme_queue_forget(lm_nvme_t *nvme);
void nvme_queue_reset(lm_nvme_t *nvme);
/* Whether what the state says of queues can be. */
bool nvme_queue_is_sane(const struct nvme_state *st);

/* ---- nvme_exec.c, nvme_turn.c ---------------------------------------------------- */

/* A command that was read: from its checks to its end. */
void nvme_exec(struct nvme_cmd *cmd);
/* Reads it first, from entry slot->index of its queue. */
void nvme_fetch(struct nvme_cmd *cmd);
/* A doorbell was written: number @index, in the order of the specification. */
void nvme_doorbell(lm_nvme_t *nvme, uint32_t index, uint32_t value);
/* Serve what is there, up to a bound. How many commands were begun. */
unsigned int nvme_turn(lm_nvme_t *nvme);
/* Look at mapped doorbells first. How many have changed, and commands were begun. */
unsigned int nvme_look(void *nvme);

/* ---- nvme_ctrl.c ----------------------------------------------------------------- */

void nvme_ctrl_write_cc(lm_nvme_t *nvme, uint32_t cc);
void nvme_ctrl_power_on(lm_nvme_t *nvme);
/* 0; -EINVAL: the state is none. */
int nvme_ctrl_check(const lm_nvme_t *nvme);
void nvme_ctrl_resume(lm_nvme_t *nvme);
void nvme_ctrl_drained(lm_nvme_t *nvme);
uint64_t nvme_ctrl_cap(const lm_nvme_t *nvme);

/* Base 3.1.3.6: commands are taken. */
static inline bool nvme_is_ready(const lm_nvme_t *nvme)
{
	return (nvme->st->csts & (NVME_CSTS_RDY | NVME_CSTS_CFS)) == NVME_CSTS_RDY &&
	       nvme->st->cc & NVME_CC_EN;
}

#endif /* LM_NVME_INTERNAL_H */
