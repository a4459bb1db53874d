/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * command.c - see command.h. Whoever asks us to end asks for the command to end; the device follows
 * it.
 */
#include "dev/command.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev/control.h"
#include "dev/detach.h"
#include "dev/instance.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/start.h"
#include "ui/value.h"

static volatile pid_t command;
static void (*on_end)(int sig);

/* The number is the command's until it is waited for. */
static void forward(int sig)
{
	if (command > 0)
		kill(command, sig);
}

static bool has_ended(void)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)command, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* A device may have children as well; this is no end of theirs. */
static void child_ended(int sig)
{
	const int saved = errno;

	if (has_ended())
		on_end(sig);
	errno = saved;
}

static void catch_signals(void)
{
	struct sigaction end = { .sa_handler = child_ended, .sa_flags = SA_NOCLDSTOP };
	struct sigaction to_command = { .sa_handler = forward };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGCHLD, &end, NULL);
	sigaction(SIGTERM, &to_command, NULL);
	start_on_hangup(forward);
	sigaction(SIGINT, &ignore, NULL); /* a terminal sends it to the command as well */
}

/* With the signals as they were when we began. */
static _Noreturn void become(char **words, const char *uuid, const char *socket)
{
	sigset_t none;

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	start_on_hangup(SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("MUSER_UUID", uuid, 1);
	if (socket)
		setenv("MUSER_SOCKET", socket, 1);
	else
		unsetenv("MUSER_SOCKET");
	_exit(start_program(words));
}

int command_start(char **words, const char *uuid, const char *socket, void (*ended)(int sig))
{
	sigset_t block, old;
	pid_t pid;

	/* handlers must not run in the child, nor here before the pid is known */
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &old);
	pid = fork();
	if (!pid)
		become(words, uuid, socket);
	command = pid;
	on_end = ended;
	catch_signals();
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid < 0 ? error(ST_FAILED, words[0], "%s", strerror(errno)) : 0;
}

int command_status(const char *name, int otherwise)
{
	const pid_t pid = command;
	siginfo_t info;
	int status;

	if (pid <= 0)
		return otherwise;
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	command = 0;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error(ST_FAILED, name, "%s", strerror(errno));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void wake(int sig)
{
}

int command_run(const char *text, struct detached *d)
{
	char shell[] = "sh", option[] = "-c";
	char *words[] = { shell, option, (char *)(uintptr_t)text, NULL };
	struct json_object *device;
	struct control *control;
	sigset_t none;
	int failed, status = instance_show(d->uuid, &control, &device);

	if (!status) {
		status = command_start(words, d->uuid, value_text(device, "socket"), wake);
		control_close(control);
	}
	sigemptyset(&none);
	while (!status && !has_ended())
		detach_pass(d, &none);
	status = command_status(shell, status);
	failed = detach_finish(d);
	return status ?: failed;
}
