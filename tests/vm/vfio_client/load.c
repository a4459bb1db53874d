/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load.c - many threads on one device, each on 8 bytes of its own, or all on the same.
 *
 * What a thread reads must be what it wrote last, where nobody else writes: a reply that went to
 * another thread, or a write that was lost, shows. No access may fail.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

#define MAX_THREADS 128

struct load {
	struct client *client;
	uint64_t base; /* of the region, in the device's file */
	uint64_t offset, stride;
	_Atomic uint64_t deadline_ns;
	_Atomic uint64_t good, failed, wrong;
};

struct worker {
	pthread_t thread;
	struct load *load;
	uint64_t place, last, random;
	int known; /* last is what the device has */
};

static struct load the_load;

static int count_failure(struct worker *w, const char *what)
{
	const int error = errno;

	atomic_fetch_add(&w->load->failed, 1);
	return unexpected("%s: %s", what, strerror(error));
}

static int write_some(struct worker *w)
{
	uint64_t value = next_random(&w->random), width = 1 << (value >> 60 & 3);

	if (pwrite(w->load->client->device, &value, width, w->place) != (ssize_t)width)
		return count_failure(w, "write");
	if (!w->known && width < 8)
		return 0;
	memcpy(&w->last, &value, width);
	w->known = 1;
	atomic_fetch_add(&w->load->good, 1);
	return 0;
}

static int read_some(struct worker *w)
{
	uint64_t value = 0, width = 1 << (next_random(&w->random) >> 60 & 3);

	if (pread(w->load->client->device, &value, width, w->place) != (ssize_t)width)
		return count_failure(w, "read");
	atomic_fetch_add(&w->load->good, 1);
	if (!w->known || !memcmp(&value, &w->last, width))
		return 0;
	atomic_fetch_add(&w->load->wrong, 1);
	return unexpected("0x%" PRIx64 ": read 0x%" PRIx64 " (%d bytes), wrote 0x%" PRIx64,
			  w->place, value, (int)width, w->last);
}

/* At least once, however late a thread of many begins. */
static void *work(void *arg)
{
	struct worker *w = arg;

	do {
		if (write_some(w) || read_some(w)) {
			atomic_fetch_add(&w->load->wrong, 1);
			break;
		}
	} while (now_ns() < w->load->deadline_ns && !atomic_load(&w->load->wrong));
	return NULL;
}

static void *write_once(void *arg)
{
	const uint64_t one = 1;
	struct worker *w = arg;

	if (pwrite(w->load->client->device, &one, sizeof(one), w->place) != sizeof(one))
		count_failure(w, "write");
	return NULL;
}

static int run_workers(struct load *load, uint64_t nr, void *(*run)(void *))
{
	static struct worker workers[MAX_THREADS];
	uint64_t i, started;
	int ret = 0;

	memset(workers, 0, sizeof(workers));
	for (i = 0; i < nr && !ret; i++) {
		workers[i].load = load;
		workers[i].place = load->base + load->offset + load->stride * i;
		workers[i].random = seed_of(i);
		ret = -pthread_create(&workers[i].thread, NULL, run, &workers[i]);
	}
	started = ret ? i - 1 : i;
	for (i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	return ret;
}

static int set_place(struct load *load, struct client *c, const char *region, const char *offset)
{
	struct vfio_region_info info;
	uint32_t index;
	int ret;

	memset(load, 0, sizeof(*load));
	load->client = c;
	if (region_index(region, &index) || number(offset, &load->offset))
		return -EPROTO;
	ret = region_info(c, index, &info, sizeof(info));
	if (ret < 0)
		return ret;
	load->base = info.offset;
	return 0;
}

static int run_together(struct client *c, int argc, char **argv)
{
	uint64_t threads;
	int ret = set_place(&the_load, c, argv[1], argv[2]);

	if (ret)
		return ret;
	if (number(argv[0], &threads) || threads > MAX_THREADS)
		return -EPROTO;
	ret = run_workers(&the_load, threads, write_once);
	return ret ? ret : atomic_load(&the_load.failed) ? -EPROTO : 0;
}

static int run_load(struct client *c, int argc, char **argv)
{
	struct load *load = &the_load;
	uint64_t threads, ms;
	int ret = set_place(load, c, argv[2], argv[3]);

	if (ret)
		return ret;
	if (number(argv[0], &threads) || number(argv[1], &ms) || threads > MAX_THREADS)
		return -EPROTO;
	load->stride = 8;
	load->deadline_ns = now_ns() + ms * 1000000;
	ret = run_workers(load, threads, work);
	if (ret)
		return ret;
	printf("good=%" PRIu64 " failed=%" PRIu64 " wrong=%" PRIu64 "\n", atomic_load(&load->good),
	       atomic_load(&load->failed), atomic_load(&load->wrong));
	return atomic_load(&load->wrong) ? -EPROTO : 0;
}

const struct command load_commands[] = {
	{ "load", "THREADS MS REGION OFFSET", 4, run_load },
	{ "together", "THREADS REGION OFFSET", 3, run_together },
	{ 0 },
};
