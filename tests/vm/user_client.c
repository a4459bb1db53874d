/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * user_client.c - vfio_client over vfio-user: the same commands, another way to the device.
 *
 *	user_client UUID COMMAND...    UUID: the device in $MUSER_RUNTIME_DIR
 *
 * Stands for device.c of vfio_client, whose commands about regions, interrupts and memory it takes
 * as they are. What they ask of VFIO's files is translated here. Refuses memory without a file,
 * and many threads: a vfio-user client has none.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <muser-client.h>

#include "vfio_client/client.h"

enum { REGION_SHIFT = 40 };

static lm_client_t *server;
static const struct client *client;

const struct command load_commands[] = { { 0 } };
const struct command limit_commands[] = { { 0 } };
const struct command storm_commands[] = { { 0 } };
const struct command trick_commands[] = { { 0 } };
const struct command endure_commands[] = { { 0 } };
const struct command hostile_commands[] = { { 0 } };
const struct command victim_commands[] = { { 0 } };
const struct command cdev_commands[] = { { 0 } };
const struct command between_commands[] = { { 0 } };

int device_open(struct client *c, const char *uuid)
{
	const char *folder = getenv("MUSER_RUNTIME_DIR");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/vfio-user.sock", folder ? folder : "/run/muser", uuid);
	c->uuid = uuid;
	client = c;
	return lm_client_connect(path, NULL, &server);
}

void device_close(struct client *c)
{
	lm_client_close(server);
}

/* ---- accesses ------------------------------------------------------------------------ */

static uint32_t index_of(uint64_t place)
{
	return (uint32_t)(place >> REGION_SHIFT);
}

static uint64_t offset_of(uint64_t place)
{
	return place & ((1ull << REGION_SHIFT) - 1);
}

ssize_t device_read(struct client *c, void *buffer, size_t count, uint64_t place)
{
	int ret = lm_client_region_read(server, index_of(place), offset_of(place), buffer, count);

	return ret ? ret : (ssize_t)count;
}

ssize_t device_write(struct client *c, const void *buffer, size_t count, uint64_t place)
{
	int ret = lm_client_region_write(server, index_of(place), offset_of(place), buffer, count);

	return ret ? ret : (ssize_t)count;
}

/* The part must be in one area. */
static int map_area(const lm_client_region_t *region, uint64_t offset, size_t size, int prot,
		    char **address)
{
	lm_client_area_t area;
	uint32_t i;

	for (i = 0; !lm_client_region_area(region, i, &area); i++) {
		if (offset < area.offset || offset - area.offset > area.size ||
		    size > area.size - (offset - area.offset))
			continue;
		*address = mmap(NULL, size, prot, MAP_SHARED, area.fd,
				(off_t)(area.fd_offset + offset - area.offset));
		return *address == MAP_FAILED ? -errno : 0;
	}
	return -EINVAL;
}

int device_map(struct client *c, uint64_t place, size_t size, int prot, char **address)
{
	lm_client_region_t region;
	int ret = lm_client_region_info(server, index_of(place), &region);

	if (ret)
		return ret;
	ret = map_area(&region, offset_of(place), size, prot, address);
	lm_client_region_free(&region);
	return ret;
}

/* ---- what is asked of the device's file ---------------------------------------------- */

static int get_region(struct vfio_region_info *info)
{
	uint32_t room = info->argsz;
	lm_client_region_t region;
	int ret = lm_client_region_info(server, info->index, &region);

	if (ret)
		return ret;
	memcpy(info, region.info, room < region.info->argsz ? room : region.info->argsz);
	info->offset = (uint64_t)info->index << REGION_SHIFT;
	lm_client_region_free(&region);
	return 0;
}

static int set_irqs(const struct vfio_irq_set *from)
{
	lm_client_irq_set_t set = {
		.flags = from->flags, .index = from->index, .start = from->start,
		.count = from->count,
	};
	int fds[MAX_VECTORS];

	if (from->flags & VFIO_IRQ_SET_DATA_BOOL)
		set.bools = from->data;
	if (from->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		if (from->count > MAX_VECTORS)
			return -EINVAL;
		memcpy(fds, from->data, from->count * sizeof(*fds));
		set.fds = fds;
	}
	return lm_client_set_irqs(server, &set);
}

/* dma.c remembers the memory before it maps it. */
static int map_memory(const struct vfio_iommu_type1_dma_map *from)
{
	lm_client_dma_map_t map = {
		.addr = from->iova, .size = from->size, .fd = -1,
		.flags = (from->flags & VFIO_DMA_MAP_FLAG_READ ? LM_CLIENT_DMA_READ : 0) |
			 (from->flags & VFIO_DMA_MAP_FLAG_WRITE ? LM_CLIENT_DMA_WRITE : 0),
	};
	size_t i;

	for (i = 0; i < MAX_MEMORY; i++)
		if ((uintptr_t)client->memory[i].address == from->vaddr)
			map.fd = client->memory[i].fd;
	return map.fd < 0 ? -EOPNOTSUPP : lm_client_dma_map(server, &map);
}

static int unmap_memory(const struct vfio_iommu_type1_dma_unmap *from)
{
	return lm_client_dma_unmap(server, from->iova, from->size);
}

int xioctl(int fd, unsigned long request, void *arg)
{
	struct vfio_irq_info *irq = arg;

	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		return lm_client_device_info(server, arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return lm_client_irq_info(server, irq->index, irq);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(arg);
	case VFIO_DEVICE_RESET:
		return lm_client_device_reset(server);
	case VFIO_IOMMU_MAP_DMA:
		return map_memory(arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_memory(arg);
	}
	return -ENOTTY;
}

static int run_info(struct client *c, int argc, char **argv)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int ret = xioctl(0, VFIO_DEVICE_GET_INFO, &info);

	if (ret < 0)
		return ret;
	printf("%s%sregions=%u irqs=%u\n", info.flags & VFIO_DEVICE_FLAGS_PCI ? "pci " : "",
	       info.flags & VFIO_DEVICE_FLAGS_RESET ? "reset " : "", info.num_regions,
	       info.num_irqs);
	return 0;
}

static int run_reset(struct client *c, int argc, char **argv)
{
	return xioctl(0, VFIO_DEVICE_RESET, NULL);
}

static int run_say(struct client *c, int argc, char **argv)
{
	printf("%s\n", argv[0]);
	return 0;
}

const struct command device_commands[] = {
	{ "info", "", 0, run_info },
	{ "reset", "", 0, run_reset },
	{ "say", "WORD", 1, run_say },
	{ 0 },
};
