/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma.h - the DMA map, as those above it see it.
 */
#ifndef LM_DMA_H
#define LM_DMA_H

#include "base/ctx.h"

/* What a client can have at a time if it asks for that many: 64 MiB of our memory. */
#define DMA_WINDOWS_MAX (1u << 20)

struct dma_window { /* as a client described it */
	uint64_t addr, size, offset;
	uint32_t prot; /* PROT_READ | PROT_WRITE */
	int fd;        /* -1: none; consumed on success only */
	bool file_io;  /* reach it by pread and pwrite only */
	bool pinned;   /* by the host, which maps it: @offset is its address */
	bool may_join; /* its neighbours: no client gave it these bounds */
};

/* A copy between client memory and ours. */
struct dma_request {
	bool is_write; /* to the client */
	uint64_t addr, len;
	char *data;
};

/* Who has the memory that is reached by message alone, and waits for the end of a DMA_UNMAP. */
struct dma_peer {
	/* done() exactly once if 0 is returned. @request->data must stay until then. */
	int (*copy)(struct lm_ctx *ctx, const struct dma_request *request, lm_dma_done_t *done,
		    void *arg);
	int (*copy_wait)(struct lm_ctx *ctx, const struct dma_request *request);
	/* Where copies take time, or a DMA_UNMAP waits; else NULL. */
	void (*cancel)(struct lm_ctx *ctx, int error); /* copies that have not ended do so now */
	void (*unmapped)(struct lm_ctx *ctx, ssize_t result); /* see dma_unmap() */
};

#define MASTER_OFF (-EHOSTUNREACH) /* what DMA, MSI and MSI-X fail with */

int dma_new(struct lm_ctx *ctx);
void dma_free(struct lm_ctx *ctx);
void dma_limit(struct lm_ctx *ctx, uint64_t max_windows); /* what was negotiated */
/* Memory that is mapped keeps its descriptor as well, one a file: for who is to hand it over.
 * Before the first window. */
void dma_keep_fds(struct lm_ctx *ctx);
void dma_set_peer(struct lm_ctx *ctx, const struct dma_peer *peer);
/* Off: lookups and copies fail with MASTER_OFF, those under way too. */
void dma_set_master(struct lm_ctx *ctx, bool on);
int dma_map(struct lm_ctx *ctx, const struct dma_window *w);
/* 0, -errno, or LM_DEFER: it has to go on in a turn if it is due; else peer->unmapped() is called
 * when all holders have let go, with 0 or with LM_DEFER: it is due. */
int dma_unmap(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all);
int dma_unmap_go_on(struct lm_ctx *ctx); /* in a turn: the same */
bool dma_unmap_is_due(const struct lm_ctx *ctx);
/* The memory is gone already: nobody waits, and pointers that are out show scratch memory. */
int dma_revoked(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all);
void dma_disconnect(struct lm_ctx *ctx);                  /* the client left: revoke everything */
void dma_leave(struct lm_ctx *ctx);                       /* the same begins ... */
bool dma_leave_go_on(struct lm_ctx *ctx, uint64_t until); /* ... and is over, or @until is due */
/* For musctl show. @kind: "mapped", "file", "message", "broken". False ends the walk. */
typedef bool(dma_window_fn)(void *arg, const struct dma_window *w, const char *kind, uint32_t held);
/* In order of address, from the window at or behind @addr on. */
void dma_for_each(struct lm_ctx *ctx, uint64_t addr, dma_window_fn *fn, void *arg);
uint64_t dma_count(const struct lm_ctx *ctx);
uint64_t dma_pointers(const struct lm_ctx *ctx); /* real ones that are out; a walk over all */

#endif /* LM_DMA_H */
