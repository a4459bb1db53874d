/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live.c - see live.h. A pipe whose reader has disconnected says so by POLLERR, even
 * to a writer that has nothing to write; a terminal or socket by POLLHUP. The end is then
 * that of one who writes: SIGPIPE. A descriptor that was closed (see start.c) says POLLNVAL.
 */
#include "ui/live.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "ui/call.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/out.h"
#include "ui/start.h"

#define SECOND_NS 1000000000

static volatile sig_atomic_t interrupted;
static bool late;
static uint64_t end;    /* 0: none */
static sigset_t asleep; /* the signal mask while it sleeps */

static void interrupt(int sig)
{
	interrupted = 1;
}

void live_begin(uint64_t timeout_ns)
{
	struct sigaction action = { .sa_handler = interrupt };
	sigset_t block;

	if (timeout_ns)
		end = clock_ns() + timeout_ns;
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	start_on_hangup(interrupt);
	sigprocmask(SIG_BLOCK, &block, &asleep);
}

bool live_is_over(void)
{
	return interrupted || late || out_is_broken();
}

void live_wait(struct pollfd *fds, nfds_t nr, const struct timespec *timeout)
{
	uint64_t now = clock_ns(), left = end > now ? end - now : 0;
	struct timespec rest = { (time_t)(left / SECOND_NS), (long)(left % SECOND_NS) };

	if (end && (!timeout || timeout->tv_sec > rest.tv_sec ||
		    (timeout->tv_sec == rest.tv_sec && timeout->tv_nsec > rest.tv_nsec)))
		timeout = &rest;
	if (live_is_over())
		return;
	fds[nr] = (struct pollfd){ STDOUT_FILENO, 0, 0 };
	if (ppoll(fds, nr + 1, timeout, &asleep) > 0 && fds[nr].revents & POLLNVAL)
		out_broken(EBADF);
	else if (fds[nr].revents)
		raise(SIGPIPE);
	late = end && clock_ns() >= end;
}

void live_look(void)
{
	const struct timespec at_once = { 0 };
	struct pollfd out;

	live_wait(&out, 0, &at_once);
}

int live_end(void)
{
	return late ? error(ST_TIMEOUT, NULL, "timed out") : ST_OK;
}
