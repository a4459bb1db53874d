/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.h - a server that breaks every rule now and then, by a seed; what it reaches is counted,
 * see reach.h.
 */
#ifndef RAW_SERVER_HOSTILE_H
#define RAW_SERVER_HOSTILE_H

#include <stddef.h>
#include <stdint.h>

/* Before the server's file is opened: some of what follows may fail. */
void hostile_open(uint64_t *seed);

/* After MUSER_START: threads that act without an end. */
void hostile_start(uint64_t *seed, int file);

/* A message has come. */
void hostile_message(uint16_t cmd);

/* Reading has failed: the server may have been refused, and does not hold on to its place long. */
void hostile_error(uint64_t *seed);

/* Change replies that are about to be written: SIZE bytes of a buffer of ROOM; the new size. */
size_t hostile_replies(uint64_t *seed, uint8_t *replies, size_t size, size_t room);

/* Some ioctl or mapping of the server's file, or a sudden end. */
void hostile_act(uint64_t *seed, int file);

/* The counts of servers and clients. */
int hostile_print(void);

#endif
