/* SPDX-License-Identifier: BSD-3-Clause */
/* lend.h - memory of all kinds for a hostile client's device, and what its owner does with it. */
#ifndef LEND_H
#define LEND_H

#include <stddef.h>
#include <stdint.h>

enum lent_kind { LENT_OWN, LENT_SHARED, LENT_MEMFD, LENT_ABSENT, LENT_FUSE, LENT_HUGETLB,
		 LENT_HUGE, LENT_OVERLAY, LENT_KINDS, LENT_REGION };

struct lent {
	enum lent_kind kind;
	char *base, *at;     /* all of it; what the device gets */
	size_t length, size; /* of these */
	int fd, uffd;        /* -1: none; a file that may be truncated; what misses its pages */
};

/* Of @size bytes, at most 1 MiB, by a random number; -1: not to be had. */
int lend(struct lent *m, size_t size, uint64_t random);
/* Whether its owner can touch it, and has not to wait for itself. */
int lent_is_present(const struct lent *m);
/* Something that is no system call of VFIO, while it is lent; waits for some milliseconds. */
void lent_change(struct lent *m, uint64_t random);
/* The mapping goes, or the descriptors, or both. */
void lent_unmap(struct lent *m);
void lent_close(struct lent *m);

#endif
