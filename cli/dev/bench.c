/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.c - the tests of musctl bench. Each sends requests that leave a device as it
 * was: a write puts back what was read, an eventfd is taken away again, a window
 * unmapped. Sorting happens when the clock has stopped.
 */
#include "dev/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ui/clock.h"

#define WINDOW_ADDR 0x100000000ull
#define WINDOW_SIZE (2u << 20)

static int compare_times(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void summarize(struct bench *b, struct bench_result *r)
{
	const uint64_t n = r->samples;

	if (r->total_ns)
		r->rate = (uint64_t)((double)r->requests * 1e9 / (double)r->total_ns);
	if (!n)
		return;
	qsort(b->times, n, sizeof(*b->times), compare_times);
	r->min = b->times[0];
	r->max = b->times[n - 1];
	r->mean = r->total_ns / r->requests;
	r->p50 = b->times[n / 2];
	r->p90 = b->times[n * 90 / 100];
	r->p99 = b->times[n * 99 / 100];
	r->p999 = b->times[n * 999 / 1000];
}

/* ---- a request at a time ---------------------------------------------------- */

/* fn, again and again; requests of the server in each. */
static int repeat(struct bench *b, struct bench_result *r, int (*fn)(struct bench *b),
		  unsigned int requests)
{
	const uint64_t start = clock_ns();
	uint64_t before = start, after = start;
	uint64_t i;
	int err = 0;

	for (i = 0; !err && i < b->count; i++, before = after) {
		err = fn(b);
		after = clock_ns();
		b->times[i] = (after - before) / requests;
	}
	r->samples = i;
	r->requests = i * requests;
	r->total_ns = after - start;
	summarize(b, r);
	return err;
}

static int read_once(struct bench *b)
{
	uint8_t buf[8];

	return lm_client_region_read(b->client, b->location.region, b->location.offset, buf,
				     b->location.width);
}

static int test_read(struct bench *b, struct bench_result *r)
{
	return repeat(b, r, read_once, 1);
}

static int present_read(struct bench *b)
{
	return lm_client_region_read(b->client, b->location.region, b->location.offset, b->present,
				     b->location.width);
}

static int write_once(struct bench *b)
{
	return lm_client_region_write(b->client, b->location.region, b->location.offset, b->present,
				      b->location.width);
}

static int test_write(struct bench *b, struct bench_result *r)
{
	int err = present_read(b);

	return err ? err : repeat(b, r, write_once, 1);
}

static int info_once(struct bench *b)
{
	struct vfio_device_info info;

	return lm_client_device_info(b->client, &info);
}

static int test_info(struct bench *b, struct bench_result *r)
{
	return repeat(b, r, info_once, 1);
}

/* ---- many at a time --------------------------------------------------------- */

/* The last read is the proof that the writes before it are done. */
static int test_posted(struct bench *b, struct bench_result *r)
{
	const uint64_t start = clock_ns();
	int err = present_read(b);
	lm_client_op_t op = {
		.kind = LM_CLIENT_WRITE_POSTED,
		.region = b->location.region,
		.offset = b->location.offset,
		.buf = b->present,
		.count = b->location.width,
	};

	while (!err && r->requests < b->count) {
		err = lm_client_queue(b->client, &op);
		if (!err && ++r->requests % b->depth == 0)
			err = lm_client_flush(b->client);
		/* The server is slower than we are: wait until it has read. */
		if (err == -EAGAIN || err == 1)
			err = lm_client_wait(b->client, 0);
	}
	err = err ? err : read_once(b);
	r->total_ns = clock_ns() - start;
	summarize(b, r);
	return err;
}

static int ops_run(struct bench *b, lm_client_op_t *ops, uint32_t nr)
{
	uint32_t i;
	int err = 0;

	for (i = 0; !err && i < nr; i++)
		err = lm_client_queue(b->client, &ops[i]);
	if (!err)
		err = lm_client_wait(b->client, 0);
	for (i = 0; !err && i < nr; i++)
		err = ops[i].result;
	return err;
}

static int in_flight(struct bench *b, struct bench_result *r, uint32_t kind)
{
	lm_client_op_t *ops = calloc(b->depth, sizeof(*ops));
	uint8_t(*bufs)[8] = calloc(b->depth, sizeof(*bufs));
	const uint64_t start = clock_ns();
	uint64_t before = start, after = start;
	uint32_t i;
	int err = ops && bufs ? present_read(b) : -ENOMEM;

	for (i = 0; !err && i < b->depth; i++) {
		memcpy(bufs[i], b->present, sizeof(b->present));
		ops[i] = (lm_client_op_t){
			.kind = kind,
			.region = b->location.region,
			.offset = b->location.offset,
			.buf = bufs[i],
			.count = b->location.width,
		};
	}
	while (!err && r->requests < b->count) {
		before = clock_ns();
		err = ops_run(b, ops, b->depth);
		after = clock_ns();
		b->times[r->samples++] = (after - before) / b->depth;
		r->requests += b->depth;
	}
	r->total_ns = after - start;
	summarize(b, r);
	free(bufs);
	free(ops);
	return err;
}

static int test_reads(struct bench *b, struct bench_result *r)
{
	return in_flight(b, r, LM_CLIENT_READ);
}

static int test_writes(struct bench *b, struct bench_result *r)
{
	return in_flight(b, r, LM_CLIENT_WRITE);
}

static int test_multi(struct bench *b, struct bench_result *r)
{
	lm_client_write_t *writes = calloc(b->depth, sizeof(*writes));
	const uint64_t start = clock_ns();
	uint64_t before = start, after = start;
	uint32_t i;
	int err = writes ? present_read(b) : -ENOMEM;

	for (i = 0; !err && i < b->depth; i++) {
		writes[i] = (lm_client_write_t){
			.offset = b->location.offset,
			.region = b->location.region,
			.count = b->location.width,
		};
		memcpy(writes[i].data, b->present, sizeof(b->present));
	}
	while (!err && r->requests < b->count) {
		before = clock_ns();
		err = lm_client_region_write_multi(b->client, writes, b->depth, NULL);
		after = clock_ns();
		b->times[r->samples++] = (after - before) / b->depth;
		r->requests += b->depth;
	}
	r->total_ns = after - start;
	summarize(b, r);
	free(writes);
	return err;
}

/* ---- interrupts and DMA ----------------------------------------------------- */

static int irqs_once(struct bench *b)
{
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = b->irq_index,
		.count = 1,
		.fds = &b->fd,
	};
	int err = lm_client_set_irqs(b->client, &set);

	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	set.count = 0;
	return err ? err : lm_client_set_irqs(b->client, &set);
}

/* The first kind of interrupt that has any. */
static int irqs_find(struct bench *b)
{
	struct vfio_device_info device;
	struct vfio_irq_info info;
	int err = lm_client_device_info(b->client, &device);
	uint32_t i;

	for (i = 0; !err && i < device.num_irqs; i++) {
		b->irq_index = i;
		err = lm_client_irq_info(b->client, i, &info);
		if (!err && info.count)
			return 0;
	}
	return err ? err : -EOPNOTSUPP;
}

static int test_irqs(struct bench *b, struct bench_result *r)
{
	int err = irqs_find(b);

	if (err)
		return err;
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->fd < 0)
		return -errno;
	err = repeat(b, r, irqs_once, 2);
	close(b->fd);
	return err;
}

static int dma_once(struct bench *b)
{
	const lm_client_dma_map_t window = {
		.addr = WINDOW_ADDR,
		.size = WINDOW_SIZE,
		.fd = b->fd,
		.flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE,
	};
	int err = lm_client_dma_map(b->client, &window);

	return err ? err : lm_client_dma_unmap(b->client, WINDOW_ADDR, WINDOW_SIZE);
}

static int test_dma(struct bench *b, struct bench_result *r)
{
	int err;

	b->fd = memfd_create("bench", MFD_CLOEXEC);
	if (b->fd < 0)
		return -errno;
	err = ftruncate(b->fd, WINDOW_SIZE) ? -errno : 0;
	err = err ? err : repeat(b, r, dma_once, 2);
	close(b->fd);
	return err;
}

const struct bench_test bench_tests[] = {
	{ "read", "region reads, one at a time", test_read },
	{ "write", "region writes, one at a time", test_write },
	{ "info", "GET_INFO, which touches no device", test_info },
	{ "posted", "writes without a reply, then a read", test_posted },
	{ "reads", "region reads, many in flight", test_reads },
	{ "writes", "region writes, many in flight", test_writes },
	{ "multi", "region writes, many in a message", test_multi },
	{ "irqs", "SET_IRQS, assigning and removing an eventfd", test_irqs },
	{ "dma", "DMA_MAP and DMA_UNMAP of a 2-MiB file", test_dma },
	{ 0 }
};
