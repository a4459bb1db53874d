/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.c - see hostile.h. Most of what it does is nearly right, so that it gets far; some calls
 * have an allocation that fails.
 */
#include "hostile.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../kmod/uapi/linux/muser.h"
#include "../borrow.h"
#include "../reach.h"

enum { SERVERS, MESSAGES, CLIENTS, IOCTLS, PINS, PINNED_FILES, UNPINS, DMA_MAPS, FILE_MAPS, COPIES,
       IRQS, TRAPS, TRAPPED, MEM_MAPS, ANY_MAPS, EXCHANGES, PIPES, RINGS, NR_REACH };

static const char *const names[NR_REACH] = {
	"server: started", "server: messages", "server: hears of clients", "server: any ioctl",
	"server: DMA_PIN", "server: DMA_PIN of a file", "server: DMA_UNPIN",
	"server: pins mapped", "server: files mapped", "server: DMA_RW", "server: IRQ_TRIGGER",
	"server: MEM_TRAP", "server: pages seen written", "server: its memory mapped",
	"server: any mapping", "server: exchanges beside", "server: pages in pipes",
	"server: calls of io_uring",
};

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

#define SLOTS 8 /* of 64 KiB, from address 0: where hostile clients have memory */

/* ---- calls --------------------------------------------------------------------------- */

static __thread unsigned int nth;

static void begin(uint64_t *seed)
{
	nth = one_in(seed, 3) ? 1 + next(seed) % 16 : 0;
	reach_begin(nth);
}

static int end(unsigned int what, int64_t ret)
{
	return reach_end(what, nth, ret);
}

static void *map(uint64_t *seed, unsigned int what, int file, uint64_t offset, uint64_t size)
{
	void *address;

	begin(seed);
	address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);
	end(what, address == MAP_FAILED ? -1 : 0);
	return address;
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
	/* EXCHANGE would wait for ever. */
	i = next(seed) % 10;
	begin(seed);
	end(IOCTLS, ioctl(file, _IO(MUSER_TYPE, i + (i >= 3)),
			  one_in(seed, 30) ? (void *)8 : (void *)&arg));
}

/* System calls that keep what they are given. */
static void borrow(uint64_t *seed, int file, void *at, size_t size)
{
	static __thread struct borrower borrower;
	const uint64_t random = next(seed);

	switch (next(seed) % 4) {
	case 0: reach_add(PIPES, borrow_pipe(&borrower, random, at, size) >= 0); break;
	case 1: reach_add(RINGS, borrow_buffer(&borrower, random, at, size) >= 0); break;
	default: reach_add(RINGS, borrow_ring(&borrower, random, at, size, file) >= 0);
	}
}

/* Where a client is likely to have memory: pinned, written through a mapping, let go. */
static void pin(uint64_t *seed, int file)
{
	struct muser_dma arg = {
		.argsz = sizeof(arg),
		.flags = 1 + next(seed) % 3 + (one_in(seed, 2) ? MUSER_DMA_FILE : 0),
		.iova = next(seed) % SLOTS << 16,
		.size = 1 << 16,
	};
	int is_file = arg.flags & MUSER_DMA_FILE;
	char *address;
	uint64_t i;

	if (one_in(seed, 2)) {
		arg.iova += next(seed) % 16 << 12;
		arg.size = (1 + next(seed) % (one_in(seed, 4) ? 32 : 8)) << 12;
	}
	begin(seed);
	if (end(PINS, ioctl(file, MUSER_DMA_PIN, &arg)))
		return;
	if (is_file)
		reach_add(PINNED_FILES, !!(arg.flags & MUSER_DMA_FILE));
	is_file = arg.flags & MUSER_DMA_FILE;
	address = map(seed, is_file ? FILE_MAPS : DMA_MAPS, file,
		      (is_file ? MUSER_MMAP_FILE : MUSER_MMAP_DMA) + arg.iova, arg.size);
	if (address != MAP_FAILED) {
		for (i = 0; arg.flags & MUSER_DMA_WRITE && i < arg.size; i += 4096)
			*(volatile char *)(address + i) = 0x5a;
		for (i = is_file ? 4 : next(seed) % 2; i; i--)
			borrow(seed, file, address, arg.size);
		if (!one_in(seed, 8))
			munmap(address, arg.size);
	}
	if (one_in(seed, 2))
		return;
	arg.flags = 0;
	begin(seed);
	end(UNPINS, ioctl(file, MUSER_DMA_UNPIN, &arg));
}

static void copy(uint64_t *seed, int file)
{
	static __thread char buffer[200000];
	struct muser_dma_rw arg = {
		.argsz = sizeof(arg),
		.flags = one_in(seed, 2) ? MUSER_DMA_READ : MUSER_DMA_WRITE,
		.iova = (next(seed) % SLOTS << 16) + next(seed) % 57344,
		.size = one_in(seed, 4) ? next(seed) % sizeof(buffer) : next(seed) % 9000,
		.addr = (uintptr_t)buffer,
	};

	begin(seed);
	end(COPIES, ioctl(file, MUSER_DMA_RW, &arg));
}

static void fire(uint64_t *seed, int file)
{
	struct muser_irq arg = { .argsz = sizeof(arg), .index = next(seed) % 5 };

	arg.vector = arg.index == 2 ? next(seed) % 5 : next(seed) % 20 / 19;
	begin(seed);
	end(IRQS, ioctl(file, MUSER_IRQ_TRIGGER, &arg));
}

static void trap(uint64_t *seed, int file)
{
	static const uint32_t flags[] = { MUSER_TRAP_ARM, MUSER_TRAP_FETCH, MUSER_TRAP_OFF,
					  MUSER_TRAP_ARM | MUSER_TRAP_FETCH,
					  MUSER_TRAP_ARM | MUSER_TRAP_FETCH, 0xff };
	uint64_t bitmap[2] = { 0 };
	struct muser_trap arg = {
		.argsz = sizeof(arg), .flags = flags[next(seed) % 6], .space = 2,
		.size = 16 << 12, .bitmap = (uintptr_t)bitmap,
	};

	if (one_in(seed, 4)) {
		arg.offset = next(seed) % 16 << 12;
		arg.size -= arg.offset;
	}
	if (one_in(seed, 20))
		arg.space = next(seed) % 16;
	begin(seed);
	if (!end(TRAPS, ioctl(file, MUSER_MEM_TRAP, &arg)) && bitmap[0])
		reach_add(TRAPPED, __builtin_popcountll(bitmap[0]));
}

/* In the way of those who read. */
static void exchange(uint64_t *seed, int file)
{
	static __thread uint8_t in[70000], out[4096];
	struct muser_exchange arg = {
		.argsz = sizeof(arg), .flags = next(seed) % 2, .in = (uintptr_t)in,
		.out = (uintptr_t)out, .out_len = one_in(seed, 4) ? next(seed) % 4096 : 0,
		.in_size = one_in(seed, 8) ? 20 : sizeof(in),
		.wake_fd = one_in(seed, 2) ? -1 : file,
		.timeout_ns = next(seed) % 3000000,
	};

	/* What it takes is never answered: only now and then. */
	if (!one_in(seed, 8))
		arg.in_size = next(seed) % 16;
	begin(seed);
	end(EXCHANGES, ioctl(file, MUSER_EXCHANGE, &arg));
}

static void mapping(uint64_t *seed, int file)
{
	uint64_t size = (1 + next(seed) % 32) << 12, space = next(seed) % 17;
	char *address;

	if (one_in(seed, 4))
		address = map(seed, ANY_MAPS, file, number(seed) & ~0xfffull, size);
	else
		address = map(seed, MEM_MAPS, file, MUSER_MMAP_MEM(one_in(seed, 2) ? 2 : space),
			      size);
	if (address == MAP_FAILED)
		return;
	if (one_in(seed, 4))
		borrow(seed, file, address, size);
	if (one_in(seed, 2))
		madvise(address, size, next(seed) % 2 ? MADV_REMOVE : MADV_DONTNEED);
	munmap(address, size);
}

static void act(uint64_t *seed, int file)
{
	switch (next(seed) % 20) {
	case 0 ... 1: random_ioctl(seed, file); break;
	case 2 ... 7: pin(seed, file); break;
	case 8 ... 9: copy(seed, file); break;
	case 10 ... 12: fire(seed, file); break;
	case 13 ... 15: trap(seed, file); break;
	case 16 ... 17: mapping(seed, file); break;
	case 18: exchange(seed, file); break;
	default: break;
	}
}

/* ---- what raw_server calls ----------------------------------------------------------- */

struct actor {
	uint64_t seed;
	int file;
};

static void *act_on(void *data)
{
	struct actor *a = data;

	for (;;) {
		act(&a->seed, a->file);
		poll(NULL, 0, next(&a->seed) % 4); /* others are to come to something, too */
	}
	return NULL;
}

void hostile_start(uint64_t *seed, int file)
{
	static struct actor actors[2];
	pthread_t thread;
	int i;

	reach_fail(0);
	reach_add(SERVERS, 1);
	for (i = 0; i < 2; i++) {
		actors[i].seed = next(seed) | 1;
		actors[i].file = file;
		pthread_create(&thread, NULL, act_on, &actors[i]);
	}
}

void hostile_open(uint64_t *seed)
{
	reach_open(names, 0, NR_REACH);
	if (one_in(seed, 4))
		reach_fail(1 + next(seed) % 40);
}

int hostile_print(void)
{
	reach_open(names, 0, NR_REACH);
	reach_print();
	return 0;
}

void hostile_message(uint16_t cmd)
{
	reach_add(MESSAGES, 1);
	if (cmd == MUSER_CLIENT_OPEN)
		reach_add(CLIENTS, 1);
}

void hostile_error(uint64_t *seed)
{
	poll(NULL, 0, next(seed) % 20);
	if (one_in(seed, 10))
		_exit(0);
}

size_t hostile_replies(uint64_t *seed, uint8_t *replies, size_t size, size_t room)
{
	uint64_t value;

	if (!one_in(seed, 60))
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

void hostile_act(uint64_t *seed, int file)
{
	if (one_in(seed, 4))
		act(seed, file);
	if (one_in(seed, 100))
		poll(NULL, 0, next(seed) % 200);
	if (one_in(seed, 1000))
		_exit(0);
}
