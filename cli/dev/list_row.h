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

/* None for one that is not there. ended: but one that has ended and has left a log is. */
void list_row_print(struct out *out, const char *uuid, bool ended);

#endif /* MUSCTL_LIST_ROW_H */
