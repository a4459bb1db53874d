/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * color.h - whether to colour, and with what: --color, NO_COLOR, TERM and
 * terminal-colors.d(5).
 */
#ifndef MUSCTL_COLOR_H
#define MUSCTL_COLOR_H

#include <stdbool.h>

#include "ui/out.h"

/* when: "auto", "always", "never", or NULL: auto. Only on terminals, unless "always". */
bool color_wanted(const char *when);

/* The escape sequence of a colour. */
const char *color_sequence(enum color color);

#endif /* MUSCTL_COLOR_H */
