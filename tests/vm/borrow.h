/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * borrow.h - system calls that take pages of memory by reference, and keep them for as long as they
 * like: pipes, io_uring. For hostile programs, by a random number: whose memory it is may change
 * meanwhile.
 *
 * Returns are as of system calls, -1 with errno. Nothing waits for more than some milliseconds.
 */
#ifndef BORROW_H
#define BORROW_H

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define RING_ENTRIES 8
#define RING_SIZE    4096 /* enough for what has so few entries */

/* One thread's. All zero: nothing is open. */
struct borrower {
	int pipe[2], scratch;
	int ring;
	char *queue;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
	struct iovec buffer; /* the ring's */
};

static inline int borrow_pipe_open(struct borrower *b)
{
	if (b->pipe[1])
		return 0;
	if (pipe2(b->pipe, O_CLOEXEC | O_NONBLOCK)) {
		b->pipe[1] = 0;
		return -1;
	}
	return 0;
}

static inline int borrow_scratch_open(struct borrower *b)
{
	if (b->scratch)
		return 0;
	b->scratch = memfd_create("borrow", MFD_CLOEXEC);
	if (b->scratch >= 0 && !ftruncate(b->scratch, 1 << 20))
		return 0;
	if (b->scratch > 0)
		close(b->scratch);
	b->scratch = 0;
	return -1;
}

/* Pages into a pipe; now and then it is read, or emptied into a file. */
static inline int64_t borrow_pipe(struct borrower *b, uint64_t random, void *at, size_t size)
{
	const struct iovec pages = { at, size };
	static __thread char got[4096];
	loff_t start = 0;

	if (borrow_pipe_open(b))
		return -1;
	switch (random % 8) {
	case 0: (void)!read(b->pipe[0], got, sizeof(got)); break;
	case 1:
		if (!borrow_scratch_open(b))
			(void)!splice(b->pipe[0], NULL, b->scratch, &start, 65536, SPLICE_F_MOVE);
		break;
	case 2:
		close(b->pipe[0]);
		close(b->pipe[1]);
		memset(b->pipe, 0, sizeof(b->pipe));
		if (borrow_pipe_open(b))
			return -1;
	}
	return vmsplice(b->pipe[1], &pages, 1, random & 64 ? SPLICE_F_GIFT : 0);
}

/* ---- io_uring ------------------------------------------------------------------------ */

static inline void borrow_ring_close(struct borrower *b)
{
	if (!b->ring)
		return;
	munmap(b->queue, RING_SIZE);
	munmap(b->sqes, RING_SIZE);
	close(b->ring);
	b->ring = 0;
}

static inline int borrow_ring_open(struct borrower *b)
{
	if (b->ring)
		return 0;
	memset(&b->params, 0, sizeof(b->params));
	b->ring = syscall(SYS_io_uring_setup, RING_ENTRIES, &b->params);
	if (b->ring < 0) {
		b->ring = 0;
		return -1;
	}
	b->queue = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b->ring,
			IORING_OFF_SQ_RING);
	b->sqes = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b->ring,
		       IORING_OFF_SQES);
	if (b->queue != MAP_FAILED && b->sqes != MAP_FAILED)
		return 0;
	close(b->ring);
	b->ring = 0;
	return -1;
}

/* As its buffer 0, which stays when the memory is unmapped. */
static inline int64_t borrow_buffer(struct borrower *b, uint64_t random, void *at, size_t size)
{
	if (random % 16 == 0)
		borrow_ring_close(b);
	if (borrow_ring_open(b))
		return -1;
	syscall(SYS_io_uring_register, b->ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
	b->buffer = (struct iovec){ at, size };
	return syscall(SYS_io_uring_register, b->ring, IORING_REGISTER_BUFFERS, &b->buffer, 1);
}

static inline uint32_t *borrow_word(struct borrower *b, uint32_t offset)
{
	return (uint32_t *)(b->queue + offset);
}

/* One operation, whose result is waited for a moment. */
static inline int64_t borrow_submit(struct borrower *b, const struct io_uring_sqe *sqe)
{
	const struct io_sqring_offsets *sq = &b->params.sq_off;
	struct __kernel_timespec wait = { .tv_nsec = 5000000 };
	struct io_uring_getevents_arg arg = { .ts = (uintptr_t)&wait };
	uint32_t *cq_head = borrow_word(b, b->params.cq_off.head);
	const uint32_t tail = *borrow_word(b, sq->tail);
	const uint32_t slot = tail & *borrow_word(b, sq->ring_mask);
	int64_t ret;

	b->sqes[slot] = *sqe;
	borrow_word(b, sq->array)[slot] = slot;
	__atomic_store_n(borrow_word(b, sq->tail), tail + 1, __ATOMIC_RELEASE);
	ret = syscall(SYS_io_uring_enter, b->ring, 1, 1,
		      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
	__atomic_store_n(cq_head, __atomic_load_n(borrow_word(b, b->params.cq_off.tail),
						  __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
	return ret;
}

/*
 * Between memory and a file: one of its own, or a few bytes of @file; its buffer, or memory as it
 * is.
 */
static inline int64_t borrow_ring(struct borrower *b, uint64_t random, void *at, size_t size,
				  int file)
{
	static const uint8_t ops[] = { IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_READ,
				       IORING_OP_WRITE };
	struct io_uring_sqe sqe = {
		.opcode = ops[random % 4],
		.flags = random & 64 ? IOSQE_ASYNC : 0,
		.off = random >> 8 & 0x7ff,
		.addr = (uintptr_t)(random % 4 < 2 ? b->buffer.iov_base : at),
		.len = random % 4 < 2 ? b->buffer.iov_len : size,
	};

	if (borrow_ring_open(b) || borrow_scratch_open(b))
		return -1;
	sqe.fd = random >> 20 & 7 ? b->scratch : file;
	if (sqe.fd == file)
		sqe.len = 16;
	return borrow_submit(b, &sqe);
}

#endif
