/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * holder.c - see holder.h. The pipe blocks the process while we write to the log, never longer,
 * unless it is tied: then as long as nobody reads what is passed on. If we are killed, its stderr
 * is a pipe without a reader. Signals that end programs are blocked here, as they are meant for the
 * device: when that has ended, so do we.
 */
#include "dev/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/kernel.h"
#include "ui/call.h"
#include "ui/error.h"

#define MANY    64      /* reads of a pipe before we look around */
#define KILLS   2000    /* looks at what is to be killed */
#define STEP_NS 1000000 /* between two of them */

/* What it has open, behind the standard descriptors; -1: not any more. */
struct open {
	int pipe; /* the device's stderr */
	int sock;
	int runtime;
	int child; /* pidfd */
};

struct state {
	struct open fds;
	struct log_file log;
	const char *log_name;
	pid_t pid;
	bool is_tied, has_ended, is_published;
};

/* ---- the device process ---------------------------------------------------------- */

/* Nothing of the caller's is left but the environment and the current directory. */
static bool cut_ties(int stderr_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t set;

	setsid();
	umask(022);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(stderr_fd, 2) < 0)
		return false;
	kernel_close_range(STDERR_FILENO + 1, ~0u);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return true;
}

static _Noreturn void be_child(const struct holder *job, int stderr_fd)
{
	if (job->is_tied)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!cut_ties(stderr_fd))
		_exit(error(ST_FAILED, NULL, "cannot detach: %s", strerror(errno)));
	_exit(job->child(job->arg));
}

/* ---- what it has started --------------------------------------------------------- */

static bool is_zombie(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* Orphans that were given to us are waited for, the process itself is not. How many others than
 * that there are; -1: it lives. */
static int tend(const struct state *s, int sig)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	bool lives = false;
	int pid, nr = 0;

	while (file && fscanf(file, "%d", &pid) == 1) {
		if (sig)
			kill(pid, sig);
		if (pid == s->pid)
			lives = !is_zombie(pid);
		else if (waitpid(pid, NULL, WNOHANG) <= 0)
			nr++;
	}
	if (file)
		fclose(file);
	return lives ? -1 : nr;
}

/* Whose parent was killed is ours then. */
static int kill_all(const struct state *s)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	const int found = tend(s, 0);
	int i;

	kill(-s->pid, SIGKILL);
	for (i = 0; i < KILLS && tend(s, SIGKILL); i++)
		nanosleep(&step, NULL);
	return found > 0 ? found : 0;
}

/* ---- ourselves ------------------------------------------------------------------- */

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* All else that we have open is the caller's: moved to where it is in nobody's way first. */
static void keep_only(struct open *fds)
{
	int *const all[] = { &fds->pipe, &fds->sock, &fds->runtime, &fds->child };
	const int nr = sizeof(all) / sizeof(all[0]), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i;

	for (i = 0; i < nr; i++)
		*all[i] = *all[i] < 0 ? -1 : fcntl(*all[i], F_DUPFD_CLOEXEC, 3 + nr);
	for (i = 0; i < 3; i++)
		dup2(null, i);
	for (i = 0; i < nr; i++) {
		close(3 + i);
		if (*all[i] >= 0)
			*all[i] = dup3(*all[i], 3 + i, O_CLOEXEC);
	}
	kernel_close_range(3 + (unsigned int)nr, ~0u);
}

static void send_packet(struct state *s, const struct holder_packet *packet, size_t text, int flags)
{
	const size_t len = offsetof(struct holder_packet, text) + text;

	if (s->fds.sock >= 0)
		while (send(s->fds.sock, packet, len, flags | MSG_NOSIGNAL) < 0 && errno == EINTR)
			;
}

static void say(struct state *s, enum holder_news kind, int value)
{
	const struct holder_packet packet = { .kind = (int32_t)kind, .value = value };

	send_packet(s, &packet, 0, 0);
}

/* What is in the pipe by now, or most of it. */
static void drain(struct state *s)
{
	struct holder_packet packet = { .kind = HOLDER_SAID };
	ssize_t len = 0;
	int i;

	for (i = 0; i < MANY && s->fds.pipe >= 0; i++) {
		len = read(s->fds.pipe, packet.text, sizeof(packet.text));
		if (len <= 0)
			break;
		log_file_put(&s->log, packet.text, (size_t)len);
		send_packet(s, &packet, (size_t)len, s->is_tied ? 0 : MSG_DONTWAIT);
	}
	if (!len || (len < 0 && errno != EAGAIN && errno != EINTR))
		drop(&s->fds.pipe);
}

/* It is a zombie until nobody needs its number. */
static void learn_end(struct state *s)
{
	siginfo_t info = { .si_pid = 0 };
	int status;

	if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return;
	status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	drain(s);
	log_file_end(&s->log, status);
	s->has_ended = true;
	drop(&s->fds.child);
	say(s, HOLDER_END, status);
}

static int publish(struct state *s, const struct holder_request *request)
{
	int err;

	s->is_published = true;
	memcpy(s->log.head.type, request->type, LOG_LABEL);
	memcpy(s->log.head.name, request->name, LOG_LABEL);
	err = log_file_publish(&s->log, s->fds.runtime, s->log_name);
	drop(&s->fds.runtime);
	prctl(PR_SET_CHILD_SUBREAPER, 0); /* orphans are on their own, too */
	return err;
}

static int fulfil(struct state *s, const struct holder_request *request)
{
	switch ((enum holder_wish)request->wish) {
	case HOLDER_READY: return publish(s, request);
	case HOLDER_KILL: return kill_all(s);
	default: return 0;
	}
}

/* From whoever has started us. A device that nobody waits for any more is there all the same. */
static void serve(struct state *s)
{
	struct holder_request request = { .wish = HOLDER_READY };
	const ssize_t len = recv(s->fds.sock, &request, sizeof(request), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len == sizeof(request)) {
		drain(s);
		say(s, HOLDER_DONE, fulfil(s, &request));
		return;
	}
	if (s->is_tied)
		kill_all(s);
	else if (!s->has_ended && !s->is_published)
		publish(s, &request);
	drop(&s->fds.sock);
	if (!s->is_published)
		drop(&s->log.fd);
}

static void wake(int sig)
{
}

static void hold(struct state *s)
{
	struct sigaction child = { .sa_handler = wake };
	struct pollfd fds[3];
	bool is_reaped = false;
	sigset_t set;

	sigaction(SIGCHLD, &child, NULL);
	signal(SIGXFSZ, SIG_IGN); /* a log that cannot grow is shorter */
	sigprocmask(SIG_BLOCK, NULL, &set);
	sigdelset(&set, SIGCHLD);
	while (s->fds.pipe >= 0 || s->fds.sock >= 0 || !s->has_ended) {
		fds[0] = (struct pollfd){ s->fds.pipe, POLLIN, 0 };
		fds[1] = (struct pollfd){ s->fds.sock, POLLIN, 0 };
		fds[2] = (struct pollfd){ s->fds.child, POLLIN, 0 };
		if (ppoll(fds, 3, NULL, &set) < 0) {
			tend(s, 0);
			continue;
		}
		if (fds[0].revents)
			drain(s);
		if (fds[2].revents)
			learn_end(s);
		if (fds[1].revents) /* whoever asks knows of an end before that */
			serve(s);
		if (s->has_ended && s->fds.sock < 0 && !is_reaped)
			is_reaped = waitpid(s->pid, NULL, 0) >= 0;
	}
}

void holder_run(const struct holder *job)
{
	struct state s = { .log_name = job->log_name, .is_tied = job->is_tied };
	int pipefd[2];

	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(pipefd, O_CLOEXEC))
		_exit(ST_FAILED);
	s.pid = fork();
	if (s.pid < 0)
		_exit(ST_FAILED);
	if (!s.pid)
		be_child(job, pipefd[1]);
	s.fds = (struct open){ pipefd[0], job->sock, job->runtime,
			       (int)syscall(SYS_pidfd_open, s.pid, 0) };
	keep_only(&s.fds);
	fcntl(s.fds.pipe, F_SETFL, O_NONBLOCK);
	prctl(PR_SET_NAME, "musctl-holder");
	if (chdir("/"))
		_exit(ST_FAILED);
	log_file_new(&s.log);
	say(&s, HOLDER_PID, s.pid);
	hold(&s);
	_exit(ST_OK);
}
