/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_trace.c - the trace ring: what a tracer sees, loses, and cannot do.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/trace.h"

#define NR_SLOTS 65536u

struct tracer_end {
	void              *lease;
	int                eventfd;
	uint32_t          *armed;
	lm_trace_reader_t *reader;
};

static struct lm_ctx ctx;

static int make_memfd(size_t size, int seals)
{
	const int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static uint32_t *map_page(int fd)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(map != MAP_FAILED);
	return map;
}

/* What a tracer does; the eventfd is kept to be looked at. */
static void tracer_begin(struct tracer_end *t, int eventfd_flags)
{
	int ring, page = make_memfd(4096, F_SEAL_SHRINK);

	t->armed = map_page(page);
	t->eventfd = eventfd(0, eventfd_flags);
	assert_int_equal(trace_attach(&ctx, dup(t->eventfd), page, &ring, &t->lease), 0);
	assert_int_equal(lm_trace_open(dup(ring), &t->reader), 0);
}

static void tracer_end(struct tracer_end *t)
{
	lm_trace_close(t->reader);
	trace_detach(&ctx, t->lease);
	munmap(t->armed, 4096);
	close(t->eventfd);
}

static int setup(void **state)
{
	memset(&ctx, 0, sizeof(ctx));
	return 0;
}

static int teardown(void **state)
{
	const bool off = !trace_on(&ctx);

	trace_free(&ctx);
	return off ? 0 : -1;
}

static void append(uint64_t value)
{
	struct lm_trace_record rec = {
		.time = trace_ticks(),
		.kind = LM_TRACE_WRITE,
		.offset = ~value,
		.value = value,
	};

	trace_append(&ctx, &rec);
}

static void append_many(uint64_t nr)
{
	uint64_t i;

	for (i = 0; i < nr; i++)
		append(i);
}

/* Everything that is there now: records; *lost grows. */
static uint64_t drain(struct tracer_end *t, uint64_t *lost)
{
	struct lm_trace_record rec;
	uint64_t nr = 0, more;
	int ret;

	for (;;) {
		ret = lm_trace_next(t->reader, &rec, &more);
		assert_true(ret >= 0);
		*lost += more;
		if (!ret)
			return nr;
		assert_int_equal(rec.offset, ~rec.value);
		nr++;
	}
}

static bool was_kicked(const struct tracer_end *t)
{
	struct pollfd pfd = { .fd = t->eventfd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- records -------------------------------------------------------------------- */

static void tracing_is_on_while_somebody_traces(void **state)
{
	struct tracer_end a, b;

	assert_false(trace_on(&ctx));
	tracer_begin(&a, 0);
	tracer_begin(&b, 0);
	assert_int_equal(trace_tracers(&ctx), 2);
	tracer_end(&a);
	assert_true(trace_on(&ctx));
	tracer_end(&b);
	assert_false(trace_on(&ctx));
	assert_int_equal(trace_tracers(&ctx), 0);
	tracer_begin(&a, 0); /* again */
	append(1);
	tracer_end(&a);
}

static void a_record_arrives_as_it_was_written(void **state)
{
	struct lm_trace_record rec = {
		.kind = LM_TRACE_DMA_READ,
		.flags = LM_TRACE_MESSAGE,
		.region = 3,
		.len = 4,
		.offset = 0x1122334455667788,
		.value = UINT64_MAX,
		.result = -5,
		.aux = 6,
	}, got;
	struct tracer_end t;
	uint64_t lost;

	tracer_begin(&t, 0);
	assert_int_equal(lm_trace_next(t.reader, &got, &lost), 0);
	rec.time = trace_ticks();
	trace_append(&ctx, &rec);
	trace_append(&ctx, &rec);
	assert_int_equal(lm_trace_next(t.reader, &got, &lost), 1);
	assert_int_equal(lost, 0);
	assert_int_equal(got.sequence, 0);
	rec.time = got.time;
	assert_memory_equal((char *)&got + 8, (char *)&rec + 8, sizeof(rec) - 8);
	assert_int_equal(lm_trace_next(t.reader, &got, &lost), 1);
	assert_int_equal(got.sequence, 1);
	assert_int_equal(lm_trace_next(t.reader, &got, &lost), 0);
	tracer_end(&t);
}

/* Right after opening as well as later: the calibration is refined on the way. */
static void what_began_and_did_not_end_is_left_in_the_ring(void **state)
{
	struct lm_trace_record rec = {
		.kind = LM_TRACE_WRITE, .region = 2, .len = 4, .offset = 8, .value = 7,
	}, got, *begun;
	struct tracer_end t;
	const uint64_t before = trace_ticks();

	tracer_begin(&t, 0);
	assert_int_equal(lm_trace_end(t.reader, &got), -ENOENT);
	rec.time = before;
	begun = trace_begin(&ctx);
	*begun = rec;
	begun->kind = 0;
	assert_int_equal(lm_trace_end(t.reader, &got), -ENOENT);
	trace_begun(begun, rec.kind);
	assert_int_equal(lm_trace_end(t.reader, &got), 1);
	rec.time = got.time;
	rec.sequence = got.sequence;
	assert_memory_equal(&got, &rec, sizeof(rec));
	trace_done(&ctx);
	assert_int_equal(lm_trace_end(t.reader, &got), -ENOENT);
	trace_begun(trace_begin(&ctx), rec.kind);
	trace_end(&ctx);
	assert_int_equal(lm_trace_end(t.reader, &got), 0);
	tracer_end(&t);
}

static void times_are_monotonic_nanoseconds(void **state)
{
	const struct timespec nap = { .tv_nsec = 3000000 };
	struct lm_trace_record rec = { .kind = LM_TRACE_RESET }, got;
	uint64_t before, after, lost;
	struct tracer_end t;
	int i;

	tracer_begin(&t, 0);
	for (i = 0; i < 10; i++) {
		before = now_ns();
		rec.time = trace_ticks();
		nanosleep(&nap, NULL);
		trace_set_duration(&rec, trace_ticks() - rec.time);
		after = now_ns();
		trace_append(&ctx, &rec);
		assert_int_equal(lm_trace_next(t.reader, &got, &lost), 1);
		assert_in_range(got.time, before - 2000, after);
		assert_in_range(lm_trace_duration(&got), 2900000, after - before + 2000);
	}
	tracer_end(&t);
}

/* The counter of the CPU passes 32 bits in a second or two. */
static void a_duration_may_be_long(void **state)
{
	struct lm_trace_record rec = { .kind = LM_TRACE_READ }, got;
	const uint64_t hour = 3600ull * 1000000000;
	struct tracer_end t;
	uint64_t lost, ticks0, ns0, ticks, ns;

	tracer_begin(&t, 0);
	trace_clock_pair(&ticks0, &ns0);
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	trace_clock_pair(&ticks, &ns);
	rec.time = ticks;
	trace_set_duration(&rec, (ticks - ticks0) * (hour / (ns - ns0)));
	trace_append(&ctx, &rec);
	assert_int_equal(lm_trace_next(t.reader, &got, &lost), 1);
	assert_in_range(lm_trace_duration(&got), hour / 10 * 9, hour / 10 * 11);
	got.kind = LM_TRACE_EVENT; /* whose name is there */
	assert_int_equal(lm_trace_duration(&got), 0);
	tracer_end(&t);
}

static void a_reader_starts_at_the_newest_record(void **state)
{
	struct lm_trace_record rec;
	struct tracer_end a, b;
	uint64_t lost = 0;

	tracer_begin(&a, 0);
	append_many(10);
	tracer_begin(&b, 0);
	append(77);
	assert_int_equal(lm_trace_next(b.reader, &rec, &lost), 1);
	assert_int_equal(rec.value, 77);
	assert_int_equal(rec.sequence, 10);
	assert_int_equal(drain(&a, &lost), 11);
	assert_int_equal(lost, 0);
	tracer_end(&a);
	tracer_end(&b);
}

static void a_late_reader_is_told_what_it_lost(void **state)
{
	struct lm_trace_record rec;
	struct tracer_end t;
	uint64_t lost;

	tracer_begin(&t, 0);
	append_many(NR_SLOTS + 100);
	assert_int_equal(lm_trace_next(t.reader, &rec, &lost), 1);
	assert_int_equal(lost, 100);
	assert_int_equal(rec.sequence, 100);
	assert_int_equal(rec.value, 100);
	assert_int_equal(drain(&t, &lost), NR_SLOTS - 1);
	tracer_end(&t);
}

static void *write_ten_million(void *arg)
{
	append_many(10000000);
	atomic_store((atomic_bool *)arg, true);
	return NULL;
}

static void ten_million_records_are_all_accounted_for(void **state)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	uint64_t delivered = 0, lost = 0;
	atomic_bool done = false;
	struct tracer_end t;
	pthread_t writer;

	tracer_begin(&t, 0);
	assert_int_equal(pthread_create(&writer, NULL, write_ten_million, &done), 0);
	while (!atomic_load(&done)) {
		delivered += drain(&t, &lost);
		nanosleep(&nap, NULL);
	}
	pthread_join(writer, NULL);
	delivered += drain(&t, &lost);
	assert_int_equal(delivered + lost, 10000000);
	assert_true(delivered >= NR_SLOTS);
	tracer_end(&t);
}

static void *write_some(void *arg)
{
	append_many(200000);
	return NULL;
}

static void writers_on_many_threads_spoil_nothing(void **state)
{
	uint64_t delivered = 0, lost = 0;
	struct tracer_end t;
	pthread_t writer[4];
	int i;

	tracer_begin(&t, 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&writer[i], NULL, write_some, NULL), 0);
	for (i = 0; i < 4; i++) {
		delivered += drain(&t, &lost);
		pthread_join(writer[i], NULL);
	}
	delivered += drain(&t, &lost);
	assert_int_equal(delivered + lost, 4 * 200000);
	tracer_end(&t);
}

static void *write_until_told(void *arg)
{
	while (!atomic_load((atomic_bool *)arg)) {
		if (trace_on(&ctx))
			append(1);
	}
	return NULL;
}

/* A device's own thread raises interrupts while tracers come and go. */
static void tracers_may_leave_while_a_thread_writes(void **state)
{
	atomic_bool stop = false;
	struct tracer_end t;
	pthread_t writer;
	uint64_t lost = 0;
	int i;

	assert_int_equal(pthread_create(&writer, NULL, write_until_told, &stop), 0);
	for (i = 0; i < 300; i++) {
		tracer_begin(&t, 0);
		drain(&t, &lost);
		tracer_end(&t);
	}
	atomic_store(&stop, true);
	pthread_join(writer, NULL);
	assert_false(trace_on(&ctx));
}

/* ---- sleeping ------------------------------------------------------------------- */

static void an_armed_tracer_is_woken_once(void **state)
{
	struct tracer_end t;
	uint64_t count, lost = 0;

	tracer_begin(&t, EFD_NONBLOCK);
	append(1);
	assert_false(was_kicked(&t));
	assert_int_equal(drain(&t, &lost), 1);
	assert_int_equal(lm_trace_arm(t.reader, t.armed), 1);
	append_many(5);
	assert_int_equal(eventfd_read(t.eventfd, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(*t.armed, 0);
	tracer_end(&t);
}

static void arming_finds_records_that_are_there(void **state)
{
	struct tracer_end t;

	tracer_begin(&t, 0);
	append(1);
	assert_int_equal(lm_trace_arm(t.reader, t.armed), 0);
	assert_int_equal(*t.armed, 0);
	append(2);
	assert_false(was_kicked(&t));
	tracer_end(&t);
}

static void *write_one_by_one(void *arg)
{
	_Atomic(uint32_t) *wanted = arg;
	uint32_t i;

	for (i = 1; i <= 3000; i++) {
		while (atomic_load(wanted) < i)
			;
		append(i);
	}
	return NULL;
}

static void no_wake_up_is_ever_missed(void **state)
{
	_Atomic(uint32_t) wanted = 0;
	uint64_t got = 0, lost = 0, count;
	struct tracer_end t;
	pthread_t writer;

	tracer_begin(&t, EFD_NONBLOCK);
	assert_int_equal(pthread_create(&writer, NULL, write_one_by_one, &wanted), 0);
	while (got < 3000) {
		struct pollfd pfd = { .fd = t.eventfd, .events = POLLIN };

		atomic_store(&wanted, (uint32_t)got + 1); /* races with arming */
		if (lm_trace_arm(t.reader, t.armed)) {
			assert_int_equal(poll(&pfd, 1, 5000), 1);
			eventfd_read(t.eventfd, &count);
		}
		got += drain(&t, &lost);
	}
	pthread_join(writer, NULL);
	tracer_end(&t);
}

/* ulimit -f, or LimitFSIZE= of a unit: the device goes on without it. */
static void a_ring_that_is_not_allowed_is_an_error(void **state)
{
	const struct rlimit little = { 4096, RLIM_INFINITY };
	const int page = make_memfd(4096, F_SEAL_SHRINK), event_fd = eventfd(0, 0);
	struct rlimit before;
	void *lease;
	int ring;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(trace_attach(&ctx, event_fd, page, &ring, &lease), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_false(trace_on(&ctx));
	assert_int_equal(close(event_fd), 0); /* still the caller's */
	assert_int_equal(close(page), 0);
}

/* ---- hostile tracers ------------------------------------------------------------ */

static void assert_refused(int event_fd, int page)
{
	void *lease;
	int ring;

	assert_int_equal(trace_attach(&ctx, event_fd, page, &ring, &lease), -EINVAL);
	assert_false(trace_on(&ctx));
	assert_int_equal(close(event_fd), 0); /* still the caller's */
	assert_int_equal(close(page), 0);
}

static void a_page_that_could_vanish_is_refused(void **state)
{
	char name[] = "/tmp/test_trace.XXXXXX";
	int file = mkstemp(name);

	assert_refused(eventfd(0, 0), make_memfd(4096, 0));
	assert_refused(eventfd(0, 0), make_memfd(4096, F_SEAL_GROW));
	assert_refused(eventfd(0, 0), make_memfd(4095, F_SEAL_SHRINK));
	assert_refused(eventfd(0, 0), make_memfd(4096, F_SEAL_SHRINK | F_SEAL_WRITE));
	assert_refused(eventfd(0, 0), eventfd(0, 0));
	unlink(name);
	assert_int_equal(ftruncate(file, 4096), 0);
	assert_refused(eventfd(0, 0), file);
}

static void huge_pages_are_refused(void **state)
{
	const int fd = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_refused(eventfd(0, 0), fd);
}

static void what_is_no_eventfd_is_refused(void **state)
{
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_refused(pipes[1], make_memfd(4096, F_SEAL_SHRINK));
	close(pipes[0]);
	assert_refused(open("/dev/null", O_RDWR), make_memfd(4096, F_SEAL_SHRINK));
	assert_refused(epoll_create1(0), make_memfd(4096, F_SEAL_SHRINK));
	assert_refused(make_memfd(8, 0), make_memfd(4096, F_SEAL_SHRINK));
}

static void an_eventfd_that_is_full_does_not_block(void **state)
{
	struct tracer_end t;

	tracer_begin(&t, 0);
	assert_int_equal(eventfd_write(t.eventfd, UINT64_MAX - 1), 0);
	*t.armed = 1;
	append(1);
	/* Made blocking again behind our back. */
	assert_int_equal(fcntl(t.eventfd, F_SETFL, 0), 0);
	*t.armed = 1;
	append(2);
	assert_true(was_kicked(&t));
	tracer_end(&t);
}

static void the_ring_cannot_be_changed_by_a_tracer(void **state)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int ring, again, page = make_memfd(4096, F_SEAL_SHRINK);
	char path[64];
	void *lease;

	assert_int_equal(trace_attach(&ctx, eventfd(0, 0), page, &ring, &lease), 0);
	assert_int_equal(ftruncate(ring, 0), -1);
	assert_int_equal(ftruncate(ring, 1 << 30), -1);
	assert_int_equal(write(ring, "x", 1), -1);
	assert_int_equal(fallocate(ring, punch, 0, 4096), -1);
	assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0) ==
		    MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ring);
	again = open(path, O_RDWR);
	assert_int_equal(write(again, "x", 1), -1);
	assert_int_equal(fcntl(again, F_ADD_SEALS, F_SEAL_WRITE), -1);
	close(again);
	trace_detach(&ctx, lease);
}

/* ---- hostile devices ------------------------------------------------------------ */

#define FAKE_SLOTS 16u
#define FAKE_SIZE  (4096 + FAKE_SLOTS * sizeof(struct lm_trace_record))

static const struct lm_trace_header good_header = {
	.magic = LM_TRACE_MAGIC,
	.version = LM_TRACE_VERSION,
	.record_size = sizeof(struct lm_trace_record),
	.nr_slots = FAKE_SLOTS,
	.data_offset = 4096,
};

/* A ring made by somebody else, and what opening it gives. */
static int open_fake(const struct lm_trace_header *h, lm_trace_reader_t **reader,
		     struct lm_trace_header **map)
{
	const int fd = make_memfd(FAKE_SIZE, F_SEAL_SHRINK);
	struct lm_trace_header *m;
	int ret;

	m = mmap(NULL, FAKE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(m != MAP_FAILED);
	*m = *h;
	ret = lm_trace_open(fd, reader);
	if (ret)
		close(fd);
	if (map)
		*map = m;
	else
		munmap(m, FAKE_SIZE);
	return ret;
}

static void rings_of_impossible_shape_are_refused(void **state)
{
	lm_trace_reader_t *reader;
	struct lm_trace_header h;

#define REFUSED(member, value, err) \
	do { \
		h = good_header; \
		h.member = (value); \
		assert_int_equal(open_fake(&h, &reader, NULL), (err)); \
	} while (0)

	REFUSED(magic, 0, -EINVAL);
	REFUSED(version, 2, -EPROTO);
	REFUSED(clock, 2, -EPROTO);
	REFUSED(record_size, 0, -EINVAL);
	REFUSED(record_size, 63, -EINVAL);
	REFUSED(record_size, 68, -EINVAL);
	REFUSED(record_size, 128, -EINVAL); /* would not fit */
	REFUSED(record_size, UINT32_MAX & ~7u, -EINVAL);
	REFUSED(nr_slots, 0, -EINVAL);
	REFUSED(nr_slots, 15, -EINVAL);
	REFUSED(nr_slots, 32, -EINVAL);
	REFUSED(nr_slots, 1ull << 58, -EINVAL);
	REFUSED(nr_slots, 1ull << 63, -EINVAL);
	REFUSED(data_offset, 0, -EINVAL);
	REFUSED(data_offset, 4100, -EINVAL);
	REFUSED(data_offset, 4160, -EINVAL);
	REFUSED(data_offset, UINT64_MAX - 7, -EINVAL);
#undef REFUSED
	assert_int_equal(open_fake(&good_header, &reader, NULL), 0);
	lm_trace_close(reader);
}

static void files_that_are_no_ring_are_refused(void **state)
{
	const ssize_t size = sizeof(good_header);
	lm_trace_reader_t *reader;
	int fd;

	fd = make_memfd(FAKE_SIZE, 0);
	assert_int_equal(write(fd, &good_header, sizeof(good_header)), size);
	assert_int_equal(lm_trace_open(fd, &reader), -EINVAL); /* could be truncated */
	close(fd);
	fd = make_memfd(100, F_SEAL_SHRINK);
	assert_int_equal(lm_trace_open(fd, &reader), -EINVAL);
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	assert_int_equal(lm_trace_open(fd, &reader), -EINVAL);
	close(fd);
	assert_int_equal(lm_trace_open(-1, &reader), -EINVAL);
}

static void a_head_that_goes_back_is_an_error(void **state)
{
	struct lm_trace_header h = good_header, *map;
	struct lm_trace_record rec;
	lm_trace_reader_t *reader;
	uint64_t lost;

	h.head = 5;
	assert_int_equal(open_fake(&h, &reader, &map), 0);
	map->head = 4;
	assert_int_equal(lm_trace_next(reader, &rec, &lost), -EPROTO);
	munmap(map, FAKE_SIZE);
	lm_trace_close(reader);
}

static void a_head_without_records_ends_in_losses(void **state)
{
	struct lm_trace_header *map;
	struct lm_trace_record rec;
	lm_trace_reader_t *reader;
	uint64_t lost;

	assert_int_equal(open_fake(&good_header, &reader, &map), 0);
	map->head = UINT64_MAX;
	assert_int_equal(lm_trace_next(reader, &rec, &lost), 0);
	assert_int_equal(lost, UINT64_MAX);
	munmap(map, FAKE_SIZE);
	lm_trace_close(reader);
}

/* It would all be touched, and so allocated: a device does not say whose memory a tracer takes. */
static void a_ring_of_gigabytes_is_refused(void **state)
{
	struct lm_trace_header h = good_header;
	lm_trace_reader_t *reader;
	struct stat st;
	int fd;

	h.data_offset = 512u << 20;
	fd = make_memfd(h.data_offset + FAKE_SIZE, F_SEAL_SHRINK);
	assert_int_equal(write(fd, &h, sizeof(h)), sizeof(h));
	assert_int_equal(lm_trace_open(fd, &reader), -EINVAL);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_blocks <= 8);
	close(fd);
}

/* The geometry was read once: what the device says later does not count. */
static void a_ring_may_not_change_its_shape(void **state)
{
	struct lm_trace_record rec, *slots;
	struct lm_trace_header *map;
	lm_trace_reader_t *reader;
	uint64_t lost;

	assert_int_equal(open_fake(&good_header, &reader, &map), 0);
	map->nr_slots = 1ull << 40;
	map->data_offset = 1ull << 40;
	map->record_size = 1 << 30;
	slots = (struct lm_trace_record *)((char *)map + 4096);
	slots[0].sequence = 2;
	slots[0].value = 42;
	map->head = 1;
	assert_int_equal(lm_trace_next(reader, &rec, &lost), 1);
	assert_int_equal(rec.value, 42);
	munmap(map, FAKE_SIZE);
	lm_trace_close(reader);
}

static void every_kind_has_a_name(void **state)
{
	unsigned int kind;

	for (kind = 1; kind < LM_TRACE_NR_KINDS; kind++)
		assert_string_not_equal(lm_trace_kind_name(kind), "?");
	assert_string_equal(lm_trace_kind_name(0), "?");
	assert_string_equal(lm_trace_kind_name(LM_TRACE_NR_KINDS), "?");
	assert_string_equal(lm_trace_kind_name(UINT32_MAX), "?");
	assert_string_equal(lm_trace_kind_name(LM_TRACE_IRQ_FIRE), "irq-fire");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tracing_is_on_while_somebody_traces),
		TEST(a_record_arrives_as_it_was_written),
		TEST(what_began_and_did_not_end_is_left_in_the_ring),
		TEST(times_are_monotonic_nanoseconds),
		TEST(a_duration_may_be_long),
		TEST(a_reader_starts_at_the_newest_record),
		TEST(a_late_reader_is_told_what_it_lost),
		TEST(ten_million_records_are_all_accounted_for),
		TEST(writers_on_many_threads_spoil_nothing),
		TEST(tracers_may_leave_while_a_thread_writes),
		TEST(an_armed_tracer_is_woken_once),
		TEST(arming_finds_records_that_are_there),
		TEST(no_wake_up_is_ever_missed),
		TEST(a_ring_that_is_not_allowed_is_an_error),
		TEST(a_page_that_could_vanish_is_refused),
		TEST(huge_pages_are_refused),
		TEST(what_is_no_eventfd_is_refused),
		TEST(an_eventfd_that_is_full_does_not_block),
		TEST(the_ring_cannot_be_changed_by_a_tracer),
		TEST(rings_of_impossible_shape_are_refused),
		TEST(files_that_are_no_ring_are_refused),
		TEST(a_head_that_goes_back_is_an_error),
		TEST(a_head_without_records_ends_in_losses),
		TEST(a_ring_of_gigabytes_is_refused),
		TEST(a_ring_may_not_change_its_shape),
		TEST(every_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
