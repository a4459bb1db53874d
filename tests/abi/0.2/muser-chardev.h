/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-chardev.h - character backends as programs of 0.2 see them: a draft, until 0.2 is released.
 *
 * lib/muser-chardev.h without its comments, as it was last looked at. tests/lint/abi.sh reports
 * what differs today.
 */
#ifndef MUSER_CHARDEV_H
#define MUSER_CHARDEV_H

#include <muser.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lm_chardev lm_chardev_t;

#define LM_CHARDEV_SPECS "pty|unix:PATH|file:PATH|stdio|null"

#define LM_CHARDEV_SPEC_MAX 512

typedef struct {
	uint64_t size;
	size_t (*room)(void *pvt);
	void   (*data)(void *pvt, const void *buf, size_t len);
	void   (*writable)(void *pvt);
	void   (*peer)(void *pvt, bool attached);
} lm_chardev_ops_t;

const char *lm_chardev_fault(const char *spec);

int lm_chardev_create(lm_ctx_t *ctx, const char *spec, const lm_chardev_ops_t *ops, void *pvt,
		      lm_chardev_t **chr);

void lm_chardev_destroy(lm_chardev_t *chr);

size_t lm_chardev_write(lm_chardev_t *chr, const void *buf, size_t len);

void lm_chardev_resume(lm_chardev_t *chr);

bool lm_chardev_is_attached(const lm_chardev_t *chr);

const char *lm_chardev_path(const lm_chardev_t *chr);

#ifdef __cplusplus
}
#endif

#endif