/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kick.h - writes that signal an eventfd: descriptions, matching, eventfds for the client.
 */
#ifndef LM_KICK_H
#define LM_KICK_H

#include "region/region.h"

int kick_check(struct lm_ctx *ctx, uint32_t index);        /* -EINVAL, the cause logged */
bool kick_write(const struct region *r, struct access *a); /* true: that was all */
/* The client's own eventfd, borrowed, whose writes reach @device_fd; the same one if it asks again.
 * Or -errno. */
int kick_lend(struct lm_ctx *ctx, int device_fd);
/* Are any of these known to be of that kind? What is written to them kicks the device. */
bool kick_has_lent(const struct lm_ctx *ctx, const int *fds, uint32_t nr);
void kick_disconnect(struct lm_ctx *ctx); /* the client left: its eventfds reach nothing */

#endif /* LM_KICK_H */
