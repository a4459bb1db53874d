/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_fixture.h - a DMA map without a server: files to share, a device that notes what it
 * is told, and doubles of the functions through which DMA talks to the client. For one
 * test program each.
 */
#ifndef DMA_FIXTURE_H
#define DMA_FIXTURE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dma/dma_window.h"
#include "wire/host.h"
#include "../fds.h"

#define PAGE      4096ull
#define RW        (PROT_READ | PROT_WRITE)
#define MAX_TOLD  64

/* What the device was told, and how it answers. */
struct device {
	unsigned int nr_maps, nr_unmaps;
	uint64_t     addr[MAX_TOLD], len[MAX_TOLD]; /* of unmaps */
	bool         defers;
	lm_token_t   token[MAX_TOLD];
	void       (*in_unmap)(void);
};

/* What the client was asked, and how it answers. */
struct peer {
	struct dma_request request;
	lm_dma_done_t     *done;
	void              *arg;
	unsigned int       nr_requests;
	int                answer;      /* of the call itself */
	char               memory[64];  /* what a read gives */
	unsigned int       nr_unmapped; /* answers to a DMA_UNMAP that waited */
};

static struct lm_ctx ctx;
static struct device device;
static struct peer peer;

static int peer_copy(struct lm_ctx *c, const struct dma_request *request, lm_dma_done_t *done,
		     void *arg)
{
	peer.request = *request;
	peer.done = done;
	peer.arg = arg;
	peer.nr_requests++;
	return peer.answer;
}

static int peer_copy_wait(struct lm_ctx *c, const struct dma_request *request)
{
	peer.request = *request;
	peer.nr_requests++;
	if (!peer.answer && !request->is_write)
		memcpy(request->data, peer.memory, request->len);
	else if (!peer.answer)
		memcpy(peer.memory, request->data, request->len);
	return peer.answer;
}

static void peer_unmapped(struct lm_ctx *c, ssize_t result)
{
	assert_int_equal(result, 0);
	peer.nr_unmapped++;
}

static const struct dma_peer peer_ops = {
	.copy = peer_copy, .copy_wait = peer_copy_wait,
	.unmapped = peer_unmapped,
};

static inline void device_map(void *pvt, dma_addr_t addr, uint64_t len)
{
	device.nr_maps++;
}

static inline int device_unmap(void *pvt, dma_addr_t addr, uint64_t len)
{
	const unsigned int i = device.nr_unmaps++;

	if (i < MAX_TOLD) {
		device.addr[i] = addr;
		device.len[i] = len;
	}
	if (device.in_unmap)
		device.in_unmap();
	if (!device.defers)
		return 0;
	device.token[i] = lm_defer(&ctx);
	return LM_DEFER;
}

static inline int dma_setup(void **state)
{
	memset(&ctx, 0, sizeof(ctx));
	memset(&device, 0, sizeof(device));
	memset(&peer, 0, sizeof(peer));
	ctx.host = &socket_host;
	ctx.info.dma_map = device_map;
	ctx.info.dma_unmap = device_unmap;
	return dma_new(&ctx) ?: (dma_set_peer(&ctx, &peer_ops), 0);
}

static inline int dma_teardown(void **state)
{
	device.in_unmap = NULL;
	dma_free(&ctx);
	return ctx.dma || ctx.running || ctx.deferred;
}

#define DMA_TEST(fn) cmocka_unit_test_setup_teardown(fn, dma_setup, dma_teardown)

/* ---- files ----------------------------------------------------------------------- */

/* Byte @i of every file is byte_at(i). */
static inline uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

static inline void file_fill(int fd, uint64_t from, uint64_t to)
{
	uint8_t buf[PAGE];
	uint64_t i;

	while (from < to) {
		const uint64_t len = to - from < sizeof(buf) ? to - from : sizeof(buf);

		for (i = 0; i < len; i++)
			buf[i] = byte_at(from + i);
		assert_int_equal(pwrite(fd, buf, len, (off_t)from), len);
		from += len;
	}
}

static inline int file_new(uint64_t size, int seals)
{
	const int fd = memfd_create("dma-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	file_fill(fd, 0, size);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static inline int sealed_file(uint64_t size)
{
	return file_new(size, F_SEAL_SHRINK);
}

/* Mappings of test files; with @perms ("r--s") only those. */
static inline unsigned int mappings(const char *perms)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned int nr = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "memfd:dma-test") && (!perms || strstr(line, perms)))
			nr++;
	}
	fclose(f);
	return nr;
}

/* ---- windows --------------------------------------------------------------------- */

/* As a client does it: the descriptor is a copy of its own. -errno of dma_map(). */
static inline int try_map(struct dma_window w)
{
	int ret;

	if (w.fd >= 0)
		w.fd = fcntl(w.fd, F_DUPFD_CLOEXEC, 3);
	ret = dma_map(&ctx, &w);
	if (ret && w.fd >= 0)
		assert_int_equal(close(w.fd), 0); /* on failure it is still ours */
	return ret;
}

static inline void map_file(uint64_t addr, uint64_t size, int fd, uint64_t offset)
{
	assert_int_equal(try_map((struct dma_window){
		.addr = addr, .size = size, .offset = offset, .prot = RW, .fd = fd }), 0);
}

static inline void map_message(uint64_t addr, uint64_t size)
{
	map_file(addr, size, -1, 0);
}

static inline int unmap(uint64_t addr, uint64_t size)
{
	return dma_unmap(&ctx, addr, size, false);
}

/* One entry for a range that has to be there. */
static inline dma_sg_t find(uint64_t addr, uint32_t len)
{
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(&ctx, addr, len, &sg, 1), 1);
	return sg;
}

static inline bool is_found(uint64_t addr)
{
	dma_sg_t sg;

	return lm_addr_to_sg(&ctx, addr, 1, &sg, 1) == 1;
}

static inline struct iovec hold(const dma_sg_t *sg, int prot)
{
	struct iovec iov;

	assert_int_equal(lm_map_sg(&ctx, prot, sg, &iov, 1), 0);
	return iov;
}

static inline void release(const dma_sg_t *sg)
{
	struct iovec iov = { 0 };

	lm_unmap_sg(&ctx, sg, &iov, 1);
}

/* The memory at @addr is bytes [offset, offset + len) of a file. */
static inline void check_bytes(uint64_t addr, uint32_t len, uint64_t offset)
{
	dma_sg_t sg = find(addr, len);
	struct iovec iov = hold(&sg, PROT_READ);
	uint32_t i;

	assert_int_equal(iov.iov_len, len);
	for (i = 0; i < len; i++)
		assert_int_equal(((uint8_t *)iov.iov_base)[i], byte_at(offset + i));
	release(&sg);
}

struct shown {
	uint64_t    addr;
	const char *kind;
	uint32_t    held;
	bool        is_there;
};

static inline bool show_one(void *arg, const struct dma_window *w, const char *kind,
			    uint32_t held)
{
	struct shown *s = arg;

	if (w->addr != s->addr)
		return true;
	s->kind = kind;
	s->held = held;
	s->is_there = true;
	return false;
}

/* What musctl show says of the window at @addr. */
static inline struct shown show(uint64_t addr)
{
	struct shown s = { .addr = addr, .kind = "none" };

	dma_for_each(&ctx, 0, show_one, &s);
	return s;
}

#define assert_kind(addr, name) assert_string_equal(show(addr).kind, name)

#endif /* DMA_FIXTURE_H */
