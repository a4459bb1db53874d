/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.h - the vfio-user engine, as those above it see it.
 */
#ifndef LM_SERVER_H
#define LM_SERVER_H

#include "base/ctx.h"

struct client_state { /* for musctl show and traces */
	bool attached;
	pid_t pid;
	uid_t uid;
	uint16_t major, minor;
	uint64_t requests;
};

int server_new(struct lm_ctx *ctx);
int server_start(struct lm_ctx *ctx); /* all is there: clients may come */
void server_hide(struct lm_ctx *ctx); /* nobody finds it any more */
void server_free(struct lm_ctx *ctx);
/* A turn: as lm_ctx_poll(), or as lm_ctx_drive() does them. Between those replies may wait to be
 * sent: until server_exchange_end(). */
int server_turn(struct lm_ctx *ctx, bool may_wait);
void server_exchange_end(struct lm_ctx *ctx);
void server_get_state(const struct lm_ctx *ctx, struct client_state *st);
/* A request of the client has begun, and more of it is to come. */
bool server_is_half_done(const struct lm_ctx *ctx);

/* ---- threads.c: LM_DEV_THREADS --------------------------------------------------- */

int threads_new(struct lm_ctx *ctx);
void threads_free(struct lm_ctx *ctx);
int threads_drive(struct lm_ctx *ctx); /* -ESHUTDOWN: it was stopped */
int threads_poll(struct lm_ctx *ctx);

#endif /* LM_SERVER_H */
