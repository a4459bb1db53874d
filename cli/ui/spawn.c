/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spawn.c - starts programs found in PATH and waits for them. See spawn.h.
 */
#include "ui/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ui/clock.h"
#include "ui/out.h"

extern char **environ;

/* What it reads and prints. in -1: nothing is there, and its stderr goes nowhere. */
static int start(const char *const *argv, int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int err;

	out_sync();
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (in >= 0) {
		posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	} else {
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	}
	err = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void write_all(int fd, const char *input, size_t len)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	ssize_t n;

	while (len) {
		n = write(fd, input, len);
		if (n < 0 && errno != EINTR)
			break; /* it does not want to know: its status will tell */
		if (n > 0) {
			input += n;
			len -= (size_t)n;
		}
	}
	signal(SIGPIPE, old);
}

/* Whether that worked is seen when our standard output is closed. */
static void copy_out(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			fwrite(buf, 1, (size_t)n, stdout);
	}
}

int spawn_feed(const char *const *argv, const char *input, size_t len)
{
	int in[2], out[2], err;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC))
		return -errno;
	if (pipe2(out, O_CLOEXEC)) {
		err = -errno;
		close(in[0]);
		close(in[1]);
		return err;
	}
	err = start(argv, in[0], out[1], &pid);
	close(in[0]);
	close(out[1]);
	if (!err)
		write_all(in[1], input, len);
	close(in[1]);
	if (!err)
		copy_out(out[0]);
	close(out[0]);
	return err ? err : status_of(pid);
}

/* Until it closes its end; what does not fit is read and dropped. false: timed out. */
static bool read_all(int fd, char *buf, size_t size, int timeout_ms)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	int64_t end = clock_ms() + timeout_ms;
	char rest[4096];
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && clock_ms() < end) {
		if (poll(&pfd, 1, (int)(end - clock_ms())) <= 0)
			continue;
		if (len < size - 1)
			n = read(fd, buf + len, size - 1 - len);
		else
			n = read(fd, rest, sizeof(rest));
		if (n > 0 && len < size - 1)
			len += (size_t)n;
	}
	buf[len] = '\0';
	return n <= 0;
}

int spawn_capture(const char *const *argv, char *buf, size_t size, int timeout_ms)
{
	int pipefd[2], err;
	pid_t pid;

	buf[0] = '\0';
	if (pipe2(pipefd, O_CLOEXEC))
		return -errno;
	err = start(argv, -1, pipefd[1], &pid);
	close(pipefd[1]);
	if (!err && !read_all(pipefd[0], buf, size, timeout_ms))
		kill(pid, SIGKILL);
	close(pipefd[0]);
	return err ? err : status_of(pid);
}
