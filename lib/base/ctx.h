/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctx.h - the context: where every part finds its own, and nobody looks into what is not.
 *
 * Parts above this one are pointers that it does not follow.
 */
#ifndef LM_CTX_H
#define LM_CTX_H

#include "base/log.h"
#include "base/loop.h"

struct tap;
struct trace;
struct host;
struct persist;
struct regions;
struct config;
struct irqs;
struct lent_kick;
struct dma;
struct dma_last;
struct threads;
struct control;
struct instance;
struct server;
struct deferral;

/*
 * Work is counted in units of about a microsecond, where it is done: a message or an access, what
 * there is to be copied, vectors, resets, waits. When a client's turn has come to TURN_MAX of it,
 * what is left waits for the next one; and whoever knows what comes next without epoll lets the
 * other sources have a turn.
 */
#define TURN_MAX        1024u
#define DMA_WORK        8u   /* of memory that is mapped or unmapped: system calls, mostly */
#define TURN_OVER       1u   /* what there is has been work */
#define LOOP_LOOK_TURNS 256u /* the same after so many turns in which there was nothing to do */

#define TAPS_MAX 4u /* enum tap_place */

struct lm_ctx {
	lm_dev_info_t info; /* own copy, defaults filled in (info.c) */
	char uuid[37];
	struct loop loop;
	int ended;                    /* -errno once the only client has left */
	bool started;                 /* info.stop is to be called */
	uint32_t reset_reason;        /* of the last one */
	uint64_t session;             /* clients so far */
	const struct host *host;      /* what drives the device has beside messages */
	uint64_t work;                /* done so far ... */
	uint64_t turn_end;            /* ... when a client's turn is over; 0: it is nobody's */
	uint64_t looked;              /* ... when epoll was last asked; BUSY_POLL, exchange */
	struct persist *persist;      /* persist.c; NULL: nothing is */
	struct regions *regions;      /* region.c */
	struct config *config;        /* config.c */
	struct irqs *irqs;            /* irq.c */
	struct lent_kick *lent_kicks; /* kick.c: eventfds that the client was given */
	struct dma *dma;              /* dma.c */
	struct dma_last *last;        /* the same: the last lookup, or one that never hits */
	struct threads *threads;      /* threads.c; NULL: one at a time */
	_Atomic(uint64_t) tapped;     /* gate.c: kinds of crossings that a tap wants ... */
	_Atomic(struct tap *) tap[TAPS_MAX]; /* ... of these; NULL: none is there */
	struct trace *trace;                 /* trace.c; NULL: nobody has traced yet */
	struct control *control;             /* control.c; NULL: LM_DEV_NO_CONTROL */
	struct instance *instance;           /* instance.c; NULL: LM_DEV_NO_CONTROL */
	struct server *server;               /* server.c: listener and client */
	struct log_limits log_limits;        /* log.c */
	uint32_t nr_traps;                   /* trap.c: regions that have some */
	bool traps_due;                      /* the device is to be notified ... */
	uint16_t traps_after;                /* ... after the message without a reply of this id */
	uint64_t turn_ticks;       /* traced: when the last request of this turn ended; or 0 */
	struct deferral *running;  /* requests whose callbacks are running, innermost first */
	struct deferral *deferred; /* requests that wait for lm_complete() */
	lm_token_t last_token;
	/* Given by parts that those below do not know; NULL: nobody wants to hear of it. */
	void (*on_event)(struct lm_ctx *ctx, const char *kind, const char *name,
			 uint64_t value);     /* see ctx_notify() */
	void (*on_traps)(struct lm_ctx *ctx); /* other pages are trapped now */
	void (*on_taps)(struct lm_ctx *ctx);  /* there are others now */
	uint64_t refused;                     /* accesses of clients that failed without an error */
};

/* To whoever listens. @kind: attach, detach, reset, event; @name: of the event, or NULL */
static inline void ctx_notify(struct lm_ctx *ctx, const char *kind, const char *name,
			      uint64_t value)
{
	if (ctx->on_event)
		ctx->on_event(ctx, kind, name, value);
}

/* By the thread that serves the context. */
static inline void work_add(struct lm_ctx *ctx, uint64_t units)
{
	ctx->work += units;
}

/* The state of the context, for calls that may come from a callback on any thread. It nests. */
static inline void ctx_lock(const struct lm_ctx *ctx)
{
	loop_lock(&ctx->loop);
}

static inline void ctx_unlock(const struct lm_ctx *ctx)
{
	loop_unlock(&ctx->loop);
}

#endif /* LM_CTX_H */
