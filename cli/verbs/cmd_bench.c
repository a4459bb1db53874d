/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_bench.c - musctl bench UUID [TEST...]: round trips of a vfio-user client, with
 * percentiles. Exit status: 0, 1 (also if a test failed), 2, 3, 4.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dev/address.h"
#include "dev/bench.h"
#include "dev/control.h"
#include "dev/instance.h"
#include "ui/error.h"
#include "ui/out.h"
#include "ui/value.h"
#include "verbs/verbs.h"

enum { TEST, REQUESTS, RATE, MEAN, P50, P90, P99, P999, MIN, MAX, RESULT };

static const struct column bench_columns[] = {
	[TEST] = { "TEST", 6, 0, "what was sent" },
	[REQUESTS] = { "REQUESTS", 8, COLUMN_RIGHT, "how many requests" },
	[RATE] = { "RATE", 8, COLUMN_RIGHT, "requests a second" },
	[MEAN] = { "MEAN", 7, COLUMN_RIGHT, "time of a request" },
	[P50] = { "P50", 7, COLUMN_RIGHT, "half of them took no longer" },
	[P90] = { "P90", 7, COLUMN_RIGHT, "90 % of them" },
	[P99] = { "P99", 7, COLUMN_RIGHT, "99 %" },
	[P999] = { "P999", 7, COLUMN_RIGHT | COLUMN_EXTRA, "99.9 %" },
	[MIN] = { "MIN", 7, COLUMN_RIGHT | COLUMN_EXTRA, "the fastest" },
	[MAX] = { "MAX", 7, COLUMN_RIGHT, "the slowest" },
	[RESULT] = { "RESULT", 6, 0, "ok, not supported, or what went wrong" },
	{ 0 }
};

struct bench_args {
	uint64_t count;
	uint64_t depth;
	const char *at;
	bool spin;
};

static const struct opt bench_options[] = {
	{ 'c', "count", OPT_NUMBER, offsetof(struct bench_args, count), "N",
	  "requests per test (default: 10000)" },
	{ 'd', "depth", OPT_NUMBER, offsetof(struct bench_args, depth), "N",
	  "requests in flight, where there are many (default: 64)" },
	{ 0, "at", OPT_TEXT, offsetof(struct bench_args, at), "WHERE",
	  "what to read, and write back (default: config+3c.1)", COMPLETE_REGISTER },
	{ 0, "spin", OPT_FLAG, offsetof(struct bench_args, spin), NULL,
	  "do not sleep while waiting" },
	{ 0 }
};

static const struct bench_test *test_find(const char *name)
{
	const struct bench_test *test;

	for (test = bench_tests; test->name; test++) {
		if (!strcmp(test->name, name))
			return test;
	}
	return NULL;
}

static int check(const struct bench_args *args, char **tests, int nr)
{
	if (!args->count || args->count > BENCH_MAX_COUNT)
		return error_usage("--count", "must be from 1 to %u", BENCH_MAX_COUNT);
	if (!args->depth || args->depth > BENCH_MAX_DEPTH)
		return error_usage("--depth", "must be from 1 to %u", BENCH_MAX_DEPTH);
	while (nr--) {
		if (!test_find(tests[nr]))
			return error_usage(tests[nr], "no such test");
	}
	return 0;
}

static int connect_client(struct target *t, const struct call *call, bool spin)
{
	const lm_client_options_t options = {
		.flags = spin ? LM_CLIENT_BUSY_POLL : 0,
		.queue_depth = BENCH_MAX_DEPTH,
	};
	const char *path = call->socket;
	struct json_object *device;
	int err, status;

	t->name = path ? path : call->words[0];
	if (!path) {
		status = instance_show(t->name, &t->control, &device);
		if (status)
			return status;
		path = value_text(device, "socket"); /* where it takes its client */
	}
	if (!path)
		return error(ST_UNSUPPORTED, t->name,
			     "has no client socket with a path (an mdev, or an inherited socket)");
	err = lm_client_connect(path, &options, &t->client);
	return err ? target_failed(t, NULL, err) : 0;
}

static int run_one(struct bench *b, const struct bench_test *test, struct out *out)
{
	struct bench_result r = { 0 };
	const int err = test->fn(b, &r);
	const bool absent = err == -EOPNOTSUPP || err == -ENOTTY;

	out_row(out);
	out_text(out, TEST, test->name);
	out_text(out, RESULT, !err ? "ok" : absent ? "not supported" : strerror(-err));
	if (err) {
		out_color(out, absent ? COLOR_DIM : COLOR_BAD);
		return absent ? 0 : ST_FAILED;
	}
	out_u64(out, REQUESTS, r.requests);
	out_u64(out, RATE, r.rate);
	if (!r.samples)
		return 0;
	out_ns(out, MEAN, r.mean);
	out_ns(out, P50, r.p50);
	out_ns(out, P90, r.p90);
	out_ns(out, P99, r.p99);
	out_ns(out, P999, r.p999);
	out_ns(out, MIN, r.min);
	out_ns(out, MAX, r.max);
	return 0;
}

static int run_all(struct bench *b, char **tests, int nr, struct out *out)
{
	const struct bench_test *test;
	int i, status = 0;

	for (i = 0; i < nr; i++)
		status |= run_one(b, test_find(tests[i]), out);
	for (test = bench_tests; !nr && test->name; test++)
		status |= run_one(b, test, out);
	return status;
}

static int bench(const struct call *call)
{
	const struct bench_args *args = call->args;
	const int before = call->socket ? 0 : 1, nr = call->nr_words - before;
	struct bench b = { .count = args->count, .depth = (uint32_t)args->depth };
	struct target t = { 0 };
	struct out *out = NULL;
	struct address address = { 0 };
	int status = check(args, call->words + before, nr);

	if (!status)
		status = connect_client(&t, call, args->spin);
	if (!status)
		status = target_load_map(&t);
	if (!status)
		status = address_parse(&address, &t.map, args->at, strlen(args->at));
	if (!status)
		status = target_check(&t, &address.location, 0);
	if (!status && !(b.times = calloc(b.count, sizeof(*b.times))))
		status = error(ST_FAILED, NULL, "out of memory");
	if (!status)
		status = out_begin(&out, call, "tests");
	b.client = t.client;
	b.location = address.location;
	if (!status)
		status = run_all(&b, call->words + before, nr, out);
	out_finish(out, status);
	free(b.times);
	target_close(&t);
	return status;
}

const struct cmd cmd_bench = {
	.name = "bench",
	.summary = "measure a vfio-user server",
	.more = "TEST: read, write, info, posted, reads, writes, multi, irqs, dma; by\n"
		"default all of them. The device must not have a client.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE },
				      { "TEST", COMPLETE_BENCH_TEST, ARG_OPTIONAL | ARG_MANY },
				      { 0 } },
	.options = bench_options,
	.columns = bench_columns,
	.size = sizeof(struct bench_args),
	.defaults = &(const struct bench_args){ .count = 10000, .depth = 64, .at = "config+3c.1" },
	.flags = CMD_DEVICE | CMD_SOCKET,
	.fn = bench,
};
