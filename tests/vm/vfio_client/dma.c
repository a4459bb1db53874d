/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma.c - memory that the device may reach: of which kind, mapped and unmapped, what is in it.
 *
 * Memory is known by the address (IOVA) that it was mapped at, in the address space in use, until
 * it is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

#define HUGE_PAGE (2ull << 20)

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Room for a file's mapping, where huge pages fit. */
static void *reserve(size_t size)
{
	char *room = mmap(NULL, size + HUGE_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return room == MAP_FAILED ? NULL : room + (-(uintptr_t)room & (HUGE_PAGE - 1));
}

/* anon, absent, hugetlb (2 MiB pages), memfd, or a file's path: sets address and fd. */
static int allocate(struct memory *m, const char *kind)
{
	int flags = MAP_SHARED | MAP_FIXED;
	void *at = NULL;

	m->fd = -1;
	if (!strcmp(kind, "absent"))
		return absent_allocate(m);
	if (!strcmp(kind, "anon"))
		flags = MAP_PRIVATE | MAP_ANONYMOUS;
	else if (!strcmp(kind, "hugetlb"))
		flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
	else if (!strcmp(kind, "memfd"))
		m->fd = memfd_create("vfio_client", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	else
		m->fd = open(kind, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (!(flags & MAP_ANONYMOUS) && (m->fd < 0 || ftruncate(m->fd, m->size)))
		return -errno;
	if (flags & MAP_FIXED && !(at = reserve(m->size)))
		return -errno;
	m->address = mmap(at, m->size, PROT_READ | PROT_WRITE, flags, m->fd, 0);
	return m->address == MAP_FAILED ? -errno : 0;
}

static void drop(struct memory *m)
{
	munmap(m->address, m->size);
	if (m->fd >= 0)
		close(m->fd);
	memset(m, 0, sizeof(*m));
}

static uint32_t map_flags(int argc, char **argv)
{
	const char *access = argc > 3 ? argv[3] : "rw";

	return (strchr(access, 'r') ? VFIO_DMA_MAP_FLAG_READ : 0) |
	       (strchr(access, 'w') ? VFIO_DMA_MAP_FLAG_WRITE : 0);
}

int memory_map(struct client *c, const struct memory *m, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma),
		.flags = flags,
		.vaddr = (uintptr_t)m->address,
		.iova = m->iova,
		.size = m->size,
	};
	int ret = xioctl(c->container, VFIO_IOMMU_MAP_DMA, &dma);

	return ret < 0 ? ret : 0;
}

int64_t memory_unmap(struct client *c, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap dma = {
		.argsz = sizeof(dma),
		.iova = iova,
		.size = size,
	};
	int ret = xioctl(c->container, VFIO_IOMMU_UNMAP_DMA, &dma);

	return ret < 0 ? ret : (int64_t)dma.size;
}

static int run_map(struct client *c, int argc, char **argv)
{
	struct memory *m = c->memory;
	int ret;

	while (m < c->memory + MAX_MEMORY && m->address)
		m++;
	if (m == c->memory + MAX_MEMORY || number(argv[0], &m->iova) || number(argv[1], &m->size))
		return -EPROTO;
	m->ioas = c->ioas_nr;
	ret = allocate(m, argv[2]);
	if (ret) {
		memset(m, 0, sizeof(*m));
		return ret;
	}
	ret = memory_map(c, m, map_flags(argc, argv));
	if (ret)
		drop(m);
	return ret;
}

struct memory *memory_find(struct client *c, char **argv, char **at, uint64_t *count)
{
	uint64_t iova;
	struct memory *m;

	if (number(argv[0], &iova) || number(argv[1], count))
		return NULL;
	for (m = c->memory; m < c->memory + MAX_MEMORY; m++)
		if (m->address && m->ioas == c->ioas_nr &&
		    iova >= m->iova && iova - m->iova <= m->size &&
		    *count <= m->size - (iova - m->iova)) {
			*at = m->address + (iova - m->iova);
			return m;
		}
	unexpected("%s %s: no such memory", argv[0], argv[1]);
	return NULL;
}

static int run_unmap(struct client *c, int argc, char **argv)
{
	uint64_t iova, size;
	int64_t unmapped;

	if (number(argv[0], &iova) || number(argv[1], &size))
		return -EPROTO;
	unmapped = memory_unmap(c, iova, size);
	if (unmapped < 0)
		return (int)unmapped;
	return unmapped == (int64_t)size ? 0 : unexpected("unmapped %" PRId64 " bytes", unmapped);
}

/* Map memory again that is there, as it was or elsewhere. */
static int run_remap(struct client *c, int argc, char **argv)
{
	struct memory *m;
	uint64_t count;
	char *at;

	m = memory_find(c, argv, &at, &count);
	return m ? memory_map(c, m, MEMORY_RW) : -EPROTO;
}

/* What was one mapping becomes two, side by side. */
static int run_split(struct client *c, int argc, char **argv)
{
	struct memory *m, half;
	uint64_t count;
	char *at;
	int ret;

	m = memory_find(c, argv, &at, &count);
	if (!m)
		return -EPROTO;
	ret = run_unmap(c, argc, argv);
	if (ret)
		return ret;
	half = *m;
	half.size = m->size / 2 & ~4095ull;
	ret = memory_map(c, &half, MEMORY_RW);
	if (ret)
		return ret;
	half.address += half.size;
	half.iova += half.size;
	half.size = m->size - half.size;
	return memory_map(c, &half, MEMORY_RW);
}

/* Pages of one piece of memory, each mapped by itself, STRIDE pages apart. */
static int run_scatter(struct client *c, int argc, char **argv)
{
	struct memory page = { .size = 4096 };
	uint64_t iova, count, stride, i;
	char *all;
	int ret = 0;

	if (number(argv[0], &iova) || number(argv[1], &count) || number(argv[2], &stride))
		return -EPROTO;
	all = mmap(NULL, count * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return -errno;
	for (i = 0; i < count && !ret; i++) {
		page.address = all + i * 4096;
		page.iova = iova + i * stride * 4096;
		ret = memory_map(c, &page, MEMORY_RW);
	}
	return ret;
}

/* ... and unmapped, one by one. */
static int run_gather(struct client *c, int argc, char **argv)
{
	uint64_t iova, count, stride, i;
	int64_t ret = 0;

	if (number(argv[0], &iova) || number(argv[1], &count) || number(argv[2], &stride))
		return -EPROTO;
	for (i = 0; i < count && ret >= 0; i++)
		ret = memory_unmap(c, iova + i * stride * 4096, 4096);
	return ret < 0 ? (int)ret : 0;
}

/* Free the memory whether or not it is mapped, as a careless client does. */
static int run_drop(struct client *c, int argc, char **argv)
{
	char *words[] = { argv[0], (char *)"1" }, *at;
	uint64_t count;
	struct memory *m = memory_find(c, words, &at, &count);

	if (!m)
		return -EPROTO;
	drop(m);
	return 0;
}

/* Take the pages of a file away under its mapping. */
static int run_truncate(struct client *c, int argc, char **argv)
{
	char *words[] = { argv[0], (char *)"1" }, *at;
	uint64_t count;
	struct memory *m = memory_find(c, words, &at, &count);

	if (!m)
		return -EPROTO;
	return ftruncate(m->fd, 0) ? -errno : 0;
}

/* Small pages become huge ones. */
static int run_collapse(struct client *c, int argc, char **argv)
{
	uint64_t count;
	char *at;

	if (!memory_find(c, argv, &at, &count))
		return -EPROTO;
	return madvise(at, count, MADV_COLLAPSE) ? -errno : 0;
}

/*
 * No more writes, as its owner sees to it: by nobody, or by no mapping that is new. For the first,
 * the kernel wants no mapping that writes, and no page that is pinned: there are others, then.
 */
static int run_seal(struct client *c, int argc, char **argv)
{
	char *words[] = { argv[0], (char *)"1" }, *at;
	uint64_t count;
	struct memory *m = memory_find(c, words, &at, &count);

	if (!m)
		return -EPROTO;
	if (!strcmp(argv[1], "future"))
		return fcntl(m->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) ? -errno : 0;
	if (mmap(m->address, m->size, PROT_READ, MAP_PRIVATE | MAP_FIXED, m->fd, 0) == MAP_FAILED ||
	    ftruncate(m->fd, 0) || ftruncate(m->fd, m->size))
		return -errno;
	return fcntl(m->fd, F_ADD_SEALS, F_SEAL_WRITE) ? -errno : 0;
}

/* How many pages of it are there. */
static int run_present(struct client *c, int argc, char **argv)
{
	unsigned char there[512];
	uint64_t count, i, pages = 0;
	char *at;

	if (!memory_find(c, argv, &at, &count) || count > sizeof(there) * 4096)
		return -EPROTO;
	if (mincore(at, count, there))
		return -errno;
	for (i = 0; i < count / 4096; i++)
		pages += there[i] & 1;
	printf("%llu\n", (unsigned long long)pages);
	return 0;
}

static int run_memfill(struct client *c, int argc, char **argv)
{
	uint64_t count, seed, i;
	char *at;

	if (!memory_find(c, argv, &at, &count) || number(argv[2], &seed))
		return -EPROTO;
	for (i = 0; i < count; i++)
		at[i] = pattern(seed, i);
	return 0;
}

static int run_memcheck(struct client *c, int argc, char **argv)
{
	uint64_t count, seed, i;
	char *at;

	if (!memory_find(c, argv, &at, &count) || number(argv[2], &seed))
		return -EPROTO;
	for (i = 0; i < count; i++)
		if ((uint8_t)at[i] != pattern(seed, i))
			return unexpected("byte 0x%llx: 0x%02x instead of 0x%02x",
					  (unsigned long long)i, (uint8_t)at[i],
					  pattern(seed, i));
	return 0;
}

static int run_memread(struct client *c, int argc, char **argv)
{
	uint64_t count, value = 0;
	char *at;

	if (!memory_find(c, argv, &at, &count) || count > sizeof(value))
		return -EPROTO;
	memcpy(&value, at, count);
	printf("0x%0*llx\n", (int)count * 2, (unsigned long long)value);
	return 0;
}

static int run_memwrite(struct client *c, int argc, char **argv)
{
	uint64_t count, value;
	char *at;

	if (!memory_find(c, argv, &at, &count) || count > sizeof(value) || number(argv[2], &value))
		return -EPROTO;
	memcpy(at, &value, count);
	return 0;
}

const struct command dma_commands[] = {
	{ "map", "IOVA SIZE anon|absent|hugetlb|memfd|PATH [r|w|rw]", 3, run_map },
	{ "unmap", "IOVA SIZE", 2, run_unmap },
	{ "remap", "IOVA SIZE: memory that was unmapped", 2, run_remap },
	{ "split", "IOVA SIZE: unmapped, and mapped as two halves", 2, run_split },
	{ "scatter", "IOVA COUNT STRIDE: pages, each mapped by itself", 3, run_scatter },
	{ "gather", "IOVA COUNT STRIDE: and unmapped", 3, run_gather },
	{ "drop", "IOVA: free the memory, mapped or not", 1, run_drop },
	{ "truncate", "IOVA: its file, to nothing", 1, run_truncate },
	{ "collapse", "IOVA SIZE: into huge pages", 2, run_collapse },
	{ "seal", "IOVA write|future: its file", 2, run_seal },
	{ "present", "IOVA SIZE: pages of it that are there", 2, run_present },
	{ "memfill", "IOVA COUNT SEED", 3, run_memfill },
	{ "memcheck", "IOVA COUNT SEED", 3, run_memcheck },
	{ "memread", "IOVA WIDTH", 2, run_memread },
	{ "memwrite", "IOVA WIDTH VALUE", 3, run_memwrite },
	{ 0 },
};
