/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mappings.h - a process that has all the mappings that the kernel allows, for tests of what still
 * works then. System calls alone: AddressSanitizer adds mappings to those that it sees, and
 * aborts where there is no room for them. So between fill and unfill nothing is allocated.
 */
#ifndef TEST_MAPPINGS_H
#define TEST_MAPPINGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define FILLER_PAGE 4096ull
#define FILLER_STEP (2 * FILLER_PAGE)
#define FILLER_SIZE (FILLER_STEP << 21)

/* No mapping can be split any more. */
static inline char *mappings_fill(void)
{
	const long at = syscall(SYS_mmap, NULL, FILLER_SIZE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t off;

	assert_true(at > 0);
	for (off = 0; off < FILLER_SIZE; off += FILLER_STEP) {
		if (syscall(SYS_mprotect, at + off, FILLER_PAGE, PROT_READ))
			break;
	}
	assert_true(off < FILLER_SIZE);
	return (char *)at;
}

/* The kernel allows one mapping more than it allows splits to make; after it none at all, not even
 * in the place of another. False: even this one was too many. */
static inline bool mappings_fill_last(long *last)
{
	*last = syscall(SYS_mmap, NULL, FILLER_PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return *last > 0;
}

static inline void mappings_unfill(char *filler, long last)
{
	if (last > 0)
		syscall(SYS_munmap, last, FILLER_PAGE);
	syscall(SYS_munmap, filler, FILLER_SIZE);
}

#endif /* TEST_MAPPINGS_H */
