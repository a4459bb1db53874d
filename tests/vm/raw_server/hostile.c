/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.c - see hostile.h. Most of what it does is nearly right, so that it gets far.
 */
#include "hostile.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../kmod/uapi/linux/muser.h"

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> 11;
}

static int one_in(uint64_t *seed, unsigned int n)
{
	return next(seed) % n == 0;
}

/* Numbers that stand at an edge. */
static uint64_t number(uint64_t *seed)
{
	static const uint64_t edges[] = {
		0, 1, 2, 7, 15, 16, 4095, 4096, 4097, 65536, 0x100000, 0x110000, 1u << 31,
		0xffffffff, 1ull << 40, 1ull << 61, 1ull << 62, 1ull << 63, ~0ull, ~0ull - 4095,
	};

	return one_in(seed, 4) ? next(seed) : edges[next(seed) % (sizeof(edges) / 8)];
}

size_t hostile_replies(uint64_t *seed, uint8_t *replies, size_t size, size_t room)
{
	uint64_t value;

	if (!one_in(seed, 20))
		return size;
	value = number(seed);
	switch (next(seed) % 6) {
	case 0: /* a field of the first header */
		if (size >= 16)
			memcpy(replies + next(seed) % 4 * 4, &value, 4);
		break;
	case 1: /* anything anywhere */
		if (size >= 4)
			memcpy(replies + next(seed) % (size - 3), &value, 4);
		break;
	case 2: /* cut off */
		return size ? next(seed) % size : 0;
	case 3: /* twice */
		if (size * 2 <= room) {
			memcpy(replies + size, replies, size);
			return size * 2;
		}
		break;
	case 4: /* never */
		return 0;
	case 5: /* more than there is */
		return size + next(seed) % 100 < room ? size + next(seed) % 100 : size;
	}
	return size;
}

static void random_ioctl(uint64_t *seed, int file)
{
	static const uint32_t sizes[] = { 0, 8, 16, 24, 32, 40, 48, 56, 64, 4096 };
	struct {
		uint32_t argsz, flags;
		uint64_t words[15];
	} arg;
	size_t i;

	for (i = 0; i < 15; i++)
		arg.words[i] = number(seed);
	arg.argsz = sizes[next(seed) % 10];
	arg.flags = one_in(seed, 3) ? number(seed) : next(seed) % 4;
	ioctl(file, _IO(MUSER_TYPE, next(seed) % 11),
	      one_in(seed, 30) ? (void *)8 : (void *)&arg);
}

/* Where a client is likely to have memory: pinned, written through a mapping, let go. */
static void dma(uint64_t *seed, int file)
{
	struct muser_dma arg = {
		.argsz = sizeof(arg),
		.flags = 1 + next(seed) % 3,
		.iova = next(seed) % 64 << 16,
		.size = (1 + next(seed) % 32) << 12,
	};
	char *address;

	if (ioctl(file, MUSER_DMA_PIN, &arg))
		return;
	address = mmap(NULL, arg.size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
		       MUSER_MMAP_DMA + arg.iova);
	if (address != MAP_FAILED) {
		memset(address, 0x5a, arg.size);
		if (!one_in(seed, 8))
			munmap(address, arg.size);
	}
	arg.flags = 0;
	if (one_in(seed, 2))
		ioctl(file, MUSER_DMA_UNPIN, &arg);
}

static void mapping(uint64_t *seed, int file)
{
	uint64_t size = (1 + next(seed) % 32) << 12;
	char *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
			     (number(seed) & ~0xfffull) % (1ull << 63));

	if (address != MAP_FAILED)
		munmap(address, size);
}

void hostile_act(uint64_t *seed, int file)
{
	switch (next(seed) % 8) {
	case 0:
	case 1:
		random_ioctl(seed, file);
		break;
	case 2:
		dma(seed, file);
		break;
	case 3:
		mapping(seed, file);
		break;
	case 4:
		if (one_in(seed, 20))
			poll(NULL, 0, next(seed) % 200);
		if (one_in(seed, 200))
			_exit(0);
		break;
	}
}
