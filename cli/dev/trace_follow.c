/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_follow.c - the loop of "trace": merges rings by time and sleeps when all are empty.
 * With several devices a record waits a millisecond for an older one of a device that
 * seems to be idle.
 */
#include "dev/trace_follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dev/control.h"
#include "ui/call.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/live.h"
#include "ui/out.h"

#define MERGE_NS  1000000
#define REPORT_NS 1000000000 /* at most one line about losses in this time */

/* The consumer learns of it at once, the user once a second. */
static void report_lost(struct trace_follow *f, struct tracer *t, bool final)
{
	if (t->lost) {
		f->lost(f->arg, t, t->lost);
		t->unreported += t->lost;
		t->lost = 0;
	}
	if (!t->unreported || (!final && clock_ns() - t->reported_at < REPORT_NS))
		return;
	error(0, t->uuid, "%llu records lost", (unsigned long long)t->unreported);
	t->unreported = 0;
	t->reported_at = clock_ns();
}

/* The oldest record of all, or NULL if there is none, or none that is certain to be the
 * oldest. */
static struct tracer *oldest(struct trace_follow *f)
{
	struct tracer *first = NULL, *t;
	bool complete = true;

	for (t = f->tracers; t < f->tracers + f->nr; t++) {
		if (!tracer_fetch(t))
			complete &= !t->reader;
		else if (!first || t->record.time < first->record.time)
			first = t;
		report_lost(f, t, !t->reader);
		if (t->reader || !t->crashed)
			continue;
		f->crashed(f->arg, t);
		f->status = f->status ? f->status : t->status;
		error(0, t->uuid, "ended: %s", t->fate);
		t->crashed = false;
	}
	if (f->nr > 1 && first && !complete && first->record.time + MERGE_NS > clock_ns())
		return NULL;
	return first;
}

static bool is_done(const struct trace_follow *f)
{
	size_t i;

	for (i = 0; i < f->nr; i++) {
		if (f->tracers[i].reader)
			return live_is_over();
	}
	return true;
}

/* Sleeps until a device has something to tell, ends, or a signal comes. */
static void wait_more(struct trace_follow *f)
{
	struct timespec timeout = { .tv_nsec = MERGE_NS };
	bool merging = false, quiet = true;
	struct pollfd *fd = f->fds;
	struct tracer *t;

	out_sync();
	for (t = f->tracers; t < f->tracers + f->nr; t++) {
		const bool connected = t->control && !t->ended;

		merging |= t->has_record;
		*fd++ = (struct pollfd){ t->eventfd, POLLIN, 0 };
		*fd++ = (struct pollfd){ connected ? control_fd(t->control) : -1,
					 POLLIN | POLLRDHUP, 0 };
		/* Else there is something to do at once. */
		quiet &= !t->reader || t->has_record || (tracer_arm(t) && !t->ended);
	}
	if (!quiet)
		timeout.tv_nsec = 0;
	live_wait(f->fds, 2 * f->nr, merging || !quiet ? &timeout : NULL);
	for (t = f->tracers; t < f->tracers + f->nr; t++)
		tracer_woken(t);
}

int trace_follow_run(struct trace_follow *f)
{
	unsigned int nr = 0;
	struct tracer *t;
	bool more = true;
	size_t i;

	live_begin(f->timeout_ns);
	while (more && !is_done(f)) {
		t = oldest(f);
		if (!t) {
			if (!is_done(f))
				wait_more(f);
			continue;
		}
		more = f->take(f->arg, t);
		t->has_record = false;
		if (++nr % 1024 == 0)
			live_look();
	}
	for (i = 0; i < f->nr; i++)
		report_lost(f, &f->tracers[i], true);
	if (more && !f->status)
		f->status = live_end();
	return more ? f->status : 0;
}

int trace_follow_open(struct trace_follow *f, const struct words *devices)
{
	int status = 0;

	f->nr = 0;
	f->tracers = calloc(devices->nr + 1, sizeof(*f->tracers));
	f->fds = calloc(2 * devices->nr + 2, sizeof(*f->fds));
	if (!f->tracers || !f->fds)
		return error(ST_FAILED, NULL, "out of memory");
	while (f->nr < devices->nr && !status) {
		status = tracer_open(&f->tracers[f->nr], devices->list[f->nr]);
		f->nr += !status;
	}
	return status;
}

void trace_follow_close(struct trace_follow *f)
{
	size_t i;

	for (i = 0; i < f->nr; i++)
		tracer_close(&f->tracers[i]);
	free(f->tracers);
	free(f->fds);
}
