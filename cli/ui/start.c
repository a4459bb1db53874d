/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.c - a process inherits more than its arguments: signals that are ignored or
 * blocked, descriptors that are missing. See start.h. SIGINT and SIGHUP that are ignored
 * stay so: shells and nohup(1) say by that who is not to be ended by a terminal.
 */
#include "ui/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "ui/call.h"
#include "ui/error.h"

/* Nobody's wait(2) works without the first, nobody can end us without the second. */
static const int needed[] = { SIGCHLD, SIGTERM, SIGPIPE };

void start_known(void)
{
	sigset_t none;
	size_t i;
	int fd;

	/* What is opened next must not become somebody's standard output. What is put there fails
	 * as a closed descriptor does: with EBADF. */
	do {
		fd = open("/", O_PATH);
	} while (fd >= 0 && fd < STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		signal(needed[i], SIG_DFL);
	signal(SIGXFSZ, SIG_IGN); /* then what is beyond RLIMIT_FSIZE is an error, EFBIG */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int start_program(char **words)
{
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(words[0], words);
	return error(errno == ENOENT ? ST_NOT_FOUND : ST_NO_EXEC, words[0], "%s", strerror(errno));
}

void start_on_hangup(void (*handler)(int sig))
{
	struct sigaction action = { .sa_handler = handler }, old;

	if (!sigaction(SIGHUP, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}
