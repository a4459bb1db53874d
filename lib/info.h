/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * info.h - descriptions, and what only the whole context knows.
 */
#ifndef LM_INFO_H
#define LM_INFO_H

#include "base/ctx.h"

/* ---- info.c: validates and copies a description ---------------------------------- */

int info_copy(lm_dev_info_t *to, const lm_dev_info_t *from, size_t size);
void info_free(lm_dev_info_t *info);

/* ---- info_check.c ---------------------------------------------------------------- */

int info_check_props(const lm_dev_info_t *info); /* -EINVAL, the cause logged */
int info_check(const lm_dev_info_t *info);       /* all else; the same */

/* ---- ctx.c ----------------------------------------------------------------------- */

/* Some request runs or waits, whoever made it: the state of the device is between two. */
bool ctx_is_half_done(const struct lm_ctx *ctx);

#endif /* LM_INFO_H */
