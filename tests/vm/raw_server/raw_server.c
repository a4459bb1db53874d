/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * raw_server.c - a device process that speaks to /dev/muser/UUID without libmuser.
 *
 *	raw_server UUID [-x] [-r] [-p] [-w] [-d] [-t THREADS] [-b BYTES] [-s SEED] [-i IOVA]
 *	raw_server -l UUID
 *	raw_server -c
 *
 * For tests of the module itself. -x: MUSER_EXCHANGE instead of read and write. -r: restartable,
 * BAR0 then is in memory that the module keeps. -p: plain, it takes no feature of the module. -w:
 * wrong, its BAR2 is larger than the memory for it. -d: its child is the server, see child.h. -i:
 * it pins this page whenever it can, and says so. -l: see limits.h. -s: hostile, see hostile.c;
 * -c: what such servers and clients have reached. BAR0: 4 KiB of trapped memory, whose last 256
 * bytes are commands (see enum below). BAR2: 64 KiB, or -b, that can be mapped but for the first
 * page.
 * Refuses nothing: what it is told to do wrong, it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "../borrow.h"
#include "child.h"
#include "hostile.h"
#include "../../../kmod/uapi/linux/muser.h"
#include "limits.h"
#include "stall.h"
#include "storm.h"

enum { BAR0_SIZE = 4096, CONFIG_SIZE = 256, MAX_BAR2_PAGES = 1024, DMA_ROOM = 1 << 30 };

/* Words of BAR0. A command answers in RESULT: 0 or an errno. */
enum {
	FIRE = 0xf00,	/* irq index << 16 | vector */
	IOVA = 0xf08,
	SIZE = 0xf10,
	SEED = 0xf18,
	DMA = 0xf20,	/* one of the below */
	TRAP = 0xf28,	/* flags of MUSER_MEM_TRAP, on BAR2 */
	BITMAP = 0xf30, /* what TRAP fetched */
	RESULT = 0xf38,
	EXITS = 0xf40,	/* the server dies without an answer, the first time */
	HANGS = 0xf48,	/* this request is never answered */
	RESETS = 0xf50, /* how many there were */
	REPLAYED = 0xf58, /* how many requests came again */
	STORM = 0xf60,	/* for so many ms, on IOVA and SIZE: see storm.h */
	WATCH = 0xf68,	/* BAR2, until 0 is written */
	RUNNING = 0xf70, /* threads of these two */
	FAULTS = 0xf78,
	COUNT = 0xf80, /* four that count their reads; the top bit: this one came again */
	POSTED = 0xfa0, /* of the last TRAP that fetched */
	WRITTEN = 0xfa8, /* how many requests were flagged so */
	FAILS = 0xfe0,  /* is answered with this errno; below 0: with so many bytes */
	CLIENTS = 0xfb0, /* messages of clients that come and go, to this server */
	ARMED = 0xfb8,   /* vectors of MSI-X that have an eventfd, as far as was said */
	REFUSES = 0xfc0, /* the errno of SET_IRQS to come */
	UNMAPS = 0xfc8,  /* how many DMA_UNMAPs came, since this was written */
	UNMAPPED = 0xfd0, /* the end of the highest */
	SHUT = 0xff0,	/* close the file, keep what is mapped, and serve no more; 2-4: see below */
	CHILD = 0xff8,	/* that stays: see enum child_how; then its pid */
	NOTICED = 0xfe8, /* how many pages TRAP fetched */
	COPIES = 0xfd8, /* so many threads, of IOVA and SIZE: RUNNING and FAULTS, see storm.h */
};

enum { PIN = 1, PIN_READ, UNPIN, MAP_FILL, MAP_CHECK, COPY_FILL, COPY_CHECK, PIN_FILE,
       PIN_FILL, SPLICE, PIN_EACH, OFFER, SPLICE_BAR, REGISTER, UNPIN_EACH, PIN_UNPIN };

struct header {
	uint16_t id, cmd;
	uint32_t size, flags, error;
};

enum {
	VERSION = 1, DMA_UNMAP = 3, GET_INFO = 4, GET_REGION_INFO = 5, GET_IRQ_INFO = 7,
	SET_IRQS = 8, REGION_READ = 9, REGION_WRITE = 10, RESET = 13,
	IS_REPLY = 1, NO_REPLY = 16, IS_ERROR = 32, /* of flags */
};

struct access {
	uint64_t offset;
	uint32_t region, count;
};

struct range { /* of DMA_UNMAP */
	uint32_t argsz, flags;
	uint64_t address, size;
};

static int file, exchange, restartable, plain, wrong;
static uint8_t *bar0, *bar2, *dma, config[CONFIG_SIZE];
static uint64_t bar2_size = 65536;
static uint32_t max_msg;
static uint64_t evil; /* 0: not */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t *word(unsigned int offset)
{
	return (uint64_t *)(bar0 + offset);
}

static uint8_t pattern(uint64_t seed, uint64_t offset)
{
	uint64_t x = (offset + 1) * 0x9e3779b97f4a7c15 ^ seed * 0xc2b2ae3d27d4eb4f;

	return x >> 56 ^ x >> 24;
}

/* ---- commands of the client ---------------------------------------------------------- */

static int fill(uint8_t *at, uint64_t size, uint64_t seed)
{
	uint64_t i;

	for (i = 0; i < size; i++)
		at[i] = pattern(seed, i);
	return 0;
}

static int check(const uint8_t *at, uint64_t size, uint64_t seed)
{
	uint64_t i;

	for (i = 0; i < size; i++)
		if (at[i] != pattern(seed, i))
			return EILSEQ;
	return 0;
}

static int pin(unsigned long request, uint32_t flags)
{
	struct muser_dma arg = { .argsz = sizeof(arg), .flags = flags, .iova = *word(IOVA),
				 .size = *word(SIZE) };

	if (ioctl(file, request, &arg))
		return errno;
	*word(BITMAP) = arg.size;
	return 0;
}

/* Whether it was pinned or not. */
static int pin_unpin(void)
{
	const int ret = pin(MUSER_DMA_PIN, MUSER_DMA_READ | MUSER_DMA_WRITE);

	pin(MUSER_DMA_UNPIN, 0);
	return ret;
}

static int copy(int is_write)
{
	struct muser_dma_rw arg = { .argsz = sizeof(arg),
				    .flags = is_write ? MUSER_DMA_WRITE : MUSER_DMA_READ,
				    .iova = *word(IOVA), .size = *word(SIZE) };
	uint8_t *buffer = malloc(arg.size + 1);
	int ret;

	if (!buffer)
		return ENOMEM;
	if (is_write)
		fill(buffer, arg.size, *word(SEED));
	arg.addr = (uintptr_t)buffer;
	ret = ioctl(file, MUSER_DMA_RW, &arg) ? errno : 0;
	if (!ret && !is_write)
		ret = check(buffer, arg.size, *word(SEED));
	free(buffer);
	return ret;
}

/* The same, as a file's if it is one's: ENOENT: it is not. */
static int pin_file(struct muser_dma *arg)
{
	*arg = (struct muser_dma){ .argsz = sizeof(*arg), .iova = *word(IOVA), .size = *word(SIZE),
				   .flags = MUSER_DMA_READ | MUSER_DMA_WRITE | MUSER_DMA_FILE };
	if (ioctl(file, MUSER_DMA_PIN, arg))
		return errno;
	*word(BITMAP) = arg->size;
	return arg->flags & MUSER_DMA_FILE ? 0 : ENOENT;
}

/* And mapped as what it is. */
static int map_file(void)
{
	struct muser_dma arg;
	const int ret = pin_file(&arg);
	const uint64_t offset = ret ? MUSER_MMAP_DMA : MUSER_MMAP_FILE;

	if (ret && ret != ENOENT)
		return ret;
	if (mmap(dma + arg.iova, arg.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
		 offset + arg.iova) == MAP_FAILED)
		return errno;
	return ret;
}

/* In one command, so that it can be done again by a server that has pinned nothing. */
static int pin_fill(void)
{
	int ret = pin(MUSER_DMA_PIN, MUSER_DMA_READ | MUSER_DMA_WRITE);

	return ret ? ret : fill(dma + *word(IOVA), *word(SIZE), *word(SEED));
}

/* Every other page: each its own run. */
static int pin_each(unsigned long request, uint32_t flags)
{
	const uint64_t end = *word(IOVA) + *word(SIZE);
	struct muser_dma arg = { .argsz = sizeof(arg), .iova = *word(IOVA), .size = 4096,
				 .flags = flags };

	for (; arg.iova < end; arg.iova += 8192, arg.size = 4096)
		if (ioctl(file, request, &arg))
			return errno;
	return 0;
}

/* A page of memory into a pipe: only where the kernel takes it by reference. */
static int splice_page(uint8_t *at)
{
	struct iovec page = { at, 4096 };
	char got[4096];
	int fds[2], ret = 0;

	if (pipe(fds))
		return errno;
	if (vmsplice(fds[1], &page, 1, 0) != 4096 || read(fds[0], got, 4096) != 4096)
		ret = errno;
	else if (memcmp(got, page.iov_base, 4096))
		ret = EILSEQ;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* A page as a buffer of io_uring: only where the kernel takes it by reference. */
static int register_page(uint8_t *at)
{
	struct borrower b = { 0 };
	const int ret = borrow_buffer(&b, 1, at, 4096) < 0 ? errno : 0;

	borrow_ring_close(&b);
	return ret;
}

static int dma_command(uint64_t command)
{
	struct muser_dma arg;

	switch (command) {
	case PIN: return pin(MUSER_DMA_PIN, MUSER_DMA_READ | MUSER_DMA_WRITE);
	case PIN_UNPIN: return pin_unpin();
	case PIN_READ: return pin(MUSER_DMA_PIN, MUSER_DMA_READ);
	case UNPIN: return pin(MUSER_DMA_UNPIN, 0);
	case MAP_FILL: return fill(dma + *word(IOVA), *word(SIZE), *word(SEED));
	case MAP_CHECK: return check(dma + *word(IOVA), *word(SIZE), *word(SEED));
	case COPY_FILL: return copy(1);
	case COPY_CHECK: return copy(0);
	case PIN_FILE: return map_file();
	case PIN_FILL: return pin_fill();
	case SPLICE: return splice_page(dma + *word(IOVA));
	case PIN_EACH: return pin_each(MUSER_DMA_PIN, MUSER_DMA_READ | MUSER_DMA_WRITE);
	case UNPIN_EACH: return pin_each(MUSER_DMA_UNPIN, 0);
	case OFFER: return pin_file(&arg);
	case REGISTER: return register_page(dma + *word(IOVA));
	case SPLICE_BAR: return splice_page(bar2 + *word(IOVA));
	}
	return EINVAL;
}

static int trap(uint64_t flags)
{
	uint64_t bitmap[MAX_BAR2_PAGES / 64] = { 0 };
	struct muser_trap arg = { .argsz = sizeof(arg), .flags = flags, .space = 2,
				  .offset = 0, .size = bar2_size, .bitmap = (uintptr_t)bitmap };
	unsigned int i;

	if (ioctl(file, MUSER_MEM_TRAP, &arg))
		return errno;
	*word(BITMAP) = bitmap[0];
	*word(NOTICED) = 0;
	for (i = 0; i < MAX_BAR2_PAGES / 64; i++)
		*word(NOTICED) += __builtin_popcountll(bitmap[i]);
	*word(POSTED) = arg.posted;
	return 0;
}

static int fire(uint64_t what)
{
	struct muser_irq arg = { .argsz = sizeof(arg), .index = what >> 16 & 0xffff,
				 .vector = what & 0xffff };

	return ioctl(file, MUSER_IRQ_TRIGGER, &arg) ? errno : 0;
}

static void arm(const struct vfio_irq_set *set)
{
	uint32_t i;

	if (!set->count)
		*word(ARMED) = 0;
	for (i = 0; i < set->count; i++) {
		*word(ARMED) &= ~(1ull << (set->start + i));
		*word(ARMED) |= (uint64_t)set->data[i] << (set->start + i);
	}
}

/* A client may trigger by itself, which is for the device to do. */
static int set_irqs(const struct header *h, const struct vfio_irq_set *set)
{
	uint32_t i;

	if (*word(REFUSES) && !(h->flags & NO_REPLY))
		return -*word(REFUSES);
	if (!(set->flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return 0;
	if (set->index == VFIO_PCI_MSIX_IRQ_INDEX &&
	    (!set->count || set->flags & VFIO_IRQ_SET_DATA_EVENTFD))
		arm(set);
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return 0;
	for (i = 0; i < set->count; i++)
		if (set->flags & VFIO_IRQ_SET_DATA_NONE || set->data[i])
			fire((uint64_t)set->index << 16 | (set->start + i));
	return 0;
}

static int storm(void)
{
	const struct storm s = { file, dma, *word(IOVA), *word(SIZE), *word(STORM),
				 word(RUNNING), word(FAULTS) };

	return storm_start(&s);
}

static int copies(void)
{
	const struct storm s = { file, dma, *word(IOVA), *word(SIZE), 0,
				 word(RUNNING), word(FAULTS) };

	return copies_start(&s, *word(COPIES));
}

static int watch(void)
{
	const struct storm s = { file, bar2, 0, bar2_size, 0,
				 word(RUNNING), word(FAULTS), word(WATCH) };

	return *word(WATCH) ? watch_start(&s) : 0;
}

static void unmapped(const struct range *range)
{
	++*word(UNMAPS);
	if (*word(UNMAPPED) < range->address + range->size)
		*word(UNMAPPED) = range->address + range->size;
}

static void shut(void)
{
	close(file);
	for (;;)
		pause();
}

/* Keep but a mapping of the client's file, at IOVA, and fill it when that is not the client's. */
static void shut_but_file(void)
{
	const uint64_t iova = *word(IOVA), size = *word(SIZE), seed = *word(SEED);

	munmap(dma, iova);
	munmap(dma + iova + size, DMA_ROOM - iova - size);
	munmap(bar0, BAR0_SIZE);
	munmap(bar2, bar2_size);
	close(file);
	fill(dma + iova, size, seed);
	printf("filled\n");
	fflush(stdout);
	for (;;)
		pause();
}

static void leave(void)
{
	munmap(dma, DMA_ROOM);
	munmap(bar0, BAR0_SIZE);
	munmap(bar2, bar2_size);
	close(file);
}

/* Leave while the next message (3), or the answer to this one (4), is being copied: once. */
static void shut_halfway(const struct header *h)
{
	const struct header reply = { .id = h->id, .cmd = h->cmd, .flags = IS_REPLY,
				      .size = sizeof(reply) + sizeof(struct access) };

	if (h->flags & MUSER_F_REPLAYED)
		return;
	if (*word(SHUT) == 3)
		stall_read(file, leave);
	stall_write(file, leave, &reply, sizeof(reply), reply.size);
}

static void shut_somehow(const struct header *h)
{
	switch (*word(SHUT)) {
	case 2: shut_but_file(); break;
	case 3:
	case 4: shut_halfway(h); break;
	default: shut();
	}
}

static int child(void)
{
	const pid_t pid = child_start(file, *word(CHILD));

	close(dup(file)); /* which is not the last one */
	*word(CHILD) = pid;
	return pid < 0 ? errno : 0;
}

/* 0: answer; 1: never. */
static int command(uint64_t offset, const struct header *h)
{
	switch (offset) {
	case FIRE: *word(RESULT) = fire(*word(FIRE)); break;
	case DMA: *word(RESULT) = dma_command(*word(DMA)); break;
	case TRAP: *word(RESULT) = trap(*word(TRAP)); break;
	case STORM: *word(RESULT) = storm(); break;
	case WATCH: *word(RESULT) = watch(); break;
	case COPIES: *word(RESULT) = copies(); break;
	case EXITS:
		if (!(h->flags & MUSER_F_REPLAYED))
			_exit(3);
		break;
	case HANGS: return 1;
	case SHUT: shut_somehow(h); break;
	case CHILD: *word(RESULT) = child(); break;
	}
	return 0;
}

/* ---- messages ------------------------------------------------------------------------ */

static uint8_t *within(uint8_t *memory, uint64_t size, const struct access *a)
{
	return a->count <= size && a->offset <= size - a->count ? memory + a->offset : NULL;
}

/* NULL: not all of it is there. */
static uint8_t *region(const struct access *a)
{
	switch (a->region) {
	case 0: return within(bar0, BAR0_SIZE, a);
	case 2: return within(bar2, bar2_size, a);
	case VFIO_PCI_CONFIG_REGION_INDEX: return within(config, CONFIG_SIZE, a);
	}
	return NULL;
}

static size_t region_info(void *payload)
{
	struct {
		struct vfio_region_info info;
		struct vfio_region_info_cap_sparse_mmap cap;
		struct vfio_region_sparse_mmap_area area;
	} *r = payload;
	uint32_t index = r->info.index;

	memset(r, 0, sizeof(*r));
	r->info.argsz = sizeof(r->info);
	r->info.index = index;
	r->info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (index == 0)
		r->info.size = BAR0_SIZE;
	else if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		r->info.size = CONFIG_SIZE;
	else if (index != 2)
		r->info.flags = 0;
	if (index != 2)
		return sizeof(r->info);
	r->info.argsz = sizeof(*r);
	r->info.size = bar2_size + wrong * 4096;
	r->info.flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	r->info.cap_offset = sizeof(r->info);
	r->cap.header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	r->cap.header.version = 1;
	r->cap.nr_areas = 1;
	r->area.offset = 4096;
	r->area.size = bar2_size - 4096;
	return sizeof(*r);
}

static size_t irq_info(struct vfio_irq_info *info)
{
	static const uint32_t counts[] = { 1, 0, 4, 1, 1 };

	info->argsz = sizeof(*info);
	info->count = info->index < 5 ? counts[info->index] : 0;
	info->flags = info->count ? VFIO_IRQ_INFO_EVENTFD : 0;
	if (info->index == 0)
		info->flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else
		info->flags |= VFIO_IRQ_INFO_NORESIZE;
	return sizeof(*info);
}

static void count_read(const struct header *h, struct access *a, uint64_t *count)
{
	const uint64_t value = ++*count | (h->flags & MUSER_F_REPLAYED ? 1ull << 63 : 0);

	memcpy(a + 1, &value, sizeof(value));
	usleep(500); /* to be killed in: it is done, and not answered */
}

/* The reply's payload in place of the request's: its length, or -errno, or 0 bytes. */
static ssize_t access_region(const struct header *h, struct access *a)
{
	uint8_t *at = region(a);
	uint64_t offset = a->offset;

	if (!at)
		return -EINVAL;
	if (h->cmd == REGION_READ) {
		memcpy(a + 1, at, a->count);
		if (a->region == 0 && offset >= COUNT && offset < COUNT + 32)
			count_read(h, a, word(offset));
		return sizeof(*a) + a->count;
	}
	memcpy(at, a + 1, a->count);
	if (a->region == 0 && offset == FAILS)
		return -(ssize_t)*word(FAILS);
	if (a->region == 0 && offset >= FIRE && command(offset, h))
		return -EAGAIN;
	return sizeof(*a);
}

static ssize_t answer(struct header *h, void *payload)
{
	struct vfio_device_info info = { .argsz = 16, .num_regions = 9, .num_irqs = 5,
					 .flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET };

	*word(REPLAYED) += !!(h->flags & MUSER_F_REPLAYED);
	*word(WRITTEN) += !!(h->flags & MUSER_F_WRITTEN);
	if (evil)
		hostile_message(h->cmd);
	switch (h->cmd) {
	case VERSION: return 4;
	case GET_INFO:
		memcpy(payload, &info, 16);
		return 16;
	case GET_REGION_INFO: return region_info(payload);
	case GET_IRQ_INFO: return irq_info(payload);
	case SET_IRQS: return set_irqs(h, payload);
	case DMA_UNMAP:
		unmapped(payload);
		return 0;
	case REGION_READ:
	case REGION_WRITE: return access_region(h, payload);
	case RESET:
		++*word(RESETS);
		return 0;
	case MUSER_CLIENT_OPEN:
	case MUSER_CLIENT_CLOSE:
		++*word(CLIENTS);
		return 0;
	}
	return -EOPNOTSUPP;
}

/* Turns the messages in a buffer into their replies, in OUT: how many bytes. */
static size_t serve(uint8_t *in, size_t length, uint8_t *out)
{
	struct header *h;
	size_t at, n = 0;
	ssize_t size;

	for (at = 0; at + sizeof(*h) <= length; at += h->size) {
		h = (struct header *)(in + at);
		memcpy(out + n, h, h->size);
		size = answer((void *)(out + n), out + n + sizeof(*h));
		h = (struct header *)(out + n);
		if (h->flags & NO_REPLY || size == -EAGAIN) {
			h = (struct header *)(in + at);
			continue;
		}
		h->flags = IS_REPLY | (size < 0 ? IS_ERROR : 0);
		h->error = size < 0 ? -size : 0;
		h->size = sizeof(*h) + (size < 0 ? 0 : size);
		n += h->size;
		h = (struct header *)(in + at);
	}
	return n;
}

static ssize_t by_read(uint8_t *in, uint8_t *out, size_t out_len)
{
	ssize_t got;

	if (out_len && write(file, out, out_len) != (ssize_t)out_len && !evil)
		die("raw_server: write");
	got = read(file, in, max_msg);
	return got < 0 ? -errno : got;
}

static ssize_t by_exchange(uint8_t *in, uint8_t *out, size_t out_len)
{
	struct muser_exchange arg = {
		.argsz = sizeof(arg), .out = (uintptr_t)out, .out_len = out_len,
		.in = (uintptr_t)in, .in_size = max_msg, .wake_fd = -1, .timeout_ns = ~0ull,
	};

	if (ioctl(file, MUSER_EXCHANGE, &arg))
		return -errno;
	return arg.in_len;
}

static void *loop(void *unused)
{
	/* A read's reply is longer than its request: room for 63 of the longest. */
	uint8_t *in = malloc(max_msg), *out = malloc((size_t)max_msg * 64);
	size_t out_len = 0;
	ssize_t got;

	do {
		got = exchange ? by_exchange(in, out, out_len) : by_read(in, out, out_len);
		out_len = got > 0 ? serve(in, got, out) : 0;
		if (evil) {
			out_len = hostile_replies(&evil, out, out_len, (size_t)max_msg * 64);
			hostile_act(&evil, file);
			if (got < 0)
				hostile_error(&evil);
		}
	} while (got > 0 || got == -EINTR || (evil && got && got != -ENODEV));
	if (got < 0 && got != -ENODEV)
		fprintf(stderr, "raw_server: %s\n", strerror(-got));
	free(in);
	free(out);
	return NULL;
}

/* ---- start --------------------------------------------------------------------------- */

static uint8_t *memory(uint32_t space, uint64_t size)
{
	struct muser_mem arg = { .argsz = sizeof(arg), .space = space, .size = size };
	void *address;

	if (ioctl(file, MUSER_MEM_CREATE, &arg))
		die("raw_server: MUSER_MEM_CREATE");
	address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
		       MUSER_MMAP_MEM(space));
	if (address == MAP_FAILED)
		die("raw_server: mmap of memory");
	return address;
}

/*
 * Addresses of 1 GiB and less may be mapped; elsewhere DMA commands crash us, as told. Huge pages
 * would fit.
 */
static uint8_t *client_memory(void)
{
	const size_t size = DMA_ROOM, huge = 2 << 20;
	uint8_t *at = mmap(NULL, size + huge, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	at += -(uintptr_t)at & (huge - 1);
	at = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, MUSER_MMAP_DMA);
	if (at == MAP_FAILED)
		perror("raw_server: mmap of client memory");
	return at;
}

static void start(void)
{
	struct muser_info info = { .argsz = sizeof(info) };
	struct muser_start go = { .argsz = sizeof(go), .version = MUSER_API_VERSION,
				  .features = plain ? 0 : MUSER_FEATURE_CLIENT,
				  .flags = restartable ? MUSER_START_RESTARTABLE : 0 };
	uint16_t vendor = 0x1234, device = 0x5241;

	if (ioctl(file, MUSER_GET_INFO, &info))
		die("raw_server: MUSER_GET_INFO");
	max_msg = info.max_msg;
	bar0 = memory(MUSER_SPACE_STATE, BAR0_SIZE);
	*word(RUNNING) = *word(CLIENTS) = *word(REFUSES) = 0;
	bar2 = memory(2, bar2_size);
	memcpy(config + PCI_VENDOR_ID, &vendor, 2);
	memcpy(config + PCI_DEVICE_ID, &device, 2);
	config[PCI_CLASS_DEVICE + 1] = 0xff;
	dma = client_memory();
	if (ioctl(file, MUSER_START, &go))
		die("raw_server: MUSER_START");
}

int main(int argc, char **argv)
{
	char path[128];
	int option, threads = 1, limits = 0, detached = 0;
	uint64_t pins = 0;
	pthread_t thread;

	while ((option = getopt(argc, argv, "xrpwdclt:b:s:i:")) >= 0) {
		exchange |= option == 'x';
		restartable |= option == 'r';
		plain |= option == 'p';
		wrong |= option == 'w';
		limits |= option == 'l';
		detached |= option == 'd';
		if (option == 'c')
			return hostile_print();
		if (option == 't')
			threads = atoi(optarg);
		if (option == 'b')
			bar2_size = strtoull(optarg, NULL, 0);
		if (option == 'i')
			pins = strtoull(optarg, NULL, 0);
		if (option == 's')
			evil = (strtoull(optarg, NULL, 0) + 1) * 0x9e3779b97f4a7c15;
	}
	snprintf(path, sizeof(path), "/dev/muser/%.64s", argv[optind] ? argv[optind] : "");
	if (evil)
		hostile_open(&evil);
	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		die(path);
	if (limits)
		return limits_check(file);
	if (detached)
		child_detach(file);
	start();
	if (pins && pins_start(file, pins))
		die("raw_server: -i");
	if (evil)
		hostile_start(&evil, file);
	while (--threads > 0)
		pthread_create(&thread, NULL, loop, NULL);
	loop(NULL);
	return 0;
}
