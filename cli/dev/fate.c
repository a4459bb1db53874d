/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fate.c - see fate.h. While a process is a zombie, /proc has what its parent would get;
 * since Linux 6.15 a pidfd keeps it for those who held one. If neither is there, we know
 * only that the process did not exit cleanly.
 */
#include "dev/fate.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ui/call.h"
#include "ui/clock.h"

#define WAIT_MS 1000
#define STEP_MS 5

/* <linux/pidfd.h> of Linux 6.15; older ones have less. */
struct exit_info {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};

#define GET_INFO  _IOWR(0xff, 11, struct exit_info)
#define INFO_EXIT (1u << 3)

static const struct {
	int number;
	const char *name;
} signals[] = {
	{ SIGABRT, "SIGABRT" }, { SIGALRM, "SIGALRM" }, { SIGBUS, "SIGBUS" },
	{ SIGFPE, "SIGFPE" },   { SIGHUP, "SIGHUP" },   { SIGILL, "SIGILL" },
	{ SIGINT, "SIGINT" },   { SIGKILL, "SIGKILL" }, { SIGPIPE, "SIGPIPE" },
	{ SIGQUIT, "SIGQUIT" }, { SIGSEGV, "SIGSEGV" }, { SIGSYS, "SIGSYS" },
	{ SIGTERM, "SIGTERM" }, { SIGTRAP, "SIGTRAP" }, { SIGXCPU, "SIGXCPU" },
	{ SIGXFSZ, "SIGXFSZ" },
};

void fate_watch(struct fate *fate, pid_t pid)
{
	fate->pid = pid;
	fate->is_known = false;
	fate->text[0] = '\0';
	fate->pidfd = fate->pid > 0 ? (int)syscall(SYS_pidfd_open, fate->pid, 0) : -1;
}

/* The last field of /proc/PID/stat, behind the name, which may have anything in it. */
static bool ask_proc(const struct fate *fate, int *status)
{
	char path[32], text[1024] = "", *at;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)fate->pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	at = strrchr(text, ')');
	if (!at || strncmp(at, ") Z ", 4))
		return false;
	at = strrchr(text, ' ');
	return sscanf(at, "%d", status) == 1 &&
	       !syscall(SYS_pidfd_send_signal, fate->pidfd, 0, NULL, 0); /* still that one */
}

/* *ended: it has, even if nobody can say how. */
static bool wait_status(const struct fate *fate, int *status, bool *ended)
{
	struct pollfd pfd = { fate->pidfd, POLLIN, 0 };
	int64_t end = clock_ms() + WAIT_MS;

	*ended = poll(&pfd, 1, WAIT_MS) == 1;
	while (*ended) {
		struct exit_info info = { .mask = INFO_EXIT };

		if (!ioctl(fate->pidfd, GET_INFO, &info) && info.mask & INFO_EXIT) {
			*status = info.exit_code;
			return true;
		}
		if (ask_proc(fate, status))
			return true;
		if (pfd.revents & POLLHUP || clock_ms() > end)
			return false;
		poll(NULL, 0, STEP_MS); /* its parent has not looked yet */
		poll(&pfd, 1, 0);
	}
	return false;
}

void fate_signal(int sig, char text[FATE_TEXT])
{
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (signals[i].number == sig) {
			snprintf(text, FATE_TEXT, "%s", signals[i].name);
			return;
		}
	}
	snprintf(text, FATE_TEXT, "signal %d", sig);
}

void fate_describe(int status, char text[FATE_TEXT])
{
	char sig[FATE_TEXT];

	if (WIFSIGNALED(status)) {
		fate_signal(WTERMSIG(status), sig);
		snprintf(text, FATE_TEXT, "killed by %.40s", sig);
	} else {
		snprintf(text, FATE_TEXT, "exited with status %d", WEXITSTATUS(status));
	}
}

int fate_learn(struct fate *fate)
{
	bool ended = false;
	int status;

	fate->is_known = fate->pidfd >= 0 && wait_status(fate, &status, &ended);
	if (fate->is_known) {
		fate_describe(status, fate->text);
		return status ? ST_CRASHED : ST_OK;
	}
	snprintf(fate->text, sizeof(fate->text), "%s",
		 fate->pidfd < 0 || ended ? "its process did not exit cleanly" :
					    "its process has closed the connection");
	return ST_CRASHED;
}

void fate_close(struct fate *fate)
{
	if (fate->pidfd >= 0)
		close(fate->pidfd);
	fate->pidfd = -1;
}
