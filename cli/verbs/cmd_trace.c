/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_trace.c - musctl trace UUID...: everything that devices and their clients do, as it
 * happens, until interrupted or until the devices have ended. A slow reader loses records
 * and says how many; it never slows a device. Exit status: 0, 1, 2, 3, 5 (a
 * device crashed), 124 (--timeout).
 */
#include "dev/filter.h"
#include "dev/trace_follow.h"
#include "dev/trace_row.h"
#include "dev/trace_summary.h"
#include "ui/error.h"
#include "ui/out.h"
#include "verbs/verbs.h"

struct trace_args {
	struct opt_list filters;
	bool count;
	uint64_t limit, timeout_ns;
};

static const struct opt trace_options[] = {
	{ 'e', "filter", OPT_LIST, offsetof(struct trace_args, filters), "TERM[,TERM]...",
	  "only these, like bar2,write or irq; !TERM: not these", COMPLETE_FILTER },
	{ 'c', "summary", OPT_FLAG, offsetof(struct trace_args, count), NULL,
	  "count, and print a summary at the end" },
	{ 'l', "limit", OPT_NUMBER, offsetof(struct trace_args, limit), "N",
	  "end after N records" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct trace_args, timeout_ns), "SECONDS",
	  "end after this time, with exit status 124" },
	{ 0 }
};

/* Where records go: rows, or a summary. */
struct sink {
	struct filter filter;
	uint64_t limit, nr;
	struct out *out;
	struct summary *summary;
};

static bool take(void *arg, const struct tracer *t)
{
	struct sink *sink = arg;

	if (!filter_match(&sink->filter, &t->record, &t->map))
		return true;
	if (sink->summary)
		summary_add(sink->summary, t);
	else
		tracerow_print(sink->out, t);
	return ++sink->nr != sink->limit;
}

static void lost(void *arg, const struct tracer *t, uint64_t nr)
{
	struct sink *sink = arg;

	if (sink->summary)
		summary_lost(sink->summary, nr);
	else
		tracerow_lost(sink->out, t, nr);
}

static void crashed(void *arg, const struct tracer *t)
{
	struct sink *sink = arg;

	if (sink->out)
		tracerow_crashed(sink->out, t);
}

static int trace_rows(struct call *call, struct trace_follow *f, struct sink *sink)
{
	int status;

	if (f->nr > 1 && !call->format.columns)
		call->format.columns = TRACEROW_SEVERAL;
	status = out_begin(&sink->out, call, "records");
	if (!status)
		status = trace_follow_run(f);
	out_end(sink->out);
	return status;
}

static int trace_summary(const struct call *call, struct trace_follow *f, struct sink *sink)
{
	int status, ended;

	sink->summary = summary_new();
	if (!sink->summary)
		return error(ST_FAILED, NULL, "out of memory");
	ended = trace_follow_run(f);
	status = summary_print(sink->summary, call);
	summary_free(sink->summary);
	return status ? status : ended;
}

static int trace(const struct call *original)
{
	const struct trace_args *args = original->args;
	struct sink sink = { .limit = args->limit };
	struct trace_follow f = { .arg = &sink,
				  .take = take,
				  .lost = lost,
				  .crashed = crashed,
				  .timeout_ns = args->timeout_ns };
	struct call call = *original;
	struct words words = { 0 };
	size_t i;
	int status;

	status = filter_parse(&sink.filter, &args->filters);
	if (!status)
		status = words_expand(&words, call.words, call.nr_words);
	if (!status)
		status = trace_follow_open(&f, &words);
	for (i = 0; i < f.nr; i++)
		filter_learn(&sink.filter, &f.tracers[i].map);
	if (!status)
		status = filter_check(&sink.filter);
	if (!status)
		status = args->count ? trace_summary(&call, &f, &sink) :
				       trace_rows(&call, &f, &sink);
	trace_follow_close(&f);
	words_free(&words);
	return status;
}

const struct cmd cmd_trace = {
	.name = "trace",
	.summary = "follow what devices and their clients do",
	.more = "Terms of one --filter about the same thing are alternatives, others\n"
		"must all hold: bar2,write is writes to BAR2. Several --filter are\n"
		"alternatives.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE, ARG_MANY }, { 0 } },
	.options = trace_options,
	.columns = tracerow_columns,
	.size = sizeof(struct trace_args),
	.flags = CMD_DEVICE | CMD_STREAM,
	.fn = trace,
};
