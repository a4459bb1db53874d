/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * many.c - a thousand devices in one process: how long they take to make, what each costs while
 * it is idle, and whether a round trip to one of them costs more than to a single device.
 *
 * The process serves all of them from one epoll set over their lm_ctx_fd(); each has its own
 * socket, folder and control endpoint. At the end nothing may be left of them.
 */
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include "bench.h"

#define MANY  1000u
#define TRIPS 20000u

struct host {
	unsigned int nr;
	char         dir[32]; /* runtime folder of its own */
	pid_t        pid;
	int          fd;      /* it says here how it goes; closed: end */
	int          client;
	double       create_ms, dirty_kib, destroy_ms;
	double       p50[ROUNDS_MAX];
};

/* ---- the process with the devices ------------------------------------------- */

static double private_dirty_kib(void)
{
	double kib = 0;
	char line[256];
	FILE *f = fopen("/proc/self/smaps_rollup", "re");

	if (!f)
		bench_fail("smaps_rollup", errno);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Dirty: %lf", &kib) == 1)
			break;
	}
	fclose(f);
	return kib;
}

static void more_descriptors(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static lm_ctx_t *device_create(unsigned int idx)
{
	lm_dev_info_t info = *device_find("null")->info;
	char uuid[37];
	lm_ctx_t *ctx;

	snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012u", idx);
	info.uuid = uuid;
	ctx = lm_ctx_create(&info);
	if (!ctx)
		bench_fail("lm_ctx_create", errno);
	return ctx;
}

static void say(int fd, double value)
{
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		exit(1);
}

static void serve(int epfd, int stop_fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	epoll_ctl(epfd, EPOLL_CTL_ADD, stop_fd, &ev);
	for (;;) {
		if (epoll_wait(epfd, &ev, 1, -1) != 1)
			continue;
		if (!ev.data.ptr)
			return;
		lm_ctx_poll(ev.data.ptr);
	}
}

static void host_main(int fd, const void *arg)
{
	const struct host *h = arg;
	lm_ctx_t **ctx = calloc(h->nr, sizeof(ctx[0]));
	const int epfd = epoll_create1(EPOLL_CLOEXEC);
	double before;
	uint64_t start;
	unsigned int i;

	more_descriptors();
	setenv("MUSER_RUNTIME_DIR", h->dir, 1);
	lm_ctx_destroy(device_create(0)); /* what only the first one costs */
	before = private_dirty_kib();
	start = bench_now();
	for (i = 0; i < h->nr; i++)
		ctx[i] = device_create(i);
	say(fd, (double)(bench_now() - start) / 1e6);
	say(fd, (private_dirty_kib() - before) / h->nr);
	for (i = 0; i < h->nr; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ctx[i] };

		epoll_ctl(epfd, EPOLL_CTL_ADD, lm_ctx_fd(ctx[i]), &ev);
	}
	serve(epfd, fd);
	start = bench_now();
	for (i = 0; i < h->nr; i++)
		lm_ctx_destroy(ctx[i]);
	say(fd, (double)(bench_now() - start) / 1e6);
}

/* ---- the other side --------------------------------------------------------- */

static double hear(const struct host *h)
{
	double value;

	bench_read_all(h->fd, &value, sizeof(value));
	return value;
}

static int client_connect(const struct host *h)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path),
		 "%s/00000000-0000-4000-8000-%012u/vfio-user.sock", h->dir, h->nr / 2);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		bench_fail(addr.sun_path, errno);
	bench_handshake(fd);
	return fd;
}

static void host_start(struct host *h, unsigned int nr)
{
	h->nr = nr;
	snprintf(h->dir, sizeof(h->dir), "/tmp/muser-bench-XXXXXX");
	if (!mkdtemp(h->dir))
		bench_fail("mkdtemp", errno);
	h->fd = bench_fork(host_main, h, &h->pid);
	h->create_ms = hear(h);
	h->dirty_kib = hear(h);
	h->client = client_connect(h);
}

static double round_of(const struct host *h)
{
	const struct bench_read request = bench_read_request(1);
	static double latency[TRIPS];
	char reply[READ_IN];
	unsigned int i;

	for (i = 0; i < TRIPS; i++) {
		const uint64_t start = bench_now();

		bench_write_all(h->client, &request, sizeof(request));
		bench_read_all(h->client, reply, sizeof(reply));
		latency[i] = (double)(bench_now() - start);
	}
	return bench_median(latency, TRIPS);
}

/* Entries of its folder that are left when all devices are gone. */
static unsigned int host_stop(struct host *h)
{
	unsigned int left = 0;
	struct dirent *entry;
	DIR *dir;

	close(h->client);
	shutdown(h->fd, SHUT_WR);
	h->destroy_ms = hear(h);
	bench_stop(h->pid, h->fd);
	dir = opendir(h->dir);
	while (dir && (entry = readdir(dir)))
		left += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	rmdir(h->dir);
	return left;
}

int main(void)
{
	const unsigned int rounds = bench_rounds();
	static struct host one, many;
	unsigned int i, left;

	bench_quiet();
	bench_pin(0);
	host_start(&one, 1);
	host_start(&many, MANY);
	for (i = 0; i < rounds; i++) {
		one.p50[i] = round_of(&one);
		many.p50[i] = round_of(&many);
	}
	left = host_stop(&one);
	left += host_stop(&many);
	bench_report("many_one", "_p50", bench_median(one.p50, rounds), "ns");
	bench_report("many_1000", "_p50", bench_median(many.p50, rounds), "ns");
	bench_report("many_create", "", many.create_ms, "ms");
	bench_report("many_destroy", "", many.destroy_ms, "ms");
	bench_report("many_private_dirty", "", many.dirty_kib, "KiB");
	bench_report("many_left", "", left, "entries");
	return 0;
}
