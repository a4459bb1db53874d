/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * detach.c - starts processes that outlive us, by way of a holder that outlives both. What they say
 * is read from the holder as it comes, so that it never waits for us, and printed when it is known
 * what has become of them.
 */
#include "dev/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"
#include "muser-instance.h"

#include "dev/control.h"
#include "dev/fate.h"
#include "dev/holder.h"
#include "dev/logs.h"
#include "ui/call.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/out.h"

#define SAID_MAX  65536
#define STEP_NS   1000000 /* between two looks at the device */
#define END_MS    2000    /* of its own to end */
#define ANSWER_MS 500     /* how long one look may take */
#define HOLDER_MS 10000   /* how long an answer of the holder may */
#define SLOW_MS   1000    /* or until a signal comes, if it takes longer than that */
#define MANY      64      /* packets before we look around */

#define HOLDER_LOST "its process musctl-holder was killed, or is stopped"

/* The start of what it has said: there is one at a time. */
static char said[SAID_MAX];

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };

static void block_signals(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(set, caught[i]);
	sigprocmask(SIG_BLOCK, set, NULL);
}

static void show(struct detached *d)
{
	if (d->shown == d->len)
		return;
	fwrite(said + d->shown, 1, d->len - d->shown, stderr);
	d->shown = d->len;
	d->is_open = said[d->len - 1] != '\n';
}

/* And the end of a line, as something of ours may follow. */
static void pass_on(struct detached *d)
{
	show(d);
	if (d->is_open)
		fputc('\n', stderr);
	d->is_open = false;
}

/* ---- the holder ------------------------------------------------------------------ */

/* What is said beside a command is passed on, however much it is. */
static void keep_text(struct detached *d, const char *text, size_t len)
{
	size_t room = SAID_MAX - d->len;

	if (d->is_tied && room < len) {
		show(d);
		d->len = d->shown = 0;
		room = SAID_MAX;
	}
	len = len < room ? len : room;
	memcpy(said + d->len, text, len);
	d->len += len;
}

/* One that was killed, or stopped, does not know how the process has ended, and nor do we. */
static void lost(struct detached *d)
{
	d->is_lost = true;
	d->status = d->is_ended ? d->status : ST_FAILED << 8;
	d->is_ended = true;
	d->is_done = true;
	d->answer = -EPIPE;
}

/* False: there is no packet. */
static bool hear(struct detached *d)
{
	const size_t head = offsetof(struct holder_packet, text);
	struct holder_packet packet;
	ssize_t len;

	if (d->is_lost)
		return false;
	do {
		len = recv(d->holder, &packet, sizeof(packet), MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return false;
	if (len < (ssize_t)head) {
		lost(d);
		return false;
	}
	switch ((enum holder_news)packet.kind) {
	case HOLDER_PID:
		d->is_started = true;
		d->pid = packet.value;
		break;
	case HOLDER_SAID: keep_text(d, packet.text, (size_t)len - head); break;
	case HOLDER_END:
		d->is_ended = true;
		d->status = packet.value;
		break;
	case HOLDER_DONE:
		d->is_done = true;
		d->answer = packet.value;
		break;
	}
	return true;
}

static bool has_ended(struct detached *d)
{
	int i;

	for (i = 0; i < MANY && hear(d); i++)
		;
	return d->is_ended;
}

/* One that ends programs waits, as detach_start() has blocked it. */
static bool is_interrupted(void)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) || sigismember(&set, SIGHUP);
}

/* Until *what, or the holder is lost. */
static void hear_until(struct detached *d, const bool *what)
{
	const uint64_t end = clock_ns() + HOLDER_MS * 1000000ull;
	struct pollfd pfd = { d->holder, POLLIN, 0 };

	while (!*what && !d->is_lost) {
		if (hear(d))
			continue;
		if (!poll(&pfd, 1, SLOW_MS) && (is_interrupted() || clock_ns() > end))
			lost(d);
	}
}

/* Until the holder has done it, and all that the process has said until then has come. */
static int ask(struct detached *d, const struct holder_request *request)
{
	d->is_done = false;
	if (!d->is_lost && send(d->holder, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		lost(d);
	hear_until(d, &d->is_done);
	return d->answer;
}

static pid_t start_holder(struct detached *d, struct holder *job)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	d->holder = pair[0];
	job->sock = pair[1];
	pid = fork();
	if (!pid)
		holder_run(job);
	close(job->sock);
	return pid;
}

int detach_start(struct detached *d, int (*child)(void *arg), void *arg)
{
	struct holder job = { .is_tied = d->is_tied, .child = child, .arg = arg };
	sigset_t set;
	pid_t pid;

	logs_name(job.log_name, d->uuid);
	/* One that is not safe the process complains of, or has another one. */
	job.runtime = dir_open_runtime(true, NULL);
	/* caught by sigtimedwait(2) in detach_wait() */
	block_signals(&set);
	pid = start_holder(d, &job);
	if (job.runtime >= 0)
		close(job.runtime);
	if (pid < 0)
		return error(ST_FAILED, NULL, "fork: %s", strerror(errno));
	hear_until(d, &d->is_started);
	if (d->pid <= 0)
		return error(ST_FAILED, d->program, "cannot start its process");
	return 0;
}

static int pass_by(void *arg, const char *uuid, bool alive)
{
	return 0;
}

/* A process that was killed has left what a look at all of them removes. */
static void sweep(void)
{
	lm_instance_list(pass_by, NULL);
}

/* What is in other process groups, too; false: there is nothing. */
static bool kill_rest(struct detached *d)
{
	const struct holder_request all = { .wish = HOLDER_KILL };
	const bool any = ask(d, &all) > 0;

	sweep();
	return any;
}

void detach_kill(struct detached *d)
{
	const struct timespec step = { .tv_nsec = 10 * STEP_NS };
	int i;

	for (i = 0; i < 100 && !has_ended(d); i++) {
		kill(-d->pid, SIGTERM);
		nanosleep(&step, NULL);
	}
	kill(-d->pid, SIGKILL);
	hear_until(d, &d->is_ended);
	kill_rest(d);
}

/* Somebody's device of that UUID may be there already: it must be of our process or of
 * one that this has started. */
static bool answers(const struct detached *d)
{
	struct control *control;
	bool ready;

	if (control_open(d->uuid, &control))
		return false;
	control_set_timeout(control, ANSWER_MS);
	ready = getsid(control_pid(control)) == d->pid &&
		!control_call(control, "Show", NULL, NULL);
	control_close(control);
	return ready;
}

void detach_pass(struct detached *d, const sigset_t *mask)
{
	struct pollfd pfd = { d->is_ended ? -1 : d->holder, POLLIN, 0 };

	ppoll(&pfd, 1, NULL, mask);
	has_ended(d);
	show(d);
}

int detach_finish(struct detached *d)
{
	const struct holder_request sync = { .wish = HOLDER_SYNC };
	const struct timespec step = { .tv_nsec = STEP_NS };
	struct control *control;
	char text[FATE_TEXT];
	bool crashed, stops = false;
	uint64_t end;

	ask(d, &sync);
	crashed = has_ended(d) && d->status;
	if (!control_open(d->uuid, &control)) {
		control_set_timeout(control, END_MS);
		stops = !control_call(control, "Stop", NULL, NULL);
		control_close(control);
	}
	for (end = clock_ns() + END_MS * 1000000ull; !has_ended(d) && clock_ns() < end;)
		nanosleep(&step, NULL);
	crashed |= !stops && d->is_ended && d->status; /* it was about to end by itself */
	detach_kill(d);
	pass_on(d);
	if (!crashed)
		return 0;
	if (d->is_lost)
		return error(ST_FAILED, d->program, HOLDER_LOST);
	fate_describe(d->status, text);
	return error(ST_FAILED, d->program, "%s before the command had ended", text);
}

int detach_print(struct detached *d)
{
	struct holder_request ready = { .wish = HOLDER_READY };
	int err;

	lm_instance_label(d->uuid, "type", ready.type, sizeof(ready.type));
	lm_instance_label(d->uuid, "name", ready.name, sizeof(ready.name));
	logs_prune();
	err = ask(d, &ready);
	pass_on(d);
	if (err)
		error(0, d->uuid, "no log of it is kept: %s", strerror(-err));
	if (!out_line(d->uuid))
		return 0;
	detach_kill(d);
	logs_remove(d->uuid);
	return ST_FAILED;
}

static int give_up(struct detached *d, const char *why)
{
	detach_kill(d);
	pass_on(d);
	return error(ST_FAILED, d->program, "%s", why);
}

int detach_wait(struct detached *d, uint64_t timeout_ns)
{
	const struct holder_request sync = { .wish = HOLDER_SYNC };
	const struct timespec step = { .tv_nsec = STEP_NS };
	uint64_t end = clock_ns() + timeout_ns;
	char why[128];
	sigset_t set;
	int sig;

	snprintf(why, sizeof(why), "its device was not ready within %g s%s",
		 (double)(timeout_ns / 1000000) / 1000, d->hint ?: "");
	block_signals(&set);
	for (;;) {
		if (answers(d)) {
			ask(d, &sync);
			d->is_tied ? show(d) : pass_on(d);
			return 0;
		}
		if (has_ended(d)) {
			pass_on(d);
			return DETACH_ENDED;
		}
		if (clock_ns() > end)
			return give_up(d, why);
		sig = sigtimedwait(&set, NULL, &step);
		if (sig > 0 && sig != SIGCHLD)
			return give_up(d, "interrupted");
	}
}

int detach_died(struct detached *d)
{
	static const char ours[] = "musctl: ";
	const int code = WIFEXITED(d->status) ? WEXITSTATUS(d->status) : ST_FAILED;
	const size_t len = sizeof(ours) - 1;
	const bool is_daemon = kill_rest(d) && !d->status;

	if (d->is_lost) {
		kill(-d->pid, SIGKILL);
		return error(ST_FAILED, d->program, HOLDER_LOST);
	}

	/* It has complained itself, before it could become the program. */
	if (code && d->len >= len && !memcmp(said, ours, len))
		return code;
	if (WIFSIGNALED(d->status))
		return error(ST_FAILED, d->program, "killed by signal %d (%s)", WTERMSIG(d->status),
			     strsignal(WTERMSIG(d->status)));
	return error(ST_FAILED, d->program, "exited with status %d before its device answered%s",
		     code, is_daemon ? " (it must not become a daemon)" : "");
}
