/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gate.h - the one place where device and driver meet, and the taps that watch it.
 *
 * What happens between them is a crossing: an access, a reset, a DMA transfer, an interrupt, a call
 * of a callback. A tap sees it before and after: all of its bytes, and its result; it may change
 * both, answer in the device's place, fail it, drop it, or hold it. Accesses of musctl cross as
 * well; writes to memory that a client has mapped, and those that signal an eventfd in its hands,
 * do not (region/beyond.c). Neither devices nor the protocol know of taps, and without any a
 * crossing costs one branch.
 */
#ifndef LM_GATE_H
#define LM_GATE_H

#include "defer/defer.h"
#include "muser-trace.h"

/* Beside enum lm_trace_kind: callbacks that no record of a trace shows. */
enum gate_call {
	CALL_WRITTEN = 32, /* region offset len */
	CALL_GET,          /* name; data: the value, text with a 0 at its end */
	CALL_SET,          /* the same */
	CALL_SAVE,         /* data, NULL: how much there is; result: bytes */
	CALL_LOAD,         /* data */
	CALL_MAP,          /* region offset len; result: 1, or 0 for no */
};

struct crossing {
	uint8_t kind;     /* enum lm_trace_kind, enum gate_call */
	bool is_const;    /* a tap writes to gate_data(), not to data */
	uint16_t flags;   /* LM_TRACE_* */
	uint32_t region;  /* or index of interrupts */
	uint64_t offset;  /* or address, or vector */
	uint64_t len;     /* bytes, or a count */
	char *data;       /* @len bytes of an access or a transfer, else NULL */
	uint64_t value;   /* what there is without bytes, as in records */
	uint32_t aux;     /* the same; of accesses an enum lm_trace_reason */
	const char *name; /* of the event or property; a note's text */
	int64_t result;   /* after: 0 or -errno, but for some kinds */
	uint64_t started; /* trace_tap.c */

	/* The rest is the gate's, and set by whoever crosses. */
	uint32_t seen; /* by the taps of these places; 0: it is over */
	uint8_t at;    /* where it is held: the place of the tap; ... */
	bool is_over;  /* ... after the device had its say, or instead of that */
	char *own;     /* gate_data() */
	struct deferral hold;
	/* It was held and goes on: if it is over, to the end; NULL: it cannot be held. */
	void (*resume)(struct lm_ctx *ctx, struct crossing *x);
	/* What cannot be held is answered, and done later from a copy; NULL: whoever makes it waits
	 * for its end, and so may a tap. */
	void (*redo)(struct lm_ctx *ctx, const struct crossing *x);
};

/* What before() answers, beside LM_DEFER: gate_hold() was called. */
#define TAP_PASS     0 /* on to the next one, at last to the device */
#define TAP_ANSWERED 1 /* result and bytes are the answer: the device does not hear of it */

/*
 * Memory of a tap stays until the context is destroyed: another thread may still be there when it
 * is removed. Both functions are called by the thread that serves, or whose call crosses; for an
 * interrupt under a lock which allows no calls of lm_irq_*().
 */
struct tap {
	uint64_t kinds;   /* 1ull << kind of those that it wants to see */
	bool needs_bytes; /* DMA by pointers, too: they get copies that pass the gate */
	int (*before)(struct tap *tap, struct lm_ctx *ctx, struct crossing *x); /* NULL: pass */
	/* 0, or LM_DEFER. */
	int (*after)(struct tap *tap, struct lm_ctx *ctx, struct crossing *x); /* NULL: 0 */
};

/* From the driver to the device; on the way back the other way round. */
enum tap_place {
	TAP_TRACE,
	TAP_TEST, /* tests/unit/gate_tap.h */
	TAPS_NR,
};
_Static_assert(TAPS_NR <= TAPS_MAX, "room in struct lm_ctx");

/* ---- gate.c: for taps ------------------------------------------------------------ */

void gate_add(struct lm_ctx *ctx, enum tap_place place, struct tap *tap);
void gate_remove(struct lm_ctx *ctx, enum tap_place place);
/* From before() or after(): a token. lm_complete() with it, later, lets the crossing go on, or with
 * an error makes it fail; -ENOENT there: who made it has left. 0: it cannot be held. */
lm_token_t gate_hold(struct lm_ctx *ctx, struct crossing *x);
/* The bytes, to be changed. NULL: no memory. */
char *gate_data(struct crossing *x);

/* ---- gate.c: for those who cross -------------------------------------------------- */

static inline bool gate_is_on(const struct lm_ctx *ctx, unsigned int kind)
{
	return unlikely(atomic_load_explicit(&ctx->tapped, memory_order_acquire) >> kind & 1);
}

bool gate_needs_bytes(const struct lm_ctx *ctx);
/* Before: 0, TAP_ANSWERED (x->result), or LM_DEFER: x->resume() will be called. Only if
 * gate_is_on(). */
int gate_enter(struct lm_ctx *ctx, struct crossing *x);
/* After: 0 or LM_DEFER; x->result may be another one. Only if x->seen. */
int gate_leave(struct lm_ctx *ctx, struct crossing *x);
/* Both, of what has happened already. */
void gate_report(struct lm_ctx *ctx, struct crossing *x);
/* Who made it leaves: if it is not over, it ends with -ECANCELED, whatever taps say. */
void gate_cancel(struct lm_ctx *ctx, struct crossing *x);

/* A guest must not break its VMM, and VMMs take an error for the end of the device: what a guest
 * can cause is answered as on a bus. musctl is notified, and so is a client that asks for a region
 * which is not there: no guest does. */
static inline bool access_is_refused(int64_t result, uint16_t flags, uint32_t reason)
{
	return unlikely(result < 0) && !(flags & LM_TRACE_CONTROL) &&
	       reason != LM_TRACE_REASON_REGION;
}

#endif /* LM_GATE_H */
