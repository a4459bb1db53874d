/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memfd.c - memory to share: a file of a given size that no directory has.
 *
 * Owns what all of it has in common: it costs what is used of it, and it can be sealed. Where
 * RLIMIT_FSIZE forbids the size it is an error, and not the signal (SIGXFSZ) that ends whoever has
 * not thought of it.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/memfd.h"

const char *memory_advice(int error)
{
	switch (error) {
	case -EFBIG: return " (ulimit -f, or LimitFSIZE= of a unit)";
	case -ENOSPC: /* muser.ko */ return " (max_memory of the mdev, see muser(4))";
	default: return "";
	}
}

int memfd_sized(const char *name, uint64_t size)
{
	struct rlimit limit;
	int fd, ret;

	if (getrlimit(RLIMIT_FSIZE, &limit))
		return -errno;
	if (size > INT64_MAX || size > limit.rlim_cur) /* none: the largest number */
		return -EFBIG;
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, (off_t)size))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int memfd_sealed(const char *name, uint64_t size)
{
	const int fd = memfd_sized(name, size);
	int ret;

	if (fd < 0 || !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

bool memfd_is_sealed(int fd)
{
	const int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK);
}

int64_t memfd_solid_size(int fd)
{
	struct statfs fs;
	struct stat st;

	if (!memfd_is_sealed(fd) || fstat(fd, &st) || fstatfs(fd, &fs) || fs.f_type != TMPFS_MAGIC)
		return -1;
	return st.st_size;
}
