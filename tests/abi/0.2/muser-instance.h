/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-instance.h - finding devices as programs of 0.2 see it: a draft, until 0.2 is released.
 *
 * lib/muser-instance.h without its comments, as it was last looked at. tests/lint/abi.sh reports
 * what differs today.
 */
#ifndef MUSER_INSTANCE_H
#define MUSER_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

int lm_runtime_dir(char *buf, size_t size);

typedef int (lm_instance_fn_t)(void *arg, const char *uuid, bool alive);

int lm_instance_list(lm_instance_fn_t *fn, void *arg);

int lm_instance_connect(const char *uuid, const char *file, int *fd);

int lm_instance_label(const char *uuid, const char *label, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
