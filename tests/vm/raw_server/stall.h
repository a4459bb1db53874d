/* SPDX-License-Identifier: BSD-3-Clause */
/* stall.h - a server that leaves in the middle of a copy. */
#ifndef STALL_H
#define STALL_H

#include <stddef.h>

/*
 * read(2) of a message, or write(2) of a reply, whose header is there, to or from memory that does
 * not come. When the kernel waits for that, @leave is called, and "left" printed; upon SIGUSR2 the
 * memory goes. Does not return: the status is 0 if the call failed with EFAULT.
 */
void stall_read(int file, void (*leave)(void));
void stall_write(int file, void (*leave)(void), const void *header, size_t header_len, size_t len);

#endif
