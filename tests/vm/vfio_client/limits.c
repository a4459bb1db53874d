/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits.c - what a client must not get away with: one bad field each, all others good.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

static int failures;

static void expect(const char *what, int got, int wanted)
{
	if (got == wanted)
		return;
	failures++;
	unexpected("%s: %d instead of %d", what, got, wanted);
}

static void check_info(struct client *c, struct vfio_device_info *info)
{
	struct vfio_device_info bad = { .argsz = 8 };

	expect("GET_INFO with a short argsz", xioctl(c->device, VFIO_DEVICE_GET_INFO, &bad),
	       -EINVAL);
	expect("GET_INFO into nothing", xioctl(c->device, VFIO_DEVICE_GET_INFO, (void *)8),
	       -EFAULT);
	info->argsz = sizeof(*info);
	expect("GET_INFO", xioctl(c->device, VFIO_DEVICE_GET_INFO, info), 0);
	expect("an ioctl that is none", xioctl(c->device, _IO(';', 250), NULL), -ENOTTY);
}

static void check_region(struct client *c, uint32_t nr)
{
	struct vfio_region_info info = { .argsz = 16 };

	expect("GET_REGION_INFO with a short argsz",
	       xioctl(c->device, VFIO_DEVICE_GET_REGION_INFO, &info), -EINVAL);
	expect("region behind the last", region_info(c, nr, &info, sizeof(info)), -EINVAL);
	expect("region ~0", region_info(c, ~0U, &info, sizeof(info)), -EINVAL);
}

static void check_irq(struct client *c, uint32_t nr)
{
	struct vfio_irq_info info = { .argsz = 8 };

	expect("GET_IRQ_INFO with a short argsz",
	       xioctl(c->device, VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL);
	info.argsz = sizeof(info);
	info.index = nr;
	expect("irq index behind the last", xioctl(c->device, VFIO_DEVICE_GET_IRQ_INFO, &info),
	       -EINVAL);
	info.index = ~0U;
	expect("irq index ~0", xioctl(c->device, VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL);
}

static const struct {
	const char *what;
	uint32_t argsz, flags, index, start, count;
} bad_sets[] = {
	{ "a short argsz", 8, 0x21, 0, 0, 1 },
	{ "no action", 20, 0x01, 0, 0, 1 },
	{ "two actions", 20, 0x29, 0, 0, 1 },
	{ "no data type", 20, 0x20, 0, 0, 1 },
	{ "two data types", 24, 0x23, 0, 0, 1 },
	{ "unknown flags", 20, 0x61, 0, 0, 1 },
	{ "an index behind the last", 20, 0x21, 15, 0, 1 },
	{ "index ~0", 20, 0x21, ~0U, 0, 1 },
	{ "a start behind the last vector", 20, 0x21, 0, 1, 1 },
	{ "a count beyond the last vector", 20, 0x21, 0, 0, 2 },
	{ "start + count that wraps", 20, 0x21, 0, ~0U, 2 },
	{ "count ~0", 20, 0x21, 0, 0, ~0U },
	{ "count 0 of an action", 20, 0x22, 0, 0, 0 },
	{ "bools without data", 20, 0x22, 0, 0, 1 },
	{ "eventfds with too little data", 22, 0x24, 0, 0, 1 },
};

static void check_sets(struct client *c)
{
	struct {
		struct vfio_irq_set set;
		int32_t data[2];
	} arg;
	size_t i;

	for (i = 0; i < NR(bad_sets); i++) {
		memset(&arg, 0, sizeof(arg));
		arg.set.argsz = bad_sets[i].argsz;
		arg.set.flags = bad_sets[i].flags;
		arg.set.index = bad_sets[i].index;
		arg.set.start = bad_sets[i].start;
		arg.set.count = bad_sets[i].count;
		if (xioctl(c->device, VFIO_DEVICE_SET_IRQS, &arg) >= 0)
			expect(bad_sets[i].what, 0, -EINVAL);
	}
	memset(&arg, 0, sizeof(arg));
	arg.set = (struct vfio_irq_set){ .argsz = 24, .flags = 0x24, .count = 1 };
	arg.data[0] = 1000000;
	expect("an eventfd that is not open", xioctl(c->device, VFIO_DEVICE_SET_IRQS, &arg),
	       -EBADF);
	arg.data[0] = c->container;
	expect("an eventfd that is none", xioctl(c->device, VFIO_DEVICE_SET_IRQS, &arg), -EINVAL);
}

/* Any offset: a file's position is 64 bits wide, and regions are few. */
static void check_offsets(struct client *c)
{
	static const uint64_t offsets[] = {
		1ull << 47, 1ull << 50, 1ull << 62, (1ull << 63) - 1, (15ull << 40) + 1,
		(1ull << 40) - 1,
	};
	char buffer[16];
	size_t i;

	for (i = 0; i < NR(offsets); i++) {
		if (pread(c->device, buffer, sizeof(buffer), offsets[i]) > 0)
			expect("a read outside of all regions", 1, 0);
		if (pwrite(c->device, buffer, sizeof(buffer), offsets[i]) > 0)
			expect("a write outside of all regions", 1, 0);
		if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, c->device, offsets[i] & ~0xfffull) !=
		    MAP_FAILED)
			expect("a mapping outside of all regions", 1, 0);
	}
}

/* Behind the end of a region: an error, or what a bus gives; never data. */
static void check_behind(struct client *c, const struct vfio_region_info *info)
{
	char buffer[16] = "";
	const ssize_t got = pread(c->device, buffer, 8, info->offset + info->size);

	if (got > 0 && (got != 8 || memcmp(buffer, "\xff\xff\xff\xff\xff\xff\xff\xff", 8)))
		expect("data behind the end", 1, 0);
	if (pread(c->device, buffer, 16, info->offset + info->size) > 0 ||
	    pwrite(c->device, buffer, 16, info->offset + info->size) > 0)
		expect("a copy behind the end", 1, 0);
	if (info->size >= 4 && pread(c->device, buffer, 16, info->offset + info->size - 4) > 4)
		expect("a copy across the end", 1, 0);
}

static void check_ends(struct client *c, uint32_t index)
{
	struct vfio_region_info info;
	char buffer[16];

	if (region_info(c, index, &info, sizeof(info)) < 0)
		return;
	if (info.size)
		expect("a read of nothing", pread(c->device, buffer, 0, info.offset), 0);
	check_behind(c, &info);
	if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP) &&
	    mmap(NULL, 4096, PROT_READ, MAP_SHARED, c->device, info.offset) != MAP_FAILED)
		expect("a mapping of a region that has none", 1, 0);
}

static int run_limits(struct client *c, int argc, char **argv)
{
	struct vfio_device_info info;
	uint32_t i;

	failures = 0;
	check_info(c, &info);
	check_region(c, info.num_regions);
	check_irq(c, info.num_irqs);
	check_sets(c);
	check_offsets(c);
	for (i = 0; i < info.num_regions; i++)
		check_ends(c, i);
	return failures ? -EPROTO : 0;
}

const struct command limit_commands[] = {
	{ "limits", "bad ioctls, offsets and mappings are refused", 0, run_limits },
	{ 0 },
};
