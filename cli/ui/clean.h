/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clean.h - text of devices and files on its way to a terminal.
 */
#ifndef MUSCTL_CLEAN_H
#define MUSCTL_CLEAN_H

/* Each character that controls a terminal becomes '?', and each that turns the direction of the
 * text around it, so that a line does not look like another one. */
void clean(char *text);
/* The latter alone: of text whose control characters are spelt out later. */
void clean_directions(char *text);

#endif /* MUSCTL_CLEAN_H */
