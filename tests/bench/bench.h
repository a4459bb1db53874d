/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.h - what the measuring programs share: time, processors, medians, a bare peer and a device
 * in a process of their own, and a client without any library.
 *
 * A program prints lines "NAME VALUE UNIT"; bench.sh knows which of them make a ratio and what it
 * may be. BENCH_ROUNDS changes the number of rounds.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire/vfio_user.h"
#include "../../devices/devices.h"
#include "muser.h"

#define ROUNDS_MAX 101
#define READ_OUT   32u /* header and REGION_READ of 4 bytes ... */
#define READ_IN    36u /* ... and its reply */
#define BENCH_BAR  LM_BAR0_REG_IDX

/* One message, as it is sent. */
struct bench_read {
	struct vfio_user_header        hdr;
	struct vfio_user_region_access access;
} __attribute__((packed));

struct bench_write {
	struct bench_read read;
	uint32_t          value;
} __attribute__((packed));

struct bench_irqs {
	struct vfio_user_header hdr;
	uint32_t                argsz, flags, index, start, count; /* struct vfio_irq_set */
} __attribute__((packed));

static inline void bench_fail(const char *what, int error)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

static inline uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* What a shared machine does to us is not what is measured. */
static inline void bench_quiet(void)
{
	setpriority(PRIO_PROCESS, 0, -15);
}

static inline bool bench_pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static inline unsigned int bench_rounds(void)
{
	const char *text = getenv("BENCH_ROUNDS");
	const int nr = text ? atoi(text) : 11;

	return nr < 1 ? 1 : nr > ROUNDS_MAX ? ROUNDS_MAX : (unsigned int)nr;
}

static inline int bench_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sorts the values. */
static inline double bench_median(double *values, unsigned int nr)
{
	qsort(values, nr, sizeof(*values), bench_compare);
	return nr % 2 ? values[nr / 2] : (values[nr / 2 - 1] + values[nr / 2]) / 2;
}

static inline void bench_report(const char *name, const char *suffix, double value,
				const char *unit)
{
	printf("%s%s %.2f %s\n", name, suffix, value, unit);
	fflush(stdout);
}

/* ---- processes -------------------------------------------------------------- */

/* Processor time of a process so far, in ns. */
static inline double bench_cpu(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return (double)ns;
}

/* A child that runs @fn with one end of a socketpair; ours is returned. It ends with us. */
static inline int bench_fork(void (*fn)(int fd, const void *arg), const void *arg, pid_t *pid)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		bench_fail("socketpair", errno);
	*pid = fork();
	if (*pid < 0)
		bench_fail("fork", errno);
	if (!*pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[1]);
		fn(fds[0], arg);
		_exit(0);
	}
	close(fds[0]);
	return fds[1];
}

static inline void bench_stop(pid_t pid, int fd)
{
	if (fd >= 0)
		close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The description of the null device, on a connected socket, invisible. */
static inline lm_dev_info_t bench_null(int fd, uint32_t flags)
{
	lm_dev_info_t info = *device_find("null")->info;

	info.fd = fd;
	info.flags = LM_DEV_CONN_FD | LM_DEV_NO_CONTROL | flags;
	return info;
}

/* ---- a client without a library --------------------------------------------- */

static inline void bench_read_all(int fd, void *buf, size_t len)
{
	char *to = buf;
	ssize_t got;

	for (; len; to += got, len -= (size_t)got) {
		got = read(fd, to, len);
		if (got <= 0)
			bench_fail("the peer has gone", got ? errno : ENOTCONN);
	}
}

static inline void bench_write_all(int fd, const void *buf, size_t len)
{
	if (write(fd, buf, len) != (ssize_t)len)
		bench_fail("write", errno);
}

static inline void bench_handshake(int fd)
{
	const struct vfio_user_version version = { VFIO_USER_MAJOR, 1 };
	struct vfio_user_header hdr = {
		.cmd = VFIO_USER_VERSION, .msg_size = sizeof(hdr) + sizeof(version),
	};
	char buf[4096];

	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr), &version, sizeof(version));
	bench_write_all(fd, buf, hdr.msg_size);
	bench_read_all(fd, &hdr, sizeof(hdr));
	if (hdr.msg_size > sizeof(buf) || (hdr.flags & VFIO_USER_F_ERROR))
		bench_fail("handshake", hdr.error_no ? (int)hdr.error_no : EPROTO);
	bench_read_all(fd, buf, hdr.msg_size - sizeof(hdr));
}

static inline struct bench_read bench_read_request(uint16_t id)
{
	return (struct bench_read){
		.hdr = { .msg_id = id, .cmd = VFIO_USER_REGION_READ, .msg_size = READ_OUT },
		.access = { .offset = 8, .region = BENCH_BAR, .count = 4 },
	};
}

static inline struct bench_write bench_write_request(uint16_t id)
{
	struct bench_write w = { .read = bench_read_request(id), .value = 0x12345678 };

	w.read.hdr.cmd = VFIO_USER_REGION_WRITE;
	w.read.hdr.msg_size = sizeof(w);
	return w;
}

/* One eventfd, which goes beside it, for INTx. */
static inline struct bench_irqs bench_irqs_request(uint16_t id)
{
	return (struct bench_irqs){
		.hdr = { .msg_id = id, .cmd = VFIO_USER_DEVICE_SET_IRQS,
			 .msg_size = sizeof(struct bench_irqs) },
		.argsz = sizeof(struct vfio_irq_set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.count = 1,
	};
}

#endif /* BENCH_H */
