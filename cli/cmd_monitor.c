/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_monitor.c - musctl monitor: devices of the runtime folder, mediated devices of the
 * kernel and their nodes, as they come and go. Exit status: 0 (a signal, or --limit), 1,
 * 2, 124 (--timeout).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "comings.h"
#include "error.h"
#include "mdev.h"
#include "out.h"
#include "verbs.h"

struct monitor_args {
	uint64_t limit;
	uint64_t timeout_ns;
};

static const struct opt monitor_options[] = {
	{ 'l', "limit", OPT_NUMBER, offsetof(struct monitor_args, limit), "NUMBER",
	  "end after so many rows" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct monitor_args, timeout_ns), "SECONDS",
	  "end after this time, with exit status 124" },
	{ 0 }
};

enum { TIME, ACTION, WHAT, UUID, PATH };

static const struct column monitor_columns[] = {
	[TIME]   = { "TIME", 15, 0, "when it was seen" },
	[ACTION] = { "ACTION", 6, 0, "add, remove, change, bind, unbind" },
	[WHAT]   = { "WHAT", 6, 0, "device: a device process; mdev: a mediated device; "
		     "node: what it is served on" },
	[UUID]   = { "UUID", 36, 0, "UUID of the device" },
	[PATH]   = { "PATH", 1, COLUMN_TRUNC, "where it is" },
	{ 0 }
};

struct monitor {
	const struct monitor_args *args;
	struct out                *out;
	struct mdev_watch         *watch; /* NULL: only our own */
	struct comings            *comings;
	uint64_t                   nr;
	uint64_t                   end; /* 0: none */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = 1;
}

static bool is_done(const struct monitor *m)
{
	return interrupted || ferror(stdout) || (m->args->limit && m->nr >= m->args->limit);
}

static void print(struct monitor *m, const struct mdev_event *e)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	out_row(m->out);
	out_color(m->out, !strcmp(e->action, "remove") ? COLOR_DIM : COLOR_NONE);
	out_time(m->out, TIME, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	out_text(m->out, ACTION, e->action);
	out_text(m->out, WHAT, !strcmp(e->subsystem, "muser") ? "node" : e->subsystem);
	out_text(m->out, UUID, *e->uuid ? e->uuid : NULL);
	out_text(m->out, PATH, e->path);
	out_flush(m->out);
	fflush(stdout);
	m->nr++;
}

static void catch_signals(sigset_t *mask)
{
	struct sigaction action = { .sa_handler = interrupt };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigprocmask(SIG_BLOCK, &block, mask);
}

/* Signals are let in here only. false: time is up. */
static bool wait_news(const struct monitor *m, const sigset_t *mask)
{
	struct pollfd fds[2] = { { m->watch ? mdev_watch_fd(m->watch) : -1, POLLIN, 0 },
				 { comings_fd(m->comings), POLLIN, 0 } };
	uint64_t now = clock_ns(), left = m->end > now ? m->end - now : 0;
	struct timespec timeout = { (time_t)(left / 1000000000), (long)(left % 1000000000) };

	if (m->end && !left)
		return false;
	ppoll(fds, 2, m->end ? &timeout : NULL, mask);
	return true;
}

static int follow(struct monitor *m)
{
	struct mdev_event event;
	sigset_t mask;

	catch_signals(&mask);
	while (!is_done(m)) {
		if (!wait_news(m, &mask))
			return error(ST_TIMEOUT, NULL, "time is up");
		while (!is_done(m) && m->watch && mdev_watch_next(m->watch, &event))
			print(m, &event);
		if (m->watch && mdev_watch_lost(m->watch))
			error(0, NULL, "some news of mediated devices are lost");
		while (!is_done(m) && comings_next(m->comings, &event))
			print(m, &event);
	}
	return 0;
}

static int monitor(const struct call *call)
{
	struct monitor m = { .args = call->args };
	int status, err = mdev_watch_open(&m.watch);

	if (err)
		error(0, NULL, "no news of mediated devices: udev: %s", strerror(-err));
	status = comings_open(&m.comings);
	if (!status)
		status = out_begin(&m.out, call, "events");
	if (m.args->timeout_ns)
		m.end = clock_ns() + m.args->timeout_ns;
	if (!status) {
		status = follow(&m);
		out_end(m.out);
	}
	comings_close(m.comings);
	mdev_watch_close(m.watch);
	return status;
}

const struct cmd cmd_monitor = {
	.name = "monitor",
	.summary = "follow devices and mdevs as they come and go",
	.columns = monitor_columns,
	.options = monitor_options,
	.size = sizeof(struct monitor_args),
	.flags = CMD_STREAM,
	.fn = monitor,
};
