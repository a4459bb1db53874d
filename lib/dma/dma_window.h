/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_window.h - what the files of DMA share: the windows, the memory behind them, revocation.
 *
 * A window is an entry of the table; the memory behind it is a backing, which many
 * windows share. Everything here belongs to the thread that serves the context, but for
 * struct sigbus_range, which any thread's SIGBUS handler reads and marks.
 */
#ifndef LM_DMA_WINDOW_H
#define LM_DMA_WINDOW_H

#include "base/sigbus.h"
#include "defer/defer.h"
#include "dma/dma.h"
#include "dma/dma_table.h"

/* ---- dma_file.c: the memory behind windows --------------------------------------- */

/* Bytes of a client's memory that we map, an eighth of the address space: else -ENOMEM. */
#define DMA_MAPPED_MAX (1ull << 44)

enum dma_kind {
	DMA_MAPPED,  /* at base */
	DMA_FILE,    /* by pread(2) and pwrite(2) on fd */
	DMA_MESSAGE, /* by commands to the client */
};

struct dma_backing {
	enum dma_kind kind;
	uint32_t prot;  /* of every window of it */
	char *base;     /* DMA_MAPPED: where byte @start of the file is; */
	uint64_t start; /* bytes [start, start + length) are mapped */
	uint64_t length;
	struct sigbus_range *range; /* NULL: not guarded */
	int fd;                     /* DMA_FILE, or keeps_fds; else -1 */
	uint32_t index;
	uint64_t windows; /* how many use it */
	dev_t dev;
	ino_t ino;
	bool keeps_fd;            /* it counts */
	bool is_shared;           /* for other windows of the file to find */
	bool is_piece;            /* of the host's address space ... */
	bool has_files;           /* ... over which files were mapped */
	struct dma_backing *next; /* of the same file, mostly */
};

/* All backings by index: windows have no room for a pointer. */
union dma_backing_ref {
	struct dma_backing *backing;
	uint64_t next_free; /* index plus one; 0: none */
};

struct dma_backings {
	union dma_backing_ref *at;
	uint32_t nr, cap;
	uint64_t free;
	uint32_t nr_fds, nr_mappings;
	uint64_t mapped;        /* bytes */
	struct dma_table files; /* those that are shared, by device and inode */
};

/* Finds or makes the backing of a valid window; one more window uses it. w->fd is the
 * backing's if (*b)->fd == w->fd, else still the caller's. */
int dma_backing_get(struct lm_ctx *ctx, const struct dma_window *w, struct dma_backing **b);
void dma_backing_put(struct dma_backings *bs, struct dma_backing *b);
/* No window finds it any more. */
void dma_backing_unshare(struct dma_backings *bs, struct dma_backing *b);
/* Pointers into a window stay valid, but show this part of the client's memory no more. */
void dma_backing_scratch(struct dma *dma, const struct dma_slot *slot, uint64_t addr,
			 uint64_t size);

/* ---- dma_share.c: what a client may take of the process -------------------------- */

struct dma_limit {
	const char *name;
	uint64_t value;
};

void dma_share_join(void); /* one device more in this process ... */
void dma_share_leave(void);
/* ... and its client, which has @nr of them, may have one more; else *limit is why not. */
bool dma_share_of_mappings(uint32_t nr, struct dma_limit *limit);
bool dma_share_of_fds(uint32_t nr, struct dma_limit *limit); /* those that are kept */

/* ---- dma_resolve.c: windows that the host has ---------------------------------- */

/* Addresses in one mapping: entries end there, so it is as large as can be had. */
#define DMA_PIECE (sizeof(void *) == 8 ? 1ull << 36 : 1ull << 26)

/* @addr is in no window: make one that has it, and what it can of the @len bytes. -ENOENT. */
int dma_resolve(struct lm_ctx *ctx, uint64_t addr, uint64_t len);

/* ---- dma_merge.c: no seams between windows -------------------------------------- */

/* @w, whose memory is @b and which is in no window yet, becomes part of one next to it. */
bool dma_merge(struct dma *dma, const struct dma_window *w, struct dma_backing *b);
/* The generation of the window that entries of this one belong to now. */
uint64_t dma_alias(const struct dma *dma, uint64_t generation);
/* The window of a scatter entry; false: it is stale. */
bool dma_sg_find(const struct dma *dma, const dma_sg_t *sg, struct dma_pos *p);
void dma_aliases_drop(struct dma *dma, uint64_t generation); /* that window is there no more */

/* ---- dma.c, dma_revoke.c, dma_sg.c ----------------------------------------------- */

/* The window of the last lookup: all that most lookups need. Places in the table move
 * when it changes: then it is forgotten. Small members stand between those that change
 * together, because compilers join neighbours into vectors, which is slower. */
struct dma_last {
	uint64_t addr;
	uint32_t at, nr;      /* which of how many in the chunk */
	uint64_t size;        /* 0: none */
	uint32_t backing;     /* its index, and what is worth knowing of it: */
	uint32_t denied_prot; /* PROT_* that lm_map_sg() does not give */
	uint64_t generation;
	uintptr_t start;                     /* byte 0 of the file would be here */
	struct dma_slot *slot;               /* never NULL */
	char *base;                          /* where byte @addr is */
	const _Atomic(uint64_t) *stale_flag; /* not 0: lm_map_sg() has to look closer */
	uintptr_t place;                     /* of the chunk, as scatter entries have it */
	struct dma_chunk *chunk;
};

/* A dma_unmap callback that answers later. */
struct dma_wait {
	struct deferral defer;
	struct dma_wait *prev, *next;
};

enum revoke_step {
	REVOKE_NONE,
	REVOKE_MARK,
	REVOKE_NOTIFY,
	REVOKE_WAIT, /* until nothing is held or deferred any more */
	REVOKE_SWEEP,
};

/* The one DMA_UNMAP that is going on, or the end of a client. Ranges have both ends included. */
struct dma_revoke {
	enum revoke_step step;
	bool is_notifying;   /* callbacks run */
	bool is_final;       /* nobody waits for the answer, nor does it wait for anybody */
	uint64_t addr, last; /* the range of windows ... */
	uint64_t next;       /* ... and where this step of it goes on */
	uint64_t gone_first, gone_last;         /* what the client has no more */
	uint64_t notified_first, notified_last; /* what the device knows of already */
	uint64_t held;                          /* windows that are marked, with pointers out */
	uint64_t deferred;                      /* callbacks that answer later: */
	struct dma_wait *waits;
	struct dma_wait *spare;
};

struct dma {
	struct dma_last last;
	struct dma_last no_last;  /* stays so: no window is in it */
	struct dma_slot no_slot;  /* of the last window, when there is none */
	struct dma_table windows; /* by address; also those being revoked */
	struct dma_table orphans; /* by generation: held, the client disconnected */
	struct dma_table aliases; /* by generation: of windows that others took in */
	struct dma_backings backings;
	struct dma_revoke revoke;
	uint64_t max_windows;
	uint64_t generation;
	struct dma_table bounces;  /* by address: copies that stand for pointers */
	struct dma_transfer *held; /* by taps */
	const struct dma_peer *peer;
	bool is_off;        /* no lookups, no copies: bus mastering is off */
	bool keeps_fds;     /* dma_keep_fds() */
	bool bounces_on;    /* a tap needs all bytes */
	bool broken_warned; /* that memory vanished was logged */
	bool slow_warned;   /* that a file cannot be mapped was logged */
	bool full_warned;   /* that no more can be mapped was logged */
};

static inline struct dma_backing *dma_slot_backing(const struct dma *dma,
						   const struct dma_slot *slot)
{
	return dma->backings.at[slot->backing & ~DMA_REVOKING].backing;
}

/* Windows go, and nobody waits for anybody. */
static inline bool dma_is_leaving(const struct dma *dma)
{
	return dma->revoke.step != REVOKE_NONE && dma->revoke.is_final;
}

/* Positions have moved, or windows are not to be found any more. */
static inline void dma_forget_last(struct dma *dma)
{
	dma->last = (struct dma_last){ .slot = &dma->no_slot, .backing = DMA_REVOKING };
}

/* Lookups may use the last window unless something has to be looked at each time: several threads
 * would tread on each other's. */
static inline void dma_choose_last(struct lm_ctx *ctx)
{
	struct dma *dma = ctx->dma;
	const bool looks = ctx->threads || dma->is_off || dma->bounces_on || dma->bounces.count;

	ctx->last = looks ? &dma->no_last : &dma->last;
}

/* Some of the window is scratch memory. */
static inline bool dma_is_broken(const struct dma_backing *b, const struct dma_slot *slot)
{
	return sigbus_is_broken(b->range, slot->offset - b->start, slot->size);
}

/* The part of a range, from its first byte on, that is in one window. -EINVAL: it has no byte, or
 * wraps; else as lm_addr_to_sg(). By who holds the lock of the context. */
int dma_piece(struct lm_ctx *ctx, uint64_t addr, uint64_t len, dma_sg_t *sg);

/* ---- dma_copy.c, dma_bounce.c: what taps see ------------------------------------- */

struct dma_bounce_copy {
	const dma_sg_t *sg;
	bool is_write, crosses;
	char *data;
};

int dma_bounce_copy(struct lm_ctx *ctx, const struct dma_bounce_copy *bounce);

union dma_value {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	char bytes[8];
};

/* 1, 2, 4 or 8 aligned bytes from or to a union dma_value: see lm_dma_store(). */
int dma_copy_value(struct lm_ctx *ctx, const dma_sg_t *sg, const struct dma_request *rq);
void dma_transfers_cancel(struct lm_ctx *ctx); /* those that are held */
/* Instead of the pointer that lm_map_sg() would give: it is held as well. */
int dma_bounce_new(struct lm_ctx *ctx, int prot, const dma_sg_t *sg, struct iovec *iov);
/* If it is one. @was_out: the device had it, and what it wrote there is the client's. */
void dma_bounce_end(struct lm_ctx *ctx, const struct iovec *iov, bool was_out);
void dma_bounces_free(struct dma *dma);

/* The last pointer into a window that is being revoked was given back. */
void dma_revoke_released(struct lm_ctx *ctx);
/* One pointer into memory of a client that has left was given back. */
void dma_orphan_release(struct dma *dma, uint64_t generation);
void dma_orphans_free(struct dma *dma);

#endif /* LM_DMA_WINDOW_H */
