/* SPDX-License-Identifier: BSD-3-Clause */
/* storm.h - raw_server in a hurry: threads that use the client's memory, or watch their own. */
#ifndef STORM_H
#define STORM_H

#include <stdint.h>

struct storm {
	int file;                /* /dev/muser/UUID */
	uint8_t *memory;         /* client memory as mapped, or BAR2 */
	uint64_t base, size, ms; /* of it, and how long */
	uint64_t *running;       /* counts threads down */
	uint64_t *faults;        /* what went wrong: 0: nothing */
	const uint64_t *on;      /* it is watched until this is 0 */
};

/* Pin, unpin, read, write and copy [base, base + size) of the client's addresses at random. */
int storm_start(const struct storm *s);
/* So many threads copy [base, base + size) of the client's, once; one that fails is a fault. */
int copies_start(const struct storm *s, uint64_t threads);
/* A thread that pins the page at iova again and again, and prints the errno of each try. */
int pins_start(int file, uint64_t iova);
/*
 * Look at pages of space 2 when they are said to be written, until *on is 0. Then what was seen
 * last must be what is there: else a write has been missed.
 */
int watch_start(const struct storm *s);

#endif
