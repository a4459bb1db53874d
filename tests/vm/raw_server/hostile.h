/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.h - a server that breaks every rule now and then, by a seed.
 */
#ifndef RAW_SERVER_HOSTILE_H
#define RAW_SERVER_HOSTILE_H

#include <stddef.h>
#include <stdint.h>

/* Change replies that are about to be written: SIZE bytes of a buffer of ROOM; the new size. */
size_t hostile_replies(uint64_t *seed, uint8_t *replies, size_t size, size_t room);

/* Some ioctl or mapping of the server's file, or a sudden end. */
void hostile_act(uint64_t *seed, int file);

#endif
