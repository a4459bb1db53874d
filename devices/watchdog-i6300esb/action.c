/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * action.c - see action.h.
 *
 * Owns the process of a command until it has ended. Refuses a second one meanwhile, however often a
 * guest makes it happen, and says so once.
 */
#include "action.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- a command --------------------------------------------------------------------- */

static void ended(struct action *a, int status)
{
	if (WIFSIGNALED(status))
		lm_log(a->ctx, LM_LOG_WARN, "the command was killed by signal %d",
		       WTERMSIG(status));
	else if (WEXITSTATUS(status))
		lm_log(a->ctx, LM_LOG_WARN, "the command failed: exit status %d",
		       WEXITSTATUS(status));
	action_leave(a);
}

static void look(struct action *a)
{
	int status = 0;

	if (a->pid && waitpid(a->pid, &status, WNOHANG))
		ended(a, status);
}

static void pidfd_ready(void *arg, uint32_t events)
{
	look(arg);
}

/* Signals are as they were when this process began, but for what shells never see ignored. */
static int start(pid_t *pid, const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, ignored;
	int err;

	sigemptyset(&none);
	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE);
	sigaddset(&ignored, SIGINT);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &ignored);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	err = posix_spawn(pid, "/bin/sh", &actions, &attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return err;
}

static void run(struct action *a, const char *text)
{
	const char *const argv[] = { "sh", "-c", text, "sh", lm_ctx_uuid(a->ctx), NULL };
	int err;

	look(a);
	if (a->pid) {
		if (!a->skipped)
			lm_log(a->ctx, LM_LOG_WARN, "the command still runs: not run again");
		a->skipped = true;
		return;
	}
	err = start(&a->pid, argv);
	if (err) {
		lm_log(a->ctx, LM_LOG_ERR, "the command cannot be run: %s", strerror(err));
		a->pid = 0;
		return;
	}
	/* Without one (before Linux 5.3) its end is seen by the next. */
	a->pidfd = (int)syscall(SYS_pidfd_open, a->pid, 0);
	if (a->pidfd >= 0)
		a->watch = lm_watch_create(a->ctx, a->pidfd, EPOLLIN, pidfd_ready, a);
}

/* ---- either kind ------------------------------------------------------------------- */

/* NULL: it is of another kind. */
static const char *command_of(const char *text)
{
	return strncmp(text, "exec=", 5) || !text[5] ? NULL : text + 5;
}

int action_set(struct action *a, const char *text)
{
	const size_t len = strlen(text);

	if (strcmp(text, "event") && strcmp(text, "exit") && !command_of(text))
		return -EINVAL;
	if (len >= sizeof(a->text))
		return -EINVAL;
	memcpy(a->text, text, len + 1);
	return 0;
}

void action_take(struct action *a)
{
	const char *command = command_of(a->text);

	if (!strcmp(a->text, "exit"))
		lm_ctx_stop(a->ctx);
	else if (command)
		run(a, command);
}

void action_leave(struct action *a)
{
	lm_watch_destroy(a->watch);
	if (a->pid && a->pidfd >= 0)
		close(a->pidfd);
	a->watch = NULL;
	a->pid = 0;
	a->skipped = false;
}
