/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * between.c - what others do between the rounds of an unmap.
 *
 * VFIO asks for a mapping's pins round by round. Here a thread unmaps that gets little of its CPU:
 * when its pins are gone it goes on late. In the meantime the client maps and pins anew, opens a
 * second device of the same container, or closes the first one and opens it elsewhere. Another
 * thread does not come back at all: the page that it is to write its result to is write-protected.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"

#define PAGE   4096ull
#define STRIDE (1ull << 20)
#define REUSES 14 /* VFIO crashes at the eleventh round of one mapping */
#define TRIES  50
#define HOGS   2
#define NICE   15

/* What raw_server has in BAR0. */
enum { IOVA = 0xf08, SIZE = 0xf10, DMA = 0xf20, RESULT = 0xf38 };
enum { PIN = 1, COPY_FILL = 6, PIN_EACH = 11 };

struct unmapping {
	struct client client; /* as it was: it may be another one soon */
	uint64_t iova, size;
	pthread_t thread;
	int is_slow;
	_Atomic int returned;
	int64_t ret;
};

/* A second device of the container, and its server. */
static struct client partner = { .container = -1, .group = -1, .device = -1 };
static _Atomic int hogging;

/* ---- waiting --------------------------------------------------------------------------- */

/* Half of what the script waits. */
static uint64_t patience_ns(void)
{
	const char *seconds = getenv("TAP_SECONDS");

	return (seconds ? strtoull(seconds, NULL, 0) : 60) * 500000000ull;
}

/* Of this process, as VFIO counts: it becomes less when that has let go of a page. */
static int64_t pinned_kb(void)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t got = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[got > 0 ? got : 0] = 0;
	at = strstr(text, "VmLck:");
	return at ? atoll(at + strlen("VmLck:")) : 0;
}

/* It is between two rounds, or about to be: 1; it has returned: 0; neither comes: -ETIMEDOUT. */
static int await_between(const struct unmapping *u, int64_t kb)
{
	const uint64_t end = now_ns() + patience_ns();

	while (!atomic_load(&u->returned)) {
		if (pinned_kb() < kb)
			return 1;
		if (now_ns() > end)
			return -ETIMEDOUT;
	}
	return 0;
}

static int await_return(struct unmapping *u)
{
	const uint64_t end = now_ns() + patience_ns();

	while (!atomic_load(&u->returned)) {
		if (now_ns() > end)
			return unexpected("an unmap of 0x%" PRIx64 " does not return", u->iova);
		usleep(1000);
	}
	pthread_join(u->thread, NULL);
	return u->ret < 0 ? (int)u->ret : 0;
}

/* ---- threads --------------------------------------------------------------------------- */

static void use_cpu(int nr)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(nr, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *hog(void *unused)
{
	use_cpu(1);
	while (atomic_load(&hogging))
		;
	return unused;
}

static void *unmap_run(void *data)
{
	struct unmapping *u = data;

	if (u->is_slow) {
		use_cpu(1);
		setpriority(PRIO_PROCESS, gettid(), NICE);
	}
	u->ret = memory_unmap(&u->client, u->iova, u->size);
	atomic_store(&u->returned, 1);
	return NULL;
}

static int unmap_begin(struct unmapping *u, const struct client *c, uint64_t iova, uint64_t size,
		       int is_slow)
{
	*u = (struct unmapping){ .client = *c, .iova = iova, .size = size, .is_slow = is_slow };
	return -pthread_create(&u->thread, NULL, unmap_run, u);
}

static int with_hogs(int (*run)(struct client *c, uint64_t iova, uint64_t size), struct client *c,
		     char **argv)
{
	pthread_t hogs[HOGS];
	uint64_t iova, size;
	int i, ret;

	if (number(argv[0], &iova) || number(argv[1], &size))
		return -EPROTO;
	use_cpu(0);
	atomic_store(&hogging, 1);
	for (i = 0; i < HOGS; i++)
		if (pthread_create(&hogs[i], NULL, hog, NULL))
			return -EAGAIN;
	ret = run(c, iova, size);
	atomic_store(&hogging, 0);
	for (i = 0; i < HOGS; i++)
		pthread_join(hogs[i], NULL);
	return ret;
}

/* ---- memory ---------------------------------------------------------------------------- */

static int server(struct client *c, uint64_t command, uint64_t iova, uint64_t size)
{
	uint64_t result = 0;
	int ret = region_write(c, 0, IOVA, &iova, sizeof(iova));

	if (!ret)
		ret = region_write(c, 0, SIZE, &size, sizeof(size));
	if (!ret)
		ret = region_write(c, 0, DMA, &command, sizeof(command));
	if (!ret)
		ret = region_read(c, 0, RESULT, &result, sizeof(result));
	return ret ? ret : -(int)result;
}

static int map_pages(struct client *c, uint64_t iova, uint64_t size)
{
	struct memory m = { .iova = iova, .size = size };

	m.address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return m.address == MAP_FAILED ? -errno : memory_map(c, &m, MEMORY_RW);
}

static int map_pinned(struct client *c, uint64_t iova)
{
	const int ret = map_pages(c, iova, PAGE);

	return ret ? ret : server(c, PIN, iova, PAGE);
}

/* ---- memory that is used again ----------------------------------------------------------- */

/*
 * The mapping goes and another one comes, which VFIO knows by the same piece of its memory: nothing
 * is to be allocated in between. The thread may come first: then there is nothing to pin.
 */
static int reuse_once(struct client *c, uint64_t iova)
{
	const uint64_t base = iova;
	const int64_t kb = pinned_kb() + 4;
	static struct unmapping u;
	int i, ret = map_pinned(c, iova);

	if (!ret)
		ret = unmap_begin(&u, c, base, REUSES * STRIDE, 1);
	if (ret)
		return ret;
	for (i = 1; i < REUSES && (ret = await_between(&u, kb)) == 1; i++) {
		memory_unmap(c, iova, PAGE);
		iova += STRIDE;
		map_pinned(c, iova);
	}
	if (ret >= 0)
		ret = await_return(&u);
	return ret ? ret : (int)memory_unmap(c, base, REUSES * STRIDE);
}

static int reuse(struct client *c, uint64_t iova, uint64_t times)
{
	int ret = 0;

	while (ret >= 0 && times--)
		ret = reuse_once(c, iova);
	return ret < 0 ? ret : 0;
}

static int run_reuse(struct client *c, int argc, char **argv)
{
	return with_hogs(reuse, c, argv);
}

/* ---- a second device ------------------------------------------------------------------- */

static int run_partner(struct client *c, int argc, char **argv)
{
	partner.container = c->container;
	return device_join(&partner, strdup(argv[0]));
}

static int partner_open(void)
{
	partner.device = device_get(&partner, partner.uuid);
	return partner.device < 0 ? partner.device : 0;
}

/* A page is unmapped, and the second device has it pinned between the rounds: 1; 0: too late. */
static int come_between(struct client *c, struct unmapping *u, uint64_t iova)
{
	const int64_t kb = pinned_kb() + 4;
	int ret = map_pinned(c, iova);

	if (!ret)
		ret = unmap_begin(u, c, iova, PAGE, 1);
	if (!ret)
		ret = await_between(u, kb);
	if (ret < 0)
		return ret;
	ret = partner_open();
	if (ret)
		return ret;
	if (!server(&partner, PIN, iova, PAGE))
		return 1;
	close(partner.device);
	return await_return(u);
}

/*
 * Below IOVA. Then another thread unmaps what takes more than a round: each of the two waits for
 * what is late, before it returns.
 */
static int cross(struct client *c, uint64_t iova, uint64_t size)
{
	static struct unmapping page, all;
	int i, ret = 0;

	for (i = 0; i < TRIES && !ret; i++)
		ret = come_between(c, &page, iova - STRIDE);
	if (ret <= 0)
		return ret ? ret : unexpected("nothing came between two rounds");
	ret = unmap_begin(&all, c, iova, size, 0);
	if (!ret)
		ret = await_return(&page);
	if (!ret)
		ret = await_return(&all);
	close(partner.device);
	return ret;
}

static int run_cross(struct client *c, int argc, char **argv)
{
	return with_hogs(cross, c, argv);
}

/* ---- the next client ------------------------------------------------------------------- */

/* Of the first device, in a container of its own: memory there is its own as well. */
static int next_client(struct client *c, uint64_t iova, uint64_t size)
{
	int ret;

	close(c->device);
	close(c->group);
	ret = device_open(c, c->uuid);
	if (!ret)
		ret = map_pages(c, iova, size);
	return ret ? ret : server(c, COPY_FILL, iova, size);
}

/* The second device has every other page pinned, each by itself. */
static int succeed(struct client *c, uint64_t iova, uint64_t size)
{
	static struct unmapping u;
	int ret = partner_open();

	if (!ret)
		ret = server(&partner, PIN_EACH, iova, size);
	if (!ret)
		ret = unmap_begin(&u, c, iova, size, 1);
	if (!ret)
		ret = await_between(&u, size / PAGE / 2 * 4);
	if (ret == 1)
		ret = next_client(c, iova, size);
	if (!ret && atomic_load(&u.returned))
		ret = unexpected("the unmap was faster than the next client");
	atomic_store(&hogging, 0);
	return ret ? ret : await_return(&u);
}

static int run_succeed(struct client *c, int argc, char **argv)
{
	return with_hogs(succeed, c, argv);
}

/* ---- a thread that lingers --------------------------------------------------------------- */

static struct {
	struct vfio_iommu_type1_dma_unmap *dma;
	int container, uffd;
	pthread_t thread;
} lingering;

static void *linger_run(void *unused)
{
	xioctl(lingering.container, VFIO_IOMMU_UNMAP_DMA, lingering.dma);
	return unused;
}

static int linger_protect(int on)
{
	struct uffdio_writeprotect protect = {
		.range = { (uintptr_t)lingering.dma, PAGE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(lingering.uffd, UFFDIO_WRITEPROTECT, &protect) ? -errno : 0;
}

static int linger_watch(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register page = {
		.range = { (uintptr_t)lingering.dma, PAGE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	lingering.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (lingering.uffd < 0 || ioctl(lingering.uffd, UFFDIO_API, &api) ||
	    ioctl(lingering.uffd, UFFDIO_REGISTER, &page))
		return -errno;
	return linger_protect(1);
}

static int run_linger(struct client *c, int argc, char **argv)
{
	struct pollfd fd = { .events = POLLIN };
	uint64_t iova, size;
	int ret;

	if (number(argv[0], &iova) || number(argv[1], &size))
		return -EPROTO;
	lingering.container = c->container;
	lingering.dma = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	if (lingering.dma == MAP_FAILED)
		return -errno;
	*lingering.dma = (struct vfio_iommu_type1_dma_unmap){ .argsz = sizeof(*lingering.dma),
							      .iova = iova, .size = size };
	ret = linger_watch();
	if (!ret)
		ret = -pthread_create(&lingering.thread, NULL, linger_run, NULL);
	fd.fd = lingering.uffd;
	return ret ? ret : poll(&fd, 1, patience_ns() / 1000000) == 1 ? 0 : -ETIMEDOUT;
}

static int run_return(struct client *c, int argc, char **argv)
{
	const int ret = linger_protect(0);

	if (ret)
		return ret;
	pthread_join(lingering.thread, NULL);
	close(lingering.uffd);
	return munmap(lingering.dma, PAGE) ? -errno : 0;
}

const struct command between_commands[] = {
	{ "reuse", "IOVA TIMES: map and pin anew between the rounds of an unmap", 2, run_reuse },
	{ "partner", "UUID: the group of a second device joins the container", 1, run_partner },
	{ "cross", "IOVA SIZE: it is unmapped while the partner comes and pins", 2, run_cross },
	{ "succeed", "IOVA SIZE: of the partner; another client comes meanwhile", 2, run_succeed },
	{ "linger", "IOVA SIZE: unmapped by a thread that stays in the kernel", 2, run_linger },
	{ "return", "that thread goes on", 0, run_return },
	{ 0 },
};
