/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * list_row.h - a device as a row of "list".
 */
#ifndef MUSCTL_LIST_ROW_H
#define MUSCTL_LIST_ROW_H

#include <stdbool.h>

#include "ui/columns.h"

struct out;

extern const struct column list_columns[];

/* 0, or -errno: why there is none, as it is not there. ended: but one that has ended and has left a
 * log is. */
int list_row_print(struct out *out, const char *uuid, bool ended);

#endif /* MUSCTL_LIST_ROW_H */
