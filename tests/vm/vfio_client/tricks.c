/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tricks.c - what clients may do with mappings and limits beside the ioctls of VFIO: some of it
 * must fail, some must do no harm.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "client.h"

static struct mapping *find(struct client *c, const char *word)
{
	uint32_t index;

	if (region_index(word, &index) || index >= MAX_REGIONS || !c->mapping[index].address) {
		unexpected("%s: not mapped", word);
		return NULL;
	}
	return &c->mapping[index];
}

/* A page more than was mapped. */
static int run_stretch(struct client *c, int argc, char **argv)
{
	struct mapping *m = find(c, argv[0]);
	void *address;

	if (!m)
		return -EPROTO;
	address = mremap(m->address, m->size, m->size + 4096, MREMAP_MAYMOVE);
	return address == MAP_FAILED ? -errno : 0;
}

/* Another page of the file, in place of the first one. */
static int run_shift(struct client *c, int argc, char **argv)
{
	struct mapping *m = find(c, argv[0]);
	uint64_t page;

	if (!m || number(argv[1], &page))
		return -EPROTO;
	return syscall(SYS_remap_file_pages, m->address, 4096, 0, page, 0) ? -errno : 0;
}

/* The mapping moves, or a part of it goes: the rest is as before. */
static int run_move(struct client *c, int argc, char **argv)
{
	struct mapping *m = find(c, argv[0]);
	void *address;

	if (!m)
		return -EPROTO;
	address = mmap(NULL, m->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (address == MAP_FAILED)
		return -errno;
	address = mremap(m->address, m->size, m->size, MREMAP_MAYMOVE | MREMAP_FIXED, address);
	if (address == MAP_FAILED)
		return -errno;
	m->address = address;
	return 0;
}

static int run_protect(struct client *c, int argc, char **argv)
{
	struct mapping *m = find(c, argv[0]);
	int prot = PROT_READ | (strchr(argv[1], 'w') ? PROT_WRITE : 0);

	if (!m)
		return -EPROTO;
	return mprotect(m->address, m->size, prot) ? -errno : 0;
}

/* Everything but the mappings. */
static int run_shut(struct client *c, int argc, char **argv)
{
	device_close(c);
	c->device = -1;
	c->group = -1;
	c->container = -1;
	return 0;
}

/* A region's mapping as DMA memory: QEMU maps BARs so, for devices to reach each other. */
static int run_map_region(struct client *c, int argc, char **argv)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
	};
	struct mapping *m = find(c, argv[0]);
	uint64_t iova;
	int ret;

	if (!m || number(argv[1], &iova))
		return -EPROTO;
	dma.vaddr = (uintptr_t)m->address;
	dma.iova = iova;
	dma.size = m->size;
	ret = xioctl(c->container, VFIO_IOMMU_MAP_DMA, &dma);
	return ret < 0 ? ret : 0;
}

/* No right to lock more memory than this. */
static int run_memlock(struct client *c, int argc, char **argv)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	struct rlimit limit;
	uint64_t bytes;

	if (number(argv[0], &bytes))
		return -EPROTO;
	limit.rlim_cur = limit.rlim_max = bytes;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || syscall(SYS_capget, &head, caps))
		return -errno;
	caps[0].effective &= ~(1u << CAP_IPC_LOCK);
	caps[0].permitted &= ~(1u << CAP_IPC_LOCK);
	return syscall(SYS_capset, &head, caps) ? -errno : 0;
}

const struct command trick_commands[] = {
	{ "stretch", "REGION: mremap to a page more", 1, run_stretch },
	{ "shift", "REGION PAGE: remap_file_pages", 2, run_shift },
	{ "move", "REGION: mremap to elsewhere", 1, run_move },
	{ "protect", "REGION r|rw: mprotect", 2, run_protect },
	{ "shut", "close the device, keep mappings", 0, run_shut },
	{ "mapregion", "REGION IOVA: its mapping as DMA memory", 2, run_map_region },
	{ "memlock", "BYTES: lock no more than that", 1, run_memlock },
	{ 0 },
};
