/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kmod.c - a device over muser.ko against a bare ping-pong of two eventfds; and system calls.
 *
 *	kmod UUID              of a mediated device that nobody serves; muser.ko is loaded
 *
 * Runs in a VM, as root, with tracefs mounted. The sides take turns on one CPU, as pingpong.c's do.
 * System calls are counted by the kernel, each process by itself. What a device and its client
 * share is looked at afterwards: an access that went nowhere would be fast.
 */
#include <linux/perf_event.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "bench.h"

#define TRIPS     1000u   /* a round */
#define COMMANDS  10240u  /* while system calls are counted */
#define MAPPED    100000u /* accesses, likewise */
#define BAR_SIZE  4096u
#define DMA_ADDR  0x100000u
#define DMA_SIZE  0x10000u

static char *uuid;

/* ---- the device ------------------------------------------------------------- */

/* Written: add 1 to so many words of client memory, one after the other, by the rules for DMA. */
static ssize_t dma_command(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	lm_ctx_t *ctx = *(lm_ctx_t **)pvt;
	uint32_t nr = 0, i;
	struct iovec iov;
	dma_sg_t sg;

	memcpy(&nr, buf, is_write && count == sizeof(nr) ? sizeof(nr) : 0);
	for (i = 0; i < nr; i++) {
		if (lm_addr_to_sg(ctx, DMA_ADDR + i * 64 % DMA_SIZE, 4, &sg, 1) != 1 ||
		    lm_map_sg(ctx, PROT_READ | PROT_WRITE, &sg, &iov, 1))
			return -EFAULT;
		++*(volatile uint32_t *)iov.iov_base;
		lm_unmap_sg(ctx, &sg, &iov, 1);
	}
	return (ssize_t)count;
}

static void device_main(int fd, const void *arg)
{
	lm_ctx_t *ctx;
	const uint32_t flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM;
	const lm_dev_info_t info = {
		.type = "bench",
		.flags = LM_DEV_MDEV | LM_DEV_NO_CONTROL,
		.uuid = uuid,
		.pvt = &ctx,
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0x4245 },
			.reg_info = {
				[LM_BAR0_REG_IDX] = { .flags = flags, .size = BAR_SIZE },
				[LM_BAR1_REG_IDX] = {
					.flags = flags, .size = BAR_SIZE, .fn = dma_command },
				[LM_BAR2_REG_IDX] = {
					.flags = flags | LM_REG_FLAG_MMAP, .size = BAR_SIZE },
			},
		},
	};

	ctx = lm_ctx_create(&info);
	if (!ctx)
		bench_fail("lm_ctx_create", errno);
	lm_ctx_drive(ctx);
	_exit(1);
}

/* ---- its client ------------------------------------------------------------- */

struct vfio {
	int      container, group, device;
	uint64_t bar[3]; /* offsets in the device's file */
};

static struct vfio vfio;

static int must(int ret, const char *what)
{
	if (ret < 0)
		bench_fail(what, errno);
	return ret;
}

static int group_open(void)
{
	char link[128], target[256] = "", path[64];
	const char *nr;

	snprintf(link, sizeof(link), "/sys/bus/mdev/devices/%s/iommu_group", uuid);
	must((int)readlink(link, target, sizeof(target) - 1), link);
	nr = strrchr(target, '/');
	snprintf(path, sizeof(path), "/dev/vfio/%.16s", nr ? nr + 1 : "");
	return must(open(path, O_RDWR | O_CLOEXEC), path);
}

/* The server is on its way. */
static int device_open(int group)
{
	int tries = 1000, fd;

	do
		fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, uuid);
	while (fd < 0 && errno == EIO && tries-- && !usleep(10000));
	return must(fd, "VFIO_GROUP_GET_DEVICE_FD");
}

static void vfio_open(void)
{
	uint32_t i;

	vfio.container = must(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), "/dev/vfio/vfio");
	vfio.group = group_open();
	must(ioctl(vfio.group, VFIO_GROUP_SET_CONTAINER, &vfio.container), "SET_CONTAINER");
	must(ioctl(vfio.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
	vfio.device = device_open(vfio.group);
	for (i = 0; i < LM_NR(vfio.bar); i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };

		must(ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &info), "REGION_INFO");
		vfio.bar[i] = info.offset;
	}
}

static void *bar_map(uint32_t idx)
{
	void *at = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vfio.device,
			(off_t)vfio.bar[idx]);

	if (at == MAP_FAILED)
		bench_fail("the BAR is not mapped", errno);
	return at;
}

static uint32_t *memory_map(void)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = DMA_ADDR, .size = DMA_SIZE,
	};
	void *at = mmap(NULL, DMA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		bench_fail("mmap", errno);
	map.vaddr = (uintptr_t)at;
	must(ioctl(vfio.container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
	return at;
}

static void bar_write(uint32_t idx, uint32_t value)
{
	if (pwrite(vfio.device, &value, 4, (off_t)vfio.bar[idx] + 8) != 4)
		bench_fail("a write", errno);
}

static uint32_t bar_read(uint32_t idx)
{
	uint32_t value;

	if (pread(vfio.device, &value, 4, (off_t)vfio.bar[idx] + 8) != 4)
		bench_fail("a read", errno);
	return value;
}

/* ---- trips ------------------------------------------------------------------ */

struct side {
	const char *name;
	void      (*trip)(void);
	pid_t       pid;
	double      p50[ROUNDS_MAX], cpu[ROUNDS_MAX];
};

static int ping, pong;

static void take(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		bench_fail("an eventfd", errno);
}

static void give(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		bench_fail("an eventfd", errno);
}

static void bare_main(int fd, const void *arg)
{
	for (;;) {
		take(ping);
		give(pong);
	}
}

static void trip_bare(void)
{
	give(ping);
	take(pong);
}

static void trip_read(void)
{
	bar_read(0);
}

static void trip_write(void)
{
	bar_write(0, 0x12345678);
}

/*
 * On one CPU, whoever is woken may run at once: then the other one is still awake when it is
 * answered, and a trip has one wake-up instead of two. The scheduler decides by what each has run
 * so far, which changes from round to round, for each side at another time. Like this nobody runs
 * at once: every trip has two wake-ups, bare or not, as it has on two CPUs.
 */
static void never_preempt(void)
{
	const struct sched_param param = { 0 };

	must(sched_setscheduler(0, SCHED_BATCH, &param), "SCHED_BATCH");
}

static void round_of(struct side *s, unsigned int idx)
{
	const double cpu = bench_cpu(s->pid);
	static double latency[TRIPS];
	uint64_t before = bench_now(), after;
	unsigned int i;

	for (i = 0; i < TRIPS; i++, before = after) {
		s->trip();
		after = bench_now();
		latency[i] = (double)(after - before);
	}
	s->cpu[idx] = (bench_cpu(s->pid) - cpu) / TRIPS;
	s->p50[idx] = bench_median(latency, TRIPS);
}

static void compare(pid_t bare, pid_t device)
{
	struct side sides[] = {
		{ "kmod_bare", trip_bare, bare },
		{ "kmod_read", trip_read, device },
		{ "kmod_write", trip_write, device },
	};
	const unsigned int rounds = bench_rounds();
	unsigned int i, k;

	for (i = 0; i < rounds; i++) {
		for (k = 0; k < LM_NR(sides); k++) {
			round_of(&sides[k], i); /* caches, translated code */
			round_of(&sides[k], i);
		}
	}
	for (k = 0; k < LM_NR(sides); k++) {
		bench_report(sides[k].name, "_p50", bench_median(sides[k].p50, rounds), "ns");
		bench_report(sides[k].name, "_cpu", bench_median(sides[k].cpu, rounds), "ns");
	}
}

/* ---- system calls ----------------------------------------------------------- */

static int counter(pid_t pid)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	const char *path = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id";
	FILE *f = fopen(path, "re");
	unsigned long long id = 0;

	if (!f || fscanf(f, "%llu", &id) != 1)
		bench_fail(path, f ? EPROTO : errno);
	fclose(f);
	attr.config = id;
	return must((int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC),
		    "perf_event_open");
}

static double counted(int fd)
{
	uint64_t value;

	bench_read_all(fd, &value, sizeof(value));
	return (double)value;
}

static void count_commands(int server, const char *name, void (*trip)(void))
{
	const double before = counted(server);
	unsigned int i;

	for (i = 0; i < COMMANDS; i++)
		trip();
	printf("%s_calls %.4f calls\n", name, (counted(server) - before) / COMMANDS);
}

static void count_mapped(int server)
{
	volatile uint32_t *bar = bar_map(2);
	const int ours = counter(0);
	double before;
	uint32_t i;

	bar[2] = 1; /* the page is there from now on */
	before = counted(ours) + counted(server);
	for (i = 0; i < MAPPED; i++)
		bar[2]++;
	/* Two of them are those that read the second pair of counters. */
	before += 2;
	bench_report("kmod_bar", "_calls", counted(ours) + counted(server) - before, "calls");
	if (bar_read(2) != MAPPED + 1)
		bench_fail("the BAR is not what the client has mapped", EPROTO);
}

static void count_dma(int server)
{
	uint32_t *memory = memory_map(), sum = 0, i;
	double before;

	bar_write(1, DMA_SIZE / 64); /* pins */
	before = counted(server);
	bar_write(1, MAPPED);
	before++; /* that one */
	bench_report("kmod_dma", "_calls", counted(server) - before, "calls");
	for (i = 0; i < DMA_SIZE / 4; i++)
		sum += memory[i];
	if (sum != MAPPED + DMA_SIZE / 64)
		bench_fail("the memory is not what the device has reached", EPROTO);
}

int main(int argc, char **argv)
{
	pid_t bare, device;
	int server, fds[2];

	if (argc != 2)
		return 2;
	uuid = argv[1];
	bench_quiet();
	bench_pin(0);
	never_preempt();
	ping = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	pong = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	fds[0] = bench_fork(bare_main, NULL, &bare);
	fds[1] = bench_fork(device_main, NULL, &device);
	vfio_open();
	bar_write(0, 0xcafe);
	if (bar_read(0) != 0xcafe)
		bench_fail("BAR0 is no memory", EPROTO);
	compare(bare, device);
	server = counter(device);
	count_commands(server, "kmod_read", trip_read);
	count_commands(server, "kmod_write", trip_write);
	count_mapped(server);
	count_dma(server);
	bench_stop(bare, fds[0]);
	bench_stop(device, fds[1]);
	return 0;
}
