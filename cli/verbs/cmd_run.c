/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_run.c - musctl run TYPE [-O KEY=VALUE]... [-- COMMAND...]: the device in the
 * foreground, by the vfio-user specification's "Backend Program Conventions":
 * --socket-path, --fd, SIGTERM, no daemonizing. With COMMAND the device lives as long as
 * that. Exit status: 0, 1, 2, or the command's, 126 and 127 as of env(1).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#include "dev/claim.h"
#include "dev/device_process.h"
#include "dev/instance.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/out.h"
#include "ui/start.h"
#include "verbs/verbs.h"

struct run_args {
	struct device_process host;
};

static const struct opt run_options[] = { HOST_OPTION_OF_TYPE,
					  { 0, "fd", OPT_FD, offsetof(struct run_args, host.fd),
					    "FDNUM", "inherited socket (connected or listening)" },
					  { 0 } };

/* The command that the device lives for. */
struct child {
	char **words;
	pid_t pid;
};

static volatile pid_t child_pid;

/* Whoever asks us to end asks for the command to end; the device follows it. The number is the
 * command's until it is waited for. */
static void forward(int sig)
{
	if (child_pid > 0)
		kill(child_pid, sig);
}

/* A device may have children as well; this is no end of theirs. */
static void child_ended(int sig)
{
	const int saved = errno;
	siginfo_t info = { 0 };

	if (!waitid(P_PID, (id_t)child_pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
		program_stop(sig);
	errno = saved;
}

static void catch_signals(void)
{
	struct sigaction stop = { .sa_handler = child_ended, .sa_flags = SA_NOCLDSTOP };
	struct sigaction to_child = { .sa_handler = forward };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGCHLD, &stop, NULL);
	sigaction(SIGTERM, &to_child, NULL);
	start_on_hangup(forward);
	sigaction(SIGINT, &ignore, NULL); /* a terminal sends it to the command as well */
}

/* With the signals as they were when we began. */
static void exec_child(const struct child *child, lm_ctx_t *ctx, const sigset_t *mask)
{
	const char *socket = lm_ctx_socket(ctx);

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	start_on_hangup(SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	setenv("MUSER_UUID", lm_ctx_uuid(ctx), 1);
	if (socket)
		setenv("MUSER_SOCKET", socket, 1);
	_exit(start_program(child->words));
}

static int start_child(void *arg, lm_ctx_t *ctx)
{
	struct child *child = arg;
	sigset_t block, old;

	/* handlers must not run in the child, nor here before the pid is known */
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &old);
	child->pid = fork();
	if (child->pid == 0)
		exec_child(child, ctx, &old);
	child_pid = child->pid;
	catch_signals();
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (child->pid < 0)
		return error(ST_FAILED, child->words[0], "%s", strerror(errno));
	return 0;
}

static int child_status(const struct child *child)
{
	siginfo_t info;
	int status;

	while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	child_pid = 0;
	while (waitpid(child->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error(ST_FAILED, child->words[0], "%s", strerror(errno));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int print_uuid(void *arg, lm_ctx_t *ctx)
{
	return out_line(lm_ctx_uuid(ctx));
}

static int serve(const struct call *call, struct child *child)
{
	struct run_args *args = call->args;
	bool command = call->nr_words > call->nr_before;

	return device_process_serve(&args->host, command ? start_child : print_uuid, child);
}

/* The mdev goes with us; if we are killed, whoever finds our lock released removes it. */
static int serve_claimed(const struct call *call, struct child *child)
{
	struct run_args *args = call->args;
	char uuid[UUID_SIZE];
	struct claim claim;
	int status;

	uuid_random(uuid);
	if (!args->host.uuid)
		args->host.info.uuid = args->host.uuid = uuid;
	status = claim_take(&claim, args->host.uuid);
	if (status)
		return status;
	status = serve(call, child);
	claim_drop(&claim);
	return status;
}

static int run(const struct call *call)
{
	struct run_args *args = call->args;
	struct child child = { call->words + call->nr_before, 0 };
	int status;

	status = device_process_prepare(&args->host, call->words[0]);
	if (status)
		return status;
	status = args->host.mdev ? serve_claimed(call, &child) : serve(call, &child);
	device_process_free(&args->host);
	return child.pid > 0 ? child_status(&child) : status;
}

const struct cmd cmd_run = {
	.name = "run",
	.summary = "run a device in the foreground",
	.more = "Prints the UUID and serves until SIGTERM or SIGINT. With COMMAND,\n"
		"prints nothing and serves until COMMAND ends, which finds MUSER_UUID\n"
		"and MUSER_SOCKET in its environment.",
	.args = (const struct arg[]){ { "TYPE", COMPLETE_TYPE },
				      { "COMMAND", COMPLETE_COMMAND,
					ARG_OPTIONAL | ARG_MANY | ARG_COMMAND },
				      { 0 } },
	.options = run_options,
	.shared = host_options,
	.size = sizeof(struct run_args),
	.defaults = &(const struct run_args){ .host.fd = -1 },
	.fn = run,
};
