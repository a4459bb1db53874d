/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz.h - what the fuzzers share: reading their input, descriptors of all kinds to hand out,
 * and looking for descriptors that were left.
 *
 * An input is a program for its target: bytes are taken one after the other, and where there
 * are no more, zeros are. A property that does not hold ends the process, as a crash does.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUZZ_CHECK(condition) do { \
	if (!(condition)) { \
		fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
} while (0)

/* ---- the input ------------------------------------------------------------------- */

struct input {
	const uint8_t *data;
	size_t         left;
};

/* What there is, at most @len bytes; *got of them. */
static inline const uint8_t *take_some(struct input *in, size_t len, size_t *got)
{
	const uint8_t *p = in->data;

	*got = len < in->left ? len : in->left;
	if (*got)
		in->data += *got;
	in->left -= *got;
	return p;
}

static inline void take(struct input *in, void *to, size_t len)
{
	size_t got;
	const uint8_t *p = take_some(in, len, &got);

	if (got)
		memcpy(to, p, got);
	memset((char *)to + got, 0, len - got);
}

static inline uint8_t take_u8(struct input *in)
{
	uint8_t value;

	take(in, &value, sizeof(value));
	return value;
}

static inline uint16_t take_u16(struct input *in)
{
	uint16_t value;

	take(in, &value, sizeof(value));
	return value;
}

static inline uint32_t take_u32(struct input *in)
{
	uint32_t value;

	take(in, &value, sizeof(value));
	return value;
}

static inline uint64_t take_u64(struct input *in)
{
	uint64_t value;

	take(in, &value, sizeof(value));
	return value;
}

/* One byte: small numbers of pages, the ends of the number range, or eight bytes more. */
static inline uint64_t take_number(struct input *in)
{
	const uint8_t b = take_u8(in);

	if (b < 0x80)
		return b;
	if (b < 0xc0)
		return (uint64_t)(b & 0x3f) << 12;
	if (b < 0xe0)
		return 1ull << ((b & 0x1f) * 2);
	if (b < 0xf0)
		return 0 - (1ull << (b & 0xf));
	if (b < 0xf8)
		return UINT64_MAX >> (b & 7) * 8;
	return b == 0xff ? take_u64(in) : take_u16(in);
}

/* ---- descriptors ----------------------------------------------------------------- */

#define FUZZ_FILE_SIZE (64u * 1024u)

/* A memfd, sealed against shrinking or not. */
static inline int memfd_new(uint64_t size, bool sealed)
{
	const int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(!ftruncate(fd, (off_t)size));
	if (sealed)
		FUZZ_CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	return fd;
}

static inline int other_end_closed(bool pair)
{
	int fds[2];

	FUZZ_CHECK(!(pair ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds)));
	close(fds[0]);
	return fds[1];
}

/* A descriptor of one of these kinds; the caller's. */
static inline int fd_new(unsigned int kind)
{
	switch (kind % 8) {
	case 0: return memfd_new(FUZZ_FILE_SIZE, true);
	case 1: return memfd_new(FUZZ_FILE_SIZE, false);
	case 2: return eventfd(0, EFD_CLOEXEC);
	case 3: return eventfd(1, EFD_NONBLOCK | EFD_SEMAPHORE);
	case 4: return other_end_closed(false);
	case 5: return other_end_closed(true);
	case 6: return memfd_new(0, false);
	default: return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
}

/* ---- sockets --------------------------------------------------------------------- */

#define FUZZ_MAX_FDS 20u

/* Bytes with descriptors, which stay the caller's: what sendmsg(2) gave. Never waits. */
static inline ssize_t send_fds(int sock, const void *buf, size_t len, const int *fds,
			       unsigned int nr)
{
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fds_room room;

	fds_attach(&msg, &room, fds, nr);
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What came, its descriptors in @fds (room for FUZZ_MAX_FDS), *nr of them. Never waits. */
static inline ssize_t receive_fds(int sock, void *buf, size_t len, int *fds, unsigned int *nr)
{
	union fds_room room;
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = CMSG_SPACE(FUZZ_MAX_FDS * sizeof(int)) };
	const ssize_t got = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*nr = got < 0 ? 0 : fds_take(&msg, fds, FUZZ_MAX_FDS);
	return got;
}

#endif /* FUZZ_H */
