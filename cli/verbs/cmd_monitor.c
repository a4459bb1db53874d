/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_monitor.c - musctl monitor: devices of the runtime directory, mediated devices of the
 * kernel and their nodes, as they come and go. Exit status: 0 (a signal, or --limit), 1,
 * 2, 124 (--timeout).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dev/instance_watch.h"
#include "mdev/mdev.h"
#include "ui/error.h"
#include "ui/live.h"
#include "ui/out.h"
#include "verbs/verbs.h"

struct monitor_args {
	uint64_t limit;
	uint64_t timeout_ns;
};

static const struct opt monitor_options[] = {
	{ 'l', "limit", OPT_NUMBER, offsetof(struct monitor_args, limit), "NUMBER",
	  "end after NUMBER rows" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct monitor_args, timeout_ns), "SECONDS",
	  "end after this time, with exit status 124" },
	{ 0 }
};

enum { TIME, ACTION, WHAT, UUID, STATE, PATH };

static const struct column monitor_columns[] = {
	[TIME] = { "TIME", 15, 0, "when it was seen" },
	[ACTION] = { "ACTION", 6, 0, "add, remove, change, bind, unbind" },
	[WHAT] = { "WHAT", 6, 0, "device (its process), mdev, or node (/dev/muser/UUID)" },
	[UUID] = { "UUID", 36, 0, "UUID of the device" },
	[STATE] = { "STATE", 5, 0, "change: hung, or what came after (muser(4))" },
	[PATH] = { "PATH", 1, COLUMN_TRUNC, "where it is" },
	{ 0 }
};

struct monitor {
	const struct monitor_args *args;
	struct out *out;
	struct mdev_watch *watch; /* NULL: only our own */
	struct instance_watch *comings;
	uint64_t nr;
};

static bool is_full(const struct monitor *m)
{
	return m->args->limit && m->nr >= m->args->limit;
}

static bool is_done(const struct monitor *m)
{
	return is_full(m) || live_is_over();
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
	out_text(m->out, STATE, *e->state ? e->state : NULL);
	out_text(m->out, PATH, e->path);
	out_flush(m->out);
	out_sync();
	m->nr++;
}

static void follow(struct monitor *m)
{
	int fd = m->watch ? mdev_watch_fd(m->watch) : -1;
	struct pollfd fds[3] = { { fd, POLLIN, 0 }, { instance_watch_fd(m->comings), POLLIN, 0 } };
	struct mdev_event event;

	live_begin(m->args->timeout_ns);
	while (!is_done(m)) {
		live_wait(fds, 2, NULL);
		while (!is_done(m) && m->watch && mdev_watch_next(m->watch, &event))
			print(m, &event);
		if (m->watch && mdev_watch_lost(m->watch))
			error(0, NULL, "some events of mediated devices were lost");
		while (!is_done(m) && instance_watch_next(m->comings, &event))
			print(m, &event);
	}
}

static int monitor(const struct call *call)
{
	struct monitor m = { .args = call->args };
	int status, err = mdev_watch_open(&m.watch);

	if (err)
		error(0, NULL, "cannot monitor mediated devices: udev: %s", strerror(-err));
	status = instance_watch_open(&m.comings);
	if (!status)
		status = out_begin(&m.out, call, "events");
	if (!status) {
		follow(&m);
		out_end(m.out);
		status = is_full(&m) ? 0 : live_end();
	}
	instance_watch_close(m.comings);
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
