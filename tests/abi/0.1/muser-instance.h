/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-instance.h - the finding of devices of libmuser as programs of 0.1.0 see it.
 *
 * Frozen, and never edited: a program that was compiled with it has to run on every later
 * library. What the declarations mean is said in lib/muser-instance.h. tests/lint/abi.sh compares
 * today's headers with this one, tests/cli/abi.bats runs a program that was built with it.
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

#ifdef __cplusplus
}
#endif

#endif
