/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lend.c - see lend.h. $HOSTILE_OVERLAY names a file of overlayfs, $HOSTILE_FUSE one of FUSE,
 * which fuse_file serves. Nobody here touches memory that may not be there.
 */
#include "lend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE_PAGE (2ul << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static int set(struct lent *m, void *at)
{
	m->base = m->at = at;
	m->length = m->size;
	return at == MAP_FAILED ? -1 : 0;
}

static int map(struct lent *m, int flags)
{
	return set(m, mmap(NULL, m->size, PROT_READ | PROT_WRITE,
			   flags | (m->fd < 0 ? MAP_ANONYMOUS : 0), m->fd, 0));
}

static int map_memfd(struct lent *m, size_t size)
{
	m->fd = memfd_create("memory", MFD_CLOEXEC);
	return m->fd < 0 || ftruncate(m->fd, size) ? -1 : map(m, MAP_SHARED);
}

static int map_overlay(struct lent *m)
{
	const char *path = getenv("HOSTILE_OVERLAY");

	m->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	return m->fd < 0 || ftruncate(m->fd, m->size) ? -1 : map(m, MAP_SHARED);
}

/*
 * Not to be written, or a private copy: the kernel complains of a page that VFIO makes dirty when
 * nobody has the file open any more.
 */
static int map_fuse(struct lent *m, uint64_t random)
{
	const char *path = getenv("HOSTILE_FUSE");
	const int is_private = random & 1;
	const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return -1;
	set(m, mmap(NULL, m->size, PROT_READ | (is_private ? PROT_WRITE : 0),
		    is_private ? MAP_PRIVATE : MAP_SHARED, fd, (random >> 1 & 7) * m->size));
	close(fd);
	return m->base == MAP_FAILED ? -1 : 0;
}

static int map_absent(struct lent *m, uint64_t random)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (random & 1 ? map_memfd(m, m->size) : map(m, MAP_PRIVATE))
		return -1;
	range.range = (struct uffdio_range){ (uintptr_t)m->base, m->length };
	m->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	return m->uffd < 0 || ioctl(m->uffd, UFFDIO_API, &api) ||
	       ioctl(m->uffd, UFFDIO_REGISTER, &range) ? -1 : 0;
}

/* A part of a huge page. */
static void take_part(struct lent *m, uintptr_t page, uint64_t random)
{
	m->at = (char *)page + (random >> 8) % (HUGE_PAGE / m->size) * m->size;
}

static int map_hugetlb(struct lent *m, uint64_t random)
{
	m->length = HUGE_PAGE;
	m->base = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_HUGETLB | MAP_ANONYMOUS |
		       (random & 1 ? MAP_SHARED : MAP_PRIVATE), -1, 0);
	take_part(m, (uintptr_t)m->base, random);
	return m->base == MAP_FAILED ? -1 : 0;
}

static void collapse(const struct lent *m)
{
	const uintptr_t page = (uintptr_t)m->at & ~(HUGE_PAGE - 1);

	madvise((void *)page, HUGE_PAGE, MADV_HUGEPAGE);
	madvise((void *)page, HUGE_PAGE, MADV_COLLAPSE);
}

/* Of the client alone, or of a file, at an address where it fits. */
static int map_huge(struct lent *m, uint64_t random)
{
	uintptr_t page;

	m->fd = random & 1 ? memfd_create("huge", MFD_CLOEXEC) : -1;
	if (random & 1 && (m->fd < 0 || ftruncate(m->fd, HUGE_PAGE)))
		return -1;
	m->length = 2 * HUGE_PAGE;
	m->base = mmap(NULL, m->length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	if (m->base == MAP_FAILED)
		return -1;
	page = ((uintptr_t)m->base + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	if (mmap((void *)page, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_FIXED |
		 (m->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), m->fd, 0) == MAP_FAILED)
		return -1;
	take_part(m, page, random);
	*m->at = 1;
	if (random & 2)
		collapse(m);
	return 0;
}

static int map_kind(struct lent *m, uint64_t random)
{
	switch (m->kind) {
	case LENT_OWN: return map(m, MAP_PRIVATE);
	case LENT_SHARED: return map(m, MAP_SHARED);
	case LENT_MEMFD: return map_memfd(m, m->size);
	case LENT_ABSENT: return map_absent(m, random);
	case LENT_FUSE: return map_fuse(m, random);
	case LENT_HUGETLB: return map_hugetlb(m, random);
	case LENT_HUGE: return map_huge(m, random);
	case LENT_OVERLAY: return map_overlay(m);
	default: return -1;
	}
}

int lend(struct lent *m, size_t size, uint64_t random)
{
	*m = (struct lent){ .kind = random % LENT_KINDS, .base = MAP_FAILED, .size = size,
			    .fd = -1, .uffd = -1 };
	if (!map_kind(m, random / LENT_KINDS))
		return 0;
	lent_close(m);
	lent_unmap(m);
	return -1;
}

int lent_is_present(const struct lent *m)
{
	return m->uffd < 0 && m->kind != LENT_FUSE;
}

/* Who waits for its pages waits on for a while. Then they come, or userfaultfd forgets them. */
static void serve_absent(struct lent *m, uint64_t random)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)m->base, m->length } };
	struct pollfd fd = { .fd = m->uffd, .events = POLLIN };

	poll(&fd, 1, random >> 4 & 63);
	if (random & 1)
		poll(NULL, 0, random >> 10 & 255);
	if (random & 2) {
		ioctl(m->uffd, UFFDIO_ZEROPAGE, &zero);
	} else if (random & 4) {
		close(m->uffd);
		m->uffd = -1;
	}
}

void lent_change(struct lent *m, uint64_t random)
{
	const uint64_t how = random >> 16;

	if (m->uffd >= 0) {
		serve_absent(m, how);
		return;
	}
	switch (random % 12) {
	case 0 ... 1:
		if (m->fd >= 0)
			(void)!ftruncate(m->fd, how & 1 ? 0 : 8192);
		break;
	case 2 ... 3:
		if (m->kind == LENT_HUGE)
			collapse(m);
		break;
	case 4: madvise(m->at, m->size, MADV_DONTNEED); break;
	case 5: madvise(m->at, 4096 << (how & 3), MADV_REMOVE); break;
	case 6: (void)!mprotect(m->base, m->length, PROT_NONE); break;
	}
}

void lent_unmap(struct lent *m)
{
	if (m->base != MAP_FAILED)
		munmap(m->base, m->length);
	m->base = MAP_FAILED;
}

void lent_close(struct lent *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->uffd >= 0)
		close(m->uffd);
	m->fd = m->uffd = -1;
}
