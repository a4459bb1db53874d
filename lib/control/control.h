/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h - the Varlink endpoint.
 */
#ifndef LM_CONTROL_H
#define LM_CONTROL_H

#include "base/ctx.h"

int control_new(struct lm_ctx *ctx); /* listens on the instance's control.sock */
void control_free(struct lm_ctx *ctx);

#endif /* LM_CONTROL_H */
