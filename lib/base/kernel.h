/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel.h - system calls that not every libc has a function for: musl lacks these.
 */
#ifndef LM_KERNEL_H
#define LM_KERNEL_H

#include <linux/kcmp.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

/* One read(2) with RWF_* flags, at no offset. */
static inline ssize_t kernel_read(int fd, void *buf, size_t len, int flags)
{
	const struct iovec iov = { buf, len };

	return syscall(SYS_preadv2, fd, &iov, 1L, -1L, -1L, flags);
}

static inline int kernel_close_range(unsigned int first, unsigned int last)
{
	return (int)syscall(SYS_close_range, first, last, 0u);
}

/* One open file by two descriptors of this process; false where the kernel does not tell. */
static inline bool kernel_is_same_file(int a, int b)
{
	const long self = getpid();

	return !syscall(SYS_kcmp, self, self, (long)KCMP_FILE, (long)a, (long)b);
}

#endif /* LM_KERNEL_H */
