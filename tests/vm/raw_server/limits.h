/* SPDX-License-Identifier: BSD-3-Clause */
/* limits.h - what a server must not get away with: argument structs that are wrong. */
#ifndef LIMITS_H
#define LIMITS_H

/* Each command of a file that was just opened; says what went wrong, and returns whether it did. */
int limits_check(int file);

#endif
