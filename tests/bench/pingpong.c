/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pingpong.c - round trips against a bare ping-pong of the same byte counts.
 *
 *	pingpong block         a request at a time; all on one CPU; reads and writes
 *	pingpong busy          the same, both sides spinning on two CPUs
 *	pingpong batch         64 requests in one send, their replies together
 *	pingpong irqs          SET_IRQS of an eventfd: the one that is there, and another one
 *	pingpong trace         the first and the last, with a tracer attached and without
 *	pingpong count N MODE  N round trips (block) or batches (batch), for strace -c
 *	pingpong peer NAME SOCKET  block, batch and irqs with somebody else's server
 *
 * The sides of a comparison take turns, round by round, in one run: what the machine does
 * meanwhile happens to all of them. The bare peer reads and writes and looks at nothing.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "trace/trace.h"
#include "wire/scm.h"
#include "bench.h"
#include "muser-client.h"

#define TRIPS      20000u
#define BATCHES    2000u
#define BATCH      64u
#define BUF_SIZE   65536u

/* One of those that take turns. */
struct side {
	const char  *name;
	int          fd;
	pid_t        pid;
	const void  *request;
	size_t       out, in;
	unsigned int per_trip; /* requests in one */
	lm_client_t *client;   /* instead of fd */
	bool         spins;    /* its peer stands still while others are measured */
	void       (*trip)(const struct side *s);
	double       p50[ROUNDS_MAX], mean[ROUNDS_MAX], cpu[ROUNDS_MAX];
};

static double latency[TRIPS];

/* ---- peers ------------------------------------------------------------------ */

struct bare {
	size_t out, in; /* of one request, as the client sees it */
	bool   spin;
};

static ssize_t spin_read(int fd, void *buf, size_t len)
{
	ssize_t got;

	do
		got = recv(fd, buf, len, MSG_DONTWAIT);
	while (got < 0 && errno == EAGAIN);
	return got;
}

static void bare_peer(int fd, const void *arg)
{
	const struct bare *b = arg;
	static char buf[BUF_SIZE];

	if (b->spin)
		bench_pin(1);
	for (;;) {
		const ssize_t got = b->spin ? spin_read(fd, buf, sizeof(buf)) :
					      read(fd, buf, sizeof(buf));

		if (got <= 0)
			return;
		bench_write_all(fd, buf, (size_t)got / b->out * b->in);
	}
}

struct device_options {
	uint32_t flags;
	bool     traced;
};

/* A tracer that never reads: the device must not care. */
static void trace_it(lm_ctx_t *ctx)
{
	const int page = memfd_create("armed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *lease;
	int ring, ret;

	if (page < 0 || ftruncate(page, 4096) || fcntl(page, F_ADD_SEALS, F_SEAL_SHRINK))
		bench_fail("memfd", errno);
	ret = trace_attach(ctx, eventfd(0, EFD_CLOEXEC), page, &ring, &lease);
	if (ret)
		bench_fail("trace_attach", ret);
}

static void device_peer(int fd, const void *arg)
{
	const struct device_options *o = arg;
	const lm_dev_info_t info = bench_null(fd, o->flags);
	lm_ctx_t *ctx = lm_ctx_create(&info);

	if (!ctx)
		bench_fail("lm_ctx_create", errno);
	if (o->flags & LM_DEV_BUSY_POLL)
		bench_pin(1);
	if (o->traced)
		trace_it(ctx);
	lm_ctx_drive(ctx);
}

/* ---- one trip --------------------------------------------------------------- */

static char reply[BUF_SIZE];

static void trip_block(const struct side *s)
{
	bench_write_all(s->fd, s->request, s->out);
	bench_read_all(s->fd, reply, s->in);
}

static void trip_spin(const struct side *s)
{
	size_t got = 0;
	ssize_t ret;

	bench_write_all(s->fd, s->request, s->out);
	for (; got < s->in; got += (size_t)ret) {
		ret = spin_read(s->fd, reply, s->in - got);
		if (ret <= 0)
			bench_fail("the peer has gone", ENOTCONN);
	}
}

static void trip_client_read(const struct side *s)
{
	uint32_t value;
	const int ret = lm_client_region_read(s->client, BENCH_BAR, 8, &value, 4);

	if (ret)
		bench_fail("lm_client_region_read", ret);
}

static void trip_client_write(const struct side *s)
{
	const uint32_t value = 0x12345678;
	const int ret = lm_client_region_write(s->client, BENCH_BAR, 8, &value, 4);

	if (ret)
		bench_fail("lm_client_region_write", ret);
}

static void trip_client_batch(const struct side *s)
{
	static lm_client_op_t ops[BATCH];
	static uint32_t values[BATCH];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < BATCH && !ret; i++) {
		ops[i] = (lm_client_op_t){
			.kind = LM_CLIENT_READ, .region = BENCH_BAR, .offset = 8,
			.buf = &values[i], .count = 4,
		};
		ret = lm_client_queue(s->client, &ops[i]);
	}
	ret = ret ?: lm_client_wait(s->client, 0);
	if (ret)
		bench_fail("lm_client_queue", ret);
}

/* The reply is a header, whatever the request was. */
static void trip_irqs(const struct side *s, const int *event_fd)
{
	if (scm_send(s->fd, s->request, s->out, event_fd, 1) != (ssize_t)s->out)
		bench_fail("sendmsg", errno);
	bench_read_all(s->fd, reply, s->in);
	if (((const struct vfio_user_header *)(const void *)reply)->flags & VFIO_USER_F_ERROR)
		bench_fail("SET_IRQS", EPROTO);
}

static int event_fds[2];

static void trip_same_irqs(const struct side *s)
{
	trip_irqs(s, &event_fds[0]);
}

static void trip_other_irqs(const struct side *s)
{
	static unsigned int turn;

	trip_irqs(s, &event_fds[turn++ % 2]);
}

/* ---- rounds ----------------------------------------------------------------- */

static void round_of(struct side *s, unsigned int idx, unsigned int trips)
{
	const double cpu = bench_cpu(s->pid);
	const uint64_t start = bench_now();
	uint64_t before = start, after = start;
	unsigned int i;

	for (i = 0; i < trips; i++, before = after) {
		s->trip(s);
		after = bench_now();
		latency[i] = (double)(after - before) / s->per_trip;
	}
	s->mean[idx] = (double)(after - start) / trips / s->per_trip;
	s->cpu[idx] = (bench_cpu(s->pid) - cpu) / trips / s->per_trip;
	s->p50[idx] = bench_median(latency, trips);
}

static void side_run(const struct side *s, bool run)
{
	if (s->spins && kill(s->pid, run ? SIGCONT : SIGSTOP))
		bench_fail("kill", errno);
}

static void compare(struct side *sides, unsigned int nr, unsigned int trips)
{
	const unsigned int rounds = bench_rounds();
	unsigned int i, k;

	for (i = 0; i < rounds; i++) {
		for (k = 0; k < nr; k++) {
			side_run(&sides[k], true);
			round_of(&sides[k], i, trips / 10); /* caches, page faults */
			round_of(&sides[k], i, trips);
			side_run(&sides[k], false);
		}
	}
	for (k = 0; k < nr; k++) {
		bench_report(sides[k].name, "_p50", bench_median(sides[k].p50, rounds), "ns");
		bench_report(sides[k].name, "_mean", bench_median(sides[k].mean, rounds), "ns");
		bench_report(sides[k].name, "_cpu", bench_median(sides[k].cpu, rounds), "ns");
	}
}

static void sides_stop(struct side *sides, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		bench_stop(sides[i].pid, sides[i].client ? -1 : sides[i].fd);
		lm_client_close(sides[i].client);
	}
}

static struct side side_bare(const char *name, struct bare b)
{
	struct side s = { .name = name, .per_trip = 1, .spins = b.spin };

	s.trip = b.spin ? trip_spin : trip_block;
	s.fd = bench_fork(bare_peer, &b, &s.pid);
	s.out = b.out;
	s.in = b.in;
	return s;
}

static struct side side_device(const char *name, struct device_options o)
{
	struct side s = { .name = name, .per_trip = 1 };

	s.spins = o.flags & LM_DEV_BUSY_POLL;
	s.trip = s.spins ? trip_spin : trip_block;
	s.fd = bench_fork(device_peer, &o, &s.pid);
	bench_handshake(s.fd);
	return s;
}

static struct side side_client(const char *name, uint32_t device_flags, uint32_t client_flags)
{
	const struct device_options device = { .flags = device_flags };
	const lm_client_options_t options = { .flags = client_flags };
	struct side s = { .name = name, .per_trip = 1, .trip = trip_client_read };
	int ret;

	s.spins = device_flags & LM_DEV_BUSY_POLL;
	s.fd = bench_fork(device_peer, &device, &s.pid);
	ret = lm_client_connect_fd(s.fd, &options, &s.client);
	if (ret)
		bench_fail("lm_client_connect_fd", ret);
	return s;
}

/* The bytes that a side sends and expects. */
static void sends(struct side *s, const void *request, size_t out, size_t in)
{
	s->request = request;
	s->out = out;
	s->in = in;
}

static const void *batch_of_reads(void)
{
	static struct bench_read batch[BATCH];
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		batch[i] = bench_read_request((uint16_t)i);
	return batch;
}

static void sends_batch(struct side *s)
{
	sends(s, batch_of_reads(), BATCH * READ_OUT, BATCH * READ_IN);
	s->per_trip = BATCH;
}

/* ---- modes ------------------------------------------------------------------ */

static void compare_blocking(void)
{
	const struct bench_read read_req = bench_read_request(1);
	const struct bench_write write_req = bench_write_request(1);
	const struct device_options none = { 0 };
	struct side sides[] = {
		side_bare("block_read_bare", (struct bare){ READ_OUT, READ_IN, false }),
		side_device("block_read_device", none),
		side_client("block_read_client", 0, 0),
		side_bare("block_write_bare", (struct bare){ READ_IN, READ_OUT, false }),
		side_device("block_write_device", none),
		side_client("block_write_client", 0, 0),
	};

	sends(&sides[0], &read_req, READ_OUT, READ_IN);
	sends(&sides[1], &read_req, READ_OUT, READ_IN);
	sends(&sides[3], &write_req, READ_IN, READ_OUT);
	sends(&sides[4], &write_req, READ_IN, READ_OUT);
	sides[5].trip = trip_client_write;
	compare(sides, LM_NR(sides), TRIPS);
	sides_stop(sides, LM_NR(sides));
}

static void compare_busy(void)
{
	const struct bench_read read_req = bench_read_request(1);
	struct side sides[3];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	sides[0] = side_bare("busy_bare", (struct bare){ READ_OUT, READ_IN, true });
	side_run(&sides[0], false);
	sides[1] = side_device("busy_device",
			       (struct device_options){ .flags = LM_DEV_BUSY_POLL });
	side_run(&sides[1], false);
	sides[2] = side_client("busy_client", LM_DEV_BUSY_POLL, LM_CLIENT_BUSY_POLL);
	side_run(&sides[2], false);
	sends(&sides[0], &read_req, READ_OUT, READ_IN);
	sends(&sides[1], &read_req, READ_OUT, READ_IN);
	compare(sides, LM_NR(sides), TRIPS);
	sides_stop(sides, LM_NR(sides));
}

static void compare_batches(void)
{
	struct side sides[] = {
		side_bare("batch_bare", (struct bare){ READ_OUT, READ_IN, false }),
		side_device("batch_device", (struct device_options){ 0 }),
		side_client("batch_client", 0, 0),
	};

	sends_batch(&sides[0]);
	sends_batch(&sides[1]);
	sides[2].per_trip = BATCH;
	sides[2].trip = trip_client_batch;
	compare(sides, LM_NR(sides), BATCHES);
	sides_stop(sides, LM_NR(sides));
}

static void compare_irqs(void)
{
	const struct bench_read read_req = bench_read_request(1);
	const struct bench_irqs irqs_req = bench_irqs_request(1);
	const struct device_options none = { 0 };
	struct side sides[] = {
		side_bare("irqs_bare", (struct bare){ READ_OUT, READ_IN, false }),
		side_device("irqs_same", none),
		side_device("irqs_other", none),
	};

	sends(&sides[0], &read_req, READ_OUT, READ_IN);
	sends(&sides[1], &irqs_req, sizeof(irqs_req), sizeof(irqs_req.hdr));
	sends(&sides[2], &irqs_req, sizeof(irqs_req), sizeof(irqs_req.hdr));
	sides[1].trip = trip_same_irqs;
	sides[2].trip = trip_other_irqs;
	compare(sides, LM_NR(sides), TRIPS);
	sides_stop(sides, LM_NR(sides));
}

static void compare_traced(void)
{
	const struct device_options traced = { .traced = true }, plain = { 0 };
	const struct bench_read read_req = bench_read_request(1);
	struct side block[] = {
		side_device("trace_off", plain), side_device("trace_on", traced),
	};
	struct side batch[] = {
		side_device("trace_batch_off", plain), side_device("trace_batch_on", traced),
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		sends(&block[i], &read_req, READ_OUT, READ_IN);
		sends_batch(&batch[i]);
	}
	compare(block, 2, TRIPS);
	compare(batch, 2, BATCHES);
	sides_stop(block, 2);
	sides_stop(batch, 2);
}

static void count(unsigned int trips, bool batch)
{
	const struct bench_read read_req = bench_read_request(1);
	struct side s = side_device("count", (struct device_options){ 0 });

	sends(&s, &read_req, READ_OUT, READ_IN);
	if (batch)
		sends_batch(&s);
	while (trips--)
		s.trip(&s);
	bench_stop(s.pid, s.fd);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		bench_fail(path, errno);
	return fd;
}

/* The same with a server that listens at @path; whoever started it has put it on CPU 0. */
static void compare_peer(const char *name, const char *path)
{
	const struct bench_read read_req = bench_read_request(1);
	const struct bench_irqs irqs_req = bench_irqs_request(1);
	char block[64], batch[64], irqs[64];
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	struct side sides[2];

	snprintf(block, sizeof(block), "peer_%s", name);
	snprintf(batch, sizeof(batch), "peer_batch_%s", name);
	snprintf(irqs, sizeof(irqs), "peer_irqs_%s", name);
	sides[0] = side_bare("peer_bare", (struct bare){ READ_OUT, READ_IN, false });
	sides[1] = (struct side){ .name = block, .per_trip = 1, .trip = trip_block };
	sides[1].fd = connect_to(path);
	getsockopt(sides[1].fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	sides[1].pid = cred.pid;
	bench_handshake(sides[1].fd);
	sends(&sides[0], &read_req, READ_OUT, READ_IN);
	sends(&sides[1], &read_req, READ_OUT, READ_IN);
	compare(sides, 2, TRIPS);
	sides[0].name = "peer_batch_bare";
	sides[1].name = batch;
	sends_batch(&sides[0]);
	sends_batch(&sides[1]);
	compare(sides, 2, BATCHES);
	sides[0].name = "peer_irqs_bare";
	sides[1].name = irqs;
	sides[1].trip = trip_same_irqs;
	sides[0].per_trip = sides[1].per_trip = 1;
	sends(&sides[0], &read_req, READ_OUT, READ_IN);
	sends(&sides[1], &irqs_req, sizeof(irqs_req), sizeof(irqs_req.hdr));
	compare(sides, 2, TRIPS);
	sides_stop(sides, 1);
	close(sides[1].fd);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	bench_quiet();
	signal(SIGPIPE, SIG_IGN);
	bench_pin(0);
	event_fds[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	event_fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!strcmp(mode, "block"))
		compare_blocking();
	else if (!strcmp(mode, "busy"))
		compare_busy();
	else if (!strcmp(mode, "batch"))
		compare_batches();
	else if (!strcmp(mode, "irqs"))
		compare_irqs();
	else if (!strcmp(mode, "trace"))
		compare_traced();
	else if (!strcmp(mode, "count") && argc == 4)
		count((unsigned int)atoi(argv[2]), !strcmp(argv[3], "batch"));
	else if (!strcmp(mode, "peer") && argc == 4)
		compare_peer(argv[2], argv[3]);
	else
		return 2;
	return 0;
}
