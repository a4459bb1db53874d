/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * detach.c - starts processes that outlive us. Their stderr is a memfd that cannot grow,
 * so that a talkative one neither blocks, nor dies of SIGPIPE, nor fills memory after we
 * are gone.
 */
#include "dev/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/kernel.h"
#include "dev/control.h"
#include "ui/call.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/out.h"

#define LOG_SIZE  65536
#define STEP_NS   1000000 /* between two looks at the device */
#define ANSWER_MS 500     /* how long one look may take */

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };

static int make_log(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, LOG_SIZE) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void signals(int how, sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(set, caught[i]);
	sigprocmask(how, set, NULL);
}

bool detach_keep(int keep)
{
	if (keep == DETACH_FD)
		return !fcntl(keep, F_SETFD, 0);
	return keep < 0 || dup2(keep, DETACH_FD) == DETACH_FD;
}

/* In the child: nothing of the caller's is left but the environment and the current
 * directory. */
static bool cut_ties(int log, int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned int first = 3;
	sigset_t set;

	setsid();
	umask(022);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
		return false;
	if (!detach_keep(keep))
		return false;
	if (keep >= 0)
		first = 4;
	kernel_close_range(first, ~0u);
	signals(SIG_UNBLOCK, &set);
	return true;
}

int detach_start(struct detached *d, int keep, int (*child)(void *arg), void *arg)
{
	sigset_t set;

	d->shown = 0;
	d->log = make_log();
	if (d->log < 0)
		return error(ST_FAILED, NULL, "memfd: %s", strerror(errno));
	/* caught by sigtimedwait(2) in detach_wait() */
	signals(SIG_BLOCK, &set);
	d->pid = fork();
	if (d->pid < 0)
		return error(ST_FAILED, NULL, "fork: %s", strerror(errno));
	if (d->pid == 0) {
		if (!cut_ties(d->log, keep))
			_exit(error(ST_FAILED, NULL, "cannot detach: %s", strerror(errno)));
		_exit(child(arg));
	}
	return 0;
}

/* Until reap() nobody else gets its number, as a process or as a group. */
static bool has_ended(const struct detached *d)
{
	siginfo_t info = { .si_pid = 0 };

	return d->pid <= 0 ||
	       (!waitid(P_PID, (id_t)d->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid);
}

static void reap(struct detached *d)
{
	if (d->pid > 0)
		waitpid(d->pid, &d->status, 0);
	d->pid = -1;
}

void detach_kill(struct detached *d)
{
	const struct timespec step = { .tv_nsec = 10 * STEP_NS };
	int i;

	for (i = 0; i < 100 && !has_ended(d); i++) {
		kill(-d->pid, SIGTERM);
		nanosleep(&step, NULL);
	}
	if (d->pid > 0)
		kill(-d->pid, SIGKILL);
	reap(d);
}

/* Somebody's device of that UUID may be there already: it must be of our process or of
 * one that this has started. */
static bool answers(const struct detached *d, const char *uuid)
{
	struct control *control;
	bool ready;

	if (control_open(uuid, &control))
		return false;
	control_set_timeout(control, ANSWER_MS);
	ready = getsid(control_pid(control)) == d->pid &&
		!control_call(control, "Show", NULL, NULL);
	control_close(control);
	return ready;
}

int detach_print(struct detached *d, const char *uuid)
{
	if (!out_line(uuid))
		return 0;
	detach_kill(d);
	return ST_FAILED;
}

/* The child's descriptor and ours share one offset: it is the length of what was said. */
static void pass_on(struct detached *d)
{
	static char said[LOG_SIZE];
	const off_t end = lseek(d->log, 0, SEEK_CUR);
	const off_t new = (end < LOG_SIZE ? end : LOG_SIZE) - d->shown;
	const ssize_t len = new > 0 ? pread(d->log, said, (size_t) new, d->shown) : 0;

	if (len <= 0)
		return;
	fwrite(said, 1, (size_t)len, stderr);
	if (said[len - 1] != '\n')
		fputc('\n', stderr);
	d->shown += len;
}

static int give_up(struct detached *d, const char *why)
{
	detach_kill(d);
	pass_on(d);
	return error(ST_FAILED, d->program, "%s", why);
}

int detach_wait(struct detached *d, const char *uuid, uint64_t timeout_ns)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	uint64_t end = clock_ns() + timeout_ns;
	char why[128];
	sigset_t set;
	int sig;

	snprintf(why, sizeof(why), "its device was not ready within %g s%s",
		 (double)(timeout_ns / 1000000) / 1000, d->hint ?: "");
	signals(SIG_BLOCK, &set);
	for (;;) {
		if (answers(d, uuid)) {
			pass_on(d);
			return 0;
		}
		if (has_ended(d)) {
			reap(d);
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

int detach_died(const struct detached *d)
{
	static const char ours[] = "musctl: ";
	const int code = WIFEXITED(d->status) ? WEXITSTATUS(d->status) : ST_FAILED;
	char said[sizeof(ours) - 1];

	/* It has complained itself, before it could become the program. */
	if (code && pread(d->log, said, sizeof(said), 0) == sizeof(said) &&
	    !memcmp(said, ours, sizeof(said)))
		return code;
	if (WIFSIGNALED(d->status))
		return error(ST_FAILED, d->program, "killed by signal %d (%s)", WTERMSIG(d->status),
			     strsignal(WTERMSIG(d->status)));
	return error(ST_FAILED, d->program, "exited with status %d before its device answered",
		     code);
}
