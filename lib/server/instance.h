/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance.h - the directory that makes a device visible.
 */
#ifndef LM_INSTANCE_H
#define LM_INSTANCE_H

#include "base/ctx.h"

int instance_new(struct lm_ctx *ctx); /* temporary directory, locked */
/* A listening socket in it; @gid: group plus one. */
int instance_listen(const struct lm_ctx *ctx, const char *file, uint32_t mode, uint32_t gid);
/* Its path once it is published. */
int instance_path(const struct lm_ctx *ctx, const char *file, char *buf, size_t size);
int instance_publish(struct lm_ctx *ctx); /* rename to the UUID; -EEXIST */
void instance_free(struct lm_ctx *ctx);   /* remove it */

#endif /* LM_INSTANCE_H */
