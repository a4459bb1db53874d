/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region.c - regions: what the device says of them, accesses, mappings.
 *
 * Values are little-endian, printed with as many digits as the access has. Longer accesses than 8
 * bytes take and check a pattern.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

int region_index(const char *word, uint32_t *index)
{
	uint64_t value;

	if (!strncmp(word, "bar", 3) && word[3] >= '0' && word[3] <= '5' && !word[4]) {
		*index = word[3] - '0';
		return 0;
	}
	if (!strcmp(word, "rom") || !strcmp(word, "config")) {
		*index = *word == 'r' ? VFIO_PCI_ROM_REGION_INDEX : VFIO_PCI_CONFIG_REGION_INDEX;
		return 0;
	}
	if (number(word, &value))
		return -EPROTO;
	*index = value;
	return 0;
}

int region_info(struct client *c, uint32_t index, struct vfio_region_info *info, size_t size)
{
	memset(info, 0, size);
	info->argsz = size;
	info->index = index;
	return xioctl(c->device, VFIO_DEVICE_GET_REGION_INFO, info);
}

int region_read(struct client *c, uint32_t index, uint64_t offset, void *buffer, size_t count)
{
	struct vfio_region_info info;
	ssize_t got;
	int ret = region_info(c, index, &info, sizeof(info));

	if (ret < 0)
		return ret;
	got = device_read(c, buffer, count, info.offset + offset);
	if (got < 0)
		return (int)got;
	return (size_t)got == count ? 0 : unexpected("read %zd of %zu bytes", got, count);
}

int region_write(struct client *c, uint32_t index, uint64_t offset, const void *buffer,
		 size_t count)
{
	struct vfio_region_info info;
	ssize_t got;
	int ret = region_info(c, index, &info, sizeof(info));

	if (ret < 0)
		return ret;
	got = device_write(c, buffer, count, info.offset + offset);
	if (got < 0)
		return (int)got;
	return (size_t)got == count ? 0 : unexpected("wrote %zd of %zu bytes", got, count);
}

static void print_areas(const struct vfio_region_info *info)
{
	const char *base = (const char *)info;
	const struct vfio_info_cap_header *cap;
	const struct vfio_region_info_cap_sparse_mmap *sparse;
	uint32_t i, at;

	for (at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0; at;
	     at = cap->next) {
		cap = (const struct vfio_info_cap_header *)(base + at);
		if (cap->id != VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			continue;
		sparse = (const struct vfio_region_info_cap_sparse_mmap *)cap;
		for (i = 0; i < sparse->nr_areas; i++)
			printf(" area=0x%llx+0x%llx", sparse->areas[i].offset,
			       sparse->areas[i].size);
	}
}

static int print_region(struct client *c, uint32_t index)
{
	struct vfio_region_info small, *info;
	int ret = region_info(c, index, &small, sizeof(small));

	if (ret < 0)
		return ret;
	info = calloc(1, small.argsz);
	if (!info)
		return -ENOMEM;
	ret = region_info(c, index, info, small.argsz);
	if (ret >= 0) {
		printf("%u size=0x%llx %s%s%s", index, info->size,
		       info->flags & VFIO_REGION_INFO_FLAG_READ ? "r" : "-",
		       info->flags & VFIO_REGION_INFO_FLAG_WRITE ? "w" : "-",
		       info->flags & VFIO_REGION_INFO_FLAG_MMAP ? "m" : "-");
		print_areas(info);
		printf("\n");
	}
	free(info);
	return ret;
}

static int run_region(struct client *c, int argc, char **argv)
{
	uint32_t index;

	return region_index(argv[0], &index) ? -EPROTO : print_region(c, index);
}

static int run_regions(struct client *c, int argc, char **argv)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t i;
	int ret = xioctl(c->device, VFIO_DEVICE_GET_INFO, &info);

	for (i = 0; ret >= 0 && i < info.num_regions; i++)
		ret = print_region(c, i);
	return ret;
}

/* REGION OFFSET COUNT: what most commands begin with. */
static int place(char **argv, uint32_t *index, uint64_t *offset, uint64_t *count)
{
	if (region_index(argv[0], index) || number(argv[1], offset) || number(argv[2], count))
		return -EPROTO;
	return 0;
}

static int run_read(struct client *c, int argc, char **argv)
{
	uint64_t offset, count, value = 0;
	uint32_t index;
	int ret;

	if (place(argv, &index, &offset, &count) || count > sizeof(value))
		return -EPROTO;
	ret = region_read(c, index, offset, &value, count);
	if (ret)
		return ret;
	printf("0x%0*llx\n", (int)count * 2, (unsigned long long)value);
	return 0;
}

static int run_write(struct client *c, int argc, char **argv)
{
	uint64_t offset, count, value;
	uint32_t index;

	if (place(argv, &index, &offset, &count) || number(argv[3], &value) ||
	    count > sizeof(value))
		return -EPROTO;
	return region_write(c, index, offset, &value, count);
}

/* One access of any length; fill writes a pattern, check reads and compares. */
static int access_pattern(struct client *c, char **argv, int is_write)
{
	uint64_t offset, count, seed, i;
	uint32_t index;
	uint8_t *bytes;
	int ret;

	if (place(argv, &index, &offset, &count) || number(argv[3], &seed))
		return -EPROTO;
	bytes = calloc(1, count + 1);
	if (!bytes)
		return -ENOMEM;
	for (i = 0; is_write && i < count; i++)
		bytes[i] = pattern(seed, offset + i);
	ret = is_write ? region_write(c, index, offset, bytes, count) :
			 region_read(c, index, offset, bytes, count);
	for (i = 0; !ret && i < count; i++)
		if (bytes[i] != pattern(seed, offset + i))
			ret = unexpected("offset 0x%llx: 0x%02x instead of 0x%02x",
					 (unsigned long long)(offset + i), bytes[i],
					 pattern(seed, offset + i));
	free(bytes);
	return ret;
}

static int run_fill(struct client *c, int argc, char **argv)
{
	return access_pattern(c, argv, 1);
}

static int run_check(struct client *c, int argc, char **argv)
{
	return access_pattern(c, argv, 0);
}

/* Data that the process does not have: the kernel must say so, and nothing more. */
static int run_bad_buffer(struct client *c, int argc, char **argv)
{
	uint64_t offset, count;
	uint32_t index;

	if (place(argv, &index, &offset, &count))
		return -EPROTO;
	return strcmp(argv[3], "write") ? region_read(c, index, offset, (void *)8, count) :
					  region_write(c, index, offset, (void *)8, count);
}

static int run_mmap(struct client *c, int argc, char **argv)
{
	struct vfio_region_info info;
	struct mapping *mapping;
	uint64_t offset, size;
	uint32_t index;
	char *address;
	int ret, prot = PROT_READ | (argc > 3 && !strcmp(argv[3], "r") ? 0 : PROT_WRITE);

	if (place(argv, &index, &offset, &size))
		return -EPROTO;
	ret = region_info(c, index, &info, sizeof(info));
	if (ret < 0)
		return ret;
	ret = device_map(c, info.offset + offset, size, prot, &address);
	if (ret)
		return ret;
	if (index >= MAX_REGIONS)
		return unexpected("more regions than this program has");
	mapping = &c->mapping[index];
	mapping->address = address;
	mapping->offset = offset;
	mapping->size = size;
	return 0;
}

static int run_munmap(struct client *c, int argc, char **argv)
{
	uint32_t index;

	if (region_index(argv[0], &index) || index >= MAX_REGIONS || !c->mapping[index].address)
		return -EPROTO;
	munmap(c->mapping[index].address, c->mapping[index].size);
	c->mapping[index].address = NULL;
	return 0;
}

static char *mapped(struct client *c, char **argv, uint64_t *count)
{
	struct mapping *mapping;
	uint64_t offset;
	uint32_t index;

	if (place(argv, &index, &offset, count) || index >= MAX_REGIONS)
		return NULL;
	mapping = &c->mapping[index];
	if (!mapping->address || offset < mapping->offset ||
	    offset - mapping->offset > mapping->size ||
	    *count > mapping->size - (offset - mapping->offset)) {
		unexpected("%s %s %s: not mapped", argv[0], argv[1], argv[2]);
		return NULL;
	}
	return mapping->address + (offset - mapping->offset);
}

static int run_mread(struct client *c, int argc, char **argv)
{
	uint64_t count, value = 0;
	const char *at = mapped(c, argv, &count);

	if (!at || count > sizeof(value))
		return -EPROTO;
	memcpy(&value, at, count);
	printf("0x%0*llx\n", (int)count * 2, (unsigned long long)value);
	return 0;
}

static int run_mwrite(struct client *c, int argc, char **argv)
{
	uint64_t count, value;
	char *at = mapped(c, argv, &count);

	if (!at || count > sizeof(value) || number(argv[3], &value))
		return -EPROTO;
	memcpy(at, &value, count);
	return 0;
}

const struct command region_commands[] = {
	{ "region", "REGION: its size, flags and mappable areas", 1, run_region },
	{ "regions", "", 0, run_regions },
	{ "read", "REGION OFFSET WIDTH", 3, run_read },
	{ "write", "REGION OFFSET WIDTH VALUE", 4, run_write },
	{ "fill", "REGION OFFSET COUNT SEED: one write", 4, run_fill },
	{ "check", "REGION OFFSET COUNT SEED: one read", 4, run_check },
	{ "badbuffer", "REGION OFFSET COUNT read|write", 4, run_bad_buffer },
	{ "mmap", "REGION OFFSET SIZE [r]", 3, run_mmap },
	{ "munmap", "REGION", 1, run_munmap },
	{ "mread", "REGION OFFSET WIDTH: through the mapping", 3, run_mread },
	{ "mwrite", "REGION OFFSET WIDTH VALUE", 4, run_mwrite },
	{ 0 },
};
