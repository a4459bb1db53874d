/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tricks.c - what clients may do with mappings and limits beside the ioctls of VFIO: some of it
 * must fail, some must do no harm.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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

static int offer(const void *at, size_t size)
{
	struct iovec bytes = { (void *)at, size };
	int fds[2], ret;

	if (pipe(fds))
		return -errno;
	ret = vmsplice(fds[1], &bytes, 1, 0) < 0 ? -errno : 0;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* A reference to its first page, into a pipe. */
static int run_splice(struct client *c, int argc, char **argv)
{
	struct mapping *m = find(c, argv[0]);

	return m ? offer(m->address, 4096) : -EPROTO;
}

/* Its first bytes as a debugger reads and writes them. */
static int run_debug(struct client *c, int argc, char **argv)
{
	struct mapping *m = find(c, argv[0]);
	uint64_t old = 0, new;
	int fd, ret = 0;

	if (!m || number(argv[1], &new))
		return -EPROTO;
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &old, sizeof(old), (off_t)m->address) != sizeof(old) ||
	    pwrite(fd, &new, sizeof(new), (off_t)m->address) != sizeof(new))
		ret = -errno;
	close(fd);
	if (!ret)
		printf("0x%016llx\n", (unsigned long long)old);
	return ret;
}

/* Where huge pages could be, which are asked for. */
static int run_huge(struct client *c, int argc, char **argv)
{
	const uintptr_t huge = 2 << 20;
	struct mapping *m = find(c, argv[0]);
	uintptr_t at;
	char *room;

	if (!m)
		return -EPROTO;
	room = mmap(NULL, m->size + 2 * huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return -errno;
	at = ((uintptr_t)room + huge - 1) / huge * huge + m->offset % huge;
	if (mremap(m->address, m->size, m->size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED)
		return -errno;
	m->address = (char *)at;
	madvise(m->address, m->size, MADV_HUGEPAGE); /* which may be refused */
	return 0;
}

/* A byte each so many. */
static int run_touch(struct client *c, int argc, char **argv)
{
	struct mapping *m = find(c, argv[0]);
	uint64_t step, at;

	if (!m || number(argv[1], &step) || !step)
		return -EPROTO;
	for (at = 0; at < m->size; at += step)
		m->address[at] = 1;
	return 0;
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

/* When a process dies, its files are closed in the order of their descriptors. */
static int run_descriptor(struct client *c, int argc, char **argv)
{
	uint64_t nr;
	int fd;

	if (number(argv[0], &nr))
		return -EPROTO;
	fd = fcntl(c->device, F_DUPFD_CLOEXEC, (int)nr);
	if (fd < 0)
		return -errno;
	close(c->device);
	c->device = fd;
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
	{ "splice", "REGION: vmsplice of its first page", 1, run_splice },
	{ "debug", "REGION VALUE: by /proc/self/mem: 8 bytes, and new ones", 2, run_debug },
	{ "huge", "REGION: aligned for huge pages, which are asked for", 1, run_huge },
	{ "touch", "REGION STEP: write a byte each so many", 2, run_touch },
	{ "shut", "close the device, keep mappings", 0, run_shut },
	{ "descriptor", "NUMBER: of the device, or more", 1, run_descriptor },
	{ "mapregion", "REGION IOVA: its mapping as DMA memory", 2, run_map_region },
	{ "memlock", "BYTES: lock no more than that", 1, run_memlock },
	{ 0 },
};
